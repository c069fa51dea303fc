//! What the two kinds of keys are: tables, statements, and how values are read.

use dbdyno_core::{DbError, Row, Session, Statement, StatementId, Value};
use dbdyno_datasets::{Dataset, isolation, lists};
use dbdyno_history::Attempt;

/// Writes a key: appends to its list, or sets it.
pub const WRITE: StatementId = 0;
/// Reads a key.
pub const READ: StatementId = 1;
/// Adds keys that were never written, so many at once.
pub const ADD: StatementId = 2;
/// Keys that are added at once.
pub const ADDED: u64 = 64;

/// What stands at a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A list of all that was written.
    Lists,
    /// What was written last.
    Registers,
}

impl Kind {
    /// The data set of its table.
    pub fn dataset(self) -> &'static dyn Dataset {
        match self {
            Self::Lists => &lists::Lists,
            Self::Registers => &isolation::Isolation,
        }
    }

    /// Its table.
    pub const fn table(self) -> &'static str {
        match self {
            Self::Lists => "lists",
            Self::Registers => "registers",
        }
    }

    /// What leaves the first `keys` keys, as if never written.
    pub fn clear(self, keys: u64) -> [String; 2] {
        let table = self.table();
        let empty = match self {
            Self::Lists => "UPDATE lists SET elements = '' WHERE elements <> ''",
            Self::Registers => "UPDATE registers SET value = NULL WHERE value IS NOT NULL",
        };
        [format!("DELETE FROM {table} WHERE id >= {keys}"), empty.to_owned()]
    }

    /// What clients prepare.
    pub fn statements(self) -> Vec<Statement> {
        let (write, read, add, fresh) = match self {
            Self::Lists => (
                lists::APPEND,
                "SELECT elements FROM lists WHERE id = ?",
                "INSERT INTO lists (id, elements) VALUES ",
                "(?, '')",
            ),
            Self::Registers => (
                "UPDATE registers SET value = ? WHERE id = ?",
                "SELECT value FROM registers WHERE id = ?",
                "INSERT INTO registers (id, value) VALUES ",
                "(?, NULL)",
            ),
        };
        let rows = vec![fresh; ADDED as usize].join(", ");
        vec![
            Statement::new("write", write),
            Statement::new("read", read),
            Statement::new("add_keys", format!("{add}{rows}")),
        ]
    }

    /// Notes that the attempt writes a key.
    pub fn note_write(self, attempt: &mut Attempt, key: i64, value: i64) {
        match self {
            Self::Lists => attempt.append(key, value),
            Self::Registers => attempt.write(key, value),
        }
    }

    /// The value of a write as its statement takes it; `text` is room for it.
    pub fn parameter(self, value: i64, text: &mut String) -> Value<'_> {
        match self {
            Self::Lists => {
                text.clear();
                text.push_str(&value.to_string());
                text.push(lists::SEPARATOR);
                Value::Text(text)
            }
            Self::Registers => Value::Int(value),
        }
    }

    /// Notes what a read was answered.
    ///
    /// # Errors
    /// It is nothing that any client writes.
    pub fn note_answer(
        self,
        attempt: &mut Attempt,
        place: usize,
        row: &dyn Row,
        column: usize,
    ) -> Result<(), DbError> {
        match self {
            Self::Lists => {
                let mut wrong = None;
                let elements = lists::elements(row.text(column)?);
                attempt.answer_list(
                    place,
                    elements.map(|text| {
                        text.parse().unwrap_or_else(|_| {
                            wrong = Some(text.to_owned());
                            -1
                        })
                    }),
                );
                match wrong {
                    None => Ok(()),
                    Some(text) => {
                        Err(DbError::unexpected(format!("`{text}` is no element of a list")))
                    }
                }
            }
            Self::Registers => {
                attempt.answer_register(place, optional(row, column)?);
                Ok(())
            }
        }
    }

    /// The keys below `keys` and what stands at each, as of one moment.
    ///
    /// # Errors
    /// The engine refuses, or a value is none that clients write.
    pub async fn read_all(
        self,
        session: &mut dyn Session,
        keys: u64,
    ) -> Result<Vec<(i64, Vec<i64>)>, DbError> {
        let column = match self {
            Self::Lists => "elements",
            Self::Registers => "value",
        };
        let table = self.table();
        let sql = format!("SELECT id, {column} FROM {table} WHERE id < {keys} ORDER BY id");
        let mut all = Vec::new();
        let mut visit = |row: &dyn Row| {
            let values = match self {
                Self::Registers => optional(row, 1)?.into_iter().collect(),
                Self::Lists => elements(row.text(1)?)?,
            };
            all.push((row.int(0)?, values));
            Ok(())
        };
        session.query_sql(&sql, &mut visit).await?;
        Ok(all)
    }

    /// Notes what stood at a key.
    pub fn answer(self, attempt: &mut Attempt, place: usize, values: Vec<i64>) {
        match self {
            Self::Lists => attempt.answer_list(place, values),
            Self::Registers => attempt.answer_register(place, values.first().copied()),
        }
    }
}

fn elements(text: &str) -> Result<Vec<i64>, DbError> {
    let parse = |element: &str| {
        let wrong = || DbError::unexpected(format!("`{element}` is no element of a list"));
        element.parse().map_err(|_| wrong())
    };
    lists::elements(text).map(parse).collect()
}

fn optional(row: &dyn Row, column: usize) -> Result<Option<i64>, DbError> {
    match row.value(column)? {
        Value::Null => Ok(None),
        _ => row.int(column).map(Some),
    }
}
