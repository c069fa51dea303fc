//! What the cycles of a case found, as metrics, checks and a sentence.

use std::collections::BTreeMap;
use std::time::Duration;

use dbdyno_core::{Better, Check, Error, Measurement, thousands};

use super::account::{Fault, Findings, Lost};
use crate::runner::Measured;

/// How many examples a check's detail shows.
const EXAMPLES: usize = 5;

/// The conditions that marks must meet.
const KEPT: &str = "acknowledged_commits_kept";
const ABSENT: &str = "aborted_commits_absent";
const WHOLE: &str = "commits_whole";
const IN_ORDER: &str = "commits_once_in_order";
const RECOVERED: &str = "recovered";

/// What all cycles found.
#[derive(Debug)]
pub struct Outcome {
    /// Whether the durability of the case promises that commits outlive the crash.
    promised: bool,
    cycles: u32,
    recoveries: Vec<Duration>,
    acknowledged: u64,
    unknown: u64,
    unknown_there: u64,
    rolled_back: u64,
    lost: u64,
    /// From the oldest acknowledgement of a commit that was lost to the last one before that crash.
    lost_window: Duration,
    /// The conditions by name: as they held, or the first time that they did not.
    conditions: BTreeMap<String, Check>,
    /// What was lost, told the first time.
    lost_detail: String,
}

impl Outcome {
    pub fn new(promised: bool) -> Self {
        Self {
            promised,
            cycles: 0,
            recoveries: Vec::new(),
            acknowledged: 0,
            unknown: 0,
            unknown_there: 0,
            rolled_back: 0,
            lost: 0,
            lost_window: Duration::ZERO,
            conditions: BTreeMap::new(),
            lost_detail: String::new(),
        }
    }

    /// Whether any cycle came as far as its crash.
    pub fn has_cycles(&self) -> bool {
        self.cycles > 0
    }

    /// Adds a crash after which nothing could be looked at.
    pub fn never_came_up(&mut self, cycle: u32, why: &Error) {
        self.cycles += 1;
        self.condition(Check::new(RECOVERED, false, format!("cycle {cycle}: {why}")));
    }

    /// Adds a cycle.
    pub fn add(
        &mut self,
        cycle: u32,
        recovery: Duration,
        last_us: u64,
        findings: &Findings,
        conditions: Vec<Check>,
    ) {
        self.cycles += 1;
        self.recoveries.push(recovery);
        self.acknowledged += findings.acknowledged;
        self.unknown += findings.unknown;
        self.unknown_there += findings.unknown_there;
        self.rolled_back += findings.rolled_back;
        self.condition(Check::new(RECOVERED, true, "it took commits again after every crash"));
        self.add_lost(cycle, last_us, findings);
        for (name, is_of, held) in FAULTS {
            let faults = findings.faults.iter().filter(|fault| is_of(fault));
            let told: Vec<String> = faults.map(ToString::to_string).collect();
            let detail = match told.is_empty() {
                true => held.to_owned(),
                false => format!("cycle {cycle}: {}", examples(&told)),
            };
            self.condition(Check::new(name, told.is_empty(), detail));
        }
        for check in conditions {
            let detail = match check.held {
                true => check.detail,
                false => format!("cycle {cycle}: {}", check.detail),
            };
            self.condition(Check { detail, ..check });
        }
    }

    fn add_lost(&mut self, cycle: u32, last_us: u64, findings: &Findings) {
        let lost = &findings.lost;
        self.lost += lost.len() as u64;
        let oldest = lost.iter().filter_map(|lost| lost.acknowledged_us).min();
        let window = oldest.map_or(0, |oldest| last_us.saturating_sub(oldest));
        self.lost_window = self.lost_window.max(Duration::from_micros(window));
        let told: Vec<String> = lost.iter().map(|lost| told(lost, last_us)).collect();
        let detail = match told.is_empty() {
            true => "every acknowledged commit is there after every crash".to_owned(),
            false => format!("cycle {cycle}: {}", examples(&told)),
        };
        if self.lost_detail.is_empty() && !told.is_empty() {
            self.lost_detail.clone_from(&detail);
        }
        if self.promised {
            self.condition(Check::new(KEPT, told.is_empty(), detail));
        }
    }

    /// Keeps a condition; the first time that it does not hold is what is told of it.
    fn condition(&mut self, check: Check) {
        let known = self.conditions.entry(check.name.clone()).or_insert_with(|| check.clone());
        if known.held && !check.held {
            *known = check;
        }
    }

