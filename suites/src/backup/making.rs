//! One backup: made, restored, and held against what its method promises.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use dbdyno_core::backup::{Backup, BackupMade, BackupMethod, BackupPlan, BackupPromise, Restored};
use dbdyno_core::{Check, Event, Result};

use super::bench::Bench;
use super::content::{self, Content};
use super::ledger::{self, Ledger};
use super::manifest::Manifest;
use super::verify::{Expected, verify};
use super::{found, load};
use crate::benchmark::{Benchmark as _, LoadBenchmark as _, State};
use crate::oltp::tpcc::Tpcc;
use crate::runner::Measured;

/// How long a backup may take.
const LIMIT: Duration = Duration::from_secs(1_800);
/// Transactions between a backup at rest and the moment that is recovered to, and after that moment.
const TRANSACTIONS: u64 = 200;

/// Goes through backups of one case.
pub struct Making<'b> {
    bench: &'b Bench<'b>,
    ledger: Ledger,
}

impl<'b> Making<'b> {
    pub fn new(bench: &'b Bench<'b>) -> Self {
        Self { bench, ledger: Ledger::default() }
    }

    /// Makes a backup by one method; gives the state of the tables afterwards. `before` is the one of now.
    ///
    /// # Errors
    /// It cannot be made here (unsupported), was not made, or the tables cannot be looked at. What is wrong
    /// with a backup that was made is a check, not an error.
    pub fn one(
        &mut self,
        method: BackupMethod,
        before: State,
        measured: &mut Measured,
    ) -> Result<State> {
        let (bench, name) = (self.bench, method.name);
        let stand = bench.stand;
        let plan = BackupPlan {
            namespace: bench.namespace(),
            base: stand.options().backup.folder.clone(),
        };
        stand.working_on(&format!("get ready for {name}"));
        let backup = bench.backups()?.prepare(name, &plan)?;
        self.write()?;
        let data_bytes = bench.backups()?.data_bytes(&plan.namespace)?;
        let at_rest = self.content_for(method, bench.under_load)?;
        let (made, times, state) = match bench.under_load {
            true => self.under_load(method, backup.as_ref(), before, measured)?,
            false => self.at_rest(method, backup.as_ref(), before)?,
        };
        let mut rows = found::of_backup(data_bytes, &made, &backup.detail());
        let manifest = Manifest::of(backup.folder())?;
        self.tell(name, "backup_made", &backup.folder().display().to_string())?;
        let expected = match method.promise {
            BackupPromise::Snapshot => {
                self.write()?;
                Expected { content: at_rest, from: times.0, to: times.1 }
            }
            BackupPromise::PointInTime => {
                let (expected, log_bytes) = self.point_in_time(backup.as_ref(), &state)?;
                rows.push(found::log_bytes(log_bytes));
                expected
            }
        };
        measured.own.extend(rows.into_iter().map(|row| row.of(name)));
        self.restore(name, (backup.as_ref(), &manifest), &expected, measured)?;
        match method.promise {
            BackupPromise::Snapshot => Ok(state),
            BackupPromise::PointInTime => {
                // What the method changed of the server is taken back, which may start it again; the look that
                // follows warms it for the next.
                drop(backup);
                bench.look()
            }
        }
    }

    /// What must be restored to the letter: all that is there, where nobody changes it meanwhile.
    fn content_for(
        &self,
        method: BackupMethod,
        under_load: bool,
    ) -> Result<Option<BTreeMap<String, Content>>> {
        match (method.promise, under_load) {
            (BackupPromise::Snapshot, false) => self.content().map(Some),
            (BackupPromise::Snapshot, true) | (BackupPromise::PointInTime, _) => Ok(None),
        }
    }

    fn content(&self) -> Result<BTreeMap<String, Content>> {
        let driver = self.bench.stand.shared_driver();
        let tables = Tpcc.dataset().tables();
        self.bench.stand.ask("add up the rows of all tables", async |session| {
            content::read(&tables, &*driver, session).await
        })
    }

    /// Writes a number into the ledger.
    fn write(&mut self) -> Result<()> {
        let stand = self.bench.stand;
        let quoted = stand.driver().dialect().quote(ledger::TABLE);
        let ledger = &mut self.ledger;
        stand.ask("write the ledger", async |session| ledger.write(session, &quoted).await)
    }

