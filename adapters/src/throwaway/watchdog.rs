//! The process that cleans up after a dbdyno that could not: one killed with SIGKILL.

use std::io::{PipeWriter, pipe};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use dbdyno_core::{Error, Result};
use nix::sys::signal::Signal;

use super::place::{MARK_FILE, MARK_VARIABLE, Place};

/// A shell that waits for the end of a pipe whose other end only this process holds: the kernel
/// closes it, whatever ends the process. The shell then stops the server and removes its folder,
/// if they are still there.
pub(super) struct Watchdog {
    shell: Child,
    // Closed on exec (std::io::pipe), so that no other child of this process keeps it open.
    line: Option<PipeWriter>,
}

impl Watchdog {
    /// Starts watching. Call it before there is a server to be left behind.
    pub(super) fn start(place: &Place, pid_file: &Path, stop_signal: Signal) -> Result<Self> {
        let start = || -> std::io::Result<Self> {
            let (end, line) = pipe()?;
            let shell = Command::new("/bin/sh")
                .args(["-c", include_str!("watchdog.sh"), "dbdyno-watchdog"])
                .arg(place.folder())
                .arg(place.mark())
                .arg(MARK_FILE)
                .arg(pid_file)
                .arg(stop_signal.as_str().trim_start_matches("SIG"))
                .arg(MARK_VARIABLE)
                .current_dir("/")
                .env_remove(MARK_VARIABLE)
                .stdin(end)
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .process_group(0)
                .spawn()?;
            Ok(Self { shell, line: Some(line) })
        };
        start().map_err(|why| {
            place.remove();
            Error::new("start the watchdog of a throwaway server", format!("/bin/sh: {why}"))
        })
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        self.line = None;
        // The shell finds no mark and ends at once, or removes what could not be removed before.
        let _ = self.shell.wait();
    }
}
