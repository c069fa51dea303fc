//! The SQL of MySQL and MariaDB.

use dbdyno_core::dialect::{json_path, replace_fragments};
use dbdyno_core::schema::{ColumnType, Table};
use dbdyno_core::{Dialect, IndexSql, NativeSql, Returning, RowLists, Upsert};

use super::indexes;
use super::programs::Product;

/// The SQL that MySQL and MariaDB share; they differ in the indexes that they have.
#[derive(Clone, Copy, Debug)]
pub struct MysqlDialect {
    pub(super) product: Product,
}

/// MySQL's SQL.
pub const MYSQL: MysqlDialect = MysqlDialect { product: Product::Mysql };
/// MariaDB's SQL.
pub const MARIADB: MysqlDialect = MysqlDialect { product: Product::Mariadb };

impl Dialect for MysqlDialect {
    fn quote(&self, identifier: &str) -> String {
        format!("`{}`", identifier.replace('`', "``"))
    }

    fn statement(&self, portable: &str) -> String {
        let sql = replace_fragments(portable, "year_of", |date| format!("YEAR({date})"));
        let sql = replace_fragments(&sql, "json_text", |argument| {
            let (column, key) = json_path(argument);
            // Said as an index on it must be said (<https://dev.mysql.com/doc/refman/8.0/en/
            // create-index.html>, functional key parts).
            format!(
                "(CAST(JSON_UNQUOTE(JSON_EXTRACT({column}, '$.{key}')) AS CHAR(64)) \
                 COLLATE utf8mb4_bin)"
            )
        });
        sql.replace("{for_update}", "FOR UPDATE")
    }

    /// What MySQL and MariaDB both can say. MariaDB's `DELETE … RETURNING` is left out: where it
    /// would save a query, one statement for many rows saves more.
    fn native(&self) -> NativeSql {
        NativeSql {
            returning: Returning::Nothing,
            lists: RowLists::Listed,
            upsert: Upsert::OnDuplicateKey,
        }
    }

    fn column_type(&self, ty: ColumnType) -> String {
        match ty {
            ColumnType::SmallInt => "SMALLINT".to_owned(),
            ColumnType::Int => "INT".to_owned(),
            ColumnType::BigInt => "BIGINT".to_owned(),
            ColumnType::Decimal(digits, scale) => format!("DECIMAL({digits},{scale})"),
            ColumnType::Char(length) => format!("CHAR({length})"),
            ColumnType::Varchar(length) => format!("VARCHAR({length})"),
            ColumnType::Timestamp => "DATETIME(6)".to_owned(),
            ColumnType::Date => "DATE".to_owned(),
            ColumnType::Json => "JSON".to_owned(),
        }
    }

    fn auto_increment(&self) -> &'static str {
        "AUTO_INCREMENT"
    }

    /// InnoDB stores rows in the order of the primary key.
    fn key_with_table(&self) -> bool {
        true
    }

    /// Text is compared byte by byte, as PostgreSQL's `C` collation and SQLite's `BINARY` do.
    fn table_options(&self) -> &'static str {
        " ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin"
    }

    fn ensure_namespace(&self, namespace: &str) -> Vec<String> {
        vec![format!(
            "CREATE DATABASE IF NOT EXISTS {} CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
            self.quote(namespace)
        )]
    }

    /// A named lock of the server, held by the session (manual, section 12.15).
    fn claim(&self, namespace: &str) -> Option<String> {
        let name = namespace.replace('\\', "\\\\").replace('\'', "''");
        Some(format!("SELECT GET_LOCK('dbdyno {name}', 0)"))
    }

    fn list_tables(&self) -> &'static str {
        "SELECT table_name FROM information_schema.tables \
         WHERE table_schema = DATABASE() ORDER BY table_name"
    }

    fn finish_load(&self, table: &Table) -> Vec<String> {
        let mut statements = self.create_indexes(table);
        statements.extend(self.refresh(table.name));
        statements
    }

    fn refresh(&self, table: &str) -> Vec<String> {
        vec![format!("ANALYZE TABLE {}", self.quote(table))]
    }

    fn index_sql(&self) -> &dyn IndexSql {
        match self.product {
            Product::Mysql => &indexes::MYSQL,
            Product::Mariadb => &indexes::MARIADB,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dbdyno_core::schema::Column;

    #[test]
    fn a_table_is_innodb_with_its_key() {
        let table = Table::new(
            "sbtest1",
            vec![
                Column::new("id", ColumnType::Int).auto_increment(),
                Column::new("at", ColumnType::Timestamp).nullable(),
            ],
        )
        .primary_key(&["id"])
        .index("k_1", &["at"]);
        assert_eq!(
            MYSQL.create_table(&table),
            "CREATE TABLE `sbtest1` (\n  `id` INT NOT NULL AUTO_INCREMENT,\n  `at` DATETIME(6),\n  \
             PRIMARY KEY (`id`)\n) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin"
        );
        assert_eq!(MYSQL.create_indexes(&table), ["CREATE INDEX `k_1` ON `sbtest1` (`at`)"]);
    }

    #[test]
    fn backticks_in_names_are_doubled() {
        assert_eq!(MYSQL.quote("a`b"), "`a``b`");
    }
}
