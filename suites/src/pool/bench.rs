//! What the benchmarks of this suite share: pools to be opened, loads through them, and what is looked at.

use std::cell::Cell;
use std::sync::Arc;
use std::time::{Duration, Instant};

use dbdyno_core::load::{Arrival, Length, LoadReport, Workload};
use dbdyno_core::query::scalar_sql;
use dbdyno_core::{
    Better, Cache, Driver, Error, Measurement, Pool, PoolKind, PoolPlan, PoolWait, Pools, Result,
    Status, Stop,
};

use super::found::most_open;
use super::leasing::{Acquired, Leasing, Log, Shared, Source};
use super::watch::{self, LEAVING, Look, PATIENCE, Subject};
use crate::runner::{Measured, Stage, Stand};

/// What results call connections without a pool.
pub const DIRECT: &str = "direct";
/// How often is looked whether they are.
const LOOK_AGAIN: Duration = Duration::from_millis(20);
/// So many looks in a row with the same answer are believed.
const STEADY: u32 = 5;

/// A case that is being measured.
pub struct Bench<'s> {
    pub stand: &'s Stand<'s>,
    pub driver: Arc<dyn Driver>,
    /// Sessions that the server has without those of clients; `None` where it cannot be asked, or where
    /// others may open some.
    sessions_before: Cell<Option<u32>>,
}

/// A pool to be measured.
#[derive(Clone)]
pub struct OpenPool {
    pub pool: Arc<dyn Pool>,
    pub wait: PoolWait,
}

/// What is asked of a pool, beside its kind.
#[derive(Clone, Copy, Debug)]
pub struct Wish {
    pub size: u32,
    pub clients: u32,
    pub acquire_timeout: Duration,
    pub idle_timeout: Option<Duration>,
}

/// A load and what was seen of its connections.
pub struct Seen {
    /// The most connections that were open at once; `None` where neither the pool nor the server told.
    pub most_open: Option<u32>,
    pub acquired: Acquired,
    /// The looks in the measured window.
    pub looks: Vec<Look>,
}

impl<'s> Bench<'s> {
    /// # Errors
    /// The driver has none of the pools that were asked for, or requests are to be sent together.
    pub fn new(stand: &'s Stand<'s>, measured: &mut Measured) -> Result<Self> {
        let doing = || format!("measure pools on {}", stand.driver().target());
        if stand.driver().pools().is_none() {
            return Err(Error::unsupported(doing(), "its driver has no connection pool"));
        }
        if stand.case().pipeline {
            let why = "clients that share connections wait for each answer";
            return Err(Error::unsupported(doing(), why));
        }
        if stand.case().cache == Cache::Cold {
            let why = "its loads are compared with each other on data that is in memory";
            return Err(Error::unsupported(doing(), why));
        }
        let bench = Self { stand, driver: stand.shared_driver(), sessions_before: Cell::new(None) };
        bench.tell_unknown_kinds(measured)?;
        // On somebody else's server sessions come and go.
        if stand.driver().server_control().is_some() {
            bench.sessions_before.set(bench.count_sessions()?);
        }
        Ok(bench)
    }

    /// For a benchmark whose clients work as fast as they can.
    ///
    /// # Errors
    /// They are to work at a rate.
    pub fn closed_loop(self) -> Result<Self> {
        match self.stand.options().arrival {
            Arrival::Closed => Ok(self),
            Arrival::Open(_) => {
                let doing = format!("measure {} at a rate", self.stand.case().benchmark);
                let why =
                    "its clients work as fast as they can until something happens to the pool";
                Err(Error::unsupported(doing, why).next("leave out `--rate`"))
            }
        }
    }

    fn pools(&self) -> Result<&dyn Pools> {
        let none = || Error::unsupported("open a pool", "the driver has none");
        self.driver.pools().ok_or_else(none)
    }

    /// The kinds of pools that are to be measured.
    pub fn kinds(&self) -> Result<Vec<PoolKind>> {
        let options = &self.stand.options().pool;
        let kinds = self.pools()?.kinds();
        Ok(kinds.into_iter().filter(|kind| options.wants(kind.name)).collect())
    }

