//! Events to a history.

use hashbrown::HashMap;
use rustc_hash::FxBuildHasher;

use super::{
    Action, History, Kind, Lists, MOST_KEYS, NONE, Operation, Outcome, Transaction, Writes,
};
use crate::atom::{Atom, Names};
use crate::edn::{Answer, Event, EventKind, Mop, MopKind};

/// Operations that a history may have: the graph counts them in 29 bits.
const MOST_OPERATIONS: usize = 1 << 29;

/// Takes events one after another.
pub struct Builder {
    kind: Option<Kind>,
    keys: Vec<Atom>,
    key_numbers: HashMap<Atom, u32, FxBuildHasher>,
    transactions: Vec<Transaction>,
    operations: Vec<Operation>,
    processes: Vec<Process>,
    process_numbers: HashMap<Option<i64>, u32, FxBuildHasher>,
    writes: Writes,
    lists: Lists,
    events: u32,
}

/// A process and the invocation that it waits for the end of.
struct Process {
    id: Option<i64>,
    open: Option<Open>,
    mops: Vec<Mop>,
}

#[derive(Clone, Copy)]
struct Open {
    event: u32,
    index: u32,
    line: u64,
}

/// What is wrong with an event: what was expected, and what stands there.
pub struct Wrong {
    pub line: u64,
    pub expected: String,
    pub found: String,
}

impl Builder {
    /// A history of `kind`; `None` finds it out from the operations.
    pub fn new(kind: Option<Kind>) -> Self {
        Self {
            kind,
            keys: Vec::new(),
            key_numbers: HashMap::default(),
            transactions: Vec::new(),
            operations: Vec::new(),
            processes: Vec::new(),
            process_numbers: HashMap::default(),
            writes: Writes::default(),
            lists: Lists::default(),
            events: 0,
        }
    }

    /// Takes the next event.
    pub fn add(&mut self, event: &Event, names: &Names) -> Result<(), Wrong> {
        let number = self.events;
        if number == NONE - 1 || self.operations.len() + event.mops.len() > MOST_OPERATIONS {
            return Err(Wrong {
                line: event.line,
                expected: "at most 2^32 events and 2^29 operations".to_owned(),
                found: "more".to_owned(),
            });
        }
        let process = self.process(event.process);
        if event.kind == EventKind::Invoke {
            self.invoke(event, process, number)?;
        } else {
            self.complete(event, process, number, names)?;
        }
        self.events += 1;
        Ok(())
    }

    fn process(&mut self, id: Option<i64>) -> u32 {
        let next = self.processes.len() as u32;
        let number = *self.process_numbers.entry(id).or_insert(next);
        if number == next {
            self.processes.push(Process { id, open: None, mops: Vec::new() });
        }
        number
    }

    fn invoke(&mut self, event: &Event, process: u32, number: u32) -> Result<(), Wrong> {
        let process = &mut self.processes[process as usize];
        if let Some(open) = process.open {
            let name = process.id.map_or("".to_owned(), |id| format!(" of process {id}"));
            return Err(Wrong {
                line: event.line,
                expected: format!(
                    "the end of the transaction{name} that line {} begins",
                    open.line
                ),
                found: "the beginning of another".to_owned(),
            });
        }
        process.open = Some(Open { event: number, index: index(event, number), line: event.line });
        process.mops.clear();
        // What a list reads as before it is read need not be kept.
        process.mops.extend(event.mops.iter().map(|mop| match mop.kind {
            MopKind::Read => Mop { answer: Answer::Nil, ..*mop },
            _ => *mop,
        }));
        Ok(())
    }

    fn complete(
        &mut self,
        event: &Event,
        process: u32,
        number: u32,
        names: &Names,
    ) -> Result<(), Wrong> {
        let at = process as usize;
        let open = self.processes[at].open.take();
        let outcome = match event.kind {
            EventKind::Ok => Outcome::Committed,
            EventKind::Fail => Outcome::Aborted,
            EventKind::Info | EventKind::Invoke => Outcome::Unknown,
        };
        if event.mops.is_empty() && open.is_none() {
            // Something that no client did to the data: Jepsen notes such things as `:info`.
            return Ok(());
        }
        let is_same_length = event.mops.len() == self.processes[at].mops.len();
        if outcome == Outcome::Committed && open.is_some() && !is_same_length {
            return Err(Wrong {
                line: event.line,
                expected: format!(
                    "as many operations as were invoked, {}",
                    self.processes[at].mops.len()
                ),
                found: format!("{}", event.mops.len()),
            });
        }
        self.transactions.push(Transaction {
            first: self.operations.len() as u32,
            process: if event.process.is_some() { process } else { NONE },
            invoked: open.map_or(NONE, |open| open.event),
            completed: if outcome == Outcome::Unknown { NONE } else { number },
            index: index(event, number),
            outcome,
        });
        if event.mops.is_empty() {
            let mops = std::mem::take(&mut self.processes[at].mops);
            let done = self.mops(&mops, event, outcome, names);
            self.processes[at].mops = mops;
            return done;
        }
        self.mops(&event.mops, event, outcome, names)
    }

