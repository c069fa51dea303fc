//! `dbdyno monitor`.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use dbdyno_adapters::{Location, ServerSettings, Target};
use dbdyno_core::metrics::Source;
use dbdyno_core::{DbError, Driver, Error, Pause, Result, Sample, Stop};
use dbdyno_monitor::Sink;
use dbdyno_results::{RunFolder, RunInfo, machine, rfc3339};

use crate::Ended;
use crate::args::MonitorArgs;
use crate::commands::{choose, run};
use crate::config::Config;
use crate::interrupt;
use crate::live::Live;
use crate::numbers::{bytes, grouped};
use crate::output::{note, say};
use crate::watch::{Watch, WatchPlan};

/// The shortest interval: reading takes some milliseconds.
const SHORTEST: Duration = Duration::from_millis(100);
/// How often the end is looked for.
const PATIENCE: Duration = Duration::from_millis(50);
/// Lines between two headers: as many as fit on a small screen.
const LINES: usize = 20;

/// Samples until the time is over or the end is asked for.
///
/// # Errors
/// The command is wrong, a target cannot be opened, or samples cannot be kept.
pub fn monitor(arguments: &MonitorArgs) -> Result<Ended> {
    if arguments.interval < SHORTEST {
        let why = format!("{SHORTEST:?} is the shortest interval: reading takes its time");
        return Err(Error::new("sample so often", why).next("give a longer --interval"));
    }
    let config = Config::read(arguments.config.as_deref())?;
    let targets = choose::targets(&config, &arguments.targets)?;
    let labels: Vec<String> = targets.iter().map(|target| target.label.clone()).collect();
    let plan = WatchPlan::new(&config, &arguments.watch, &labels, false)?;
    let stop = Stop::default();
    interrupt::watch(&stop)?;
    let live = match arguments.live {
        true => Live::start("monitor", &Pause::default(), &stop)?,
        false => None,
    };
    let Some(drivers) = open(&targets, &stop)? else { return Ok(Ended::Interrupted) };
    let folder =
        Arc::new(RunFolder::create_new(arguments.out.as_deref().unwrap_or(Path::new("runs")))?);
    let mut info = RunInfo {
        tool_version: env!("CARGO_PKG_VERSION").to_owned(),
        command: std::env::args().collect(),
        machine: machine(),
        options: plan.in_words().into_iter().collect(),
        ..RunInfo::default()
    };
    folder.write_run_toml(&info)?;
    let mut sinks: Vec<Arc<dyn Sink>> = Vec::new();
    match &live {
        Some(live) => sinks.push(Arc::new(live.teller())),
        None if arguments.quiet => {}
        None => sinks.push(Arc::new(Lines::of(&targets))),
    }
    let heard = Arc::new(Heard::default());
    sinks.push(Arc::<Heard>::clone(&heard));
    let watch = Watch::start_alone(plan, &drivers, &folder, arguments.interval, &stop, sinks)?;
    wait(arguments.duration, || stop.is_requested() || watch.has_failed());
    drop(live);
    let watched = watch.stop();
    // Of a throwaway file that nobody has written to there is nothing to tell.
    let named = targets.iter().filter(|target| !matches!(target.location, Location::Throwaway));
    let silent = heard.silent(named.map(|target| target.label.as_str()));
    let ended = match watched.has_failed {
        true => Ended::Failed,
        false if !silent.is_empty() => Ended::CouldNotRun,
        false if arguments.duration.is_some() && stop.is_requested() => Ended::Interrupted,
        false => Ended::Done,
    };
    let outcome = match ended {
        Ended::Failed | Ended::CouldNotRun => "failed",
        Ended::Interrupted => "interrupted",
        _ => "done",
    };
    let closed = run::close(&folder, &mut info, outcome);
    // What was not kept first: a disk that is full takes the rest, too.
    watched.kept?;
    closed?;
    for target in silent {
        note(&format!("! {target} told nothing: see to it that it is there"));
    }
    say(&format!("samples in {}", folder.path().display()));
    Ok(ended)
}

/// Opens the targets; `None` where the end was asked for before all were open.
fn open(targets: &[Target], stop: &Stop) -> Result<Option<Vec<Arc<dyn Driver>>>> {
    let runtime = run::event_loop()?;
    let mut drivers = Vec::new();
    for target in targets {
        let settings = ServerSettings { stop: stop.clone(), ..ServerSettings::default() };
        match runtime.block_on(dbdyno_adapters::open(target, &settings)) {
            _ if stop.is_requested() => return Ok(None),
            Ok(driver) => drivers.push(driver),
            Err(error) => return Err(error),
        }
    }
    Ok(Some(drivers))
}

