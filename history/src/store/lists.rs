//! All lists that were read, as a tree per key.
//!
//! Where an engine does what it should, the lists of a key are prefixes of each other, and its tree is
//! one branch, the longest list. A list that differs from it at some place begins a branch there. So
//! a list takes the memory of what it has that no earlier one had, and two lists are the same if their
//! [`Version`]s are.

use hashbrown::HashMap;
use rustc_hash::FxBuildHasher;

use super::{NONE, Writes};
use crate::atom::Atom;

/// A list: the first `length` elements along a branch. Lists of no elements are at branch [`NONE`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Version {
    pub branch: u32,
    pub length: u32,
}

impl Version {
    /// The list without elements.
    pub const EMPTY: Self = Self { branch: NONE, length: 0 };
}

#[derive(Debug)]
struct Branch {
    parent: u32,
    /// How many elements it has of its parents.
    fork: u32,
    key: u32,
    /// The elements after those, as long as reading goes on.
    values: Vec<Atom>,
    /// The same as numbers of writes, when all is read.
    writes: Vec<u32>,
}

/// The trees of all keys.
#[derive(Debug, Default)]
pub struct Lists {
    branches: Vec<Branch>,
    /// The first branch of each key.
    roots: Vec<u32>,
    /// Where a branch leaves another, and with which element.
    forks: HashMap<(u32, u32, Atom), u32, FxBuildHasher>,
    /// Of each branch: up to which length its lists are prefixes of its key's longest list.
    in_order: Vec<u32>,
    /// The longest list of each key, one after another.
    longest: Vec<u32>,
    /// Where the longest list of each key begins.
    begins: Vec<u32>,
}

impl Lists {
    /// The place of a list of `key` in its tree, which grows where it is new.
    pub fn insert(&mut self, key: u32, list: &[Atom]) -> Version {
        if list.is_empty() {
            return Version::EMPTY;
        }
        let length = list.len() as u32;
        if self.roots.len() <= key as usize {
            self.roots.resize(key as usize + 1, NONE);
        }
        let mut at = self.roots[key as usize];
        if at == NONE {
            let branch = self.grow(NONE, 0, key, list);
            self.roots[key as usize] = branch;
            return Version { branch, length };
        }
        loop {
            let branch = &mut self.branches[at as usize];
            let rest = &list[branch.fork as usize..];
            let same = common(&branch.values, rest);
            if same == rest.len() {
                return Version { branch: at, length };
            }
            // Nothing leaves a branch at its end, so that it can grow there.
            if same == branch.values.len() {
                branch.values.extend_from_slice(&rest[same..]);
                return Version { branch: at, length };
            }
            let fork = branch.fork + same as u32;
            let way = (at, fork, list[fork as usize]);
            match self.forks.get(&way) {
                Some(next) => at = *next,
                None => {
                    let branch = self.grow(at, fork, key, &list[fork as usize..]);
                    self.forks.insert(way, branch);
                    return Version { branch, length };
                }
            }
        }
    }

    fn grow(&mut self, parent: u32, fork: u32, key: u32, rest: &[Atom]) -> u32 {
        let values = rest.to_vec();
        self.branches.push(Branch { parent, fork, key, values, writes: Vec::new() });
        self.branches.len() as u32 - 1
    }

    /// Ends reading: elements become numbers of writes, and the longest list of each of `keys` keys
    /// its order of versions.
    pub fn seal(&mut self, keys: usize, writes: &mut Writes) {
        self.forks = HashMap::default();
        self.roots.resize(keys, NONE);
        let mut leaves: Vec<u32> = self.roots.clone();
        for at in 0..self.branches.len() {
            let branch = &mut self.branches[at];
            let key = branch.key;
            let values = std::mem::take(&mut branch.values);
            branch.writes = values.iter().map(|value| writes.number(key, *value)).collect();
            let leaf = &mut leaves[key as usize];
            if self.length(at as u32) > self.length(*leaf) {
                *leaf = at as u32;
            }
        }
        self.in_order = vec![0; self.branches.len()];
        for leaf in leaves {
            self.begins.push(self.longest.len() as u32);
            if leaf != NONE {
                self.put_in_order(leaf);
            }
        }
        self.begins.push(self.longest.len() as u32);
    }

    fn put_in_order(&mut self, leaf: u32) {
        let length = self.length(leaf);
        let (mut at, mut until) = (leaf, length);
        while at != NONE {
            self.in_order[at as usize] = until;
            let branch = &self.branches[at as usize];
            (at, until) = (branch.parent, branch.fork);
        }
        let mut list = Vec::with_capacity(length as usize);
        self.list_into(Version { branch: leaf, length }, &mut list);
        self.longest.append(&mut list);
    }

    fn length(&self, branch: u32) -> u32 {
        self.branches
            .get(branch as usize)
            .map_or(0, |it| it.fork + (it.values.len().max(it.writes.len())) as u32)
    }

