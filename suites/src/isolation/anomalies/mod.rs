//! Which anomalies a level allows: each is provoked by a schedule of a few steps, played by real sessions.

mod director;
mod log;
mod outcome;
mod player;
mod schedule;
mod schedules;

use dbdyno_core::{
    Better, Check, Error, LockWaits, Measurement, Promise, Result, SessionOptions, Statement,
    Status,
};
use dbdyno_datasets::{Dataset, isolation};

use crate::benchmark::{Benchmark, Procedure, StagedBenchmark, WorkloadContext};
use crate::runner::{Measured, RunOptions, Stand};
use director::{Director, STEP_LIMIT};
use log::{Log, Transcript};
use outcome::Outcome;
use schedule::Schedule;
use schedules::SCHEDULES;

/// The folder of a run that holds what happened step by step.
const FOLDER: &str = "schedules";

/// The benchmark `isolation/anomalies`.
#[derive(Clone, Copy, Debug)]
pub struct Anomalies;

impl Benchmark for Anomalies {
    fn name(&self) -> &'static str {
        "anomalies"
    }

    fn summary(&self) -> &'static str {
        "Schedules of two and three sessions, one for each anomaly (those of Hermitage, after Adya and \
         Bailis et al.)"
    }

    fn dataset(&self) -> &'static dyn Dataset {
        &isolation::Isolation
    }

    fn default_clients(&self) -> &'static [u32] {
        &[1]
    }

    /// A schedule has the sessions that it needs.
    fn takes_clients(&self) -> bool {
        false
    }

    fn compares_isolation(&self) -> bool {
        true
    }

    fn procedure(&self) -> Procedure<'_> {
        Procedure::Staged(self)
    }
}

impl StagedBenchmark for Anomalies {
    fn statements(&self, _context: &WorkloadContext) -> Vec<Statement> {
        SCHEDULES
            .iter()
            .flat_map(|schedule| schedule.steps)
            .filter_map(|step| step.what.sql())
            .map(|sql| Statement::new("step", sql))
            .collect()
    }

    fn loads(&self, _options: &RunOptions) -> u32 {
        0
    }

    fn measure(&self, stand: &Stand<'_>, measured: &mut Measured) -> Result<()> {
        let doing = || format!("play schedules on {}", stand.driver().target());
        let Some(waits) = stand.driver().lock_waits() else {
            return Err(Error::unsupported(doing(), "the driver cannot tell who waits for a lock"));
        };
        let promise = stand.driver().promise(stand.case().isolation);
        let path = stand.file(FOLDER, "txt")?;
        let mut log = Log::create(&path, stand.case())?;
        let mut played = Vec::new();
        for schedule in &SCHEDULES {
            stand.go_on()?;
            let (outcome, transcript) = play(stand, waits, schedule)?;
            log.schedule(schedule, &transcript, &outcome)?;
            measured.own.push(row(schedule, &outcome));
            played.push((schedule, outcome));
        }
        measured.own.push(count(&played));
        measured.headline = headline(&played);
        measured.checks = vec![ended(&played), kept(promise, &played)];
        Ok(())
    }
}

type Played = (&'static Schedule, Outcome);

/// Plays one schedule. What the engine refuses is an outcome, not an error.
fn play(
    stand: &Stand<'_>,
    waits: &dyn LockWaits,
    schedule: &'static Schedule,
) -> Result<(Outcome, Transcript)> {
    let options = SessionOptions {
        isolation: Some(stand.case().isolation),
        watched: true,
        ..stand.session_options()
    };
    let limit = stand.options().statement_timeout.unwrap_or(STEP_LIMIT);
    let doing = format!("play {}", schedule.anomaly);
    let (played, transcript) = stand.ask(&doing, async |observer| {
        let driver = stand.shared_driver();
        Director::new(schedule, waits, observer, limit).play(&driver, &options).await
    })?;
    Ok((played.outcome(schedule), transcript))
}

fn row(schedule: &Schedule, outcome: &Outcome) -> Measurement {
    let possible = f64::from(u8::from(outcome.is_possible()));
    let row = Measurement::new("anomaly_possible", possible, "1", Better::Lower)
        .of(schedule.anomaly.name())
        .with_status(Status::Ok, outcome.to_string());
    match outcome.is_certain() {
        true => row,
        false => Measurement { value: None, status: Status::Failed, ..row },
    }
}

fn possible(played: &[Played]) -> impl Iterator<Item = &'static Schedule> {
    played.iter().filter(|(_, outcome)| outcome.is_possible()).map(|(schedule, _)| *schedule)
}

