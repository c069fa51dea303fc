//! Scripts of one's own: `--file` and what goes with it.

use std::collections::BTreeMap;
use std::fs;

use dbdyno_core::Status;

use crate::desk::{Desk, code, err, out};

fn write(desk: &Desk, files: &[(&str, &str)]) {
    for (name, text) in files {
        fs::write(desk.path(name), text).unwrap();
    }
}

#[test]
fn scripts_run_by_their_weights() {
    let desk = Desk::new();
    let buy = "-- @setup shop.sql\n\\set item random(1, :items)\n-- @expect rows = 1\n\
               UPDATE stock SET left_over = left_over - :many WHERE item = :item;\n";
    let look = "-- @setup shop.sql\n\\set x debug(:items)\nSELECT COUNT(*) AS n FROM stock \\gset\n\
                \\if :n <> :items\n\\set x 1 / 0\n\\endif\n";
    let shop = "CREATE TABLE stock (item INTEGER PRIMARY KEY, left_over INTEGER);\n\
                -- @repeat :items\nINSERT INTO stock VALUES (:row, 1000000);\n-- @end\n";
    write(&desk, &[("buy.sql", buy), ("look.sql", look), ("shop.sql", shop)]);
    let output = desk.run(&[
        "scenario",
        "--file",
        "buy.sql@3",
        "--file",
        "look.sql@1",
        "--name",
        "shop",
        "-D",
        "items=20",
        "-D",
        "many=2",
        "--clients",
        "1",
        "--isolation",
        "serializable",
    ]);
    assert_eq!(code(&output), 0, "{}\n{}", out(&output), err(&output));
    assert!(out(&output).contains("scenario/shop"), "{}", out(&output));
    assert!(err(&output).contains("debug(script=1,command=1): int 20"), "{}", err(&output));

    let records = desk.records();
    assert!(records.iter().all(|record| record.status == Status::Ok));
    let ended: BTreeMap<&str, f64> = records
        .iter()
        .filter(|record| record.metric == "transactions")
        .map(|record| (&*record.transaction, record.value.unwrap()))
        .collect();
    let (buy, look) = (ended["buy"], ended["look"]);
    assert_eq!(buy + look, 200.0);
    // Three quarters, give or take five standard deviations.
    assert!((buy - 150.0).abs() < 31.0, "{buy}");
    let check = records.iter().find(|record| record.metric == "check_expect_buy_line_4_rows");
    assert_eq!(check.and_then(|record| record.value), Some(1.0));
    let conditions = fs::read_to_string(desk.runs()[0].join("run.toml")).unwrap();
    for kept in ["buy.sql@3", "items=20", "shop"] {
        assert!(conditions.contains(kept), "{kept}: {conditions}");
    }
}

#[test]
fn what_pgbench_calls_its_scripts_runs_by_that_name() {
    let desk = Desk::new();
    let output = desk.run(&["scenario", "-f", "tpcb-like", "-f", "builtin:select-only@5"]);
    assert_eq!(code(&output), 0, "{}\n{}", out(&output), err(&output));
    let records = desk.records();
    let held = |name: &str| records.iter().any(|one| one.metric == name && one.value == Some(1.0));
    assert!(held("check_history_rows") && held("check_tellers_equal_history"), "{records:?}");
}

#[test]
fn what_does_not_come_true_is_the_exit_code() {
    let desk = Desk::new();
    write(
        &desk,
        &[(
            "one.sql",
            "-- @expect p99 < 20ms\n-- @expect errors = 0\n-- @expect rows = 2\nSELECT 1;",
        )],
    );
    let output = desk.run(&["scenario", "--file", "one.sql"]);
    assert_eq!(code(&output), 1, "{}", err(&output));
    let told = format!("{}{}", out(&output), err(&output));
    assert!(told.contains("one.sql:4: rows = 2 did not hold 200 times"), "{told}");
}

