//! Ratios that suites take themselves, of what they measured in turns: what their rounds tell.

use std::collections::BTreeMap;

use crate::compare::against::{self, Against, Family};
use crate::subject::Subject;

/// Ratios that each round measured, by the place of the case and its load; those of a benchmark are looked at together.
pub(crate) struct Ratios(BTreeMap<(usize, String), Against>);

impl Ratios {
    /// Those of a metric that is a ratio, of cases whose places are those of `subjects`. A round that measured what
    /// `whole` names of a load, metric and transaction, and took no ratio had nothing to take it to: that of the other
    /// rounds would be of a choice of them.
    pub(crate) fn new(
        subjects: &[&Subject],
        metric: &str,
        whole: impl Fn(&str) -> (&'static str, String),
    ) -> Self {
        let mut found = BTreeMap::new();
        for (place, subject) in subjects.iter().enumerate() {
            for load in std::iter::once("").chain(subject.transactions()) {
                let Some(ratios) = subject.values(metric, load) else { continue };
                let (metric, transaction) = whole(load);
                let rounds = subject.rounds(metric, &transaction).map_or(0, BTreeMap::len);
                let against = match rounds.checked_sub(ratios.len()) {
                    None | Some(0) => Against::measured(&ratios),
                    Some(less) => {
                        let note =
                            format!("no ratio, for in {less} of {rounds} rounds there was none");
                        Against::none(note)
                    }
                };
                found.insert((place, load.to_owned()), against);
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
        let families = families(subjects).into_iter().map(|(name, places)| {
            let its = self.0.iter().filter(|((place, _), _)| places.contains(place));
            let named = its.map(|((place, load), against)| {
                (
                    format!("{name} on {} {load}", subjects[*place].label).trim_end().to_owned(),
                    against,
                )
            });
            Family { name, ratios: named.collect() }
        });
        against::legend(&families.collect::<Vec<_>>())
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
