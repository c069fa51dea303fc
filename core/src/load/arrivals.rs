//! The schedule of an open loop: when each transaction is meant to start.

use crate::random::Rng;

use super::plan::{OpenLoop, Spacing};

/// Intended starts, in nanoseconds since the load began, in order and without end. One schedule
/// serves all clients: a free client takes the next arrival, so that a slow one holds up nobody
/// else's.
#[derive(Debug)]
pub struct Arrivals {
    spacing: Spacing,
    gap_ns: f64,
    next_ns: f64,
    /// Arrivals that were taken and given back.
    given_back: Vec<u64>,
    rng: Rng,
}

impl Arrivals {
    /// The schedule of `open`, drawn from `rng`.
    pub fn new(open: &OpenLoop, rng: Rng) -> Self {
        let mut arrivals = Self {
            spacing: open.spacing,
            gap_ns: 1e9 / open.rate,
            next_ns: 0.0,
            given_back: Vec::new(),
            rng,
        };
        arrivals.next_ns = arrivals.gap();
        arrivals
    }

    /// The next intended start.
    pub fn take(&mut self) -> u64 {
        let taken = self.next_ns;
        self.next_ns += self.gap();
        taken as u64
    }

    /// Gives back an arrival that its taker did not serve, for it to be counted by
    /// [`Arrivals::drain_until`].
    pub fn give_back(&mut self, taken_ns: u64) {
        self.given_back.push(taken_ns);
    }

    /// Takes all arrivals before `end_ns`, those given back too, showing each to `visit`.
    pub fn drain_until(&mut self, end_ns: u64, mut visit: impl FnMut(u64)) {
        self.given_back.drain(..).filter(|taken_ns| *taken_ns < end_ns).for_each(&mut visit);
        while (self.next_ns as u64) < end_ns {
            visit(self.take());
        }
    }

    fn gap(&mut self) -> f64 {
        match self.spacing {
            Spacing::Uniform => self.gap_ns,
            Spacing::Poisson => self.gap_ns * self.rng.exponential(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arrivals(spacing: Spacing) -> Vec<u64> {
        let open = OpenLoop { rate: 1_000.0, spacing, latency_limit: None };
        let mut arrivals = Arrivals::new(&open, Rng::new(5, &[]));
        (0..20_000).map(|_| arrivals.take()).collect()
    }

    #[test]
    fn uniform_arrivals_have_equal_gaps() {
        for (number, taken) in arrivals(Spacing::Uniform).into_iter().enumerate() {
            assert_eq!(taken, (number as u64 + 1) * 1_000_000);
        }
    }

    /// Kolmogorov-Smirnov: the gaps against the exponential distribution, 1 % level.
    #[test]
    fn poisson_gaps_are_exponential() {
        let times = arrivals(Spacing::Poisson);
        let mut gaps: Vec<f64> =
            times.windows(2).map(|pair| (pair[1] - pair[0]) as f64 / 1e6).collect();
        gaps.sort_unstable_by(f64::total_cmp);
        let count = gaps.len() as f64;
        let distance = gaps
            .iter()
            .enumerate()
            .map(|(rank, gap)| {
                let expected = 1.0 - (-gap).exp();
                let (below, above) = (rank as f64 / count, (rank + 1) as f64 / count);
                (expected - below).abs().max((expected - above).abs())
            })
            .fold(0.0, f64::max);
        assert!(distance < 1.63 / count.sqrt(), "KS distance {distance}");
    }

    #[test]
    fn draining_shows_what_was_due() {
        let open = OpenLoop { rate: 1_000.0, spacing: Spacing::Uniform, latency_limit: None };
        let mut arrivals = Arrivals::new(&open, Rng::new(5, &[]));
        for _ in 0..10 {
            arrivals.take();
        }
        arrivals.give_back(9_000_000);
        arrivals.give_back(100_000_000);
        let mut drained = Vec::new();
        arrivals.drain_until(100_000_000, |intended_ns| drained.push(intended_ns));
        assert_eq!((drained.len(), drained[0], drained[1]), (90, 9_000_000, 11_000_000));
    }
}
