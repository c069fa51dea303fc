//! What a script's header expects, and whether it came true.

use dbdyno_core::Check;
use dbdyno_core::load::TransactionReport;

use super::sheet::Wrong;

const NS_PER_US: f64 = 1_000.0;

/// How two numbers are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    Less,
    LessOrEqual,
    Equal,
    NotEqual,
    GreaterOrEqual,
    Greater,
}

const COMPARISONS: [(&str, Comparison); 7] = [
    ("<", Comparison::Less),
    ("<=", Comparison::LessOrEqual),
    ("=", Comparison::Equal),
    ("<>", Comparison::NotEqual),
    ("!=", Comparison::NotEqual),
    (">=", Comparison::GreaterOrEqual),
    (">", Comparison::Greater),
];

impl Comparison {
    fn parse(text: &str) -> Option<Self> {
        COMPARISONS.iter().find(|(word, _)| *word == text).map(|(_, comparison)| *comparison)
    }

    fn word(self) -> &'static str {
        COMPARISONS.iter().find(|(_, one)| *one == self).map_or("=", |(word, _)| word)
    }

    /// Whether it holds.
    #[inline]
    pub fn holds<T: PartialOrd>(self, found: T, wanted: T) -> bool {
        match self {
            Self::Less => found < wanted,
            Self::LessOrEqual => found <= wanted,
            Self::Equal => found == wanted,
            Self::NotEqual => found != wanted,
            Self::GreaterOrEqual => found >= wanted,
            Self::Greater => found > wanted,
        }
    }
}

/// A number of rows that a statement must answer or match, each time it runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RowsExpected {
    pub comparison: Comparison,
    pub rows: u64,
}

impl RowsExpected {
    pub fn words(self) -> String {
        format!("rows {} {}", self.comparison.word(), self.rows)
    }
}

/// What is expected.
#[derive(Clone, Debug, PartialEq)]
pub enum Expectation {
    /// A number that the load of the script comes out with.
    Metric(MetricExpected),
    /// Of the statement that follows.
    Rows(RowsExpected),
    /// That the statement that follows is run by this index.
    PlanUses(String),
}

/// A number that must come out.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MetricExpected {
    statistic: Statistic,
    comparison: Comparison,
    /// In the unit of the statistic.
    bound: f64,
}

/// What of a load is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Statistic {
    Mean,
    Percentile(&'static str, u16),
    Max,
    Throughput,
    Errors,
    Retries,
}

const STATISTICS: [(&str, Statistic); 9] = [
    ("mean", Statistic::Mean),
    ("p50", Statistic::Percentile("p50", 500)),
    ("p95", Statistic::Percentile("p95", 950)),
    ("p99", Statistic::Percentile("p99", 990)),
    ("p999", Statistic::Percentile("p999", 999)),
    ("max", Statistic::Max),
    ("throughput", Statistic::Throughput),
    ("errors", Statistic::Errors),
    ("retries", Statistic::Retries),
];

impl Expectation {
    /// Reads what stands behind `-- @expect`: `p99 < 20ms`, `throughput > 100`, `rows = 1` or
    /// `plan uses index NAME`; an error says what was expected.
    pub fn parse(text: &str) -> Result<Self, Wrong<'_>> {
        let words: Vec<&str> = text.split_whitespace().collect();
        match words.as_slice() {
            ["plan", "uses", "index", index] => Ok(Self::PlanUses((*index).to_owned())),
            ["plan", ..] => Err(Wrong::new(text, "expected `plan uses index NAME`")),
            [what, comparison, bound] => {
                let comparison = Comparison::parse(comparison)
                    .ok_or_else(|| found(comparison, "<, <=, =, <>, >= or >"))?;
                if *what == "rows" {
                    let rows = bound.parse().map_err(|_| found(bound, "a number of rows"))?;
                    return Ok(Self::Rows(RowsExpected { comparison, rows }));
                }
                metric(what, comparison, bound).map(Self::Metric)
            }
            _ => Err(Wrong::new(
                text,
                "expected such as `p99 < 20ms`, `throughput > 100`, `rows = 1` or `plan uses index \
                 NAME`",
            )),
        }
    }
}

/// That something else was expected in the place of a word.
fn found<'t>(word: &'t str, expected: &str) -> Wrong<'t> {
    Wrong::new(word, format!("found `{word}`, expected {expected}"))
}

fn metric<'t>(
    what: &'t str,
    comparison: Comparison,
    bound: &'t str,
) -> Result<MetricExpected, Wrong<'t>> {
    let known = STATISTICS.iter().find(|(name, _)| *name == what);
    let Some((_, statistic)) = known else {
        let names: Vec<&str> = STATISTICS.iter().map(|(name, _)| *name).collect();
        return Err(found(what, &format!("rows, plan, or one of {}", names.join(", "))));
    };
    let bound = if statistic.is_time() {
        microseconds(bound).ok_or_else(|| found(bound, "a time such as 250us, 20ms or 1.5s"))?
    } else {
        let number = bound.parse().ok().filter(|number: &f64| number.is_finite());
        number.ok_or_else(|| found(bound, "a number"))?
    };
    Ok(MetricExpected { statistic: *statistic, comparison, bound })
}

