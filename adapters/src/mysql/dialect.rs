//! The SQL of MySQL and MariaDB.

use dbdyno_core::dialect::{
    bracket_negative, comma_separated, hexadecimal, json_path, quote_text, replace_fragments,
};
use dbdyno_core::schema::{ColumnType, Table};
use dbdyno_core::{
    Dialect, IndexSql, NativeSql, ProcedureLanguage, Returning, RowLists, TriggerLanguage, Upsert,
    Value,
};

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
        let sql = replace_fragments(&sql, "code_of", |text| format!("ASCII({text})"));
        let sql = replace_fragments(&sql, "like", |like| like.replacen(' ', " LIKE ", 1));
        // `||` is OR unless the session's `PIPES_AS_CONCAT` says otherwise (manual, section 5.1.11).
        let sql = replace_fragments(&sql, "concat", |texts| {
            format!("CONCAT({})", texts.replacen(' ', ", ", 1))
        });
        sql.replace("{for_update}", "FOR UPDATE")
    }

    /// Whether a backslash is an escape depends on the session's `NO_BACKSLASH_ESCAPES` (manual,
    /// section 9.1.1), so text that has one is said in hexadecimal digits with its character set
    /// (9.1.4).
    fn literal(&self, value: Value<'_>) -> String {
        match value {
            Value::Null => "NULL".to_owned(),
            Value::Int(int) => bracket_negative(int.to_string()),
            Value::Float(float) if !float.is_finite() => "NULL".to_owned(),
            Value::Float(float) => bracket_negative(format!("{float:e}")),
            Value::Decimal(decimal) => bracket_negative(decimal.to_string()),
            Value::Text(text) if text.contains('\\') => {
                format!("_utf8mb4 X'{}'", hexadecimal(text.as_bytes()))
            }
            Value::Text(text) => quote_text(text),
            Value::Bytes(bytes) => format!("X'{}'", hexadecimal(bytes)),
            Value::Timestamp(moment) => format!("TIMESTAMP'{moment}'"),
            Value::Date(date) => format!("DATE'{date}'"),
            Value::Ints(ints) => format!("({})", comma_separated(ints)),
        }
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

    fn procedures(&self) -> Result<ProcedureLanguage, &'static str> {
        Ok(ProcedureLanguage::SqlPsm)
    }

    fn triggers(&self) -> TriggerLanguage {
        TriggerLanguage::SqlPsm
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
            ColumnType::Text => "TEXT".to_owned(),
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

    fn drop_namespace(&self, namespace: &str) -> Option<String> {
        Some(format!("DROP DATABASE IF EXISTS {}", self.quote(namespace)))
    }

    /// A named lock of the server, held by the session (manual, section 12.15).
    fn claim(&self, namespace: &str) -> Option<String> {
        let name = self.literal(Value::Text(&format!("dbdyno {namespace}")));
        Some(format!("SELECT GET_LOCK({name}, 0)"))
    }

    fn count_sessions(&self) -> Option<&'static str> {
        Some(
            "SELECT COUNT(*) FROM information_schema.processlist WHERE id <> CONNECTION_ID() \
             AND user = SUBSTRING_INDEX(USER(), '@', 1) \
             AND id <> COALESCE(IS_USED_LOCK('dbdyno monitor'), 0)",
        )
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
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn text_is_one_literal_whatever_the_sql_mode(
            text in "[a'\"?`\\\\]{0,12}|\\PC{0,12}", number in any::<i64>(), float in any::<f64>(),
        ) {
            let literal = MYSQL.literal(Value::Text(&text));
            prop_assert!(!literal.contains('\\'), "{}", literal);
            if let Some(digits) = literal.strip_prefix("_utf8mb4 X'") {
                let digits = digits.strip_suffix('\'').unwrap();
                let pairs = (0..digits.len()).step_by(2).map(|at| &digits[at..at + 2]);
                let bytes: Vec<u8> =
                    pairs.map(|pair| u8::from_str_radix(pair, 16).unwrap()).collect();
                prop_assert_eq!(String::from_utf8(bytes).unwrap(), text);
            } else {
                let inside = &literal[1..literal.len() - 1];
                let lone = inside.replace("''", "");
                prop_assert!(!lone.contains('\''), "{}", literal);
                prop_assert_eq!(inside.replace("''", "'"), text);
            }
            for value in [Value::Int(number), Value::Float(float)] {
                prop_assert!(!MYSQL.literal(value).starts_with('-'), "begins a comment");
            }
        }
    }

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
    fn portable_sql_becomes_mysql() {
        assert_eq!(
            MYSQL.statement("SELECT {code_of a} FROM t WHERE NOT {like b '%c_'}"),
            "SELECT ASCII(a) FROM t WHERE NOT b LIKE '%c_'"
        );
        assert_eq!(
            MYSQL.statement("UPDATE t SET a = {concat a ?} WHERE b = ?"),
            "UPDATE t SET a = CONCAT(a, ?) WHERE b = ?"
        );
    }

    #[test]
    fn backticks_in_names_are_doubled() {
        assert_eq!(MYSQL.quote("a`b"), "`a``b`");
    }
}
