//! An open connection, and the changes that are recorded on it where that was asked for
//! (<https://www.sqlite.org/sessionintro.html>).
//!
//! rusqlite's own sessions need its bindings to be made anew, by a compiler that need not be there.

#![expect(unsafe_code, reason = "SQLite is a C library")]

use std::cell::Cell;
use std::ffi::{CStr, c_int, c_void};
use std::ops::Deref;
use std::ptr::{self, NonNull};
use std::slice;

use dbdyno_core::DbError;
use rusqlite::{Connection, ffi};

use super::errors::failed;

/// An open connection.
#[derive(Debug)]
pub struct Opened {
    recording: Cell<Option<NonNull<ffi::sqlite3_session>>>,
    connection: Connection,
}

// SAFETY: SQLite's session object is used only through its connection's owner, and SQLite lets any thread use a
// connection and what belongs to it, one thread at a time (https://www.sqlite.org/threadsafe.html). It is not
// `Sync`, so that no two threads do at once.
unsafe impl Send for Opened {}

impl Deref for Opened {
    type Target = Connection;

    #[inline]
    fn deref(&self) -> &Connection {
        &self.connection
    }
}

impl Drop for Opened {
    /// A session must be gone before its connection is closed, which is when this returns.
    fn drop(&mut self) {
        self.forget();
    }
}

impl Opened {
    /// A connection of which nothing is recorded.
    pub fn plain(connection: Connection) -> Self {
        Self { recording: Cell::new(None), connection }
    }

    /// A connection whose changes are recorded from now on. No statement may be compiled on it yet: one that
    /// was compiled before may empty a table without a word.
    ///
    /// # Errors
    /// SQLite refuses.
    pub fn recorded(connection: Connection) -> Result<Self, DbError> {
        let opened = Self::plain(connection);
        opened.record_anew()?;
        Ok(opened)
    }

    /// Forgets the changes recorded so far, and records those that follow, of every table. Where a table has no
    /// key, its rowid is taken for one.
    ///
    /// # Errors
    /// SQLite refuses; nothing is recorded then.
    pub fn record_anew(&self) -> Result<(), DbError> {
        self.forget();
        let mut session = ptr::null_mut();
        // SAFETY: the connection is open, the name ends in a zero, and the place can be written.
        let code = unsafe {
            let handle = self.connection.handle();
            ffi::sqlite3session_create(handle, c"main".as_ptr(), &raw mut session)
        };
        check(code)?;
        self.recording.set(NonNull::new(session));
        let mut rowid: c_int = 1;
        // SAFETY: the session was created and nothing is attached to it, which is what it takes to configure
        // it; the setting is an int that can be written. No name means all tables.
        let code = unsafe {
            let setting = (&raw mut rowid).cast::<c_void>();
            match ffi::sqlite3session_object_config(
                session,
                ffi::SQLITE_SESSION_OBJCONFIG_ROWID,
                setting,
            ) {
                ffi::SQLITE_OK => ffi::sqlite3session_attach(session, ptr::null()),
                refused => refused,
            }
        };
        check(code).inspect_err(|_| self.forget())
    }

    /// Whether changes are recorded, and none was since they are: rows that were changed and changed back count.
    pub fn is_fresh(&self) -> bool {
        // SAFETY: a session that is kept is there.
        let is_empty =
            |session: NonNull<_>| unsafe { ffi::sqlite3session_isempty(session.as_ptr()) != 0 };
        self.recording.get().is_some_and(is_empty)
    }

    /// The change set of what was recorded; empty where all is as it was. It holds rows as this connection sees
    /// them now, so that it is that of a transaction as long as the transaction is open.
    ///
    /// # Errors
    /// Nothing is recorded, or not everything was: there was no memory.
    pub fn change_set(&self) -> Result<Vec<u8>, DbError> {
        let session = self.recording.get();
        let session = session.ok_or_else(|| DbError::unexpected("no changes are recorded"))?;
        let (mut length, mut start) = (0, ptr::null_mut());
        // SAFETY: a session that is kept is there, and both places can be written.
        let code = unsafe {
            ffi::sqlite3session_changeset(session.as_ptr(), &raw mut length, &raw mut start)
        };
        let set = match usize::try_from(length) {
            Ok(length) if length > 0 && !start.is_null() => {
                // SAFETY: SQLite says where it is and how long.
                unsafe { slice::from_raw_parts(start.cast::<u8>(), length) }.to_vec()
            }
            _ => Vec::new(),
        };
        // SAFETY: SQLite gave it to be freed so, and it was copied. To free nothing is allowed.
        unsafe { ffi::sqlite3_free(start) };
        check(code)?;
        Ok(set)
    }

    fn forget(&self) {
        if let Some(session) = self.recording.take() {
            // SAFETY: it is there, its connection is still open, and nobody has it any more.
            unsafe { ffi::sqlite3session_delete(session.as_ptr()) };
        }
    }
}

/// The error of a result code of a call that leaves no words with the connection.
pub fn check(code: c_int) -> Result<(), DbError> {
    if code == ffi::SQLITE_OK {
        return Ok(());
    }
    // SAFETY: SQLite has words for every code, which last.
    let words = unsafe { CStr::from_ptr(ffi::sqlite3_errstr(code)) };
    Err(failed(code, words.to_string_lossy().into_owned()))
}
