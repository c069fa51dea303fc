//! How MySQL and MariaDB say indexes.

use dbdyno_core::{Dialect as _, IndexDefinition, IndexKey, IndexSql};

use super::dialect::MysqlDialect;
use super::programs::Product;

const NO_EXPRESSIONS: &str = "MariaDB has no index on an expression: it indexes generated columns, \
                              which statements must then name";
const NO_FILTERS: &str = "InnoDB has no index on a part of a table's rows";

/// InnoDB's indexes: B-trees, and full-text indexes over words.
pub(super) struct MysqlIndexes {
    pub(super) product: Product,
}

/// InnoDB's indexes in MySQL.
pub(super) const MYSQL: MysqlIndexes = MysqlIndexes { product: Product::Mysql };
/// InnoDB's indexes in MariaDB.
pub(super) const MARIADB: MysqlIndexes = MysqlIndexes { product: Product::Mariadb };

impl MysqlIndexes {
    fn dialect(&self) -> MysqlDialect {
        MysqlDialect { product: self.product }
    }
}

impl IndexSql for MysqlIndexes {
    /// Expressions are MySQL's since 8.0.13
    /// (<https://dev.mysql.com/doc/refman/8.0/en/create-index.html>, functional key parts).
    fn create(&self, index: &IndexDefinition) -> Result<Vec<String>, &'static str> {
        if index.filter.is_some() {
            return Err(NO_FILTERS);
        }
        let dialect = self.dialect();
        let (kind, key) = match (index.key, self.product) {
            (IndexKey::Columns(columns), _) => ("INDEX", dialect.columns(columns)),
            (IndexKey::Words { column, .. }, _) => ("FULLTEXT INDEX", dialect.quote(column)),
            (IndexKey::Expression(expression), Product::Mysql) => {
                ("INDEX", format!("({})", dialect.statement(expression)))
            }
            (IndexKey::Expression(_), Product::Mariadb) => return Err(NO_EXPRESSIONS),
        };
        let (name, table) = (dialect.quote(index.name), dialect.quote(index.table));
        Ok(vec![format!("CREATE {kind} {name} ON {table} ({key})")])
    }

    fn exists(&self, index: &IndexDefinition) -> String {
        format!(
            "SELECT COUNT(DISTINCT index_name) FROM information_schema.statistics \
             WHERE table_schema = DATABASE() AND table_name = '{}' AND index_name = '{}'",
            index.table, index.name
        )
    }

    fn drop(&self, index: &IndexDefinition) -> Vec<String> {
        let dialect = self.dialect();
        let (name, table) = (dialect.quote(index.name), dialect.quote(index.table));
        vec![format!("DROP INDEX {name} ON {table}")]
    }

    /// A B-tree's pages are in InnoDB's statistics
    /// (<https://dev.mysql.com/doc/refman/8.0/en/innodb-persistent-stats.html>); a full-text index is
    /// kept in files of its own, of which dbdyno has one index at a time.
    fn size(&self, index: &IndexDefinition) -> String {
        let spaces = match self.product {
            Product::Mysql => "INNODB_TABLESPACES",
            Product::Mariadb => "INNODB_SYS_TABLESPACES",
        };
        match index.key {
            IndexKey::Words { .. } => format!(
                "SELECT COALESCE(SUM(file_size), 0) FROM information_schema.{spaces} \
                 WHERE LOWER(name) LIKE CONCAT(REPLACE(DATABASE(), '_', '\\_'), '/fts\\_%')"
            ),
            IndexKey::Columns(_) | IndexKey::Expression(_) => format!(
                "SELECT stat_value * @@innodb_page_size FROM mysql.innodb_index_stats \
                 WHERE database_name = DATABASE() AND table_name = '{}' AND index_name = '{}' \
                 AND stat_name = 'size'",
                index.table, index.name
            ),
        }
    }

    fn foreign_key_without_index(&self) -> Result<(), &'static str> {
        Err("InnoDB makes an index on every foreign key and does not let it go")
    }

    fn has_word(&self, _index: &str, column: &str, _row: &str) -> String {
        format!("MATCH ({}) AGAINST (? IN BOOLEAN MODE)", self.dialect().quote(column))
    }
}
