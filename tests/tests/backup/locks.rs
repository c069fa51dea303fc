//! Locks that a backup is said to hold, and what others find of them.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;
use std::{fs, io};

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

/// What a copy of SQLite's file says that it holds is what others find: `BEGIN IMMEDIATE` with no patience, and a
/// checkpoint, which cannot empty the log while somebody reads what was there before. Each copy stands still meanwhile.
pub(super) fn locks_of_a_copy_are_as_told(place: &Place) {
    let info = place.runtime.block_on(place.driver.server_info()).unwrap();
    let file = Path::new(&info.settings["data_folder"]).join("dbdyno_tpcc.db");
    let other = rusqlite::Connection::open(file).unwrap();
    other.busy_timeout(Duration::ZERO).unwrap();
    let write_and_empty_log = || {
        other.execute_batch("PRAGMA user_version = 1").unwrap();
        let busy = other.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0));
        busy.map(|busy: i64| busy == 0).unwrap()
    };
    let methods: [(_, _, Obstruct); 3] = [
        ("online", "READ", reserve),
        ("vacuum-into", "READ", reserve),
        ("wal-copy", "WRITE", block),
    ];
    for (method, mode, obstruct) in methods {
        let backup =
            place.driver.backups().unwrap().prepare(method, &plan(&Stop::default())).unwrap();
        let mut watch = backup.watch_locks().unwrap().unwrap();
        let mut mode_now = || watch.look().unwrap().strongest.map(|lock| lock.mode);
        assert_eq!(mode_now(), None, "{method}");
        assert!(write_and_empty_log(), "{method}");
        let clear = obstruct(&backup.folder().join("dbdyno_tpcc.db"));
        let running = backup.start().unwrap();
        let told = wait_for("a lock of the copy", &mut mode_now);
        assert_eq!(told, mode, "{method}");
        let began = other.execute_batch("BEGIN IMMEDIATE");
        assert_eq!(began.is_ok(), mode == "READ", "{method}: {began:?}");
        if began.is_ok() {
            other.execute_batch("ROLLBACK").unwrap();
            wait_for("a copy that reads", || (!write_and_empty_log()).then_some(()));
        }
        clear();
        running.wait(Duration::from_secs(60), &Stop::default()).unwrap();
        assert_eq!(mode_now(), None, "{method}");
        assert!(write_and_empty_log(), "{method}");
    }
}

/// What keeps a copy from going on until it is called.
type Obstacle = Box<dyn FnOnce()>;
/// Puts it in the way of what is copied to a path.
type Obstruct = fn(&Path) -> Obstacle;

/// Another connection is about to write to the file that SQLite copies to.
fn reserve(copy: &Path) -> Obstacle {
    let writer = rusqlite::Connection::open(copy).unwrap();
    writer.execute_batch("BEGIN IMMEDIATE").unwrap();
    Box::new(move || writer.execute_batch("ROLLBACK").unwrap())
}

/// The file that is copied to is a pipe that nobody reads.
fn block(copy: &Path) -> Obstacle {
    assert!(Command::new("mkfifo").arg(copy).status().unwrap().success());
    let copy = copy.to_owned();
    Box::new(move || {
        let mut pipe = fs::File::open(&copy).unwrap();
        // Whoever syncs the copy would wait for a writer.
        fs::remove_file(&copy).unwrap();
        io::copy(&mut pipe, &mut io::sink()).unwrap();
    })
}
