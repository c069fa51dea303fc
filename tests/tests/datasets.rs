//! Data sets on real engines: what is loaded, what is reused, what is refused.

use std::path::Path;
use std::sync::{Arc, Mutex};

use dbdyno_core::MARK_TABLE;
use dbdyno_core::query::scalar_sql;
use dbdyno_core::schema::{ColumnType, Table};
use dbdyno_core::{
    Date, DbError, Decimal, Driver, LoadProgress, Result, Row, RowWriter, Scale, Session,
    SessionOptions, Stop, Timestamp, Value,
};
use dbdyno_datasets::{
    Dataset, LoadObserver, Prepared, Silent, Wanted, datasets, find, mark_spent, prepare,
};
use dbdyno_tests::{left_out, runtime, target};
use tokio::runtime::Runtime;

/// A target, and the runtime that everything on it runs on.
struct Bench {
    runtime: Runtime,
    driver: Arc<dyn Driver>,
}

impl Bench {
    fn open(text: &str) -> Self {
        let runtime = runtime();
        let driver = target(&runtime, text);
        Self { runtime, driver }
    }

    fn on_file(file: &Path) -> Self {
        Self::open(&format!("sqlite:{}", file.display()))
    }

    fn prepare(&self, name: &str, scale: Scale, seed: u64) -> Result<Prepared> {
        self.prepare_with(name, scale, seed, false, &Silent, &Stop::default())
    }

    fn prepare_with(
        &self,
        name: &str,
        scale: Scale,
        seed: u64,
        reload: bool,
        observer: &dyn LoadObserver,
        stop: &Stop,
    ) -> Result<Prepared> {
        let (driver, dataset) = (self.driver.as_ref(), find(name).unwrap());
        self.runtime.block_on(prepare(
            driver,
            dataset,
            Wanted::new(scale, seed),
            reload,
            observer,
            stop,
        ))
    }

    fn loads(&self, name: &str, scale: Scale, seed: u64) {
        let prepared = self.prepare(name, scale, seed).unwrap();
        let Prepared::Loaded { rows, .. } = prepared else { panic!("{name} was reused") };
        let dataset = find(name).unwrap();
        let expected: u64 =
            dataset.tables().iter().map(|table| dataset.rows(table.name, scale)).sum();
        // The number of order lines is random, one in a hundred away at most.
        let random = matches!(name, "tpcc" | "tpch");
        assert!(rows.abs_diff(expected) <= if random { expected / 100 } else { 0 });
    }

    fn reuses(&self, name: &str, scale: Scale, seed: u64) {
        assert_eq!(self.prepare(name, scale, seed).unwrap(), Prepared::Reused);
    }

    fn session(&self, name: &str) -> Box<dyn Session> {
        let options = SessionOptions {
            namespace: Some(find(name).unwrap().namespace()),
            ..SessionOptions::default()
        };
        self.runtime.block_on(self.driver.connect(&options)).unwrap()
    }

    fn sql(&self, name: &str, sql: &str) {
        let mut session = self.session(name);
        self.runtime.block_on(session.run_sql(sql)).unwrap();
    }

    fn scalar(&self, name: &str, sql: &str) -> i64 {
        let mut session = self.session(name);
        self.runtime.block_on(scalar_sql(session.as_mut(), sql)).unwrap()
    }

    /// The state that the mark of a data set says.
    fn state(&self, name: &str) -> String {
        let quote = |word: &str| self.driver.dialect().quote(word);
        let sql = format!(
            "SELECT {} FROM {} WHERE {} = '{name}'",
            quote("state"),
            quote(MARK_TABLE),
            quote("dataset")
        );
        let mut states = self.rows(name, &sql, |row| Ok(row.text(0)?.to_owned()));
        assert_eq!(states.len(), 1, "{states:?}");
        states.remove(0)
    }

    fn rows(
        &self,
        name: &str,
        sql: &str,
        read: impl Fn(&dyn Row) -> Result<String, DbError> + Send + Sync,
    ) -> Vec<String> {
        let (mut session, mut rows) = (self.session(name), Vec::new());
        let mut visit = |row: &dyn Row| {
            rows.push(read(row)?);
            Ok(())
        };
        self.runtime.block_on(session.query_sql(sql, &mut visit)).unwrap();
        rows
    }
}

