//! Ctrl-C and its kin: the first ends the run with what was measured, the second at once.

use std::thread;

use dbdyno_core::{Error, Result, Stop};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::output::note;

/// Turns signals into a request to stop.
///
/// # Errors
/// The system refuses the handlers.
pub fn watch(stop: &Stop) -> Result<()> {
    let doing = "watch for Ctrl-C";
    let mut heeded = vec![SIGINT, SIGTERM];
    if !is_ignored(SIGHUP) {
        heeded.push(SIGHUP);
    }
    let mut signals = Signals::new(heeded).map_err(|cause| Error::new(doing, cause))?;
    let stop = stop.clone();
    let watching = thread::Builder::new().name("signals".to_owned()).spawn(move || {
        for signal in signals.forever() {
            if stop.is_requested() {
                // Throwaway servers are removed by their watchdogs.
                std::process::exit(128 + signal);
            }
            stop.request();
            note("ending: what was measured is kept (again to end at once)");
        }
    });
    watching.map(drop).map_err(|cause| Error::new(doing, cause))
}

/// Whether whoever started this process had it ignore a signal, as nohup(1) does with SIGHUP.
/// Linux tells in a mask of `/proc/self/status` (proc(5), SigIgn); elsewhere nothing is ignored.
fn is_ignored(signal: i32) -> bool {
    let Ok(status) = std::fs::read_to_string("/proc/self/status") else { return false };
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
    mask >> (signal - 1) & 1 == 1
}
