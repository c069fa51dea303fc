//! Rows of backups: a value that was changed is noticed, also under load, where a session that began at the same moment
//! tells what must be there.

use std::path::Path;

use dbdyno_core::backup::{BackupMethod, BackupPromise};
use dbdyno_core::load::Length;
use dbdyno_core::{Status, Stop};
use dbdyno_suites::runner::RunOptions;
use dbdyno_tests::{Meddler, Unseen, run_options};

use super::harm::Harm;
use super::{Found, Place, only};

/// Methods of which somebody else sees the moment.
const SEEN: [&str; 5] = ["pg_dump", "pg_dump-directory", "online", "vacuum-into", "wal-copy"];

/// Whether rows under load were held against something, or it was said that they were not.
pub(super) fn are_compared(found: &Found, method: &BackupMethod) {
    let (name, check) = (method.name, format!("rows_{}", method.name));
    let conditions = found.check(&format!("conditions_{name}")).1;
    let is_told = conditions.contains("held against these and the ledger alone");
    let is_known = SEEN.contains(&name) || method.promise == BackupPromise::PointInTime;
    assert_eq!(is_told, !is_known, "{name}: {conditions}");
    match is_known {
        true => assert_eq!(found.check(&check), (1.0, "12 tables have the same rows"), "{name}"),
        false => {
            let there = found.rows.iter().any(|row| row.metric == format!("check_{check}"));
            assert!(!there, "{:#?}", found.rows);
        }
    }
}

/// A backup in which something was changed is restored without a word, and is not what was promised; the `others` are
/// worth what they are all the same.
pub(super) fn tampering_is_noticed(
    place: &Place,
    (method, change): (&'static str, fn(&Path)),
    others: &[&str],
    said: &[(&str, &str)],
) {
    let all = [&[method], others].concat();
    let found = place.run("idle", only(&all), Harm::Tamper(method, change));
    assert_eq!((found.summary.failed, found.summary.could_not_run), (1, 0));
    assert_eq!(found.check(&format!("restored_{method}")).0, 1.0);
    for (check, words) in said {
        let (held, detail) = found.check(&format!("{check}_{method}"));
        assert!(held == 0.0 && detail.contains(words), "{check}: {detail}");
    }
    assert_eq!(found.row("backup_s", method).status, Status::Failed);
    for other in others {
        for row in found.rows.iter().filter(|row| row.transaction == *other) {
            assert_eq!(row.status, Status::Ok, "{row:?}");
        }
        assert_eq!(found.check(&format!("rows_{other}")).0, 1.0);
    }
}

/// A value that is wrong in a backup and that nothing else asks for.
pub(super) fn a_value_is_missed_under_load(place: &Place, method: &'static str, change: fn(&Path)) {
    let found = place.run("tpcc", only(&[method]), Harm::Tamper(method, change));
    assert_eq!((found.summary.failed, found.summary.could_not_run), (1, 0));
    for check in ["restored", "conditions", "tables", "ledger"] {
        assert_eq!(found.check(&format!("{check}_{method}")).0, 1.0, "{check}");
    }
    let rows = found.check(&format!("rows_{method}"));
    assert_eq!(rows, (0.0, "rows of item differ"), "{method}");
}

/// What cannot be written of a load's course is told in one row: the backup was made, and its numbers are there once.
pub(super) fn a_course_that_cannot_be_kept_is_told_once(place: &Place, method: &str) {
    let recorder = Meddler::new(|_| {}).without_files();
    let (length, backup) = (Length::Transactions(150), only(&[method]));
    let options = RunOptions { length, backup, ..run_options() };
    let beside = (&Unseen as _, &Stop::default());
    let found = place.run_recorded("tpcc", &options, &recorder, beside);
    assert_eq!((found.summary.failed, found.summary.could_not_run), (0, 1), "{:#?}", found.rows);
    let failed: Vec<_> = found.rows.iter().filter(|row| row.status == Status::Failed).collect();
    assert_eq!(failed.len(), 1, "{failed:#?}");
    assert_eq!((failed[0].metric.as_str(), failed[0].value), ("restore_s", None));
    assert!(failed[0].detail.contains("cannot write "), "{}", failed[0].detail);
    let made = found.rows.iter().filter(|row| row.metric == "backup_s").count();
    assert_eq!(made, 1, "{:#?}", found.rows);
    // It is restored and held against what was promised all the same.
    for check in ["restored", "conditions", "rows"] {
        let held: Vec<_> = found
            .rows
            .iter()
            .filter(|row| row.metric == format!("check_{check}_{method}"))
            .collect();
        assert!(held.len() == 1 && held[0].value == Some(1.0), "{check}: {:#?}", found.rows);
    }
}
