//! What a metric was in another run.

use std::collections::BTreeMap;
use std::path::Path;

use dbdyno_core::{Error, Result, Status};
use dbdyno_monitor::{Baseline, Metric, comparable_name};
use dbdyno_results::metric::middle;
use dbdyno_results::{Loaded, Record, load, machine, shortfalls};

use crate::output::note;

/// The values of a repetition, by metric.
type Rows<'a> = BTreeMap<&'a str, f64>;

/// The values of a load's metric, the median of the repetitions of each case.
///
/// # Errors
/// The run cannot be read or ends before its time, was measured on another machine while `across_machines` is false,
/// or has no case in which the metric was measured.
pub(super) fn of_run(path: &Path, metric: &Metric, across_machines: bool) -> Result<Baseline> {
    let loaded = load(&[path])?;
    check(path, &loaded, across_machines)?;
    let mut repetitions: BTreeMap<(String, String), BTreeMap<u32, Rows<'_>>> = BTreeMap::new();
    let whole = |record: &&Record| record.status == Status::Ok && record.transaction.is_empty();
    for record in loaded.records.iter().filter(whole) {
        let Some(value) = record.value else { continue };
        let key = (record.case.target.clone(), comparable_name(&record.case));
        let of_case = repetitions.entry(key).or_default();
        of_case.entry(record.case.repetition).or_default().insert(&record.metric, value);
    }
    let values = repetitions.into_iter().filter_map(|(key, repetitions)| {
        let each: Vec<f64> =
            repetitions.values().filter_map(|rows| value(metric.info.name, rows)).collect();
        Some((key, middle(metric.info.name, &each)?))
    });
    let baseline: Baseline = values.collect();
    if baseline.is_empty() {
        let doing = format!("take {} as a baseline", path.display());
        return Err(Error::new(doing, format!("it has no case with {metric}")));
    }
    Ok(baseline)
}

/// Sees that a run is whole and of this machine; what is less than that is told.
fn check(path: &Path, loaded: &Loaded, across_machines: bool) -> Result<()> {
    let refused = |why: String| {
        let doing = format!("take {} as a baseline", path.display());
        Err(Error::new(doing, why))
    };
    if let Some(told) = loaded.cut_off.first() {
        return refused(format!("{told}: what is missing could be what it is asked for"));
    }
    let mut notes = loaded.warnings.clone();
    for file in &loaded.files {
        let Some(run) = &file.run else {
            notes.push("there is no run.toml: its machine is not known".to_owned());
            continue;
        };
        let differences = run.machine.differences(&machine());
        if !differences.is_empty() {
            let told = format!("it was measured on another machine ({})", differences.join(", "));
            if !across_machines {
                return refused(format!(
                    "{told}: say `across_machines = true` in the rule if you know what that means"
                ));
            }
            notes.push(told);
        }
    }
    notes.extend(shortfalls(loaded).told().cloned());
    for told in notes {
        note(&format!("warning: the baseline {}: {told}", path.display()));
    }
    Ok(())
}

/// The metric of a repetition, from its rows.
fn value(metric: &str, rows: &Rows<'_>) -> Option<f64> {
    let row = |name: &str| rows.get(name).copied();
    match metric {
        "throughput" => row("throughput"),
        "retries" => Some(row("retries")? / row("measured_s")?),
        "errors" => {
            let errors = row("errors")?;
            let all = errors + row("transactions")? + row("rollbacks")?;
            (all > 0.0).then_some(errors / all)
        }
        _ => row(&format!("latency_{metric}_us")).map(|us| us / 1e6),
    }
}

#[cfg(test)]
mod tests {
    use dbdyno_core::{Better, Measurement, Recorder as _};
    use dbdyno_results::{RunFolder, RunInfo};

    use super::super::known_metrics;
    use super::*;
    use crate::made_up::case;

    #[test]
    fn a_percentile_of_a_baseline_is_one_that_was_measured() {
        let root = tempfile::tempdir().unwrap();
        let folder = RunFolder::create(root.path(), "before").unwrap();
        folder.write_run_toml(&RunInfo::default()).unwrap();
        for (repetition, value) in [(1, 4_000.0), (2, 1_000.0), (3, 3_000.0), (4, 2_000.0)] {
            let row = |name: &str, unit| Measurement::new(name, value, unit, Better::Neither);
            let rows = [row("latency_p99_us", "us"), row("throughput", "1/s")];
            folder.measurements(&case(repetition), &rows).unwrap();
        }
        let of = |name: &str| {
            let all = known_metrics();
            let metric = all.iter().find(|metric| metric.to_string() == name).unwrap();
            let baseline = of_run(&root.path().join("before"), metric, false).unwrap();
            baseline.values().copied().collect::<Vec<f64>>()
        };
        assert_eq!(of("load.p99"), [0.002]);
        // Of other numbers the mean of the two in the middle.
        assert_eq!(of("load.throughput"), [2_500.0]);
    }
}
