//! An engine that does nothing, at once: what is left is the cost of the load path.

use std::task::{Context, Poll};
use std::time::SystemTime;

use async_trait::async_trait;
use dbdyno_core::load::{AnyClient, Client, Draw, LoadObserver, Outcome, Workload};
use dbdyno_core::random::Rng;
use dbdyno_core::{
    Access, BulkLoad, Capabilities, DbError, Dialect, Driver, Durability, Event, HeldDurability,
    Isolation, LevelSupport, Request, Result, Row, RowVisitor, ServerInfo, Session, SessionOptions,
    Statement, Steps, Value, measurement::Second,
};

/// Answers every statement with one row of one integer.
#[derive(Default)]
pub struct NullSession {
    rows: u64,
}

struct NullRow;

impl Row for NullRow {
    fn value(&self, _index: usize) -> Result<Value<'_>, DbError> {
        Ok(Value::Int(1))
    }
}

#[async_trait]
impl Session for NullSession {
    async fn prepare(&mut self, _statements: &[Statement]) -> Result<(), DbError> {
        Ok(())
    }

    async fn rollback(&mut self) -> Result<(), DbError> {
        Ok(())
    }

    async fn run_sql(&mut self, _sql: &str) -> Result<u64, DbError> {
        Ok(0)
    }

    async fn query_sql(&mut self, _sql: &str, _visit: &mut RowVisitor<'_>) -> Result<u64, DbError> {
        Ok(0)
    }

    fn request(&mut self, request: Request<'_>) {
        self.rows = match request {
            Request::Begin(_) | Request::Commit => 0,
            Request::Run(..) => 1,
        };
    }

    fn poll_answer(
        &mut self,
        _context: &mut Context<'_>,
        visit: &mut RowVisitor<'_>,
    ) -> Poll<Result<u64, DbError>> {
        for _ in 0..self.rows {
            visit(&NullRow)?;
        }
        Poll::Ready(Ok(self.rows))
    }
}

/// Its driver.
pub struct NullDriver;

#[async_trait]
impl Driver for NullDriver {
    fn engine(&self) -> &str {
        "null"
    }

    fn name(&self) -> &str {
        "null"
    }

    fn target(&self) -> &str {
        "null"
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            own_threads: 1,
            one_event_loop: false,
            parallel_load: false,
            pipeline: Ok(()),
            distance: Err("there is no server"),
        }
    }

    fn dialect(&self) -> &dyn Dialect {
        unreachable!("nothing is said to it in SQL")
    }

    fn isolation(&self, _level: Isolation) -> LevelSupport {
        LevelSupport::Native { maps_to: "none" }
    }

    fn default_isolation(&self) -> Isolation {
        Isolation::Serializable
    }

    async fn server_info(&self) -> Result<ServerInfo> {
        Ok(ServerInfo::default())
    }

    async fn set_durability(&self, _level: Durability) -> Result<()> {
        Ok(())
    }

    async fn durability(&self) -> Result<HeldDurability> {
        unreachable!("nobody asks for it")
    }

    async fn connect(&self, _options: &SessionOptions) -> Result<Box<dyn Session>, DbError> {
        Ok(Box::new(NullSession::default()))
    }

    fn bulk_load(&self) -> Option<&dyn BulkLoad> {
        None
    }
}

/// A statement by itself, or a transaction of several.
pub struct NullWorkload {
    statements: usize,
}

impl NullWorkload {
    /// Transactions of so many statements between `begin` and `commit`; one statement by itself
    /// where there are none.
    pub fn new(statements: usize) -> Self {
        Self { statements }
    }
}

impl Workload for NullWorkload {
    fn transactions(&self) -> &[&'static str] {
        &["null"]
    }

    fn statements(&self) -> &[Statement] {
        &[]
    }

    fn client(&self, _index: u32, rng: Rng) -> Box<dyn AnyClient> {
        Box::new(NullClient { statements: self.statements, rng, input: 0 })
    }
}

struct NullClient {
    statements: usize,
    rng: Rng,
    input: i64,
}

impl Client for NullClient {
    fn draw(&mut self) -> Draw {
        self.input = self.rng.between(1, 100_000);
        Draw::now(0)
    }

    async fn run(&mut self, steps: &mut Steps<'_>) -> Result<Outcome, DbError> {
        let params = [Value::Int(self.input)];
        let mut sum = 0;
        let transaction = self.statements > 0;
        if transaction {
            steps.begin(Access::Write).await?;
        }
        for _ in 0..self.statements.max(1) {
            let visit = |row: &dyn Row| {
                sum += row.int(0)?;
                Ok(())
            };
            steps.query_one(0, &params, visit).await?;
        }
        if transaction {
            steps.commit().await?;
        }
        std::hint::black_box(sum);
        Ok(Outcome::Committed)
    }
}

/// Keeps nothing.
pub struct Silent;

impl LoadObserver for Silent {
    fn second(&self, _began: SystemTime, _seconds: &[Second]) -> Result<()> {
        Ok(())
    }

    fn event(&self, _event: &Event) -> Result<()> {
        Ok(())
    }
}
