//! What is not there: the tools of MariaDB, and room for the log that a point in time needs.

use std::fs::{self, File};
use std::io::Write as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;

use dbdyno_adapters::engines;
use dbdyno_core::load::Length;
use dbdyno_core::{SessionOptions, Status, Stop};
use dbdyno_suites::backup::BackupOptions;
use dbdyno_suites::runner::{RunOptions, RunSummary};
use dbdyno_tests::{SmallDisk, left_out, run_options, runtime};

use super::harm::Harm;
use super::source::Before;
use super::{Place, only};

/// A server without its tools: each method is unsupported, and told with what installs the tool.
#[test]
fn missing_tools_of_mariadb_are_unsupported() {
    if left_out("mariadb") {
        return;
    }
    let mariadb = engines().iter().find(|engine| engine.name == "mariadb").unwrap();
    let base = tempfile::tempdir_in("/var/tmp").unwrap();
    let [folder, helpers] = ["sbin", "bin"].map(|name| base.path().join(name));
    for folder in [&folder, &helpers] {
        fs::create_dir(folder).unwrap();
    }
    for folder in [base.path(), &folder, &helpers] {
        fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).unwrap();
    }
    // What belongs to the server is found from its base folder.
    for part in ["share", "lib"] {
        symlink(Path::new("/usr").join(part), base.path().join(part)).unwrap();
    }
    for helper in ["my_print_defaults", "resolveip"] {
        symlink(Path::new("/usr/bin").join(helper), helpers.join(helper)).unwrap();
    }
    for program in (mariadb.find)(None).unwrap().programs {
        let path = folder.join(program.file_name().unwrap());
        let real = fs::canonicalize(&program).unwrap();
        fs::write(&path, format!("#!/bin/sh\nexec {} \"$@\"\n", real.display())).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    let place = Place::open(&format!("mariadb?bin_dir={}", folder.display()));
    let found = place.run("idle", BackupOptions::default(), Harm::None);
    let RunSummary { measured, unsupported, failed, could_not_run, .. } = found.summary;
    assert_eq!((measured, unsupported, failed, could_not_run), (0, 1, 0, 0), "{:#?}", found.rows);
    for (method, package) in [
        ("mariadb-dump", "mariadb-client"),
        ("mariadb-binlog", "mariadb-client"),
        ("mariadb-backup", "mariadb-backup"),
        ("mariadb-incremental", "mariadb-backup"),
    ] {
        let row = found.row("backup_s", method);
        assert_eq!((row.status, row.value), (Status::Unsupported, None), "{method}");
        let line = row.detail.split_once("install it: ").map(|(_, line)| line);
        assert!(line.is_some_and(|line| line.contains(package)), "{method}: {}", row.detail);
    }
}

/// Takes what room is left.
fn fill(folder: &Path) {
    let mut file = File::create(folder.join("filler")).unwrap();
    let bytes = vec![7; 1 << 20];
    while file.write_all(&bytes).is_ok() {}
    while file.write_all(&bytes[..1]).is_ok() {}
}

/// The backup is made, and then there is no room for the log up to the moment that is to be recovered: nothing was promised
/// that was broken, and nothing of it is left. A file of the log that has its room already is followed by another one.
fn a_full_log_is_told(place: &Place, method: &str, next_file: Option<&str>, words: &str) {
    let Some(disk) = SmallDisk::mount("800m") else { return };
    let backup = BackupOptions { folder: Some(disk.path().to_owned()), ..only(&[method]) };
    let options = RunOptions { length: Length::Transactions(150), backup, ..run_options() };
    let fills = Before("mark the moment to be recovered to", || {
        fill(disk.path());
        if let Some(sql) = next_file {
            let runtime = runtime();
            runtime.block_on(async {
                let session = place.driver.connect(&SessionOptions::default()).await;
                session.unwrap().run_sql(sql).await.unwrap();
            });
        }
    });
    let found = place.run_watched("idle", &options, |_| {}, &fills, &Stop::default());
    let RunSummary { failed, could_not_run, .. } = found.summary;
    assert_eq!((failed, could_not_run), (0, 1), "{:#?}", found.rows);
    let told = found.rows.iter().any(|row| {
        row.status == Status::Failed && row.value.is_none() && row.detail.contains(words)
    });
    assert!(told, "{:#?}", found.rows);
    let checks: Vec<_> =
        found.rows.iter().filter(|row| row.metric.starts_with("check_restored")).collect();
    assert!(checks.is_empty(), "{checks:#?}");
    let left: Vec<_> =
        fs::read_dir(disk.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["filler"]);
}

#[test]
fn a_disk_that_fills_with_the_log_is_told() {
    if !left_out("postgres") {
        let next_file = Some("SELECT pg_switch_wal()::text");
        let words = "pg_receivewal ended";
        a_full_log_is_told(&Place::open("postgres"), "pg_receivewal", next_file, words);
    }
    if !left_out("mariadb") {
        a_full_log_is_told(&Place::open("mariadb"), "mariadb-binlog", None, "No space left");
    }
}
