//! Nodes at a distance from each other, and cut off.

use std::time::{Duration, Instant};

use dbdyno_core::load::Length;
use dbdyno_core::{Cluster, Link};
use dbdyno_suites::replication;
use dbdyno_suites::replication::ReplicationOptions;
use dbdyno_suites::runner::RunOptions;
use dbdyno_tests::{left_out, named, run_options};

use super::{LIMIT, Place, value};

/// A round trip between the nodes is part of every commit that waits for a replica, and while the link is cut
/// none is acknowledged but for one whose answer was under way.
pub(super) fn each_link(place: &Place, name: &str) {
    let rows = place.measure("network", &[name]);
    let far = format!("{name} 10ms");
    assert!(value(&rows, "commit_p50_us", &far) >= 10_000.0, "{rows:#?}");
    for link in ["loopback", "10ms", "1MB/s"] {
        let link = format!("{name} {link}");
        assert!(value(&rows, "throughput", &link) > 0.0, "{link}");
        assert_eq!(value(&rows, "beats_unseen", &link), 0.0, "{link}");
    }
    let cut = format!("{name} partition");
    assert!(value(&rows, "beats_while_cut", &cut) <= 1.0, "{rows:#?}");
    let (longest, cut_for) =
        (value(&rows, "commit_longest_ms", &cut), value(&rows, "cut_ms", &cut));
    assert!(longest >= cut_for / 2.0, "{rows:#?}");
    assert_eq!(value(&rows, &format!("check_replica_1_equals_primary_{name}"), ""), 1.0);
}

/// Behind a link that is cut a replica shows nothing new, and all of it once the link is mended.
pub(super) fn partition(place: &Place) {
    let cluster = place.start("async", true);
    let (primary, replica) = (cluster.primary(), cluster.replicas().remove(0));
    let namespace = place.driver.dialect().ensure_namespace("cut");
    namespace.iter().for_each(|sql| place.run(&*primary, sql));
    place.run(&*primary, "CREATE TABLE cut.numbers (number INTEGER NOT NULL PRIMARY KEY)");
    place.runtime.block_on(cluster.engage()).unwrap();
    cluster.set_link(Link { cut: true, ..Link::default() }).unwrap();
    place.run(&*primary, "INSERT INTO cut.numbers VALUES (1)");
    let settled = place.runtime.block_on(cluster.settle(Duration::from_millis(300)));
    assert!(settled.unwrap_err().to_string().contains("do not show it"));
    let sql = "SELECT COUNT(*) FROM cut.numbers";
    assert_eq!(place.number(&*replica, sql), 0);
    // What was received is all applied: so much for the server's own figure.
    let reports = place.runtime.block_on(cluster.reports()).unwrap();
    assert_eq!((reports.len(), reports[0].replay_s), (1, Some(0.0)));
    cluster.set_link(Link::default()).unwrap();
    place.runtime.block_on(cluster.settle(LIMIT)).unwrap();
    assert_eq!(place.number(&*replica, sql), 1);
    behind_while_it_stands(place, &*cluster);
    place.runtime.block_on(cluster.settle(LIMIT)).unwrap();
    assert_eq!(place.number(&*replica, sql), 4);
}

/// How far a replica is behind is known while it stands still, also where only it can say how far it is.
fn behind_while_it_stands(place: &Place, cluster: &dyn Cluster) {
    let (primary, replica) = (cluster.primary(), cluster.replicas().remove(0));
    let mut watch = place.runtime.block_on(cluster.lag_watch()).unwrap();
    let before = place.runtime.block_on(watch.reports()).unwrap();
    assert_eq!(before[0].transactions, Some(0));
    let control = replica.server_control().unwrap();
    control.pause().unwrap();
    for number in 2..=4 {
        place.run(&*primary, &format!("INSERT INTO cut.numbers VALUES ({number})"));
    }
    let behind = place.runtime.block_on(watch.reports_beside(0));
    control.resume().unwrap();
    let behind = behind.unwrap()[0];
    assert_eq!((behind.transactions, behind.replay_s), (Some(3), None));
    assert!(behind.bytes > before[0].bytes, "{behind:?}");
}

/// Whoever is sent rows is sent them over the link, too: its readers see a commit no sooner than it can have come there.
#[test]
fn a_subscriber_is_at_a_distance() {
    if left_out("postgres") {
        return;
    }
    let place = Place::open("postgres");
    let delay = Duration::from_millis(40);
    let links = vec![Link { round_trip: delay, ..Link::default() }];
    let cut = Duration::from_secs(2);
    let options = ReplicationOptions { links, cut, ..ReplicationOptions::default() };
    let length = Length::Duration(Duration::from_secs(3));
    let rows = place.measure_for(length, ("network", &["logical"]), options, None);
    let one_way = 1_000.0 * delay.as_millis() as f64 / 2.0;
    assert!(value(&rows, "visible_p50_us", "logical 40ms") >= one_way * 0.95, "{rows:#?}");
    assert!(value(&rows, "commit_p50_us", "logical 40ms") < one_way, "{rows:#?}");
    assert!(value(&rows, "visible_longest_ms", "logical partition") >= 250.0, "{rows:#?}");
    assert!(value(&rows, "beats_while_cut", "logical partition") > 1.0, "{rows:#?}");
    assert_eq!(value(&rows, "check_replica_1_equals_primary_logical", ""), 1.0);
}

