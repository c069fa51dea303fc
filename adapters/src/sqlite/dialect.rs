//! SQLite's SQL.

use dbdyno_core::dialect::{
    bracket_negative, comma_separated, glob, hexadecimal, json_path, quote_text, replace_fragments,
};
use dbdyno_core::schema::{Column, ColumnType, Table};
use dbdyno_core::{
    Dialect, IndexSql, NativeSql, ProcedureLanguage, Returning, RowLists, TriggerLanguage, Upsert,
    Value,
};

use super::indexes::SqliteIndexes;

/// SQLite's SQL.
#[derive(Clone, Copy, Debug, Default)]
pub struct SqliteDialect;

impl Dialect for SqliteDialect {
    fn quote(&self, identifier: &str) -> String {
        format!("\"{}\"", identifier.replace('"', "\"\""))
    }

    /// SQLite has no row locks: a writing transaction holds the file's write lock from `BEGIN
    /// IMMEDIATE` on, so `{for_update}` is left out. Dates are text
    /// (<https://www.sqlite.org/lang_datefunc.html>). `LIKE` takes capital letters for small ones, and
    /// `GLOB` does not (<https://www.sqlite.org/lang_expr.html>, section 5).
    fn statement(&self, portable: &str) -> String {
        let sql = replace_fragments(portable, "year_of", |date| {
            format!("CAST(strftime('%Y', {date}) AS INTEGER)")
        });
        let sql = replace_fragments(&sql, "json_text", |argument| {
            let (column, key) = json_path(argument);
            format!("json_extract({column}, '$.{key}')")
        });
        let sql = replace_fragments(&sql, "code_of", |text| format!("unicode({text})"));
        let sql = replace_fragments(&sql, "like", |like| match like.split_once(' ') {
            Some((column, pattern)) => format!("{column} GLOB {}", glob(pattern)),
            None => like.to_owned(),
        });
        let sql = replace_fragments(&sql, "concat", |texts| {
            format!("({})", texts.replacen(' ', " || ", 1))
        });
        sql.replace("{for_update}", "").trim_end().to_owned()
    }

    /// Nothing but the quote is special in SQLite's strings
    /// (<https://www.sqlite.org/lang_expr.html#literal_values_constants_>), but its SQL ends at a NUL.
    /// Values are those that parameters are bound as: fixed-point numbers are doubles, and a double
    /// that is no number is NULL. SQLite reads 15 digits of a number exactly
    /// (<https://www.sqlite.org/floatingpoint.html>).
    fn literal(&self, value: Value<'_>) -> String {
        match value {
            Value::Null => "NULL".to_owned(),
            Value::Int(int) => bracket_negative(int.to_string()),
            Value::Float(float) if float.is_nan() => "NULL".to_owned(),
            Value::Float(float) if float.is_infinite() => {
                bracket_negative(format!("{}9e999", if float < 0.0 { "-" } else { "" }))
            }
            Value::Float(float) => bracket_negative(format!("{float:e}")),
            Value::Decimal(decimal) => bracket_negative(format!("{:e}", decimal.to_f64())),
            Value::Text(text) if text.contains('\0') => {
                format!("CAST(X'{}' AS TEXT)", hexadecimal(text.as_bytes()))
            }
            Value::Text(text) => quote_text(text),
            Value::Bytes(bytes) => format!("X'{}'", hexadecimal(bytes)),
            Value::Timestamp(moment) => format!("'{moment}'"),
            Value::Date(date) => format!("'{date}'"),
            Value::Ints(ints) => format!("({})", comma_separated(ints)),
        }
    }

    /// `RETURNING` names columns of the changed table alone
    /// (<https://www.sqlite.org/lang_returning.html>, section 3).
    fn native(&self) -> NativeSql {
        NativeSql {
            returning: Returning::Changed,
            lists: RowLists::OneByOne,
            upsert: Upsert::OnConflict,
        }
    }

