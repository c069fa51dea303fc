//! The 22 queries of TPC-H rev. 3.0.1. What is measured here is derived from that benchmark and not
//! to be compared with published results of it.

mod composite;
mod parameters;
mod queries;
mod refresh;
mod streams;
mod words;
mod workload;

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use dbdyno_core::load::{Length, LoadReport, Tally, Workload};
use dbdyno_core::random::Rng;
use dbdyno_core::{Better, Check, DbError, Measurement, Scale, Session};
use dbdyno_datasets::{Dataset, tpch};

use super::answer::parse;
use super::query::{Choice, Queries, Query, all_answered};
use super::referee::Referee;
use crate::benchmark::{Benchmark, LoadBenchmark, Procedure, State, WorkloadContext};
use crate::parameter::Parameter;
use parameters::{drawn, published};
use queries::{COUNT, QUERIES};
use streams::order;

pub use composite::Composite;

/// Whoever reads a result is told where it comes from.
const DERIVED: &str = "derived from TPC-H; not to be compared with published TPC-H results";

/// The benchmark `olap/tpch`.
#[derive(Clone, Copy, Debug)]
pub struct TpcH;

impl Benchmark for TpcH {
    fn name(&self) -> &'static str {
        "tpch"
    }

    fn summary(&self) -> &'static str {
        "The 22 queries of TPC-H rev. 3.0.1, once by each client: one client is the power test, more \
         are the streams of the throughput test. `--validate` compares every row with the published \
         answers (scales 0.01, 0.1 and 1)."
    }

    fn dataset(&self) -> &'static dyn Dataset {
        &tpch::TpcH
    }

    fn default_clients(&self) -> &'static [u32] {
        &[1]
    }

    fn length(&self, clients: u32) -> Option<Length> {
        Some(Length::Transactions(u64::from(clients) * COUNT as u64))
    }

    fn has_answers(&self, scale: Scale) -> bool {
        tpch::answer(scale, 1).is_some()
    }

    fn procedure(&self) -> Procedure<'_> {
        Procedure::Load(self)
    }
}

#[async_trait]
impl LoadBenchmark for TpcH {
    fn metrics(
        &self,
        report: &LoadReport,
        context: &WorkloadContext,
        _before: &State,
        _after: &State,
    ) -> Vec<Measurement> {
        let Some(answered) = all_answered(report, context.clients, COUNT) else {
            return Vec::new();
        };
        vec![match context.clients {
            1 => derived("derived_power_per_h", power_per_h(report, context.scale)),
            _ => derived(
                "derived_throughput_per_h",
                throughput_per_h(report, answered, context.scale),
            ),
        }]
    }

    fn workload(&self, context: &WorkloadContext, _before: &State) -> Arc<dyn Workload> {
        let choice = Specified { clients: context.clients, scale: context.scale };
        let referee = context.validate.then(|| referee(context.scale));
        Arc::new(Queries::new(&QUERIES, context.clients, choice, referee))
    }

    /// Nothing here writes: that the tables are whole is what the loader looks at.
    async fn state(&self, _session: &mut dyn Session, _scale: Scale) -> Result<State, DbError> {
        Ok(State::default())
    }

    fn account(
        &self,
        _before: &State,
        _after: &State,
        _counted: &BTreeMap<&'static str, i64>,
        _tally: &Tally,
    ) -> Vec<Check> {
        Vec::new()
    }
}

/// The power metric (clause 5.4.1.1): with the refresh functions where they were run.
fn power_per_h(report: &LoadReport, scale: Scale) -> f64 {
    let mean_ns = report.transactions.iter().map(|each| each.response_ns.mean());
    3_600.0 / power_seconds(mean_ns.map(|ns| ns / 1e9)) * scale.to_f64()
}

/// The throughput metric (clause 5.4.2.1), which counts `queries`.
fn throughput_per_h(report: &LoadReport, queries: u64, scale: Scale) -> f64 {
    queries as f64 * 3_600.0 / report.window.as_secs_f64() * scale.to_f64()
}

fn derived(metric: &str, value: f64) -> Measurement {
    let row = Measurement::new(metric, value, "1/h", Better::Higher);
    Measurement { detail: DERIVED.to_owned(), ..row }
}

/// The geometric mean of times; what took less than a thousandth of the longest counts as that (clause
/// 5.4.1.4).
fn power_seconds(times: impl ExactSizeIterator<Item = f64> + Clone) -> f64 {
    let least = times.clone().fold(0.0, f64::max) / 1_000.0;
    let count = times.len() as f64;
    let logarithms = times.map(|seconds| seconds.max(least).ln()).sum::<f64>();
    (logarithms / count).exp()
}

/// Of the specification: its orders, and its rules for parameters.
struct Specified {
    clients: u32,
    scale: Scale,
}

impl Choice for Specified {
    fn order(&self, index: u32, _rng: &mut Rng) -> Vec<usize> {
        order(if self.clients == 1 { 0 } else { index + 1 }).collect()
    }

    fn parameters(&self, query: usize, rng: Option<&mut Rng>) -> Vec<Parameter> {
        rng.map_or_else(|| published(query), |rng| drawn(query, self.scale, rng))
    }
}

/// Knows the published answers of a scale.
fn referee(scale: Scale) -> Referee {
    let answer = |(place, query): (usize, &Query)| {
        let text = tpch::answer(scale, place + 1);
        let text = text.ok_or_else(|| "no answer was published".to_owned());
        (query.name, query.columns, text.and_then(|text| parse(text, query.columns)))
    };
    Referee::new(QUERIES.iter().enumerate().map(answer))
}

#[cfg(test)]
mod tests {
    use super::{COUNT, power_seconds};

    #[test]
    fn short_times_count_as_a_thousandth_of_the_longest() {
        let mut times = [1.0; COUNT];
        assert!((power_seconds(times.into_iter()) - 1.0).abs() < 1e-12);
        // One of 1,000 seconds lets the others be; one of 100,000 raises them to 100.
        times[3] = 1_000.0;
        let mean = 1_000f64.powf(1.0 / COUNT as f64);
        assert!((power_seconds(times.into_iter()) - mean).abs() < 1e-9);
        times[3] = 100_000.0;
        let mean = 100.0 * 1_000f64.powf(1.0 / COUNT as f64);
        assert!((power_seconds(times.into_iter()) - mean).abs() < 1e-9);
    }
}
