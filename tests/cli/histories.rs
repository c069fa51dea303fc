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
