//! The load engine on real servers that stall, die and come back.

use std::sync::Arc;
use std::time::Duration;

use dbdyno_core::load::{
    AnyClient, Arrival, Client, Draw, Length, LoadPlan, LoadReport, OpenLoop, Outcome, RetryPolicy,
    Spacing, Workload, run_load,
};
use dbdyno_core::random::Rng;
use dbdyno_core::{
    Access, DbError, Driver, ErrorClass, SessionOptions, Statement, Steps, Stop, Value,
};
use dbdyno_tests::{Kept, left_out, runtime, target, wait_for};
use tokio::runtime::Runtime;

/// Adds one to a row of its own, in a transaction, and tells how often it began.
struct Counting {
    statements: Vec<Statement>,
    keying_time: Duration,
}

impl Counting {
    fn workload() -> Arc<dyn Workload> {
        Self::keyed_for(Duration::ZERO)
    }

    fn keyed_for(keying_time: Duration) -> Arc<dyn Workload> {
        Arc::new(Self {
            keying_time,
            statements: vec![Statement::new("add", "UPDATE counting SET n = n + 1 WHERE id = ?")],
        })
    }
}

impl Workload for Counting {
    fn transactions(&self) -> &[&'static str] {
        &["count"]
    }

    fn statements(&self) -> &[Statement] {
        &self.statements
    }

    fn client(&self, index: u32, _: Rng) -> Box<dyn AnyClient> {
        Box::new(CountingClient { id: i64::from(index), keying_time: self.keying_time })
    }
}

struct CountingClient {
    id: i64,
    keying_time: Duration,
}

impl Client for CountingClient {
    fn draw(&mut self) -> Draw {
        Draw { transaction: 0, keying_time: self.keying_time }
    }

    async fn run(&mut self, steps: &mut Steps<'_>) -> Result<Outcome, DbError> {
        steps.begin(Access::Write).await?;
        steps.execute_one(0, &[Value::Int(self.id)]).await?;
        steps.commit().await?;
        Ok(Outcome::Committed)
    }
}

fn set_up(runtime: &Runtime, driver: &dyn Driver, clients: i64) {
    runtime.block_on(async {
        let mut session = driver.connect(&SessionOptions::default()).await.unwrap();
        session
            .run_sql("CREATE TABLE counting (id INTEGER PRIMARY KEY, n INTEGER NOT NULL)")
            .await
            .unwrap();
        for id in 0..clients {
            session.run_sql(&format!("INSERT INTO counting VALUES ({id}, 0)")).await.unwrap();
        }
    });
}

fn counted(runtime: &Runtime, driver: &dyn Driver) -> i64 {
    runtime.block_on(async {
        let mut session = driver.connect(&SessionOptions::default()).await.unwrap();
        dbdyno_core::query::scalar_sql(&mut *session, "SELECT SUM(n) FROM counting").await.unwrap()
    })
}

fn plan(clients: u32, length: Length) -> LoadPlan {
    LoadPlan {
        clients,
        warmup: Duration::ZERO,
        length,
        arrival: Arrival::Closed,
        retry: RetryPolicy::default(),
        seed: 1,
        repetition: 1,
        reconnect_limit: Duration::from_secs(30),
        drain_limit: Duration::from_secs(10),
    }
}

fn load(driver: &Arc<dyn Driver>, plan: LoadPlan, kept: &Kept, stop: &Stop) -> LoadReport {
    run_load(driver, &Counting::workload(), SessionOptions::default(), plan, kept, stop).unwrap()
}

/// The number of clients divides the transactions unevenly; all of them commit, and the table
/// shows each.
fn a_number_of_transactions_is_exact(text: &str) {
    let runtime = runtime();
    let driver = target(&runtime, text);
    set_up(&runtime, &*driver, 3);
    let kept = Kept::default();
    let report = load(&driver, plan(3, Length::Transactions(100)), &kept, &Stop::default());
    assert_eq!(report.total().committed, 100);
    assert_eq!(report.tally.of("count").committed, 100);
    assert_eq!(report.total().response_ns.len(), 100);
    assert_eq!(report.ended_well, [34, 33, 33]);
    assert_eq!(counted(&runtime, &*driver), 100);
    assert_eq!(kept.seconds().iter().map(|second| second.completed).sum::<u64>(), 100);
}

