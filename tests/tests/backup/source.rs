//! What becomes of a case where the server that backups are made of goes away or stands still, or a person asks for the
//! end.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use dbdyno_core::load::Length;
use dbdyno_core::measurement::Second;
use dbdyno_core::{Case, Driver, Event, LoadProgress, SessionOptions, Status, Stop};
use dbdyno_datasets::LoadObserver;
use dbdyno_suites::runner::{CaseSummary, RunObserver, RunOptions};
use dbdyno_tests::{Unseen, run_options, runtime, wait_for};

use super::{Place, only};

/// Does something before something else is done.
pub(super) struct Before<F>(pub(super) &'static str, pub(super) F);

/// That the tables are looked at.
const LOOKS: &str = "check the data of tpcc";

impl<F: Fn() + Send + Sync> RunObserver for Before<F> {
    fn working_on(&self, _: &Case, doing: &str) {
        if doing == self.0 {
            (self.1)();
        }
    }

    fn benchmark_started(&self, _: &str, _: &str, _: usize, _: u32) {}
    fn preparing(&self, _: &str) {}
    fn case_started(&self, _: &Case) {}
    fn load_started(&self, _: &Case, _: &str, _: Option<Duration>) {}
    fn second(&self, _: &[Second]) {}
    fn event(&self, _: &Event) {}
    fn case_finished(&self, _: &Case, _: &CaseSummary) {}
}

impl<F: Send + Sync> LoadObserver for Before<F> {
    fn started(&self, _: &str, _: u64, _: &Arc<LoadProgress>) {}
    fn finished(&self, _: &str, _: u64) {}
}

fn options(methods: &[&str]) -> RunOptions {
    let reconnect_limit = Duration::from_secs(1);
    let length = Length::Transactions(150);
    RunOptions { length, backup: only(methods), reconnect_limit, ..run_options() }
}

/// A server that is gone says nothing about backups, and what was measured before is kept.
pub(super) fn a_source_that_goes_away_breaks_no_promise(theirs: &Place) {
    let control = theirs.driver.server_control().unwrap();
    let (options, stop) = (options(&["pg_dump", "pg_dump-directory"]), Stop::default());
    let place = theirs.by_url();
    let kill = Before(LOOKS, || control.kill().unwrap());
    let found = place.run_watched("idle", &options, |_| {}, &kill, &stop);
    assert_eq!((found.summary.failed, found.summary.could_not_run), (0, 1), "{:#?}", found.rows);
    assert_eq!((found.rows.len(), found.rows[0].status), (1, Status::Failed));
    let detail = &found.rows[0].detail;
    assert!(detail.starts_with("cannot check the data of tpcc"), "{detail}");

    assert!(control.ensure_running().unwrap());
    let kill = |event: &Event| {
        if event.kind == "backup_made" {
            control.kill().unwrap();
        }
    };
    let found = place.run_watched("idle", &options, kill, &Unseen, &stop);
    assert_eq!((found.summary.failed, found.summary.could_not_run), (0, 1), "{:#?}", found.rows);
    assert!(!found.rows.iter().any(|row| row.metric.starts_with("check_")), "{:#?}", found.rows);
    let of = |metric: &str| {
        let rows = found.rows.iter().filter(|row| row.metric == metric);
        rows.map(|row| (row.value.is_some(), row.status)).collect::<Vec<_>>()
    };
    // One of them is made, in an order that is drawn.
    assert_eq!(of("backup_s"), [(true, Status::Ok), (false, Status::Failed)]);
    assert_eq!(of("restore_s"), [(false, Status::Failed)]);
    assert!(control.ensure_running().unwrap());
}

/// A statement that waits for a lock is an answer that does not come.
pub(super) fn the_end_is_heeded_by_who_waits_for_an_answer(place: Place) {
    let working = thread::spawn(move || {
        let stop = Stop::default();
        let (_held, over) = channel();
        let holder = std::sync::Mutex::new(Some(over));
        let stand_still = Before(LOOKS, || {
            if let Some(over) = holder.lock().unwrap().take() {
                lock(&place.driver, over);
                stop.request();
            }
        });
        place.run_watched("idle", &options(&["pg_dump"]), |_| {}, &stand_still, &stop)
    });
    wait_for("the end of a run", || working.is_finished().then_some(()));
    let found = working.join().unwrap();
    assert_eq!((found.rows.len(), found.rows[0].status), (1, Status::Interrupted));
    let detail = &found.rows[0].detail;
    assert!(detail.contains("the server did not answer within"), "{detail}");
}

/// Has a session hold a lock that everybody who reads waits for, until `over` has no sender.
fn lock(driver: &Arc<dyn Driver>, over: Receiver<()>) {
    let (locked, is_locked) = channel();
    let driver = Arc::clone(driver);
    thread::spawn(move || {
        runtime().block_on(async {
            let mut session = driver.connect(&SessionOptions::default()).await.unwrap();
            for statement in ["BEGIN", "LOCK TABLE dbdyno_tpcc.warehouse IN ACCESS EXCLUSIVE MODE"]
            {
                session.run_sql(statement).await.unwrap();
            }
            locked.send(()).unwrap();
            assert!(over.recv().is_err());
        });
    });
    is_locked.recv().unwrap();
}

/// Whoever asks for the end when a backup has just been made keeps what making it cost, and what its load felt.
pub(super) fn what_was_measured_before_the_end_is_kept(place: &Place) {
    let stop = Stop::default();
    let end = |event: &Event| {
        if event.kind == "backup_made" {
            stop.request();
        }
    };
    let found = place.run_watched("tpcc", &options(&["online"]), end, &Unseen, &stop);
    assert_eq!((found.summary.failed, found.summary.could_not_run), (0, 0), "{:#?}", found.rows);
    for (metric, of) in [
        ("backup_s", "online"),
        ("backup_bytes", "online"),
        ("writers_blocked_ms", "online"),
        ("throughput", "online/before"),
        ("throughput", "online/after"),
    ] {
        assert!(found.value(metric, of) > 0.0, "{metric} of {of}");
        assert_eq!(found.row(metric, of).status, Status::Interrupted, "{metric} of {of}");
    }
    assert_eq!(found.check("tpcc_new_orders_accounted_online").0, 1.0);
    assert!(!found.rows.iter().any(|row| row.metric == "restore_s"), "{:#?}", found.rows);
}
