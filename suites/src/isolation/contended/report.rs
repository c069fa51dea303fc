//! A report that adds up all accounts in several queries while others move money between them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use async_trait::async_trait;
use dbdyno_core::load::{AnyClient, Client, Draw, Outcome, Workload};
use dbdyno_core::query::scalar_sql;
use dbdyno_core::random::Rng;
use dbdyno_core::{
    Access, Anomaly, Check, DbError, Row, Session, Statement, StatementId, Steps, Value,
};
use dbdyno_datasets::isolation::{ACCOUNTS, BALANCE};

use super::{Contention, Evidence, Judgement};
use crate::benchmark::WorkloadContext;

const TRANSACTIONS: [&str; 2] = ["report", "transfer"];
const REPORT: usize = 0;
const TRANSFER: usize = 1;
/// How many of a hundred transactions are reports.
const REPORTS_PERCENT: f64 = 75.0;
/// The queries of a report, each over its share of the accounts.
const PARTS: i64 = 10;
/// The most that is moved.
const MOST: i64 = 10;

const SUM_PART: StatementId = 0;
const MOVE: StatementId = 1;

/// Reports whose sum was not what all accounts hold together.
const SKEWED: &str = "skewed";
const TOTAL: &str = "SELECT COALESCE(SUM(balance), 0) FROM ledger_accounts";

/// The workload.
#[derive(Clone, Copy, Debug)]
pub struct Report;

#[async_trait]
impl Contention for Report {
    fn name(&self) -> &'static str {
        "report"
    }

    fn summary(&self) -> &'static str {
        "Three in four transactions add up 1,000 accounts in ten queries, the others move money between \
         two: reports with a wrong sum are counted"
    }

    fn anomaly(&self) -> Anomaly {
        Anomaly::ReadSkew
    }

    fn metric(&self) -> &'static str {
        "skewed_reports"
    }

    fn workload(&self, context: &WorkloadContext) -> Arc<dyn Workload> {
        let accounts = (ACCOUNTS * context.scale.units()) as i64;
        let sum = "SELECT SUM(balance) FROM ledger_accounts WHERE id BETWEEN ? AND ?";
        let transfer = "UPDATE ledger_accounts SET balance = balance + ? WHERE id = ?";
        let statements = vec![Statement::new("sum_part", sum), Statement::new("move", transfer)];
        Arc::new(Reporting { accounts, statements, skewed: Arc::default() })
    }

    async fn put_right(&self, session: &mut dyn Session) -> Result<i64, DbError> {
        let sql =
            format!("UPDATE ledger_accounts SET balance = {BALANCE} WHERE balance <> {BALANCE}");
        session.run_sql(&sql).await?;
        scalar_sql(session, TOTAL).await
    }

    async fn look(&self, session: &mut dyn Session) -> Result<i64, DbError> {
        scalar_sql(session, TOTAL).await
    }

    fn judge(&self, evidence: &Evidence) -> Judgement {
        let Evidence { before, after, .. } = evidence;
        let skewed = evidence.counted.get(SKEWED).copied().unwrap_or(0);
        let detail = format!("{skewed} reports added up to something else than {before}");
        let kept = format!("all accounts held {before} before and hold {after}");
        let check = Check::new("money_conserved", before == after, kept);
        Judgement { broken: skewed, detail, checks: vec![check] }
    }
}

struct Reporting {
    accounts: i64,
    statements: Vec<Statement>,
    skewed: Arc<AtomicI64>,
}

impl Workload for Reporting {
    fn transactions(&self) -> &[&'static str] {
        &TRANSACTIONS
    }

    fn statements(&self) -> &[Statement] {
        &self.statements
    }

    fn client(&self, _index: u32, rng: Rng) -> Box<dyn AnyClient> {
        let skewed = Arc::clone(&self.skewed);
        Box::new(Reporter { accounts: self.accounts, rng, drawn: Drawn::Report, skewed })
    }

    fn counted(&self) -> BTreeMap<&'static str, i64> {
        BTreeMap::from([(SKEWED, self.skewed.load(Ordering::Relaxed))])
    }
}

#[derive(Clone, Copy, Debug)]
enum Drawn {
    Report,
    Transfer { from: i64, to: i64, amount: i64 },
}

struct Reporter {
    accounts: i64,
    rng: Rng,
    drawn: Drawn,
    /// Written only where a report is skewed.
    skewed: Arc<AtomicI64>,
}

impl Client for Reporter {
    fn draw(&mut self) -> Draw {
        if self.rng.percent(REPORTS_PERCENT) {
            self.drawn = Drawn::Report;
            return Draw::now(REPORT);
        }
        let from = self.rng.between(1, self.accounts);
        // Another one, each as likely.
        let to = (from + self.rng.between(1, self.accounts - 1) - 1) % self.accounts + 1;
        self.drawn = Drawn::Transfer { from, to, amount: self.rng.between(1, MOST) };
        Draw::now(TRANSFER)
    }

    async fn run(&mut self, steps: &mut Steps<'_>) -> Result<Outcome, DbError> {
        match self.drawn {
            Drawn::Report => self.report(steps).await?,
            Drawn::Transfer { from, to, amount } => {
                steps.begin(Access::Write).await?;
                steps.execute_one(MOVE, &[Value::Int(-amount), Value::Int(from)]).await?;
                steps.execute_one(MOVE, &[Value::Int(amount), Value::Int(to)]).await?;
                steps.commit().await?;
            }
        }
        Ok(Outcome::Committed)
    }
}

impl Reporter {
    async fn report(&self, steps: &mut Steps<'_>) -> Result<(), DbError> {
        let mut total = 0;
        steps.begin(Access::Read).await?;
        for part in 0..PARTS {
            let first = self.accounts * part / PARTS + 1;
            let last = self.accounts * (part + 1) / PARTS;
            let add = |row: &dyn Row| {
                total += row.decimal(0, 0)?;
                Ok(())
            };
            steps.query_one(SUM_PART, &[Value::Int(first), Value::Int(last)], add).await?;
        }
        steps.commit().await?;
        // Nothing but a committed report was reported.
        if total != self.accounts * BALANCE {
            self.skewed.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_moves_between_two_accounts_and_the_sum_is_told() {
        let mut reporter = Reporter {
            accounts: 10,
            rng: Rng::new(1, &[]),
            drawn: Drawn::Report,
            skewed: Arc::default(),
        };
        let mut reports = 0;
        for _ in 0..10_000 {
            Client::draw(&mut reporter);
            match reporter.drawn {
                Drawn::Report => reports += 1,
                Drawn::Transfer { from, to, amount } => {
                    assert!(from != to && (1..=10).contains(&to) && (1..=MOST).contains(&amount));
                }
            }
        }
        assert!((7_300..7_700).contains(&reports), "{reports}");
        let counted = BTreeMap::from([(SKEWED, 3)]);
        let evidence = Evidence { before: 1_000, after: 1_000, counted, ..Evidence::default() };
        assert_eq!(Report.judge(&evidence).broken, 3);
        assert!(!Report.judge(&Evidence { after: 999, ..evidence }).checks[0].held);
    }
}
