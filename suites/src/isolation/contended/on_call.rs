//! A rota of doctors: whoever leaves first looks whether somebody else stays, and two may look at once. The
//! example of write skew (Cahill, Röhm and Fekete, "Serializable Isolation for Snapshot Databases", SIGMOD
//! 2008, section 1).

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
use dbdyno_datasets::isolation::{DOCTORS, SHIFTS};

use super::{Contention, Evidence, Judgement};
use crate::benchmark::WorkloadContext;

const TRANSACTIONS: [&str; 2] = ["leave", "return"];
const LEAVE: usize = 0;
const RETURN: usize = 1;

const COUNT_WORKING: StatementId = 0;
const SET_WORKING: StatementId = 1;

/// Transactions that found a shift without anybody.
const UNSTAFFED: &str = "unstaffed";
const ODD: &str = "SELECT COUNT(*) FROM on_call WHERE working NOT IN (0, 1)";

/// The workload.
#[derive(Clone, Copy, Debug)]
pub struct OnCall;

#[async_trait]
impl Contention for OnCall {
    fn name(&self) -> &'static str {
        "on-call"
    }

    fn summary(&self) -> &'static str {
        "Doctors leave a shift where another one stays, and return: transactions that found nobody are \
         counted (write skew)"
    }

    fn anomaly(&self) -> Anomaly {
        Anomaly::WriteSkew
    }

    fn metric(&self) -> &'static str {
        "unstaffed_shifts_seen"
    }

    fn workload(&self, context: &WorkloadContext) -> Arc<dyn Workload> {
        let shifts = (SHIFTS * context.scale.units()) as i64;
        let count = "SELECT COUNT(*) FROM on_call WHERE shift = ? AND working = 1";
        let set = "UPDATE on_call SET working = ? WHERE shift = ? AND doctor = ?";
        let statements =
            vec![Statement::new("count_working", count), Statement::new("set_working", set)];
        Arc::new(Rota { shifts, statements, unstaffed: Arc::default() })
    }

    async fn put_right(&self, session: &mut dyn Session) -> Result<i64, DbError> {
        session.run_sql("UPDATE on_call SET working = 1 WHERE working <> 1").await?;
        Ok(0)
    }

    async fn look(&self, session: &mut dyn Session) -> Result<i64, DbError> {
        scalar_sql(session, ODD).await
    }

    fn judge(&self, evidence: &Evidence) -> Judgement {
        let unstaffed = evidence.counted.get(UNSTAFFED).copied().unwrap_or(0);
        let odd = evidence.after;
        let detail = format!("{unstaffed} transactions found a shift with nobody on call");
        let whole = format!("{odd} doctors neither work nor are off");
        let check = Check::new("rota_whole", odd == 0, whole);
        Judgement { broken: unstaffed, detail, checks: vec![check] }
    }
}

struct Rota {
    shifts: i64,
    statements: Vec<Statement>,
    unstaffed: Arc<AtomicI64>,
}

impl Workload for Rota {
    fn transactions(&self) -> &[&'static str] {
        &TRANSACTIONS
    }

    fn statements(&self) -> &[Statement] {
        &self.statements
    }

    fn client(&self, _index: u32, rng: Rng) -> Box<dyn AnyClient> {
        let unstaffed = Arc::clone(&self.unstaffed);
        let (shifts, doctors) = (self.shifts, DOCTORS as i64);
        Box::new(Doctors { shifts, doctors, rng, leaves: true, shift: 0, doctor: 0, unstaffed })
    }

    fn counted(&self) -> BTreeMap<&'static str, i64> {
        BTreeMap::from([(UNSTAFFED, self.unstaffed.load(Ordering::Relaxed))])
    }
}

struct Doctors {
    shifts: i64,
    doctors: i64,
    rng: Rng,
    leaves: bool,
    shift: i64,
    doctor: i64,
    /// Written only where a shift is unstaffed.
    unstaffed: Arc<AtomicI64>,
}

impl Client for Doctors {
    fn draw(&mut self) -> Draw {
        self.leaves = self.rng.percent(50.0);
        self.shift = self.rng.between(1, self.shifts);
        self.doctor = self.rng.between(1, self.doctors);
        Draw::now(if self.leaves { LEAVE } else { RETURN })
    }

    async fn run(&mut self, steps: &mut Steps<'_>) -> Result<Outcome, DbError> {
        let (shift, doctor) = (Value::Int(self.shift), Value::Int(self.doctor));
        let mut working = 0;
        steps.begin(Access::Write).await?;
        let count = |row: &dyn Row| {
            working = row.int(0)?;
            Ok(())
        };
        steps.query_one(COUNT_WORKING, &[shift], count).await?;
        if !self.leaves || working > 1 {
            let set = Value::Int(i64::from(!self.leaves));
            steps.execute_one(SET_WORKING, &[set, shift, doctor]).await?;
        }
        steps.commit().await?;
        if working == 0 {
            self.unstaffed.fetch_add(1, Ordering::Relaxed);
        }
        Ok(Outcome::Committed)
    }
}
