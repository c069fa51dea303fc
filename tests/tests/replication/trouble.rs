//! Clusters that do not do what they should: what is told of it, of what it takes the numbers, and what is left behind.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use dbdyno_core::{
    ClusterLimits, ClusterPlan, Driver, Durability, Measurement, SessionOptions, Status, Stop,
};
use dbdyno_suites::replication;
use dbdyno_suites::replication::ReplicationOptions;
use dbdyno_suites::runner::{RunOptions, RunSummary, Selection, run};
use dbdyno_tests::unsafe_cluster::{Failing, HONEST, NONE, REFUSAL, SWORN, UnsafeDriver};
use dbdyno_tests::{Kept, Unseen, left_out, named, run_one, run_options, wait_for};
use tempfile::TempDir;

use super::{Place, value};

/// How long something may take that never happens. What happens after all must not take longer, on a busy machine either.
const SOON: Duration = Duration::from_secs(5);

/// One topology.
fn only(name: &str) -> ReplicationOptions {
    let topologies = Some(vec![name.to_owned()]);
    ReplicationOptions { topologies, ..ReplicationOptions::default() }
}

/// The row of a part of a case, which has no number: why it has none.
fn why_none<'r>(rows: &'r [Measurement], metric: &str, of: &str) -> &'r str {
    let row = rows.iter().find(|row| row.metric == metric && row.transaction == of);
    let row = row.unwrap_or_else(|| panic!("no {metric} of `{of}` in {rows:#?}"));
    assert_eq!((row.status, row.value), (Status::Failed, None), "{row:#?}");
    &row.detail
}

/// A cluster of `async` that does not come up in time: a row that says why, and that no promise was broken.
fn never_there(text: &str, limits: ClusterLimits, words: &[&str]) {
    let place = Place::open(text);
    let (kept, benchmark) = (Kept::default(), named(replication::benchmarks(), "failover"));
    let replication = ReplicationOptions { limits, ..only("async") };
    let options = RunOptions { replication, ..run_options() };
    let place_of = ("replication", benchmark.as_ref());
    let summary = run_one(&place.runtime, &place.driver, place_of, &options, &kept);
    let rows: Vec<_> = kept.rows().into_iter().map(|(_, row)| row).collect();
    assert_eq!((summary.failed, summary.could_not_run), (0, 1), "no promise was broken: {rows:#?}");
    let why = why_none(&rows, "throughput", "async");
    assert!(words.iter().all(|words| why.contains(words)), "{why}");
}

/// The primary listens on no port, or the replica asks for a slot that is not there, or it is refused.
#[test]
fn a_replica_that_never_connects_is_told() {
    let limits = ClusterLimits { connect: SOON, ..ClusterLimits::default() };
    if !left_out("postgres") {
        let words = ["copy the primary for a replica", "Connection refused"];
        never_there("postgres?set.listen_addresses=", limits, &words);
        let words =
            ["connect replica_1", "not streamed to after 5 s", "\"nowhere\" does not exist"];
        never_there("postgres?set.primary_slot_name=nowhere", limits, &words);
    }
    if !left_out("mariadb") {
        let words = ["does not follow the primary after 5 s", "error connecting to master"];
        never_there("mariadb?set.skip_networking=ON", limits, &words);
    }
}

/// PostgreSQL's programs, of which `pg_basebackup` stops the server that it is to copy before it begins, and says who
/// and where it is.
struct StoppedPrimary {
    programs: TempDir,
}

impl StoppedPrimary {
    fn new(place: &Place) -> Self {
        let programs = tempfile::tempdir().unwrap();
        let folder = programs.path();
        // The server's user reads and writes here.
        fs::set_permissions(folder, fs::Permissions::from_mode(0o777)).unwrap();
        let real = program_folder(place);
        for name in ["initdb", "postgres"] {
            symlink(real.join(name), folder.join(name)).unwrap();
        }
        let script = format!(
            "#!/bin/sh\n\
             echo $$ > {pid}.new && pwd > {place} && mv {pid}.new {pid}\n\
             port=$(echo \"$*\" | sed -n 's/.* port=\\([0-9]*\\) .*/\\1/p')\n\
             for file in \"$PWD\"/../dbdyno-*/data/postmaster.pid; do\n\
             [ \"$(sed -n 4p \"$file\")\" = \"$port\" ] && kill -STOP \"$(sed -n 1p \"$file\")\"\n\
             done\n\
             exec {program} \"$@\"\n",
            pid = folder.join("pid").display(),
            place = folder.join("place").display(),
            program = real.join("pg_basebackup").display()
        );
        let copy = folder.join("pg_basebackup");
        fs::write(&copy, script).unwrap();
        fs::set_permissions(&copy, fs::Permissions::from_mode(0o755)).unwrap();
        Self { programs }
    }

