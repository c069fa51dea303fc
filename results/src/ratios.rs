//! Ratios that suites take themselves, of what they measured in turns: what their rounds tell.

use std::collections::BTreeMap;

use crate::compare::{Against, against};
use crate::subject::Subject;

/// Ratios that each round measured, by the place of the case and its load; those of a benchmark are looked at together.
pub(crate) struct Ratios(BTreeMap<(usize, String), Against>);

impl Ratios {
    /// Those of a metric that is a ratio, of cases whose places are those of `subjects`.
    pub(crate) fn new(subjects: &[&Subject], metric: &str) -> Self {
        let mut found = BTreeMap::new();
        for (place, subject) in subjects.iter().enumerate() {
            for load in std::iter::once("").chain(subject.transactions()) {
                let measured = subject.values(metric, load);
                let against = measured.map(|ratios| Against::measured(&ratios));
                found.extend(against.map(|against| ((place, load.to_owned()), against)));
            }
        }
        for of_benchmark in families(subjects).into_values() {
            let its = found.iter_mut().filter(|((place, _), _)| of_benchmark.contains(place));
            against::correct_all(its.map(|(_, against)| against));
        }
        Self(found)
    }

    pub(crate) fn get(&self, place: usize, load: &str) -> Option<&Against> {
        self.0.get(&(place, load.to_owned()))
    }

    /// How to read them; the cases are those that they are of.
    pub(crate) fn legend(&self, subjects: &[&Subject]) -> Vec<String> {
        let families = families(subjects).into_iter().map(|(benchmark, places)| {
            let its = self.0.iter().filter(|((place, _), _)| places.contains(place));
            (benchmark, its.map(|(_, against)| against).collect())
        });
        against::legend(families)
    }
}

/// The places of the cases of each benchmark.
fn families<'s>(subjects: &[&'s Subject]) -> BTreeMap<&'s str, Vec<usize>> {
    let mut families: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (place, subject) in subjects.iter().enumerate() {
        families.entry(&subject.case.benchmark).or_default().push(place);
    }
    families
}
