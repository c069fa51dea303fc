#![allow(clippy::unwrap_used, reason = "a failed set-up fails the test")]

use std::fs;
use std::time::{Duration, SystemTime};

use dbdyno_core::measurement::Second;
use dbdyno_core::{Case, Recorder as _, Status};
use hdrhistogram::Histogram;

use super::{Block, Report, report};
use crate::csv_lines::csv_line;
use crate::fixture::{case, repetitions, without_number};
use crate::record::{COLUMNS, Record};
use crate::run_folder::{RunFolder, file};
use crate::run_info::{RunInfo, TargetInfo};

const ROUNDS: [f64; 8] = [1.0, 1.01, 0.99, 1.005, 0.995, 1.015, 0.985, 1.002];

/// A run of two benchmarks on two engines, seconds and all; one case of a third failed, with words that are
/// HTML.
fn made() -> Report {
    let folder = tempfile::tempdir().unwrap();
    let run = RunFolder::create(folder.path(), "r1").unwrap();
    let target = |engine: &str| TargetInfo {
        target: engine.to_owned(),
        engine: engine.to_owned(),
        driver: "a_driver".to_owned(),
        engine_version: "1.0".to_owned(),
        server: "throwaway".to_owned(),
        settings: [("shared_buffers".to_owned(), "1GB".to_owned())].into(),
    };
    let info = RunInfo {
        outcome: Some("failed".to_owned()),
        command: vec!["dbdyno".into(), "run".into(), "oltp".into()],
        targets: vec![target("postgres"), target("sqlite")],
        ..RunInfo::default()
    };
    run.write_run_toml(&info).unwrap();
    let mut records = Vec::new();
    for (benchmark, engine, throughput) in [
        ("tpcb", "sqlite", 1000.0),
        ("tpcb", "postgres", 500.0),
        ("tpcc", "sqlite", 100.0),
        ("tpcc", "postgres", 101.0),
    ] {
        let case = case(benchmark, engine);
        records.extend(repetitions(&case, throughput, &ROUNDS));
        seconds(&run, &case, throughput);
    }
    let broken = case("ycsb-a", "postgres");
    let why = "the server said <script>alert(1)</script> | and *left*";
    records.push(crate::fixture::record("r1", &broken, &without_number(Status::Failed, why)));
    let mut bytes = csv_line(COLUMNS).unwrap();
    for record in &records {
        bytes.extend(csv_line(Record::fields(record)).unwrap());
    }
    fs::write(run.path().join(file::RESULTS), bytes).unwrap();
    report(&[run.path().to_owned()]).unwrap()
}

fn seconds(run: &RunFolder, case: &Case, throughput: f64) {
    let began = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    for second in 0..8 {
        let mut response_ns = Histogram::new(3).unwrap();
        for value in 1..=1000_u64 {
            response_ns.record(value * value * 1000 / throughput as u64).unwrap();
        }
        let measured = Second {
            second,
            warmup: false,
            transaction: "all".into(),
            completed: throughput as u64,
            errors: 0,
            retries: 0,
            response_ns,
        };
        run.second(case, began, &[measured]).unwrap();
    }
}

#[test]
fn the_first_screen_says_what_was_wrong_and_what_was_faster() {
    let report = made();
    let titles: Vec<&str> = report.sections.iter().map(|section| section.title.as_str()).collect();
    assert_eq!(titles, ["Summary", "By engine", "Response times", "Over time", "Conditions"]);
    let texts = report.sections[0].blocks.iter().map(|block| match block {
        Block::Text(text) => text.clone(),
        Block::Chart { title, .. } => title.clone(),
    });
    insta::assert_snapshot!(texts.collect::<Vec<_>>().join("\n"));
}

#[test]
fn html_needs_nothing_else_and_makes_text_of_what_engines_say() {
    let html = made().html();
    assert!(html.len() < 300_000, "{}", html.len());
    for outside in ["src=", "@import", "url(http", "<link", "href=\"http"] {
        assert!(!html.contains(outside), "{outside}");
    }
    assert_eq!(html.matches("<script>").count(), 1);
    assert!(html.contains("&lt;script&gt;alert(1)&lt;/script&gt;"));
    assert_eq!(html.matches("<svg").count(), 4);
    assert_eq!(html.matches("role=\"img\"").count(), 4);
    let tables = html.matches("<table>").count();
    assert_eq!(html.matches("</table></div>").count(), tables);
    // Each name is there once, or links and pictures go astray.
    let mut ids: Vec<&str> =
        html.split(" id=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    let all = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), all);
}

#[test]
fn markdown_shows_its_pictures() {
    let (text, pictures) = made().markdown("report-charts");
    assert_eq!(pictures.len(), 4);
    for picture in &pictures {
        assert!(text.contains(&format!("(report-charts/{})", picture.name)), "{}", picture.name);
        roxmltree::Document::parse(&picture.svg).unwrap();
    }
}
