//! The procedures suite on real servers: procedures do what statements do, triggers fire, and distance is
//! what it is said to be.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use dbdyno_core::load::Length;
use dbdyno_core::query::scalar_sql;
use dbdyno_core::{Driver, Measurement, SessionOptions, Status};
use dbdyno_suites::procedures;
use dbdyno_suites::runner::RunOptions;
use dbdyno_tests::{Fault, Kept, Spoiled, left_out, named, run_one, run_options, runtime, target};
use tokio::runtime::Runtime;

/// Loads of a benchmark of procedures, by round trip.
const ROUND_TRIPS: [&str; 4] = ["direct", "200us", "1ms", "5ms"];

fn rows(
    runtime: &Runtime,
    driver: &Arc<dyn Driver>,
    name: &str,
    options: &RunOptions,
) -> Vec<Measurement> {
    let (kept, benchmark) = (Kept::default(), named(procedures::benchmarks(), name));
    run_one(runtime, driver, ("procedures", benchmark.as_ref()), options, &kept);
    kept.rows().into_iter().map(|(_, row)| row).collect()
}

/// The rows of a case in which nothing may go wrong.
fn measured(
    runtime: &Runtime,
    driver: &Arc<dyn Driver>,
    name: &str,
    options: &RunOptions,
) -> Vec<Measurement> {
    let rows = rows(runtime, driver, name, options);
    let wrong: Vec<_> = rows
        .iter()
        .filter(|row| matches!(row.status, Status::Failed | Status::Interrupted))
        .collect();
    assert!(wrong.is_empty(), "{name}: {wrong:?}");
    rows
}

/// The conditions that do not hold on an engine with a fault in what is created there.
fn broken_by(
    runtime: &Runtime,
    driver: &Arc<dyn Driver>,
    name: &str,
    fault: Fault,
) -> Vec<(String, String)> {
    let driver: Arc<dyn Driver> = Arc::new(Spoiled::new(Arc::clone(driver), fault));
    let options = RunOptions { length: Length::Transactions(8), ..run_options() };
    let rows = rows(runtime, &driver, name, &options);
    let broken =
        rows.iter().filter(|row| row.metric.starts_with("check_") && row.value == Some(0.0));
    broken.map(|row| (row.metric.clone(), row.detail.clone())).collect()
}

fn of<'r>(rows: &'r [Measurement], metric: &str, transaction: &str) -> Option<&'r Measurement> {
    rows.iter().find(|row| row.metric == metric && row.transaction == transaction)
}

/// TPC-B at every round trip; the others at one that the target has itself, for the data of TPC-C takes long to
/// load and to look through.
fn procedures_do_what_statements_do(text: &str) {
    let runtime = runtime();
    let (near, far) = (target(&runtime, text), target(&runtime, &format!("{text}?round_trip=1ms")));
    for (name, driver) in [("tpcb", &near), ("smallbank", &far), ("tpcc", &far)] {
        // With this seed one of the compared orders is rolled back.
        let options = RunOptions { length: Length::Transactions(60), seed: 42, ..run_options() };
        let rows = measured(&runtime, driver, name, &options);
        let same = of(&rows, "check_same_rows", "").unwrap();
        assert_eq!(same.value, Some(1.0), "{name}: {}", same.detail);
        // Orders are rolled back that have an unused item, and what there are no funds for.
        let rolled_back = !same.detail.contains(", 0 of them rolled back");
        assert_eq!(rolled_back, name != "tpcb", "{name}: {}", same.detail);
        let round_trips = if name == "tpcb" { &ROUND_TRIPS[..] } else { &[""] };
        for round_trip in round_trips {
            let speedup = of(&rows, "procedure_speedup", round_trip).unwrap().value;
            assert!(speedup > Some(0.0), "{name}: {speedup:?}");
            for form in ["statements", "procedures"] {
                let load = format!("{form}-{round_trip}");
                let load = load.trim_end_matches('-');
                let throughput = of(&rows, "throughput", load).unwrap().value;
                assert!(throughput > Some(0.0), "{name}: {load}");
            }
        }
    }
}

#[test]
fn procedures_do_what_statements_do_on_postgres() {
    if !left_out("postgres") {
        procedures_do_what_statements_do("postgres");
    }
}

#[test]
fn procedures_do_what_statements_do_on_mariadb() {
    if !left_out("mariadb") {
        procedures_do_what_statements_do("mariadb");
    }
}

