//! Locks that a backup is said to hold, and what others find of them.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use dbdyno_core::{SessionOptions, Stop};
use dbdyno_tests::{runtime, wait_for};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::{Place, plan};

/// `pg_dump` keeps others from altering a table, and so keeps waiting whoever wants to.
pub(super) fn locks_of_a_dump_are_seen(place: &Place) {
    let backup =
        place.driver.backups().unwrap().prepare("pg_dump", &plan(&Stop::default())).unwrap();
    let mut watch = backup.watch_locks().unwrap().unwrap();
    assert_eq!(watch.look().unwrap().held, Some(0));
    let running = backup.start().unwrap();
    // Its rows come after all of its locks.
    wait_for("the first rows of a dump", || (running.bytes() > 0).then_some(()));
    let id = Pid::from_raw(running.process().unwrap().try_into().unwrap());
    kill(id, Signal::SIGSTOP).unwrap();
    let locked = watch.look().unwrap();
    assert!((12..50).contains(&locked.held.unwrap()), "{locked:?}");
    assert_eq!(locked.strongest.unwrap().mode, "ACCESS SHARE");
    assert_eq!(locked.waiting, Some(0));
    let driver = Arc::clone(&place.driver);
    let waiting = std::thread::spawn(move || {
        runtime().block_on(async {
            let mut session = driver.connect(&SessionOptions::default()).await.unwrap();
            for statement in
                ["BEGIN", "LOCK TABLE dbdyno_tpcc.item IN ACCESS EXCLUSIVE MODE", "ROLLBACK"]
            {
                session.run_sql(statement).await.unwrap();
            }
        });
    });
    wait_for("a session that waits for a dump", || {
        (watch.look().unwrap().waiting == Some(1)).then_some(())
    });
    running.kill();
    waiting.join().unwrap();
    assert!(running.wait(Duration::from_secs(60), &Stop::default()).is_err());
}

/// What a copy of SQLite's file says that it holds is what others find: `BEGIN IMMEDIATE` with no patience.
pub(super) fn locks_of_a_copy_are_as_told(place: &Place) {
    let info = place.runtime.block_on(place.driver.server_info()).unwrap();
    let file = Path::new(&info.settings["data_folder"]).join("dbdyno_tpcc.db");
    let other = rusqlite::Connection::open(file).unwrap();
    other.busy_timeout(Duration::ZERO).unwrap();
    for (method, mode) in [("online", "READ"), ("vacuum-into", "READ"), ("wal-copy", "WRITE")] {
        let backup =
            place.driver.backups().unwrap().prepare(method, &plan(&Stop::default())).unwrap();
        let mut watch = backup.watch_locks().unwrap().unwrap();
        let mut mode_now = || watch.look().unwrap().strongest.map(|lock| lock.mode);
        assert_eq!(mode_now(), None, "{method}");
        let running = backup.start().unwrap();
        wait_for("a lock of the copy", &mut mode_now);
        let began = other.execute_batch("BEGIN IMMEDIATE");
        // It may have been made in between, and then nothing was found out.
        if mode_now().is_some() {
            assert_eq!(mode_now().as_deref().unwrap_or(mode), mode, "{method}");
            assert_eq!(began.is_ok(), mode == "READ", "{method}: {began:?}");
        }
        if began.is_ok() {
            other.execute_batch("ROLLBACK").unwrap();
        }
        running.wait(Duration::from_secs(60), &Stop::default()).unwrap();
        assert_eq!(mode_now(), None, "{method}");
    }
}
