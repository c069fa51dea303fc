//! Least squares under bounds: the method of Levenberg and Marquardt (Marquardt, "An Algorithm for
//! Least-Squares Estimation of Nonlinear Parameters", SIAM Journal 11, 1963), where a step ends at a bound and
//! a parameter that would leave it is held there.

use super::{Observation, Spread};

/// What is fitted.
pub(super) const PARAMETERS: usize = 3;

/// After how many steps a search ends; it takes ten, or a few more.
const STEPS: usize = 300;

/// The damping beyond which no step helps any more.
const MOST_DAMPING: f64 = 1e14;

/// The share of the squares that a step must gain for another to be worth it.
const LEAST_GAIN: f64 = 1e-14;

/// By what share of the squares two fits are as good as each other.
const SAME: f64 = 1e-10;

/// The square of the share of a number that rounding may take.
pub(super) const ROUNDING: f64 = 1e-24;

/// What the third parameter is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// `kappa` itself.
    Coherency,
    /// `1 / N²` of the load N at which throughput peaks, so that `kappa = (1 - sigma) / N²`. It knows no
    /// `sigma` above 1.
    Peak,
}

/// Parameters, and the squares that are left with them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Solution {
    pub(super) form: Form,
    /// The logarithm of `lambda`, `sigma`, and what the form says.
    pub(super) parameters: [f64; PARAMETERS],
    pub(super) squares: f64,
}

impl Solution {
    /// `lambda`, `sigma` and `kappa`.
    pub(super) fn coefficients(&self) -> [f64; 3] {
        let [log_lambda, sigma, third] = self.parameters;
        let kappa = match self.form {
            Form::Coherency => third,
            Form::Peak => (1.0 - sigma) * third,
        };
        [log_lambda.exp(), sigma, kappa]
    }

    fn upper_bound(&self, parameter: usize) -> f64 {
        if self.form == Form::Peak && parameter == 1 { 1.0 } else { f64::INFINITY }
    }

    fn lower_bound(parameter: usize) -> f64 {
        if parameter == 0 { f64::NEG_INFINITY } else { 0.0 }
    }

    /// The logarithm of the throughput at a load, and how it changes with each parameter.
    fn log_throughput(&self, load: f64) -> (f64, [f64; PARAMETERS]) {
        let [_, sigma, kappa] = self.coefficients();
        let (line, pairs) = (load - 1.0, load * (load - 1.0));
        let delay = 1.0 + sigma * line + kappa * pairs;
        let slopes = match self.form {
            Form::Coherency => [1.0, -line / delay, -pairs / delay],
            Form::Peak => {
                let by_sigma = -(line - self.parameters[2] * pairs) / delay;
                [1.0, by_sigma, -(1.0 - sigma) * pairs / delay]
            }
        };
        (self.parameters[0] + load.ln() - delay.ln(), slopes)
    }

    fn with_squares(mut self, points: &[Observation], spread: Spread) -> Self {
        self.squares = points.iter().map(|point| deviation(point, &self, spread).powi(2)).sum();
        self
    }
}

/// How far a point lies off the curve, as its spread weighs it.
pub(super) fn deviation(point: &Observation, at: &Solution, spread: Spread) -> f64 {
    let predicted = at.log_throughput(point.load).0;
    match spread {
        Spread::Constant => point.throughput - predicted.exp(),
        Spread::Proportional => point.throughput.ln() - predicted,
    }
}

/// The best fit; of those that only rounding tells apart the one with a coefficient at its bound.
pub(super) fn fit(points: &[Observation], spread: Spread) -> Solution {
    let starts = [linearised(points, spread), linear(points)];
    let found = starts.map(|start| search(points, spread, start, &Search::default()));
    let mut best = if found[0].squares <= found[1].squares { found[0] } else { found[1] };
    for bounded in [1, 2] {
        let mut start = best;
        start.parameters[bounded] = 0.0;
        let wanted = Search { held: Some(bounded), ..Search::default() };
        let at_bound = search(points, spread, start, &wanted);
        let rounding = SAME * best.squares + ROUNDING * size(points, spread);
        if at_bound.squares <= best.squares + rounding {
            best = at_bound;
        }
    }
    best
}

/// What squares of deviations are large or small against.
pub(super) fn size(points: &[Observation], spread: Spread) -> f64 {
    match spread {
        Spread::Constant => points.iter().map(|point| point.throughput.powi(2)).sum(),
        Spread::Proportional => points.len() as f64,
    }
}

/// What a search is for.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Search {
    /// A parameter that stays as it is.
    pub(super) held: Option<usize>,
    /// The squares that are few enough to look no further.
    pub(super) enough: f64,
}

