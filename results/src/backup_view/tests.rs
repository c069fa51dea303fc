#![allow(clippy::unwrap_used, reason = "a failed set-up fails the test")]

use dbdyno_core::{Better, Case, Measurement, Status};

use super::BackupView;
use crate::fixture::{case, record};
use crate::record::Record;
use crate::render::{Format, RenderOptions};

fn of(benchmark: &str, engine: &str) -> Case {
    Case { suite: "backup".to_owned(), ..case(benchmark, engine) }
}

fn rows(case: &Case, method: &str, seconds: f64, ratio: f64) -> Vec<Record> {
    let new = |metric: &str, value: f64| Measurement::new(metric, value, "s", Better::Lower);
    let of_method = [
        new("backup_s", seconds),
        new("backup_mb_per_s", 150.0 / seconds),
        new("backup_bytes", 150e6 / ratio),
        new("data_to_backup_ratio", ratio),
        new("backup_cpu_s", seconds / 3.0),
        new("restore_s", 2.0 * seconds),
        new("restore_ready_s", 2.5 * seconds),
        Measurement { detail: "ACCESS SHARE".to_owned(), ..new("locks_held", 12.0) },
        new("lock_waiters", 0.0),
        new("writers_blocked_ms", 7.5 * seconds),
    ];
    let mut rows: Vec<Measurement> = of_method.into_iter().map(|row| row.of(method)).collect();
    for (phase, tps, p99, pause) in [
        ("before", 2_000.0, 4e3, 12.0),
        ("during", 1_500.0, 12e3, 250.0),
        ("after", 2_000.0, 4e3, 9.0),
    ] {
        let of_phase = [
            new("throughput", tps),
            new("errors", 0.0),
            new("latency_p99_us", p99),
            new("longest_pause_ms", pause),
        ];
        rows.extend(of_phase.into_iter().map(|row| row.of(format!("{method}/{phase}"))));
    }
    for what in ["restored", "conditions", "ledger"] {
        rows.push(Measurement::new(format!("check_{what}_{method}"), 1.0, "1", Better::Higher));
    }
    rows.iter().map(|row| record("r1", case, row)).collect()
}

fn without(case: &Case, method: &str, status: Status, why: &str) -> Record {
    let row = Measurement::new("backup_s", 0.0, "s", Better::Lower).of(method);
    record("r1", case, &Measurement { value: None, ..row.with_status(status, why) })
}

fn broken(case: &Case, check: &str, why: &str) -> Record {
    let row = Measurement::new(format!("check_{check}"), 0.0, "1", Better::Higher);
    record("r1", case, &row.with_status(Status::Failed, why))
}

fn render(records: Vec<Record>, width: usize) -> String {
    let targets = ["postgres", "mariadb", "sqlite"].map(str::to_owned);
    let (view, rest) = BackupView::take(records, &targets);
    assert!(rest.is_empty());
    view.unwrap().render(&RenderOptions { format: Format::Table, width, styled: false })
}

fn all() -> Vec<Record> {
    let mut records = Vec::new();
    for benchmark in ["idle", "tpcc"] {
        let (postgres, mariadb) = (of(benchmark, "postgres"), of(benchmark, "mariadb"));
        records.extend(rows(&postgres, "pg_basebackup", 0.8, 0.9));
        records.extend(rows(&postgres, "pg_basebackup-gzip", 4.2, 3.1));
        records.extend(rows(&mariadb, "mariadb-dump", 1.6, 1.2));
        records.push(broken(
            &postgres,
            "ledger_pg_basebackup-gzip",
            "of the ledger 17 was committed before, and is missing",
        ));
        records.push(without(
            &mariadb,
            "mariadb-incremental",
            Status::Unsupported,
            "mariadb-backup was not found; install it: sudo apt-get install mariadb-backup",
        ));
        records.push(without(
            &mariadb,
            "mariadb-binlog",
            Status::Failed,
            "cannot make a backup: it ended\n  | No space left on device",
        ));
    }
    records
}

#[test]
fn a_method_has_a_line_and_what_went_wrong_has_words() {
    insta::assert_snapshot!(render(all(), 120));
}

#[test]
fn it_fits_a_narrow_terminal() {
    let text = render(all(), 80);
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    // No cell was broken over lines.
    assert!(text.contains("\n mariadb-incremental  "), "{text}");
}

