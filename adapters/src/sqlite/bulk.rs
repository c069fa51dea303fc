//! Loading rows: one prepared insert in one transaction.

use dbdyno_core::schema::Table;
use dbdyno_core::{
    Date, DbError, Decimal, Dialect, LoadProgress, RowSource, RowWriter, Stop, Timestamp, Value,
};
use rusqlite::Connection;

use super::dialect::SqliteDialect;
use super::errors::translate;
use super::statement::SqliteStatement;

/// After how many rows progress is told and a stop is obeyed.
const BATCH: u64 = 500;

/// Loads every row of `sources`, one source after the other. All or nothing: an error or a stop
/// leaves the table as it was.
pub fn load(
    connection: &mut Connection,
    table: &Table,
    sources: Vec<Box<dyn RowSource>>,
    progress: &LoadProgress,
    stop: &Stop,
) -> Result<u64, DbError> {
    let transaction = connection.transaction().map_err(translate)?;
    let mut rows = 0;
    {
        let mut statement = SqliteStatement::new(&transaction, &insert(table))?;
        for mut source in sources {
            rows += load_source(&mut statement, table, source.as_mut(), progress, stop)?;
        }
    }
    transaction.commit().map_err(translate)?;
    Ok(rows)
}

fn insert(table: &Table) -> String {
    let names: Vec<&str> = table.columns.iter().map(|column| column.name).collect();
    let places = vec!["?"; names.len()].join(", ");
    format!(
        "INSERT INTO {} ({}) VALUES ({places})",
        SqliteDialect.quote(table.name),
        SqliteDialect.columns(&names)
    )
}

fn load_source(
    statement: &mut SqliteStatement<'_>,
    table: &Table,
    source: &mut dyn RowSource,
    progress: &LoadProgress,
    stop: &Stop,
) -> Result<u64, DbError> {
    let (mut rows, mut told) = (0, 0);
    loop {
        let mut writer = Binder { statement, columns: 0, failure: None };
        let more = source.next_row(&mut writer);
        let Binder { columns, failure, .. } = writer;
        if let Some(failure) = failure {
            return Err(failure);
        }
        if more {
            check_width(table, columns)?;
            statement.run(&mut |_| Ok(()))?;
            rows += 1;
        }
        if !more || rows - told == BATCH {
            progress.add(rows - told);
            told = rows;
            if stop.is_requested() {
                return Err(DbError::unexpected(format!(
                    "loading table {} was stopped",
                    table.name
                )));
            }
        }
        if !more {
            return Ok(rows);
        }
    }
}

fn check_width(table: &Table, columns: usize) -> Result<(), DbError> {
    let wanted = table.columns.len();
    if columns == wanted {
        return Ok(());
    }
    Err(DbError::unexpected(format!(
        "a row for table {} has {columns} columns instead of {wanted}",
        table.name
    )))
}

/// Binds a row's columns to the insert as they are generated.
struct Binder<'s, 'c> {
    statement: &'s mut SqliteStatement<'c>,
    columns: usize,
    failure: Option<DbError>,
}

impl Binder<'_, '_> {
    fn bind(&mut self, value: Value<'_>) {
        self.columns += 1;
        if let Err(error) = self.statement.bind(self.columns, value) {
            self.failure.get_or_insert(error);
        }
    }
}

impl RowWriter for Binder<'_, '_> {
    fn null(&mut self) {
        self.bind(Value::Null);
    }

    fn int(&mut self, value: i64) {
        self.bind(Value::Int(value));
    }

    fn decimal(&mut self, value: Decimal) {
        self.bind(Value::Decimal(value));
    }

    fn text(&mut self, value: &str) {
        self.bind(Value::Text(value));
    }

    fn timestamp(&mut self, value: Timestamp) {
        self.bind(Value::Timestamp(value));
    }

    fn date(&mut self, value: Date) {
        self.bind(Value::Date(value));
    }
}
