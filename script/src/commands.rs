//! What a compiled script consists of.

use std::time::Duration;

use dbdyno_core::Access;

use crate::expression::Expression;
use crate::fault::Fault;
use crate::names::Slot;
use crate::scalar::Scalar;
use crate::variables::{Held, Variables};

/// One command of a script.
#[derive(Clone, Debug)]
pub struct Command {
    /// What is done.
    pub action: Do,
    /// The byte of the script's text that it begins with.
    pub at: usize,
    /// The line of that, from 1.
    pub line: usize,
    /// Which command of the script it is, from 1, as pgbench counts them for `debug`.
    pub number: usize,
}

/// What a command does.
#[derive(Clone, Debug)]
pub enum Do {
    /// Sets a variable.
    Set(Slot, Expression),
    /// Goes on at the command at that index where the condition is not true, else with the next one.
    Unless(Expression, usize),
    /// Goes on at the command at that index.
    Jump(usize),
    /// Waits.
    Sleep(Amount, TimeUnit),
    /// Statements from here on are sent together.
    StartPipeline,
    /// The answers to the statements sent so far are waited for.
    SyncPipeline,
    /// As `SyncPipeline`, and statements are sent one by one again.
    EndPipeline,
    /// Runs statements one after another.
    Sql(Sql),
}

/// The statements of one command: one, or several with `\;` between them.
#[derive(Clone, Debug)]
pub struct Sql {
    /// In order; at least one.
    pub statements: Vec<Statement>,
    /// Where columns are put, with `\gset` or `\aset`.
    pub store: Option<Store>,
}

/// Where the columns of an answer are put: into variables of their names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Store {
    /// Put before each name.
    pub prefix: String,
    /// The last row of every statement, where there is one (`\aset`), and not the only row of the last
    /// statement, which must be there (`\gset`).
    pub all: bool,
}

/// A statement.
#[derive(Clone, Debug)]
pub struct Statement {
    /// Its SQL, with `?` in the place of each variable and without comments.
    pub sql: String,
    /// The variable of each `?`, in order.
    pub parameters: Vec<Slot>,
    /// What it does to transactions.
    pub kind: StatementKind,
    /// The byte of the script's text that it begins with.
    pub at: usize,
    /// The line of that, from 1.
    pub line: usize,
}

/// What a statement does to transactions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatementKind {
    /// Begins one.
    Begin(Access),
    /// Commits it.
    Commit,
    /// Rolls it back.
    Rollback,
    /// Changes rows, or may.
    Write,
    /// Reads rows, and neither changes nor locks any.
    Read,
}

/// How long to sleep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Amount {
    /// That many.
    Given(u64),
    /// As many as the variable holds.
    Variable(Slot),
}

/// What sleeps are counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeUnit {
    /// `us`
    Microseconds,
    /// `ms`
    Milliseconds,
    /// `s`
    Seconds,
}

impl TimeUnit {
    fn times(self, count: u64) -> Duration {
        match self {
            Self::Microseconds => Duration::from_micros(count),
            Self::Milliseconds => Duration::from_millis(count),
            Self::Seconds => Duration::from_secs(count),
        }
    }
}

impl Amount {
    /// How long that is. Of a number with a fraction the whole part counts, and a negative one is 0.
    ///
    /// # Errors
    /// The variable is not set, or holds no number.
    pub fn duration(self, unit: TimeUnit, variables: &Variables) -> Result<Duration, Fault> {
        let slot = match self {
            Self::Given(count) => return Ok(unit.times(count)),
            Self::Variable(slot) => slot,
        };
        let count = match variables.get(slot) {
            Held::Unset => return Err(variables.undefined(slot)),
            Held::Scalar(Scalar::Int(int)) => int,
            Held::Scalar(Scalar::Double(double)) => double as i64,
            Held::Scalar(other) => return Err(no_time(variables, slot, &other.to_string())),
            Held::Text(text) => whole_part(text).ok_or_else(|| no_time(variables, slot, text))?,
        };
        Ok(unit.times(u64::try_from(count).unwrap_or(0)))
    }
}

#[cold]
fn no_time(variables: &Variables, slot: Slot, text: &str) -> Fault {
    Fault::SleepTime { name: variables.name(slot).into(), text: text.into() }
}

/// The integer that a text begins with, as C's `atoi` takes it; `None` where it begins with none.
fn whole_part(text: &str) -> Option<i64> {
    let text = text.trim_start();
    let signed = text.strip_prefix(['+', '-']).unwrap_or(text);
    let digits = signed.find(|c: char| !c.is_ascii_digit()).unwrap_or(signed.len());
    text[..text.len() - signed.len() + digits].parse().ok()
}
