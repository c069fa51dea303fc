//! The ready-made rules as they are, each fired by a fault made for real. Those of the command line's tests are not here
//! (`stall`, `disk`, `cache-hit-rate`).

use std::sync::{Arc, Barrier, Mutex, PoisonError};
use std::time::Duration;

use dbdyno_core::load::{Length, UnderWay};
use dbdyno_core::measurement::Second;
use dbdyno_core::metrics::Source;
use dbdyno_core::query::scalar_sql;
use dbdyno_core::{Access, Case, Cluster, ClusterPlan, Driver, Durability, SessionOptions, Stop};
use dbdyno_monitor::{
    Alerts, Change, Condition, Fires, LoadListener, Monitor, Overheard, READY_MADE, Rule, Severity,
    Sink,
};
use dbdyno_suites::oltp;
use dbdyno_suites::runner::{RunOptions, Selection, run};
use dbdyno_tests::{Kept, Unseen, left_out, named, run_options, runtime, target, wait_for};
use tokio::runtime::Runtime;

use super::{INTERVAL, Place, Seen, Told, rule, servers};

/// A ready-made rule with its own threshold and time.
fn ready_made(driver: &dyn Driver, name: &str) -> Rule {
    let found = READY_MADE.iter().find(|rule| rule.name == name).unwrap();
    let condition = match found.fires {
        Fires::Beyond { op, threshold, clear } => {
            Condition::Beyond { op, threshold, clear: Some(clear), rate: None, baseline: None }
        }
        Fires::Absent => Condition::Absent,
    };
    let ms = found.lasting.as_millis().try_into().unwrap();
    rule(driver, name, found.metric, condition, ms)
}

/// Watches a target by ready-made rules.
struct Watched {
    seen: Arc<Seen>,
    told: Arc<Told>,
    alerts: Arc<Alerts>,
    _monitor: Monitor,
}

impl Watched {
    /// `stop` is asked for once a rule fires.
    fn start(driver: &Arc<dyn Driver>, rules: &[&str], stop: &Stop) -> Self {
        let drivers = [Arc::clone(driver)];
        let rules = rules.iter().map(|name| ready_made(driver.as_ref(), name)).collect();
        let (seen, told) = (Arc::new(Seen::default()), Arc::new(Told::default()));
        let abort = Some((Severity::Warn, stop.clone()));
        let alerts = Arc::new(Alerts::new(rules, (&drivers, INTERVAL), vec![told.clone()], abort));
        let sinks: Vec<Arc<dyn Sink>> = vec![seen.clone(), alerts.clone()];
        let monitor = Monitor::start(drivers.to_vec(), INTERVAL, sinks).unwrap();
        Self { seen, told, alerts, _monitor: monitor }
    }

    fn fires(&self, rule: &str) {
        let fired = || self.told.of(rule).contains(&Change::Fired);
        wait_for(rule, || fired().then_some(()));
    }

    fn last(&self, metric: &str) -> Option<f64> {
        self.seen.last(Source::Engine, metric)
    }
}

/// What the clients of a load have under way.
#[derive(Default)]
struct Clients(Mutex<Option<Arc<UnderWay>>>);

impl Clients {
    fn under_way(&self) -> Option<Arc<UnderWay>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl LoadListener for Clients {
    fn began(&self, _: &Case, _: &[String], under_way: &Arc<UnderWay>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(under_way));
    }

    fn second(&self, _: &Case, _: &[Second]) {}
}

