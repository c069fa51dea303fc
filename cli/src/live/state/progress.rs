//! Where a run is, and how long it still takes.

use std::time::Duration;

/// Cases, and the load under way. Moments are since the view began.
#[derive(Debug, Default)]
pub struct Progress {
    /// Cases of the whole run, every repetition counted, where that is known.
    total: Option<usize>,
    /// Cases of the benchmarks before.
    before: usize,
    /// Cases of this benchmark, and how many of them are over.
    of_benchmark: usize,
    over: usize,
    /// How often each case is measured.
    pub repetitions: u32,
    /// When the present case began, later by as long as it was paused.
    case_began: Option<Duration>,
    /// How many cases were measured, and for how long.
    measured: (usize, Duration),
    load: Option<Load>,
    /// When the pause that goes on began.
    paused: Option<Duration>,
}

/// The load under way.
#[derive(Clone, Copy, Debug)]
struct Load {
    began: Duration,
    length: Option<Duration>,
}

/// How long it still takes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Left {
    /// As long as cases have taken so far.
    About(Duration),
    /// The loads alone; no case is over yet that could tell what else there is to be done.
    AtLeast(Duration),
}

impl Progress {
    /// What the whole run has.
    pub fn run(&mut self, cases: usize) {
        self.total = Some(cases);
    }

    /// A benchmark begins.
    pub fn benchmark(&mut self, cases: usize, repetitions: u32) {
        self.before += self.of_benchmark;
        (self.of_benchmark, self.over, self.repetitions) = (cases, 0, repetitions);
        (self.case_began, self.load) = (None, None);
    }

    /// A case begins.
    pub fn case(&mut self, at: Duration) {
        (self.case_began, self.load) = (Some(at), None);
    }

    /// A load begins.
    pub fn load(&mut self, at: Duration, length: Option<Duration>) {
        self.load = Some(Load { began: at, length });
    }

    /// There is no load under way.
    pub fn no_load(&mut self) {
        self.load = None;
    }

    /// The case is over.
    pub fn case_over(&mut self, at: Duration) {
        self.load = None;
        // One that could not begin says nothing of how long they take.
        if let Some(began) = self.case_began.take() {
            self.over = (self.over + 1).min(self.of_benchmark);
            self.measured.0 += 1;
            self.measured.1 += at.saturating_sub(began);
        }
    }

    /// A pause begins.
    pub fn pause(&mut self, at: Duration) {
        self.paused = Some(at);
    }

    /// It is over.
    pub fn go_on(&mut self, at: Duration) {
        if let (Some(since), Some(began)) = (self.paused.take(), &mut self.case_began) {
            *began += at.saturating_sub(since);
        }
    }

    /// Since when it is paused.
    pub fn paused(&self) -> Option<Duration> {
        self.paused
    }

    /// Which case it is, or the last one was, of how many of the whole run.
    pub fn case_of(&self) -> Option<(usize, usize)> {
        let total = self.total?;
        let done = self.done() + usize::from(self.case_began.is_some());
        (total > 0 && done > 0).then_some((done.min(total), total))
    }

    /// How long the load under way has gone on, and how long it takes.
    pub fn load_of(&self, now: Duration) -> Option<(Duration, Option<Duration>)> {
        self.load.map(|load| (now.saturating_sub(load.began), load.length))
    }

    /// What share of the whole run is over, 0 to 1; of the case under way as much as its load says.
    pub fn share(&self, now: Duration) -> Option<f64> {
        let total = self.total.filter(|total| *total > 0)?;
        let of_load = self.load_of(now).and_then(|(gone, length)| Some((gone, length?)));
        let part = of_load.map_or(0.0, |(gone, length)| {
            (gone.as_secs_f64() / length.as_secs_f64().max(0.001)).min(1.0)
        });
        Some(((self.done() as f64 + part) / total as f64).min(1.0))
    }

    /// How long the whole run still takes, without loading data.
    pub fn left(&self, now: Duration) -> Option<Left> {
        let total = self.total?;
        let now = self.paused.unwrap_or(now);
        let cases = u32::try_from(total.saturating_sub(self.done())).unwrap_or(u32::MAX);
        let gone = self.case_began.map_or(Duration::ZERO, |began| now.saturating_sub(began));
        if let (1.., spent) = self.measured {
            let each = spent / u32::try_from(self.measured.0).unwrap_or(u32::MAX);
            // A case that takes longer than the others may end at any moment.
            let others = each.saturating_mul(cases.saturating_sub(1));
            return Some(Left::About(
                (each.saturating_mul(cases)).saturating_sub(gone).max(others),
            ));
        }
        let (gone, length) = self.load_of(now)?;
        let each = length?;
        let others = each.saturating_mul(cases.saturating_sub(1));
        Some(Left::AtLeast(each.saturating_sub(gone) + others))
    }

    fn done(&self) -> usize {
        self.before + self.over
    }
}

#[cfg(test)]
mod tests {
    use super::{Duration, Left, Progress};

    const fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn what_is_left_is_what_loads_take_and_later_what_cases_took() {
        let mut progress = Progress::default();
        assert_eq!((progress.share(s(0)), progress.left(s(0))), (None, None));
        progress.run(4);
        progress.benchmark(2, 1);
        progress.case(s(10));
        progress.load(s(12), Some(s(10)));
        assert_eq!(progress.case_of(), Some((1, 4)));
        assert_eq!(progress.share(s(17)), Some(0.125));
        assert_eq!(progress.left(s(17)), Some(Left::AtLeast(s(5 + 30))));
        progress.case_over(s(24));
        assert_eq!(progress.left(s(24)), Some(Left::About(s(3 * 14))));
        progress.case(s(24));
        assert_eq!(progress.left(s(30)), Some(Left::About(s(14 - 6 + 28))));
        // It takes longer than the first.
        assert_eq!(progress.left(s(60)), Some(Left::About(s(28))));
        progress.case_over(s(60));
        progress.benchmark(2, 1);
        progress.case(s(61));
        assert_eq!(progress.case_of(), Some((3, 4)));
        assert_eq!(progress.share(s(61)), Some(0.5));
    }

    #[test]
    fn a_pause_takes_no_time_of_the_case() {
        let mut progress = Progress::default();
        progress.run(3);
        progress.benchmark(3, 1);
        progress.case(s(0));
        progress.case_over(s(10));
        progress.case(s(10));
        progress.pause(s(11));
        assert_eq!(progress.left(s(500)), Some(Left::About(s(19))));
        progress.go_on(s(500));
        assert_eq!(progress.left(s(503)), Some(Left::About(s(16))));
        assert_eq!(progress.paused(), None);
    }

    #[test]
    fn cases_that_could_not_begin_are_made_good_for_by_the_next_benchmark() {
        let mut progress = Progress::default();
        progress.run(4);
        progress.benchmark(3, 1);
        progress.case_over(s(1));
        assert_eq!((progress.share(s(1)), progress.left(s(1))), (Some(0.0), None));
        progress.benchmark(1, 1);
        assert_eq!(progress.share(s(2)), Some(0.75));
    }
}
