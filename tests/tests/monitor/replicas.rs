//! Replicas that stand still, really stopped, as those see them who watch the primary or the replica.

use std::sync::Arc;

use dbdyno_core::metrics::Source;
use dbdyno_core::query::scalar_sql;
use dbdyno_core::{Cluster, ClusterPlan, Driver, Durability, SessionOptions};
use dbdyno_monitor::{Alerts, Change, Condition, Monitor, Op, Sink};
use dbdyno_tests::{left_out, runtime, target, wait_for};
use tokio::runtime::Runtime;

use super::{INTERVAL, Seen, Told, rule};

/// A cluster of one replica with rules over one of its nodes: one for how far the replica is behind, one for whether it
/// is there, and one for whether the node answers.
struct Watched {
    runtime: Runtime,
    cluster: Arc<dyn Cluster>,
    seen: Arc<Seen>,
    told: Arc<Told>,
    _monitor: Monitor,
}

impl Watched {
    fn start(engine: &str, node: impl Fn(&dyn Cluster) -> Arc<dyn Driver>) -> Self {
        let runtime = runtime();
        let place = target(&runtime, engine);
        let plan = ClusterPlan::of(Durability::Process);
        let cluster = runtime.block_on(place.replication().unwrap().start("async", plan)).unwrap();
        runtime.block_on(cluster.engage()).unwrap();
        let drivers = [node(cluster.as_ref())];
        let of_node = |name, metric, condition, ms| {
            rule(drivers[0].as_ref(), name, &format!("engine.{metric}"), condition, ms)
        };
        let above = |threshold| Condition::Beyond {
            op: Op::Above,
            threshold,
            clear: None,
            rate: None,
            baseline: None,
        };
        let rules = vec![
            of_node("behind", "replication_behind_s", above(1.0), 0),
            of_node("stopped", "replication_stopped", above(0.0), 200),
            of_node("silent", "connections", Condition::Absent, 500),
        ];
        let told = Arc::new(Told::default());
        let seen = Arc::new(Seen::default());
        let alerts = Alerts::new(rules, (&drivers, INTERVAL), vec![told.clone()], None);
        let sinks: Vec<Arc<dyn Sink>> = vec![Arc::new(alerts), seen.clone()];
        let monitor = Monitor::start(drivers.to_vec(), INTERVAL, sinks).unwrap();
        Self { runtime, cluster, seen, told, _monitor: monitor }
    }

    fn run(&self, driver: &dyn Driver, sql: &str) {
        self.runtime.block_on(async {
            let mut session = driver.connect(&SessionOptions::default()).await.unwrap();
            session.run_sql(sql).await.unwrap();
        });
    }

    /// Breaks the session that asks, and waits until another one has told of replicas.
    fn break_session(&self, driver: &dyn Driver, sql: &str) {
        let told = || self.seen.of(Source::Engine, "replication_stopped").len();
        let silences = self.seen.silences();
        self.run(driver, sql);
        wait_for("a broken session", || (self.seen.silences() > silences).then_some(()));
        let silent = told();
        wait_for("another session", || (told() > silent).then_some(()));
    }

    fn became(&self, rule: &str, wanted: Change) {
        wait_for(rule, || (self.told.of(rule).last() == Some(&wanted)).then_some(()));
    }
}

#[test]
fn a_replica_that_stands_still_or_is_gone_is_told_of_by_its_primary() {
    if left_out("postgres") {
        return;
    }
    let watched = Watched::start("postgres", |cluster| cluster.primary());
    let (primary, replica) = (watched.cluster.primary(), watched.cluster.replicas().remove(0));
    let control = replica.server_control().unwrap();
    let last = |metric| watched.seen.last(Source::Engine, metric);
    watched.run(primary.as_ref(), "CREATE TABLE behind (id INTEGER PRIMARY KEY)");
    wait_for("a replica that has all", || last("replication_behind_s").filter(|age| *age == 0.0));
    // What the server says of its lag stays as it is from here on.
    control.pause().unwrap();
    watched.run(primary.as_ref(), "INSERT INTO behind VALUES (1)");
    watched.became("behind", Change::Fired);
    assert!(last("replication_lag_bytes").unwrap() > 0.0);
    assert_eq!(last("replication_stopped"), Some(0.0));
    control.resume().unwrap();
    watched.became("behind", Change::Resolved);
    control.kill().unwrap();
    watched.became("stopped", Change::Fired);
    // Who is missed is known for longer than by one session.
    watched.break_session(
        primary.as_ref(),
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'dbdyno monitor'",
    );
    assert_eq!(watched.told.of("stopped"), [Change::Fired]);
    watched.run(primary.as_ref(), "INSERT INTO behind VALUES (2)");
    watched.became("behind", Change::Fired);
    control.ensure_running().unwrap();
    watched.became("stopped", Change::Resolved);
    watched.became("behind", Change::Resolved);
}

