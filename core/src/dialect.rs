//! How an engine says the same things.

use std::cell::Cell;

use crate::error::DbError;
use crate::index::IndexSql;
use crate::procedure::{ProcedureLanguage, TriggerLanguage};
use crate::schema::{Column, ColumnType, ForeignKey, Table};
use crate::value::Value;

/// An engine's SQL. Suites and data sets write portable SQL; a dialect turns it into what its
/// engine is sent, and differs only where the engine cannot say it otherwise
/// (`docs/methodology.md` lists every such place).
///
/// Portable SQL has `?` for each parameter and these fragments in braces:
/// - `{for_update}`: the row-locking clause, nothing where the engine has none;
/// - `{year_of EXPRESSION}`: the year of a date or a point in time, an integer;
/// - `{code_of EXPRESSION}`: the code of the first character of a text, an integer;
/// - `{like COLUMN PATTERN}`: `LIKE` that tells capital letters from small ones. The pattern is a
///   literal without quotes, backslashes or any of `*?[` in it;
/// - `{json_text COLUMN KEY}`: the value of a key of a JSON document, as text;
/// - `{concat COLUMN TEXT}`: a text with another one behind it, NULL where either is.
pub trait Dialect: Send + Sync {
    /// An identifier, quoted so that nothing in it can act as SQL.
    fn quote(&self, identifier: &str) -> String;

    /// Portable SQL as the engine is sent it.
    fn statement(&self, portable: &str) -> String;

    /// A value as SQL says it, so that nothing in it can act as SQL whatever the session's settings
    /// are, and so that it can stand wherever a `?` can. An engine without arrays is given a list in
    /// parentheses for [`Value::Ints`]. What an engine has no literal for is NULL (a number that is
    /// none, where it knows only numbers); it refuses what it has no value for (a day before year 1).
    fn literal(&self, value: Value<'_>) -> String;

    /// Portable SQL as the engine is sent it, with its parameters in place of each `?`.
    ///
    /// # Errors
    /// There are more or fewer parameters than places for them.
    fn with_literals(&self, portable: &str, parameters: &[Value<'_>]) -> Result<String, DbError> {
        fill_placeholders(&self.statement(portable), parameters, |value| self.literal(value))
    }

    /// What the engine can say that portable SQL cannot; native statements are made from it.
    fn native(&self) -> NativeSql {
        NativeSql::default()
    }

    /// The language of its stored procedures, or why it has none.
    ///
    /// # Errors
    /// It has none: the reason, for a person.
    fn procedures(&self) -> Result<ProcedureLanguage, &'static str>;

    /// The language of its triggers.
    fn triggers(&self) -> TriggerLanguage;

    /// The engine's name of a column type.
    fn column_type(&self, ty: ColumnType) -> String;

    /// What makes a column number itself, put after its type.
    fn auto_increment(&self) -> &'static str;

    /// Whether the primary key is declared with the table (an engine that stores rows in key
    /// order) or added after the rows are in.
    fn key_with_table(&self) -> bool;

    /// Put after the closing parenthesis of `CREATE TABLE`.
    fn table_options(&self) -> &'static str {
        ""
    }

    /// Statements that make the namespace (schema, database) if it is not there; none where the
    /// engine has one namespace per file.
    fn ensure_namespace(&self, namespace: &str) -> Vec<String>;

    /// Drops a namespace with all that is in it; `None` where the engine has one namespace per file.
    fn drop_namespace(&self, _namespace: &str) -> Option<String> {
        None
    }

    /// A query that takes a namespace for the session that runs it, as long as it lives: 1 where
    /// that worked, 0 where another session has it. `None` where the driver claims another way.
    fn claim(&self, namespace: &str) -> Option<String>;

    /// A query that counts the sessions of the user on the server, but for the one that asks and the one that
    /// samples the server's metrics, which comes and goes as it likes; `None` where there is no server to ask.
    fn count_sessions(&self) -> Option<&'static str> {
        None
    }

    /// A query that lists the tables, views and the like of the session's namespace, one name a row.
    fn list_tables(&self) -> &'static str;

    /// Statements run once the rows of a table are in, in the order that costs the engine least:
    /// [keys and indexes](Self::create_indexes), vacuum, statistics, the next number of an
    /// auto-increment column.
    fn finish_load(&self, table: &Table) -> Vec<String>;

    /// Statements that tidy a table up after many changes, and gather its statistics.
    fn refresh(&self, table: &str) -> Vec<String>;

    /// How the engine says indexes.
    fn index_sql(&self) -> &dyn IndexSql;

