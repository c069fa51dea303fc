//! `dbdyno find-limit`.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use dbdyno_core::{Access, SessionOptions};
use dbdyno_tests::{left_out, runtime, target, wait_for};

use crate::desk::{Desk, code, ended, err, out};
use crate::web::Posted;

#[test]
fn a_limit_is_found_and_kept_like_a_run() {
    let desk = Desk::new();
    let search = |objective: &str, duration: &str, confirm: &str| {
        desk.dbdyno(&[
            "find-limit",
            "oltp/point-select",
            "--target",
            "sqlite",
            "--clients",
            "8",
            "--duration",
            duration,
            "--warmup",
            "0s",
            "--confirm",
            confirm,
            "--precision",
            "50%",
            "--spacing",
            "uniform",
            "--highest",
            "43",
            "--objective",
            objective,
            "--quiet",
        ])
    };
    // Few arrivals, and clients to spare: a machine that stands still for a moment keeps up in two of three repetitions.
    let output = search("max<1000s", "1s", "3");
    assert_eq!(code(&output), 0, "{}", err(&output));
    assert!(
        out(&output).contains("max<1000s held at every rate up to 43 tx/s"),
        "{}",
        out(&output)
    );
    assert!(desk.runs().iter().any(|run| {
        let rows = fs::read_to_string(run.join("results.csv")).unwrap_or_default();
        let picture = run.join("the-limit-of-oltp-point-select-on-sqlite.svg");
        let picture = fs::read_to_string(picture).unwrap_or_default();
        rows.contains(",43,")
            && rows.contains("latency_p99_us")
            && rows.contains(",limit_tx_per_s,43,1/s,higher,ok,max<1000s,")
            && picture.contains("(1: the highest rate that held)")
    }));
    let [searched] = &desk.runs()[..] else { panic!("{:?}", desk.runs()) };
    let searched = searched.to_string_lossy();
    let compared = desk.dbdyno(&["compare", &searched, "--metric", "limit_tx_per_s"]);
    let told = out(&compared);
    let is_row = |line: &str| line.contains("oltp/point-select") && line.ends_with(" 43.0");
    assert!(told.lines().any(is_row), "{told}{}", err(&compared));
    // Without a metric the rates have a table of their own.
    let compared = desk.dbdyno(&["compare", &searched]);
    let told = out(&compared);
    assert!(told.contains("the limit") && told.contains("max<1000s"), "{told}{}", err(&compared));
    let report = desk.dbdyno(&["report", &searched, "-o", "limit.md"]);
    assert_eq!(code(&report), 0, "{}", err(&report));
    let report = fs::read_to_string(desk.path("limit.md")).unwrap();
    let section = report.split("## Limits").nth(1).unwrap_or_else(|| panic!("{report}"));
    let row = section.lines().find(|line| line.contains("| the limit |")).unwrap_or_default();
    assert!(row.starts_with("| 43.0 |"), "{section}");
    let output = search("p50<1us", "200ms", "1");
    assert_eq!(code(&output), 1, "{}", err(&output));
    assert!(out(&output).contains("p50<1us did not hold at any rate, down to"), "{}", out(&output));
    let output = desk.dbdyno(&["run", "oltp/point-select", "--spacing", "uniform"]);
    assert_eq!(code(&output), 2);
    assert!(err(&output).contains("there is no --rate"), "{}", err(&output));
    for (arguments, told) in [
        (&["oltp/tpcb", "--objective", "p99<1ms", "--rate", "3"][..], "--rate has no meaning here"),
        (&["--objective", "p99<1ms"], "no benchmark was named"),
        (&["oltp/tpcb", "--objective", "p99"], "there is no `<` in it"),
        (&["index/equality", "--objective", "p99<1ms"], "it is not one load"),
        (&["oltp/tpcb", "--objective", "p99<1ms", "--clients", "1,2"], "make 2 cases of it"),
        (
            &["oltp/tpcb", "--objective", "p99<1ms", "--isolation", "all"],
            "make several cases of it",
        ),
    ] {
        let output = desk.dbdyno(&[&["find-limit"], arguments].concat());
        assert_eq!(code(&output), 2, "{arguments:?}");
        assert!(err(&output).contains(told), "{arguments:?}: {}", err(&output));
    }
}

/// Two clients that are 20 ms away from their server make a hundred transactions of one round trip a second at the most. A
/// busy machine makes that fewer.
#[test]
fn the_limit_of_a_load_is_what_its_round_trips_leave() {
    if left_out("postgres") {
        return;
    }
    let desk = Desk::new();
    let search = ["find-limit", "oltp/point-select", "--target", "postgres?round_trip=20ms"];
    let load = ["--clients", "2", "--duration", "1s", "--warmup", "0s", "--spacing", "uniform"];
    let how = ["--confirm", "3", "--precision", "20%", "--objective", "p99<150ms", "--quiet"];
    let output = desk.dbdyno(&[&search[..], &load, &how].concat());
    assert_eq!(code(&output), 0, "{}", err(&output));
    let text = out(&output);
    let limit = text.split("p99<150ms held at up to ").nth(1).unwrap_or_else(|| panic!("{text}"));
    let limit: f64 = limit.split(" tx/s").next().unwrap().parse().unwrap();
    assert!(limit > 10.0 && limit <= 105.0, "{text}");
    // Two of three repetitions decide.
    assert!(text.contains(" 2 of "), "{text}");
}

