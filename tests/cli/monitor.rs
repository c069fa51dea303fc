//! What is sampled beside a run, and `dbdyno monitor`.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use dbdyno_tests::wait_for;

use crate::desk::{Desk, code, ended, err, out};

/// The sources and targets that a file of samples tells of.
fn sources(folder: &Path) -> BTreeSet<(String, String)> {
    let mut reader = csv::Reader::from_path(folder.join("metrics.csv")).unwrap();
    let header: Vec<String> = reader.headers().unwrap().iter().map(str::to_owned).collect();
    assert_eq!(header.join(","), "run_id,at,source,target,metric,of,kind,value,per_second,unit");
    let run_id = folder.file_name().unwrap().to_str().unwrap();
    let rows = reader.records().map(|row| {
        let row = row.unwrap();
        assert_eq!(&row[0], run_id);
        row[7].parse::<f64>().unwrap();
        (row[2].to_owned(), row[3].to_owned())
    });
    rows.collect()
}

#[test]
fn a_run_keeps_samples_unless_told_not_to() {
    let desk = Desk::new();
    let output = desk.run(&["oltp/point-select"]);
    assert_eq!(code(&output), 0, "{}", err(&output));
    let found = sources(&desk.runs()[0]);
    let of = |source: &str, target: &str| found.contains(&(source.to_owned(), target.to_owned()));
    assert!(of("machine", "") && of("client", "") && of("engine", "sqlite"), "{found:?}");

    let output = desk.run(&["oltp/point-select", "--no-monitor", "--out", "without"]);
    assert_eq!(code(&output), 0, "{}", err(&output));
    let without = fs::read_dir(desk.path("without")).unwrap().next().unwrap().unwrap().path();
    assert!(without.join("results.csv").exists() && !without.join("metrics.csv").exists());
}

/// A second thread makes SQLite's system calls dearer, so that sampling would cost what it is not to.
#[test]
fn a_load_of_one_client_on_sqlite_is_sampled_and_has_its_process_to_itself() {
    let desk = Desk::new();
    let words = ["run", "oltp/point-select", "--clients", "1", "--warmup", "0", "--duration", "8s"];
    let mut child = desk.start(&words);
    let tasks = format!("/proc/{}/task", child.id());
    let threads = || fs::read_dir(&tasks).map_or(0, Iterator::count);
    wait_for("the thread that samples", || (threads() > 1).then_some(()));
    wait_for("a load that is alone", || (threads() == 1).then_some(()));
    assert!(child.try_wait().unwrap().is_none(), "it has not ended");
    let output = ended(child);
    assert_eq!(code(&output), 0, "{}", err(&output));
    let text = fs::read_to_string(desk.runs()[0].join("metrics.csv")).unwrap();
    let of_engine = text.lines().filter(|line| line.contains(",engine,sqlite,cache_hits,"));
    let hits: Vec<f64> =
        of_engine.map(|line| line.split(',').nth(7).unwrap().parse().unwrap()).collect();
    assert!(
        hits.len() >= 4 && hits.windows(2).filter(|pair| pair[1] > pair[0]).count() >= 3,
        "{hits:?}"
    );
}

#[test]
fn a_target_is_watched_without_a_load() {
    let desk = Desk::new();
    let target = format!("sqlite:{}", desk.path("app.db"));
    let output = desk.run(&["oltp/point-select", "--target", &target, "--out", "loaded"]);
    assert_eq!(code(&output), 0, "{}", err(&output));
    let output = desk.dbdyno(&[
        "monitor",
        "--target",
        &target,
        "--duration",
        "300ms",
        "--interval",
        "100ms",
    ]);
    assert_eq!(code(&output), 0, "{}", err(&output));
    let text = out(&output);
    assert!(text.starts_with("time     target") && text.contains("samples in runs/"), "{text}");
    let found = sources(&desk.runs()[0]);
    assert!(found.contains(&("engine".to_owned(), target)), "{found:?}");

    let gone = format!("sqlite:{}", desk.path("gone.db"));
    let output = desk.dbdyno(&["monitor", "--target", &gone, "--duration", "200ms"]);
    assert_eq!(code(&output), 2, "{}", err(&output));
    let told = format!("! {gone} told nothing: see to it that it is there");
    assert!(err(&output).contains(&told), "{}", err(&output));

    let output = desk.dbdyno(&["monitor", "--target", "sqlite", "--interval", "1ms"]);
    assert_eq!(code(&output), 2);
    assert!(err(&output).contains("100ms is the shortest interval"), "{}", err(&output));
}