/// A connection that breaks, and the one that replaces it.
#[test]
fn a_replica_that_comes_back_by_another_connection_is_told_of_once() {
    if left_out("postgres") {
        return;
    }
    let watched = Watched::start("postgres", |cluster| cluster.primary());
    let (primary, replica) = (watched.cluster.primary(), watched.cluster.replicas().remove(0));
    let told = || watched.seen.of(Source::Engine, "replication_stopped");
    let last = || watched.seen.last(Source::Engine, "replication_stopped");
    let connection = || {
        watched.runtime.block_on(async {
            let mut session = primary.connect(&SessionOptions::default()).await.unwrap();
            let sql = "SELECT coalesce(max(pid), 0) FROM pg_stat_replication";
            scalar_sql(session.as_mut(), sql).await.unwrap()
        })
    };
    wait_for("a replica", || last().filter(|gone| *gone == 0.0));
    let before = connection();
    let control = replica.server_control().unwrap();
    // So that it does not come back before it was missed.
    control.pause().unwrap();
    watched.run(primary.as_ref(), "SELECT pg_terminate_backend(pid) FROM pg_stat_replication");
    watched.became("stopped", Change::Fired);
    control.resume().unwrap();
    watched.became("stopped", Change::Resolved);
    let after = wait_for("another connection", || Some(connection()).filter(|pid| *pid != 0));
    assert_ne!(before, after);
    let samples = told().len();
    wait_for("more samples", || (told().len() >= samples + 5).then_some(()));
    let later = &told()[samples..];
    // Neither is it missed nor are there two of it.
    assert!(later.iter().all(|sample| sample.reading.value == 0.0), "{later:?}");
    assert!(later.windows(2).all(|pair| pair[0].at < pair[1].at), "{later:?}");
}

#[test]
fn a_replica_that_does_not_apply_or_stands_still_is_told_of_where_it_is_asked() {
    if left_out("mariadb") {
        return;
    }
    let watched = Watched::start("mariadb", |cluster| cluster.replicas().remove(0));
    let replica = watched.cluster.replicas().remove(0);
    wait_for("a replica that has all", || {
        let lag = watched.seen.last(Source::Engine, "replication_lag_s");
        lag.filter(|lag| *lag == 0.0)
    });
    // Where a thread does not run the server knows of no lag.
    watched.run(replica.as_ref(), "STOP SLAVE SQL_THREAD");
    watched.became("stopped", Change::Fired);
    watched.became("behind", Change::Fired);
    watched.break_session(
        replica.as_ref(),
        "BEGIN NOT ATOMIC EXECUTE IMMEDIATE CONCAT('KILL ', IS_USED_LOCK('dbdyno monitor')); END",
    );
    assert_eq!(watched.told.of("behind"), [Change::Fired]);
    watched.run(replica.as_ref(), "START SLAVE SQL_THREAD");
    watched.became("stopped", Change::Resolved);
    watched.became("behind", Change::Resolved);
    let control = replica.server_control().unwrap();
    control.pause().unwrap();
    watched.became("silent", Change::Fired);
    control.resume().unwrap();
    watched.became("silent", Change::Resolved);
    // One that is behind and is then no replica any more, on purpose, is told of no more; and what it is led to afterwards
    // is not told with what was known before.
    watched.run(replica.as_ref(), "STOP SLAVE SQL_THREAD");
    watched.became("behind", Change::Fired);
    watched.run(replica.as_ref(), "STOP SLAVE");
    watched.run(replica.as_ref(), "RESET SLAVE ALL");
    watched.became("behind", Change::Resolved);
    watched.became("stopped", Change::Resolved);
    let stopped = || watched.seen.of(Source::Engine, "replication_stopped").len();
    let before = stopped();
    watched.run(
        replica.as_ref(),
        "CHANGE MASTER TO MASTER_HOST = '127.0.0.1', MASTER_PORT = 1, MASTER_USER = 'nobody'",
    );
    wait_for("a replica of another primary", || (stopped() > before).then_some(()));
    let behind = watched.seen.of(Source::Engine, "replication_behind_s");
    assert_eq!(behind[before].reading.value, 0.0, "{:?}", behind[before]);
}
