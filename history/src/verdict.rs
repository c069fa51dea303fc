//! What a check found.

use serde::Serialize;

use crate::class::{AnomalyClass, ClassSet};
use crate::model::Model;
use crate::store::Kind;

/// What is to be looked for beside the dependencies of the data.
#[derive(Clone, Copy, Debug)]
pub struct CheckOptions {
    /// Transactions of one process follow each other: classes named `-process`.
    pub session_order: bool,
    /// What ended before something else began precedes it: classes named `-realtime`.
    pub real_time: bool,
    /// Registers: how versions are ordered, beside what transactions themselves tell.
    pub register_order: RegisterOrder,
    /// Examples that are kept of each class, 1 or more.
    pub examples: usize,
    /// Steps along edges of the graph that the search for one class of circles may take. A search that
    /// is not done by then is given up ([`Verdict::search_ended_early`]).
    pub search_steps: u64,
}

impl CheckOptions {
    /// Steps that are enough for most: a fraction of a second.
    pub const SEARCH_STEPS: u64 = 20_000_000;
}

impl Default for CheckOptions {
    fn default() -> Self {
        Self {
            session_order: false,
            real_time: false,
            register_order: RegisterOrder::WritesFollowReads,
            examples: 5,
            search_steps: Self::SEARCH_STEPS,
        }
    }
}

/// What is known of the order of a register's versions. Each has what those before it have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum RegisterOrder {
    /// Only that what was there before any write precedes all versions.
    InitialFirst,
    /// What a transaction writes to a register comes after what it read there before (Elle's `wfr-keys`).
    #[default]
    WritesFollowReads,
    /// And each process sees versions in their order (Elle's `sequential-keys`).
    Sequential,
    /// And each register is linearizable (Elle's `linearizable-keys`).
    Linearizable,
}

/// What a history shows.
#[derive(Clone, Debug, Serialize)]
pub struct Verdict {
    /// What was checked.
    pub history: String,
    /// What its operations are about.
    pub kind: Kind,
    /// Transactions that were committed.
    pub committed: usize,
    /// Attempts that were aborted.
    pub aborted: usize,
    /// Transactions of which nobody knows what became of them.
    pub unknown: usize,
    /// Operations of all of these.
    pub operations: usize,
    /// Committed writes that no read returned. They can be placed only after all that were read.
    pub never_read: usize,
    /// What was found, worst first; one entry a class.
    pub found: Vec<Found>,
    /// Classes of circles of which none was found, but the search was given up before all places were
    /// looked at ([`CheckOptions::search_steps`]): there may be some.
    pub search_ended_early: Vec<AnomalyClass>,
}

/// The anomalies of one class.
#[derive(Clone, Debug, Serialize)]
pub struct Found {
    /// The class.
    pub class: AnomalyClass,
    /// How many there are; of circles, which are too many to be counted, how many different ones
    /// were looked at.
    pub count: u64,
    /// Some of them, the smallest first.
    pub examples: Vec<Example>,
}

/// One anomaly.
#[derive(Clone, Debug, Serialize)]
pub struct Example {
    /// What happened, in sentences.
    pub explanation: String,
    /// The circle, where it is one.
    pub cycle: Option<Cycle>,
}

/// A circle of transactions, each of which comes before the next, and the last before the first.
#[derive(Clone, Debug, Serialize)]
pub struct Cycle {
    /// The transactions.
    pub transactions: Vec<Shown>,
    /// `steps[n]` leads from transaction `n` to the next.
    pub steps: Vec<Step>,
}

/// A transaction, ready to be shown.
#[derive(Clone, Debug, Serialize)]
pub struct Shown {
    /// The number of its last event in the history.
    pub index: u32,
    /// Its operation map.
    pub text: String,
    /// Its operations.
    pub operations: Vec<String>,
}

/// Why a transaction comes before the next.
#[derive(Clone, Debug, Serialize)]
pub struct Step {
    /// How they depend on each other: `ww`, `wr`, `rw`, `process` or `realtime`.
    pub dependency: &'static str,
    /// The key that it is about; none for orders of time.
    pub key: Option<String>,
    /// The place of the operation that it leaves from, among those of the transaction.
    pub from: Option<usize>,
    /// The place of the operation that it leads to, in the next.
    pub to: Option<usize>,
    /// The reason, as in `because T2 observed …`.
    pub because: String,
}

impl Verdict {
    /// The classes that were found.
    pub fn classes(&self) -> ClassSet {
        self.found.iter().map(|found| found.class).collect()
    }

    /// What was found of `proscribed`, worst first.
    pub fn violations(&self, proscribed: ClassSet) -> Vec<&Found> {
        self.found.iter().filter(|found| proscribed.has(found.class)).collect()
    }

    /// The classes of `proscribed` of which it could not be told whether there are any, for the search
    /// ended early. A history keeps to `proscribed` only if there are no [`violations`](Self::violations)
    /// and nothing is unsettled.
    pub fn unsettled(&self, proscribed: ClassSet) -> ClassSet {
        self.search_ended_early.iter().copied().collect::<ClassSet>().common(proscribed)
    }

    /// The strongest models that the history can still be of: those that are not ruled out, without
    /// those that another of them implies.
    ///
    /// A model is left possible only where all was looked at that would rule it out: sessions and real
    /// time, and every place that a class may be found in ([`unsettled`](Self::unsettled)).
    pub fn possible_models(&self, options: &CheckOptions) -> Vec<Model> {
        let classes = self.classes();
        let looked = Model::ALL.into_iter().filter(|model| match model {
            Model::StrongSessionSnapshotIsolation | Model::StrongSessionSerializable => {
                options.session_order
            }
            Model::StrongSnapshotIsolation | Model::StrictSerializable => {
                options.real_time && options.session_order
            }
            _ => true,
        });
        let possible: Vec<Model> = looked
            .filter(|model| {
                let proscribed = model.proscribed();
                proscribed.common(classes).is_empty() && self.unsettled(proscribed).is_empty()
            })
            .collect();
        let is_implied = |model: &Model| {
            possible
                .iter()
                .any(|other| other.implies(*model) && (!model.implies(*other) || other > model))
        };
        possible.iter().copied().filter(|model| !is_implied(model)).collect()
    }
}