    /// The rows of the case. Where nothing is promised, a condition that did not hold is told and is no
    /// failure.
    pub fn measured(self) -> Measured {
        let (own, headline) = (self.measurements(), self.headline());
        let promised = self.promised;
        let checks = self.conditions.into_values().filter(|check| promised || check.held).collect();
        Measured { own, headline, checks, ..Measured::default() }
    }

    fn measurements(&self) -> Vec<Measurement> {
        let count =
            |name: &str, count: u64, better| Measurement::new(name, count as f64, "1", better);
        let mut unknown = count("unknown_commits", self.unknown, Better::Neither);
        unknown.detail = format!("{} of them are there", self.unknown_there);
        let mut lost = count("lost_commits", self.lost, Better::Lower);
        lost.detail.clone_from(&self.lost_detail);
        let mut rows = vec![
            count("cycles", u64::from(self.cycles), Better::Neither),
            count("acknowledged_commits", self.acknowledged, Better::Neither),
            unknown,
            count("rolled_back_transactions", self.rolled_back, Better::Neither),
            lost,
        ];
        let ms = |name: &str, time: Duration| {
            Measurement::new(name, time.as_secs_f64() * 1e3, "ms", Better::Lower)
        };
        if self.lost > 0 {
            rows.push(ms("lost_window_ms", self.lost_window));
        }
        if let Some((median, longest)) = self.recovery() {
            rows.push(ms("recovery_time_p50_ms", median));
            rows.push(ms("recovery_time_max_ms", longest));
        }
        let told = |check: &Check| format!("{}: {}", check.name, check.detail);
        let broken: Vec<String> = self.not_promised().map(told).collect();
        if !broken.is_empty() {
            let mut row = count("broken_conditions", broken.len() as u64, Better::Lower);
            row.detail = broken.join("; ");
            rows.push(row);
        }
        rows
    }

    /// The conditions that did not hold and that nobody promised.
    fn not_promised(&self) -> impl Iterator<Item = &Check> {
        self.conditions.values().filter(|check| !self.promised && !check.held)
    }

    /// The median and the longest recovery.
    fn recovery(&self) -> Option<(Duration, Duration)> {
        let mut sorted = self.recoveries.clone();
        sorted.sort_unstable();
        // Of an even number the lower of the two in the middle: one that was measured.
        Some((*sorted.get(sorted.len().checked_sub(1)? / 2)?, *sorted.last()?))
    }

    fn headline(&self) -> String {
        let cycles = if self.cycles == 1 { "cycle" } else { "cycles" };
        let mut parts = vec![
            format!("{} {cycles}", self.cycles),
            format!("{} commits acknowledged", thousands(&self.acknowledged.to_string())),
        ];
        parts.push(match self.lost {
            0 => "none lost".to_owned(),
            lost => {
                format!(
                    "{} lost (the last {} ms)",
                    thousands(&lost.to_string()),
                    self.lost_window.as_millis()
                )
            }
        });
        if let Some((median, longest)) = self.recovery() {
            let (median, longest) = (median.as_millis(), longest.as_millis());
            parts.push(format!("recovery {median} ms (max {longest} ms)"));
        }
        let broken: Vec<&str> = self.not_promised().map(|check| check.name.as_str()).collect();
        if !broken.is_empty() {
            parts.push(format!("did not hold: {}", broken.join(", ")));
        }
        parts.join(", ")
    }
}

/// A condition, the faults that break it, and what is said where there are none.
type Condition = (&'static str, fn(&Fault) -> bool, &'static str);

const FAULTS: [Condition; 3] = [
    (
        ABSENT,
        |fault| {
            matches!(
                fault,
                Fault::RolledBack { .. }
                    | Fault::Refused { .. }
                    | Fault::NeverSent { .. }
                    | Fault::Misplaced { .. }
                    | Fault::Unreadable { .. }
            )
        },
        "nothing is there that was rolled back, refused or never sent",
    ),
    (
        WHOLE,
        |fault| matches!(fault, Fault::Half { .. }),
        "every transaction is there at all of its places or at none",
    ),
    (
        IN_ORDER,
        |fault| matches!(fault, Fault::Repeated { .. } | Fault::Swapped { .. }),
        "every transaction is there once, and those of a client in their order",
    ),
];

/// A commit that is gone, as a person is told.
fn told(lost: &Lost, last_us: u64) -> String {
    let places: Vec<String> = lost.places.iter().map(ToString::to_string).collect();
    let when = match lost.acknowledged_us {
        Some(at_us) => {
            let before_ms = last_us.saturating_sub(at_us) as f64 / 1e3;
            format!("acknowledged {before_ms:.1} ms before the last that was")
        }
        None => "seen after an earlier crash".to_owned(),
    };
    format!("{} is not in {}, {when}", lost.mark, places.join(" or "))
}

