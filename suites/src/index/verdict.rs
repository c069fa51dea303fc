//! Whether an index was worth having.

/// The index must make reads this many times as fast to count as faster, and a slower one must lose as
/// much: what lies between is the noise of a measurement.
pub const FASTER: f64 = 1.05;
/// The most rows read per row written that an index may need to pay for itself. One that needs more loses
/// time in a workload that reads as often as it writes.
pub const MOST_READS_PER_WRITE: f64 = 1.0;

/// What was found out about an index.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Evidence {
    /// Whether the plan of the query reads the index; `None` where the engine tells no plan.
    pub used: Option<bool>,
    /// Mean time of a read without the index and with it, in microseconds.
    pub read_us: (f64, f64),
    /// Mean time for a written row without the index and with it, in microseconds.
    pub write_us: (f64, f64),
}

/// What to think of an index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It makes reads faster, and by more than it makes writes slower.
    Effective,
    /// The planner does not read it.
    NotUsed,
    /// It is read, and reads are slower for it.
    UsedButSlower,
    /// It is read, and what reads gain does not outweigh what writes lose.
    NotWorthItsWrites,
}

impl Verdict {
    /// As people are told.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Effective => "effective",
            Self::NotUsed => "not used by the planner",
            Self::UsedButSlower => "used but slower",
            Self::NotWorthItsWrites => "not worth its writes",
        }
    }
}

impl Evidence {
    /// How many times as fast reads are with the index.
    pub fn read_speedup(&self) -> f64 {
        self.read_us.0 / self.read_us.1
    }

    /// How many times as long a written row takes with the index.
    pub fn write_slowdown(&self) -> f64 {
        self.write_us.1 / self.write_us.0
    }

    /// How many reads per written row save as much time as the index costs; 0 where writes lose
    /// nothing, `None` where reads gain nothing, so that no number does.
    pub fn break_even_reads(&self) -> Option<f64> {
        let saved = self.read_us.0 - self.read_us.1;
        let lost = (self.write_us.1 - self.write_us.0).max(0.0);
        (saved > 0.0).then(|| lost / saved)
    }

    /// What to think of it.
    pub fn verdict(&self) -> Verdict {
        let speedup = self.read_speedup();
        let pays = self.break_even_reads().is_some_and(|reads| reads <= MOST_READS_PER_WRITE);
        match self.used {
            Some(false) => Verdict::NotUsed,
            _ if speedup < 1.0 / FASTER => Verdict::UsedButSlower,
            _ if speedup >= FASTER && pays => Verdict::Effective,
            _ => Verdict::NotWorthItsWrites,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Evidence, Verdict};
    use proptest::prelude::*;

    fn evidence(used: bool, read_us: (f64, f64), write_us: (f64, f64)) -> Evidence {
        Evidence { used: Some(used), read_us, write_us }
    }

    #[test]
    fn verdicts_weigh_reads_against_writes() {
        for (evidence, verdict) in [
            (evidence(true, (10_000.0, 50.0), (20.0, 30.0)), Verdict::Effective),
            (evidence(false, (10_000.0, 10_000.0), (20.0, 30.0)), Verdict::NotUsed),
            // Faster by chance, or for the cache: it was not read.
            (evidence(false, (10_000.0, 5_000.0), (20.0, 30.0)), Verdict::NotUsed),
            (evidence(true, (10_000.0, 12_000.0), (20.0, 30.0)), Verdict::UsedButSlower),
            (evidence(true, (10_000.0, 9_900.0), (20.0, 30.0)), Verdict::NotWorthItsWrites),
            // Twice as fast, but each written row loses more than a read gains.
            (evidence(true, (20.0, 10.0), (20.0, 31.0)), Verdict::NotWorthItsWrites),
            (evidence(true, (20.0, 10.0), (20.0, 29.0)), Verdict::Effective),
        ] {
            assert_eq!(evidence.verdict(), verdict, "{evidence:?}");
        }
        let untold = Evidence { used: None, ..evidence(true, (10.0, 5.0), (2.0, 2.0)) };
        assert_eq!(untold.verdict(), Verdict::Effective);
    }

    #[test]
    fn the_break_even_is_where_both_sides_are_equal() {
        let index = evidence(true, (110.0, 10.0), (20.0, 70.0));
        assert_eq!(index.break_even_reads(), Some(0.5));
        assert_eq!(evidence(true, (10.0, 10.0), (1.0, 2.0)).break_even_reads(), None);
        assert_eq!(evidence(true, (20.0, 10.0), (2.0, 1.0)).break_even_reads(), Some(0.0));
    }

    proptest! {
        #[test]
        fn an_index_that_the_planner_passes_over_is_never_effective(
            read in (1.0..1e6, 1.0..1e6), write in (1.0..1e6, 1.0..1e6)
        ) {
            prop_assert_eq!(evidence(false, read, write).verdict(), Verdict::NotUsed);
        }

        #[test]
        fn slower_reads_are_never_effective(
            read in 1.0..1e6, factor in 1.0..100.0, write in (1.0..1e6, 1.0..1e6)
        ) {
            let verdict = evidence(true, (read, read * factor), write).verdict();
            prop_assert_ne!(verdict, Verdict::Effective);
        }
    }
}
