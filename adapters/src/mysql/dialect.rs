//! The SQL of MySQL and MariaDB.

use dbdyno_core::dialect::replace_fragments;
use dbdyno_core::schema::{ColumnType, Table};
use dbdyno_core::{Dialect, NativeSql, Returning, RowLists, Upsert};

/// The SQL that MySQL and MariaDB share.
#[derive(Clone, Copy, Debug, Default)]
pub struct MysqlDialect;

impl Dialect for MysqlDialect {
    fn quote(&self, identifier: &str) -> String {
        format!("`{}`", identifier.replace('`', "``"))
    }

    fn statement(&self, portable: &str) -> String {
        let sql = replace_fragments(portable, "year_of", |date| format!("YEAR({date})"));
        let sql = replace_fragments(&sql, "code_of", |text| format!("ASCII({text})"));
        let sql = replace_fragments(&sql, "like", |like| like.replacen(' ', " LIKE ", 1));
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
        statements.push(format!("ANALYZE TABLE {}", self.quote(table.name)));
        statements
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
            MysqlDialect.create_table(&table),
            "CREATE TABLE `sbtest1` (\n  `id` INT NOT NULL AUTO_INCREMENT,\n  `at` DATETIME(6),\n  \
             PRIMARY KEY (`id`)\n) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin"
        );
        assert_eq!(MysqlDialect.create_indexes(&table), ["CREATE INDEX `k_1` ON `sbtest1` (`at`)"]);
    }

    #[test]
    fn portable_sql_becomes_mysql() {
        assert_eq!(
            MysqlDialect.statement("SELECT {code_of a} FROM t WHERE NOT {like b '%c_'}"),
            "SELECT ASCII(a) FROM t WHERE NOT b LIKE '%c_'"
        );
    }

    #[test]
    fn backticks_in_names_are_doubled() {
        assert_eq!(MysqlDialect.quote("a`b"), "`a``b`");
    }
}
