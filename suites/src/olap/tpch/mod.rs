//! The 22 queries of TPC-H rev. 3.0.1. What is measured here is derived from that benchmark and not
//! to be compared with published results of it.

mod parameters;
mod queries;
mod streams;
mod words;

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use dbdyno_core::load::{AnyClient, Client, Draw, Length, LoadReport, Outcome, Tally, Workload};
use dbdyno_core::random::Rng;
use dbdyno_core::{Better, Check, DbError, Measurement, Scale, Session, Statement, Steps, Value};
use dbdyno_datasets::{Dataset, tpch};

use super::answer::{Answer, read_row};
use super::referee::Referee;
use crate::benchmark::{Benchmark, LoadBenchmark, Procedure, State, WorkloadContext};
use crate::parameter::Parameter;
use parameters::{drawn, published};
use queries::{COUNT, QUERIES};
use streams::order;

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
        let answered = report.transactions.iter().map(|each| each.committed).sum::<u64>();
        if !report.is_whole() || answered != u64::from(context.clients) * COUNT as u64 {
            return Vec::new();
        }
        let mean_ns = report.transactions.iter().map(|each| each.response_ns.mean());
        let (metric, seconds) = match context.clients {
            1 => ("derived_power_per_h", power_seconds(mean_ns.map(|ns| ns / 1e9))),
            _ => ("derived_throughput_per_h", report.window.as_secs_f64() / answered as f64),
        };
        let value = 3_600.0 / seconds * context.scale.to_f64();
        let row = Measurement::new(metric, value, "1/h", Better::Higher);
        vec![Measurement { detail: DERIVED.to_owned(), ..row }]
    }

    fn workload(&self, context: &WorkloadContext, _before: &State) -> Arc<dyn Workload> {
        Arc::new(TpcHWorkload::new(context))
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

/// The geometric mean of the queries' times; what took less than a thousandth of the longest counts
/// as that (clauses 5.4.1.1 and 5.4.1.4, without the refresh functions).
fn power_seconds(times: impl Iterator<Item = f64> + Clone) -> f64 {
    let least = times.clone().fold(0.0, f64::max) / 1_000.0;
    let logarithms = times.map(|seconds| seconds.max(least).ln()).sum::<f64>();
    (logarithms / COUNT as f64).exp()
}

struct TpcHWorkload {
    names: Vec<&'static str>,
    statements: Vec<Statement>,
    scale: Scale,
    clients: u32,
    /// Compares answers with those that were published; `None` where parameters are drawn.
    referee: Option<Arc<Referee>>,
}

impl TpcHWorkload {
    fn new(context: &WorkloadContext) -> Self {
        let statements = QUERIES.iter().map(|query| Statement::new(query.name, query.sql));
        let published = QUERIES.iter().enumerate().map(|(place, query)| {
            (query.name, query.columns, tpch::answer(context.scale, place + 1))
        });
        Self {
            names: QUERIES.iter().map(|query| query.name).collect(),
            statements: statements.collect(),
            scale: context.scale,
            clients: context.clients,
            referee: context.validate.then(|| Arc::new(Referee::new(published))),
        }
    }
}

impl Workload for TpcHWorkload {
    fn transactions(&self) -> &[&'static str] {
        &self.names
    }

    fn statements(&self) -> &[Statement] {
        &self.statements
    }

    fn client(&self, index: u32, rng: Rng) -> Box<dyn AnyClient> {
        let stream = if self.clients == 1 { 0 } else { index + 1 };
        Box::new(Stream {
            order: order(stream).collect(),
            sent: 0,
            query: 0,
            parameters: Vec::new(),
            rng,
            scale: self.scale,
            referee: self.referee.clone(),
        })
    }

    fn checks(&self, whole: bool) -> Vec<Check> {
        self.referee.as_ref().map_or_else(Vec::new, |referee| referee.checks(self.clients, whole))
    }
}

/// A client: a stream of queries.
struct Stream {
    order: Vec<usize>,
    sent: usize,
    query: usize,
    parameters: Vec<Parameter>,
    rng: Rng,
    scale: Scale,
    referee: Option<Arc<Referee>>,
}

impl Client for Stream {
    fn draw(&mut self) -> Draw {
        self.query = self.order[self.sent % COUNT];
        self.sent += 1;
        self.parameters = match self.referee {
            Some(_) => published(self.query),
            None => drawn(self.query, self.scale, &mut self.rng),
        };
        Draw::now(self.query)
    }

    async fn run(&mut self, steps: &mut Steps<'_>) -> Result<Outcome, DbError> {
        let values: Vec<Value<'_>> = self.parameters.iter().map(Parameter::value).collect();
        let Some(referee) = &self.referee else {
            steps.query(self.query, &values, |_| Ok(()), |_| Ok(())).await?;
            return Ok(Outcome::Committed);
        };
        let (kinds, mut rows) = (QUERIES[self.query].columns, Answer::new());
        let read = |row: &dyn dbdyno_core::Row| {
            rows.push(read_row(row, kinds)?);
            Ok(())
        };
        steps.query(self.query, &values, read, |_| Ok(())).await?;
        referee.judge(self.query, &rows);
        Ok(Outcome::Committed)
    }
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