/// An open loop of 200 transactions a second by 4 clients, with the server under SIGSTOP from the end
/// of the first second, number 0, to that of `last_stalled`. Gives what was measured and what the
/// table shows.
fn open_loop_with_stall(
    text: &str,
    spacing: Spacing,
    length: Duration,
    last_stalled: u64,
) -> (LoadReport, i64) {
    let runtime = runtime();
    let driver = target(&runtime, text);
    set_up(&runtime, &*driver, 4);
    let open = OpenLoop { rate: 200.0, spacing, latency_limit: None };
    let plan = LoadPlan { arrival: Arrival::Open(open), ..plan(4, Length::Duration(length)) };
    let kept = Kept::default();
    let report = std::thread::scope(|scope| {
        scope.spawn(|| {
            let control = driver.server_control().expect("a throwaway server");
            let is_over =
                |number| kept.seconds().iter().any(|second| second.second >= number).then_some(());
            wait_for("the first second", || is_over(0));
            control.pause().unwrap();
            wait_for("the last of the stalled seconds", || is_over(last_stalled));
            control.resume().unwrap();
        });
        load(&driver, plan, &kept, &Stop::default())
    });
    (report, counted(&runtime, &*driver))
}

/// SIGSTOP for two seconds under an open loop: the arrivals of that time wait, and it shows.
fn a_stall_shows_in_the_percentiles(text: &str) {
    let (report, shown) = open_loop_with_stall(text, Spacing::Poisson, Duration::from_secs(6), 2);
    let total = report.total();
    // A third of all arrivals fell into the stall, waiting for a second on average.
    let p99_ms = total.response_ns.value_at_quantile(0.99) / 1_000_000;
    assert!((300..5_000).contains(&p99_ms), "p99 is {p99_ms} ms");
    let service = total.service_ns.expect("open loop keeps service times");
    assert!(
        service.value_at_quantile(0.90) < total.response_ns.value_at_quantile(0.90),
        "waiting for a client is response time, not service time"
    );
    assert_eq!(i64::try_from(total.committed).unwrap(), shown);
}

/// A stall that lasts to the end and into the drain: the arrivals that nobody could start any more
/// count by how long they had waited.
fn a_stall_at_the_end_shows_too(text: &str) {
    let (report, _) = open_loop_with_stall(text, Spacing::Uniform, Duration::from_secs(4), 3);
    let total = report.total();
    assert!(report.unstarted_ns.len() > 50, "{} unstarted", report.unstarted_ns.len());
    assert_eq!(total.committed + report.unstarted_ns.len(), 799, "every arrival counts once");
    let p95_ms = total.response_ns.value_at_quantile(0.95) / 1_000_000;
    assert!(p95_ms > 300, "p95 is {p95_ms} ms");
}

/// Somebody kills the first process alone: the others hold on to the data for a moment, and the
/// server starts again all the same.
fn a_server_killed_by_its_first_process_is_survived(text: &str) {
    let runtime = runtime();
    let driver = target(&runtime, text);
    set_up(&runtime, &*driver, 8);
    let info = runtime.block_on(driver.server_info()).unwrap();
    let pid_file = std::path::Path::new(&info.settings["data_folder"]).join("postmaster.pid");
    let kept = Kept::default();
    let stop = Stop::default();
    let report = std::thread::scope(|scope| {
        scope.spawn(|| {
            wait_for("the first second", || (!kept.seconds().is_empty()).then_some(()));
            let text = std::fs::read_to_string(&pid_file).unwrap();
            let pid: i32 = text.lines().next().unwrap().parse().unwrap();
            let pid = nix::unistd::Pid::from_raw(pid);
            nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGKILL).unwrap();
            for kind in ["outage_ended", "server_restarted"] {
                wait_for(kind, || {
                    kept.events().iter().any(|event| event.kind == kind).then_some(())
                });
            }
            stop.request();
        });
        load(&driver, plan(8, Length::Duration(Duration::from_secs(60))), &kept, &stop)
    });
    assert!(report.failure.is_none(), "{:?}", report.failure);
    assert!(kept.events().iter().any(|event| event.kind == "server_restarted"));
}

/// A person who asks for the end while the server stands still is not kept waiting, and what was
/// under way counts as an error of unknown outcome.
fn a_stop_does_not_wait_for_a_server_that_stands_still(text: &str) {
    let runtime = runtime();
    let driver = target(&runtime, text);
    set_up(&runtime, &*driver, 2);
    let kept = Kept::default();
    let stop = Stop::default();
    let report = std::thread::scope(|scope| {
        scope.spawn(|| {
            wait_for("the first second", || (!kept.seconds().is_empty()).then_some(()));
            driver.server_control().expect("a throwaway server").pause().unwrap();
            // Answers that were under way have come.
            let seen = kept.seconds().len();
            wait_for("a second of nothing", || {
                let seconds = kept.seconds();
                seconds[seen..].iter().any(|second| second.completed == 0).then_some(())
            });
            stop.request();
        });
        load(&driver, plan(2, Length::Duration(Duration::from_secs(600))), &kept, &stop)
    });
    driver.server_control().expect("a throwaway server").resume().unwrap();
    assert!(report.interrupted && report.total().committed > 0);
    assert_eq!(report.abandoned, 2);
    let in_timeline: u64 = kept.seconds().iter().map(|second| second.errors).sum();
    let in_events: u64 =
        kept.events().iter().filter(|event| event.kind == "error").map(|event| event.count).sum();
    assert_eq!((report.total().failed, in_timeline, in_events), (2, 2, 2));
    assert_eq!(report.errors.iter().map(|error| error.count).collect::<Vec<_>>(), [2]);
}

