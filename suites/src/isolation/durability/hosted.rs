//! A load in a process of its own, for an engine that runs in the process of its clients: there is no
//! server to kill, so the clients are killed with it.
//!
//! The process is dbdyno itself, with the command line that [`HostedLoad::arguments`] gives. It writes
//! its journal into its standard output, and ends when its standard input does: when whoever started
//! it is gone.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::fd::AsFd as _;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use dbdyno_core::load::{Arrival, Length, LoadObserver, LoadPlan, RetryPolicy, run_load};
use dbdyno_core::measurement::Second;
use dbdyno_core::{
    Driver, Durability, Embedded, Error, Event, Isolation, Result, Scale, SessionOptions, Stop,
};

use super::crash::RECOVERY_LIMIT;
use super::journal::{Entry, Journal};
use super::probe::Probe;
use super::scribe::Part;
use super::transactions::Transactions;
use crate::runner::Stand;

/// How long a load lasts that is meant to be killed.
const WITHOUT_END: Duration = Duration::from_secs(24 * 3600);
/// How long transactions under way may take at its end.
const DRAIN: Duration = Duration::from_secs(30);

/// What a process is asked to host.
#[derive(Clone, Debug, PartialEq)]
pub struct HostedLoad {
    /// What its clients run.
    pub transactions: Transactions,
    /// The target, as [`Embedded::target_of`](dbdyno_core::Embedded) says it.
    pub target: String,
    /// What commits are to survive.
    pub durability: Durability,
    /// The isolation level.
    pub isolation: Isolation,
    /// How long a statement may run.
    pub statement_timeout: Option<Duration>,
    /// The number of clients; of the first commit after a crash, the number of its client.
    pub clients: u32,
    /// How often a transaction is tried again.
    pub max_retries: u32,
    /// The scale of the data.
    pub scale: Scale,
    /// The seed of the clients' inputs.
    pub seed: u64,
    /// The cycle, counted from 1.
    pub cycle: u32,
    /// Whether it is over with the first commit, which one client makes.
    pub first_commit: bool,
}

/// The name of the command that hosts a load; for dbdyno itself, and no user.
pub const COMMAND: &str = "host-load";

impl HostedLoad {
    /// The load of a case, with its `clients`, from this seed, in this cycle.
    ///
    /// # Errors
    /// The data cannot be named to another process.
    pub fn of(
        stand: &Stand<'_>,
        embedded: &dyn Embedded,
        transactions: Transactions,
        (seed, cycle): (u64, u32),
    ) -> Result<Self> {
        let (case, options) = (stand.case(), stand.options());
        Ok(Self {
            transactions,
            target: embedded.target_of(&transactions.dataset().namespace())?,
            durability: case.durability,
            isolation: case.isolation,
            statement_timeout: options.statement_timeout,
            clients: case.clients,
            max_retries: options.retry.max_retries,
            scale: case.scale,
            seed,
            cycle,
            first_commit: false,
        })
    }

    /// The words behind the program's name.
    pub fn arguments(&self) -> Vec<String> {
        let mut words = vec![COMMAND.to_owned()];
        let mut say = |option: &str, value: String| words.push(format!("--{option}={value}"));
        say("transactions", self.transactions.name().to_owned());
        say("target", self.target.clone());
        say("durability", self.durability.to_string());
        say("isolation", self.isolation.to_string());
        if let Some(limit) = self.statement_timeout {
            say("statement-timeout", format!("{}ms", limit.as_millis()));
        }
        say("clients", self.clients.to_string());
        say("max-retries", self.max_retries.to_string());
        say("scale", self.scale.to_string());
        say("seed", self.seed.to_string());
        say("cycle", self.cycle.to_string());
        if self.first_commit {
            words.push("--first-commit".to_owned());
        }
        words
    }

    /// Hosts the load on a driver of its target, until the process is killed, standard input ends or,
    /// where that is all, the first commit.
    ///
    /// # Errors
    /// The durability cannot be set, no session be opened, or the load not go on.
    pub fn host(&self, driver: Arc<dyn Driver>) -> Result<()> {
        end_with_standard_input()?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|why| Error::new("start the event loop", why))?;
        runtime.block_on(driver.set_durability(self.durability))?;
        let part = Part {
            cycle: self.cycle,
            rolls_back: !self.first_commit,
            journal: Arc::new(Lines::on_standard_output()?),
        };
        let workload = self.transactions.workload(self.scale, part);
        let session = SessionOptions {
            namespace: Some(self.transactions.dataset().namespace()),
            isolation: Some(self.isolation),
            statement_timeout: self.statement_timeout,
            ..SessionOptions::default()
        };
        if self.first_commit {
            let (client, seed) = (self.clients, self.seed);
            let probe = Probe { driver: driver.as_ref(), session, workload, client, seed };
            let began = std::time::Instant::now();
            let committed = probe.commit(|| began.elapsed() > RECOVERY_LIMIT);
            let doing = || format!("commit on {} after a crash", self.target);
            return runtime.block_on(committed).map_err(|why| Error::new(doing(), why));
        }
        let plan = LoadPlan {
            clients: self.clients,
            warmup: Duration::ZERO,
            length: Length::Duration(WITHOUT_END),
            arrival: Arrival::Closed,
            retry: RetryPolicy { max_retries: self.max_retries, ..RetryPolicy::default() },
            seed: self.seed,
            repetition: 1,
            reconnect_limit: DRAIN,
            drain_limit: DRAIN,
        };
        let report = run_load(&driver, &workload, session, plan, &Unobserved, &Stop::default())?;
        report.failure.map_or(Ok(()), Err)
    }
}

/// Ends this process once nobody holds the other end of its standard input.
fn end_with_standard_input() -> Result<()> {
    let watch = || {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        std::process::exit(0);
    };
    let watching = std::thread::Builder::new().name("life-line".to_owned()).spawn(watch);
    watching.map(drop).map_err(|why| Error::new("watch the process that asked for the load", why))
}

/// A journal of lines, each handed to the system by itself and at once.
struct Lines {
    out: File,
}

impl Lines {
    /// Not through the library's own buffer, which would die with the process.
    fn on_standard_output() -> Result<Self> {
        let out = std::io::stdout().as_fd().try_clone_to_owned();
        let out = out.map_err(|why| Error::new("write the journal of a load", why))?;
        Ok(Self { out: File::from(out) })
    }
}

impl Journal for Lines {
    fn keep(&self, entry: Entry) {
        let line = format!("{entry}\n");
        // Nobody is left to be told that nobody reads: standard input ends, too.
        let _ = (&self.out).write_all(line.as_bytes());
    }
}

/// Tells nobody.
struct Unobserved;

impl LoadObserver for Unobserved {
    fn second(&self, _: SystemTime, _: &[Second]) -> Result<()> {
        Ok(())
    }

    fn event(&self, _: &Event) -> Result<()> {
        Ok(())
    }
}
