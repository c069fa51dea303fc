//! Intervals: how far a value may be moved, with all others following, before the fit is worse than chance
//! explains.

use super::least_squares::{Form, Search, Solution, search};
use super::{Estimate, Observation, Spread};

/// How closely the end of an interval is found, as a share of it.
const CLOSENESS: f64 = 1e-6;

/// How often the way there is halved at most.
const HALVINGS: usize = 60;

/// How often a step outwards is doubled before there is no end.
const DOUBLINGS: usize = 80;

/// The best fit, and the squares up to which another is as good.
pub(super) struct Profile<'p> {
    points: &'p [Observation],
    spread: Spread,
    best: Solution,
    limit: f64,
}

impl<'p> Profile<'p> {
    pub(super) fn new(
        points: &'p [Observation],
        spread: Spread,
        best: Solution,
        limit: f64,
    ) -> Self {
        // The least squares are themselves rounded.
        Self { points, spread, best, limit: limit * (1.0 + 1e-9) + f64::MIN_POSITIVE }
    }

    pub(super) fn lambda(&self) -> Estimate {
        let [log, ..] = self.best.parameters;
        let [low, high] = [-1.0, 1.0].map(|sign| log + sign * self.reach(0, sign));
        Estimate { value: log.exp(), low: low.exp(), high: high.exp() }
    }

    pub(super) fn sigma(&self) -> Estimate {
        self.positive(1)
    }

    pub(super) fn kappa(&self) -> Estimate {
        self.positive(2)
    }

    /// A parameter that is not below 0.
    fn positive(&self, parameter: usize) -> Estimate {
        let value = self.best.parameters[parameter];
        let is_good = |candidate| self.is_good(&self.best, parameter, candidate);
        let low = if is_good(0.0) { 0.0 } else { border(value, 0.0, is_good) };
        Estimate { value, low, high: value + self.reach(parameter, 1.0) }
    }

    /// How far a parameter may go from its best value in one direction.
    fn reach(&self, parameter: usize, sign: f64) -> f64 {
        let value = self.best.parameters[parameter];
        let is_good = |step: f64| self.is_good(&self.best, parameter, value + sign * step);
        let (mut near, mut far) = (0.0, value.abs().max(1e-6) * 1e-3);
        for _ in 0..DOUBLINGS {
            if !is_good(far) {
                return border(near, far, is_good);
            }
            (near, far) = (far, far * 2.0);
        }
        f64::INFINITY
    }

    /// The load at which throughput peaks. No load is below 1: a curve that falls from there on has its
    /// peak there.
    pub(super) fn peak(&self) -> Estimate {
        let [_, sigma, kappa] = self.best.coefficients();
        let falls_at_once = sigma >= 1.0 || kappa >= 1.0 - sigma;
        let inverse = if falls_at_once { 1.0 } else { kappa / (1.0 - sigma) };
        let mut start = self.best;
        start.form = Form::Peak;
        start.parameters[1] = sigma.min(1.0);
        let is_good = |inverse: f64| self.is_good(&start, 2, inverse);
        let load = |inverse: f64| 1.0 / inverse.sqrt();
        let low = match falls_at_once || is_good(1.0) {
            true => 1.0,
            false => load(border(inverse, 1.0, is_good)),
        };
        let high = match () {
            () if falls_at_once && !is_good(1.0) => 1.0,
            () if is_good(0.0) => f64::INFINITY,
            () => load(border(inverse, 0.0, is_good)),
        };
        Estimate { value: load(inverse), low, high }
    }

    /// Whether the best fit with this value is as good as the best of all.
    fn is_good(&self, start: &Solution, parameter: usize, value: f64) -> bool {
        let mut start = *start;
        start.parameters[parameter] = value;
        let wanted = Search { held: Some(parameter), enough: self.limit };
        search(self.points, self.spread, start, &wanted).squares <= self.limit
    }
}

/// The last value that is good on the way from a good one to one that is not.
fn border(good: f64, bad: f64, is_good: impl Fn(f64) -> bool) -> f64 {
    let (mut good, mut bad) = (good, bad);
    for _ in 0..HALVINGS {
        if (good - bad).abs() <= CLOSENESS * good.abs().max(bad.abs()) {
            break;
        }
        let middle = f64::midpoint(good, bad);
        if is_good(middle) {
            good = middle;
        } else {
            bad = middle;
        }
    }
    good
}
