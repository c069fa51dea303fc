//! What is done beside a run: sampling, serving metrics, watching for alerts.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use dbdyno_core::{DbError, Driver, Error, Event, Recorder, Result, Sample, Stop};
use dbdyno_monitor::{
    AlertSink, Alerts, Endpoint, Exposition, Guests, LoadListener, Memory, Monitor, Overheard,
    Rule, Serving, Severity, Sink,
};
use dbdyno_results::RunFolder;
use dbdyno_suites::runner::RunOptions;

use crate::alerts::{self, IntoEvents, OnScreen, Outlet};
use crate::args::WatchArgs;
use crate::config::Config;
use crate::output::note;
use crate::screen::Screen;

/// How often is sampled beside a run.
pub const INTERVAL: Duration = Duration::from_secs(1);

/// What is to be watched: all that can be wrong with it is found before anything is touched.
pub struct WatchPlan<'a> {
    config: &'a Config,
    /// Nothing is sampled.
    is_off: bool,
    endpoint: Option<Endpoint>,
    rules: Vec<Rule>,
    abort: Option<Severity>,
}

impl<'a> WatchPlan<'a> {
    /// Reads the rules and takes the address. `targets` are the labels of the targets; with `is_off` nothing is
    /// sampled.
    ///
    /// # Errors
    /// A rule, a webhook or a command is wrong, the address is in use, or there are rules and nothing is sampled.
    pub fn new(
        config: &'a Config,
        arguments: &WatchArgs,
        targets: &[String],
        is_off: bool,
    ) -> Result<Self> {
        let rules = alerts::rules(config, &arguments.alerts, targets)?;
        if is_off && !rules.is_empty() {
            let why = "there are alert rules, and with --no-monitor nothing looks at them";
            return Err(Error::new("watch for alerts", why)
                .next("leave --no-monitor out, or say `--alerts none`"));
        }
        if arguments.abort_on_alert.is_some() && rules.is_empty() {
            let why = "there is no alert rule";
            return Err(Error::new("end on an alert", why)
                .next("write rules into dbdyno.toml, or say `--alerts default`"));
        }
        if !rules.is_empty() {
            alerts::check_outlets(config)?;
        }
        let endpoint = arguments.metrics_listen.map(Endpoint::bind).transpose()?;
        Ok(Self { config, is_off, endpoint, rules, abort: arguments.abort_on_alert })
    }

    /// The rules by name, for `run.toml`.
    pub fn in_words(&self) -> Option<(String, String)> {
        let names: Vec<&str> = self.rules.iter().map(|rule| rule.name.as_str()).collect();
        (!names.is_empty()).then(|| ("alerts".to_owned(), names.join(", ")))
    }
}

/// Samples into a run folder while it lives.
pub struct Watch {
    monitor: Option<Arc<Monitor>>,
    /// Servers of suites' own.
    guests: Arc<Guests>,
    silences: Arc<Silences>,
    alerts: Option<Arc<Alerts>>,
    outlets: Vec<Arc<Outlet>>,
    serving: Option<Serving>,
    /// Who is to hear what loads tell.
    listeners: Vec<Arc<dyn LoadListener>>,
    recorder: Arc<dyn Recorder>,
    folder: Arc<RunFolder>,
}

/// What came of watching.
pub struct Watched {
    /// An alert of severity `fail` fired, or one ended what ran.
    pub has_failed: bool,
    /// Whether all that was seen could be kept.
    pub kept: Result<()>,
}

impl Watch {
    /// Samples the targets of a run into its folder, and has its loads look at what was seen. Alerts are said on the
    /// screen, a line each, from a thread of their own; a full-screen view is told what loads do and what is sampled.
    ///
    /// # Errors
    /// A thread cannot be started.
    pub fn start(
        plan: WatchPlan<'_>,
        drivers: &[Arc<dyn Driver>],
        folder: &Arc<RunFolder>,
        options: &mut RunOptions,
        stop: &Stop,
        screen: &Arc<Screen>,
    ) -> Result<Self> {
        let live = screen.live().map(Arc::new);
        let mut watch = Self::nothing(folder);
        if let Some(live) = &live {
            watch.listeners.push(live.clone());
        }
        if plan.is_off {
            watch.overhear();
            return Ok(watch);
        }
        let embedded = drivers.iter().filter(|driver| driver.embedded().is_some());
        let embedded = embedded.map(|driver| driver.target().to_owned()).collect();
        let memory = Arc::new(Memory::new(embedded));
        options.watch = Some(memory.clone());
        watch.guests = memory.guests();
        let silences = Arc::new(Silences::default());
        let mut sinks: Vec<Arc<dyn Sink>> = vec![memory, silences.clone()];
        sinks.extend(live.map(|live| live as Arc<dyn Sink>));
        watch.silences = silences;
        watch.sampling(plan, drivers, folder, INTERVAL, stop, sinks, Screen::teller(screen))
    }

