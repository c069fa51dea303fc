//! Cold caches on every engine: a server that is started anew before each load loses nothing, whatever its
//! commits survive.

use std::sync::Arc;

use dbdyno_core::{Cache, Durability, Status, Stop};
use dbdyno_suites::oltp;
use dbdyno_suites::runner::{DurabilityChoice, RunOptions, Selection, run};
use dbdyno_tests::{Kept, Unseen, left_out, run_options, runtime, target};

fn nothing_is_lost(text: &str) {
    if left_out(text) {
        return;
    }
    let runtime = runtime();
    let driver = target(&runtime, text);
    let version = runtime.block_on(driver.server_info()).unwrap().version;
    let options = RunOptions {
        cache: vec![Cache::Warm, Cache::Cold],
        durability: DurabilityChoice::Listed(vec![Durability::None]),
        repetitions: 2,
        ..run_options()
    };
    let benchmarks = oltp::benchmarks();
    let tpcb = benchmarks.iter().find(|found| found.name() == "tpcb").unwrap();
    let selection = Selection { suite: "oltp", benchmark: tpcb.as_ref() };
    let (kept, stop) = (Kept::default(), Stop::default());
    let drivers = [(Arc::clone(&driver), version)];
    let summary = run(&[selection], &drivers, &options, &runtime, &kept, &Unseen, &stop).unwrap();
    let rows = kept.rows();
    let wrong: Vec<_> = rows.iter().filter(|(_, row)| row.status != Status::Ok).collect();
    assert!(wrong.is_empty(), "{text}: {wrong:#?}");
    assert_eq!(summary.measured, 4);
    for cache in Cache::ALL {
        let measured = rows.iter().filter(|(case, row)| {
            case.cache == cache && row.metric == "throughput" && row.transaction.is_empty()
        });
        assert_eq!(measured.count(), 2, "{text}: {cache}");
    }
}

#[test]
fn nothing_is_lost_on_sqlite() {
    nothing_is_lost("sqlite");
}

#[test]
fn nothing_is_lost_on_postgres() {
    nothing_is_lost("postgres");
}

#[test]
fn nothing_is_lost_on_mariadb() {
    nothing_is_lost("mariadb");
}
