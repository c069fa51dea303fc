//! The non-uniform random numbers of TPC-C.

use super::Rng;

/// `NURand(A, x, y) = (((random(0, A) | random(x, y)) + C) mod (y - x + 1)) + x`, TPC-C rev. 5.11
/// clause 2.1.6.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Nurand {
    a: i64,
    c: i64,
}

impl Nurand {
    /// `A` of customer last names, drawn from `[0, 999]`.
    pub const A_LAST: i64 = 255;
    /// `A` of customer numbers, drawn from `[1, 3000]`.
    pub const A_CUSTOMER: i64 = 1_023;
    /// `A` of item numbers, drawn from `[1, 100000]`.
    pub const A_ITEM: i64 = 8_191;

    /// With the constants `a` and `c`, where `c` is in `[0, a]`.
    pub const fn new(a: i64, c: i64) -> Self {
        Self { a, c }
    }

    /// With a `C` drawn from `[0, a]`.
    pub fn with_random_c(a: i64, rng: &mut Rng) -> Self {
        Self::new(a, rng.between(0, a))
    }

    /// The constant `C`.
    pub const fn c(self) -> i64 {
        self.c
    }

    /// Draws from `low..=high`.
    #[inline]
    pub fn draw(self, rng: &mut Rng, low: i64, high: i64) -> i64 {
        let either = rng.between(0, self.a) | rng.between(low, high);
        (either + self.c) % (high - low + 1) + low
    }
}

/// Whether last names may be drawn with `c_run` from customers that were loaded with `c_load`:
/// their distance is in `[65, 119]` and neither 96 nor 112 (clause 2.1.6.1).
pub const fn c_run_is_valid(c_load: i64, c_run: i64) -> bool {
    let delta = (c_run - c_load).abs();
    65 <= delta && delta <= 119 && delta != 96 && delta != 112
}

/// Draws the `C` with which a run draws last names, [`Nurand::A_LAST`] of them, from customers that
/// were loaded with `c_load`.
pub fn draw_c_run(c_load: i64, rng: &mut Rng) -> i64 {
    debug_assert!((0..=Nurand::A_LAST).contains(&c_load), "{c_load} is no C of last names");
    loop {
        let c_run = rng.between(0, Nurand::A_LAST);
        if c_run_is_valid(c_load, c_run) {
            return c_run;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The probability of each number of `[0, 999]` under `NURand(255, 0, 999)`, by counting all
    /// pairs.
    fn exact(c: i64) -> Vec<f64> {
        let mut chances = vec![0.0; 1_000];
        for low in 0..=255 {
            for high in 0..1_000 {
                chances[(((low | high) + c) % 1_000) as usize] += 1.0 / 256_000.0;
            }
        }
        chances
    }

    #[test]
    fn draws_follow_the_formula() {
        let mut rng = Rng::new(31, &[]);
        let nurand = Nurand::with_random_c(Nurand::A_LAST, &mut rng);
        let draws = 500_000;
        let mut counts = vec![0f64; 1_000];
        for _ in 0..draws {
            counts[nurand.draw(&mut rng, 0, 999) as usize] += 1.0;
        }
        let (mut chi_square, mut freedom) = (0.0, -1.0);
        for (count, chance) in counts.iter().zip(exact(nurand.c())) {
            let expected = chance * f64::from(draws);
            // Numbers too rare for the test's approximation are left out.
            if expected >= 5.0 {
                chi_square += (count - expected).powi(2) / expected;
                freedom += 1.0;
            }
        }
        assert!(freedom > 500.0, "{freedom}");
        assert!(chi_square < freedom + 5.0 * f64::sqrt(2.0 * freedom), "{chi_square} {freedom}");
    }

    #[test]
    fn draws_stay_in_range() {
        let mut rng = Rng::new(32, &[]);
        for (a, low, high) in
            [(Nurand::A_CUSTOMER, 1, 3_000), (Nurand::A_ITEM, 1, 100_000), (Nurand::A_LAST, 0, 999)]
        {
            let nurand = Nurand::with_random_c(a, &mut rng);
            assert!((0..=a).contains(&nurand.c()));
            for _ in 0..10_000 {
                assert!((low..=high).contains(&nurand.draw(&mut rng, low, high)));
            }
        }
    }

    #[test]
    fn every_load_constant_has_a_run_constant() {
        let mut rng = Rng::new(33, &[]);
        for c_load in 0..=Nurand::A_LAST {
            for _ in 0..100 {
                let delta = (draw_c_run(c_load, &mut rng) - c_load).abs();
                assert!((65..=119).contains(&delta) && delta != 96 && delta != 112, "{delta}");
            }
        }
    }
}
