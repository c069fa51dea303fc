#![allow(clippy::unwrap_used, clippy::panic, reason = "a failed set-up fails the test")]

use dbdyno_core::schema::Keys;
use dbdyno_core::{Better, Cache, Case, Durability, Isolation, Measurement, StatementForm, Status};

use super::{Basis, By, Cell, CellValue, CompareOptions, Comparison, compare};
use crate::fixture::{case, latency, record, repetitions, throughput, without_number};
use crate::record::Record;
use crate::render::RenderOptions;

mod merged;
mod ratios;

fn value(comparison: &Comparison, group: usize, line: usize, column: usize) -> &CellValue {
    match &comparison.groups[group].lines[line].cells[column] {
        Cell::Value(value) => value,
        other => panic!("{other:?} is not a value"),
    }
}

fn by_engine(records: &[Record]) -> Comparison {
    compare(records, &CompareOptions::new(By::Engine)).unwrap()
}

#[test]
fn cells_are_medians_with_paired_ratios() {
    let mut records = repetitions(&case("tpcc", "sqlite"), 1000.0, &[1.0, 0.5, 0.9]);
    // Twice as fast in two rounds, three times in one.
    records.extend(repetitions(&case("tpcc", "postgres"), 1000.0, &[2.0, 1.5, 1.8]));
    let comparison = by_engine(&records);
    let (first, second) = (value(&comparison, 0, 0, 0), value(&comparison, 0, 0, 1));
    assert_eq!((first.median, first.ratio), (900.0, None));
    assert_eq!(second.median, 1800.0);
    let ratio = second.ratio.unwrap();
    assert!(ratio.paired && (ratio.value - 2.0).abs() < 1e-12, "{ratio:?}");
    assert!((second.spread_percent.unwrap() - 250.0 / 18.0).abs() < 1e-9);
    assert_eq!((first.repetitions, second.repetitions), (3, 3));
    assert!(second.best && !first.best);
    // Less is better for latencies.
    assert_eq!(comparison.groups[0].lines[1].metric, "latency_p50_us");
    assert!(value(&comparison, 0, 1, 1).best);
}

#[test]
fn ratios_across_runs_are_marked_as_unpaired() {
    let mut records = repetitions(&case("tpcc", "sqlite"), 1000.0, &[1.0]);
    for mut record in repetitions(&case("tpcc", "postgres"), 500.0, &[1.0]) {
        record.run_id = "r2".into();
        records.push(record);
    }
    let comparison = by_engine(&records);
    let ratio = value(&comparison, 0, 0, 1).ratio.unwrap();
    assert!(!ratio.paired && ratio.value == 0.5);
}

#[test]
fn a_failed_check_takes_the_numbers_away() {
    let mut records = repetitions(&case("tpcc", "sqlite"), 1000.0, &[1.0, 1.0]);
    let wrong = Case { repetition: 2, ..case("tpcc", "postgres") };
    records.extend(repetitions(&case("tpcc", "postgres"), 9000.0, &[1.0, 1.0]));
    let check = throughput(0.0).with_status(Status::Failed, "W_YTD is 5, its districts have 4");
    let check = Measurement { metric: "check_c1".to_owned(), ..check };
    records.push(record("r1", &wrong, &check));
    let comparison = by_engine(&records);
    for line in &comparison.groups[0].lines {
        let detail = "check_c1: W_YTD is 5, its districts have 4".to_owned();
        assert_eq!(line.cells[1], Cell::Status(Status::Failed, detail));
    }
    assert!(!value(&comparison, 0, 0, 0).best, "there is nothing to be better than");
}

