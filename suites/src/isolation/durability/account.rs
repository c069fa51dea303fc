//! The account of a crash: what clients were told against what the tables hold.
//!
//! A commit that was acknowledged must be there, at every place and once; one that was rolled back,
//! refused or never sent must not; one that was cut off may be there or not, but whole. What was found
//! after one crash is what must be found after the next.

use std::collections::{BTreeMap, HashMap};
use std::fmt;

use super::journal::{Entry, Mark, Place};

/// What is known of the transactions of a case so far.
#[derive(Debug, Default)]
pub struct Account {
    transactions: BTreeMap<Mark, Transaction>,
}

#[derive(Debug)]
struct Transaction {
    places: Vec<Place>,
    fate: Fate,
}

/// What its client knows of how it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// Its commit was sent, and no answer came.
    Unknown,
    /// Its commit was acknowledged, so many microseconds after 1970.
    Acknowledged(u64),
    /// It was found after an earlier crash.
    Settled,
    /// The client rolled it back.
    RolledBack,
    /// Its commit was refused.
    Refused,
}

/// What the tables hold: marks, by the place where they were found, in their order there.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Tables {
    /// The marks of each place.
    pub places: BTreeMap<Place, Vec<Mark>>,
    /// Whether the order of the marks of a place is that of their commits.
    pub ordered: bool,
    /// What stands at a place and is no mark.
    pub unreadable: Vec<(Place, String)>,
}

impl Tables {
    /// Adds what stands at a place, behind what is there.
    pub fn add(&mut self, place: Place, text: &str) {
        match text.parse() {
            Ok(mark) => self.places.entry(place).or_default().push(mark),
            Err(()) => self.unreadable.push((place, text.to_owned())),
        }
    }
}

/// What a look at the tables after a crash found.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Findings {
    /// Commits that had been acknowledged since the look before.
    pub acknowledged: u64,
    /// Commits that were cut off.
    pub unknown: u64,
    /// How many of these are there.
    pub unknown_there: u64,
    /// Transactions that were rolled back on purpose.
    pub rolled_back: u64,
    /// Commits that were acknowledged, or seen before, and are gone.
    pub lost: Vec<Lost>,
    /// What may never be, however little is promised of durability.
    pub faults: Vec<Fault>,
}

/// A commit that is gone.
#[derive(Debug, PartialEq, Eq)]
pub struct Lost {
    /// Its mark.
    pub mark: Mark,
    /// Where it should be.
    pub places: Vec<Place>,
    /// When it was acknowledged, in microseconds after 1970; `None` where it was seen after an earlier
    /// crash.
    pub acknowledged_us: Option<u64>,
}

/// Something in the tables that no promise allows.
#[derive(Debug, PartialEq, Eq)]
pub enum Fault {
    /// The client had rolled it back.
    RolledBack { mark: Mark, place: Place },
    /// Its commit had been refused.
    Refused { mark: Mark, place: Place },
    /// No client had sent its commit, or it was not there after an earlier crash.
    NeverSent { mark: Mark, place: Place },
    /// The transaction did nothing at this place.
    Misplaced { mark: Mark, place: Place },
    /// It is no mark.
    Unreadable { place: Place, text: String },
    /// It is at one of its places and not at another.
    Half { mark: Mark, place: Place, missing: Place },
    /// It is there more than once.
    Repeated { mark: Mark, place: Place, times: usize },
    /// A client's later commit stands before its earlier one.
    Swapped { place: Place, first: Mark, then: Mark },
}

impl Account {
    /// Takes down what clients wrote.
    pub fn enter(&mut self, entries: Vec<Entry>) {
        for entry in entries {
            match entry {
                Entry::Sending(mark, places) => self.begin(mark, places, Fate::Unknown),
                Entry::RollingBack(mark, places) => self.begin(mark, places, Fate::RolledBack),
                Entry::Acknowledged(mark, at_us) => self.end(mark, Fate::Acknowledged(at_us)),
                Entry::Refused(mark) => self.end(mark, Fate::Refused),
            }
        }
    }

    fn begin(&mut self, mark: Mark, places: Vec<Place>, fate: Fate) {
        self.transactions.insert(mark, Transaction { places, fate });
    }

    fn end(&mut self, mark: Mark, fate: Fate) {
        if let Some(transaction) = self.transactions.get_mut(&mark) {
            transaction.fate = fate;
        }
    }

