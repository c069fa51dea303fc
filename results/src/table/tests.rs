#![allow(clippy::unwrap_used, reason = "a failed set-up fails the test")]

use dbdyno_core::{Case, Durability, Isolation, StatementForm, Status};

use crate::compare::{By, CompareOptions, compare};
use crate::fixture::{case, record, repetitions, without_number};
use crate::record::Record;
use crate::render::{Format, RenderOptions};

fn render(records: &[Record], by: By, format: Format, width: usize) -> String {
    let comparison = compare(records, &CompareOptions::new(by)).unwrap();
    comparison.render(&RenderOptions { format, width, styled: false }).unwrap()
}

/// Three engines, two benchmarks at two numbers of clients, three repetitions.
fn engines() -> Vec<Record> {
    let mut records = Vec::new();
    for (engine, tps) in [("sqlite", 850.0), ("postgres", 2400.0), ("mariadb", 1900.0)] {
        for (benchmark, weight) in [("tpcc", 1.0), ("update-non-index", 9.0)] {
            for clients in [1, 8] {
                let case = Case { clients, ..case(benchmark, engine) };
                let tps = tps * weight * f64::from(clients).sqrt();
                records.extend(repetitions(&case, tps, &[1.0, 0.96, 1.03]));
            }
        }
    }
    records
}

/// All levels on three engines, where SQLite lacks all but one.
fn levels() -> Vec<Record> {
    let mut records = Vec::new();
    for (engine, tps) in [("sqlite", 850.0), ("postgres", 24_000.0), ("mariadb", 1900.0)] {
        for (isolation, factor) in Isolation::ALL.into_iter().zip([1.0, 0.98, 0.95, 0.9, 0.8]) {
            let case = Case { isolation, ..case("tpcc", engine) };
            if engine == "sqlite" && isolation != Isolation::Serializable {
                let row = without_number(Status::Unsupported, "SQLite has only serializable");
                records.push(record("r1", &case, &row));
            } else {
                records.extend(repetitions(&case, tps * factor, &[1.0, 0.97]));
            }
        }
    }
    records
}

/// Columns of different durability, one of which broke its promises.
fn mixed() -> Vec<Record> {
    let process = Case { durability: Durability::Process, ..case("tpcb", "sqlite") };
    let mut records = repetitions(&process, 25_000.0, &[1.0]);
    records.extend(repetitions(&case("tpcb", "postgres"), 3000.0, &[1.0]));
    let detail = "balances add up to 17, history | to 12";
    let mut check = without_number(Status::Failed, detail);
    check.metric = "check_balance".to_owned();
    records.push(record("r1", &case("tpcb", "postgres"), &check));
    records.extend(repetitions(&case("tpcb", "mariadb"), 2000.0, &[1.0]));
    records
}

/// Two engines, one of which can pipeline, with portable and native statements.
fn forms() -> Vec<Record> {
    let mut records = Vec::new();
    for (engine, tps) in [("sqlite", 5000.0), ("postgres", 1000.0)] {
        for (statements, factor) in StatementForm::ALL.into_iter().zip([1.0, 1.5]) {
            for pipeline in [false, true] {
                let case = Case { statements, pipeline, ..case("tpcb", engine) };
                if engine == "sqlite" && pipeline {
                    let row = without_number(Status::Unsupported, "there is no round trip");
                    records.push(record("r1", &case, &row));
                } else {
                    let tps = if pipeline { tps * 2.0 } else { tps };
                    records.extend(repetitions(&case, tps * factor, &[1.0, 0.97]));
                }
            }
        }
    }
    records
}

fn assert_width(text: &str, width: usize) {
    for line in text.lines() {
        assert!(line.chars().count() <= width, "longer than {width}: {line}");
    }
}

#[test]
fn engines_in_120_columns() {
    let text = render(&engines(), By::Engine, Format::Table, 120);
    assert_width(&text, 120);
    insta::assert_snapshot!(text);
}

#[test]
fn engines_in_80_columns() {
    let text = render(&engines(), By::Engine, Format::Table, 80);
    assert_width(&text, 80);
    insta::assert_snapshot!(text);
}

#[test]
fn isolation_levels_in_120_columns() {
    let text = render(&levels(), By::Isolation, Format::Table, 120);
    assert_width(&text, 120);
    insta::assert_snapshot!(text);
}

#[test]
fn isolation_levels_in_80_columns() {
    let text = render(&levels(), By::Isolation, Format::Table, 80);
    assert_width(&text, 80);
    insta::assert_snapshot!(text);
}

#[test]
fn engines_at_all_levels_in_120_columns() {
    let text = render(&levels(), By::Engine, Format::Table, 120);
    assert_width(&text, 120);
    insta::assert_snapshot!(text);
}

