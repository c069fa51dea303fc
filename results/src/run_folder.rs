//! The folder of one run, written as it is measured.

use std::collections::hash_map::RandomState;
use std::fs;
use std::hash::{BuildHasher, Hasher};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use dbdyno_core::measurement::Second;
use dbdyno_core::schema::Keys;
use dbdyno_core::{
    Cache, Case, Error, Event, Measurement, Plan, Recorder, Result, Sample, StatementForm,
};

use crate::append::{Appender, remedy};
use crate::csv_lines::csv_line;
use crate::record::{COLUMNS, Record};
use crate::run_info::RunInfo;
use crate::stored_plan::StoredPlan;
use crate::{event, hlog, samples, time, timeline};

/// The files of a run folder.
pub mod file {
    /// One row per case, repetition and metric.
    pub const RESULTS: &str = "results.csv";
    /// One row per second and transaction type.
    pub const TIMELINE: &str = "timeline.csv";
    /// One histogram per second and transaction type.
    pub const LATENCY: &str = "latency.hlog";
    /// Errors, retries, outages, broken promises.
    pub const EVENTS: &str = "events.csv";
    /// What engines, processes and the machine told of themselves; only where they were asked.
    pub const METRICS: &str = "metrics.csv";
    /// Query plans, a JSON object a line; only where a plan was kept.
    pub const PLANS: &str = "plans.jsonl";
    /// The conditions of the run.
    pub const RUN: &str = "run.toml";
}

/// How many names are tried before giving up on finding a free one.
const NAMES: u32 = 32;

/// The folder of one run. Threads may record at the same time; each file has a lock of its own.
#[derive(Debug)]
pub struct RunFolder {
    run_id: String,
    began: SystemTime,
    started_at: String,
    path: PathBuf,
    results: Appender,
    /// How many rows are in it.
    rows: AtomicU64,
    timeline: Appender,
    latency: Appender,
    events: Appender,
    /// Made with the first plan.
    plans: Mutex<Option<Appender>>,
    /// Made with the first samples.
    metrics: Mutex<Option<Appender>>,
}

/// A name for a run that begins now: its time in UTC and four random hexadecimal digits,
/// `20261123-201530-4f2a`. Names sort by time, to the second.
pub fn new_run_id() -> String {
    // The hasher's keys are the standard library's source of randomness.
    let random = RandomState::new().build_hasher().finish() & 0xffff;
    format!("{}-{random:04x}", time::compact(SystemTime::now()))
}

impl RunFolder {
    /// Makes `root/<run-id>/` under a name that is free. `root` is the folder that holds runs
    /// (`runs`) and is made where it is not there.
    ///
    /// # Errors
    /// As [`RunFolder::create`].
    pub fn create_new(root: &Path) -> Result<Self> {
        for _ in 1..NAMES {
            let run_id = new_run_id();
            if !root.join(&run_id).exists() {
                return Self::create(root, &run_id);
            }
        }
        Self::create(root, &new_run_id())
    }

    /// Makes `root/<run_id>/` with its files, all empty but for their headers; that of plans comes
    /// with the first plan. Overwrites nothing.
    ///
    /// # Errors
    /// There is such a folder already, the name is not fit for one, or the disk is full or
    /// read-only.
    pub fn create(root: &Path, run_id: &str) -> Result<Self> {
        let path = root.join(run_id);
        check_name(run_id)?;
        let doing = || format!("create the run folder `{}`", path.display());
        fs::create_dir_all(root)
            .map_err(|error| Error::new(doing(), &error).next(remedy(root, error.kind())))?;
        fs::create_dir(&path).map_err(|error| match error.kind() {
            ErrorKind::AlreadyExists => Error::new(doing(), "there is one already")
                .next("give another name: a run is never overwritten"),
            kind => Error::new(doing(), &error).next(remedy(&path, kind)),
        })?;
        let began = SystemTime::now();
        let csv = |name: &str, header: Vec<&str>| {
            Appender::create(path.join(name), csv_line(header)?.as_slice())
        };
        Ok(Self {
            results: csv(file::RESULTS, COLUMNS.to_vec())?,
            rows: AtomicU64::new(0),
            timeline: csv(file::TIMELINE, timeline::columns())?,
            events: csv(file::EVENTS, event::columns())?,
            latency: Appender::create(path.join(file::LATENCY), &hlog::header(run_id, began)?)?,
            plans: Mutex::new(None),
            metrics: Mutex::new(None),
            run_id: run_id.to_owned(),
            started_at: time::rfc3339(began),
            began,
            path,
        })
    }

    /// The name of the run.
    pub fn run_id(&self) -> &str {
        &self.run_id
    }

