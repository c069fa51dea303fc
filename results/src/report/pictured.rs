//! Whose loads the pictures of a report show.

use std::collections::{BTreeMap, HashSet};

use dbdyno_core::Case;

use super::summary::Headline;
use crate::dimension::Plan;
use crate::record::Record;
use crate::repetition::{case_key, distinct_cases};

/// Of a benchmark that one target ran so many cases are shown at the most.
const MOST_CASES: usize = 24;

/// Cases of a benchmark that are drawn side by side.
pub(super) struct Pictured {
    /// The benchmark, with what tells the cases from others of it that are drawn, too.
    pub(super) subject: String,
    /// The cases.
    pub(super) cases: Vec<PicturedCase>,
    /// How many more there are.
    pub(super) left_out: usize,
    /// Whether each load of a case has a picture, where there are several: with only one target's curve in each there would be
    /// many that show little.
    pub(super) has_parts: bool,
}

/// A case, as its first repetition has it.
pub(super) struct PicturedCase {
    /// What its curves are called.
    pub(super) name: String,
    pub(super) case: Case,
}

/// Of benchmarks that several targets ran the cases that the summary tells of; of others the first ones.
pub(super) fn pictured(records: &[Record], headlines: &[Headline]) -> Vec<Pictured> {
    let of_headline = |headline: &Headline| {
        let cases = headline.cases.iter();
        let cases =
            cases.map(|case| PicturedCase { name: case.target.clone(), case: case.clone() });
        let (subject, cases) = (headline.subject.clone(), cases.collect());
        Pictured { subject, cases, left_out: 0, has_parts: true }
    };
    let mut by_benchmark: BTreeMap<String, Vec<&Case>> = BTreeMap::new();
    for case in distinct_cases(records) {
        by_benchmark.entry(format!("{}/{}", case.suite, case.benchmark)).or_default().push(case);
    }
    let alone = by_benchmark
        .into_iter()
        .filter(|(_, cases)| cases.windows(2).all(|two| two[0].target == two[1].target));
    headlines.iter().map(of_headline).chain(alone.map(of_one_target)).collect()
}

/// The cases of a benchmark on one target, called by what tells them apart.
fn of_one_target((subject, cases): (String, Vec<&Case>)) -> Pictured {
    let plan = Plan::of_rows(&cases);
    let mut seen = HashSet::new();
    let mut found: Vec<PicturedCase> = Vec::new();
    let mut left_out = 0;
    // The response times of versions and seeds are taken together.
    for case in cases.into_iter().filter(|case| seen.insert(case_key(case))) {
        if found.len() == MOST_CASES {
            left_out += 1;
            continue;
        }
        let mut name = match plan.case_name(&plan.row_levels(case)) {
            none if none.is_empty() => case.target.clone(),
            name => name,
        };
        // Rates are rounded.
        let alike = found.iter().filter(|known| known.name == name).count();
        if alike > 0 {
            name += &format!(" ({})", alike + 1);
        }
        found.push(PicturedCase { name, case: case.clone() });
    }
    Pictured { subject, cases: found, left_out, has_parts: false }
}
