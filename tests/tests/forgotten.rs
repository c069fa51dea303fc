//! Engines that acknowledge a write and forget it: a trigger undoes updates behind the clients'
//! backs, and every benchmark that updates must say so. Without the trigger, all that is
//! acknowledged is found.

use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;

use dbdyno_core::load::{Arrival, Length, LoadPlan, RetryPolicy, run_load};
use dbdyno_core::{Driver, Durability, Isolation, Scale, SessionOptions, Stop};
use dbdyno_datasets::ycsb::FIELDS;
use dbdyno_datasets::{Silent, Wanted, prepare};
use dbdyno_suites::{Benchmark, Check, LoadBenchmark, WorkloadContext, oltp};
use dbdyno_tests::{Kept, left_out, runtime, target};
use tokio::runtime::Runtime;

const SEED: u64 = 11;
const CLIENTS: u32 = 8;
/// So many that sampled rows are surely among those written.
const TRANSACTIONS: u64 = 1_500;

/// The benchmarks that update, with the table that forgets, its key, and the columns updated.
const UPDATING: [(&str, &str, &str, &[&str]); 5] = [
    ("update-non-index", "sbtest1", "id", &["c"]),
    ("write-only", "sbtest1", "id", &["c"]),
    ("ycsb-a", "usertable", "ycsb_key", &FIELDS),
    ("ycsb-f", "usertable", "ycsb_key", &FIELDS),
    ("smallbank", "checking", "custid", &["bal"]),
];

struct Bench<'r> {
    runtime: &'r Runtime,
    driver: Arc<dyn Driver>,
    benchmark: Box<dyn Benchmark>,
    /// Each measurement is a repetition, so that each writes values of its own.
    measured: Cell<u32>,
}

impl<'r> Bench<'r> {
    fn load(runtime: &'r Runtime, driver: &Arc<dyn Driver>, name: &str) -> Self {
        let driver = Arc::clone(driver);
        let benchmark = oltp::benchmarks().into_iter().find(|found| found.name() == name).unwrap();
        let dataset = benchmark.dataset();
        let stop = Stop::default();
        let prepared =
            prepare(driver.as_ref(), dataset, Wanted::new(Scale::ONE, SEED), false, &Silent, &stop);
        runtime.block_on(prepared).unwrap();
        runtime.block_on(driver.set_durability(Durability::None)).unwrap();
        Self { runtime, driver, benchmark, measured: Cell::new(0) }
    }

    fn options(&self, isolation: Option<Isolation>) -> SessionOptions {
        SessionOptions {
            namespace: Some(self.benchmark.dataset().namespace()),
            isolation,
            ..SessionOptions::default()
        }
    }

    fn in_one_load(&self) -> &dyn LoadBenchmark {
        self.benchmark.procedure().load().unwrap()
    }

    /// Runs SQL of the engine in the namespace of the data.
    fn sql(&self, statements: &[String]) {
        self.runtime.block_on(async {
            let mut session = self.driver.connect(&self.options(None)).await.unwrap();
            for sql in statements {
                session.run_sql(sql).await.unwrap();
            }
        });
    }

    /// Measures; gives the checks that did not hold.
    fn broken(&self, isolation: Isolation) -> Vec<Check> {
        let state = || {
            self.runtime.block_on(async {
                let mut session = self.driver.connect(&self.options(None)).await.unwrap();
                self.in_one_load().state(&mut *session, Scale::ONE).await.unwrap()
            })
        };
        self.measured.set(self.measured.get() + 1);
        let before = state();
        let context =
            WorkloadContext { seed: SEED, clients: CLIENTS, ..WorkloadContext::default() };
        let workload = self.in_one_load().workload(&context, &before);
        let plan = LoadPlan {
            clients: CLIENTS,
            warmup: Duration::ZERO,
            length: Length::Transactions(TRANSACTIONS),
            arrival: Arrival::Closed,
            retry: RetryPolicy::default(),
            seed: SEED,
            repetition: self.measured.get(),
            reconnect_limit: Duration::from_secs(10),
            drain_limit: Duration::from_secs(10),
        };
        let session = self.options(Some(isolation));
        let (kept, stop) = (Kept::default(), Stop::default());
        let report = run_load(&self.driver, &workload, session, plan, &kept, &stop).unwrap();
        let after = state();
        let account =
            self.in_one_load().account(&before, &after, &workload.counted(), &report.tally);
        let samples = self.in_one_load().account_samples(&before, &after, &workload.witnessed());
        assert!(report.tally.total().committed > 0);
        assert_eq!(samples.len(), 1, "{} samples nothing", self.benchmark.name());
        eprintln!("{}: {}", self.benchmark.name(), samples[0].detail);
        let all = after.checks.into_iter().chain(account).chain(samples);
        all.filter(|check| !check.held).collect()
    }
}

