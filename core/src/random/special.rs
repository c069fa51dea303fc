//! The distributions that sysbench 1.0 draws row numbers from (its `--rand-type`).

use super::Rng;

/// Uniform numbers averaged by the gaussian and the special distribution: `--rand-spec-iter`.
const ITERATIONS: u32 = 12;
/// Width in percent of the window of special values: `--rand-spec-pct`.
const SPECIAL_WIDTH: f64 = 1.0;
/// Percent of draws that are special values: `--rand-spec-res`.
const SPECIAL_SHARE: f64 = 75.0;
/// `ln h / ln (1 - h)` where `h` is `--rand-pareto-h`, 0.2: a fifth of the range gets four fifths
/// of the draws.
const PARETO_POWER: f64 = 7.212_567_439_010_781;

/// One of sysbench 1.0's distributions with its default parameters, as `src/sb_rand.c` of release
/// 1.0.20 defines them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Distribution {
    /// Every number alike.
    Uniform,
    /// The mean of twelve uniform numbers: a bell around the middle of the range.
    Gaussian,
    /// Sysbench 1.0's default. Three quarters of the draws fall, uniformly, on a window of about
    /// one percent of the range a little above its middle; the others are gaussian.
    #[default]
    Special,
    /// Small numbers often, large ones rarely.
    Pareto,
}

impl Distribution {
    /// Every distribution.
    pub const ALL: [Self; 4] = [Self::Uniform, Self::Gaussian, Self::Special, Self::Pareto];

    /// The word that sysbench uses.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Uniform => "uniform",
            Self::Gaussian => "gaussian",
            Self::Special => "special",
            Self::Pareto => "pareto",
        }
    }

    /// Draws from `low..=high`; `high` must not be below `low`.
    #[inline]
    pub fn draw(self, rng: &mut Rng, low: i64, high: i64) -> i64 {
        debug_assert!(low <= high, "{low}..={high} is empty");
        let numbers = (high - low) as f64 + 1.0;
        let above = match self {
            Self::Uniform => return rng.between(low, high),
            Self::Gaussian => mean_of_uniform(rng) * numbers,
            Self::Special => special(rng, numbers - 1.0),
            Self::Pareto => rng.unit().powf(PARETO_POWER) * numbers,
        };
        low + (above as i64).min(high - low)
    }
}

/// Sysbench widens the range so that `SPECIAL_SHARE` percent of the first draw lie beyond it. Those
/// map the same draw into the window, which is why its lowest quarter stays empty.
fn special(rng: &mut Rng, span: f64) -> f64 {
    let unit = rng.unit();
    if unit * 100.0 / (100.0 - SPECIAL_SHARE) < 1.0 {
        return mean_of_uniform(rng) * span;
    }
    let window = span * SPECIAL_WIDTH / 100.0;
    unit * (window + 1.0) + span / 2.0 - window / 2.0
}

fn mean_of_uniform(rng: &mut Rng) -> f64 {
    (0..ITERATIONS).map(|_| rng.unit()).sum::<f64>() / f64::from(ITERATIONS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::{any, prop_assert, proptest};

    const DRAWS: usize = 100_000;

    fn draw_many(distribution: Distribution) -> Vec<i64> {
        let mut rng = Rng::new(21, &[]);
        (0..DRAWS).map(|_| distribution.draw(&mut rng, 1, 10_000)).collect()
    }

    fn share(draws: &[i64], inside: impl Fn(i64) -> bool) -> f64 {
        draws.iter().filter(|drawn| inside(**drawn)).count() as f64 / draws.len() as f64
    }

    fn moments(draws: &[i64]) -> (f64, f64) {
        let mean = draws.iter().sum::<i64>() as f64 / draws.len() as f64;
        let variance = draws.iter().map(|drawn| (*drawn as f64 - mean).powi(2)).sum::<f64>();
        (mean, (variance / draws.len() as f64).sqrt())
    }

    #[test]
    fn uniform_fills_its_bins_alike() {
        let mut bins = [0f64; 100];
        draw_many(Distribution::Uniform).iter().for_each(|d| bins[((d - 1) / 100) as usize] += 1.0);
        let expected = DRAWS as f64 / 100.0;
        let chi_square: f64 = bins.iter().map(|bin| (bin - expected).powi(2) / expected).sum();
        // 99 degrees of freedom: 148 is exceeded once in a thousand.
        assert!(chi_square < 148.0, "{chi_square}");
    }

    #[test]
    fn gaussian_has_the_moments_of_a_mean_of_twelve() {
        let (mean, deviation) = moments(&draw_many(Distribution::Gaussian));
        assert!((mean - 5_000.5).abs() < 15.0, "{mean}");
        // A uniform number deviates by range / sqrt(12), the mean of twelve by range / 12.
        assert!((deviation - 10_000.0 / 12.0).abs() < 15.0, "{deviation}");
    }

    #[test]
    fn special_puts_three_quarters_into_its_window() {
        let draws = draw_many(Distribution::Special);
        // rand-spec-pct 1 of 9,999 is a window of 100.99 numbers from 4,949.5, of which draws of
        // 0.25 and more reach 4,974.75 to 5,050.5; of the gaussian quarter a few fall there too.
        let window = share(&draws, |drawn| (4_975..=5_051).contains(&drawn));
        let gaussian_inside = 76.0 / (10_000.0 / 12.0 * (2.0 * std::f64::consts::PI).sqrt());
        assert!((window - (0.75 + 0.25 * gaussian_inside)).abs() < 0.01, "{window}");
        let outside: Vec<i64> =
            draws.into_iter().filter(|d| !(4_940..=5_060).contains(d)).collect();
        let (mean, deviation) = moments(&outside);
        assert!((mean - 5_000.0).abs() < 40.0 && (deviation - 860.0).abs() < 60.0, "{deviation}");
    }

    #[test]
    fn pareto_gives_a_fifth_of_the_range_four_fifths_of_the_draws() {
        assert!((PARETO_POWER - 0.2f64.ln() / 0.8f64.ln()).abs() < 1e-12);
        let low = share(&draw_many(Distribution::Pareto), |drawn| drawn <= 2_000);
        assert!((low - 0.8).abs() < 0.01, "{low}");
    }

    proptest! {
        #[test]
        fn draws_stay_in_range(seed in any::<u64>(), low in -50i64..50, span in 0i64..30) {
            let mut rng = Rng::new(seed, &[]);
            for distribution in Distribution::ALL {
                for _ in 0..50 {
                    let drawn = distribution.draw(&mut rng, low, low + span);
                    prop_assert!((low..=low + span).contains(&drawn), "{distribution:?} {drawn}");
                }
            }
        }
    }
}
