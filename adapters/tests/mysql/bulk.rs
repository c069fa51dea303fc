//! Loading rows.

use std::time::Duration;

use dbdyno_core::schema::{Column, ColumnType, Table};
use dbdyno_core::{
    DbError, Decimal, Driver, LoadProgress, Row, RowSource, RowWriter, Stop, Timestamp, Value,
};

use super::support::{database, options, shared, text};

/// Rows `(1..=rows, text, cents, at)`; every third text is NULL.
struct Rows {
    next: i64,
    last: i64,
}

const ODD: &str = "tab\t newline\n back\\slash 'quote' \"double\" \\N ü \r\0;";

impl RowSource for Rows {
    fn next_row(&mut self, row: &mut dyn RowWriter) -> bool {
        if self.next > self.last {
            return false;
        }
        row.int(self.next);
        if self.next % 3 == 0 {
            row.null();
        } else {
            row.text(ODD);
        }
        row.decimal(Decimal::cents(-self.next));
        row.timestamp(Timestamp(self.next * 1_000_001));
        self.next += 1;
        true
    }
}

fn rows(first: i64, last: i64) -> Box<dyn RowSource> {
    Box::new(Rows { next: first, last })
}

fn loaded_table(numbered: bool) -> Table {
    let id = Column::new("id", ColumnType::BigInt);
    Table::new(
        "loaded",
        vec![
            if numbered { id.auto_increment() } else { id },
            Column::new("name", ColumnType::Varchar(60)).nullable(),
            Column::new("amount", ColumnType::Decimal(12, 2)),
            Column::new("at", ColumnType::Timestamp),
        ],
    )
    .primary_key(&["id"])
    .index("loaded_name", &["name"])
}

async fn load(
    driver: &dyn Driver,
    name: &str,
    table: &Table,
    sources: Vec<Box<dyn RowSource>>,
) -> Result<u64, DbError> {
    let (progress, stop) = (LoadProgress::default(), Stop::default());
    let loaded = driver.bulk_load().unwrap().load(name, table, sources, &progress, &stop).await?;
    assert_eq!(progress.rows(), loaded);
    Ok(loaded)
}

pub async fn loads_every_row(driver: &dyn Driver, name: &str, numbered: bool) {
    database(driver, name).await;
    let table = loaded_table(numbered);
    let mut session = driver.connect(&options(name, None)).await.unwrap();
    session.run_sql(&driver.dialect().create_table(&table)).await.unwrap();
    let sources = vec![rows(1, 10_000), rows(10_001, 12_345), rows(1, 0)];
    assert_eq!(load(driver, name, &table, sources).await.unwrap(), 12_345);
    let dialect = driver.dialect();
    for sql in dialect.finish_load(&table) {
        session.run_sql(&sql).await.unwrap();
    }
    assert_eq!(text(session.as_mut(), "SELECT COUNT(*) FROM loaded").await, "12345");
    let nulls = "SELECT COUNT(*) FROM loaded WHERE name IS NULL";
    assert_eq!(text(session.as_mut(), nulls).await, "4115");
    let mut seen = Vec::new();
    let mut visit = |row: &dyn Row| {
        assert_eq!(row.text(1)?, ODD);
        assert_eq!(row.decimal(2, 2)?, -row.int(0)?);
        assert_eq!(row.value(3)?, Value::Timestamp(Timestamp(row.int(0)? * 1_000_001)));
        seen.push(row.int(0)?);
        Ok(())
    };
    let some = "SELECT * FROM loaded WHERE id IN (1, 4000, 12344) ORDER BY id";
    session.query_sql(some, &mut visit).await.unwrap();
    assert_eq!(seen, [1, 4000, 12344]);
    let mut tables = Vec::new();
    let mut visit = |row: &dyn Row| {
        tables.push(row.text(0)?.to_owned());
        Ok(())
    };
    session.query_sql(dialect.list_tables(), &mut visit).await.unwrap();
    assert_eq!(tables, ["loaded", "t"]);
}

#[tokio::test]
async fn rows_are_loaded_from_memory_as_a_file() {
    let driver = shared().await;
    loads_every_row(driver.as_ref(), "file", false).await;
    loads_every_row(driver.as_ref(), "file_numbered", true).await;
}

#[tokio::test]
async fn a_file_that_does_not_fit_is_an_error() {
    let driver = shared().await;
    let name = "misfit";
    database(driver.as_ref(), name).await;
    let mut session = driver.connect(&options(name, None)).await.unwrap();
    let table = loaded_table(false);
    // There is no table yet, and the rows would fill more than what waits for the server.
    let error = load(driver.as_ref(), name, &table, vec![rows(1, 100_000)]).await.unwrap_err();
    assert_eq!(error.code.as_deref(), Some("1146"), "{error}");
    session.run_sql(&driver.dialect().create_table(&table)).await.unwrap();
    // LOCAL would skip the row whose key is there.
    session.run_sql("INSERT INTO loaded VALUES (7, NULL, 0, '2024-01-01')").await.unwrap();
    let error = load(driver.as_ref(), name, &table, vec![rows(1, 100)]).await.unwrap_err();
    assert!(error.message.contains("took 99 of 100 rows"), "{error}");
    assert_eq!(text(session.as_mut(), "SELECT COUNT(*) FROM loaded").await, "1");
}

#[tokio::test]
async fn a_stopped_load_ends_early_and_leaves_nothing() {
    let driver = shared().await;
    let name = "stopped";
    database(driver.as_ref(), name).await;
    let mut session = driver.connect(&options(name, None)).await.unwrap();
    let table = loaded_table(false);
    session.run_sql(&driver.dialect().create_table(&table)).await.unwrap();
    let (progress, stop) = (LoadProgress::default(), Stop::default());
    let bulk = driver.bulk_load().unwrap();
    let loading = bulk.load(name, &table, vec![rows(1, 9_000_000_000)], &progress, &stop);
    let stopping = async {
        while progress.rows() == 0 {
            tokio::task::yield_now().await;
        }
        stop.request();
    };
    let both = async { tokio::join!(loading, stopping) };
    let (loaded, ()) = tokio::time::timeout(Duration::from_secs(60), both).await.unwrap();
    let error = loaded.unwrap_err();
    assert!(error.message.contains("stopped"), "{error}");
    assert_eq!(text(session.as_mut(), "SELECT COUNT(*) FROM loaded").await, "0");
}
