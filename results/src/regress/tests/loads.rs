//! Cases that are measured in several loads, and what is judged where little can be.

use dbdyno_core::{Better, Measurement, Status};

use super::{Runs, STEADY, default, verdicts};
use crate::fixture::{case, record, repetitions, without_number};
use crate::record::Record;
use crate::regress::render::{RegressFormat, render};
use crate::regress::{Outcome, RegressOptions, STATUS, Verdict};

/// Eight repetitions of a case whose loads have these throughputs; each load has a type of transaction, which is
/// as fast as the load.
pub(super) fn loads(loads: &[(&str, f64)]) -> Vec<Record> {
    let mut records = Vec::new();
    for (load, throughput) in loads {
        for transaction in [(*load).to_owned(), format!("{load}/insert")] {
            let rows = repetitions(&case("range", "sqlite"), *throughput, &STEADY);
            let numbers = rows.into_iter().filter(|row| !row.metric.starts_with("check_"));
            records.extend(
                numbers.map(|row| Record { transaction: transaction.as_str().into(), ..row }),
            );
        }
    }
    records
}

fn two(old: &[Record], new: &[Record]) -> Runs {
    let runs = Runs::new();
    runs.add("old", old).add("new", new);
    runs
}

#[test]
fn every_load_of_a_case_is_judged_by_itself() {
    let runs = two(
        &loads(&[("find-with-index", 1000.0), ("find-without-index", 100.0)]),
        &loads(&[("find-with-index", 300.0), ("find-without-index", 100.0)]),
    );
    let judgement = runs.judge(&default());
    assert_eq!(judgement.outcome(), Outcome::Regression);
    let found: Vec<_> = judgement
        .findings
        .iter()
        .map(|one| (one.load.as_str(), one.metric.as_str(), one.verdict))
        .collect();
    let metrics = ["throughput", "latency_p50_us", "latency_p95_us", "latency_p99_us"];
    let expected: Vec<_> =
        [("find-with-index", Verdict::Regression), ("find-without-index", Verdict::NoChange)]
            .into_iter()
            .flat_map(|(load, verdict)| metrics.map(|metric| (load, metric, verdict)))
            .collect();
    assert_eq!(found, expected);
    let metrics = vec!["throughput".to_owned()];
    let chosen = runs.judge(&RegressOptions { metrics, ..default() });
    assert_eq!((chosen.findings.len(), chosen.outcome()), (2, Outcome::Regression));
    let text = render(&judgement, RegressFormat::Text, 80).unwrap();
    assert!(text.contains("oltp/range find-with-index\n"), "{text}");
    let junit = render(&judgement, RegressFormat::Junit, 80).unwrap();
    assert!(junit.contains("name=\"throughput (find-without-index)\""), "{junit}");
}

#[test]
fn the_headline_of_a_suite_is_judged_with_its_loads() {
    let rows = |ms: f64| -> Vec<Record> {
        let failovers = (1..).zip(STEADY).map(|(repetition, noise)| {
            let of = dbdyno_core::Case { repetition, ..case("failover", "postgres") };
            let time = Measurement::new("failover_rto_ms", ms * noise, "ms", Better::Lower);
            record("", &of, &time.of("async"))
        });
        failovers.collect()
    };
    let judgement = two(&rows(500.0), &rows(900.0)).judge(&default());
    assert_eq!(verdicts(&judgement), [("failover_rto_ms", Verdict::Regression)]);
    assert_eq!(judgement.findings[0].load, "async");
    assert_eq!(two(&rows(500.0), &rows(500.0)).judge(&default()).outcome(), Outcome::NoRegression);
}

#[test]
fn where_nothing_was_judged_nobody_can_tell() {
    let only = |metric: &str| -> Vec<Record> {
        let rows = (1..=8).map(|repetition| {
            let of = dbdyno_core::Case { repetition, ..case("tpcc", "sqlite") };
            record("", &of, &Measurement::new(metric, 1.0, "1", Better::Higher))
        });
        rows.collect()
    };
    let lack = [record("", &case("tpcc", "sqlite"), &without_number(Status::Unsupported, "no"))];
    for rows in [only("rollbacks"), lack.to_vec()] {
        let judgement = two(&rows, &rows).judge(&default());
        assert_eq!(verdicts(&judgement), [(STATUS, Verdict::CouldNotTell)]);
        assert_eq!(judgement.outcome(), Outcome::CouldNotTell);
        assert_eq!(judgement.summary(), "1 could not be told");
        let junit = render(&judgement, RegressFormat::Junit, 80).unwrap();
        assert!(junit.contains("tests=\"1\"") && junit.contains("errors=\"1\""), "{junit}");
        let json = render(&judgement, RegressFormat::Json, 80).unwrap();
        assert!(json.contains("\"outcome\": \"could_not_tell\""), "{json}");
    }
    // A benchmark of checks alone was judged by these.
    let judgement = two(&only("check_sums"), &only("check_sums")).judge(&default());
    assert_eq!(verdicts(&judgement), [(STATUS, Verdict::NoChange)]);
}

#[test]
fn repetitions_that_lack_a_number_are_no_pass() {
    let rows = repetitions(&case("tpcc", "sqlite"), 1000.0, &STEADY);
    let mut without = rows.clone();
    let emptied =
        without.iter_mut().filter(|row| row.metric == "latency_p99_us" && row.case.repetition > 3);
    emptied.for_each(|row| row.value = None);
    let judgement = two(&rows, &without).judge(&default());
    assert_eq!(judgement.outcome(), Outcome::CouldNotTell);
    let found = super::finding(&judgement, "latency_p99_us");
    assert_eq!(found.why, "5 of 8 repetitions of the current run lack it");
}

#[test]
fn sides_that_do_not_agree_on_what_a_number_means_are_refused() {
    let rows = repetitions(&case("tpcc", "sqlite"), 1000.0, &STEADY);
    let changed = |change: fn(&mut Record)| {
        let mut other = rows.clone();
        other.iter_mut().filter(|row| row.metric == "latency_p99_us").for_each(change);
        let runs = two(&rows, &other);
        runs.error(&default())
    };
    let unit = changed(|row| row.unit = "ms".into());
    assert!(unit.contains("it is in us with `lower` better"), "{unit}");
    let direction = changed(|row| row.better = Better::Higher);
    assert!(direction.contains("in us with `higher` better in the run new"), "{direction}");
}

#[test]
fn control_characters_are_made_visible() {
    let rows = repetitions(&case("tpcc", "sqlite"), 1000.0, &STEADY);
    let mut broken = rows.clone();
    for row in broken.iter_mut().filter(|row| row.metric == "check_c1") {
        (row.status, row.value) = (Status::Failed, Some(0.0));
        row.detail = "\u{1b}[2Jgone".into();
    }
    let judgement = two(&rows, &broken).judge(&default());
    for format in [RegressFormat::Text, RegressFormat::Markdown] {
        let text = render(&judgement, format, 80).unwrap();
        assert!(text.contains("u{1b}") && !text.contains('\u{1b}'), "{text}");
    }
}
