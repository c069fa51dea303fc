//! A history's parts in Jepsen's words.

use super::{Action, History, Kind, NONE, Operation, Version};

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

    pub(crate) fn list_text(&self, version: Version) -> String {
        let values: Vec<String> =
            self.lists.list(version).iter().map(|write| self.value_text(*write)).collect();
        format!("[{}]", values.join(" "))
    }
}
