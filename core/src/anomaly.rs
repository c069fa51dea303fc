//! What may go wrong between transactions, and what an isolation level promises to keep from going
//! wrong.
//!
//! Names after A. Adya, "Weak Consistency: A Generalized Theory and Optimistic Implementations for
//! Distributed Transactions" (MIT 1999), P. Bailis et al., "Highly Available Transactions" (VLDB 2013),
//! and H. Berenson et al., "A Critique of ANSI SQL Isolation Levels" (SIGMOD 1995).

use std::fmt;

use crate::isolation::Isolation;

/// An anomaly: something that cannot happen where transactions run one after another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Anomaly {
    /// G0: two transactions overwrite each other's rows, one the first, the other the second.
    DirtyWrite,
    /// G1a: a transaction reads what another wrote that then rolled back.
    AbortedRead,
    /// G1b: a transaction reads what another wrote and then wrote over.
    IntermediateRead,
    /// G1c: each of two transactions reads what the other wrote.
    CircularInformationFlow,
    /// OTV: a transaction sees one write of another, and then not the rest of them.
    ObservedTransactionVanishes,
    /// PMP: a transaction that asks for rows by a condition twice finds others the second time.
    PredicateManyPreceders,
    /// PMP of a write: it changes other rows than those its transaction was shown by the same condition.
    PredicateManyPrecedersWrite,
    /// P4: of two transactions that read a row and write it, one overwrites the other unseen.
    LostUpdate,
    /// G-single: a transaction sees one row before another's commit and a second row after it.
    ReadSkew,
    /// G-single where the rows are found by conditions.
    PredicateReadSkew,
    /// G-single where the second row is met by a write.
    WriteReadSkew,
    /// G2-item: two transactions read the same rows, and each writes another of them.
    WriteSkew,
    /// G2: two transactions find no row by a condition, and each adds one that meets it.
    PredicateWriteSkew,
    /// G2 of three: a transaction that only reads sees an order that the others do not have.
    ReadOnlySkew,
}

impl Anomaly {
    /// Every anomaly, in the order in which levels come to forbid them.
    pub const ALL: [Self; 14] = [
        Self::DirtyWrite,
        Self::AbortedRead,
        Self::IntermediateRead,
        Self::CircularInformationFlow,
        Self::ObservedTransactionVanishes,
        Self::PredicateManyPreceders,
        Self::ReadSkew,
        Self::PredicateReadSkew,
        Self::PredicateManyPrecedersWrite,
        Self::WriteReadSkew,
        Self::LostUpdate,
        Self::WriteSkew,
        Self::PredicateWriteSkew,
        Self::ReadOnlySkew,
    ];

    /// The word in CSV files and file names: its symbol and its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::DirtyWrite => "g0-dirty-write",
            Self::AbortedRead => "g1a-aborted-read",
            Self::IntermediateRead => "g1b-intermediate-read",
            Self::CircularInformationFlow => "g1c-circular-information-flow",
            Self::ObservedTransactionVanishes => "otv-observed-transaction-vanishes",
            Self::PredicateManyPreceders => "pmp-predicate-many-preceders",
            Self::PredicateManyPrecedersWrite => "pmp-write",
            Self::LostUpdate => "p4-lost-update",
            Self::ReadSkew => "g-single-read-skew",
            Self::PredicateReadSkew => "g-single-predicate",
            Self::WriteReadSkew => "g-single-write",
            Self::WriteSkew => "g2-item-write-skew",
            Self::PredicateWriteSkew => "g2-anti-dependency-cycle",
            Self::ReadOnlySkew => "g2-three-transactions",
        }
    }

    /// The anomaly of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|anomaly| anomaly.name() == name)
    }

    /// Its symbol in the literature, as short as a heading.
    pub const fn symbol(self) -> &'static str {
        match self {
            Self::DirtyWrite => "G0",
            Self::AbortedRead => "G1a",
            Self::IntermediateRead => "G1b",
            Self::CircularInformationFlow => "G1c",
            Self::ObservedTransactionVanishes => "OTV",
            Self::PredicateManyPreceders => "PMP",
            Self::PredicateManyPrecedersWrite => "PMPw",
            Self::LostUpdate => "P4",
            Self::ReadSkew => "GS",
            Self::PredicateReadSkew => "GSp",
            Self::WriteReadSkew => "GSw",
            Self::WriteSkew => "G2i",
            Self::PredicateWriteSkew => "G2",
            Self::ReadOnlySkew => "G2t",
        }
    }
}