/// What nodes that are peers agree on takes a round trip, and one that is cut off refuses writes, of which none is lost.
#[test]
fn a_node_of_galera_is_cut_off() {
    if left_out("mariadb") {
        return;
    }
    let place = Place::open("mariadb");
    let links = vec![Link { round_trip: Duration::from_millis(40), ..Link::default() }];
    let cut = Duration::from_millis(100);
    let options = ReplicationOptions { links, cut, ..ReplicationOptions::default() };
    let rows = place.measure_with("network", &["galera"], options);
    assert!(value(&rows, "commit_p50_us", "galera 40ms") >= 40_000.0, "{rows:#?}");
    let of = |metric| value(&rows, metric, "galera partition");
    // The others go on once they have agreed that it is gone (evs.suspect_timeout, 5 s).
    assert!(of("cut_ms") >= of("minority_refused_ms"), "{rows:#?}");
    assert!(of("minority_refused_ms") >= 4_000.0 && of("minority_rejoined_ms") > 0.0, "{rows:#?}");
    assert!(of("commit_longest_ms") >= 4_000.0, "{rows:#?}");
    let refused = rows.iter().find(|row| row.metric == "minority_refused_ms").unwrap();
    assert!(!refused.detail.is_empty() && !refused.detail.contains("refused no write"));
    assert_eq!(value(&rows, "check_minority_lost_nothing_galera", ""), 1.0);
    assert_eq!(value(&rows, "check_minority_took_no_writes_galera", ""), 1.0);
    for node in 1..=2 {
        let equal = format!("check_replica_{node}_equals_primary_galera");
        assert_eq!(value(&rows, &equal, ""), 1.0, "{rows:#?}");
    }
}

/// So many bytes of the log as the primary has written take as long as the line needs for them.
#[test]
fn a_narrow_line_bounds_what_is_sent() {
    const BANDWIDTH: u64 = 400_000;
    if left_out("postgres") {
        return;
    }
    let place = Place::open("postgres");
    let cluster = place.start("async", true);
    let primary = cluster.primary();
    place.run(&*primary, "CREATE TABLE numbers (number INTEGER NOT NULL)");
    place.runtime.block_on(cluster.engage()).unwrap();
    place.runtime.block_on(cluster.settle(LIMIT)).unwrap();
    let written = || place.number(&*primary, "SELECT pg_current_wal_lsn() - '0/0'::pg_lsn");
    let before = written();
    cluster.set_link(Link { bandwidth: Some(BANDWIDTH), ..Link::default() }).unwrap();
    let began = Instant::now();
    place.run(&*primary, "INSERT INTO numbers SELECT generate_series(1, 10000)");
    let bytes = (written() - before) as f64;
    place.runtime.block_on(cluster.settle(LIMIT)).unwrap();
    // The line takes up 20 ms ahead, and what it takes up at once arrives together.
    let least = bytes / BANDWIDTH as f64 - 0.05;
    assert!(least > 1.0 && began.elapsed().as_secs_f64() >= least, "{bytes} bytes");
}

/// How long a run takes is planned by the topologies and networks that it is to measure.
#[test]
fn loads_are_planned_as_they_were_asked_for() {
    let planned = |name: &str, replication: ReplicationOptions| {
        let benchmark = named(replication::benchmarks(), name);
        let options = RunOptions { replication, ..run_options() };
        (benchmark.procedure().loads(&options), benchmark.shortest_load(&options))
    };
    let two = Duration::from_secs(2);
    let only = |names: &[&str]| ReplicationOptions {
        topologies: Some(names.iter().map(|name| (*name).to_owned()).collect()),
        ..ReplicationOptions::default()
    };
    assert_eq!(planned("network", ReplicationOptions::default()), (9, two));
    assert_eq!(planned("tpcb", ReplicationOptions::default()), (19, two));
    assert_eq!(planned("tpcb", only(&["async"])), (3, two));
    assert_eq!(planned("reads", only(&["async", "on"])), (6, two));
    let round_trip = Duration::from_secs(1);
    let links = vec![Link { round_trip, ..Link::default() }];
    let far = ReplicationOptions { links, ..only(&["on"]) };
    assert_eq!(planned("network", far), (2, round_trip * 10));
}
