//! Sampling beside a run.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use dbdyno_core::{DbError, Driver, Result, Sample};
use dbdyno_monitor::{Memory, Monitor, Sink};
use dbdyno_results::RunFolder;
use dbdyno_suites::runner::RunOptions;

use crate::output::note;

/// How often is sampled.
pub const INTERVAL: Duration = Duration::from_secs(1);

/// Samples into a run folder while it lives.
pub struct Watch(Option<(Monitor, Arc<Silences>)>);

impl Watch {
    /// Samples the targets of a run into its folder, and has its loads look at what was seen.
    ///
    /// # Errors
    /// Sampling cannot be started.
    pub fn start(
        drivers: &[Arc<dyn Driver>],
        folder: &Arc<RunFolder>,
        options: &mut RunOptions,
    ) -> Result<Self> {
        let embedded = drivers.iter().filter(|driver| driver.embedded().is_some());
        let embedded = embedded.map(|driver| driver.target().to_owned()).collect();
        let memory = Arc::new(Memory::new(embedded));
        options.watch = Some(memory.clone());
        let silences = Arc::new(Silences::default());
        let sinks: Vec<Arc<dyn Sink>> =
            vec![Arc::new(IntoFolder(Arc::clone(folder))), memory, silences.clone()];
        Ok(Self(Some((Monitor::start(drivers.to_vec(), INTERVAL, sinks)?, silences))))
    }

    /// None.
    pub fn none() -> Self {
        Self(None)
    }

    /// Ends sampling.
    ///
    /// # Errors
    /// What was sampled could not be kept.
    pub fn stop(self) -> Result<()> {
        let Some((monitor, silences)) = self.0 else { return Ok(()) };
        let stopped = monitor.stop();
        for (target, (count, why)) in &*silences.lock() {
            let times = if *count == 1 { String::new() } else { format!(" ({count} times)") };
            note(&format!("note: {target} did not tell of itself for a while{times}: {why}"));
        }
        stopped
    }
}

/// Who did not answer, how often and why first: said once the run is over.
#[derive(Default)]
pub struct Silences(Mutex<BTreeMap<String, (u32, String)>>);

impl Silences {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, (u32, String)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sink for Silences {
    fn samples(&self, _samples: &[Sample]) -> Result<()> {
        Ok(())
    }

    fn silent(&self, target: &str, why: &DbError) -> Result<()> {
        let mut told = self.lock();
        told.entry(target.to_owned()).or_insert_with(|| (0, why.to_string())).0 += 1;
        Ok(())
    }
}

/// Keeps samples in `metrics.csv`.
pub struct IntoFolder(pub Arc<RunFolder>);

impl Sink for IntoFolder {
    fn samples(&self, samples: &[Sample]) -> Result<()> {
        self.0.samples(samples)
    }
}