/// Before a server is started, a folder made or a table touched.
#[test]
fn what_is_wrong_is_told_before_anything_runs() {
    let desk = Desk::new();
    write(
        &desk,
        &[
            ("good.sql", "SELECT 1;"),
            ("bad.sql", "SELECT 1;\n\\set x (1 + 2))\n"),
            ("shell.sql", "\\shell rm -rf /"),
            ("old.sql", "\\setrandom aid 1 :naccounts"),
            ("unset.sql", "SELECT :n;"),
            ("engine.sql", "-- @engine postgresql\nSELECT 1;\n-- @end"),
            ("expect.sql", "-- @expect p99 < 20\nSELECT 1;"),
            ("other.sql", "-- @setup gone.sql\nSELECT 1;"),
            ("same.sql", "-- @check a: SELECT 1\n-- @count a: SELECT 2\nSELECT 1;"),
            ("its.sql", "-- @check expect_its_p99: SELECT 1\nSELECT 1;"),
            ("check.sql", "-- @check a: SELECT 1\nSELECT 1;"),
            ("psql.sql", "SELECT :'name';"),
            ("nul.sql", "SELECT 1;\nSELECT \0;"),
            ("copy.sql", "COPY t TO STDOUT;"),
            ("mariadb.sql", "-- @engine mariadb\nSELECT 1;\n-- @end"),
            ("checked.sql", "-- @setup checked_set_up.sql\nSELECT 1;"),
            ("checked_set_up.sql", "CREATE TABLE t (n INT);\n  --@expect rows = 1\n"),
            ("set_up.sql", "-- @setup bad_set_up.sql\nSELECT 1;"),
            ("bad_set_up.sql", "CREATE TABLE t (n INT);\n-- @repeat 10 +\nSELECT 1;\n-- @end"),
            ("two.sql", "-- @dataset tpcb\nSELECT 1;"),
            ("three.sql", "-- @dataset sbtest\nSELECT 1;"),
        ],
    );
    for (arguments, told) in [
        (
            &["-f", "bad.sql"][..],
            &["bad.sql:2:15: found `)`, expected", "2 | \\set x (1 + 2))"][..],
        ),
        (&["-f", "good.sql", "-f", "bad.sql"], &["bad.sql:2:15"]),
        (
            &["-f", "shell.sql"],
            &["shell.sql:1:1: `\\shell` is refused", "compute the value before"],
        ),
        (&["-f", "old.sql"], &["taken out of pgbench", "\\set name random(min, max)"]),
        (&["-f", "unset.sql"], &["unset.sql:1:8: undefined variable `n`", "-D n=VALUE"]),
        (
            &["-f", "engine.sql"],
            &["engine.sql:1:12: there is no engine", "did you mean `postgres`?"],
        ),
        (&["-f", "expect.sql"], &["expect.sql:1:18: ", "expected a time such as"]),
        (&["-f", "same.sql"], &["same.sql:2:1: `a` is the name of another query, of line 1"]),
        (&["-f", "same.sql", "-f", "check.sql"], &["same.sql:2:1: "]),
        (&["-f", "its.sql"], &["its.sql:1:1: names that begin with `expect_`"]),
        (&["-f", "psql.sql", "-D", "name=x"], &["psql.sql:1:8: psql alone", "write `:name`"]),
        (&["-f", "nul.sql"], &["nul.sql:2:8: found a NUL character"]),
        (&["-f", "copy.sql"], &["copy.sql:1:1: COPY from or to the client is not supported"]),
        (&["-f", "mariadb.sql"], &["mariadb.sql:1:1: nothing in the script is for sqlite"]),
        (&["-f", "checked.sql"], &["checked_set_up.sql:2:3: a set-up has no such line"]),
        (&["-f", "other.sql"], &["gone.sql", "No such file"]),
        (&["-f", "set_up.sql"], &["bad_set_up.sql:2:16: found the end of the command"]),
        (&["-f", "two.sql", "-f", "three.sql"], &["name more than one: tpcb, sbtest"]),
        (&["-f", "gone.sql"], &["cannot read the script gone.sql", "tpcb-like"]),
        (&["-f", "good.sql@x"], &["`x` is no weight"]),
        (&["-f", "good.sql@0"], &["the weight of every script is 0"]),
        (
            &["-f", "good.sql", "--dataset", "tpc"],
            &["there is no data set `tpc`", "use one of sbtest"],
        ),
        (&["-f", "good.sql", "-D", "1x=2"], &["does not say `name=value`"]),
        (&["-f", "good.sql", "--name", "a/b"], &["a name has letters"]),
        (&["-D", "x=1"], &["--file"]),
    ] {
        let output = desk.dbdyno(&[&["run", "scenario"], arguments].concat());
        assert_eq!(code(&output), 2, "{arguments:?}: {}", err(&output));
        for told in told {
            assert!(err(&output).contains(told), "{arguments:?}: {}", err(&output));
        }
    }
    let output = desk.dbdyno(&["run", "oltp/tpcb", "--file", "good.sql"]);
    assert_eq!(code(&output), 2);
    assert!(err(&output).contains("`scenario` is not among the benchmarks"), "{}", err(&output));
    assert!(desk.runs().is_empty());
}