#[test]
fn a_check_that_fails_is_a_failure_and_no_limit() {
    let desk = Desk::new();
    let place = format!("sqlite:{}", desk.path("changed.db"));
    let loaded = desk.run(&["oltp/tpcb", "--target", &place, "--clients", "1"]);
    assert_eq!(code(&loaded), 0, "{}", err(&loaded));
    let runtime = runtime();
    let driver = target(&runtime, &place);
    runtime.block_on(async {
        let mut session = driver.connect(&SessionOptions::default()).await.unwrap();
        let sql = "UPDATE pgbench_accounts SET abalance = abalance + 1 WHERE aid = 1";
        assert_eq!(session.run_sql(sql).await.unwrap(), 1);
    });
    let search = ["find-limit", "oltp/tpcb", "--target", &place, "--clients", "1", "--quiet"];
    let how = ["--duration", "300ms", "--warmup", "0s", "--objective", "p99<10s"];
    let output = desk.dbdyno(&[&search[..], &how].concat());
    assert_eq!(code(&output), 1, "{}", err(&output));
    assert!(err(&output).contains("accounts"), "{}", err(&output));
}

/// Somebody keeps all writers out in the first repetition of a rate: three others outvote it, and one that a busy machine
/// spoils.
#[test]
fn one_stall_in_some_repetitions_is_no_limit() {
    let desk = Desk::new();
    let place = format!("sqlite:{}", desk.path("stalled.db"));
    let search = ["find-limit", "oltp/tpcb", "--target", &place, "--durability", "none"];
    let load = ["--clients", "1", "--duration", "3s", "--warmup", "0s", "--spacing", "uniform"];
    let how = ["--confirm", "5", "--highest", "40", "--objective", "max<500ms", "--quiet"];
    let child = desk.start(&[&search[..], &load, &how].concat());
    wait_for("the first second at a rate", || {
        let timeline = fs::read_to_string(desk.runs().first()?.join("timeline.csv")).ok()?;
        timeline.contains(",none,1,40,").then_some(())
    });
    let runtime = runtime();
    let driver = target(&runtime, &place);
    let mut holder = runtime.block_on(driver.connect(&SessionOptions::default())).unwrap();
    wait_for("the lock", || runtime.block_on(holder.begin(Access::Write)).ok());
    let held = Instant::now();
    wait_for("a stall", || (held.elapsed() > Duration::from_millis(800)).then_some(()));
    runtime.block_on(holder.rollback()).unwrap();
    let output = ended(child);
    assert_eq!(code(&output), 0, "{}", err(&output));
    let text = out(&output);
    assert!(text.contains("max<500ms held at every rate up to 40 tx/s"), "{text}");
    assert!(text.contains(" 3 of 4 ") || text.contains(" 3 of 5 "), "{text}");
}

#[test]
fn a_search_that_fails_is_closed_like_a_run_and_its_alerts_are_told() {
    let desk = Desk::new();
    let posted = Posted::listen();
    let rule =
        "[[alert]]\nname = 'there'\nmetric = 'machine.processors'\nop = '>='\nthreshold = 1\n";
    let notify = format!("{rule}[notify]\nwebhook = '{}'\n", posted.url);
    fs::write(desk.path("dbdyno.toml"), notify).unwrap();
    // SQLite has no such level: there is nothing to search.
    let search = ["find-limit", "oltp/point-select", "--target", "sqlite", "--quiet"];
    let impossible = ["--isolation", "snapshot", "--objective", "p99<1ms"];
    let output = desk.dbdyno(&[&search[..], &impossible].concat());
    assert_eq!(code(&output), 2, "{}", err(&output));
    let run = desk.runs().pop().unwrap();
    let conditions = fs::read_to_string(run.join("run.toml")).unwrap();
    assert!(conditions.contains("outcome = \"failed\""), "{conditions}");
    let told = posted.bodies.recv_timeout(Duration::from_secs(30)).unwrap();
    assert_eq!(told["alert"], "there");
}

#[test]
fn what_is_no_one_load_is_refused_before_anything_is_touched() {
    let desk = Desk::new();
    let search = ["find-limit", "--target", "sqlite", "--objective", "p99<20ms"];
    for (arguments, told) in [
        (&["oltp/tpcb", "--clients", "1,2"][..], "2 numbers of clients make 2 cases of it"),
        (&["oltp/tpcb", "--durability", "full,none"], "2 levels of durability make 2 cases"),
        (&["isolation/anomalies"], "it is not one load that a rate could be asked of"),
    ] {
        let output = desk.dbdyno(&[&search[..], arguments].concat());
        assert_eq!(code(&output), 2, "{}", err(&output));
        assert!(err(&output).contains(told), "{}", err(&output));
        assert!(!Path::new(&desk.path("runs")).exists());
    }
}
