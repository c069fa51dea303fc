//! Whose fault it is that a backup cannot be restored: its own, which breaks a promise, or that of the place where it
//! is restored, which says nothing about it.
//!
//! Which words that takes depends on who says them. A connection that breaks is nobody's fault while a tool reads a
//! backup into a server that is not made of it, and may be the backup's where the server runs on what was restored. And
//! whoever says what is wrong with the data has found it damaged, whatever else it complains of: a length that was
//! damaged makes a tool ask for more memory or room than there is.

use std::fmt::Display;

use dbdyno_core::Error;

/// What programs, servers and the system say where something else than a backup is in the way.
const OUTSIDE: [&str; 28] = [
    // A full disk, in the words of the C library and of SQLite.
    "No space left on device",
    "disk is full",
    "Disk is full",
    "Disk quota exceeded",
    // A disk or a folder that does not let itself be read or written.
    "Read-only file system",
    "Input/output error",
    "Stale file handle",
    "Permission denied",
    // No memory, no more files or processes.
    "Cannot allocate memory",
    "out of memory",
    "Out of memory",
    "Too many open files",
    "could not fork",
    "Can't create a new thread",
    // The port or the socket of the server is somebody else's, or its files are.
    "Address already in use",
    "Unable to lock",
    // A program that unpacks for another one is gone.
    "Cannot exec",
    // Somebody ended the program, one of its helpers, or the server that it restores into.
    "SIGKILL",
    "SIGTERM",
    "SIGINT",
    "SIGHUP",
    "terminated by signal 9",
    "terminated by signal 15",
    "died with signal 9",
    "died with signal 15",
    "smart shutdown request",
    "fast shutdown request",
    "immediate shutdown request",
];

/// What MariaDB and MySQL tell by number: `Errcode: 28`, `errno: 28`, `Operating system error number 28`.
const NUMBERED: [&str; 4] = ["Errcode: ", "errno: ", "errno ", "system error number "];
/// EIO, ENOMEM, ENFILE, EMFILE, ENOSPC, EROFS, EADDRINUSE, EDQUOT (errno(3)). Others are left out: 11 is also what
/// InnoDB calls any error, and 1 stands in what is said of an io_uring that is not there, which ends nothing.
const NUMBERS: [u32; 8] = [5, 12, 23, 24, 28, 30, 98, 122];

/// What a tool says where the server is gone that it restores into.
const DISCONNECTED: [&str; 8] = [
    "server closed the connection unexpectedly",
    "Lost connection to",
    "Can't connect to",
    "Connection refused",
    "Connection reset by peer",
    "Connection timed out",
    "Broken pipe",
    "terminating connection due to administrator command",
];

/// What says that the data itself is wrong, and never that something else kept it from being read: words of gzip and
/// zstd, of PostgreSQL and its tools, of MariaDB, and of SQLite. That tar comes to an unexpected end is none of them,
/// nor that recovery does: a program that fed it may have been ended.
const DAMAGE: [&str; 16] = [
    "unexpected end of file",
    "not in gzip format",
    "invalid compressed data",
    "premature end",
    "Corrupted block",
    "match checksum",
    "on disk but size",
    "checksum mismatch",
    "does not appear to be a valid archive",
    "could not uncompress data",
    "invalid page in block",
    "page verification failed",
    "Tablespace size stored in header",
    "You have an error in your SQL syntax",
    "is malformed",
    "file is not a database",
];

/// Whether what was said of a failure, by a server on what was restored or by the system, is about something else than
/// the backup.
pub(crate) fn is_outside(said: &str) -> bool {
    !says(said, &DAMAGE) && (says(said, &OUTSIDE) || says_number(said))
}

fn says(said: &str, words: &[&str]) -> bool {
    words.iter().any(|words| said.contains(words))
}

fn says_number(said: &str) -> bool {
    let after = |words: &'static str| said.split(words).skip(1);
    NUMBERED.into_iter().flat_map(after).any(|rest| {
        let digits = rest.split(|letter: char| !letter.is_ascii_digit()).next();
        let number = digits.and_then(|digits| digits.parse().ok());
        number.is_some_and(|number| NUMBERS.contains(&number))
    })
}

/// The error of something that only reads a backup: a promise is broken, unless what was said is about something
/// else. `doing` completes "cannot …".
pub(crate) fn judged(doing: impl Into<String>, why: impl Display) -> Error {
    let why = why.to_string();
    error(is_outside(&why), doing, why)
}

/// The same of a tool that reads it into a server, which may go away.
pub(crate) fn judged_of_client(doing: impl Into<String>, why: impl Display) -> Error {
    let why = why.to_string();
    let is_gone = says(&why, &DISCONNECTED) && !says(&why, &DAMAGE);
    error(is_gone || is_outside(&why), doing, why)
}

