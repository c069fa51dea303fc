//! The numbers of a history: one of each run for each metric of each case.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use dbdyno_core::{Better, Case};

use super::entry::Entry;
use crate::dimension::{Level, Plan};
use crate::metric::middle;
use crate::record::Record;
use crate::repetition::{CaseKey, Repetition, Sample, case_key, loads_with, repetitions};

/// A metric of a case, run by run.
pub(crate) struct Series<'r> {
    /// Its case, as the first row has it.
    pub(crate) of: &'r Case,
    pub(crate) benchmark: String,
    /// What tells its case from others of the benchmark.
    pub(crate) case: String,
    /// The load of the case; empty for the case as a whole.
    pub(crate) load: &'r str,
    pub(crate) metric: String,
    pub(crate) unit: String,
    pub(crate) better: Better,
    /// The place of the run among the entries, and the median of its repetitions ([`middle`]); only of runs that have
    /// the metric.
    pub(crate) points: Vec<(usize, f64)>,
}

impl Series<'_> {
    pub(crate) fn values(&self) -> Vec<f64> {
        self.points.iter().map(|(_, value)| *value).collect()
    }

    /// As a sentence names it.
    pub(crate) fn title(&self) -> String {
        format!("{} {}", self.subject(), self.metric)
    }

    /// The benchmark, the case and the load.
    pub(crate) fn subject(&self) -> String {
        let case = format!("{} {}", self.benchmark, self.case).trim_end().to_owned();
        if self.load.is_empty() { case } else { format!("{case}, {}", self.load) }
    }
}

/// All series of a history, sorted by benchmark, conditions and metric, and what all their cases share.
pub(crate) struct Numbers<'r> {
    pub(crate) series: Vec<Series<'r>>,
    pub(crate) constants: Vec<String>,
}

/// Takes the numbers of these metrics from the rows of the entries, of which each is in one part.
pub(crate) fn gather<'r>(
    entries: &[Entry],
    records: &[&'r [Record]],
    wanted: &[String],
) -> Numbers<'r> {
    let places: HashMap<&str, usize> =
        entries.iter().enumerate().map(|(place, entry)| (entry.run_id.as_str(), place)).collect();
    let mut by_case: HashMap<CaseKey<'_>, Vec<Repetition<'_>>> = HashMap::new();
    for repetition in records.iter().flat_map(|part| repetitions(part)) {
        if let Some(case) = repetition.case() {
            by_case.entry(case_key(case)).or_default().push(repetition);
        }
    }
    let cases: Vec<&Case> =
        by_case.values().filter_map(|all| all.first().and_then(Repetition::case)).collect();
    let plan = Plan::of_rows(&cases);
    let sorted: BTreeMap<(String, Vec<Level>), Vec<Repetition<'_>>> = by_case
        .into_values()
        .filter_map(|all| {
            let case = all.first()?.case()?;
            Some(((format!("{}/{}", case.suite, case.benchmark), plan.row_levels(case)), all))
        })
        .collect();
    let mut series = Vec::new();
    for ((benchmark, levels), all) in &sorted {
        let Some(case) = all.first().and_then(Repetition::case) else { continue };
        let subjects = wanted
            .iter()
            .enumerate()
            .flat_map(|(rank, metric)| {
                loads_with(all.iter(), metric).into_iter().map(move |load| (load, rank, metric))
            })
            .collect::<BTreeSet<_>>();
        for (load, _, metric) in subjects {
            let Some(row) = all.iter().find_map(|repetition| repetition.row(load, metric)) else {
                continue;
            };
            series.push(Series {
                of: case,
                benchmark: benchmark.clone(),
                case: plan.case_name(levels),
                load,
                metric: metric.clone(),
                unit: row.unit.to_string(),
                better: row.better,
                points: points(&places, all, load, metric),
            });
        }
    }
    Numbers { series, constants: plan.captions() }
}

/// The median of each run's repetitions ([`middle`]).
fn points(
    places: &HashMap<&str, usize>,
    repetitions: &[Repetition<'_>],
    load: &str,
    metric: &str,
) -> Vec<(usize, f64)> {
    let mut runs: BTreeMap<usize, Vec<f64>> = BTreeMap::new();
    for repetition in repetitions {
        let place = repetition.all().next().and_then(|row| places.get(&*row.run_id));
        if let (Some(place), Sample::Value(value)) = (place, repetition.sample(load, metric)) {
            runs.entry(*place).or_default().push(value);
        }
    }
    runs.into_iter().filter_map(|(place, all)| Some((place, middle(metric, &all)?))).collect()
}
