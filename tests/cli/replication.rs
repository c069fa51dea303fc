//! Failing over an engine that runs in dbdyno's own process: a dbdyno that dbdyno started is killed with the primary
//! in it.

use dbdyno_core::Status;

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
