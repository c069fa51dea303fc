//! The Universal Scalability Law: how much gets done at a load, and where more load does less.
//!
//! `X(N) = lambda N / (1 + sigma (N - 1) + kappa N (N - 1))`, with throughput X at load N (clients,
//! connections, processors), as Gunther derives it from queues ("A General Theory of Computational Scalability
//! Based on Rational Functions", arXiv:0808.1431, 2008) in the form that keeps units (Gunther, Puglia and
//! Tomasette, "Hadoop Superlinear Scalability", Communications of the ACM 58, 2015): `lambda` is what a load of
//! one gets done, `sigma` the share of the work that waits in line (contention), `kappa` what each pair costs
//! by keeping up with each other (coherency, crosstalk).

mod least_squares;
mod profile;

use statrs::distribution::{ContinuousCDF as _, FisherSnedecor, StudentsT};

use least_squares::{ROUNDING, Solution, deviation, size};
use profile::Profile;

/// The fewest different loads that are fitted: three coefficients go through three points, whatever they are.
pub const FEWEST_LOADS: usize = 4;

/// The coefficients.
const COEFFICIENTS: usize = 3;

/// With what probability an interval holds the truth.
const CONFIDENCE: f64 = 0.95;

/// Below what probability points lie off the curve by more than chance puts them there.
const MISFIT: f64 = 0.05;

/// A measured point.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Observation {
    /// What was at work at once, 1 or more.
    pub load: f64,
    /// What got done, in whatever unit, above 0.
    pub throughput: f64,
}

/// How measured points vary around the curve, which is what their squares are weighed by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spread {
    /// By the same amount everywhere: the squares of the differences are summed, as `nls` of R does.
    Constant,
    /// By the same share of the throughput, as repetitions of a benchmark do: the squares of the differences
    /// of logarithms are summed.
    Proportional,
}

/// A number that was estimated, and the interval of 95 % around it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// The number itself; infinite for a peak that never comes.
    pub value: f64,
    /// The lower end.
    pub low: f64,
    /// The upper end; infinite where the points set none.
    pub high: f64,
}

/// The law, fitted to points.
#[derive(Clone, Debug, PartialEq)]
pub struct Fit {
    /// The throughput at a load of one, in the unit of the points.
    pub lambda: Estimate,
    /// Contention, 0 or more; 1 where nothing runs beside anything else.
    pub sigma: Estimate,
    /// Coherency, 0 or more.
    pub kappa: Estimate,
    /// The load at which most gets done: `sqrt((1 - sigma) / kappa)`, and 1 where that is below it. Infinite
    /// where `kappa` is 0: throughput grows, if ever more slowly.
    pub peak: Estimate,
    /// The throughput at the peak; what it tends to where the peak never comes, which may be infinite.
    pub peak_throughput: f64,
    /// How much of the variance of the throughputs the curve accounts for, 1 at most; `None` where they do
    /// not vary.
    pub r_squared: Option<f64>,
    /// The smallest and the largest load of the points.
    pub loads: (f64, f64),
    /// How likely chance alone puts the means of the loads as far off the curve as they are, judged by how
    /// repetitions vary; `None` without repetitions.
    pub misfit_p: Option<f64>,
}

impl Fit {
    /// The throughput that the law predicts at a load of 1 or more.
    pub fn throughput_at(&self, load: f64) -> f64 {
        let waiting = self.sigma.value * (load - 1.0);
        let agreeing = self.kappa.value * load * (load - 1.0);
        self.lambda.value * load / (1.0 + waiting + agreeing)
    }

    /// Whether the points show that throughput falls beyond some load: without a `kappa` the curve fits them
    /// worse than chance explains.
    pub fn shows_peak(&self) -> bool {
        self.peak.high.is_finite()
    }

    /// Whether the peak is where something was measured, and not beyond.
    pub fn peak_is_measured(&self) -> bool {
        self.peak.value <= self.loads.1
    }

    /// Whether the points lie off the curve by more than their repetitions vary.
    pub fn is_misfit(&self) -> bool {
        self.misfit_p.is_some_and(|p| p < MISFIT)
    }
}

