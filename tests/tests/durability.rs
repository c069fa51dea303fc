//! Servers killed under load: what was acknowledged is there, where that is promised; what was lost is told,
//! where it is not; and whatever breaks the account is noticed.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use dbdyno_core::{Driver, Durability, Event, Measurement, SessionOptions, Status};
use dbdyno_suites::isolation;
use dbdyno_suites::runner::{DurabilityChoice, RunOptions, RunSummary};
use dbdyno_tests::{Kept, Meddler, left_out, named, run_one, run_options, runtime, target};

const BENCHMARKS: [&str; 2] = ["durability-tpcb", "durability-list-append"];

/// What is done to the tables, as no engine may, after the crash of cycle 2 and before its account.
#[derive(Clone, Copy)]
struct Sabotage {
    dataset: &'static str,
    sql: &'static str,
}

impl Sabotage {
    fn change(&self, driver: &dyn Driver) {
        let Self { dataset, sql } = self;
        let namespace = Some(format!("dbdyno_{dataset}"));
        let options = SessionOptions { namespace, ..SessionOptions::default() };
        let changed = runtime().block_on(async {
            driver.connect(&options).await.unwrap().run_sql(sql).await.unwrap()
        });
        assert!(changed > 0, "changed nothing: {sql}");
    }
}

/// What came of a benchmark.
struct Found {
    summary: RunSummary,
    rows: Vec<Measurement>,
    events: Vec<Event>,
}

impl Found {
    fn value(&self, metric: &str) -> Option<f64> {
        self.rows.iter().find(|row| row.metric == metric)?.value
    }

    /// The checks that did not hold, with why.
    fn broken(&self) -> Vec<(&str, &str)> {
        let broken = self.rows.iter().filter(|row| row.metric.starts_with("check_"));
        let broken = broken.filter(|row| row.value == Some(0.0));
        broken.map(|row| (row.metric.as_str(), row.detail.as_str())).collect()
    }
}

fn crash(
    driver: &Arc<dyn Driver>,
    benchmark: &str,
    level: Durability,
    sabotage: Option<Sabotage>,
) -> Found {
    let runtime = runtime();
    let found = named(isolation::benchmarks(), benchmark);
    let durability = DurabilityChoice::Listed(vec![level]);
    let options = RunOptions { cycles: Some(2), durability, ..run_options() };
    let recorder = Meddler::new(|event| {
        if event.kind == "server_restarted" && event.detail.starts_with("cycle 2:") {
            sabotage.iter().for_each(|sabotage| sabotage.change(&**driver));
        }
    });
    let chosen = ("isolation", found.as_ref());
    let summary = run_one(&runtime, driver, chosen, &options, &recorder);
    let rows = recorder.kept.rows().into_iter().map(|(_, row)| row).collect();
    Found { summary, rows, events: recorder.kept.events() }
}

/// Everything is there after every crash, and every crash and recovery is told.
fn nothing_is_lost(driver: &Arc<dyn Driver>, level: Durability) {
    for benchmark in BENCHMARKS {
        let found = crash(driver, benchmark, level, None);
        let wrong: Vec<_> = found.rows.iter().filter(|row| row.status != Status::Ok).collect();
        assert!(wrong.is_empty(), "{benchmark} at {level}: {wrong:#?}");
        assert_eq!((found.summary.measured, found.summary.failed), (1, 0));
        assert_eq!(found.value("cycles"), Some(2.0));
        assert_eq!(found.value("lost_commits"), Some(0.0));
        assert_eq!(found.value("lost_window_ms"), None);
        assert_eq!(found.value("check_acknowledged_commits_kept"), Some(1.0));
        // Each load commits at least once before it is crashed, and once after.
        assert!(found.value("acknowledged_commits").unwrap() >= 4.0);
        let recovery = found.value("recovery_time_p50_ms").unwrap();
        assert!(0.0 < recovery && recovery <= found.value("recovery_time_max_ms").unwrap());
        for kind in ["server_killed", "server_restarted"] {
            let told: Vec<&Event> =
                found.events.iter().filter(|event| event.kind == kind).collect();
            assert_eq!(told.len(), 2, "{kind}");
            assert!(told[1].detail.starts_with("cycle 2: "), "{}", told[1].detail);
        }
        // A crash is no error of the transactions that it cuts off, and no interruption.
        let others = found
            .events
            .iter()
            .filter(|event| !matches!(event.kind, "server_killed" | "server_restarted" | "retry"));
        assert_eq!(others.count(), 0, "{:#?}", found.events);
    }
}