    /// The longest list of a key: its versions in order.
    #[inline]
    pub fn order(&self, key: u32) -> &[u32] {
        let at = key as usize;
        &self.longest[self.begins[at] as usize..self.begins[at + 1] as usize]
    }

    /// Whether a list is a prefix of its key's longest.
    #[inline]
    pub fn is_in_order(&self, version: Version) -> bool {
        version.length == 0 || version.length <= self.in_order[version.branch as usize]
    }

    /// The element of a list at a place, from 0.
    #[inline]
    pub fn element(&self, version: Version, place: u32) -> u32 {
        let branch = &self.branches[self.holder(version.branch, place) as usize];
        branch.writes[(place - branch.fork) as usize]
    }

    /// The last element of a list.
    #[inline]
    pub fn last(&self, version: Version) -> Option<u32> {
        version.length.checked_sub(1).map(|place| self.element(version, place))
    }

    /// The branch that holds the element at a place along `branch`.
    #[inline]
    fn holder(&self, mut branch: u32, place: u32) -> u32 {
        while self.branches[branch as usize].fork > place {
            branch = self.branches[branch as usize].parent;
        }
        branch
    }

    /// The first `length` elements of a list, which has as many.
    #[inline]
    pub fn prefix(&self, version: Version, length: u32) -> Version {
        match length.checked_sub(1) {
            None => Version::EMPTY,
            Some(last) => Version { branch: self.holder(version.branch, last), length },
        }
    }

    /// Whether a list begins with another.
    #[inline]
    pub fn begins_with(&self, list: Version, other: Version) -> bool {
        other.length <= list.length && self.prefix(list, other.length) == other
    }

    /// Appends the elements of a list to `out`.
    pub fn list_into(&self, version: Version, out: &mut Vec<u32>) {
        let start = out.len();
        let (mut at, mut until) = (version.branch, version.length);
        while at != NONE && until > 0 {
            let branch = &self.branches[at as usize];
            out.extend(branch.writes[..(until - branch.fork) as usize].iter().rev());
            (at, until) = (branch.parent, branch.fork);
        }
        out[start..].reverse();
    }

    /// The elements of a list.
    pub fn list(&self, version: Version) -> Vec<u32> {
        let mut list = Vec::with_capacity(version.length as usize);
        self.list_into(version, &mut list);
        list
    }

    /// Every branch: its number, its key, how many elements it has of its parents, and its own.
    pub fn branches(&self) -> impl Iterator<Item = (u32, u32, u32, &[u32])> {
        self.branches.iter().zip(0..).map(|(it, at)| (at, it.key, it.fork, &it.writes[..]))
    }

    /// The branch that a branch leaves, or [`NONE`].
    pub fn parent(&self, branch: u32) -> u32 {
        self.branches[branch as usize].parent
    }
}

/// How many elements two lists have in common at their beginning.
#[inline]
fn common(one: &[Atom], other: &[Atom]) -> usize {
    let least = one.len().min(other.len());
    // Nearly always all of the shorter one, which is compared as bytes are.
    if one[..least] == other[..least] {
        return least;
    }
    one.iter().zip(other).take_while(|(one, other)| one == other).count()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn atoms(list: &[i64]) -> Vec<Atom> {
        list.iter().map(|value| Atom::number(*value).unwrap()).collect()
    }

    proptest! {
        #[test]
        fn lists_come_back_and_are_compared_by_their_places(
            lists in proptest::collection::vec((0_u32..3, proptest::collection::vec(0_i64..3, 0..7)), 1..30),
        ) {
            let (mut tree, mut writes) = (Lists::default(), Writes::default());
            let versions: Vec<Version> =
                lists.iter().map(|(key, list)| tree.insert(*key, &atoms(list))).collect();
            tree.seal(3, &mut writes);
            let back = |version: &Version| -> Vec<Atom> {
                tree.list(*version).iter().map(|write| writes.get(*write).value).collect()
            };
            for ((key, list), version) in lists.iter().zip(&versions) {
                prop_assert_eq!(back(version), atoms(list));
                for place in 0..list.len() {
                    let element = writes.get(tree.element(*version, place as u32));
                    prop_assert_eq!((element.key, element.value), (*key, atoms(list)[place]));
                }
                let longest = lists.iter().filter(|(other, _)| other == key).map(|(_, it)| it.len()).max();
                let order = tree.order(*key);
                prop_assert_eq!(Some(order.len()), longest);
                let order: Vec<Atom> = order.iter().map(|write| writes.get(*write).value).collect();
                prop_assert_eq!(tree.is_in_order(*version), order.starts_with(&atoms(list)));
                for ((other_key, other), other_version) in lists.iter().zip(&versions) {
                    if other_key == key {
                        prop_assert_eq!(version == other_version, list == other);
                        prop_assert_eq!(
                            tree.begins_with(*version, *other_version),
                            list.starts_with(other)
                        );
                    }
                }
            }
        }
    }
}
