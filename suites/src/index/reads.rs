//! The clients that find rows.

use dbdyno_core::load::{AnyClient, Client, Draw, Outcome, Workload};
use dbdyno_core::random::Rng;
use dbdyno_core::{Access, DbError, IndexSql, Row, Statement, StatementId, Steps, Value};
use dbdyno_datasets::access::parents;

use super::patterns::{Drawn, Find, KEY, Pattern, TEXT, draw_word};
use crate::parameter::Parameter;

const FIND: StatementId = 0;
const DELETE_PARENT: StatementId = 0;
const INSERT_PARENT: StatementId = 1;

/// The query that finds rows, as it is said without the index, or with it. Where finding is no query, the
/// one that the engine makes by itself.
pub fn query(pattern: &Pattern, indexes: Option<&dyn IndexSql>) -> String {
    match (&pattern.find, indexes) {
        (Find::Query(sql, _), _) => (*sql).to_owned(),
        (Find::Word, None) => "SELECT id, amount FROM access_rows WHERE body LIKE ?".to_owned(),
        (Find::Word, Some(indexes)) => {
            let has_word = indexes.has_word(pattern.index.name, TEXT, KEY);
            format!("SELECT id, amount FROM access_rows WHERE {has_word}")
        }
        (Find::DeleteParent, _) => {
            "SELECT id, amount FROM access_children WHERE parent_id = ?".to_owned()
        }
    }
}

/// The parameters of [`query`].
pub fn parameters(
    pattern: &Pattern,
    with_index: bool,
    rng: &mut Rng,
    drawn: Drawn,
) -> Vec<Parameter> {
    match &pattern.find {
        Find::Query(_, draw) => draw(rng, drawn),
        Find::Word if with_index => vec![draw_word(rng).into()],
        Find::Word => vec![format!("% {} %", draw_word(rng)).into()],
        Find::DeleteParent => vec![(rng.below(parents(drawn.rows)) as i64).into()],
    }
}

/// The statements of the clients.
pub fn statements(pattern: &Pattern, indexes: Option<&dyn IndexSql>) -> Vec<Statement> {
    if matches!(pattern.find, Find::DeleteParent) {
        let insert = "INSERT INTO access_parents (id, label) VALUES (?, ?)";
        return vec![
            Statement::new("delete_parent", "DELETE FROM access_parents WHERE id = ?"),
            Statement::new("insert_parent", insert),
        ];
    }
    vec![Statement::new("find", query(pattern, indexes))]
}

/// Clients that find rows one time after another.
pub struct Reads {
    pub pattern: &'static Pattern,
    pub statements: Vec<Statement>,
    pub with_index: bool,
    pub drawn: Drawn,
    pub clients: u32,
}

impl Workload for Reads {
    fn transactions(&self) -> &[&'static str] {
        &["find"]
    }

    fn statements(&self) -> &[Statement] {
        &self.statements
    }

    fn client(&self, index: u32, rng: Rng) -> Box<dyn AnyClient> {
        if matches!(self.pattern.find, Find::DeleteParent) {
            return Box::new(Deleter {
                first: parents(self.drawn.rows) + u64::from(index),
                step: u64::from(self.clients),
                count: parents(self.drawn.rows) / u64::from(self.clients),
                parent: 0,
                rng,
            });
        }
        let Self { pattern, with_index, drawn, .. } = *self;
        Box::new(Reader { pattern, with_index, drawn, rng, parameters: Vec::new() })
    }
}

/// Sends the query.
struct Reader {
    pattern: &'static Pattern,
    with_index: bool,
    drawn: Drawn,
    rng: Rng,
    parameters: Vec<Parameter>,
}

impl Client for Reader {
    fn draw(&mut self) -> Draw {
        self.parameters = parameters(self.pattern, self.with_index, &mut self.rng, self.drawn);
        Draw::now(0)
    }

    async fn run(&mut self, steps: &mut Steps<'_>) -> Result<Outcome, DbError> {
        let values: Vec<Value<'_>> = self.parameters.iter().map(Parameter::value).collect();
        steps.query(FIND, &values, |row: &dyn Row| both(row).map(drop), |_| Ok(())).await?;
        Ok(Outcome::Committed)
    }
}

/// The two numbers of a row that was found; a sum over no row is none.
pub fn both(row: &dyn Row) -> Result<(i64, i64), DbError> {
    Ok((row.int(0)?, if row.is_null(1)? { 0 } else { row.int(1)? }))
}

/// Deletes parents that have no children and that no other client deletes, and inserts them again.
struct Deleter {
    first: u64,
    step: u64,
    count: u64,
    parent: i64,
    rng: Rng,
}

impl Client for Deleter {
    fn draw(&mut self) -> Draw {
        self.parent = (self.first + self.step * self.rng.below(self.count)) as i64;
        Draw::now(0)
    }

    async fn run(&mut self, steps: &mut Steps<'_>) -> Result<Outcome, DbError> {
        let id = Value::Int(self.parent);
        let label = format!("parent {}", self.parent);
        while steps.pass()? {
            steps.begin(Access::Write).await?;
            steps.execute_one(DELETE_PARENT, &[id]).await?;
            steps.execute_one(INSERT_PARENT, &[id, Value::Text(&label)]).await?;
            steps.commit().await?;
        }
        Ok(Outcome::Committed)
    }
}