fn count(played: &[Played]) -> Measurement {
    let count = possible(played).count() as f64;
    Measurement::new("anomalies_possible", count, "1", Better::Lower)
        .with_status(Status::Ok, symbols(played))
}

fn symbols(played: &[Played]) -> String {
    let symbols: Vec<_> = possible(played).map(|schedule| schedule.anomaly.symbol()).collect();
    let known = if symbols.is_empty() { "none".to_owned() } else { symbols.join(" ") };
    match played.iter().filter(|(_, outcome)| !outcome.is_certain()).count() {
        0 => known,
        unknown => format!("{known}; {unknown} could not be told"),
    }
}

fn headline(played: &[Played]) -> String {
    format!("of {} anomalies allows {}", played.len(), symbols(played))
}

/// Whether every schedule could be played to its end.
fn ended(played: &[Played]) -> Check {
    let stuck: Vec<String> = played
        .iter()
        .filter(|(_, outcome)| !outcome.is_certain())
        .map(|(schedule, outcome)| format!("{}: {outcome}", schedule.anomaly))
        .collect();
    let detail = match stuck.is_empty() {
        true => format!("all {} schedules came to their end", played.len()),
        false => stuck.join("; "),
    };
    Check::new("schedules_ended", stuck.is_empty(), detail)
}

/// Whether the level keeps from happening what it promises to.
fn kept(promise: Promise, played: &[Played]) -> Check {
    let broken: Vec<&str> = possible(played)
        .filter(|schedule| promise.forbids(schedule.anomaly))
        .map(|schedule| schedule.anomaly.name())
        .collect();
    let detail = match broken.is_empty() {
        true => format!("it promises {}, and keeps it in every schedule", promise.words()),
        false => format!("it promises {}, but allows {}", promise.words(), broken.join(", ")),
    };
    Check::new("promise_kept", broken.is_empty(), detail)
}

/// Every schedule as a person reads it, in Markdown: name, what goes wrong, steps.
pub fn schedules_in_words() -> String {
    SCHEDULES.iter().map(Schedule::markdown).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn played(outcomes: impl Fn(&Schedule) -> Outcome) -> Vec<Played> {
        SCHEDULES.iter().map(|schedule| (schedule, outcomes(schedule))).collect()
    }

    #[test]
    fn a_promise_is_broken_by_what_it_forbids_alone() {
        let skew = played(|schedule| match schedule.anomaly.symbol() {
            "G2i" | "G2" => Outcome::Possible,
            _ => Outcome::PreventedBySnapshot,
        });
        assert!(kept(Promise::Snapshot, &skew).held);
        let broken = kept(Promise::Serializable, &skew);
        assert!(!broken.held);
        assert_eq!(
            broken.detail,
            "it promises serializability, but allows g2-item-write-skew, g2-anti-dependency-cycle"
        );
        assert_eq!(headline(&skew), "of 14 anomalies allows G2i G2");
    }

    #[test]
    fn the_documentation_has_these_schedules() {
        let page = include_str!("../../../../docs/isolation.md");
        let (_, schedules) = page.split_once("<!-- the schedules -->\n").unwrap_or_default();
        assert_eq!(schedules, schedules_in_words());
    }

    #[test]
    fn a_schedule_that_hangs_is_no_answer() {
        let hung = played(|schedule| match schedule.anomaly.symbol() {
            "G0" => Outcome::Hung { step: 4 },
            _ => Outcome::PreventedByBlocking,
        });
        let check = ended(&hung);
        assert!(!check.held);
        assert_eq!(check.detail, "g0-dirty-write: hung at step 4");
        assert_eq!(headline(&hung), "of 14 anomalies allows none; 1 could not be told");
        let row = row(hung[0].0, &hung[0].1);
        assert_eq!((row.value, row.status), (None, Status::Failed));
    }
}