    /// Whether connections without a pool are to be measured.
    pub fn wants_direct(&self) -> bool {
        self.stand.options().pool.wants(DIRECT)
    }

    /// Kinds that were asked for and that the driver does not have become rows.
    ///
    /// # Errors
    /// It has none of them.
    fn tell_unknown_kinds(&self, measured: &mut Measured) -> Result<()> {
        let Some(wanted) = &self.stand.options().pool.kinds else { return Ok(()) };
        let kinds = self.pools()?.kinds();
        let known: Vec<&str> =
            [DIRECT].into_iter().chain(kinds.iter().map(|kind| kind.name)).collect();
        let why = format!("the driver has {}", known.join(", "));
        let unknown: Vec<&String> =
            wanted.iter().filter(|kind| !known.contains(&kind.as_str())).collect();
        if unknown.len() == wanted.len() {
            let doing = format!("measure {} on {}", wanted.join(", "), self.driver.target());
            return Err(Error::unsupported(doing, why));
        }
        measured.own.extend(unknown.into_iter().map(|kind| unsupported(kind, &why)));
        Ok(())
    }

    /// Opens a pool for clients of a workload.
    ///
    /// # Errors
    /// It cannot be opened here (unsupported), or does not start.
    pub fn open(&self, kind: PoolKind, wish: Wish, workload: &dyn Workload) -> Result<OpenPool> {
        let plan = PoolPlan {
            size: wish.size,
            clients: wish.clients,
            acquire_timeout: Some(wish.acquire_timeout),
            idle_timeout: wish.idle_timeout,
            session: self.stand.client_options(),
            statements: workload.statements().into(),
        };
        let opening = self.pools()?.open(&self.driver, kind.name, plan);
        let pool = self.stand.block_on(opening)?;
        Ok(OpenPool { pool, wait: kind.waits })
    }

    /// A load of clients that have their connections from a pool, or of their own where there is none.
    ///
    /// # Errors
    /// The load never began.
    pub fn load(
        &self,
        name: &str,
        pool: Option<&OpenPool>,
        clients: u32,
        workload: &Arc<dyn Workload>,
    ) -> Result<(Stage, Seen)> {
        let length = self.stand.length(clients);
        let shared = Shared::new(Log::new(length.0, false));
        let (stage, looks) = self.load_noted(name, pool, clients, length, workload, &shared)?;
        let log = &shared.log;
        let looks: Vec<_> = looks.into_iter().filter(|look| log.is_measured(look.at)).collect();
        let most_open = match pool {
            // A load may be over before anybody looks: what was opened for it is open yet.
            Some(pool) => most_open(&looks).or_else(|| self.open_now(pool)),
            // Each client has a connection of its own.
            None => Some(clients),
        };
        Ok((stage, Seen { most_open, acquired: log.acquired(), looks }))
    }

    /// How many connections a pool has open; `None` where it does not tell.
    fn open_now(&self, pool: &OpenPool) -> Option<u32> {
        let state = async { tokio::time::timeout(PATIENCE, pool.pool.state()).await };
        Some(self.stand.block_on(state).ok()?.ok()?.open)
    }

    /// The same with a log that the caller reads, and all looks. They go into the run folder, too.
    ///
    /// # Errors
    /// The load never began, or the looks cannot be kept.
    pub fn load_noted(
        &self,
        name: &str,
        pool: Option<&OpenPool>,
        clients: u32,
        length: (Duration, Length),
        workload: &Arc<dyn Workload>,
        shared: &Arc<Shared>,
    ) -> Result<(Stage, Vec<Look>)> {
        let leasing = self.leasing(pool, shared);
        let subject = self.subject(pool, shared);
        let began = Instant::now();
        let load = || self.stand.load_through(name, &leasing, clients, length, workload);
        let (stage, looks) = subject.watch_during(load)?;
        let stage = stage?;
        let began = shared.log.began().unwrap_or(began);
        watch::keep(&self.stand.file("pools", "csv")?, name, began, &looks)?;
        Ok((stage, looks))
    }