/// Fits the law by least squares with `sigma` and `kappa` not below 0, every repetition a point of its own.
/// Points whose load is below 1 or whose throughput is not above 0 are passed over. `None` where fewer than
/// [`FEWEST_LOADS`] different loads are left.
///
/// The intervals are those of the profile: a value belongs to the interval where the best fit with that value
/// leaves squares that an F test cannot tell from the least (Bates and Watts, "Nonlinear Regression Analysis
/// and Its Applications", 1988, section 6.1). They need not be symmetric, keep to the bounds, and are as wide
/// as few points make them. A bootstrap over repetitions has nothing to draw from where there is one, and of
/// three promises too much.
///
/// Where the means of the loads lie off the curve by more than repetitions explain (the F test for lack of
/// fit; Draper and Smith, "Applied Regression Analysis", 1998, section 2.1), repeating does not make the
/// curve truer: then the distance of the means, and not that of all points, says how sure the fit is.
pub fn fit(observations: &[Observation], spread: Spread) -> Option<Fit> {
    let mut points: Vec<Observation> = observations.iter().copied().filter(is_usable).collect();
    points.sort_by(|one, other| one.load.total_cmp(&other.load));
    let loads = points.chunk_by(|one, other| one.load == other.load).count();
    let ends = (points.first()?.load, points.last()?.load);
    if loads < FEWEST_LOADS {
        return None;
    }
    let best = least_squares::fit(&points, spread);
    let doubt = Doubt::of(&points, loads, &best, spread);
    let profile = Profile::new(&points, spread, best, best.squares + doubt.square);
    let [lambda, sigma, kappa] = best.coefficients();
    let mut fit = Fit {
        lambda: profile.lambda(),
        sigma: profile.sigma(),
        kappa: profile.kappa(),
        peak: profile.peak(),
        peak_throughput: lambda / sigma,
        r_squared: None,
        loads: ends,
        misfit_p: doubt.misfit_p,
    };
    debug_assert_eq!([fit.sigma.value, fit.kappa.value], [sigma, kappa], "of the best fit");
    if fit.peak.value.is_finite() {
        fit.peak_throughput = fit.throughput_at(fit.peak.value);
    }
    fit.r_squared = r_squared(&points, &fit);
    Some(fit)
}

fn is_usable(point: &Observation) -> bool {
    let is_positive = point.throughput.is_finite() && point.throughput > 0.0;
    is_positive && point.load.is_finite() && point.load >= 1.0
}

/// By how much the squares may exceed the least before the difference is more than chance.
struct Doubt {
    square: f64,
    misfit_p: Option<f64>,
}

impl Doubt {
    fn of(points: &[Observation], loads: usize, best: &Solution, spread: Spread) -> Self {
        let (among_loads, among_points) = (loads - COEFFICIENTS, points.len() - COEFFICIENTS);
        let within = squares_within_loads(points, best, spread);
        let between = match best.squares - within {
            // What rounding leaves of points that lie on the curve.
            little if little <= ROUNDING * size(points, spread) => 0.0,
            much => much,
        };
        let misfit_p = (points.len() > loads).then(|| {
            let of_loads = between / among_loads as f64;
            let of_repetitions = within / (points.len() - loads) as f64;
            beyond(of_loads / of_repetitions, among_loads, points.len() - loads)
        });
        let (squares, free) = match misfit_p {
            Some(p) if p < MISFIT => (between, among_loads),
            _ => (best.squares, among_points),
        };
        Self { square: squares / free as f64 * quantile(free), misfit_p }
    }
}

/// How repetitions vary around their own mean.
fn squares_within_loads(points: &[Observation], best: &Solution, spread: Spread) -> f64 {
    let of_load = |repetitions: &[Observation]| {
        let deviations: Vec<f64> =
            repetitions.iter().map(|point| deviation(point, best, spread)).collect();
        let mean = deviations.iter().sum::<f64>() / deviations.len() as f64;
        deviations.iter().map(|one| (one - mean).powi(2)).sum::<f64>()
    };
    points.chunk_by(|one, other| one.load == other.load).map(of_load).sum()
}

/// How likely an F of so many degrees of freedom is at least this; 1 where there is nothing to divide.
fn beyond(ratio: f64, above: usize, below: usize) -> f64 {
    match FisherSnedecor::new(above as f64, below as f64) {
        Ok(distribution) if ratio.is_finite() => distribution.sf(ratio),
        // Repetitions that do not vary at all put every distance beyond chance.
        Ok(_) if ratio.is_infinite() => 0.0,
        _ => 1.0,
    }
}

/// What an F of 1 and `free` degrees of freedom stays below: the square of Student's t.
fn quantile(free: usize) -> f64 {
    let student = StudentsT::new(0.0, 1.0, free as f64);
    student.map_or(f64::INFINITY, |t| t.inverse_cdf(f64::midpoint(1.0, CONFIDENCE)).powi(2))
}

fn r_squared(points: &[Observation], fit: &Fit) -> Option<f64> {
    let mean = points.iter().map(|point| point.throughput).sum::<f64>() / points.len() as f64;
    let sum = |of: &dyn Fn(&Observation) -> f64| -> f64 {
        points.iter().map(|point| (point.throughput - of(point)).powi(2)).sum()
    };
    let (left, all) = (sum(&|point| fit.throughput_at(point.load)), sum(&|_| mean));
    (all > 0.0).then(|| 1.0 - left / all)
}

#[cfg(test)]
mod tests;
