//! A log archive beside a base backup, and recovery to a point in time (manual, 26.3, and `pg_receivewal`).

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use dbdyno_core::backup::{Backup, LockWatch, Restored, RunningBackup, TwinSession};
use dbdyno_core::{Error, Result};
use nix::sys::signal::Signal;

use super::base::{self, BaseBackup, Form};
use super::follower::keep_log;
use super::restored::{self, Target};
use super::{Source, ask, told_version};
use crate::backup::bytes_of;
use crate::throwaway::Place;
use crate::tool::{Bounds, Tool};

/// The name of the point in time; a server that is measured again has several, of which the archive of one
/// backup holds one.
const POINT: &str = "dbdyno_point";
/// How long the archive may take to receive what the server has written.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often is looked.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// What fetches the log.
struct Receiver {
    tool: Tool,
    // A server that writes faster than is fetched removes what nobody has asked it to keep.
    _keeping: TwinSession,
}

/// A base backup, and the log from before it on.
pub(super) struct Archive {
    // Dropped first: it writes to the folder of the base backup.
    receiver: Mutex<Option<Receiver>>,
    base: BaseBackup,
    folder: PathBuf,
    receiver_program: PathBuf,
}

/// Begins to archive the log.
///
/// # Errors
/// A program is not installed (unsupported), or no log comes.
pub(super) fn prepare(source: Source) -> Result<Archive> {
    let receiver_program = source.program("pg_receivewal")?;
    let folder = source.place().folder().join("archive");
    source.vault.make_folder(&folder)?;
    let mut command = source.connecting(&receiver_program);
    command.args(["--no-loop", "-D"]).arg(&folder);
    let keeping = keep_log(&source.endpoint)?;
    let tool = Tool::start(&mut command)?;
    let bounds = source.bounds();
    wait_for("the first file of the log archive", &tool, bounds, || has_any_file(&folder))?;
    let receiver = Mutex::new(Some(Receiver { tool, _keeping: keeping }));
    let base = base::prepare(source, Form::Plain)?;
    Ok(Archive { base, folder, receiver_program, receiver })
}

fn has_any_file(folder: &Path) -> bool {
    std::fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some())
}

fn wait_for(
    what: &str,
    receiver: &Tool,
    bounds: &Bounds,
    mut is_there: impl FnMut() -> bool,
) -> Result<()> {
    let doing = format!("wait for {what}");
    let deadline = Instant::now() + PATIENCE;
    while !is_there() {
        let is_over = Instant::now() >= deadline;
        let why = match (receiver.is_running(), bounds.stop.is_requested(), is_over) {
            (true, false, false) => {
                thread::sleep(LOOK_AGAIN);
                continue;
            }
            (false, ..) => {
                let status = receiver.status(deadline, &bounds.stop, &doing)?;
                return Err(receiver.failed(&doing, status));
            }
            (_, true, _) => "the end was asked for".to_owned(),
            (_, _, true) => format!("it has not come within {} s", PATIENCE.as_secs()),
        };
        return Err(Error::new(doing, why));
    }
    Ok(())
}

impl Archive {
    fn ask(&self, doing: &str, sql: &str) -> Result<String> {
        ask(&self.base.source.endpoint, sql).map_err(|why| Error::new(doing, why))
    }
}

impl Backup for Archive {
    fn folder(&self) -> &Path {
        self.base.folder()
    }

    fn needs_log(&self) -> bool {
        true
    }

    fn detail(&self) -> String {
        told_version(&self.receiver_program).unwrap_or_default()
    }

    fn log_files(&self) -> Vec<PathBuf> {
        vec![self.folder.clone()]
    }

    fn watch_locks(&self) -> Result<Option<Box<dyn LockWatch>>> {
        self.base.watch_locks()
    }

    fn start(&self) -> Result<Box<dyn RunningBackup>> {
        self.base.start()
    }

    /// A restore point: a record in the log, which recovery stops at.
    fn mark(&self) -> Result<()> {
        let sql = format!("SELECT pg_create_restore_point('{POINT}')::text");
        self.ask("mark a point in time", &sql).map(|_| ())
    }

    /// The server goes over to the next file of the log, so that the one before is complete.
    fn close(&self) -> Result<u64> {
        let doing = "complete the log archive";
        let last = self.base.source.switch_log().map_err(|why| Error::new(doing, why))?;
        let receiver = self.receiver.lock().unwrap_or_else(PoisonError::into_inner).take();
        let receiver = receiver.ok_or_else(|| Error::new(doing, "it was completed before"))?;
        let bounds = self.base.source.bounds();
        wait_for(&format!("{last} in the log archive"), &receiver.tool, bounds, || {
            self.folder.join(&last).exists()
        })?;
        receiver.tool.end(Signal::SIGINT, PATIENCE + PATIENCE, &bounds.stop)?;
        Ok(bytes_of(&self.folder))
    }

    fn restore(&self) -> Result<Restored> {
        let (put, archive) = (self.base.put(), self.folder.clone());
        let bounds = self.base.source.bounds().clone();
        let recovery = self.base.recovery(bytes_of(&archive));
        let fill = move |place: &Place| {
            put(place)?;
            restored::recover(place, &archive, &Target::Point(POINT), &bounds)
        };
        restored::start(&self.base.source.origin, recovery, fill)
    }
}
