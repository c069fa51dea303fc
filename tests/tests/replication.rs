//! The replication suite on real servers, at small scale: every kind of topology, what they promise, and what
//! becomes of replicas in trouble.

mod delayed;
mod kinds;
mod network;
mod sqlite;
mod trouble;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use dbdyno_core::load::Length;
use dbdyno_core::metrics::Source;
use dbdyno_core::query::scalar_sql;
use dbdyno_core::{
    Access, Cluster, ClusterPlan, Driver, Durability, ErrorClass, LoadWatch, Measurement,
    SessionOptions, Shape, Status,
};
use dbdyno_monitor::{Memory, Monitor, Sink};
use dbdyno_suites::replication;
use dbdyno_suites::replication::ReplicationOptions;
use dbdyno_suites::runner::RunOptions;
use dbdyno_tests::{Kept, left_out, named, run_one, run_options, runtime, target, wait_for};
use tokio::runtime::Runtime;

use super::monitor::{INTERVAL, Seen};

/// How long replicas may take to show what the primary has.
const LIMIT: Duration = Duration::from_secs(60);

/// An engine that is up.
struct Place {
    runtime: Runtime,
    driver: Arc<dyn Driver>,
}

impl Place {
    fn open(text: &str) -> Self {
        let runtime = runtime();
        let driver = target(&runtime, text);
        Self { runtime, driver }
    }

    fn measure(&self, name: &str, topologies: &[&str]) -> Vec<Measurement> {
        self.measure_with(name, topologies, ReplicationOptions::default())
    }

    /// The same with options of its own, but for the topologies.
    fn measure_with(
        &self,
        name: &str,
        topologies: &[&str],
        options: ReplicationOptions,
    ) -> Vec<Measurement> {
        // Few of these are ended in a short time.
        let length = match name {
            "bulk-update" => Length::Transactions(24),
            _ => Length::Duration(Duration::from_millis(700)),
        };
        self.measure_for(length, (name, topologies), options, None)
    }

    fn measure_for(
        &self,
        length: Length,
        (name, topologies): (&str, &[&str]),
        options: ReplicationOptions,
        watch: Option<Arc<dyn LoadWatch>>,
    ) -> Vec<Measurement> {
        let (kept, benchmark) = (Kept::default(), named(replication::benchmarks(), name));
        let topologies = topologies.iter().map(|name| (*name).to_owned()).collect();
        let options = RunOptions {
            length,
            warmup: Duration::ZERO,
            replication: ReplicationOptions { topologies: Some(topologies), ..options },
            watch,
            ..run_options()
        };
        run_one(&self.runtime, &self.driver, ("replication", benchmark.as_ref()), &options, &kept);
        let rows: Vec<_> = kept.rows().into_iter().map(|(_, row)| row).collect();
        let failed: Vec<_> = rows.iter().filter(|row| row.status == Status::Failed).collect();
        assert!(failed.is_empty(), "{name} on {}: {failed:#?}", self.driver.engine());
        rows
    }

    fn start(&self, topology: &str, link: bool) -> Arc<dyn Cluster> {
        let plan = ClusterPlan { link, ..ClusterPlan::of(Durability::Full) };
        let replication = self.driver.replication().unwrap();
        self.runtime.block_on(replication.start(topology, plan)).unwrap()
    }

    fn run(&self, node: &dyn Driver, sql: &str) {
        self.runtime.block_on(async {
            let mut session = node.connect(&SessionOptions::default()).await.unwrap();
            session.run_sql(sql).await.unwrap();
        });
    }

    fn number(&self, node: &dyn Driver, sql: &str) -> i64 {
        self.runtime.block_on(async {
            let mut session = node.connect(&SessionOptions::default()).await.unwrap();
            scalar_sql(&mut *session, sql).await.unwrap()
        })
    }
}

fn value(rows: &[Measurement], metric: &str, of: &str) -> f64 {
    let found = rows.iter().find(|row| row.metric == metric && row.transaction == of);
    let found = found.unwrap_or_else(|| panic!("no {metric} of `{of}` in {rows:#?}"));
    found.value.unwrap_or_else(|| panic!("{metric} of {of}: {}", found.detail))
}

/// Every replica shows every beat and, in the end, the same tables; these have what clients were told.
fn lag(place: &Place, topologies: &[(&str, u32)]) -> Vec<Measurement> {
    let rows = lag_of(place, "tpcb", topologies);
    for (name, _) in topologies {
        assert_eq!(value(&rows, &format!("check_history_rows_{name}"), ""), 1.0, "{name}");
    }
    rows
}

