//! The backup suite on real servers: every method restores what it promises, and whatever goes wrong is told as what
//! it is: a tool that is missing, a disk that is full, a process that is killed, a file that is cut off.

mod harm;
mod kept;
mod locks;
mod ready;
mod rows;
mod shortage;
mod source;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use dbdyno_adapters::engines;
use dbdyno_core::backup::BackupPlan;
use dbdyno_core::load::Length;
use dbdyno_core::measurement::Second;
use dbdyno_core::{Driver, Event, Measurement, Recorder, SessionOptions, Status, Stop};
use dbdyno_suites::backup::{self, BackupOptions};
use dbdyno_suites::runner::{RunObserver, RunOptions, RunSummary, Selection, run};
use dbdyno_tests::{
    Meddler, SmallDisk, Unseen, left_out, named, run_options, runtime, target, wait_for,
};
use harm::{
    FULL_PART, Harm, change_an_item_of_a_copy, change_an_item_of_a_dump,
    change_an_item_of_a_server, change_an_item_of_statements, cut_log, flip_in_archive,
    flip_in_full, forget_position, tamper_with_a_copy, tamper_with_a_dump, truncate,
};
use kept::promises_are_kept;
use locks::{locks_of_a_copy_are_as_told, locks_of_a_dump_are_seen};
use rows::{
    a_course_that_cannot_be_kept_is_told_once, a_harm_is_noticed_under_load,
    a_value_is_missed_under_load, rows_that_nobody_tells_spoil_nothing, tampering_is_noticed,
    the_end_is_heeded_between_rows,
};
use source::{
    a_source_that_goes_away_breaks_no_promise, the_end_is_heeded_by_who_waits_for_an_answer,
    what_was_measured_before_the_end_is_kept,
};
use tokio::runtime::Runtime;

/// An engine that is up.
struct Place {
    runtime: Runtime,
    driver: Arc<dyn Driver>,
}

/// What came of a benchmark.
struct Found {
    summary: RunSummary,
    rows: Vec<Measurement>,
    seconds: Vec<Second>,
    /// The course of the loads, where there were any.
    course: String,
}

impl Place {
    fn open(text: &str) -> Self {
        let runtime = runtime();
        let driver = target(&runtime, text);
        Self { runtime, driver }
    }

    fn methods(&self) -> Vec<&'static str> {
        self.driver.backups().unwrap().methods().iter().map(|method| method.name).collect()
    }

    fn run(&self, benchmark: &str, backup: BackupOptions, harm: Harm) -> Found {
        let options = RunOptions { length: Length::Transactions(150), backup, ..run_options() };
        let meddle = |event: &Event| harm.act(event);
        self.run_watched(benchmark, &options, meddle, &Unseen, &Stop::default())
    }

    fn run_watched(
        &self,
        benchmark: &str,
        options: &RunOptions,
        meddle: impl Fn(&Event) + Send + Sync,
        observer: &dyn RunObserver,
        stop: &Stop,
    ) -> Found {
        self.run_recorded(benchmark, options, &Meddler::new(meddle), (observer, stop))
    }

    fn run_recorded<F: Fn(&Event) + Send + Sync>(
        &self,
        benchmark: &str,
        options: &RunOptions,
        recorder: &Meddler<F>,
        (observer, stop): (&dyn RunObserver, &Stop),
    ) -> Found {
        let found = named(backup::benchmarks(), benchmark);
        let selection = [Selection { suite: "backup", benchmark: found.as_ref() }];
        let version = self.runtime.block_on(self.driver.server_info()).unwrap().version;
        let drivers = [(Arc::clone(&self.driver), version)];
        let ran = run(&selection, &drivers, options, &self.runtime, recorder, observer, stop);
        let of_cases = recorder.kept.rows();
        let course = of_cases.first().and_then(|(case, _)| {
            fs::read_to_string(recorder.kept.file(case, "backups", "csv").unwrap()).ok()
        });
        let rows = of_cases.into_iter().map(|(_, row)| row).collect();
        let course = course.unwrap_or_default();
        Found { summary: ran.unwrap(), rows, seconds: recorder.kept.seconds(), course }
    }

    fn sql(&self, statements: &[&str]) {
        self.runtime.block_on(async {
            let mut session = self.driver.connect(&SessionOptions::default()).await.unwrap();
            for statement in statements {
                session.query_sql(statement, &mut |_| Ok(())).await.unwrap();
            }
        });
    }

    /// The same server as somebody else's, at a URL without a password.
    fn by_url(&self) -> Self {
        let info = self.runtime.block_on(self.driver.server_info()).unwrap();
        Self::at(PathBuf::from(&info.settings["data_folder"]).parent().unwrap())
    }

    /// The server whose socket is in a folder.
    fn at(folder: &Path) -> Self {
        let socket = fs::read_dir(folder).unwrap().find_map(|entry| {
            let name = entry.ok()?.file_name();
            name.to_str()?.strip_prefix(".s.PGSQL.")?.parse::<u16>().ok()
        });
        let folder = folder.display().to_string().replace('/', "%2F");
        Self::open(&format!("postgres://dbdyno@{folder}:{}/postgres", socket.unwrap()))
    }
}

