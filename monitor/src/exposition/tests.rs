use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Instant, SystemTime};

use dbdyno_core::metrics::{MetricInfo, Reading, Source};
use hdrhistogram::Histogram;

use super::*;
use crate::made_up::case;

static WRITE: MetricInfo = MetricInfo::counter("checkpoint_write_ms", "ms", "time written");
static WAITING: MetricInfo = MetricInfo::gauge("waiting", "1", "sessions that wait");
static LOCK_WAITS: MetricInfo = MetricInfo::gauge("lock_waits", "1", "waits now");
static LOCK_WAITS_TOTAL: MetricInfo = MetricInfo::counter("lock_waits_total", "1", "waits ever");

fn sample(metric: &'static MetricInfo, of: &str, value: f64) -> Sample {
    Sample {
        at: SystemTime::now(),
        taken: Instant::now(),
        source: Source::Engine,
        target: "here".to_owned(),
        reading: Reading { metric, of: of.to_owned(), value },
        per_second: None,
    }
}

fn exposition() -> Arc<Exposition> {
    let engines = BTreeMap::from([("here".to_owned(), "postgres".to_owned())]);
    let state = Mutex::new(State { engines, ..State::default() });
    Arc::new(Exposition { stale: STALE, state })
}

fn second(latencies_ns: &[u64], warmup: bool) -> Second {
    let mut response_ns = Histogram::new(3).unwrap();
    latencies_ns.iter().for_each(|ns| response_ns.record(*ns).unwrap());
    let completed = latencies_ns.len() as u64;
    Second {
        second: 0,
        warmup,
        transaction: "pay".into(),
        completed,
        errors: 0,
        retries: 0,
        response_ns,
    }
}

fn lines(exposition: &Arc<Exposition>, of: &str) -> Vec<String> {
    let text = render(&registry_of(Arc::clone(exposition))).unwrap();
    assert!(text.ends_with("# EOF\n"));
    text.lines().filter(|line| line.contains(of)).map(str::to_owned).collect()
}

#[test]
fn samples_are_in_base_units_and_told_apart_by_labels() {
    let exposition = exposition();
    let samples = [
        sample(&WRITE, "", 1_500.0),
        sample(&WAITING, "Lock: \"tuple\"", 2.0),
        sample(&WAITING, "IO: DataFileRead", 1.0),
    ];
    exposition.samples(&samples).unwrap();
    assert_eq!(
        lines(&exposition, "checkpoint"),
        [
            "# HELP dbdyno_engine_checkpoint_write_seconds time written",
            "# TYPE dbdyno_engine_checkpoint_write_seconds counter",
            "# UNIT dbdyno_engine_checkpoint_write_seconds seconds",
            "dbdyno_engine_checkpoint_write_seconds_total{target=\"here\",engine=\"postgres\"} 1.5",
        ]
    );
    assert_eq!(
        lines(&exposition, "engine_waiting{"),
        [
            "dbdyno_engine_waiting{target=\"here\",engine=\"postgres\",of=\"Lock: \\\"tuple\\\"\"} 2.0",
            "dbdyno_engine_waiting{target=\"here\",engine=\"postgres\",of=\"IO: DataFileRead\"} 1.0",
        ]
    );
    // A server that a suite started is one of an engine, too.
    exposition.joined("here (async, primary)", "postgres").unwrap();
    let target = "here (async, primary)".to_owned();
    exposition.samples(&[Sample { target, ..sample(&WRITE, "", 500.0) }]).unwrap();
    assert_eq!(
        lines(&exposition, "checkpoint_write_seconds_total{"),
        [
            "dbdyno_engine_checkpoint_write_seconds_total{target=\"here (async, primary)\",engine=\"postgres\"} 0.5"
        ]
    );
}

#[test]
fn what_there_is_now_and_what_there_was_are_told_apart() {
    let exposition = exposition();
    let samples = [sample(&LOCK_WAITS, "", 3.0), sample(&LOCK_WAITS_TOTAL, "", 40.0)];
    exposition.samples(&samples).unwrap();
    let waits: Vec<String> = lines(&exposition, "# TYPE dbdyno_engine_lock_waits");
    assert_eq!(
        waits,
        [
            "# TYPE dbdyno_engine_lock_waits gauge",
            "# TYPE dbdyno_engine_lock_waits_counted counter",
        ]
    );
}

