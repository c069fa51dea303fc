//! Workloads that go wrong at weak levels: what each level costs them, and how often it let them go wrong.

mod hot_row;
mod on_call;
mod report;

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use dbdyno_core::load::{TallyEntry, Workload};
use dbdyno_core::{
    Anomaly, Better, Check, DbError, Measurement, Promise, Result, Session, Statement,
};
use dbdyno_datasets::{Dataset, isolation};

use crate::benchmark::{Benchmark, Procedure, StagedBenchmark, WorkloadContext};
use crate::runner::{Measured, RunOptions, Stand};

pub use hot_row::HotRow;
pub use on_call::OnCall;
pub use report::Report;

/// A workload that an anomaly breaks.
#[async_trait]
pub trait Contention: Send + Sync {
    /// Its name without its suite.
    fn name(&self) -> &'static str;

    /// What it does, in one sentence.
    fn summary(&self) -> &'static str;

    /// The anomaly that breaks it.
    fn anomaly(&self) -> Anomaly;

    /// What is counted where it broke, as a metric: `lost_updates`.
    fn metric(&self) -> &'static str;

    /// What its clients run.
    fn workload(&self, context: &WorkloadContext) -> Arc<dyn Workload>;

    /// Puts the tables right, and says what they hold.
    async fn put_right(&self, session: &mut dyn Session) -> Result<i64, DbError>;

    /// What the tables hold after the load.
    async fn look(&self, session: &mut dyn Session) -> Result<i64, DbError>;

    /// How often it broke, and what else must hold.
    fn judge(&self, evidence: &Evidence) -> Judgement;
}

/// What a load left behind.
#[derive(Clone, Debug, Default)]
pub struct Evidence {
    /// What the tables held before.
    pub before: i64,
    /// What they hold.
    pub after: i64,
    /// What the clients counted.
    pub counted: BTreeMap<&'static str, i64>,
    /// Transactions of all types together.
    pub tally: TallyEntry,
}

/// How often a workload broke.
#[derive(Clone, Debug)]
pub struct Judgement {
    /// How often at least: a commit of unknown outcome is no proof.
    pub broken: i64,
    /// What the number says, in a sentence.
    pub detail: String,
    /// What must hold at any level.
    pub checks: Vec<Check>,
}

/// A benchmark of such a workload.
pub struct Contended(pub &'static dyn Contention);

impl Benchmark for Contended {
    fn name(&self) -> &'static str {
        self.0.name()
    }

    fn summary(&self) -> &'static str {
        self.0.summary()
    }

    fn dataset(&self) -> &'static dyn Dataset {
        &isolation::Isolation
    }

    fn compares_isolation(&self) -> bool {
        true
    }

    fn procedure(&self) -> Procedure<'_> {
        Procedure::Staged(self)
    }
}

impl StagedBenchmark for Contended {
    fn statements(&self, context: &WorkloadContext) -> Vec<Statement> {
        self.0.workload(context).statements().to_vec()
    }

    fn loads(&self, _options: &RunOptions) -> u32 {
        1
    }

    fn measure(&self, stand: &Stand<'_>, measured: &mut Measured) -> Result<()> {
        let before =
            stand.ask("put the rows right", async |session| self.0.put_right(session).await)?;
        let workload = self.0.workload(&stand.context());
        let stage = stand.load("", stand.case().clients, &workload)?;
        let tally = stage.report.tally.total();
        measured.stages.push(stage);
        match stand.ask("look at the rows", async |session| self.0.look(session).await) {
            Err(error) => measured.unchecked = Some(error.why().to_owned()),
            Ok(after) => {
                let evidence = Evidence { before, after, counted: workload.counted(), tally };
                let promise = stand.driver().promise(stand.case().isolation);
                self.keep(promise, self.0.judge(&evidence), measured);
            }
        }
        Ok(())
    }
}

impl Contended {
    /// What a level allows is a number; what it promises to prevent is a condition too.
    fn keep(&self, promise: Promise, judgement: Judgement, measured: &mut Measured) {
        let Judgement { broken, detail, checks } = judgement;
        let metric = self.0.metric();
        measured.checks = checks;
        if promise.forbids(self.0.anomaly()) {
            measured.checks.push(Check::new(format!("no_{metric}"), broken == 0, &*detail));
        }
        let row = Measurement::new(metric, broken as f64, "1", Better::Lower);
        measured.own.push(Measurement { detail, ..row });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(promise: Promise, broken: i64) -> Measured {
        let mut measured = Measured::default();
        let judgement = Judgement { broken, detail: format!("{broken} lost"), checks: Vec::new() };
        Contended(&HotRow).keep(promise, judgement, &mut measured);
        measured
    }

    #[test]
    fn what_a_level_allows_is_no_failure() {
        let allowed = kept(Promise::CommittedReads, 7);
        assert!(allowed.checks.is_empty());
        assert_eq!(
            (allowed.own[0].metric.as_str(), allowed.own[0].value),
            ("lost_updates", Some(7.0))
        );
        let broken = kept(Promise::Snapshot, 7);
        assert_eq!(broken.checks, [Check::new("no_lost_updates", false, "7 lost")]);
        assert!(kept(Promise::Serializable, 0).checks[0].held);
    }
}
