#![allow(clippy::unwrap_used, reason = "a failed set-up fails the test")]

use std::fs;
use std::time::{Duration, SystemTime};

use dbdyno_core::measurement::Second;
use dbdyno_core::{Case, Event, MetricInfo, Reading, Recorder as _, Sample, Source, Status};
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
    for (benchmark, engine, clients, throughput) in [
        ("tpcb", "sqlite", 8, 1000.0),
        ("tpcb", "postgres", 8, 500.0),
        ("tpcc", "sqlite", 4, 100.0),
        ("tpcc", "postgres", 4, 101.0),
    ] {
        let case = Case { clients, ..case(benchmark, engine) };
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
    samples(&run);
    let killed =
        Event { at: BEGAN + Duration::from_secs(3), ..Event::now("server_killed", "by the test") };
    run.event(&case("tpcb", "postgres"), &killed).unwrap();
    let at = BEGAN + Duration::from_secs(5);
    let fired = Event { at, code: "slow".to_owned(), ..Event::now("alert_fired", "by the test") };
    run.event(&case("tpcb", "postgres"), &fired).unwrap();
    report(&[run.path().to_owned()]).unwrap()
}

static HITS: MetricInfo = MetricInfo::counter("cache_hits", "1", "");
static MISSES: MetricInfo = MetricInfo::counter("cache_misses", "1", "");
static WAITS: MetricInfo = MetricInfo::gauge("lock_waits", "1", "");
static BUSY: MetricInfo = MetricInfo::counter("cpu_s", "s", "");

/// Nine of ten pages are found, and half a processor is used; sessions wait for a lock in the last second alone, and never
/// on SQLite.
fn samples(run: &RunFolder) {
    for second in 0..10_u32 {
        let sample = |source, target: &str, metric, value, per_second: Option<f64>| Sample {
            at: BEGAN + Duration::from_secs(second.into()),
            source,
            target: target.to_owned(),
            reading: Reading { metric, of: String::new(), value },
            per_second: per_second.filter(|_| second > 0),
        };
        let count = f64::from(second);
        run.samples(&[
            sample(Source::Engine, "postgres", &HITS, 90.0 * count, Some(90.0)),
            sample(Source::Engine, "postgres", &MISSES, 10.0 * count, Some(10.0)),
            sample(Source::Engine, "postgres", &WAITS, f64::from(second / 9 * 2), None),
            sample(Source::Engine, "sqlite", &WAITS, 0.0, None),
            sample(Source::Server, "postgres", &BUSY, 0.5 * count, Some(0.5)),
            sample(Source::Client, "", &BUSY, 0.25 * count, Some(0.25)),
        ])
        .unwrap();
    }
}

const BEGAN: SystemTime = SystemTime::UNIX_EPOCH;

fn seconds(run: &RunFolder, case: &Case, throughput: f64) {
    let began = BEGAN;
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
    assert_eq!(
        titles,
        [
            "Summary",
            "By engine",
            "Response times",
            "Over time",
            "Servers and machine",
            "Conditions"
        ]
    );
    let texts = report.sections[0].blocks.iter().map(|block| match block {
        Block::Text(text) => text.clone(),
        Block::Chart { title, .. } => title.clone(),
    });
    insta::assert_snapshot!(texts.collect::<Vec<_>>().join("\n"));
}

#[test]
fn pictures_say_in_words_what_happened_and_what_servers_told() {
    let report = made();
    let blocks = |title: &str| {
        let section = report.sections.iter().find(|section| section.title == title).unwrap();
        section.blocks.iter().map(|block| match block {
            Block::Text(text) => text.clone(),
            Block::Chart { svg, .. } => {
                let told = svg.split("<desc").nth(1).and_then(|rest| rest.split('>').nth(1));
                told.unwrap().trim_end_matches("</desc").to_owned()
            }
        })
    };
    let over_time: Vec<String> = blocks("Over time").collect();
    let marked: Vec<&String> = over_time.iter().filter(|told| told.contains("At ")).collect();
    assert_eq!(marked.len(), 1, "{over_time:?}");
    let told =
        ["At 3.00: the server was killed (postgres).", "At 5.00: an alert fired: slow (postgres)."];
    assert!(told.iter().all(|told| marked[0].contains(told)), "{}", marked[0]);
    insta::assert_snapshot!(blocks("Servers and machine").collect::<Vec<_>>().join("\n"));
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
    assert_eq!(html.matches("<svg").count(), 7);
    assert_eq!(html.matches("role=\"img\"").count(), 7);
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
    assert_eq!(pictures.len(), 7);
    for picture in &pictures {
        assert!(text.contains(&format!("(report-charts/{})", picture.name)), "{}", picture.name);
        roxmltree::Document::parse(&picture.svg).unwrap();
    }
}

/// A run of 200 cases: fifty benchmarks on four targets, each with eight seconds of its load.
fn large() -> Report {
    let folder = tempfile::tempdir().unwrap();
    let run = RunFolder::create(folder.path(), "r1").unwrap();
    let mut bytes = csv_line(COLUMNS).unwrap();
    for number in 0..50_u32 {
        for (place, engine) in (1_u32..).zip(["sqlite", "postgres", "mariadb", "mysql"]) {
            let case = case(&format!("benchmark-{number}"), engine);
            let throughput = 1000.0 / f64::from(place) + f64::from(number);
            for record in repetitions(&case, throughput, &ROUNDS) {
                bytes.extend(csv_line(Record::fields(&record)).unwrap());
            }
            seconds(&run, &case, throughput);
        }
    }
    fs::write(run.path().join(file::RESULTS), bytes).unwrap();
    samples(&run);
    report(&[run.path().to_owned()]).unwrap()
}

#[test]
fn a_report_of_200_cases_begins_with_a_digest_and_is_small() {
    let report = large();
    let Some(Block::Text(digest)) = report.sections[0].blocks.get(1) else {
        panic!("{:?}", report.sections[0])
    };
    assert!(digest.contains("| oltp | sqlite, in 50 of 50 |"), "{digest}");
    assert!(digest.contains("| 50 of 50 shown |"), "{digest}");
    let html = report.html();
    assert!(html.matches("<svg").count() >= 50, "{}", html.matches("<svg").count());
    assert!(html.len() < 3_000_000, "{}", html.len());
}
