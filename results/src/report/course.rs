//! How loads went second by second (`timeline.csv`), and what happened meanwhile.

use std::collections::HashMap;
use std::path::Path;

use dbdyno_core::{Cache, Case};
use jiff::{SignedDuration, Timestamp};

use super::events::Happened;
use super::side_file;
use crate::load::LoadedFile;
use crate::record::{ADDED_CASE_COLUMNS, CASE_COLUMNS};
use crate::run_folder::file;
use crate::run_info::RunInfo;
use crate::subject::load_of;

/// Less of a second is no part of it: options are decimal numbers.
const ROUNDING: f64 = 1e-6;

/// The loads of each case that has any, in order, by its [`key`](super::charts::key).
pub(super) type Courses = HashMap<String, Vec<Course>>;

/// How a load went.
#[derive(Default)]
pub(super) struct Course {
    /// What tells it from other loads of its case; empty of the only one.
    pub(super) load: String,
    /// The seconds that it filled while it was measured, and how much ended well in each.
    pub(super) points: Vec<(f64, f64)>,
    /// What happened, and how many seconds after its beginning.
    pub(super) events: Vec<(f64, String)>,
    began: Option<Timestamp>,
    seconds: Vec<Second>,
}

/// What ended in a second, whenever it began.
struct Second {
    number: u64,
    ended_well: f64,
    failed: f64,
    is_warmup: bool,
    is_measured: bool,
}

/// The loads of the cases that are wanted, by their keys.
pub(super) fn courses(
    results: &LoadedFile,
    wanted: &HashMap<String, &Case>,
    events: &[Happened],
    unread: &mut Vec<String>,
) -> Courses {
    let mut courses = read(&results.path.with_file_name(file::TIMELINE), wanted, unread);
    for (key, loads) in &mut courses {
        let Some(case) = wanted.get(key) else { continue };
        let plan = results.run.as_ref().and_then(|run| Window::planned(run, case));
        for load in loads {
            load.points = load.filled(plan, case);
        }
    }
    for event in events {
        let (Some(loads), Some(told)) = (courses.get_mut(&event.case), event.mark()) else {
            continue;
        };
        place(loads, event.at, told);
    }
    courses
}

/// Gives an event to the load that was the last to begin before it, or to the first.
fn place(loads: &mut [Course], at: Timestamp, told: String) {
    let begun = |load: &&mut Course| load.began.is_some_and(|began| began <= at);
    let last = loads.iter_mut().filter(begun).max_by_key(|load| load.began);
    let load = match last {
        Some(load) => load,
        None => {
            let known = loads.iter_mut().filter(|load| load.began.is_some());
            let Some(first) = known.min_by_key(|load| load.began) else { return };
            first
        }
    };
    load.events.extend(load.began.map(|began| (at.duration_since(began).as_secs_f64(), told)));
}

impl Course {
    /// Whether a moment lies within the load, its warm-up and its last transactions included.
    pub(super) fn has(&self, at: f64) -> bool {
        let end = self.seconds.last().map_or(0.0, |last| last.number as f64 + 1.0);
        (0.0..end).contains(&at)
    }

    fn filled(&self, plan: Option<Window>, case: &Case) -> Vec<(f64, f64)> {
        let window = match plan.filter(|plan| self.kept_to(*plan, case)) {
            Some(plan) => plan,
            None => self.seen_window(),
        };
        let filled = self.seconds.iter().filter(|second| window.has(second.number));
        filled.map(|second| (second.number as f64, second.ended_well)).collect()
    }

    /// The window as the rows show it, without the seconds in which it began and ended: in the last second of a load
    /// its last transactions end one after another.
    fn seen_window(&self) -> Window {
        let first = self.seconds.iter().find(|second| second.is_measured);
        let from = first.map_or(f64::INFINITY, |first| {
            first.number as f64 + f64::from(u8::from(first.is_warmup))
        });
        Window { from, until: self.seconds.last().map_or(0.0, |last| last.number as f64) }
    }

    /// Whether the load was as long as its run says. After the end no transaction begins, so that at most one of each
    /// client ends; a closed loop has such transactions.
    fn kept_to(&self, plan: Window, case: &Case) -> bool {
        let (Some(last), Some(first)) =
            (self.seconds.last(), self.seconds.iter().find(|second| second.is_measured))
        else {
            return false;
        };
        let reached = last.number as f64 + f64::from(u8::from(case.rate.is_some()));
        let after = self.seconds.iter().filter(|second| second.number as f64 >= plan.until);
        let late: f64 = after.map(|second| second.ended_well + second.failed).sum();
        first.number as f64 >= plan.from.floor()
            && reached >= (plan.until + ROUNDING).floor()
            && late <= f64::from(case.clients) + f64::from(case.streams)
    }

