//! PostgreSQL's errors as dbdyno's classes.

use std::error::Error as _;
use std::io;

use dbdyno_core::{DbError, ErrorClass};
use tokio_postgres::error::Severity;

use super::messages::Complaint;

/// What PgBouncer says to a client that got no connection in time, and takes leave with.
const POOL_TIMEOUT: &str = "query_wait_timeout";

/// An error of the client library, or what the server answers while a session is being opened.
pub(super) fn db_error(error: &tokio_postgres::Error) -> DbError {
    if let Some(answer) = error.as_db_error() {
        let ended = matches!(answer.parsed_severity(), Some(Severity::Fatal | Severity::Panic));
        let code = answer.code().code();
        return said(ended, code, answer.message(), answer.detail(), answer.hint());
    }
    let class =
        if is_lost_connection(error) { ErrorClass::Disconnected } else { ErrorClass::Other };
    DbError::new(class, None, with_causes(error))
}

/// What a client library tells of the server's answer, within a session or while one is opened; whether
/// it `ended` the session.
pub(super) fn said(
    ended: bool,
    code: &str,
    message: &str,
    detail: Option<&str>,
    hint: Option<&str>,
) -> DbError {
    // Every refusal of a session is fatal to it; the code alone tells why.
    let class = if ended && !is_refusal(code) { ErrorClass::Disconnected } else { class_of(code) };
    told(class, code, message, detail, hint)
}

/// What the server answers within a session, and whether it thereby ends the session: "FATAL:
/// reports an error that caused the current session to abort" (manual, table 20.2).
pub(super) fn answered(complaint: &Complaint) -> (DbError, bool) {
    let Complaint { severity, code, message, detail, hint } = complaint;
    let ended = matches!(severity.as_str(), "FATAL" | "PANIC");
    let class = match ended {
        true if message == POOL_TIMEOUT => ErrorClass::PoolTimeout,
        true => ErrorClass::Disconnected,
        false => class_of(code),
    };
    (told(class, code, message, detail.as_deref(), hint.as_deref()), ended)
}

fn told(
    class: ErrorClass,
    code: &str,
    message: &str,
    detail: Option<&str>,
    hint: Option<&str>,
) -> DbError {
    let mut text = message.to_owned();
    for (name, more) in [("detail", detail), ("hint", hint)] {
        if let Some(more) = more {
            text.push_str(&format!("; {name}: {more}"));
        }
    }
    DbError::new(class, Some(code.to_owned()), text)
}

/// A connection that broke, or could not be opened.
pub(super) fn connection_error(doing: &str, why: &io::Error) -> DbError {
    let class = if is_network_error(why) { ErrorClass::Disconnected } else { ErrorClass::Other };
    DbError::new(class, None, format!("{doing}: {why}"))
}

/// Whether it came from the network, and not from what was asked of it.
fn is_network_error(why: &io::Error) -> bool {
    !matches!(
        why.kind(),
        io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput | io::ErrorKind::PermissionDenied
    )
}

/// The class of an SQLSTATE (manual, appendix A).
fn class_of(code: &str) -> ErrorClass {
    match code {
        "40001" => ErrorClass::Serialization,
        "40P01" => ErrorClass::Deadlock,
        "55P03" => ErrorClass::LockTimeout,
        // query_canceled; nobody but the server itself cancels what dbdyno runs.
        "57014" => ErrorClass::StatementTimeout,
        // admin_shutdown, crash_shutdown, cannot_connect_now, idle_session_timeout, and the
        // time-out of a session that idles in a transaction.
        "57P01" | "57P02" | "57P03" | "57P05" | "25P03" => ErrorClass::Disconnected,
        _ if code.starts_with("08") => ErrorClass::Disconnected,
        _ if code.starts_with("23") => ErrorClass::Constraint,
        _ => ErrorClass::Other,
    }
}

/// Whether a server that says this turns the user away for good: a wrong password or user, an
/// unknown database, too many sessions, a bad start-up option.
fn is_refusal(code: &str) -> bool {
    ["28", "3D", "53", "42", "22", "0A"].iter().any(|class| code.starts_with(class))
}

fn is_lost_connection(error: &tokio_postgres::Error) -> bool {
    if error.is_closed() {
        return true;
    }
    let mut cause = error.source();
    while let Some(inner) = cause {
        if let Some(io) = inner.downcast_ref::<io::Error>() {
            return is_network_error(io);
        }
        cause = inner.source();
    }
    false
}

/// An error's words with those of its causes, none of them twice.
fn with_causes(error: &tokio_postgres::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let more = inner.to_string();
        if !text.contains(&more) {
            text.push_str(": ");
            text.push_str(&more);
        }
        cause = inner.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_have_classes() {
        for (code, class) in [
            ("40001", ErrorClass::Serialization),
            ("40P01", ErrorClass::Deadlock),
            ("55P03", ErrorClass::LockTimeout),
            ("23505", ErrorClass::Constraint),
            ("57P01", ErrorClass::Disconnected),
            ("08006", ErrorClass::Disconnected),
            ("42P01", ErrorClass::Other),
            ("40003", ErrorClass::Other),
        ] {
            assert_eq!(class_of(code), class, "{code}");
        }
    }
}
