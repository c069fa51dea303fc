//! Transactions that failed for good. Where none did before, one is a regression; where some did, their share
//! must not grow.

use dbdyno_core::Better;

use super::gather::{Matched, medians_of_runs};
use super::judge::{Pair, Wanted};
use super::promises::RANK;
use super::{Finding, RegressOptions, Verdict};
use crate::number;
use crate::pool_view::makes_trouble;
use crate::repetition::{Repetition, loads_with};

/// The metric that counts them.
pub(super) const ERRORS: &str = "errors";

/// The name of what is found out of their share.
pub(super) const SHARE: &str = "errors_share";

/// How many transactions of a load failed, and out of how many; of all that are known.
#[derive(Clone, Copy, Default)]
struct Failed {
    failed: f64,
    of: f64,
}

impl Failed {
    /// Those of a repetition; `None` where it does not tell.
    fn of(repetition: &Repetition<'_>, load: &str) -> Option<Self> {
        let failed = repetition.value(load, ERRORS)?;
        let ended = ["transactions", "rollbacks"].map(|metric| repetition.value(load, metric));
        let of = failed + ended.into_iter().flatten().sum::<f64>();
        Some(Self { failed, of })
    }

    fn sum(all: &[(&str, Self)]) -> Self {
        let add = |sum: Self, (_, one): &(&str, Self)| Self {
            failed: sum.failed + one.failed,
            of: sum.of + one.of,
        };
        all.iter().fold(Self::default(), add)
    }

    fn percent(self) -> f64 {
        if self.of > 0.0 { 100.0 * self.failed / self.of } else { 0.0 }
    }

    fn said(self) -> String {
        format!("{} of {}", number::value(self.failed, "1"), number::value(self.of, "1"))
    }
}

/// Judges the failed transactions of each load.
pub(super) fn look_at(
    matched: &Matched<'_>,
    before: &[&Repetition<'_>],
    options: &RegressOptions,
    pairs: &mut Vec<Pair>,
    found: &mut Vec<(usize, usize, Finding)>,
) {
    if makes_trouble(matched.case) {
        return;
    }
    let all = before.iter().copied().chain(&matched.after);
    for load in loads_with(all, ERRORS) {
        let old: Vec<(&str, Failed)> = (before.iter())
            .filter_map(|repetition| Some((repetition.run_id(), Failed::of(repetition, load)?)))
            .collect();
        let new: Vec<(&str, Failed)> = (matched.after.iter())
            .filter_map(|repetition| Some((repetition.run_id(), Failed::of(repetition, load)?)))
            .collect();
        let (old_sum, new_sum) = (Failed::sum(&old), Failed::sum(&new));
        let is_new = old.is_empty() && !load.is_empty();
        if is_new {
            continue;
        }
        if new_sum.failed == 0.0 {
            // Who asks is answered; everybody else hears of failures alone.
            if options.metrics.iter().any(|asked| asked == SHARE) {
                let why = format!("{} transactions failed in the baseline, 0 now", old_sum.said());
                let (place, rank, finding) = matched.finding(RANK, SHARE, Verdict::NotWorse, why);
                found.push((place, rank, Finding { load: load.to_owned(), ..finding }));
            }
            continue;
        }
        if old_sum.failed == 0.0 {
            let with_errors = new.iter().filter(|(_, one)| one.failed > 0.0).count();
            let noun = if matched.after.len() == 1 { "repetition" } else { "repetitions" };
            let why = format!(
                "no transaction failed in the baseline; {} failed now, in {with_errors} of {} {noun}",
                number::value(new_sum.failed, "1"),
                matched.after.len()
            );
            let (place, rank, finding) = matched.finding(RANK, ERRORS, Verdict::Regression, why);
            found.push((place, rank, Finding { load: load.to_owned(), ..finding }));
            continue;
        }
        let why = format!(
            "{} transactions failed in the baseline, {} now",
            old_sum.said(),
            new_sum.said()
        );
        let (place, rank, finding) = matched.finding(RANK, SHARE, Verdict::CouldNotTell, why);
        let tells_no_total =
            |side: &[(&str, Failed)]| side.iter().all(|(_, one)| one.of == one.failed);
        if tells_no_total(&old) && tells_no_total(&new) {
            // A share of what failed alone would be all of it, on both sides.
            found.push((place, rank, Finding { load: load.to_owned(), ..finding }));
            continue;
        }
        let shares = |side: &[(&str, Failed)]| side.iter().map(|(_, one)| one.percent()).collect();
        let of_runs: Vec<(&str, f64)> =
            old.iter().map(|(run, one)| (*run, one.percent())).collect();
        pairs.push(Pair {
            place,
            rank,
            finding: Finding { load: load.to_owned(), ..finding },
            unit: "%".to_owned(),
            better: Better::Lower,
            min_effect: options.thresholds.of(SHARE),
            before: shares(&old),
            runs: medians_of_runs(SHARE, &of_runs),
            after: shares(&new),
            lacking: None,
            wanted: Wanted::NoGrowth { factor: new_sum.percent() / old_sum.percent() },
        });
    }
}