/// Runs `test` on a target of each engine that was not left out by name.
fn on_every_engine(test: impl Fn(&Bench)) {
    for engine in ["sqlite", "postgres", "mariadb"] {
        if !left_out(engine) {
            test(&Bench::open(engine));
        }
    }
}

#[test]
fn a_data_set_is_loaded_once_and_reused_while_it_is_the_same() {
    on_every_engine(|bench| {
        bench.loads("smallbank", Scale::ONE, 7);
        assert_eq!(bench.state("smallbank"), "ready");
        bench.reuses("smallbank", Scale::ONE, 7);
        bench.loads("smallbank", Scale::ONE, 8);
        bench.loads("smallbank", Scale::whole(2), 8);
        bench.loads("smallbank", Scale::ONE, u64::MAX);
        bench.reuses("smallbank", Scale::ONE, u64::MAX);
        let again =
            bench.prepare_with("smallbank", Scale::ONE, u64::MAX, true, &Silent, &Stop::default());
        assert!(matches!(again, Ok(Prepared::Loaded { rows: 54_000, .. })), "{again:?}");
    });
}

#[test]
fn what_was_spent_is_loaded_again_and_damage_is_told() {
    on_every_engine(|bench| {
        bench.loads("sbtest", Scale::ONE, 7);
        let dataset = find("sbtest").unwrap();
        bench.runtime.block_on(mark_spent(bench.driver.as_ref(), dataset)).unwrap();
        assert_eq!(bench.state("sbtest"), "spent");
        bench.loads("sbtest", Scale::ONE, 7);
        let reload =
            || bench.prepare_with("sbtest", Scale::ONE, 7, true, &Silent, &Stop::default());
        for (damage, told) in [
            ("DELETE FROM sbtest1 WHERE id = 5000", "9999 rows, not 10000"),
            ("DROP TABLE sbtest1", "`sbtest1` is gone"),
        ] {
            bench.sql("sbtest", damage);
            let error = bench.prepare("sbtest", Scale::ONE, 7).unwrap_err();
            assert!(error.is_broken() && error.to_string().contains(told), "{error}");
            assert!(matches!(reload(), Ok(Prepared::Loaded { .. })));
        }
        assert_eq!(bench.scalar("sbtest", "SELECT COUNT(*) FROM sbtest1"), 10_000);
        bench.reuses("sbtest", Scale::ONE, 7);
        // The engine goes on numbering where the loaded rows end.
        bench.sql("sbtest", "INSERT INTO sbtest1 (k, c, pad) VALUES (1, 'c', 'pad')");
        assert_eq!(bench.scalar("sbtest", "SELECT MAX(id) FROM sbtest1"), 10_001);
    });
}

#[test]
fn a_claim_is_for_one_and_free_again_soon_after_it_is_dropped() {
    on_every_engine(|bench| {
        // SQLite's is for a process, and a file: two runs of the command line test it.
        if bench.driver.engine() == "sqlite" {
            return;
        }
        let claim = || bench.driver.claim("dbdyno_claimed");
        let held = bench.runtime.block_on(claim()).unwrap();
        let refused = bench.runtime.block_on(claim()).err().unwrap().to_string();
        assert!(refused.contains("another dbdyno is using it"), "{refused}");
        // A server lets go of it a moment after its owner has gone. Until then the next one asks again:
        // it has while another session was told often enough that it is held.
        let asks = bench.driver.dialect().claim("dbdyno_claimed").unwrap();
        let options = SessionOptions::default();
        let mut other = bench.runtime.block_on(bench.driver.connect(&options)).unwrap();
        let next = bench.runtime.block_on(async {
            let mut next = std::pin::pin!(claim());
            let told_often = async {
                // Not so many that a busy server answers them for longer than a claim is asked for.
                for _ in 0..20 {
                    assert_eq!(scalar_sql(other.as_mut(), &asks).await.unwrap(), 0);
                }
            };
            tokio::select! {
                biased;
                claimed = &mut next => panic!("it is held: {:?}", claimed.err()),
                () = told_often => {}
            }
            drop(held);
            next.await
        });
        drop(next.unwrap());
    });
}

