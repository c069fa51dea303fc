//! A store with versions, in memory, that can be as sloppy as is asked for.

use hashbrown::HashMap;

use super::simulation::Behaviour;

/// The versions of a key: when each was committed and how it reads.
#[derive(Debug, Default)]
struct Versions {
    /// All values, in order; a list is a prefix, a register the last of one.
    values: Vec<i64>,
    /// Moments and how many values there were from then on.
    commits: Vec<(u64, usize)>,
}

/// Committed data, and for a store that writes at once the rest as well.
#[derive(Debug, Default)]
pub struct Store {
    keys: HashMap<i64, Versions>,
    /// Keys that a transaction has written and not committed, where writers keep each other out.
    locked: HashMap<i64, u64>,
    now: u64,
}

/// A transaction under way.
#[derive(Debug, Default)]
pub struct Open {
    /// A number that no other transaction under way has.
    pub owner: u64,
    snapshot: u64,
    /// Keys that were read.
    read: Vec<i64>,
    /// What was written, in order.
    written: Vec<(i64, i64)>,
}

impl Store {
    /// Begins a transaction.
    pub fn begin(&self, open: &mut Open) {
        open.snapshot = self.now;
        open.read.clear();
        open.written.clear();
    }

    /// The values of a key as the transaction sees them, its own last.
    pub fn read(&self, behaviour: Behaviour, open: &mut Open, key: i64) -> Vec<i64> {
        open.read.push(key);
        let moment = match behaviour {
            Behaviour::Serializable | Behaviour::Snapshot => open.snapshot,
            Behaviour::Serial | Behaviour::ReadCommitted | Behaviour::ReadUncommitted => u64::MAX,
        };
        let mut values = match self.keys.get(&key) {
            None => Vec::new(),
            Some(versions) => {
                let known = versions.commits.partition_point(|(when, _)| *when <= moment);
                let length = known.checked_sub(1).map_or(0, |last| versions.commits[last].1);
                versions.values[..length].to_vec()
            }
        };
        if behaviour != Behaviour::ReadUncommitted {
            values.extend(
                open.written.iter().filter(|(other, _)| *other == key).map(|(_, value)| *value),
            );
        }
        values
    }

    /// Writes a value; the answer is no if another transaction has written the key and is under way.
    pub fn write(&mut self, behaviour: Behaviour, open: &mut Open, key: i64, value: i64) -> bool {
        if behaviour == Behaviour::ReadCommitted
            && *self.locked.entry(key).or_insert(open.owner) != open.owner
        {
            return false;
        }
        open.written.push((key, value));
        if behaviour == Behaviour::ReadUncommitted {
            self.put(key, value);
        }
        true
    }

    /// Commits; the answer is no if the transaction had to be aborted instead.
    pub fn commit(&mut self, behaviour: Behaviour, open: &Open) -> bool {
        let changed = |key: &i64| {
            let versions = self.keys.get(key);
            versions.and_then(|it| it.commits.last()).is_some_and(|(when, _)| *when > open.snapshot)
        };
        let conflicts = match behaviour {
            Behaviour::Serializable => {
                open.read.iter().any(changed) || open.written.iter().any(|(key, _)| changed(key))
            }
            Behaviour::Snapshot => open.written.iter().any(|(key, _)| changed(key)),
            _ => false,
        };
        if conflicts {
            return false;
        }
        self.now += 1;
        self.unlock(open);
        if behaviour != Behaviour::ReadUncommitted {
            for (key, value) in &open.written {
                self.put(*key, *value);
            }
        }
        true
    }

    /// Takes back what a transaction has written, where it is there already.
    pub fn abort(&mut self, behaviour: Behaviour, open: &Open) {
        self.unlock(open);
        if behaviour != Behaviour::ReadUncommitted {
            return;
        }
        for (key, value) in &open.written {
            if let Some(versions) = self.keys.get_mut(key)
                && let Some(at) = versions.values.iter().position(|other| other == value)
            {
                versions.values.remove(at);
                let length = versions.values.len();
                versions.commits.push((self.now, length));
            }
        }
    }

    fn unlock(&mut self, open: &Open) {
        self.locked.retain(|_, owner| *owner != open.owner);
    }

    fn put(&mut self, key: i64, value: i64) {
        let versions = self.keys.entry(key).or_default();
        versions.values.push(value);
        let length = versions.values.len();
        match versions.commits.last_mut() {
            Some((when, known)) if *when == self.now => *known = length,
            _ => versions.commits.push((self.now, length)),
        }
    }
}