    fn target(&self) -> String {
        format!("postgres?bin_dir={}", self.programs.path().display())
    }

    /// The process that copies, once it does.
    fn process(&self) -> Option<PathBuf> {
        let pid = fs::read_to_string(self.programs.path().join("pid")).ok()?;
        Some(Path::new("/proc").join(pid.trim()))
    }

    /// Neither the process nor the folder of the replica is left.
    fn is_gone(&self) {
        let process = self.process().expect("nobody began to copy");
        let place = fs::read_to_string(self.programs.path().join("place")).unwrap();
        wait_for("the end of the copy", || (!process.exists()).then_some(()));
        wait_for("its folder to go", || (!Path::new(place.trim()).exists()).then_some(()));
    }
}

/// Where the programs of the installed PostgreSQL are.
fn program_folder(place: &Place) -> PathBuf {
    let process = place.driver.metrics().and_then(|metrics| metrics.process()).unwrap();
    let program = fs::read_link(format!("/proc/{process}/exe")).unwrap();
    program.parent().unwrap().to_owned()
}

/// The primary stands still while it is copied: the copy is ended once it takes too long, and nothing is left of it.
#[test]
fn a_copy_that_hangs_is_ended() {
    if left_out("postgres") {
        return;
    }
    let stopped = StoppedPrimary::new(&Place::open("postgres"));
    let limits = ClusterLimits { copy: SOON, ..ClusterLimits::default() };
    let words = ["copy the primary for a replica", "pg_basebackup goes on after "];
    never_there(&stopped.target(), limits, &words);
    stopped.is_gone();
}

/// How many processes of `pg_dump` run in a folder.
fn dumps_in(folder: &Path) -> usize {
    let is_one = |process: &Path| {
        let is_dump = fs::read_link(process.join("exe")).is_ok_and(|exe| exe.ends_with("pg_dump"));
        is_dump && fs::read_link(process.join("cwd")).is_ok_and(|cwd| cwd == folder)
    };
    let processes = fs::read_dir("/proc").unwrap().flatten();
    processes.filter(|process| is_one(&process.path())).count()
}

/// A table is locked while its definition is to be copied: `pg_dump` goes with whoever waits for it, and is ended once it
/// takes too long.
#[test]
fn a_dump_that_hangs_is_ended() {
    if left_out("postgres") {
        return;
    }
    let place = Place::open("postgres");
    let limits = ClusterLimits { copy: SOON, ..ClusterLimits::default() };
    let plan = ClusterPlan { limits, ..ClusterPlan::of(Durability::Full) };
    let replication = place.driver.replication().unwrap();
    let cluster = place.runtime.block_on(replication.start("logical", plan)).unwrap();
    let primary = cluster.primary();
    place.run(&*primary, "CREATE TABLE numbers (number INTEGER NOT NULL PRIMARY KEY)");
    let mut locks = place.runtime.block_on(primary.connect(&SessionOptions::default())).unwrap();
    place.runtime.block_on(async {
        locks.run_sql("BEGIN").await.unwrap();
        locks.run_sql("LOCK TABLE numbers IN ACCESS EXCLUSIVE MODE").await.unwrap();
    });
    let info = place.runtime.block_on(primary.server_info()).unwrap();
    let folder = PathBuf::from(&info.settings["data_folder"]);
    let dumps = || dumps_in(folder.parent().unwrap());
    place.runtime.block_on(async {
        let begun = async {
            while dumps() == 0 {
                tokio::task::yield_now().await;
            }
        };
        // Who presses Ctrl-C waits no more.
        tokio::select! {
            engaged = cluster.engage() => panic!("{engaged:?}"),
            () = begun => {}
        }
    });
    wait_for("pg_dump to go", || (dumps() == 0).then_some(()));
    let refused = place.runtime.block_on(cluster.engage()).unwrap_err().to_string();
    for words in ["copy the definitions of the tables", "pg_dump goes on after "] {
        assert!(refused.contains(words), "{refused}");
    }
    wait_for("pg_dump to go", || (dumps() == 0).then_some(()));
    place.runtime.block_on(locks.run_sql("ROLLBACK")).unwrap();
    place.runtime.block_on(cluster.engage()).unwrap();
}

