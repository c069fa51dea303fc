//! `dbdyno run`.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use dbdyno_adapters::{Location, ServerSettings, Target};
use dbdyno_core::{Driver, Error, Result, Stop};
use dbdyno_results::{RunFolder, RunInfo, TargetInfo, machine};
use dbdyno_suites::registry::suites;
use dbdyno_suites::runner::{RunOptions, RunSummary, Selection, run as run_suites};
use tokio::runtime::{Builder, Runtime};

use crate::Ended;
use crate::args::RunArgs;
use crate::commands::choose;
use crate::commands::extent;
use crate::commands::replication;
use crate::commands::scenario;
use crate::commands::tables;
use crate::config::Config;
use crate::interrupt;
use crate::live::Live;
use crate::output::say;
use crate::screen::Screen;
use crate::watch::{Watch, WatchPlan};

/// Sessions that dbdyno opens besides those of the clients.
const SPARE_SESSIONS: u32 = 16;

/// Runs what was asked for.
///
/// # Errors
/// The command is wrong, a target cannot be opened, or results cannot be kept.
pub fn run(arguments: RunArgs) -> Result<Ended> {
    let config = Config::read(arguments.config.as_deref())?;
    let arguments = config.complete(arguments)?;
    if arguments.spacing.is_some() && arguments.rate.is_none() {
        let why = "--spacing is of an open loop, and there is no --rate";
        return Err(Error::new("run the benchmarks", why).next("give --rate, or leave it out"));
    }
    let targets = choose::targets(&config, &arguments.targets)?;
    let mut suites = suites();
    let names = scenario::add(&mut suites, &arguments, &targets)?;
    let selections = choose::benchmarks(&suites, &names)?;
    let mut options = choose::options(&arguments)?;
    choose::check_data(&selections, &options)?;
    choose::check_pools(&selections, &arguments)?;
    replication::check(&selections, &arguments)?;
    options.load_host = load_host(&selections)?;
    let settings = choose::settings(&arguments.settings, &targets)?;
    let plan = watch_plan(&config, &arguments, &targets)?;

    let stop = Stop::default();
    interrupt::watch(&stop)?;
    let runtime = event_loop()?;
    let live = live(&arguments, "run", &options, &stop)?;
    let screen = Arc::new(Screen::new(arguments.quiet, &options, live.as_ref()));
    let sessions = most_sessions(&options, &selections);
    let Some(drivers) = open_targets(&runtime, &screen, &targets, &settings, sessions, &stop)?
    else {
        return Ok(Ended::Interrupted);
    };
    choose::check_backups(&selections, &arguments, &drivers)?;
    if arguments.duration.is_none() && arguments.transactions.is_none() {
        extent::share_a_minute(&mut options, arguments.warmup, &selections, &drivers);
    }
    let folder =
        Arc::new(RunFolder::create_new(arguments.out.as_deref().unwrap_or(Path::new("runs")))?);
    let mut info = describe(&runtime, &arguments, &options, &selections, &targets, &drivers)?;
    info.options.extend(plan.in_words());
    folder.write_run_toml(&info)?;

    let versions: Vec<(Arc<dyn Driver>, String)> = drivers
        .iter()
        .zip(&info.targets)
        .map(|(driver, target)| (Arc::clone(driver), target.engine_version.clone()))
        .collect();
    screen.cases(extent::count_cases(&options, &selections, &drivers));
    let watch = Watch::start(plan, &drivers, &folder, &mut options, &stop, &screen)?;
    let recorder = watch.recorder();
    let (recorder, observer) = (recorder.as_ref(), screen.as_ref());
    let ran = run_suites(&selections, &versions, &options, &runtime, recorder, observer, &stop);
    screen.clear();
    drop(live);
    let watched = watch.stop();
    let outcome = match &ran {
        Ok(summary) if summary.interrupted => "interrupted",
        Ok(summary) if summary.failed + summary.could_not_run == 0 && !watched.has_failed => "done",
        _ => "failed",
    };
    close(&folder, &mut info, outcome)?;
    let summary = ran?;
    tables::after_run(&folder)?;
    tell_end(&summary, &folder);
    // Last: it takes nothing away from what was measured.
    watched.kept?;
    Ok(if watched.has_failed { Ended::Failed } else { ended(&summary) })
}

/// The full-screen view of a command, where it is asked for and there can be one.
pub(super) fn live(
    arguments: &RunArgs,
    command: &'static str,
    options: &RunOptions,
    stop: &Stop,
) -> Result<Option<Live>> {
    match arguments.live {
        true => Live::start(command, &options.pause, stop),
        false => Ok(None),
    }
}

/// What is to be watched beside a run.
pub(super) fn watch_plan<'a>(
    config: &'a Config,
    arguments: &RunArgs,
    targets: &[Target],
) -> Result<WatchPlan<'a>> {
    let labels: Vec<String> = targets.iter().map(|target| target.label.clone()).collect();
    WatchPlan::new(config, &arguments.watch, &labels, arguments.no_monitor)
}