/// The same under another load.
fn lag_of(place: &Place, load: &str, topologies: &[(&str, u32)]) -> Vec<Measurement> {
    let names: Vec<&str> = topologies.iter().map(|(name, _)| *name).collect();
    let rows = place.measure(load, &names);
    assert!(value(&rows, "throughput", "none") > 0.0);
    for (name, replicas) in topologies {
        let ratio = rows.iter().find(|row| {
            row.metric == "throughput_ratio" && row.transaction == *name && row.value > Some(0.0)
        });
        let ratio = ratio.unwrap_or_else(|| panic!("no ratio of {name} in {rows:#?}"));
        assert!(ratio.detail.contains(" per second around it"), "{ratio:?}");
        assert!(value(&rows, "commit_p50_us", name) > 0.0, "{name}");
        for number in 1..=*replicas {
            let replica = format!("{name}/replica-{number}");
            let visible = ["p50", "p95", "p99", "max"]
                .map(|at| value(&rows, &format!("visible_{at}_us"), &replica));
            assert!(visible.is_sorted() && visible[0] > 0.0, "{replica}: {visible:?}");
            assert_eq!(value(&rows, "beats_unseen", &replica), 0.0, "{replica}");
            let equal = format!("check_replica_{number}_equals_primary_{name}");
            assert_eq!(value(&rows, &equal, ""), 1.0, "{replica}");
        }
    }
    rows
}

/// What was acknowledged outlives the primary where that is promised, and nothing is half there anywhere.
fn failover(place: &Place, topologies: &[&str]) {
    let rows = place.measure("failover", topologies);
    let kept = place.driver.replication().unwrap().topologies();
    for name in topologies {
        let promotion = value(&rows, "failover_promotion_ms", name);
        assert!(value(&rows, "failover_rto_ms", name) >= promotion && promotion > 0.0, "{name}");
        assert!(value(&rows, "acknowledged_commits", name) > 0.0, "{name}");
        assert_eq!(value(&rows, &format!("check_whole_{name}"), ""), 1.0, "{name}");
        let topology = kept.iter().find(|topology| topology.name == *name).unwrap();
        let promised = format!("check_none_lost_{name}");
        let check = rows.iter().find(|row| row.metric == promised);
        assert_eq!(check.is_some(), topology.acknowledged.outlives_primary(), "{name}");
        if check.is_some() {
            assert_eq!(value(&rows, "lost_commits", name), 0.0, "{name}");
        }
    }
}

/// Nothing of a cluster is left once it is dropped.
fn tidy(place: &Place) {
    let cluster = place.start("async", false);
    let info = place.runtime.block_on(cluster.replicas()[0].server_info()).unwrap();
    let folder = std::path::PathBuf::from(&info.settings["data_folder"]);
    assert!(folder.exists());
    drop(cluster);
    wait_for("the folder to be gone", || (!folder.exists()).then_some(()));
}

/// What there is not is told with what there is.
fn unknown(place: &Place) {
    let rows = place.measure("catch-up", &["telepathy"]);
    assert!(rows.iter().all(|row| row.status == Status::Unsupported), "{rows:#?}");
    assert!(rows.iter().any(|row| row.detail.contains("the driver has none, async")), "{rows:#?}");
}

#[test]
fn postgres_replicates() {
    if left_out("postgres") {
        return;
    }
    let place = Place::open("postgres");
    let rows = lag(&place, &[("any-1-on", 2), ("cascading", 2), ("logical", 1)]);
    // What is said of the second in a chain is not counted from the primary.
    for (replica, is_told) in [("cascading/replica-1", false), ("cascading/replica-2", true)] {
        let is_said =
            |row: &&Measurement| row.transaction == replica && row.metric.starts_with("reported_");
        let details: Vec<_> = rows.iter().filter(is_said).map(|row| &row.detail).collect();
        assert!(!details.is_empty(), "{rows:#?}");
        let tells = |detail: &&String| detail.contains("not the primary");
        assert!(details.iter().all(|detail| tells(detail) == is_told), "{details:?}");
    }
    lag_of(&place, "tpcc", &[("remote-write", 1)]);
    failover(&place, &["async", "remote-apply"]);
    network::each_link(&place, "on");
    tidy(&place);
    unknown(&place);
}

#[test]
fn mariadb_replicates() {
    if left_out("mariadb") {
        return;
    }
    let place = Place::open("mariadb");
    lag(&place, &[("async-parallel-4", 1), ("semi-sync", 1)]);
    lag_of(&place, "bulk-update", &[("async-mixed", 1), ("semi-sync-2", 2)]);
    failover(&place, &["async", "semi-sync"]);
    network::partition(&place);
    tidy(&place);
}

#[test]
fn galera_replicates() {
    if left_out("mariadb") {
        return;
    }
    let place = Place::open("mariadb");
    failover(&place, &["galera"]);
}

