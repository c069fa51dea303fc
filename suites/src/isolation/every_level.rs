//! A benchmark of another suite, run at every level.

use std::time::Duration;

use dbdyno_core::Scale;
use dbdyno_core::load::Length;
use dbdyno_datasets::Dataset;

use crate::benchmark::{AfterUse, Benchmark, Procedure};

/// What it costs a benchmark to run at a stronger level.
pub struct EveryLevel(pub Box<dyn Benchmark>);

impl Benchmark for EveryLevel {
    fn name(&self) -> &'static str {
        self.0.name()
    }

    fn summary(&self) -> &'static str {
        self.0.summary()
    }

    fn dataset(&self) -> &'static dyn Dataset {
        self.0.dataset()
    }

    fn after_use(&self) -> AfterUse {
        self.0.after_use()
    }

    fn default_clients(&self) -> &'static [u32] {
        self.0.default_clients()
    }

    fn compares_isolation(&self) -> bool {
        true
    }

    fn length(&self, clients: u32) -> Option<Length> {
        self.0.length(clients)
    }

    fn has_streams(&self) -> bool {
        self.0.has_streams()
    }

    fn drain_limit(&self) -> Option<Duration> {
        self.0.drain_limit()
    }

    fn has_answers(&self, scale: Scale) -> bool {
        self.0.has_answers(scale)
    }

    fn procedure(&self) -> Procedure<'_> {
        self.0.procedure()
    }
}