    /// Holds the tables against what clients wrote. From now on what was found is what must be found.
    pub fn settle(&mut self, tables: &Tables) -> Findings {
        let mut findings = Findings::default();
        let mut seen: HashMap<Mark, Vec<Place>> = HashMap::new();
        for (place, text) in &tables.unreadable {
            findings.faults.push(Fault::Unreadable { place: *place, text: text.clone() });
        }
        for (place, marks) in &tables.places {
            self.look_at_place(*place, marks, tables.ordered, &mut seen, &mut findings);
        }
        self.transactions.retain(|mark, transaction| {
            transaction.settle(*mark, seen.get(mark).map_or(&[], Vec::as_slice), &mut findings)
        });
        findings
    }

    /// Looks at each mark of a place, and notes where it was seen.
    fn look_at_place(
        &self,
        place: Place,
        marks: &[Mark],
        ordered: bool,
        seen: &mut HashMap<Mark, Vec<Place>>,
        findings: &mut Findings,
    ) {
        let mut times: HashMap<Mark, usize> = HashMap::new();
        let mut last: HashMap<u32, Mark> = HashMap::new();
        for mark in marks.iter().copied() {
            let so_far = times.entry(mark).or_default();
            *so_far += 1;
            if *so_far > 1 {
                continue;
            }
            findings.faults.extend(self.out_of_place(mark, place));
            seen.entry(mark).or_default().push(place);
            match last.insert(mark.client, mark) {
                Some(first) if ordered && mark < first => {
                    findings.faults.push(Fault::Swapped { place, first, then: mark });
                }
                _ => {}
            }
        }
        let mut repeated: Vec<_> = times.into_iter().filter(|(_, times)| *times > 1).collect();
        repeated.sort_unstable();
        let repeated =
            repeated.into_iter().map(|(mark, times)| Fault::Repeated { mark, place, times });
        findings.faults.extend(repeated);
    }

    /// Why a mark may not be at a place.
    fn out_of_place(&self, mark: Mark, place: Place) -> Option<Fault> {
        let Some(transaction) = self.transactions.get(&mark) else {
            return Some(Fault::NeverSent { mark, place });
        };
        match transaction.fate {
            Fate::RolledBack => Some(Fault::RolledBack { mark, place }),
            Fate::Refused => Some(Fault::Refused { mark, place }),
            _ if !transaction.places.contains(&place) => Some(Fault::Misplaced { mark, place }),
            _ => None,
        }
    }
}

impl Transaction {
    /// Holds what was seen against what its client knew; whether it must be found from now on.
    fn settle(&mut self, mark: Mark, seen: &[Place], findings: &mut Findings) -> bool {
        let missing = self.places.iter().copied().find(|place| !seen.contains(place));
        let there = self.places.iter().copied().find(|place| seen.contains(place));
        let acknowledged_us = match self.fate {
            Fate::RolledBack => {
                findings.rolled_back += 1;
                return false;
            }
            Fate::Refused => return false,
            Fate::Unknown => {
                findings.unknown += 1;
                findings.unknown_there += u64::from(there.is_some());
                None
            }
            Fate::Acknowledged(at_us) => {
                findings.acknowledged += 1;
                Some(at_us)
            }
            Fate::Settled => None,
        };
        match (there, missing) {
            (Some(place), Some(missing)) => {
                findings.faults.push(Fault::Half { mark, place, missing });
                // Told once: what is there must stay.
                self.places.retain(|place| seen.contains(place));
            }
            (None, _) if self.fate != Fate::Unknown => {
                let places = std::mem::take(&mut self.places);
                findings.lost.push(Lost { mark, places, acknowledged_us });
            }
            _ => {}
        }
        self.fate = Fate::Settled;
        there.is_some()
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RolledBack { mark, place } => {
                write!(f, "{mark} is in {place} and was rolled back")
            }
            Self::Refused { mark, place } => {
                write!(f, "{mark} is in {place} and its commit was refused")
            }
            Self::NeverSent { mark, place } => {
                write!(f, "{mark} is in {place} and was not sent to be committed")
            }
            Self::Misplaced { mark, place } => {
                write!(f, "{mark} is in {place} and did nothing there")
            }
            Self::Unreadable { place, text } => {
                write!(f, "`{text}` is in {place} and no client wrote it")
            }
            Self::Half { mark, place, missing } => {
                write!(f, "{mark} is in {place} and not in {missing}")
            }
            Self::Repeated { mark, place, times } => {
                write!(f, "{mark} is {times} times in {place}")
            }
            Self::Swapped { place, first, then } => {
                write!(f, "in {place} {first} stands before {then}")
            }
        }
    }
}

#[cfg(test)]
mod tests;
