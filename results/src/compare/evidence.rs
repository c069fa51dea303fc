//! What rounds and repetitions say of a ratio.

use crate::statistics::bootstrap::interval_of_median;
use crate::statistics::mann_whitney::{self, RankTest};
use crate::statistics::pairs::Pairs;
use crate::statistics::shift::{shift, tendency};
use crate::statistics::signed_rank;

/// What a ratio is told by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Basis {
    /// So many rounds that have both.
    Rounds(usize),
    /// So many repetitions of the one and of the other, of which no round has both.
    Repetitions(usize, usize),
}

impl Basis {
    /// The smallest p that it can give.
    pub fn smallest_p(self) -> f64 {
        match self {
            Self::Rounds(rounds) => signed_rank::smallest_p(rounds),
            Self::Repetitions(one, other) => mann_whitney::smallest_p(one, other),
        }
    }

    /// `10 rounds`, `10 against 8 repetitions`.
    pub fn in_words(self) -> String {
        match self {
            Self::Rounds(1) => "1 round".to_owned(),
            Self::Rounds(rounds) => format!("{rounds} rounds"),
            Self::Repetitions(one, other) => format!("{one} against {other} repetitions"),
        }
    }
}

/// What the rounds, or the repetitions, say of a ratio.
#[derive(Clone, Debug, PartialEq)]
pub struct Evidence {
    /// What it is told by.
    pub basis: Basis,
    /// The interval of the ratio, of 95 %: of rounds [`interval_of_median`], else that of [`shift`]; `None` of
    /// few.
    pub interval: Option<(f64, f64)>,
    /// How much the rounds tend to one side, from -1 (all are smaller) to 1 (all are larger)
    /// ([`signed_rank::effect_size`]); where none is shared, the same of all pairs of repetitions. `None` where
    /// all ratios are 1.
    pub effect: Option<f64>,
    /// The p of Wilcoxon's test for pairs; where no round is shared, that of Mann and Whitney's test.
    pub p: f64,
    /// The same, corrected for all ratios that are looked at together (Holm).
    pub adjusted_p: f64,
}

/// The probability of calling even one of the ratios that are looked at together a difference where none is.
pub const LEVEL: f64 = 0.05;

impl Evidence {
    /// Of the ratios of a line, round by round, none of which is below 0: one that is 0 is the furthest below
    /// 1. Its p is not corrected yet. `None` of no ratios.
    pub(crate) fn paired(ratios: &[f64]) -> Option<Self> {
        if ratios.is_empty() {
            return None;
        }
        let p = signed_rank::p_value(ratios);
        Some(Self {
            basis: Basis::Rounds(ratios.len()),
            interval: interval_of_median(ratios),
            effect: signed_rank::effect_size(ratios),
            p,
            adjusted_p: p,
        })
    }

    /// Of repetitions of which no round has both, with the ratio that they tell; those of `base` are above 0, and
    /// none of `values` is below. `None` where either are none.
    pub(crate) fn unpaired(base: &[f64], values: &[f64]) -> Option<(Self, f64)> {
        let mut test = RankTest::default();
        let (ratio, interval) = match shift(&mut test, base, values, LEVEL) {
            Some(found) => (found.ratio, found.interval),
            // A 0 is no factor, but a ratio; an interval of factors there is none.
            None => {
                let ratios = Pairs::new(values, base, |value, base| value / base);
                let (lower, upper) = ratios.middle()?;
                (f64::midpoint(lower, upper), None)
            }
        };
        let p = test.p_value(base, values);
        let effect = tendency(base, values);
        let evidence = Self {
            basis: Basis::Repetitions(values.len(), base.len()),
            interval,
            effect: (p < 1.0 || effect != 0.0).then_some(effect),
            p,
            adjusted_p: p,
        };
        Some((evidence, ratio))
    }

    /// Whether chance alone hardly makes such a ratio, all that are shown considered.
    pub fn is_shown(&self) -> bool {
        self.adjusted_p <= LEVEL
    }

    /// Whether there is a difference, and by how far the rounds agree on its side, in words; how large it is says the
    /// ratio. The limits are those of Cohen for correlations (0.3, 0.5; "Statistical Power Analysis for the
    /// Behavioral Sciences", 1988).
    pub fn in_words(&self) -> String {
        if !self.is_shown() {
            return format!("no difference that {} can show", self.basis.in_words());
        }
        let what = match self.basis {
            Basis::Rounds(_) => "rounds",
            Basis::Repetitions(..) => "pairs of repetitions",
        };
        match self.effect.map(f64::abs) {
            Some(1.0) => format!("shown: all {what} agree"),
            Some(size) if size >= 0.5 => format!("shown: nearly all {what} agree"),
            Some(size) if size >= 0.3 => format!("shown: most {what} agree"),
            _ => format!("shown: {what} hardly agree"),
        }
    }
}
