//! Ctrl-C and its kin: the first ends the run with what was measured, the second at once.

use std::io::IsTerminal as _;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};

use dbdyno_core::{Error, Result, Stop};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::low_level;

use crate::tty;

/// What a person is told.
const ENDING: &str = "ending: what was measured is kept (again to end at once)\n";
/// Takes the moving line of a terminal away.
const CLEARED: &str = "\r\x1b[2K";

/// Whether a signal has asked for the end before: an alert that aborts the run is nobody's first Ctrl-C.
static ASKED: AtomicBool = AtomicBool::new(false);
/// Whether a full-screen view has the terminal, which says by itself what was asked for.
static SCREEN_TAKEN: AtomicBool = AtomicBool::new(false);
/// The signal that asked for the end at once meanwhile; 0 where none did.
static AT_ONCE: AtomicI32 = AtomicI32::new(0);

/// Says whether a full-screen view has the terminal. It then has to end the process once [`at_once`] says so, for it
/// has to give the terminal back first.
pub fn screen_is_taken(is_taken: bool) {
    SCREEN_TAKEN.store(is_taken, Ordering::SeqCst);
}

/// The signal by which the end was asked for at once while a full-screen view had the terminal.
pub fn at_once() -> Option<i32> {
    Some(AT_ONCE.load(Ordering::SeqCst)).filter(|signal| *signal != 0)
}

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
    // Opened before, for a handler opens nothing; that one is not waited for.
    let terminal = tty::errors();
    for signal in heeded {
        let stop = stop.clone();
        let told = &*told;
        let handler = move || {
            let has_view = SCREEN_TAKEN.load(Ordering::SeqCst);
            if ASKED.swap(true, Ordering::SeqCst) {
                // One that does not end is not waited for when it is asked for yet again.
                if has_view && AT_ONCE.swap(signal, Ordering::SeqCst) == 0 {
                    return;
                }
                // Throwaway servers are removed by their watchdogs.
                low_level::exit(128 + signal);
            }
            stop.request();
            if has_view {
                return;
            }
            // Nobody is left to be told that the terminal is gone, or takes nothing.
            let _ = match terminal {
                Some(terminal) => nix::unistd::write(terminal, told),
                None => nix::unistd::write(std::io::stderr(), told),
            };
        };
        // SAFETY: the handler reads and writes atomic variables and calls write(2) and _exit(2), all
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
