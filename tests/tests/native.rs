//! Every benchmark said natively and with its requests sent together does to the tables what it does
//! in portable statements, one by one: the same rows, and all that the benchmark checks.

use std::hash::{DefaultHasher, Hasher};
use std::sync::Arc;
use std::time::Duration;

use dbdyno_core::load::{Arrival, Length, LoadPlan, RetryPolicy, Workload, run_load};
use dbdyno_core::schema::Table;
use dbdyno_core::{
    DbError, Driver, Durability, Row, Scale, Session, SessionOptions, StatementForm, Stop, Value,
};
use dbdyno_datasets::{Silent, Wanted, prepare};
use dbdyno_suites::{Benchmark, Check, LoadBenchmark, State, WorkloadContext, oltp};
use dbdyno_tests::{Kept, left_out, runtime, target};
use tokio::runtime::Runtime;

const SEED: u64 = 23;
const SCALE: Scale = Scale::ONE;
/// So many that every type of transaction is among them, and an order that rolls back.
const TRANSACTIONS: u64 = 300;

/// Columns that hold the clock's time of the run: the server's, or the client's when it drew the
/// inputs. Only whether they are null can be the same.
const CLOCK: [&str; 4] = ["mtime", "o_entry_d", "h_date", "ol_delivery_d"];

/// How the statements are said, and whether requests are sent together.
type How = (StatementForm, bool);

/// What is in each table: its name, and its rows as hashes in order.
type Tables = Vec<(&'static str, Vec<u64>)>;

struct Bench<'r> {
    runtime: &'r Runtime,
    driver: Arc<dyn Driver>,
    benchmark: Box<dyn Benchmark>,
}

impl Bench<'_> {
    fn options(&self) -> SessionOptions {
        let namespace = Some(self.benchmark.dataset().namespace());
        SessionOptions { namespace, ..SessionOptions::default() }
    }

    fn session(&self) -> Box<dyn Session> {
        self.runtime.block_on(self.driver.connect(&self.options())).unwrap()
    }

    fn load(&self) {
        let (driver, dataset, stop) =
            (self.driver.as_ref(), self.benchmark.dataset(), Stop::default());
        let prepared = prepare(driver, dataset, Wanted::new(SCALE, SEED), true, &Silent, &stop);
        self.runtime.block_on(prepared).unwrap();
        self.runtime.block_on(driver.set_durability(Durability::None)).unwrap();
    }

    fn in_one_load(&self) -> &dyn LoadBenchmark {
        self.benchmark.procedure().load().unwrap()
    }

    fn state(&self) -> State {
        self.runtime.block_on(self.in_one_load().state(&mut *self.session(), SCALE)).unwrap()
    }

    fn workload(&self, form: StatementForm) -> Arc<dyn Workload> {
        let native = match form {
            StatementForm::Portable => None,
            StatementForm::Native => Some(self.driver.dialect().native()),
        };
        let context =
            WorkloadContext { scale: SCALE, seed: SEED, native, ..WorkloadContext::default() };
        self.in_one_load().workload(&context, &State::default())
    }

    /// Whether the engine has no better words for it.
    fn is_said_alike(&self) -> bool {
        let [portable, native] = StatementForm::ALL.map(|form| self.workload(form));
        let sql = |workload: &Arc<dyn Workload>| -> Vec<String> {
            workload.statements().iter().map(|statement| statement.sql.clone()).collect()
        };
        sql(&portable) == sql(&native)
    }

    /// Runs transactions with one client; gives the checks that did not hold.
    fn run(&self, (form, pipeline): How, before: &State) -> Vec<Check> {
        let workload = self.workload(form);
        let plan = LoadPlan {
            clients: 1,
            warmup: Duration::ZERO,
            length: Length::Transactions(TRANSACTIONS),
            arrival: Arrival::Closed,
            retry: RetryPolicy::default(),
            seed: SEED,
            repetition: 1,
            reconnect_limit: Duration::from_secs(10),
            drain_limit: Duration::from_secs(10),
        };
        let session = SessionOptions { pipeline, ..self.options() };
        let (kept, stop) = (Kept::default(), Stop::default());
        let report = run_load(&self.driver, &workload, session, plan, &kept, &stop).unwrap();
        assert!(report.errors.is_empty(), "{}: {:?}", self.benchmark.name(), report.errors);
        let total = report.tally.total();
        assert_eq!(total.committed + total.rolled_back, TRANSACTIONS);
        let rolls_back = ["tpcc", "smallbank"].contains(&self.benchmark.name());
        assert_eq!(total.rolled_back > 0, rolls_back, "{total:?}");
        let after = self.state();
        let account =
            self.in_one_load().account(before, &after, &workload.counted(), &report.tally);
        let samples = self.in_one_load().account_samples(before, &after, &workload.witnessed());
        let all = after.checks.into_iter().chain(account).chain(samples);
        all.filter(|check| !check.held).collect()
    }

    fn tables(&self) -> Tables {
        let mut session = self.session();
        let tables = self.benchmark.dataset().tables();
        let hashes = tables.iter().map(|table| {
            let mut hashes = Vec::new();
            self.each_row(&mut *session, table, |row| {
                hashes.push(hash(row, table.columns.len())?);
                Ok(())
            });
            hashes.sort_unstable();
            (table.name, hashes)
        });
        hashes.collect()
    }

    /// Visits all rows of a table. Of the clock's columns they have only whether they are null.
    fn each_row(
        &self,
        session: &mut dyn Session,
        table: &Table,
        mut visit: impl FnMut(&dyn Row) -> Result<(), DbError> + Send,
    ) {
        let dialect = self.driver.dialect();
        let columns: Vec<String> = (table.columns.iter())
            .map(|column| match CLOCK.contains(&column.name) {
                true => format!("CASE WHEN {} IS NULL THEN 1 ELSE 0 END", column.name),
                false => dialect.quote(column.name),
            })
            .collect();
        let sql = format!("SELECT {} FROM {}", columns.join(", "), dialect.quote(table.name));
        self.runtime.block_on(session.query_sql(&sql, &mut visit)).unwrap();
    }

    /// Rows that are there now and should not be.
    fn strange_rows(&self, expected: &Tables) -> Vec<String> {
        let mut session = self.session();
        let mut strange = Vec::new();
        for (table, (name, hashes)) in self.benchmark.dataset().tables().iter().zip(expected) {
            self.each_row(&mut *session, table, |row| {
                let columns = table.columns.len();
                if hashes.binary_search(&hash(row, columns)?).is_err() {
                    let values: Result<Vec<_>, _> = (0..columns).map(|n| row.value(n)).collect();
                    strange.push(format!("{name}: {:?}", values?));
                }
                Ok(())
            });
        }
        strange
    }
}

