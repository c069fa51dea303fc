//! Every value of every key, and who wrote it.

use hashbrown::HashTable;
use rustc_hash::FxHasher;
use std::hash::Hasher as _;

use super::NONE;
use crate::atom::Atom;

/// A value of a key.
#[derive(Clone, Copy, Debug)]
pub struct Write {
    pub value: Atom,
    pub key: u32,
    /// Who wrote it; [`NONE`] where it was only read.
    pub transaction: u32,
    /// The place of the operation that did.
    pub operation: u32,
}

/// All values by number, and the way back from key and value to it.
#[derive(Debug, Default)]
pub struct Writes {
    all: Vec<Write>,
    numbers: HashTable<u32>,
}

fn hash(key: u32, value: Atom) -> u64 {
    use std::hash::Hash as _;
    let mut hasher = FxHasher::default();
    key.hash(&mut hasher);
    value.hash(&mut hasher);
    hasher.finish()
}

impl Writes {
    /// The number of a value, which it gets when it is first met.
    pub fn number(&mut self, key: u32, value: Atom) -> u32 {
        let all = &mut self.all;
        let hash_of = |number: &u32| {
            let write = &all[*number as usize];
            hash(write.key, write.value)
        };
        let is_it = |number: &u32| {
            let write = &all[*number as usize];
            write.key == key && write.value == value
        };
        match self.numbers.entry(hash(key, value), is_it, hash_of) {
            hashbrown::hash_table::Entry::Occupied(entry) => *entry.get(),
            hashbrown::hash_table::Entry::Vacant(entry) => {
                let number = all.len() as u32;
                entry.insert(number);
                all.push(Write { value, key, transaction: NONE, operation: NONE });
                number
            }
        }
    }

    /// Notes who wrote a value. The answer is who had written it before, if anybody.
    pub fn written(&mut self, number: u32, transaction: u32, operation: u32) -> Option<u32> {
        let write = &mut self.all[number as usize];
        if write.transaction != NONE {
            return Some(write.transaction);
        }
        (write.transaction, write.operation) = (transaction, operation);
        None
    }

    /// A value by its number.
    #[inline]
    pub fn get(&self, number: u32) -> &Write {
        &self.all[number as usize]
    }

    /// Who wrote a value.
    #[inline]
    pub fn writer(&self, number: u32) -> Option<u32> {
        let transaction = self.all[number as usize].transaction;
        (transaction != NONE).then_some(transaction)
    }

    /// How many values there are.
    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// Gives back the memory of the way from key and value to number: all are known.
    pub fn seal(&mut self) {
        self.numbers = HashTable::new();
        self.all.shrink_to_fit();
    }
}
