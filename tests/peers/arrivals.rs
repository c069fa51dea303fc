//! When the transactions of an open loop really start, against the Poisson process asked for. The
//! load engine runs in this process for that, so that each start can be noted.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use dbdyno_core::load::{
    AnyClient, Arrival, Client, Draw, Length, LoadObserver, LoadPlan, OpenLoop, Outcome,
    RetryPolicy, Spacing, Workload, run_load,
};
use dbdyno_core::measurement::Second;
use dbdyno_core::random::Rng;
use dbdyno_core::{DbError, Driver, Error, Event, Result, SessionOptions, Statement, Steps, Stop};

/// Arrivals whose gaps are taken together: of so many the time is long against what waking up a
/// client takes, however short a single gap is.
const TOGETHER: usize = 100;
/// What the distance of Kolmogorov and Smirnov, times the root of the number of values, exceeds in
/// 0.5 % of all samples (Smirnov 1948, "Table for estimating the goodness of fit of empirical
/// distributions"). There are two distances, which makes 1 %.
const CRITICAL: f64 = 1.731;

/// An open loop about to run.
pub struct Loop<'a> {
    pub driver: Arc<dyn Driver>,
    pub workload: Arc<dyn Workload>,
    pub namespace: &'a str,
    pub clients: u32,
    /// Transactions per second.
    pub rate: f64,
    pub length: Duration,
}

impl Loop<'_> {
    /// Runs it; gives how far the starts of its transactions are from a Poisson process, as a part
    /// of what one in a hundred such processes exceeds.
    ///
    /// # Errors
    /// It cannot run.
    pub fn distance(self, stop: &Stop) -> Result<f64> {
        let noted = Arc::new(Noted::default());
        let workload: Arc<dyn Workload> =
            Arc::new(Noting { inner: self.workload, noted: Arc::clone(&noted) });
        let (spacing, latency_limit) = (Spacing::Poisson, None);
        let plan = LoadPlan {
            clients: self.clients,
            warmup: Duration::ZERO,
            length: Length::Duration(self.length),
            arrival: Arrival::Open(OpenLoop { rate: self.rate, spacing, latency_limit }),
            retry: RetryPolicy::default(),
            seed: 1,
            repetition: 1,
            reconnect_limit: Duration::ZERO,
            drain_limit: Duration::from_secs(30),
        };
        let session = SessionOptions {
            namespace: Some(self.namespace.to_owned()),
            ..SessionOptions::default()
        };
        let report = run_load(&self.driver, &workload, session, plan, &Unobserved, stop)?;
        let starts = noted.in_order();
        if report.total().failed > 0 || starts.len() < 10 * TOGETHER {
            let why = format!("{} transactions started, not all of them well", starts.len());
            return Err(Error::new("look at the arrivals of an open loop", why));
        }
        Ok(from_poisson(&starts, self.rate) / CRITICAL)
    }
}

/// The larger of two distances of Kolmogorov and Smirnov, each times the root of its number of
/// values. Of a Poisson process, the starts between the first and the last are spread evenly, and
/// the time that `TOGETHER` arrivals take has the distribution of Erlang. `starts` are in seconds.
fn from_poisson(starts: &[f64], rate: f64) -> f64 {
    let (Some(first), Some(last)) = (starts.first(), starts.last()) else { return f64::INFINITY };
    let between = &starts[1..starts.len() - 1];
    let spread = between.iter().map(|start| (start - first) / (last - first)).collect();
    let every: Vec<f64> = starts.iter().copied().step_by(TOGETHER).collect();
    let times = every.windows(2).map(|pair| erlang(TOGETHER, rate * (pair[1] - pair[0]))).collect();
    from_uniform(spread).max(from_uniform(times))
}

/// The distance of values from the uniform distribution on 0 to 1, times the root of their number.
fn from_uniform(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    let count = values.len() as f64;
    let distances = values
        .iter()
        .enumerate()
        .map(|(rank, value)| (value - rank as f64 / count).max((rank + 1) as f64 / count - value));
    distances.fold(0.0, f64::max) * count.sqrt()
}

/// The probability that `shape` arrivals of a Poisson process of rate 1 take no longer than `time`:
/// that it has at least so many by then.
fn erlang(shape: usize, time: f64) -> f64 {
    let mut term = (-time).exp();
    let mut fewer = 0.0;
    for arrivals in 0..shape {
        fewer += term;
        term *= time / (arrivals + 1) as f64;
    }
    (1.0 - fewer).clamp(0.0, 1.0)
}

