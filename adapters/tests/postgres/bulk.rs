//! Loading rows.

use dbdyno_core::schema::{Column, ColumnType, Table};
use dbdyno_core::{
    Decimal, Driver, ErrorClass, LoadProgress, RowSource, RowWriter, Session, Stop, Timestamp,
    Value,
};

use super::support::{int, prepare, server, session, text};

struct Rows {
    next: i64,
    end: i64,
}

impl RowSource for Rows {
    fn next_row(&mut self, row: &mut dyn RowWriter) -> bool {
        if self.next >= self.end {
            return false;
        }
        let n = self.next;
        self.next += 1;
        row.int(n);
        row.int(n % 100);
        row.int(n.wrapping_mul(1_000_000_007));
        row.decimal(Decimal::new(n - 500, 2));
        if n % 3 == 0 {
            row.null();
        } else {
            row.text(&format!("naïve {n}"));
        }
        row.text("ab");
        row.timestamp(Timestamp(n * 1_000_001));
        true
    }
}

fn table() -> Table {
    Table::new(
        "wide \"table\"",
        vec![
            Column::new("id", ColumnType::Int).auto_increment(),
            Column::new("small", ColumnType::SmallInt),
            Column::new("big", ColumnType::BigInt),
            Column::new("money", ColumnType::Decimal(12, 2)),
            Column::new("note", ColumnType::Varchar(40)).nullable(),
            Column::new("fixed", ColumnType::Char(4)),
            Column::new("at", ColumnType::Timestamp),
        ],
    )
    .primary_key(&["id"])
    .index("by_small", &["small", "id"])
}

async fn created(driver: &dyn Driver) -> Box<dyn Session> {
    let mut session = session(driver, None).await;
    session.run_sql(&driver.dialect().create_table(&table())).await.unwrap();
    session
}

#[tokio::test]
async fn rows_are_loaded_by_several_sessions() {
    let driver = server("").await;
    let mut session = created(driver.as_ref()).await;
    let (progress, stop) = (LoadProgress::default(), Stop::default());
    let sources = (0..5)
        .map(|part| Rows { next: part * 10_000, end: (part + 1) * 10_000 })
        .map(|rows| Box::new(rows) as Box<dyn RowSource>)
        .collect();
    let bulk = driver.bulk_load().unwrap();
    let rows = bulk.load("test", &table(), sources, &progress, &stop).await.unwrap();
    assert_eq!((rows, progress.rows()), (50_000, 50_000));
    let dialect = driver.dialect();
    for sql in dialect.finish_load(&table()) {
        session.run_sql(&sql).await.unwrap();
    }
    let name = dialect.quote(table().name);
    let count = format!("SELECT count(*) FROM {name} WHERE note IS NULL");
    assert_eq!(int(session.as_mut(), &count).await, 16_667);
    let sum = format!("SELECT sum(big) / 1000000007 FROM {name}");
    assert_eq!(int(session.as_mut(), &sum).await, 49_999 * 25_000);
    let row = format!(
        "SELECT concat_ws('|', id, small, big, money, note, fixed, at) FROM {name} WHERE id = 499"
    );
    assert_eq!(
        text(session.as_mut(), &row).await,
        "499|99|499000003493|-0.01|naïve 499|ab  |1970-01-01 00:08:19.000499"
    );
    // The next row is numbered after the last that was loaded.
    prepare(
        session.as_mut(),
        &[&format!(
            "INSERT INTO {name} (small, big, money, note, fixed, at) VALUES (?, ?, ?, ?, ?, ?)"
        )],
    )
    .await;
    let values = [
        Value::Int(1),
        Value::Int(2),
        Value::Decimal(Decimal::cents(3)),
        Value::Null,
        Value::Text("x"),
        Value::Timestamp(Timestamp(0)),
    ];
    session.execute(0, &values).await.unwrap();
    assert_eq!(int(session.as_mut(), &format!("SELECT max(id) FROM {name}")).await, 50_000);
    let mut names = Vec::new();
    session
        .query_sql(dialect.list_tables(), &mut |row| {
            names.push(row.text(0)?.to_owned());
            Ok(())
        })
        .await
        .unwrap();
    assert_eq!(names, [table().name]);
}

#[tokio::test]
async fn a_load_that_fails_says_why() {
    struct TooLarge(bool);
    impl RowSource for TooLarge {
        fn next_row(&mut self, row: &mut dyn RowWriter) -> bool {
            row.int(if self.0 { i64::MAX } else { 1 });
            true
        }
    }
    let driver = server("").await;
    let mut session = created(driver.as_ref()).await;
    let bulk = driver.bulk_load().unwrap();
    let (progress, stop) = (LoadProgress::default(), Stop::default());
    for (source, why) in [(TooLarge(true), "the number 9223"), (TooLarge(false), "1 columns of 7")]
    {
        let sources: Vec<Box<dyn RowSource>> =
            vec![Box::new(source), Box::new(Rows { next: 0, end: i64::MAX })];
        let error = bulk.load("test", &table(), sources, &progress, &stop).await.unwrap_err();
        assert!(error.message.contains(why), "{error}");
    }
    // What only the server sees ends the load, too, although there is no end of rows.
    let note = Column::new("note", ColumnType::Varchar(40));
    let mut strict = table();
    strict.name = "strict";
    strict.columns[4] = note;
    session.run_sql(&driver.dialect().create_table(&strict)).await.unwrap();
    let sources: Vec<Box<dyn RowSource>> = vec![Box::new(Rows { next: 0, end: i64::MAX })];
    let error = bulk.load("test", &strict, sources, &progress, &stop).await.unwrap_err();
    assert_eq!((error.class, error.code.as_deref()), (ErrorClass::Constraint, Some("23502")));

    let sources: Vec<Box<dyn RowSource>> = vec![Box::new(Rows { next: 0, end: 1 })];
    let error = bulk.load("nowhere", &table(), sources, &progress, &stop).await.unwrap_err();
    assert_eq!(error.code.as_deref(), Some("3F000"), "{error}");

    stop.request();
    let sources: Vec<Box<dyn RowSource>> = vec![Box::new(Rows { next: 0, end: i64::MAX })];
    let error = bulk.load("test", &table(), sources, &progress, &stop).await.unwrap_err();
    assert!(error.message.contains("stopped"), "{error}");
    // Nothing of what was cut off is there.
    let count = format!("SELECT count(*) FROM {}", driver.dialect().quote(table().name));
    assert_eq!(int(session.as_mut(), &count).await, 0);
}
