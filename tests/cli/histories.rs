//! `dbdyno check-history`.

use std::fs;

use crate::desk::{Desk, code, err, out};

const SKEW: &str = "\
{:type :ok, :process 0, :f :txn, :value [[:r x []] [:append y 1]]}
{:type :ok, :process 1, :f :txn, :value [[:r y []] [:append x 1]]}
";
const FINE: &str = "\
{:type :invoke, :process 0, :f :txn, :value [[:append x 1]]}
{:type :ok, :process 0, :f :txn, :value [[:append x 1]]}
{:type :invoke, :process 1, :f :txn, :value [[:r x nil]]}
{:type :ok, :process 1, :f :txn, :value [[:r x [1]]]}
";
/// Serializable, and not in the order of time.
const STALE: &str = "\
{:type :invoke, :process 0, :f :txn, :value [[:append x 1]]}
{:type :ok, :process 0, :f :txn, :value [[:append x 1]]}
{:type :invoke, :process 1, :f :txn, :value [[:r x nil]]}
{:type :ok, :process 1, :f :txn, :value [[:r x []]]}
";

fn desk() -> Desk {
    let desk = Desk::new();
    for (name, text) in [("skew.edn", SKEW), ("fine.edn", FINE), ("stale.edn", STALE)] {
        fs::write(desk.path(name), text).unwrap();
    }
    desk
}

#[test]
fn the_exit_code_is_what_the_model_says() {
    let desk = desk();
    for (arguments, expected) in [
        (&["fine.edn"][..], 0),
        (&["fine.edn", "--model", "strict-serializable"], 0),
        (&["skew.edn"], 1),
        (&["skew.edn", "--model", "snapshot-isolation"], 0),
        (&["skew.edn", "--model", "repeatable-read"], 1),
        (&["stale.edn"], 0),
        (&["stale.edn", "--realtime"], 0),
        (&["stale.edn", "--model", "strict-serializable"], 1),
        (&["fine.edn", "skew.edn"], 1),
        (&["fine.edn", "--kind", "rw-register"], 2),
        (&["nowhere.edn"], 2),
    ] {
        let output = desk.dbdyno(&[&["check-history"], arguments].concat());
        assert_eq!(code(&output), expected, "{arguments:?}: {}{}", out(&output), err(&output));
    }
}

