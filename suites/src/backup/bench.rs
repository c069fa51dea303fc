//! A case: all methods, one after another.

use std::sync::Arc;

use dbdyno_core::backup::{BackupMethod, BackupPromise, Backups};
use dbdyno_core::load::Arrival;
use dbdyno_core::random::Rng;
use dbdyno_core::{Cache, Check, Error, Measurement, Result, Status};

use super::making::Making;
use super::{found, ledger};
use crate::benchmark::{Benchmark as _, LoadBenchmark as _, State};
use crate::oltp::tpcc::Tpcc;
use crate::runner::{Measured, Stand};

/// The place of this random stream below the seed: the order of methods.
const ORDER_STREAM: u64 = 0x6261_636b;

/// A case that is being measured.
pub struct Bench<'s> {
    pub stand: &'s Stand<'s>,
    pub under_load: bool,
}

impl<'s> Bench<'s> {
    /// # Errors
    /// The driver makes no backups, or none that was asked for.
    pub fn new(stand: &'s Stand<'s>, under_load: bool) -> Result<Self> {
        let doing = || format!("make backups of {}", stand.driver().target());
        if stand.driver().backups().is_none() {
            return Err(Error::unsupported(doing(), "its driver makes none"));
        }
        if stand.case().cache == Cache::Cold {
            let why = "what a backup costs a load is told by data that is in memory";
            return Err(Error::unsupported(doing(), why));
        }
        if under_load && stand.options().arrival != Arrival::Closed {
            let why = "its clients work as fast as they can, before, during and after a backup";
            return Err(Error::unsupported(doing(), why).next("leave out `--rate`"));
        }
        let bench = Self { stand, under_load };
        if bench.methods()?.is_empty() {
            let known: Vec<_> =
                bench.backups()?.methods().iter().map(|method| method.name).collect();
            let why = format!("the engine has {}", known.join(", "));
            return Err(Error::unsupported(doing(), why));
        }
        Ok(bench)
    }

    /// The driver's ability.
    ///
    /// # Errors
    /// It has none.
    pub fn backups(&self) -> Result<&dyn Backups> {
        let none = || Error::unsupported("make a backup", "the driver makes none");
        self.stand.driver().backups().ok_or_else(none)
    }

    /// The methods that are wanted, in an order that the repetition draws: what one leaves behind touches all
    /// others alike.
    fn methods(&self) -> Result<Vec<BackupMethod>> {
        let options = &self.stand.options().backup;
        let mut methods = self.backups()?.methods();
        methods.retain(|method| options.wants(method.name));
        let case = self.stand.case();
        Rng::new(case.seed, &[ORDER_STREAM, u64::from(case.repetition)]).shuffle(&mut methods);
        Ok(methods)
    }

    /// Goes through the methods.
    ///
    /// # Errors
    /// The end was asked for; what was measured is kept.
    pub fn run(&self, measured: &mut Measured) -> Result<()> {
        let Some(before) = self.attempt(measured, || self.look())? else { return Ok(()) };
        if before.checks.iter().any(|check| !check.held) {
            measured.checks.extend(before.checks);
            return Ok(());
        }
        let driver = self.stand.shared_driver();
        let create = || {
            self.stand
                .look("make the ledger", async |session| ledger::create(&*driver, session).await)
        };
        if self.attempt(measured, create)?.is_none() {
            return Ok(());
        }
        let mut making = Making::new(self);
        let ran = self.run_all(&mut making, before, measured);
        self.sum_up(&making, measured);
        let drop = || {
            self.stand
                .look("drop the ledger", async |session| ledger::drop(&*driver, session).await)
        };
        let dropped = self.attempt(measured, drop);
        ran.and(dropped.map(|_| ()))
    }

    /// Does something that all methods need; `None` where it fails, which breaks no promise of any.
    ///
    /// # Errors
    /// The end was asked for.
    fn attempt<T>(
        &self,
        measured: &mut Measured,
        work: impl FnOnce() -> Result<T>,
    ) -> Result<Option<T>> {
        match work() {
            Ok(done) => Ok(Some(done)),
            Err(error) if self.stand.is_stopped() => Err(error),
            Err(error) => {
                measured.could_not.push(error.to_string());
                Ok(None)
            }
        }
    }

    fn run_all(
        &self,
        making: &mut Making<'_>,
        state: State,
        measured: &mut Measured,
    ) -> Result<()> {
        let mut known = Some(state);
        for method in self.methods()? {
            self.stand.go_on()?;
            let none = found::none("backup_s").of(method.name);
            let state = match known.take().map_or_else(|| self.look(), Ok) {
                Ok(state) => state,
                Err(error) => {
                    self.keep_failure(none, error, measured)?;
                    continue;
                }
            };
            match making.one(method, state.clone(), measured) {
                Ok(after) => known = after,
                Err(error) if error.is_unsupported() => {
                    let why = match error.to_string().split_once("\n  next: ") {
                        Some((_, next)) => format!("{}; {next}", error.why()),
                        None => error.why().to_owned(),
                    };
                    measured.own.push(none.with_status(Status::Unsupported, why));
                    known = Some(state);
                }
                Err(error) => {
                    let is_at_rest = !self.under_load && method.promise == BackupPromise::Snapshot;
                    known = is_at_rest.then_some(state);
                    self.keep_failure(none, error, measured)?;
                }
            }
        }
        Ok(())
    }

    /// Keeps why a part of a method that there is gave no number, which `row` is to say. The other methods may well be
    /// measured.
    ///
    /// # Errors
    /// The end was asked for.
    pub fn keep_failure(
        &self,
        row: Measurement,
        error: Error,
        measured: &mut Measured,
    ) -> Result<()> {
        if self.stand.is_stopped() {
            return Err(error);
        }
        if error.is_broken() {
            let name = row.transaction.as_str();
            measured.checks.push(Check::new("restored", false, error.to_string()).of(name));
        } else {
            measured.could_not.push(format!("{}: {}", row.transaction, error.why()));
            measured.own.push(row.with_status(Status::Failed, error.to_string()));
        }
        Ok(())
    }

    /// What shows in the rows of all methods alone.
    fn sum_up(&self, making: &Making<'_>, measured: &mut Measured) {
        let costs = found::cost_of_log(&measured.own, |name| making.needed_log(name));
        measured.own.extend(costs);
        measured.headline = found::headline(&measured.own);
    }

    /// Looks at the tables: the consistency conditions, and the counters.
    ///
    /// # Errors
    /// They cannot be looked at.
    pub fn look(&self) -> Result<State> {
        let scale = self.stand.case().scale;
        self.stand.ask("check the data of tpcc", async |session| Tpcc.state(session, scale).await)
    }

    /// What clients run.
    pub fn workload(&self, before: &State) -> Arc<dyn dbdyno_core::load::Workload> {
        Tpcc.workload(&self.stand.context(), before)
    }

    /// The namespace of the tables.
    pub fn namespace(&self) -> String {
        Tpcc.dataset().namespace()
    }
}