#[test]
fn galera_shows_what_was_committed() {
    if left_out("mariadb") {
        return;
    }
    lag(&Place::open("mariadb"), &[("galera", 2)]);
}

/// A commit is there with the replica that was quicker, whichever is promoted.
#[test]
fn one_of_two_replicas_is_enough() {
    if left_out("postgres") {
        return;
    }
    let (place, name) = (Place::open("postgres"), "any-1-remote-apply");
    lag(&place, &[(name, 2)]);
    failover(&place, &[name]);
    let rows = readers(&place, name);
    // The other one may miss what a reader wrote.
    assert!(!rows.iter().any(|row| row.metric.starts_with("check_reads_its_writes")), "{rows:#?}");
}

/// A run is told of the servers that its loads run on, and not of the target, which has nothing to do.
fn nodes_are_watched(place: &Place, name: &str) -> Vec<Measurement> {
    let (memory, seen) = (Arc::new(Memory::new(Vec::new())), Arc::new(Seen::default()));
    let drivers = vec![Arc::clone(&place.driver)];
    let sinks: Vec<Arc<dyn Sink>> = vec![memory.clone(), seen.clone()];
    let monitor = Monitor::start_with(drivers, memory.guests(), INTERVAL, sinks, false).unwrap();
    let options = ReplicationOptions::default();
    // Long enough for two samples of servers that have much to do.
    let length = Length::Duration(Duration::from_secs(3));
    let rows = place.measure_for(length, ("reads", &[name]), options, Some(memory));
    monitor.stop().unwrap();
    let node = format!("{} ({name}, ", place.driver.target());
    let used = seen.of(Source::Server, "cpu_s");
    let nodes: BTreeSet<&str> = used.iter().map(|sample| &*sample.target).collect();
    let topologies = place.driver.replication().unwrap().topologies();
    let topology = topologies.iter().find(|topology| topology.name == name).unwrap();
    assert_eq!(nodes.len(), topology.replicas as usize + 2, "{nodes:?}");
    let lags = seen.of(Source::Engine, "replication_behind_s");
    // Peers replicate by certification, of which engines tell no lag.
    let tells = lags.iter().any(|sample| sample.target.starts_with(&node));
    assert_eq!(tells, topology.shape != Shape::Peers, "{lags:?}");
    let idle: Vec<_> =
        used.iter().filter(|sample| sample.target == place.driver.target()).collect();
    let (first, last) = (idle[0], idle[idle.len() - 1]);
    let elapsed_s = last.taken.duration_since(first.taken).as_secs_f64();
    let idle = (last.reading.value - first.reading.value) / elapsed_s;
    for load in ["writes", "primary", "spread"].map(|load| format!("{name} {load}")) {
        assert!(value(&rows, "server_processors", &load) > 2.0 * idle, "{load}: {idle}");
        assert!(
            rows.iter().any(|row| row.metric == "client_bottleneck" && row.transaction == load)
        );
    }
    rows
}

/// Reads from the primary and spread over all nodes, and probes that miss their own writes or not.
fn readers(place: &Place, name: &str) -> Vec<Measurement> {
    let rows = nodes_are_watched(place, name);
    assert!(value(&rows, "read_your_writes_reads", name) > 0.0);
    assert!(value(&rows, "monotonic_reads", name) > 0.0);
    for load in ["writes", "primary", "spread"] {
        assert!(value(&rows, "throughput", &format!("{name} {load}")) > 0.0, "{load}");
    }
    rows
}

/// How replicas catch up, measured again where a busy server did not say in time how far one is behind.
fn caught_up(place: &Place, topologies: &[&str], said: &str) -> Vec<Measurement> {
    let mut courses = (0..3).map(|_| place.measure("catch-up", topologies));
    let is_said = |rows: &Vec<Measurement>| {
        rows.iter().any(|row| row.metric == said && row.transaction == "async")
    };
    courses.find(is_said).unwrap_or_else(|| panic!("no {said} of async"))
}

/// A replica that is stopped is behind, and has what it missed in the end.
#[test]
fn mariadb_is_read_from_stopped_and_far_away() {
    if left_out("mariadb") {
        return;
    }
    let place = Place::open("mariadb");
    readers(&place, "semi-sync");
    network::each_link(&place, "semi-sync");
    let rows = caught_up(&place, &["async"], "behind_transactions");
    let of = |metric| value(&rows, metric, "async");
    assert!(of("beats_while_away") > 1.0 && of("behind_transactions") > 0.0, "{rows:#?}");
    assert!(of("catch_up_ms") > 0.0 && of("drained_ms") >= 0.0, "{rows:#?}");
    // One that had not caught up counts, and is told.
    let row = rows.iter().find(|row| row.metric == "catch_up_ms").unwrap();
    let told = row.detail.contains("it takes longer");
    assert_eq!(of("not_caught_up"), f64::from(u8::from(told)), "{row:#?}");
    assert_eq!(value(&rows, "check_replica_1_equals_primary_async", ""), 1.0);
}

