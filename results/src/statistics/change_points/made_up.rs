//! Series of known truth, for tests and for the figures of `docs/history.md`.

use dbdyno_core::random::Rng;

/// A standard normal number (Box and Muller).
fn normal(rng: &mut Rng) -> f64 {
    let (one, other) = (1.0 - rng.unit(), rng.unit());
    (-2.0_f64 * one.ln()).sqrt() * (2.0 * std::f64::consts::PI * other).cos()
}

/// Numbers about 100 with a deviation of 1, with `added` to each by its place.
pub fn series(seed: u64, size: usize, added: impl Fn(usize) -> f64) -> Vec<f64> {
    let mut rng = Rng::new(seed, &[77]);
    (0..size).map(|place| 100.0 + normal(&mut rng) + added(place)).collect()
}

/// Noise as benchmarks have it: mostly calm, with a long tail to one side and stalls.
pub fn stalling(seed: u64, size: usize) -> Vec<f64> {
    let mut rng = Rng::new(seed, &[78]);
    let value = |rng: &mut Rng| match rng.percent(5.0) {
        true => 100.0 - 30.0 * rng.unit(),
        false => 100.0 - rng.exponential(),
    };
    (0..size).map(|_| value(&mut rng)).collect()
}

/// For how many seeds it holds.
pub fn count(seeds: std::ops::Range<u64>, holds: impl Fn(u64) -> bool) -> usize {
    seeds.filter(|seed| holds(*seed)).count()
}
