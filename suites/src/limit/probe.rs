//! One rate after another, each measured until it is clear whether it holds.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use dbdyno_core::load::{Arrival, Length, OpenLoop, Spacing, UnderWay};
use dbdyno_core::measurement::Second;
use dbdyno_core::{
    Better, Case, Driver, Error, Event, Measurement, Plan, Recorder, Result, Status, Stop,
};
use tokio::runtime::Runtime;

use super::objective::{Objective, value};
use super::search::{Found, Search};
use crate::benchmark::Procedure;
use crate::runner::{
    DurabilityChoice, IsolationChoice, RunObserver, RunOptions, Selection, plan, run,
};

/// What share of the arrivals may be left unstarted at the end of a rate that holds: a queue that grows is
/// longer than that.
const UNSTARTED: f64 = 0.02;

/// What share of the arrivals may wait for a client at that moment, of which there are no more than clients: where few
/// arrivals were due, one or two are a larger share than a queue that grows.
const WAITING: f64 = 0.1;

/// How the row of transactions begins that had not ended when the load was over for long.
const ABANDONED: &str = "abandoned:";

/// No rate is tried at which fewer transactions than these are due in a repetition.
const FEWEST: f64 = 20.0;

/// The metric of the limit, which is a row of the closed loop that the search began with.
const LIMIT: &str = "limit_tx_per_s";

/// What is searched for, and how.
#[derive(Clone, Debug)]
pub struct LimitOptions {
    /// What must hold, all of it, at least one.
    pub objectives: Vec<Objective>,
    /// How close the highest rate that holds and the lowest that does not shall be: a share.
    pub precision: f64,
    /// How many repetitions are to agree on a rate, at least 1: of three, two that say the same.
    pub confirm: u32,
    /// The highest rate of interest, in transactions per second; without an end where `None`.
    pub highest: Option<f64>,
    /// How arrivals are spaced.
    pub spacing: Spacing,
}

impl LimitOptions {
    /// What must hold, in a phrase.
    pub fn objectives_in_words(&self) -> String {
        let objectives: Vec<String> = self.objectives.iter().map(ToString::to_string).collect();
        objectives.join(" and ")
    }
}

/// A rate that was tried.
#[derive(Clone, Debug)]
pub struct Probe {
    /// Transactions per second that were due.
    pub rate: f64,
    /// The rows of each of its repetitions.
    pub repetitions: Vec<Vec<Measurement>>,
    /// In how many of them the objectives held.
    pub held: u32,
    /// Whether it holds.
    pub holds: bool,
}

/// What a search found.
#[derive(Clone, Debug)]
pub struct Limit {
    /// The case, as its last repetition has it.
    pub case: Case,
    /// What a closed loop reached with the same clients, in transactions per second.
    pub closed_loop: f64,
    /// The rates, in the order in which they were tried.
    pub probes: Vec<Probe>,
    /// Where the limit lies.
    pub found: Found,
    /// Whether the end was asked for before it was found.
    pub interrupted: bool,
}

