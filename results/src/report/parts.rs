//! Suites whose cases have parts (methods of backup, topologies, pools): which part says which target is best, and by
//! what number.

use std::collections::{BTreeMap, BTreeSet};

use dbdyno_core::{Better, Status};

use crate::bottleneck::said_of;
use crate::metric::middle;
use crate::pool_view::advised;
use crate::record::Record;
use crate::repetition::{CaseKey, Repetition, case_key, repetitions};

/// A question that such a suite answers.
pub(super) struct Question {
    suite: &'static str,
    /// The benchmarks that answer it; all of the suite where empty.
    benchmarks: &'static [&'static str],
    /// The number that is the answer.
    pub(super) metric: &'static str,
    part: Part,
    /// What is asked, in a few words.
    pub(super) words: &'static str,
    /// Whether the number is already a ratio: what something gains on the same target.
    pub(super) is_gain: bool,
}

/// The part of a case that answers a question.
#[derive(Clone, Copy)]
enum Part {
    /// All of it.
    Whole,
    /// The one of that name.
    Named(&'static str),
    /// The one with the best number of a metric, out of those that have another, too, and whose names do not end so.
    Best { by: &'static str, having: &'static str, but: &'static str },
    /// The pool that does most, out of those of the sizes that are advised.
    Advised,
}

/// The way to back up that takes least; one that only adds to a backup made before is no whole one.
const SOONEST: Part = Part::Best { by: "backup_s", having: "restore_ready_s", but: "-incremental" };

const QUESTIONS: [Question; 8] = [
    Question {
        suite: "backup",
        benchmarks: &[],
        metric: "backup_s",
        part: SOONEST,
        words: "to back up",
        is_gain: false,
    },
    Question {
        suite: "backup",
        benchmarks: &[],
        metric: "restore_ready_s",
        part: SOONEST,
        words: "to restore",
        is_gain: false,
    },
    Question {
        suite: "index",
        benchmarks: &[],
        metric: "read_speedup",
        part: Part::Whole,
        words: "read speed-up by the index",
        is_gain: true,
    },
    Question {
        suite: "pool",
        benchmarks: &["tpcb", "read-mostly", "long-transactions"],
        metric: "throughput",
        part: Part::Advised,
        words: "throughput at the advised size",
        is_gain: false,
    },
    Question {
        suite: "procedures",
        benchmarks: &[],
        metric: "procedure_speedup",
        part: Part::Named("direct"),
        words: "speed-up by procedures, no network",
        is_gain: true,
    },
    Question {
        suite: "replication",
        benchmarks: &["tpcb"],
        metric: "visible_p99_us",
        part: Part::Best { by: "visible_p99_us", having: "", but: "" },
        words: "lag p99",
        is_gain: false,
    },
    Question {
        suite: "replication",
        benchmarks: &["failover"],
        metric: "failover_rto_ms",
        part: Part::Best { by: "failover_rto_ms", having: "", but: "" },
        words: "to fail over",
        is_gain: false,
    },
    Question {
        suite: "replication",
        benchmarks: &["tpcb"],
        metric: "throughput",
        // Without a replica there is none to hold its throughput against.
        part: Part::Best { by: "throughput", having: "throughput_ratio", but: "" },
        words: "throughput with a replica",
        is_gain: false,
    },
];

/// The questions that the rows of a benchmark answer, each with the answers as rows of the whole case; the detail
/// of each names its part.
pub(super) fn answers(records: &[Record]) -> Vec<(&'static Question, Vec<Record>)> {
    let Some(case) = records.first().map(|row| &row.case) else { return Vec::new() };
    let is_asked = |question: &&Question| {
        let Question { suite, benchmarks, .. } = question;
        *suite == case.suite
            && (benchmarks.is_empty() || benchmarks.contains(&case.benchmark.as_str()))
            && records.iter().any(|row| row.metric == *question.metric && row.value.is_some())
    };
    let asked = QUESTIONS.iter().filter(is_asked);
    asked.map(|question| (question, question.answers(records))).collect()
}

impl Question {
    fn answers(&self, records: &[Record]) -> Vec<Record> {
        let all = repetitions(records);
        let mut by_case: BTreeMap<CaseKey<'_>, Vec<&Repetition<'_>>> = BTreeMap::new();
        for repetition in &all {
            let Some(case) = repetition.case() else { continue };
            by_case.entry(case_key(case)).or_default().push(repetition);
        }
        let of_case = |its: &Vec<&Repetition<'_>>| {
            let part = self.part.of(its);
            let answer = |one: &&Repetition<'_>| self.answer(one, part.as_deref());
            its.iter().flat_map(answer).collect::<Vec<_>>()
        };
        let mut answers: Vec<Record> = by_case.values().flat_map(of_case).collect();
        // What tells why there is no number is of another metric.
        let unit = answers.iter().find(|row| row.value.is_some()).map(|row| row.unit.clone());
        for row in answers.iter_mut().filter(|row| row.value.is_none()) {
            row.unit = unit.clone().unwrap_or_default();
        }
        answers
    }

    /// The answer of a repetition, or why it has none; and whether the client was the bottleneck of the load that gave it.
    fn answer(&self, repetition: &Repetition<'_>, part: Option<&str>) -> Vec<Record> {
        let found = part.and_then(|part| worst(repetition, self.metric, part));
        let (row, value) = match found {
            Some((row, value)) => (row, Some(value)),
            None => match repetition.all().find(|row| row.status != Status::Ok) {
                Some(row) => (row, None),
                None => return Vec::new(),
            },
        };
        let detail = match (value, self.part) {
            (None, _) => row.detail.clone(),
            (Some(_), Part::Best { .. } | Part::Advised) => part.unwrap_or_default().into(),
            (Some(_), Part::Whole | Part::Named(_)) => "".into(),
        };
        let better = if self.is_gain { Better::Higher } else { row.better };
        let metric = self.metric.into();
        let answer =
            Record { transaction: "".into(), metric, value, better, detail, ..row.clone() };
        let is_bound = value.is_some() && repetition.is_client_bound(&row.transaction);
        let bound = is_bound.then(|| said_of(&answer));
        [answer].into_iter().chain(bound).collect()
    }
}

impl Part {
    /// Its name; `None` where no repetition has a number of it.
    fn of(self, repetitions: &[&Repetition<'_>]) -> Option<String> {
        match self {
            Self::Whole => Some(String::new()),
            Self::Named(name) => Some(name.to_owned()),
            Self::Advised => {
                let rows: Vec<Record> =
                    repetitions.iter().flat_map(|one| one.all()).cloned().collect();
                advised(&rows)
            }
            Self::Best { by, having, but } => best(repetitions, by, having, but),
        }
    }
}

/// The part with the best number, by its median over repetitions.
fn best(repetitions: &[&Repetition<'_>], by: &str, having: &str, but: &str) -> Option<String> {
    let mut parts: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    let mut better = Better::Lower;
    for repetition in repetitions {
        let rows = repetition.all().filter(|row| row.metric == *by && !row.transaction.is_empty());
        let names: BTreeSet<&str> = rows.map(|row| whole(&row.transaction)).collect();
        for name in names {
            let is_left_out = !but.is_empty() && name.ends_with(but);
            let has_all = having.is_empty() || worst(repetition, having, name).is_some();
            if let Some((row, value)) = worst(repetition, by, name)
                && !is_left_out
                && has_all
            {
                better = row.better;
                parts.entry(name).or_default().push(value);
            }
        }
    }
    let medians = parts.iter().filter_map(|(name, values)| Some((*name, middle(by, values)?)));
    let best = medians.reduce(|best, next| {
        let is_better = if better == Better::Higher { next.1 > best.1 } else { next.1 < best.1 };
        if is_better { next } else { best }
    });
    best.map(|(name, _)| name.to_owned())
}

/// The number of a part, or where it has parts of its own, such as replicas, that of the worst of them.
fn worst<'r>(repetition: &Repetition<'r>, metric: &str, part: &str) -> Option<(&'r Record, f64)> {
    let is_good = |row: &&Record| row.metric == *metric && row.status == Status::Ok;
    let rows = || repetition.all().filter(is_good);
    let exact = rows().find(|row| row.transaction == *part);
    let row = exact.or_else(|| {
        let inner = rows().filter(|row| whole(&row.transaction) == part);
        inner.reduce(|worst, next| {
            let is_worse = if next.better == Better::Higher {
                next.value < worst.value
            } else {
                next.value > worst.value
            };
            if is_worse { next } else { worst }
        })
    })?;
    Some((row, row.value?))
}

/// The part that a part of a part belongs to: `async` of `async/replica-1`.
fn whole(transaction: &str) -> &str {
    transaction.split('/').next().unwrap_or_default()
}

#[cfg(test)]
mod tests;