fn plan(stop: &Stop) -> BackupPlan {
    BackupPlan {
        namespace: "dbdyno_tpcc".to_owned(),
        base: None,
        limit: Duration::from_secs(600),
        stop: stop.clone(),
        with_twin: false,
    }
}

fn only(methods: &[&str]) -> BackupOptions {
    let methods = methods.iter().map(|method| (*method).to_owned()).collect();
    BackupOptions { methods: Some(methods), folder: None }
}

impl Found {
    fn row(&self, metric: &str, transaction: &str) -> &Measurement {
        let mut rows = self.rows.iter();
        let found = rows.find(|row| row.metric == metric && row.transaction == transaction);
        found.unwrap_or_else(|| panic!("no {metric} of `{transaction}` in {:#?}", self.rows))
    }

    fn value(&self, metric: &str, transaction: &str) -> f64 {
        let row = self.row(metric, transaction);
        row.value.unwrap_or_else(|| panic!("{metric} of {transaction}: {row:?}"))
    }

    fn check(&self, check: &str) -> (f64, &str) {
        let row = self.row(&format!("check_{check}"), "");
        (row.value.unwrap(), &row.detail)
    }
}

/// A backup whose largest file is cut in half must not pass; `said` is in the words of who notices.
fn truncated_backups_are_noticed(place: &Place, said: &[(&str, &str)]) {
    let methods: Vec<&str> = said.iter().map(|(method, _)| *method).collect();
    let found = place.run("idle", only(&methods), Harm::Truncate);
    assert_eq!((found.summary.failed, found.summary.could_not_run), (1, 0));
    for (method, words) in said {
        let (held, detail) = found.check(&format!("restored_{method}"));
        assert_eq!(held, 0.0, "{method}");
        assert!(detail.contains(words), "{method}: {detail}");
    }
}

/// One bit of a part that lies beside it is wrong, where no tool looks.
fn a_damaged_part_is_noticed_by_dbdyno_alone(place: &Place, method: &'static str) {
    let found = place.run("idle", only(&[method]), Harm::Tamper(method, flip_in_full));
    assert_eq!((found.summary.failed, found.summary.could_not_run), (1, 0));
    assert_eq!(found.check(&format!("restored_{method}")).0, 1.0);
    let (held, detail) = found.check(&format!("whole_{method}"));
    assert!(held == 0.0 && detail.contains("without noticing that"), "{detail}");
    assert!(detail.ends_with(&format!("{FULL_PART} has other bytes than it had")), "{detail}");
}