#[test]
fn a_method_that_is_not_verified_takes_nothing_from_the_others() {
    let text = render(all(), 120);
    let line = |method: &str| text.lines().find(|line| line.trim().starts_with(method)).unwrap();
    assert!(line("pg_basebackup ").ends_with("yes") && line("pg_basebackup ").contains("0.80"));
    assert!(line("pg_basebackup-gzip").ends_with("NO"), "{text}");
}

#[test]
fn a_backup_whose_rows_nobody_compared_is_verified_in_part() {
    let case = of("tpcc", "postgres");
    let mut records = rows(&case, "pg_basebackup", 1.0, 1.0);
    records.extend(rows(&case, "pg_dump", 1.0, 1.0));
    let untold = Measurement::new("rows_untold", 1.0, "1", Better::Lower).of("pg_basebackup");
    let why = "cannot have the server keep its log: no more\n  | replication slots";
    records.push(record("r1", &case, &Measurement { detail: why.to_owned(), ..untold }));
    let text = render(records.clone(), 160);
    let line = |method: &str| text.lines().find(|line| line.trim().starts_with(method)).unwrap();
    assert!(
        line("pg_basebackup").ends_with(" in part") && line("pg_dump").ends_with(" yes"),
        "{text}"
    );
    let note = "backup/tpcc on postgres, pg_basebackup: rows not compared: cannot have the server keep its log: no \
                more | replication slots";
    assert!(text.contains(note), "{text}");
    // What was found wrong, or is not known at all, says more.
    records.push(broken(&case, "ledger_pg_basebackup", "1 was committed before, and is missing"));
    let text = render(records, 160);
    let line = text.lines().find(|line| line.trim().starts_with("pg_basebackup")).unwrap();
    assert!(line.ends_with("NO"), "{text}");
}

#[test]
fn results_without_locks_have_no_table_of_them() {
    let mut records = rows(&of("tpcc", "postgres"), "pg_dump", 1.0, 1.0);
    let of_locks = ["locks_held", "lock_waiters", "writers_blocked_ms", "errors"];
    records.retain(|record| !of_locks.contains(&&*record.metric));
    let text = render(records, 120);
    assert!(text.contains("backup/tpcc ") && !text.contains("tpcc locks"), "{text}");
}

#[test]
fn a_method_has_a_chart_on_which_its_backup_is_marked() {
    let case = of("tpcc", "postgres");
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("backups")).unwrap();
    let file = format!("{}.csv", crate::run_folder::file_stem(&case));
    let text = "method,phase,from_ms,to_ms,ended,errors,latency_p99_us,latency_max_us\n\
                pg_dump,before,0.000,250.000,500,0,4000.0,4100.0\n\
                pg_dump,during,250.000,450.000,100,0,9000.0,9100.0\n\
                pg_dump,during,450.000,650.000,0,0,,\n\
                pg_dump,after,650.000,900.000,500,0,4000.0,4100.0\n\
                pg_receivewal,before,0.000,250.000,50";
    std::fs::write(folder.path().join("backups").join(file), text).unwrap();
    let (view, _) = BackupView::take(rows(&case, "pg_dump", 0.4, 1.0), &[]);
    let nowhere = tempfile::tempdir().unwrap();
    let charts = view.unwrap().courses(&[nowhere.path(), folder.path()]);
    let titles: Vec<&str> = charts.iter().map(|chart| chart.title.as_str()).collect();
    assert_eq!(titles[0], "backup/tpcc on postgres while pg_dump makes a backup");
    assert_eq!(charts[0].marks.iter().map(|(at, _)| *at).collect::<Vec<_>>(), [0.25, 0.65]);
    let points: Vec<_> = charts[0].curves.iter().map(|curve| curve.points.clone()).collect();
    assert_eq!(points[0], [(0.125, 2_000.0), (0.35, 500.0), (0.55, 0.0), (0.775, 2_000.0)]);
    assert_eq!(points[1], [(0.125, 4.0), (0.35, 9.0), (0.775, 4.0)]);
    let svg = charts[0].svg();
    roxmltree::Document::parse(&svg).unwrap();
    assert!(svg.contains("the backup begins") && svg.contains("p99, ms"));
}

#[test]
fn records_of_other_suites_are_left() {
    let others = vec![record(
        "r1",
        &case("tpcb", "postgres"),
        &Measurement::new("throughput", 1.0, "1/s", Better::Higher),
    )];
    let (view, rest) = BackupView::take(others, &[]);
    assert!(view.is_none() && rest.len() == 1);
}
