//! What is sampled and what loads do, for Prometheus to scrape.
//!
//! Names are by Prometheus' own rules (<https://prometheus.io/docs/practices/naming/>): base units, `_total` for
//! what only grows. The text is OpenMetrics 1.0.

mod endpoint;
mod load;
mod samples;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use dbdyno_core::load::UnderWay;
use dbdyno_core::measurement::Second;
use dbdyno_core::metrics::Sample;
use dbdyno_core::{Case, Driver, Event, Result};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, text};
use prometheus_client::registry::Registry;

use crate::monitor::Sink;
use crate::overheard::LoadListener;
use load::Loads;

pub use endpoint::{Endpoint, Serving};
pub use samples::prometheus_name;

/// The media type of the text.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
/// How long a target that has fallen silent, or a sampler that has, still counts as telling.
const STALE: Duration = Duration::from_secs(30);

/// What would be scraped at this moment.
#[derive(Debug)]
pub struct Exposition {
    /// Samples that are older are nobody's any more.
    stale: Duration,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// The last samples, and when they came.
    samples: Option<(Instant, Vec<Sample>)>,
    loads: Loads,
    /// The engine of each target.
    engines: BTreeMap<String, String>,
}

impl Exposition {
    /// Nothing yet, of these targets.
    pub fn new(drivers: &[Arc<dyn Driver>], interval: Duration) -> Self {
        let engine =
            |driver: &Arc<dyn Driver>| (driver.target().to_owned(), driver.engine().to_owned());
        Self {
            stale: (interval * 3).max(STALE),
            state: Mutex::new(State {
                engines: drivers.iter().map(engine).collect(),
                ..State::default()
            }),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sink for Exposition {
    fn samples(&self, samples: &[Sample]) -> Result<()> {
        self.state().samples = Some((Instant::now(), samples.to_vec()));
        Ok(())
    }

    fn joined(&self, target: &str, engine: &str) -> Result<()> {
        self.state().engines.insert(target.to_owned(), engine.to_owned());
        Ok(())
    }

    fn left(&self, target: &str) -> Result<()> {
        self.state().engines.remove(target);
        Ok(())
    }
}

impl LoadListener for Exposition {
    fn began(&self, case: &Case, transactions: &[String], under_way: &Arc<UnderWay>) {
        self.state().loads.began(case, transactions, Some(under_way));
    }

    fn second(&self, case: &Case, seconds: &[Second]) {
        self.state().loads.second(case, seconds);
    }

    fn event(&self, case: &Case, event: &Event) {
        self.state().loads.event(case, event);
    }

    fn over(&self, case: &Case) {
        self.state().loads.over(case);
    }
}

/// Encodes what an exposition has.
#[derive(Debug)]
struct Scrape(Arc<Exposition>);

impl Collector for Scrape {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        // Neither the sampler nor a load waits for an encoder.
        let (samples, loads, engines) = {
            let state = self.0.state();
            let fresh = state.samples.as_ref().filter(|(at, _)| at.elapsed() < self.0.stale);
            let samples = fresh.map(|(_, samples)| samples.clone());
            (samples, state.loads.clone(), state.engines.clone())
        };
        samples::encode(&mut encoder, &samples.unwrap_or_default(), &engines)?;
        loads.encode(&mut encoder)
    }
}

/// The text of all that there is.
fn render(registry: &Registry) -> std::result::Result<String, fmt::Error> {
    let mut out = String::new();
    text::encode(&mut out, registry)?;
    Ok(out)
}

fn registry_of(exposition: Arc<Exposition>) -> Registry {
    let mut registry = Registry::with_prefix("dbdyno");
    registry.register_collector(Box::new(Scrape(exposition)));
    registry
}

#[cfg(test)]
mod tests;
