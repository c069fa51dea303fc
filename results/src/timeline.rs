//! The rows of `timeline.csv`: a row a second for each transaction type, and one for all together.

use std::time::{Duration, SystemTime};

use dbdyno_core::measurement::Second;
use dbdyno_core::{Case, Error, Result};
use hdrhistogram::Histogram;

use crate::record::{ADDED_CASE_COLUMNS, CASE_COLUMNS, added_case_fields, case_fields};
use crate::time;

/// The percentiles of a second, by column.
const QUANTILES: [(&str, f64); 4] = [
    ("latency_p50_us", 0.5),
    ("latency_p95_us", 0.95),
    ("latency_p99_us", 0.99),
    ("latency_p999_us", 0.999),
];

/// The columns in the order in which they are written.
pub(crate) fn columns() -> Vec<&'static str> {
    let mut columns = vec!["run_id"];
    columns.extend(CASE_COLUMNS);
    columns.extend([
        "second",
        "phase",
        "transaction",
        "completed",
        "errors",
        "retries",
        "throughput",
    ]);
    columns.extend(QUANTILES.map(|(column, _)| column));
    columns.push("latency_max_us");
    columns.extend(ADDED_CASE_COLUMNS);
    columns.push("at");
    columns
}

/// The word for a second's phase.
pub(crate) const fn phase(second: &Second) -> &'static str {
    if second.warmup { "warmup" } else { "measure" }
}

/// The rows of `seconds`: for each second that occurs in it one row per transaction type, and
/// before them one with an empty transaction for all types. `began` is when the load began.
pub(crate) fn rows(
    run_id: &str,
    case: &Case,
    began: SystemTime,
    seconds: &[Second],
) -> Result<Vec<Vec<String>>> {
    let mut rows = Vec::new();
    for types in seconds.chunk_by(|a, b| (a.second, a.warmup) == (b.second, b.warmup)) {
        rows.extend(all_types(types)?.iter().chain(types).map(|second| {
            let mut fields = vec![run_id.to_owned()];
            fields.extend(case_fields(case));
            fields.extend(second_fields(second));
            fields.extend(added_case_fields(case));
            fields.push(time::rfc3339(began + Duration::from_secs(second.second)));
            fields
        }));
    }
    Ok(rows)
}

/// The transaction types of one second taken together. Histograms are merged: percentiles of
/// parts say nothing about the percentile of the whole.
fn all_types(types: &[Second]) -> Result<Option<Second>> {
    let Some(first) = types.first() else { return Ok(None) };
    let mut response_ns = Histogram::new_from(&first.response_ns);
    response_ns.auto(true);
    for part in types {
        response_ns.add(&part.response_ns).map_err(|error| {
            let doing = format!("merge the latencies of second {}", part.second);
            Error::new(doing, format!("{error:?}"))
        })?;
    }
    Ok(Some(Second {
        second: first.second,
        warmup: first.warmup,
        transaction: "".into(),
        completed: types.iter().map(|part| part.completed).sum(),
        errors: types.iter().map(|part| part.errors).sum(),
        retries: types.iter().map(|part| part.retries).sum(),
        response_ns,
    }))
}

fn second_fields(second: &Second) -> Vec<String> {
    let mut fields = vec![
        second.second.to_string(),
        phase(second).to_owned(),
        second.transaction.to_string(),
        second.completed.to_string(),
        second.errors.to_string(),
        second.retries.to_string(),
        // Completed per second, of which there is one.
        second.completed.to_string(),
    ];
    let latencies = &second.response_ns;
    let micros = |ns: u64| match latencies.is_empty() {
        true => String::new(),
        false => (ns as f64 / 1e3).to_string(),
    };
    fields.extend(QUANTILES.map(|(_, quantile)| micros(latencies.value_at_quantile(quantile))));
    fields.push(micros(latencies.max()));
    fields
}