#[test]
fn statements_in_80_columns() {
    let text = render(&forms(), By::Statements, Format::Table, 80);
    assert_width(&text, 80);
    insta::assert_snapshot!(text);
}

#[test]
fn pipelining_in_80_columns() {
    let text = render(&forms(), By::Pipeline, Format::Table, 80);
    assert_width(&text, 80);
    insta::assert_snapshot!(text);
}

#[test]
fn pipelining_as_csv() {
    let portable = |record: &Record| record.case.statements == StatementForm::Portable;
    let records: Vec<_> = forms().into_iter().filter(portable).collect();
    insta::assert_snapshot!(render(&records, By::Pipeline, Format::Csv, 80));
}

#[test]
fn engines_with_statements_of_their_own() {
    let own = |record: &Record| {
        let native = record.case.statements == StatementForm::Native;
        let postgres = record.case.engine == "postgres";
        native == postgres && record.case.pipeline == postgres
    };
    let records: Vec<_> = forms().into_iter().filter(own).collect();
    let text = render(&records, By::Engine, Format::Table, 80);
    assert_width(&text, 80);
    insta::assert_snapshot!(text);
}

#[test]
fn a_failed_column_of_another_durability() {
    let text = render(&mixed(), By::Engine, Format::Table, 120);
    assert_width(&text, 120);
    insta::assert_snapshot!(text);
}

#[test]
fn markdown() {
    insta::assert_snapshot!(render(&mixed(), By::Engine, Format::Markdown, 80));
}

#[test]
fn csv() {
    insta::assert_snapshot!(render(&mixed(), By::Engine, Format::Csv, 80));
}

#[test]
fn a_terminal_shows_the_best_in_bold() {
    let comparison = compare(&mixed(), &CompareOptions::new(By::Engine)).unwrap();
    let options = RenderOptions { format: Format::Table, width: 120, styled: true };
    let text = comparison.render(&options).unwrap();
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(text.contains("\u{1b}[1m") && words.contains("the best of a line is bold"), "{text}");
    assert!(!text.contains('*'), "{text}");
}

/// Ten rounds of two engines, one of which is faster beyond doubt at writes, and not at reads.
fn rounds() -> Vec<Record> {
    let factors = |step: f64, wild: f64| {
        (0..10).map(move |round| step * (1.0 + wild * (f64::from(round * 7 % 10) - 4.5) / 10.0))
    };
    let of = |name: &str, engine: &str, step: f64, wild: f64| {
        repetitions(&case(name, engine), 1000.0, &factors(step, wild).collect::<Vec<_>>())
    };
    [
        of("reads", "sqlite", 1.0, 0.01),
        of("reads", "postgres", 1.01, 0.2),
        of("writes", "sqlite", 1.0, 0.01),
        of("writes", "postgres", 2.0, 0.05),
    ]
    .concat()
}

#[test]
fn ratios_that_rounds_cannot_tell_from_chance_are_marked() {
    let text = render(&rounds(), By::Engine, Format::Table, 80);
    assert_width(&text, 80);
    insta::assert_snapshot!(text);
}

#[test]
fn what_rounds_say_of_ratios_is_shown_at_every_width() {
    let third = |rows: Vec<Record>| {
        let renamed = rows.into_iter().map(|row| {
            let case = Case { benchmark: "reads".to_owned(), ..case("reads", "mariadb") };
            Record { case: Case { repetition: row.case.repetition, ..case }.into(), ..row }
        });
        renamed.collect::<Vec<_>>()
    };
    let mut records = rounds();
    let postgres = |row: &&Record| row.case.engine == "postgres" && row.case.benchmark == "reads";
    records.extend(third(rounds().iter().filter(postgres).cloned().collect()));
    let at = |width: usize| {
        let text = render(&records, By::Engine, Format::Table, width);
        assert_width(&text, width);
        text
    };
    insta::assert_snapshot!([at(120), at(80), at(60)].join("\n"));
}

#[test]
fn intervals_and_effects_of_ratios_are_in_documents_and_csv() {
    let throughput = |format| {
        let text = render(&rounds(), By::Engine, format, 80);
        let wanted = ["metric", "throughput", "tx/s", "medians"];
        let lines = text.lines().filter(|line| wanted.iter().any(|part| line.contains(part)));
        lines.collect::<Vec<_>>().join("\n")
    };
    insta::assert_snapshot!(throughput(Format::Markdown) + "\n\n" + &throughput(Format::Csv));
}

#[test]
fn nothing_is_left_out_however_narrow() {
    let text = render(&engines(), By::Engine, Format::Table, 40);
    for name in ["sqlite", "postgres", "mariadb", "p50", "p95", "p99", "tx/s"] {
        assert!(text.contains(name), "{name} is missing:\n{text}");
    }
}
