#![allow(clippy::unwrap_used, reason = "a failed set-up fails the test")]

use dbdyno_core::{Better, Case, Measurement, Status};

use super::PoolView;
use crate::fixture::{case, latency, record, throughput, without_number};
use crate::record::Record;
use crate::render::{Format, RenderOptions};

fn of(benchmark: &str, engine: &str, clients: u32) -> Case {
    Case { suite: "pool".to_owned(), clients, ..case(benchmark, engine) }
}

/// The rows of a load.
fn load(case: &Case, name: &str, tps: f64, timeouts: f64) -> Vec<Record> {
    let number = |name: &str, value: f64| Measurement::new(name, value, "1", Better::Lower);
    let wait_us = 1e6 / tps;
    let rows = [
        throughput(tps),
        latency("p50", 3.0 * wait_us),
        latency("p99", 40.0 * wait_us),
        Measurement::new("acquire_p50_us", wait_us, "us", Better::Lower),
        Measurement::new("acquire_p99_us", 20.0 * wait_us, "us", Better::Lower),
        number("queue_depth_mean", 5_000.0 / tps),
        number("queue_depth_max", 15.0),
        number("connections_open_max", 8.0),
        number("acquire_timeouts", timeouts),
        number("fairness_jain", 0.987),
        number("pool_size", 8.0),
    ];
    rows.into_iter().map(|row| record("r1", case, &row.of(name))).collect()
}

fn law(size: u32, lambda: f64, sigma: f64, kappa: f64) -> f64 {
    let n = f64::from(size);
    lambda * n / (1.0 + sigma * (n - 1.0) + kappa * n * (n - 1.0))
}

/// A sweep of two kinds of pools; `factors` are those of the repetitions.
fn sweep(case: &Case, factors: &[f64]) -> Vec<Record> {
    let mut records = Vec::new();
    for (repetition, factor) in (1..).zip(factors) {
        let case = Case { repetition, ..case.clone() };
        // In an order of their own.
        for size in [8, 2, 16, 1, 4] {
            records.extend(load(
                &case,
                &format!("deadpool-{size}"),
                law(size, 500.0, 0.1, 0.012) * factor,
                0.0,
            ));
            let behind = law(size, 300.0, 0.02, 0.001) * factor;
            records.extend(load(
                &case,
                &format!("pgbouncer-session-{size}"),
                behind,
                f64::from(16 / size),
            ));
        }
        records.extend(load(&case, "direct", 1_400.0 * factor, 0.0));
    }
    records
}

fn shown(records: Vec<Record>, width: usize) -> String {
    let (view, _) = PoolView::take(records, &[]);
    view.unwrap().render(&RenderOptions { width, ..RenderOptions::default() })
}

/// Two targets and two numbers of clients, one of them without results, one kind of pool not installed.
fn records() -> Vec<Record> {
    let postgres = of("tpcb", "postgres", 16);
    let mut records = sweep(&postgres, &[1.0, 0.98, 1.03]);
    let missing = without_number(
        Status::Unsupported,
        "`pgbouncer` is not installed; `apt-get install pgbouncer`",
    );
    for size in [1, 2] {
        let name = format!("pgbouncer-transaction-{size}");
        records.push(record("r1", &postgres, &missing.clone().of(name)));
    }
    let mariadb = of("tpcb", "mariadb", 4);
    for size in [1, 2, 4] {
        let name = format!("deadpool-{size}");
        records.extend(load(&mariadb, &name, law(size, 700.0, 0.9, 0.0), 0.0));
    }
    let lacking = without_number(Status::Unsupported, "its driver has no connection pool");
    records.push(record("r1", &of("tpcb", "sqlite", 16), &lacking));
    records.push(record("r1", &case("tpcb", "sqlite"), &throughput(3.0)));
    records
}

#[test]
fn one_look_tells_which_pool_is_enough() {
    let targets = ["mariadb", "postgres", "sqlite"].map(str::to_owned);
    let (view, others) = PoolView::take(records(), &targets);
    assert_eq!(others.len(), 1);
    let view = view.unwrap();
    let wide = RenderOptions { width: 120, ..RenderOptions::default() };
    insta::assert_snapshot!("wide", view.render(&wide));
    let narrow = view.render(&RenderOptions::default());
    assert!(narrow.lines().all(|line| line.chars().count() <= 80), "{narrow}");
    insta::assert_snapshot!("80", narrow);
    let markdown = RenderOptions { format: Format::Markdown, ..RenderOptions::default() };
    insta::assert_snapshot!("markdown", view.render(&markdown));
}