impl fmt::Display for Anomaly {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// What an engine says of a level: which anomalies it keeps from happening.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Promise {
    /// Writes do not interleave (Adya's PL-1).
    WholeWrites,
    /// And only what is committed and final is read (PL-2).
    CommittedReads,
    /// And all reads of a transaction are of one snapshot, while its writes meet the newest rows: the
    /// REPEATABLE READ of InnoDB
    /// (<https://dev.mysql.com/doc/refman/8.0/en/innodb-consistent-read.html>).
    SnapshotReads,
    /// And of two writers of a row the first wins: snapshot isolation (Berenson et al.).
    Snapshot,
    /// As if transactions ran one after another (PL-3).
    Serializable,
}

impl Promise {
    /// What a level of that name promises where the engine says nothing else. `repeatable-read` has no one
    /// meaning: the SQL standard has it forbid that rows once read change, and allows phantoms; engines that
    /// keep versions read from a snapshot, which is what is taken for it here.
    pub const fn of(level: Isolation) -> Self {
        match level {
            Isolation::ReadUncommitted => Self::WholeWrites,
            Isolation::ReadCommitted => Self::CommittedReads,
            Isolation::RepeatableRead => Self::SnapshotReads,
            Isolation::Snapshot => Self::Snapshot,
            Isolation::Serializable => Self::Serializable,
        }
    }

    /// The weakest promise that forbids an anomaly.
    pub const fn weakest_without(anomaly: Anomaly) -> Self {
        match anomaly {
            Anomaly::DirtyWrite => Self::WholeWrites,
            Anomaly::AbortedRead | Anomaly::IntermediateRead | Anomaly::CircularInformationFlow => {
                Self::CommittedReads
            }
            Anomaly::ObservedTransactionVanishes
            | Anomaly::PredicateManyPreceders
            | Anomaly::ReadSkew
            | Anomaly::PredicateReadSkew => Self::SnapshotReads,
            Anomaly::PredicateManyPrecedersWrite | Anomaly::WriteReadSkew | Anomaly::LostUpdate => {
                Self::Snapshot
            }
            Anomaly::WriteSkew | Anomaly::PredicateWriteSkew | Anomaly::ReadOnlySkew => {
                Self::Serializable
            }
        }
    }

    /// Whether the anomaly must not happen.
    pub fn forbids(self, anomaly: Anomaly) -> bool {
        self >= Self::weakest_without(anomaly)
    }

    /// In words, as a sentence goes on after "promises".
    pub const fn words(self) -> &'static str {
        match self {
            Self::WholeWrites => "that writes do not interleave",
            Self::CommittedReads => "that only committed rows are read",
            Self::SnapshotReads => "that all reads are of one snapshot",
            Self::Snapshot => "snapshot isolation",
            Self::Serializable => "serializability",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Anomaly, Promise};
    use crate::isolation::Isolation;

    #[test]
    fn names_are_unique_and_found() {
        for anomaly in Anomaly::ALL {
            assert_eq!(Anomaly::named(anomaly.name()), Some(anomaly));
        }
        let symbols: std::collections::BTreeSet<_> =
            Anomaly::ALL.iter().map(|anomaly| anomaly.symbol()).collect();
        assert_eq!(symbols.len(), Anomaly::ALL.len());
    }

    #[test]
    fn a_stronger_level_forbids_whatever_a_weaker_one_does() {
        for pair in Isolation::ALL.windows(2) {
            let [weaker, stronger] = [Promise::of(pair[0]), Promise::of(pair[1])];
            for anomaly in Anomaly::ALL {
                assert!(!weaker.forbids(anomaly) || stronger.forbids(anomaly), "{anomaly}");
            }
        }
        assert!(Anomaly::ALL.iter().all(|anomaly| Promise::Serializable.forbids(*anomaly)));
        assert!(!Promise::Snapshot.forbids(Anomaly::WriteSkew));
        assert!(!Promise::CommittedReads.forbids(Anomaly::LostUpdate));
    }
}
