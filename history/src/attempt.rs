//! One attempt at a transaction, as a client plans it and then answers it: what a
//! [`ClientLog`](crate::ClientLog) writes down.

/// What became of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// The engine acknowledged the commit: `:ok`.
    Committed,
    /// It took no effect, for certain: `:fail`. An attempt that is run again is a transaction of its
    /// own, with values of its own.
    Aborted,
    /// Nobody knows, as when the connection broke during the commit: `:info`.
    Unknown,
}

impl Outcome {
    /// The keyword of Jepsen's histories, without its colon.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Committed => "ok",
            Self::Aborted => "fail",
            Self::Unknown => "info",
        }
    }
}

/// The operations of one attempt and what was read. It is used again for the next ([`clear`]), so
/// that nothing is allocated once it has grown to the size of the load's transactions.
///
/// Values must be unique per key over the whole history, attempts that are aborted included:
/// everything is inferred from who wrote what was read.
///
/// [`clear`]: Attempt::clear
#[derive(Clone, Debug, Default)]
pub struct Attempt {
    operations: Vec<Operation>,
    elements: Vec<i64>,
}

/// An operation; a list that was read is a range of the elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Operation {
    pub(crate) key: i64,
    pub(crate) action: Action,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    Append(i64),
    Write(i64),
    Read(Answer),
}

/// What a read was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// Nothing yet, or the value that a key has before it is written.
    Nil,
    Register(i64),
    List {
        start: usize,
        length: usize,
    },
}

impl Attempt {
    /// Forgets the operations, keeping the memory.
    pub fn clear(&mut self) {
        self.operations.clear();
        self.elements.clear();
    }

    /// Plans to append `value` to the list at `key`.
    pub fn append(&mut self, key: i64, value: i64) {
        self.operations.push(Operation { key, action: Action::Append(value) });
    }

    /// Plans to write `value` to the register at `key`.
    pub fn write(&mut self, key: i64, value: i64) {
        self.operations.push(Operation { key, action: Action::Write(value) });
    }

    /// Plans to read `key`; the answer is given by the position that is returned.
    pub fn read(&mut self, key: i64) -> usize {
        self.operations.push(Operation { key, action: Action::Read(Answer::Nil) });
        self.operations.len() - 1
    }

    /// The list that the read at `position` was answered, first element first; nothing for a key
    /// without a row. A position that is no read's is ignored.
    pub fn answer_list(&mut self, position: usize, elements: impl IntoIterator<Item = i64>) {
        let start = self.elements.len();
        self.elements.extend(elements);
        let length = self.elements.len() - start;
        self.answer(position, Answer::List { start, length });
    }

    /// The value that the read at `position` was answered; `None` for a key that was never written.
    /// A position that is no read's is ignored.
    pub fn answer_register(&mut self, position: usize, value: Option<i64>) {
        self.answer(position, value.map_or(Answer::Nil, Answer::Register));
    }

    /// How many operations there are.
    pub fn len(&self) -> usize {
        self.operations.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.operations.is_empty()
    }

    fn answer(&mut self, position: usize, answer: Answer) {
        if let Some(Operation { action: action @ Action::Read(_), .. }) =
            self.operations.get_mut(position)
        {
            *action = Action::Read(answer);
        }
    }

    pub(crate) fn operations(&self) -> &[Operation] {
        &self.operations
    }

    pub(crate) fn elements(&self, start: usize, length: usize) -> &[i64] {
        &self.elements[start..start + length]
    }
}
