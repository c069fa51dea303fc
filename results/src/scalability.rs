//! What a fit of the Universal Scalability Law says, in sentences that a person can act on.

use crate::number;
use crate::statistics::usl::{Estimate, FEWEST_LOADS, Fit};

/// What there is more of from one point of a curve to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Load {
    /// Clients at work at once.
    Clients,
    /// Connections of a pool.
    Connections,
}

impl Load {
    /// Many of it.
    pub(crate) const fn noun(self) -> &'static str {
        match self {
            Self::Clients => "clients",
            Self::Connections => "connections",
        }
    }

    /// A number of it: `1 client`, `16 clients`.
    pub(crate) fn count(self, number: f64) -> String {
        let noun = self.noun();
        match number::count(number.round() as u64).as_str() {
            "1" => format!("1 {}", noun.trim_end_matches('s')),
            many => format!("{many} {noun}"),
        }
    }
}

/// What stands once where there are sentences about fits.
pub(crate) const LEGEND: &str = "peaks are by the Universal Scalability Law; lambda: throughput of one, sigma: share that waits in line, kappa: \
     cost of each pair; in brackets intervals of 95 %";

/// Where the peak is, and how sure that is.
pub(crate) fn about_peak(fit: &Fit, load: Load) -> String {
    if fit.is_misfit() {
        return "the Universal Scalability Law does not describe these points, which lie off its curve by more than \
                repetitions differ: trust what was measured, and no coefficient or peak of the law"
            .to_owned();
    }
    if !fit.shows_peak() {
        return without_peak(fit, load);
    }
    let ends = format!("{} to {}", down(fit.peak.low), up(fit.peak.high));
    let peak = format!("{} ({ends})", load.count(fit.peak.value));
    let most = throughput(fit.peak_throughput);
    let (_, largest) = fit.loads;
    if fit.peak.high <= fit.loads.0 {
        return format!(
            "peaks at {} with {most}: more {} do less",
            load.count(fit.loads.0),
            load.noun()
        );
    }
    if fit.peak_is_measured() {
        return format!("peaks at about {peak} with {most}");
    }
    format!(
        "would peak at about {peak} with {most}, a guess beyond the {} that were measured",
        load.count(largest)
    )
}

/// What is known where the points allow that throughput never falls.
fn without_peak(fit: &Fit, load: Load) -> String {
    let (_, largest) = fit.loads;
    let mut text = match fit.peak.low {
        low if low >= largest => {
            format!("no peak up to {}, the most that were measured", load.count(largest))
        }
        _ => "these points do not say whether there is a peak, for kappa may be 0".to_owned(),
    };
    match fit.peak.low {
        low if low.is_infinite() => {}
        low if low > 1.0 => {
            text += &format!("; if there is one, it is above {}", load.count(low.floor()));
        }
        _ => {}
    }
    // Amdahl's limit, where there is one for sure.
    if fit.peak.value.is_infinite() && fit.sigma.low > 0.0 {
        text += &format!(
            "; more {} bring it to {} at most",
            load.noun(),
            throughput(fit.peak_throughput)
        );
    }
    text
}

/// How many times as much as the lower end the upper end of lambda's interval may be to be worth saying.
const DETERMINED: f64 = 4.0;

/// The coefficients with their intervals, and how well the curve goes through the points. What the points do
/// not determine is called so.
pub(crate) fn coefficients(fit: &Fit) -> String {
    let parts = [
        ("lambda", fit.lambda, fit.lambda.high <= DETERMINED * fit.lambda.low),
        // From 0, nothing waits, to 1, everything does.
        ("sigma", fit.sigma, fit.sigma.low > 0.0 || fit.sigma.high < 1.0),
        ("kappa", fit.kappa, fit.kappa.low > 0.0 || fit.kappa.high < 1.0),
    ];
    if parts.iter().all(|(.., is_determined)| !is_determined) {
        return "they scatter too much, or are too few, to determine any coefficient".to_owned();
    }
    let part = |(name, of, is_determined): (&str, Estimate, bool)| match is_determined {
        true => format!("{name} {} ({})", small(of.value), between(of)),
        false => format!("{name} is not determined"),
    };
    let mut told: Vec<String> = parts.into_iter().map(part).collect();
    told.extend(fit.r_squared.map(|share| format!("R² {share:.3}")));
    told.join(", ")
}

/// What is said in the place of fits where there are too few loads.
pub(crate) fn too_few(load: Load) -> String {
    let noun = load.noun();
    format!(
        "a fit of the Universal Scalability Law takes {FEWEST_LOADS} different numbers of {noun}"
    )
}

/// An interval: `0.0436 to 0.0565`, `above 0.0436`.
fn between(of: Estimate) -> String {
    match of.high {
        high if high.is_finite() => format!("{} to {}", small(of.low), small(high)),
        _ => format!("above {}", small(of.low)),
    }
}

/// The whole number below, for the lower end of an interval.
fn down(number: f64) -> String {
    number::count(number.floor() as u64)
}

/// The whole number above, for the upper end.
fn up(number: f64) -> String {
    number::count(number.ceil() as u64)
}

/// A coefficient: three digits, however small.
fn small(number: f64) -> String {
    match number {
        tiny if tiny > 0.0 && tiny < 1e-6 => format!("{tiny:.2e}"),
        other => number::sensible(other),
    }
}

fn throughput(number: f64) -> String {
    format!("{} tx/s", number::sensible(number))
}

#[cfg(test)]
mod tests {
    use super::{Load, about_peak, coefficients};
    use crate::statistics::usl::{Fit, Observation, Spread, fit};

    fn fitted(throughput: impl Fn(f64) -> f64, loads: &[f64]) -> Fit {
        let factors = [0.99, 1.0, 1.01];
        let points = loads.iter().flat_map(|load| {
            factors
                .map(|factor| Observation { load: *load, throughput: throughput(*load) * factor })
        });
        fit(&points.collect::<Vec<_>>(), Spread::Proportional).expect("there are enough loads")
    }

    /// Measured once, at 1, 2, 4 and 8.
    fn scattered(throughputs: &[f64]) -> Fit {
        let loads = [1.0, 2.0, 4.0, 8.0].into_iter().zip(throughputs);
        let points = loads.map(|(load, throughput)| Observation { load, throughput: *throughput });
        fit(&points.collect::<Vec<_>>(), Spread::Proportional).expect("there are enough loads")
    }

    fn law(sigma: f64, kappa: f64) -> impl Fn(f64) -> f64 {
        move |n| 1_000.0 * n / (1.0 + sigma * (n - 1.0) + kappa * n * (n - 1.0))
    }

    #[test]
    fn every_kind_of_curve_has_its_sentence() {
        let loads = [1.0, 2.0, 4.0, 8.0, 16.0];
        let kinked = |n: f64| if n < 8.0 { 1_000.0 * n } else { 4_000.0 };
        let fits = [
            fitted(law(0.05, 0.01), &loads),
            fitted(law(0.02, 0.001), &loads),
            fitted(law(0.2, 0.0), &loads),
            fitted(law(0.0, 0.0), &loads),
            fitted(law(1.5, 0.02), &loads),
            fitted(kinked, &loads),
            scattered(&[244.0, 154.0, 400.0, 475.0]),
        ];
        let said: Vec<String> = fits
            .iter()
            .map(|fit| format!("{}\n    {}", about_peak(fit, Load::Clients), coefficients(fit)))
            .collect();
        insta::assert_snapshot!(said.join("\n"));
    }
}