/// The line of a kind of pool that gives advice.
fn advice(text: &str, kind: &str) -> String {
    let start = text.find(&format!("\n{kind}: ")).unwrap() + 1;
    let lines: Vec<&str> = text[start..].lines().collect();
    let end = lines.iter().skip(1).position(|line| !line.starts_with("  ")).unwrap() + 1;
    lines[..end].iter().map(|line| line.trim()).collect::<Vec<_>>().join(" ")
}

/// Throughputs of sizes 1, 2, 4 and so on, in each repetition.
fn advised(throughputs: &[&[f64]], clients: u32) -> String {
    let mut records = Vec::new();
    for (repetition, of_sizes) in (1..).zip(throughputs) {
        let case = Case { repetition, ..of("tpcb", "postgres", clients) };
        for (power, tps) in of_sizes.iter().enumerate() {
            records.extend(load(&case, &format!("deadpool-{}", 1 << power), *tps, 0.0));
        }
    }
    advice(&shown(records, 300), "deadpool")
}

#[test]
fn the_smallest_pool_within_3_percent_of_the_best_is_enough() {
    let once = advised(&[&[500.0, 900.0, 1_460.0, 1_500.0, 1_480.0]], 16);
    assert!(once.starts_with("deadpool: a pool of 4 is enough: 97.3% of the throughput of one of 8, the best; one of 2 does 60.0%; measured once"), "{once}");
    // 96.9 % is not enough.
    let best = advised(&[&[500.0, 900.0, 1_454.0, 1_500.0]], 8);
    assert!(best.starts_with("deadpool: a pool of 8 does most; one of 4 does 96.9%"), "{best}");
    let growing = advised(&[&[500.0, 900.0, 1_300.0]], 16);
    assert!(
        growing.contains("a pool of 4 does most")
            && growing.contains("a larger one was not measured"),
        "{growing}"
    );
    let flat = advised(&[&[500.0, 500.0, 490.0]], 4);
    assert!(flat.starts_with("deadpool: a pool of 1 is enough: larger ones do no more;"), "{flat}");
    assert_eq!(advised(&[&[500.0]], 1), "deadpool: only a pool of 1 was measured");
}

#[test]
fn rounds_say_how_sure_it_is() {
    // The machine grows slower, which touches all sizes alike.
    let steady = [1.0, 0.8, 0.6].map(|slow| [500.0 * slow, 990.0 * slow, 1_000.0 * slow]);
    let steady: Vec<&[f64]> = steady.iter().map(<[f64; 3]>::as_slice).collect();
    let text = advised(&steady, 4);
    assert_eq!(
        text,
        "deadpool: a pool of 2 is enough: 99.0% (99.0% to 99.0% in 3 rounds) of the throughput of one of 4, the \
         best; one of 1 does 50.0% (50.0% to 50.0% in 3 rounds)"
    );
    let near = [970.0, 975.0, 960.0, 985.0, 971.0, 980.0].map(|tps| [500.0, tps, 1_000.0]);
    let near: Vec<&[f64]> = near.iter().map(<[f64; 3]>::as_slice).collect();
    let text = advised(&near, 4);
    assert!(text.contains("a pool of 2 is enough: 97.3% (96.0% to 98.5%) of"), "{text}");
    assert!(text.ends_with("too near to 97% for these rounds to be sure"), "{text}");
}

