//! What a client's variables hold.

use std::fmt::Write as _;

use crate::fault::Fault;
use crate::names::{Names, Slot};
use crate::scalar::Scalar;

/// The variables of one client. Setting them again allocates nothing; a text keeps its buffer.
#[derive(Clone, Debug)]
pub struct Variables {
    names: std::sync::Arc<[String]>,
    held: Vec<Place>,
    texts: Vec<String>,
}

/// What is in a place, of which a text stands elsewhere.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Place {
    Unset,
    Scalar(Scalar),
    Text,
}

/// What a variable holds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Held<'v> {
    /// Nothing yet.
    Unset,
    /// The value of an expression.
    Scalar(Scalar),
    /// Text, of `-D` or a column. It is read when an expression asks for its value.
    Text(&'v str),
}

impl Variables {
    /// One for each name, all unset.
    pub fn new(names: &Names) -> Self {
        let count = names.all().len();
        Self {
            names: names.all().into(),
            held: vec![Place::Unset; count],
            texts: vec![String::new(); count],
        }
    }

    /// What a variable holds.
    #[inline]
    pub fn get(&self, slot: Slot) -> Held<'_> {
        match self.held[slot.index()] {
            Place::Unset => Held::Unset,
            Place::Scalar(scalar) => Held::Scalar(scalar),
            Place::Text => Held::Text(&self.texts[slot.index()]),
        }
    }

    /// Sets a variable.
    #[inline]
    pub fn set(&mut self, slot: Slot, value: Scalar) {
        self.held[slot.index()] = Place::Scalar(value);
    }

    /// Sets a variable to a text.
    pub fn set_text(&mut self, slot: Slot, text: &str) {
        let held = &mut self.texts[slot.index()];
        held.clear();
        held.push_str(text);
        self.held[slot.index()] = Place::Text;
    }

    /// Sets a variable to what `value` looks like.
    pub fn set_shown(&mut self, slot: Slot, value: &dyn std::fmt::Display) {
        let held = &mut self.texts[slot.index()];
        held.clear();
        // Writing to a string fails only where `value` does.
        let _ = write!(held, "{value}");
        self.held[slot.index()] = Place::Text;
    }

    /// Makes a variable what it is among `others`, of the same names.
    pub fn take_from(&mut self, slot: Slot, others: &Self) {
        match others.get(slot) {
            Held::Unset => self.held[slot.index()] = Place::Unset,
            Held::Scalar(scalar) => self.set(slot, scalar),
            Held::Text(text) => self.set_text(slot, text),
        }
    }

    /// What a variable is worth in an expression.
    ///
    /// # Errors
    /// It is not set, or its text is no value.
    #[inline]
    pub fn scalar(&self, slot: Slot) -> Result<Scalar, Fault> {
        match self.held[slot.index()] {
            Place::Scalar(scalar) => Ok(scalar),
            Place::Unset => Err(self.undefined(slot)),
            Place::Text => self.read(slot),
        }
    }

    #[cold]
    fn read(&self, slot: Slot) -> Result<Scalar, Fault> {
        let text = &self.texts[slot.index()];
        Scalar::read(text).ok_or_else(|| Fault::Malformed {
            name: self.name(slot).into(),
            text: text.as_str().into(),
        })
    }

    /// That it is not set.
    #[cold]
    pub fn undefined(&self, slot: Slot) -> Fault {
        Fault::Undefined(self.name(slot).into())
    }

    /// The name of a variable.
    pub fn name(&self, slot: Slot) -> &str {
        &self.names[slot.index()]
    }
}
