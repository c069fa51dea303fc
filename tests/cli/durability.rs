//! Crashes of an engine that runs in dbdyno's own process: a dbdyno that dbdyno started is killed.

use std::time::Duration;

use dbdyno_core::Status;
use dbdyno_results::Record;
use dbdyno_tests::wait_for;
use nix::sys::signal::Signal;

use crate::desk::{Desk, Process, code, ended_within, err, kill_dbdyno, out, processes, signal};

const BENCHMARKS: [&str; 2] = ["isolation/durability-tpcb", "isolation/durability-list-append"];

/// The processes that a dbdyno started to be killed.
fn hosts(parent: i32) -> Vec<Process> {
    let hosts = |process: &Process| process.arguments.contains(" host-load ");
    processes().into_iter().filter(|one| one.parent == parent && hosts(one)).collect()
}

fn value(records: &[Record], benchmark: &str, durability: &str, metric: &str) -> f64 {
    let is = |record: &&Record| {
        record.benchmark() == benchmark
            && record.case.durability.name() == durability
            && record.metric == metric
    };
    let found = records.iter().find(is).and_then(|record| record.value);
    found.unwrap_or_else(|| panic!("no {metric} of {benchmark} at {durability}"))
}

/// The system lives on when a process is killed, so that SQLite loses nothing at any level.
#[test]
fn nothing_acknowledged_is_lost_on_sqlite() {
    let desk = Desk::new();
    // A file whose name needs care, and an option that the killed process must have, too.
    let file = desk.path("käse & brot?.db").replace('?', "%3F").replace('&', "%26");
    let target = format!("sqlite:{file}?wal_autocheckpoint=50");
    for target in ["sqlite", &target] {
        let arguments = ["--target", target, "--durability", "full,process,none", "--cycles", "2"];
        let output = desk.dbdyno(&[&["run"], &BENCHMARKS[..], &arguments[..]].concat());
        assert_eq!(code(&output), 0, "{}\n{}", out(&output), err(&output));
        let said = err(&output);
        assert!(said.contains("2 cycles, ") && said.contains("none lost, recovery "), "{said}");
    }
    let records = desk.records();
    assert!(records.iter().all(|record| record.status == Status::Ok));
    for benchmark in BENCHMARKS {
        for durability in ["full", "process", "none"] {
            let value = |metric| value(&records, benchmark, durability, metric);
            assert_eq!((value("cycles"), value("lost_commits")), (2.0, 0.0));
            assert!(value("acknowledged_commits") >= 4.0);
            assert!(value("recovery_time_max_ms") > 0.0);
        }
        assert_eq!(value(&records, benchmark, "full", "check_acknowledged_commits_kept"), 1.0);
    }
    let events = std::fs::read_to_string(desk.runs()[0].join("events.csv")).unwrap();
    assert_eq!(events.matches(",server_killed,").count(), 12, "{events}");
    assert_eq!(events.matches(",server_restarted,").count(), 12, "{events}");
    let conditions = std::fs::read_to_string(desk.runs()[0].join("run.toml")).unwrap();
    assert!(conditions.contains("cycles = \"2\""), "{conditions}");
}

/// Without a journal SQLite cannot take back what it has moved out of a cache of two pages: rollbacks and crashes
/// leave what they should not, and that is found.
#[test]
fn damage_that_was_not_prevented_is_told_on_sqlite() {
    let desk = Desk::new();
    let target = "sqlite?journal_mode=off&cache_size=2";
    let arguments = ["--target", target, "--durability", "none", "--cycles", "3"];
    let child = desk.start(&[&["run", BENCHMARKS[0]], &arguments[..]].concat());
    // A database that is damaged enough is asked for three minutes whether it recovers.
    let output = ended_within(child, Duration::from_secs(400));
    assert_eq!(code(&output), 0, "{}\n{}", out(&output), err(&output));
    assert!(err(&output).contains("did not hold: "), "{}", err(&output));
    assert!(value(&desk.records(), BENCHMARKS[0], "none", "broken_conditions") >= 1.0);
}

#[test]
fn a_killed_dbdyno_leaves_no_process_that_it_started_to_be_killed() {
    let desk = Desk::new();
    let mut child = desk.start(&["run", BENCHMARKS[0], "--cycles", "1000"]);
    let pid = child.id().cast_signed();
    let host = wait_for("a load in a process of its own", || hosts(pid).pop());
    kill_dbdyno(&mut child);
    let is_gone = || processes().iter().all(|process| process.pid != host.pid).then_some(());
    wait_for("it to go", is_gone);
}

#[test]
fn ctrl_c_ends_between_crashes_and_keeps_those_that_were() {
    let desk = Desk::new();
    let child = desk.start(&["run", BENCHMARKS[1], "--cycles", "1000"]);
    let pid = child.id().cast_signed();
    wait_for("the second crash", || {
        let events = std::fs::read_to_string(desk.runs().pop()?.join("events.csv")).ok()?;
        (events.matches(",server_killed,").count() >= 2).then_some(())
    });
    signal(&child, Signal::SIGINT);
    let output = child.wait_with_output().unwrap();
    assert_eq!(code(&output), 130, "{}", err(&output));
    assert!(hosts(pid).is_empty());
    let records = desk.records();
    let of = |metric: &str| records.iter().find(|record| record.metric == metric).unwrap();
    assert!(of("cycles").value >= Some(1.0));
    assert_eq!(of("cycles").status, Status::Interrupted);
    assert_eq!(of("check_acknowledged_commits_kept").value, Some(1.0));
}

/// A dbdyno whose words hold a password starts anew without it, and the one that it starts to be killed is not
/// to take those words for its own.
#[test]
fn a_password_among_the_words_is_no_matter_of_the_process_that_is_killed() {
    let desk = Desk::new();
    // An empty configuration file by a name that looks like a URL with a password.
    std::fs::create_dir(desk.path("x:")).unwrap();
    std::fs::write(desk.path("x:/me:secret@host"), "").unwrap();
    let arguments = ["run", BENCHMARKS[0], "--cycles", "1", "--config", "x://me:secret@host"];
    let output = desk.dbdyno(&arguments);
    assert_eq!(code(&output), 0, "{}", err(&output));
    assert!(err(&output).contains("1 cycle, "), "{}", err(&output));
}

/// What another benchmark leaves in the lists is not taken for what a crash left.
#[test]
fn histories_leave_no_marks_for_crashes() {
    let desk = Desk::new();
    let benchmarks = ["isolation/list-append", "isolation/durability-list-append"];
    let arguments = ["--target", "sqlite", "--transactions", "200", "--cycles", "1"];
    let output = desk.dbdyno(&[&["run"], &benchmarks[..], &arguments[..]].concat());
    assert_eq!(code(&output), 0, "{}\n{}", out(&output), err(&output));
    let records = desk.records();
    assert_eq!(value(&records, "isolation/list-append", "full", "anomalies_found"), 0.0);
    assert_eq!(value(&records, benchmarks[1], "full", "lost_commits"), 0.0);
    let histories = std::fs::read_dir(desk.runs()[0].join("histories")).unwrap();
    let mut names: Vec<_> =
        histories.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    let stem = "list-append-sqlite-serializable-full-4-clients-1";
    assert_eq!(names, [format!("{stem}.edn"), format!("{stem}.txt")]);
}
