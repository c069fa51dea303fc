//! How many repetitions it takes.

use statrs::distribution::{ContinuousCDF as _, Normal};

use super::mann_whitney::can_show;

/// The most repetitions that are worth naming.
const MOST: usize = 1_000;

/// With what probability the repetitions named would do.
const POWER: f64 = 0.8;

/// The ranks of normally distributed numbers know a little less than the numbers: 3/pi as much (Lehmann,
/// "Nonparametrics", 1975, chapter 2).
const EFFICIENCY: f64 = 3.0 / std::f64::consts::PI;

/// The fewest repetitions of each side that can show a difference at all, where p must be at most
/// `level`; `None` where a thousand cannot.
pub fn fewest(level: f64) -> Option<usize> {
    (1..=MOST).find(|size| can_show(*size, *size, level))
}

/// About how many repetitions of each side would show, four times in five, on which side of a limit a
/// ratio lies that is `margin` away from it, where repetitions vary with `deviation` around it (both of
/// natural logarithms) and p must be at most `level`. `None` where it is more than a thousand.
pub fn enough(deviation: f64, margin: f64, level: f64) -> Option<usize> {
    let normal = Normal::standard();
    let significant = normal.inverse_cdf(1.0 - level / 2.0);
    let apart = significant + normal.inverse_cdf(POWER);
    // That the deviation is itself only estimated costs a little more (Guenther, "Sample Size Formulas
    // for Normal Theory t Tests", The American Statistician 35, 1981).
    let estimated = significant.powi(2) / 4.0;
    let size = (2.0 / EFFICIENCY * (apart * deviation / margin).powi(2) + estimated).ceil();
    let fewest = fewest(level)?;
    (size <= MOST as f64).then(|| fewest.max(size as usize))
}

/// The deviation of the logarithms of two samples, each around its own mean; `None` of fewer than three
/// numbers, or where one is not above 0.
pub fn deviation(samples: [&[f64]; 2]) -> Option<f64> {
    let (mut squares, mut free) = (0.0, 0);
    for sample in samples {
        if sample.is_empty() || sample.iter().any(|number| *number <= 0.0) {
            return None;
        }
        let logarithms: Vec<f64> = sample.iter().map(|number| number.ln()).collect();
        let mean = logarithms.iter().sum::<f64>() / logarithms.len() as f64;
        squares += logarithms.iter().map(|number| (number - mean).powi(2)).sum::<f64>();
        free += logarithms.len() - 1;
    }
    if free == 0 { None } else { Some((squares / free as f64).sqrt()) }
}
