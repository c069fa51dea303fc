#![allow(clippy::unwrap_used, clippy::panic, reason = "a failed set-up fails the test")]

use std::collections::BTreeMap;
use std::fs;
use std::thread;
use std::time::{Duration, SystemTime};

use dbdyno_core::measurement::Second;
use dbdyno_core::{Case, Event, Plan, PlanKind, PlanNode, Recorder, StatementForm};
use hdrhistogram::Histogram;
use hdrhistogram::serialization::Deserializer;
use hdrhistogram::serialization::interval_log::{IntervalLogIterator, LogEntry};

use super::{RunFolder, file, new_run_id};
use crate::fixture::{case, latency, throughput};
use crate::load::load;
use crate::run_info::{RunInfo, TargetInfo};
use crate::stored_plan::stored_plans;

fn folder() -> (tempfile::TempDir, RunFolder) {
    let root = tempfile::tempdir().unwrap();
    let run = RunFolder::create_new(&root.path().join("runs")).unwrap();
    (root, run)
}

fn second(second: u64, transaction: &'static str, latencies_us: &[u64]) -> Second {
    let mut response_ns = Histogram::new(3).unwrap();
    for micros in latencies_us {
        response_ns.record(micros * 1000).unwrap();
    }
    let completed = latencies_us.len() as u64;
    Second {
        second,
        warmup: second == 0,
        transaction: transaction.into(),
        completed,
        errors: 1,
        retries: 2,
        response_ns,
    }
}

/// The rows of a CSV file, by column.
fn rows(run: &RunFolder, name: &str) -> Vec<BTreeMap<String, String>> {
    let mut reader = csv::Reader::from_path(run.path().join(name)).unwrap();
    reader.deserialize().map(Result::unwrap).collect()
}

#[test]
fn names_are_sortable_and_fresh() {
    let (first, second) = (new_run_id(), new_run_id());
    assert_ne!(first, second);
    let parts: Vec<_> = first.split('-').map(str::len).collect();
    assert_eq!(parts, [8, 6, 4]);
    assert!(first[..15] <= second[..15]);
}

#[test]
fn a_run_is_never_overwritten() {
    let root = tempfile::tempdir().unwrap();
    let run = RunFolder::create(root.path(), "r").unwrap();
    run.measurements(&case("tpcc", "sqlite"), &[throughput(1.0)]).unwrap();
    let error = RunFolder::create(root.path(), "r").unwrap_err().to_string();
    assert!(error.contains("there is one already"), "{error}");
    assert_eq!(load(&[run.path()]).unwrap().records.len(), 1);
    for name in ["", "..", "a/b", "/tmp", "a\nb", ".hidden"] {
        assert!(RunFolder::create(root.path(), name).is_err(), "{name:?}");
    }
}

#[test]
fn a_root_that_cannot_be_written_is_told() {
    let root = tempfile::tempdir().unwrap();
    let file = root.path().join("runs");
    fs::write(&file, "").unwrap();
    let error = RunFolder::create(&file, "r").unwrap_err().to_string();
    assert!(error.contains("runs") && error.contains("--out"), "{error}");
}

#[test]
fn what_is_recorded_is_read_back_at_once() {
    let (_root, run) = folder();
    let case = case("tpcc", "sqlite");
    let measurements = [throughput(12.5), latency("p99", f64::NAN).of("payment")];
    run.measurements(&case, &measurements).unwrap();
    // The folder is still open: nothing waits in a buffer.
    let records = load(&[run.path()]).unwrap().records;
    assert_eq!(*records[0].case, case);
    assert_eq!(records[0].value, Some(12.5));
    assert_eq!(records[0].run_id, run.run_id());
    assert_eq!((records[1].value, &*records[1].transaction), (None, "payment"));
}

#[test]
fn plans_are_kept_as_they_are_in_a_file_of_their_own() {
    let (_root, run) = folder();
    let path = run.path().join(file::PLANS);
    assert!(!path.exists(), "nothing to keep yet");
    let root = PlanNode {
        kind: PlanKind::IndexOnly,
        operation: "Index Only Scan".to_owned(),
        index: Some("by_day".to_owned()),
        estimated_rows: Some(2.5),
        ended_early: true,
        ..PlanNode::default()
    };
    let (statement, raw) = ("SELECT 'a\nb'".to_owned(), "[{\"Plan\":\n{}}]".to_owned());
    let plan = Plan { statement, roots: vec![root], raw };
    let target = "postgres://ann:s3cret@db/x".to_owned();
    let case = Case { target, rate: Some(2.5), pipeline: true, ..case("tpcc", "postgres") };
    let another = Case { repetition: 2, ..case.clone() };
    for (case, name) in [(&case, "with index"), (&another, "without index")] {
        run.plan(case, name, &plan).unwrap();
    }
    let read = stored_plans(run.path()).unwrap();
    assert_eq!(read.warnings, Vec::<String>::new());
    let names: Vec<_> =
        read.plans.iter().map(|stored| (stored.name.as_str(), stored.repetition)).collect();
    assert_eq!(names, [("with index", 1), ("without index", 2)]);
    assert!(read.plans.iter().all(|stored| stored.plan == plan && stored.pipeline));
    assert_eq!(read.plans[0].target, "postgres://ann:***@db/x");
    assert_eq!(read.plans[0].rate, Some(2.5));
}

