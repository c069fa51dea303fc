//! The streams of queries beside which rows come and go.

use dbdyno_core::load::{AnyClient, Client, Draw, Outcome, Workload};
use dbdyno_core::random::Rng;
use dbdyno_core::{DbError, Scale, Statement, Steps, Value};

use super::parameters::drawn;
use super::queries::{COUNT, QUERIES};
use super::refresh::{self, FUNCTIONS, Refresh};
use super::streams::order;
use crate::benchmark::WorkloadContext;
use crate::parameter::Parameter;

/// The refresh functions as transaction types, after the queries.
const RF1: usize = COUNT;
const RF2: usize = COUNT + 1;
/// What a stream of queries that also refreshes sends (clause 5.3.3).
pub const POWER_LENGTH: u64 = COUNT as u64 + 2;

/// What each client is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Test {
    /// One: the first refresh function, the queries, the second (clause 5.3.3).
    Power,
    /// Streams of queries, and after them one that refreshes for each of them (clause 5.3.4).
    Throughput,
}

/// The queries of TPC-H with the refresh functions.
pub struct Refreshed {
    test: Test,
    names: Vec<&'static str>,
    statements: Vec<Statement>,
    scale: Scale,
    /// The clients that send queries.
    streams: u32,
}

impl Refreshed {
    /// The power test.
    pub fn power(context: &WorkloadContext) -> Self {
        Self::new(Test::Power, context.scale, 1)
    }

    /// The throughput test: a client for each stream, and one more that refreshes.
    pub fn throughput(context: &WorkloadContext) -> Self {
        Self::new(Test::Throughput, context.scale, context.clients)
    }

    fn new(test: Test, scale: Scale, streams: u32) -> Self {
        let queries = QUERIES.iter().map(|query| Statement::new(query.name, query.sql));
        Self {
            test,
            names: QUERIES.iter().map(|query| query.name).chain(FUNCTIONS).collect(),
            statements: queries.chain(refresh::statements()).collect(),
            scale,
            streams,
        }
    }
}

impl Workload for Refreshed {
    fn transactions(&self) -> &[&'static str] {
        &self.names
    }

    fn statements(&self) -> &[Statement] {
        &self.statements
    }

    fn quota(&self, index: u32) -> Option<u64> {
        Some(match self.test {
            Test::Power => POWER_LENGTH,
            Test::Throughput if index < self.streams => COUNT as u64,
            Test::Throughput => u64::from(self.streams) * FUNCTIONS.len() as u64,
        })
    }

    fn client(&self, index: u32, rng: Rng) -> Box<dyn AnyClient> {
        let order: Vec<usize> = match self.test {
            Test::Power => [RF1].into_iter().chain(order(0)).chain([RF2]).collect(),
            Test::Throughput if index < self.streams => order(index + 1).collect(),
            Test::Throughput => vec![RF1, RF2],
        };
        Box::new(Stream {
            order,
            sent: 0,
            transaction: 0,
            parameters: Vec::new(),
            rng,
            refresh: Refresh { scale: self.scale, set: 0, first: COUNT },
        })
    }
}

/// A client: a stream of queries, refresh functions, or both.
struct Stream {
    /// What it sends, by transaction type, again and again.
    order: Vec<usize>,
    sent: usize,
    transaction: usize,
    parameters: Vec<Parameter>,
    rng: Rng,
    refresh: Refresh,
}

impl Client for Stream {
    fn draw(&mut self) -> Draw {
        self.transaction = self.order[self.sent % self.order.len()];
        self.refresh.set = (self.sent / self.order.len()) as u64;
        self.sent += 1;
        if self.transaction < COUNT {
            self.parameters = drawn(self.transaction, self.refresh.scale, &mut self.rng);
        }
        Draw::now(self.transaction)
    }

    async fn run(&mut self, steps: &mut Steps<'_>) -> Result<Outcome, DbError> {
        let query = self.transaction;
        if query >= COUNT {
            return self.refresh.run(query - COUNT, steps).await;
        }
        let values: Vec<Value<'_>> = self.parameters.iter().map(Parameter::value).collect();
        steps.query(query, &values, |_| Ok(()), |_| Ok(())).await?;
        Ok(Outcome::Committed)
    }
}
