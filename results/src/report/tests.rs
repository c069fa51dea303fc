#![allow(clippy::unwrap_used, clippy::panic, reason = "a failed set-up fails the test")]

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime};

use dbdyno_core::measurement::Second;
use dbdyno_core::{
    Better, Case, Event, Isolation, Measurement, MetricInfo, Reading, Recorder as _, Sample,
    Source, Status,
};
use hdrhistogram::Histogram;

use super::{Block, Report, report};
use crate::csv_lines::csv_line;
use crate::fixture::{case, record, repetitions, without_number};
use crate::markup::plain;
use crate::record::{COLUMNS, Record};
use crate::run_folder::{RunFolder, file};
use crate::run_info::{RunInfo, TargetInfo};

mod clients;
mod levels;
mod several;
mod told_first;

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
    records.push(record("r1", &broken, &without_number(Status::Failed, why)));
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
    report(&[run.path().to_owned()], false).unwrap()
}

static HITS: MetricInfo = MetricInfo::counter("cache_hits", "1", "");
static MISSES: MetricInfo = MetricInfo::counter("cache_misses", "1", "");
static WAITS: MetricInfo = MetricInfo::gauge("lock_waits", "1", "");
static BUSY: MetricInfo = MetricInfo::counter("cpu_s", "s", "");

