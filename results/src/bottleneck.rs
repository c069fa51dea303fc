//! Loads in which the client, not the server, was the bottleneck: what those measure is the client.

use std::collections::BTreeSet;

use dbdyno_core::{Better, Case};
use hashbrown::HashMap;

use crate::compare::CellValue;
use crate::number;
use crate::record::Record;
use crate::repetition::{CaseKey, Repetition, case_key, named};

/// The metric that is 1 of such a load. What was too short to tell, or runs in the client's own process, has none.
const METRIC: &str = "client_bottleneck";

/// What stands behind a number of such a load.
pub(crate) const MARK: &str = "!";

/// How to read the mark.
pub(crate) const LEGEND: &str =
    "! stands where the client, not the server, was the bottleneck in any repetition";

/// Whether it says of a load whether the client was the bottleneck.
pub(crate) fn is_verdict(row: &Record) -> bool {
    row.metric == *METRIC && row.value.is_some()
}

fn is_bound(row: &Record) -> bool {
    is_verdict(row) && row.value > Some(0.0)
}

impl Repetition<'_> {
    /// Whether the client was the bottleneck of the load that `transaction` is, or is a part of. Of the loads of a case's
    /// parts nothing is said of the case as a whole.
    pub(crate) fn is_client_bound(&self, transaction: &str) -> bool {
        let is_of = |load: &str| {
            let inner = transaction.strip_prefix(load);
            inner.is_some_and(|rest| load.is_empty() || rest.is_empty() || rest.starts_with('/'))
        };
        self.all().any(|row| is_bound(row) && is_of(&row.transaction))
    }
}

impl CellValue {
    /// What stands behind it.
    pub(crate) const fn client_mark(&self) -> &'static str {
        if self.client_bottlenecks > 0 { MARK } else { "" }
    }
}

/// The row that says so of the load that `row` is of.
pub(crate) fn said_of(row: &Record) -> Record {
    let (metric, unit, better) = (METRIC.into(), "1".into(), Better::Neither);
    Record { metric, value: Some(1.0), unit, better, detail: "".into(), ..row.clone() }
}

/// The loads of a case of which it is known.
#[derive(Default)]
struct Loads<'r> {
    known: u64,
    bound: u64,
    /// The names of those in which it was, where a case has several.
    parts: BTreeSet<&'r str>,
}