/// Searches the limit of one benchmark on one target. `version` is the server's. Everything measured is
/// kept by `recorder` as a run keeps it: the rates are cases.
///
/// # Errors
/// The benchmark is not one load or the options make several cases of it, it cannot be measured, answers
/// were wrong, or what was measured cannot be kept.
#[expect(clippy::too_many_arguments, reason = "what a run takes, and the objective")]
pub fn find_limit(
    selection: Selection<'_>,
    driver: &(Arc<dyn Driver>, String),
    options: &RunOptions,
    limit: &LimitOptions,
    runtime: &Runtime,
    recorder: &dyn Recorder,
    observer: &dyn RunObserver,
    stop: &Stop,
) -> Result<Limit> {
    check(selection, driver, options)?;
    let doing = doing(selection);
    let bench = Bench { selection, driver, options, runtime, recorder, observer, stop, doing };
    let (case, rows) = bench.measure(Arrival::Closed, 1)?;
    let began_with = case.clone();
    let closed_loop = value(&rows, "throughput").unwrap_or(0.0);
    let highest = limit.highest.unwrap_or(f64::INFINITY);
    let lowest = match options.length {
        Length::Duration(duration) => FEWEST / duration.as_secs_f64(),
        Length::Transactions(_) => return Err(Error::new(bench.doing, "a rate takes a time")),
    };
    let mut search = Search::new(closed_loop * 0.5, lowest, highest, limit.precision);
    let mut found = Limit {
        case,
        closed_loop,
        probes: Vec::new(),
        found: Found::default(),
        interrupted: stop.is_requested(),
    };
    while let Some(rate) = search.next() {
        if stop.is_requested() {
            found.interrupted = true;
            break;
        }
        let probe = bench.probe(rate, limit, &mut found.case)?;
        if stop.is_requested() {
            found.interrupted = true;
            break;
        }
        search.tell(rate, probe.holds);
        found.probes.push(probe);
        found.found = search.found();
    }
    if let Some(row) = row(&found.found, limit).filter(|_| !found.interrupted) {
        recorder.measurements(&began_with, &[row])?;
    }
    Ok(found)
}

/// The limit as it is kept, 0 where no rate held, and what was asked for; `None` where no rate was measured to its end.
fn row(found: &Found, options: &LimitOptions) -> Option<Measurement> {
    let limit = found.holds.or(found.fails.map(|_| 0.0))?;
    let row = Measurement::new(LIMIT, limit, "1/s", Better::Higher);
    Some(row.with_status(Status::Ok, options.objectives_in_words()))
}

/// Whether nothing but what waits at any moment was left when the load was over.
fn keeps_up(rows: &[Measurement], clients: u32) -> bool {
    let count = |metric| value(rows, metric).unwrap_or(0.0);
    let unstarted = count("unstarted");
    let due = unstarted + count("transactions") + count("rollbacks") + count("errors");
    let waiting = f64::min(f64::from(clients), due * WAITING);
    unstarted <= f64::max(due * UNSTARTED, waiting)
}

/// Whether clients could not do what was due, and nothing else was wrong: transactions never ended, or none ended at
/// all. Where all fail it is the server's fault, not the rate's.
fn overwhelmed(rows: &[Measurement]) -> bool {
    let count = |metric| value(rows, metric).unwrap_or(0.0);
    let abandoned = rows.iter().any(|row| row.detail.starts_with(ABANDONED));
    let fruitless = count("transactions") + count("rollbacks") + count("errors") == 0.0
        && count("unstarted") + count("skipped") > 0.0;
    !rows.iter().any(is_broken) && (abandoned || fruitless)
}

/// Whether the row is of a check that did not hold.
fn is_broken(row: &Measurement) -> bool {
    row.metric.starts_with("check_") && row.value == Some(0.0)
}

/// Sees that a benchmark is one load that rates can be asked of, and that the options make one case of it on any target.
///
/// # Errors
/// It is not, or they name several numbers of clients, levels of isolation or of durability, or the like.
pub fn check_one_load(selection: Selection<'_>, options: &RunOptions) -> Result<()> {
    let doing = doing(selection);
    let benchmark = selection.benchmark;
    if matches!(benchmark.procedure(), Procedure::Staged(_)) || !benchmark.takes_clients() {
        let why = "it is not one load that a rate could be asked of";
        return Err(Error::new(doing, why).next("choose a benchmark such as oltp/tpcb"));
    }
    let levels = match &options.isolation {
        IsolationChoice::Listed(levels) => levels.len(),
        IsolationChoice::Default => 1,
        // How many they are, an engine would have to say.
        IsolationChoice::All => {
            return Err(several(doing, "all levels of isolation make several cases of it"));
        }
    };
    let durabilities = match &options.durability {
        DurabilityChoice::Listed(levels) => levels.len(),
        DurabilityChoice::Default => 1,
    };
    let counts = [
        ("numbers of clients", options.clients.as_ref().map_or(1, Vec::len)),
        ("levels of isolation", levels),
        ("levels of durability", durabilities),
        ("forms of statements", options.statements.len()),
        ("choices of pipelining", options.pipeline.len()),
        ("states of the cache", options.cache.len()),
    ];
    match counts.into_iter().find(|(_, count)| *count > 1) {
        Some((what, count)) => {
            Err(several(doing, &format!("{count} {what} make {count} cases of it")))
        }
        None => Ok(()),
    }
}

