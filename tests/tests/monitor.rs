//! What is sampled of real engines: counters count what was done, waits are seen, and an engine that hangs or
//! dies keeps nothing else from being sampled.

mod alone;
mod known;
mod ready_made;
mod replicas;

use std::collections::BTreeSet;
use std::os::unix::fs::MetadataExt as _;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use dbdyno_core::metrics::{MetricKind, Source};
use dbdyno_core::query::scalar_sql;
use dbdyno_core::{Access, DbError, Driver, Result, Sample, Session, SessionOptions};
use dbdyno_monitor::{
    AlertSink, Alerts, Change, Condition, MACHINE_CATALOGUE, Monitor, Notice, Op,
    PROCESS_CATALOGUE, Rule, Severity, Sink, alert_metrics, prometheus_name,
};
use dbdyno_tests::{left_out, runtime, target, wait_for};
use tokio::runtime::Runtime;

/// As often as the test is to go on quickly.
pub const INTERVAL: Duration = Duration::from_millis(100);

/// Keeps all samples.
#[derive(Default)]
pub struct Seen {
    samples: Mutex<Vec<Sample>>,
    silent: Mutex<Vec<String>>,
}

impl Sink for Seen {
    fn samples(&self, samples: &[Sample]) -> Result<()> {
        self.samples.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(samples);
        Ok(())
    }

    fn silent(&self, target: &str, why: &DbError) -> Result<()> {
        self.silent.lock().unwrap_or_else(PoisonError::into_inner).push(format!("{target}: {why}"));
        Ok(())
    }
}

impl Seen {
    /// Those of a metric.
    pub fn of(&self, source: Source, metric: &str) -> Vec<Sample> {
        let samples = self.samples.lock().unwrap_or_else(PoisonError::into_inner);
        let wanted =
            |sample: &&Sample| sample.source == source && sample.reading.metric.name == metric;
        samples.iter().filter(wanted).cloned().collect()
    }

    fn last(&self, source: Source, metric: &str) -> Option<f64> {
        self.of(source, metric).last().map(|sample| sample.reading.value)
    }

    /// The same of one of several.
    fn last_of(&self, source: Source, metric: &str, of: &str) -> Option<f64> {
        let samples = self.of(source, metric);
        let found = samples.iter().rev().find(|sample| sample.reading.of == of);
        found.map(|sample| sample.reading.value)
    }

    fn silences(&self) -> usize {
        self.silent.lock().unwrap_or_else(PoisonError::into_inner).len()
    }
}

/// Keeps what became of rules.
#[derive(Default)]
struct Told(Mutex<Vec<(String, Change)>>);

impl AlertSink for Told {
    fn tell(&self, notice: &Notice) -> Result<()> {
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        told.push((notice.rule.name.clone(), notice.change));
        Ok(())
    }
}

impl Told {
    /// What became of a rule so far.
    fn of(&self, rule: &str) -> Vec<Change> {
        let told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        told.iter().filter(|(name, _)| name == rule).map(|(_, change)| *change).collect()
    }
}

fn rule(driver: &dyn Driver, name: &str, metric: &str, condition: Condition, ms: u64) -> Rule {
    let metrics = alert_metrics(&[driver.metrics().unwrap().catalogue()]);
    Rule {
        name: name.to_owned(),
        metric: *metrics.iter().find(|found| found.to_string() == metric).unwrap(),
        target: None,
        of: None,
        condition,
        lasting: Duration::from_millis(ms),
        severity: Severity::Warn,
        is_asked_for: true,
    }
}

const AT_LEAST_ONE: Condition =
    Condition::Beyond { op: Op::AtLeast, threshold: 1.0, clear: None, rate: None, baseline: None };

/// A rule that fires while somebody waits for a lock, and one while an engine says nothing.
fn rules(driver: &dyn Driver) -> Vec<Rule> {
    vec![
        rule(driver, "locked", "engine.lock_waits", AT_LEAST_ONE, 200),
        rule(driver, "silent", "engine.connections", Condition::Absent, 500),
    ]
}

struct Place {
    runtime: Runtime,
    driver: Arc<dyn Driver>,
    seen: Arc<Seen>,
    told: Arc<Told>,
    _monitor: Monitor,
}