#[test]
fn writers_at_the_same_time_tear_no_line() {
    let (_root, run) = folder();
    thread::scope(|scope| {
        for clients in 1..=8 {
            let run = &run;
            scope.spawn(move || {
                for number in 0..100 {
                    let case = Case { clients, repetition: number, ..case("tpcc", "sqlite") };
                    let event = Event::now("error", "line one\nline, \"two\"");
                    run.measurements(&case, &[throughput(f64::from(number))]).unwrap();
                    run.event(&case, &event).unwrap();
                    run.second(&case, SystemTime::now(), &[second(1, "a", &[5])]).unwrap();
                }
            });
        }
    });
    let loaded = load(&[run.path()]).unwrap();
    assert_eq!((loaded.records.len(), loaded.warnings.len()), (800, 0));
    for clients in 1..=8 {
        let of = loaded.records.iter().filter(|record| record.case.clients == clients);
        assert_eq!(of.filter_map(|record| record.value).sum::<f64>(), 4950.0);
    }
    assert_eq!(rows(&run, file::EVENTS).len(), 800);
    assert_eq!(rows(&run, file::TIMELINE).len(), 1600);
}

#[test]
fn the_timeline_merges_transaction_types() {
    let (_root, run) = folder();
    let seconds = [second(3, "payment", &[100, 200, 300]), second(3, "delivery", &[5000])];
    run.second(&case("tpcc", "sqlite"), SystemTime::now(), &seconds).unwrap();
    run.second(&case("tpcc", "sqlite"), SystemTime::now(), &[second(0, "payment", &[])]).unwrap();
    let rows = rows(&run, file::TIMELINE);
    let of = |row: usize, column: &str| rows[row][column].as_str();
    let transactions: Vec<_> = (0..5).map(|row| of(row, "transaction")).collect();
    assert_eq!(transactions, ["", "payment", "delivery", "", "payment"]);
    assert_eq!((of(0, "completed"), of(0, "throughput"), of(0, "errors")), ("4", "4", "2"));
    assert_eq!((of(0, "second"), of(0, "phase"), of(3, "phase")), ("3", "measure", "warmup"));
    let micros = |row: usize, column: &str| of(row, column).parse::<f64>().unwrap();
    // The histogram keeps three significant digits.
    assert!((micros(0, "latency_p50_us") - 200.0).abs() < 1.0);
    assert!((micros(0, "latency_max_us") - 5000.0).abs() < 5.0);
    assert!((micros(1, "latency_max_us") - 300.0).abs() < 1.0);
    assert_eq!(of(3, "latency_p50_us"), "", "nothing completed, so there is no latency");
}

#[test]
fn the_latency_log_is_read_by_its_own_reader() {
    let (_root, run) = folder();
    let began = run.began + Duration::from_secs(10);
    let case = Case { target: "sqlite:/a b,c;d.db".to_owned(), ..case("tpcc", "sqlite") };
    let seconds = [second(2, "payment", &[100, 900]), second(2, "delivery", &[])];
    run.second(&case, began, &seconds).unwrap();
    let bytes = fs::read(run.path().join(file::LATENCY)).unwrap();
    let entries: Vec<_> = IntervalLogIterator::new(&bytes).map(Result::unwrap).collect();
    let [LogEntry::StartTime(start), LogEntry::BaseTime(base), LogEntry::Interval(interval)] =
        entries.as_slice()
    else {
        panic!("{entries:?}");
    };
    assert_eq!(start, base);
    assert_eq!(interval.start_timestamp(), Duration::from_secs(12));
    assert_eq!(interval.duration(), Duration::from_secs(1));
    assert!((interval.max() - 0.9).abs() < 0.001, "in milliseconds: {}", interval.max());
    assert_eq!(
        interval.tag().unwrap().as_str(),
        "oltp/tpcc;engine=sqlite;engine_version=3.50.4;driver=embedded;\
         target=sqlite:/a%20b%2Cc%3Bd.db;isolation=serializable;durability=full;clients=8;\
         scale=1;seed=42;repetition=1;phase=measure;transaction=payment"
    );
    let histogram = decode(interval.encoded_histogram());
    assert_eq!(histogram, seconds[0].response_ns);
}