    fn tell(&self, name: &str, kind: &'static str, detail: &str) -> Result<()> {
        let event = Event { transaction: name.to_owned(), ..Event::now(kind, detail) };
        self.bench.stand.keep_event(&event)
    }

    /// Makes it; gives from when to when that took.
    fn make(&self, name: &str, backup: &dyn Backup) -> Result<(BackupMade, (Instant, Instant))> {
        self.bench.stand.working_on(&format!("make a backup by {name}"));
        let started = Instant::now();
        let running = backup.start()?;
        let process = running.process().map_or("of dbdyno".to_owned(), |id| id.to_string());
        self.tell(name, "backup_started", &format!("process {process}"))?;
        let made = running.wait(LIMIT, self.bench.stand.stop())?;
        Ok((made, (started, Instant::now())))
    }

    fn at_rest(
        &self,
        method: BackupMethod,
        backup: &dyn Backup,
        before: State,
    ) -> Result<(BackupMade, (Instant, Instant), State)> {
        let (made, times) = self.make(method.name, backup)?;
        if method.promise == BackupPromise::PointInTime {
            self.work(&before)?;
        }
        Ok((made, times, before))
    }

    /// Has one client change the tables.
    fn work(&self, state: &State) -> Result<()> {
        let workload = self.bench.workload(state);
        self.bench.stand.run_exactly(TRANSACTIONS, &workload).map(|_| ())
    }

    fn under_load(
        &mut self,
        method: BackupMethod,
        backup: &dyn Backup,
        before: State,
        measured: &mut Measured,
    ) -> Result<(BackupMade, (Instant, Instant), State)> {
        let (bench, name) = (self.bench, method.name);
        let workload = bench.workload(&before);
        let mut ledger = std::mem::take(&mut self.ledger);
        let making = || self.make(name, backup);
        let loaded = load::around(bench.stand, name, &workload, &mut ledger, making);
        self.ledger = ledger;
        let loaded = loaded?;
        let after = bench.look()?;
        let accounts = Tpcc.account(&before, &after, &workload.counted(), &loaded.report.tally);
        let named = |check: Check| Check { name: format!("{}_{name}", check.name), ..check };
        measured.checks.extend(accounts.into_iter().map(named));
        // What the source itself lacks is not the backup's fault.
        measured.checks.extend(after.checks.iter().filter(|check| !check.held).cloned().map(named));
        measured.own.extend(loaded.metrics(name));
        let (made, times) = loaded.made?;
        Ok((made, times, after))
    }

    /// Marks a moment at which nobody works, and goes on after it; gives what must be recovered, and the size
    /// of the log.
    fn point_in_time(&mut self, backup: &dyn Backup, state: &State) -> Result<(Expected, u64)> {
        let stand = self.bench.stand;
        stand.working_on("mark the moment to be recovered to");
        self.write()?;
        let content = Some(self.content()?);
        let from = Instant::now();
        backup.mark()?;
        let to = Instant::now();
        self.write()?;
        self.work(state)?;
        Ok((Expected { content, from, to }, backup.close()?))
    }

    fn restore(
        &self,
        name: &str,
        (backup, manifest): (&dyn Backup, &Manifest),
        expected: &Expected,
        measured: &mut Measured,
    ) -> Result<()> {
        let stand = self.bench.stand;
        stand.working_on(&format!("restore the backup of {name}"));
        // Restoring may change the files.
        let damage = manifest.damage();
        let restored: Restored = match backup.restore() {
            Ok(restored) => restored,
            Err(error) if stand.is_stopped() => return Err(error),
            Err(error) => {
                let check = Check::new(format!("restored_{name}"), false, error.to_string());
                measured.checks.push(check);
                return Ok(());
            }
        };
        stand.working_on(&format!("verify what was restored from {name}"));
        let (rows, checks) = verify(self.bench, name, &restored, expected, &self.ledger);
        measured.own.extend(rows.into_iter().map(|row| row.of(name)));
        measured.checks.extend(checks);
        if let Some(damage) = damage {
            let why = format!("it was restored without noticing that {damage}");
            measured.checks.push(Check::new(format!("whole_{name}"), false, why));
        }
        Ok(())
    }
}
