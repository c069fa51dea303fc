//! What the reader takes, and what it says of what it does not.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;

use dbdyno_history::testing::{Behaviour, Simulation};
use dbdyno_history::{CheckOptions, History, Kind, Outcome, ReadOptions, check, export};
use proptest::prelude::*;

fn read(text: &str) -> Result<History, String> {
    History::from_reader("h.edn", text.as_bytes(), &ReadOptions::default())
        .map_err(|error| error.to_string())
}

/// How a history reads: its kind and how many of each outcome.
fn counts(text: &str) -> (Kind, usize, usize, usize) {
    let history = read(text).unwrap();
    let count = |outcome| history.count(outcome);
    let of = (count(Outcome::Committed), count(Outcome::Aborted), count(Outcome::Unknown));
    (history.kind(), of.0, of.1, of.2)
}

#[test]
fn forms_that_jepsen_writes() {
    use Kind::{ListAppend, RwRegister};
    let one = "{:type :ok, :process 0, :f :txn, :value [[:append 1 2] [:r 1 [2]]]}";
    for (text, expected) in [
        (one.to_owned(), (ListAppend, 1, 0, 0)),
        (format!("[{one}]"), (ListAppend, 1, 0, 0)),
        (format!("({one}\n)"), (ListAppend, 1, 0, 0)),
        (format!("#jepsen.history.Op{one}"), (ListAppend, 1, 0, 0)),
        (format!("#jepsen.history.Op {one}"), (ListAppend, 1, 0, 0)),
        (format!("; all of it\n,,{one} ; the end"), (ListAppend, 1, 0, 0)),
        (format!("#_{one} #_ #_ 1 2 {one}"), (ListAppend, 1, 0, 0)),
        (
            "{:error [#_ 1 #_ #_ (2 #_ 3) #a/tag #_ 4 {} 5 #_ #{6}], :type :ok, #_ :value #_ 7 :value [[#_ 8 :r 1 [#_ #_ 9 9]]]}"
                .to_owned(),
            (ListAppend, 1, 0, 0),
        ),
        (String::new(), (ListAppend, 0, 0, 0)),
        ("[]".to_owned(), (ListAppend, 0, 0, 0)),
        // Registers, names for keys and values, keys in any order, strings for keys of the map.
        ("{:value [[:w :x \"a}\"] [:r y nil] [:r \"z\" 1.5]] :type :ok \"k\" {}}".to_owned(), (RwRegister, 1, 0, 0)),
        // What is no client's, and what is not asked for.
        (
            "{:type :info, :process :nemesis, :f :start, :value {:a #{1 2} :b [\\a \\space]}}\n\
             {:type :info, :process :nemesis, :f :kill, :value [\"n1\" [:r]]}\n\
             {:type :invoke, :process 1, :f :txn, :value [[:r 1 nil]], :node \"n}1\", :ctx #a/tag {:x nil}}\n\
             {:type :ok, :process 1, :f :txn, :value [[:r 1 []]], :error [:unknown \"…\\\"]\" #inst \"2020\"]}"
                .to_owned(),
            (ListAppend, 1, 0, 0),
        ),
        // An end without operations has those that were invoked; one that never comes is unknown.
        (
            "{:type :invoke, :process 1, :value [[:append 1 2]]}\n{:type :fail, :process 1, :value nil}\n\
             {:type :invoke, :process 1, :value [[:append 1 3]]}\n{:type :info, :process 1}\n\
             {:type :invoke, :process 1, :value [[:append 1 4]]}"
                .to_owned(),
            (ListAppend, 0, 1, 2),
        ),
        // Numbers that do not fit are values all the same.
        (
            "{:type :ok, :value [[:w 1 -9223372036854775808] [:w 1 99999999999999999999] [:w 1 +7] [:w 1 -3N]]}"
                .to_owned(),
            (RwRegister, 1, 0, 0),
        ),
    ] {
        assert_eq!(counts(&text), expected, "{text}");
    }
}