    /// Samples without a run, for those who are given samples beside the folder.
    ///
    /// # Errors
    /// A thread cannot be started.
    pub fn start_alone(
        plan: WatchPlan<'_>,
        drivers: &[Arc<dyn Driver>],
        folder: &Arc<RunFolder>,
        interval: Duration,
        stop: &Stop,
        sinks: Vec<Arc<dyn Sink>>,
    ) -> Result<Self> {
        Self::nothing(folder).sampling(plan, drivers, folder, interval, stop, sinks, note)
    }

    fn nothing(folder: &Arc<RunFolder>) -> Self {
        Self {
            monitor: None,
            guests: Arc::default(),
            silences: Arc::default(),
            alerts: None,
            outlets: Vec::new(),
            serving: None,
            listeners: Vec::new(),
            recorder: Arc::clone(folder) as Arc<dyn Recorder>,
            folder: Arc::clone(folder),
        }
    }

    /// Has the listeners hear what loads tell their recorder.
    fn overhear(&mut self) {
        let listeners = std::mem::take(&mut self.listeners);
        if !listeners.is_empty() {
            self.recorder = Arc::new(Overheard::new(Arc::clone(&self.recorder), listeners));
        }
    }

    #[expect(clippy::too_many_arguments, reason = "what both ways to start have in common")]
    fn sampling(
        mut self,
        plan: WatchPlan<'_>,
        drivers: &[Arc<dyn Driver>],
        folder: &Arc<RunFolder>,
        interval: Duration,
        stop: &Stop,
        mut sinks: Vec<Arc<dyn Sink>>,
        tell: impl Fn(&str) + Send + Sync + 'static,
    ) -> Result<Self> {
        sinks.insert(0, Arc::new(IntoFolder(Arc::clone(folder))));
        if let Some(endpoint) = plan.endpoint {
            let exposition = Arc::new(Exposition::new(drivers, interval));
            let serving = endpoint.serve(&exposition)?;
            tell(&format!("metrics at {}", serving.url()));
            self.serving = Some(serving);
            sinks.push(exposition.clone());
            self.listeners.push(exposition);
        }
        if !plan.rules.is_empty() {
            self.outlets = alerts::outlets(plan.config, folder.run_id())?;
            let tell = Arc::new(tell);
            let too = Arc::clone(&tell);
            let on_screen = OnScreen(Box::new(move |line: &str| tell(line)));
            let into_events = IntoEvents::new(folder, Box::new(move |line: &str| too(line)));
            let mut told: Vec<Arc<dyn AlertSink>> =
                vec![Arc::new(on_screen), Arc::new(into_events)];
            told.extend(self.outlets.iter().map(|outlet| Arc::clone(outlet) as Arc<dyn AlertSink>));
            let abort = plan.abort.map(|severity| (severity, stop.clone()));
            let alerts = Arc::new(Alerts::new(plan.rules, (drivers, interval), told, abort));
            sinks.push(alerts.clone());
            self.listeners.push(alerts.clone());
            self.alerts = Some(alerts);
        }
        let (targets, guests) = (drivers.to_vec(), Arc::clone(&self.guests));
        // Whoever else listens has to hear of what takes long while it lasts.
        let keeps_thread = !self.listeners.is_empty();
        let monitor = Monitor::start_with(targets, guests, interval, sinks, keeps_thread)?;
        let monitor = Arc::new(monitor);
        self.listeners.push(monitor.clone());
        self.monitor = Some(monitor);
        self.overhear();
        Ok(self)
    }

    /// What a run is to be recorded by.
    pub fn recorder(&self) -> Arc<dyn Recorder> {
        Arc::clone(&self.recorder)
    }

    /// Whether nothing is left to do: samples could not be kept, and there are no rules to hold them against. Where
    /// there are, a disk that is full may be what one is about, and others can still be told.
    pub fn has_failed(&self) -> bool {
        self.alerts.is_none() && self.monitor.as_ref().is_some_and(|monitor| monitor.has_failed())
    }

    /// Ends it, and says who did not tell or was not told.
    pub fn stop(self) -> Watched {
        let mut kept = self.monitor.map_or(Ok(()), |monitor| monitor.stop());
        let mut has_failed = false;
        if let Some(alerts) = &self.alerts {
            kept = kept.and(alerts.finish());
            has_failed = alerts.has_failed() || alerts.has_aborted();
        }
        for untold in Outlet::close(&self.outlets) {
            note(&format!("note: {untold}"));
            let event = Event::now("alerts_not_delivered", untold);
            kept = kept.and(self.folder.event_beside("", &event));
        }
        for (target, (count, why)) in &*self.silences.lock() {
            let times = if *count == 1 { String::new() } else { format!(" ({count} times)") };
            note(&format!("note: {target} did not tell of itself for a while{times}: {why}"));
        }
        Watched { has_failed, kept }
    }
}

/// Who did not answer, how often and why first: said once the run is over.
#[derive(Default)]
struct Silences(Mutex<BTreeMap<String, (u32, String)>>);

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
struct IntoFolder(Arc<RunFolder>);

impl Sink for IntoFolder {
    fn samples(&self, samples: &[Sample]) -> Result<()> {
        self.0.samples(samples)
    }
}
