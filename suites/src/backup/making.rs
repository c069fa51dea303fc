//! One backup: made, restored, and held against what its method promises.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use dbdyno_core::backup::{Backup, BackupMade, BackupMethod, BackupPlan, BackupPromise, limit};
use dbdyno_core::{Check, DbError, Error, Event, Measurement, Result};

use super::bench::Bench;
use super::content::{self, Content};
use super::ledger::{self, Ledger};
use super::locks::{self, Locks};
use super::manifest::Manifest;
use super::verify::{Expected, Reading};
use super::{course, found, load};
use crate::benchmark::{Benchmark as _, LoadBenchmark as _, State};
use crate::oltp::tpcc::Tpcc;
use crate::runner::Measured;

/// How long a tool may take, and what more data takes longer.
const LIMIT: Duration = Duration::from_secs(1_800);
/// The folder of the files that have the course of each load.
const COURSES: &str = "backups";
/// Transactions between a backup at rest and the moment that is recovered to, and after that moment.
const TRANSACTIONS: u64 = 200;

/// A backup that was made, and what locks it held.
struct Made {
    backup: BackupMade,
    locks: Option<Locks>,
}

/// Goes through backups of one case.
pub struct Making<'b> {
    bench: &'b Bench<'b>,
    ledger: Ledger,
    /// What is in the tables, until somebody changes them.
    content: Option<BTreeMap<String, Content>>,
}

impl<'b> Making<'b> {
    pub fn new(bench: &'b Bench<'b>) -> Self {
        Self { bench, ledger: Ledger::default(), content: None }
    }

    /// Makes a backup by one method; gives the state of the tables afterwards, where it is known. `before` is the one of
    /// now.
    ///
    /// # Errors
    /// It cannot be made here (unsupported), was not made, or the tables cannot be looked at. What is wrong
    /// with a backup that was made is a check, not an error.
    pub fn one(
        &mut self,
        method: BackupMethod,
        before: State,
        measured: &mut Measured,
    ) -> Result<Option<State>> {
        let (bench, name) = (self.bench, method.name);
        let stand = bench.stand;
        let namespace = bench.namespace();
        let data_bytes = bench.backups()?.data_bytes(name, &namespace)?;
        let plan = BackupPlan {
            namespace,
            base: stand.options().backup.folder.clone(),
            limit: limit(LIMIT, data_bytes),
            stop: stand.stop().clone(),
        };
        stand.working_on(&format!("get ready for {name}"));
        let backup = bench.backups()?.prepare(name, &plan)?;
        if bench.under_load && method.promise == BackupPromise::PointInTime {
            // Keeping a log may have started the server again: its load is to find the tables in memory, as those of
            // other methods do.
            bench.look()?;
        }
        self.write()?;
        let at_rest = self.content_for(method, bench.under_load)?;
        let (made, times, state) = match bench.under_load {
            true => self.under_load(method, (backup.as_ref(), &plan), before, measured)?,
            false => self.at_rest(method, (backup.as_ref(), &plan), before)?,
        };
        let mut rows = found::of_backup(data_bytes, &made.backup, &backup.detail());
        rows.extend(made.locks.iter().flat_map(Locks::metrics));
        let mut manifest = Manifest::of(&backup.files(), stand.stop())?;
        self.tell(name, "backup_made", &backup.folder().display().to_string())?;
        let expected = match method.promise {
            BackupPromise::Snapshot => {
                self.write()?;
                Expected { content: at_rest, from: times.0, to: times.1 }
            }
            BackupPromise::PointInTime => {
                let (expected, log_bytes) = self.point_in_time(backup.as_ref(), &state)?;
                rows.push(found::log_bytes(log_bytes));
                for files in backup.log_files() {
                    manifest.extend(std::slice::from_ref(&files), stand.stop())?;
                    self.tell(name, "backup_log_kept", &files.display().to_string())?;
                }
                expected
            }
        };
        measured.own.extend(rows.into_iter().map(|row| row.of(name)));
        self.restore(name, (backup.as_ref(), &plan), (&manifest, &expected), measured)?;
        // What was committed after the mark is in no state. What the method changed of the server is taken back with the
        // backup, which may start it again; the look that the next method needs warms it.
        Ok((method.promise == BackupPromise::Snapshot).then_some(state))
    }

    /// What must be restored to the letter: all that is there, where nobody changes it meanwhile.
    fn content_for(
        &mut self,
        method: BackupMethod,
        under_load: bool,
    ) -> Result<Option<BTreeMap<String, Content>>> {
        match (method.promise, under_load) {
            (BackupPromise::Snapshot, false) => self.content().map(Some),
            (BackupPromise::Snapshot, true) | (BackupPromise::PointInTime, _) => Ok(None),
        }
    }