#[test]
fn what_is_malformed_is_told_by_line() {
    let ok = "{:type :ok, :process 0, :value [[:append 1 2]]}";
    let mut told = String::new();
    for text in [
        "history".to_owned(),
        format!("{ok}\n42"),
        format!("{ok}\n{{:type :ok, :error [1 #_ ]}}"),
        format!("{ok}\n#_ #_ 1"),
        format!("{ok}\n{{:type :okay, :process 0, :value [[:append 1 3]]}}"),
        format!("{ok}\n{{:process 0, :value [[:append 1 3]]}}"),
        format!("{ok}\n\n{{:type :ok, :process 0,\n:value [[:append 1]]}}"),
        format!("{ok}\n{{:type :ok, :process 0, :value [[:append 1 nil]]}}"),
        format!("{ok}\n{{:type :ok, :process 0, :value [[:append nil 1]]}}"),
        format!("{ok}\n{{:type :ok, :process 0, :value [[:append [1] 1]]}}"),
        format!("{ok}\n{{:type :ok, :process 0, :value [[:append 1 3] [:cas 1 2]]}}"),
        format!("{ok}\n{{:type :ok, :process 0, :value [[:append 1 3 4]]}}"),
        format!("{ok}\n{{:type :ok, :process 0, :value 5}}"),
        format!("{ok}\n{{:type :ok, :process 0, :value [[:r 1 [1 nil]]]}}"),
        format!("{ok}\n{{:type :ok, :process 0, :value [[:r 1 [1 [2]]]]}}"),
        format!("{ok}\n{{:type :ok, :process 0, :value [[:r 1 {{}}]]}}"),
        format!("{ok}\n{{:type :ok, :process 0, :value [[:w 1 3]]}}"),
        format!("{ok}\n{{:type :ok, :process 0, :value [[:r 1 3]]}}"),
        format!("{ok}\n{ok}"),
        format!("{ok}\n{{:type :ok, :process 0, :error (1 ], :value [[:r 1 nil]]}}"),
        "{:type :invoke, :process 4, :value [[:r 1 nil]]}\n{:type :invoke, :process 4, :value []}"
            .to_owned(),
        "{:type :invoke, :process 4, :value [[:r 1 nil]]}\n{:type :ok, :process 4, :value []}"
            .to_owned(),
        format!("{ok}\n{{:type :ok, :process 0, :val"),
        format!("{ok}\n{{:type :ok, :process 0, :value [[:append 1 3] [:r"),
        format!("{ok}\n{{:type :ok, :process 0, :value [[:r 1 [1 2"),
        format!("{ok}\n{{:type :ok, :error \"cut"),
        format!("[{ok}\n{ok_2}", ok_2 = "{:type :ok, :value [[:append 1 9]]}"),
        format!("{ok}\n#jepsen.history.Op"),
        format!("{ok}]"),
    ] {
        let last = text.lines().last().unwrap_or_default().to_owned();
        told += &format!(
            "{last}\n    {}\n",
            read(&text).map(|_| ()).unwrap_err().replace('\n', "\n    ")
        );
    }
    insta::assert_snapshot!(told);
}

#[test]
fn depth_is_no_matter() {
    const DEEP: usize = 200_000;
    let one = "{:type :ok, :process 0, :value [[:append 1 2]]}";
    for text in [
        format!("{} {} {one}", "#_".repeat(DEEP), "0 ".repeat(DEEP)),
        format!("{} 0 {} {one}", "#_ [".repeat(DEEP), "] ".repeat(DEEP)),
        format!("#_ {} 0 {} {one}", "[#_ ".repeat(DEEP), "1] ".repeat(DEEP)),
    ] {
        assert_eq!(counts(&text).1, 1, "{}", &text[..8]);
    }
}

#[test]
fn bytes_that_are_no_text_are_told() {
    let mut bytes = b"{:type :ok, :value [[:w 1 \"".to_vec();
    bytes.extend_from_slice(&[0xff, 0xfe]);
    bytes.extend_from_slice(b"\"]]}");
    let error = History::from_reader("h.edn", &bytes[..], &ReadOptions::default()).unwrap_err();
    assert!(error.to_string().contains("line 1: expected a value to write"), "{error}");
    assert!(error.to_string().contains("found bytes that are not UTF-8"), "{error}");
}

#[test]
fn a_history_that_is_not_there_or_too_large_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("h.edn");
    let error = History::read(&path, &ReadOptions::default()).unwrap_err();
    assert!(error.to_string().contains("h.edn: No such file"), "{error}");
    fs::write(&path, "{:type :ok, :value []}").unwrap();
    let options = ReadOptions { memory_limit: Some(1 << 20), ..ReadOptions::default() };
    let error = History::read(&path, &options).unwrap_err();
    assert!(error.to_string().contains("may need"), "{error}");
    assert!(History::read(&path, &ReadOptions::default()).is_ok());
}

fn exported(text: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("h.edn");
    fs::write(&path, text).unwrap();
    let mut exported = Vec::new();
    export(&path, &mut exported).unwrap();
    String::from_utf8(exported).unwrap()
}

fn without_process(line: &str) -> String {
    let (before, rest) = line.split_once(" :process ").unwrap();
    format!("{before}{}", rest.split_once(',').unwrap().1)
}

