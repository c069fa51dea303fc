//! Who samples where a load has its process to itself.

use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{ThreadId, current};
use std::time::Duration;

use dbdyno_core::load::{Arrival, Length, OpenLoop, Spacing};
use dbdyno_core::metrics::Source;
use dbdyno_core::{DbError, Driver, Result, Sample, SessionOptions};
use dbdyno_monitor::{Monitor, Overheard, Sink};
use dbdyno_suites::oltp;
use dbdyno_suites::runner::{RunOptions, Selection, run};
use dbdyno_tests::{Kept, Unseen, named, run_options, runtime, target, wait_for};

/// It does not divide a second, at the end of which a load may take over: else a sample would be under way at the end of
/// each of them or of none.
const INTERVAL: Duration = Duration::from_millis(130);

/// A sample: the thread that took it, and the engines in it.
type Taken = (ThreadId, Vec<String>);

/// Keeps who took each sample.
#[derive(Default)]
struct Takers {
    taken: Mutex<Vec<Taken>>,
    silent: Mutex<Vec<String>>,
}

impl Sink for Takers {
    fn samples(&self, samples: &[Sample]) -> Result<()> {
        let of_engines = samples.iter().filter(|sample| sample.source == Source::Engine);
        let mut engines: Vec<String> = of_engines.map(|sample| sample.target.to_string()).collect();
        engines.dedup();
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.push((current().id(), engines));
        Ok(())
    }

    fn silent(&self, target: &str, why: &DbError) -> Result<()> {
        self.silent.lock().unwrap_or_else(PoisonError::into_inner).push(format!("{target}: {why}"));
        Ok(())
    }
}

impl Takers {
    fn all(&self) -> Vec<Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Those of the calling thread, which loads run on.
    fn of_load(&self) -> usize {
        let own = current().id();
        self.all().iter().filter(|(thread, _)| *thread == own).count()
    }
}

/// Samples two engines while one of them has point selects to do; gives who took samples then.
fn sampled_under(options: &RunOptions, engine: &str) -> (Arc<Takers>, Arc<Monitor>) {
    let runtime = runtime();
    let (sqlite, postgres) = (target(&runtime, "sqlite"), target(&runtime, "postgres"));
    let takers = Arc::new(Takers::default());
    // SQLite tells of its own sessions alone, and nothing before there is one.
    drop(runtime.block_on(sqlite.connect(&SessionOptions::default())).unwrap());
    let drivers = vec![Arc::clone(&sqlite), Arc::clone(&postgres)];
    let monitor = Arc::new(Monitor::start(drivers, INTERVAL, vec![takers.clone()]).unwrap());
    let recorder = Overheard::new(Arc::new(Kept::default()), vec![monitor.clone()]);
    let benchmark = named(oltp::benchmarks(), "point-select");
    let selection = Selection { suite: "oltp", benchmark: benchmark.as_ref() };
    let under_load: &Arc<dyn Driver> = if engine == "sqlite" { &sqlite } else { &postgres };
    let version = runtime.block_on(under_load.server_info()).unwrap().version;
    let drivers = [(Arc::clone(under_load), version)];
    let stop = Default::default();
    run(&[selection], &drivers, options, &runtime, &recorder, &Unseen, &stop).unwrap();
    let before = takers.all().len();
    // While the servers are there.
    wait_for("samples after the load", || {
        let asked = |(_, engines): &Taken| engines.len() == 2;
        takers.all().iter().skip(before).any(asked).then_some(())
    });
    (takers, monitor)
}

fn options(clients: u32, arrival: Arrival) -> RunOptions {
    RunOptions {
        clients: Some(vec![clients]),
        arrival,
        length: Length::Duration(Duration::from_secs(8)),
        ..run_options()
    }
}

#[test]
fn a_load_that_has_its_process_to_itself_samples_on_its_own_thread() {
    let (takers, monitor) = sampled_under(&options(1, Arrival::Closed), "sqlite");
    assert!(!monitor.has_failed());
    assert_eq!(*takers.silent.lock().unwrap(), Vec::<String>::new());
    let (own, taken) = (current().id(), takers.all());
    let by_load: Vec<usize> = (0..taken.len()).filter(|at| taken[*at].0 == own).collect();
    let (first, last) = (by_load[0], by_load[by_load.len() - 1]);
    assert!(by_load.len() >= 2, "a second each after the first: {by_load:?}");
    assert_eq!(last - first + 1, by_load.len(), "nobody else meanwhile: {by_load:?}");
    for (thread, engines) in &taken {
        let of_load = *thread == own;
        assert_eq!(engines.contains(&"postgres".to_owned()), !of_load, "{engines:?}");
        assert!(engines.contains(&"sqlite".to_owned()), "{engines:?}");
    }
    assert!(first > 0 && last + 1 < taken.len(), "the thread does before and after: {by_load:?}");
    monitor.stop().unwrap();
    monitor.stop().unwrap();
}

#[test]
fn a_load_that_is_not_alone_does_not_sample() {
    let open = OpenLoop { rate: 5_000.0, spacing: Spacing::Uniform, latency_limit: None };
    for (clients, arrival, engine) in [
        (2, Arrival::Closed, "sqlite"),
        (1, Arrival::Open(open), "sqlite"),
        (1, Arrival::Closed, "postgres"),
    ] {
        let options = RunOptions {
            length: Length::Duration(Duration::from_millis(1_500)),
            ..options(clients, arrival)
        };
        let (takers, _monitor) = sampled_under(&options, engine);
        assert_eq!(takers.of_load(), 0, "{clients} clients on {engine}");
    }
}
