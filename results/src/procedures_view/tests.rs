#![allow(clippy::unwrap_used, reason = "a failed set-up fails the test")]

use dbdyno_core::{Better, Case, Measurement, Status};

use super::ProceduresView;
use crate::fixture::{case, record, throughput, without_number};
use crate::record::Record;
use crate::render::{Format, RenderOptions};

fn of(benchmark: &str, engine: &str) -> Case {
    Case { suite: "procedures".to_owned(), ..case(benchmark, engine) }
}

fn pair(case: &Case, name: &str, statements: f64, procedures: f64) -> Vec<Record> {
    let speedup =
        Measurement::new("procedure_speedup", procedures / statements, "1", Better::Neither);
    let rows = [
        throughput(statements).of(format!("statements-{name}")),
        throughput(procedures).of(format!("procedures-{name}")),
        speedup.of(name),
    ];
    rows.iter().map(|row| record("r1", case, row)).collect()
}

fn kind(case: &Case, name: &str, single: f64, bulk: f64) -> Vec<Record> {
    let us = |size: &str, us: f64| {
        Measurement::new("row_us", us, "us", Better::Lower).of(format!("{name}-{size}"))
    };
    let slowdown = |size: &str, ratio: f64| {
        Measurement::new("trigger_slowdown", ratio, "1", Better::Lower).of(format!("{name}-{size}"))
    };
    let mut rows = vec![us("single", single), us("bulk", bulk)];
    if name != "none" {
        rows.extend([slowdown("single", single / 400.0), slowdown("bulk", bulk / 4.0)]);
    }
    rows.iter().map(|row| record("r1", case, row)).collect()
}

fn records() -> Vec<Record> {
    let mut records = Vec::new();
    for (engine, factor) in [("mariadb", 1.0), ("postgres", 1.2)] {
        let tpcb = of("tpcb", engine);
        // As measured, in an order of its own.
        records.extend(pair(&tpcb, "5ms", 27.8 * factor, 172.0));
        records.extend(pair(&tpcb, "direct", 1_000.0, 800.0 * factor));
        let triggers = of("triggers", engine);
        records.extend(kind(&triggers, "audit", 500.0, 9.0 * factor));
        records.extend(kind(&triggers, "none", 400.0, 4.0));
        if engine == "mariadb" {
            let row = without_number(Status::Unsupported, "its triggers are run for each row");
            records.push(record("r1", &triggers, &row.clone().of("audit-statement-single")));
            records.push(record("r1", &triggers, &row.of("audit-statement-bulk")));
        }
    }
    let lacking = without_number(Status::Unsupported, "SQLite has no stored procedures");
    records.push(record("r1", &of("tpcb", "sqlite"), &lacking));
    records.push(record("r1", &case("tpcb", "sqlite"), &throughput(3.0)));
    records
}

#[test]
fn one_look_tells_what_procedures_gain_and_what_triggers_cost() {
    let targets = ["sqlite", "postgres", "mariadb"].map(str::to_owned);
    let (view, others) = ProceduresView::take(records(), &targets);
    assert_eq!(others.len(), 1);
    let view = view.unwrap();
    let wide = RenderOptions { width: 120, ..RenderOptions::default() };
    insta::assert_snapshot!("wide", view.render(&wide));
    insta::assert_snapshot!("80", view.render(&RenderOptions::default()));
    let markdown = RenderOptions { format: Format::Markdown, ..RenderOptions::default() };
    insta::assert_snapshot!("markdown", view.render(&markdown));
}

