//! The classes of anomalies, named as Elle names them, and sets of them.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

macro_rules! classes {
    ($($(#[doc = $doc:literal])* $class:ident $name:literal $words:literal;)*) => {
        /// A way for a history to go wrong. Letters and numbers are Adya's ("Weak Consistency", 1999,
        /// chapters 3 and 4), the other names Elle's.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum AnomalyClass {
            $($(#[doc = $doc])* $class,)*
        }

        impl AnomalyClass {
            /// Every class, worst first.
            pub const ALL: &[Self] = &[$(Self::$class,)*];

            /// The name used on the command line and in files, which is Elle's.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$class => $name,)* }
            }

            /// What it is, in one sentence without its full stop.
            pub const fn words(self) -> &'static str {
                match self { $(Self::$class => $words,)* }
            }
        }
    };
}

classes! {
    /// A read returned a value that nobody wrote.
    UnwrittenRead "unwritten-read" "a read returned a value that no transaction of the history wrote";
    /// An element is twice in a list.
    DuplicateElements "duplicate-elements" "a list had the same element twice, which was appended once";
    /// A committed append is in no list that was read later.
    MissingElements "missing-elements" "an append was acknowledged, and no read that began later ever saw it";
    /// Lists that are not prefixes of each other.
    IncompatibleOrder "incompatible-order" "two lists of one key were read of which neither begins with the other";
    /// The versions of a register precede each other in a circle.
    CyclicVersions "cyclic-versions" "the versions of a register come before each other in a circle";
    /// A transaction does not see its own writes, or what it read before.
    Internal "internal" "a transaction did not see what it had itself written or read before";
    /// A transaction sees what it writes later.
    FutureRead "future-read" "a transaction read what it wrote only afterwards";
    /// G1a.
    G1a "G1a" "aborted read: a committed transaction read what an aborted one wrote";
    /// G1b.
    G1b "G1b" "intermediate read: a transaction read what another wrote and then overwrote itself";
    /// A committed write built on an aborted one.
    DirtyUpdate "dirty-update" "a committed transaction updated a version that an aborted one wrote";
    /// Two transactions update the same version.
    LostUpdate "lost-update" "two transactions read the same version of a key and both updated it";
    /// G0.
    G0 "G0" "write cycle: transactions overwrote each other in a circle";
    /// G1c.
    G1c "G1c" "circular information flow: a circle of writes and of reads of what was written";
    /// G-single.
    GSingle "G-single" "read skew: a circle in which one transaction did not see another's write";
    /// G-nonadjacent.
    GNonadjacent "G-nonadjacent" "a circle with several reads that missed a write, no two of them in a row";
    /// G2-item.
    G2Item "G2-item" "write skew: a circle with reads that missed a write, two of them in a row";
    /// G0 with session order.
    G0Process "G0-process" "a write cycle, if transactions of one process follow each other";
    /// G1c with session order.
    G1cProcess "G1c-process" "circular information flow, if transactions of one process follow each other";
    /// G-single with session order.
    GSingleProcess "G-single-process" "read skew, if transactions of one process follow each other";
    /// G-nonadjacent with session order.
    GNonadjacentProcess "G-nonadjacent-process" "a circle with several reads that missed a write, no two in a row, if transactions of one process follow each other";
    /// G2-item with session order.
    G2ItemProcess "G2-item-process" "write skew, if transactions of one process follow each other";
    /// G0 with real time.
    G0Realtime "G0-realtime" "a write cycle, if what ended before something else began precedes it";
    /// G1c with real time.
    G1cRealtime "G1c-realtime" "circular information flow, if what ended before something else began precedes it";
    /// G-single with real time.
    GSingleRealtime "G-single-realtime" "a read missed a write that had ended before it began, or the like";
    /// G-nonadjacent with real time.
    GNonadjacentRealtime "G-nonadjacent-realtime" "a circle with several reads that missed a write, no two in a row, if what ended before something else began precedes it";
    /// G2-item with real time.
    G2ItemRealtime "G2-item-realtime" "write skew, if what ended before something else began precedes it";
}

impl fmt::Display for AnomalyClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for AnomalyClass {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.iter().find(|class| class.name().eq_ignore_ascii_case(text));
        found.copied().ok_or_else(|| format!("`{text}` is not a class of anomalies"))
    }
}

impl Serialize for AnomalyClass {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// A set of classes.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct ClassSet(u32);

impl ClassSet {
    /// No class.
    pub const EMPTY: Self = Self(0);

    /// The set of `classes`.
    pub const fn of(classes: &[AnomalyClass]) -> Self {
        let (mut bits, mut at) = (0, 0);
        while at < classes.len() {
            bits |= 1 << classes[at] as u32;
            at += 1;
        }
        Self(bits)
    }

    /// What is in either.
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// What is in this one and not in the other.
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// What is in both.
    pub const fn common(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Whether it has `class`.
    pub const fn has(self, class: AnomalyClass) -> bool {
        self.0 & (1 << class as u32) != 0
    }

    /// Whether it has none.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Its classes, worst first.
    pub fn iter(self) -> impl Iterator<Item = AnomalyClass> {
        AnomalyClass::ALL.iter().copied().filter(move |class| self.has(*class))
    }
}

impl FromIterator<AnomalyClass> for ClassSet {
    fn from_iter<T: IntoIterator<Item = AnomalyClass>>(classes: T) -> Self {
        classes.into_iter().fold(Self::EMPTY, |set, class| set.and(Self::of(&[class])))
    }
}

impl fmt::Debug for ClassSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter().map(AnomalyClass::name)).finish()
    }
}