#[test]
fn the_report_is_for_people() {
    let desk = desk();
    let output = desk.dbdyno(&["check-history", "skew.edn", "fine.edn"]);
    insta::assert_snapshot!(out(&output), @r"
    skew.edn
    list-append, 2 transactions (2 committed, 0 aborted, 0 unknown) of 4 operations; 2 committed writes were never read
    G2-item (proscribed), once: write skew: a circle with reads that missed a write, two of them in a row

    G2-item, for example:
    Let
      T1 = {:index 0, :process 0, :type :ok, :value [[:r x []] [:append y 1]]}
      T2 = {:index 1, :process 1, :type :ok, :value [[:r y []] [:append x 1]]}
    Then:
      T1 < T2, because T1 did not observe T2's append of 1 to key x.
      However, T2 < T1, because T2 did not observe T1's append of 1 to key y: a contradiction.

    strongest models that this leaves possible: snapshot-isolation

    fine.edn
    list-append, 2 transactions (2 committed, 0 aborted, 0 unknown) of 2 operations; 0 committed writes were never read
    no anomaly
    strongest models that this leaves possible: serializable
    ");
}

#[test]
fn json_and_pictures_have_all_of_it() {
    let desk = desk();
    let arguments = [
        "check-history",
        "skew.edn",
        "--format",
        "json",
        "-o",
        "verdict.json",
        "--pictures",
        "pictures",
    ];
    let output = desk.dbdyno(&arguments);
    assert_eq!((code(&output), out(&output)), (1, String::new()), "{}", err(&output));
    let text = fs::read_to_string(desk.path("verdict.json")).unwrap();
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(json[0]["model"], "serializable");
    assert_eq!(json[0]["violations"], serde_json::json!(["G2-item"]));
    assert_eq!(json[0]["possible_models"], serde_json::json!(["snapshot-isolation"]));
    assert_eq!(json[0]["found"][0]["examples"][0]["cycle"]["steps"][0]["dependency"], "rw");
    let svg = fs::read_to_string(desk.path("pictures/G2-item-1.svg")).unwrap();
    assert!(svg.starts_with("<svg ") && svg.contains("<desc"), "{svg}");
    assert!(
        fs::read_to_string(desk.path("pictures/G2-item-1.dot")).unwrap().starts_with("digraph")
    );
}

#[test]
fn all_histories_of_a_run_are_checked() {
    let desk = desk();
    for (folder, text) in [("runs/A/histories/b", SKEW), ("runs/A/histories/a/deep", FINE)] {
        fs::create_dir_all(desk.path(folder)).unwrap();
        fs::write(desk.path(&format!("{folder}/h.edn")), text).unwrap();
    }
    let output = desk.dbdyno(&["check-history", "runs/A", "--pictures", "pictures"]);
    assert_eq!(code(&output), 1, "{}", err(&output));
    let text = out(&output);
    let (first, second) = (text.find("histories/a/deep/h.edn"), text.find("histories/b/h.edn"));
    assert!(first.is_some() && first < second, "{text}");
    assert!(fs::exists(desk.path("pictures/runs-A-histories-b-h/G2-item-1.svg")).unwrap());
    fs::create_dir_all(desk.path("runs/B")).unwrap();
    let output = desk.dbdyno(&["check-history", "runs/B"]);
    assert_eq!(code(&output), 2);
    assert!(err(&output).contains("no `.edn` file in a folder `histories`"), "{}", err(&output));
}

#[test]
fn exported_histories_are_in_normal_form() {
    let desk = desk();
    let output = desk.dbdyno(&["check-history", "skew.edn", "--export", "edn"]);
    assert_eq!(code(&output), 0, "{}", err(&output));
    insta::assert_snapshot!(out(&output), @r"
    {:index 0, :time 0, :type :ok, :process 0, :f :txn, :value [[:r x []] [:append y 1]]}
    {:index 1, :time 1, :type :ok, :process 1, :f :txn, :value [[:r y []] [:append x 1]]}
    ");
    let output = desk.dbdyno(&["check-history", "skew.edn", "--export", "edn", "-o", "skew.edn"]);
    assert_eq!(code(&output), 2, "{}", out(&output));
    assert_eq!(fs::read_to_string(desk.path("skew.edn")).unwrap(), SKEW);
    let output = desk.dbdyno(&["check-history", "skew.edn", "fine.edn", "--export", "edn"]);
    assert_eq!(code(&output), 2, "{}", out(&output));
}

#[test]
fn what_is_wrong_with_a_history_is_told() {
    let desk = desk();
    fs::write(desk.path("cut.edn"), &SKEW[..SKEW.len() - 10]).unwrap();
    for (arguments, told) in [
        (&["cut.edn"][..], "cut.edn line 2: expected"),
        (&["skew.edn", "--memory-limit", "1MiB"], "may need"),
        (&["skew.edn", "--memory-limit", "much"], "not a size"),
        (&["skew.edn", "--model", "serialisable"], "did you mean `serializable`"),
        (&["skew.edn", "--kind", "lists"], "there is no kind of history"),
        (&[], "required"),
    ] {
        let output = desk.dbdyno(&[&["check-history"], arguments].concat());
        assert_eq!(code(&output), 2, "{arguments:?}: {}", out(&output));
        assert!(err(&output).contains(told), "{arguments:?}: {}", err(&output));
    }
}

/// Logs of two clients. The second read what the first appended after the line that the kill cut off.
fn log_of_a_killed_run(desk: &Desk, name: &str) {
    let folder = "runs/A/histories/sqlite";
    fs::create_dir_all(desk.path(folder)).unwrap();
    let first = "{:time 1, :type :invoke, :process 0, :f :txn, :value [[:append 1 10]]}\n\
                 {:time 3, :type :ok, :process 0, :f :txn, :value [[:append 1 10]]}\n\
                 {:time 5, :type :invoke, :process 0, :f :txn, :value [[:r 1 nil]]}\n\
                 {:time 6, :type :ok, :process 0, :f :t";
    let second = "{:time 2, :type :invoke, :process 1, :f :txn, :value [[:r 1 nil]]}\n\
                  {:time 4, :type :ok, :process 1, :f :txn, :value [[:r 1 [10]]]}\n\
                  {:time 8, :type :invoke, :process 1, :f :txn, :value [[:r 1 nil]]}\n\
                  {:time 9, :type :ok, :process 1, :f :txn, :value [[:r 1 [10 11]]]}\n";
    for (client, text) in [first, second].iter().enumerate() {
        fs::write(desk.path(&format!("{folder}/{name}.client-{client}.log")), text).unwrap();
    }
}

#[test]
fn what_a_killed_run_logged_is_checked_together() {
    let desk = desk();
    log_of_a_killed_run(&desk, "1.5");
    let output = desk.dbdyno(&["check-history", "runs/A"]);
    assert_eq!(code(&output), 0, "{}{}", out(&output), err(&output));
    insta::assert_snapshot!(out(&output), @r"
    runs/A/histories/sqlite/1.5
    list-append, 3 transactions (2 committed, 0 aborted, 1 unknown) of 3 operations; 0 committed writes were never read
    no anomaly
    strongest models that this leaves possible: serializable
    the run was cut off: of 7 events that its clients logged, the first 5 are checked, up to where the first log ends
    ");
    // It is merged elsewhere.
    let histories = desk.path("runs/A/histories/sqlite");
    assert_eq!(fs::read_dir(&histories).unwrap().count(), 2);

    let output = desk.dbdyno(&["check-history", "runs/A", "--format", "json"]);
    let json: serde_json::Value = serde_json::from_str(&out(&output)).unwrap();
    assert_eq!(json[0]["history"], "runs/A/histories/sqlite/1.5");
    assert_eq!(json[0]["cut_off"], serde_json::json!({"events": 5, "logged": 7}));

    let output = desk.dbdyno(&["check-history", "runs/A", "--export", "edn"]);
    assert_eq!((code(&output), out(&output).lines().count()), (0, 5), "{}", err(&output));
    assert!(err(&output).contains("the run was cut off"), "{}", err(&output));

    // One client alone is no history; nor is what a client did not live to tell.
    let log = "runs/A/histories/sqlite/1.5.client-1.log";
    let output = desk.dbdyno(&["check-history", log]);
    assert_eq!(code(&output), 2, "{}", out(&output));
    assert!(err(&output).contains("what one client saw"), "{}", err(&output));
    fs::write(desk.path("runs/A/histories/sqlite/1.5.client-0.log"), "").unwrap();
    let output = desk.dbdyno(&["check-history", "runs/A"]);
    assert_eq!((code(&output), out(&output)), (2, String::new()));
    let told = "1.5: no transaction in it: nothing to check, for the run was cut off";
    assert!(err(&output).contains(told), "{}", err(&output));
}

#[test]
fn logs_beside_their_history_are_passed_over() {
    let desk = desk();
    log_of_a_killed_run(&desk, "h");
    fs::write(desk.path("runs/A/histories/sqlite/h.edn"), SKEW).unwrap();
    fs::write(desk.path("runs/A/histories/sqlite/h.client-x.log"), "no log of a client").unwrap();
    let output = desk.dbdyno(&["check-history", "runs/A"]);
    assert_eq!(code(&output), 1, "{}", err(&output));
    let text = out(&output);
    assert!(text.contains("sqlite/h.edn\n") && !text.contains("cut off"), "{text}");
    assert_eq!(text.matches("list-append, ").count(), 1, "{text}");
}

#[test]
fn no_output_goes_over_what_is_read() {
    let desk = desk();
    fs::create_dir(desk.path("pictures")).unwrap();
    fs::write(desk.path("pictures/G2-item-1.svg"), SKEW).unwrap();
    std::os::unix::fs::symlink(desk.path("skew.edn"), desk.path("link")).unwrap();
    log_of_a_killed_run(&desk, "h");
    let log = "runs/A/histories/sqlite/h.client-1.log";
    let logged = fs::read_to_string(desk.path(log)).unwrap();
    for arguments in [
        &["skew.edn", "-o", "skew.edn"][..],
        &["skew.edn", "-o", "./pictures/../skew.edn"],
        &["fine.edn", "skew.edn", "--format", "json", "-o", "link"],
        &["link", "-o", "skew.edn"],
        &["runs/A", "-o", log],
        &["pictures/G2-item-1.svg", "--pictures", "pictures"],
        &["skew.edn", "pictures/G2-item-1.svg", "-o", "pictures/G2-item-1.svg"],
        // The report and a picture: neither replaces the other.
        &["skew.edn", "--pictures", "others", "-o", "others/G2-item-1.svg"],
    ] {
        let output = desk.dbdyno(&[&["check-history"], arguments].concat());
        assert_eq!(code(&output), 2, "{arguments:?}: {}{}", out(&output), err(&output));
        for (file, text) in
            [("skew.edn", SKEW), ("pictures/G2-item-1.svg", SKEW), (log, logged.as_str())]
        {
            assert_eq!(fs::read_to_string(desk.path(file)).unwrap(), text, "{arguments:?}");
        }
    }
    let report = fs::read_to_string(desk.path("others/G2-item-1.svg")).unwrap();
    assert!(report.starts_with("skew.edn\n"), "{report}");
}

#[test]
fn an_output_is_whole_or_not_there() {
    let desk = desk();
    fs::write(desk.path("cut.edn"), &SKEW[..SKEW.len() - 10]).unwrap();
    let export = |file, out| desk.dbdyno(&["check-history", file, "--export", "edn", "-o", out]);
    let before = fs::read_dir(desk.folder.path()).unwrap().count();
    assert_eq!(code(&export("cut.edn", "new.edn")), 2);
    assert_eq!(fs::read_dir(desk.folder.path()).unwrap().count(), before);
    // What was there stays as long as there is nothing better.
    assert_eq!(code(&export("cut.edn", "fine.edn")), 2);
    assert_eq!(fs::read_to_string(desk.path("fine.edn")).unwrap(), FINE);
    let output = export("skew.edn", "fine.edn");
    assert_eq!(code(&output), 0, "{}", err(&output));
    assert!(fs::read_to_string(desk.path("fine.edn")).unwrap().contains(":index 1"));
    assert_eq!(fs::read_dir(desk.folder.path()).unwrap().count(), before);
    // A device is written to, not replaced.
    assert_eq!(code(&export("skew.edn", "/dev/null")), 0);
    assert!(!fs::metadata("/dev/null").unwrap().is_file());
}

#[test]
fn a_history_without_transactions_is_none() {
    let desk = desk();
    fs::write(desk.path("empty.edn"), "").unwrap();
    fs::write(desk.path("comments.edn"), "; nothing\n#_ {:type :ok}\n").unwrap();
    fs::write(desk.path("nemesis.edn"), "{:type :info, :process :nemesis, :f :kill}").unwrap();
    for file in ["empty.edn", "comments.edn", "nemesis.edn", "/dev/null"] {
        let output = desk.dbdyno(&["check-history", file]);
        assert_eq!((code(&output), out(&output)), (2, String::new()), "{file}");
        let told = format!("{file}: no transaction in it: nothing to check");
        assert!(err(&output).contains(&told), "{}", err(&output));
    }
}

#[test]
fn what_could_not_be_told_has_not_passed() {
    let desk = desk();
    let unwritten = format!("{SKEW}{{:type :ok, :process 2, :f :txn, :value [[:r z [7]]]}}\n");
    fs::write(desk.path("unwritten.edn"), unwritten).unwrap();
    for (arguments, expected) in [
        (&["skew.edn"][..], 2),
        (&["fine.edn", "skew.edn"], 2),
        // Write skew is permitted, and nothing else is open.
        (&["skew.edn", "--model", "snapshot-isolation"], 0),
        (&["fine.edn"], 0),
        (&["unwritten.edn"], 1),
        (&["skew.edn", "unwritten.edn"], 1),
    ] {
        let output = desk.dbdyno(&[&["check-history", "--search-steps", "0"], arguments].concat());
        assert_eq!(code(&output), expected, "{arguments:?}: {}{}", out(&output), err(&output));
    }
    let output = desk.dbdyno(&["check-history", "skew.edn", "--search-steps", "0"]);
    insta::assert_snapshot!(out(&output), @r"
    skew.edn
    list-append, 2 transactions (2 committed, 0 aborted, 0 unknown) of 4 operations; 2 committed writes were never read
    no anomaly among what was searched
    could not tell whether there is any G2-item (proscribed): the search was given up after 0 steps
    strongest models that this leaves possible: snapshot-isolation
    ");
    insta::assert_snapshot!(err(&output), @r"
    error: cannot tell whether the history skew.edn is serializable: the search for G2-item was given up after 0 steps
      next: give it more with `--search-steps`
    ");
    let arguments = ["check-history", "skew.edn", "--search-steps", "0", "--format", "json"];
    let json: serde_json::Value = serde_json::from_str(&out(&desk.dbdyno(&arguments))).unwrap();
    assert_eq!(json[0]["unsettled"], serde_json::json!(["G2-item"]));
    assert_eq!(json[0]["possible_models"], serde_json::json!(["snapshot-isolation"]));
}

#[test]
fn what_was_checked_is_reported_beside_what_could_not_be() {
    let desk = desk();
    let arguments = ["check-history", "skew.edn", "nowhere.edn", "fine.edn"];
    let output = desk.dbdyno(&arguments);
    assert_eq!(code(&output), 2);
    let text = out(&output);
    assert!(text.contains("G2-item (proscribed), once") && text.contains("fine.edn\n"), "{text}");
    assert!(err(&output).contains("nowhere.edn: No such file"), "{}", err(&output));
    let output = desk.dbdyno(&[&arguments[..], &["--format", "json"]].concat());
    let json: serde_json::Value = serde_json::from_str(&out(&output)).unwrap();
    assert_eq!((code(&output), json.as_array().unwrap().len()), (2, 2));
}