impl Place {
    fn open(engine: &str) -> Self {
        let runtime = runtime();
        let driver = target(&runtime, engine);
        let seen = Arc::new(Seen::default());
        let told = Arc::new(Told::default());
        let mut sinks: Vec<Arc<dyn Sink>> = vec![seen.clone()];
        if engine != "sqlite" {
            let drivers = [Arc::clone(&driver)];
            let rules = rules(driver.as_ref());
            sinks.push(Arc::new(Alerts::new(
                rules,
                (&drivers, INTERVAL),
                vec![told.clone()],
                None,
            )));
        }
        let monitor = Monitor::start(vec![Arc::clone(&driver)], INTERVAL, sinks).unwrap();
        Self { runtime, driver, seen, told, _monitor: monitor }
    }

    fn session(&self) -> Box<dyn Session> {
        self.runtime.block_on(self.driver.connect(&SessionOptions::default())).unwrap()
    }

    fn run(&self, session: &mut dyn Session, sql: &str) {
        self.runtime.block_on(session.run_sql(sql)).unwrap();
    }

    fn with_table(&self) -> Box<dyn Session> {
        let mut session = self.session();
        self.run(session.as_mut(), "CREATE TABLE watched (id INTEGER PRIMARY KEY, value INTEGER)");
        self.run(session.as_mut(), "INSERT INTO watched VALUES (0, 0)");
        session
    }
}

fn servers() -> impl Iterator<Item = &'static str> {
    ["postgres", "mariadb"].into_iter().filter(|engine| !left_out(engine))
}

#[test]
fn counters_count_what_was_done() {
    for engine in servers() {
        let place = Place::open(engine);
        let mut session = place.with_table();
        let of = |metric: &str| place.seen.last(Source::Engine, metric);
        let before = wait_for("a first sample", || of("commits").zip(of("rows_written")));
        // The sampler's own transactions are some ten a second at this interval: rows tell better.
        for id in 1..=100 {
            place.runtime.block_on(async {
                session.begin(Access::Write).await.unwrap();
                let sql = format!("INSERT INTO watched VALUES ({id}, {id})");
                session.run_sql(&sql).await.unwrap();
                session.commit().await.unwrap();
            });
        }
        // PostgreSQL's sessions tell what they did once a second.
        wait_for("100 commits and rows more", || {
            let now = of("commits").zip(of("rows_written"))?;
            (now.0 >= before.0 + 100.0 && now.1 >= before.1 + 100.0).then_some(())
        });
        assert!(of("log_bytes").unwrap() > 0.0 && of("connections").unwrap() >= 1.0, "{engine}");
        assert!(of("connections_limit").unwrap() >= 64.0, "{engine}");
        assert!(place.seen.last(Source::Server, "cpu_s").unwrap() > 0.0, "{engine}");
        assert!(
            place.seen.last(Source::Server, "memory_resident_bytes").unwrap() > 1e6,
            "{engine}"
        );
    }
}

#[test]
fn the_session_that_samples_is_not_counted_with_those_of_clients() {
    for engine in servers() {
        let place = Place::open(engine);
        let mut asking = place.session();
        let other = place.session();
        let sql = place.driver.dialect().count_sessions().unwrap();
        let mut count = || place.runtime.block_on(scalar_sql(asking.as_mut(), sql)).unwrap();
        wait_for("a first sample", || place.seen.last(Source::Engine, "commits"));
        // Those of the server's start may still be leaving.
        wait_for("one session", || (count() == 1).then_some(()));
        drop(other);
        wait_for("no session", || (count() == 0).then_some(()));
    }
}

/// What an engine tells of whatever it does.
fn always(engine: &str) -> &'static [&'static str] {
    match engine {
        "postgres" => &[
            "cache_hits",
            "cache_misses",
            "checkpoint_write_ms",
            "checkpoints",
            "commits",
            "connections",
            "connections_active",
            "connections_idle_in_transaction",
            "connections_limit",
            "dead_rows",
            "deadlocks",
            "live_rows",
            "lock_waits",
            "log_bytes",
            "log_full_pages",
            "log_syncs",
            "log_waits",
            "longest_transaction_s",
            "pages_written",
            "replicas",
            "rollbacks",
            "rows_read",
            "rows_written",
            "temp_bytes",
        ],
        "mariadb" => &[
            "cache_hits",
            "cache_misses",
            "cache_pages_dirty",
            "cache_pages_free",
            "cache_waits",
            "checkpoint_age_bytes",
            "commits",
            "connections",
            "connections_active",
            "connections_limit",
            "deadlocks",
            "file_syncs",
            "history_length",
            "lock_wait_ms",
            "lock_waits",
            "lock_waits_total",
            "log_bytes",
            "log_waits",
            "longest_transaction_s",
            "network_received_bytes",
            "network_sent_bytes",
            "pages_written",
            "replicas",
            "rollbacks",
            "row_locks",
            "rows_read",
            "rows_written",
            "statements",
            "temp_tables_on_disk",
        ],
        _ => &[
            "cache_bytes",
            "cache_hits",
            "cache_misses",
            "checkpoints",
            "database_bytes",
            "lock_wait_ms",
            "lock_waits_total",
            "log_file_bytes",
        ],
    }
}

