//! Errors: what an engine answered ([`DbError`]), and what a person is told ([`Error`]).

use std::fmt;
use std::ops::{Deref, DerefMut};

/// `Result` with the error for people.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What kind of failure an engine reported, the same words for every engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ErrorClass {
    /// The transaction could not be ordered among the others and must be run again.
    Serialization,
    /// Nodes that all take writes found at commit that another one had changed the same rows; it must be run
    /// again.
    Certification,
    /// The engine broke a deadlock by ending this transaction; it must be run again.
    Deadlock,
    /// A lock did not become free in time.
    LockTimeout,
    /// The engine cancelled a statement that ran longer than it was given.
    StatementTimeout,
    /// No connection of a pool became free in time.
    PoolTimeout,
    /// A constraint forbids the change.
    Constraint,
    /// The connection is gone.
    Disconnected,
    /// Anything else: a statement the engine refuses, a full disk, a missing table.
    Other,
}

impl ErrorClass {
    /// Every class.
    pub const ALL: [Self; 9] = [
        Self::Serialization,
        Self::Certification,
        Self::Deadlock,
        Self::LockTimeout,
        Self::StatementTimeout,
        Self::PoolTimeout,
        Self::Constraint,
        Self::Disconnected,
        Self::Other,
    ];

    /// The word used in CSV files and on the screen.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Serialization => "serialization",
            Self::Certification => "certification",
            Self::Deadlock => "deadlock",
            Self::LockTimeout => "lock-timeout",
            Self::StatementTimeout => "statement-timeout",
            Self::PoolTimeout => "pool-timeout",
            Self::Constraint => "constraint",
            Self::Disconnected => "disconnected",
            Self::Other => "other",
        }
    }

    /// Whether running the same transaction again is the remedy that the engine's manual gives.
    pub const fn is_retryable(self) -> bool {
        matches!(
            self,
            Self::Serialization | Self::Certification | Self::Deadlock | Self::LockTimeout
        )
    }
}

impl fmt::Display for ErrorClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// An engine's answer to something it could not do. It is one pointer, for every answer on the load
/// path may be one.
#[derive(Clone, Debug)]
pub struct DbError(Box<Refusal>);

/// What an engine said.
#[derive(Clone, Debug)]
pub struct Refusal {
    /// The class, common to all engines.
    pub class: ErrorClass,
    /// The engine's own code: an SQLSTATE, a MySQL error number, an SQLite extended result code.
    pub code: Option<String>,
    /// The engine's own words.
    pub message: String,
    /// Whether a commit was under way, so that nobody knows if it took effect.
    pub outcome_unknown: bool,
}

impl DbError {
    /// An error of `class` with the engine's `code` and words.
    #[cold]
    pub fn new(class: ErrorClass, code: Option<String>, message: impl Into<String>) -> Self {
        let message = message.into();
        Self(Box::new(Refusal { class, code, message, outcome_unknown: false }))
    }

    /// An error that dbdyno itself found: an answer of the wrong shape, a row that must be there.
    #[cold]
    pub fn unexpected(message: impl Into<String>) -> Self {
        Self::new(ErrorClass::Other, None, message)
    }

    /// The same error, noting that it cut off a commit: whether that took effect is unknown. Only
    /// a lost connection can do that; any other error is a clear no.
    pub fn during_commit(mut self) -> Self {
        self.outcome_unknown = self.class == ErrorClass::Disconnected;
        self
    }

    /// Whether the connection is gone.
    pub fn is_disconnected(&self) -> bool {
        self.class == ErrorClass::Disconnected
    }
}

impl Deref for DbError {
    type Target = Refusal;

    fn deref(&self) -> &Refusal {
        &self.0
    }
}

impl DerefMut for DbError {
    fn deref_mut(&mut self) -> &mut Refusal {
        &mut self.0
    }
}

impl fmt::Display for DbError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.code {
            Some(code) => write!(f, "{} ({}, code {code})", self.message, self.class),
            None => write!(f, "{} ({})", self.message, self.class),
        }
    }
}

impl std::error::Error for DbError {}

/// A failure as a person is told it: what was being done and on what, why it failed, what to do
/// next.
#[derive(Clone, Debug)]
pub struct Error {
    doing: String,
    why: String,
    next: Option<String>,
    kind: Kind,
}

/// What a failure means for a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// It could not be done.
    CouldNotRun,
    /// The target truly cannot do it.
    Unsupported,
    /// A promise was found broken.
    Broken,
}

impl Error {
    /// `doing` completes "cannot …" and names what it was done on; `why` is the cause.
    pub fn new(doing: impl Into<String>, why: impl fmt::Display) -> Self {
        Self { doing: doing.into(), why: why.to_string(), next: None, kind: Kind::CouldNotRun }
    }

    /// What the target truly cannot do; becomes a result row of status `unsupported`.
    pub fn unsupported(doing: impl Into<String>, why: impl fmt::Display) -> Self {
        Self { kind: Kind::Unsupported, ..Self::new(doing, why) }
    }

    /// Adds what to do next, an imperative sentence without its full stop.
    #[must_use]
    pub fn next(mut self, next: impl Into<String>) -> Self {
        self.next = Some(next.into());
        self
    }

    /// Whether the target truly cannot do what was asked.
    pub fn is_unsupported(&self) -> bool {
        self.kind == Kind::Unsupported
    }

    /// A promise that was found broken, such as data that is no longer whole; becomes a result row
    /// of status `failed`.
    pub fn broken(doing: impl Into<String>, why: impl fmt::Display) -> Self {
        Self { kind: Kind::Broken, ..Self::new(doing, why) }
    }

    /// Whether a promise was found broken.
    pub fn is_broken(&self) -> bool {
        self.kind == Kind::Broken
    }

    /// The cause alone, for a result row's `detail`.
    pub fn why(&self) -> &str {
        &self.why
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot {}: {}", self.doing, self.why)?;
        match &self.next {
            Some(next) => write!(f, "\n  next: {next}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Error {}
