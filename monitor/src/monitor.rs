//! The thread that samples.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime};

use dbdyno_core::load::leave_out_thread;
use dbdyno_core::metrics::{Sample, Source};
use dbdyno_core::{DbError, Driver, Error, Result};
use futures_util::future::join_all;
use tokio::sync::Notify;

use crate::rates::Rates;
use crate::targets::{Engine, Told};
use crate::{machine, processes};

/// How long an engine may take to answer.
const PATIENCE: Duration = Duration::from_secs(1);

/// Who is given samples.
pub trait Sink: Send + Sync {
    /// All samples of one moment. It is called on the thread that samples, which waits meanwhile.
    ///
    /// # Errors
    /// They could not be kept. Sampling goes on without this sink.
    fn samples(&self, samples: &[Sample]) -> Result<()>;

    /// A target could not be asked, which is told once until it answers again.
    ///
    /// # Errors
    /// It could not be kept.
    fn silent(&self, _target: &str, _why: &DbError) -> Result<()> {
        Ok(())
    }
}

/// Samples until it is dropped or [stopped](Self::stop).
pub struct Monitor {
    /// Woken to end.
    end: Arc<Notify>,
    /// A sink failed.
    failed: Arc<AtomicBool>,
    thread: Option<JoinHandle<Option<Error>>>,
}

impl Monitor {
    /// Samples these targets, their processes, this process and the machine, for the first time at once
    /// and then every `interval`. What took longer is not caught up with.
    ///
    /// # Errors
    /// The thread cannot be started.
    pub fn start(
        drivers: Vec<Arc<dyn Driver>>,
        interval: Duration,
        sinks: Vec<Arc<dyn Sink>>,
    ) -> Result<Self> {
        let cannot = |why: std::io::Error| Error::new("start sampling", why);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(cannot)?;
        let end = Arc::new(Notify::new());
        let asked = Arc::clone(&end);
        let failed = Arc::new(AtomicBool::new(false));
        let engines = drivers.into_iter().map(Engine::new).collect();
        let mut sampler = Sampler {
            engines,
            rates: Rates::default(),
            own: processes::Own::default(),
            sinks: sinks.into_iter().map(Some).collect(),
            failure: None,
            failed: Arc::clone(&failed),
        };
        let work = move || {
            runtime.block_on(sampler.run(interval, &asked));
            // A name that is looked up for ever is not waited for.
            runtime.shutdown_background();
            sampler.failure
        };
        let thread = std::thread::Builder::new().name("monitor".to_owned()).spawn(work);
        Ok(Self { end, failed, thread: Some(thread.map_err(cannot)?) })
    }

    /// Whether samples could not be kept by some sink.
    pub fn has_failed(&self) -> bool {
        self.failed.load(Ordering::Relaxed)
    }

    /// Ends sampling.
    ///
    /// # Errors
    /// What the first sink that failed said.
    pub fn stop(mut self) -> Result<()> {
        match self.join() {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }

    fn join(&mut self) -> Option<Error> {
        self.end.notify_one();
        let ended = self.thread.take()?.join();
        ended.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }
}

impl Drop for Monitor {
    fn drop(&mut self) {
        self.end.notify_one();
        if let Some(thread) = self.thread.take() {
            // Whoever drops it has no use for what went wrong.
            let _ = thread.join();
        }
    }
}

struct Sampler {
    engines: Vec<Engine>,
    rates: Rates,
    own: processes::Own,
    /// Those that failed are gone.
    sinks: Vec<Option<Arc<dyn Sink>>>,
    failure: Option<Error>,
    failed: Arc<AtomicBool>,
}

impl Sampler {
    async fn run(&mut self, interval: Duration, end: &Notify) {
        let mut next = Instant::now();
        loop {
            // To its end, which is near: a run that is short has this one alone.
            self.sample().await;
            let now = Instant::now();
            while next <= now {
                next += interval;
            }
            // What sampling costs is not the client's.
            leave_out_thread();
            tokio::select! {
                () = tokio::time::sleep_until(next.into()) => {}
                () = end.notified() => return,
            }
        }
    }

    async fn sample(&mut self) {
        let at = SystemTime::now();
        let mut samples = Vec::new();
        let mut add = |rates: &mut Rates, source, target: &str, readings: Vec<_>| {
            let moment = (at, Instant::now());
            let of = readings.into_iter().map(|read| rates.sample(moment, source, target, read));
            samples.extend(of);
        };
        add(&mut self.rates, Source::Machine, "", machine::read());
        add(&mut self.rates, Source::Client, "", self.own.read());
        for engine in &self.engines {
            if let Some(first) = engine.driver.metrics().and_then(|metrics| metrics.process()) {
                let used = processes::of_server(first);
                add(&mut self.rates, Source::Server, engine.driver.target(), used);
            }
        }
        let told = join_all(self.engines.iter_mut().map(|engine| engine.ask(PATIENCE))).await;
        let mut silent = Vec::new();
        for (engine, told) in self.engines.iter().zip(told) {
            let target = engine.driver.target();
            match told {
                Told::Readings(readings) => {
                    add(&mut self.rates, Source::Engine, target, readings);
                }
                Told::Nothing { why, newly } if newly => silent.push((target.to_owned(), why)),
                Told::Nothing { .. } | Told::NotAsked => {}
            }
        }
        self.tell(|sink| sink.samples(&samples));
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
            self.failed.store(true, Ordering::Relaxed);
        }
    }
}