#[test]
fn nothing_is_missing_and_counters_alone_have_rates() {
    let engines = servers().chain(["sqlite"]);
    for engine in engines {
        let place = Place::open(engine);
        let _session = place.with_table();
        wait_for("three samples", || {
            (place.seen.of(Source::Engine, "cache_hits").len() > 2).then_some(())
        });
        let samples = place.seen.samples.lock().unwrap();
        let told: BTreeSet<&str> = samples
            .iter()
            .filter(|sample| sample.source == Source::Engine)
            .map(|sample| sample.reading.metric.name)
            .collect();
        for name in always(engine) {
            assert!(told.contains(name), "{engine} tells of {told:?}, and not of {name}");
        }
        for sample in samples.iter() {
            let is_counter = sample.reading.metric.kind == MetricKind::Counter;
            assert!(is_counter || sample.per_second.is_none(), "{sample:?}");
            assert!(sample.per_second.is_none_or(|rate| rate >= 0.0), "{sample:?}");
            assert!(sample.reading.value.is_finite(), "{sample:?}");
        }
    }
}

#[test]
fn sqlite_tells_of_its_files_and_keeps_its_locks() {
    let place = Place::open("sqlite");
    let mut session = place.with_table();
    let of = |metric: &str| place.seen.last(Source::Engine, metric);
    wait_for("a log", || of("log_file_bytes").filter(|bytes| *bytes > 0.0));
    assert_eq!(of("checkpoints"), Some(0.0));
    // A process that closes a file loses all its locks on it: those of the session, too.
    let folder =
        place.runtime.block_on(place.driver.server_info()).unwrap().settings["data_folder"].clone();
    let index = std::fs::metadata(format!("{folder}/main.db-shm")).unwrap();
    let held = || {
        let locks = std::fs::read_to_string("/proc/locks").unwrap();
        locks.lines().any(|line| line.contains(&format!(":{} ", index.ino())))
    };
    assert!(held(), "the session holds no lock on the log's index");
    let before = place.seen.of(Source::Engine, "database_bytes").len();
    wait_for("samples", || {
        (place.seen.of(Source::Engine, "database_bytes").len() > before + 3).then_some(())
    });
    assert!(held(), "sampling took the session's lock on the log's index");
    place.run(session.as_mut(), "PRAGMA wal_checkpoint(TRUNCATE)");
    wait_for("a log of nothing", || of("log_file_bytes").filter(|bytes| *bytes == 0.0));
    assert!(of("database_bytes").unwrap() >= 4096.0);
    place.run(session.as_mut(), "INSERT INTO watched VALUES (1, 1)");
    wait_for("a checkpoint", || of("checkpoints").filter(|count| *count == 1.0));
    drop(session);
    // It counted what it did when it was closed.
    wait_for("pages", || of("cache_hits").filter(|hits| *hits > 0.0));
    wait_for("no cache", || of("cache_bytes").filter(|bytes| *bytes == 0.0));
}

#[test]
fn a_wait_for_a_lock_is_seen_while_it_lasts() {
    for engine in servers() {
        let place = Place::open(engine);
        let mut holder = place.with_table();
        place.runtime.block_on(holder.begin(Access::Write)).unwrap();
        place.run(holder.as_mut(), "UPDATE watched SET value = 1 WHERE id = 0");
        let driver = Arc::clone(&place.driver);
        let waiting = std::thread::spawn(move || {
            runtime().block_on(async {
                let mut waiter = driver.connect(&SessionOptions::default()).await?;
                waiter.run_sql("UPDATE watched SET value = 2 WHERE id = 0").await
            })
        });
        let lock_waits = || place.seen.last(Source::Engine, "lock_waits");
        wait_for("somebody waiting", || lock_waits().filter(|waiting| *waiting >= 1.0));
        let became = |count| place.told.of("locked").get(..count).map(<[_]>::to_vec);
        assert_eq!(wait_for("an alert", || became(1)), [Change::Fired], "{engine}");
        // The row's lock by its mode, with who holds it and who waits; by what others do with the table, too.
        let (held, awaited, why) = match engine {
            "postgres" => (("RowExclusiveLock", 2.0), "ShareLock", "Lock: transactionid"),
            _ => (("X", 1.0), "X", "row lock"),
        };
        let of = |metric: &str, of: &str| place.seen.last_of(Source::Engine, metric, of);
        wait_for("locks", || of("locks", held.0).filter(|locks| *locks >= held.1));
        wait_for("a lock that is waited for", || of("locks_awaited", awaited));
        assert_eq!(of("locks_awaited", awaited), Some(1.0), "{engine}");
        wait_for("its reason", || of("waiting", why));
        place.runtime.block_on(holder.commit()).unwrap();
        waiting.join().unwrap().unwrap();
        wait_for("nobody waiting", || lock_waits().filter(|waiting| *waiting == 0.0));
        let became = wait_for("its end", || became(2));
        assert_eq!(became, [Change::Fired, Change::Resolved], "{engine}");
    }
}

