//! Random integers between two bounds, distributed as pgbench's are (PostgreSQL's manual, "pgbench",
//! "Built-in Functions").

use dbdyno_core::random::Rng;

use crate::fault::Fault;

/// The smallest parameter of [`gaussian`]: below it too many draws would be thrown away.
const LEAST_GAUSSIAN: f64 = 2.0;
/// The parameters of [`zipfian`].
const ZIPFIAN: std::ops::RangeInclusive<f64> = 1.001..=1000.0;

/// Whole numbers from a least to a greatest; as many of them as 63 bits count.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    low: i64,
    high: i64,
    count: i64,
}

impl Bounds {
    /// # Errors
    /// There are none or too many numbers.
    pub fn new(low: i64, high: i64) -> Result<Self, Fault> {
        if low > high {
            return Err(Fault::EmptyRange);
        }
        let count = high.checked_sub(low).and_then(|span| span.checked_add(1));
        Ok(Self { low, high, count: count.ok_or(Fault::RangeTooLarge)? })
    }

    /// The number at a share in `[0, 1)` of the way.
    fn at(self, share: f64) -> i64 {
        // The product of a large count may be rounded up to the count itself.
        let above = (self.count as f64 * share) as i64;
        self.low.saturating_add(above).min(self.high)
    }
}

/// Every number alike.
pub fn uniform(rng: &mut Rng, bounds: Bounds) -> i64 {
    rng.between(bounds.low, bounds.high)
}

/// Small numbers most often: an exponential distribution of which what is above `parameter` means is cut
/// off. The density at the upper bound is `exp(-parameter)` of that at the lower.
///
/// # Errors
/// The parameter is not above 0.
pub fn exponential(rng: &mut Rng, bounds: Bounds, parameter: f64) -> Result<i64, Fault> {
    if parameter.is_nan() || parameter <= 0.0 {
        return Err(Fault::Exponential(parameter));
    }
    let cut = (-parameter).exp();
    let uniform = 1.0 - rng.unit();
    Ok(bounds.at(-(cut + (1.0 - cut) * uniform).ln() / parameter))
}

/// Numbers in the middle most often: a normal distribution cut off at `parameter` standard deviations on
/// both sides, spread over the bounds.
///
/// # Errors
/// The parameter is below 2.
pub fn gaussian(rng: &mut Rng, bounds: Bounds, parameter: f64) -> Result<i64, Fault> {
    if parameter.is_nan() || parameter < LEAST_GAUSSIAN {
        return Err(Fault::Gaussian(parameter));
    }
    loop {
        let deviations = normal(rng);
        if (-parameter..parameter).contains(&deviations) {
            return Ok(bounds.at((deviations + parameter) / (parameter * 2.0)));
        }
    }
}

/// A number of the standard normal distribution (Box and Muller, "A Note on the Generation of Random
/// Normal Deviates", 1958).
fn normal(rng: &mut Rng) -> f64 {
    let radius = (-2.0 * (1.0 - rng.unit()).ln()).sqrt();
    radius * (std::f64::consts::TAU * rng.unit()).sin()
}