    /// Adds a row; `false` where it is of another load of that name.
    fn add(&mut self, row: &Second) -> bool {
        match self.seconds.last_mut() {
            Some(last) if last.number > row.number => return false,
            Some(last) if last.number == row.number => {
                if (last.is_warmup && row.is_warmup) || last.is_measured {
                    return false;
                }
                last.ended_well += row.ended_well;
                last.failed += row.failed;
                last.is_measured |= row.is_measured;
            }
            _ => self.seconds.push(Second { ..*row }),
        }
        true
    }
}

/// From when until when a load is measured, in seconds after its beginning.
#[derive(Clone, Copy)]
struct Window {
    from: f64,
    until: f64,
}

impl Window {
    /// As the run's options say it; `None` where something else than the time ended its loads.
    fn planned(run: &RunInfo, case: &Case) -> Option<Self> {
        let seconds = |option: &str| {
            let told = run.options.get(option)?.split(';').next()?;
            told.trim().strip_suffix(" s")?.parse::<f64>().ok()
        };
        let own = run.options.get("until_answered_without_warmup").map_or("", String::as_str);
        let name = format!("{}/{}", case.suite, case.benchmark);
        if run.is_search() || own.split_whitespace().any(|other| other == name) {
            return None;
        }
        let from = if case.cache == Cache::Cold { 0.0 } else { seconds("warmup")? };
        Some(Self { from, until: from + seconds("duration")? })
    }

    /// Whether all of a second lies in it.
    fn has(self, second: u64) -> bool {
        let begins = second as f64;
        begins >= self.from - ROUNDING && begins + 1.0 <= self.until + ROUNDING
    }
}

fn read(path: &Path, wanted: &HashMap<String, &Case>, unread: &mut Vec<String>) -> Courses {
    let own = ["transaction", "phase", "second", "throughput", "errors"];
    let columns = [&own[..], &CASE_COLUMNS[..], &ADDED_CASE_COLUMNS[..]].concat();
    let mut courses = Courses::new();
    // Of all types together, until the row of a type behind it says which load that was.
    let mut total: Option<(String, Second, Option<Timestamp>)> = None;
    side_file::rows(path, &columns, unread, |row| {
        let transaction = row.get(0);
        if !transaction.is_empty() {
            if let Some((key, second, began)) = total.take() {
                add(courses.entry(key).or_default(), load_of(transaction), &second, began);
            }
            return Ok(());
        }
        total = None;
        let number = row.number(2)?;
        let is_measured = row.get(1) == "measure";
        let second = Second {
            number: number as u64,
            ended_well: row.number(3)?,
            failed: row.number(4)?,
            is_warmup: !is_measured,
            is_measured,
        };
        let key = row.from(own.len()).collect::<Vec<_>>().join("\n");
        if wanted.contains_key(&key) {
            // Older runs do not say when a second began.
            let moment = row.other("at").and_then(|at| at.parse::<Timestamp>().ok());
            let since = SignedDuration::try_from_secs_f64(number).ok();
            let began = moment.zip(since).and_then(|(at, since)| at.checked_sub(since).ok());
            total = Some((key, second, began));
        }
        Ok(())
    });
    courses
}

/// Adds a second of the load of this name to the loads of a case.
fn add(loads: &mut Vec<Course>, name: &str, second: &Second, began: Option<Timestamp>) {
    let is_its = |load: &&mut Course| {
        let again = load.load.strip_prefix(name);
        again.is_some_and(|number| number.is_empty() || number.starts_with(AGAIN))
    };
    let known = loads.iter_mut().filter(is_its).count();
    let last = loads.iter_mut().rfind(is_its);
    if last.is_some_and(|last| last.add(second)) {
        return;
    }
    let number = if known > 0 { format!("{AGAIN}{})", known + 1) } else { String::new() };
    let mut load = Course { load: format!("{name}{number}"), began, ..Course::default() };
    load.add(second);
    loads.push(load);
}

/// What stands between the name of a load and its number where a case has several of that name.
const AGAIN: &str = " (load ";