/// The starts of all clients, in seconds.
struct Noted {
    began: Instant,
    starts: Mutex<Vec<f64>>,
}

impl Default for Noted {
    fn default() -> Self {
        Self { began: Instant::now(), starts: Mutex::default() }
    }
}

impl Noted {
    fn in_order(&self) -> Vec<f64> {
        let mut starts = self.starts.lock().unwrap_or_else(PoisonError::into_inner).clone();
        starts.sort_unstable_by(f64::total_cmp);
        starts
    }
}

/// A workload whose clients note when they start.
struct Noting {
    inner: Arc<dyn Workload>,
    noted: Arc<Noted>,
}

impl Workload for Noting {
    fn transactions(&self) -> &[&'static str] {
        self.inner.transactions()
    }

    fn statements(&self) -> &[Statement] {
        self.inner.statements()
    }

    fn client(&self, index: u32, rng: Rng) -> Box<dyn AnyClient> {
        let (inner, noted) = (self.inner.client(index, rng), Arc::clone(&self.noted));
        Box::new(NotingClient { inner, noted, starts: Vec::new() })
    }
}

struct NotingClient {
    inner: Box<dyn AnyClient>,
    noted: Arc<Noted>,
    starts: Vec<f64>,
}

impl Client for NotingClient {
    fn draw(&mut self) -> Draw {
        self.inner.draw()
    }

    async fn run(&mut self, steps: &mut Steps<'_>) -> Result<Outcome, DbError> {
        self.starts.push(self.noted.began.elapsed().as_secs_f64());
        self.inner.run(steps.session()).await
    }
}

impl Drop for NotingClient {
    fn drop(&mut self) {
        let mut all = self.noted.starts.lock().unwrap_or_else(PoisonError::into_inner);
        all.append(&mut self.starts);
    }
}

struct Unobserved;

impl LoadObserver for Unobserved {
    fn second(&self, _: SystemTime, _: &[Second]) -> Result<()> {
        Ok(())
    }

    fn event(&self, _: &Event) -> Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use dbdyno_core::load::Arrivals;

    use super::*;

    const RATE: f64 = 30_000.0;

    fn starts(spacing: Spacing, seed: u64, mut late: impl FnMut(f64) -> f64) -> Vec<f64> {
        let open = OpenLoop { rate: RATE, spacing, latency_limit: None };
        let mut arrivals = Arrivals::new(&open, Rng::new(seed, &[]));
        (0..150_000)
            .map(|_| arrivals.take() as f64 / 1e9)
            .map(|start| start + late(start))
            .collect()
    }

    #[test]
    fn a_poisson_process_passes_even_where_each_start_is_a_little_late() {
        for seed in 1..4 {
            let mut rng = Rng::new(seed, &[9]);
            let distance = from_poisson(&starts(Spacing::Poisson, seed, |_| 0.0), RATE);
            assert!(distance < CRITICAL, "{distance}");
            let mut late = starts(Spacing::Poisson, seed, |_| rng.unit() * 100e-6);
            late.sort_unstable_by(f64::total_cmp);
            let distance = from_poisson(&late, RATE);
            assert!(distance < CRITICAL, "{distance}");
        }
    }

    #[test]
    fn what_is_no_poisson_process_of_that_rate_does_not_pass() {
        let even = from_poisson(&starts(Spacing::Uniform, 1, |_| 0.0), RATE);
        assert!(even > 2.0 * CRITICAL, "{even}");
        let slower = from_poisson(&starts(Spacing::Poisson, 1, |_| 0.0), 0.97 * RATE);
        assert!(slower > CRITICAL, "{slower}");
        // A stall of 200 ms, whose starts follow all at once.
        let stall = |start: f64| if (2.0..2.2).contains(&start) { 2.2 - start } else { 0.0 };
        let stalled = from_poisson(&starts(Spacing::Poisson, 1, stall), RATE);
        assert!(stalled > CRITICAL, "{stalled}");
    }

    #[test]
    fn the_distribution_of_erlang_is_exponential_for_one_and_even_about_its_median() {
        assert!((erlang(1, 0.5) - (1.0 - (-0.5f64).exp())).abs() < 1e-12);
        // The median of Erlang's distribution is about its shape less a third.
        assert!((erlang(100, 100.0 - 1.0 / 3.0) - 0.5).abs() < 1e-4);
    }
}
