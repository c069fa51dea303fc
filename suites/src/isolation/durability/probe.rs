//! The first commit after a crash.

use std::sync::Arc;
use std::time::Duration;

use dbdyno_core::load::{AnyClient, Outcome, Workload};
use dbdyno_core::random::Rng;
use dbdyno_core::{DbError, Driver, ErrorClass, SessionOptions};

/// The pause after an attempt that failed.
const PAUSE: Duration = Duration::from_millis(1);
/// How long an attempt may take: a server that is coming up may take a connection and not answer.
const ATTEMPT: Duration = Duration::from_secs(5);
/// The place of this random stream below the seed: the inputs of the first commit.
const PROBE_STREAM: u64 = 0x7072_6f62;

/// A client that does nothing but try until a transaction of its own commits.
pub struct Probe<'p> {
    /// The target.
    pub driver: &'p dyn Driver,
    /// How its sessions are opened.
    pub session: SessionOptions,
    /// What it runs.
    pub workload: Arc<dyn Workload>,
    /// Its number, which no other client has.
    pub client: u32,
    /// The seed of its inputs.
    pub seed: u64,
}

impl Probe<'_> {
    /// Opens a session and commits a transaction, again and again until one did; `Err` with the last
    /// failure once `given_up` says so.
    pub async fn commit(&self, given_up: impl Fn() -> bool) -> Result<(), DbError> {
        let rng = Rng::new(self.seed, &[PROBE_STREAM]);
        let mut client = self.workload.client(self.client, rng);
        loop {
            let attempt = tokio::time::timeout(ATTEMPT, self.attempt(&mut *client)).await;
            let failure = match attempt {
                Ok(Ok(Outcome::Committed)) => return Ok(()),
                Ok(Ok(Outcome::RolledBack)) => continue,
                Ok(Err(failure)) => failure,
                Err(_) => DbError::new(ErrorClass::Disconnected, None, "it did not answer"),
            };
            if given_up() {
                return Err(failure);
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    async fn attempt(&self, client: &mut dyn AnyClient) -> Result<Outcome, DbError> {
        let mut session = self.driver.connect(&self.session).await?;
        session.prepare(self.workload.statements()).await?;
        client.draw();
        client.run(&mut *session).await
    }
}
