//! Which consistency model proscribes which class of anomalies.
//!
//! After Elle's table (`elle.consistency-model`), which gathers Adya ("Weak Consistency", 1999),
//! Bailis et al. ("Highly Available Transactions", 2013), Cerone, Bernardi and Gotsman ("A Framework
//! for Transactional Consistency Models with Atomic Visibility", 2015), and Daudjee and Salem ("Lazy
//! Database Replication with Snapshot Isolation", 2006). Where this one says more, it says so.

use std::fmt;
use std::str::FromStr;

use dbdyno_core::Isolation;
use serde::{Serialize, Serializer};

use crate::class::AnomalyClass::{self, *};
use crate::class::ClassSet;

/// What a history may be promised to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Model {
    /// Adya's PL-1.
    ReadUncommitted,
    /// Adya's PL-2.
    ReadCommitted,
    /// Adya's PL-2.99: serializable but for what predicates see.
    RepeatableRead,
    /// Adya's PL-SI, in the form that Cerone and Gotsman give it ("Analysing Snapshot Isolation", 2016):
    /// every circle has two adjacent anti-dependencies.
    SnapshotIsolation,
    /// Adya's PL-3.
    Serializable,
    /// Snapshot isolation that respects the order of each process.
    StrongSessionSnapshotIsolation,
    /// Serializable, respecting the order of each process.
    StrongSessionSerializable,
    /// Snapshot isolation that respects real time.
    StrongSnapshotIsolation,
    /// Serializable, respecting real time: Adya's PL-SS.
    StrictSerializable,
}

/// Nothing explains these: no model lets them pass.
const ALWAYS: ClassSet = ClassSet::of(&[UnwrittenRead, DuplicateElements, CyclicVersions]);
const PL_1: ClassSet = ALWAYS.and(ClassSet::of(&[G0]));
/// Elle takes incompatible orders, dirty updates and reads of the future for dirty reads.
const PL_2: ClassSet =
    PL_1.and(ClassSet::of(&[G1a, G1b, G1c, IncompatibleOrder, DirtyUpdate, FutureRead]));
/// Elle lets a transaction miss its own writes here; Adya (section 4.2.1 of his "Weak Consistency")
/// does not let it at any level that has them in one order.
const SI: ClassSet = PL_2.and(ClassSet::of(&[Internal, LostUpdate, GSingle, GNonadjacent]));
const PL_3: ClassSet = SI.and(ClassSet::of(&[G2Item]));
const SI_SESSION: ClassSet =
    SI.and(ClassSet::of(&[G0Process, G1cProcess, GSingleProcess, GNonadjacentProcess]));
const PL_3_SESSION: ClassSet = PL_3.and(SI_SESSION).and(ClassSet::of(&[G2ItemProcess]));
/// A later read that misses an append is what real time forbids; a list of it is easier to read than
/// a circle.
const SI_STRONG: ClassSet = SI_SESSION.and(ClassSet::of(&[
    G0Realtime,
    G1cRealtime,
    GSingleRealtime,
    GNonadjacentRealtime,
    MissingElements,
]));
const PL_SS: ClassSet = PL_3_SESSION.and(SI_STRONG).and(ClassSet::of(&[G2ItemRealtime]));

impl Model {
    /// Every model; one that implies another comes after it.
    pub const ALL: [Self; 9] = [
        Self::ReadUncommitted,
        Self::ReadCommitted,
        Self::RepeatableRead,
        Self::SnapshotIsolation,
        Self::Serializable,
        Self::StrongSessionSnapshotIsolation,
        Self::StrongSessionSerializable,
        Self::StrongSnapshotIsolation,
        Self::StrictSerializable,
    ];

    /// The word used on the command line, which is Elle's.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ReadUncommitted => "read-uncommitted",
            Self::ReadCommitted => "read-committed",
            Self::RepeatableRead => "repeatable-read",
            Self::SnapshotIsolation => "snapshot-isolation",
            Self::Serializable => "serializable",
            Self::StrongSessionSnapshotIsolation => "strong-session-snapshot-isolation",
            Self::StrongSessionSerializable => "strong-session-serializable",
            Self::StrongSnapshotIsolation => "strong-snapshot-isolation",
            Self::StrictSerializable => "strict-serializable",
        }
    }

    /// The classes that it proscribes, with what every weaker model proscribes.
    pub const fn proscribed(self) -> ClassSet {
        match self {
            Self::ReadUncommitted => PL_1,
            Self::ReadCommitted => PL_2,
            // Every circle of items is forbidden, so that only predicates set it apart from PL-3.
            Self::RepeatableRead | Self::Serializable => PL_3,
            Self::SnapshotIsolation => SI,
            Self::StrongSessionSnapshotIsolation => SI_SESSION,
            Self::StrongSessionSerializable => PL_3_SESSION,
            Self::StrongSnapshotIsolation => SI_STRONG,
            Self::StrictSerializable => PL_SS,
        }
    }

    /// Whether a history that is this is also `other`.
    pub const fn implies(self, other: Self) -> bool {
        other.proscribed().without(self.proscribed()).is_empty()
    }
}

impl From<Isolation> for Model {
    /// The model that a level is named after. An engine may promise less by the name: MariaDB's
    /// `repeatable-read` lets lost updates pass.
    fn from(isolation: Isolation) -> Self {
        match isolation {
            Isolation::ReadUncommitted => Self::ReadUncommitted,
            Isolation::ReadCommitted => Self::ReadCommitted,
            Isolation::RepeatableRead => Self::RepeatableRead,
            Isolation::Snapshot => Self::SnapshotIsolation,
            Isolation::Serializable => Self::Serializable,
        }
    }
}

/// Whether `class` is proscribed at a level of isolation, by the definition of its name.
pub fn proscribed(class: AnomalyClass, isolation: Isolation) -> bool {
    Model::from(isolation).proscribed().has(class)
}

impl fmt::Display for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Model {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|model| model.name() == text);
        found.ok_or_else(|| format!("`{text}` is not a consistency model"))
    }
}

impl Serialize for Model {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_each_model_adds_to_those_that_it_implies() {
        let mut table = String::new();
        for model in Model::ALL {
            let implied = Model::ALL
                .into_iter()
                .filter(|other| model.implies(*other) && (!other.implies(model) || *other < model));
            let (mut known, mut names) = (ClassSet::EMPTY, Vec::new());
            for other in implied {
                known = known.and(other.proscribed());
                names.push(other.name());
            }
            let added = model.proscribed().without(known);
            let added: Vec<&str> = added.iter().map(AnomalyClass::name).collect();
            table +=
                &format!("{model}\n  implies {}\n  adds {}\n", names.join(", "), added.join(", "));
        }
        insta::assert_snapshot!(table);
    }

    #[test]
    fn every_class_is_proscribed_by_some_model() {
        let all: ClassSet = AnomalyClass::ALL.iter().copied().collect();
        assert_eq!(Model::StrictSerializable.proscribed(), all);
    }

    #[test]
    fn levels_of_isolation_are_models() {
        assert!(proscribed(LostUpdate, Isolation::Snapshot));
        assert!(!proscribed(G2Item, Isolation::Snapshot));
        assert!(proscribed(G2Item, Isolation::RepeatableRead));
        assert!(!proscribed(GSingle, Isolation::ReadCommitted));
        assert!(!proscribed(G1a, Isolation::ReadUncommitted));
    }
}