/// A trigger that forgets updates of a table, and what takes it away again.
type Trigger = fn(table: &str, key: &str, columns: &[&str]) -> (Vec<String>, Vec<String>);

fn forgets(engine: &str, trigger: Trigger, levels: &[Isolation]) {
    if left_out(engine) {
        return;
    }
    let runtime = runtime();
    let driver = target(&runtime, engine);
    for (name, table, key, columns) in UPDATING {
        let bench = Bench::load(&runtime, &driver, name);
        for level in levels.iter().copied().chain([driver.default_isolation()]) {
            let broken = bench.broken(level);
            assert!(broken.is_empty(), "{name} on {engine} at {level:?}: {broken:?}");
        }
        let (make, unmake) = trigger(table, key, columns);
        bench.sql(&make);
        let broken = bench.broken(driver.default_isolation());
        bench.sql(&unmake);
        let names: Vec<&str> = broken.iter().map(|check| check.name.as_str()).collect();
        let expected = if name == "smallbank" { "balances_accounted" } else { "last_writes_kept" };
        assert!(names.contains(&expected), "{name} on {engine}: {broken:?}");
    }
}

/// `SET` clauses that give columns their old values.
fn old_values(target: &str, columns: &[&str]) -> String {
    let set = |column| format!("{target}{column} = OLD.{column}");
    columns.iter().map(set).collect::<Vec<_>>().join(", ")
}

/// An update is undone by a second one, of which the client hears nothing.
fn undone(table: &str, key: &str, columns: &[&str]) -> (Vec<String>, Vec<String>) {
    let make = format!(
        "CREATE TRIGGER forget AFTER UPDATE OF {} ON {table} BEGIN \
         UPDATE {table} SET {} WHERE {key} = OLD.{key}; END",
        columns.join(", "),
        old_values("", columns)
    );
    (vec![make], vec!["DROP TRIGGER forget".into()])
}

/// The old row is what is written.
fn old_row(table: &str, _: &str, _: &[&str]) -> (Vec<String>, Vec<String>) {
    let make = [
        "CREATE FUNCTION forget() RETURNS trigger LANGUAGE plpgsql AS \
         $$ BEGIN RETURN OLD; END $$"
            .to_owned(),
        format!(
            "CREATE TRIGGER forget BEFORE UPDATE ON {table} FOR EACH ROW EXECUTE FUNCTION forget()"
        ),
    ];
    (make.into(), vec!["DROP FUNCTION forget() CASCADE".into()])
}

/// The old values are what is written.
fn old_value(table: &str, _: &str, columns: &[&str]) -> (Vec<String>, Vec<String>) {
    let make = format!(
        "CREATE TRIGGER forget BEFORE UPDATE ON {table} FOR EACH ROW SET {}",
        old_values("NEW.", columns)
    );
    (vec![make], vec!["DROP TRIGGER forget".into()])
}

#[test]
fn forgotten_updates_are_noticed_on_sqlite() {
    forgets("sqlite", undone, &[]);
}

#[test]
fn forgotten_updates_are_noticed_on_postgres() {
    forgets("postgres", old_row, &[]);
}

#[test]
fn forgotten_updates_are_noticed_on_mariadb() {
    forgets("mariadb", old_value, &[Isolation::ReadCommitted]);
}

/// An update that the trigger leaves out matches no row. Where rows are replaced, that happens to
/// honest updates too, but not to those of rows that nobody replaced.
#[test]
fn updates_left_out_are_noticed() {
    let runtime = runtime();
    let driver = target(&runtime, "sqlite");
    let bench = Bench::load(&runtime, &driver, "write-only");
    bench.sql(&["CREATE TRIGGER forget BEFORE UPDATE ON sbtest1 \
                 BEGIN SELECT RAISE(IGNORE); END"
        .into()]);
    let broken = bench.broken(driver.default_isolation());
    let names: Vec<&str> = broken.iter().map(|check| check.name.as_str()).collect();
    assert_eq!(names, ["updates_matched"], "{broken:?}");
}
