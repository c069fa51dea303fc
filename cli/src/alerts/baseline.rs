//! What a metric was in another run.

use std::collections::BTreeMap;
use std::path::Path;

use dbdyno_core::{Error, Result, Status};
use dbdyno_monitor::{Baseline, Metric, comparable_name};
use dbdyno_results::metric::middle;
use dbdyno_results::{Record, load};

/// The values of a repetition, by metric.
type Rows<'a> = BTreeMap<&'a str, f64>;

/// The values of a load's metric, the median of the repetitions of each case.
///
/// # Errors
/// The run cannot be read, or has no case in which the metric was measured.
pub(super) fn of_run(path: &Path, metric: &Metric) -> Result<Baseline> {
    let loaded = load(&[path])?;
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
