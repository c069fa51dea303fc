//! From numbers to verdicts.

use dbdyno_core::Better;

use super::{Finding, Numbers, Placed, Verdict};
use crate::metric::middle;
use crate::number::percent;
use crate::statistics::holm::adjusted;
use crate::statistics::mann_whitney::{RankTest, can_show};
use crate::statistics::median;
use crate::statistics::repetitions::{deviation, enough, fewest};
use crate::statistics::shift::{Shift, difference, share_of_change, shift, tendency, went_up};

/// The numbers of one metric of one case on both sides.
pub(super) struct Pair {
    pub(super) place: usize,
    pub(super) rank: usize,
    /// What will be said of it, without verdict and numbers.
    pub(super) finding: Finding,
    pub(super) unit: String,
    pub(super) better: Better,
    pub(super) min_effect: f64,
    pub(super) before: Vec<f64>,
    /// The median of each run of the baseline.
    pub(super) runs: Vec<f64>,
    pub(super) after: Vec<f64>,
    /// Why it could not be told though nothing regressed: repetitions that lack the number.
    pub(super) lacking: Option<String>,
    pub(super) wanted: Wanted,
}

/// What is asked of the numbers of a pair.
#[derive(Clone, Copy, Debug)]
pub(super) enum Wanted {
    /// Whether they changed by as much as counts, or did not.
    Change,
    /// Whether they grew; that they did not need not be shown. By what factor all of the current side
    /// together are larger.
    NoGrowth { factor: f64 },
}

/// What was found out of all pairs.
pub(super) struct Judged {
    pub(super) found: Vec<Placed>,
    /// How many of them the p were corrected for.
    pub(super) comparisons: usize,
}

/// Judges all pairs together, so that the chance of calling even one of them changed where none is stays
/// at `level`.
///
/// Pairs with so few repetitions that they could show nothing even alone are no chance for a false alarm,
/// and the others are not corrected for them (Tarone, "A Modified Bonferroni Method for Discrete Data",
/// Biometrics 46, 1990).
pub(super) fn judge(pairs: Vec<Pair>, level: f64) -> Judged {
    let mut test = RankTest::default();
    let p_values: Vec<f64> =
        pairs.iter().map(|pair| test.p_value(&pair.before, &pair.after)).collect();
    let counts = |pair: &Pair| can_show(pair.before.len(), pair.after.len(), level);
    let counted: Vec<f64> =
        (pairs.iter().zip(&p_values)).filter(|(pair, _)| counts(pair)).map(|(_, p)| *p).collect();
    let mut corrected = adjusted(&counted).into_iter();
    let comparisons = counted.len();
    let strictness = Strictness { level, comparisons, all: pairs.len() };
    let judged = pairs.into_iter().zip(p_values).map(|(pair, p)| {
        let adjusted_p = if counts(&pair) { corrected.next().unwrap_or(1.0) } else { 1.0 };
        let shift = shift(&mut test, &pair.before, &pair.after, level);
        let (mut verdict, mut why) = match pair.wanted {
            Wanted::Change => strictness.verdict(&pair, shift, adjusted_p),
            Wanted::NoGrowth { factor } => strictness.growth(&pair, factor, adjusted_p),
        };
        if let Some(lacking) = pair.lacking.clone().filter(|_| verdict != Verdict::Regression) {
            (verdict, why) = (Verdict::CouldNotTell, lacking);
        }
        let side =
            |side: &[f64]| (middle(&pair.finding.metric, side).unwrap_or_default(), side.len());
        let numbers = Numbers {
            before: side(&pair.before),
            after: side(&pair.after),
            unit: pair.unit,
            better: pair.better,
            min_effect: pair.min_effect,
            shift,
            p,
            adjusted_p,
        };
        let finding = Finding { verdict, why, numbers: Some(numbers), ..pair.finding };
        (pair.place, pair.rank, finding)
    });
    Judged { found: judged.collect(), comparisons }
}

/// What is said where a run of the baseline is no better than the current one.
const AS_BAD: &str =
    "a run of the baseline was as bad: runs differ by more than their repetitions do";

/// What is said where the ranks do not go the way of the mean, or of the sum.
const TORN: &str =
    "most numbers tell one thing and all together another: a few of them stand far out";

/// What is said where a side has zeros, and that is all there is to say.
const NO_RATIO: &str = "some numbers are not above 0, so that there is no ratio";