/// A pause before a case whose loads are all beside something else.
#[test]
fn a_pause_before_crashes_is_told_of_their_case() {
    if left_out("postgres") {
        return;
    }
    let (runtime, kept) = (runtime(), Kept::default());
    let driver = target(&runtime, "postgres");
    let benchmark = named(isolation::benchmarks(), BENCHMARKS[0]);
    let durability = DurabilityChoice::Listed(vec![Durability::Process]);
    let options = RunOptions { cycles: Some(1), durability, ..run_options() };
    let pause = options.pause.clone();
    pause.toggle();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let deadline = Instant::now() + Duration::from_secs(60);
            let is_paused = || kept.events().iter().any(|event| event.kind == "paused");
            while !is_paused() && Instant::now() < deadline {
                std::thread::park_timeout(Duration::from_millis(10));
            }
            pause.toggle();
        });
        run_one(&runtime, &driver, ("isolation", benchmark.as_ref()), &options, &kept);
    });
    let rows = kept.rows();
    let paused: Vec<_> =
        rows.iter().map(|(_, row)| row).filter(|row| row.metric == "paused_s").collect();
    assert_eq!(paused.len(), 1, "{rows:#?}");
    assert!(paused[0].value > Some(0.0) && paused[0].transaction.is_empty(), "{paused:?}");
    assert_eq!(paused[0].status, Status::Ok);
    assert!(paused[0].detail.ends_with(" s before this case"), "{paused:?}");
}

/// Losses are counted, and nothing else is wrong: the case is not failed.
fn losses_are_told(driver: &Arc<dyn Driver>) {
    for benchmark in BENCHMARKS {
        // What is lost are some commits of the last milliseconds, where the log is written often: a crash
        // may come when all of it was written, and ten times two hardly do.
        let mut crashes = (0..10).map(|_| crash(driver, benchmark, Durability::None, None));
        let found = crashes.find(|found| found.value("lost_commits") > Some(0.0)).expect("a loss");
        let wrong: Vec<_> = found.rows.iter().filter(|row| row.status != Status::Ok).collect();
        assert!(wrong.is_empty(), "{benchmark}: {wrong:#?}");
        assert_eq!((found.summary.measured, found.summary.failed), (1, 0));
        let lost = found.rows.iter().find(|row| row.metric == "lost_commits").unwrap();
        assert!(lost.detail.contains(" ms before the last"), "{}", lost.detail);
        assert!(found.value("lost_window_ms").is_some());
        assert_eq!(found.value("check_acknowledged_commits_kept"), None);
        assert_eq!(found.value("broken_conditions"), None);
        assert_eq!(found.value("check_commits_whole"), Some(1.0));
    }
}

/// What an engine that loses, halves, repeats or makes up commits would leave, and what is said of it.
const SABOTAGES: [(&str, Sabotage, &str, &str); 5] = [
    (
        "durability-tpcb",
        Sabotage {
            dataset: "tpcb",
            sql: "DELETE FROM pgbench_history WHERE filler = '1.0.1' OR filler = '2.0.1' \
                  OR filler = '1.1.1' OR filler = '2.1.1' OR filler = '1.2.1'",
        },
        "check_acknowledged_commits_kept",
        " is not in history, ",
    ),
    (
        "durability-tpcb",
        Sabotage {
            dataset: "tpcb",
            sql: "INSERT INTO pgbench_history (tid, bid, aid, delta, filler) VALUES (1, 1, 1, 0, '2.3.999999')",
        },
        "check_aborted_commits_absent",
        "2.3.999999 is in history and was not sent to be committed",
    ),
    (
        "durability-tpcb",
        Sabotage { dataset: "tpcb", sql: "UPDATE pgbench_branches SET bbalance = bbalance + 1" },
        "check_branches_equal_history",
        "1 rows have another balance",
    ),
    (
        "durability-list-append",
        Sabotage {
            dataset: "lists",
            // One of the two lists of some transactions.
            sql: "UPDATE lists SET elements = '' WHERE elements <> '' AND id % 2 = 0",
        },
        "check_commits_whole",
        " and not in list-",
    ),
    (
        "durability-list-append",
        Sabotage {
            dataset: "lists",
            sql: "UPDATE lists SET elements = REPLACE(elements, ',', ',1.0.1,') \
                  WHERE elements LIKE '%1.0.1,%'",
        },
        "check_commits_once_in_order",
        " times in list-",
    ),
];

