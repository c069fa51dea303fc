//! The pragmas that a target's options may set (<https://www.sqlite.org/pragma.html>).
//!
//! SQLite ignores a pragma's value where it does not like it, so each is read back.

use std::collections::BTreeMap;

use dbdyno_core::{DbError, Durability, Error, Result};
use rusqlite::Connection;

use super::errors::translate;
use crate::proxy;
use crate::registry::OptionSpec;

/// The option that says how a transaction that may write begins.
pub const BEGIN: &str = "begin";

/// How a transaction that may write begins unless told otherwise: it waits for the write lock at
/// once, since a lock taken later may find a stale snapshot.
pub const BEGIN_WRITE: &str = "BEGIN IMMEDIATE";

/// The option that says whether sessions share a page cache
/// (<https://www.sqlite.org/sharedcache.html>).
const CACHE: &str = "cache";

/// How long a session waits for a lock unless told otherwise, in milliseconds.
const BUSY_TIMEOUT_MS: &str = "5000";

/// The pragma that lasts in a file.
const JOURNAL_MODE: &str = "journal_mode";

enum Kind {
    /// A whole number.
    Number,
    /// One of these words; the second of a pair is how SQLite reads it back.
    Words(&'static [(&'static str, &'static str)]),
}

const SWITCH: Kind = Kind::Words(&[("on", "1"), ("off", "0")]);

/// In the order in which they are applied: the page size must be set before a file is made, and
/// making it write-ahead logged makes the file.
const PRAGMAS: [(&str, Kind); 14] = [
    ("busy_timeout", Kind::Number),
    ("page_size", Kind::Number),
    ("auto_vacuum", Kind::Words(&[("none", "0"), ("full", "1"), ("incremental", "2")])),
    ("locking_mode", Kind::Words(&[("normal", "normal"), ("exclusive", "exclusive")])),
    (
        JOURNAL_MODE,
        Kind::Words(&[
            ("wal", "wal"),
            ("delete", "delete"),
            ("truncate", "truncate"),
            ("persist", "persist"),
            ("memory", "memory"),
            ("off", "off"),
        ]),
    ),
    ("cache_size", Kind::Number),
    ("foreign_keys", SWITCH),
    ("journal_size_limit", Kind::Number),
    ("max_page_count", Kind::Number),
    ("mmap_size", Kind::Number),
    ("secure_delete", SWITCH),
    ("temp_store", Kind::Words(&[("default", "0"), ("file", "1"), ("memory", "2")])),
    ("threads", Kind::Number),
    ("wal_autocheckpoint", Kind::Number),
];

/// Every option of an SQLite target.
pub const OPTIONS: &[OptionSpec] = &[
    OptionSpec::new("driver", "the client library"),
    OptionSpec::new(BEGIN, "how a transaction that may write begins (default immediate)")
        .values(&["immediate", "deferred"]),
    OptionSpec::new(CACHE, "shared: sessions share a page cache and lock tables in it")
        .values(&["private", "shared"]),
    OptionSpec::new("busy_timeout", "how long a lock is waited for, in ms (default 5000)"),
    OptionSpec::new("page_size", "bytes in a page of a new file"),
    OptionSpec::new("auto_vacuum", "whether a new file gives pages back").values(&[
        "none",
        "full",
        "incremental",
    ]),
    OptionSpec::new("locking_mode", "exclusive: one session alone keeps the file")
        .values(&["normal", "exclusive"]),
    OptionSpec::new(JOURNAL_MODE, "how a transaction is made atomic (default wal)")
        .values(&["wal", "delete", "truncate", "persist", "memory", "off"]),
    OptionSpec::new("cache_size", "page cache of a session: pages, or KiB if negative"),
    OptionSpec::new("foreign_keys", "whether foreign keys are enforced (default on)")
        .values(&["on", "off"]),
    OptionSpec::new("journal_size_limit", "bytes that a journal or WAL is cut back to"),
    OptionSpec::new("max_page_count", "pages that a file may grow to"),
    OptionSpec::new("mmap_size", "bytes of a file that are mapped into memory"),
    OptionSpec::new("secure_delete", "whether deleted rows are overwritten").values(&["on", "off"]),
    OptionSpec::new("temp_store", "where temporary tables and indexes lie")
        .values(&["default", "file", "memory"]),
    OptionSpec::new("threads", "helper threads of a statement that sorts"),
    OptionSpec::new("wal_autocheckpoint", "pages in the WAL at which it is moved to the file"),
    OptionSpec::new(
        super::replication::OPTION,
        "a socket that change sets are sent to; for dbdyno itself",
    ),
    OptionSpec::refused(proxy::OPTION.name, NO_DISTANCE),
];

/// Why its sessions cannot be put at a distance.
pub const NO_DISTANCE: &str = "it runs in the client's own process: there is no network to be slow";

/// What every session of a target is told.
#[derive(Clone, Debug)]
pub struct Pragmas {
    settings: Vec<Setting>,
    /// What begins a transaction that may write.
    pub begin_write: &'static str,
    /// Whether sessions share a page cache.
    pub shared_cache: bool,
}

/// A pragma and its value.
#[derive(Clone, Debug)]
struct Setting {
    name: &'static str,
    value: String,
    /// What is read back once it is set.
    expected: String,
}

impl Pragmas {
    /// Reads a target's options. WAL and a busy timeout of 5 s where they say nothing else.
    ///
    /// # Errors
    /// An option has a value that it cannot have.
    pub fn parse(options: &BTreeMap<String, String>) -> Result<Self> {
        let begin_write = match options.get(BEGIN).map(String::as_str) {
            None | Some("immediate") => BEGIN_WRITE,
            Some("deferred") => "BEGIN",
            Some(other) => return Err(bad_value(BEGIN, other, "immediate or deferred")),
        };
        let shared_cache = match options.get(CACHE).map(String::as_str) {
            None | Some("private") => false,
            Some("shared") => true,
            Some(other) => return Err(bad_value(CACHE, other, "private or shared")),
        };
        let mut settings = Vec::new();
        for (name, kind) in &PRAGMAS {
            let default = match *name {
                "busy_timeout" => Some(BUSY_TIMEOUT_MS),
                JOURNAL_MODE => Some("wal"),
                "foreign_keys" => Some("on"),
                _ => None,
            };
            if let Some(value) = options.get(*name).map(String::as_str).or(default) {
                settings.push(setting(name, kind, value)?);
            }
        }
        Ok(Self { settings, begin_write, shared_cache })
    }