    fn mops(
        &mut self,
        mops: &[Mop],
        event: &Event,
        outcome: Outcome,
        names: &Names,
    ) -> Result<(), Wrong> {
        for mop in mops {
            self.mop(mop, event, outcome, names).map_err(|(expected, found)| Wrong {
                line: event.line,
                expected,
                found,
            })?;
        }
        Ok(())
    }

    fn mop(
        &mut self,
        mop: &Mop,
        event: &Event,
        outcome: Outcome,
        names: &Names,
    ) -> Result<(), (String, String)> {
        let key = self.key(mop.key)?;
        let action = match (mop.kind, mop.answer) {
            (MopKind::Read, _) if outcome != Outcome::Committed => Action::ReadUnknown,
            (MopKind::Read, Answer::Nil) if self.kind == Some(Kind::RwRegister) => {
                Action::ReadRegister(NONE)
            }
            // As long as the kind is not known, nothing was written: register or list, it is the same.
            (MopKind::Read, Answer::Nil) => Action::ReadList(super::Version::EMPTY),
            (MopKind::Read, Answer::List { start, length }) => {
                self.is(Kind::ListAppend, "a read of a list")?;
                Action::ReadList(self.lists.insert(key, event.list(start, length)))
            }
            (MopKind::Read, Answer::One(value)) => {
                self.is(Kind::RwRegister, "a read of a single value")?;
                Action::ReadRegister(self.writes.number(key, value))
            }
            (MopKind::Append, Answer::One(value)) => {
                self.is(Kind::ListAppend, "`:append`")?;
                self.written(key, mop.key, value, names)?
            }
            (_, Answer::One(value)) => {
                self.is(Kind::RwRegister, "`:w`")?;
                self.written(key, mop.key, value, names)?
            }
            // The reader lets nothing else pass.
            _ => Action::ReadUnknown,
        };
        self.operations.push(Operation::new(key, action));
        Ok(())
    }

    fn written(
        &mut self,
        key: u32,
        key_name: Atom,
        value: Atom,
        names: &Names,
    ) -> Result<Action, (String, String)> {
        let write = self.writes.number(key, value);
        let transaction = self.transactions.len() as u32 - 1;
        match self.writes.written(write, transaction, self.operations.len() as u32) {
            None => Ok(Action::Write(write)),
            Some(before) => Err((
                "values that are unique for their key, aborted attempts included".to_owned(),
                format!(
                    "value {} of key {} a second time; the first writer has index {}",
                    names.text(value),
                    names.text(key_name),
                    self.transactions[before as usize].index
                ),
            )),
        }
    }

    fn is(&mut self, kind: Kind, found: &str) -> Result<(), (String, String)> {
        match *self.kind.get_or_insert(kind) {
            known if known == kind => Ok(()),
            known => Err((format!("operations of a {} history", known.name()), found.to_owned())),
        }
    }

    fn key(&mut self, key: Atom) -> Result<u32, (String, String)> {
        let next = self.keys.len();
        let number = *self.key_numbers.entry(key).or_insert(next as u32);
        if number as usize == next {
            if next == MOST_KEYS {
                return Err((format!("at most {MOST_KEYS} keys"), "more".to_owned()));
            }
            self.keys.push(key);
        }
        Ok(number)
    }

    /// Reads that came before the kind was known were taken for reads of lists.
    fn reads_of_nothing_are_of_registers(&mut self) {
        for operation in &mut self.operations {
            if matches!(operation.action(), Action::ReadList(_)) {
                *operation = Operation::new(operation.key(), Action::ReadRegister(NONE));
            }
        }
    }

    /// All events are there: transactions that never ended are of unknown outcome.
    pub fn build(mut self, source: &str, names: Names) -> Result<History, Wrong> {
        for process in 0..self.processes.len() {
            let Some(open) = self.processes[process].open.take() else { continue };
            self.transactions.push(Transaction {
                first: self.operations.len() as u32,
                process: if self.processes[process].id.is_some() { process as u32 } else { NONE },
                invoked: open.event,
                completed: NONE,
                index: open.index,
                outcome: Outcome::Unknown,
            });
            let mops = std::mem::take(&mut self.processes[process].mops);
            let event = Event { line: open.line, ..Event::default() };
            self.mops(&mops, &event, Outcome::Unknown, &names)?;
        }
        let kind = self.kind.unwrap_or(Kind::ListAppend);
        if kind == Kind::RwRegister {
            self.reads_of_nothing_are_of_registers();
        }
        self.lists.seal(self.keys.len(), &mut self.writes);
        self.writes.seal();
        self.transactions.shrink_to_fit();
        self.operations.shrink_to_fit();
        Ok(History {
            source: source.to_owned(),
            kind,
            names,
            keys: self.keys,
            transactions: self.transactions,
            operations: self.operations,
            processes: self
                .processes
                .iter()
                .map(|process| process.id.unwrap_or_default())
                .collect(),
            writes: self.writes,
            lists: self.lists,
            events: self.events,
        })
    }
}

/// The number of an event: its own, if it has one that fits.
fn index(event: &Event, number: u32) -> u32 {
    event.index.and_then(|index| u32::try_from(index).ok()).unwrap_or(number)
}