/// Two nodes change the same row: the one that commits last is told so by a class of its own, and what all see
/// is what the other one wrote.
#[test]
fn nodes_of_a_cluster_certify_against_each_other() {
    if left_out("mariadb") {
        return;
    }
    let place = Place::open("mariadb?cluster=3");
    let driver = &*place.driver;
    let namespace = driver.dialect().ensure_namespace("certified");
    namespace.iter().for_each(|sql| place.run(driver, sql));
    place.run(driver, "CREATE TABLE certified.rows (id INT NOT NULL PRIMARY KEY, n INT NOT NULL)");
    place.run(driver, "INSERT INTO certified.rows VALUES (1, 0)");
    let options =
        SessionOptions { isolation: Some(driver.default_isolation()), ..SessionOptions::default() };
    let read = "SELECT n FROM certified.rows WHERE id = 1";
    // Sessions with a level of isolation are those of clients, which are spread over the nodes.
    let connect = || place.runtime.block_on(driver.connect(&options)).unwrap();
    let (mut first, mut second) = (connect(), connect());
    for session in [&mut first, &mut second] {
        let count = "SELECT COUNT(*) FROM certified.rows";
        let mut rows = || place.runtime.block_on(scalar_sql(&mut **session, count));
        wait_for("the row on each node", || rows().is_ok_and(|rows| rows == 1).then_some(()));
    }
    let class = place.runtime.block_on(async {
        first.begin(Access::Write).await.unwrap();
        second.begin(Access::Write).await.unwrap();
        first.run_sql("UPDATE certified.rows SET n = 1 WHERE id = 1").await.unwrap();
        second.run_sql("UPDATE certified.rows SET n = 2 WHERE id = 1").await.unwrap();
        first.commit().await.unwrap();
        second.commit().await.unwrap_err().class
    });
    assert_eq!(class, ErrorClass::Certification);
    assert_eq!(place.number(driver, read), 1);
}

/// Readers of a replica that commits wait for see their own writes; stopped replicas catch up.
#[test]
fn readers_and_stopped_replicas() {
    if left_out("postgres") {
        return;
    }
    let place = Place::open("postgres");
    let rows = readers(&place, "remote-apply");
    assert_eq!(value(&rows, "read_your_writes_violations", "remote-apply"), 0.0);
    assert_eq!(value(&rows, "check_reads_its_writes_remote-apply", ""), 1.0);
    let rows = caught_up(&place, &["async", "remote-apply"], "behind_bytes");
    let away = value(&rows, "away_ms", "remote-apply");
    // No commit is acknowledged while the replica that it waits for stands still, but for one whose answer was
    // under way; the first beat that meets this may begin a while after that did.
    assert!(value(&rows, "beats_while_away", "remote-apply") <= 1.0, "{rows:#?}");
    assert!(value(&rows, "beats_while_away", "async") > 1.0, "{rows:#?}");
    assert!(value(&rows, "commit_longest_ms", "remote-apply") >= away / 2.0, "{rows:#?}");
    assert!(value(&rows, "visible_longest_ms", "async") >= away / 2.0, "{rows:#?}");
    assert!(value(&rows, "commit_longest_ms", "async") < away, "{rows:#?}");
    // What a primary that stood still did cannot be caught up with.
    let speeds = rows.iter().filter(|row| row.metric == "catch_up_speed");
    assert!(speeds.map(|row| row.transaction.as_str()).eq(["async"]), "{rows:#?}");
    assert!(value(&rows, "behind_bytes", "async") > 0.0);
}

/// A target whose clients are to be at a distance is not replicated next to them without a word.
#[test]
fn a_round_trip_is_refused() {
    if left_out("postgres") {
        return;
    }
    let place = Place::open("postgres?round_trip=1ms");
    let rows = place.measure("failover", &["async"]);
    assert!(rows.iter().all(|row| row.status == Status::Unsupported), "{rows:#?}");
    assert!(rows.iter().any(|row| row.detail.contains("`round_trip` has no effect")), "{rows:#?}");
}

/// What cannot be replicated is a row that says so.
#[test]
fn what_does_not_replicate_says_so() {
    let place = Place::open("sqlite?driver=sqlx");
    let rows = place.measure("reads", &[]);
    assert!(rows.iter().all(|row| row.status == Status::Unsupported), "{rows:#?}");
}

/// Classes of errors have names of their own.
#[test]
fn classes_have_names_of_their_own() {
    let mut names: Vec<&str> = ErrorClass::ALL.iter().map(|class| class.name()).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), ErrorClass::ALL.len());
}
