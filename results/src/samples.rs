//! The rows of `metrics.csv`: what engines, processes and the machine told of themselves.

use dbdyno_core::Sample;

use crate::time;

/// The columns in the order in which they are written.
pub(crate) const COLUMNS: [&str; 10] =
    ["run_id", "at", "source", "target", "metric", "of", "kind", "value", "per_second", "unit"];

/// The fields of a sample in that order.
pub(crate) fn fields(run_id: &str, sample: &Sample) -> [String; COLUMNS.len()] {
    let (reading, metric) = (&sample.reading, sample.reading.metric);
    [
        run_id.to_owned(),
        time::rfc3339(sample.at),
        sample.source.name().to_owned(),
        sample.target.clone(),
        metric.name.to_owned(),
        reading.of.clone(),
        metric.kind.name().to_owned(),
        reading.value.to_string(),
        sample.per_second.map(|rate| rate.to_string()).unwrap_or_default(),
        metric.unit.to_owned(),
    ]
}