/// What a replica received and cannot apply is not waited for for ever when it is to be promoted.
#[test]
fn a_promotion_that_hangs_is_told() {
    if left_out("mariadb") {
        return;
    }
    let place = Place::open("mariadb");
    let limits = ClusterLimits { promote: SOON, ..ClusterLimits::default() };
    let plan = ClusterPlan { limits, ..ClusterPlan::of(Durability::Full) };
    let replication = place.driver.replication().unwrap();
    let cluster = place.runtime.block_on(replication.start("semi-sync", plan)).unwrap();
    place.runtime.block_on(cluster.engage()).unwrap();
    let (primary, replica) = (cluster.primary(), cluster.replicas().remove(0));
    let mut locks = place.runtime.block_on(replica.connect(&SessionOptions::default())).unwrap();
    place.runtime.block_on(locks.run_sql("FLUSH TABLES WITH READ LOCK")).unwrap();
    // It has received this once it is acknowledged.
    place.run(&*primary, "CREATE DATABASE held");
    primary.server_control().unwrap().kill().unwrap();
    let refused = place.runtime.block_on(cluster.promote()).unwrap_err().to_string();
    assert!(refused.contains("it has not applied what it received after 5 s"), "{refused}");
    place.runtime.block_on(locks.run_sql("UNLOCK TABLES")).unwrap();
    assert_eq!(place.runtime.block_on(cluster.promote()).unwrap(), 0);
    let held = "SELECT COUNT(*) FROM information_schema.schemata WHERE schema_name = 'held'";
    assert_eq!(place.number(&*replica, held), 1);
}

/// Reads are measured once the replicas have nothing left to do, and not at all where that never comes.
#[test]
fn reads_begin_once_the_replicas_have_caught_up() {
    if left_out("postgres") {
        return;
    }
    let options = ReplicationOptions { settle_limit: SOON, ..only(HONEST) };
    let of = ("reads", options);
    let (summary, rows) = fail(&Place::open("postgres"), of, Failing::Settles, &Stop::default());
    assert_eq!((summary.failed, summary.could_not_run), (0, 1), "{rows:#?}");
    let why = why_none(&rows, "throughput", HONEST);
    assert!(why.contains("they do not show it after 5 s"), "{why}");
    let loads = rows.iter().filter(|row| row.metric == "throughput" && row.value.is_some());
    let loads: Vec<_> = loads.map(|row| row.transaction.as_str()).collect();
    assert_eq!(loads, [format!("{HONEST} writes")]);
}

/// Of a heartbeat that breaks nothing is taken for whole: not on a primary without a replica, not beside one, and not
/// while a replica is away.
#[test]
fn a_heartbeat_that_breaks_has_no_numbers() {
    if left_out("postgres") {
        return;
    }
    let place = Place::open("postgres");
    for (benchmark, metrics) in [
        ("tpcb", &[(NONE, "commit_p50_us"), (HONEST, "commit_p50_us")][..]),
        (
            "catch-up",
            &[
                (HONEST, "beats_while_away"),
                (HONEST, "commit_longest_ms"),
                (HONEST, "visible_longest_ms"),
                (HONEST, "catch_up_speed"),
            ],
        ),
    ] {
        let of = (benchmark, only(HONEST));
        let (summary, rows) = fail(&place, of, Failing::Beats, &Stop::default());
        assert_eq!((summary.failed, summary.could_not_run), (0, 1), "{benchmark}: {rows:#?}");
        for (name, metric) in metrics {
            let why = why_none(&rows, metric, name);
            assert!(why.contains("terminating connection"), "{metric} of {name}: {why}");
        }
        let replica = format!("{HONEST}/replica-1");
        let seen = rows.iter().filter(|row| [HONEST, &*replica].contains(&&*row.transaction));
        let seen: Vec<_> = seen.filter(|row| row.metric.starts_with("visible_")).collect();
        assert!(seen.iter().all(|row| row.value.is_none()) && !seen.is_empty(), "{seen:#?}");
    }
}

/// What is wrong on the primary without a replica takes its own numbers and those against it, and no others.
#[test]
fn a_broken_baseline_takes_what_is_compared_with_it() {
    if left_out("postgres") {
        return;
    }
    let of = ("tpcb", only(HONEST));
    let (summary, rows) = fail(&Place::open("postgres"), of, Failing::Keeps, &Stop::default());
    assert_eq!((summary.failed, summary.could_not_run), (1, 0), "{rows:#?}");
    let why = why_none(&rows, "throughput_ratio", HONEST);
    assert!(why.contains("history_rows_none"), "{why}");
    assert_eq!(value(&rows, "check_history_rows_none before", ""), 0.0);
    assert_eq!(value(&rows, &format!("check_history_rows_{HONEST}"), ""), 1.0);
    let of = |name: &str| -> Vec<_> {
        let its = rows.iter().filter(|row| row.transaction == name && row.value.is_some());
        its.map(|row| row.status).collect()
    };
    for (name, status) in [(NONE, Status::Failed), (HONEST, Status::Ok)] {
        assert!(!of(name).is_empty() && of(name).iter().all(|its| *its == status), "{rows:#?}");
    }
}

