//! The stages of a case: for each kind the journal is made anew, rows are written to it singly and in bulk,
//! and what the engine did for them is counted.

use std::sync::Arc;

use dbdyno_core::load::Workload;
use dbdyno_core::query::{row_sql, scalar_sql};
use dbdyno_core::random::Rng;
use dbdyno_core::schema::Table;
use dbdyno_core::{Check, DbError, Dialect, Result, Session};
use dbdyno_datasets::{Dataset as _, journal::Journal};

use super::found::Found;
use super::kinds::{Effect, KINDS, Kind};
use super::writes::{TRANSACTION_ROWS, Writes, Written, statements};
use crate::runner::{Measured, Stand};

/// The place of this random stream below the seed: the order of the kinds.
const ORDER_STREAM: u64 = 0x7472_6967;
/// Rows of each statement of a load.
const ROWS: [u64; 2] = [1, TRANSACTION_ROWS];
/// The rows of the second load are numbered from here: behind those of all clients of the first.
const SECOND_LOAD: u64 = 1 << 60;

/// A case that is being measured.
pub struct Bench<'s> {
    stand: &'s Stand<'s>,
}

impl<'s> Bench<'s> {
    pub fn new(stand: &'s Stand<'s>) -> Self {
        Self { stand }
    }

    /// Goes through the kinds in an order of their own for each repetition.
    pub fn measure(&self, measured: &mut Measured) -> Result<()> {
        let case = self.stand.case();
        let mut kinds = KINDS;
        Rng::new(case.seed, &[ORDER_STREAM, u64::from(case.repetition)]).shuffle(&mut kinds);
        let mut found = Found::default();
        let mut ran = Ok(());
        for kind in &kinds {
            match kind.statements(self.dialect().triggers()) {
                Err(why) => found.lacks(kind, why),
                Ok(script) => match self.kind(kind, &script, &mut found, measured) {
                    Ok(true) => {}
                    Ok(false) => break,
                    Err(error) => {
                        ran = Err(error);
                        break;
                    }
                },
            }
            (measured.own, measured.headline) = found.metrics();
        }
        let cleaned = self.clean();
        ran.and(cleaned)
    }

    /// One kind; whether its loads came to their ends.
    fn kind(
        &self,
        kind: &Kind,
        script: &[&str],
        found: &mut Found,
        measured: &mut Measured,
    ) -> Result<bool> {
        self.stand.go_on()?;
        self.put_on(kind, script)?;
        let mut written = Written::default();
        for ((name, rows), first) in kind.loads.into_iter().zip(ROWS).zip([0, SECOND_LOAD]) {
            self.stand.go_on()?;
            let accounts = Journal.rows("journal_accounts", self.stand.case().scale);
            let workload = Writes { rows, accounts, first, statements: statements(rows) };
            let workload: Arc<dyn Workload> = Arc::new(workload);
            let stage = self.stand.load(name, self.stand.case().clients, &workload)?;
            written = written.and(Written::of(&stage.report.tally));
            let is_whole = stage.report.is_whole();
            if is_whole {
                found.add(name, &stage.report);
            }
            let has_lost = stage.report.connections_lost > 0;
            measured.stages.push(stage);
            if has_lost {
                // The next load cannot begin while the server is coming back.
                self.stand.ask("reach the server again", async |session| {
                    scalar_sql(session, "SELECT 1").await
                })?;
            }
            if !is_whole {
                return Ok(false);
            }
        }
        measured.checks.extend(self.checks(kind, written)?);
        Ok(true)
    }

    fn dialect(&self) -> &dyn Dialect {
        self.stand.driver().dialect()
    }

    /// Makes the journal as the data set has it, without anything on it, and the totals zero.
    fn clean(&self) -> Result<()> {
        let dialect = self.dialect();
        self.stand.ask("make the journal anew", async |session| clean(session, dialect).await)
    }

    /// Makes the journal anew with a kind on it; from the beginning where the server dies over it.
    fn put_on(&self, kind: &Kind, script: &[&str]) -> Result<()> {
        self.stand.ask(&format!("put `{}` on the journal", kind.name), async |session| {
            clean(session, self.dialect()).await?;
            if !kind.definition.is_empty() {
                make(session, self.dialect(), &Journal::entries(), kind.definition).await?;
            }
            for sql in script {
                session.run_sql(sql).await?;
            }
            Ok(())
        })
    }