fn doing(selection: Selection<'_>) -> String {
    format!("find the limit of {}/{}", selection.suite, selection.benchmark.name())
}

fn several(doing: String, why: &str) -> Error {
    Error::new(doing, why).next(
        "give one number of clients, one isolation level, one durability, and one of whatever else has several",
    )
}

/// Whether there is one case on a target.
fn check(
    selection: Selection<'_>,
    driver: &(Arc<dyn Driver>, String),
    options: &RunOptions,
) -> Result<()> {
    check_one_load(selection, options)?;
    // Whether dbdyno may set the durability makes no difference to how many cases there are of one level.
    let planned = plan(selection, &[driver.0.as_ref()], &[true], options);
    let lacking = planned.iter().find_map(|case| case.unsupported.clone());
    match (planned.len(), lacking) {
        (_, Some(why)) => Err(Error::new(doing(selection), why)),
        (1, None) => Ok(()),
        (count, None) => {
            Err(several(doing(selection), &format!("these options make {count} cases of it")))
        }
    }
}

/// Where rates are tried.
struct Bench<'a> {
    selection: Selection<'a>,
    driver: &'a (Arc<dyn Driver>, String),
    options: &'a RunOptions,
    runtime: &'a Runtime,
    recorder: &'a dyn Recorder,
    observer: &'a dyn RunObserver,
    stop: &'a Stop,
    doing: String,
}

impl Bench<'_> {
    /// Measures a rate until more than half of the repetitions that it may take agree.
    fn probe(&self, rate: f64, limit: &LimitOptions, case: &mut Case) -> Result<Probe> {
        let enough = limit.confirm / 2 + 1;
        let latency_limit = None;
        let arrival = Arrival::Open(OpenLoop { rate, spacing: limit.spacing, latency_limit });
        let mut probe = Probe { rate, repetitions: Vec::new(), held: 0, holds: false };
        for repetition in 1..=limit.confirm {
            let (measured, rows) = self.measure(arrival, repetition)?;
            *case = measured;
            let kept_up = keeps_up(&rows, case.clients) && !overwhelmed(&rows);
            let held = kept_up && limit.objectives.iter().all(|objective| objective.holds(&rows));
            probe.held += u32::from(held);
            probe.repetitions.push(rows);
            let failed = repetition - probe.held;
            if self.stop.is_requested() || probe.held >= enough || failed >= enough {
                break;
            }
        }
        probe.holds = probe.held >= enough;
        Ok(probe)
    }

    /// One repetition; its case and rows.
    fn measure(&self, arrival: Arrival, repetition: u32) -> Result<(Case, Vec<Measurement>)> {
        let options = RunOptions {
            arrival,
            first_repetition: repetition,
            repetitions: 1,
            reload: self.options.reload && matches!(arrival, Arrival::Closed),
            ..self.options.clone()
        };
        let listening = Listening { recorder: self.recorder, last: Mutex::default() };
        run(
            &[self.selection],
            std::slice::from_ref(self.driver),
            &options,
            self.runtime,
            &listening,
            self.observer,
            self.stop,
        )?;
        let last = listening.last.into_inner().unwrap_or_else(PoisonError::into_inner);
        let Some((case, rows)) = last else {
            return Err(Error::new(self.doing.clone(), "nothing was measured"));
        };
        match rows
            .iter()
            .find(|row| row.status == Status::Failed || row.status == Status::Unsupported)
        {
            // A rate at which clients do not get through is one that does not hold.
            Some(_) if arrival != Arrival::Closed && overwhelmed(&rows) => Ok((case, rows)),
            Some(row) if !self.stop.is_requested() => {
                let failure = if rows.iter().any(is_broken) { Error::broken } else { Error::new };
                Err(failure(self.doing.clone(), row.detail.clone())
                    .next("run it with `dbdyno run` first, and look into events.csv"))
            }
            _ => Ok((case, rows)),
        }
    }
}

