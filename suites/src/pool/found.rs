//! Metrics of a load whose clients shared connections.

use dbdyno_core::load::LoadReport;
use dbdyno_core::{Better, Check, Measurement};

use super::bench::Seen;
use super::leasing::Acquired;
use super::watch::Look;

const NS_PER_US: f64 = 1_000.0;

/// The metrics of a load, beside those that every load has.
pub fn metrics(stage: &str, report: &LoadReport, seen: &Seen) -> Vec<Measurement> {
    let mut rows = waits(&seen.acquired);
    rows.extend(queue(&seen.looks));
    rows.extend(seen.most_open.map(connections));
    rows.extend(fairness(&report.ended_well));
    rows.into_iter().map(|row| row.of(stage)).collect()
}

/// How many connections were open at once.
pub fn connections(most: u32) -> Measurement {
    Measurement::new("connections_open_max", most.into(), "1", Better::Lower)
}

/// How long clients waited for connections.
pub fn waits(acquired: &Acquired) -> Vec<Measurement> {
    let timeouts = acquired.timeouts as f64;
    let mut rows = vec![Measurement::new("acquire_timeouts", timeouts, "1", Better::Lower)];
    let waits = &acquired.waits_ns;
    if !waits.is_empty() {
        let us = |name: &str, ns: u64| {
            let value = ns as f64 / NS_PER_US;
            Measurement::new(format!("acquire_{name}_us"), value, "us", Better::Lower)
        };
        let quantile = |name: &str, q: f64| us(name, waits.value_at_quantile(q));
        rows.extend([quantile("p50", 0.5), quantile("p95", 0.95), quantile("p99", 0.99)]);
        rows.push(us("max", waits.max()));
    }
    rows
}

/// How many clients waited at once.
fn queue(looks: &[Look]) -> Vec<Measurement> {
    if looks.is_empty() {
        return Vec::new();
    }
    let sum: f64 = looks.iter().map(|look| f64::from(look.waiting)).sum();
    let most = looks.iter().map(|look| look.waiting).max().unwrap_or(0);
    vec![
        Measurement::new("queue_depth_mean", sum / looks.len() as f64, "1", Better::Lower),
        Measurement::new("queue_depth_max", most.into(), "1", Better::Lower),
    ]
}

/// The most connections that were open at once, as the pool and the server tell.
pub fn most_open(looks: &[Look]) -> Option<u32> {
    looks.iter().flat_map(|look| [look.pool.map(|pool| pool.open), look.sessions]).flatten().max()
}

/// Whether a pool kept to its size.
pub fn size_kept(name: &str, size: u32, looks: &[Look]) -> Check {
    let by_pool = looks.iter().filter_map(|look| look.pool).map(|pool| pool.open).max();
    let by_server = looks.iter().filter_map(|look| look.sessions).max();
    let number = |number: Option<u32>| number.map_or_else(|| "none".to_owned(), |n| n.to_string());
    let detail = format!(
        "at most {size} connections may be open; the pool told of {}, the server of {}",
        number(by_pool),
        number(by_server)
    );
    let most = by_pool.max(by_server).unwrap_or(0);
    Check::new(format!("pool_size_kept_{name}"), most <= size, detail)
}

/// How evenly the transactions are spread over the clients: Jain's index, 1 where all have as many, 1/n where
/// one of n has all (R. Jain, D. Chiu, W. Hawe: A Quantitative Measure of Fairness and Discrimination for
/// Resource Allocation in Shared Computer Systems, DEC-TR-301, 1984), and the least by the most.
fn fairness(ended_well: &[u64]) -> Vec<Measurement> {
    let sum: f64 = ended_well.iter().map(|count| *count as f64).sum();
    let squares: f64 = ended_well.iter().map(|count| (*count as f64).powi(2)).sum();
    let least = ended_well.iter().min().copied().unwrap_or(0);
    let most = ended_well.iter().max().copied().unwrap_or(0);
    if most == 0 {
        return Vec::new();
    }
    let jain = sum.powi(2) / (ended_well.len() as f64 * squares);
    vec![
        Measurement::new("fairness_jain", jain, "1", Better::Higher),
        Measurement::new("fairness_min_by_max", least as f64 / most as f64, "1", Better::Higher),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fairness_is_what_its_definition_gives() {
        // The paper's section 3: a scheme that favours k of n users alike has the index k/n.
        for (counts, jain, ratio) in [
            (&[5, 5, 5, 5][..], 1.0, 1.0),
            (&[5, 0, 0, 0], 0.25, 0.0),
            (&[7, 7, 0, 0], 0.5, 0.0),
            (&[1, 2, 3], 36.0 / 42.0, 1.0 / 3.0),
        ] {
            let rows = fairness(counts);
            let values: Vec<f64> = rows.iter().filter_map(|row| row.value).collect();
            assert!((values[0] - jain).abs() < 1e-12, "{counts:?}: {values:?}");
            assert!((values[1] - ratio).abs() < 1e-12, "{counts:?}: {values:?}");
        }
        assert!(fairness(&[0, 0]).is_empty());
    }
}