#[test]
fn sqlite_has_no_procedures_and_says_why() {
    let runtime = runtime();
    let driver = target(&runtime, "sqlite");
    let rows = measured(&runtime, &driver, "tpcb", &run_options());
    let [row] = &rows[..] else { panic!("{rows:?}") };
    assert_eq!(row.status, Status::Unsupported);
    assert!(row.detail.contains("runs in the client's own process"), "{}", row.detail);
}

/// A statement takes a round trip at least, and a session that asks for none is not delayed.
fn a_target_is_as_far_away_as_it_is_said_to_be(text: &str) {
    let runtime = runtime();
    let far = Duration::from_millis(40);
    let driver = target(&runtime, &format!("{text}?round_trip=40ms"));
    assert_eq!(driver.round_trip(), far);
    let mut fastest = Vec::new();
    for round_trip in [None, Some(Duration::ZERO), Some(Duration::from_millis(80))] {
        let options = SessionOptions { round_trip, ..SessionOptions::default() };
        let mut session = runtime.block_on(driver.connect(&options)).unwrap();
        let times = (0..5).map(|number| {
            let began = Instant::now();
            let answer = runtime.block_on(scalar_sql(&mut *session, &format!("SELECT {number}")));
            assert_eq!(answer.unwrap(), number);
            began.elapsed()
        });
        fastest.push(times.min().unwrap());
    }
    let [own, direct, longer] = fastest[..] else { panic!("{fastest:?}") };
    assert!(own >= far && longer >= far * 2 && direct < far, "{fastest:?}");
    // The target's own distance is the only one that is measured.
    let options = RunOptions { length: Length::Transactions(80), ..run_options() };
    let rows = measured(&runtime, &driver, "tpcb", &options);
    assert!(of(&rows, "procedure_speedup", "").unwrap().value > Some(2.0));
    assert!(of(&rows, "throughput", "statements-1ms").is_none());
    // A server that goes away takes sessions with it that are at a distance.
    let mut session = runtime.block_on(driver.connect(&SessionOptions::default())).unwrap();
    driver.server_control().unwrap().kill().unwrap();
    let error = runtime.block_on(scalar_sql(&mut *session, "SELECT 1")).unwrap_err();
    assert!(error.is_disconnected(), "{error}");
}

#[test]
fn postgres_is_as_far_away_as_it_is_said_to_be() {
    if !left_out("postgres") {
        a_target_is_as_far_away_as_it_is_said_to_be("postgres");
    }
}

#[test]
fn mariadb_is_as_far_away_as_it_is_said_to_be() {
    if !left_out("mariadb") {
        a_target_is_as_far_away_as_it_is_said_to_be("mariadb");
    }
}

/// Kinds of which an engine has all but those that it lacks; every row that was written was audited.
fn triggers_fire(text: &str, lacking: &[&str]) {
    let runtime = runtime();
    let driver = target(&runtime, text);
    let options =
        RunOptions { length: Length::Transactions(40), clients: Some(vec![2]), ..run_options() };
    let rows = measured(&runtime, &driver, "triggers", &options);
    for kind in [
        "none",
        "audit",
        "audit-three",
        "audit-statement",
        "validate",
        "check-constraint",
        "cascade",
        "generated-column",
    ] {
        for size in ["single", "bulk"] {
            let load = format!("{kind}-{size}");
            let row = of(&rows, "row_us", &load).unwrap();
            if lacking.contains(&kind) {
                assert_eq!((row.status, row.value), (Status::Unsupported, None), "{load}");
                continue;
            }
            assert!(row.value > Some(0.0), "{load}");
            assert_eq!(of(&rows, "trigger_slowdown", &load).is_some(), kind != "none", "{load}");
        }
        let audited = of(&rows, &format!("check_audited_{kind}"), "");
        assert_eq!(audited.is_some(), !lacking.contains(&kind), "{kind}");
    }
    for check in [
        "added_up_cascade",
        "doubled_generated-column",
        "refused_validate",
        "refused_check-constraint",
    ] {
        assert_eq!(of(&rows, &format!("check_{check}"), "").unwrap().value, Some(1.0), "{check}");
    }
    // Two loads of forty transactions of a hundred rows, each audited once by one trigger.
    let audited = &of(&rows, "check_audited_audit", "").unwrap().detail;
    assert!(audited.contains("8000"), "{audited}");
}

#[test]
fn triggers_fire_on_sqlite() {
    triggers_fire("sqlite", &["audit-statement"]);
}