/// Waits until the time is over or the end has come.
fn wait(duration: Option<Duration>, has_ended: impl Fn() -> bool) {
    let began = Instant::now();
    while !has_ended() && duration.is_none_or(|duration| began.elapsed() < duration) {
        std::thread::sleep(PATIENCE);
    }
}

/// Who told anything.
#[derive(Default)]
struct Heard(Mutex<BTreeSet<String>>);

impl Heard {
    fn told(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The targets that told nothing.
    fn silent<'t>(&self, targets: impl Iterator<Item = &'t str>) -> Vec<&'t str> {
        let told = self.told();
        targets.filter(|target| !told.contains(*target)).collect()
    }
}

impl Sink for Heard {
    fn samples(&self, samples: &[Sample]) -> Result<()> {
        let mut told = self.told();
        for sample in samples.iter().filter(|sample| sample.source == Source::Engine) {
            if !told.contains(&sample.target) {
                told.insert(sample.target.clone());
            }
        }
        Ok(())
    }
}

/// Prints a line for each target and sample.
struct Lines {
    width: usize,
    printed: AtomicUsize,
}

impl Lines {
    fn of(targets: &[Target]) -> Self {
        let longest = targets.iter().map(|target| target.label.chars().count()).max();
        let width = longest.unwrap_or(0).clamp("target".len(), 20);
        Self { width, printed: AtomicUsize::new(0) }
    }

    fn header(&self) -> String {
        format!(
            "{:<8} {:<width$} {:>8} {:>9} {:>6} {:>9} {:>5} {:>7} {:>7}",
            "time",
            "target",
            "commit/s",
            "rows/s",
            "cache",
            "sessions",
            "wait",
            "log/s",
            "cpu",
            width = self.width
        )
    }
}

impl Sink for Lines {
    fn samples(&self, samples: &[Sample]) -> Result<()> {
        let mut targets: Vec<&str> = Vec::new();
        for sample in samples.iter().filter(|sample| sample.source == Source::Engine) {
            if !targets.contains(&sample.target.as_str()) {
                targets.push(&sample.target);
            }
        }
        for target in targets {
            let printed = self.printed.fetch_add(1, Ordering::Relaxed);
            if printed.is_multiple_of(LINES) {
                say(&self.header());
            }
            say(&line(samples, target, self.width));
        }
        Ok(())
    }

    fn silent(&self, target: &str, why: &DbError) -> Result<()> {
        note(&format!("! {target} does not tell: {why}"));
        Ok(())
    }
}

/// What a target tells, as far as it does.
fn line(samples: &[Sample], target: &str, width: usize) -> String {
    let find = |source, metric: &str| {
        samples.iter().find(|sample| {
            sample.source == source
                && sample.target == target
                && sample.reading.metric.name == metric
        })
    };
    let gauge = |metric| find(Source::Engine, metric).map(|sample| sample.reading.value);
    let rate = |source, metric| find(source, metric).and_then(|sample| sample.per_second);
    let number = |value: Option<f64>| value.map_or("-".to_owned(), |value| grouped(value.round()));
    let hits = rate(Source::Engine, "cache_hits").zip(rate(Source::Engine, "cache_misses"));
    let hit_ratio = hits.filter(|(hits, misses)| hits + misses > 0.0);
    let cache = hit_ratio
        .map_or("-".to_owned(), |(hits, misses)| format!("{:.1}%", 100.0 * hits / (hits + misses)));
    let cpu = rate(Source::Server, "cpu_s");
    let sessions = gauge("connections").map_or("-".to_owned(), |all| {
        format!("{}/{}", number(gauge("connections_active")), grouped(all))
    });
    let time = samples.first().map(|sample| rfc3339(sample.at)).unwrap_or_default();
    let shown: String = target.chars().take(width).collect();
    format!(
        "{:<8} {shown:<width$} {:>8} {:>9} {cache:>6} {sessions:>9} {:>5} {:>7} {:>7}",
        time.get(11..19).unwrap_or_default(),
        number(rate(Source::Engine, "commits")),
        number(rate(Source::Engine, "rows_written")),
        number(gauge("lock_waits")),
        rate(Source::Engine, "log_bytes").map_or("-".to_owned(), bytes),
        cpu.map_or("-".to_owned(), |cpu| format!("{:.0}%", 100.0 * cpu)),
    )
}
