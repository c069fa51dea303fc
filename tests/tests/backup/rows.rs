//! Rows of backups: a value that was changed is noticed, also under load, where a session that began at the same moment
//! tells what must be there, or a server that followed the log to it.

use std::path::Path;
use std::time::Duration;

use dbdyno_core::load::Length;
use dbdyno_core::{SessionOptions, Status, Stop};
use dbdyno_suites::backup::{self, content};
use dbdyno_suites::runner::RunOptions;
use dbdyno_tests::{Meddler, Unseen, named, run_options};

use super::harm::Harm;
use super::{Found, Place, only};

/// What is said of a backup whose rows nobody tells.
const ALONE: &str = "held against these and the ledger alone";

/// Whether rows under load were held against something.
pub(super) fn are_compared(found: &Found, method: &str) {
    let rows = found.check(&format!("rows_{method}"));
    assert_eq!(rows, (1.0, "12 tables have the same rows"), "{method}");
    let conditions = found.check(&format!("conditions_{method}")).1;
    assert!(!conditions.contains(ALONE), "{method}: {conditions}");
    assert!(!found.rows.iter().any(|row| row.metric == "rows_untold"), "{:#?}", found.rows);
}

/// A backup is worth what it is where nobody can be found who has its rows: that is said, and the rest is verified.
pub(super) fn rows_that_nobody_tells_spoil_nothing(place: &Place) {
    place.sql(&[
        "ALTER FUNCTION pg_create_physical_replication_slot RENAME TO pg_create_no_slot",
        "ALTER FUNCTION pg_export_snapshot() RENAME TO pg_export_no_snapshot",
    ]);
    let methods = ["pg_basebackup", "pg_dump"];
    let found = place.run("tpcc", only(&methods), Harm::None);
    place.sql(&[
        "ALTER FUNCTION pg_create_no_slot RENAME TO pg_create_physical_replication_slot",
        "ALTER FUNCTION pg_export_no_snapshot() RENAME TO pg_export_snapshot",
    ]);
    assert_eq!((found.summary.failed, found.summary.could_not_run), (0, 0), "{:#?}", found.rows);
    assert!(found.rows.iter().all(|row| row.status == Status::Ok), "{:#?}", found.rows);
    for (method, words) in [
        (
            "pg_basebackup",
            "pg_create_physical_replication_slot(name, boolean, boolean) does not exist",
        ),
        ("pg_dump", "pg_export_snapshot() does not exist"),
    ] {
        let untold = found.row("rows_untold", method);
        assert!(untold.value == Some(1.0) && untold.detail.contains(words), "{}", untold.detail);
        assert!(found.check(&format!("conditions_{method}")).1.contains(ALONE), "{method}");
        let check = format!("check_rows_{method}");
        assert!(!found.rows.iter().any(|row| row.metric == check), "{:#?}", found.rows);
        assert!(found.value("restore_s", method) > 0.0);
    }
}

/// SQLite gives one row after another without letting anybody else work: whoever asks for the end meanwhile gets it, and
/// so does the limit.
pub(super) fn the_end_is_heeded_between_rows(place: &Place) {
    let tables = named(backup::benchmarks(), "idle").dataset().tables();
    let namespace = Some("dbdyno_tpcc".to_owned());
    let options = SessionOptions { namespace, ..SessionOptions::default() };
    let read = |until: &content::Until<'_>| {
        place.runtime.block_on(async {
            let mut session = place.driver.connect(&options).await.unwrap();
            content::read(&tables, &*place.driver, &mut *session, until).await
        })
    };
    let (asked, nobody, hour) = (Stop::default(), Stop::default(), Duration::from_secs(3_600));
    asked.request();
    // What is polled first is left to chance.
    for _ in 0..8 {
        for (until, said) in [
            (content::Until::new(hour, &asked), "the end was asked for"),
            (content::Until::new(hour, &nobody).or_end_of_load(&asked), "the load ended by itself"),
            (content::Until::new(Duration::ZERO, &nobody), "it goes on after 0 s"),
        ] {
            let told = read(&until).err().map(|why| why.to_string()).unwrap_or_default();
            assert!(told.contains(said), "`{told}` instead of {said}");
        }
    }
    assert_eq!(read(&content::Until::new(hour, &nobody)).map(|found| found.len()).ok(), Some(12));
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
    a_harm_is_noticed_under_load(place, method, Harm::Tamper(method, change));
}

/// The same of whatever is done to a backup, or to what is restored from it.
pub(super) fn a_harm_is_noticed_under_load(place: &Place, method: &'static str, harm: Harm) {
    let found = place.run("tpcc", only(&[method]), harm);
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
