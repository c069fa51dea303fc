#![allow(clippy::unwrap_used, reason = "a failed set-up fails the test")]

use dbdyno_core::{Better, Case, Measurement, Status};

use super::ReplicationView;
use crate::fixture::{case, record, throughput, without_number};
use crate::record::Record;
use crate::render::{Format, RenderOptions};

fn of(benchmark: &str, engine: &str) -> Case {
    Case { suite: "replication".to_owned(), ..case(benchmark, engine) }
}

fn rows(case: &Case, of: &str, numbers: &[(&str, f64)]) -> Vec<Record> {
    let row = |(metric, value): &(&str, f64)| {
        let row = match *metric {
            "throughput" => throughput(*value),
            metric => Measurement::new(metric, *value, "us", Better::Lower),
        };
        record("r1", case, &row.of(of))
    };
    numbers.iter().map(row).collect()
}

/// A topology under load, with replicas that show commits after so many microseconds.
fn cost(case: &Case, name: &str, tps: f64, ratio: f64, visible_us: &[f64]) -> Vec<Record> {
    let commit = 1e6 / tps;
    let mut records = rows(
        case,
        name,
        &[("throughput", tps), ("commit_p50_us", commit), ("commit_p99_us", 5.0 * commit)],
    );
    if !visible_us.is_empty() {
        records.extend(rows(case, name, &[("throughput_ratio", ratio)]));
    }
    for (place, us) in (1..).zip(visible_us) {
        let replica = format!("{name}/replica-{place}");
        let numbers = [
            ("visible_p50_us", *us),
            ("visible_p99_us", 4.0 * us),
            ("beats_unseen", f64::from(u8::from(*us > 5_000.0))),
            ("reported_replay_p50_us", us / 2.0),
            ("disagreement_p50_us", us / 2.0),
        ];
        records.extend(rows(case, &replica, &numbers));
    }
    records
}

#[test]
fn ratios_that_rounds_cannot_tell_from_chance_are_marked() {
    let mut records = Vec::new();
    for (repetition, noise) in (1..).zip([-0.03, 0.02, -0.01, 0.01, 0.03, -0.02, 0.005, -0.005]) {
        let case = Case { repetition, ..of("tpcb", "postgres") };
        records.extend(cost(&case, "none", 1_400.0, 1.0, &[]));
        records.extend(cost(&case, "async", 1_400.0, 1.0 + noise, &[3_500.0]));
        records.extend(cost(&case, "on", 700.0, 0.5, &[300.0]));
    }
    let (view, _) = ReplicationView::take(records, &[]);
    let text = view.unwrap().render(&RenderOptions { width: 200, ..RenderOptions::default() });
    assert!(text.contains(" 1.00x? ") && text.contains(" 0.50x "), "{text}");
    let legend = "; x none: ? is no difference that 8 rounds can show with 2 ratios at once";
    assert!(text.contains(legend), "{text}");
}

