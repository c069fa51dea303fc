//! The streams of queries, and of refresh functions.

use std::sync::Arc;

use dbdyno_core::load::{AnyClient, Client, Draw, Outcome, Workload};
use dbdyno_core::random::Rng;
use dbdyno_core::{Check, DbError, Row, Scale, Statement, Steps, Value};
use dbdyno_datasets::tpch;

use super::super::answer::{Answer, read_row};
use super::super::referee::Referee;
use super::parameters::{drawn, published};
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
enum Streams {
    /// A stream of queries.
    Queries,
    /// The stream of the power test: the first refresh function, the queries, the second.
    Power,
    /// Streams of queries, and after them one that refreshes for each of them (clause 5.3.4).
    Throughput,
}

/// The queries of TPC-H, sent by streams.
pub struct TpcHWorkload {
    streams: Streams,
    names: Vec<&'static str>,
    statements: Vec<Statement>,
    scale: Scale,
    /// The clients that send queries.
    clients: u32,
    /// Compares answers with those that were published; `None` where parameters are drawn.
    referee: Option<Arc<Referee>>,
}

impl TpcHWorkload {
    /// Clients that each send the queries once.
    pub fn of_queries(context: &WorkloadContext) -> Self {
        let published = QUERIES.iter().enumerate().map(|(place, query)| {
            (query.name, query.columns, tpch::answer(context.scale, place + 1))
        });
        Self {
            streams: Streams::Queries,
            names: QUERIES.iter().map(|query| query.name).collect(),
            statements: QUERIES.iter().map(|q| Statement::new(q.name, q.sql)).collect(),
            scale: context.scale,
            clients: context.clients,
            referee: context.validate.then(|| Arc::new(Referee::new(published))),
        }
    }

    /// The power test.
    pub fn of_power(context: &WorkloadContext) -> Self {
        Self::refreshed(Streams::Power, &WorkloadContext { clients: 1, ..context.clone() })
    }

    /// The throughput test: a client for each stream, and one more that refreshes.
    pub fn of_throughput(context: &WorkloadContext) -> Self {
        Self::refreshed(Streams::Throughput, context)
    }

    fn refreshed(streams: Streams, context: &WorkloadContext) -> Self {
        // Rows come and go while the queries are answered: no answer was published for that.
        let queries = Self::of_queries(&WorkloadContext { validate: false, ..context.clone() });
        Self {
            streams,
            names: queries.names.into_iter().chain(FUNCTIONS).collect(),
            statements: queries.statements.into_iter().chain(refresh::statements()).collect(),
            ..queries
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

    fn quota(&self, index: u32) -> Option<u64> {
        match self.streams {
            Streams::Queries => None,
            Streams::Power => Some(POWER_LENGTH),
            Streams::Throughput if index < self.clients => Some(COUNT as u64),
            Streams::Throughput => Some(u64::from(self.clients) * FUNCTIONS.len() as u64),
        }
    }

    fn client(&self, index: u32, rng: Rng) -> Box<dyn AnyClient> {
        let order: Vec<usize> = match self.streams {
            Streams::Queries if self.clients == 1 => order(0).collect(),
            Streams::Power => [RF1].into_iter().chain(order(0)).chain([RF2]).collect(),
            Streams::Throughput if index == self.clients => vec![RF1, RF2],
            Streams::Queries | Streams::Throughput => order(index + 1).collect(),
        };
        Box::new(Stream {
            order,
            sent: 0,
            transaction: 0,
            parameters: Vec::new(),
            rng,
            refresh: Refresh { scale: self.scale, set: 0, first: COUNT },
            referee: self.referee.clone(),
        })
    }

    fn checks(&self, whole: bool) -> Vec<Check> {
        self.referee.as_ref().map_or_else(Vec::new, |referee| referee.checks(self.clients, whole))
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
    referee: Option<Arc<Referee>>,
}

impl Client for Stream {
    fn draw(&mut self) -> Draw {
        self.transaction = self.order[self.sent % self.order.len()];
        self.refresh.set = (self.sent / self.order.len()) as u64;
        self.sent += 1;
        if self.transaction < COUNT {
            self.parameters = match self.referee {
                Some(_) => published(self.transaction),
                None => drawn(self.transaction, self.refresh.scale, &mut self.rng),
            };
        }
        Draw::now(self.transaction)
    }

    async fn run(&mut self, steps: &mut Steps<'_>) -> Result<Outcome, DbError> {
        let query = self.transaction;
        if query >= COUNT {
            return self.refresh.run(query - COUNT, steps).await;
        }
        let values: Vec<Value<'_>> = self.parameters.iter().map(Parameter::value).collect();
        let Some(referee) = &self.referee else {
            steps.query(query, &values, |_| Ok(()), |_| Ok(())).await?;
            return Ok(Outcome::Committed);
        };
        let (kinds, mut rows) = (QUERIES[query].columns, Answer::new());
        let read = |row: &dyn Row| {
            rows.push(read_row(row, kinds)?);
            Ok(())
        };
        steps.query(query, &values, read, |_| Ok(())).await?;
        referee.judge(query, &rows);
        Ok(Outcome::Committed)
    }
}
