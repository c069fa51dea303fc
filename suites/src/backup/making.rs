//! One backup: made, restored, and held against what its method promises.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use dbdyno_core::backup::{
    Backup, BackupMade, BackupMethod, BackupPlan, BackupPromise, Twin, limit,
};
use dbdyno_core::{Check, Error, Event, Measurement, Result, Stop};

use super::bench::Bench;
use super::content::{self, Contents, Until};
use super::ledger::{self, Ledger};
use super::locks::{self, Locks};
use super::manifest::Manifest;
use super::rows::{Rows, Telling};
use super::verify::{Expected, Reading, Verified};
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

/// A backup of one method.
struct Subject {
    method: BackupMethod,
    backup: Box<dyn Backup>,
    plan: BackupPlan,
    /// The size of what is to be in it.
    data_bytes: u64,
}

/// What the tool of a backup gave.
struct Tool {
    backup: BackupMade,
    locks: Option<Locks>,
    from: Instant,
    to: Instant,
    /// Who has the rows that it must have; nothing once it was asked.
    twin: Result<Option<Twin>>,
    /// What came of asking.
    rows: Result<Rows>,
}

/// A backup that was made.
struct Made {
    /// From when to when that took.
    from: Instant,
    to: Instant,
    /// What it must have in it.
    rows: Rows,
    /// The state of the tables afterwards, or why nothing else can be done with the backup.
    after: Result<State>,
    /// What cannot be told of it, though it can be restored and held against what is known.
    untold: Option<Error>,
}

/// Goes through backups of one case.
pub struct Making<'b> {
    bench: &'b Bench<'b>,
    ledger: Ledger,
    /// What is in the tables, until somebody changes them.
    content: Option<Contents>,
    /// Methods for which the source wrote a log that it does not write otherwise.
    with_log: BTreeSet<&'static str>,
}

impl<'b> Making<'b> {
    pub fn new(bench: &'b Bench<'b>) -> Self {
        Self { bench, ledger: Ledger::default(), content: None, with_log: BTreeSet::new() }
    }

    /// Whether the load of a method ran on a source that wrote a log for it.
    pub fn needed_log(&self, method: &str) -> bool {
        self.with_log.contains(method)
    }

    /// Makes a backup by one method; gives the state of the tables afterwards, where it is known. `before` is the one of
    /// now. What is measured is kept at once, so that nothing of it is lost by what comes after.
    ///
    /// # Errors
    /// It cannot be made here (unsupported), was not made, or the end was asked for. What is wrong with a backup that
    /// was made, or keeps it from being restored, is no error.
    pub fn one(
        &mut self,
        method: BackupMethod,
        before: State,
        measured: &mut Measured,
    ) -> Result<Option<State>> {
        let (bench, name) = (self.bench, method.name);
        let subject = self.prepare(method)?;
        if subject.backup.needs_log() {
            self.with_log.insert(name);
        }
        if bench.under_load && subject.backup.needs_log() {
            // Keeping a log may have started the server again: its load is to find the tables in memory, as those of
            // other methods do.
            bench.look()?;
        }
        self.write()?;
        let made = match bench.under_load {
            true => self.under_load(&subject, &before, measured)?,
            false => self.at_rest(&subject, before, measured)?,
        };
        let none = found::none("restore_s").of(name);
        let state = match made.after {
            Ok(state) => state,
            Err(error) => {
                bench.keep_failure(none, error, measured)?;
                return Ok(None);
            }
        };
        let (moments, source) = ((made.from, made.to), (made.rows, &state));
        let (held, untold) = match self.hold(&subject, moments, source, measured) {
            Ok(untold) => (Ok(()), untold),
            Err(error) => (Err(error), None),
        };
        let untold = made.untold.or(untold).inspect(|_| {
            // Of a method that is not known in all there is one row that says so, in the place of what restoring took.
            measured
                .own
                .retain(|row| (&row.metric, &row.transaction) != (&none.metric, &none.transaction));
        });
        if let Some(error) = held.err().or(untold) {
            bench.keep_failure(none, error, measured)?;
        }
        // What was committed after the mark is in no state. What the method changed of the server is taken back with the
        // backup, which may start it again; the look that the next method needs warms it.
        Ok((method.promise == BackupPromise::Snapshot).then_some(state))
    }

    fn prepare(&self, method: BackupMethod) -> Result<Subject> {
        let (bench, stand, name) = (self.bench, self.bench.stand, method.name);
        let namespace = bench.namespace();
        let data_bytes = bench.backups()?.data_bytes(name, &namespace)?;
        let plan = BackupPlan {
            namespace,
            base: stand.options().backup.folder.clone(),
            limit: limit(LIMIT, data_bytes),
            stop: stand.stop().clone(),
            with_twin: bench.under_load,
        };
        stand.working_on(&format!("get ready for {name}"));
        let backup = bench.backups()?.prepare(name, &plan)?;
        Ok(Subject { method, backup, plan, data_bytes })
    }