/// Runs the failover of a driver whose clusters fail so.
fn fail_over(failing: Failing, stop: &Stop) -> (RunSummary, Vec<Measurement>) {
    fail(&Place::open("postgres"), ("failover", ReplicationOptions::default()), failing, stop)
}

/// Runs a benchmark of such a driver.
fn fail(
    place: &Place,
    (benchmark, replication): (&str, ReplicationOptions),
    failing: Failing,
    stop: &Stop,
) -> (RunSummary, Vec<Measurement>) {
    let driver = UnsafeDriver { driver: Arc::clone(&place.driver), failing };
    let driver: Arc<dyn Driver> = Arc::new(driver);
    let (kept, benchmark) = (Kept::default(), named(replication::benchmarks(), benchmark));
    let version = place.runtime.block_on(driver.server_info()).unwrap().version;
    let selection = Selection { suite: "replication", benchmark: benchmark.as_ref() };
    let options = RunOptions { replication, ..run_options() };
    let drivers = [(driver, version)];
    let runtime = &place.runtime;
    let summary = run(&[selection], &drivers, &options, runtime, &kept, &Unseen, stop).unwrap();
    (summary, kept.rows().into_iter().map(|(_, row)| row).collect())
}

/// Commits that no replica received are gone with the primary, and are told: where nobody promised otherwise as a
/// number, where it was promised as a failure, which takes nothing from the numbers of the others.
#[test]
fn losses_are_told() {
    if left_out("postgres") {
        return;
    }
    let (summary, rows) = fail_over(Failing::Receives, &Stop::default());
    assert_eq!((summary.failed, summary.could_not_run), (1, 0), "{rows:#?}");
    for (name, status) in [(HONEST, Status::Ok), (SWORN, Status::Failed)] {
        let lost = value(&rows, "lost_commits", name);
        assert!(lost > 0.0, "{name}: {rows:#?}");
        // Those on the new primary outlive the old one.
        assert!(lost < value(&rows, "acknowledged_commits", name), "{name}");
        let its = rows.iter().filter(|row| row.transaction == name);
        assert!(
            its.clone().count() > 0 && its.clone().all(|row| row.status == status),
            "{rows:#?}"
        );
        assert_eq!(value(&rows, &format!("check_whole_{name}"), ""), 1.0, "{name}");
    }
    assert_eq!(value(&rows, &format!("check_none_lost_{SWORN}"), ""), 0.0);
    assert!(!rows.iter().any(|row| row.metric == format!("check_none_lost_{HONEST}")));
}

/// A topology that fails after its start, or that all others are compared with and does not come up, breaks no
/// promise: it is told by its name and reason, whether or not there is any number of another one.
#[test]
fn what_does_not_work_is_told_and_breaks_no_promise() {
    if left_out("postgres") {
        return;
    }
    let place = Place::open("postgres");
    for (benchmark, topology, broken, measured) in
        [("failover", None, SWORN, 1), ("failover", Some(SWORN), SWORN, 0), ("tpcb", None, NONE, 0)]
    {
        let failing = if broken == NONE { &[NONE][..] } else { &[SWORN][..] };
        let of = (benchmark, topology);
        let options = topology.map_or_else(ReplicationOptions::default, only);
        let failing = Failing::Works(failing);
        let (summary, rows) = fail(&place, (benchmark, options), failing, &Stop::default());
        let counts = (summary.measured, summary.failed, summary.could_not_run);
        assert_eq!(counts, (measured, 0, 1), "{of:?}: {rows:#?}");
        let its: Vec<_> = rows.iter().filter(|row| row.status == Status::Failed).collect();
        assert_eq!(its.len(), 1, "{of:?}: {rows:#?}");
        assert_eq!((its[0].transaction.as_str(), its[0].value), (broken, None));
        assert!(its[0].detail.contains(REFUSAL), "{rows:#?}");
        assert!(!rows.iter().any(|row| row.detail.contains("wrong before")), "{rows:#?}");
        let others = rows.iter().filter(|row| row.transaction == HONEST).count();
        assert_eq!(others > 0, measured > 0, "{rows:#?}");
    }
}

/// Whoever asks for the end does not wait for servers that start or are promoted.
#[test]
fn the_end_is_heeded_while_servers_take_their_time() {
    if left_out("postgres") {
        return;
    }
    for failing in [Failing::Starts as fn(Stop) -> Failing, Failing::Promotes] {
        let stop = Stop::default();
        let (summary, rows) = fail_over(failing(stop.clone()), &stop);
        assert!(summary.interrupted, "{summary:?}");
        assert_eq!((summary.failed, summary.could_not_run), (0, 0), "{rows:#?}");
        assert!(rows.iter().any(|row| row.status == Status::Interrupted), "{rows:#?}");
    }
}