#[test]
fn a_data_set_that_is_not_there_cannot_be_spent() {
    let folder = tempfile::tempdir().unwrap();
    let bench = Bench::on_file(&folder.path().join("bench.db"));
    let spent = bench.runtime.block_on(mark_spent(bench.driver.as_ref(), find("tpcb").unwrap()));
    assert!(spent.unwrap_err().to_string().contains("tpcb"));
}

#[test]
fn a_scale_out_of_range_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let bench = Bench::on_file(&folder.path().join("bench.db"));
    for scale in [0, 20_000] {
        let error = bench.prepare("tpcb", Scale::whole(scale), 1).unwrap_err().to_string();
        assert!(error.contains(&format!("scale {scale}")), "{error}");
    }
}

#[test]
fn tables_without_the_mark_are_refused_and_left_alone() {
    on_every_engine(|bench| {
        // Makes the namespace with nothing in it but somebody's table.
        bench.loads("tpcb", Scale::ONE, 7);
        for table in find("tpcb").unwrap().tables() {
            bench.sql("tpcb", &format!("DROP TABLE {}", table.name));
        }
        bench.sql("tpcb", &format!("DROP TABLE {MARK_TABLE}"));
        bench.sql("tpcb", "CREATE TABLE letters (sender INT)");
        bench.sql("tpcb", "INSERT INTO letters VALUES (42)");
        for reload in [false, true] {
            let refused =
                bench.prepare_with("tpcb", Scale::ONE, 7, reload, &Silent, &Stop::default());
            let error = refused.unwrap_err().to_string();
            assert!(error.contains("`letters`") && error.contains("next:"), "{error}");
        }
        assert_eq!(bench.scalar("tpcb", "SELECT sender FROM letters"), 42);
        let tables = bench
            .rows("tpcb", bench.driver.dialect().list_tables(), |row| Ok(row.text(0)?.to_owned()));
        assert_eq!(tables, ["letters"]);
    });
}

#[test]
fn a_table_that_the_mark_does_not_list_is_refused_beside_those_it_lists() {
    let folder = tempfile::tempdir().unwrap();
    let bench = Bench::on_file(&folder.path().join("bench.db"));
    bench.loads("smallbank", Scale::ONE, 7);
    bench.sql("smallbank", "CREATE TABLE customer (name TEXT)");
    bench.sql("smallbank", "INSERT INTO customer VALUES ('Ada')");
    let error = bench.prepare("tpcc", Scale::ONE, 7).unwrap_err().to_string();
    assert!(error.contains("`customer`") && error.contains("bench.db"), "{error}");
    assert_eq!(bench.scalar("tpcc", "SELECT COUNT(*) FROM customer"), 1);
    bench.reuses("smallbank", Scale::ONE, 7);
    bench.loads("tpcb", Scale::ONE, 7);
}

#[test]
fn one_file_holds_several_data_sets() {
    let folder = tempfile::tempdir().unwrap();
    let bench = Bench::on_file(&folder.path().join("bench.db"));
    let small = ["sbtest", "tpcb", "smallbank"];
    for name in small {
        bench.loads(name, Scale::ONE, 7);
    }
    bench.loads("sbtest", Scale::whole(2), 7);
    bench.reuses("tpcb", Scale::ONE, 7);
    bench.reuses("smallbank", Scale::ONE, 7);
}

/// Asks for the end once a table is under way.
struct StopAt {
    table: &'static str,
    stop: Stop,
    seen: Mutex<Vec<String>>,
}

impl LoadObserver for StopAt {
    fn started(&self, table: &str, _: u64, _: &Arc<LoadProgress>) {
        self.seen.lock().unwrap().push(format!("started {table}"));
        if table == self.table {
            self.stop.request();
        }
    }

    fn finished(&self, table: &str, _: u64) {
        self.seen.lock().unwrap().push(format!("finished {table}"));
    }
}