#[test]
fn failed_and_interrupted_cases_do_not_advise_wrongly() {
    let case = of("tpcb", "postgres", 16);
    let mut failed = sweep(&case, &[1.0]);
    failed.iter_mut().for_each(|row| row.status = Status::Failed);
    let check = Measurement::new("check_pool_size_kept_deadpool-8", 0.0, "1", Better::Higher)
        .with_status(Status::Failed, "at most 8 connections may be open; the pool told of 9");
    failed.push(record("r1", &case, &check));
    let text = shown(failed, 120);
    assert!(!text.contains("nothing was done") && !text.contains("takes 4"), "{text}");
    assert!(
        text.contains("failed: pool_size_kept_deadpool-8: at most 8 connections may be open"),
        "{text}"
    );
    assert!(!text.contains("is enough") && !text.contains("1,400"), "{text}");
    // What was measured before the end was asked for stands.
    let mut interrupted = Vec::new();
    for size in [1, 2] {
        let name = format!("deadpool-{size}");
        interrupted.extend(load(&case, &name, 100.0 * f64::from(size), 0.0));
    }
    interrupted.iter_mut().for_each(|row| row.status = Status::Interrupted);
    interrupted.push(record(
        "r1",
        &case,
        &without_number(Status::Interrupted, "the end was asked for"),
    ));
    let text = shown(interrupted, 120);
    assert!(
        text.contains("a pool of 2 does most") && text.contains("interrupted: the end was"),
        "{text}"
    );
}

#[test]
fn time_outs_are_told_with_the_advice() {
    let case = of("read-mostly", "postgres", 8);
    let mut records = Vec::new();
    for (size, tps) in [(1, 990.0), (2, 1_000.0)] {
        records.extend(load(&case, &format!("sqlx-{size}"), tps, 7.0));
    }
    let text = advice(&shown(records, 300), "sqlx");
    assert!(text.contains("waits for a connection that timed out, though: 7"), "{text}");
}

#[test]
fn a_size_beyond_the_clients_is_no_more_load() {
    let case = of("tpcb", "postgres", 8);
    let mut records = Vec::new();
    for size in [1, 2, 4, 8, 16, 32] {
        let tps = law(size.min(8), 500.0, 0.1, 0.0);
        records.extend(load(&case, &format!("deadpool-{size}"), tps, 0.0));
    }
    let (view, _) = PoolView::take(records, &[]);
    let charts = view.unwrap().charts();
    let fit = charts[0].curves[0].fit.as_ref().unwrap();
    assert_eq!(fit.loads, (1.0, 8.0));
    assert!((fit.sigma.value - 0.1).abs() < 1e-6 && fit.kappa.value == 0.0, "{fit:?}");
    assert_eq!(charts[0].curves[0].points.len(), 6);
}

#[test]
fn charts_have_a_curve_for_each_kind() {
    let (view, _) = PoolView::take(records(), &[]);
    let charts = view.unwrap().charts();
    let found: Vec<_> =
        charts.iter().map(|chart| (chart.title.as_str(), chart.curves.len())).collect();
    let expected =
        [("pool/tpcb on mariadb, 4 clients", 1), ("pool/tpcb on postgres, 16 clients", 3)];
    assert_eq!(found, expected);
    assert!(charts.iter().all(|chart| chart.svg().contains("connections")));
}

#[test]
fn kinds_beyond_those_of_a_chart_go_on_in_another() {
    let case = of("tpcb", "postgres", 8);
    let mut records = load(&case, "direct", 900.0, 0.0);
    for kind in ["bb8", "deadpool", "driver", "pgbouncer", "r2d2", "sqlx"] {
        records.extend(load(&case, &format!("{kind}-4"), 1_000.0, 0.0));
    }
    let (view, _) = PoolView::take(records, &[]);
    let charts = view.unwrap().charts();
    let names = |chart: usize| -> Vec<&str> {
        charts[chart].curves.iter().map(|curve| curve.name.as_str()).collect()
    };
    assert_eq!(charts.len(), 2);
    assert_eq!(names(0), ["direct", "bb8", "deadpool", "driver", "pgbouncer", "r2d2"]);
    assert_eq!(names(1), ["direct", "sqlx"]);
    assert_eq!(charts[1].title, "pool/tpcb on postgres, 8 clients (2)");
}