    fn content(&mut self) -> Result<BTreeMap<String, Content>> {
        if let Some(content) = &self.content {
            return Ok(content.clone());
        }
        let driver = self.bench.stand.shared_driver();
        let tables = Tpcc.dataset().tables();
        let stop = self.bench.stand.stop();
        let content = self.bench.stand.ask("add up the rows of all tables", async |session| {
            tokio::select! {
                found = content::read(&tables, &*driver, session) => found,
                () = stop.requested() => Err(DbError::unexpected("the end was asked for")),
            }
        })?;
        self.content = Some(content.clone());
        Ok(content)
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

    /// Makes it while its locks are watched; gives from when to when that took.
    fn make(
        &self,
        name: &str,
        (backup, plan): (&dyn Backup, &BackupPlan),
    ) -> Result<(Made, (Instant, Instant))> {
        self.bench.stand.working_on(&format!("make a backup by {name}"));
        let watch = backup.watch_locks()?;
        let (made, locks) = locks::beside(watch, || -> Result<_> {
            let started = Instant::now();
            let running = backup.start()?;
            let (process, into) = (process_words(running.process()), backup.folder().display());
            self.tell(name, "backup_started", &format!("{process}, into {into}"))?;
            let made = running.wait(plan.limit, &plan.stop)?;
            Ok((made, (started, Instant::now())))
        });
        let (backup, times) = made?;
        Ok((Made { backup, locks }, times))
    }

    fn at_rest(
        &mut self,
        method: BackupMethod,
        backup: (&dyn Backup, &BackupPlan),
        before: State,
    ) -> Result<(Made, (Instant, Instant), State)> {
        let (made, times) = self.make(method.name, backup)?;
        if method.promise == BackupPromise::PointInTime {
            self.work(&before)?;
        }
        Ok((made, times, before))
    }

    /// Has one client change the tables; gives how often it did.
    fn work(&mut self, state: &State) -> Result<u64> {
        self.content = None;
        let workload = self.bench.workload(state);
        let report = self.bench.stand.run_exactly(TRANSACTIONS, &workload)?;
        Ok(report.total().committed)
    }

    fn under_load(
        &mut self,
        method: BackupMethod,
        backup: (&dyn Backup, &BackupPlan),
        before: State,
        measured: &mut Measured,
    ) -> Result<(Made, (Instant, Instant), State)> {
        let (bench, name) = (self.bench, method.name);
        self.content = None;
        let workload = bench.workload(&before);
        let mut ledger = std::mem::take(&mut self.ledger);
        let making = || self.make(name, backup);
        let loaded = load::around(bench.stand, name, &workload, &mut ledger, making);
        self.ledger = ledger;
        let loaded = loaded?;
        course::keep(&bench.stand.file(COURSES, "csv")?, name, &loaded.spans())?;
        let after = match bench.look() {
            Ok(after) => after,
            // What the tool said may be why the tables cannot be looked at.
            Err(why) => return Err(loaded.made.err().unwrap_or(why)),
        };
        let accounts = Tpcc.account(&before, &after, &workload.counted(), &loaded.report.tally);
        let named = |check: Check| check.of(name);
        measured.checks.extend(accounts.into_iter().map(named));
        // What the source itself lacks is not the backup's fault.
        measured.checks.extend(after.checks.iter().filter(|check| !check.held).cloned().map(named));
        measured.own.extend(loaded.metrics(name));
        let (from, to) = (loaded.times.started, loaded.times.made);
        let blocked = self.ledger.longest_wait(from, to).map(found::writers_blocked);
        measured.own.extend(blocked.map(|row| row.of(name)));
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
        let later = self.work(state)?;
        if later == 0 || !self.ledger.has_later(to) {
            let why =
                "nothing was committed after it, so that nothing could be recovered by mistake";
            return Err(Error::new("recover to a point in time", why));
        }
        Ok((Expected { content, from, to }, backup.close()?))
    }

    fn restore(
        &self,
        name: &str,
        (backup, plan): (&dyn Backup, &BackupPlan),
        (manifest, expected): (&Manifest, &Expected),
        measured: &mut Measured,
    ) -> Result<()> {
        let stand = self.bench.stand;
        stand.working_on(&format!("restore the backup of {name}"));
        // Restoring may change the files.
        let damage = manifest.damage(stand.stop())?;
        match self.restore_and_verify(name, (backup, plan), expected) {
            Ok((rows, checks)) => {
                measured.own.extend(rows.into_iter().map(|row| row.of(name)));
                measured.checks.extend(checks);
                if let Some(damage) = damage {
                    let why = format!("it was restored without noticing that {damage}");
                    measured.checks.push(Check::new("whole", false, why).of(name));
                }
            }
            Err(error) if stand.is_stopped() => return Err(error),
            // What was damaged is to blame, whatever stood in the way besides.
            Err(error) if error.is_broken() || damage.is_some() => {
                measured.checks.push(Check::new("restored", false, error.to_string()).of(name));
            }
            Err(error) => {
                measured.own.push(found::not_restored(&error.to_string()).of(name));
                measured.could_not.push(format!("{name}: {}", error.why()));
            }
        }
        Ok(())
    }

    fn restore_and_verify(
        &self,
        name: &str,
        (backup, plan): (&dyn Backup, &BackupPlan),
        expected: &Expected,
    ) -> Result<(Vec<Measurement>, Vec<Check>)> {
        let restored = backup.restore()?;
        let process = restored.driver.metrics().and_then(|metrics| metrics.process());
        self.tell(name, "backup_restored", &process_words(process))?;
        self.bench.stand.working_on(&format!("verify what was restored from {name}"));
        let reading = Reading { bench: self.bench, name, restored: &restored, limit: plan.limit };
        reading.verify(expected, &self.ledger)
    }
}

/// Who does something, for an event.
fn process_words(process: Option<u32>) -> String {
    process.map_or("process of dbdyno".to_owned(), |id| format!("process {id}"))
}
