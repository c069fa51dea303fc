//! A case: all methods, one after another.

use std::sync::Arc;

use dbdyno_core::backup::{BackupMethod, BackupPromise, Backups};
use dbdyno_core::load::Arrival;
use dbdyno_core::random::Rng;
use dbdyno_core::{Better, Cache, Error, Measurement, Result, Status};

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
    /// The data cannot be used any more, or the end was asked for; what was measured is kept.
    pub fn run(&self, measured: &mut Measured) -> Result<()> {
        let before = self.look()?;
        if before.checks.iter().any(|check| !check.held) {
            measured.checks.extend(before.checks);
            return Ok(());
        }
        let driver = self.stand.shared_driver();
        self.stand
            .ask("make the ledger", async |session| ledger::create(&*driver, session).await)?;
        let ran = self.run_all(before, measured);
        let dropped = self
            .stand
            .ask("drop the ledger", async |session| ledger::drop(&*driver, session).await);
        ran.and(dropped)
    }

    fn run_all(&self, state: State, measured: &mut Measured) -> Result<()> {
        let mut making = Making::new(self);
        let mut known = Some(state);
        for method in self.methods()? {
            self.stand.go_on()?;
            let state = match known.take() {
                Some(state) => state,
                None => self.look()?,
            };
            match making.one(method, state.clone(), measured) {
                Ok(after) => known = after,
                Err(error) if error.is_unsupported() => {
                    let why = match error.to_string().split_once("\n  next: ") {
                        Some((_, next)) => format!("{}; {next}", error.why()),
                        None => error.why().to_owned(),
                    };
                    measured.own.push(none(method, Status::Unsupported, &why));
                    known = Some(state);
                }
                Err(error) if self.stand.is_stopped() => return Err(error),
                Err(error) => {
                    // The others may well be made.
                    let why = error.to_string();
                    measured.own.push(none(method, Status::Failed, &why));
                    measured.could_not.push(format!("{}: {}", method.name, error.why()));
                    let is_at_rest = !self.under_load && method.promise == BackupPromise::Snapshot;
                    known = is_at_rest.then_some(state);
                }
            }
        }
        let methods = self.backups()?.methods();
        let keeps_log = |name: &str| {
            let its = methods.iter().find(|method| method.name == name);
            its.is_some_and(|method| method.promise == BackupPromise::PointInTime)
        };
        let costs = found::cost_of_log(&measured.own, keeps_log);
        measured.own.extend(costs);
        measured.headline = found::headline(&measured.own);
        Ok(())
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

/// The row of a method that gives no number.
fn none(method: BackupMethod, status: Status, why: &str) -> Measurement {
    let row = Measurement::new("backup_s", 0.0, "s", Better::Lower).of(method.name);
    Measurement { value: None, ..row.with_status(status, why) }
}