#[test]
fn an_interrupted_repetition_leaves_its_place_to_the_others() {
    let mut records = repetitions(&case("tpcc", "sqlite"), 1000.0, &[1.0, 1.2]);
    let last = Case { repetition: 3, ..case("tpcc", "sqlite") };
    let cut = throughput(5.0).with_status(Status::Interrupted, "Ctrl-C");
    records.push(record("r1", &last, &cut));
    let other = without_number(Status::Interrupted, "Ctrl-C");
    records.push(record("r1", &case("tpcc", "postgres"), &other));
    let comparison = by_engine(&records);
    let first = value(&comparison, 0, 0, 0);
    assert_eq!((first.median, first.repetitions), (1100.0, 2));
    assert_eq!(first.note, "1 of 3 repetitions interrupted and left out: Ctrl-C");
    let interrupted = Cell::Status(Status::Interrupted, "Ctrl-C".to_owned());
    assert_eq!(comparison.groups[0].lines[0].cells[1], interrupted);
}

#[test]
fn what_varies_within_a_column_makes_rows_and_the_rest_is_said_once() {
    let mut records = Vec::new();
    for engine in ["sqlite", "postgres"] {
        for clients in [1, 8] {
            records.extend(repetitions(&Case { clients, ..case("tpcc", engine) }, 100.0, &[1.0]));
        }
    }
    let comparison = by_engine(&records);
    let rows: Vec<_> = comparison.groups.iter().map(|group| group.levels.clone()).collect();
    assert_eq!(rows, [["1"], ["8"]]);
    assert!(comparison.constants.iter().any(|(_, text)| text == "full"));
    // Driver, target and version go with the engine.
    assert_eq!(comparison.columns[0].details.len(), 3);
    assert!(comparison.warnings.is_empty(), "{:?}", comparison.warnings);
}

#[test]
fn different_durability_is_never_silent() {
    let mut records = repetitions(&case("tpcc", "sqlite"), 1000.0, &[1.0]);
    let other = Case { durability: Durability::Process, ..case("tpcc", "postgres") };
    records.extend(repetitions(&other, 1000.0, &[1.0]));
    let comparison = by_engine(&records);
    let warning = comparison.warnings.first().unwrap();
    assert!(warning.contains("durability (sqlite full, postgres process)"), "{warning}");
}

#[test]
fn durability_that_varies_within_an_engine_pairs_like_with_like() {
    let mut records = Vec::new();
    for durability in Durability::ALL {
        let case = Case { durability, ..case("tpcc", "sqlite") };
        records.extend(repetitions(&case, 1000.0, &[1.0]));
    }
    records.extend(repetitions(&case("tpcc", "postgres"), 1000.0, &[1.0]));
    let comparison = by_engine(&records);
    let filled: Vec<_> = comparison
        .groups
        .iter()
        .map(|group| (group.levels[0].as_str(), group.lines[0].cells[1] != Cell::Missing))
        .collect();
    assert_eq!(filled, [("full", true), ("process", false), ("none", false)]);
}

/// A case in each form, 1000 tx/s as it is by default and 1000 more with each choice.
fn forms(engine: &str) -> Vec<Record> {
    let mut records = Vec::new();
    for (statements, pipeline, tps) in [
        (StatementForm::Portable, false, 1000.0),
        (StatementForm::Native, false, 2000.0),
        (StatementForm::Portable, true, 3000.0),
        (StatementForm::Native, true, 4000.0),
    ] {
        let case = Case { statements, pipeline, ..case("tpcc", engine) };
        records.extend(repetitions(&case, tps, &[1.0]));
    }
    records
}

#[test]
fn native_and_pipelined_cases_are_never_mixed_with_others() {
    let rows = |by: By| {
        let comparison = compare(&forms("postgres"), &CompareOptions::new(by)).unwrap();
        let columns = comparison.columns.len();
        let groups = comparison.groups.iter().enumerate();
        groups
            .map(|(at, group)| {
                let medians = (0..columns).map(|column| value(&comparison, at, 0, column).median);
                (group.levels.join(", "), medians.collect::<Vec<_>>())
            })
            .collect::<Vec<_>>()
    };
    let row = |levels: &str, medians: &[f64]| (levels.to_owned(), medians.to_vec());
    assert_eq!(
        rows(By::Engine),
        [
            row("portable, not pipelined", &[1000.0]),
            row("portable, pipelined", &[3000.0]),
            row("native, not pipelined", &[2000.0]),
            row("native, pipelined", &[4000.0]),
        ]
    );
    let by_statements =
        [row("not pipelined", &[1000.0, 2000.0]), row("pipelined", &[3000.0, 4000.0])];
    assert_eq!(rows(By::Statements), by_statements);
    let by_pipeline = [row("portable", &[1000.0, 3000.0]), row("native", &[2000.0, 4000.0])];
    assert_eq!(rows(By::Pipeline), by_pipeline);
    assert_eq!(By::default_for(&forms("postgres")), By::Statements);
}

