//! The workload: streams of queries, alone or beside the clients of TPC-C.

use std::collections::BTreeMap;
use std::sync::Arc;

use dbdyno_core::load::{AnyClient, Client, Draw, Outcome, Witness, Workload};
use dbdyno_core::random::Rng;
use dbdyno_core::{Access, DbError, Row, Statement, Steps};

use super::answers::{Answer, Answers};
use super::queries::{COUNT, QUERIES};

/// The place of this random stream below the seed: the order in which a stream sends the queries.
const QUERY_ORDER: u64 = 0x7175_6572;

/// Draws the orders of the streams of one repetition. They are the same alone and beside transactions,
/// so that the same queries are compared.
#[derive(Clone, Copy, Debug)]
pub struct Orders {
    /// The seed of the case.
    pub seed: u64,
    /// Its repetition.
    pub repetition: u32,
}

impl Orders {
    /// Of a stream, counted from 0.
    fn rng(self, stream: u32) -> Rng {
        Rng::new(self.seed, &[QUERY_ORDER, u64::from(self.repetition), u64::from(stream)])
    }
}

/// Streams of queries, and before them as many clients of TPC-C as there are, if any.
pub struct Mixed {
    clients: u32,
    transactions: Option<Arc<dyn Workload>>,
    names: Vec<&'static str>,
    statements: Vec<Statement>,
    orders: Orders,
    answers: Arc<Answers>,
}

impl Mixed {
    /// Streams alone.
    pub fn streams(orders: Orders) -> Self {
        Self::new(0, None, orders)
    }

    /// The clients of a workload, which come first, and streams.
    pub fn beside(clients: u32, transactions: Arc<dyn Workload>, orders: Orders) -> Self {
        Self::new(clients, Some(transactions), orders)
    }

    fn new(clients: u32, transactions: Option<Arc<dyn Workload>>, orders: Orders) -> Self {
        let (mut names, mut statements) = match &transactions {
            Some(first) => (first.transactions().to_vec(), first.statements().to_vec()),
            None => (Vec::new(), Vec::new()),
        };
        names.extend(QUERIES.iter().map(|query| query.name));
        statements.extend(QUERIES.iter().map(|query| Statement::new(query.name, query.sql)));
        Self { clients, transactions, names, statements, orders, answers: Arc::default() }
    }

    /// What the streams were answered.
    pub fn answers(&self) -> Arc<Answers> {
        Arc::clone(&self.answers)
    }
}

impl Workload for Mixed {
    fn transactions(&self) -> &[&'static str] {
        &self.names
    }

    fn statements(&self) -> &[Statement] {
        &self.statements
    }

    fn client(&self, index: u32, rng: Rng) -> Box<dyn AnyClient> {
        match &self.transactions {
            Some(transactions) if index < self.clients => transactions.client(index, rng),
            _ => Box::new(Stream {
                first_transaction: self.names.len() - COUNT,
                first_statement: self.statements.len() - COUNT,
                order: Order::new(self.orders.rng(index.saturating_sub(self.clients))),
                query: 0,
                answers: Arc::clone(&self.answers),
            }),
        }
    }

    fn counted(&self) -> BTreeMap<&'static str, i64> {
        self.transactions.as_ref().map(|transactions| transactions.counted()).unwrap_or_default()
    }

    fn witnessed(&self) -> BTreeMap<String, Witness> {
        self.transactions.as_ref().map(|transactions| transactions.witnessed()).unwrap_or_default()
    }
}

/// The queries in a random order, again and again, each time in another.
struct Order {
    queries: [usize; COUNT],
    sent: usize,
    rng: Rng,
}

impl Order {
    fn new(rng: Rng) -> Self {
        Self { queries: std::array::from_fn(|place| place), sent: COUNT, rng }
    }

    fn next(&mut self) -> usize {
        if self.sent == COUNT {
            self.rng.shuffle(&mut self.queries);
            self.sent = 0;
        }
        self.sent += 1;
        self.queries[self.sent - 1]
    }
}

/// A client that sends one query after another.
struct Stream {
    /// The place of the first query among the workload's transactions.
    first_transaction: usize,
    /// And among its statements.
    first_statement: usize,
    order: Order,
    query: usize,
    answers: Arc<Answers>,
}

impl Client for Stream {
    fn draw(&mut self) -> Draw {
        self.query = self.order.next();
        Draw::now(self.first_transaction + self.query)
    }

    async fn run(&mut self, steps: &mut Steps<'_>) -> Result<Outcome, DbError> {
        let (query, mut answer) = (self.query, Answer::default());
        while steps.pass()? {
            steps.begin(Access::Read).await?;
            let read = |row: &dyn Row| answer.read(query, row);
            steps.query(self.first_statement + query, &[], read, |_| Ok(())).await?;
            steps.commit().await?;
        }
        self.answers.note(query, answer);
        Ok(Outcome::Committed)
    }
}

#[cfg(test)]
mod tests {
    use super::super::Htap;
    use super::*;
    use crate::benchmark::WorkloadContext;

    /// The transactions that a client draws.
    fn drawn(workload: &Mixed, index: u32, count: usize) -> Vec<&'static str> {
        let mut client = workload.client(index, Rng::new(3, &[u64::from(index)]));
        (0..count).map(|_| workload.transactions()[client.draw().transaction]).collect()
    }

    fn beside(repetition: u32) -> Mixed {
        let context = WorkloadContext { clients: 2, ..WorkloadContext::default() };
        Mixed::beside(2, Htap::transactions(&context), Orders { seed: 1, repetition })
    }

    #[test]
    fn clients_come_first_and_streams_send_every_query_in_an_order_of_their_own() {
        let mixed = beside(1);
        assert_eq!(mixed.transactions().len(), 27);
        for client in 0..2 {
            let transactions = drawn(&mixed, client, 100);
            let new_orders = transactions.iter().filter(|name| **name == "new_order").count();
            assert_eq!(new_orders, 45);
        }
        let names: Vec<&str> = QUERIES.iter().map(|query| query.name).collect();
        let mut orders = Vec::new();
        for stream in 2..5 {
            for order in drawn(&mixed, stream, 3 * COUNT).chunks(COUNT) {
                orders.push(order.to_vec());
                let mut sorted = order.to_vec();
                sorted.sort_unstable();
                assert_eq!(sorted, names);
            }
        }
        orders.sort_unstable();
        orders.dedup();
        assert_eq!(orders.len(), 9);
    }

    #[test]
    fn a_stream_sends_the_same_beside_transactions_as_alone_and_other_in_another_repetition() {
        let alone = Mixed::streams(Orders { seed: 1, repetition: 1 });
        assert_eq!(alone.transactions().len(), COUNT);
        for stream in 0..3 {
            let sent = drawn(&alone, stream, 2 * COUNT);
            assert_eq!(sent, drawn(&beside(1), 2 + stream, 2 * COUNT));
            assert_ne!(sent, drawn(&beside(2), 2 + stream, 2 * COUNT));
        }
    }

    #[test]
    fn queries_follow_the_statements_of_the_transactions() {
        let mixed = beside(1);
        let first = mixed.statements().len() - COUNT;
        for (statement, query) in mixed.statements()[first..].iter().zip(&QUERIES) {
            assert_eq!(statement.name, query.name);
            assert_eq!(statement.sql.matches('?').count(), 0);
        }
        assert!(mixed.statements()[..first].iter().all(|other| !other.name.starts_with('q')));
    }
}