#[test]
fn a_load_that_was_stopped_is_done_afresh() {
    on_every_engine(|bench| {
        let stop = Stop::default();
        let observer =
            StopAt { table: "pgbench_accounts", stop: stop.clone(), seen: Mutex::default() };
        let stopped = bench.prepare_with("tpcb", Scale::ONE, 7, false, &observer, &stop);
        let error = stopped.unwrap_err().to_string();
        assert!(error.contains("pgbench_accounts") && error.contains("next:"), "{error}");
        let seen = observer.seen.into_inner().unwrap();
        assert!(seen.contains(&"finished pgbench_tellers".to_owned()), "{seen:?}");
        assert!(!seen.contains(&"finished pgbench_accounts".to_owned()), "{seen:?}");
        assert_eq!(bench.state("tpcb"), "loading");
        bench.loads("tpcb", Scale::ONE, 7);
        assert_eq!(bench.state("tpcb"), "ready");
        let accounts = bench.scalar("tpcb", "SELECT COUNT(*) FROM pgbench_accounts");
        assert_eq!(accounts, 100_000);
    });
}

/// Prints generated rows as `read_back` prints rows of an engine.
#[derive(Default)]
struct Printer {
    columns: Vec<String>,
}

impl RowWriter for Printer {
    fn null(&mut self) {
        self.columns.push("NULL".to_owned());
    }
    fn int(&mut self, value: i64) {
        self.columns.push(value.to_string());
    }
    fn decimal(&mut self, value: Decimal) {
        self.columns.push(value.to_string());
    }
    fn text(&mut self, value: &str) {
        self.columns.push(value.trim_end().to_owned());
    }
    fn timestamp(&mut self, value: Timestamp) {
        self.columns.push(print_time(&value.to_string()));
    }
    fn date(&mut self, value: Date) {
        self.columns.push(value.to_string());
    }
}

fn print_time(text: &str) -> String {
    text.trim_end_matches(".000000").to_owned()
}

fn read_back(table: &Table, row: &dyn Row) -> Result<String, DbError> {
    let mut columns = Vec::new();
    for (index, column) in table.columns.iter().enumerate() {
        columns.push(match (row.is_null(index)?, column.ty) {
            (true, _) => "NULL".to_owned(),
            (_, ColumnType::SmallInt | ColumnType::Int | ColumnType::BigInt) => {
                row.int(index)?.to_string()
            }
            (_, ColumnType::Decimal(_, scale)) => {
                Decimal::new(row.decimal(index, scale)?, scale).to_string()
            }
            (
                _,
                ColumnType::Char(_) | ColumnType::Varchar(_) | ColumnType::Json | ColumnType::Text,
            ) => row.text(index)?.trim_end().to_owned(),
            (_, ColumnType::Date) => row.date(index)?.to_string(),
            (_, ColumnType::Timestamp) => match row.value(index)? {
                Value::Timestamp(time) => print_time(&time.to_string()),
                _ => print_time(row.text(index)?),
            },
        });
    }
    Ok(columns.join("|"))
}

fn generated(dataset: &dyn Dataset, table: &'static str, scale: Scale) -> Vec<String> {
    let mut source = dataset.source(table, scale, 7, 0, 1);
    let (mut printer, mut rows) = (Printer::default(), Vec::new());
    while source.next_row(&mut printer) {
        rows.push(std::mem::take(&mut printer.columns).join("|"));
    }
    rows
}

#[test]
fn the_rows_that_are_generated_are_those_that_an_engine_gives_back() {
    on_every_engine(|bench| {
        for dataset in datasets() {
            let scale = dataset.scale_step();
            bench.loads(dataset.name(), scale, 7);
            for table in dataset.tables() {
                let columns: Vec<&str> = table.columns.iter().map(|column| column.name).collect();
                let dialect = bench.driver.dialect();
                let sql = format!(
                    "SELECT {} FROM {}",
                    dialect.columns(&columns),
                    dialect.quote(table.name)
                );
                let mut found = bench.rows(dataset.name(), &sql, |row| read_back(&table, row));
                let mut expected = generated(*dataset, table.name, scale);
                found.sort_unstable();
                expected.sort_unstable();
                assert_eq!(found.len(), expected.len(), "{}", table.name);
                let differs = found.iter().zip(&expected).find(|(found, made)| found != made);
                assert_eq!(differs, None, "{} on {}", table.name, bench.driver.engine());
            }
        }
    });
}
