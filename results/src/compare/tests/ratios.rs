//! Ratios: where there is none, and what is said of those there are.

use dbdyno_core::{Better, Case, Measurement};

use super::{by_engine, in_run, value};
use crate::compare::{Basis, By, CompareOptions, Comparison, compare};
use crate::fixture::{case, record, repetitions};
use crate::record::Record;
use crate::render::{Format, RenderOptions};

/// A count of each repetition on an engine.
fn counts(engine: &str, values: &[f64]) -> Vec<Record> {
    let rows = (1..).zip(values).map(|(repetition, value)| {
        let case = Case { repetition, ..case("tpcc", engine) };
        record("r1", &case, &Measurement::new("retries", *value, "1", Better::Lower))
    });
    rows.collect()
}

fn of_retries(records: &[Record]) -> Comparison {
    let metrics = vec!["retries".to_owned()];
    compare(records, &CompareOptions { metrics, ..CompareOptions::new(By::Engine) }).unwrap()
}

/// What a comparison says, with single blanks.
fn words(comparison: &Comparison, format: Format) -> String {
    let options = RenderOptions { format, ..RenderOptions::default() };
    let text = comparison.render(&options).unwrap();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Of ten rounds one is left where the base is not 0: its ratio would be of that round alone.
#[test]
fn there_is_no_ratio_to_0_in_any_round() {
    let base = [[0.0; 9].as_slice(), &[1.0]].concat();
    let other = [[50.0; 9].as_slice(), &[1.0]].concat();
    let comparison = of_retries(&[counts("sqlite", &base), counts("postgres", &other)].concat());
    let cell = value(&comparison, 0, 0, 1);
    assert_eq!((cell.ratio, &cell.evidence), (None, &None));
    let why = "no ratio, for sqlite is 0 in 9 of 10 rounds";
    assert_eq!(cell.ratio_note, why);
    assert!(value(&comparison, 0, 0, 0).ratio_note.is_empty());
    let table = words(&comparison, Format::Table);
    assert!(
        table.contains("50 ±49% - [1]") && table.contains(&format!("[1] postgres: {why}")),
        "{table}"
    );
    assert!(table.contains("- is no ratio, for one of its numbers is 0 or below"), "{table}");
    assert!(words(&comparison, Format::Csv).contains(why));
}

#[test]
fn a_number_that_is_0_has_a_ratio_and_what_rounds_say_of_it() {
    let few = of_retries(
        &[counts("sqlite", &[2.0, 1.0, 3.0]), counts("postgres", &[0.0, 1.0, 2.0])].concat(),
    );
    let table = words(&few, Format::Table);
    assert!(
        table.contains("0.67x") && table.contains("no difference that 3 rounds can show"),
        "{table}"
    );
    let base: Vec<f64> = (1..13).map(f64::from).collect();
    let many = of_retries(&[counts("sqlite", &base), counts("postgres", &[0.0; 12])].concat());
    let evidence = value(&many, 0, 0, 1).evidence.clone().unwrap();
    assert!(evidence.is_shown() && evidence.effect == Some(-1.0), "{evidence:?}");
    assert_eq!(evidence.interval, Some((0.0, 0.0)));
}

/// Numbers of separate runs: each to each, or not at all.
#[test]
fn what_separate_runs_say_is_the_median_of_each_to_each() {
    let of = |base: &[f64], other: &[f64]| {
        let other = in_run("r2", counts("postgres", other));
        value(&of_retries(&[counts("sqlite", base), other].concat()), 0, 0, 1).clone()
    };
    let none = of(&[0.0, 10.0, 10.0, 10.0, 10.0], &[20.0; 5]);
    assert_eq!(none.ratio, None);
    assert_eq!(none.ratio_note, "no ratio, for sqlite is 0 in 1 of 5 repetitions");
    // The quotient of the medians is another number: 20 / 10.
    let some = of(&[10.0, 10.0, 40.0, 40.0, 10.0], &[0.0, 20.0, 20.0]);
    assert_eq!(some.ratio.unwrap().value, 0.5);
    let evidence = some.evidence.unwrap();
    assert_eq!((evidence.basis, evidence.interval), (Basis::Repetitions(3, 5), None));
}

#[test]
fn how_many_rounds_a_ratio_is_of_is_said_where_some_have_one_side() {
    let mut records = repetitions(&case("tpcc", "sqlite"), 1000.0, &[1.0; 8]);
    records.extend(repetitions(&case("tpcc", "postgres"), 500.0, &[1.0; 5]));
    let cell = value(&by_engine(&records), 0, 0, 1).clone();
    assert_eq!(cell.ratio_note, "the ratio is of 5 of 8 rounds, which have both");
    assert_eq!(cell.ratio.unwrap().value, 0.5);
}

/// The ratio says how large it is; rounds that agree say how sure.
#[test]
fn a_sure_tenth_of_a_percent_is_not_called_large() {
    let rounds: Vec<f64> = (0..12).map(|round| 1.0 + f64::from(round) / 1000.0).collect();
    let mut records = repetitions(&case("tpcc", "sqlite"), 1000.0, &rounds);
    records.extend(repetitions(&case("tpcc", "postgres"), 1001.0, &rounds));
    let comparison = by_engine(&records);
    let cell = value(&comparison, 0, 0, 1);
    assert_eq!(cell.evidence.as_ref().unwrap().in_words(), "shown: all rounds agree");
}

#[test]
fn runs_stand_side_by_side_and_share_no_round() {
    let factors = [1.0, 1.01, 0.99, 1.02, 0.98];
    let mut records = repetitions(&case("tpcc", "sqlite"), 1000.0, &factors);
    records.extend(in_run("r2", repetitions(&case("tpcc", "sqlite"), 500.0, &factors)));
    let comparison = compare(&records, &CompareOptions::new(By::Run)).unwrap();
    let names: Vec<_> = comparison.columns.iter().map(|column| column.name.as_str()).collect();
    assert_eq!(names, ["r1", "r2"]);
    let cells = [0, 1].map(|column| value(&comparison, 0, 0, column));
    assert_eq!(cells.map(|cell| (cell.median, cell.repetitions)), [(1000.0, 5), (500.0, 5)]);
    assert!(!cells[1].ratio.unwrap().paired);
    // A run of another engine is another column of the same row.
    records.truncate(records.len() / 2);
    records.extend(in_run("r3", repetitions(&case("tpcc", "postgres"), 500.0, &factors)));
    let comparison = compare(&records, &CompareOptions::new(By::Run)).unwrap();
    assert_eq!((comparison.groups.len(), value(&comparison, 0, 0, 1).median), (1, 500.0));
}
