#![allow(clippy::unwrap_used, reason = "a failed set-up fails the test")]

use dbdyno_core::{Better, Case, Measurement, StatementForm, Status};

use super::scaling;
use crate::fixture::{case, record, repetitions, without_number};
use crate::record::Record;
use crate::render::{Format, RenderOptions};

/// PostgreSQL scales to 90 % per doubling, SQLite does not scale.
fn sweep() -> Vec<Record> {
    let mut records = Vec::new();
    for (engine, growth) in [("sqlite", 1.0), ("postgres", 1.8)] {
        for (power, clients) in [(0, 1), (1, 2), (2, 4)] {
            let case = Case { clients, ..case("reads", engine) };
            let tps = 10_000.0 * f64::powi(growth, power);
            records.extend(repetitions(&case, tps, &[1.0, 0.5, 2.0]));
        }
    }
    records
}

#[test]
fn speed_up_and_efficiency_have_known_values() {
    let scaling = scaling(&sweep()).unwrap();
    let postgres = &scaling.curves[0];
    assert_eq!(postgres.levels, ["postgres"]);
    let speed_ups: Vec<_> =
        postgres.points.iter().map(|point| point.speed_up.ratio.unwrap().value).collect();
    for (found, expected) in speed_ups.iter().zip([1.0, 1.8, 3.24]) {
        assert!((found - expected).abs() < 1e-9, "{found} is not {expected}");
    }
    let efficiency = scaling.curves[1].points[2].efficiency_percent.unwrap();
    assert!((efficiency - 25.0).abs() < 1e-9, "{efficiency}");
}

#[test]
fn speed_ups_that_rounds_cannot_tell_from_chance_are_marked() {
    let mut records = Vec::new();
    for (clients, tps, noise) in [(1, 1_000.0, 0.0), (2, 1_000.0, 0.01), (4, 2_000.0, 0.0)] {
        let case = Case { clients, ..case("reads", "postgres") };
        let factors = [-3.0, 2.0, -1.0, 1.0, 3.0, -2.0, 0.5, -0.5].map(|of| 1.0 + of * noise);
        records.extend(repetitions(&case, tps, &factors));
    }
    // The smallest number of clients lacks a round.
    let lacking = Case { repetition: 8, clients: 1, ..case("reads", "postgres") };
    records.retain(|row| *row.case != lacking);
    let text = scaling(&records).unwrap().render(&RenderOptions::default()).unwrap();
    assert!(text.contains(" 1.00x? ") && text.contains(" 2.00x "), "{text}");
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let legend = "speed-up, those of a benchmark looked at together: ? is no difference that 7 rounds can show with 2 \
                  ratios at once; oltp/reads 2 clients, oltp/reads 4 clients: the ratio is of 7 of 8 rounds, which have both";
    assert!(words.contains(legend), "{text}");
}

#[test]
fn a_point_without_a_number_says_why() {
    let mut records = sweep();
    let lost = Case { clients: 8, ..case("reads", "sqlite") };
    records.push(record("r1", &lost, &without_number(Status::Failed, "the disk is full")));
    // A single number of clients is no curve.
    records.extend(repetitions(&case("tpcb", "sqlite"), 1.0, &[1.0]));
    let scaling = scaling(&records).unwrap();
    assert_eq!(scaling.curves.len(), 2);
    assert_eq!(scaling.curves[1].points[3].throughput, None);
    let text = scaling.render(&RenderOptions::default()).unwrap();
    assert!(text.contains("oltp/reads sqlite 8 clients: failed: the disk is full"), "{text}");
}

#[test]
fn native_and_pipelined_cases_have_curves_of_their_own() {
    let mut records = sweep();
    for (statements, pipeline) in [(StatementForm::Native, false), (StatementForm::Native, true)] {
        records.extend(sweep().into_iter().map(|record| Record {
            case: Case { statements, pipeline, ..Case::clone(&record.case) }.into(),
            ..record
        }));
    }
    let curves = scaling(&records).unwrap().curves;
    let levels: Vec<_> = curves.iter().map(|curve| curve.levels.join(", ")).collect();
    let expected = [
        "postgres, portable, not pipelined",
        "postgres, native, not pipelined",
        "postgres, native, pipelined",
        "sqlite, portable, not pipelined",
        "sqlite, native, not pipelined",
        "sqlite, native, pipelined",
    ];
    assert_eq!(levels, expected);
    assert!(curves.iter().all(|curve| curve.points.len() == 3));
}

#[test]
fn curves_need_several_numbers_of_clients() {
    let records = repetitions(&case("reads", "sqlite"), 1.0, &[1.0]);
    let error = scaling(&records).unwrap_err().to_string();
    assert!(error.contains("--clients 1,2,4,8"), "{error}");
}