/// The rounds in which something was done would be of a choice of rounds.
#[test]
fn a_repetition_in_which_nothing_was_done_leaves_no_ratio_and_no_advice() {
    let mut records = Vec::new();
    for repetition in 1..=3 {
        let case = Case { repetition, ..of("tpcb", "postgres", 8) };
        let stood_still = if repetition == 2 { 0.0 } else { 1.0 };
        records.extend(load(&case, "direct", 1_000.0 * stood_still, 0.0));
        records.extend(load(&case, "deadpool-1", 500.0, 0.0));
        records.extend(load(&case, "deadpool-2", 1_000.0 * stood_still, 0.0));
    }
    let text = shown(records, 300);
    assert_eq!(
        advice(&text, "deadpool"),
        "deadpool: nothing is advised, for in a whole repetition nothing was done"
    );
    let why = "x direct: deadpool-1, deadpool-2: no ratio, for direct is 0 in 1 of 3 rounds";
    assert!(text.contains(why) && !text.contains("numbers of connections"), "{text}");
    assert!(!text.contains("0.50x"), "{text}");
}

#[test]
fn ratios_that_rounds_cannot_tell_from_chance_are_marked() {
    let mut records = Vec::new();
    for (repetition, noise) in (1..).zip([-3.0, 2.0, -1.0, 1.0, 3.0, -2.0, 0.5, -0.5]) {
        let case = Case { repetition, ..of("tpcb", "postgres", 8) };
        records.extend(load(&case, "direct", 1_000.0, 0.0));
        records.extend(load(&case, "deadpool-1", 500.0, 0.0));
        records.extend(load(&case, "deadpool-2", 1_000.0 + noise, 0.0));
    }
    let text = shown(records, 300);
    assert!(text.contains(" 0.50x ") && text.contains(" 1.00x? "), "{text}");
    let legend = "x direct: ? is no difference that 8 rounds can show with 2 ratios at once";
    assert!(text.contains(legend), "{text}");
}

#[test]
fn connections_that_are_opened_anew_are_held_against_others_by_rounds() {
    let mut records = Vec::new();
    for (repetition, noise) in (1..).zip([-3.0, 2.0, -1.0, 1.0, 3.0, -2.0, 0.5, -0.5]) {
        let case = Case { repetition, ..of("churn", "postgres", 8) };
        for (name, tps) in [("churn", 500.0), ("direct", 2_000.0), ("deadpool-4", 500.0 + noise)] {
            records.extend(load(&case, name, tps, 0.0));
        }
    }
    let text = shown(records, 300);
    assert!(text.contains(" 4.00x ") && text.contains(" 1.00x? "), "{text}");
    assert!(text.contains("; ? is no difference that 8 rounds can show with 2"), "{text}");
}

/// The rows of a pool in trouble.
fn told(case: &Case, load: &str, numbers: &[(&str, Option<f64>, &str)]) -> Vec<Record> {
    let row = |(metric, value, detail): &(&str, Option<f64>, &str)| {
        let row = Measurement::new(*metric, 0.0, "1", Better::Lower).of(load);
        record("r1", case, &Measurement { value: *value, detail: (*detail).to_owned(), ..row })
    };
    numbers.iter().map(row).collect()
}