    /// Applies the options to a fresh connection, and the `synchronous` level that makes its
    /// commits durable to `level`. The journal mode lasts in the file, so it is left alone where
    /// the file is not dbdyno's to change.
    pub fn apply(
        &self,
        connection: &Connection,
        level: Durability,
        may_change_file: bool,
    ) -> Result<(), DbError> {
        for Setting { name, value, expected } in self.of_options(may_change_file) {
            connection
                .execute_batch(&format!("PRAGMA {name} = {value}"))
                .map_err(translate)
                .map_err(|error| about(name, error))?;
            let found = read(connection, name)?;
            if !found.eq_ignore_ascii_case(expected) {
                return Err(refused(name, value, &found));
            }
        }
        connection.execute_batch(&self.syncing(level)).map_err(translate)
    }

    /// The settings of the options, each to be read back once it was applied.
    fn of_options(&self, may_change_file: bool) -> impl Iterator<Item = &Setting> {
        self.settings.iter().filter(move |setting| may_change_file || setting.name != JOURNAL_MODE)
    }

    /// What makes commits durable to a level, as SQL.
    fn syncing(&self, level: Durability) -> String {
        let synchronous = self.synchronous(level);
        let mut sql = format!("PRAGMA synchronous = {synchronous}");
        if cfg!(target_os = "macos") {
            // Plain fsync on macOS does not reach the disk (https://www.sqlite.org/pragma.html,
            // fullfsync).
            let switch = if level == Durability::Full { "ON" } else { "OFF" };
            sql.push_str(&format!(
                "; PRAGMA fullfsync = {switch}; PRAGMA checkpoint_fullfsync = {switch}"
            ));
        }
        sql
    }

    /// The same for a connection that is opened by another library, on a file that [`apply`](Self::apply)
    /// was done to: nothing is read back, for SQLite took each value then.
    pub fn statements(&self, level: Durability, may_change_file: bool) -> Vec<String> {
        let of_options = self.of_options(may_change_file);
        let set = of_options.map(|Setting { name, value, .. }| format!("PRAGMA {name} = {value}"));
        set.chain([self.syncing(level)]).collect()
    }

    /// The journal mode that the options ask for.
    pub fn journal_mode(&self) -> &str {
        let found = self.settings.iter().find(|setting| setting.name == JOURNAL_MODE);
        found.map_or("wal", |setting| &setting.value)
    }

