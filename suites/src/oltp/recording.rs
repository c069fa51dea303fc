//! A session for tests that writes down what a client sends. It is no database: the answers are
//! given by the test.

use std::collections::{BTreeMap, VecDeque};
use std::fmt::Write as _;
use std::sync::Arc;
use std::task::{Context, Poll};

use async_trait::async_trait;
use dbdyno_core::load::{AnyClient, Draw, Outcome, Workload};
use dbdyno_core::random::Rng;
use dbdyno_core::{
    DbError, Decimal, NativeSql, Request, Returning, Row, RowLists, RowVisitor, Session, Statement,
    StatementId, Upsert, Value,
};

/// A column of an answer.
#[derive(Clone, Debug)]
pub enum Cell {
    Null,
    Int(i64),
    Cents(i64),
    Text(String),
}

type Answer = Box<dyn FnMut(&str, &[Value<'_>]) -> Vec<Vec<Cell>> + Send>;

/// The session.
pub struct Recording {
    statements: Vec<Statement>,
    answer: Answer,
    /// Rows matched by statements of these names; all others match one.
    pub matched: BTreeMap<&'static str, u64>,
    /// The names of the columns that statements of these names answer.
    pub columns: BTreeMap<&'static str, Vec<String>>,
    /// The error of the statement of this name, or of `commit`.
    pub fails: BTreeMap<&'static str, DbError>,
    /// A line for each call.
    pub lines: Vec<String>,
    /// Whether requests are made before the answers to earlier ones. A line `~` follows those that
    /// were sent together.
    pub pipelines: bool,
    unsent: bool,
    answers: VecDeque<Result<Answered, DbError>>,
}

/// Rows, or how many were matched.
enum Answered {
    Rows(Vec<Vec<Cell>>),
    Matched(u64),
}

impl Recording {
    /// A session on which the statements of `workload` are prepared. `answer` gives the rows of a
    /// query by its name (its SQL where it is not prepared) and its parameters.
    pub fn new(
        workload: &dyn Workload,
        answer: impl FnMut(&str, &[Value<'_>]) -> Vec<Vec<Cell>> + Send + 'static,
    ) -> Self {
        Self { statements: workload.statements().to_vec(), ..Self::unprepared(answer) }
    }

    /// A session for unprepared queries alone.
    pub fn unprepared(
        answer: impl FnMut(&str, &[Value<'_>]) -> Vec<Vec<Cell>> + Send + 'static,
    ) -> Self {
        Self {
            statements: Vec::new(),
            answer: Box::new(answer),
            matched: BTreeMap::new(),
            columns: BTreeMap::new(),
            fails: BTreeMap::new(),
            lines: Vec::new(),
            pipelines: false,
            unsent: false,
            answers: VecDeque::new(),
        }
    }

    fn run(&mut self, id: StatementId, params: &[Value<'_>]) -> Result<Answered, DbError> {
        let Statement { name, sql } = &self.statements[id];
        let shown: Vec<String> = params.iter().map(shown).collect();
        self.lines.push(format!("{name}({})", shown.join(", ")));
        self.failure(name)?;
        Ok(if sql.starts_with("SELECT") || sql.contains("RETURNING") {
            Answered::Rows((self.answer)(name, params))
        } else {
            Answered::Matched(self.matched.get(name).copied().unwrap_or(1))
        })
    }

    fn failure(&self, name: &str) -> Result<(), DbError> {
        self.fails.get(name).cloned().map_or(Ok(()), Err)
    }
}

/// A parameter as it is written down: of long text the beginning and the length.
fn shown(value: &Value<'_>) -> String {
    match value {
        Value::Int(int) => int.to_string(),
        Value::Decimal(decimal) => decimal.to_string(),
        Value::Text(text) if text.len() > 64 => format!("'{}…' [{}]", &text[..12], text.len()),
        Value::Text(text) => format!("'{text}'"),
        other => format!("{other:?}"),
    }
}

/// What PostgreSQL, MySQL and SQLite can say beyond portable SQL, by the names of their engines.
pub const NATIVE: [(&str, NativeSql); 3] = [
    (
        "postgres",
        NativeSql {
            returning: Returning::Joined,
            lists: RowLists::Arrays,
            upsert: Upsert::OnConflict,
        },
    ),
    (
        "mysql",
        NativeSql {
            returning: Returning::Nothing,
            lists: RowLists::Listed,
            upsert: Upsert::OnDuplicateKey,
        },
    ),
    (
        "sqlite",
        NativeSql {
            returning: Returning::Changed,
            lists: RowLists::OneByOne,
            upsert: Upsert::OnConflict,
        },
    ),
];

struct Cells(Vec<Cell>);

impl Row for Cells {
    fn value(&self, index: usize) -> Result<Value<'_>, DbError> {
        Ok(match self.0.get(index) {
            Some(Cell::Null) => Value::Null,
            Some(Cell::Int(int)) => Value::Int(*int),
            Some(Cell::Cents(cents)) => Value::Decimal(Decimal::cents(*cents)),
            Some(Cell::Text(text)) => Value::Text(text),
            None => return Err(DbError::unexpected(format!("no column {index}"))),
        })
    }
}

fn visit_all(rows: Vec<Vec<Cell>>, visit: &mut RowVisitor<'_>) -> Result<u64, DbError> {
    let count = rows.len() as u64;
    rows.into_iter().try_for_each(|row| visit(&Cells(row)))?;
    Ok(count)
}

#[async_trait]
impl Session for Recording {
    async fn prepare(&mut self, statements: &[Statement]) -> Result<(), DbError> {
        self.statements = statements.to_vec();
        Ok(())
    }

    async fn rollback(&mut self) -> Result<(), DbError> {
        assert!(self.answers.is_empty(), "answers were left unread");
        self.lines.push("rollback".into());
        Ok(())
    }

    async fn run_sql(&mut self, sql: &str) -> Result<u64, DbError> {
        self.lines.push(sql.into());
        Ok(0)
    }

    async fn query_sql(&mut self, sql: &str, visit: &mut RowVisitor<'_>) -> Result<u64, DbError> {
        self.lines.push(sql.into());
        visit_all((self.answer)(sql, &[]), visit)
    }

    fn columns(&self, id: StatementId) -> Result<Vec<String>, DbError> {
        Ok(self.columns.get(self.statements[id].name).cloned().unwrap_or_default())
    }

    fn pipelines(&self) -> bool {
        self.pipelines
    }

    fn request(&mut self, request: Request<'_>) {
        let answer = match request {
            Request::Begin(access) => {
                self.lines.push(format!("begin {access:?}"));
                Ok(Answered::Matched(0))
            }
            Request::Commit => {
                self.lines.push("commit".into());
                self.failure("commit").map(|()| Answered::Matched(0))
            }
            Request::Run(id, params) => self.run(id, params),
        };
        assert!(self.pipelines || self.answers.is_empty(), "an answer was not waited for");
        self.answers.push_back(answer);
        self.unsent = self.pipelines;
    }

    fn poll_answer(
        &mut self,
        _context: &mut Context<'_>,
        visit: &mut RowVisitor<'_>,
    ) -> Poll<Result<u64, DbError>> {
        if std::mem::take(&mut self.unsent) {
            self.lines.push("~".into());
        }
        Poll::Ready(match self.answers.pop_front().unwrap() {
            Ok(Answered::Rows(rows)) => visit_all(rows, visit),
            Ok(Answered::Matched(rows)) => Ok(rows),
            Err(why) => {
                self.answers.clear();
                Err(why)
            }
        })
    }
}

/// Runs a future that waits for nothing outside of itself.
pub fn now<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

/// Draws a transaction and runs it once.
pub fn draw_and_run(
    client: &mut dyn AnyClient,
    session: &mut Recording,
) -> (Draw, Result<Outcome, DbError>) {
    let draw = client.draw();
    (draw, now(client.run(session)))
}

/// What a client sends for so many transactions, line by line.
pub fn sent(
    client: &mut dyn AnyClient,
    session: &mut Recording,
    transactions: usize,
) -> Vec<String> {
    session.lines.clear();
    for _ in 0..transactions {
        draw_and_run(client, session).1.unwrap();
    }
    std::mem::take(&mut session.lines)
}

/// The statements of a workload, and what its client sends for the first `each` transactions of
/// each type.
pub fn page(
    workload: &dyn Workload,
    client: &mut dyn AnyClient,
    session: &mut Recording,
    each: usize,
) -> String {
    let mut page = String::new();
    for statement in workload.statements() {
        let _ = writeln!(page, "{}: {}", statement.name, statement.sql);
    }
    let mut missing = vec![each; workload.transactions().len()];
    while missing.iter().any(|missing| *missing > 0) {
        session.lines.clear();
        let (draw, outcome) = draw_and_run(client, session);
        if missing[draw.transaction] > 0 {
            missing[draw.transaction] -= 1;
            let _ = writeln!(page, "\n-- {}", workload.transactions()[draw.transaction]);
            session.lines.iter().for_each(|line| page.push_str(&format!("{line}\n")));
            let _ = writeln!(page, "-> {outcome:?}");
        }
    }
    page
}

/// The pages of a workload said natively, by engine; on PostgreSQL with requests sent together.
/// Engines that say it as another did before, or as portable SQL does, have none.
pub fn native_pages(
    workload: impl Fn(Option<NativeSql>) -> Arc<dyn Workload>,
    answer: impl FnMut(&str, &[Value<'_>]) -> Vec<Vec<Cell>> + Clone + Send + 'static,
    each: usize,
) -> Vec<(&'static str, String)> {
    let sql = |workload: &dyn Workload| -> Vec<String> {
        workload.statements().iter().map(|statement| statement.sql.clone()).collect()
    };
    let mut said = vec![sql(&*workload(None))];
    let mut pages = Vec::new();
    for (engine, native) in NATIVE {
        let workload = workload(Some(native));
        if said.contains(&sql(&*workload)) {
            continue;
        }
        said.push(sql(&*workload));
        let mut session = Recording::new(&*workload, answer.clone());
        session.pipelines = engine == "postgres";
        let mut client = workload.client(0, Rng::new(1, &[]));
        pages.push((engine, page(&*workload, &mut *client, &mut session, each)));
    }
    pages
}

/// The page of a workload whose portable statements are sent together.
pub fn pipelined_page(
    workload: &dyn Workload,
    answer: impl FnMut(&str, &[Value<'_>]) -> Vec<Vec<Cell>> + Send + 'static,
    each: usize,
) -> String {
    let mut session = Recording::new(workload, answer);
    session.pipelines = true;
    page(workload, &mut *workload.client(0, Rng::new(1, &[])), &mut session, each)
}