fn all() -> Vec<Record> {
    let tpcb = of("tpcb", "postgres");
    let mut records = cost(&tpcb, "none", 1_400.0, 1.0, &[]);
    records.extend(cost(&tpcb, "async", 1_260.0, 0.9, &[3_500.0]));
    records.extend(cost(&tpcb, "any-1-remote-apply", 700.0, 0.5, &[300.0, 9_000.0]));
    let missing = "pg_dump was not found; install it: sudo apt-get install postgresql";
    records.push(record("r1", &tpcb, &without_number(Status::Unsupported, missing).of("logical")));
    let failover = of("failover", "postgres");
    for (name, rto, lost) in [("async", 310.0, 17.0), ("remote-apply", 290.0, 0.0)] {
        let numbers = [
            ("failover_rto_ms", rto),
            ("failover_promotion_ms", rto / 2.0),
            ("lost_commits", lost),
            ("acknowledged_commits", 2_400.0),
            ("lost_window_ms", lost),
            ("unknown_commits", 4.0),
        ];
        records.extend(rows(&failover, name, &numbers));
    }
    let reads = of("reads", "mariadb");
    records.extend(rows(&reads, "async primary", &[("throughput", 20_000.0)]));
    records.extend(rows(&reads, "async spread", &[("throughput", 24_000.0)]));
    let numbers = [
        ("read_your_writes_reads", 400.0),
        ("read_your_writes_violations", 100.0),
        ("monotonic_reads", 1_000.0),
        ("monotonic_violations", 15.0),
    ];
    records.extend(rows(&reads, "async", &numbers));
    let catch_up = of("catch-up", "mariadb");
    let numbers = [
        ("away_ms", 3_000.0),
        ("beats_while_away", 118.0),
        ("commit_longest_ms", 31.0),
        ("visible_longest_ms", 3_400.0),
        ("catch_up_ms", 500.0),
        ("not_caught_up", 0.0),
        ("drained_ms", 20.0),
        ("catch_up_speed", 7.0),
        ("catch_up_bytes_per_s", 8.5e6),
    ];
    records.extend(rows(&catch_up, "async", &numbers));
    let network = of("network", "postgres");
    let numbers = [
        ("throughput", 300.0),
        ("commit_p50_us", 11_000.0),
        ("commit_p99_us", 19_000.0),
        ("visible_p50_us", 5_200.0),
        ("visible_p99_us", 7_300.0),
    ];
    records.extend(rows(&network, "on 10ms", &numbers));
    let numbers = [
        ("cut_ms", 2_000.0),
        ("beats_while_cut", 0.0),
        ("commit_longest_ms", 2_010.0),
        ("visible_longest_ms", 5.0),
    ];
    records.extend(rows(&network, "on partition", &numbers));
    records
}

fn render(width: usize) -> String {
    let options = RenderOptions { format: Format::Table, width, styled: false };
    let (view, others) = ReplicationView::take(all(), &[]);
    assert!(others.is_empty());
    view.unwrap().render(&options)
}

#[test]
fn each_benchmark_has_a_table() {
    insta::assert_snapshot!(render(120));
}

#[test]
fn tables_fit_a_narrow_terminal() {
    let text = render(80);
    let longest = text.lines().map(|line| line.chars().count()).max().unwrap();
    assert!(longest <= 80, "{text}");
}

#[test]
fn other_suites_are_left_alone() {
    let other = case("tpcb", "postgres");
    let (view, others) = ReplicationView::take(rows(&other, "", &[("throughput", 1.0)]), &[]);
    assert!(view.is_none() && others.len() == 1);
}

/// A check of one topology takes that line's numbers and no other's; of losses the worst repetition counts.
#[test]
fn a_broken_promise_takes_the_numbers_of_its_topology_alone() {
    let case = of("failover", "postgres");
    let mut records = Vec::new();
    for (repetition, lost) in (1..).zip([0.0, 17.0, 3.0]) {
        let case = Case { repetition, ..case.clone() };
        let numbers = [("failover_rto_ms", 310.0), ("lost_commits", lost)];
        records.extend(rows(&case, "async", &numbers));
        for (name, value) in numbers {
            let row = Measurement::new(name, value, "1", Better::Lower).of("on");
            let row = row.with_status(Status::Failed, "did not hold: none_lost_on");
            records.push(record("r1", &case, &row));
        }
        let check = Measurement::new("check_none_lost_on", 0.0, "1", Better::Higher);
        let check = check.with_status(Status::Failed, "2 of 900 acknowledged commits are gone");
        records.push(record("r1", &case, &check));
    }
    let missing = without_number(Status::Failed, "the replica does not connect").of("any-1-on");
    records.push(record("r1", &case, &missing));
    let options = RenderOptions { format: Format::Table, width: 100, styled: false };
    let view = |records: Vec<Record>| ReplicationView::take(records, &[]).0.unwrap();
    insta::assert_snapshot!(view(records.clone()).render(&options));

    // What is about no topology is about all.
    let check = Measurement::new("check_sums", 0.0, "1", Better::Higher);
    let check = check.with_status(Status::Failed, "they differ");
    records.push(record("r1", &case, &check));
    assert!(!view(records).render(&options).contains("310"));
}
