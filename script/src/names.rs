//! The names of variables, each of which becomes a place.

use std::collections::HashMap;

/// The place of a variable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Slot(pub(crate) u32);

impl Slot {
    /// As an index.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// The variables of all scripts of a benchmark. They share them, as pgbench's do: what one script sets,
/// the client's next script finds.
#[derive(Clone, Debug, Default)]
pub struct Names {
    slots: HashMap<String, Slot>,
    names: Vec<String>,
}

impl Names {
    /// The place of a variable, a new one where it has none.
    pub fn slot(&mut self, name: &str) -> Slot {
        if let Some(slot) = self.slots.get(name) {
            return *slot;
        }
        let slot = Slot(self.names.len() as u32);
        self.names.push(name.to_owned());
        self.slots.insert(name.to_owned(), slot);
        slot
    }

    /// The place of a variable that was named before.
    pub fn find(&self, name: &str) -> Option<Slot> {
        self.slots.get(name).copied()
    }

    /// The name of a variable.
    pub fn name(&self, slot: Slot) -> &str {
        self.names.get(slot.index()).map_or("", String::as_str)
    }

    /// All names, in the order of their places.
    pub fn all(&self) -> &[String] {
        &self.names
    }
}

/// Whether a variable can have the name: letters, digits and underscores, no digit first. As in pgbench,
/// every character outside of ASCII counts as a letter.
pub fn is_name(text: &str) -> bool {
    let mut characters = text.chars();
    characters.next().is_some_and(begins_name) && characters.all(continues_name)
}

/// Whether a name can begin with it.
pub fn begins_name(character: char) -> bool {
    character.is_ascii_alphabetic() || character == '_' || !character.is_ascii()
}

/// Whether a name can go on with it.
pub fn continues_name(character: char) -> bool {
    begins_name(character) || character.is_ascii_digit()
}
