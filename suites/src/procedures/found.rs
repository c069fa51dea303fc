//! What the loads of a case come to.

use dbdyno_core::load::LoadReport;
use dbdyno_core::{Better, Measurement};

use super::measure::Form;

/// The throughput of both forms at one round trip.
#[derive(Clone, Copy, Debug)]
pub struct Pair {
    /// The name of the round trip.
    pub round_trip: &'static str,
    /// Transactions per second, as statements and as procedures.
    throughput: [Option<f64>; 2],
}

impl Pair {
    /// Nothing yet, at the round trip of that name.
    pub fn new(round_trip: &'static str) -> Self {
        Self { round_trip, throughput: [None; 2] }
    }

    /// A load that came to its end.
    pub fn add(&mut self, form: Form, report: &LoadReport) {
        self.throughput[form as usize] = Some(report.total_throughput());
    }

    /// How many times as many transactions go through as procedures.
    fn speedup(&self) -> Option<f64> {
        let [Some(statements), Some(procedures)] = self.throughput else { return None };
        (statements > 0.0).then(|| procedures / statements)
    }
}

/// The metrics of the pairs that are whole, and what they come to in words.
pub fn metrics(pairs: &[Pair]) -> (Vec<Measurement>, String) {
    let speedups = || pairs.iter().filter_map(|pair| Some((pair.round_trip, pair.speedup()?)));
    let rows = speedups().map(|(round_trip, speedup)| {
        Measurement::new("procedure_speedup", speedup, "1", Better::Neither).of(round_trip)
    });
    let words = speedups().map(|(round_trip, speedup)| match round_trip {
        "" => format!("{speedup:.2}x"),
        "direct" => format!("{speedup:.2}x without a round trip"),
        name => format!("{speedup:.2}x at {name}"),
    });
    let headline = format!("procedures {}", words.collect::<Vec<_>>().join(", "));
    (rows.collect(), headline)
}

#[cfg(test)]
mod tests {
    use super::{Pair, metrics};

    #[test]
    fn only_whole_pairs_are_compared() {
        let pairs = [
            Pair { round_trip: "direct", throughput: [Some(500.0), Some(750.0)] },
            Pair { round_trip: "1ms", throughput: [Some(100.0), Some(400.0)] },
            Pair { round_trip: "5ms", throughput: [Some(100.0), None] },
            Pair { round_trip: "200us", throughput: [Some(0.0), Some(1.0)] },
        ];
        let (rows, headline) = metrics(&pairs);
        let rows: Vec<_> = rows.iter().map(|row| (&*row.transaction, row.value)).collect();
        assert_eq!(rows, [("direct", Some(1.5)), ("1ms", Some(4.0))]);
        assert_eq!(headline, "procedures 1.50x without a round trip, 4.00x at 1ms");
    }
}