#[test]
fn a_server_that_hangs_or_dies_is_told_of_once_and_asked_again() {
    for engine in servers() {
        let place = Place::open(engine);
        let control = place.driver.server_control().unwrap();
        let count = |source, metric| place.seen.of(source, metric).len();
        let answers_again = || {
            let before = count(Source::Engine, "commits");
            wait_for("an answer", || (count(Source::Engine, "commits") > before).then_some(()));
        };
        // How often it was silent before: a server that has just begun may take its time.
        let falls_silent = |before: usize| {
            wait_for("silence", || (place.seen.silences() > before).then_some(()));
        };
        let is_told_no_more = || {
            let (told, samples) = (place.seen.silences(), count(Source::Machine, "run_queue"));
            wait_for("the machine's samples", || {
                (count(Source::Machine, "run_queue") > samples + 2).then_some(())
            });
            assert_eq!(place.seen.silences(), told, "{engine}: it is told once");
        };
        answers_again();
        let before = place.seen.silences();
        control.pause().unwrap();
        falls_silent(before);
        is_told_no_more();
        let silent = |wanted| (place.told.of("silent").last() == Some(&wanted)).then_some(());
        wait_for("an alert", || silent(Change::Fired));
        control.resume().unwrap();
        answers_again();
        wait_for("its end", || silent(Change::Resolved));
        let before = place.seen.silences();
        control.kill().unwrap();
        falls_silent(before);
        is_told_no_more();
        control.ensure_running().unwrap();
        answers_again();
    }
}

/// The names of metrics in a text, as far as they are ours.
fn names_in(text: &str) -> BTreeSet<String> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let words = text.split(|c| !is_part(c)).filter(|word| word.starts_with("dbdyno_"));
    // A histogram's series.
    let ends = ["_bucket", "_count", "_sum"];
    let bare =
        |word: &str| ends.iter().find_map(|end| word.strip_suffix(end)).unwrap_or(word).to_owned();
    words.filter(|word| *word != "dbdyno_").map(bare).collect()
}

#[test]
fn the_dashboard_and_the_rules_ask_for_metrics_that_there_are() {
    let engines = dbdyno_adapters::engines().iter().flat_map(|engine| engine.metrics);
    let of = |source| move |metric| prometheus_name(source, metric);
    let mut all: BTreeSet<String> = engines.map(of(Source::Engine)).collect();
    all.extend(PROCESS_CATALOGUE.iter().map(of(Source::Server)));
    all.extend(PROCESS_CATALOGUE.iter().map(of(Source::Client)));
    all.extend(MACHINE_CATALOGUE.iter().map(of(Source::Machine)));
    let load = [
        "clients",
        "transactions_total",
        "response_seconds",
        "oldest_transaction_seconds",
        "errors_total",
        "retries_total",
        "errors_by_class_total",
        "retries_by_class_total",
    ];
    all.extend(load.map(|name| format!("dbdyno_load_{name}")));
    let docs = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs");
    for file in ["grafana/dbdyno.json", "prometheus/alerts.yml"] {
        let text = std::fs::read_to_string(docs.join(file)).unwrap();
        let asked = names_in(&text);
        assert!(asked.len() >= 10, "{file}: {asked:?}");
        let unknown: Vec<&String> = asked.difference(&all).collect();
        assert!(unknown.is_empty(), "{file} asks for {unknown:?}");
        // What is told by phase is not to show the warm-up as measured.
        for name in
            ["transactions_total", "response_seconds_bucket", "errors_total", "retries_total"]
        {
            let name = format!("dbdyno_load_{name}");
            for (place, _) in text.match_indices(&name) {
                let labels = text[place + name.len()..].replace('\\', "");
                assert!(labels.starts_with("{phase=\"measure\""), "{file}: {name} of all phases");
            }
        }
    }
}