/// Nine of ten pages are found, and half a processor is used; sessions wait for a lock in the last second alone, and never
/// on SQLite.
fn samples(run: &RunFolder) {
    for second in 0..10_u32 {
        let sample = |source, target, metric, value, per_second| {
            sample(
                second,
                (source, target),
                Reading { metric, of: String::new(), value },
                per_second,
            )
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

/// What was read in a second; in the first there is nothing to take a rate from.
fn sample(
    second: u32,
    (source, target): (Source, &str),
    reading: Reading,
    per_second: Option<f64>,
) -> Sample {
    Sample {
        at: BEGAN + Duration::from_secs(second.into()),
        taken: Instant::now(),
        source,
        target: target.to_owned(),
        reading,
        per_second: per_second.filter(|_| second > 0),
    }
}

/// A run of these rows, with `run.toml` and events, and what a report of it says first.
struct Made {
    root: tempfile::TempDir,
    run: RunFolder,
}

impl Made {
    fn of(name: &str, records: &[Record], info: &RunInfo) -> Self {
        let root = tempfile::tempdir().unwrap();
        let run = RunFolder::create(root.path(), name).unwrap();
        run.write_run_toml(info).unwrap();
        let mut bytes = csv_line(COLUMNS).unwrap();
        for record in records {
            let mut record = record.clone();
            record.run_id = name.into();
            bytes.extend(csv_line(Record::fields(&record)).unwrap());
        }
        fs::write(run.path().join(file::RESULTS), bytes).unwrap();
        Self { root, run }
    }

    fn path(&self, file: &str) -> PathBuf {
        self.run.path().join(file)
    }

    fn first_screen(&self) -> String {
        first_screen(&report(&[self.run.path().to_owned()], false).unwrap())
    }
}

fn first_screen(report: &Report) -> String {
    let texts = report.sections[0].blocks.iter().map(|block| match block {
        Block::Text(text) | Block::Folded { text, .. } => text.clone(),
        Block::Chart { title, .. } => title.clone(),
    });
    texts.collect::<Vec<_>>().join("\n")
}

fn ended(outcome: &str, repetitions: u32) -> RunInfo {
    let mut info = RunInfo { outcome: Some(outcome.to_owned()), ..RunInfo::default() };
    info.options.insert("repetitions".to_owned(), repetitions.to_string());
    info
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
    insta::assert_snapshot!(first_screen(&report));
}

#[test]
fn pictures_say_in_words_what_happened_and_what_servers_told() {
    let report = made();
    let blocks = |title: &str| {
        let section = report.sections.iter().find(|section| section.title == title).unwrap();
        section.blocks.iter().map(|block| match block {
            Block::Text(text) | Block::Folded { text, .. } => text.clone(),
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
    assert_eq!(html.matches("</table>\n</div>").count(), tables);
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
    for (place, engine) in (1_u32..).zip(["sqlite", "postgres"]) {
        let case = Case { suite: "isolation".to_owned(), ..case("tpcc", engine) };
        for record in repetitions(&case, 1000.0 / f64::from(place), &ROUNDS[..1]) {
            bytes.extend(csv_line(Record::fields(&record)).unwrap());
        }
    }
    fs::write(run.path().join(file::RESULTS), bytes).unwrap();
    samples(&run);
    report(&[run.path().to_owned()], false).unwrap()
}

#[test]
fn a_report_of_200_cases_begins_with_a_digest_and_is_small() {
    let report = large();
    let Some(Block::Text(digest)) = report.sections[0].blocks.get(1) else {
        panic!("{:?}", report.sections[0])
    };
    assert!(digest.contains("| oltp | sqlite, in 50 of 50 |"), "{digest}");
    assert!(digest.contains("| 50 of 50 shown |"), "{digest}");
    let (surest, once) = (digest.find("| oltp |"), digest.find("| isolation |"));
    assert!(surest.is_some() && surest < once, "{digest}");
    assert!(digest.contains("| one repetition: not known | throughput |"), "{digest}");
    let html = report.html();
    assert!(html.matches("<svg").count() >= 50, "{}", html.matches("<svg").count());
    assert!(html.len() < 3_000_000, "{}", html.len());
}

fn counts(case: &Case, repetition: u32, metric: &str, value: f64) -> Record {
    let case = Case { repetition, ..case.clone() };
    record("r", &case, &Measurement::new(metric, value, "1", Better::Neither))
}

#[test]
fn what_did_not_go_well_is_on_the_first_screen_though_nothing_failed() {
    let tpcb = case("tpcb", "postgres");
    let mut records = repetitions(&tpcb, 1000.0, &ROUNDS);
    let well = Made::of("well", &records, &ended("done", 8)).first_screen();
    assert!(well.starts_with("**Nothing failed**: 8 measurements, all 8 checks"), "{well}");
    assert!(!well.contains("\n- "), "{well}");

    for repetition in 1..=4 {
        records.push(counts(&tpcb, repetition, "errors", 900_000.0));
        records.push(counts(&tpcb, repetition, "transactions", 100_000.0));
    }
    let made = Made::of("badly", &records, &ended("interrupted", 10));
    let alert = |class| Event {
        class,
        code: "slow".to_owned(),
        ..Event::now("alert_fired", "p99 above 1 s")
    };
    made.run.event(&tpcb, &alert("fail")).unwrap();
    made.run.event_beside("postgres", &alert("fail")).unwrap();
    let died = Event::now("server_restarted", "the throwaway server had died");
    made.run.event(&tpcb, &died).unwrap();
    let text = made.first_screen();
    for told in [
        "**No measurement failed, but not all went well**: 8 measurements, all 8 checks",
        "- the run badly was interrupted",
        "- alert slow (fail) fired 2 times: p99 above 1 s",
        "- oltp/tpcb on postgres: the server died by itself, once: the throwaway server had died",
        "- oltp/tpcb on postgres, serializable, 8 clients: 3,600,000 of 4,000,000 (90.0 %) transactions failed, in \
         4 of 8 repetitions",
        "- 1 of 1 cases of the run badly have fewer than the 10 repetitions that were planned: as few as 8",
    ] {
        assert!(text.contains(told), "{told}\nis missing in\n{text}");
    }
    // What a benchmark does to its server is no trouble, nor what its clients hear of it.
    made.run.event(&tpcb, &Event::now("server_killed", "cycle 1")).unwrap();
    let text = made.first_screen();
    assert!(!text.contains("died by itself"), "{text}");

    let killed = RunInfo { outcome: None, ..ended("done", 8) };
    let text = Made::of("gone", &repetitions(&tpcb, 1000.0, &ROUNDS), &killed).first_screen();
    assert!(text.contains("- the run gone was killed, or still goes on"), "{text}");
    // However much else there is to be told.
    let mut rows = Vec::new();
    for benchmark in 1..=14 {
        let of = case(&format!("b{benchmark}"), "sqlite");
        rows.extend(repetitions(&of, 1000.0, &ROUNDS));
        rows.push(counts(&of, 1, "errors", 5.0));
    }
    let text = Made::of("gone", &rows, &killed).first_screen();
    assert!(text.contains("- and 3 more\n"), "{text}");
    assert!(text.contains("- the run gone was killed, or still goes on"), "{text}");
    let text = Made::of("bad", &repetitions(&tpcb, 1000.0, &ROUNDS), &ended("failed", 8));
    assert!(text.first_screen().contains("- the run bad ended as failed"));
}

#[test]
fn what_engines_cannot_do_has_a_name_and_so_has_what_was_lost_though_nothing_failed() {
    let mut records = repetitions(&case("tpcb", "postgres"), 1000.0, &ROUNDS[..2]);
    let cannot = without_number(Status::Unsupported, "it has none");
    for repetition in 1..=2 {
        let whole = Case { suite: "procedures".to_owned(), repetition, ..case("tpcb", "sqlite") };
        records.push(record("r1", &whole, &cannot));
    }
    let level = Case { isolation: Isolation::ReadCommitted, ..case("tpcb", "postgres") };
    records.push(record("r1", &level, &cannot));
    let failover = Case { suite: "replication".to_owned(), ..case("failover", "postgres") };
    let lost = Measurement::new("lost_commits", 8.0, "1", Better::Lower);
    records.push(record("r1", &failover, &lost.of("async")));
    records.push(record("r1", &failover, &cannot.of("logical")));
    let text = Made::of("r1", &records, &ended("done", 2)).first_screen();
    for told in [
        "2 cases are unsupported by their engines.",
        "- unsupported: on postgres oltp/tpcb at read-committed; on sqlite procedures/tpcb; parts of \
         replication/failover on postgres\n",
        "- replication/failover on postgres (async): 8 acknowledged commits were lost, which are not promised to last\n",
    ] {
        assert!(text.contains(told), "{told}\nis missing in\n{text}");
    }
}

#[test]
fn a_check_whose_number_is_0_did_not_hold_whatever_its_status() {
    let tpcb = case("tpcb", "postgres");
    let mut records = repetitions(&tpcb, 1000.0, &ROUNDS);
    records.push(counts(&tpcb, 1, "check_sum", 0.0));
    let text = Made::of("r", &records, &ended("done", 8)).first_screen();
    assert!(text.starts_with("**1 of 8 measurements failed**; 1 of 9 checks"), "{text}");
    assert!(text.contains("8 clients: check_sum did not hold"), "{text}");
}

#[test]
fn there_is_no_report_of_a_run_without_results() {
    let made = Made::of("r", &[], &ended("done", 8));
    let told = |made: &Made| report(&[made.run.path().to_owned()], false).unwrap_err().to_string();
    assert!(told(&made).contains("there is not a single result in it"), "{}", told(&made));
    fs::write(made.path(file::RESULTS), "").unwrap();
    assert!(told(&made).contains("there is not a single result in it"), "{}", told(&made));
}

#[test]
fn what_cannot_be_read_beside_results_is_told() {
    let (tpcb, other) = (case("tpcb", "postgres"), case("tpcb", "sqlite"));
    let records =
        [repetitions(&tpcb, 1000.0, &ROUNDS), repetitions(&other, 500.0, &ROUNDS)].concat();
    let made = Made::of("r", &records, &ended("done", 8));
    seconds(&made.run, &tpcb, 1000.0);
    samples(&made.run);
    assert!(!made.first_screen().contains("\n> "), "{}", made.first_screen());

    // A line in the middle takes nothing from those behind it.
    let timeline = fs::read_to_string(made.path(file::TIMELINE)).unwrap();
    let lines: Vec<&str> = timeline.split_inclusive('\n').collect();
    let damaged = [&lines[..2], &["r,oltp\n"], &lines[2..]].concat().concat();
    fs::write(made.path(file::TIMELINE), damaged).unwrap();
    fs::write(made.path(file::METRICS), "a,b\n1,2\n").unwrap();
    fs::write(made.path(file::EVENTS), b"\xff\n").unwrap();
    fs::write(made.path(file::PLANS), "{\"broken\n{}\n").unwrap();
    fs::write(made.path(file::LATENCY), "nonsense\n").unwrap();
    let report = report(&[made.run.path().to_owned()], false).unwrap();
    let has = |title: &str| report.sections.iter().any(|section| section.title == title);
    assert!(has("Over time") && !has("Response times"));
    let text = first_screen(&report);
    for (file, why) in [
        ("timeline.csv", ", line 3: it has 2 fields, its header"),
        ("metrics.csv", " is not shown: its header lacks at, source"),
        ("events.csv", " is not shown: "),
        ("plans.jsonl", ", line 1"),
        ("latency.hlog", ", line 1"),
    ] {
        let told = format!("{file}`{why}");
        assert!(report.warnings.iter().any(|warning| warning.contains(&told)), "{told}\n{text}");
        assert!(text.contains(&plain(&told)), "{told}\n{text}");
    }
    assert!(!text.contains("--merge"), "{text}");
}

/// One that lacks its response times takes none from the others.
#[test]
fn response_times_are_shown_of_the_runs_that_have_them() {
    let (one, other) = (case("tpcb", "postgres"), case("tpcb", "sqlite"));
    let one = Made::of("one", &repetitions(&one, 1000.0, &ROUNDS), &ended("done", 8));
    let two = Made::of("two", &repetitions(&other, 500.0, &ROUNDS), &ended("done", 8));
    seconds(&one.run, &case("tpcb", "postgres"), 1000.0);
    fs::remove_file(two.path(file::LATENCY)).unwrap();
    let made = report(&[one.run.path().to_owned(), two.run.path().to_owned()], false).unwrap();
    assert!(made.sections.iter().any(|section| section.title == "Response times"));
    assert!(first_screen(&made).contains("response times are not known"));
    assert!(one.root.path().exists() && two.root.path().exists());
}

#[test]
fn runs_of_different_machines_make_no_report_unless_that_is_meant() {
    let of = |name: &str, engine: &str, cores: u64| {
        let mut info = ended("done", 8);
        info.machine.cores = cores;
        Made::of(name, &repetitions(&case("tpcb", engine), 1000.0, &ROUNDS), &info)
    };
    let made = [of("one", "postgres", 2), of("two", "sqlite", 64)];
    let runs: Vec<PathBuf> = made.iter().map(|made| made.run.path().to_owned()).collect();
    let error = report(&runs, false).unwrap_err().to_string();
    assert!(error.contains("(2 and 64 cores)") && error.contains("--across-machines"), "{error}");
    let text = first_screen(&report(&runs, true).unwrap());
    assert!(text.contains("on different machines (2 and 64 cores)"), "{text}");
}

fn at(clients: u32, engine: &str, throughput: f64) -> Vec<Record> {
    repetitions(&Case { clients, ..case("tpcb", engine) }, throughput, &ROUNDS)
}

/// The row of the summary's table that has this in it.
fn row(text: &str, part: &str) -> String {
    let found = text.lines().find(|line| line.starts_with('|') && line.contains(part));
    found.unwrap_or_else(|| panic!("{part} is in no row of\n{text}")).to_owned()
}

#[test]
fn who_is_best_is_told_for_each_load_where_it_differs() {
    let records = [
        at(1, "sqlite", 2000.0),
        at(1, "postgres", 1000.0),
        at(8, "sqlite", 1000.0),
        at(8, "postgres", 4000.0),
        at(64, "sqlite", 1000.0),
        at(64, "postgres", 9000.0),
    ]
    .concat();
    let made = Made::of("r", &records, &ended("done", 8));
    for clients in [1, 8] {
        seconds(&made.run, &Case { clients, ..case("tpcb", "sqlite") }, 1000.0);
    }
    let text = made.first_screen();
    let told = row(&text, "sqlite: 2,002 tx/s");
    assert!(told.contains("postgres 0.50x") && told.contains("| 1 client, best in 1 of 3 cases"));
    let told = row(&text, "postgres: 4,004 tx/s");
    assert!(told.contains("sqlite 0.25x") && told.contains("| 8 clients, best in 2 of 3 cases"));
    // Each has a picture of its own.
    let (_, pictures) = report(&[made.run.path().to_owned()], false).unwrap().markdown("charts");
    let mut names: Vec<&String> = pictures.iter().map(|picture| &picture.name).collect();
    names.dedup();
    assert_eq!(names.iter().filter(|name| name.contains("1-client")).count(), 2, "{names:?}");
    assert_eq!(names.len(), pictures.len(), "{names:?}");
}

#[test]
fn a_benchmark_without_a_winner_keeps_its_row_and_says_why() {
    let mut records = [at(8, "sqlite", 2000.0), at(8, "postgres", 1000.0)].concat();
    let third = |row: &&mut Record| row.case.engine == "postgres" && row.case.repetition == 3;
    for row in records.iter_mut().filter(third) {
        (row.status, row.detail) = (Status::Failed, "it fell over".into());
    }
    let told = row(&Made::of("r", &records, &ended("done", 8)).first_screen(), "oltp/tpcb");
    for part in ["no winner", "sqlite: 2,002 tx/s", "postgres failed: check_c1: it fell over"] {
        assert!(told.contains(part), "{part} is missing in {told}");
    }
    // A third target makes two that can be compared; the one that failed is still named.
    records.extend(at(8, "mariadb", 500.0));
    let told = row(&Made::of("r", &records, &ended("done", 8)).first_screen(), "oltp/tpcb");
    assert!(told.contains("mariadb 0.25x") && told.contains("postgres failed"), "{told}");

    let mut of_parts = at(8, "sqlite", 2000.0);
    of_parts.extend(at(8, "postgres", 1000.0));
    for record in &mut of_parts {
        record.transaction = "before".into();
    }
    let text = Made::of("r", &of_parts, &ended("done", 8)).first_screen();
    assert!(text.contains("No one number says which target is best at oltp/tpcb"), "{text}");
}

#[test]
fn separate_runs_share_no_round_and_are_told_by_their_repetitions() {
    let of = |name: &str, records: &[Record]| Made::of(name, records, &ended("done", 8));
    let made = [of("ra", &at(8, "sqlite", 2000.0)), of("rb", &at(8, "postgres", 1000.0))];
    let runs: Vec<PathBuf> = made.iter().map(|made| made.run.path().to_owned()).collect();
    let text = first_screen(&report(&runs, false).unwrap());
    let told = row(&text, "oltp/tpcb");
    assert!(told.contains("| shown by 8 against 8 repetitions; no round has both |"), "{told}");
    assert!(told.contains("postgres 0.50x (0.4"), "{told}");
    assert!(text.contains("of all repetitions, for no round has both"), "{text}");
}

#[test]
fn names_of_targets_engines_and_versions_are_text_in_every_document() {
    let hostile = |engine: &str| Case {
        engine_version: "1 <img src=v>".to_owned(),
        driver: "<img src=d>".to_owned(),
        target: format!("{engine} **bold** <img src=t>"),
        benchmark: "tpcb <img src=b>".to_owned(),
        engine: format!("{engine} <img src=e>"),
        ..case("tpcb", engine)
    };
    let records = [("sqlite", 2000.0), ("postgres", 1000.0)];
    let records = records.map(|(engine, tps)| repetitions(&hostile(engine), tps, &ROUNDS));
    let made = Made::of("r", &records.concat(), &ended("done", 8));
    let report = report(&[made.run.path().to_owned()], false).unwrap();
    let (text, _) = report.markdown("charts");
    assert!(text.contains("sqlite \\*\\*bold\\*\\* &lt;img src=t>"), "{text}");
    assert!(!text.contains("<img") && !text.contains("**bold**"), "{text}");
    let html = report.html();
    assert!(!html.contains("<img") && !html.contains("<strong>bold"), "{html}");
    assert!(html.contains("sqlite **bold** &lt;img src=t&gt;"), "{html}");
}

/// What a report says first of kills: commits lost, the longest time to come back and the median, of each engine.
fn of_kills(numbers: [(&str, [f64; 3]); 2]) -> String {
    let names =
        [("lost_commits", "1"), ("recovery_time_max_ms", "ms"), ("recovery_time_p50_ms", "ms")];
    let of_engine = |(engine, values): (&str, [f64; 3])| {
        let case = case("durability-tpcb", engine);
        let rows = names.into_iter().zip(values);
        rows.map(move |((metric, unit), value)| {
            record("r", &case, &Measurement::new(metric, value, unit, Better::Lower))
        })
    };
    let records: Vec<_> = numbers.into_iter().flat_map(of_engine).collect();
    Made::of("kills", &records, &ended("done", 1)).first_screen()
}

#[test]
fn what_is_alike_has_no_winner_and_what_says_most_decides() {
    let text = of_kills([("postgres", [0.0, 10.0, 20.0]), ("sqlite", [0.0, 30.0, 5.0])]);
    assert!(text.contains("| sqlite: 5.00 ms recovery time p50 |"), "{text}");
    let text = of_kills([("postgres", [0.0, 10.0, 20.0]), ("sqlite", [1.0, 30.0, 5.0])]);
    assert!(text.contains("| postgres: 0 lost commits |"), "{text}");
    let text = of_kills([("postgres", [0.0, 10.0, 20.0]), ("sqlite", [0.0, 10.0, 20.0])]);
    assert!(text.contains("| all alike: 0 lost commits |  | no difference |"), "{text}");
}

mod pictures;