impl Pair {
    /// Whether the current run is above every run of the baseline, or below.
    ///
    /// Repetitions of one run are more alike than those of two: what the test takes for a change of the
    /// current run may be what every run has of its own. Where there are several runs to see it by, one that
    /// went as far shows that it need not be a change.
    fn is_beyond_all_runs(&self, upwards: bool) -> bool {
        let Some(current) = middle(&self.finding.metric, &self.after) else { return false };
        let is_beyond = |run: &f64| if upwards { current > *run } else { current < *run };
        self.runs.len() < 2 || self.runs.iter().all(is_beyond)
    }

    /// Whether the ranks are larger now, whatever a few numbers far out do to the mean.
    fn ranks_are_larger(&self) -> bool {
        tendency(&self.before, &self.after) > 0.0
    }

    /// Whether more is worse.
    fn is_worse_upwards(&self) -> bool {
        self.better != Better::Higher
    }
}

/// Whether numbers typically moved that way by as much as counts: by the median of all differences. Where
/// that is 0, for most numbers are equal on both sides, it says nothing against.
fn typically_moved(before: &[f64], after: &[f64], upwards: bool, min_effect: f64) -> bool {
    let by = difference(before, after).unwrap_or_default();
    let by = if upwards { by } else { -by };
    let least = min_effect * median(before).unwrap_or_default();
    by == 0.0 || (by > 0.0 && by >= least)
}

/// Whether numbers that are not all above 0 went up or down, and by as much as counts, where it is shown that they
/// are others now; else why that cannot be told. The direction is that of the ranks, which are what was tested; the
/// mean, which a single number can carry anywhere, must agree.
pub(super) fn went_up_without_ratio(
    before: &[f64],
    after: &[f64],
    min_effect: f64,
) -> Result<bool, String> {
    if before.iter().chain(after).any(|number| *number < 0.0) {
        return Err(NO_RATIO.to_owned());
    }
    let upwards = went_up(before, after).ok_or_else(|| format!("{NO_RATIO}; {TORN}"))?;
    let counts = share_of_change(before, after) >= min_effect
        && typically_moved(before, after, upwards, min_effect);
    if counts { Ok(upwards) } else { Err(NO_RATIO.to_owned()) }
}

/// How strict the judgement is.
struct Strictness {
    level: f64,
    /// How many comparisons the p are corrected for.
    comparisons: usize,
    /// How many there are; those of too few repetitions to show anything are corrected for where they have more.
    all: usize,
}

impl Strictness {
    fn verdict(&self, pair: &Pair, shift: Option<Shift>, adjusted_p: f64) -> (Verdict, String) {
        let Some(shift) = shift else { return self.without_ratio(pair, adjusted_p) };
        let least = pair.min_effect;
        let worse = |ratio: f64| match pair.better {
            Better::Higher => 1.0 - ratio,
            Better::Lower | Better::Neither => ratio - 1.0,
        };
        if let Some((low, high)) = shift.interval {
            let ends = [worse(low), worse(high)];
            let (worst, best) = (ends[0].max(ends[1]), ends[0].min(ends[1]));
            if worst < least && best > -least {
                return (Verdict::NoChange, String::new());
            }
            let is_shown = adjusted_p <= self.level;
            if is_shown && worse(shift.ratio) >= least {
                return match pair.is_beyond_all_runs(pair.is_worse_upwards()) {
                    true => (Verdict::Regression, String::new()),
                    false => (Verdict::CouldNotTell, AS_BAD.to_owned()),
                };
            }
            let better = |ratio: f64| -worse(ratio);
            let is_beyond = pair.is_beyond_all_runs(!pair.is_worse_upwards());
            if is_shown && better(shift.ratio) >= least && is_beyond {
                return (Verdict::Improvement, String::new());
            }
            if worst < least {
                return (Verdict::NotWorse, String::new());
            }
        }
        (Verdict::CouldNotTell, self.doubt(pair, shift, adjusted_p))
    }

    /// What numbers show that are not all above 0.
    fn without_ratio(&self, pair: &Pair, adjusted_p: f64) -> (Verdict, String) {
        let all = || pair.before.iter().chain(&pair.after);
        if all().all(|number| *number == pair.before[0]) {
            return (Verdict::NoChange, String::new());
        }
        if adjusted_p > self.level {
            return (Verdict::CouldNotTell, NO_RATIO.to_owned());
        }
        let upwards = match went_up_without_ratio(&pair.before, &pair.after, pair.min_effect) {
            Ok(upwards) => upwards,
            Err(why) => return (Verdict::CouldNotTell, why),
        };
        match (upwards == pair.is_worse_upwards(), pair.is_beyond_all_runs(upwards)) {
            (_, false) => (Verdict::CouldNotTell, AS_BAD.to_owned()),
            (true, true) => (Verdict::Regression, String::new()),
            (false, true) => (Verdict::Improvement, String::new()),
        }
    }

