//! `dbdyno find-limit`.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use dbdyno_core::load::{Length, Spacing};
use dbdyno_core::{Driver, Error, Measurement, Result, Stop};
use dbdyno_results::chart::LineChart;
use dbdyno_results::statistics::median;
use dbdyno_results::{RunFolder, Step, limit_chart};
use dbdyno_suites::limit::{Limit, LimitOptions, Probe, check_one_load, find_limit as search};
use dbdyno_suites::registry::suites;
use dbdyno_suites::runner::Selection;

use crate::Ended;
use crate::args::{FindLimitArgs, RunArgs, SpacingArg};
use crate::commands::{choose, run, scenario, tables};
use crate::config::Config;
use crate::files::write;
use crate::interrupt;
use crate::numbers::grouped;
use crate::output::{say, show};
use crate::screen::Screen;
use crate::watch::Watch;

/// How long a rate is measured, and runs before that, where nobody says.
const DURATION: Duration = Duration::from_secs(10);
const WARMUP: Duration = Duration::from_secs(2);
/// How close is close enough, and how many repetitions a rate takes at most, where nobody says.
const PRECISION: f64 = 0.05;
const CONFIRM: u32 = 3;
/// Of fewer transactions a 99th percentile is that of a handful.
const ENOUGH: f64 = 500.0;

/// Searches the highest rate at which the objectives hold, of each benchmark on each target.
///
/// # Errors
/// The command is wrong, a target cannot be opened, a benchmark cannot be measured at rates, or results
/// cannot be kept.
pub fn find_limit(arguments: FindLimitArgs) -> Result<Ended> {
    let config = Config::read(arguments.run.config.as_deref())?;
    let limit = limit_options(&arguments);
    refuse(&arguments.run)?;
    let arguments = config.complete(arguments.run)?;
    let targets = choose::targets(&config, &arguments.targets)?;
    let mut suites = suites();
    let names = scenario::add(&mut suites, &arguments, &targets)?;
    if names.is_empty() {
        return Err(Error::new("find a limit", "no benchmark was named")
            .next("name one, such as `dbdyno find-limit oltp/tpcb --objective 'p99<20ms'`"));
    }
    let selections = choose::benchmarks(&suites, &names)?;
    let mut options = choose::options(&arguments)?;
    choose::check_data(&selections, &options)?;
    selections.iter().try_for_each(|selection| check_one_load(*selection, &options))?;
    if arguments.duration.is_none() {
        options.length = Length::Duration(DURATION);
    }
    options.warmup = arguments.warmup.unwrap_or(WARMUP);
    let settings = choose::settings(&arguments.settings, &targets)?;
    let plan = run::watch_plan(&config, &arguments, &targets)?;
    let stop = Stop::default();
    interrupt::watch(&stop)?;
    let runtime = run::event_loop()?;
    let live = run::live(&arguments, "find-limit", &options, &stop)?;
    let screen = Arc::new(Screen::new(arguments.quiet, &options, live.as_ref()));
    let sessions = run::most_sessions(&options, &selections);
    let Some(drivers) = run::open_targets(&runtime, &screen, &targets, &settings, sessions, &stop)?
    else {
        return Ok(Ended::Interrupted);
    };
    let folder =
        Arc::new(RunFolder::create_new(arguments.out.as_deref().unwrap_or(Path::new("runs")))?);
    let mut info = run::describe(&runtime, &arguments, &options, &selections, &targets, &drivers)?;
    info.options.extend(in_words(&limit));
    info.options.extend(plan.in_words());
    folder.write_run_toml(&info)?;
    let searched = selections.iter().flat_map(|selection| {
        let versions = info.targets.iter().map(|target| target.engine_version.clone());
        drivers.iter().cloned().zip(versions).map(move |driver| (selection, driver))
    });
    let watch = Watch::start(plan, &drivers, &folder, &mut options, &stop, &screen)?;
    let recorder = watch.recorder();
    let search_all = || -> Result<Ended> {
        let mut ended = Ended::Done;
        for (selection, driver) in searched.collect::<Vec<_>>() {
            let found = search(
                *selection,
                &driver,
                &options,
                &limit,
                &runtime,
                recorder.as_ref(),
                screen.as_ref(),
                &stop,
            );
            screen.clear();
            let found = found?;
            show(&table(&found, *selection, &driver.0));
            say(&sentence(&found, &limit));
            let chart = chart(&found);
            let picture = folder.path().join(format!("{}.svg", chart.file_stem()));
            write(&picture, &chart.svg())?;
            if found.interrupted {
                ended = Ended::Interrupted;
                break;
            }
            if found.found.holds.is_none() {
                ended = Ended::Failed;
            }
        }
        Ok(ended)
    };
    let all = search_all();
    drop(live);
    let watched = watch.stop();
    let outcome = match &all {
        Ok(Ended::Interrupted) => "interrupted",
        Ok(Ended::Done) if !watched.has_failed => "done",
        Ok(_) | Err(_) => "failed",
    };
    run::close(&folder, &mut info, outcome)?;
    say(&format!("results in {}", folder.path().display()));
    let ended = all?;
    watched.kept?;
    Ok(if watched.has_failed { Ended::Failed } else { ended })
}