#[test]
fn without_a_single_client_the_smallest_number_is_the_base() {
    let sweep = sweep().into_iter().filter(|record| record.case.clients > 1);
    let scaling = scaling(&sweep.collect::<Vec<_>>()).unwrap();
    let text = scaling.render(&RenderOptions::default()).unwrap();
    assert!(text.contains("speed-up is against 2 clients"), "{text}");
    let efficiency = scaling.curves[0].points[1].efficiency_percent.unwrap();
    assert!((efficiency - 90.0).abs() < 1e-9, "{efficiency}");
}

/// A curve that peaks at about ten clients, one that never falls, and one in open loop.
fn peaking() -> Vec<Record> {
    let mut records = Vec::new();
    for (engine, sigma, kappa) in [("postgres", 0.05, 0.01), ("sqlite", 0.3, 0.0)] {
        for clients in [1, 2, 4, 8, 16] {
            let n = f64::from(clients);
            let tps = 1_000.0 * n / (1.0 + sigma * (n - 1.0) + kappa * n * (n - 1.0));
            let case = Case { clients, ..case("reads", engine) };
            records.extend(repetitions(&case, tps, &[1.0, 0.99, 1.01]));
            let open = Case { rate: Some(100.0), ..case };
            records.extend(repetitions(&open, 100.0, &[1.0]));
        }
    }
    records
}

#[test]
fn curves_of_enough_points_are_fitted_but_in_open_loop() {
    let scaling = scaling(&peaking()).unwrap();
    let fitted: Vec<_> = scaling.curves.iter().map(|curve| curve.fit.is_some()).collect();
    assert_eq!(fitted, [true, false, true, false]);
    let peak = scaling.curves[0].fit.as_ref().unwrap().peak;
    assert!(peak.low < 9.746_8 && 9.746_8 < peak.high, "{peak:?}");
    insta::assert_snapshot!("fits", scaling.render(&RenderOptions::default()).unwrap());
    let markdown = RenderOptions { format: Format::Markdown, ..RenderOptions::default() };
    assert!(
        scaling
            .render(&markdown)
            .unwrap()
            .contains("\n\noltp/reads postgres closed loop: peaks at")
    );
}

#[test]
fn each_benchmark_has_its_charts() {
    let mut records = peaking();
    records.extend(repetitions(&case("tpcb", "sqlite"), 1.0, &[1.0]));
    for (statements, isolation) in StatementForm::ALL
        .into_iter()
        .flat_map(|statements| dbdyno_core::Isolation::ALL.map(|isolation| (statements, isolation)))
    {
        for clients in [1, 2] {
            let case = Case { clients, isolation, statements, ..case("tpcc", "sqlite") };
            records.extend(repetitions(&case, 1.0, &[1.0]));
        }
    }
    let charts = scaling(&records).unwrap().charts();
    let found: Vec<_> =
        charts.iter().map(|chart| (chart.file_stem(), chart.curves.len())).collect();
    let expected = [("oltp-reads", 4), ("oltp-tpcc", 6), ("oltp-tpcc-2", 4)];
    assert_eq!(found, expected.map(|(name, curves)| (name.to_owned(), curves)));
    assert_eq!(charts[0].curves[0].points.len(), 15);
}

#[test]
fn table() {
    insta::assert_snapshot!(scaling(&sweep()).unwrap().render(&RenderOptions::default()).unwrap());
}

#[test]
fn markdown() {
    let options = RenderOptions { format: Format::Markdown, ..RenderOptions::default() };
    insta::assert_snapshot!(scaling(&sweep()).unwrap().render(&options).unwrap());
}

#[test]
fn csv() {
    let options = RenderOptions { format: Format::Csv, ..RenderOptions::default() };
    insta::assert_snapshot!(scaling(&sweep()).unwrap().render(&options).unwrap());
}

#[test]
fn a_point_whose_client_was_the_bottleneck_is_marked() {
    let options = RenderOptions { format: Format::Markdown, ..RenderOptions::default() };
    let mut records = sweep();
    assert!(!scaling(&records).unwrap().render(&options).unwrap().contains('!'));
    let bound = Case { clients: 4, ..case("reads", "postgres") };
    let verdict = Measurement::new("client_bottleneck", 1.0, "1", Better::Neither);
    records.push(record("r1", &bound, &verdict));
    let text = scaling(&records).unwrap().render(&options).unwrap();
    assert!(text.contains("**32,400**! ±"), "{text}");
    assert_eq!(text.matches('!').count(), 2, "{text}");
    assert!(text.contains("! stands where the client, not the server, was"), "{text}");
}