/// Writes down how a run ended, and when.
pub(super) fn close(folder: &RunFolder, info: &mut RunInfo, outcome: &str) -> Result<()> {
    info.outcome = Some(outcome.to_owned());
    info.ended_at = Some(jiff::Timestamp::now().to_string());
    folder.write_run_toml(info)
}

/// The program that hosts loads which are to be killed: this one.
fn load_host(selections: &[Selection<'_>]) -> Result<Option<PathBuf>> {
    let kills = |selection: &Selection<'_>| {
        selection.benchmark.has_cycles() || selection.benchmark.has_topologies()
    };
    if !selections.iter().any(kills) {
        return Ok(None);
    }
    let program = std::env::current_exe();
    program.map(Some).map_err(|cause| Error::new("find dbdyno's own program", cause))
}

/// An event loop on this thread: what needs several threads, such as loading, starts its own, and
/// none of them is left when a load begins.
pub(super) fn event_loop() -> Result<Runtime> {
    Builder::new_current_thread()
        .enable_all()
        .thread_keep_alive(Duration::ZERO)
        .build()
        .map_err(|cause| Error::new("start the event loop", cause))
}

fn ended(summary: &RunSummary) -> Ended {
    match summary {
        summary if summary.failed > 0 => Ended::Failed,
        summary if summary.could_not_run > 0 => Ended::CouldNotRun,
        summary if summary.interrupted => Ended::Interrupted,
        _ => Ended::Done,
    }
}

fn tell_end(summary: &RunSummary, folder: &RunFolder) {
    let mut parts = vec![format!("{} measured", summary.measured)];
    if summary.unsupported > 0 {
        parts.push(format!("{} unsupported", summary.unsupported));
    }
    if summary.failed > 0 {
        parts.push(format!("{} FAILED", summary.failed));
    }
    if summary.could_not_run > 0 {
        parts.push(format!("{} could not run", summary.could_not_run));
    }
    if summary.interrupted {
        parts.push("interrupted".to_owned());
    }
    say(&format!("{}; results in {}", parts.join(", "), folder.path().display()));
}

/// How many sessions will be open at once.
pub(super) fn most_sessions(options: &RunOptions, selections: &[Selection<'_>]) -> u32 {
    let own = selections.iter().flat_map(|selection| selection.benchmark.default_clients());
    let has_pools = selections.iter().any(|selection| selection.benchmark.has_pools());
    let pools = options.pool.sizes.iter().flatten().filter(|_| has_pools);
    let clients = options.clients.iter().flatten().chain(own).chain(pools);
    let clients = clients.copied().max().unwrap_or(0);
    let has_streams = selections.iter().any(|selection| selection.benchmark.has_streams());
    clients + if has_streams { options.streams() } else { 0 } + SPARE_SESSIONS
}

/// Opens every target; `None` where the end was asked for meanwhile.
pub(super) fn open_targets(
    runtime: &Runtime,
    screen: &Screen,
    targets: &[Target],
    settings: &choose::Settings,
    sessions: u32,
    stop: &Stop,
) -> Result<Option<Vec<Arc<dyn Driver>>>> {
    let mut drivers = Vec::new();
    for target in targets {
        if stop.is_requested() {
            return Ok(None);
        }
        if matches!(target.location, Location::Throwaway) {
            screen.working(&format!("starting {}", target.label));
        } else {
            screen.working(&format!("connecting to {}", target.label));
        }
        let settings = settings.of(target.engine.name);
        let settings = ServerSettings { settings, sessions, stop: stop.clone() };
        match runtime.block_on(dbdyno_adapters::open(target, &settings)) {
            Ok(driver) => drivers.push(driver),
            Err(_) if stop.is_requested() => return Ok(None),
            Err(error) => return Err(error),
        }
    }
    screen.clear();
    Ok((!stop.is_requested()).then_some(drivers))
}

/// What goes into `run.toml`.
pub(super) fn describe(
    runtime: &Runtime,
    arguments: &RunArgs,
    options: &RunOptions,
    selections: &[Selection<'_>],
    targets: &[Target],
    drivers: &[Arc<dyn Driver>],
) -> Result<RunInfo> {
    let mut infos = Vec::new();
    for (target, driver) in targets.iter().zip(drivers) {
        let server = runtime.block_on(driver.server_info())?;
        let started_by = match target.location {
            Location::Throwaway if target.engine.is_file => "embedded, in a temporary folder",
            Location::Throwaway => "throwaway",
            Location::Path(_) => "embedded",
            Location::Url(_) => "given by a URL",
        };
        infos.push(TargetInfo {
            target: driver.target().to_owned(),
            engine: driver.engine().to_owned(),
            driver: driver.name().to_owned(),
            engine_version: server.version,
            server: started_by.to_owned(),
            settings: server.settings,
        });
    }
    Ok(RunInfo {
        tool_version: env!("CARGO_PKG_VERSION").to_owned(),
        command: std::env::args().collect(),
        options: choose::in_words(arguments, options, selections),
        machine: machine(),
        targets: infos,
        ..RunInfo::default()
    })
}
