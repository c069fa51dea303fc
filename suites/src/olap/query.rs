//! A list of queries, and clients that send all of it.

use std::sync::Arc;

use dbdyno_core::load::{AnyClient, Client, Draw, LoadReport, Outcome, Workload};
use dbdyno_core::random::Rng;
use dbdyno_core::{Check, DbError, Row, Statement, Steps, Value};

use super::answer::{Answer, Kind, read_row};
use super::referee::Referee;
use crate::parameter::Parameter;

/// A query.
pub struct Query {
    /// Its name, such as `q01`.
    pub name: &'static str,
    /// Its portable SQL.
    pub sql: &'static str,
    /// What its answer's columns hold.
    pub columns: &'static [Kind],
}

/// A query of a list.
pub const fn query(name: &'static str, sql: &'static str, columns: &'static [Kind]) -> Query {
    Query { name, sql, columns }
}

/// In which order a benchmark's clients send its queries, and with which parameters.
pub trait Choice: Send + Sync + 'static {
    /// The order of client number `index`, counted from 0, as places in the list of queries.
    fn order(&self, index: u32, rng: &mut Rng) -> Vec<usize>;

    /// The parameters of the query at a place in the list, in the order in which they stand in its
    /// text: drawn, or without `rng` those for which the answer is known.
    fn parameters(&self, query: usize, rng: Option<&mut Rng>) -> Vec<Parameter>;
}

/// A workload whose clients send every query of a list once.
pub struct Queries<C> {
    queries: &'static [Query],
    names: Vec<&'static str>,
    statements: Vec<Statement>,
    clients: u32,
    choice: Arc<C>,
    /// Compares answers with those that are known; `None` where parameters are drawn.
    referee: Option<Arc<Referee>>,
}

impl<C: Choice> Queries<C> {
    /// For so many clients.
    pub fn new(
        queries: &'static [Query],
        clients: u32,
        choice: C,
        referee: Option<Referee>,
    ) -> Self {
        Self {
            queries,
            names: queries.iter().map(|query| query.name).collect(),
            statements: queries.iter().map(|each| Statement::new(each.name, each.sql)).collect(),
            clients,
            choice: Arc::new(choice),
            referee: referee.map(Arc::new),
        }
    }
}

impl<C: Choice> Workload for Queries<C> {
    fn transactions(&self) -> &[&'static str] {
        &self.names
    }

    fn statements(&self) -> &[Statement] {
        &self.statements
    }

    fn client(&self, index: u32, mut rng: Rng) -> Box<dyn AnyClient> {
        Box::new(Stream {
            queries: self.queries,
            order: self.choice.order(index, &mut rng),
            sent: 0,
            query: 0,
            parameters: Vec::new(),
            rng,
            choice: Arc::clone(&self.choice),
            referee: self.referee.clone(),
        })
    }

    fn checks(&self, whole: bool) -> Vec<Check> {
        self.referee.as_ref().map_or_else(Vec::new, |referee| referee.checks(self.clients, whole))
    }
}

/// A client: a stream of queries.
struct Stream<C> {
    queries: &'static [Query],
    order: Vec<usize>,
    sent: usize,
    query: usize,
    parameters: Vec<Parameter>,
    rng: Rng,
    choice: Arc<C>,
    referee: Option<Arc<Referee>>,
}

impl<C: Choice> Client for Stream<C> {
    fn draw(&mut self) -> Draw {
        self.query = self.order[self.sent % self.order.len()];
        self.sent += 1;
        let rng = self.referee.is_none().then_some(&mut self.rng);
        self.parameters = self.choice.parameters(self.query, rng);
        Draw::now(self.query)
    }

    async fn run(&mut self, steps: &mut Steps<'_>) -> Result<Outcome, DbError> {
        let values: Vec<Value<'_>> = self.parameters.iter().map(Parameter::value).collect();
        let Some(referee) = &self.referee else {
            steps.query(self.query, &values, |_| Ok(()), |_| Ok(())).await?;
            return Ok(Outcome::Committed);
        };
        let (kinds, mut rows) = (self.queries[self.query].columns, Answer::new());
        let read = |row: &dyn Row| {
            rows.push(read_row(row, kinds)?);
            Ok(())
        };
        steps.query(self.query, &values, read, |_| Ok(())).await?;
        referee.judge(self.query, &rows);
        Ok(Outcome::Committed)
    }
}

/// How many queries were answered, where each of so many clients was answered every one.
pub fn all_answered(report: &LoadReport, clients: u32, queries: usize) -> Option<u64> {
    let answered = report.transactions.iter().map(|each| each.committed).sum::<u64>();
    let all = u64::from(clients) * queries as u64;
    (report.is_whole() && answered == all).then_some(answered)
}