/// Who could not restore a backup says nothing of what that promises: the exit code is 2.
fn a_restore_that_could_not_be_tried_is_no_broken_promise(
    place: &Place,
    method: &str,
    harm: Harm,
    words: &str,
) {
    let found = place.run("idle", only(&[method]), harm);
    assert_eq!((found.summary.failed, found.summary.could_not_run), (0, 1));
    let row = found.row("restore_s", method);
    assert_eq!((row.status, row.value), (Status::Failed, None));
    assert!(row.detail.contains(words), "{}", row.detail);
    assert!(found.value("backup_s", method) > 0.0);
    assert!(!found.rows.iter().any(|row| row.metric.starts_with("check_")), "{:#?}", found.rows);
}

/// A server that somebody kills says nothing of the backup that it was restored from: it is started again, and tells
/// what is in it. Only how long it took to be ready is unknown then.
fn a_killed_server_is_read_again(place: &Place, method: &str) {
    let found = place.run("idle", only(&[method]), Harm::KillRestored);
    let is_whole = found.rows.iter().all(|row| row.status == Status::Ok);
    assert!(is_whole && found.summary.could_not_run == 0, "{:#?}", found.rows);
    assert_eq!(found.check(&format!("rows_{method}")).0, 1.0);
    assert!(found.value("restore_s", method) > 0.0);
    assert!(!found.rows.iter().any(|row| row.metric == "restore_ready_s"));
}

/// Damage of one bit in a log is noticed by who has to read it, though no file is shorter.
fn a_changed_byte_is_noticed(place: &Place, method: &str, harm: Harm, words: &str) {
    let found = place.run("idle", only(&[method]), harm);
    assert_eq!((found.summary.failed, found.summary.could_not_run), (1, 0));
    let broken: Vec<_> = found.rows.iter().filter(|row| row.metric.starts_with("check_")).collect();
    let (held, detail) = found.check(&format!("restored_{method}"));
    assert!(held == 0.0 && detail.contains(words), "{broken:#?}");
}

/// Whoever asks for the end gets it of a tool that works.
fn the_end_is_heeded(place: &Place, method: &str) {
    let stop = Stop::default();
    stop.request();
    let backup = place.driver.backups().unwrap().prepare(method, &plan(&stop)).unwrap();
    let error = backup.start().unwrap().wait(Duration::from_secs(600), &stop).unwrap_err();
    assert!(error.to_string().contains("the end was asked for"), "{error}");
}

/// The same while something is restored, which is no broken promise.
fn the_end_is_heeded_in_a_restore(place: &Place, method: &str) {
    let stop = Stop::default();
    let backup = place.driver.backups().unwrap().prepare(method, &plan(&stop)).unwrap();
    let made = backup.start().unwrap().wait(Duration::from_secs(600), &Stop::default());
    assert!(made.unwrap().bytes > 0);
    stop.request();
    let error = backup.restore().err().unwrap();
    assert!(error.to_string().contains("the end was asked for"), "{error}");
    assert!(!error.is_broken());
}

/// A backup that was killed is no promise that was broken, and the others are made.
fn killed_backups_are_told(place: &Place, method: &str) {
    let found = place.run("tpcc", only(&[method]), Harm::Kill(1_000_000));
    assert_eq!((found.summary.failed, found.summary.could_not_run), (0, 1));
    let row = found.row("backup_s", method);
    assert_eq!((row.status, row.value), (Status::Failed, None));
    assert!(row.detail.contains("signal: 9 (SIGKILL)"), "{}", row.detail);
    // The load went on, and nothing of what its clients committed is lost.
    assert_eq!(found.check(&format!("tpcc_new_orders_accounted_{method}")).0, 1.0);
}

