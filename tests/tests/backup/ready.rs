//! What is got ready before a load that a backup is made in.

use dbdyno_core::SessionOptions;
use dbdyno_core::Stop;
use dbdyno_core::backup::{Backup, BackupPlan};
use dbdyno_core::query::row_sql;
use dbdyno_tests::left_out;

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
