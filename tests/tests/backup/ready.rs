//! What is got ready before a load that a backup is made in.

use std::fs;
use std::path::Path;
use std::time::Duration;

use dbdyno_core::SessionOptions;
use dbdyno_core::Stop;
use dbdyno_core::backup::{Backup, BackupPlan};
use dbdyno_core::query::row_sql;
use dbdyno_tests::left_out;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::{Place, plan};

impl Place {
    fn ready(&self, method: &str) -> Box<dyn Backup> {
        let plan = BackupPlan { with_twin: true, ..plan(&Stop::default()) };
        self.driver.backups().unwrap().prepare(method, &plan).unwrap()
    }

    fn number(&self, sql: &str) -> i64 {
        self.runtime.block_on(async {
            let mut session = self.driver.connect(&SessionOptions::default()).await.unwrap();
            row_sql(&mut *session, sql, |row| row.int(0)).await.unwrap()
        })
    }
}

/// All loads have a checkpoint behind them, and a server that died while it kept its log for a backup keeps it for the next
/// one as well, and no longer.
#[test]
fn a_load_on_postgres() {
    if left_out("postgres") {
        return;
    }
    let place = Place::open("postgres");
    let slots = || place.number("SELECT count(*) FROM pg_replication_slots");
    let logged = "SELECT (redo_lsn - '0/0')::bigint FROM pg_control_checkpoint()";
    place.sql(&["SELECT txid_current()"]);
    let before = place.number("SELECT (pg_current_wal_insert_lsn() - '0/0')::bigint");
    drop(place.ready("pg_dump"));
    assert!(place.number(logged) >= before, "a load begins without a checkpoint");
    let backup = place.ready("pg_basebackup");
    let control = place.driver.server_control().unwrap();
    control.kill().unwrap();
    drop(backup);
    assert!(control.ensure_running().unwrap());
    assert_eq!(slots(), 0);
    let backup = place.ready("pg_basebackup");
    assert_eq!(slots(), 1);
    assert!(backup.twin().unwrap().is_some());
}

/// Who fetches the log may be held up while the server writes more of it than it keeps by itself.
#[test]
fn a_log_that_is_fetched_late_on_postgres() {
    if left_out("postgres") {
        return;
    }
    const FILES: usize = 8;
    let place = Place::open("postgres");
    let backup = place.ready("pg_receivewal");
    backup.start().unwrap().wait(Duration::from_secs(600), &Stop::default()).unwrap();
    let receiver = receiver_beside(backup.folder());
    kill(receiver, Signal::SIGSTOP).unwrap();
    for _ in 0..FILES {
        place.sql(&["SELECT pg_logical_emit_message(true, '', '')", "SELECT pg_switch_wal()"]);
    }
    // The second forgets what the first needed.
    place.sql(&["CHECKPOINT", "CHECKPOINT"]);
    kill(receiver, Signal::SIGCONT).unwrap();
    backup.mark().unwrap();
    backup.close().unwrap();
    let archived = fs::read_dir(&backup.log_files()[0]).unwrap().count();
    assert!(archived > FILES, "{archived} files");
}

/// The process of `pg_receivewal` that writes beside a backup (proc_pid_cmdline(5)).
fn receiver_beside(folder: &Path) -> Pid {
    let beside = folder.parent().unwrap().display().to_string();
    let found = fs::read_dir("/proc").unwrap().flatten().find_map(|entry| {
        let id = entry.file_name().to_str()?.parse().ok()?;
        let command = fs::read(entry.path().join("cmdline")).ok()?;
        let command = String::from_utf8_lossy(&command);
        (command.contains("pg_receivewal") && command.contains(&beside)).then_some(id)
    });
    Pid::from_raw(found.unwrap())
}