fn limit_options(arguments: &FindLimitArgs) -> LimitOptions {
    LimitOptions {
        objectives: arguments.objectives.clone(),
        precision: arguments.precision.unwrap_or(PRECISION),
        confirm: arguments.confirm.unwrap_or(CONFIRM),
        highest: arguments.highest,
        spacing: match arguments.run.spacing {
            Some(SpacingArg::Uniform) => Spacing::Uniform,
            Some(SpacingArg::Poisson) | None => Spacing::Poisson,
        },
    }
}

/// What a search decides by itself.
fn refuse(arguments: &RunArgs) -> Result<()> {
    let given = [
        ("--rate", arguments.rate.is_some()),
        ("--latency-limit", arguments.latency_limit.is_some()),
        ("--repetitions", arguments.repetitions.is_some()),
        ("--transactions", arguments.transactions.is_some()),
        ("--think-times", arguments.think_times),
    ];
    match given.iter().find(|(_, is_given)| *is_given) {
        None => Ok(()),
        Some((option, _)) => {
            let why =
                format!("{option} has no meaning here: rates and repetitions are the search's");
            Err(Error::new("find a limit", why).next("leave it out; --confirm says how often"))
        }
    }
}

fn in_words(limit: &LimitOptions) -> Vec<(String, String)> {
    let objectives: Vec<String> = limit.objectives.iter().map(ToString::to_string).collect();
    let mut words = vec![
        ("objective".to_owned(), objectives.join(", ")),
        ("precision".to_owned(), percent(limit.precision)),
        ("confirm".to_owned(), limit.confirm.to_string()),
    ];
    words.extend(limit.highest.map(|rate| ("highest".to_owned(), rate.to_string())));
    words
}

fn percent(share: f64) -> String {
    format!("{}%", (share * 1e4).round() / 100.0)
}

/// The rates, the lowest first.
fn table(limit: &Limit, selection: Selection<'_>, driver: &Arc<dyn Driver>) -> String {
    let mut table =
        tables::plain(["rate tx/s", "reached", "p50 ms", "p95 ms", "p99 ms", "errors", "held"]);
    let mut probes: Vec<&Probe> = limit.probes.iter().collect();
    probes.sort_by(|one, other| one.rate.total_cmp(&other.rate));
    for probe in probes {
        let Step { rate, reached, percentiles_us, errors } = step(probe);
        let told = |number: Option<f64>| number.map_or("-".to_owned(), grouped);
        let [p50, p95, p99] =
            percentiles_us.map(|us| us.map_or("-".to_owned(), |us| format!("{:.2}", us / 1e3)));
        table.add_row([
            grouped(rate),
            told(reached),
            p50,
            p95,
            p99,
            told(errors),
            format!("{} of {}", probe.held, probe.repetitions.len()),
        ]);
    }
    format!(
        "{}/{} on {}, {} clients, isolation {}, durability {}; a closed loop reaches {} tx/s\n\n{table}\n",
        selection.suite,
        selection.benchmark.name(),
        driver.target(),
        limit.case.clients,
        limit.case.isolation,
        limit.case.durability,
        grouped(limit.closed_loop),
    )
}

/// What is drawn of a search: all of it that was measured, also where its end was asked for.
fn chart(limit: &Limit) -> LineChart {
    let steps: Vec<Step> = limit.probes.iter().map(step).collect();
    let Limit { case, found, .. } = limit;
    let title = format!("The limit of {}/{} on {}", case.suite, case.benchmark, case.target);
    limit_chart(&title, &steps, found.holds.or_else(|| found.fails.map(|_| 0.0)))
}

fn step(probe: &Probe) -> Step {
    Step::of(probe.rate, |metric| values(probe, metric))
}

/// What the repetitions of a rate have of a metric.
fn values(probe: &Probe, metric: &str) -> Vec<f64> {
    let number = |rows: &Vec<Measurement>| {
        rows.iter().find(|row| row.transaction.is_empty() && row.metric == metric)?.value
    };
    probe.repetitions.iter().filter_map(number).collect()
}

fn sentence(limit: &Limit, options: &LimitOptions) -> String {
    let objectives = options.objectives_in_words();
    let found = match (limit.found.holds, limit.found.fails) {
        (Some(holds), Some(fails)) => format!(
            "{objectives} held at up to {} tx/s, and no longer at {}",
            grouped(holds),
            grouped(fails)
        ),
        (Some(holds), None) => {
            format!("{objectives} held at every rate up to {} tx/s", grouped(holds))
        }
        (None, Some(fails)) => {
            format!("{objectives} did not hold at any rate, down to {} tx/s", grouped(fails))
        }
        (None, None) => "no rate was measured to its end".to_owned(),
    };
    let few = limit.probes.iter().filter(|probe| Some(probe.rate) == limit.found.holds);
    let few = few
        .filter_map(|probe| median(&values(probe, "transactions")))
        .find(|count| *count < ENOUGH);
    let doubt = few.map_or(String::new(), |count| {
        format!("; of {count:.0} transactions a percentile says little: choose a longer --duration")
    });
    let broken_off = if limit.interrupted { " (interrupted)" } else { "" };
    format!("{found}{doubt}{broken_off}")
}
