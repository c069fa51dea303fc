//! What is sampled held against what is known to have been done.

use std::sync::Arc;
use std::time::Instant;

use dbdyno_core::metrics::Source;
use dbdyno_core::{Access, SessionOptions, Statement, Value};
use dbdyno_tests::{left_out, runtime, wait_for};

use super::{Place, servers};

/// Statements that take their time, so that they are among the longest: as text, and prepared.
struct Known {
    target: &'static str,
    text: fn(u32) -> String,
    /// What is told of those.
    told: &'static str,
    prepared: &'static str,
    told_prepared: &'static str,
}

const KNOWN: [Known; 2] = [
    Known {
        target: "postgres?set.shared_preload_libraries=pg_stat_statements",
        text: |number| {
            format!("SELECT count(*) FROM generate_series(1, 20000) AS n WHERE n > {number}")
        },
        told: "SELECT count(*) FROM generate_series($1, $2) AS n WHERE n > $3",
        prepared: "SELECT count(*) FROM generate_series(1, 20000) AS n WHERE n < $1::bigint",
        told_prepared: "SELECT count(*) FROM generate_series($2, $3) AS n WHERE n < $1::bigint",
    },
    Known {
        target: "mariadb?set.performance_schema=ON",
        text: |number| format!("SELECT COUNT(*) FROM seq_1_to_20000 WHERE seq > {number}"),
        told: "SELECT COUNT ( * ) FROM `seq_1_to_20000` WHERE `seq` > ? ",
        prepared: "SELECT COUNT(*) FROM seq_1_to_20000 WHERE seq < ?",
        // It tells no more of them.
        told_prepared: "prepared statements",
    },
];

#[test]
fn statements_are_told_of_as_often_as_they_ran() {
    const AS_TEXT: u32 = 40;
    const PREPARED: u32 = 25;
    let is_there = |known: &&Known| !left_out(known.target.split('?').next().unwrap_or_default());
    for known in KNOWN.iter().filter(is_there) {
        let place = Place::open(known.target);
        wait_for("a first sample", || place.seen.last(Source::Engine, "commits"));
        let mut session = place.session();
        for number in 0..AS_TEXT {
            place.run(session.as_mut(), &(known.text)(number));
        }
        place.runtime.block_on(async {
            session.prepare(&[Statement::new("known", known.prepared)]).await.unwrap();
            for number in 0..PREPARED {
                let number = [Value::Int(number.into())];
                session.query(0, &number, &mut |_| Ok(())).await.unwrap();
            }
        });
        for (of, count) in [(known.told, AS_TEXT), (known.told_prepared, PREPARED)] {
            let told = |metric: &str| place.seen.last_of(Source::Engine, metric, of);
            let calls =
                wait_for(of, || told("statement_calls").filter(|calls| *calls >= count.into()));
            assert_eq!(calls, f64::from(count), "{of} of {}", known.target);
            assert!(told("statement_ms").unwrap() > 0.0, "{of} of {}", known.target);
        }
        // Nothing of who samples is among them.
        let all = place.seen.of(Source::Engine, "statement_calls");
        let of_sampling = all.iter().find(|sample| {
            ["pg_stat", "INNODB_", "events_st"].iter().any(|part| sample.reading.of.contains(part))
        });
        assert!(of_sampling.is_none(), "{of_sampling:?}");
    }
}

/// What waits on another thread, until it has what it waits for.
fn waiting(place: &Place, sql: &'static str) -> std::thread::JoinHandle<()> {
    let driver = Arc::clone(&place.driver);
    std::thread::spawn(move || {
        runtime().block_on(async {
            let mut waiter = driver.connect(&SessionOptions::default()).await.unwrap();
            waiter.run_sql(sql).await.unwrap();
        });
    })
}

