//! How an engine says the same things.

use crate::schema::{Column, ColumnType, Table};

/// An engine's SQL. Suites and data sets write portable SQL; a dialect turns it into what its
/// engine is sent, and differs only where the engine cannot say it otherwise
/// (`docs/methodology.md` lists every such place).
///
/// Portable SQL has `?` for each parameter and these fragments in braces:
/// - `{for_update}`: the row-locking clause, nothing where the engine has none;
/// - `{year_of EXPRESSION}`: the year of a date or a point in time, an integer;
/// - `{code_of EXPRESSION}`: the code of the first character of a text, an integer;
/// - `{like COLUMN PATTERN}`: `LIKE` that tells capital letters from small ones. The pattern is a
///   literal without quotes, backslashes or any of `*?[` in it.
pub trait Dialect: Send + Sync {
    /// An identifier, quoted so that nothing in it can act as SQL.
    fn quote(&self, identifier: &str) -> String;

    /// Portable SQL as the engine is sent it.
    fn statement(&self, portable: &str) -> String;

    /// What the engine can say that portable SQL cannot; native statements are made from it.
    fn native(&self) -> NativeSql {
        NativeSql::default()
    }

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

    /// A query that takes a namespace for the session that runs it, as long as it lives: 1 where
    /// that worked, 0 where another session has it. `None` where the driver claims another way.
    fn claim(&self, namespace: &str) -> Option<String>;

    /// A query that lists the tables, views and the like of the session's namespace, one name a row.
    fn list_tables(&self) -> &'static str;

    /// Statements run once the rows of a table are in, in the order that costs the engine least:
    /// [keys and indexes](Self::create_indexes), vacuum, statistics, the next number of an
    /// auto-increment column.
    fn finish_load(&self, table: &Table) -> Vec<String>;

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

#[cfg(test)]
mod tests {
    use super::{glob, number_placeholders, replace_fragments};

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