    /// Whether the rows are there that were written, and what the engine was to do for each was done.
    fn checks(&self, kind: &Kind, written: Written) -> Result<Vec<Check>> {
        let counted = self.stand.ask("count what was done", count)?;
        let mut checks =
            vec![between("rows", "rows in the journal", counted.entries, written.inserted)];
        let audited = match kind.effect {
            Effect::Audited(rows) => written.written.map(|written| written * rows),
            Effect::AddedUp => written.written,
            Effect::Nothing | Effect::Refusing | Effect::Doubled => [0; 2],
        };
        checks.push(between("audited", "rows in the audit trail", counted.audited, audited));
        match kind.effect {
            Effect::AddedUp => {
                let entries = (counted.entries, counted.sum);
                let totals = (counted.added_up, counted.total);
                let detail = format!(
                    "{} entries are {} in sum, the accounts say {} and {}",
                    entries.0, entries.1, totals.0, totals.1
                );
                checks.push(Check::new("added_up", entries == totals, detail));
            }
            Effect::Doubled => {
                let sql = "SELECT COUNT(*) FROM journal_entries WHERE doubled = amount * 2";
                let right = self.stand.ask("look at the generated column", async |session| {
                    scalar_sql(session, sql).await
                })?;
                let detail = format!("{right} of {} rows are doubled", counted.entries);
                checks.push(Check::new("doubled", right == counted.entries, detail));
            }
            Effect::Refusing => checks.push(self.refuses()?),
            Effect::Nothing | Effect::Audited(_) => {}
        }
        let named = |check: Check| Check { name: format!("{}_{}", check.name, kind.name), ..check };
        Ok(checks.into_iter().map(named).collect())
    }

    /// Whether rows are refused that are negative, new ones and those that become so.
    fn refuses(&self) -> Result<Check> {
        let attempts = [
            "INSERT INTO journal_entries (id, account, amount, note) VALUES (-1, 1, -1, '')",
            "UPDATE journal_entries SET account = -1 WHERE id = 0",
        ];
        let outcomes = self.stand.ask("write rows that must be refused", async |session| {
            let mut outcomes = Vec::new();
            for sql in attempts {
                match session.run_sql(sql).await {
                    Ok(rows) => outcomes.push(Err(format!("{rows} rows were taken by `{sql}`"))),
                    Err(error) if error.is_disconnected() => return Err(error),
                    Err(error) => outcomes.push(Ok(error.message.clone())),
                }
            }
            Ok(outcomes)
        })?;
        let held = outcomes.iter().all(Result::is_ok);
        let words: Vec<_> =
            outcomes.into_iter().map(|outcome| outcome.unwrap_or_else(|e| e)).collect();
        Ok(Check::new("refused", held, words.join("; ")))
    }
}

async fn clean(session: &mut dyn Session, dialect: &dyn Dialect) -> Result<(), DbError> {
    for sql in KINDS.iter().filter_map(|kind| kind.drop(dialect.triggers())) {
        session.run_sql(sql).await?;
    }
    for table in [Journal::entries(), Journal::audit()] {
        make(session, dialect, &table, "").await?;
    }
    let zero = "UPDATE journal_accounts SET entries = 0, total = 0";
    session.run_sql(zero).await.map(drop)
}

/// What the tables hold.
struct Counted {
    entries: i64,
    sum: i64,
    audited: i64,
    /// Entries that the accounts count, and their sum.
    added_up: i64,
    total: i64,
}

async fn count(session: &mut dyn Session) -> Result<Counted, DbError> {
    let sql = "SELECT (SELECT COUNT(*) FROM journal_entries), \
               (SELECT COALESCE(SUM(amount), 0) FROM journal_entries), \
               (SELECT COUNT(*) FROM journal_audit), \
               (SELECT SUM(entries) FROM journal_accounts), \
               (SELECT SUM(total) FROM journal_accounts)";
    row_sql(session, sql, |row| {
        Ok(Counted {
            entries: row.int(0)?,
            sum: row.int(1)?,
            audited: row.int(2)?,
            added_up: row.int(3)?,
            total: row.int(4)?,
        })
    })
    .await
}

/// A number that must be what was committed, with what nobody knows of or without it.
fn between(name: &str, what: &str, found: i64, [known, unknown]: [u64; 2]) -> Check {
    Check::accounted(name, what, found, known, unknown)
}

/// Makes a table anew, with something more in its definition.
async fn make(
    session: &mut dyn Session,
    dialect: &dyn Dialect,
    table: &Table,
    definition: &str,
) -> Result<(), DbError> {
    session.run_sql(&format!("DROP TABLE IF EXISTS {}", dialect.quote(table.name))).await?;
    let mut sql = dialect.create_table(table);
    if !definition.is_empty()
        && let Some(end) = sql.rfind("\n)")
    {
        sql.insert_str(end, &format!(",\n  {definition}"));
    }
    session.run_sql(&sql).await?;
    for sql in dialect.create_indexes(table) {
        session.run_sql(&sql).await?;
    }
    Ok(())
}