/// Keeps what is measured where it is to be kept, and remembers the last of it.
struct Listening<'a> {
    recorder: &'a dyn Recorder,
    last: Mutex<Option<(Case, Vec<Measurement>)>>,
}

impl Recorder for Listening<'_> {
    fn measurements(&self, case: &Case, rows: &[Measurement]) -> Result<()> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        *last = Some((case.clone(), rows.to_vec()));
        self.recorder.measurements(case, rows)
    }

    fn second(&self, case: &Case, began: SystemTime, seconds: &[Second]) -> Result<()> {
        self.recorder.second(case, began, seconds)
    }

    fn unstarted(&self, case: &Case, began: SystemTime, waited: &Second) -> Result<()> {
        self.recorder.unstarted(case, began, waited)
    }

    fn load_began(&self, case: &Case, transactions: &[String], under_way: &Arc<UnderWay>) {
        self.recorder.load_began(case, transactions, under_way);
    }

    fn load_alone(&self, case: &Case, is: bool) {
        self.recorder.load_alone(case, is);
    }

    fn beside(&self, case: &Case, began: SystemTime, seconds: &[Second]) -> Result<()> {
        self.recorder.beside(case, began, seconds)
    }

    fn plan(&self, case: &Case, name: &str, plan: &Plan) -> Result<()> {
        self.recorder.plan(case, name, plan)
    }

    fn file(&self, case: &Case, folder: &str, extension: &str) -> Result<PathBuf> {
        self.recorder.file(case, folder, extension)
    }

    fn event(&self, case: &Case, event: &Event) -> Result<()> {
        self.recorder.event(case, event)
    }
}

#[cfg(test)]
mod tests {
    use dbdyno_core::{Better, Measurement, Status};

    use super::{keeps_up, overwhelmed};

    fn rows(counts: &[(&'static str, f64)]) -> Vec<Measurement> {
        let row = |(metric, value): &(&'static str, f64)| {
            Measurement::new(*metric, *value, "1", Better::Neither)
                .with_status(Status::Failed, "it failed")
        };
        counts.iter().map(row).collect()
    }

    #[test]
    fn what_is_too_much_is_told_from_what_is_wrong() {
        let none_ended = [("transactions", 0.0), ("errors", 0.0), ("unstarted", 90.0)];
        assert!(overwhelmed(&rows(&none_ended)));
        let all_failed = [("transactions", 0.0), ("errors", 7.0), ("unstarted", 90.0)];
        assert!(!overwhelmed(&rows(&all_failed)), "the server may be read-only by now");
        let mut never_ended = rows(&[("transactions", 900.0), ("errors_disconnected", 2.0)]);
        assert!(!overwhelmed(&never_ended));
        never_ended[1].detail = "abandoned: it had not ended when the drain limit passed".into();
        assert!(overwhelmed(&never_ended));
        never_ended.extend(rows(&[("check_balances", 0.0)]));
        assert!(!overwhelmed(&never_ended));
        assert!(!overwhelmed(&rows(&[])), "nothing was due");
    }

    #[test]
    fn a_queue_that_grows_is_told_from_what_waits_at_any_moment() {
        let left = |unstarted: f64, done: f64, clients| {
            keeps_up(&rows(&[("transactions", done), ("unstarted", unstarted)]), clients)
        };
        assert!(left(2.0, 18.0, 32) && !left(3.0, 17.0, 32), "few arrivals, many clients");
        assert!(left(8.0, 192.0, 8) && !left(9.0, 191.0, 8), "as many as clients");
        assert!(left(20.0, 980.0, 2) && !left(21.0, 979.0, 2), "many arrivals, few clients");
    }
}
