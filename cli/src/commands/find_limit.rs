//! `dbdyno find-limit`.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use dbdyno_core::load::{Length, Spacing};
use dbdyno_core::{Driver, Error, Measurement, Result, Stop};
use dbdyno_results::RunFolder;
use dbdyno_results::chart::{LineChart, LineCurve, Scale};
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
        let ms =
            |metric| middle(probe, metric).map_or("-".to_owned(), |us| format!("{:.2}", us / 1e3));
        table.add_row([
            grouped(probe.rate),
            middle(probe, "throughput").map_or("-".to_owned(), grouped),
            ms("latency_p50_us"),
            ms("latency_p95_us"),
            ms("latency_p99_us"),
            middle(probe, "errors").map_or("-".to_owned(), grouped),
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

/// Response times against the throughput that was reached, from the lowest rate to the highest, with the limit marked: where
/// a server can do no more, a higher rate reaches less.
fn chart(limit: &Limit) -> LineChart {
    let mut probes: Vec<&Probe> = limit.probes.iter().collect();
    probes.sort_by(|one, other| one.rate.total_cmp(&other.rate));
    let curve = |name: &str| {
        let metric = format!("latency_{name}_us");
        let points = probes.iter().filter_map(|probe| {
            let reached = middle(probe, "throughput")?;
            Some((reached, middle(probe, &metric).filter(|us| *us > 0.0)? / 1e3))
        });
        LineCurve { name: name.to_owned(), points: points.collect() }
    };
    let held = probes.iter().find(|probe| Some(probe.rate) == limit.found.holds);
    let reached = held.and_then(|probe| middle(probe, "throughput"));
    let mark = reached.map(|reached| (reached, "the highest rate that held".to_owned()));
    let axis = match (&mark, limit.found.holds, limit.found.fails) {
        (Some(_), ..) => "transactions per second (1: the highest rate that held)",
        (None, None, Some(_)) => "transactions per second (no rate held)",
        (None, ..) => "transactions per second",
    };
    let case = &limit.case;
    LineChart {
        title: format!("The limit of {}/{} on {}", case.suite, case.benchmark, case.target),
        axes: (axis.to_owned(), "milliseconds".to_owned()),
        scale: Scale::Linear,
        log_y: true,
        curves: ["p50", "p95", "p99"].map(curve).to_vec(),
        marks: mark.into_iter().collect(),
    }
}

/// The median of a metric over the repetitions of a rate; of percentiles one that was measured.
fn middle(probe: &Probe, metric: &str) -> Option<f64> {
    let number = |rows: &Vec<Measurement>| {
        rows.iter().find(|row| row.transaction.is_empty() && row.metric == metric)?.value
    };
    let values: Vec<f64> = probe.repetitions.iter().filter_map(number).collect();
    dbdyno_results::metric::middle(metric, &values)
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
    let few = few.filter_map(|probe| middle(probe, "transactions")).find(|count| *count < ENOUGH);
    let doubt = few.map_or(String::new(), |count| {
        format!("; of {count:.0} transactions a percentile says little: choose a longer --duration")
    });
    let broken_off = if limit.interrupted { " (interrupted)" } else { "" };
    format!("{found}{doubt}{broken_off}")
}

#[cfg(test)]
mod tests {
    use dbdyno_core::Better;
    use dbdyno_suites::limit::Found;

    use super::*;
    use crate::made_up::case;

    #[test]
    fn a_point_of_the_chart_is_a_percentile_that_was_measured() {
        let repetition = |reached, us| {
            let throughput = Measurement::new("throughput", reached, "1/s", Better::Higher);
            vec![throughput, Measurement::new("latency_p99_us", us, "us", Better::Lower)]
        };
        let probe = |rate, all: &[f64]| Probe {
            rate,
            repetitions: all.iter().map(|us| repetition(rate * 0.9, *us)).collect(),
            held: 0,
            holds: true,
        };
        let limit = Limit {
            case: case(1),
            closed_loop: 500.0,
            probes: vec![
                probe(200.0, &[9_000.0, 4_000.0, 1_000.0, 5_000.0]),
                probe(100.0, &[2_000.0, 3_000.0]),
            ],
            found: Found { holds: Some(200.0), fails: None },
            interrupted: false,
        };
        let chart = chart(&limit);
        let p99 = chart.curves.iter().find(|curve| curve.name == "p99").unwrap();
        assert_eq!(p99.points, [(90.0, 2.0), (180.0, 4.0)]);
        assert_eq!(chart.marks, [(180.0, "the highest rate that held".to_owned())]);
        assert!(chart.axes.0.contains("1: the highest rate that held"), "{}", chart.axes.0);
    }
}