/// The handle ends a backup, and nothing of it is left.
fn a_handle_kills(place: &Place, method: &str) {
    let backup = place.driver.backups().unwrap().prepare(method, &plan(&Stop::default())).unwrap();
    let folder = backup.folder().to_owned();
    let running = backup.start().unwrap();
    wait_for("the first bytes of a backup", || (running.bytes() > 0).then_some(()));
    running.kill();
    let error = running.wait(Duration::from_secs(60), &Stop::default()).unwrap_err();
    assert!(error.to_string().contains("kill") || error.to_string().contains("KILL"), "{error}");
    drop(backup);
    assert!(!folder.exists());
}

/// A backup that takes too long is killed.
fn a_backup_has_a_time_limit(place: &Place, method: &str) {
    let backup = place.driver.backups().unwrap().prepare(method, &plan(&Stop::default())).unwrap();
    let error = backup.start().unwrap().wait(Duration::ZERO, &Stop::default()).unwrap_err();
    assert!(error.to_string().contains(" on after "), "{error}");
}

/// A full disk is told, nothing is left on it, and nothing was promised.
fn a_full_disk_is_told(place: &Place, methods: &[(&str, &str)]) {
    let Some(disk) = SmallDisk::mount("8m") else { return };
    let names: Vec<&str> = methods.iter().map(|(name, _)| *name).collect();
    let folder = Some(disk.path().to_owned());
    let found = place.run("idle", BackupOptions { folder, ..only(&names) }, Harm::None);
    assert_eq!((found.summary.failed, found.summary.could_not_run), (0, 1));
    for (method, words) in methods {
        let row = found.row("backup_s", method);
        assert_eq!((row.status, row.value), (Status::Failed, None), "{method}");
        assert!(row.detail.contains(words), "{method}: {}", row.detail);
    }
    assert_eq!(fs::read_dir(disk.path()).unwrap().count(), 0);
}

/// A server that is reached by a URL, without a password, is restored into one of dbdyno's own.
fn a_named_server_is_backed_up(place: &Place) {
    let place = place.by_url();
    let found = place.run("idle", only(&["pg_dump"]), Harm::None);
    assert_eq!((found.summary.measured, found.summary.could_not_run), (1, 0));
    assert_eq!(found.check("rows_pg_dump"), (1.0, "12 tables have the same rows"));
}

/// A method, what is done to its backup, and the words of who notices.
type Cut = (&'static str, fn(&Path), &'static str);

/// A method that is whole, among others that something was cut off.
fn others_are_as_they_are_told(place: &Place, whole: &'static str, cut: &[Cut]) {
    let methods: Vec<_> = cut.iter().map(|(method, ..)| *method).chain([whole]).collect();
    let options = RunOptions { backup: only(&methods), ..run_options() };
    let harms = cut.iter().map(|(method, change, _)| Harm::Tamper(method, *change));
    let harms: Vec<_> = harms.collect();
    let meddle = |event: &Event| harms.iter().for_each(|harm| harm.act(event));
    let found = place.run_watched("idle", &options, meddle, &Unseen, &Stop::default());
    assert_eq!((found.summary.failed, found.summary.could_not_run), (1, 0), "{:#?}", found.rows);
    let rows = found.check(&format!("rows_{whole}"));
    assert_eq!(rows, (1.0, "12 tables have the same rows"), "{whole}");
    let its = found.rows.iter().filter(|row| row.transaction == whole);
    let wrong: Vec<_> = its.filter(|row| row.status != Status::Ok).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    for (method, _, words) in cut {
        let (held, detail) = found.check(&format!("restored_{method}"));
        assert!(held == 0.0 && detail.contains(words), "{method}: {detail}");
        // What it took to make it was measured all the same.
        assert!(found.value("backup_s", method) > 0.0, "{method}");
    }
}

