//! What the errors of MySQL and MariaDB mean in the words that all engines share.

use std::io::{self, ErrorKind};

use dbdyno_core::{DbError, ErrorClass};

use super::answers;
use super::wire::{Fault, Wire};

/// Error numbers that are told apart
/// (<https://dev.mysql.com/doc/mysql-errors/8.0/en/server-error-reference.html>,
/// <https://mariadb.com/kb/en/mariadb-error-code-reference/>).
pub mod code {
    /// `ER_CHECKREAD`: under MariaDB's snapshot isolation, a row has changed since the snapshot.
    pub const CHECKREAD: u16 = 1020;
    /// `ER_CON_COUNT_ERROR`.
    pub const TOO_MANY_CONNECTIONS: u16 = 1040;
    /// `ER_DBACCESS_DENIED_ERROR`.
    pub const DATABASE_DENIED: u16 = 1044;
    /// `ER_ACCESS_DENIED_ERROR`.
    pub const ACCESS_DENIED: u16 = 1045;
    /// `ER_BAD_DB_ERROR`.
    pub const UNKNOWN_DATABASE: u16 = 1049;
    /// `ER_SERVER_SHUTDOWN`.
    pub const SHUTDOWN: u16 = 1053;
    /// `ER_LOCK_WAIT_TIMEOUT`.
    pub const LOCK_WAIT_TIMEOUT: u16 = 1205;
    /// `ER_LOCK_DEADLOCK`.
    pub const DEADLOCK: u16 = 1213;
    /// `ER_MAX_PREPARED_STMT_COUNT_REACHED`.
    pub const TOO_MANY_STATEMENTS: u16 = 1461;
    /// `ER_STATEMENT_TIMEOUT` of MariaDB.
    pub const STATEMENT_TIMEOUT: u16 = 1969;
    /// `ER_QUERY_TIMEOUT` of MySQL.
    pub const QUERY_TIMEOUT: u16 = 3024;
    /// `ER_CONNECTION_KILLED` of MariaDB.
    pub const KILLED: u16 = 1927;
    /// `CR_SERVER_GONE_ERROR`.
    pub const GONE: u16 = 2006;
    /// `CR_SERVER_LOST`.
    pub const LOST: u16 = 2013;
    /// `ER_LOCK_NOWAIT` of MySQL 8.
    pub const LOCK_NOWAIT: u16 = 3572;
    /// `ER_CHECK_CONSTRAINT_VIOLATED` of MySQL 8.
    pub const CHECK_MYSQL: u16 = 3819;
    /// `ER_CONSTRAINT_FAILED` of MariaDB.
    pub const CHECK_MARIADB: u16 = 4025;
    /// `ER_CLIENT_INTERACTION_TIMEOUT` of MySQL 8.
    pub const IDLE: u16 = 4031;
}

/// The error of an error packet. The code is the server's error number.
pub fn of_packet(packet: &[u8]) -> DbError {
    match answers::error(packet) {
        Some((number, state, words)) => server(number, &state, words),
        None => disconnected("the server sent an error that is cut off"),
    }
}

/// The error of an exchange that ended before its answer. Where the connection is gone, it is for
/// the reason that the server gave, if it gave one.
#[cold]
pub fn of_fault(fault: &Fault, wire: &mut Wire) -> DbError {
    let lost = match fault {
        Fault::Refused => return of_packet(wire.packet()),
        Fault::Lost(why) => broken(why),
        Fault::Malformed(what) => disconnected(&format!("the server sent {what}")),
    };
    match wire.last_words().map(of_packet) {
        Some(said) => {
            let mut error = disconnected(&said.message);
            error.code.clone_from(&said.code);
            error
        }
        None => lost,
    }
}

/// The class of an error number and its SQLSTATE.
pub fn class(number: u16, state: &str) -> ErrorClass {
    match number {
        code::CHECKREAD => ErrorClass::Serialization,
        code::DEADLOCK => ErrorClass::Deadlock,
        code::LOCK_WAIT_TIMEOUT | code::LOCK_NOWAIT => ErrorClass::LockTimeout,
        code::STATEMENT_TIMEOUT | code::QUERY_TIMEOUT => ErrorClass::StatementTimeout,
        code::CHECK_MYSQL | code::CHECK_MARIADB => ErrorClass::Constraint,
        code::SHUTDOWN | code::KILLED | code::GONE | code::LOST | code::IDLE => {
            ErrorClass::Disconnected
        }
        // Integrity constraint violation in the SQL standard: 1048, 1062, 1451, 1452 and others.
        _ if state.starts_with("23") => ErrorClass::Constraint,
        _ => ErrorClass::Other,
    }
}

/// Whether an error of a statement ends its transaction, or may: a deadlock rolls it back, and so does a
/// lock that was waited for too long where the server is set to
/// (<https://dev.mysql.com/doc/refman/8.0/en/innodb-error-handling.html>). Client libraries do not tell what
/// state the session is left in.
pub fn may_end_transaction(error: &DbError) -> bool {
    error.class.is_retryable()
}

/// The error that the server answered.
pub fn server(number: u16, state: &str, words: String) -> DbError {
    let message = match remedy(number) {
        Some(remedy) => format!("{words}: {remedy}"),
        None => words,
    };
    DbError::new(class(number, state), Some(number.to_string()), message)
}

/// The error of a connection that broke.
pub fn broken(why: &io::Error) -> DbError {
    match why.kind() {
        // What reading and writing say once the other side is gone.
        ErrorKind::UnexpectedEof | ErrorKind::BrokenPipe => disconnected("the server closed it"),
        _ => disconnected(&why.to_string()),
    }
}

/// The error of a connection that is gone.
pub fn disconnected(why: &str) -> DbError {
    DbError::new(ErrorClass::Disconnected, None, format!("the connection is lost: {why}"))
}

fn remedy(number: u16) -> Option<&'static str> {
    match number {
        code::TOO_MANY_STATEMENTS => Some(
            "each session prepares every statement of its benchmark, and the server allows no more \
             at once; raise it with SET GLOBAL max_prepared_stmt_count, or use fewer --clients",
        ),
        code::TOO_MANY_CONNECTIONS => {
            Some("raise the server's max_connections, or use fewer --clients")
        }
        code::ACCESS_DENIED | code::DATABASE_DENIED => {
            Some("check the user, the password and the user's rights")
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn error_numbers_have_their_class() {
        for (number, state, expected) in [
            (1020, "HY000", ErrorClass::Serialization),
            (1213, "40001", ErrorClass::Deadlock),
            (1205, "HY000", ErrorClass::LockTimeout),
            (1062, "23000", ErrorClass::Constraint),
            (1048, "23000", ErrorClass::Constraint),
            (1452, "23000", ErrorClass::Constraint),
            (3819, "HY000", ErrorClass::Constraint),
            (4025, "23000", ErrorClass::Constraint),
            (1053, "08S01", ErrorClass::Disconnected),
            (1146, "42S02", ErrorClass::Other),
        ] {
            assert_eq!(class(number, state), expected, "{number}");
        }
    }

    #[test]
    fn limits_say_what_to_do() {
        let words = "Can't create more than max_prepared_stmt_count statements";
        let error = server(code::TOO_MANY_STATEMENTS, "42000", words.to_owned());
        assert_eq!(error.class, ErrorClass::Other);
        assert!(error.message.contains("--clients"), "{error}");
    }
}
