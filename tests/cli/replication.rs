//! Replication by the command: networks between nodes as they were asked for, and failing over an engine that runs in
//! dbdyno's own process, where a dbdyno that dbdyno started is killed with the primary in it.

use std::fs;

use dbdyno_core::Status;
use dbdyno_tests::left_out;

use crate::desk::{Desk, code, err, out};

/// What was sent when the process died is on the replica, whole; nothing of it is left behind, and others go on
/// there.
#[test]
fn sqlite_fails_over() {
    let desk = Desk::new();
    let arguments = ["run", "replication/failover", "--target", "sqlite", "--clients", "2"];
    let output = desk.dbdyno(&arguments);
    assert_eq!(code(&output), 0, "{}\n{}", out(&output), err(&output));
    let records = desk.records();
    assert!(records.iter().all(|record| record.status == Status::Ok), "{records:#?}");
    let value = |metric: &str, of: &str| {
        let found = records.iter().find(|one| one.metric == metric && one.transaction == of);
        let value = found.and_then(|record| record.value);
        value.unwrap_or_else(|| panic!("no {metric} of `{of}` in {records:#?}"))
    };
    let promotion = value("failover_promotion_ms", "change-sets");
    assert!(promotion > 0.0 && value("failover_rto_ms", "change-sets") >= promotion);
    assert!(value("acknowledged_commits", "change-sets") > 0.0);
    // What was lost is a number, for nothing was promised; half of a transaction there may never be.
    assert!(value("lost_commits", "change-sets") < value("acknowledged_commits", "change-sets"));
    assert_eq!(value("check_whole_change-sets", ""), 1.0);
}

/// A round trip of 40 ms is in every commit that waits for the replica, and each network is measured under the name by
/// which it was asked for, beside none.
#[test]
fn networks_are_as_they_were_asked_for() {
    if left_out("postgres") {
        return;
    }
    let desk = Desk::new();
    let command = ["run", "replication/network", "--target", "postgres", "--topology", "on"];
    let options = ["--network", "40ms+10MB/s,40000us+10000kB/s", "--cut", "300ms"];
    let few = ["--transactions", "40"];
    let output = desk.dbdyno(&[&command[..], &options, &few].concat());
    assert_eq!(code(&output), 0, "{}\n{}", out(&output), err(&output));
    let records = desk.records();
    let loads = records.iter().filter(|one| one.metric == "throughput");
    let mut loads: Vec<_> = loads.map(|one| &*one.transaction).collect();
    loads.sort_unstable();
    assert_eq!(loads, ["on 40ms+10MB/s", "on loopback"]);
    let value = |metric: &str, of: &str| {
        let found = records.iter().find(|one| one.metric == metric && one.transaction == of);
        let value = found.and_then(|record| record.value);
        value.unwrap_or_else(|| panic!("no {metric} of `{of}` in {records:#?}"))
    };
    assert!(value("latency_p50_us", "on 40ms+10MB/s") >= 40_000.0);
    assert!(value("cut_ms", "on partition") >= 300.0);
    assert!(value("beats_while_cut", "on partition") <= 1.0);
    let conditions = fs::read_to_string(desk.runs()[0].join("run.toml")).unwrap();
    for line in ["network = \"40ms+10MB/s\"", "cut = \"0.3 s\"", "topology = \"on\""] {
        assert!(conditions.contains(line), "{conditions}");
    }
}

/// What no benchmark of the run has a use for, and what is no network or time, is refused before anything is touched.
#[test]
fn options_of_replication_are_refused_where_they_mean_nothing() {
    let desk = Desk::new();
    for (arguments, told) in [
        (&["oltp/tpcb", "--topology", "async"][..], "use `--topology`: no benchmark of the run"),
        (&["replication/reads", "--network", "10ms"], "no benchmark of the run puts a network"),
        (
            &["replication/reads", "--cut", "1s"],
            "use `--cut`: no benchmark of the run cuts nodes off",
        ),
        (&["replication/network", "--away", "1s"], "no benchmark of the run stops a replica"),
        (&["replication/network", "--network", "0"], "`0` is neither a round trip of 1us to 1s"),
        (&["replication/network", "--network", "0ms+1MB/s"], "`0ms` is neither a round trip"),
        (&["replication/network", "--network", "10ms,2s"], "`2s` is neither a round trip"),
        (&["replication/network", "--network", "1MB"], "`1MB` is neither a round trip"),
        (&["replication/network", "--network", "9kB/s"], "`9kB/s` is no bandwidth from 10kB/s to"),
        (&["replication/network", "--network", "2GB/s"], "`2GB/s` is no bandwidth from 10kB/s to"),
        (&["replication/network", "--network", "fast/s"], "`fast/s` is no bandwidth"),
        (&["replication/network", "--network", "1ms+2ms"], "`1ms+2ms` says twice what `2ms` says"),
        (&["replication/network", "--network", "1MB/s+"], "`` is neither a round trip"),
        (&["replication/network", "--cut", "6m"], "`6m` is not in 100ms to 5m"),
        (&["replication/catch-up", "--away", "10ms"], "`10ms` is not in 100ms to 5m"),
    ] {
        let output = desk.dbdyno(&[&["run"], arguments].concat());
        assert_eq!(code(&output), 2, "{arguments:?}");
        assert!(err(&output).contains(told), "{arguments:?}: {}", err(&output));
    }
    assert!(desk.runs().is_empty());
}
