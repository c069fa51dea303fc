//! The 22 queries of TPC-H rev. 3.0.1. What is measured here is derived from that benchmark and not
//! to be compared with published results of it.

mod parameters;
mod queries;
mod streams;
mod words;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use dbdyno_core::load::{
    AnyClient, Client, Draw, Length, LoadReport, Outcome, Tally, TransactionReport, Workload,
};
use dbdyno_core::random::Rng;
use dbdyno_core::{Better, Check, DbError, Measurement, Scale, Session, Statement, Steps, Value};
use dbdyno_datasets::{Dataset, tpch};

use super::answer::{Answer, difference, parse, read_row};
use crate::benchmark::{Benchmark, State, WorkloadContext};
use parameters::{Parameter, drawn, published};
use queries::{COUNT, QUERIES};
use streams::order;

/// Whoever reads a result is told where it comes from.
const DERIVED: &str = "derived from TPC-H; not to be compared with published TPC-H results";

/// The benchmark `olap/tpch`.
#[derive(Clone, Copy, Debug)]
pub struct TpcH;

#[async_trait]
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

    /// The power and throughput metrics of clause 5.4, without refresh functions: queries an hour
    /// times the scale, by the geometric mean of the queries' times and by the time of all streams.
    fn metrics(
        &self,
        report: &LoadReport,
        scale: Scale,
        _before: &State,
        _after: &State,
    ) -> Vec<Measurement> {
        let done = |each: &&TransactionReport| each.committed > 0;
        if report.transactions.iter().filter(done).count() < COUNT || report.total().failed > 0 {
            return Vec::new();
        }
        let seconds = |each: &TransactionReport| each.response_ns.mean() / 1e9;
        let streams = report.total().committed as f64 / COUNT as f64;
        let (metric, times) = if streams > 1.0 {
            let elapsed = report.window.as_secs_f64() / (streams * COUNT as f64);
            ("derived_throughput_per_h", elapsed)
        } else {
            let logarithms = report.transactions.iter().map(|each| seconds(each).ln());
            ("derived_power_per_h", (logarithms.sum::<f64>() / COUNT as f64).exp())
        };
        let value = 3_600.0 / times * scale.to_f64();
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

struct TpcHWorkload {
    names: Vec<&'static str>,
    statements: Vec<Statement>,
    scale: Scale,
    clients: u32,
    /// What the clients were answered, by query; `None` where it is not compared.
    answers: Option<Answers>,
}

type Answers = Arc<Mutex<Vec<Vec<Answer>>>>;

impl TpcHWorkload {
    fn new(context: &WorkloadContext) -> Self {
        let statements = QUERIES.iter().map(|query| Statement::new(query.name, query.sql));
        Self {
            names: QUERIES.iter().map(|query| query.name).collect(),
            statements: statements.collect(),
            scale: context.scale,
            clients: context.clients,
            answers: context.validate.then(|| Arc::new(Mutex::new(vec![Vec::new(); COUNT]))),
        }
    }

    /// Whether what the clients were answered to a query, `due` times at least, is what was
    /// published.
    fn check(&self, place: usize, answers: &[Answer], due: usize) -> Check {
        let query = &QUERIES[place];
        let compared = || {
            let text = tpch::answer(self.scale, place + 1)
                .ok_or_else(|| format!("no answer was published for scale {}", self.scale))?;
            let published = parse(text, query.columns)?;
            if answers.len() < due {
                return Err("it was not answered".to_owned());
            }
            let differs = |answer| difference(answer, &published, query.columns);
            match answers.iter().find_map(differs) {
                Some(difference) => Err(difference),
                None => Ok(format!("{} rows as published (2.1.3.5)", published.len())),
            }
        };
        let (held, detail) = match compared() {
            Ok(detail) => (true, detail),
            Err(detail) => (false, detail),
        };
        Check::new(format!("{}_answer", query.name), held, detail)
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
            answers: self.answers.clone(),
        })
    }

    fn checks(&self, interrupted: bool) -> Vec<Check> {
        let Some(answers) = &self.answers else { return Vec::new() };
        let answers = answers.lock().unwrap_or_else(PoisonError::into_inner);
        let due = if interrupted { 0 } else { self.clients as usize };
        let asked = answers.iter().enumerate().filter(|(_, some)| !interrupted || !some.is_empty());
        asked.map(|(place, answers)| self.check(place, answers, due)).collect()
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
    answers: Option<Answers>,
}

impl Client for Stream {
    fn draw(&mut self) -> Draw {
        self.query = self.order[self.sent % COUNT];
        self.sent += 1;
        self.parameters = match self.answers {
            Some(_) => published(self.query),
            None => drawn(self.query, self.scale, &mut self.rng),
        };
        Draw::now(self.query)
    }

    async fn run(&mut self, steps: &mut Steps<'_>) -> Result<Outcome, DbError> {
        let values: Vec<Value<'_>> = self.parameters.iter().map(Parameter::value).collect();
        let Some(answers) = &self.answers else {
            steps.query(self.query, &values, |_| Ok(()), |_| Ok(())).await?;
            return Ok(Outcome::Committed);
        };
        let (kinds, mut rows) = (QUERIES[self.query].columns, Answer::new());
        let read = |row: &dyn dbdyno_core::Row| {
            rows.push(read_row(row, kinds)?);
            Ok(())
        };
        steps.query(self.query, &values, read, |_| Ok(())).await?;
        answers.lock().unwrap_or_else(PoisonError::into_inner)[self.query].push(rows);
        Ok(Outcome::Committed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_answered_is_a_fault_unless_the_load_was_interrupted() {
        let context = WorkloadContext {
            scale: Scale::hundredths(1),
            seed: 1,
            clients: 1,
            think_times: false,
            validate: true,
            native: None,
        };
        let workload = TpcHWorkload::new(&context);
        assert_eq!(workload.checks(false).iter().filter(|check| !check.held).count(), COUNT);
        assert_eq!(workload.checks(true), []);
        let answers = workload.answers.clone().unwrap_or_default();
        // Query 6 answers one row of one sum; what was published is another.
        let one = vec![vec![super::super::answer::Cell::Number(1.0)]];
        answers.lock().unwrap_or_else(PoisonError::into_inner)[5].push(one);
        let [check] = &workload.checks(true)[..] else { panic!("one query was answered") };
        assert_eq!((check.name.as_str(), check.held), ("q06_answer", false));
    }
}
