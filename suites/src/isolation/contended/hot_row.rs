//! A counter that every client reads and then sets: the textbook's lost update.

use std::sync::Arc;

use async_trait::async_trait;
use dbdyno_core::load::{AnyClient, Client, Draw, Outcome, Workload};
use dbdyno_core::query::scalar_sql;
use dbdyno_core::random::Rng;
use dbdyno_core::{Access, Anomaly, Check, DbError, Session, Statement, StatementId, Steps, Value};
use dbdyno_datasets::isolation::COUNTERS;

use super::{Contention, Evidence, Judgement};
use crate::benchmark::WorkloadContext;

const READ: StatementId = 0;
const SET: StatementId = 1;
const SUM: &str = "SELECT COALESCE(SUM(value), 0) FROM hot_counters";

/// The workload.
#[derive(Clone, Copy, Debug)]
pub struct HotRow;

#[async_trait]
impl Contention for HotRow {
    fn name(&self) -> &'static str {
        "hot-row"
    }

    fn summary(&self) -> &'static str {
        "Every client reads the same counter and sets it to one more: what is lost is counted"
    }

    fn anomaly(&self) -> Anomaly {
        Anomaly::LostUpdate
    }

    fn metric(&self) -> &'static str {
        "lost_updates"
    }

    fn workload(&self, context: &WorkloadContext) -> Arc<dyn Workload> {
        let counters = (COUNTERS * context.scale.units()) as i64;
        let statements = vec![
            Statement::new("read_counter", "SELECT value FROM hot_counters WHERE id = ?"),
            Statement::new("set_counter", "UPDATE hot_counters SET value = ? WHERE id = ?"),
        ];
        Arc::new(Counting { counters, statements })
    }

    async fn put_right(&self, session: &mut dyn Session) -> Result<i64, DbError> {
        session.run_sql("UPDATE hot_counters SET value = 0 WHERE value <> 0").await?;
        Ok(0)
    }

    async fn look(&self, session: &mut dyn Session) -> Result<i64, DbError> {
        scalar_sql(session, SUM).await
    }

    fn judge(&self, evidence: &Evidence) -> Judgement {
        let counted = i64::try_from(evidence.tally.committed).unwrap_or(i64::MAX);
        let unknown = i64::try_from(evidence.tally.unknown).unwrap_or(i64::MAX);
        let moved = evidence.after - evidence.before;
        let detail = format!("the clients added {counted}, the counters show {moved}");
        let check = Check::new("no_update_from_nowhere", moved <= counted + unknown, &*detail);
        Judgement { broken: (counted - moved).max(0), detail, checks: vec![check] }
    }
}

struct Counting {
    counters: i64,
    statements: Vec<Statement>,
}

impl Workload for Counting {
    fn transactions(&self) -> &[&'static str] {
        &["count"]
    }

    fn statements(&self) -> &[Statement] {
        &self.statements
    }

    fn client(&self, _index: u32, rng: Rng) -> Box<dyn AnyClient> {
        Box::new(Counter { counters: self.counters, rng, id: 0 })
    }
}

struct Counter {
    counters: i64,
    rng: Rng,
    id: i64,
}

impl Client for Counter {
    fn draw(&mut self) -> Draw {
        self.id = self.rng.between(1, self.counters);
        Draw::now(0)
    }

    async fn run(&mut self, steps: &mut Steps<'_>) -> Result<Outcome, DbError> {
        let id = Value::Int(self.id);
        let mut value = 0;
        steps.begin(Access::Write).await?;
        let read = |row: &dyn dbdyno_core::Row| {
            value = row.int(0)?;
            Ok(())
        };
        steps.query_one(READ, &[id], read).await?;
        steps.execute_one(SET, &[Value::Int(value + 1), id]).await?;
        steps.commit().await?;
        Ok(Outcome::Committed)
    }
}

#[cfg(test)]
mod tests {
    use dbdyno_core::load::TallyEntry;

    use super::*;

    #[test]
    fn what_the_counter_lacks_is_lost() {
        let judge = |moved: i64, unknown| {
            let tally = TallyEntry { committed: 10, rolled_back: 0, unknown };
            let after = 5 + moved;
            HotRow.judge(&Evidence { before: 5, after, tally, ..Evidence::default() })
        };
        assert_eq!(judge(10, 0).broken, 0);
        assert_eq!(judge(7, 0).broken, 3);
        assert!(!judge(11, 0).checks[0].held);
        assert!(judge(11, 1).checks[0].held && judge(11, 1).broken == 0);
        // The unknown one may be among the ten that are there.
        assert_eq!(judge(9, 1).broken, 1);
    }
}