    /// The `synchronous` setting for a level (<https://www.sqlite.org/pragma.html>, synchronous):
    /// in WAL mode FULL syncs every commit and NORMAL leaves it in the system's page cache; with
    /// a rollback journal only EXTRA also syncs the removal of the journal.
    fn synchronous(&self, level: Durability) -> &'static str {
        match level {
            Durability::Full if self.journal_mode() == "wal" => "FULL",
            Durability::Full => "EXTRA",
            Durability::Process => "NORMAL",
            Durability::None => "OFF",
        }
    }
}

/// A pragma's value, as text.
pub fn read(connection: &Connection, name: &str) -> Result<String, DbError> {
    let mut statement = connection.prepare(&format!("PRAGMA {name}")).map_err(translate)?;
    let mut rows = statement.raw_query();
    let Some(row) = rows.next().map_err(translate)? else { return Ok(String::new()) };
    let value: rusqlite::types::Value = row.get(0).map_err(translate)?;
    Ok(match value {
        rusqlite::types::Value::Integer(int) => int.to_string(),
        rusqlite::types::Value::Real(real) => real.to_string(),
        rusqlite::types::Value::Text(text) => text,
        rusqlite::types::Value::Null | rusqlite::types::Value::Blob(_) => String::new(),
    })
}

fn setting(name: &'static str, kind: &Kind, value: &str) -> Result<Setting> {
    let set = |value: &str, expected: &str| {
        let (value, expected) = (value.to_owned(), expected.to_owned());
        Setting { name, value, expected }
    };
    match kind {
        Kind::Number => match value.parse::<i64>() {
            Ok(number) => Ok(set(&number.to_string(), &number.to_string())),
            Err(_) => Err(bad_value(name, value, "a whole number")),
        },
        Kind::Words(words) => match words.iter().find(|(word, _)| *word == value) {
            Some((word, expected)) => Ok(set(word, expected)),
            None => {
                let words: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
                Err(bad_value(name, value, &words.join(", ")))
            }
        },
    }
}

fn bad_value(name: &str, value: &str, valid: &str) -> Error {
    Error::new("read the target's options", format!("`{name}={value}` is not valid"))
        .next(format!("give {name} one of these values: {valid}"))
}

fn about(name: &str, mut error: DbError) -> DbError {
    error.message = format!("setting pragma {name}: {}", error.message);
    error
}

fn refused(name: &str, value: &str, found: &str) -> DbError {
    let hint = match name {
        "page_size" | "auto_vacuum" => ": it is fixed when a file is made; remove the file first",
        _ => ": SQLite does not take that value here; leave the option out or choose another",
    };
    DbError::unexpected(format!("pragma {name} is {found} after it was set to {value}{hint}"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests fail by panicking")]

    use super::*;

    fn options(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn every_pragma_is_an_option() {
        let options: Vec<&str> = OPTIONS.iter().map(|option| option.name).collect();
        assert_eq!(options[..3], ["driver", BEGIN, CACHE]);
        let no_pragmas = [proxy::OPTION.name, super::super::replication::OPTION];
        let others: Vec<&str> =
            options[3..].iter().copied().filter(|name| !no_pragmas.contains(name)).collect();
        assert_eq!(others, PRAGMAS.map(|(name, _)| name));
    }

    #[test]
    fn options_are_set_and_read_back() {
        let pragmas = Pragmas::parse(&options(&[
            ("cache_size", "-20000"),
            ("temp_store", "memory"),
            ("foreign_keys", "on"),
            ("journal_mode", "memory"),
        ]))
        .unwrap();
        let connection = Connection::open_in_memory().unwrap();
        pragmas.apply(&connection, Durability::Full, true).unwrap();
        assert_eq!(read(&connection, "cache_size").unwrap(), "-20000");
        assert_eq!(read(&connection, "temp_store").unwrap(), "2");
        assert_eq!(read(&connection, "synchronous").unwrap(), "3");
    }

    #[test]
    fn bad_options_say_what_is_valid() {
        for (name, value, expected) in [
            ("journal_mode", "fast", "wal, delete"),
            ("cache_size", "1; DROP TABLE t", "a whole number"),
            ("begin", "exclusive", "immediate or deferred"),
        ] {
            let error = Pragmas::parse(&options(&[(name, value)])).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }

    #[test]
    fn a_value_that_sqlite_does_not_take_is_an_error() {
        let pragmas =
            Pragmas::parse(&options(&[("page_size", "1000"), ("journal_mode", "memory")])).unwrap();
        let connection = Connection::open_in_memory().unwrap();
        let error = pragmas.apply(&connection, Durability::Full, true).unwrap_err();
        assert!(error.message.contains("page_size is 4096"), "{error}");
    }
}
