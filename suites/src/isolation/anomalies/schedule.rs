//! What a schedule is: steps that sessions take in turn, and what shows the anomaly.

use std::collections::BTreeMap;
use std::fmt;

use dbdyno_core::{Access, Anomaly};

/// The rows that a query answered: identifier and value.
pub type Rows = Vec<(i64, i64)>;

/// An interleaving of transactions that provokes an anomaly.
#[derive(Debug)]
pub struct Schedule {
    /// The anomaly.
    pub anomaly: Anomaly,
    /// Its name in words, as a title.
    pub title: &'static str,
    /// What goes wrong, in a sentence or two.
    pub says: &'static str,
    /// The steps in the order in which they are tried.
    pub steps: &'static [Step],
    /// The transactions whose waiting keeps the anomaly from happening. Others wait on every engine.
    pub held_back: &'static [usize],
    /// Whether the anomaly happened.
    pub shows: fn(&Seen) -> bool,
}

/// A step of a transaction, counted from 1.
#[derive(Clone, Copy, Debug)]
pub struct Step {
    /// Who takes it.
    pub by: usize,
    /// What it is.
    pub what: Do,
}

/// What a step does.
#[derive(Clone, Copy, Debug)]
pub enum Do {
    /// Begins the transaction.
    Begin(Access),
    /// Changes rows.
    Write(&'static str),
    /// Reads rows, to be known by this name.
    Read(&'static str, &'static str),
    /// Commits.
    Commit,
    /// Rolls back.
    RollBack,
}

/// What transactions were answered.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// The rows by the names of the steps that read them.
    pub reads: BTreeMap<&'static str, Rows>,
    /// Which transactions committed.
    pub committed: Vec<usize>,
    /// The rows when all was over.
    pub finally: Rows,
}

impl Seen {
    /// What the step of that name was answered; nothing where it was not taken.
    pub fn read(&self, name: &str) -> &[(i64, i64)] {
        self.reads.get(name).map_or(&[], Vec::as_slice)
    }

    /// The value of a row in what the step of that name was answered.
    pub fn value(&self, name: &str, id: i64) -> Option<i64> {
        self.read(name).iter().find(|(found, _)| *found == id).map(|(_, value)| *value)
    }

    /// Whether these transactions committed.
    pub fn all_committed(&self, transactions: &[usize]) -> bool {
        transactions.iter().all(|one| self.committed.contains(one))
    }
}

impl Do {
    /// The SQL of a step that has some.
    pub const fn sql(self) -> Option<&'static str> {
        match self {
            Self::Write(sql) | Self::Read(_, sql) => Some(sql),
            Self::Begin(_) | Self::Commit | Self::RollBack => None,
        }
    }
}

impl fmt::Display for Do {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Begin(_) => "BEGIN",
            Self::Write(sql) | Self::Read(_, sql) => sql,
            Self::Commit => "COMMIT",
            Self::RollBack => "ROLLBACK",
        })
    }
}

impl Schedule {
    /// How many sessions play it.
    pub fn sessions(&self) -> usize {
        self.steps.iter().map(|step| step.by).max().unwrap_or(0)
    }

    /// As documentation has it.
    pub fn markdown(&self) -> String {
        let Self { title, says, anomaly, .. } = self;
        let mut text = format!("### {title}\n`{anomaly}`. {says}\n\n```text\n");
        for step in self.steps {
            text.push_str(&format!("T{}  {}\n", step.by, step.what));
        }
        text + "```\n"
    }
}

/// Begins a transaction that writes.
pub const fn begin(by: usize) -> Step {
    Step { by, what: Do::Begin(Access::Write) }
}

/// Begins a transaction that only reads.
pub const fn begin_reading(by: usize) -> Step {
    Step { by, what: Do::Begin(Access::Read) }
}

/// Changes rows.
pub const fn write(by: usize, sql: &'static str) -> Step {
    Step { by, what: Do::Write(sql) }
}

/// Reads rows.
pub const fn read(by: usize, name: &'static str, sql: &'static str) -> Step {
    Step { by, what: Do::Read(name, sql) }
}

/// Commits.
pub const fn commit(by: usize) -> Step {
    Step { by, what: Do::Commit }
}

/// Rolls back.
pub const fn roll_back(by: usize) -> Step {
    Step { by, what: Do::RollBack }
}