    /// `CREATE TABLE` without secondary indexes.
    fn create_table(&self, table: &Table) -> String {
        let mut parts: Vec<String> =
            table.columns.iter().map(|column| self.column(column)).collect();
        if self.key_with_table() && !table.primary_key.is_empty() {
            parts.push(format!("PRIMARY KEY ({})", self.columns(&table.primary_key)));
        }
        format!(
            "CREATE TABLE {} (\n  {}\n){}",
            self.quote(table.name),
            parts.join(",\n  "),
            self.table_options()
        )
    }

    /// The definition of one column.
    fn column(&self, column: &Column) -> String {
        let mut text = format!("{} {}", self.quote(column.name), self.column_type(column.ty));
        if !column.nullable {
            text.push_str(" NOT NULL");
        }
        if column.auto_increment {
            text.push(' ');
            text.push_str(self.auto_increment());
        }
        text
    }

    /// Statements that add the keys and indexes after the rows are in.
    fn create_indexes(&self, table: &Table) -> Vec<String> {
        let mut statements = Vec::new();
        if !self.key_with_table() && !table.primary_key.is_empty() {
            statements.push(format!(
                "ALTER TABLE {} ADD PRIMARY KEY ({})",
                self.quote(table.name),
                self.columns(&table.primary_key)
            ));
        }
        for index in &table.indexes {
            statements.push(format!(
                "CREATE INDEX {} ON {} ({})",
                self.quote(index.name),
                self.quote(table.name),
                self.columns(&index.columns)
            ));
        }
        statements
    }

    /// Statements run once the rows of all tables are in, so that what a table refers to is there.
    fn create_foreign_keys(&self, table: &Table) -> Vec<String> {
        let add = |key: &ForeignKey| {
            format!(
                "ALTER TABLE {} ADD CONSTRAINT {} {}",
                self.quote(table.name),
                self.quote(key.name),
                self.references(key)
            )
        };
        table.foreign_keys.iter().map(add).collect()
    }

    /// A reference as a table's definition has it.
    fn references(&self, key: &ForeignKey) -> String {
        format!(
            "FOREIGN KEY ({}) REFERENCES {} ({})",
            self.columns(&key.columns),
            self.quote(key.parent),
            self.columns(&key.parent_key)
        )
    }

    /// A list of quoted columns.
    fn columns(&self, names: &[&str]) -> String {
        names.iter().map(|name| self.quote(name)).collect::<Vec<_>>().join(", ")
    }
}

/// What an engine can say beyond portable SQL.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NativeSql {
    /// What `UPDATE … RETURNING` and `DELETE … RETURNING` answer.
    pub returning: Returning,
    /// How one statement takes many rows of parameters.
    pub lists: RowLists,
    /// Inserting a row or, where its key is there, updating it.
    pub upsert: Upsert,
}

/// What a statement that changes rows can answer of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Returning {
    /// How many they are.
    #[default]
    Nothing,
    /// Their columns, as changed.
    Changed,
    /// Their columns, and those of the rows in `FROM` or `USING` that they were joined with.
    Joined,
}

/// How one statement takes many rows of parameters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RowLists {
    /// It takes one: the engine runs in the client's process, where a statement more costs no
    /// round trip.
    #[default]
    OneByOne,
    /// A parameter for each column, an array: `= ANY(?::int[])`, `unnest(?::int[], ?::int[])`.
    Arrays,
    /// A parameter for each value: `IN (?, ?)`, `VALUES (?, ?), (?, ?)`, a statement for each
    /// number of rows.
    Listed,
}

/// How an engine inserts a row or, where its key is there, updates it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Upsert {
    /// `ON CONFLICT (key) DO UPDATE SET column = excluded.column`.
    #[default]
    OnConflict,
    /// `ON DUPLICATE KEY UPDATE column = VALUES(column)`.
    OnDuplicateKey,
}

/// Replaces each `?` outside of quotes by what `placeholder` gives for its number, counted from 1.
/// For dialects whose placeholders are numbered.
pub fn number_placeholders(sql: &str, placeholder: impl Fn(usize) -> String) -> String {
    let mut out = String::with_capacity(sql.len() + 16);
    let (mut number, mut quoted) = (0, None);
    for character in sql.chars() {
        match (quoted, character) {
            (None, '?') => {
                number += 1;
                out.push_str(&placeholder(number));
                continue;
            }
            (None, '\'' | '"') => quoted = Some(character),
            (Some(open), _) if open == character => quoted = None,
            _ => {}
        }
        out.push(character);
    }
    out
}