/// The best fit from a start on.
pub(super) fn search(
    points: &[Observation],
    spread: Spread,
    start: Solution,
    search: &Search,
) -> Solution {
    let mut here = start.with_squares(points, spread);
    let mut damping = 1e-3;
    for _ in 0..STEPS {
        if here.squares <= search.enough {
            break;
        }
        let (gradient, curvature) = slope(points, spread, &here);
        let is_free = |parameter: &usize| {
            let (value, pull) = (here.parameters[*parameter], gradient[*parameter]);
            let leaves = value <= Solution::lower_bound(*parameter) && pull < 0.0
                || value >= here.upper_bound(*parameter) && pull > 0.0;
            search.held != Some(*parameter) && curvature[*parameter][*parameter] > 0.0 && !leaves
        };
        let free: Vec<usize> = (0..PARAMETERS).filter(is_free).collect();
        let next = loop {
            let Some(step) = damped_step(&gradient, &curvature, &free, damping) else {
                return here;
            };
            let next = moved(&here, &step).with_squares(points, spread);
            if next.squares <= here.squares {
                damping = (damping / 10.0).max(1e-15);
                break next;
            }
            damping *= 10.0;
            // So small are the steps that rounding decides.
            if damping > MOST_DAMPING {
                return here;
            }
        };
        let gained = here.squares - next.squares;
        here = next;
        if gained <= LEAST_GAIN * here.squares {
            break;
        }
    }
    here
}

/// How the squares fall with each parameter (half of it), and the products of the slopes.
fn slope(
    points: &[Observation],
    spread: Spread,
    at: &Solution,
) -> ([f64; PARAMETERS], [[f64; PARAMETERS]; PARAMETERS]) {
    let mut gradient = [0.0; PARAMETERS];
    let mut curvature = [[0.0; PARAMETERS]; PARAMETERS];
    for point in points {
        let (log_throughput, mut slopes) = at.log_throughput(point.load);
        if spread == Spread::Constant {
            slopes = slopes.map(|slope| slope * log_throughput.exp());
        }
        let left = deviation(point, at, spread);
        for row in 0..PARAMETERS {
            gradient[row] += slopes[row] * left;
            for column in 0..PARAMETERS {
                curvature[row][column] += slopes[row] * slopes[column];
            }
        }
    }
    (gradient, curvature)
}

/// Where the squares are least if the curve is as straight as it looks from here, less far where it is damped.
fn damped_step(
    gradient: &[f64; PARAMETERS],
    curvature: &[[f64; PARAMETERS]; PARAMETERS],
    free: &[usize],
    damping: f64,
) -> Option<[f64; PARAMETERS]> {
    let mut equations = [[0.0; PARAMETERS + 1]; PARAMETERS];
    for (parameter, equation) in equations.iter_mut().enumerate() {
        equation[parameter] = 1.0;
    }
    for row in free {
        for column in free {
            equations[*row][*column] = curvature[*row][*column];
        }
        equations[*row][*row] *= 1.0 + damping;
        equations[*row][PARAMETERS] = gradient[*row];
    }
    solve(equations)
}

fn moved(from: &Solution, step: &[f64; PARAMETERS]) -> Solution {
    let mut to = *from;
    for (parameter, value) in to.parameters.iter_mut().enumerate() {
        let bounds = (Solution::lower_bound(parameter), from.upper_bound(parameter));
        *value = (*value + step[parameter]).clamp(bounds.0, bounds.1);
    }
    to
}

/// Solves linear equations whose right sides stand in the last column, by Gauss's elimination; `None` where
/// they have no single solution.
fn solve(mut equations: [[f64; PARAMETERS + 1]; PARAMETERS]) -> Option<[f64; PARAMETERS]> {
    for pivot in 0..PARAMETERS {
        let size = |row: &usize| equations[*row][pivot].abs();
        let largest = (pivot..PARAMETERS).max_by(|a, b| size(a).total_cmp(&size(b)))?;
        equations.swap(pivot, largest);
        let row = equations[pivot];
        if !row[pivot].is_normal() {
            return None;
        }
        for other in (0..PARAMETERS).filter(|other| *other != pivot) {
            let factor = equations[other][pivot] / row[pivot];
            for column in pivot..=PARAMETERS {
                equations[other][column] -= factor * row[column];
            }
        }
    }
    let mut solution = [0.0; PARAMETERS];
    for (row, value) in solution.iter_mut().enumerate() {
        *value = equations[row][PARAMETERS] / equations[row][row];
    }
    solution.iter().all(|value| value.is_finite()).then_some(solution)
}

/// A start that is often close: `N / X` is linear in `1 / lambda`, `sigma / lambda` and `kappa / lambda`.
fn linearised(points: &[Observation], spread: Spread) -> Solution {
    let mut equations = [[0.0; PARAMETERS + 1]; PARAMETERS];
    for Observation { load, throughput } in points {
        // What a deviation of the throughput does to N / X.
        let weight = match spread {
            Spread::Constant => throughput * throughput / load,
            Spread::Proportional => throughput / load,
        };
        let terms = [1.0, load - 1.0, load * (load - 1.0), load / throughput];
        let weighed = terms.map(|term| term * weight);
        for row in 0..PARAMETERS {
            for column in 0..=PARAMETERS {
                equations[row][column] += weighed[row] * weighed[column];
            }
        }
    }
    match solve(equations) {
        Some([a, b, c]) if a > 0.0 => start([-a.ln(), (b / a).max(0.0), (c / a).max(0.0)]),
        _ => linear(points),
    }
}

/// Twice the load does twice the work.
fn linear(points: &[Observation]) -> Solution {
    let most = points.iter().map(|point| point.throughput / point.load).fold(0.0, f64::max);
    start([most.ln(), 0.0, 0.0])
}

fn start(parameters: [f64; PARAMETERS]) -> Solution {
    Solution { form: Form::Coherency, parameters, squares: f64::INFINITY }
}
