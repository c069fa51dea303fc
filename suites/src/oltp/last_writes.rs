//! The last writes of each client to sampled values: the final version of a value is the last one
//! written, and so the last that its client wrote. Which client came last cannot be told from
//! outside, so the table must hold the last acknowledged write of one of them.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use dbdyno_core::DbError;
use dbdyno_core::load::Witness;

use super::samples::hash;

/// The books of all clients of a case.
#[derive(Debug, Default)]
pub struct LastWrites {
    books: Mutex<Vec<Arc<Book>>>,
}

/// What one client wrote. Nobody else looks at it before the load is over, so its lock is always
/// free.
#[derive(Debug, Default)]
pub struct Book {
    entries: Mutex<Entries>,
}

/// By the place of a value in the sample.
#[derive(Debug, Default)]
struct Entries {
    acknowledged: HashMap<u32, i64>,
    unknown: Vec<(u32, i64)>,
    /// How often the row was, or may have been, deleted and inserted again.
    replaced: HashMap<u32, u64>,
    /// How often an update of it matched no row.
    missed: HashMap<u32, u64>,
}

/// What a transaction does to a sampled value.
#[derive(Clone, Copy, Debug)]
pub enum Note {
    /// It writes the text of this hash.
    Wrote(i64),
    /// It deletes the row and inserts it with the text of this hash.
    Replaced(i64),
    /// An update of it matched no row.
    Missed,
}

/// A buffer for the notes of a transaction, by place in the sample; used again and again.
pub type Notes = Vec<(u32, Note)>;

/// The writes of a transaction under way. If it is dropped after its commit was sent and before
/// that ended, its outcome is unknown.
#[derive(Debug)]
#[must_use]
pub struct Writing<'b> {
    book: &'b Book,
    notes: Notes,
    commit_sent: bool,
}

impl LastWrites {
    /// A book for one more client.
    pub fn open(&self) -> Arc<Book> {
        let book = Arc::new(Book::default());
        lock(&self.books).push(Arc::clone(&book));
        book
    }

    /// What all clients wrote; `name` names the value at a place.
    pub fn witnessed(&self, name: impl Fn(u32) -> String) -> BTreeMap<String, Witness> {
        let mut values: HashMap<u32, (Vec<i64>, Vec<i64>)> = HashMap::new();
        for book in lock(&self.books).iter() {
            let entries = lock(&book.entries);
            for (place, value) in &entries.acknowledged {
                values.entry(*place).or_default().0.push(*value);
            }
            for (place, value) in &entries.unknown {
                values.entry(*place).or_default().1.push(*value);
            }
        }
        let written = |(acknowledged, unknown)| Witness::Written { acknowledged, unknown };
        values.into_iter().map(|(place, found)| (name(place), written(found))).collect()
    }

    /// How many committed updates of sampled rows matched no row without a cause. The cause is
    /// another client that deleted and inserted the row meanwhile; it can hide the row from one
    /// update of each client, the one that waited.
    pub fn missed_without_cause(&self) -> u64 {
        let books = lock(&self.books);
        let mut replaced: HashMap<u32, u64> = HashMap::new();
        for book in books.iter() {
            for (place, times) in &lock(&book.entries).replaced {
                *replaced.entry(*place).or_default() += times;
            }
        }
        let without_cause = |book: &Arc<Book>| {
            let entries = lock(&book.entries);
            let times = |of: &HashMap<u32, u64>, place| of.get(place).copied().unwrap_or(0);
            let excess = entries.missed.iter().map(|(place, missed)| {
                let by_others = times(&replaced, place) - times(&entries.replaced, place);
                missed.saturating_sub(by_others)
            });
            excess.sum::<u64>()
        };
        books.iter().map(without_cause).sum()
    }
}

impl Book {
    /// Opens the notes of a transaction in a buffer, which is emptied.
    pub fn transaction(&self, mut notes: Notes) -> Writing<'_> {
        notes.clear();
        Writing { book: self, notes, commit_sent: false }
    }
}

impl Writing<'_> {
    /// The value at `place` is overwritten, where it is in the sample.
    pub fn wrote(&mut self, place: Option<u32>, text: &str) {
        self.note(place, || Note::Wrote(hash(text)));
    }

    /// The row at `place` is deleted and inserted again with another value.
    pub fn replaced(&mut self, place: Option<u32>, text: &str) {
        self.note(place, || Note::Replaced(hash(text)));
    }

    /// The value at `place` was not overwritten: the update matched no row.
    pub fn missed_write(&mut self, place: Option<u32>) {
        let is_it = |note: &(u32, Note)| Some(note.0) == place && matches!(note.1, Note::Wrote(_));
        if let Some(last) = self.notes.iter().rposition(is_it) {
            self.notes.remove(last);
        }
        self.missed(place);
    }

    /// An update of the row at `place` matched no row.
    pub fn missed(&mut self, place: Option<u32>) {
        self.note(place, || Note::Missed);
    }

    fn note(&mut self, place: Option<u32>, note: impl FnOnce() -> Note) {
        if let Some(place) = place {
            self.notes.push((place, note()));
        }
    }

    /// Notes that the commit is about to be sent.
    pub const fn sending_commit(&mut self) {
        self.commit_sent = true;
    }

    /// Notes how the transaction ended; gives the buffer back.
    pub fn settle<T>(mut self, result: &Result<T, DbError>) -> Notes {
        let notes = std::mem::take(&mut self.notes);
        match result {
            _ if notes.is_empty() => {}
            Ok(_) => lock(&self.book.entries).acknowledge(&notes),
            Err(error) if error.outcome_unknown => lock(&self.book.entries).doubt(&notes),
            Err(_) => {}
        }
        notes
    }
}

