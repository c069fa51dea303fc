//! Sampling beside a run.

use std::sync::Arc;
use std::time::Duration;

use dbdyno_core::{Driver, Result, Sample};
use dbdyno_monitor::{Memory, Monitor, Sink};
use dbdyno_results::RunFolder;
use dbdyno_suites::runner::RunOptions;

/// How often is sampled.
pub const INTERVAL: Duration = Duration::from_secs(1);

/// Samples into a run folder while it lives.
pub struct Watch(Option<Monitor>);

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
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        let memory = Arc::new(Memory::new(processors, embedded));
        options.watch = Some(memory.clone());
        let sinks: Vec<Arc<dyn Sink>> = vec![Arc::new(IntoFolder(Arc::clone(folder))), memory];
        Ok(Self(Some(Monitor::start(drivers.to_vec(), INTERVAL, sinks)?)))
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
        self.0.map_or(Ok(()), Monitor::stop)
    }
}

/// Keeps samples in `metrics.csv`.
pub struct IntoFolder(pub Arc<RunFolder>);

impl Sink for IntoFolder {
    fn samples(&self, samples: &[Sample]) -> Result<()> {
        self.0.samples(samples)
    }
}