fn hash(row: &dyn Row, columns: usize) -> Result<u64, DbError> {
    let mut hasher = DefaultHasher::new();
    for column in 0..columns {
        match row.value(column)? {
            Value::Int(int) => hasher.write_i64(int),
            Value::Float(float) => hasher.write_u64(float.to_bits()),
            Value::Text(text) => hasher.write(text.as_bytes()),
            other => hasher.write(format!("{other:?}").as_bytes()),
        }
        hasher.write_u8(0xFF);
    }
    Ok(hasher.finish())
}

fn every_form_does_the_same(text: &str, hows: &[How]) {
    let runtime = runtime();
    let driver = target(&runtime, text);
    // The data set as it was loaded, and whether it still is: some benchmarks only read.
    let mut fresh: Option<(&str, Tables, bool)> = None;
    for benchmark in
        oltp::benchmarks().into_iter().filter(|benchmark| benchmark.default_clients().len() == 1)
    {
        let bench = Bench { runtime: &runtime, driver: Arc::clone(&driver), benchmark };
        let (name, dataset) = (bench.benchmark.name(), bench.benchmark.dataset().name());
        let mut hows = hows.to_vec();
        if bench.is_said_alike() {
            hows.retain(|(form, _)| *form == StatementForm::Portable);
        }
        if hows.len() == 1 {
            continue;
        }
        let (mut before, mut expected) = (None, None);
        for how in hows {
            let (_, loaded, is_fresh) = match &mut fresh {
                Some(known) if known.0 == dataset => known,
                other => {
                    bench.load();
                    other.insert((dataset, bench.tables(), true))
                }
            };
            if !std::mem::replace(is_fresh, true) {
                bench.load();
            }
            let broken = bench.run(how, before.get_or_insert_with(|| bench.state()));
            assert!(broken.is_empty(), "{name} {how:?}: {broken:?}");
            let tables = bench.tables();
            *is_fresh = tables == *loaded;
            let expected = expected.get_or_insert_with(|| tables.clone());
            if tables != *expected {
                let strange = bench.strange_rows(expected);
                let some = &strange[..strange.len().min(5)];
                panic!("{name} {how:?} made {} rows of its own: {some:#?}", strange.len());
            }
        }
    }
}

const ONE_BY_ONE: [How; 2] = [(StatementForm::Portable, false), (StatementForm::Native, false)];

#[test]
fn native_statements_do_the_same_on_sqlite() {
    every_form_does_the_same("sqlite", &ONE_BY_ONE);
}

#[test]
fn native_and_pipelined_statements_do_the_same_on_postgres() {
    if !left_out("postgres") {
        let [portable, native] = ONE_BY_ONE;
        let together = [(portable.0, true), (native.0, true)];
        every_form_does_the_same("postgres", &[portable, native, together[0], together[1]]);
    }
}

#[test]
fn native_statements_do_the_same_on_mariadb() {
    if !left_out("mariadb") {
        every_form_does_the_same("mariadb", &ONE_BY_ONE);
    }
}