#[test]
fn native_and_pipelined_cases_say_so_in_every_file() {
    let (_root, run) = folder();
    let portable = case("tpcc", "sqlite");
    let native =
        Case { statements: StatementForm::Native, pipeline: true, ..case("tpcc", "postgres") };
    for case in [&portable, &native] {
        run.measurements(case, &[throughput(1.0)]).unwrap();
        run.event(case, &Event::now("error", "")).unwrap();
        run.second(case, SystemTime::now(), &[second(1, "payment", &[100])]).unwrap();
    }
    for name in [file::RESULTS, file::EVENTS, file::TIMELINE] {
        let rows = rows(&run, name);
        let said =
            |row: &BTreeMap<String, String>| (row["statements"].clone(), row["pipeline"].clone());
        assert_eq!(said(&rows[0]), ("portable".to_owned(), "off".to_owned()), "{name}");
        assert_eq!(said(&rows[rows.len() - 1]), ("native".to_owned(), "on".to_owned()), "{name}");
    }
    let log = fs::read_to_string(run.path().join(file::LATENCY)).unwrap();
    assert!(log.contains(";repetition=1;phase=measure;"), "{log}");
    assert!(log.contains(";repetition=1;statements=native;pipeline=on;phase=measure;"), "{log}");
}

/// What the histogram's own deserializer makes of an entry.
fn decode(base64: &str) -> Histogram<u64> {
    let digit = |byte: u8| match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'+' => 62,
        _ => 63,
    };
    let digits: Vec<_> = base64.bytes().filter(|byte| *byte != b'=').map(digit).collect();
    let bytes = digits.chunks(4).flat_map(|four| {
        let bits = four.iter().fold(0u32, |bits, digit| bits << 6 | u32::from(*digit));
        let bits = bits << (6 * (4 - four.len()));
        bits.to_be_bytes()[1..four.len()].to_vec()
    });
    let bytes: Vec<u8> = bytes.collect();
    Deserializer::new().deserialize(&mut bytes.as_slice()).unwrap()
}

#[test]
fn events_carry_class_code_and_moment() {
    let (_root, run) = folder();
    let event = Event {
        at: SystemTime::UNIX_EPOCH + Duration::from_millis(1_795_464_930_042),
        kind: "retry",
        transaction: "payment".to_owned(),
        class: "serialization",
        code: "40001".to_owned(),
        count: 7,
        detail: "could not reach postgres://ann:s3cret@db/x".to_owned(),
    };
    run.event(&case("tpcc", "postgres"), &event).unwrap();
    let rows = rows(&run, file::EVENTS);
    let row = &rows[0];
    assert_eq!(row["at"], "2026-11-23T20:15:30.042Z");
    assert_eq!((row["class"].as_str(), row["code"].as_str()), ("serialization", "40001"));
    assert_eq!((row["count"].as_str(), row["engine"].as_str()), ("7", "postgres"));
    assert_eq!(row["detail"], "could not reach postgres://ann:***@db/x");
}

#[test]
fn conditions_are_written_twice_and_without_passwords() {
    let (_root, run) = folder();
    let text = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    let mut info = RunInfo {
        command: text(&["dbdyno", "run", "--password", "s3cret", "--target=mysql://a:s3cret@h/d"]),
        options: [("password".to_owned(), "s3cret".to_owned())].into(),
        targets: vec![TargetInfo {
            target: "mysql://a:s3cret@h/d?password=s3cret".to_owned(),
            settings: [("fsync".to_owned(), "on".to_owned())].into(),
            ..TargetInfo::default()
        }],
        ..RunInfo::default()
    };
    run.write_run_toml(&info).unwrap();
    info.ended_at = Some("2026-11-23T20:15:30.042Z".to_owned());
    run.write_run_toml(&info).unwrap();
    let path = run.path().join(file::RUN);
    assert!(!fs::read_to_string(&path).unwrap().contains("s3cret"));
    let read = RunInfo::read(&path).unwrap();
    assert_eq!((read.run_id.as_str(), read.schema_version), (run.run_id(), 1));
    assert_eq!(read.ended_at, info.ended_at);
    assert_eq!(read.command[3], "***");
    assert_eq!(read.targets[0].settings["fsync"], "on");
    assert_eq!(fs::read_dir(run.path()).unwrap().count(), 5);
}
