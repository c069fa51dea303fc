//! The cases of both sides next to each other, and the numbers of each metric.

use std::collections::{BTreeMap, BTreeSet};

use dbdyno_core::{Better, Case, Error, Result};
use hashbrown::HashMap;

use super::gaps::{Lacking, at_limit, lacking};
use super::input::Sides;
use super::judge::{Pair, Wanted};
use super::{Finding, Placed, RegressOptions, Verdict};
use crate::dimension::Plan;
use crate::metric::middle;
use crate::repetition::{CaseKey, Repetition, Sample, case_key, loads_with, repetitions};

/// A case that both sides have.
pub(super) struct Matched<'r> {
    /// Its place among the cases.
    pub(super) place: usize,
    /// As the first repetition has it.
    pub(super) case: &'r Case,
    pub(super) benchmark: String,
    /// What tells it from others of the benchmark.
    pub(super) name: String,
    pub(super) before: Vec<Repetition<'r>>,
    pub(super) after: Vec<Repetition<'r>>,
}

impl Matched<'_> {
    /// Something that was found out of the case; `rank` says where it stands among others.
    pub(super) fn finding(
        &self,
        rank: usize,
        metric: &str,
        verdict: Verdict,
        why: String,
    ) -> Placed {
        let finding = Finding {
            benchmark: self.benchmark.clone(),
            case: self.name.clone(),
            load: String::new(),
            metric: metric.to_owned(),
            verdict,
            why,
            numbers: None,
            since: None,
        };
        (self.place, rank, finding)
    }

    /// As a sentence names it.
    pub(super) fn title(&self) -> String {
        title(&self.benchmark, &self.name)
    }
}

/// As a sentence names a case, or a load of one.
pub(super) fn title(benchmark: &str, name: &str) -> String {
    format!("{benchmark} {name}").trim_end().to_owned()
}

/// Both sides, case by case.
pub(super) struct Gathered<'r> {
    /// Sorted by benchmark, then by conditions.
    pub(super) cases: Vec<Matched<'r>>,
    pub(super) constants: Vec<String>,
    pub(super) only_before: Vec<String>,
    /// Those of `only_before`, each with the runs that have it.
    pub(super) lost: Vec<(String, BTreeSet<&'r str>)>,
    pub(super) only_after: Vec<String>,
}

/// The repetitions of each case, on each side.
type BothSides<'r> = HashMap<CaseKey<'r>, [Vec<Repetition<'r>>; 2]>;

/// Puts the cases of both sides next to each other.
///
/// # Errors
/// They have none in common.
pub(super) fn gather(sides: &Sides) -> Result<Gathered<'_>> {
    let mut found: BothSides<'_> = HashMap::new();
    for (side, loaded) in [&sides.before, &sides.after].into_iter().enumerate() {
        for repetition in repetitions(&loaded.records) {
            if let Some(case) = repetition.case() {
                found.entry(case_key(case)).or_default()[side].push(repetition);
            }
        }
    }
    let cases: Vec<&Case> = found
        .values()
        .filter_map(|sides| sides.iter().flatten().find_map(Repetition::case))
        .collect();
    let plan = Plan::of_rows(&cases);
    let mut sorted = BTreeMap::new();
    for sides in found.into_values() {
        if let Some(case) = sides.iter().flatten().find_map(Repetition::case) {
            let benchmark = format!("{}/{}", case.suite, case.benchmark);
            sorted.insert((benchmark, plan.row_levels(case)), (case, sides));
        }
    }
    let mut gathered = Gathered {
        cases: Vec::new(),
        constants: plan.captions(),
        only_before: Vec::new(),
        lost: Vec::new(),
        only_after: Vec::new(),
    };
    for ((benchmark, levels), (case, [before, after])) in sorted {
        let name = plan.case_name(&levels);
        match (before.is_empty(), after.is_empty()) {
            (false, true) => {
                let title = title(&benchmark, &name);
                let runs = before.iter().map(Repetition::run_id).collect();
                gathered.only_before.push(title.clone());
                gathered.lost.push((title, runs));
            }
            (true, _) => gathered.only_after.push(title(&benchmark, &name)),
            (false, false) => {
                let place = gathered.cases.len();
                gathered.cases.push(Matched { place, case, benchmark, name, before, after });
            }
        }
    }
    if gathered.cases.is_empty() {
        return Err(nothing_in_common(&gathered));
    }
    Ok(gathered)
}

fn nothing_in_common(gathered: &Gathered<'_>) -> Error {
    let some = |cases: &[String]| {
        let shown = cases.iter().take(3).map(String::as_str).collect::<Vec<_>>().join(", ");
        let more = if cases.len() > 3 { ", …" } else { "" };
        format!("{shown}{more}")
    };
    let why = format!(
        "there is no case in common: the baseline has {}; the current run has {}",
        some(&gathered.only_before),
        some(&gathered.only_after)
    );
    Error::new("compare with the baseline", why)
        .next("give runs of the same benchmarks on the same targets under the same conditions")
}

