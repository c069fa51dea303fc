//! The loads of a case, each with its account.

use std::sync::Arc;
use std::time::Duration;

use dbdyno_core::load::{LoadReport, Workload};
use dbdyno_core::{Better, Check, Measurement, PoolKind, PoolWait, Result};

use super::bench::{Bench, DIRECT, OpenPool, Wish, opened};
use super::burst::TIMES;
use super::churn::OneShot;
use super::found;
use crate::benchmark::{LoadBenchmark, State};
use crate::runner::Measured;

/// What results call connections that are opened for each transaction.
pub const CHURN: &str = "churn";

/// Where the clients of a load have their connections from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Planned {
    /// Each has one of its own.
    Direct,
    /// Each opens one for each transaction.
    Churn,
    /// A pool of a size.
    Pool(PoolKind, u32),
}

impl Planned {
    /// How results name it.
    pub fn name(self) -> String {
        match self {
            Self::Direct => DIRECT.to_owned(),
            Self::Churn => CHURN.to_owned(),
            Self::Pool(kind, size) => format!("{}-{size}", kind.name),
        }
    }
}

/// The tables of a case: what the clients of each load commit must be in them.
pub struct Account<'b> {
    pub bench: &'b Bench<'b>,
    pub transactions: &'static dyn LoadBenchmark,
    /// How long clients of pools wait for connections.
    pub acquire_timeout: Duration,
    before: State,
}

impl<'b> Account<'b> {
    /// Looks at the tables; `None`, with what is wrong, where nothing can be measured on them.
    ///
    /// # Errors
    /// They cannot be looked at.
    pub fn open(
        bench: &'b Bench<'b>,
        transactions: &'static dyn LoadBenchmark,
        measured: &mut Measured,
    ) -> Result<Option<Self>> {
        let acquire_timeout = bench.stand.options().pool.acquire_timeout();
        let before = State::default();
        let mut account = Self { bench, transactions, acquire_timeout, before };
        account.before = account.look()?;
        if account.before.checks.iter().any(|check| !check.held) {
            measured.checks.extend(account.before.checks);
            return Ok(None);
        }
        Ok(Some(account))
    }

    /// What clients of a load run.
    pub fn workload(&self) -> Arc<dyn Workload> {
        self.transactions.workload(&self.bench.stand.context(), &self.before)
    }

    /// Holds the tables against what the clients of a load were told; whether there may be another load.
    pub fn settle(
        &mut self,
        name: &str,
        workload: &dyn Workload,
        report: &LoadReport,
        measured: &mut Measured,
    ) -> bool {
        let after = match self.look() {
            Ok(after) => after,
            Err(error) => {
                measured.unchecked = Some(error.why().to_owned());
                return false;
            }
        };
        let (before, transactions) = (&self.before, self.transactions);
        let accounts = transactions.account(before, &after, &workload.counted(), &report.tally);
        let samples = transactions.account_samples(before, &after, &workload.witnessed());
        let answers = workload.checks(report.is_whole());
        let named = |check: Check| Check { name: format!("{}_{name}", check.name), ..check };
        let all = accounts.into_iter().chain(samples).chain(answers);
        measured.checks.extend(all.map(named));
        self.before = after;
        true
    }

    /// Ends the case: what must hold of the tables.
    pub fn close(self, measured: &mut Measured) {
        measured.checks.extend(self.before.checks);
    }

    fn look(&self) -> Result<State> {
        let (transactions, scale) = (self.transactions, self.bench.stand.case().scale);
        let doing = format!("check the data of {}", transactions.name());
        self.bench.stand.ask(&doing, async |session| transactions.state(session, scale).await)
    }

    /// Opens the pool of a load; `None` where clients need none, or where there cannot be one, of which a
    /// row is made.
    ///
    /// # Errors
    /// There could be one, and it does not start.
    pub fn open_pool(
        &self,
        planned: Planned,
        workload: &Arc<dyn Workload>,
        measured: &mut Measured,
    ) -> Result<Opened> {
        self.bench.settle()?;
        match planned {
            Planned::Direct => Ok(Opened::None),
            Planned::Churn => {
                let session = self.bench.stand.client_options();
                let pool = OneShot::open(&self.bench.driver, session, workload.statements());
                Ok(Opened::Pool(OpenPool { pool, wait: PoolWait::Acquiring }))
            }
            Planned::Pool(kind, size) => {
                let stand = self.bench.stand;
                // As many as there ever are: those of a burst.
                let clients = stand.case().clients.saturating_mul(TIMES);
                let acquire_timeout = self.acquire_timeout;
                let wish = Wish { size, clients, acquire_timeout, idle_timeout: None };
                let opening = self.bench.open(kind, wish, &**workload);
                Ok(match opened(opening, &planned.name(), measured)? {
                    Some(pool) => Opened::Pool(pool),
                    None => Opened::Unsupported,
                })
            }
        }
    }

    /// One load with its account; whether there may be another one.
    ///
    /// # Errors
    /// It never began.
    pub fn load(&mut self, planned: Planned, measured: &mut Measured) -> Result<bool> {
        let (name, workload) = (planned.name(), self.workload());
        let pool = match self.open_pool(planned, &workload, measured)? {
            Opened::None => None,
            Opened::Pool(pool) => Some(pool),
            Opened::Unsupported => return Ok(true),
        };
        let clients = self.bench.stand.case().clients;
        let (stage, seen) = self.bench.load(&name, pool.as_ref(), clients, &workload)?;
        measured.own.extend(found::metrics(&name, &stage.report, &seen));
        if let (Some(pool), Planned::Pool(_, size)) = (&pool, planned) {
            measured.own.push(size_row(&name, pool, size));
            measured.checks.push(found::size_kept(&name, size, &seen.looks));
        }
        drop(pool);
        let report = stage.report.clone();
        measured.stages.push(stage);
        Ok(self.settle(&name, &*workload, &report, measured) && report.is_whole())
    }
}

/// Whether clients have a pool.
pub enum Opened {
    /// They need none.
    None,
    Pool(OpenPool),
    /// There cannot be one here.
    Unsupported,
}

/// The size of a pool, and what is to be known of it.
pub fn size_row(name: &str, pool: &OpenPool, size: u32) -> Measurement {
    let row = Measurement::new("pool_size", size.into(), "1", Better::Neither).of(name);
    Measurement { detail: pool.pool.detail(), ..row }
}