    /// When the run began, RFC 3339 in UTC with milliseconds.
    pub fn started_at(&self) -> &str {
        &self.started_at
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes `run.toml`, replacing what an earlier call wrote: once when the conditions are
    /// known, so that a run that is killed has them, and again when the run is over. The run's
    /// name, its beginning and the schema's version are filled in; passwords are masked.
    ///
    /// # Errors
    /// The disk is full or the folder is gone. What an earlier call wrote is then still there.
    pub fn write_run_toml(&self, info: &RunInfo) -> Result<()> {
        let path = self.path.join(file::RUN);
        let doing = || format!("write `{}`", path.display());
        let mut stamped = info.stamped(&self.run_id, &self.started_at);
        // Of one that goes on there will be more.
        stamped.rows = info.ended_at.as_ref().map(|_| self.rows.load(Ordering::Relaxed));
        let text = toml::to_string(&stamped).map_err(|error| Error::new(doing(), error))?;
        let new = self.path.join(format!("{}.new", file::RUN));
        fs::write(&new, text).and_then(|()| fs::rename(&new, &path)).map_err(|error| {
            // Half a file is of no use to anybody; that it stays is no second failure.
            let _ = fs::remove_file(&new);
            Error::new(doing(), &error).next(remedy(&path, error.kind()))
        })
    }
}

impl RunFolder {
    /// Adds samples to `metrics.csv`.
    ///
    /// # Errors
    /// The disk is full or the folder is gone.
    pub fn samples(&self, taken: &[Sample]) -> Result<()> {
        let mut lines = Vec::new();
        for sample in taken {
            lines.extend(csv_line(samples::fields(&self.run_id, sample))?);
        }
        self.append_late(&self.metrics, file::METRICS, &csv_line(samples::COLUMNS)?, &lines)
    }

    /// Adds an event to `events.csv` that belongs to no case; `target` is empty where it is no target's either.
    ///
    /// # Errors
    /// The disk is full or the folder is gone.
    pub fn event_beside(&self, target: &str, event: &Event) -> Result<()> {
        self.events.append(&csv_line(event::fields_beside(&self.run_id, target, event))?)
    }

    /// Adds to a file that is made with the first addition.
    fn append_late(
        &self,
        place: &Mutex<Option<Appender>>,
        name: &str,
        header: &[u8],
        lines: &[u8],
    ) -> Result<()> {
        // What is in it is a whole appender or none.
        let mut place = place.lock().unwrap_or_else(PoisonError::into_inner);
        match &*place {
            Some(appender) => appender.append(lines),
            None => {
                let appender = Appender::create(self.path.join(name), &[header, lines].concat())?;
                *place = Some(appender);
                Ok(())
            }
        }
    }
}

impl Recorder for RunFolder {
    fn measurements(&self, case: &Case, rows: &[Measurement]) -> Result<()> {
        let mut lines = Vec::new();
        for row in rows {
            let record = Record::new(&self.run_id, &self.started_at, case, row);
            lines.extend(csv_line(record.fields())?);
        }
        self.results.append(&lines)?;
        self.rows.fetch_add(rows.len() as u64, Ordering::Relaxed);
        Ok(())
    }

    fn second(&self, case: &Case, began: SystemTime, seconds: &[Second]) -> Result<()> {
        let mut lines = Vec::new();
        for fields in timeline::rows(&self.run_id, case, began, seconds)? {
            lines.extend(csv_line(fields)?);
        }
        self.timeline.append(&lines)?;
        self.latency.append(&hlog::entries(self.began, case, began, seconds)?)
    }

    fn beside(&self, case: &Case, began: SystemTime, seconds: &[Second]) -> Result<()> {
        self.second(case, began, seconds)
    }

    fn unstarted(&self, case: &Case, began: SystemTime, waited: &Second) -> Result<()> {
        let waited = std::slice::from_ref(waited);
        self.latency.append(&hlog::entries(self.began, case, began, waited)?)
    }

    fn plan(&self, case: &Case, name: &str, plan: &Plan) -> Result<()> {
        let line = StoredPlan::new(&self.run_id, case, name, plan).line()?;
        self.append_late(&self.plans, file::PLANS, &[], &line)
    }

    fn file(&self, case: &Case, folder: &str, extension: &str) -> Result<PathBuf> {
        let folder = self.path.join(folder);
        fs::create_dir_all(&folder).map_err(|error| {
            let doing = format!("create the folder `{}`", folder.display());
            Error::new(doing, &error).next(remedy(&folder, error.kind()))
        })?;
        Ok(folder.join(format!("{}.{extension}", file_stem(case))))
    }

    fn event(&self, case: &Case, event: &Event) -> Result<()> {
        self.events.append(&csv_line(event::fields(&self.run_id, case, event))?)
    }
}

/// What a case and its repetition are called where a file is about them: what tells cases apart, in words
/// that every file system takes.
pub(crate) fn file_stem(case: &Case) -> String {
    let mut words = vec![case.benchmark.clone(), case.target.clone()];
    words.push(case.isolation.name().to_owned());
    words.push(case.durability.name().to_owned());
    words.push(format!("{}-clients", case.clients));
    words.extend(case.rate.map(|rate| format!("{rate}-per-s")));
    let unusual = [
        (case.streams != 0, format!("{}-streams", case.streams)),
        (case.statements != StatementForm::default(), case.statements.name().to_owned()),
        (case.pipeline, "pipelined".to_owned()),
        (case.keys != Keys::default(), case.keys.name().to_owned()),
        (case.cache != Cache::default(), case.cache.name().to_owned()),
    ];
    words.extend(unusual.into_iter().filter_map(|(is, word)| is.then_some(word)));
    words.push(case.repetition.to_string());
    let fit = |c: char| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '_' };
    words.join("-").chars().map(fit).collect()
}

/// A name of one path component that every file system takes.
fn check_name(run_id: &str) -> Result<()> {
    let fit = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if run_id.is_empty() || run_id.starts_with('.') || !run_id.chars().all(fit) {
        let why = "it is made of letters, digits, `-`, `_` and `.`, and does not begin with `.`";
        return Err(Error::new(format!("name a run `{run_id}`"), why));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
