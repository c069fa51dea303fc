//! Whether a level keeps its promise at full speed: every transaction is recorded, and the history is
//! searched for circles of dependencies (Kingsbury and Alvaro, "Elle: Inferring Isolation Anomalies from
//! Experimental Observations", VLDB 2020).

mod client;
mod judge;
mod kind;
mod recorder;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use dbdyno_core::load::Workload;
use dbdyno_core::{Error, Result, Statement};
use dbdyno_datasets::Dataset;
use dbdyno_history::merge;

use crate::benchmark::{AfterUse, Benchmark, Procedure, StagedBenchmark, WorkloadContext};
use crate::runner::{Measured, RunOptions, Stand};
use client::HistoryWorkload;
use judge::Judged;
use kind::Kind;
use recorder::Recorder;

/// The folder of a run that holds histories and what was found in them.
const FOLDER: &str = "histories";

/// A benchmark of histories of one kind.
#[derive(Clone, Copy, Debug)]
pub struct History {
    name: &'static str,
    summary: &'static str,
    kind: Kind,
}

/// Lists that transactions append to and read: a list tells the order of its writers.
pub const LIST_APPEND: History = History {
    name: "list-append",
    summary: "Transactions append to lists and read them, all recorded: the history is searched for \
              anomalies (Elle)",
    kind: Kind::Lists,
};

/// Registers that transactions write and read.
pub const RW_REGISTER: History = History {
    name: "rw-register",
    summary: "Transactions write registers and read them, all recorded: the history is searched for \
              anomalies (Elle)",
    kind: Kind::Registers,
};

impl Benchmark for History {
    fn name(&self) -> &'static str {
        self.name
    }

    fn summary(&self) -> &'static str {
        self.summary
    }

    fn dataset(&self) -> &'static dyn Dataset {
        self.kind.dataset()
    }

    /// Lists are to be empty where others begin (`isolation/durability-list-append`), also after a run that was
    /// killed.
    fn after_use(&self) -> AfterUse {
        match self.kind {
            Kind::Lists => AfterUse::Spent,
            Kind::Registers => AfterUse::Reusable,
        }
    }

    fn compares_isolation(&self) -> bool {
        true
    }

    fn procedure(&self) -> Procedure<'_> {
        Procedure::Staged(self)
    }
}

impl StagedBenchmark for History {
    fn statements(&self, _context: &WorkloadContext) -> Vec<Statement> {
        self.kind.statements()
    }

    fn loads(&self, _options: &RunOptions) -> u32 {
        1
    }

    fn measure(&self, stand: &Stand<'_>, measured: &mut Measured) -> Result<()> {
        let path = stand.file(FOLDER, "edn")?;
        let keys = self.dataset().rows(self.kind.table(), stand.case().scale);
        let clear = self.kind.clear(keys);
        stand.ask("empty the keys", async |session| {
            for statement in &clear {
                session.run_sql(statement).await?;
            }
            Ok(())
        })?;
        let clients = stand.case().clients;
        // One log more, for the reads when all is over.
        let recorder = Arc::new(Recorder::new(&path, clients + 1));
        let history = Arc::new(HistoryWorkload::new(self.kind, keys, &recorder));
        let workload: Arc<dyn Workload> = Arc::<HistoryWorkload>::clone(&history);
        measured.stages.push(stand.load("", clients, &workload)?);
        match self.read_all(stand, history.used_keys(), &recorder) {
            Err(error) => measured.unchecked = Some(error.why().to_owned()),
            Ok(()) => self.judge(stand, &recorder, &path, measured)?,
        }
        Ok(())
    }
}

impl History {
    /// Reads every key that may have been written once more: what no transaction happened to read after it
    /// was written is seen too, and what is gone is missed.
    fn read_all(&self, stand: &Stand<'_>, keys: u64, recorder: &Recorder) -> Result<()> {
        let read =
            stand.ask("read all keys", async |session| self.kind.read_all(session, keys).await)?;
        let mut log = recorder.open(stand.case().clients)?;
        log.attempt.clear();
        let places: Vec<usize> = read.iter().map(|(key, _)| log.attempt.read(*key)).collect();
        log.invoke();
        for (place, (_, values)) in places.into_iter().zip(read) {
            self.kind.answer(&mut log.attempt, place, values);
        }
        log.commit();
        Ok(())
    }

    fn judge(
        &self,
        stand: &Stand<'_>,
        recorder: &Recorder,
        path: &Path,
        measured: &mut Measured,
    ) -> Result<()> {
        let logs = recorder.finish()?;
        merge(&logs, path)?;
        remove(&logs)?;
        let promise = stand.driver().promise(stand.case().isolation);
        let judged = Judged::new(path, promise)?;
        let report = stand.file(FOLDER, "txt")?;
        judged.write(&report)?;
        measured.checks.push(judged.check());
        measured.own.extend(judged.measurements());
        Ok(())
    }
}

fn remove(logs: &[PathBuf]) -> Result<()> {
    for log in logs {
        fs::remove_file(log).map_err(|why| Error::new(format!("remove {}", log.display()), why))?;
    }
    Ok(())
}