/// Reads a time: `250us`, `20ms` or `1.5s`.
pub(crate) fn microseconds(text: &str) -> Option<f64> {
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let factor = match unit {
        "us" => 1.0,
        "ms" => 1e3,
        "s" => 1e6,
        _ => return None,
    };
    number.parse::<f64>().ok().map(|number| number * factor)
}

impl Statistic {
    fn is_time(self) -> bool {
        matches!(self, Self::Mean | Self::Percentile(..) | Self::Max)
    }

    fn name(self) -> &'static str {
        STATISTICS.iter().find(|(_, one)| *one == self).map_or("", |(name, _)| name)
    }
}

impl MetricExpected {
    /// Whether it came true for the script `name`, of which `throughput` is per second.
    pub fn check(self, name: &str, report: &TransactionReport, throughput: f64) -> Check {
        let histogram = &report.response_ns;
        let us = |ns: f64| ns / NS_PER_US;
        let found = match self.statistic {
            Statistic::Mean => us(histogram.mean()),
            Statistic::Percentile(_, permille) => {
                us(histogram.value_at_quantile(f64::from(permille) / 1_000.0) as f64)
            }
            Statistic::Max => us(histogram.max() as f64),
            Statistic::Throughput => throughput,
            Statistic::Errors => report.failed as f64,
            Statistic::Retries => report.retries as f64,
        };
        let unit = if self.statistic.is_time() { " us" } else { "" };
        let statistic = self.statistic.name();
        // Nothing to look at is no success.
        let measured = !self.statistic.is_time() || !histogram.is_empty();
        let (word, bound) = (self.comparison.word(), self.bound);
        let detail = if measured {
            format!("{statistic} of {name} must be {word} {bound}{unit} and is {found:.1}{unit}")
        } else {
            format!("{statistic} of {name} must be {word} {bound}{unit}, and none of it ended well")
        };
        let held = measured && self.comparison.holds(found, self.bound);
        Check::new(format!("expect_{}_{statistic}", metric_name(name)), held, detail)
    }
}

/// A name as metrics have it: letters, digits and underscores.
pub fn metric_name(name: &str) -> String {
    name.chars()
        .map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expectations_are_read() {
        let metric = |statistic, comparison, bound| {
            Ok(Expectation::Metric(MetricExpected { statistic, comparison, bound }))
        };
        let p99 = Statistic::Percentile("p99", 990);
        let parse = |text| Expectation::parse(text).map_err(|wrong| wrong.what);
        assert_eq!(parse("p99 < 20ms"), metric(p99, Comparison::Less, 20_000.0));
        assert_eq!(parse("max <= 1.5s"), metric(Statistic::Max, Comparison::LessOrEqual, 1.5e6));
        assert_eq!(parse(" errors  = 0 "), metric(Statistic::Errors, Comparison::Equal, 0.0));
        assert_eq!(
            parse("rows >= 1"),
            Ok(Expectation::Rows(RowsExpected { comparison: Comparison::GreaterOrEqual, rows: 1 }))
        );
        assert_eq!(parse("plan uses index a_b"), Ok(Expectation::PlanUses("a_b".to_owned())));
        for wrong in [
            "",
            "p99",
            "p99 < 20",
            "p99 ~ 20ms",
            "p98 < 1ms",
            "rows = x",
            "rows = -1",
            "throughput > NaN",
            "plan uses INDEX a",
            "plan is good",
            "p99 < .ms",
            "p99 < 20ms now",
        ] {
            let why = Expectation::parse(wrong).expect_err(wrong);
            assert!(why.what.contains("expected"), "{wrong}: {}", why.what);
        }
    }

    #[test]
    fn what_came_out_is_held_against_what_was_expected() {
        let report = crate::made_up::transaction("buy", 3, &[1, 2, 30]);
        let check = |text: &str| match Expectation::parse(text) {
            Ok(Expectation::Metric(metric)) => metric.check("buy-now", &report, 50.0),
            other => panic!("{other:?}"),
        };
        assert!(
            check("p50 < 1s").held && check("throughput = 50").held && check("errors = 0").held
        );
        let failed = check("throughput > 50");
        assert!(!failed.held);
        assert_eq!(failed.name, "expect_buy_now_throughput");
        assert_eq!(failed.detail, "throughput of buy-now must be > 50 and is 50.0");
        let nothing = crate::made_up::transaction("buy", 0, &[]);
        let Ok(Expectation::Metric(metric)) = Expectation::parse("p99 < 1s") else { panic!() };
        assert!(!metric.check("buy", &nothing, 0.0).held);
    }
}