/// kill -9 in mid-run: the server is started again, the clients come back, the run goes on, and
/// every acknowledged commit is there.
fn a_killed_server_is_survived(text: &str) {
    survives_a_killed_server(text, 4);
}

/// The same where the client waits on the thread that is to start the server again.
fn a_killed_server_is_survived_by_a_single_client(text: &str) {
    survives_a_killed_server(text, 1);
}

fn survives_a_killed_server(text: &str, clients: u32) {
    let runtime = runtime();
    let driver = target(&runtime, text);
    set_up(&runtime, &*driver, clients.into());
    let kept = Kept::default();
    let stop = Stop::default();
    let report = std::thread::scope(|scope| {
        scope.spawn(|| {
            wait_for("the first second", || (!kept.seconds().is_empty()).then_some(()));
            driver.server_control().expect("a throwaway server").kill().unwrap();
            wait_for("the outage to end", || {
                kept.events().iter().any(|event| event.kind == "outage_ended").then_some(())
            });
            let seen = kept.seconds().len();
            wait_for("more seconds", || (kept.seconds().len() > seen + 1).then_some(()));
            stop.request();
        });
        load(&driver, plan(clients, Length::Duration(Duration::from_secs(60))), &kept, &stop)
    });
    let clients = clients as usize;
    assert_eq!(report.connections_lost, clients as u64);
    assert!(report.outage > Duration::ZERO);
    let events = kept.events();
    let count = |kind: &str| events.iter().filter(|event| event.kind == kind).count();
    assert_eq!(count("connection_lost"), clients);
    assert_eq!((count("outage_started"), count("outage_ended")), (1, 1));
    assert_eq!(count("server_restarted"), 1);
    let errors: u64 = events
        .iter()
        .filter(|event| event.kind == "error" && event.class == ErrorClass::Disconnected.name())
        .map(|event| event.count)
        .sum();
    assert_eq!(errors, clients as u64);
    let tally = report.tally.of("count");
    let shown = counted(&runtime, &*driver).unsigned_abs();
    assert!(
        (tally.committed..=tally.committed + tally.unknown).contains(&shown),
        "{tally:?} against {shown} in the table"
    );
}

/// A request to stop ends the load at once and keeps what was measured.
fn a_stop_keeps_what_was_measured(text: &str) {
    let runtime = runtime();
    let driver = target(&runtime, text);
    set_up(&runtime, &*driver, 2);
    let kept = Kept::default();
    let stop = Stop::default();
    let report = std::thread::scope(|scope| {
        scope.spawn(|| {
            wait_for("the first second", || (!kept.seconds().is_empty()).then_some(()));
            stop.request();
        });
        load(&driver, plan(2, Length::Duration(Duration::from_secs(600))), &kept, &stop)
    });
    assert!(report.interrupted);
    assert!(report.window < Duration::from_secs(60));
    assert!(report.total_throughput() > 0.0);
    let (tally, shown) = (report.tally.of("count"), counted(&runtime, &*driver).unsigned_abs());
    // A disk may take longer to sync than a load that is ended waits for: then each client has one that nobody knows of.
    assert!(tally.unknown <= 2, "{tally:?}");
    let possible = tally.committed..=tally.committed + tally.unknown;
    assert!(possible.contains(&shown), "{tally:?} against {shown} in the table");
}

/// Runs a plan that would last ten minutes, and stops it once a second of it has been told.
fn stopped_after_a_second(driver: &Arc<dyn Driver>, arrival: Arrival) -> LoadReport {
    let (kept, stop) = (Kept::default(), Stop::default());
    let plan = LoadPlan { arrival, ..plan(1, Length::Duration(Duration::from_secs(600))) };
    let report = std::thread::scope(|scope| {
        scope.spawn(|| {
            wait_for("the first second", || (!kept.seconds().is_empty()).then_some(()));
            stop.request();
        });
        load(driver, plan, &kept, &stop)
    });
    assert!(report.interrupted);
    assert!(report.window < Duration::from_secs(60), "{:?}", report.window);
    report
}