/// The first of a list, and how many more there are.
fn examples(told: &[String]) -> String {
    let shown = told.iter().take(EXAMPLES).map(String::as_str).collect::<Vec<_>>().join("; ");
    match told.len().saturating_sub(EXAMPLES) {
        0 => shown,
        more => format!("{shown}; and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::journal::{Mark, Place};
    use super::*;

    fn lost(number: u64, acknowledged_us: u64) -> Lost {
        Lost {
            mark: Mark { cycle: 2, client: 1, number },
            places: vec![Place::List(3), Place::List(9)],
            acknowledged_us: Some(acknowledged_us),
        }
    }

    /// Three cycles that took 20, 40 and 30 ms to recover; in the second, two commits are lost, and a
    /// condition of the benchmark's does not hold.
    fn outcome(promised: bool) -> Outcome {
        let mut outcome = Outcome::new(promised);
        for (cycle, ms) in [(1, 20), (2, 40), (3, 30)] {
            let mut findings = Findings { acknowledged: 1_234, unknown: 2, ..Findings::default() };
            if cycle == 2 {
                findings.lost = vec![lost(7, 9_000), lost(8, 9_500)];
            }
            let sums = Check::new("sums", cycle != 2, format!("{cycle} of 3"));
            outcome.add(cycle, Duration::from_millis(ms), 10_000, &findings, vec![sums]);
        }
        outcome
    }

    fn broken(measured: &Measured) -> Vec<String> {
        let broken = measured.checks.iter().filter(|check| !check.held);
        broken.map(|check| format!("{}: {}", check.name, check.detail)).collect()
    }

    #[test]
    fn what_was_promised_and_did_not_hold_is_a_failed_check() {
        let measured = outcome(true).measured();
        let kept = "acknowledged_commits_kept: cycle 2: 2.1.7 is not in list-3 or list-9, acknowledged \
                    1.0 ms before the last that was; 2.1.8 is not in list-3 or list-9, acknowledged \
                    0.5 ms before the last that was";
        assert_eq!(broken(&measured), [kept, "sums: cycle 2: 2 of 3"]);
        assert!(measured.own.iter().all(|row| row.metric != "broken_conditions"));
        assert_eq!(
            measured.headline,
            "3 cycles, 3,702 commits acknowledged, 2 lost (the last 1 ms), recovery 30 ms (max 40 ms)"
        );
    }

    #[test]
    fn what_was_not_promised_is_told_and_no_check_fails() {
        let measured = outcome(false).measured();
        assert_eq!(broken(&measured), Vec::<String>::new());
        let row = |metric: &str| measured.own.iter().find(|row| row.metric == metric);
        assert_eq!(row("lost_commits").and_then(|row| row.value), Some(2.0));
        assert_eq!(row("lost_window_ms").and_then(|row| row.value), Some(1.0));
        let told = row("broken_conditions").map(|row| row.detail.as_str());
        assert_eq!(told, Some("sums: cycle 2: 2 of 3"));
        assert!(measured.headline.ends_with(", did not hold: sums"));
    }

    #[test]
    fn a_server_that_stays_away_is_a_broken_promise_only_where_there_was_one() {
        let gone = |promised| {
            let mut outcome = outcome(promised);
            outcome.never_came_up(4, &Error::new("start it", "its log is gone"));
            outcome.measured()
        };
        let told = "recovered: cycle 4: cannot start it: its log is gone";
        assert!(broken(&gone(true)).iter().any(|broken| broken == told));
        let not_promised = gone(false);
        assert_eq!(broken(&not_promised), Vec::<String>::new());
        assert!(not_promised.headline.starts_with("4 cycles, "), "{}", not_promised.headline);
        assert!(not_promised.headline.contains(": recovered, sums"), "{}", not_promised.headline);
        let is_told =
            |row: &Measurement| row.metric == "broken_conditions" && row.detail.contains(told);
        assert!(not_promised.own.iter().any(is_told));
    }

    #[test]
    fn many_examples_are_cut_short() {
        let told: Vec<String> = (1..=7).map(|number| number.to_string()).collect();
        assert_eq!(examples(&told), "1; 2; 3; 4; 5; and 2 more");
        assert_eq!(examples(&told[..5]), "1; 2; 3; 4; 5");
    }
}
