//! A session that plays one transaction of a schedule, on a thread of its own: a call of an engine may
//! block it.

use std::sync::Arc;
use std::thread::JoinHandle;

use dbdyno_core::{DbError, Driver, Row, Session, SessionOptions};
use tokio::sync::Notify;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::schedule::{Do, Rows};

/// What a player tells the director.
#[derive(Debug)]
pub struct Answer {
    /// Who.
    pub by: usize,
    /// What the session was answered.
    pub answer: Result<Answered, DbError>,
}

/// What a session was answered.
#[derive(Debug)]
pub enum Answered {
    /// It is open, and known by this number.
    Open(i64),
    /// It is done, and matched so many rows.
    Done(u64),
    /// These rows.
    Rows(Rows),
}

/// A player as the director has it. Dropped, its thread ends, whatever it is waiting for.
pub struct Player {
    orders: UnboundedSender<Do>,
    leave: Arc<Notify>,
    thread: Option<JoinHandle<()>>,
}

impl Player {
    /// Opens a session on a new thread; its first answer is whether it is open.
    pub fn enter(
        by: usize,
        driver: Arc<dyn Driver>,
        options: SessionOptions,
        answers: UnboundedSender<Answer>,
    ) -> Result<Self, DbError> {
        let (orders, taken) = unbounded_channel();
        let leave = Arc::new(Notify::new());
        let left = Arc::clone(&leave);
        let thread = std::thread::Builder::new().name(format!("T{by}")).spawn(move || {
            let told = answers.clone();
            if let Err(error) = live(by, driver.as_ref(), &options, taken, answers, &left) {
                // A director that has gone needs no answer.
                let _ = told.send(Answer { by, answer: Err(error) });
            }
        });
        let thread = thread
            .map_err(|why| DbError::unexpected(format!("a thread cannot be started: {why}")))?;
        Ok(Self { orders, leave, thread: Some(thread) })
    }

    /// Has the session do something.
    pub fn order(&self, what: Do) {
        // A player that has gone has said why.
        let _ = self.orders.send(what);
    }

    /// Waits for the end of the thread, which must not wait for anything any more.
    pub fn join(mut self) {
        self.leave.notify_one();
        if let Some(thread) = self.thread.take() {
            // A thread that panicked has said so.
            let _ = thread.join();
        }
    }
}

impl Drop for Player {
    fn drop(&mut self) {
        self.leave.notify_one();
    }
}

fn live(
    by: usize,
    driver: &dyn Driver,
    options: &SessionOptions,
    mut orders: UnboundedReceiver<Do>,
    answers: UnboundedSender<Answer>,
    leave: &Notify,
) -> Result<(), DbError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|why| DbError::unexpected(format!("no event loop: {why}")))?;
    runtime.block_on(async {
        let work = async {
            let mut session = driver.connect(options).await?;
            let Some(waits) = driver.lock_waits() else { return Ok(()) };
            let id = waits.identify(&mut *session).await?;
            let mut answer = Ok(Answered::Open(id));
            while answers.send(Answer { by, answer }).is_ok() {
                let Some(what) = orders.recv().await else { break };
                answer = obey(&mut *session, what).await;
            }
            Ok(())
        };
        tokio::select! {
            ended = work => ended,
            () = leave.notified() => Ok(()),
        }
    })
}

async fn obey(session: &mut dyn Session, what: Do) -> Result<Answered, DbError> {
    match what {
        Do::Begin(access) => session.begin(access).await.map(|()| Answered::Done(0)),
        Do::Commit => session.commit().await.map(|()| Answered::Done(0)),
        Do::RollBack => session.rollback().await.map(|()| Answered::Done(0)),
        Do::Write(sql) => session.run_sql(sql).await.map(Answered::Done),
        Do::Read(_, sql) => rows(session, sql).await.map(Answered::Rows),
    }
}

/// The rows that a query answers.
pub async fn rows(session: &mut dyn Session, sql: &str) -> Result<Rows, DbError> {
    let mut rows = Rows::new();
    let mut visit = |row: &dyn Row| {
        rows.push((row.int(0)?, row.int(1)?));
        Ok(())
    };
    session.query_sql(sql, &mut visit).await?;
    Ok(rows)
}
