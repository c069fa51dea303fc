//! Circles of dependencies: which classes there are, and the search for examples of each.

mod apart;
mod search;
mod shorten;
mod spec;
#[cfg(test)]
mod tests;

use hashbrown::{HashMap, HashSet};

use crate::class::AnomalyClass;
use crate::graph::{Graph, Kinds};
use crate::scc::{components, in_circles};

use search::Precedes;
use spec::SPECS;

/// A circle: each step leads from its transaction to the next step's, the last to the first's.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Circle {
    pub steps: Vec<CircleStep>,
}

/// A step of a circle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CircleStep {
    pub transaction: u32,
    pub kind: Kinds,
    /// The operation that shows the dependency, or `NONE`.
    pub operation: u32,
}

/// The circles of a graph, by class.
#[derive(Debug, Default)]
pub struct Circles {
    /// How many different ones were looked at, and the smallest of them.
    pub found: HashMap<AnomalyClass, (u64, Vec<Circle>)>,
    /// Classes for which the search was given up with none found.
    pub given_up: Vec<AnomalyClass>,
}

/// How much is looked for, of each class.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Circles that are kept.
    pub examples: usize,
    /// Steps that the search may take.
    pub steps: u64,
}

/// Different circles of a class that are enough.
const ENOUGH: usize = 16;

/// Looks for circles of each class in which only `kinds` occur.
///
/// `precedes` says whether a transaction had ended before another began. A class with an order of sessions or time is looked for only where the data alone do not show it.
pub fn circles(graph: &Graph, kinds: Kinds, precedes: &Precedes<'_>, limits: Limits) -> Circles {
    let mut circles = Circles::default();
    let component = components(graph, kinds);
    let members = in_circles(graph, &component);
    if members.is_empty() {
        return circles;
    }
    let (part, names) =
        graph.part(&members, |one, other| component[one as usize] == component[other as usize]);
    drop(component);
    let precedes = |one: u32, other: u32| precedes(names[one as usize], names[other as usize]);
    for spec in SPECS {
        let is_there = spec.implied_by().iter().any(|class| circles.found.contains_key(class));
        if is_there || spec.extra.kinds() & !kinds != 0 {
            continue;
        }
        let outcome =
            search::search(&part, spec, &precedes, limits.steps, ENOUGH.max(limits.examples));
        let mut different: HashSet<Vec<u32>> = HashSet::default();
        let mut found: Vec<Circle> = outcome
            .circles
            .into_iter()
            .map(|circle| circle.renamed(&names))
            .filter(|circle| different.insert(circle.members()))
            .collect();
        found.sort_by_key(|circle| circle.steps.len());
        if found.is_empty() {
            if outcome.gave_up {
                circles.given_up.push(spec.class);
            }
            continue;
        }
        let count = found.len() as u64;
        found.truncate(limits.examples);
        circles.found.insert(spec.class, (count, found));
    }
    circles
}

impl Circle {
    /// The same circle with the nodes' old numbers, beginning at the lowest.
    fn renamed(mut self, names: &[u32]) -> Self {
        for step in &mut self.steps {
            step.transaction = names[step.transaction as usize];
        }
        let lowest = self.steps.iter().enumerate().min_by_key(|(_, step)| step.transaction);
        let at = lowest.map_or(0, |(at, _)| at);
        self.steps.rotate_left(at);
        self
    }

    fn members(&self) -> Vec<u32> {
        self.steps.iter().map(|step| step.transaction).collect()
    }
}