    /// Names chosen for the affinity they give (<https://www.sqlite.org/datatype3.html>, 3.1).
    fn procedures(&self) -> Result<ProcedureLanguage, &'static str> {
        Err(
            "SQLite has no stored procedures: it runs in the client's own process, where no statement \
             costs a round trip",
        )
    }

    fn triggers(&self) -> TriggerLanguage {
        TriggerLanguage::Statements
    }

    fn column_type(&self, ty: ColumnType) -> String {
        match ty {
            ColumnType::SmallInt => "SMALLINT".to_owned(),
            ColumnType::Int => "INTEGER".to_owned(),
            ColumnType::BigInt => "BIGINT".to_owned(),
            ColumnType::Decimal(digits, scale) => format!("DECIMAL({digits},{scale})"),
            ColumnType::Char(length) => format!("CHAR({length})"),
            ColumnType::Varchar(length) => format!("VARCHAR({length})"),
            ColumnType::Timestamp | ColumnType::Date | ColumnType::Json | ColumnType::Text => {
                "TEXT".to_owned()
            }
        }
    }

    /// Nothing: an `INTEGER PRIMARY KEY` is the rowid, which numbers itself.
    fn auto_increment(&self) -> &'static str {
        ""
    }

    fn key_with_table(&self) -> bool {
        true
    }

    fn ensure_namespace(&self, _namespace: &str) -> Vec<String> {
        Vec::new()
    }

    fn claim(&self, _namespace: &str) -> Option<String> {
        None
    }

    fn list_tables(&self) -> &'static str {
        "SELECT name FROM sqlite_schema \
         WHERE type IN ('table', 'view') AND substr(name, 1, 7) <> 'sqlite_' ORDER BY name"
    }

    /// Indexes, statistics for the planner, and the write-ahead log moved into the file so that the
    /// first measured commits do not pay for the load.
    fn finish_load(&self, table: &Table) -> Vec<String> {
        let mut statements = self.create_indexes(table);
        statements.extend(self.refresh(table.name));
        statements
    }

    fn refresh(&self, table: &str) -> Vec<String> {
        vec![format!("ANALYZE {}", self.quote(table)), "PRAGMA wal_checkpoint(TRUNCATE)".to_owned()]
    }

    fn index_sql(&self) -> &dyn IndexSql {
        &SqliteIndexes
    }

    /// Declared with the table, for nothing else is possible; enforced where a session is told to
    /// (<https://www.sqlite.org/foreignkeys.html>).
    fn create_foreign_keys(&self, _table: &Table) -> Vec<String> {
        Vec::new()
    }

    fn create_table(&self, table: &Table) -> String {
        let mut parts: Vec<String> = table
            .columns
            .iter()
            .map(|column| match is_rowid(table, column) {
                true => format!("{} INTEGER PRIMARY KEY NOT NULL", self.quote(column.name)),
                false => self.column(column),
            })
            .collect();
        if !table.primary_key.is_empty() && !table.columns.iter().any(|c| is_rowid(table, c)) {
            parts.push(format!("PRIMARY KEY ({})", self.columns(&table.primary_key)));
        }
        parts.extend(
            table
                .foreign_keys
                .iter()
                .map(|key| format!("CONSTRAINT {} {}", self.quote(key.name), self.references(key))),
        );
        format!("CREATE TABLE {} (\n  {}\n)", self.quote(table.name), parts.join(",\n  "))
    }

    fn column(&self, column: &Column) -> String {
        let null = if column.nullable { "" } else { " NOT NULL" };
        format!("{} {}{null}", self.quote(column.name), self.column_type(column.ty))
    }
}

/// Whether a column is the table's whole key and a number: then it is made the rowid, the key by
/// which SQLite stores rows (<https://www.sqlite.org/lang_createtable.html#rowid>).
fn is_rowid(table: &Table, column: &Column) -> bool {
    let integer = matches!(column.ty, ColumnType::SmallInt | ColumnType::Int | ColumnType::BigInt);
    integer && table.primary_key == [column.name]
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn text_is_one_literal(text in "[a'\"?\\\\]{0,12}|\\PC{0,12}") {
            let literal = SqliteDialect.literal(Value::Text(&text));
            let inside = &literal[1..literal.len() - 1];
            prop_assert!(!inside.replace("''", "").contains('\''), "{}", literal);
            prop_assert_eq!(inside.replace("''", "'"), text);
        }
    }

    #[test]
    fn a_single_integer_key_is_the_rowid() {
        let table = Table::new(
            "sbtest1",
            vec![
                Column::new("id", ColumnType::BigInt).auto_increment(),
                Column::new("c", ColumnType::Char(120)).nullable(),
            ],
        )
        .primary_key(&["id"]);
        assert_eq!(
            SqliteDialect.create_table(&table),
            "CREATE TABLE \"sbtest1\" (\n  \"id\" INTEGER PRIMARY KEY NOT NULL,\n  \"c\" CHAR(120)\n)"
        );
    }

    #[test]
    fn a_key_of_several_columns_is_declared_with_the_table() {
        let table = Table::new(
            "district",
            vec![Column::new("d_id", ColumnType::SmallInt), Column::new("d_w_id", ColumnType::Int)],
        )
        .primary_key(&["d_w_id", "d_id"]);
        assert!(
            SqliteDialect.create_table(&table).contains("PRIMARY KEY (\"d_w_id\", \"d_id\")\n)")
        );
        assert!(SqliteDialect.create_indexes(&table).is_empty());
    }

    #[test]
    fn quotes_in_names_are_doubled_and_row_locks_left_out() {
        assert_eq!(SqliteDialect.quote("a\"b"), "\"a\"\"b\"");
        assert_eq!(
            SqliteDialect.statement("SELECT a FROM t WHERE b = ? {for_update}"),
            "SELECT a FROM t WHERE b = ?"
        );
        assert_eq!(
            SqliteDialect.statement("UPDATE t SET a = {concat a ?} WHERE b = ?"),
            "UPDATE t SET a = (a || ?) WHERE b = ?"
        );
    }

    #[test]
    fn patterns_tell_capital_letters_from_small_ones() {
        assert_eq!(
            SqliteDialect.statement("SELECT {code_of a} FROM t WHERE NOT {like b '%c_'}"),
            "SELECT unicode(a) FROM t WHERE NOT b GLOB '*c?'"
        );
        let connection = rusqlite::Connection::open_in_memory().unwrap();
        let sql = SqliteDialect.statement("SELECT {like 'aBc' '%B%'}, {like 'abc' '%B%'}");
        let matched: rusqlite::Result<[bool; 2]> =
            connection.query_row(&sql, [], |row| Ok([row.get(0)?, row.get(1)?]));
        assert_eq!(matched.unwrap(), [true, false]);
    }
}
