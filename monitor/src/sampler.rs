//! Samples, wherever it is done.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use dbdyno_core::load::leave_out_thread;
use dbdyno_core::metrics::{Reading, Sample, Source};
use dbdyno_core::{Driver, Error, Result};
use futures_util::future::join_all;

use crate::guests::{Guests, Lent, Move};
use crate::monitor::Sink;
use crate::rates::Rates;
use crate::targets::{Engine, Told};
use crate::{machine, processes};

/// How long an engine may take to answer.
const PATIENCE: Duration = Duration::from_secs(1);

/// What is sampled, and who is given it.
pub(crate) struct Sampler {
    engines: Vec<Engine>,
    guests: Arc<Guests>,
    rates: Rates,
    own: processes::Own,
    /// The same for whoever [looks](Self::look): what a thread did is told since the last time.
    own_between: processes::Own,
    /// Those that failed are gone.
    sinks: Vec<Option<Arc<dyn Sink>>>,
    failure: Option<Error>,
    /// When the last sample was taken; `None` before the first.
    last: Option<Instant>,
}

impl Sampler {
    pub(crate) fn new(
        drivers: Vec<Arc<dyn Driver>>,
        guests: Arc<Guests>,
        sinks: Vec<Arc<dyn Sink>>,
    ) -> Self {
        Self {
            engines: drivers.into_iter().map(Engine::new).collect(),
            guests,
            rates: Rates::default(),
            own: processes::Own::default(),
            own_between: processes::Own::default(),
            sinks: sinks.into_iter().map(Some).collect(),
            failure: None,
            last: None,
        }
    }

    /// Whether a sink failed.
    pub(crate) fn has_failed(&self) -> bool {
        self.failure.is_some()
    }

    /// What the first sink that failed said.
    pub(crate) fn into_failure(self) -> Option<Error> {
        self.failure
    }

    /// When the next sample is due.
    pub(crate) fn next(&self, interval: Duration) -> Instant {
        self.last.map_or_else(Instant::now, |last| last + interval)
    }

    /// Takes a sample.
    pub(crate) async fn sample(&mut self) {
        let guests = Arc::clone(&self.guests);
        let mut guests = self.welcome(&guests);
        let mut samples = self.of_system(&mut guests.engines);
        let all = self.engines.iter_mut().chain(&mut guests.engines);
        let told = join_all(all.map(|engine| engine.ask(PATIENCE))).await;
        self.keep(&mut samples, told, &guests.engines);
        // What sampling costs is not the client's.
        leave_out_thread();
    }

    /// Takes a sample of what can be looked at without waiting: an engine that has a server is not asked.
    pub(crate) fn sample_at_once(&mut self) {
        let guests = Arc::clone(&self.guests);
        let mut guests = self.welcome(&guests);
        let mut samples = self.of_system(&mut guests.engines);
        let all = self.engines.iter_mut().chain(&mut guests.engines);
        let told = all.map(Engine::ask_at_once).collect();
        self.keep(&mut samples, told, &guests.engines);
    }

    /// Looks at processes and the machine beside the intervals; samples go on as they would without it.
    pub(crate) fn look(&mut self) {
        let guests = Arc::clone(&self.guests);
        let mut guests = self.welcome(&guests);
        let (at, taken) = (SystemTime::now(), Instant::now());
        let mut samples = Vec::new();
        let mut add = |source, target: &str, readings: Vec<Reading>| {
            let target = target.to_owned();
            samples.extend(readings.into_iter().map(|reading| Sample {
                at,
                taken,
                source,
                target: target.clone(),
                reading,
                per_second: None,
            }));
        };
        add(Source::Machine, "", machine::read());
        add(Source::Client, "", self.own_between.read());
        for engine in self.engines.iter_mut().chain(&mut guests.engines) {
            if let Some(used) = engine.used() {
                add(Source::Server, engine.driver.target(), used);
            }
        }
        self.tell(|sink| sink.looked(&samples));
        // What looking costs is not the client's.
        leave_out_thread();
    }

    /// Gives up its sessions, which belong to the event loop that they were opened on.
    pub(crate) fn leave_servers(&mut self) {
        // Who has left since the last sample is told of before the end is.
        let guests = Arc::clone(&self.guests);
        let mut guests = self.welcome(&guests);
        self.engines.iter_mut().chain(&mut guests.engines).for_each(Engine::leave);
    }

    /// Takes the servers that come and go for a sample, and says which have.
    fn welcome<'g>(&mut self, guests: &'g Guests) -> Lent<'g> {
        let (lent, moves) = guests.lend();
        for each in moves {
            match each {
                Move::Joined { target, engine } => {
                    self.rates.forget(&target);
                    self.tell(|sink| sink.joined(&target, &engine));
                }
                Move::Left { target } => self.tell(|sink| sink.left(&target)),
            }
        }
        lent
    }

    fn of_system(&mut self, guests: &mut [Engine]) -> Vec<Sample> {
        self.last = Some(Instant::now());
        let at = SystemTime::now();
        let mut samples = Vec::new();
        let mut add = |source, target: &str, readings: Vec<_>| {
            let moment = (at, Instant::now());
            let sample = |read| self.rates.sample(moment, source, target, read);
            samples.extend(readings.into_iter().map(sample));
        };
        add(Source::Machine, "", machine::read());
        add(Source::Client, "", self.own.read());
        for engine in self.engines.iter_mut().chain(guests) {
            if let Some(used) = engine.used() {
                add(Source::Server, engine.driver.target(), used);
            }
        }
        samples
    }

    /// Adds what engines told, and gives sinks all of it.
    fn keep(&mut self, samples: &mut Vec<Sample>, told: Vec<Told>, guests: &[Engine]) {
        let at = samples.first().map_or_else(SystemTime::now, |sample| sample.at);
        let mut silent = Vec::new();
        let targets = self.engines.iter().map(|engine| (engine, true));
        let all = targets.chain(guests.iter().map(|engine| (engine, false)));
        for ((engine, is_target), told) in all.zip(told) {
            let target = engine.driver.target();
            match told {
                Told::Readings(readings) => {
                    let moment = (at, Instant::now());
                    let sample = |read| self.rates.sample(moment, Source::Engine, target, read);
                    samples.extend(readings.into_iter().map(sample));
                }
                // Servers of a suite's own are killed, stopped and cut off on purpose.
                Told::Nothing { why, newly } if newly && is_target => {
                    silent.push((target.to_owned(), why));
                }
                Told::Nothing { .. } | Told::NotAsked => {}
            }
        }
        self.tell(|sink| sink.samples(samples));
        for (target, why) in silent {
            self.tell(|sink| sink.silent(&target, &why));
        }
    }

    /// Tells every sink that has not failed.
    fn tell(&mut self, tell: impl Fn(&dyn Sink) -> Result<()>) {
        for place in &mut self.sinks {
            let Some(Err(error)) = place.as_ref().map(|sink| tell(sink.as_ref())) else { continue };
            *place = None;
            self.failure.get_or_insert(error);
        }
    }
}
