//! Replicas that apply everything a known time late: what clients see of that, and what the servers say.

use std::sync::Arc;
use std::time::Duration;

use dbdyno_core::Driver;
use dbdyno_core::load::Length;
use dbdyno_suites::replication;
use dbdyno_suites::replication::ReplicationOptions;
use dbdyno_suites::runner::RunOptions;
use dbdyno_tests::unsafe_cluster::{Failing, HONEST, UnsafeDriver};
use dbdyno_tests::{Kept, left_out, named, run_one, run_options};

use super::{Place, value};

/// Runs TPC-B with a replica that is late by what a server was told.
fn late(place: &Place, driver: &Arc<dyn Driver>, topology: &str, length: Length) -> Kept {
    let (kept, benchmark) = (Kept::default(), named(replication::benchmarks(), "tpcb"));
    let topologies = Some(vec![topology.to_owned()]);
    let options = RunOptions {
        length,
        replication: ReplicationOptions { topologies, ..ReplicationOptions::default() },
        ..run_options()
    };
    let summary =
        run_one(&place.runtime, driver, ("replication", benchmark.as_ref()), &options, &kept);
    assert_eq!((summary.failed, summary.could_not_run), (0, 0), "{:#?}", kept.rows());
    kept
}

/// What is so late for clients is so late in percentiles and in each second; the server, whose figure is about the same
/// thing here, says so, and is further off from nothing than from that.
fn is_seen_and_said(kept: &Kept, topology: &str, (least, said_least): (Duration, Duration)) {
    let rows: Vec<_> = kept.rows().into_iter().map(|(_, row)| row).collect();
    let replica = format!("{topology}/replica-1");
    let of = |metric| value(&rows, metric, &replica);
    let (least_us, said_us) = (least.as_micros() as f64, said_least.as_micros() as f64);
    // Three digits are kept of each.
    assert!(of("visible_p50_us") >= least_us * 0.999, "{rows:#?}");
    assert!(of("reported_replay_p50_us") >= said_us * 0.999, "{rows:#?}");
    assert!(of("disagreement_p50_us") < of("visible_p50_us"), "{rows:#?}");
    assert_eq!(of("beats_unseen"), 0.0);
    let name = format!("{replica}/visible");
    let seconds = kept.seconds();
    let seconds: Vec<_> = seconds.iter().filter(|each| *each.transaction == *name).collect();
    assert!(seconds.len() >= 2, "{seconds:#?}");
    for second in seconds {
        assert!(second.completed > 0 && second.errors == 0, "{second:#?}");
        assert_eq!(second.response_ns.len(), second.completed);
        assert!(second.response_ns.min() as f64 >= 1e6 * least.as_millis() as f64 * 0.999);
    }
}

/// `recovery_min_apply_delay` counts from the commit on the primary.
#[test]
fn a_standby_that_is_late_is_seen_and_said_to_be() {
    if left_out("postgres") {
        return;
    }
    let place = Place::open("postgres?set.recovery_min_apply_delay=1500ms");
    let length = Length::Duration(Duration::from_secs(4));
    let kept = late(&place, &place.driver, "async", length);
    // An acknowledgement comes after the commit from which the server counts, by a sync to disk or some of a scheduler's turns.
    is_seen_and_said(&kept, "async", (Duration::from_secs(1), Duration::from_secs(1)));
    let rows: Vec<_> = kept.rows().into_iter().map(|(_, row)| row).collect();
    // It had received and synced it long before.
    let of = |metric| value(&rows, metric, "async/replica-1");
    assert!(of("reported_flush_p50_us") < of("reported_replay_p50_us"), "{rows:#?}");
}

/// `MASTER_DELAY` counts whole seconds, from the second in which a commit was made.
#[test]
fn a_replica_that_is_late_is_seen_and_said_to_be() {
    if left_out("mariadb") {
        return;
    }
    let place = Place::open("mariadb");
    let failing =
        Failing::Told(&["STOP SLAVE", "CHANGE MASTER TO MASTER_DELAY = 4", "START SLAVE"]);
    let driver: Arc<dyn Driver> =
        Arc::new(UnsafeDriver { driver: Arc::clone(&place.driver), failing });
    let kept = late(&place, &driver, HONEST, Length::Duration(Duration::from_secs(8)));
    is_seen_and_said(&kept, HONEST, (Duration::from_millis(2_500), Duration::from_secs(2)));
}