#[test]
fn columns_of_different_forms_are_never_silent() {
    let mut records = repetitions(&case("tpcc", "sqlite"), 1000.0, &[1.0]);
    let other =
        Case { statements: StatementForm::Native, pipeline: true, ..case("tpcc", "postgres") };
    records.extend(repetitions(&other, 1000.0, &[1.0]));
    let [statements, pipeline] = by_engine(&records).warnings.try_into().unwrap();
    assert!(statements.contains("statements (sqlite portable, postgres native)"), "{statements}");
    let expected = "pipelining (sqlite not pipelined, postgres pipelined)";
    assert!(pipeline.contains(expected), "{pipeline}");
}

#[test]
fn only_forms_other_than_the_default_are_said() {
    let said = |case: Case| {
        let constants = by_engine(&repetitions(&case, 10.0, &[1.0])).constants;
        constants.iter().map(|(dimension, text)| dimension.caption(text)).collect::<Vec<_>>()
    };
    let portable = said(case("tpcc", "postgres"));
    let statements = StatementForm::Native;
    let native = said(Case { statements, pipeline: true, ..case("tpcc", "postgres") });
    let added: Vec<_> = native.iter().filter(|text| !portable.contains(text)).collect();
    assert_eq!(added, ["native statements", "pipelined"]);
    assert_eq!(native.len(), portable.len() + 2);
}

#[test]
fn columns_sort_by_strength_size_or_the_order_asked_for() {
    let mut records = Vec::new();
    for isolation in [Isolation::Serializable, Isolation::ReadCommitted] {
        for engine in ["postgres", "mariadb", "sqlite"] {
            let case = Case { isolation, ..case("tpcc", engine) };
            records.extend(repetitions(&case, 10.0, &[1.0]));
        }
    }
    let names = |options: &CompareOptions| {
        let comparison = compare(&records, options).unwrap();
        comparison.columns.into_iter().map(|column| column.name).collect::<Vec<_>>()
    };
    let by_isolation = CompareOptions::new(By::Isolation);
    assert_eq!(names(&by_isolation), ["read-committed", "serializable"]);
    let mut options = CompareOptions::new(By::Engine);
    assert_eq!(names(&options), ["postgres", "mariadb", "sqlite"]);
    options.order = ["sqlite", "postgres"].map(str::to_owned).to_vec();
    assert_eq!(names(&options), ["sqlite", "postgres", "mariadb"]);
    assert_eq!(By::default_for(&records), By::Engine);
}

#[test]
fn transaction_types_follow_the_whole_case() {
    let tpcc = case("tpcc", "sqlite");
    let mut records = repetitions(&tpcc, 1000.0, &[1.0]);
    records.push(record("r1", &tpcc, &latency("p99", 77.0).of("payment")));
    assert_eq!(by_engine(&records).groups.len(), 1);
    let options = CompareOptions { transactions: true, ..CompareOptions::new(By::Engine) };
    let comparison = compare(&records, &options).unwrap();
    assert_eq!(comparison.groups[1].transaction, "payment");
    assert_eq!(value(&comparison, 1, 0, 0).median, 77.0);
}

/// The rows of another run.
fn in_run(run: &str, records: Vec<Record>) -> Vec<Record> {
    records.into_iter().map(|record| Record { run_id: run.into(), ..record }).collect()
}

