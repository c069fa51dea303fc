//! A program that makes a backup, for as long as it runs, and those that read one.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use dbdyno_core::backup::{BackupMade, BackupPlan, RunningBackup};
use dbdyno_core::{Error, Result, Stop};

use super::{blame, bytes_of, cpu_of_children, sync};
use crate::tool::{Bounds, Tool};

impl Bounds {
    /// Those of a backup.
    pub(crate) fn of(plan: &BackupPlan) -> Self {
        Self::new(plan.limit, plan.stop.clone())
    }

    /// Runs a command that has nothing to do but read a backup: where it fails, the backup is to blame
    /// unless it says something else.
    ///
    /// # Errors
    /// As [`run`](Self::run) has them; that the command failed is a [broken](Error::broken) promise.
    pub(crate) fn read_backup(&self, command: &mut Command, doing: &str) -> Result<()> {
        self.read_judged(command, doing, blame::judged)
    }

    /// The same of a command that reads it into a server, whose loss is no fault of the backup.
    ///
    /// # Errors
    /// As [`read_backup`](Self::read_backup) has them.
    pub(crate) fn read_into_server(&self, command: &mut Command, doing: &str) -> Result<()> {
        self.read_judged(command, doing, blame::judged_of_client)
    }

    fn read_judged(
        &self,
        command: &mut Command,
        doing: &str,
        judged: fn(String, String) -> Error,
    ) -> Result<()> {
        let tool = Tool::start(command)?;
        let status = tool.status(Instant::now() + self.limit, &self.stop, doing)?;
        if status.success() { Ok(()) } else { Err(judged(doing.to_owned(), tool.why(status))) }
    }
}

/// A program that makes a backup; dropping it ends it.
pub(crate) struct Maker {
    tool: Tool,
    cpu_before: Duration,
    /// What is counted as the backup.
    files: PathBuf,
}

impl Maker {
    /// Starts a command of which `files` come.
    ///
    /// # Errors
    /// It cannot be started.
    pub(crate) fn start(command: &mut Command, files: &Path) -> Result<Self> {
        let cpu_before = cpu_of_children();
        let cpu_before = cpu_before.map_err(|why| Error::new("start a backup", why))?;
        Ok(Self { tool: Tool::start(command)?, cpu_before, files: files.to_owned() })
    }
}

impl RunningBackup for Maker {
    fn process(&self) -> Option<u32> {
        Some(self.tool.process())
    }

    fn bytes(&self) -> u64 {
        bytes_of(&self.files)
    }

    fn kill(&self) {
        self.tool.kill();
    }

    fn wait(self: Box<Self>, limit: Duration, stop: &Stop) -> Result<BackupMade> {
        let tool = &self.tool;
        let doing = format!("make a backup by {}", tool.name());
        let status = tool.status(tool.began + limit, stop, &doing)?;
        let after = cpu_of_children().map_err(|why| Error::new(doing.clone(), why))?;
        if !status.success() {
            tool.end_helpers();
            return Err(tool
                .failed(&doing, status)
                .next("look for the cause in the tool's own words above"));
        }
        let cpu = after.saturating_sub(self.cpu_before);
        sync(&self.files).map_err(|why| Error::new(doing, why))?;
        Ok(BackupMade { took: tool.began.elapsed(), cpu, bytes: self.bytes() })
    }
}