    /// The same, but without an end: it lasts as long as `meanwhile` takes, which is called beside it.
    ///
    /// # Errors
    /// The load never began, or the looks cannot be kept.
    pub fn load_beside<T: Send>(
        &self,
        name: &str,
        pool: &OpenPool,
        workload: &Arc<dyn Workload>,
        shared: &Arc<Shared>,
        meanwhile: impl FnOnce(&Stop) -> T + Send,
    ) -> Result<(LoadReport, T, Vec<Look>)> {
        let leasing = self.leasing(Some(pool), shared);
        let subject = self.subject(Some(pool), shared);
        let (stand, began) = (self.stand, Instant::now());
        let (clients, seed) = (stand.case().clients, stand.case().seed);
        let load = || stand.load_beside_through(&leasing, clients, workload, seed, meanwhile);
        let (loaded, looks) = subject.watch_during(load)?;
        let (report, done) = loaded?;
        let began = shared.log.began().unwrap_or(began);
        watch::keep(&stand.file("pools", "csv")?, name, began, &looks)?;
        Ok((report, done, looks))
    }

    fn leasing(&self, pool: Option<&OpenPool>, shared: &Arc<Shared>) -> Arc<dyn Driver> {
        let source = match pool {
            Some(open) => Source::Pool(Arc::clone(&open.pool), open.wait),
            None => Source::Direct,
        };
        Leasing::driver(Arc::clone(&self.driver), source, Arc::clone(shared))
    }

    fn subject<'a>(&'a self, pool: Option<&OpenPool>, shared: &'a Arc<Shared>) -> Subject<'a> {
        Subject {
            driver: self.stand.driver(),
            pool: pool.map(|open| (Arc::clone(&open.pool), open.wait)),
            log: &shared.log,
            sessions_before: self.sessions_before.get(),
        }
    }

    /// Waits until the server has no sessions of clients any more.
    ///
    /// # Errors
    /// The server cannot be asked.
    pub fn settle(&self) -> Result<()> {
        let Some(before) = self.sessions_before.get() else { return Ok(()) };
        let deadline = Instant::now() + LEAVING;
        while Instant::now() < deadline {
            match self.count_sessions()? {
                Some(count) if count > before => {}
                left => {
                    self.sessions_before.set(left);
                    break;
                }
            }
        }
        Ok(())
    }

    /// Sessions that the server has without those of clients, where that is known.
    pub fn sessions_before(&self) -> Option<u32> {
        self.sessions_before.get()
    }

    /// How many sessions the server has, once that is steady: one that was closed is there for a moment.
    fn count_sessions(&self) -> Result<Option<u32>> {
        let Some(sql) = self.driver.dialect().count_sessions() else { return Ok(None) };
        let count = self.stand.ask("count the server's sessions", async |session| {
            let (mut last, mut steady) = (scalar_sql(session, sql).await?, 0);
            while steady < STEADY {
                tokio::time::sleep(LOOK_AGAIN).await;
                let now = scalar_sql(session, sql).await?;
                steady = if now == last { steady + 1 } else { 0 };
                last = now;
            }
            Ok(last)
        })?;
        // Some client libraries close a session in a task, which this event loop must run.
        self.stand.block_on(async { tokio::time::sleep(LOOK_AGAIN).await });
        Ok(u32::try_from(count).ok())
    }
}

/// Whether a pool was opened; one that there cannot be here becomes a row named `name`.
///
/// # Errors
/// It should have been, and was not.
pub fn opened(
    opened: Result<OpenPool>,
    name: &str,
    measured: &mut Measured,
) -> Result<Option<OpenPool>> {
    match opened {
        Ok(pool) => Ok(Some(pool)),
        Err(error) if error.is_unsupported() => {
            measured.own.push(unsupported(name, &error.to_string()));
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// The row of connections that there cannot be here.
fn unsupported(name: &str, why: &str) -> Measurement {
    let row = Measurement::new("throughput", 0.0, "1/s", Better::Higher).of(name);
    Measurement { value: None, ..row.with_status(Status::Unsupported, why) }
}