    fn content(&mut self) -> Result<Contents> {
        if let Some(content) = &self.content {
            return Ok(content.clone());
        }
        let driver = self.bench.stand.shared_driver();
        let tables = Tpcc.dataset().tables();
        let stop = self.bench.stand.stop();
        let content = self.bench.stand.ask("add up the rows of all tables", async |session| {
            let until = Until::new(LIMIT, stop);
            content::read(&tables, &*driver, session, &until).await
        })?;
        self.content = Some(content.clone());
        Ok(content)
    }

    /// Writes a number into the ledger.
    fn write(&mut self) -> Result<()> {
        let stand = self.bench.stand;
        let quoted = stand.driver().dialect().quote(ledger::TABLE);
        let ledger = &mut self.ledger;
        stand.look("write the ledger", async |session| ledger.write(session, &quoted).await)
    }

    fn tell(&self, name: &str, kind: &'static str, detail: &str) -> Result<()> {
        let event = Event { transaction: name.to_owned(), ..Event::now(kind, detail) };
        self.bench.stand.keep_event(&event)
    }

    /// Makes it while its locks are watched.
    fn make(&self, subject: &Subject) -> Result<Tool> {
        let (name, backup, plan) = (subject.method.name, &subject.backup, &subject.plan);
        self.bench.stand.working_on(&format!("make a backup by {name}"));
        let watch = backup.watch_locks()?;
        let (made, locks) = locks::beside(watch, || -> Result<_> {
            let started = Instant::now();
            let made = backup.start().and_then(|running| {
                let (process, into) = (process_words(running.process()), backup.folder().display());
                self.tell(name, "backup_started", &format!("{process}, into {into}"))?;
                running.wait(plan.limit, &plan.stop)
            });
            let to = Instant::now();
            // Nobody keeps rows for a backup that there is not.
            let twin = backup.twin();
            Ok((made?, started, to, twin))
        });
        let (backup, from, to, twin) = made?;
        Ok(Tool { backup, locks, from, to, twin, rows: Ok(Rows::Unknown) })
    }

    fn at_rest(
        &mut self,
        subject: &Subject,
        before: State,
        measured: &mut Measured,
    ) -> Result<Made> {
        let is_snapshot = subject.method.promise == BackupPromise::Snapshot;
        // All that is there, for nobody changes it meanwhile.
        let rows = match is_snapshot {
            true => Rows::Known(self.content()?),
            false => Rows::Unknown,
        };
        let tool = self.make(subject)?;
        measured.own.extend(tool.metrics(subject));
        let after = match is_snapshot {
            true => Ok(before),
            false => self.work(&before).map(|_| before),
        };
        Ok(Made { from: tool.from, to: tool.to, rows, after, untold: None })
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
        subject: &Subject,
        before: &State,
        measured: &mut Measured,
    ) -> Result<Made> {
        let (bench, name) = (self.bench, subject.method.name);
        self.content = None;
        let workload = bench.workload(before);
        let mut ledger = std::mem::take(&mut self.ledger);
        let making = || self.make(subject);
        let telling = Telling { bench, name, limit: subject.plan.limit };
        let right_after = |tool: &mut Tool, over: &Stop| tool.ask_twin(&telling, over);
        let loaded = load::around(bench.stand, name, &workload, &mut ledger, making, right_after);
        self.ledger = ledger;
        let mut loaded = loaded?;
        measured.own.extend(loaded.metrics(name));
        let (from, to) = (loaded.times.started, loaded.times.made);
        let broke = loaded.kept.as_ref().err();
        let blocked = self.ledger.longest_wait(from, to);
        let blocked = blocked.map(|longest| found::writers_blocked(longest, broke).of(name));
        measured.own.extend(blocked);
        measured.own.extend(loaded.made.iter().flat_map(|tool| tool.metrics(subject)));
        let file = bench.stand.file(COURSES, "csv");
        let unkept = file.and_then(|file| course::keep(&file, name, &loaded.spans())).err();
        let hindrance = loaded.hindrance();
        let looked = bench.stand.go_on().and_then(|()| bench.look());
        if let Ok(after) = &looked {
            let counted = workload.counted();
            let accounts = Tpcc.account(before, after, &counted, &loaded.report.tally);
            // What the source itself lacks is not the backup's fault.
            let lacks = after.checks.iter().filter(|check| !check.held).cloned();
            measured.checks.extend(accounts.into_iter().chain(lacks).map(|check| check.of(name)));
        }
        // What the tool said may be why the tables cannot be looked at.
        let Tool { from, to, rows, twin, .. } = loaded.made?;
        measured.own.extend(twin.err().map(|why| found::rows_untold(&why).of(name)));
        let (rows, untold) = match rows {
            Ok(rows) => (rows, None),
            Err(error) => (Rows::Unknown, Some(error)),
        };
        let after = hindrance.map_or(looked, Err);
        Ok(Made { from, to, rows, after, untold: untold.or(unkept) })
    }

