//! Every kind of topology under loads that other tests put on some of them alone.

use dbdyno_core::Status;
use dbdyno_suites::oltp;
use dbdyno_tests::{Kept, left_out, named, run_one, run_options};

use super::{Place, failover, lag_of, readers, value};

#[test]
fn each_kind_of_postgres_keeps_what_it_promises() {
    if left_out("postgres") {
        return;
    }
    let place = Place::open("postgres");
    failover(&place, &["on", "remote-write", "any-1-on", "cascading", "logical"]);
    // Its clients have accounts of their own: no lock is waited for until a deadlock is looked for.
    let rows = lag_of(&place, "bulk-update", &[("async", 1)]);
    assert_eq!(value(&rows, "retries", "async"), 0.0, "{rows:#?}");
}

#[test]
fn each_kind_of_mariadb_keeps_what_it_promises() {
    if left_out("mariadb") {
        return;
    }
    let place = Place::open("mariadb");
    failover(&place, &["semi-sync-2", "async-parallel-4", "async-mixed"]);
    // A commit that waits for a replica which stands still is acknowledged once that goes on.
    let rows = place.measure("catch-up", &["semi-sync"]);
    assert!(value(&rows, "beats_while_away", "semi-sync") <= 1.0, "{rows:#?}");
    assert_eq!(value(&rows, "check_replica_1_equals_primary_semi-sync", ""), 1.0);
    readers(&place, "galera");
    lag_of(&place, "tpcc", &[("async", 1)]);
}

/// Clients of any benchmark are spread over the nodes, whose conflicts have a class of their own.
#[test]
fn a_cluster_is_a_target_of_other_suites() {
    if left_out("mariadb") {
        return;
    }
    let (place, kept) = (Place::open("mariadb?cluster=3"), Kept::default());
    let benchmark = named(oltp::benchmarks(), "tpcb");
    run_one(&place.runtime, &place.driver, ("oltp", benchmark.as_ref()), &run_options(), &kept);
    let rows: Vec<_> = kept.rows().into_iter().map(|(_, row)| row).collect();
    let failed: Vec<_> = rows.iter().filter(|row| row.status == Status::Failed).collect();
    assert!(failed.is_empty(), "{failed:#?}");
    // One that lost to others again and again is given up.
    assert_eq!(value(&rows, "transactions", "") + value(&rows, "errors", ""), 600.0, "{rows:#?}");
    assert_eq!(value(&rows, "check_branches_equal_history", ""), 1.0);
    // Every transaction changes the one branch.
    assert!(value(&rows, "retries_certification", "") > 0.0, "{rows:#?}");
}
