//! Whose fault it is that a backup cannot be restored: its own, which breaks a promise, or that of the place where it
//! is restored, which says nothing about it.

use std::fmt::Display;

use dbdyno_core::Error;

/// What programs, servers and the system say where something else than a backup is in the way.
const OUTSIDE: [&str; 18] = [
    // A full disk, in the words of the C library, of SQLite, and of MariaDB by number alone.
    "No space left on device",
    "disk is full",
    "Disk is full",
    "Disk quota exceeded",
    "Errcode: 28",
    "errno 28",
    "errno: 28",
    // No memory.
    "Cannot allocate memory",
    "out of memory",
    "Out of memory",
    // Somebody ended the program, one of its helpers, or the server that it restores into.
    "SIGKILL",
    "SIGTERM",
    "SIGINT",
    "terminated by signal 9",
    "server closed the connection unexpectedly",
    "Lost connection to",
    "Can't connect to",
    // The folder that it is restored into is closed.
    "Permission denied",
];

/// Whether what was said of a failure is about something else than the backup.
pub(crate) fn is_outside(said: &str) -> bool {
    OUTSIDE.iter().any(|words| said.contains(words))
}

/// The error of something that only reads a backup: a promise is broken, unless what was said is about something
/// else. `doing` completes "cannot …".
pub(crate) fn judged(doing: impl Into<String>, why: impl Display) -> Error {
    let why = why.to_string();
    match is_outside(&why) {
        true => Error::new(doing, why).next("make room or leave it alone, and run it again"),
        false => Error::broken(doing, why),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Words of PostgreSQL 15, MariaDB 10.11, SQLite 3.51 and GNU tar.
    #[test]
    fn a_full_disk_or_a_kill_is_no_fault_of_the_backup() {
        for said in [
            "tar ended with exit status: 2\n  | tar: base/1/1259: Cannot write: No space left on device",
            "pg_restore ended with signal: 9 (SIGKILL)\n",
            "pg_restore: error: could not execute query: server closed the connection unexpectedly",
            "mariadb ended with exit status: 1\n  | ERROR 2013 (HY000): Lost connection to server during query",
            "mariadb-backup: Error writing file './ibdata1' (Errcode: 28 \"No space left on device\")",
            "database or disk is full (other, code 13)",
        ] {
            assert!(!judged("restore it", said).is_broken(), "{said}");
        }
        for said in [
            "pg_verifybackup ended with exit status: 1\n  | \"base/5/16384\" has size 4096",
            "tar ended with exit status: 2\n  | gzip: stdin: unexpected end of file",
            "pg_restore ended with signal: 11 (SIGSEGV)\n",
            "it ended with exit status: 1\n  | FATAL:  recovery ended before configured recovery target was reached",
            "ERROR 1064 (42000) at line 40: You have an error in your SQL syntax",
        ] {
            assert!(judged("restore it", said).is_broken(), "{said}");
        }
    }
}
