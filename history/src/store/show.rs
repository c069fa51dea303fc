//! A history's parts in Jepsen's words.

use std::ops::Range;

use super::{Action, History, Kind, NONE, Operation, Version};

/// Elements that a list is shown with; of a longer one only its ends are.
const MOST_SHOWN: u32 = 64;
/// Elements that are shown of the beginning and of the end of a longer list.
const ENDS: (u32, u32) = (3, 2);

impl History {
    /// An operation map as histories have it, on one line.
    pub(crate) fn transaction_text(&self, transaction: u32) -> String {
        let it = &self.transactions[transaction as usize];
        let process = match self.processes.get(it.process as usize) {
            Some(process) => format!(", :process {process}"),
            None => String::new(),
        };
        let operations: Vec<String> = self
            .operations_of(transaction)
            .iter()
            .map(|operation| self.operation_text(*operation))
            .collect();
        let outcome = it.outcome.name();
        format!(
            "{{:index {}{process}, :type :{outcome}, :value [{}]}}",
            it.index,
            operations.join(" ")
        )
    }

    /// An operation such as `[:append 5 17]`.
    pub(crate) fn operation_text(&self, operation: Operation) -> String {
        let key = self.key_text(operation.key());
        match operation.action() {
            Action::Write(write) => {
                let verb = if self.kind == Kind::ListAppend { "append" } else { "w" };
                format!("[:{verb} {key} {}]", self.value_text(write))
            }
            Action::ReadList(version) => format!("[:r {key} {}]", self.list_text(version)),
            Action::ReadRegister(write) => format!("[:r {key} {}]", self.value_text(write)),
            Action::ReadUnknown => format!("[:r {key} nil]"),
        }
    }

    pub(crate) fn key_text(&self, key: u32) -> String {
        self.names.text(self.keys[key as usize])
    }

    /// The value of a write; `nil` for what was there before any.
    pub(crate) fn value_text(&self, write: u32) -> String {
        if write == NONE {
            return "nil".to_owned();
        }
        self.names.text(self.writes.get(write).value)
    }

    /// A list such as `[1 2 3]`, a long one such as `[1 2 3 … 99 100]`.
    pub(crate) fn list_text(&self, version: Version) -> String {
        self.elements_text(version.length, |place| self.lists.element(version, place))
    }

    /// The longest list of a key, in the same form.
    pub(crate) fn order_text(&self, key: u32) -> String {
        let order = self.lists.order(key);
        self.elements_text(order.len() as u32, |place| order[place as usize])
    }

    fn elements_text(&self, length: u32, element: impl Fn(u32) -> u32) -> String {
        let texts = |places: Range<u32>| {
            places.map(|place| self.value_text(element(place))).collect::<Vec<_>>().join(" ")
        };
        if length <= MOST_SHOWN {
            return format!("[{}]", texts(0..length));
        }
        format!("[{} … {}]", texts(0..ENDS.0), texts(length - ENDS.1..length))
    }
}
