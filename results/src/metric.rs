//! The names of metrics: what a user may type, and what a table calls them.

use dbdyno_core::{Error, Result};

use crate::statistics::{lower_median, median};

/// What is compared when nothing else is asked for.
pub const DEFAULT_METRICS: [&str; 4] =
    ["throughput", "latency_p50_us", "latency_p95_us", "latency_p99_us"];

/// How many commits were acknowledged and then lost in a crash or a failover.
pub(crate) const LOST_COMMITS: &str = "lost_commits";

/// What suites measure beside throughput and latencies and people look at first: what was lost or went wrong, times to
/// come back, to restore and to catch up, how stale a replica is, what an index or a trigger costs. Regressions of them
/// are told; the first that a case as a whole has says in a report which target is best, so that those come first.
pub(crate) const HEADLINES: [&str; 21] = [
    LOST_COMMITS,
    "anomalies_possible",
    "recovery_time_p50_ms",
    "queries_beside_transactions_per_h",
    "derived_composite_per_h",
    "backup_s",
    "burst_recovery_ms",
    "catch_up_ms",
    "commit_p50_us",
    "commit_p99_us",
    "failover_rto_ms",
    "idle_closed_after_ms",
    "index_build_ms",
    "index_size_bytes",
    "leak_reported_ms",
    "not_caught_up",
    "pool_recovery_ms",
    "restore_ready_s",
    "row_us",
    "visible_p50_us",
    "visible_p99_us",
];

/// How many names a message suggests at most.
const SUGGESTIONS: usize = 3;

/// The metric that `asked` means, out of those that were measured: its name, or the middle of a
/// latency's (`p99` is `latency_p99_us`).
pub(crate) fn find(asked: &str, measured: &[String]) -> Result<String> {
    let found = measured.iter().find(|name| is_asked(asked, name));
    found.cloned().ok_or_else(|| {
        let why = "it was not measured in these runs";
        Error::new(format!("compare the metric `{asked}`"), why)
            .next(format!("give {}", nearest(asked, measured)))
    })
}

/// Whether a metric is the one that somebody asked for.
pub(crate) fn is_asked(asked: &str, name: &str) -> bool {
    let middle = name.strip_prefix("latency_").and_then(|name| name.strip_suffix("_us"));
    name == asked || middle == Some(asked)
}

/// The names most like `asked`, or all of them where none is like it.
fn nearest(asked: &str, measured: &[String]) -> String {
    let short = |name: &str| {
        name.strip_prefix("latency_").and_then(|name| name.strip_suffix("_us")).map(str::to_owned)
    };
    let alike = |name: &String| {
        let whole = strsim::jaro_winkler(asked, name);
        let part = short(name).map_or(0.0, |short| strsim::jaro_winkler(asked, &short));
        f64::max(whole, part)
    };
    let mut ranked: Vec<_> = measured.iter().map(|name| (alike(name), name)).collect();
    ranked.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(b.1)));
    let close: Vec<_> =
        ranked.iter().filter(|(alike, _)| *alike > 0.75).take(SUGGESTIONS).collect();
    let names = if close.is_empty() { ranked.iter().collect() } else { close };
    let quoted: Vec<_> = names.iter().map(|(_, name)| format!("`{name}`")).collect();
    quoted.join(" or ")
}

/// Whether a number of it is a percentile, or a maximum: `latency_p99_us`, `acquire_burst_p95_us`.
fn is_percentile(name: &str) -> bool {
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    name.split('_').any(|part| part == "max" || part.strip_prefix('p').is_some_and(digits))
}

/// The median of a metric over repetitions; of percentiles one that was measured, for the mean of two is none.
pub fn middle(name: &str, values: &[f64]) -> Option<f64> {
    if is_percentile(name) { lower_median(values) } else { median(values) }
}

/// A metric as a table's line is headed, with the unit that its numbers are shown in, and what
/// they are divided by. Latencies turn from microseconds into milliseconds where the largest of
/// the line is 10 ms or more.
pub(crate) fn display(name: &str, unit: &str, largest: f64) -> (String, f64) {
    let latency = name.strip_suffix("_us").and_then(|name| {
        let of = |prefix: &str| name.strip_prefix(prefix).map(percentile_name);
        of("latency_").or_else(|| of("service_").map(|part| format!("service {part}")))
    });
    match latency {
        Some(label) if largest >= 10_000.0 => (format!("{label} ms"), 1_000.0),
        Some(label) => (format!("{label} us"), 1.0),
        None if name == "throughput" => ("tx/s".to_owned(), 1.0),
        None if ["", "1"].contains(&unit) || name.ends_with(unit) => (name.to_owned(), 1.0),
        None if name.ends_with(&unit.replace("1/", "_per_")) => (name.to_owned(), 1.0),
        None => (format!("{name} {unit}"), 1.0),
    }
}

/// `p999` is read `p99.9`.
fn percentile_name(name: &str) -> String {
    match name.strip_prefix("p99").filter(|rest| !rest.is_empty()) {
        Some(rest) if rest.bytes().all(|byte| byte.is_ascii_digit()) => format!("p99.{rest}"),
        _ => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed set-up fails the test")]

    use super::{display, find, middle};

    #[test]
    fn metrics_are_found_by_their_short_names() {
        let measured = ["throughput", "latency_p99_us", "latency_max_us"].map(str::to_owned);
        assert_eq!(find("p99", &measured).unwrap(), "latency_p99_us");
        assert_eq!(find("throughput", &measured).unwrap(), "throughput");
        let error = find("thruput", &measured).unwrap_err().to_string();
        assert!(error.ends_with("give `throughput`"), "{error}");
        let error = find("p98", &measured).unwrap_err().to_string();
        assert!(error.ends_with("give `latency_p99_us`"), "{error}");
        let error = find("zzz", &measured).unwrap_err().to_string();
        assert!(error.contains("`latency_max_us` or `latency_p99_us` or `throughput`"), "{error}");
    }

    #[test]
    fn the_middle_of_percentiles_is_one_of_them() {
        let of = |name: &str| middle(name, &[1.0, 4.0]);
        for name in ["latency_p99_us", "acquire_burst_p95_us", "latency_max_us"] {
            assert_eq!(of(name), Some(1.0), "{name}");
        }
        assert_eq!([of("throughput"), of("p_us")], [Some(2.5), Some(2.5)]);
    }

    #[test]
    fn latencies_are_shown_in_the_unit_that_fits() {
        assert_eq!(display("latency_p999_us", "us", 9_999.0), ("p99.9 us".to_owned(), 1.0));
        assert_eq!(display("latency_p50_us", "us", 10_000.0), ("p50 ms".to_owned(), 1e3));
        assert_eq!(display("service_max_us", "us", 1.0), ("service max us".to_owned(), 1.0));
        assert_eq!(display("throughput", "1/s", 1e9), ("tx/s".to_owned(), 1.0));
        assert_eq!(display("retries", "1", 5.0), ("retries".to_owned(), 1.0));
        assert_eq!(display("index_bytes", "bytes", 5.0), ("index_bytes".to_owned(), 1.0));
        assert_eq!(display("recovery", "s", 5.0), ("recovery s".to_owned(), 1.0));
        assert_eq!(display("queries_per_h", "1/h", 5.0), ("queries_per_h".to_owned(), 1.0));
        assert_eq!(display("tpmc", "1/min", 5.0), ("tpmc 1/min".to_owned(), 1.0));
    }
}