#[test]
fn triggers_fire_on_postgres() {
    if !left_out("postgres") {
        triggers_fire("postgres", &[]);
    }
}

#[test]
fn triggers_fire_on_mariadb() {
    if !left_out("mariadb") {
        triggers_fire("mariadb", &["audit-statement"]);
    }
}

/// A fault in one column of what a procedure writes, or in what it writes rarely, which only the comparison of
/// all rows finds.
fn a_row_that_a_procedure_writes_differently_is_found(
    text: &str,
    benchmark: &str,
    fault: Fault,
    found: &str,
) {
    let runtime = runtime();
    let driver = target(&runtime, text);
    let broken = broken_by(&runtime, &driver, benchmark, fault);
    let [(name, detail)] = &broken[..] else { panic!("{broken:?}") };
    assert!(name == "check_same_rows" && detail.contains(found), "{broken:?}");
}

#[test]
fn a_row_that_a_procedure_writes_differently_is_found_on_postgres() {
    if !left_out("postgres") {
        let fault =
            Fault { within: "dbdyno_tpcb(", from: "(the_tid, the_bid,", to: "(the_bid, the_bid," };
        let found = "pgbench_history has other rows";
        a_row_that_a_procedure_writes_differently_is_found("postgres", "tpcb", fault, found);
    }
}

#[test]
fn a_row_that_a_procedure_writes_differently_is_found_on_mariadb() {
    if !left_out("mariadb") {
        let fault = Fault { within: "dbdyno_write_check(", from: "held < amount", to: "held < 0" };
        let found = "checking has other rows";
        a_row_that_a_procedure_writes_differently_is_found("mariadb", "smallbank", fault, found);
    }
}

/// A connection that breaks while triggers or procedures are created, when some of them are there already, is
/// followed by another one that creates them all.
#[test]
fn what_is_created_half_is_created_again() {
    let end = "SELECT pg_terminate_backend(pg_backend_pid())";
    let kill = "KILL CONNECTION_ID()";
    for (text, name, within, end) in [
        ("postgres", "triggers", "CREATE TRIGGER dbdyno_audit_3", end),
        ("postgres", "smallbank", "CREATE FUNCTION dbdyno_write_check", end),
        ("mariadb", "triggers", "CREATE TRIGGER dbdyno_audit_insert_2", kill),
        ("mariadb", "smallbank", "CREATE PROCEDURE dbdyno_write_check", kill),
    ] {
        if left_out(text) {
            continue;
        }
        let runtime = runtime();
        let driver = target(&runtime, &format!("{text}?round_trip=100us"));
        let spoiled = Spoiled::once(driver, Fault { within, from: "", to: end });
        let times = Arc::clone(&spoiled.times);
        let driver: Arc<dyn Driver> = Arc::new(spoiled);
        let options = RunOptions { length: Length::Transactions(8), ..run_options() };
        let rows = measured(&runtime, &driver, name, &options);
        assert_eq!(times.load(Ordering::Relaxed), 0, "{text}: nothing broke");
        let metric = if name == "triggers" { "trigger_slowdown" } else { "procedure_speedup" };
        assert!(rows.iter().any(|row| row.metric == metric), "{text}: {rows:?}");
    }
}

#[test]
fn a_trigger_that_does_not_fire_is_found() {
    let runtime = runtime();
    let driver = target(&runtime, "sqlite");
    for (fault, found) in [
        // One of three, and only when rows are changed.
        (
            Fault {
                within: "dbdyno_audit_update_3",
                from: "AFTER UPDATE",
                to: "AFTER UPDATE OF note",
            },
            &["check_audited_audit-three"][..],
        ),
        (
            Fault { within: "dbdyno_validate_update", from: "NEW.account < 0", to: "FALSE" },
            &["check_refused_validate"],
        ),
        (
            Fault { within: "dbdyno_add_up_update", from: "- OLD.amount", to: "" },
            &["check_added_up_cascade"],
        ),
        (
            Fault { within: "doubled", from: "amount * 2", to: "amount + 2" },
            &["check_doubled_generated-column"],
        ),
        (
            Fault { within: "CHECK (", from: "account >= 0", to: "TRUE" },
            &["check_refused_check-constraint"],
        ),
    ] {
        let broken = broken_by(&runtime, &driver, "triggers", fault);
        let names: Vec<_> = broken.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, found, "{broken:?}");
    }
}