    /// Whether something grew that should be none at all: in most repetitions, as the ranks show, and in all of
    /// them together. What there is to say of it stands in the finding.
    fn growth(&self, pair: &Pair, factor: f64, adjusted_p: f64) -> (Verdict, String) {
        let said = pair.finding.why.clone();
        let is_shown = adjusted_p <= self.level;
        let is_larger = pair.ranks_are_larger();
        let in_most = is_shown
            && is_larger
            && typically_moved(&pair.before, &pair.after, true, pair.min_effect);
        let together = factor >= 1.0 + pair.min_effect;
        let doubt = match (in_most, together) {
            (false, false) => return (Verdict::NotWorse, said),
            (true, true) if pair.is_beyond_all_runs(true) => return (Verdict::Regression, said),
            (true, true) => AS_BAD.to_owned(),
            (true, false) => TORN.to_owned(),
            (false, true) if is_shown && is_larger => {
                format!("whether most grew by {} or more is open", percent(pair.min_effect))
            }
            (false, true) if is_shown => TORN.to_owned(),
            (false, true) => self.no_growth_shown(pair),
        };
        (Verdict::CouldNotTell, format!("{said}; {doubt}"))
    }

    fn no_growth_shown(&self, pair: &Pair) -> String {
        let sizes = against(pair.before.len(), pair.after.len());
        match can_show(pair.before.len(), pair.after.len(), self.level_of_one()) {
            true => format!("{sizes} do not show that it grew"),
            false => format!("{sizes} cannot show that it grew{}", self.instead()),
        }
    }

    /// Why nobody can tell, and how many repetitions would probably do.
    fn doubt(&self, pair: &Pair, shift: Shift, adjusted_p: f64) -> String {
        let sizes = against(pair.before.len(), pair.after.len());
        let least = percent(pair.min_effect);
        if shift.interval.is_none() {
            return format!("{sizes} cannot show a difference{}", self.instead());
        }
        let off = shift.ratio.ln().abs();
        let limit =
            if shift.ratio < 1.0 { (1.0 - pair.min_effect).ln() } else { pair.min_effect.ln_1p() };
        let limit = limit.abs();
        if off >= limit {
            let level = self.level_of_one();
            if !can_show(pair.before.len(), pair.after.len(), level) {
                let among = self.among();
                return format!("{sizes} cannot show a difference{among}{}", self.instead());
            }
            let hint = self.hint(pair, off, level);
            return format!("it could be chance{}{hint}", self.among());
        }
        let what =
            if adjusted_p <= self.level { "it differs; whether" } else { "whether it differs" };
        format!("{what} by {least} or more is open{}", self.hint(pair, limit - off, self.level))
    }

    /// What the smallest p must be at most.
    fn level_of_one(&self) -> f64 {
        self.level / self.comparisons.max(1) as f64
    }

    fn among(&self) -> String {
        match self.comparisons {
            0 | 1 => String::new(),
            many => format!(" among {many} comparisons"),
        }
    }

    /// What could show a difference at all, if all comparisons had as many.
    fn instead(&self) -> String {
        let among = match self.all {
            all if all == self.comparisons || all == 1 => String::new(),
            all => format!(", among all {all}"),
        };
        match fewest(self.level / self.all as f64) {
            Some(size) => format!("; {size} against {size} can{among}"),
            None => String::new(),
        }
    }

    /// How many repetitions would probably tell a ratio from a limit that is `margin` away.
    fn hint(&self, pair: &Pair, margin: f64, level: f64) -> String {
        let size = deviation([&pair.before, &pair.after])
            .and_then(|deviation| enough(deviation, margin, level))
            .filter(|size| *size <= WORTH_NAMING);
        // One that is no more than there are would be no advice: this was the fifth time in five.
        match size.map(|size| size.max(pair.before.len().min(pair.after.len()) + 1)) {
            Some(size) => format!("; about {size} repetitions on each side would probably tell"),
            None => {
                format!("; it would take more than {WORTH_NAMING} repetitions on each side to tell")
            }
        }
    }
}

/// More repetitions than these are no advice.
const WORTH_NAMING: usize = 200;

fn against(before: usize, after: usize) -> String {
    let noun = if after == 1 { "repetition" } else { "repetitions" };
    format!("{before} against {after} {noun}")
}
