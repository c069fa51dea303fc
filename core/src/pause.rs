//! Asking for a pause between loads.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::stop::Stop;

/// How often whoever pauses looks whether it is over.
const PATIENCE: Duration = Duration::from_millis(20);

/// A request to pause before the next load, shared by everything that runs. It can be taken back, and
/// asked for again.
///
/// There is no pause within a load. A server goes on while its clients stand still: it writes what they
/// left in memory, and removes what they left behind. What came after such a pause would be faster than the
/// same load without one, whatever is done about the clock.
#[derive(Clone, Debug, Default)]
pub struct Pause {
    asked: Arc<AtomicBool>,
}

impl Pause {
    /// Asks for a pause, or ends it.
    pub fn toggle(&self) {
        self.asked.fetch_xor(true, Ordering::Relaxed);
    }

    /// Whether a pause is asked for, or goes on.
    pub fn is_asked(&self) -> bool {
        self.asked.load(Ordering::Relaxed)
    }

    /// Blocks the thread until no pause is asked for, or the end is.
    pub fn wait(&self, stop: &Stop) {
        while self.is_asked() && !stop.is_requested() {
            std::thread::sleep(PATIENCE);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Pause, Stop};

    #[test]
    fn a_pause_ends_when_it_is_taken_back_or_the_end_is_asked_for() {
        let (pause, stop) = (Pause::default(), Stop::default());
        pause.wait(&stop);
        for ends in
            [|pause: &Pause, _: &Stop| pause.toggle(), |_: &Pause, stop: &Stop| stop.request()]
        {
            pause.toggle();
            let (asked, ended) = (pause.clone(), stop.clone());
            let waiting = std::thread::spawn(move || asked.wait(&ended));
            assert!(pause.is_asked());
            ends(&pause, &stop);
            assert!(waiting.join().is_ok());
        }
    }
}
