#![allow(clippy::unwrap_used, reason = "a failed set-up fails the test")]

use dbdyno_core::{Anomaly, Better, Case, Isolation, Measurement, Status};

use super::IsolationView;
use crate::fixture::{case, latency, record, throughput, without_number};
use crate::record::Record;
use crate::render::{Format, RenderOptions};

fn of(benchmark: &str, engine: &str, isolation: Isolation) -> Case {
    Case { suite: "isolation".to_owned(), isolation, ..case(benchmark, engine) }
}

fn outcome(anomaly: Anomaly, words: &str) -> Measurement {
    let possible = f64::from(u8::from(words == "possible"));
    let row = Measurement::new("anomaly_possible", possible, "1", Better::Lower);
    row.of(anomaly.name()).with_status(Status::Ok, words)
}

fn schedules(case: &Case, words: impl Fn(Anomaly) -> &'static str) -> Vec<Record> {
    Anomaly::ALL
        .iter()
        .map(|anomaly| record("r1", case, &outcome(*anomaly, words(*anomaly))))
        .collect()
}

fn load(case: &Case, per_second: f64, lost: f64) -> Vec<Record> {
    let count = |name: &str, number| Measurement::new(name, number, "1", Better::Lower);
    let rows = [
        throughput(per_second),
        latency("p50", 1_250.0),
        latency("p99", 8_000.0),
        count("transactions", per_second * 10.0),
        count("retries", per_second / 2.0),
        count("errors", 0.0),
        count("lost_updates", lost),
    ];
    rows.iter().map(|row| record("r1", case, row)).collect()
}

fn records() -> Vec<Record> {
    let mut records = Vec::new();
    records.extend(schedules(&of("anomalies", "sqlite", Isolation::Serializable), |anomaly| {
        match anomaly {
            Anomaly::AbortedRead => "prevented by snapshot",
            _ => "prevented by blocking",
        }
    }));
    let weak = of("anomalies", "postgres", Isolation::ReadCommitted);
    records.extend(schedules(&weak, |anomaly| match anomaly {
        Anomaly::LostUpdate | Anomaly::ReadSkew => "possible",
        _ => "prevented by snapshot",
    }));
    let strong = of("anomalies", "postgres", Isolation::Serializable);
    records.extend(schedules(&strong, |_| "prevented by abort (40001 serialization)"));
    let hot = |engine, level| of("hot-row", engine, level);
    // As measured, in an order of its own.
    records.extend(load(&hot("postgres", Isolation::Serializable), 500.0, 0.0));
    records.extend(load(&hot("sqlite", Isolation::Serializable), 3_000.0, 0.0));
    records.extend(load(&hot("postgres", Isolation::ReadCommitted), 2_000.0, 123.0));
    let found = Measurement::new("anomalies_found", 12.0, "1", Better::Lower);
    let found = Measurement { detail: "G-single 9, G2-item 3".to_owned(), ..found };
    let history = of("list-append", "postgres", Isolation::ReadCommitted);
    records.extend([throughput(900.0), found].map(|row| record("r1", &history, &row)));
    let tpcc = of("tpcc", "postgres", Isolation::Serializable);
    let failed = without_number(Status::Failed, "did not hold: consistency_1");
    records.push(record("r1", &tpcc, &failed));
    records
}

#[test]
fn levels_stand_in_lines() {
    let (view, others) = IsolationView::take(records(), &[]);
    assert!(others.is_empty());
    let view = view.unwrap();
    let wide = RenderOptions { width: 120, ..RenderOptions::default() };
    insta::assert_snapshot!("isolation_wide", view.render(&wide));
    let text = view.render(&RenderOptions::default());
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    insta::assert_snapshot!("isolation_80", text);
    let markdown = RenderOptions { format: Format::Markdown, ..RenderOptions::default() };
    insta::assert_snapshot!("isolation_markdown", view.render(&markdown));
}

#[test]
fn targets_stand_in_the_order_in_which_they_were_given() {
    let order = ["postgres".to_owned(), "sqlite".to_owned()];
    let view = IsolationView::take(records(), &order).0.unwrap();
    let targets: Vec<_> =
        view.matrix.allowed().into_iter().map(|allowed| allowed.level.target).collect();
    assert_eq!(targets, ["postgres", "postgres", "sqlite"]);
}