#[test]
fn loads_are_added_up_over_seconds_and_repetitions() {
    let exposition = exposition();
    let mut case = case();
    exposition.state().loads.began(&case, &["pay".to_owned()], None);
    let failed = |warmup| Second { errors: 2, retries: 5, ..second(&[], warmup) };
    exposition.second(&case, &[second(&[9_000, 15_000], false), second(&[1], true)]);
    exposition.second(&case, &[failed(false), failed(false), failed(true)]);
    exposition.event(&case, &Event { class: "deadlock", count: 3, ..Event::now("error", "") });
    exposition.over(&case);
    case.repetition = 2;
    exposition.second(&case, &[second(&[70_000_000_000], false)]);
    let of = |what: &str| {
        let found = lines(&exposition, what);
        let value = |line: &String| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap();
        found.iter().filter(|line| !line.starts_with('#')).map(value).collect::<Vec<_>>()
    };
    assert_eq!(of("load_transactions_total"), [3.0, 1.0]);
    // The measured part comes first.
    assert_eq!(
        (of("load_errors_total"), of("load_retries_total")),
        (vec![4.0, 2.0], vec![10.0, 5.0])
    );
    assert_eq!(of("load_errors_by_class_total"), [3.0]);
    assert_eq!(of("load_clients{"), [8.0]);
    let measured = lines(&exposition, "load_response_seconds_bucket");
    let within = |bound: f64| {
        let of_bound = |line: &&String| {
            let found = line.split("le=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap();
            line.contains("phase=\"measure\"") && found.parse() == Ok(bound)
        };
        let line = measured.iter().find(of_bound).unwrap();
        line.rsplit(' ').next().unwrap().parse::<u64>().unwrap()
    };
    let counts = [1e-5, 2e-5, 50.0, f64::INFINITY].map(within);
    assert_eq!(counts, [1, 2, 2, 3]);
    exposition.over(&case);
    assert_eq!(of("load_clients{"), [0.0]);
    // What was wrong with it is told once it is over.
    exposition.event(&case, &Event::now("check_failed", "money was made"));
    assert_eq!(of("load_clients{"), [0.0]);
}

#[test]
fn what_a_load_may_count_stands_at_0_when_it_begins() {
    let exposition = exposition();
    exposition.state().loads.began(&case(), &["pay".to_owned(), "look".to_owned()], None);
    for name in ["load_transactions_total", "load_errors_total", "load_response_seconds_count"] {
        let found = lines(&exposition, &format!("dbdyno_{name}{{"));
        let each: Vec<(bool, &str)> = found
            .iter()
            .map(|line| (line.contains("phase=\"measure\""), line.rsplit(' ').next().unwrap()))
            .collect();
        assert_eq!(each, [(true, "0"), (true, "0")], "{found:?}");
    }
}

fn ask(serving: &Serving, request: &str) -> String {
    let mut stream = TcpStream::connect(serving.address()).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn there_is_one_page_and_the_address_is_free_again_afterwards() {
    let exposition = exposition();
    let serving = Endpoint::bind(([127, 0, 0, 1], 0).into()).unwrap().serve(&exposition).unwrap();
    let address = serving.address();
    let taken = Endpoint::bind(address).unwrap_err().to_string();
    assert!(taken.contains("listen at 127.0.0.1:") && taken.contains("in use"), "{taken}");
    let close = "Host: x\r\nConnection: close\r\n\r\n";
    let page = ask(&serving, &format!("GET /metrics HTTP/1.1\r\n{close}"));
    assert!(page.starts_with("HTTP/1.1 200 OK\r\n"), "{page}");
    assert!(page.contains(OPEN_METRICS) && page.ends_with("# EOF\n"), "{page}");
    let other = ask(&serving, &format!("GET /other HTTP/1.1\r\n{close}"));
    assert!(other.starts_with("HTTP/1.1 404"), "{other}");
    let posted = ask(&serving, &format!("POST /metrics HTTP/1.1\r\n{close}"));
    assert!(posted.starts_with("HTTP/1.1 405"), "{posted}");
    drop(serving);
    // A program that another test is starting has it until it runs, and a client may have been given it since.
    let deadline = Instant::now() + Duration::from_secs(60);
    while let Err(taken) = Endpoint::bind(address) {
        assert!(Instant::now() < deadline, "{taken}");
        std::thread::park_timeout(Duration::from_millis(10));
    }
}
