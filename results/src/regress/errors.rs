//! Transactions that failed for good. Where none did before, one is a regression; where some did, their share
//! must not grow. Where one side does not tell how many did, that is not none.

use dbdyno_core::Better;

use super::gather::{Matched, medians_of_runs};
use super::judge::{Pair, Wanted};
use super::promises::RANK;
use super::{Finding, Placed, RegressOptions, Verdict};
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
pub(super) fn look_at<'r>(
    matched: &Matched<'r>,
    before: &[&Repetition<'r>],
    options: &RegressOptions,
    pairs: &mut Vec<Pair>,
    found: &mut Vec<Placed>,
) {
    if makes_trouble(matched.case) {
        return;
    }
    let after: Vec<&Repetition<'r>> = matched.after.iter().collect();
    for load in loads_with(before.iter().chain(&after).copied(), ERRORS) {
        let was_there = before.iter().any(|one| one.transactions().contains(load));
        let (old, new) = (failed(before, load), failed(&after, load));
        let of_load = Load { matched, load, was_there, old, new };
        if let Some((metric, verdict, why)) = of_load.without_statistics(options) {
            found.push(of_load.finding(metric, verdict, why));
        } else if of_load.failed_on_both_sides() {
            pairs.push(of_load.shares(options));
        }
    }
}

/// What each repetition that tells says of the failed transactions of a load, with its run.
fn failed<'r>(side: &[&Repetition<'r>], load: &str) -> Vec<(&'r str, Failed)> {
    side.iter().filter_map(|one| Some((one.run_id(), Failed::of(one, load)?))).collect()
}

/// The failed transactions of a load on both sides.
struct Load<'m, 'r> {
    matched: &'m Matched<'r>,
    load: &'r str,
    /// Whether the baseline had such a load at all.
    was_there: bool,
    old: Vec<(&'r str, Failed)>,
    new: Vec<(&'r str, Failed)>,
}

impl Load<'_, '_> {
    /// What there is to say without statistics: of which metric, how it is judged, and why.
    fn without_statistics(
        &self,
        options: &RegressOptions,
    ) -> Option<(&'static str, Verdict, String)> {
        let (old, new) = (Failed::sum(&self.old), Failed::sum(&self.new));
        if self.new.is_empty() {
            // Where nothing of the case counts now, that is told already.
            let why = "the baseline tells how many failed, the current run does not".to_owned();
            let is_missed = self.matched.after.iter().any(Repetition::is_good);
            return is_missed.then_some((ERRORS, Verdict::CouldNotTell, why));
        }
        let in_baseline = match self.old.is_empty() {
            true => "the baseline does not tell how many failed".to_owned(),
            false if old.failed == 0.0 => "no transaction failed in the baseline".to_owned(),
            false => format!("{} transactions failed in the baseline", old.said()),
        };
        if new.failed == 0.0 {
            // Who asks is answered; everybody else hears of failures alone.
            let is_asked = options.metrics.iter().any(|asked| asked == SHARE);
            let why = format!("{in_baseline}, 0 now");
            return is_asked.then_some((SHARE, Verdict::NotWorse, why));
        }
        if self.old.is_empty() {
            let is_new = !self.load.is_empty() && !self.was_there;
            let why = format!("{in_baseline}; {}", self.failed_now());
            return (!is_new).then_some((ERRORS, Verdict::CouldNotTell, why));
        }
        if old.failed == 0.0 {
            let why = format!("{in_baseline}; {}", self.failed_now());
            return Some((ERRORS, Verdict::Regression, why));
        }
        // A share of what failed alone would be all of it, on both sides.
        let tells_no_total =
            |side: &[(&str, Failed)]| side.iter().all(|(_, one)| one.of == one.failed);
        (tells_no_total(&self.old) && tells_no_total(&self.new)).then_some((
            SHARE,
            Verdict::CouldNotTell,
            self.on_both_sides(),
        ))
    }

    fn failed_on_both_sides(&self) -> bool {
        [&self.old, &self.new].iter().all(|side| Failed::sum(side).failed > 0.0)
    }

    /// The shares that failed, which must not have grown.
    fn shares(&self, options: &RegressOptions) -> Pair {
        let shares = |side: &[(&str, Failed)]| side.iter().map(|(_, one)| one.percent()).collect();
        let of_runs: Vec<(&str, f64)> =
            self.old.iter().map(|(run, one)| (*run, one.percent())).collect();
        let (old, new) = (Failed::sum(&self.old), Failed::sum(&self.new));
        let (place, rank, finding) =
            self.finding(SHARE, Verdict::CouldNotTell, self.on_both_sides());
        Pair {
            place,
            rank,
            finding,
            unit: "%".to_owned(),
            better: Better::Lower,
            min_effect: options.thresholds.of(SHARE),
            before: shares(&self.old),
            runs: medians_of_runs(SHARE, &of_runs),
            after: shares(&self.new),
            lacking: None,
            wanted: Wanted::NoGrowth { factor: new.percent() / old.percent() },
        }
    }

    fn finding(&self, metric: &str, verdict: Verdict, why: String) -> Placed {
        let (place, rank, finding) = self.matched.finding(RANK, metric, verdict, why);
        (place, rank, Finding { load: self.load.to_owned(), ..finding })
    }

    fn on_both_sides(&self) -> String {
        let (old, new) = (Failed::sum(&self.old), Failed::sum(&self.new));
        format!("{} transactions failed in the baseline, {} now", old.said(), new.said())
    }

    fn failed_now(&self) -> String {
        let with_errors = self.new.iter().filter(|(_, one)| one.failed > 0.0).count();
        let of = self.matched.after.len();
        let noun = if of == 1 { "repetition" } else { "repetitions" };
        let failed = number::value(Failed::sum(&self.new).failed, "1");
        format!("{failed} failed now, in {with_errors} of {of} {noun}")
    }
}
