//! The clients that write, for what an index costs: rows are inserted, changed and deleted in equal
//! parts, so that the table stays as large as it is.

use dbdyno_core::load::{AnyClient, Client, Draw, Outcome, Tally, Workload};
use dbdyno_core::random::Rng;
use dbdyno_core::{Access, Check, DbError, Statement, StatementId, Steps, Value};
use dbdyno_datasets::access::{AccessChild, AccessRow};

use super::patterns::{Drawn, Pattern};

/// Rows that one transaction writes, so that its commit does not hide what they cost.
pub const ROWS_PER_TRANSACTION: u64 = 50;

/// The transaction types; statements have the same places.
pub const TYPES: [&str; 3] = ["insert", "update", "delete"];
const INSERT: StatementId = 0;
const UPDATE: StatementId = 1;
const DELETE: StatementId = 2;

/// The statements of the clients.
pub fn statements(pattern: &Pattern) -> Vec<Statement> {
    let (table, columns) = (pattern.index.table, pattern.columns());
    let places = vec!["?"; columns.len()].join(", ");
    let columns = columns.join(", ");
    vec![
        Statement::new(TYPES[INSERT], format!("INSERT INTO {table} ({columns}) VALUES ({places})")),
        Statement::new(
            TYPES[UPDATE],
            format!("UPDATE {table} SET {} = ? WHERE id = ?", pattern.changed),
        ),
        Statement::new(TYPES[DELETE], format!("DELETE FROM {table} WHERE id = ?")),
    ]
}

/// Whether the rows beyond those of the data set are those that clients added and did not take away
/// again: `left` were found, none was there before. The check is named after the load.
pub fn account(load: &str, tally: &Tally, left: i64) -> Check {
    let [inserts, _, deletes] = TYPES.map(|name| tally.of(name));
    let rows = |batches: u64| batches as i64 * ROWS_PER_TRANSACTION as i64;
    let known = rows(inserts.committed) - rows(deletes.committed);
    let (low, high) = (known - rows(deletes.unknown), known + rows(inserts.unknown));
    let detail = format!("{left} added rows are left, {low} to {high} should be");
    Check::new(format!("{}_rows", load.replace('-', "_")), (low..=high).contains(&left), detail)
}

/// Clients that insert, change and delete rows in turn.
pub struct Writes {
    pub pattern: &'static Pattern,
    pub statements: Vec<Statement>,
    pub drawn: Drawn,
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
            pattern: self.pattern,
            drawn: self.drawn,
            rng,
            next: self.drawn.rows + u64::from(index) * SPACE,
            kind: DELETE,
            added: None,
            rows: Vec::new(),
        })
    }
}

struct Writer {
    pattern: &'static Pattern,
    drawn: Drawn,
    rng: Rng,
    /// The number of the next row that it adds.
    next: u64,
    /// What it does, or did last.
    kind: StatementId,
    /// The first of the rows that it added and has not deleted yet.
    added: Option<u64>,
    /// The rows of this transaction; of an update, those with the new values.
    rows: Vec<(i64, Written)>,
}

/// A row to be written.
enum Written {
    Row(Box<AccessRow>),
    Child(AccessChild),
    /// It is deleted.
    Gone,
}

impl Writer {
    fn written(&self, number: u64) -> Written {
        let Drawn { seed, rows } = self.drawn;
        if self.pattern.index.table == "access_children" {
            Written::Child(AccessChild::draw(seed, rows, number))
        } else {
            Written::Row(Box::new(AccessRow::draw(seed, rows, number)))
        }
    }

    async fn write(
        &self,
        steps: &mut Steps<'_>,
        id: i64,
        values: &[Value<'_>],
    ) -> Result<(), DbError> {
        let id = Value::Int(id);
        match self.kind {
            INSERT => steps.execute_one(INSERT, values).await,
            UPDATE => {
                let place = self.pattern.columns().iter().position(|c| *c == self.pattern.changed);
                let value =
                    place.and_then(|place| values.get(place)).copied().unwrap_or(Value::Null);
                steps.execute_one(UPDATE, &[value, id]).await
            }
            _ => steps.execute_one(DELETE, &[id]).await,
        }
    }
}

impl Client for Writer {
    fn draw(&mut self) -> Draw {
        self.kind = match (self.kind, self.added) {
            (INSERT, _) => UPDATE,
            (UPDATE, Some(_)) => DELETE,
            _ => INSERT,
        };
        let first = match (self.kind, self.added) {
            (DELETE, Some(first)) => first,
            // Another range at each try: of one that was cut off nobody knows whether it is there.
            _ => self.next,
        };
        if self.kind == INSERT {
            self.next += ROWS_PER_TRANSACTION;
        }
        self.rows.clear();
        for place in 0..ROWS_PER_TRANSACTION {
            let number = match self.kind {
                UPDATE => self.rng.below(self.drawn.rows),
                _ => first + place,
            };
            let row = match self.kind {
                INSERT => self.written(number),
                UPDATE => {
                    let like = self.rng.below(self.drawn.rows);
                    self.written(like)
                }
                _ => Written::Gone,
            };
            self.rows.push((number as i64, row));
        }
        // Two clients that change the same rows do it in the same order.
        self.rows.sort_unstable_by_key(|(id, _)| *id);
        Draw::now(self.kind)
    }

    async fn run(&mut self, steps: &mut Steps<'_>) -> Result<Outcome, DbError> {
        while steps.pass()? {
            steps.begin(Access::Write).await?;
            for (id, row) in &self.rows {
                match row {
                    Written::Row(row) => self.write(steps, *id, &row.values()).await?,
                    Written::Child(child) => self.write(steps, *id, &child.values()).await?,
                    Written::Gone => self.write(steps, *id, &[]).await?,
                }
            }
            steps.commit().await?;
        }
        match self.kind {
            INSERT => self.added = self.rows.first().map(|(id, _)| *id as u64),
            DELETE => self.added = None,
            _ => {}
        }
        Ok(Outcome::Committed)
    }
}

#[cfg(test)]
mod tests {
    use dbdyno_core::load::{Tally, TallyEntry};

    use super::account;

    fn tally(inserts: TallyEntry, deletes: TallyEntry) -> Tally {
        Tally { transactions: [("insert", inserts), ("delete", deletes)].into() }
    }

    #[test]
    fn rows_that_are_left_are_those_that_were_not_deleted_again() {
        let committed = |committed| TallyEntry { committed, ..TallyEntry::default() };
        let known = tally(committed(7), committed(5));
        for (left, held) in [(100, true), (99, false), (101, false), (0, false)] {
            assert_eq!(account("write-with-index", &known, left).held, held, "{left}");
        }
        // One insert and one delete of which nobody knows.
        let unknown = |committed| TallyEntry { committed, unknown: 1, ..TallyEntry::default() };
        let unsure = tally(unknown(7), unknown(5));
        for (left, held) in [(50, true), (100, true), (150, true), (49, false), (151, false)] {
            assert_eq!(account("write-with-index", &unsure, left).held, held, "{left}");
        }
    }
}