impl Drop for Writing<'_> {
    fn drop(&mut self) {
        if self.commit_sent && !self.notes.is_empty() {
            lock(&self.book.entries).doubt(&self.notes);
        }
    }
}

impl Entries {
    fn acknowledge(&mut self, notes: &Notes) {
        for (place, note) in notes {
            match note {
                Note::Wrote(value) => {
                    self.acknowledged.insert(*place, *value);
                }
                Note::Replaced(value) => {
                    self.acknowledged.insert(*place, *value);
                    *self.replaced.entry(*place).or_default() += 1;
                }
                Note::Missed => *self.missed.entry(*place).or_default() += 1,
            }
        }
    }

    /// Of several writes of a value only the last can be seen.
    fn doubt(&mut self, notes: &Notes) {
        let mut last: HashMap<u32, i64> = HashMap::new();
        for (place, note) in notes {
            if let Note::Wrote(value) | Note::Replaced(value) = note {
                last.insert(*place, *value);
            }
            if matches!(note, Note::Replaced(_)) {
                *self.replaced.entry(*place).or_default() += 1;
            }
        }
        self.unknown.extend(last);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use dbdyno_core::ErrorClass;

    use super::*;

    fn lost() -> Result<(), DbError> {
        Err(DbError::new(ErrorClass::Disconnected, None, "gone").during_commit())
    }

    fn writing<'b>(book: &'b Book, texts: &[&str]) -> Writing<'b> {
        let mut writing = book.transaction(Notes::new());
        texts.iter().for_each(|text| writing.wrote(Some(1), text));
        writing.wrote(None, "not in the sample");
        writing
    }

    fn witnessed(last_writes: &LastWrites) -> (Vec<i64>, Vec<i64>) {
        let found = last_writes.witnessed(|place| place.to_string());
        assert!(found.keys().all(|name| name == "1"), "{found:?}");
        match found.get("1") {
            Some(Witness::Written { acknowledged, unknown }) => {
                (acknowledged.clone(), unknown.clone())
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn each_client_has_one_last_acknowledged_write() {
        let last_writes = LastWrites::default();
        let (one, two) = (last_writes.open(), last_writes.open());
        let _ = writing(&one, &["a"]).settle(&Ok(()));
        let _ = writing(&one, &["b", "c"]).settle(&Ok(()));
        let _ = writing(&one, &["d"]).settle::<()>(&Err(DbError::unexpected("refused")));
        let _ = writing(&two, &["e"]).settle(&Ok(()));
        drop(writing(&two, &["f"]));
        assert_eq!(witnessed(&last_writes), (vec![hash("c"), hash("e")], vec![]));
    }

    #[test]
    fn a_commit_cut_off_or_given_up_is_of_unknown_outcome() {
        let last_writes = LastWrites::default();
        let book = last_writes.open();
        let _ = writing(&book, &["a", "b"]).settle(&lost());
        let mut given_up = writing(&book, &["c"]);
        given_up.sending_commit();
        drop(given_up);
        let mut ended = writing(&book, &["d"]);
        ended.sending_commit();
        let _ = ended.settle(&Ok(()));
        let found = witnessed(&last_writes);
        assert_eq!(found, (vec![hash("d")], vec![hash("b"), hash("c")]));
    }

    #[test]
    fn a_row_may_be_missed_once_for_each_time_that_another_client_replaced_it() {
        let last_writes = LastWrites::default();
        let (one, two) = (last_writes.open(), last_writes.open());
        let replace = |book: &Book, result| {
            let mut writing = book.transaction(Notes::new());
            writing.replaced(Some(1), "a");
            let _ = writing.settle(&result);
        };
        let miss = |book: &Book| {
            let mut writing = book.transaction(Notes::new());
            writing.missed(Some(1));
            let _ = writing.settle(&Ok(()));
            last_writes.missed_without_cause()
        };
        replace(&one, Ok(()));
        assert_eq!(miss(&two), 0);
        assert_eq!(miss(&two), 1);
        replace(&one, lost());
        assert_eq!(last_writes.missed_without_cause(), 0);
        assert_eq!(miss(&one), 1, "its own replacing hides nothing from it");
    }
}