/// The `k`th number with a probability proportional to `1 / k^exponent`: the rejection method of Devroye,
/// "Non-Uniform Random Variate Generation", Springer 1986, pages 550 and 551. It is exact, and slow for
/// exponents next to 1.
///
/// # Errors
/// The exponent is not within 1.001 to 1000.
pub fn zipfian(rng: &mut Rng, bounds: Bounds, exponent: f64) -> Result<i64, Fault> {
    if !ZIPFIAN.contains(&exponent) {
        return Err(Fault::Zipfian(exponent));
    }
    if bounds.count <= 1 {
        return Ok(bounds.low);
    }
    let count = bounds.count as f64;
    let power = exponent - 1.0;
    let b = 2f64.powf(power);
    loop {
        let (u, v) = (rng.unit(), rng.unit());
        let x = u.powf(-1.0 / power).floor();
        let t = (1.0 + 1.0 / x).powf(power);
        if x <= count && v * x * (t - 1.0) / (b - 1.0) <= t / b {
            return Ok(bounds.low.saturating_add(x as i64 - 1).min(bounds.high));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DRAWS: usize = 200_000;

    /// How often each of `1..=numbers` comes, against the share that the law gives it. The statistic is
    /// exceeded once in a thousand above `limit`.
    fn assert_follows(
        numbers: i64,
        limit: f64,
        mut draw: impl FnMut(&mut Rng, Bounds) -> i64,
        share: impl Fn(i64) -> f64,
    ) {
        let bounds = Bounds::new(1, numbers).unwrap();
        let mut rng = Rng::new(23, &[]);
        let mut counts = vec![0f64; numbers as usize];
        for _ in 0..DRAWS {
            counts[draw(&mut rng, bounds) as usize - 1] += 1.0;
        }
        let total: f64 = (1..=numbers).map(&share).sum();
        assert!((total - 1.0).abs() < 1e-4, "the shares make {total}");
        let square = |(number, found): (i64, &f64)| {
            let expected = share(number) * DRAWS as f64;
            (found - expected).powi(2) / expected
        };
        let chi_square: f64 = (1..).zip(&counts).map(square).sum();
        assert!(chi_square < limit, "{chi_square}: {counts:?}");
    }

    // Of 19 degrees of freedom 43.8 is exceeded once in a thousand.
    const LIMIT: f64 = 43.8;

    #[test]
    fn uniform_numbers_come_alike() {
        assert_follows(20, LIMIT, uniform, |_| 1.0 / 20.0);
    }

    #[test]
    fn exponential_numbers_follow_the_formula_of_the_manual() {
        // f(x) = exp(-parameter * (x - min) / (max - min + 1)) / (1 - exp(-parameter)), and value i comes
        // with f(i) - f(i + 1).
        let parameter = 2.5;
        let f = |x: f64| (-parameter * (x - 1.0) / 20.0).exp() / (1.0 - (-parameter).exp());
        assert_follows(
            20,
            LIMIT,
            |rng, bounds| exponential(rng, bounds, parameter).unwrap(),
            |number| f(number as f64) - f(number as f64 + 1.0),
        );
    }

    #[test]
    fn gaussian_numbers_follow_the_formula_of_the_manual() {
        // f(x) = PHI(2 * parameter * (x - mu) / (max - min + 1)) / (2 * PHI(parameter) - 1) with
        // mu = (max + min) / 2, and value i comes with f(i + 0.5) - f(i - 0.5).
        let parameter = 2.5;
        let f = |x: f64| {
            let below = phi(2.0 * parameter * (x - 10.5) / 20.0);
            below / (2.0 * phi(parameter) - 1.0)
        };
        assert_follows(
            20,
            LIMIT,
            |rng, bounds| gaussian(rng, bounds, parameter).unwrap(),
            |number| f(number as f64 + 0.5) - f(number as f64 - 0.5),
        );
    }

    /// The standard normal distribution, by Simpson's rule from 0.
    fn phi(x: f64) -> f64 {
        const STEPS: u32 = 2_000;
        let density = |x: f64| (-x * x / 2.0).exp() / std::f64::consts::TAU.sqrt();
        let step = x / f64::from(STEPS);
        let weighted = |place: u32| {
            let weight = match place {
                0 | STEPS => 1.0,
                odd if odd % 2 == 1 => 4.0,
                _ => 2.0,
            };
            weight * density(f64::from(place) * step)
        };
        0.5 + (0..=STEPS).map(weighted).sum::<f64>() * step / 3.0
    }

    #[test]
    fn zipfian_numbers_come_in_proportion() {
        for exponent in [1.07, 2.0] {
            let whole: f64 = (1..=20).map(|k| f64::from(k).powf(-exponent)).sum();
            assert_follows(
                20,
                LIMIT,
                |rng, bounds| zipfian(rng, bounds, exponent).unwrap(),
                |number| (number as f64).powf(-exponent) / whole,
            );
        }
    }

    #[test]
    fn the_manual_says_how_much_is_in_the_middle() {
        // 67 % of the draws come from the middle 1 / parameter, 95 % from the middle 2 / parameter.
        for parameter in [2.5, 4.0, 5.0] {
            let bounds = Bounds::new(1, 100_000).unwrap();
            let mut rng = Rng::new(5, &[]);
            let shares: Vec<f64> = (0..20_000)
                .map(|_| (gaussian(&mut rng, bounds, parameter).unwrap() as f64 / 1e5 - 0.5).abs())
                .collect();
            let within = |half: f64| {
                shares.iter().filter(|share| **share < half).count() as f64 / shares.len() as f64
            };
            assert!((within(0.5 / parameter) - 0.67).abs() < 0.03, "{}", within(0.5 / parameter));
            assert!((within(1.0 / parameter) - 0.95).abs() < 0.03, "{}", within(1.0 / parameter));
        }
    }

    #[test]
    fn bounds_and_parameters_are_checked() {
        let mut rng = Rng::new(1, &[]);
        assert_eq!(Bounds::new(5, 3).unwrap_err(), Fault::EmptyRange);
        assert_eq!(Bounds::new(i64::MIN, i64::MAX).unwrap_err(), Fault::RangeTooLarge);
        assert_eq!(Bounds::new(0, i64::MAX).unwrap_err(), Fault::RangeTooLarge);
        let bounds = Bounds::new(0, 10).unwrap();
        assert_eq!(gaussian(&mut rng, bounds, 1.999), Err(Fault::Gaussian(1.999)));
        assert!(gaussian(&mut rng, bounds, f64::NAN).is_err());
        assert_eq!(exponential(&mut rng, bounds, 0.0), Err(Fault::Exponential(0.0)));
        for wrong in [1.0, 1000.1, f64::NAN] {
            assert!(zipfian(&mut rng, bounds, wrong).is_err(), "{wrong}");
        }
        let huge = Bounds::new(1, i64::MAX).unwrap();
        for _ in 0..1_000 {
            for drawn in [
                exponential(&mut rng, huge, 1e-9).unwrap(),
                gaussian(&mut rng, huge, 2.0).unwrap(),
                zipfian(&mut rng, huge, 1.001).unwrap(),
                uniform(&mut rng, huge),
            ] {
                assert!(drawn >= 1);
            }
        }
    }
}
