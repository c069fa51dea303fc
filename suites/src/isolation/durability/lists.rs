//! List-append under crashes: each transaction appends its mark to two lists.

use std::fmt::Write as _;
use std::sync::Arc;

use dbdyno_core::load::{AnyClient, Client, Draw, Outcome, Workload};
use dbdyno_core::random::Rng;
use dbdyno_core::{Access, Check, DbError, Scale, Session, Statement, Steps, Value};
use dbdyno_datasets::{Dataset, lists};

use super::account::Tables;
use super::journal::Place;
use super::scribe::{Part, Scribe};

const TRANSACTIONS: [&str; 1] = ["append"];
/// Lists that clients append to at a time: few enough to wait for each other.
const WINDOW: u64 = 16;
/// A client goes on to the next window after so many transactions, so that lists stay short.
const STAYS: u64 = 64;
/// The first windows of neighbouring cycles are so many apart: a prime that does not divide the number of
/// windows, so that cycles spread over all lists.
const APART: u64 = 101;

/// The statements of its clients.
pub fn statements() -> Vec<Statement> {
    vec![Statement::new("append", lists::APPEND)]
}

/// Looks at every list.
///
/// # Errors
/// The engine refuses.
pub async fn look(session: &mut dyn Session) -> Result<(Tables, Vec<Check>), DbError> {
    let mut tables = Tables { ordered: true, ..Tables::default() };
    let sql = "SELECT id, elements FROM lists WHERE elements <> ''";
    session
        .query_sql(sql, &mut |row| {
            let list = Place::List(row.int(0)?);
            lists::elements(row.text(1)?).for_each(|element| tables.add(list, element));
            Ok(())
        })
        .await?;
    Ok((tables, Vec::new()))
}

/// The workload of a part of a case.
pub fn workload(scale: Scale, part: Part) -> Arc<dyn Workload> {
    let lists = lists::Lists.rows("lists", scale);
    Arc::new(Lists { lists, part, statements: statements() })
}

struct Lists {
    lists: u64,
    part: Part,
    statements: Vec<Statement>,
}

impl Workload for Lists {
    fn transactions(&self) -> &[&'static str] {
        &TRANSACTIONS
    }

    fn statements(&self) -> &[Statement] {
        &self.statements
    }

    fn client(&self, index: u32, rng: Rng) -> Box<dyn AnyClient> {
        Box::new(ListClient {
            lists: self.lists,
            scribe: Scribe::new(&self.part, index),
            rng,
            ids: [0; 2],
            element: String::new(),
        })
    }
}

struct ListClient {
    lists: u64,
    scribe: Scribe,
    rng: Rng,
    ids: [i64; 2],
    element: String,
}

impl Client for ListClient {
    /// Two lists of the window, the lower first, so that no transactions wait for each other in a circle.
    fn draw(&mut self) -> Draw {
        let mark = self.scribe.draw(&mut self.rng);
        self.element.clear();
        // Writing to a string cannot fail.
        let _ = write!(self.element, "{mark}{}", lists::SEPARATOR);
        let windows = self.lists / WINDOW;
        let window = u64::from(mark.cycle) * APART + mark.number / STAYS;
        let first = (window % windows) * WINDOW;
        let one = self.rng.below(WINDOW);
        let other = (one + 1 + self.rng.below(WINDOW - 1)) % WINDOW;
        self.ids = [one.min(other), one.max(other)].map(|place| (first + place) as i64);
        Draw::now(0)
    }

    async fn run(&mut self, steps: &mut Steps<'_>) -> Result<Outcome, DbError> {
        steps.begin(Access::Write).await?;
        for id in self.ids {
            steps.execute_one(0, &[Value::Text(&self.element), Value::Int(id)]).await?;
        }
        self.scribe.end(steps, &self.ids.map(Place::List)).await
    }
}