/// Replaces each `?` outside of quotes by the literal of its parameter.
///
/// # Errors
/// There are more or fewer parameters than places for them.
pub fn fill_placeholders(
    sql: &str,
    parameters: &[Value<'_>],
    literal: impl Fn(Value<'_>) -> String,
) -> Result<String, DbError> {
    let places = Cell::new(0);
    let filled = number_placeholders(sql, |number| {
        places.set(number);
        parameters.get(number - 1).map(|value| literal(*value)).unwrap_or_default()
    });
    if places.get() != parameters.len() {
        let (places, given) = (places.get(), parameters.len());
        return Err(DbError::unexpected(format!(
            "a statement of {places} parameters was given {given}: {sql}"
        )));
    }
    Ok(filled)
}

/// Text in single quotes, those in it doubled: a literal of standard SQL (ISO 9075-2, 5.3).
pub fn quote_text(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// A number that can follow any operator: after a minus, another one would begin a comment.
pub fn bracket_negative(number: String) -> String {
    if number.starts_with('-') { format!("({number})") } else { number }
}

/// Bytes as pairs of hexadecimal digits.
pub fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Integers with commas between them.
pub fn comma_separated(ints: &[i64]) -> String {
    ints.iter().map(i64::to_string).collect::<Vec<_>>().join(", ")
}

/// A pattern of `LIKE` as one of `GLOB`, which has other wildcards: for the fragment `{like …}`.
pub fn glob(pattern: &str) -> String {
    pattern.replace('%', "*").replace('_', "?")
}

/// Replaces each fragment `{name argument}` by what `said` makes of its argument.
pub fn replace_fragments(sql: &str, name: &str, said: impl Fn(&str) -> String) -> String {
    let opening = format!("{{{name} ");
    let (mut out, mut rest) = (String::with_capacity(sql.len() + 16), sql);
    while let Some((before, after)) = rest.split_once(&opening)
        && let Some((argument, behind)) = after.split_once('}')
    {
        out.push_str(before);
        out.push_str(&said(argument));
        rest = behind;
    }
    out.push_str(rest);
    out
}

/// The column and the key of a fragment `{json_text COLUMN KEY}`.
pub fn json_path(argument: &str) -> (&str, &str) {
    argument.split_once(' ').unwrap_or((argument, ""))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{fill_placeholders, glob, number_placeholders, quote_text, replace_fragments};
    use crate::value::Value;

    proptest! {
        /// What stands in one parameter does not move the place of the next.
        #[test]
        fn literals_stand_in_their_places(
            one in "[a'\"?\\\\{}]{0,8}", two in "[a'\"?\\\\$]{0,8}", name in "[a'?]{0,4}",
        ) {
            let literal = |value: Value<'_>| match value {
                Value::Text(text) => quote_text(text),
                other => format!("{other:?}"),
            };
            let name = quote_text(&name);
            let sql = format!("SELECT ?, {name}, \"?\" FROM t WHERE b = ?");
            let parameters = [Value::Text(&one), Value::Text(&two)];
            let (one, two) = (quote_text(&one), quote_text(&two));
            prop_assert_eq!(
                fill_placeholders(&sql, &parameters, literal).unwrap(),
                format!("SELECT {one}, {name}, \"?\" FROM t WHERE b = {two}")
            );
            for wrong in [&parameters[..1], &[Value::Null; 3]] {
                let refused = fill_placeholders(&sql, wrong, literal).unwrap_err();
                prop_assert!(refused.message.contains("of 2 parameters"), "{}", refused);
            }
        }
    }

    #[test]
    fn a_pattern_has_the_wildcards_of_glob() {
        assert_eq!(glob("'%a_c%'"), "'*a?c*'");
    }

    #[test]
    fn fragments_are_replaced_with_their_arguments() {
        let sql = "SELECT {year_of a.day}, {year_of b} FROM {other x}";
        assert_eq!(
            replace_fragments(sql, "year_of", |argument| format!("YEAR({argument})")),
            "SELECT YEAR(a.day), YEAR(b) FROM {other x}"
        );
        assert_eq!(replace_fragments("{year_of", "year_of", str::to_owned), "{year_of");
    }

    #[test]
    fn placeholders_are_numbered_outside_of_quotes() {
        let sql = "SELECT '?', \"a?\" FROM t WHERE a = ? AND b = ?";
        assert_eq!(
            number_placeholders(sql, |n| format!("${n}")),
            "SELECT '?', \"a?\" FROM t WHERE a = $1 AND b = $2"
        );
    }
}