/// Each method is made and restored once, and those that share how they are restored share the two tests.
#[test]
fn on_postgres() {
    if left_out("postgres") {
        return;
    }
    let place = Place::open("postgres");
    promises_are_kept(
        &place,
        &[
            "pg_basebackup",
            "pg_basebackup-gzip",
            "pg_basebackup-zstd",
            "pg_dump-directory",
            "pg_receivewal",
        ],
    );
    a_value_is_missed_under_load(&place, "pg_dump-directory", change_an_item_of_a_dump);
    let harm = Harm::ChangeRestored(change_an_item_of_a_server);
    a_harm_is_noticed_under_load(&place, "pg_basebackup-zstd", harm);
    rows_that_nobody_tells_spoil_nothing(&place);
    a_named_server_is_backed_up(&place);
    killed_backups_are_told(&place, "pg_basebackup");
    locks_of_a_dump_are_seen(&place);
    the_end_is_heeded(&place, "pg_dump");
    a_restore_that_could_not_be_tried_is_no_broken_promise(
        &place,
        "pg_dump",
        Harm::KillRestore("pg_restore"),
        "SIGKILL",
    );
    a_killed_server_is_read_again(&place, "pg_dump");
    a_changed_byte_is_noticed(
        &place,
        "pg_receivewal",
        Harm::TamperLog(flip_in_archive),
        "recovery ended before configured recovery target was reached",
    );
    a_backup_has_a_time_limit(&place, "pg_dump");
    a_full_disk_is_told(
        &place,
        &[
            ("pg_basebackup", "No space left on device"),
            ("pg_dump", "No space left on device"),
            ("pg_receivewal", "No space left on device"),
        ],
    );
    truncated_backups_are_noticed(
        &place,
        &[
            ("pg_basebackup", "pg_verifybackup ended with"),
            ("pg_basebackup-gzip", "tar ended with"),
            ("pg_dump", "pg_restore ended with"),
        ],
    );
}

#[test]
fn on_mariadb() {
    if left_out("mariadb") {
        return;
    }
    let place = Place::open("mariadb");
    promises_are_kept(&place, &place.methods());
    a_value_is_missed_under_load(&place, "mariadb-dump", change_an_item_of_statements);
    killed_backups_are_told(&place, "mariadb-backup");
    a_full_disk_is_told(&place, &[("mariadb-dump", "28"), ("mariadb-backup", "28")]);
    truncated_backups_are_noticed(
        &place,
        &[
            ("mariadb-dump", "it is cut off"),
            ("mariadb-backup", "Tablespace size stored in header"),
        ],
    );
    tampering_is_noticed(
        &place,
        ("mariadb-dump", tamper_with_a_dump),
        &[],
        &[
            ("conditions", "conditions do not hold"),
            ("ledger", "0 was never written"),
            ("rows", "rows of warehouse differ"),
        ],
    );
    a_damaged_part_is_noticed_by_dbdyno_alone(&place, "mariadb-incremental");
}

#[test]
fn on_sqlite() {
    let place = Place::open("sqlite");
    promises_are_kept(&place, &place.methods());
    a_value_is_missed_under_load(&place, "online", change_an_item_of_a_copy);
    the_end_is_heeded_between_rows(&place);
    a_course_that_cannot_be_kept_is_told_once(&place, "online");
    for method in place.methods() {
        a_handle_kills(&place, method);
    }
    locks_of_a_copy_are_as_told(&place);
    the_end_is_heeded(&place, "online");
    the_end_is_heeded_in_a_restore(&place, "online");
    tampering_is_noticed(
        &place,
        ("online", tamper_with_a_copy),
        &["vacuum-into"],
        &[
            ("conditions", "conditions do not hold"),
            ("tables", "item has 99999 rows of 100000"),
            ("ledger", "1 was committed before"),
            ("rows", "item has 99999 rows, not 100000"),
        ],
    );
    a_backup_has_a_time_limit(&place, "vacuum-into");
    a_full_disk_is_told(
        &place,
        &[
            ("online", "the disk is full"),
            ("vacuum-into", "the disk is full"),
            ("wal-copy", "No space left on device"),
        ],
    );
    truncated_backups_are_noticed(
        &place,
        &[
            ("online", "PRAGMA integrity_check says"),
            ("vacuum-into", "PRAGMA integrity_check says"),
            ("wal-copy", "PRAGMA integrity_check says"),
        ],
    );
}

