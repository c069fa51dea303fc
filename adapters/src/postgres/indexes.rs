//! How PostgreSQL says indexes.

use dbdyno_core::dialect::quote_text;
use dbdyno_core::{Dialect as _, IndexDefinition, IndexKey, IndexSql};

use super::dialect::PostgresDialect;

/// PostgreSQL's indexes: B-trees, and GIN over words (manual, section 12.9).
pub(super) struct PostgresIndexes;

impl IndexSql for PostgresIndexes {
    fn create(&self, index: &IndexDefinition) -> Result<Vec<String>, &'static str> {
        let key = match index.key {
            IndexKey::Columns(columns) => format!("({})", PostgresDialect.columns(columns)),
            IndexKey::Expression(expression) => {
                format!("(({}))", PostgresDialect.statement(expression))
            }
            IndexKey::Words { column, .. } => format!("USING gin ({})", words(column)),
        };
        let filter = index.filter.map(|filter| format!(" WHERE {filter}")).unwrap_or_default();
        let (name, table) = (PostgresDialect.quote(index.name), PostgresDialect.quote(index.table));
        Ok(vec![format!("CREATE INDEX {name} ON {table} {key}{filter}")])
    }

    fn exists(&self, index: &IndexDefinition) -> String {
        format!(
            "SELECT count(*) FROM pg_catalog.pg_indexes WHERE schemaname = current_schema() \
             AND tablename = {} AND indexname = {}",
            quote_text(index.table),
            quote_text(index.name)
        )
    }

    fn drop(&self, index: &IndexDefinition) -> Vec<String> {
        vec![format!("DROP INDEX {}", PostgresDialect.quote(index.name))]
    }

    fn size(&self, index: &IndexDefinition) -> String {
        let name = quote_text(&PostgresDialect.quote(index.name));
        format!("SELECT pg_relation_size({name}::regclass)")
    }

    fn has_word(&self, _index: &str, column: &str, _row: &str) -> String {
        format!("{} @@ plainto_tsquery('simple', ?)", words(column))
    }
}

/// The words of a column as they are: without stems, without stop words.
fn words(column: &str) -> String {
    format!("to_tsvector('simple', {})", PostgresDialect.quote(column))
}