#[test]
fn what_was_measured_in_separate_runs_is_told_by_all_repetitions() {
    let factors = [1.0, 1.01, 0.99, 1.02, 0.98, 1.03, 0.97, 1.04, 0.96, 1.05];
    let mut records = repetitions(&case("tpcc", "sqlite"), 1000.0, &factors);
    records.extend(in_run("r2", repetitions(&case("tpcc", "postgres"), 500.0, &factors)));
    records.extend(in_run("r3", repetitions(&case("tpcc", "mariadb"), 1001.0, &factors)));
    let comparison = by_engine(&records);
    let (slow, alike) = (value(&comparison, 0, 0, 1), value(&comparison, 0, 0, 2));
    let evidence = slow.evidence.clone().unwrap();
    assert_eq!(evidence.basis, Basis::Repetitions(10, 10));
    assert!(evidence.is_shown() && evidence.effect == Some(-1.0), "{evidence:?}");
    let (low, high) = evidence.interval.unwrap();
    assert!(low < 0.5 && 0.5 < high && 0.45 < low && high < 0.55, "{evidence:?}");
    assert!(!slow.is_doubtful && alike.is_doubtful);
    let text = comparison.render(&RenderOptions::default()).unwrap();
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(text.contains(" ~0.50x ") && text.contains(" ~1.00x? "), "{text}");
    assert!(text.contains("? is no difference that 10 against 10 repetitions can show"), "{text}");
}

/// Cases of twelve rounds beside cases of three, which can show nothing.
#[test]
fn every_ratio_that_is_not_shown_is_marked_by_itself() {
    let rounds: Vec<f64> = (0..12).map(|round| 1.0 + f64::from(round) / 1000.0).collect();
    let mut records = Vec::new();
    for (clients, rounds) in [(1, &rounds[..]), (8, &rounds[..3])] {
        for (engine, throughput) in [("sqlite", 1000.0), ("postgres", 500.0)] {
            let case = Case { clients, ..case("tpcc", engine) };
            records.extend(repetitions(&case, throughput, rounds));
        }
    }
    let comparison = by_engine(&records);
    let doubtful = [0, 1].map(|group| value(&comparison, group, 0, 1).is_doubtful);
    assert_eq!(doubtful, [false, true]);
    let text = comparison.render(&RenderOptions::default()).unwrap();
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains("? is no difference that this many repetitions can show"), "{text}");
}

#[test]
fn numbers_of_several_units_are_not_taken_together() {
    let mut records = repetitions(&case("tpcc", "sqlite"), 1000.0, &[1.0]);
    let mut others = in_run("r2", repetitions(&case("tpcc", "sqlite"), 1000.0, &[1.0]));
    for record in others.iter_mut().filter(|record| record.metric == *"latency_p50_us") {
        record.unit = "ms".into();
    }
    records.extend(others);
    let error = compare(&records, &CompareOptions::new(By::Engine)).unwrap_err().to_string();
    assert!(
        error.contains("`latency_p50_us` of oltp/tpcc") && error.contains("in `us`, the lower"),
        "{error}"
    );
    assert!(
        error.contains("in the run r1 and in `ms`, the lower the better in the run r2"),
        "{error}"
    );
}

#[test]
fn counts_by_engine_code_add_up() {
    let tpcc = case("tpcc", "postgres");
    let count = |value: f64, code: &str| {
        let mut row = Measurement::new("retries_deadlock", value, "1", Better::Lower);
        row.detail = format!("{code}: deadlock detected");
        record("r1", &tpcc, &row)
    };
    let options = CompareOptions {
        metrics: vec!["retries_deadlock".to_owned()],
        ..CompareOptions::new(By::Engine)
    };
    let comparison = compare(&[count(3.0, "40P01"), count(4.0, "1213")], &options).unwrap();
    assert_eq!(value(&comparison, 0, 0, 0).median, 7.0);
}

