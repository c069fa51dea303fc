//! Scans of one wide table of hits: aggregates, distinct numbers, top lists, filters and dashboards, in
//! the manner of ClickBench (<https://github.com/ClickHouse/ClickBench>), with queries of our own.

mod fold;
mod inputs;
mod queries;
mod truth;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use dbdyno_core::load::{Length, LoadReport, Tally, Workload};
use dbdyno_core::random::Rng;
use dbdyno_core::{Better, Check, DbError, Measurement, Scale, Session};
use dbdyno_datasets::{Dataset, wide};

use super::answer::Answer;
use super::query::{Choice, Queries, all_answered};
use super::referee::Referee;
use crate::benchmark::{Benchmark, LoadBenchmark, Procedure, State, WorkloadContext};
use crate::parameter::Parameter;
use inputs::Inputs;
use queries::{COUNT, QUERIES};

const SECONDS_PER_HOUR: f64 = 3_600.0;

/// The benchmark `olap/wide`.
#[derive(Default)]
pub struct Wide {
    /// What was worked out last: every case of a run has the same scale and seed.
    truth: Mutex<Option<Truth>>,
}

/// The answers to all queries on the rows of a scale and seed.
struct Truth {
    scale: Scale,
    seed: u64,
    answers: Vec<Answer>,
}

impl Wide {
    /// Knows the answers; works them out where they are not known yet.
    fn referee(&self, scale: Scale, seed: u64) -> Referee {
        let mut known = self.truth.lock().unwrap_or_else(PoisonError::into_inner);
        let fits = |truth: &Truth| truth.scale == scale && truth.seed == seed;
        let truth = match known.take().filter(fits) {
            Some(truth) => truth,
            None => Truth { scale, seed, answers: truth::answers(scale, seed) },
        };
        let answers = known.insert(truth).answers.iter();
        let judged = QUERIES.iter().zip(answers);
        Referee::new(judged.map(|(query, answer)| (query.name, query.columns, Ok(answer.clone()))))
    }
}

impl Benchmark for Wide {
    fn name(&self) -> &'static str {
        "wide"
    }

    fn summary(&self) -> &'static str {
        "32 queries that scan one wide table of hits, in the manner of ClickBench, once by each client. \
         `--validate` compares every row with what the generated rows say (at any scale)."
    }

    fn dataset(&self) -> &'static dyn Dataset {
        &wide::Wide
    }

    fn default_clients(&self) -> &'static [u32] {
        &[1]
    }

    fn length(&self, clients: u32) -> Option<Length> {
        Some(Length::Transactions(u64::from(clients) * COUNT as u64))
    }

    /// The answers are worked out from the rows, however many there are.
    fn has_answers(&self, _scale: Scale) -> bool {
        true
    }

    fn procedure(&self) -> Procedure<'_> {
        Procedure::Load(self)
    }
}

#[async_trait]
impl LoadBenchmark for Wide {
    /// `queries_per_h`, of all clients together, and the geometric mean of the queries' mean times,
    /// which a query that takes a hundred times as long as another does not outweigh.
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
        let per_h = answered as f64 * SECONDS_PER_HOUR / report.window.as_secs_f64();
        let means_us = report.transactions.iter().map(|each| each.response_ns.mean() / 1e3);
        vec![
            Measurement::new("queries_per_h", per_h, "1/h", Better::Higher),
            Measurement::new(
                "latency_geometric_mean_us",
                geometric_mean(means_us),
                "us",
                Better::Lower,
            ),
        ]
    }

    fn workload(&self, context: &WorkloadContext, _before: &State) -> Arc<dyn Workload> {
        let referee = context.validate.then(|| self.referee(context.scale, context.seed));
        let choice = Shuffled { scale: context.scale };
        Arc::new(Queries::new(&QUERIES, context.clients, choice, referee))
    }

    /// Nothing here writes: that the table is whole is what the loader looks at.
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

fn geometric_mean(times: impl ExactSizeIterator<Item = f64>) -> f64 {
    let count = times.len() as f64;
    (times.map(f64::ln).sum::<f64>() / count).exp()
}

/// Each client has an order of its own, by the seed.
struct Shuffled {
    scale: Scale,
}

impl Choice for Shuffled {
    fn order(&self, _index: u32, rng: &mut Rng) -> Vec<usize> {
        let mut order: Vec<usize> = (0..COUNT).collect();
        rng.shuffle(&mut order);
        order
    }

    fn parameters(&self, query: usize, rng: Option<&mut Rng>) -> Vec<Parameter> {
        let inputs =
            rng.map_or_else(|| Inputs::fixed(self.scale), |rng| Inputs::drawn(self.scale, rng));
        inputs.parameters(query)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_geometric_mean_is_the_root_of_the_product() {
        assert!((geometric_mean([1.0, 10.0, 100.0].into_iter()) - 10.0).abs() < 1e-9);
        assert!((geometric_mean([5.0].into_iter()) - 5.0).abs() < 1e-9);
    }

    #[test]
    fn every_client_sends_every_query_once_in_an_order_of_its_own() {
        let order =
            |client: u64| Shuffled { scale: Scale::ONE }.order(0, &mut Rng::new(1, &[client]));
        for client in 0..5 {
            let mut sorted = order(client);
            sorted.sort_unstable();
            assert_eq!(sorted, (0..COUNT).collect::<Vec<_>>());
            assert_eq!(order(client), order(client));
            assert_ne!(order(client), order(client + 1));
        }
    }

    #[test]
    fn statements_are_what_they_were() {
        let sent: String =
            QUERIES.iter().map(|query| format!("-- {}\n{}\n", query.name, query.sql)).collect();
        insta::assert_snapshot!("statements", sent);
    }

    #[test]
    fn the_truth_is_worked_out_once_for_a_scale_and_seed() {
        let wide = Wide::default();
        let scale = Scale::hundredths(1);
        let kept = || {
            let truth = wide.truth.lock().unwrap();
            truth.as_ref().map(|truth| (truth.seed, truth.answers.as_ptr()))
        };
        wide.referee(scale, 3);
        let first = kept();
        wide.referee(scale, 3);
        assert_eq!(kept(), first);
        wide.referee(scale, 4);
        assert_eq!(kept().map(|(seed, _)| seed), Some(4));
    }
}