/// Runs pgbench's transactions until a rule fires, with a fault beside them: it is given the driver and what the
/// clients have under way.
fn load_beside(rule: &str, fault: impl Fn(&Arc<dyn Driver>, &UnderWay, &Stop) + Sync) {
    let (runtime, stop) = (runtime(), Stop::default());
    let driver = target(&runtime, "postgres");
    let watched = Watched::start(&driver, &[rule], &stop);
    let clients = Arc::new(Clients::default());
    let listeners: Vec<Arc<dyn LoadListener>> = vec![watched.alerts.clone(), clients.clone()];
    let recorder = Overheard::new(Arc::new(Kept::default()), listeners);
    let benchmark = named(oltp::benchmarks(), "tpcb");
    let selection = Selection { suite: "oltp", benchmark: benchmark.as_ref() };
    let version = runtime.block_on(driver.server_info()).unwrap().version;
    let options = RunOptions {
        clients: Some(vec![2]),
        // It ends with the alert, or the test has failed.
        length: Length::Duration(Duration::from_secs(50)),
        ..run_options()
    };
    std::thread::scope(|scope| {
        scope.spawn(|| fault(&driver, &wait_for("a load", || clients.under_way()), &stop));
        let drivers = [(Arc::clone(&driver), version)];
        run(&[selection], &drivers, &options, &runtime, &recorder, &Unseen, &stop).unwrap();
        // For the fault to end, whether the rule fired or not.
        stop.request();
    });
    assert_eq!(watched.told.of(rule).first(), Some(&Change::Fired), "{rule}");
}

const TPCB: &str = "dbdyno_tpcb";

fn tpcb() -> SessionOptions {
    SessionOptions { namespace: Some(TPCB.to_owned()), ..SessionOptions::default() }
}

/// Somebody locks the row that every transaction needs, again and again, for longer than a second.
#[test]
fn response_times_are_told_of_while_a_lock_is_held() {
    if left_out("postgres") {
        return;
    }
    load_beside("p99", |driver, under_way, stop| {
        runtime().block_on(async {
            let mut holder = driver.connect(&tpcb()).await.unwrap();
            while !stop.is_requested() {
                holder.begin(Access::Write).await.unwrap();
                let lock = "UPDATE pgbench_branches SET bbalance = bbalance WHERE bid = 1";
                holder.run_sql(lock).await.unwrap();
                let waited = Duration::from_millis(1_200);
                let waits = || under_way.oldest().is_some_and(|oldest| oldest > waited);
                wait_for("clients that wait", || (waits() || stop.is_requested()).then_some(()));
                holder.commit().await.unwrap();
            }
        });
    });
}

/// A constraint that half of the transactions break.
#[test]
fn errors_are_told_of_where_a_constraint_is_broken() {
    if left_out("postgres") {
        return;
    }
    load_beside("error-rate", |driver, _, _| {
        runtime().block_on(async {
            let mut session = driver.connect(&tpcb()).await.unwrap();
            let broken = "ALTER TABLE pgbench_history ADD CHECK (aid % 2 = 0) NOT VALID";
            session.run_sql(broken).await.unwrap();
        });
    });
}

#[test]
fn two_that_wait_for_each_other_are_told_of() {
    for engine in servers() {
        let place = Place::open(engine);
        let mut session = place.with_table();
        place.run(session.as_mut(), "INSERT INTO watched VALUES (1, 1)");
        let watched = Watched::start(&place.driver, &["deadlocks"], &Stop::default());
        wait_for("a first sample", || watched.last("deadlocks"));
        let both_have_one = Barrier::new(2);
        let locks = |first: u32, second: u32| {
            runtime().block_on(async {
                let mut session = place.driver.connect(&SessionOptions::default()).await.unwrap();
                session.begin(Access::Write).await.unwrap();
                let lock = |id| format!("UPDATE watched SET value = 7 WHERE id = {id}");
                session.run_sql(&lock(first)).await.unwrap();
                both_have_one.wait();
                let locked = session.run_sql(&lock(second)).await.is_ok();
                session.rollback().await.unwrap();
                locked
            })
        };
        let locked = std::thread::scope(|scope| {
            let other = scope.spawn(|| locks(1, 0));
            [locks(0, 1), other.join().unwrap()]
        });
        assert_eq!(locked.iter().filter(|locked| **locked).count(), 1, "{engine}");
        watched.fires("deadlocks");
    }
}