/// Seven workloads at three levels, in rounds that can tell some ratios from chance.
#[test]
fn ratios_that_rounds_cannot_tell_from_chance_are_marked() {
    let workloads =
        ["hot-row", "report", "on-call", "smallbank", "tpcc", "list-append", "rw-register"];
    let levels = [
        (Isolation::ReadUncommitted, 1.0),
        (Isolation::ReadCommitted, 0.0),
        (Isolation::RepeatableRead, 0.4),
    ];
    let case = of("anomalies", "postgres", Isolation::ReadUncommitted);
    let mut rows = schedules(&case, |_| "possible");
    for (repetition, noise) in (1..).zip([-3.0, 2.0, -1.0, 1.0, 3.0, -2.0, 0.5, -0.5]) {
        for workload in workloads {
            for (level, factor) in levels {
                let case = Case { repetition, ..of(workload, "postgres", level) };
                let tps = if factor == 0.0 { 1_000.0 + noise } else { 1_000.0 * factor };
                rows.extend(load(&case, tps, 0.0));
            }
        }
    }
    let view = IsolationView::take(rows, &[]).0.unwrap();
    let text = view.render(&RenderOptions::default());
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    insta::assert_snapshot!("marked_80", text);
}

#[test]
fn what_was_possible_once_is_possible() {
    let case = of("anomalies", "postgres", Isolation::ReadCommitted);
    let mut rows = schedules(&case, |_| "prevented by snapshot");
    let again = Case { repetition: 2, ..case };
    rows.extend(schedules(&again, |anomaly| match anomaly {
        Anomaly::WriteSkew => "possible",
        _ => "prevented by snapshot",
    }));
    let view = IsolationView::take(rows, &[]).0.unwrap();
    assert_eq!(view.matrix.allowed()[0].possible, ["G2i"]);
}

#[test]
fn what_could_not_be_told_is_no_none() {
    let case = of("anomalies", "postgres", Isolation::Serializable);
    let mut rows = schedules(&case, |anomaly| match anomaly {
        Anomaly::DirtyWrite => "hung at step 4",
        _ => "prevented by snapshot",
    });
    rows[0].value = None;
    rows[0].status = Status::Failed;
    let check = Measurement::new("check_promise_kept", 0.0, "1", Better::Higher);
    let check = check.with_status(Status::Failed, "it promises serializability, but allows P4");
    rows.push(record("r1", &case, &check));
    rows.extend(load(&of("hot-row", "postgres", Isolation::Serializable), 500.0, 0.0));
    let text = IsolationView::take(rows, &[]).0.unwrap().render(&RenderOptions::default());
    assert!(text.contains("none (1 ?)"), "{text}");
    assert!(text.contains("postgres serializable, G0: hung at step 4"), "{text}");
    assert!(text.contains("failed: it promises serializability, but"), "{text}");
}

#[test]
fn of_several_repetitions_the_median_is_shown() {
    let case = of("hot-row", "postgres", Isolation::ReadCommitted);
    let mut rows = Vec::new();
    for (repetition, lost) in [(1, 10.0), (2, 70.0), (3, 20.0)] {
        rows.extend(load(&Case { repetition, ..case.clone() }, 100.0, lost));
    }
    let text = IsolationView::take(rows, &[]).0.unwrap().render(&RenderOptions::default());
    let line = text.lines().find(|line| line.starts_with("hot-row")).unwrap();
    assert!(line.trim_end().ends_with(" 20"), "{text}");
}

#[test]
fn cases_that_lines_do_not_tell_apart_are_left_to_others() {
    let case = of("hot-row", "postgres", Isolation::ReadCommitted);
    let mut rows = load(&case, 100.0, 0.0);
    rows.extend(load(&Case { clients: 16, ..case.clone() }, 200.0, 0.0));
    let count = rows.len();
    let (view, others) = IsolationView::take(rows, &[]);
    assert!(view.is_none());
    assert_eq!(others.len(), count);
    let other = Case { suite: "oltp".to_owned(), ..case };
    let other = vec![record("r1", &other, &throughput(1.0))];
    let (view, others) = IsolationView::take(other, &[]);
    assert!(view.is_none() && others.len() == 1);
}
