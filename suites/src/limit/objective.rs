//! Service-level objectives: `p99<20ms`, `errors<=0.1%`.

use std::fmt;
use std::str::FromStr;

use dbdyno_core::Measurement;

use crate::scenario::microseconds;

/// What must hold of a measurement.
#[derive(Clone, Debug, PartialEq)]
pub struct Objective {
    quantity: Quantity,
    /// Microseconds of a latency, a share of errors.
    limit: f64,
    /// Whether the limit itself holds.
    is_inclusive: bool,
    /// As it was typed.
    text: String,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Quantity {
    /// The response time, from when the transaction was due: the name of its metric.
    Latency(&'static str),
    /// Transactions that failed, as a share of all that ended.
    Errors,
}

const LATENCIES: [(&str, &str); 6] = [
    ("mean", "latency_mean_us"),
    ("p50", "latency_p50_us"),
    ("p95", "latency_p95_us"),
    ("p99", "latency_p99_us"),
    ("p999", "latency_p999_us"),
    ("max", "latency_max_us"),
];

impl Objective {
    /// Whether it holds of the rows of a repetition. It does not where they lack its metric, for nothing
    /// ended then.
    pub fn holds(&self, rows: &[Measurement]) -> bool {
        let value = |metric: &str| value(rows, metric);
        let is_within =
            |number: f64| number < self.limit || (self.is_inclusive && number <= self.limit);
        match self.quantity {
            Quantity::Latency(metric) => value(metric).is_some_and(is_within),
            Quantity::Errors => {
                let count = |metric| value(metric).unwrap_or(0.0);
                let errors = count("errors");
                let ended = errors + count("transactions") + count("rollbacks");
                ended > 0.0 && (errors == 0.0 || is_within(errors / ended))
            }
        }
    }
}

/// A number of the whole case.
pub(super) fn value(rows: &[Measurement], metric: &str) -> Option<f64> {
    let row = rows.iter().find(|row| row.transaction.is_empty() && row.metric == metric);
    row.and_then(|row| row.value)
}

impl FromStr for Objective {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = |why: &str| {
            format!("`{text}` is no objective ({why}): write it like `p99<20ms` or `errors<0.1%`")
        };
        let (name, limit) = text.split_once('<').ok_or_else(|| wrong("there is no `<` in it"))?;
        let is_inclusive = limit.starts_with('=');
        let (name, limit) = (name.trim(), limit.strip_prefix('=').unwrap_or(limit).trim());
        let text = format!("{name}<{}{limit}", if is_inclusive { "=" } else { "" });
        if name == "errors" {
            let percent = limit.strip_suffix('%').ok_or_else(|| wrong("errors are in percent"))?;
            let percent = percent.trim().parse::<f64>().ok();
            // None below 0 % there are; none above it there may be.
            let is_share = |percent: &f64| *percent > 0.0 || (is_inclusive && *percent == 0.0);
            let percent = percent.filter(is_share).filter(|percent| *percent <= 100.0);
            let percent = percent
                .ok_or_else(|| wrong("a percentage is above 0%, or `<=0%`, and at most 100%"))?;
            let (quantity, limit) = (Quantity::Errors, percent / 100.0);
            return Ok(Self { quantity, limit, is_inclusive, text });
        }
        let Some((_, metric)) = LATENCIES.into_iter().find(|(known, _)| *known == name) else {
            let known = LATENCIES.map(|(known, _)| known).join(", ");
            return Err(wrong(&format!("there are {known} and errors")));
        };
        let limit = microseconds(limit)
            .filter(|us| *us > 0.0)
            .ok_or_else(|| wrong("a time is above 0 and has a unit: us, ms or s"))?;
        Ok(Self { quantity: Quantity::Latency(metric), limit, is_inclusive, text })
    }
}

impl fmt::Display for Objective {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use dbdyno_core::{Better, Measurement};

    use super::Objective;

    fn rows(p99_us: f64, errors: f64) -> Vec<Measurement> {
        let row = |metric, value| Measurement::new(metric, value, "1", Better::Lower);
        vec![row("latency_p99_us", p99_us), row("errors", errors), row("transactions", 999.0)]
    }

    #[test]
    fn what_holds_and_what_does_not() {
        let objective = |text: &str| text.parse::<Objective>();
        let p99 = objective("p99<20ms").unwrap_or_else(|why| panic!("{why}"));
        assert!(p99.holds(&rows(19_999.0, 0.0)) && !p99.holds(&rows(20_000.0, 0.0)));
        assert!(!p99.holds(&[]));
        let errors = objective("errors < 0.1 %").unwrap_or_else(|why| panic!("{why}"));
        assert!(errors.holds(&rows(1.0, 0.0)) && !errors.holds(&rows(1.0, 1.0)));
        assert!(!errors.holds(&[]));
        let inclusive = objective("p99 <= 20ms").unwrap_or_else(|why| panic!("{why}"));
        assert!(inclusive.holds(&rows(20_000.0, 0.0)) && !inclusive.holds(&rows(20_001.0, 0.0)));
        assert_eq!(inclusive.to_string(), "p99<=20ms");
        let none = objective("errors<=0%").unwrap_or_else(|why| panic!("{why}"));
        assert!(none.holds(&rows(1.0, 0.0)) && !none.holds(&rows(1.0, 1.0)));
        assert_eq!(errors.to_string(), "errors<0.1 %");
    }

    #[test]
    fn what_is_no_objective_is_told() {
        for (text, why) in [
            ("p99", "there is no `<` in it"),
            ("p98<1ms", "there are mean, p50, p95, p99, p999, max and errors"),
            ("p99<20", "has a unit"),
            ("p99<0ms", "a time is above 0"),
            ("p99<-1ms", "a time is above 0"),
            ("errors<1", "errors are in percent"),
            ("errors<0%", "a percentage is above 0%"),
        ] {
            let told = text.parse::<Objective>().err().unwrap_or_default();
            assert!(told.contains(why) && told.contains(text), "{told}");
        }
    }
}
