//! What the loads of a case come to.

use dbdyno_core::load::{LoadReport, TransactionReport};
use dbdyno_core::{Better, Measurement};

use super::measure::Form;

/// How long transactions took in both forms at one round trip.
#[derive(Clone, Debug)]
pub struct Pair {
    /// The name of the round trip.
    pub round_trip: &'static str,
    /// As statements and as procedures.
    loads: [Option<Vec<Taken>>; 2],
}

/// A transaction type of a load.
#[derive(Clone, Copy, Debug)]
struct Taken {
    transactions: u64,
    mean_ns: f64,
}

impl Pair {
    /// Nothing yet, at the round trip of that name.
    pub fn new(round_trip: &'static str) -> Self {
        Self { round_trip, loads: [None, None] }
    }

    /// A load that came to its end. One in which connections broke is not compared: what it measured is
    /// for the most part how long it took to get others.
    pub fn add(&mut self, form: Form, report: &LoadReport) {
        if report.connections_lost == 0 {
            let taken = |each: &TransactionReport| Taken {
                transactions: each.response_ns.len(),
                mean_ns: each.response_ns.mean(),
            };
            self.loads[form as usize] = Some(report.transactions.iter().map(taken).collect());
        }
    }

    /// How many times as long a transaction takes as statements, where both forms have the same shares of
    /// the transaction types: those of both loads together. In closed loop that is how many times as
    /// many transactions go through as procedures, without what chance does to the mix of the few that a
    /// load at a distance has. A type of which a load has none is left out.
    fn speedup(&self) -> Option<f64> {
        let [Some(statements), Some(procedures)] = &self.loads else { return None };
        let (mut times, mut transactions) = ([0.0; 2], 0);
        for (one, other) in statements.iter().zip(procedures) {
            if one.transactions > 0 && other.transactions > 0 {
                let both = one.transactions + other.transactions;
                transactions += both;
                times[0] += one.mean_ns * both as f64;
                times[1] += other.mean_ns * both as f64;
            }
        }
        (transactions > 0 && times[1] > 0.0).then(|| times[0] / times[1])
    }
}

/// The metrics of the pairs that are whole, and what they come to in words.
pub fn metrics(pairs: &[Pair]) -> (Vec<Measurement>, String) {
    let speedups = || pairs.iter().filter_map(|pair| Some((pair.round_trip, pair.speedup()?)));
    let rows: Vec<_> = speedups()
        .map(|(round_trip, speedup)| {
            Measurement::new("procedure_speedup", speedup, "1", Better::Neither).of(round_trip)
        })
        .collect();
    let words = speedups().map(|(round_trip, speedup)| match round_trip {
        "" => format!("{speedup:.2}x"),
        "direct" => format!("{speedup:.2}x without a round trip"),
        name => format!("{speedup:.2}x at {name}"),
    });
    let headline = match rows.is_empty() {
        true => "no speed-up to tell".to_owned(),
        false => format!("procedures {}", words.collect::<Vec<_>>().join(", ")),
    };
    (rows, headline)
}

#[cfg(test)]
mod tests {
    use super::{Form, Pair, metrics};
    use crate::made_up::{report, transaction};

    fn pair(round_trip: &'static str, statements: &[u64], procedures: &[u64]) -> Pair {
        let mut pair = Pair::new(round_trip);
        for (form, took_ms) in [(Form::Statements, statements), (Form::Procedures, procedures)] {
            pair.add(form, &report(vec![transaction("only", took_ms.len() as u64, took_ms)]));
        }
        pair
    }

    #[test]
    fn only_whole_pairs_are_compared() {
        let mut half = Pair::new("5ms");
        half.add(Form::Statements, &report(vec![transaction("only", 1, &[3])]));
        let mut broken = half.clone();
        let lost = report(vec![transaction("only", 1, &[3])]);
        broken
            .add(Form::Procedures, &dbdyno_core::load::LoadReport { connections_lost: 1, ..lost });
        let pairs = [
            pair("direct", &[300], &[100, 300]),
            pair("1ms", &[800], &[200]),
            half,
            broken,
            pair("200us", &[], &[1]),
        ];
        let (rows, headline) = metrics(&pairs);
        let rows: Vec<_> = rows.iter().map(|row| (&*row.transaction, row.value)).collect();
        let value = |place: usize| rows[place].1.unwrap_or_default();
        assert_eq!(rows.iter().map(|row| row.0).collect::<Vec<_>>(), ["direct", "1ms"]);
        assert!((value(0) - 1.5).abs() < 0.01 && (value(1) - 4.0).abs() < 0.01, "{rows:?}");
        assert_eq!(headline, "procedures 1.50x without a round trip, 4.00x at 1ms");
        assert_eq!(metrics(&pairs[2..]).1, "no speed-up to tell");
    }

    #[test]
    fn the_mix_of_a_load_is_not_taken_for_its_speed() {
        // Both types are twice as fast as procedures; of the slow one the statements had more by chance.
        let load = |quick: &[u64], slow: &[u64], rare: &[u64]| {
            report(vec![
                transaction("quick", 0, quick),
                transaction("slow", 0, slow),
                transaction("rare", 0, rare),
            ])
        };
        let mut pair = Pair::new("5ms");
        pair.add(Form::Statements, &load(&[20], &[400, 400, 400], &[]));
        pair.add(Form::Procedures, &load(&[10, 10, 10], &[200], &[5_000]));
        let speedup = pair.speedup().unwrap_or_default();
        assert!((speedup - 2.0).abs() < 0.01, "{speedup}");
    }
}
