//! Ctrl-C and its kin: the first ends the run with what was measured, the second at once.

use std::io::IsTerminal as _;

use dbdyno_core::{Error, Result, Stop};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::low_level;

/// What a person is told.
const ENDING: &str = "ending: what was measured is kept (again to end at once)\n";
/// Takes the moving line of a terminal away.
const CLEARED: &str = "\r\x1b[2K";

/// Turns signals into a request to stop. It is done in the signal handler, not in a thread that
/// waits for signals: a process with one thread has cheaper system calls.
///
/// # Errors
/// The system refuses the handlers.
pub fn watch(stop: &Stop) -> Result<()> {
    let mut heeded = vec![SIGINT, SIGTERM];
    if !is_ignored(SIGHUP) {
        heeded.push(SIGHUP);
    }
    let clear = if std::io::stderr().is_terminal() { CLEARED } else { "" };
    let told = format!("{clear}{ENDING}").into_bytes().leak();
    for signal in heeded {
        let stop = stop.clone();
        let told = &*told;
        let handler = move || {
            if stop.is_requested() {
                // Throwaway servers are removed by their watchdogs.
                low_level::exit(128 + signal);
            }
            stop.request();
            // Nobody is left to be told that the terminal is gone.
            let _ = nix::unistd::write(std::io::stderr(), told);
        };
        // SAFETY: the handler reads and writes an atomic flag and calls write(2) and _exit(2), all
        // of which a signal handler may (signal-safety(7)); it allocates, locks and panics nowhere.
        #[expect(unsafe_code, reason = "what a signal handler may do is not in its type")]
        let registered = unsafe { low_level::register(signal, handler) };
        registered.map_err(|cause| Error::new("watch for Ctrl-C", cause))?;
    }
    Ok(())
}

/// Whether whoever started this process had it ignore a signal, as nohup(1) does with SIGHUP.
/// Linux tells in a mask of `/proc/self/status` (proc(5), SigIgn); elsewhere nothing is ignored.
fn is_ignored(signal: i32) -> bool {
    let Ok(status) = std::fs::read_to_string("/proc/self/status") else { return false };
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
    mask >> (signal - 1) & 1 == 1
}