#[test]
fn all_failed_checks_are_named_up_to_three() {
    let tpcc = case("tpcc", "sqlite");
    let failed = |name: &str| {
        let row = without_number(Status::Failed, "no");
        record("r1", &tpcc, &Measurement { metric: format!("check_{name}"), ..row })
    };
    let records: Vec<_> = ["a", "b", "c", "d"].map(failed).into();
    let said = |count: usize| by_engine(&records[..count]).groups[0].lines[0].cells[0].clone();
    let failed = |detail: &str| Cell::Status(Status::Failed, detail.to_owned());
    assert_eq!(said(2), failed("check_a: no; check_b: no"));
    assert_eq!(said(4), failed("check_a: no; check_b: no; check_c: no; and 1 more"));
}

#[test]
fn benchmarks_without_the_default_metrics_show_their_own() {
    let measurement = Measurement { metric: "restore_s".to_owned(), ..throughput(3.0) };
    let records = [record("r1", &case("restore", "sqlite"), &measurement)];
    let comparison = by_engine(&records);
    assert_eq!(comparison.groups[0].lines[0].metric, "restore_s");
}

#[test]
fn bad_input_is_told() {
    let why = |records: &[Record], options: &CompareOptions| {
        compare(records, options).unwrap_err().to_string()
    };
    let options = CompareOptions::new(By::Engine);
    let error = why(&[], &options);
    assert!(error.contains("not a single result") && error.contains("next:"), "{error}");

    let mut records = repetitions(&case("tpcc", "sqlite"), 1000.0, &[1.0]);
    let typo = CompareOptions { metrics: vec!["p9".to_owned()], ..options.clone() };
    let error = why(&records, &typo);
    assert!(error.contains("`p9`") && error.contains("`latency_p99_us`"), "{error}");

    let other = Case { clients: 1, ..case("tpcc", "postgres") };
    records.extend(repetitions(&other, 1000.0, &[1.0]));
    let error = why(&records, &options);
    let expected = "sqlite has oltp/tpcc 8 clients; postgres has oltp/tpcc 1 client";
    assert!(error.contains(expected), "{error}");
}

#[test]
fn what_is_in_memory_keys_and_streams_make_columns() {
    let tpch = || case("tpch", "postgres");
    for (by, other, columns) in [
        (By::Cache, Case { cache: Cache::Cold, ..tpch() }, ["warm", "cold"]),
        (By::Keys, Case { keys: Keys::Primary, ..tpch() }, ["primary", "indexed"]),
        (By::Streams, Case { streams: 2, ..tpch() }, ["0", "2"]),
    ] {
        let mut records = repetitions(&tpch(), 10.0, &[1.0]);
        records.extend(repetitions(&other, 5.0, &[1.0]));
        let comparison = compare(&records, &CompareOptions::new(by)).unwrap();
        let names: Vec<_> = comparison.columns.iter().map(|column| &column.name).collect();
        assert_eq!(names, columns);
        // By anything else they stay apart: each has a line of its own.
        let apart = compare(&records, &CompareOptions::new(By::Engine)).unwrap();
        assert_eq!(apart.groups.len(), 2, "{by:?}");
    }
}

#[test]
fn seeds_of_any_repetition_that_differ_are_warned_of() {
    let of = |seed| Case { seed, ..case("tpcc", "sqlite") };
    let mut records = repetitions(&of(1), 1000.0, &[1.0, 1.0]);
    let second = repetitions(&of(2), 1000.0, &[1.0, 1.0]);
    records.truncate(records.len() / 2);
    records.extend(second.into_iter().filter(|row| row.case.repetition == 2));
    let told = "the seeds differ (1, 2), so the inputs do";
    assert!(by_engine(&records).warnings.iter().any(|warning| warning == told));
}

#[test]
fn an_open_loop_without_arrivals_is_no_closed_loop() {
    let mut records = repetitions(&case("tpcc", "sqlite"), 1000.0, &[1.0]);
    let open = Case { rate: Some(0.0), ..case("tpcc", "sqlite") };
    records.extend(repetitions(&open, 1.0, &[1.0]));
    assert_eq!(by_engine(&records).groups.len(), 2);
}