impl Gathered<'_> {
    /// Versions of engines and seeds that differ between the sides.
    pub(super) fn versions(&self) -> Vec<String> {
        let mut versions: BTreeMap<&str, [BTreeSet<&str>; 2]> = BTreeMap::new();
        let mut seeds: [BTreeSet<u64>; 2] = Default::default();
        for matched in &self.cases {
            for (side, of) in [&matched.before, &matched.after].into_iter().enumerate() {
                for case in of.iter().filter_map(Repetition::case) {
                    versions.entry(&case.target).or_default()[side].insert(&case.engine_version);
                    seeds[side].insert(case.seed);
                }
            }
        }
        let join = |texts: &BTreeSet<&str>| texts.iter().copied().collect::<Vec<_>>().join(" or ");
        let changed = versions.iter().filter(|(_, [before, after])| before != after);
        let mut notes: Vec<String> = changed
            .map(|(target, [before, after])| {
                format!("{target}: version {} -> {}", join(before), join(after))
            })
            .collect();
        if seeds[0] != seeds[1] {
            let join = |seeds: &BTreeSet<u64>| {
                seeds.iter().map(u64::to_string).collect::<Vec<_>>().join(" or ")
            };
            let (before, after) = (join(&seeds[0]), join(&seeds[1]));
            notes.push(format!("the seeds differ ({before} -> {after}), so the inputs do"));
        }
        notes
    }
}

/// Takes the numbers of a metric from both sides of a case, load by load; where one has none, says so.
pub(super) fn compare(
    matched: &Matched<'_>,
    (rank, metric): (usize, &str),
    options: &RegressOptions,
    pairs: &mut Vec<Pair>,
    findings: &mut Vec<Placed>,
    notes: &mut Vec<String>,
) {
    for load in loads_with(matched.before.iter().chain(&matched.after), metric) {
        let before = numbers(&matched.before, load, metric);
        let after: Vec<f64> =
            numbers(&matched.after, load, metric).into_iter().map(|(_, value)| value).collect();
        let title = || title(&matched.title(), load);
        let open = |why: String| {
            let (place, rank, finding) = matched.finding(rank, metric, Verdict::CouldNotTell, why);
            (place, rank, Finding { load: load.to_owned(), ..finding })
        };
        let (old, new): (Vec<_>, Vec<_>) =
            (matched.before.iter().collect(), matched.after.iter().collect());
        match (before.is_empty(), after.is_empty(), at_limit(&old, &new, load, metric)) {
            (true, true, _) => {}
            (true, false, _) => notes.push(format!(
                "{metric} of {} is new: the baseline has nothing to hold it against",
                title()
            )),
            (false, true, _) => {
                findings.push(open("the baseline has it, the current run does not".to_owned()));
            }
            (false, false, Some(why)) => findings.push(open(why)),
            (false, false, None) => {
                let lacking = match lacking(matched, load, metric) {
                    Some(Lacking::Alike(told)) => {
                        notes.push(format!("{metric} of {}: {told}", title()));
                        None
                    }
                    Some(Lacking::More(why)) => Some(why),
                    None => None,
                };
                let row = matched.after.iter().find_map(|repetition| repetition.row(load, metric));
                let (unit, better) = row.map_or((String::new(), Better::Lower), |row| {
                    (row.unit.to_string(), row.better)
                });
                let (place, rank, finding) = open(String::new());
                pairs.push(Pair {
                    place,
                    rank,
                    finding,
                    unit,
                    better,
                    min_effect: options.thresholds.of(metric),
                    runs: medians_of_runs(metric, &before),
                    before: before.into_iter().map(|(_, value)| value).collect(),
                    after,
                    lacking,
                    wanted: Wanted::Change,
                });
            }
        }
    }
}

/// The numbers of a metric, each with its run.
fn numbers<'r>(repetitions: &[Repetition<'r>], load: &str, metric: &str) -> Vec<(&'r str, f64)> {
    let values =
        repetitions.iter().filter_map(|repetition| match repetition.sample(load, metric) {
            Sample::Value(value) => Some((repetition.run_id(), value)),
            Sample::Missing | Sample::Status(..) => None,
        });
    values.collect()
}

/// The median of each run ([`middle`]).
pub(super) fn medians_of_runs(metric: &str, numbers: &[(&str, f64)]) -> Vec<f64> {
    let mut runs: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    for (run, value) in numbers {
        runs.entry(run).or_default().push(*value);
    }
    runs.values().filter_map(|values| middle(metric, values)).collect()
}