/// A server with few sessions as a user without privileges reaches it. The limit of MariaDB is the least that there is.
fn narrow(runtime: &Runtime, engine: &str) -> (Arc<dyn Driver>, Arc<dyn Driver>) {
    if engine == "mariadb" {
        let driver = target(runtime, engine);
        let limit = "SET GLOBAL max_connections = 10";
        runtime.block_on(async {
            let mut session = driver.connect(&SessionOptions::default()).await.unwrap();
            session.run_sql(limit).await.unwrap();
        });
        return (Arc::clone(&driver), driver);
    }
    let driver = target(runtime, "postgres?set.max_connections=25");
    let port = runtime.block_on(async {
        let mut session = driver.connect(&SessionOptions::default()).await.unwrap();
        session.run_sql("CREATE ROLE ordinary LOGIN PASSWORD 'pw'").await.unwrap();
        scalar_sql(session.as_mut(), "SELECT current_setting('port')::int").await.unwrap()
    });
    let ordinary = format!("postgres://ordinary:pw@127.0.0.1:{port}/postgres");
    (driver, target(runtime, &ordinary))
}

/// As many sessions as there may be.
#[test]
fn sessions_near_their_limit_are_told_of() {
    for engine in servers() {
        let (runtime, stop) = (runtime(), Stop::default());
        let (driver, ordinary) = narrow(&runtime, engine);
        let watched = Watched::start(&driver, &["connections"], &stop);
        wait_for("a first sample", || watched.last("connections_limit"));
        let mut open = Vec::new();
        let connect = || runtime.block_on(ordinary.connect(&SessionOptions::default()));
        while let Ok(session) = connect() {
            open.push(session);
            assert!(open.len() < 500, "{engine} has no limit");
        }
        watched.fires("connections");
        // The one that samples is among them. Three of PostgreSQL's are not for everybody.
        let all = if engine == "postgres" { 22.0 } else { 10.0 };
        assert_eq!(watched.last("connections_limit"), Some(all), "{engine}");
        wait_for("all sessions", || {
            // One that closed a moment ago may have been in the way.
            open.extend(connect());
            watched.last("connections").filter(|count| *count >= all)
        });
    }
}

/// A PostgreSQL that a replica follows.
fn followed(runtime: &Runtime) -> Arc<dyn Cluster> {
    let place = target(runtime, "postgres");
    let plan = ClusterPlan::of(Durability::Process);
    let cluster = runtime.block_on(place.replication().unwrap().start("async", plan)).unwrap();
    runtime.block_on(cluster.engage()).unwrap();
    cluster
}

#[test]
fn a_replica_that_is_gone_and_a_server_that_hangs_are_told_of() {
    if left_out("postgres") {
        return;
    }
    let (runtime, stop) = (runtime(), Stop::default());
    let cluster = followed(&runtime);
    let primary = cluster.primary();
    let watched = Watched::start(&primary, &["replication-stopped", "silent"], &stop);
    wait_for("a replica", || watched.last("replication_stopped").filter(|gone| *gone == 0.0));
    cluster.replicas()[0].server_control().unwrap().kill().unwrap();
    watched.fires("replication-stopped");
    let control = primary.server_control().unwrap();
    control.pause().unwrap();
    watched.fires("silent");
    assert_eq!(watched.told.of("replication-stopped"), [Change::Fired]);
    control.resume().unwrap();
}

/// A replica that stands still while its primary goes on.
#[test]
fn a_replica_that_is_far_behind_is_told_of() {
    if left_out("postgres") {
        return;
    }
    let (runtime, stop) = (runtime(), Stop::default());
    let cluster = followed(&runtime);
    let primary = cluster.primary();
    let watched = Watched::start(&primary, &["replication-lag"], &stop);
    wait_for("a replica", || watched.last("replication_behind_s").filter(|age| *age == 0.0));
    let replica = cluster.replicas().remove(0);
    let control = replica.server_control().unwrap();
    let mut session = runtime.block_on(primary.connect(&SessionOptions::default())).unwrap();
    let mut run = |sql: &str| runtime.block_on(session.run_sql(sql)).unwrap();
    run("CREATE TABLE behind (id INTEGER PRIMARY KEY)");
    control.pause().unwrap();
    let mut number = 0;
    wait_for("an alert", || {
        number += 1;
        run(&format!("INSERT INTO behind VALUES ({number})"));
        watched.told.of("replication-lag").first().copied()
    });
    control.resume().unwrap();
    wait_for("its end", || (watched.told.of("replication-lag").len() == 2).then_some(()));
    assert_eq!(watched.told.of("replication-lag"), [Change::Fired, Change::Resolved]);
}
