//! The cycles of a case: each a load, a crash, a recovery and an account.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use dbdyno_core::random::Rng;
use dbdyno_core::{Check, Durability, Error, Event, Result};

use super::Bench;
use super::account::{Account, Tables};
use super::child::crash_process;
use super::crash::{Crash, Plan, crash_server};
use super::findings::Outcome;
use crate::runner::Measured;

/// The place of this random stream below the seed: when loads are crashed.
const CRASH_STREAM: u64 = 0x6372_6173;
/// How long after its first commit a load is crashed: between these, in milliseconds.
const CRASH_AFTER_MS: (i64, i64) = (300, 2_000);

/// The cycles of a case as they go.
pub struct Cycles<'b> {
    bench: &'b Bench<'b>,
    account: Account,
    outcome: Outcome,
}

impl<'b> Cycles<'b> {
    pub fn new(bench: &'b Bench<'b>) -> Self {
        let promised = bench.stand.case().durability > Durability::None;
        Self { bench, account: Account::default(), outcome: Outcome::new(promised) }
    }

    /// Goes through all of them.
    ///
    /// # Errors
    /// A cycle could not be gone through, or the end was asked for; what the others measured is kept.
    pub fn run(mut self, measured: &mut Measured) -> Result<()> {
        let wrong = self.look("check the data before it is used")?;
        if !wrong.is_empty() {
            measured.checks = wrong;
            return Ok(());
        }
        let ran = self.run_all();
        if self.outcome.has_cycles() {
            *measured = self.outcome.measured();
        }
        ran
    }

    /// What is wrong with data that was just loaded.
    fn look(&self, doing: &str) -> Result<Vec<Check>> {
        let (tables, mut checks) = self.tables(doing)?;
        let marks = tables.places.len() + tables.unreadable.len();
        let detail =
            format!("just loaded, the tables must hold nothing that clients write: {marks}");
        checks.push(Check::new("no_marks_before", marks == 0, detail));
        checks.retain(|check| !check.held);
        Ok(checks)
    }

    fn tables(&self, doing: &str) -> Result<(Tables, Vec<Check>)> {
        let (transactions, scale) = (self.bench.transactions, self.bench.stand.case().scale);
        self.bench.stand.ask(doing, async |session| transactions.look(session, scale).await)
    }

    fn run_all(&mut self) -> Result<()> {
        let cycles = self.bench.stand.options().cycles();
        for cycle in 1..=cycles {
            self.bench.stand.go_on()?;
            self.bench.stand.working_on(&format!("cycle {cycle} of {cycles}: load and crash"));
            let crash = self.crash(cycle)?;
            self.tell_killed(cycle, &crash)?;
            if !self.recovered(cycle, crash)? {
                break;
            }
        }
        Ok(())
    }

    fn crash(&self, cycle: u32) -> Result<Crash> {
        let (driver, options) = (self.bench.stand.driver(), self.bench.stand.options());
        let plan = self.plan(cycle);
        match (driver.server_control(), driver.embedded(), &options.load_host) {
            (Some(control), ..) => crash_server(self.bench, control, plan),
            (None, Some(embedded), Some(program)) => {
                crash_process(self.bench, embedded, program, plan)
            }
            _ => Err(Error::unsupported("crash it", "dbdyno kills only servers that it started")),
        }
    }

    fn plan(&self, cycle: u32) -> Plan {
        let case = self.bench.stand.case();
        let path = [CRASH_STREAM, u64::from(case.repetition), u64::from(cycle)];
        let mut rng = Rng::new(case.seed, &path);
        let after_ms = rng.between(CRASH_AFTER_MS.0, CRASH_AFTER_MS.1);
        let after = Duration::from_millis(after_ms.unsigned_abs());
        Plan { cycle, seed: rng.bits(), after }
    }

    fn tell_killed(&self, cycle: u32, crash: &Crash) -> Result<()> {
        let after = self.plan(cycle).after.as_millis();
        let detail = format!("cycle {cycle}: {after} ms after its first commit");
        let at = UNIX_EPOCH + Duration::from_micros(crash.killed_us);
        self.bench.stand.keep_event(&Event { at, ..Event::now("server_killed", detail) })
    }

    /// Takes down a crash and what is there after it; false where nothing can be looked at any more.
    fn recovered(&mut self, cycle: u32, crash: Crash) -> Result<bool> {
        let took = match crash.recovery {
            Ok(took) => took,
            Err(error) => {
                self.outcome.never_came_up(cycle, &error);
                return Ok(false);
            }
        };
        let at = UNIX_EPOCH + Duration::from_micros(crash.killed_us) + took;
        self.tell_restarted(cycle, at, took)?;
        self.check_durability()?;
        self.account.enter(crash.entries);
        let (tables, conditions) = match self.tables(&format!("account for cycle {cycle}")) {
            Ok(found) => found,
            Err(error) if self.bench.stand.is_stopped() => return Err(error),
            Err(error) => {
                self.outcome.never_came_up(cycle, &error);
                return Ok(false);
            }
        };
        let findings = self.account.settle(&tables);
        self.outcome.add(cycle, took, crash.last_us, &findings, conditions);
        Ok(true)
    }

    fn tell_restarted(&self, cycle: u32, at: SystemTime, took: Duration) -> Result<()> {
        let detail = format!("cycle {cycle}: the first commit after {} ms", took.as_millis());
        self.bench.stand.keep_event(&Event { at, ..Event::now("server_restarted", detail) })
    }

    /// Whether the server still holds the durability that the case is called by.
    fn check_durability(&self) -> Result<()> {
        let (held, wanted) =
            (self.bench.stand.held_durability()?, self.bench.stand.case().durability);
        if held.level == wanted {
            return Ok(());
        }
        let doing =
            format!("measure {wanted} durability on {}", self.bench.stand.driver().target());
        let why = format!("started again, it holds {} ({})", held.level, held.evidence);
        Err(Error::new(doing, why))
    }
}