/// In which loads it was, in a sentence that names so many cases, and parts of a case, at the most; `None` where there is
/// no such load.
pub fn client_bottlenecks<'r>(
    records: impl IntoIterator<Item = &'r Record>,
    most: usize,
) -> Option<String> {
    let mut cases: Vec<(&Case, Loads<'_>)> = Vec::new();
    let mut places: HashMap<CaseKey<'_>, usize> = HashMap::new();
    for row in records.into_iter().filter(|row| is_verdict(row)) {
        let place = *places.entry(case_key(&row.case)).or_insert(cases.len());
        if place == cases.len() {
            cases.push((&row.case, Loads::default()));
        }
        let loads = &mut cases[place].1;
        loads.known += 1;
        if is_bound(row) {
            loads.bound += 1;
            loads.parts.extend(Some(&*row.transaction).filter(|part| !part.is_empty()));
        }
    }
    let known: u64 = cases.iter().map(|(_, loads)| loads.known).sum();
    cases.retain(|(_, loads)| loads.bound > 0);
    let bound: u64 = cases.iter().map(|(_, loads)| loads.bound).sum();
    cases.sort_by_key(|(_, loads)| std::cmp::Reverse(loads.bound));
    let mut listed: Vec<String> =
        cases.iter().take(most).map(|(case, loads)| loads.told(case, most)).collect();
    listed.extend(match cases.len().saturating_sub(most) {
        0 => None,
        1 => Some("1 more case".to_owned()),
        more => Some(format!("{more} more cases")),
    });
    (bound > 0).then(|| {
        format!(
            "the client, not the server, was the bottleneck in {} of {} loads of which that is known: {}",
            number::count(bound),
            number::count(known),
            listed.join("; ")
        )
    })
}

impl Loads<'_> {
    fn told(&self, case: &Case, most: usize) -> String {
        let Self { known, bound, parts } = self;
        let of_parts: Vec<&str> = parts.iter().take(most).copied().collect();
        let more = match parts.len().saturating_sub(most) {
            0 => String::new(),
            more => format!(", {more} more"),
        };
        let colon = if of_parts.is_empty() { "" } else { ": " };
        format!("{} ({bound} of {known}{colon}{}{more})", named(case), of_parts.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use dbdyno_core::{Better, Case, Measurement};

    use super::client_bottlenecks;
    use crate::compare::{By, CompareOptions, compare};
    use crate::fixture::{case, record, repetitions};
    use crate::record::Record;
    use crate::render::{Format, RenderOptions};
    use crate::repetition::repetitions as taken_together;

    fn verdict(case: &Case, repetition: u32, load: &str, value: f64) -> Record {
        let case = Case { repetition, ..case.clone() };
        let row = Measurement::new("client_bottleneck", value, "1", Better::Neither);
        record("r1", &case, &row.of(load))
    }

    /// One client in the way of one server, in two of three repetitions.
    fn records() -> Vec<Record> {
        let (slow, fast) = (case("tpcb", "postgres"), case("tpcb", "mariadb"));
        let mut records = repetitions(&slow, 1000.0, &[1.0, 1.1, 0.9]);
        records.extend(repetitions(&fast, 2000.0, &[1.0, 1.1, 0.9]));
        records.extend((1..=3).map(|at| verdict(&slow, at, "", 0.0)));
        records.extend((1..=3).map(|at| verdict(&fast, at, "", f64::from(u8::from(at > 1)))));
        records
    }

    #[test]
    fn loads_of_a_saturated_client_are_named() {
        assert_eq!(
            client_bottlenecks(&records(), 3).unwrap_or_default(),
            "the client, not the server, was the bottleneck in 2 of 6 loads of which that is known: \
             oltp/tpcb on mariadb, serializable, 8 clients (2 of 3)"
        );
        let quiet = records().into_iter().filter(|row| row.value != Some(1.0) || row.is_check());
        assert_eq!(client_bottlenecks(&quiet.collect::<Vec<_>>(), 3), None);
    }

    #[test]
    fn what_is_known_of_parts_is_told_of_them_alone() {
        let of = |benchmark: &str| case(benchmark, "postgres");
        let rows: Vec<Record> = ["async primary", "async spread", "logical", "none"]
            .into_iter()
            .map(|load| verdict(&of("reads"), 1, load, f64::from(u8::from(load != "none"))))
            .chain([verdict(&of("a"), 1, "", 1.0), verdict(&of("b"), 1, "", 1.0)])
            .collect();
        assert_eq!(
            client_bottlenecks(&rows, 2).unwrap_or_default(),
            "the client, not the server, was the bottleneck in 5 of 6 loads of which that is known: \
             oltp/reads on postgres, serializable, 8 clients (3 of 4: async primary, async spread, 1 more); \
             oltp/a on postgres, serializable, 8 clients (1 of 1); 1 more case"
        );
        let repetitions = taken_together(&rows[..4]);
        let bound = |load: &str| repetitions[0].is_client_bound(load);
        assert!(bound("logical") && bound("logical/replica-1"));
        assert!(!bound("") && !bound("none") && !bound("logical-2") && !bound("async"));
    }

    #[test]
    fn numbers_of_a_saturated_client_are_marked() {
        let rendered = |records: &[Record], format| {
            let comparison = compare(records, &CompareOptions::new(By::Engine));
            let options = RenderOptions { format, width: 120, styled: false };
            comparison.and_then(|comparison| comparison.render(&options)).unwrap_or_default()
        };
        let text = rendered(&records(), Format::Table);
        assert!(text.contains("*2,000! ±10%") && text.contains(" 1,000 ±10%"), "{text}");
        let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(words.contains(super::LEGEND), "{text}");
        let text = rendered(&records(), Format::Markdown);
        assert!(text.contains("**2,000**! ±10%") && text.contains(super::LEGEND), "{text}");
        let text = rendered(&records(), Format::Csv);
        let counts: Vec<&str> = text.lines().filter_map(|line| line.rsplit(',').nth(1)).collect();
        assert_eq!(counts, ["client_bottlenecks", "0", "2", "0", "2", "0", "2", "0", "2"]);

        let one = |row: &Record| row.case.engine == "mariadb";
        let alone: Vec<Record> = records().into_iter().filter(one).collect();
        let text = rendered(&alone, Format::Table);
        assert!(text.contains(" 2,000! ±10%") && text.contains("! stands where"), "{text}");

        let quiet: Vec<Record> =
            records().into_iter().filter(|row| row.metric != *super::METRIC).collect();
        let text = rendered(&quiet, Format::Table);
        assert!(!text.contains('!'), "{text}");
    }
}
