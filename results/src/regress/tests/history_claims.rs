//! What is promised of histories, held against series of known truth that go through the whole search, with the
//! command's defaults: a run of each point, and what counts as a change.

use std::collections::BTreeSet;

use dbdyno_core::Case;

use super::history::Past;
use crate::fixture::{case, record, throughput};
use crate::regress::{Judgement, Verdict};
use crate::statistics::change_points::made_up::series;

/// A history of as many runs as each of the cases has values.
fn searched(cases: &[Vec<f64>]) -> Judgement {
    let runs = cases.first().map_or(0, Vec::len);
    let past = Past::of(runs, |past, number| {
        let row = |(clients, values): (u32, &Vec<f64>)| {
            let of = Case { clients, ..case("tpcc", "sqlite") };
            record("", &of, &throughput(values[number]))
        };
        past.add(number, &(1..).zip(cases).map(row).collect::<Vec<_>>())
    });
    past.judge(&[], 10)
}

/// Numbers about 100 with a deviation of 5, with `added` deviations to each by its place.
fn about_100(seed: u64, size: usize, added: impl Fn(usize) -> f64) -> Vec<f64> {
    series(seed, size, added).into_iter().map(|value| 100.0 + 5.0 * (value - 100.0)).collect()
}

/// The cases that are said to have changed, each with the number of the first run after it.
fn changed(judgement: &Judgement) -> Vec<(String, usize)> {
    let number = |told: &str| {
        let after = told.split_once("since run-").map(|(_, run)| run).unwrap_or_default();
        after.chars().take_while(char::is_ascii_digit).collect::<String>().parse().unwrap()
    };
    let findings = judgement.findings.iter().filter(|one| one.verdict != Verdict::NoChange);
    let recent = findings.map(|one| (one.subject(), number(&one.why)));
    let older = judgement.notes.iter().map(|note| {
        let (title, told) = note.split_once(": a").unwrap();
        (title.to_owned(), number(told))
    });
    recent.chain(older).collect()
}

#[test]
fn of_noise_alone_less_than_one_series_in_a_hundred_is_an_alarm() {
    let cases: Vec<_> = (0..300).map(|seed| about_100(seed, 40, |_| 0.0)).collect();
    let judgement = searched(&cases);
    assert_eq!(judgement.findings.len(), 300);
    let alarms = changed(&judgement);
    assert!(alarms.len() < 3, "{alarms:?}");
}

#[test]
fn steps_of_two_deviations_are_found_within_three_runs() {
    let step = |at: usize| if at < 30 { 0.0 } else { 2.0 };
    let cases: Vec<_> = (0..100).map(|seed| about_100(seed, 60, step)).collect();
    let found = changed(&searched(&cases));
    let near: BTreeSet<_> =
        found.iter().filter(|(_, run)| run.abs_diff(30) <= 3).map(|(title, _)| title).collect();
    assert!(near.len() >= 95, "{}: {found:?}", near.len());
}

/// What the deviation makes large and the threshold small is none: of 2 % in a series that varies by 1 %.
#[test]
fn steps_that_do_not_count_are_not_told() {
    let step = |at: usize| if at < 30 { 0.0 } else { 2.0 };
    let cases: Vec<_> = (0..20).map(|seed| series(seed, 60, step)).collect();
    assert_eq!(changed(&searched(&cases)), []);
}