fn troubles() -> Vec<Record> {
    let churn = of("churn", "postgres", 8);
    let mut records = Vec::new();
    for (load, tps) in [("direct", 2_000.0), ("deadpool-4", 1_900.0), ("churn", 250.0)] {
        records.extend(self::load(&churn, load, tps, 0.0));
    }
    let steps = [
        ("connect_socket_p50_us", Some(45.0), ""),
        ("connect_authentication_p50_us", Some(800.0), ""),
        ("connect_first_query_p50_us", Some(300.0), ""),
        ("connect_total_p50_us", Some(1_145.0), ""),
        ("connect_total_p95_us", Some(2_400.0), ""),
    ];
    records.extend(told(&churn, "", &steps));
    for engine in ["mariadb", "postgres"] {
        let burst = [
            ("acquire_before_p95_us", Some(120.0), ""),
            ("acquire_burst_p95_us", Some(52_000.0), ""),
            ("acquire_burst_max_us", Some(99_000.0), ""),
            ("acquire_timeouts", Some(0.0), ""),
            ("burst_recovery_ms", Some(200.0), ""),
        ];
        let never = "clients waited longer than before for all of 3.0 s";
        let mut slow = burst;
        slow[4] = ("burst_recovery_ms", None, never);
        records.extend(told(&of("burst", engine, 8), "sqlx-8", &slow));
        records.extend(told(&of("burst", engine, 8), "deadpool-8", &burst));
    }
    let leak = [
        ("leak_reported_ms", Some(1_003.0), "4 connections were forgotten"),
        ("acquire_timeouts", Some(8.0), ""),
        ("errors", Some(8.0), ""),
        ("errors_pool_timeout", Some(8.0), "Timeout occurred while waiting for a slot"),
        ("connections_open_max", Some(4.0), ""),
    ];
    records.extend(told(&of("leak", "postgres", 8), "deadpool-4", &leak));
    let restart = [
        ("server_down_ms", Some(400.0), "from SIGKILL until the server answers again"),
        ("pool_outage_ms", Some(450.0), ""),
        ("pool_recovery_ms", Some(50.0), ""),
        ("errors", Some(12.0), ""),
        ("errors_connection_lost", Some(12.0), "connection closed"),
    ];
    records.extend(told(&of("restart", "postgres", 8), "deadpool-4", &restart));
    let lacking = without_number(Status::Unsupported, "dbdyno kills only servers that it started");
    records.push(record("r1", &of("restart", "sqlite", 8), &lacking));
    let idle = [
        ("idle_timeout_ms", Some(1_000.0), ""),
        ("idle_closed_after_ms", Some(1_032.0), ""),
        ("connections_open_max", Some(4.0), ""),
        ("connections_left", Some(0.0), ""),
    ];
    records.extend(told(&of("idle", "postgres", 8), "deadpool-4", &idle));
    records
}

#[test]
fn each_trouble_has_a_table_that_answers_its_question() {
    let (view, others) = PoolView::take(troubles(), &[]);
    assert!(others.is_empty());
    let view = view.unwrap();
    assert!(view.charts().is_empty());
    let narrow = view.render(&RenderOptions::default());
    assert!(narrow.lines().all(|line| line.chars().count() <= 80), "{narrow}");
    insta::assert_snapshot!("troubles_80", narrow);
    let markdown = RenderOptions { format: Format::Markdown, ..RenderOptions::default() };
    insta::assert_snapshot!("troubles_markdown", view.render(&markdown));
}

#[test]
fn a_benchmark_without_a_table_is_left_to_others() {
    let unknown = of("a-later-one", "postgres", 8);
    let records = load(&unknown, "deadpool-4", 1.0, 0.0);
    let count = records.len();
    let (view, others) = PoolView::take(records, &[]);
    assert!(view.is_none());
    assert_eq!(others.len(), count);
}

#[test]
fn a_queue_over_time_is_read_from_the_first_run_folder_that_has_it() {
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let case = of("burst", "postgres", 2);
    let file =
        folders[1].path().join("pools").join("burst-postgres-serializable-full-2-clients-1.csv");
    std::fs::create_dir(file.parent().unwrap()).unwrap();
    let looks = "stage,at_ms,queue_depth,connections_open,connections_idle,server_sessions\n\
                 deadpool-2,20,0,2,0,\ndeadpool-2,1040,18,2,0,2\nsqlx-2,1500,17,2,0,\nsqlx-2,15";
    std::fs::write(file, looks).unwrap();
    let records = ["deadpool-2", "sqlx-2"].map(|load| load_of_burst(&case, load)).concat();
    let (view, _) = PoolView::take(records, &[]);
    let places: Vec<&std::path::Path> = folders.iter().map(tempfile::TempDir::path).collect();
    let charts = view.unwrap().queues(&places);
    assert_eq!(charts.len(), 1);
    assert_eq!(charts[0].title, "Clients waiting in pool/burst on postgres, 2 clients");
    let curves: Vec<_> =
        charts[0].curves.iter().map(|curve| (curve.name.as_str(), &curve.points[..])).collect();
    let expected: [(&str, &[(f64, f64)]); 2] =
        [("deadpool-2", &[(0.02, 0.0), (1.04, 18.0)]), ("sqlx-2", &[(1.5, 17.0)])];
    assert_eq!(curves, expected);
    assert!(charts[0].svg().contains("clients that wait"));
}

fn load_of_burst(case: &Case, load: &str) -> Vec<Record> {
    told(case, load, &[("burst_recovery_ms", Some(5.0), "")])
}