/// The second of two transactions misses what the first did: only an order of the two forbids it.
#[test]
fn an_export_makes_no_processes_up() {
    let text = "{:type :ok, :value [[:append x 1]]}\n{:type :ok, :value [[:r x []]]}\n\
                {:type :info}\n{:type :ok, :value [[:r x [1]]]}\n";
    let exported = exported(text);
    insta::assert_snapshot!(exported, @r"
    {:index 0, :time 0, :type :ok, :f :txn, :value [[:append x 1]]}
    {:index 1, :time 1, :type :ok, :f :txn, :value [[:r x []]]}
    {:index 2, :time 2, :type :info, :f :txn, :value []}
    {:index 3, :time 3, :type :ok, :f :txn, :value [[:r x [1]]]}
    ");
    let options = CheckOptions { session_order: true, real_time: true, ..CheckOptions::default() };
    for text in [text, &exported] {
        let verdict = check(&read(text).unwrap(), &options);
        assert!(verdict.found.is_empty(), "{:?}", verdict.found);
    }
}

/// What ends without a word of what it was is what was invoked, once.
#[test]
fn an_export_says_what_was_invoked() {
    let text = "{:type :invoke, :process 3, :value [[:append x 1]]}\n{:type :info, :process 3, :error :timeout}\n\
                {:type :info, :process 3, :error :closed}\n";
    let exported = exported(text);
    insta::assert_snapshot!(exported, @r"
    {:index 0, :time 0, :type :invoke, :process 3, :f :txn, :value [[:append x 1]]}
    {:index 1, :time 1, :type :info, :process 3, :f :txn, :value [[:append x 1]]}
    {:index 2, :time 2, :type :info, :process 3, :f :txn, :value []}
    ");
    assert_eq!(counts(&exported), counts(text));
}

proptest! {
    #[test]
    fn no_text_makes_the_reader_fall(text in ".{0,200}") {
        let _ = read(&text);
    }

    #[test]
    fn no_part_of_a_history_makes_it_fall(seed: u64, from in 0_usize..3000, length in 0_usize..3000) {
        let text = Simulation { transactions: 20, seed, ..Simulation::default() }.text();
        let part: String = text.chars().skip(from).take(length).collect();
        if let Ok(history) = read(&part) {
            check(&history, &CheckOptions::default());
        }
    }

    #[test]
    fn cut_off_within_an_event_is_an_error(seed: u64, cut in 1_usize..60) {
        let text = Simulation { transactions: 5, seed, ..Simulation::default() }.text();
        let error = read(&text[..text.len() - 1 - cut.min(40)]).map(|_| ()).unwrap_err();
        prop_assert!(error.contains("it is cut off"), "{}", error);
    }

    #[test]
    fn what_is_exported_reads_as_the_same(seed: u64, registers: bool) {
        let kind = if registers { Kind::RwRegister } else { Kind::ListAppend };
        let behaviour = Behaviour::ReadUncommitted;
        let text = Simulation { kind, behaviour, transactions: 40, seed, ..Simulation::default() }.text();
        prop_assert_eq!(exported(&text), text);
    }

    /// Also without processes, which would order what nothing ordered.
    #[test]
    fn what_is_exported_is_judged_as_before(seed: u64, with_invocations: bool) {
        let behaviour = Behaviour::ReadCommitted;
        let text = Simulation { behaviour, clients: 5, transactions: 60, seed, ..Simulation::default() }.text();
        let text: String = text
            .lines()
            .filter(|line| with_invocations || !line.contains(":type :invoke"))
            .map(|line| match with_invocations {
                true => format!("{line}\n"),
                false => format!("{}\n", without_process(line)),
            })
            .collect();
        let options = CheckOptions { session_order: true, real_time: true, ..CheckOptions::default() };
        let judged = |text: &str| {
            let found = check(&read(text).unwrap(), &options).found;
            found.iter().map(|found| (found.class, found.count)).collect::<Vec<_>>()
        };
        prop_assert_eq!(judged(&exported(&text)), judged(&text));
    }

    #[test]
    fn names_and_numbers_come_back_as_they_were(
        names in proptest::collection::vec("(:[a-z][a-z0-9./-]{0,8})|(\"[^\"\\\\]{0,8}\")|(-?[1-9][0-9]{0,24})", 1..12),
    ) {
        let mut unique = names;
        unique.sort();
        unique.dedup();
        let writes: Vec<String> = unique.iter().map(|name| format!("[:w {name} {name}]")).collect();
        let text = format!("{{:index 0, :time 0, :type :ok, :process 0, :f :txn, :value [{}]}}\n", writes.join(" "));
        prop_assert_eq!(exported(&text), text);
    }
}
