//! Ctrl-C and its kin: the first ends the run with what was measured, the second at once.

use std::thread;

use dbdyno_core::{Error, Result, Stop};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

/// Turns signals into a request to stop.
///
/// # Errors
/// The system refuses the handlers.
pub fn watch(stop: &Stop) -> Result<()> {
    let doing = "watch for Ctrl-C";
    let mut signals =
        Signals::new([SIGINT, SIGTERM, SIGHUP]).map_err(|cause| Error::new(doing, cause))?;
    let stop = stop.clone();
    let watching = thread::Builder::new().name("signals".to_owned()).spawn(move || {
        for signal in signals.forever() {
            if stop.is_requested() {
                // Throwaway servers are removed by their watchdogs.
                std::process::exit(128 + signal);
            }
            eprintln!("ending: what was measured is kept (again to end at once)");
            stop.request();
        }
    });
    watching.map(drop).map_err(|cause| Error::new(doing, cause))
}