#[test]
fn the_others_on_postgres() {
    if !left_out("postgres") {
        others_are_as_they_are_told(
            &Place::open("postgres"),
            "pg_basebackup-gzip",
            &[
                ("pg_basebackup-zstd", truncate, "tar ended with"),
                ("pg_dump-directory", truncate, "pg_restore ended with"),
                ("pg_receivewal", truncate, "pg_verifybackup ended with"),
            ],
        );
    }
}

#[test]
fn the_others_on_mariadb() {
    if !left_out("mariadb") {
        others_are_as_they_are_told(
            &Place::open("mariadb"),
            "mariadb-backup",
            &[
                ("mariadb-binlog", forget_position, "it does not tell of any"),
                ("mariadb-incremental", cut_log, "prepare a backup"),
            ],
        );
    }
}

#[test]
fn a_source_that_is_gone_or_stands_still() {
    if !left_out("postgres") {
        let place = Place::open("postgres");
        a_source_that_goes_away_breaks_no_promise(&place);
        the_end_is_heeded_by_who_waits_for_an_answer(place.by_url());
    }
}

#[test]
fn the_end_after_a_backup() {
    what_was_measured_before_the_end_is_kept(&Place::open("sqlite"));
}

/// Rows of backups at rest are the same to the letter.
#[test]
fn rows_at_rest_are_restored_to_the_letter() {
    let place = Place::open("sqlite");
    let found = place.run("idle", BackupOptions::default(), Harm::None);
    for method in place.methods() {
        assert_eq!(found.check(&format!("rows_{method}")), (1.0, "12 tables have the same rows"));
    }
    // Options of another engine are no method here.
    let found = place.run("idle", only(&["pg_dump"]), Harm::None);
    assert!(found.rows.iter().all(|row| row.status == Status::Unsupported), "{:?}", found.rows);
    assert!(found.rows[0].detail.contains("the engine has online, vacuum-into, wal-copy"));
}

/// A server without its tools: each method is unsupported, and told with what installs the tool.
#[test]
fn a_missing_tool_is_unsupported() {
    if left_out("postgres") {
        return;
    }
    let postgres = engines().iter().find(|engine| engine.name == "postgres").unwrap();
    let folder = tempfile::tempdir_in("/var/tmp").unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let wrap = |program: &Path| {
        let path = folder.path().join(program.file_name().unwrap());
        let real = fs::canonicalize(program).unwrap();
        fs::write(&path, format!("#!/bin/sh\nexec {} \"$@\"\n", real.display())).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        path
    };
    let programs = (postgres.find)(None).unwrap().programs;
    programs.iter().for_each(|program| drop(wrap(program)));
    let real_folder = fs::canonicalize(&programs[0]).unwrap().parent().unwrap().to_owned();
    let place = Place::open(&format!("postgres?bin_dir={}", folder.path().display()));
    let found = place.run("idle", BackupOptions::default(), Harm::None);
    let RunSummary { measured, unsupported, failed, could_not_run, .. } = found.summary;
    assert_eq!((measured, unsupported, failed, could_not_run), (0, 1, 0, 0));
    for method in place.methods() {
        let row = found.row("backup_s", method);
        assert_eq!((row.status, row.value), (Status::Unsupported, None), "{method}");
        assert!(row.detail.contains("install it: "), "{method}: {}", row.detail);
    }
    // A tool that is there when a backup is made, and gone when it is to be restored.
    let [_, restorer] = ["pg_dump", "pg_restore"].map(|name| wrap(&real_folder.join(name)));
    let harm = Harm::Remove(restorer);
    let words = "start ";
    a_restore_that_could_not_be_tried_is_no_broken_promise(&place, "pg_dump", harm, words);
}