    /// Restores a backup and holds what is there against what was promised; gives why nobody could tell which rows must
    /// be there, though somebody should.
    ///
    /// # Errors
    /// Something is in the way, or a promise was found [broken](Error::broken).
    fn hold(
        &mut self,
        subject: &Subject,
        made: (Instant, Instant),
        source: (Rows, &State),
        measured: &mut Measured,
    ) -> Result<Option<Error>> {
        let (name, stand) = (subject.method.name, self.bench.stand);
        let mut manifest = Manifest::of(&subject.backup.files(), stand.stop())?;
        self.tell(name, "backup_made", &subject.backup.folder().display().to_string())?;
        let (damage, held) = match self.expected(subject, made, source, &mut manifest, measured) {
            Ok(expected) => {
                stand.working_on(&format!("restore the backup of {name}"));
                // Restoring may change the files.
                let damage = manifest.damage(stand.stop())?;
                (damage, self.restore_and_verify(subject, expected))
            }
            Err(error) if stand.is_stopped() => return Err(error),
            Err(error) => (manifest.damage(stand.stop())?, Err(error)),
        };
        match (held, damage) {
            (Ok(Verified { rows, checks, untold }), damage) => {
                measured.own.extend(rows.into_iter().map(|row| row.of(name)));
                measured.checks.extend(checks);
                let whole = damage.map(|damage| {
                    let why = format!("it was restored without noticing that {damage}");
                    Check::new("whole", false, why).of(name)
                });
                measured.checks.extend(whole);
                Ok(untold)
            }
            // What was damaged is to blame, whatever stood in the way besides.
            (Err(error), Some(_)) if !stand.is_stopped() => {
                measured.checks.push(Check::new("restored", false, error.to_string()).of(name));
                Ok(None)
            }
            (Err(error), _) => Err(error),
        }
    }

    /// What must be restored; the log beside a backup comes into the manifest.
    fn expected(
        &mut self,
        subject: &Subject,
        (from, to): (Instant, Instant),
        (rows, state): (Rows, &State),
        manifest: &mut Manifest,
        measured: &mut Measured,
    ) -> Result<Expected> {
        let name = subject.method.name;
        if subject.method.promise == BackupPromise::Snapshot {
            self.write()?;
            return Ok(Expected { rows, from, to });
        }
        let (expected, log_bytes) = self.point_in_time(&*subject.backup, state)?;
        measured.own.push(found::log_bytes(log_bytes).of(name));
        for files in subject.backup.log_files() {
            manifest.extend(std::slice::from_ref(&files), self.bench.stand.stop())?;
            self.tell(name, "backup_log_kept", &files.display().to_string())?;
        }
        Ok(expected)
    }

    /// Marks a moment at which nobody works, and goes on after it; gives what must be recovered, and the size
    /// of the log.
    fn point_in_time(&mut self, backup: &dyn Backup, state: &State) -> Result<(Expected, u64)> {
        let stand = self.bench.stand;
        stand.working_on("mark the moment to be recovered to");
        self.write()?;
        let rows = Rows::Known(self.content()?);
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
        Ok((Expected { rows, from, to }, backup.close()?))
    }

    fn restore_and_verify(&self, subject: &Subject, expected: Expected) -> Result<Verified> {
        let name = subject.method.name;
        let restored = subject.backup.restore()?;
        let process = restored.driver.metrics().and_then(|metrics| metrics.process());
        self.tell(name, "backup_restored", &process_words(process))?;
        self.bench.stand.working_on(&format!("verify what was restored from {name}"));
        let limit = subject.plan.limit;
        let reading = Reading { bench: self.bench, name, restored: &restored, limit };
        reading.verify(expected, &self.ledger)
    }
}

impl Tool {
    /// Has a twin tell which rows must be in the backup; one that is a server does so later.
    fn ask_twin(&mut self, telling: &Telling<'_>, load_over: &Stop) {
        match std::mem::replace(&mut self.twin, Ok(None)) {
            Ok(None) => {}
            Ok(Some(Twin::Session(twin))) => self.rows = telling.by_session(twin, load_over),
            Ok(Some(Twin::Server(twin))) => self.rows = Ok(Rows::Of(twin)),
            Err(why) => self.twin = Err(why),
        }
    }

    /// What it cost, and which locks were seen.
    fn metrics(&self, subject: &Subject) -> impl Iterator<Item = Measurement> {
        let detail = subject.backup.detail();
        let rows = found::of_backup(subject.data_bytes, &self.backup, &detail);
        let locks: Vec<_> = self.locks.iter().flat_map(Locks::metrics).collect();
        let name = subject.method.name;
        rows.into_iter().chain(locks).map(move |row| row.of(name))
    }
}

/// Who does something, for an event.
fn process_words(process: Option<u32>) -> String {
    process.map_or("process of dbdyno".to_owned(), |id| format!("process {id}"))
}
