//! What clients did, written down as they did it: each commit before it is sent and after it was
//! acknowledged. The account of a crash is made from it.
//!
//! A client in a process that is about to be killed writes a line for each entry into a pipe. What
//! was written stays in the pipe when the process is gone (write(2) hands it to the system), so that
//! an acknowledgement that was read had been given before, and one that was not read is unknown.

use std::fmt;
use std::str::FromStr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

/// What a transaction leaves in the tables, and no other does: `CYCLE.CLIENT.NUMBER`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mark {
    /// The cycle, counted from 1.
    pub cycle: u32,
    /// The client, counted from 0.
    pub client: u32,
    /// The transaction of that client, counted from 1 in each cycle.
    pub number: u64,
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.cycle, self.client, self.number)
    }
}

impl FromStr for Mark {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let mut parts = text.split('.');
        let mut next = || parts.next().ok_or(());
        let cycle = next()?.parse().map_err(drop)?;
        let client = next()?.parse().map_err(drop)?;
        let number = next()?.parse().map_err(drop)?;
        match parts.next() {
            None => Ok(Self { cycle, client, number }),
            Some(_) => Err(()),
        }
    }
}

/// Where a transaction leaves its mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    /// A row of TPC-B's history.
    History,
    /// A list, by its number.
    List(i64),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::History => f.write_str("history"),
            Self::List(id) => write!(f, "list-{id}"),
        }
    }
}

impl FromStr for Place {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text.strip_prefix("list-") {
            Some(id) => Ok(Self::List(id.parse().map_err(drop)?)),
            None if text == "history" => Ok(Self::History),
            None => Err(()),
        }
    }
}

/// What a client writes down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    /// The commit of a transaction that left its mark at these places is about to be sent.
    Sending(Mark, Vec<Place>),
    /// The rollback of such a transaction is about to be sent.
    RollingBack(Mark, Vec<Place>),
    /// The commit was acknowledged, so many microseconds after 1970.
    Acknowledged(Mark, u64),
    /// The commit was refused: the engine rolled back.
    Refused(Mark),
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (word, mark, places) = match self {
            Self::Sending(mark, places) => ("sending", mark, places),
            Self::RollingBack(mark, places) => ("rolling-back", mark, places),
            Self::Acknowledged(mark, at_us) => return write!(f, "acknowledged {mark} {at_us}"),
            Self::Refused(mark) => return write!(f, "refused {mark}"),
        };
        write!(f, "{word} {mark}")?;
        places.iter().try_for_each(|place| write!(f, " {place}"))
    }
}

impl FromStr for Entry {
    type Err = ();

    fn from_str(line: &str) -> Result<Self, ()> {
        let mut words = line.split(' ');
        let word = words.next().ok_or(())?;
        let mark = words.next().ok_or(())?.parse()?;
        let mut rest = words;
        match word {
            "sending" => Ok(Self::Sending(mark, places(rest)?)),
            "rolling-back" => Ok(Self::RollingBack(mark, places(rest)?)),
            "acknowledged" => match (rest.next().map(str::parse), rest.next()) {
                (Some(Ok(at_us)), None) => Ok(Self::Acknowledged(mark, at_us)),
                _ => Err(()),
            },
            "refused" if rest.next().is_none() => Ok(Self::Refused(mark)),
            _ => Err(()),
        }
    }
}

fn places<'w>(words: impl Iterator<Item = &'w str>) -> Result<Vec<Place>, ()> {
    words.map(str::parse).collect()
}

/// Where entries are written; each is kept when the call returns.
pub trait Journal: Send + Sync {
    /// Writes an entry.
    fn keep(&self, entry: Entry);
}

/// A journal of clients that outlive the crash.
#[derive(Debug, Default)]
pub struct Memory {
    entries: Mutex<Vec<Entry>>,
    acknowledged: AtomicU64,
}

impl Memory {
    /// How many commits were acknowledged so far.
    pub fn acknowledged(&self) -> u64 {
        self.acknowledged.load(Ordering::Relaxed)
    }

    /// Every entry so far, in the order in which they were written; the journal is empty then.
    pub fn take(&self) -> Vec<Entry> {
        std::mem::take(&mut *self.entries.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Journal for Memory {
    fn keep(&self, entry: Entry) {
        let acknowledged = matches!(entry, Entry::Acknowledged(..));
        self.entries.lock().unwrap_or_else(PoisonError::into_inner).push(entry);
        self.acknowledged.fetch_add(u64::from(acknowledged), Ordering::Relaxed);
    }
}

/// Microseconds since 1970, by the machine's clock: the same for every process.
pub fn now_us() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn mark() -> impl Strategy<Value = Mark> {
        any::<(u32, u32, u64)>().prop_map(|(cycle, client, number)| Mark { cycle, client, number })
    }

    fn places() -> impl Strategy<Value = Vec<Place>> {
        let place = prop_oneof![Just(Place::History), any::<i64>().prop_map(Place::List)];
        proptest::collection::vec(place, 0..4)
    }

    fn entry() -> impl Strategy<Value = Entry> {
        prop_oneof![
            (mark(), places()).prop_map(|(mark, places)| Entry::Sending(mark, places)),
            (mark(), places()).prop_map(|(mark, places)| Entry::RollingBack(mark, places)),
            (mark(), any::<u64>()).prop_map(|(mark, at_us)| Entry::Acknowledged(mark, at_us)),
            mark().prop_map(Entry::Refused),
        ]
    }

    proptest! {
        #[test]
        fn an_entry_is_read_as_it_was_written(entry in entry()) {
            let line = entry.to_string();
            prop_assert!(!line.contains('\n'));
            prop_assert_eq!(line.parse(), Ok(entry));
        }

        #[test]
        fn a_line_that_is_no_entry_is_refused(
            word in "sending|rolling-back|acknowledged|refused|[a-z]{0,3}",
            mark in "[0-9]{0,2}(\\.[0-9]{0,2}){0,3}",
            rest in "( (list-)?[0-9]{0,2}| history| ){0,2}",
        ) {
            let line = format!("{word} {mark}{rest}");
            if let Ok(entry) = line.parse::<Entry>() {
                let mut known = ["sending", "rolling-back", "acknowledged", "refused"].iter();
                prop_assert!(known.any(|known| *known == word), "{}", line);
                // Numbers may have leading zeros, and nothing else may be said in two ways.
                let words = |line: &str| line.split([' ', '.', '-']).count();
                prop_assert_eq!(words(&entry.to_string()), words(&line));
            }
        }
    }
}