#[test]
fn speed_ups_that_rounds_cannot_tell_from_chance_are_marked_and_not_bold() {
    let mut records = Vec::new();
    for (repetition, noise) in (1..).zip([-3.0, 2.0, -1.0, 1.0, 3.5, -2.0, 0.5, 0.6]) {
        let case = Case { repetition, ..of("tpcb", "postgres") };
        records.extend(pair(&case, "1ms", 100.0, 100.0 + noise));
        records.extend(pair(&case, "5ms", 100.0, 300.0));
        let mut stood_still = pair(&case, "200us", 100.0, 150.0);
        stood_still.truncate(if repetition == 3 { 2 } else { 3 });
        records.extend(stood_still);
    }
    let (view, _) = ProceduresView::take(records, &[]);
    let view = view.unwrap();
    let text = view.render(&RenderOptions { styled: true, ..RenderOptions::default() });
    let line = |ratio: &str| text.lines().find(|line| line.contains(ratio)).unwrap();
    assert!(line("3.00x").contains("\u{1b}[1m") && !line("1.01x?").contains('\u{1b}'), "{text}");
    let options = RenderOptions { format: Format::Markdown, ..RenderOptions::default() };
    let text = view.render(&options);
    assert!(text.contains("| 1.01x? ±3% |"), "{text}");
    assert!(text.contains("; ? is no difference that 8 rounds can show with 2 ratios"), "{text}");
    let why = "; tpcb on postgres 200us: no ratio, for in 1 of 8 rounds there was none";
    assert!(text.contains("| 150 | - |") && text.contains(why), "{text}");
}

#[test]
fn cases_that_differ_are_told_apart_and_failed_ones_have_no_numbers() {
    let one = of("tpcb", "postgres");
    let two = Case { clients: 64, ..one.clone() };
    let mut records = pair(&one, "direct", 100.0, 150.0);
    let mut failed = pair(&two, "direct", 100.0, 999.0);
    failed.iter_mut().for_each(|row| row.status = Status::Failed);
    records.extend(failed);
    let check = Measurement::new("check_same_rows", 0.0, "1", Better::Higher)
        .with_status(Status::Failed, "history has other rows");
    records.push(record("r1", &two, &check));
    let (view, _) = ProceduresView::take(records, &[]);
    let text = view.unwrap().render(&RenderOptions::default());
    assert!(text.contains("64 clients") && text.contains("failed: same_rows: history"), "{text}");
    assert!(text.contains("failed") && !text.contains("999"), "{text}");
}

#[test]
fn what_failed_is_shown_with_every_condition_that_did_not_hold() {
    let triggers = of("triggers", "postgres");
    let mut records = kind(&triggers, "none", 400.0, 4.0);
    records.extend(kind(&triggers, "audit", 500.0, 9.0));
    records.iter_mut().for_each(|row| row.status = Status::Failed);
    for (name, detail) in [("rows_audit", "3 rows, not 4"), ("audited_audit", "0 rows, not 4")] {
        let check = Measurement::new(format!("check_{name}"), 0.0, "1", Better::Higher)
            .with_status(Status::Failed, detail);
        records.push(record("r1", &triggers, &check));
    }
    let text = ProceduresView::take(records, &[]).0.unwrap().render(&RenderOptions::default());
    insta::assert_snapshot!("failed", text);
}

/// It ran, but what it took is not what triggers cost.
#[test]
fn a_load_in_which_connections_broke_is_cut_off() {
    let mut records = records();
    let triggers = of("triggers", "postgres");
    let lost = Measurement::new("connections_lost", 1.0, "1", Better::Lower).of("cascade-bulk");
    records.push(record("r1", &triggers, &lost));
    let (view, _) = ProceduresView::take(records, &["postgres".to_owned()]);
    let told = view.unwrap().render(&RenderOptions::default());
    let line = told.lines().find(|line| line.starts_with("cascade")).unwrap_or_default();
    assert!(line.trim_end().ends_with("cut off"), "{told}");
}

#[test]
fn errors_and_the_round_trip_of_a_target_are_shown() {
    let near = Case { target: "postgres".to_owned(), ..of("tpcb", "postgres") };
    let far = Case { target: "postgres?round_trip=2ms".to_owned(), ..near.clone() };
    let mut records = pair(&near, "direct", 100.0, 150.0);
    for (form, tx) in [("statements", 60.0), ("procedures", 240.0)] {
        records.push(record("r1", &far, &throughput(tx).of(form)));
        let errors = Measurement::new("errors", 3.0, "1", Better::Lower);
        records.push(record("r1", &far, &errors.clone().of(format!("{form}/tpcb_like"))));
        records.push(record("r1", &far, &errors.of(form)));
    }
    let text = ProceduresView::take(records, &[]).0.unwrap().render(&RenderOptions::default());
    insta::assert_snapshot!("far", text);
}
