//! The clients: each adds rows and changes them again, in turn, one in a statement or all in one. Both write as
//! many rows in a transaction, for what a commit costs would hide what is done for one row.

use dbdyno_core::load::{AnyClient, Client, Draw, Outcome, Tally, Workload};
use dbdyno_core::random::Rng;
use dbdyno_core::{Access, DbError, Statement, StatementId, Steps, Value};

/// Rows of a transaction, and of a statement that writes many.
pub const TRANSACTION_ROWS: u64 = 100;

/// The transaction types; statements have the same places.
pub const TYPES: [&str; 2] = ["insert", "update"];
const INSERT: StatementId = 0;
const UPDATE: StatementId = 1;
/// Columns of a row.
const COLUMNS: usize = 4;

/// The statements for so many rows at once.
pub fn statements(rows: u64) -> Vec<Statement> {
    let values = vec!["(?, ?, ?, ?)"; rows as usize].join(", ");
    vec![
        Statement::new(
            TYPES[INSERT],
            format!("INSERT INTO journal_entries (id, account, amount, note) VALUES {values}"),
        ),
        Statement::new(
            TYPES[UPDATE],
            "UPDATE journal_entries SET amount = amount + ? WHERE id >= ? AND id < ?",
        ),
    ]
}

/// How many rows loads wrote: those that are known, and those that nobody knows of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// Rows that were inserted.
    pub inserted: [u64; 2],
    /// Rows that were inserted or changed, each time counted.
    pub written: [u64; 2],
}

impl Written {
    /// What clients saw committed.
    pub fn of(tally: &Tally) -> Self {
        let rows = TRANSACTION_ROWS;
        let [inserts, updates] = TYPES.map(|name| tally.of(name));
        Self {
            inserted: [inserts.committed * rows, inserts.unknown * rows],
            written: [
                (inserts.committed + updates.committed) * rows,
                (inserts.unknown + updates.unknown) * rows,
            ],
        }
    }

    /// The sum of two loads.
    pub fn and(self, other: Self) -> Self {
        let sum = |[one, unknown]: [u64; 2], [more, unknown_too]: [u64; 2]| {
            [one + more, unknown + unknown_too]
        };
        Self {
            inserted: sum(self.inserted, other.inserted),
            written: sum(self.written, other.written),
        }
    }
}

/// Clients that write so many rows in a statement, a divisor of those of a transaction.
pub struct Writes {
    pub rows: u64,
    pub accounts: u64,
    /// The first row of the first client; each has a range of its own behind it.
    pub first: u64,
    pub statements: Vec<Statement>,
}

impl Workload for Writes {
    fn transactions(&self) -> &[&'static str] {
        &TYPES
    }

    fn statements(&self) -> &[Statement] {
        &self.statements
    }

    fn client(&self, index: u32, rng: Rng) -> Box<dyn AnyClient> {
        /// More rows than a client ever adds.
        const SPACE: u64 = 1 << 32;
        Box::new(Writer {
            rows: self.rows,
            accounts: self.accounts,
            rng,
            next: self.first + u64::from(index) * SPACE,
            kind: UPDATE,
            added: None,
            change: 0,
            entries: Vec::new(),
        })
    }
}

struct Writer {
    rows: u64,
    accounts: u64,
    rng: Rng,
    /// The number of the next row that it adds.
    next: u64,
    /// What it does, or did last.
    kind: StatementId,
    /// The first of the rows that it added last.
    added: Option<u64>,
    /// What it adds to each amount of them.
    change: i64,
    /// Numbers, accounts and amounts of the rows that it adds.
    entries: Vec<[i64; 3]>,
}

impl Client for Writer {
    fn draw(&mut self) -> Draw {
        self.kind = match (self.kind, self.added) {
            (INSERT, Some(_)) => UPDATE,
            _ => INSERT,
        };
        if self.kind == UPDATE {
            self.change = self.rng.between(1, 100);
            return Draw::now(UPDATE);
        }
        self.entries.clear();
        let Self { rng, accounts, .. } = self;
        let drawn =
            (0..TRANSACTION_ROWS).map(|_| [0, rng.below(*accounts) as i64, rng.between(0, 10_000)]);
        self.entries.extend(drawn);
        // Two clients whose rows concern the same accounts go through them in the same order.
        self.entries.sort_unstable_by_key(|[_, account, _]| *account);
        for ([id, ..], number) in self.entries.iter_mut().zip(self.next..) {
            *id = number as i64;
        }
        // Another range at each try: of one that was cut off nobody knows whether it is there.
        self.next += TRANSACTION_ROWS;
        self.added = None;
        Draw::now(INSERT)
    }

    async fn run(&mut self, steps: &mut Steps<'_>) -> Result<Outcome, DbError> {
        while steps.pass()? {
            steps.begin(Access::Write).await?;
            match self.kind {
                UPDATE => self.update(steps).await?,
                _ => self.insert(steps).await?,
            }
            steps.commit().await?;
        }
        if self.kind == INSERT {
            self.added = self.entries.first().map(|[id, ..]| *id as u64);
        }
        Ok(Outcome::Committed)
    }
}

impl Writer {
    async fn insert(&self, steps: &mut Steps<'_>) -> Result<(), DbError> {
        let rows = self.rows as usize;
        for entries in self.entries.chunks(rows) {
            let mut params = Vec::with_capacity(rows * COLUMNS);
            for entry in entries {
                params.extend(entry.map(Value::Int));
                params.push(Value::Text("as agreed in the contract"));
            }
            steps.execute_rows(INSERT, &params, rows).await?;
        }
        Ok(())
    }

    async fn update(&self, steps: &mut Steps<'_>) -> Result<(), DbError> {
        let added = self.added.unwrap_or(0);
        for first in (added..added + TRANSACTION_ROWS).step_by(self.rows as usize) {
            let range = [first, first + self.rows].map(|number| Value::Int(number as i64));
            let params = [Value::Int(self.change), range[0], range[1]];
            steps.execute_rows(UPDATE, &params, self.rows as usize).await?;
        }
        Ok(())
    }
}
