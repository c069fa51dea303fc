//! The mark that dbdyno leaves beside what it creates: without it nothing is dropped or reused.

use std::fmt;

use dbdyno_core::schema::{Column, ColumnType, Keys, Table};
use dbdyno_core::{DbError, Decimal, Dialect, MARK_TABLE, Scale, Session};

/// How far a data set is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MarkState {
    /// It is being loaded, or its load was cut off.
    Loading,
    /// All of it is there, as loaded or as a benchmark may leave it.
    Ready,
    /// A benchmark has used it up.
    Spent,
}

impl MarkState {
    const ALL: [Self; 3] = [Self::Loading, Self::Ready, Self::Spent];

    const fn name(self) -> &'static str {
        match self {
            Self::Loading => "loading",
            Self::Ready => "ready",
            Self::Spent => "spent",
        }
    }
}

impl fmt::Display for MarkState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// What the mark says of a data set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    pub version: u32,
    pub scale: Scale,
    pub seed: u64,
    pub keys: Keys,
    pub state: MarkState,
}

fn table() -> Table {
    let columns = vec![
        Column::new("dataset", ColumnType::Varchar(64)),
        Column::new("version", ColumnType::BigInt),
        Column::new("scale", ColumnType::Decimal(12, 2)),
        // Text, since a seed may need all 64 bits and engines' integers have a sign.
        Column::new("seed", ColumnType::Varchar(20)),
        Column::new("keys_kept", ColumnType::Varchar(10)),
        Column::new("state", ColumnType::Varchar(10)),
    ];
    Table::new(MARK_TABLE, columns).primary_key(&["dataset"])
}

/// Creates the table of marks.
pub async fn create(session: &mut dyn Session, dialect: &dyn Dialect) -> Result<(), DbError> {
    let table = table();
    session.run_sql(&dialect.create_table(&table)).await?;
    for statement in dialect.create_indexes(&table) {
        session.run_sql(&statement).await?;
    }
    Ok(())
}

/// Reads the mark of a data set; `None` where there is none.
pub async fn read(
    session: &mut dyn Session,
    dialect: &dyn Dialect,
    dataset: &str,
) -> Result<Option<Mark>, DbError> {
    let sql = format!(
        "SELECT {} FROM {} WHERE {}",
        dialect.columns(&["version", "scale", "seed", "keys_kept", "state"]),
        dialect.quote(MARK_TABLE),
        is_dataset(dialect, dataset)
    );
    let mut mark = None;
    session
        .query_sql(&sql, &mut |row| {
            mark = Some(Mark {
                version: parse(&row.int(0)?.to_string(), "version")?,
                scale: parse(&Decimal::new(row.decimal(1, 2)?, 2).to_string(), "scale")?,
                seed: parse(row.text(2)?, "seed")?,
                keys: parse_word(row.text(3)?, "keys_kept", &Keys::ALL, Keys::name)?,
                state: parse_word(row.text(4)?, "state", &MarkState::ALL, MarkState::name)?,
            });
            Ok(())
        })
        .await?;
    Ok(mark)
}

fn parse<T: std::str::FromStr>(text: &str, column: &str) -> Result<T, DbError> {
    text.parse().map_err(|_| unreadable(column, text))
}

fn parse_word<T: Copy>(
    text: &str,
    column: &str,
    all: &[T],
    name: fn(T) -> &'static str,
) -> Result<T, DbError> {
    let found = all.iter().copied().find(|one| name(*one) == text);
    found.ok_or_else(|| unreadable(column, text))
}

fn unreadable(column: &str, text: &str) -> DbError {
    DbError::unexpected(format!("the column {column} of {MARK_TABLE} holds `{text}`"))
}

/// Writes the mark of a data set for the first time.
pub async fn insert(
    session: &mut dyn Session,
    dialect: &dyn Dialect,
    dataset: &str,
    mark: Mark,
) -> Result<(), DbError> {
    let sql = format!(
        "INSERT INTO {} ({}) VALUES ({}, {}, {}, {}, {}, {})",
        dialect.quote(MARK_TABLE),
        dialect.columns(&["dataset", "version", "scale", "seed", "keys_kept", "state"]),
        literal(dataset),
        mark.version,
        mark.scale,
        literal(&mark.seed.to_string()),
        literal(mark.keys.name()),
        literal(mark.state.name())
    );
    session.run_sql(&sql).await.map(|_| ())
}

/// Replaces the mark of a data set that has one.
pub async fn update(
    session: &mut dyn Session,
    dialect: &dyn Dialect,
    dataset: &str,
    mark: Mark,
) -> Result<(), DbError> {
    let sql = format!(
        "UPDATE {} SET {} = {}, {} = {}, {} = {}, {} = {}, {} = {} WHERE {}",
        dialect.quote(MARK_TABLE),
        dialect.quote("version"),
        mark.version,
        dialect.quote("scale"),
        mark.scale,
        dialect.quote("seed"),
        literal(&mark.seed.to_string()),
        dialect.quote("keys_kept"),
        literal(mark.keys.name()),
        dialect.quote("state"),
        literal(mark.state.name()),
        is_dataset(dialect, dataset)
    );
    session.run_sql(&sql).await.map(|_| ())
}

fn is_dataset(dialect: &dyn Dialect, dataset: &str) -> String {
    format!("{} = {}", dialect.quote("dataset"), literal(dataset))
}

/// A string literal. What is put into one are names and numbers of dbdyno's own.
fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