fn error(is_outside: bool, doing: impl Into<String>, why: String) -> Error {
    match is_outside {
        true => Error::new(doing, why).next("clear away what is in its way, and run it again"),
        false => Error::broken(doing, why),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Words of PostgreSQL 15, MariaDB 10.11, SQLite 3.51, GNU tar and the C library.
    #[test]
    fn what_is_in_the_way_of_a_restore_is_no_fault_of_the_backup() {
        for said in [
            "tar ended with exit status: 2\n  | tar: base/1/1259: Cannot write: No space left on device",
            "tar ended with exit status: 2\n  | tar (child): zstd: Cannot exec: No such file or directory",
            "tar ended with exit status: 2\n  | tar: Child died with signal 9\n  | tar: Unexpected EOF in archive",
            "cp ended with exit status: 1\n  | cp: error reading 'base.tar': Input/output error",
            "cp ended with exit status: 1\n  | cp: cannot create directory 'data': Read-only file system",
            "pg_restore ended with signal: 9 (SIGKILL)\n",
            "mariadb-backup: Error writing file './ibdata1' (Errcode: 28 \"No space left on device\")",
            "[ERROR] InnoDB: Operating system error number 24 in a file operation.",
            "database or disk is full (other, code 13)",
            "could not open file \"base/5\": Too many open files in system",
            "LOG:  could not bind IPv4 address \"127.0.0.1\": Address already in use",
            "FATAL:  could not map anonymous shared memory: Cannot allocate memory",
            "could not write file \"pg_wal/xlogtemp.7\": Disk quota exceeded",
            "cp: error writing 'pg_wal/RECOVERYXLOG': No space left on device\n\
             FATAL:  recovery ended before configured recovery target was reached",
        ] {
            assert!(!judged("restore it", said).is_broken(), "{said}");
            assert!(!judged_of_client("restore it", said).is_broken(), "{said}");
        }
    }

    #[test]
    fn what_is_wrong_with_a_backup_is_its_fault() {
        for said in [
            "pg_verifybackup ended with exit status: 1\n  | \"base/5/16384\" has size 4096",
            "tar ended with exit status: 2\n  | gzip: stdin: unexpected end of file",
            "tar ended with exit status: 2\n  | tar: Unexpected EOF in archive",
            "pg_restore ended with signal: 11 (SIGSEGV)\n",
            "it ended with exit status: 1\n  | FATAL:  recovery ended before configured recovery target was reached",
            "ERROR 1064 (42000) at line 40: You have an error in your SQL syntax",
            "Can't create table (errno: 11 \"Resource temporarily unavailable\")",
            "io_uring_queue_init() failed with errno 1\n[ERROR] InnoDB: Data structure corruption",
            "ERROR 1030 (HY000): Got error 122 from storage engine",
            "InnoDB: Operating system error number 0 in a file operation.",
            "PRAGMA integrity_check says: disk I/O error",
        ] {
            assert!(judged("restore it", said).is_broken(), "{said}");
            assert!(judged_of_client("restore it", said).is_broken(), "{said}");
        }
    }

    /// A damaged length makes a tool ask for more than there is.
    #[test]
    fn who_finds_data_damaged_is_not_excused_by_what_else_it_says() {
        for said in [
            "gzip: stdin: invalid compressed data--format violated\ntar: base/1/2: Cannot write: No space left on device",
            "pg_restore: error: could not uncompress data: (null)\npg_restore: error: out of memory",
            "ERROR:  invalid page in block 7 of relation base/5/16384\nERROR:  out of memory",
            "database disk image is malformed; Cannot allocate memory",
            "ERROR 1064 (42000) at line 40: You have an error in your SQL syntax near 'Connection refused'",
        ] {
            assert!(judged("restore it", said).is_broken(), "{said}");
            assert!(judged_of_client("restore it", said).is_broken(), "{said}");
        }
    }

    /// A server on what was restored may have ended for what is in there.
    #[test]
    fn a_connection_that_breaks_excuses_a_tool_alone() {
        for said in [
            "pg_restore: error: could not execute query: server closed the connection unexpectedly",
            "mariadb ended with exit status: 1\n  | ERROR 2013 (HY000): Lost connection to server during query",
            "connection to server on socket \"/tmp/.s.PGSQL.5\" failed: Connection refused",
            "could not receive data from server: Connection reset by peer",
        ] {
            assert!(!judged_of_client("restore it", said).is_broken(), "{said}");
            assert!(judged("restore it", said).is_broken() && !is_outside(said), "{said}");
        }
    }
}
