//! How SQLite says indexes.

use dbdyno_core::dialect::quote_text;
use dbdyno_core::{Dialect as _, IndexDefinition, IndexKey, IndexSql};

use super::dialect::SqliteDialect;

/// SQLite's indexes: B-trees, and FTS5 tables over words, which triggers keep in step with the table
/// (<https://www.sqlite.org/fts5.html>, section 4.4.3).
pub(super) struct SqliteIndexes;

impl IndexSql for SqliteIndexes {
    fn create(&self, index: &IndexDefinition) -> Result<Vec<String>, &'static str> {
        let quote = |name: &str| SqliteDialect.quote(name);
        let key = match index.key {
            IndexKey::Columns(columns) => SqliteDialect.columns(columns),
            IndexKey::Expression(expression) => SqliteDialect.statement(expression),
            IndexKey::Words { column, row } => return Ok(create_words(index, column, row)),
        };
        let filter = index.filter.map(|filter| format!(" WHERE {filter}")).unwrap_or_default();
        let (name, table) = (quote(index.name), quote(index.table));
        Ok(vec![format!("CREATE INDEX {name} ON {table} ({key}){filter}")])
    }

    fn exists(&self, index: &IndexDefinition) -> String {
        format!("SELECT count(*) FROM sqlite_schema WHERE name = {}", quote_text(index.name))
    }

    fn drop(&self, index: &IndexDefinition) -> Vec<String> {
        let IndexKey::Words { .. } = index.key else {
            return vec![format!("DROP INDEX {}", SqliteDialect.quote(index.name))];
        };
        let triggers = TRIGGERS.map(|event| {
            format!("DROP TRIGGER IF EXISTS {}", SqliteDialect.quote(&trigger(index, event)))
        });
        let table = format!("DROP TABLE {}", SqliteDialect.quote(index.name));
        triggers.into_iter().chain([table]).collect()
    }

    /// The virtual table `dbstat` has a row for each page (<https://www.sqlite.org/dbstat.html>). An
    /// FTS5 table keeps its index in tables of its own name and a suffix.
    fn size(&self, index: &IndexDefinition) -> String {
        let named = match index.key {
            IndexKey::Words { .. } => format!("GLOB {}", quote_text(&format!("{}_*", index.name))),
            IndexKey::Columns(_) | IndexKey::Expression(_) => {
                format!("= {}", quote_text(index.name))
            }
        };
        format!("SELECT coalesce(sum(pgsize), 0) FROM dbstat WHERE name {named}")
    }

    fn has_word(&self, index: &str, _column: &str, row: &str) -> String {
        let (name, row) = (SqliteDialect.quote(index), SqliteDialect.quote(row));
        format!("{row} IN (SELECT rowid FROM {name} WHERE {name} MATCH ?)")
    }
}

/// After which changes of the table a trigger changes the index.
const TRIGGERS: [&str; 3] = ["insert", "delete", "update"];

fn trigger(index: &IndexDefinition, event: &str) -> String {
    format!("{}_{event}", index.name)
}

fn create_words(index: &IndexDefinition, column: &str, row: &str) -> Vec<String> {
    let [name, table, column_name] =
        [index.name, index.table, column].map(|name| SqliteDialect.quote(name));
    let row_name = SqliteDialect.quote(row);
    let add = format!(
        "INSERT INTO {name} (rowid, {column_name}) VALUES (new.{row_name}, new.{column_name});"
    );
    let remove = format!(
        "INSERT INTO {name} ({name}, rowid, {column_name}) \
         VALUES ('delete', old.{row_name}, old.{column_name});"
    );
    let mut statements = vec![
        format!(
            "CREATE VIRTUAL TABLE {name} USING fts5({column_name}, content={}, content_rowid={})",
            quote_text(index.table),
            quote_text(row)
        ),
        format!("INSERT INTO {name} ({name}) VALUES ('rebuild')"),
    ];
    statements.extend(TRIGGERS.map(|event| {
        let work = match event {
            "insert" => add.clone(),
            "delete" => remove.clone(),
            _ => format!("{remove} {add}"),
        };
        let of = if event == "update" { format!(" OF {column_name}") } else { String::new() };
        let trigger = SqliteDialect.quote(&trigger(index, event));
        format!("CREATE TRIGGER {trigger} AFTER {event}{of} ON {table} BEGIN {work} END")
    }));
    statements
}