fn what_no_engine_may_do_is_noticed(driver: &Arc<dyn Driver>) {
    for (benchmark, sabotage, check, told) in SABOTAGES {
        let found = crash(driver, benchmark, Durability::Full, Some(sabotage));
        assert_eq!((found.summary.measured, found.summary.failed), (0, 1), "{}", sabotage.sql);
        let broken = found.broken();
        let detail = broken.iter().find(|(name, _)| *name == check).map(|(_, detail)| *detail);
        let detail = detail.unwrap_or_else(|| panic!("{check} held: {broken:?}"));
        assert!(detail.starts_with("cycle 2: ") && detail.contains(told), "{detail}");
    }
}

/// Where nothing is promised, what is broken is told and no failure.
fn what_was_not_promised_is_no_failure(driver: &Arc<dyn Driver>) {
    let (benchmark, sabotage, check, _) = SABOTAGES[2];
    let found = crash(driver, benchmark, Durability::None, Some(sabotage));
    assert_eq!((found.summary.measured, found.summary.failed), (1, 0));
    assert_eq!(found.broken(), []);
    let row = found.rows.iter().find(|row| row.metric == "broken_conditions").unwrap();
    assert_eq!(row.value, Some(1.0));
    assert!(row.detail.contains(check.trim_start_matches("check_")), "{}", row.detail);
}

#[test]
fn nothing_acknowledged_is_lost_on_postgres() {
    if !left_out("postgres") {
        let driver = target(&runtime(), "postgres");
        nothing_is_lost(&driver, Durability::Full);
        nothing_is_lost(&driver, Durability::Process);
    }
}

#[test]
fn nothing_acknowledged_is_lost_on_mariadb() {
    if !left_out("mariadb") {
        let driver = target(&runtime(), "mariadb");
        nothing_is_lost(&driver, Durability::Full);
        nothing_is_lost(&driver, Durability::Process);
    }
}

#[test]
fn what_was_lost_is_told_on_postgres() {
    if !left_out("postgres") {
        losses_are_told(&target(&runtime(), "postgres"));
    }
}

#[test]
fn what_was_lost_is_told_on_mariadb() {
    if !left_out("mariadb") {
        losses_are_told(&target(&runtime(), "mariadb"));
    }
}

#[test]
fn what_no_engine_may_do_is_noticed_on_mariadb() {
    if !left_out("mariadb") {
        let driver = target(&runtime(), "mariadb");
        what_no_engine_may_do_is_noticed(&driver);
        what_was_not_promised_is_no_failure(&driver);
    }
}

/// A server that dbdyno did not start is somebody's: it is not killed, and goes on.
#[test]
fn somebody_elses_server_is_not_killed() {
    if left_out("postgres") {
        return;
    }
    let runtime = runtime();
    let theirs = target(&runtime, "postgres");
    let info = runtime.block_on(theirs.server_info()).unwrap();
    let folder = Path::new(&info.settings["data_folder"]).parent().unwrap().to_owned();
    let socket = std::fs::read_dir(&folder).unwrap().find_map(|entry| {
        let name = entry.unwrap().file_name().into_string().unwrap();
        name.strip_prefix(".s.PGSQL.")?.parse::<u16>().ok()
    });
    let host = folder.display().to_string().replace('/', "%2F");
    let url = format!("postgres://dbdyno@{host}:{}/postgres", socket.expect("a socket"));
    let found = crash(&target(&runtime, &url), BENCHMARKS[1], Durability::Full, None);
    assert_eq!((found.summary.measured, found.summary.unsupported), (0, 1));
    let detail = &found.rows[0].detail;
    assert_eq!(detail, "dbdyno kills only servers that it started");
    assert!(!theirs.server_control().unwrap().ensure_running().unwrap(), "it was killed");
}

/// An engine without a server needs a process that can be killed.
#[test]
fn without_a_program_that_hosts_the_load_sqlite_is_unsupported() {
    let found = crash(&target(&runtime(), "sqlite"), BENCHMARKS[0], Durability::Full, None);
    assert_eq!((found.summary.measured, found.summary.unsupported), (0, 1));
    assert!(found.rows[0].detail.contains("hosts them in another"), "{}", found.rows[0].detail);
}