/// A single client that waits for its first arrival keeps nothing else from its thread.
fn a_stop_is_heard_by_a_client_that_waits(text: &str) {
    let runtime = runtime();
    let driver = target(&runtime, text);
    set_up(&runtime, &*driver, 1);
    let open = OpenLoop { rate: 0.005, spacing: Spacing::Uniform, latency_limit: None };
    let report = stopped_after_a_second(&driver, Arrival::Open(open));
    assert_eq!(report.total().committed, 0);
}

/// Arrivals that cannot start within the limit are skipped, those that end after it are late, and
/// the two are told apart.
fn late_and_skipped_are_told_apart(text: &str) {
    let runtime = runtime();
    let driver = target(&runtime, text);
    set_up(&runtime, &*driver, 1);
    // One client cannot keep up with this rate on any machine.
    let limit = Some(Duration::from_micros(200));
    let open = OpenLoop { rate: 100_000.0, spacing: Spacing::Uniform, latency_limit: limit };
    let plan = LoadPlan {
        arrival: Arrival::Open(open),
        ..plan(1, Length::Duration(Duration::from_secs(1)))
    };
    let total = load(&driver, plan, &Kept::default(), &Stop::default()).total();
    assert!(total.skipped > 0, "{} skipped", total.skipped);
    assert!(total.committed > 0, "those in time still run");
    assert!(total.late <= total.committed);
}

/// Arrivals that clients took and had no time left to serve count like those that nobody took.
fn an_arrival_whose_client_never_came_to_it_counts(text: &str) {
    let runtime = runtime();
    let driver = target(&runtime, text);
    set_up(&runtime, &*driver, 4);
    let open = OpenLoop { rate: 100.0, spacing: Spacing::Uniform, latency_limit: None };
    let length = Length::Duration(Duration::from_millis(300));
    let plan = LoadPlan { arrival: Arrival::Open(open), ..plan(4, length) };
    let workload = Counting::keyed_for(Duration::from_secs(60));
    let (session, stop) = (SessionOptions::default(), Stop::default());
    let report = run_load(&driver, &workload, session, plan, &Kept::default(), &stop).unwrap();
    assert_eq!((report.total().committed, report.unstarted_ns.len()), (0, 29));
}

macro_rules! on_each_server {
    ($($test:ident),* $(,)?) => {
        mod postgres {
            $(#[test] fn $test() {
                if !super::left_out("postgres") { super::$test("postgres"); }
            })*
        }
        mod mariadb {
            $(#[test] fn $test() {
                if !super::left_out("mariadb") { super::$test("mariadb"); }
            })*
        }
    };
}

on_each_server!(
    a_number_of_transactions_is_exact,
    a_stall_shows_in_the_percentiles,
    a_killed_server_is_survived,
    a_killed_server_is_survived_by_a_single_client,
    a_stall_at_the_end_shows_too,
    a_stop_does_not_wait_for_a_server_that_stands_still,
    a_stop_is_heard_by_a_client_that_waits,
    a_stop_keeps_what_was_measured,
    an_arrival_whose_client_never_came_to_it_counts,
    late_and_skipped_are_told_apart,
);

#[test]
fn postgres_killed_by_its_first_process_is_survived() {
    if !left_out("postgres") {
        a_server_killed_by_its_first_process_is_survived("postgres");
    }
}

mod sqlite {
    #[test]
    fn a_number_of_transactions_is_exact() {
        super::a_number_of_transactions_is_exact("sqlite");
    }

    #[test]
    fn a_stop_keeps_what_was_measured() {
        super::a_stop_keeps_what_was_measured("sqlite");
    }

    #[test]
    fn an_arrival_whose_client_never_came_to_it_counts() {
        super::an_arrival_whose_client_never_came_to_it_counts("sqlite");
    }

    #[test]
    fn late_and_skipped_are_told_apart() {
        super::late_and_skipped_are_told_apart("sqlite");
    }

    #[test]
    fn a_stop_is_heard_by_a_client_that_waits() {
        super::a_stop_is_heard_by_a_client_that_waits("sqlite");
    }

    /// The only client is in SQLite's own wait for a lock nearly all the time.
    #[test]
    fn a_stop_is_heard_while_somebody_holds_the_lock() {
        let runtime = super::runtime();
        let driver = super::target(&runtime, "sqlite?busy_timeout=100");
        super::set_up(&runtime, &*driver, 1);
        let mut holder = runtime.block_on(driver.connect(&Default::default())).unwrap();
        runtime.block_on(holder.run_sql("BEGIN IMMEDIATE")).unwrap();
        let report = super::stopped_after_a_second(&driver, super::Arrival::Closed);
        assert_eq!(report.total().committed, 0);
        assert!(report.total().retries > 0);
    }
}