#[test]
fn sqlite_waits_for_a_lock_as_long_as_it_is_held() {
    let place = Place::open("sqlite");
    let mut holder = place.with_table();
    place.runtime.block_on(holder.begin(Access::Write)).unwrap();
    let of = |metric: &str| place.seen.last(Source::Engine, metric).unwrap_or_default();
    let before = wait_for("a sample", || place.seen.last(Source::Engine, "lock_wait_ms"));
    let began = Instant::now();
    let waiter = waiting(&place, "UPDATE watched SET value = 2 WHERE id = 0");
    wait_for("somebody who waits", || (of("lock_waits_total") >= 1.0).then_some(()));
    let seen = Instant::now();
    // As long as the lock is held it is waited for.
    wait_for("a third of a second", || (of("lock_wait_ms") - before >= 333.0).then_some(()));
    let at_least = seen.elapsed();
    place.runtime.block_on(holder.commit()).unwrap();
    waiter.join().unwrap();
    let at_most = began.elapsed();
    let samples = place.seen.of(Source::Engine, "lock_wait_ms").len();
    wait_for("two samples", || {
        (place.seen.of(Source::Engine, "lock_wait_ms").len() >= samples + 2).then_some(())
    });
    let waited_ms = of("lock_wait_ms") - before;
    // A busy machine keeps a session that has slept from sleeping again for a moment.
    let known_ms = [at_least, at_most].map(|held| held.as_secs_f64() * 1e3);
    assert!(
        waited_ms >= 0.7 * known_ms[0] && waited_ms <= known_ms[1],
        "{waited_ms} ms, and the lock was held for {known_ms:?} ms"
    );
}

#[test]
fn who_changes_a_table_waits_for_those_who_read_it() {
    for engine in servers() {
        let place = Place::open(engine);
        let mut reader = place.with_table();
        place.runtime.block_on(reader.begin(Access::Read)).unwrap();
        place.run(reader.as_mut(), "SELECT * FROM watched");
        let waiter = waiting(&place, "ALTER TABLE watched ADD COLUMN more INTEGER");
        let of = |metric: &str, of: &str| place.seen.last_of(Source::Engine, metric, of);
        if engine == "postgres" {
            wait_for("a lock", || of("locks_awaited", "AccessExclusiveLock"));
            wait_for("a reason", || of("waiting", "Lock: relation"));
            assert!(of("locks", "AccessShareLock").unwrap() >= 1.0);
        } else {
            wait_for("a reason", || of("waiting", "Waiting for table metadata lock"));
        }
        place.runtime.block_on(reader.commit()).unwrap();
        waiter.join().unwrap();
    }
}

#[test]
fn context_switches_of_a_server_are_counted_also_of_what_has_ended() {
    const WAITS: u32 = 50;
    for engine in servers() {
        // A thread of MariaDB's would stay for the next session.
        let target = match engine {
            "postgres" => engine,
            _ => "mariadb?set.thread_cache_size=0",
        };
        let place = Place::open(target);
        let of = |of: &str| place.seen.last_of(Source::Server, "context_switches", of);
        let before = wait_for("a first sample", || of("voluntary"));
        let mut session = place.session();
        // After each the server waits for the next.
        for _ in 0..WAITS {
            place.run(session.as_mut(), "SELECT 1");
        }
        wait_for("them", || of("voluntary").filter(|now| *now >= before + f64::from(WAITS)));
        assert!(of("involuntary").is_some());
        assert!(place.seen.last(Source::Server, "cpu_wait_s").is_some());
        let threads = place.seen.last(Source::Server, "threads").unwrap();
        drop(session);
        wait_for("an end", || {
            place.seen.last(Source::Server, "threads").filter(|now| *now < threads)
        });
        let all = place.seen.of(Source::Server, "context_switches");
        let values: Vec<f64> = all
            .iter()
            .filter(|sample| sample.reading.of == "voluntary")
            .map(|sample| sample.reading.value)
            .collect();
        assert!(values.is_sorted(), "{engine}: {values:?}");
    }
}
