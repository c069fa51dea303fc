//! dbdyno killed with SIGKILL: it leaves no server, no folder and no half of a data set behind.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use dbdyno_adapters::{ServerSettings, Target, open};
use dbdyno_core::query::scalar_sql;
use dbdyno_core::{MARK_TABLE, Scale, SessionOptions, Stop};
use dbdyno_datasets::{Prepared, Silent, Wanted, find, prepare};
use dbdyno_results::load;
use dbdyno_tests::{left_out, runtime, wait_for};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::desk::{
    Desk, Process, kill_dbdyno, processes, processes_of, throwaway_folders, under_way,
};

#[test]
fn nothing_is_left_behind_on_sqlite() {
    leaves_nothing_behind("sqlite", false);
}

#[test]
fn nothing_is_left_behind_on_postgres() {
    leaves_nothing_behind("postgres", false);
}

#[test]
fn nothing_is_left_behind_on_mariadb() {
    leaves_nothing_behind("mariadb", false);
}

#[test]
fn a_paused_server_goes_too_on_postgres() {
    leaves_nothing_behind("postgres", true);
}

#[test]
fn a_paused_server_goes_too_on_mariadb() {
    leaves_nothing_behind("mariadb", true);
}

/// Kills a dbdyno whose clients are at work, the server under SIGSTOP first where `paused`.
fn leaves_nothing_behind(target: &str, paused: bool) {
    if left_out(target) {
        return;
    }
    let desk = Desk::new();
    let mut child = desk.start(&["run", "oltp/tpcb", "--target", target, "--duration", "10m"]);
    let run = under_way(&desk);
    let folders = throwaway_folders(&run);
    assert!(!folders.is_empty(), "the run does not say where its server was");
    let servers: Vec<Process> = folders.iter().flat_map(|folder| servers_in(folder)).collect();
    // SQLite has none.
    assert_eq!(servers.is_empty(), target == "sqlite", "{servers:?}");
    if paused {
        for server in &servers {
            // One that the server started may have ended by itself.
            let _ = kill(Pid::from_raw(server.pid), Signal::SIGSTOP);
        }
        wait_for("the server to stand still", || {
            let stopped = processes_of(&folders[0]).into_iter().filter(|one| one.state == 'T');
            (stopped.count() > 0).then_some(())
        });
    }
    kill_dbdyno(&mut child);
    for folder in folders {
        wait_for("the folder to go", || (!folder.exists()).then_some(()));
        wait_for("the processes to go", || processes_of(&folder).is_empty().then_some(()));
    }
    // Such a process names no folder where it is one that the server started.
    wait_for("the server's processes to go", || {
        let now = processes();
        servers.iter().all(|server| now.iter().all(|other| other.pid != server.pid)).then_some(())
    });
    // What was measured until then can be read.
    let timeline = fs::read_to_string(run.join("timeline.csv")).unwrap();
    assert!(timeline.lines().count() > 1);
    load(&[run]).unwrap();
}

/// Killed at any moment of the start, also while the data folder is being made.
#[test]
fn nothing_is_left_of_a_start_on_postgres() {
    let files = ["data", "data/PG_VERSION", "data/global/pg_control", "data/postmaster.pid"];
    leaves_nothing_of_a_start("postgres", &files);
}

#[test]
fn nothing_is_left_of_a_start_on_mariadb() {
    leaves_nothing_of_a_start("mariadb", &["data", "data/ibdata1", "data/mysql", "pid"]);
}

/// Kills a dbdyno while it starts a server: as soon as its watchdog runs, and once each of `files`
/// is there.
fn leaves_nothing_of_a_start(target: &str, files: &[&str]) {
    if left_out(target) {
        return;
    }
    for file in ["."].iter().chain(files) {
        let desk = Desk::new();
        let mut child = desk.start(&["run", "oltp/tpcb", "--target", target, "--duration", "10m"]);
        let pid = child.id().cast_signed();
        let folder = wait_for("the watchdog", || {
            processes().into_iter().filter(|process| process.parent == pid).find_map(watched_folder)
        });
        wait_for(file, || folder.join(file).exists().then_some(()));
        kill_dbdyno(&mut child);
        // The watchdog is among them, and with it everything that could write there again.
        wait_for("the processes to go", || at_work_in(&folder).is_empty().then_some(()));
        assert!(!folder.exists(), "{} is left after {file}", folder.display());
    }
}

#[test]
fn a_load_that_was_killed_is_done_afresh() {
    let desk = Desk::new();
    let target = format!("sqlite:{}", desk.path("bench.db"));
    // Ten warehouses, so that there is time to kill it.
    let arguments = ["run", "oltp/tpcc", "--target", &target, "--scale", "10"];
    let mut child = desk.start(&arguments);
    let mut said = BufReader::new(child.stderr.take().unwrap()).lines();
    // Which leaves the stocks to load.
    let under_way = said.any(|line| line.unwrap().contains("loaded order_line"));
    kill_dbdyno(&mut child);
    drop(said);
    assert!(under_way, "it did not come to load the stocks");

    let tpcc = find("tpcc").unwrap();
    runtime().block_on(async {
        let target = Target::parse(&target).unwrap();
        let driver = open(&target, &ServerSettings::default()).await.unwrap();
        let namespace = Some(tpcc.namespace());
        let options = SessionOptions { namespace, ..SessionOptions::default() };
        let mut session = driver.connect(&options).await.unwrap();
        let loading = format!("SELECT count(*) FROM {MARK_TABLE} WHERE state = 'loading'");
        assert_eq!(scalar_sql(session.as_mut(), &loading).await.unwrap(), 1);
        let items = "SELECT count(*) FROM item";
        assert_eq!(scalar_sql(session.as_mut(), items).await.unwrap(), 100_000);

        let stop = Stop::default();
        let prepare =
            || prepare(driver.as_ref(), tpcc, Wanted::new(Scale::ONE, 7), false, &Silent, &stop);
        let Prepared::Loaded { rows, .. } = prepare().await.unwrap() else { panic!("reused") };
        let expected: u64 =
            tpcc.tables().iter().map(|table| tpcc.rows(table.name, Scale::ONE)).sum();
        // The number of order lines is random, one in a hundred away at most.
        assert!(rows.abs_diff(expected) <= expected / 100, "{rows} rows");
        assert_eq!(prepare().await.unwrap(), Prepared::Reused);
        assert_eq!(scalar_sql(session.as_mut(), &loading).await.unwrap(), 0);
    });
}

/// A throwaway server's first process and those that it started.
fn servers_in(folder: &Path) -> Vec<Process> {
    let name = folder.display().to_string();
    let (all, mut found) = (processes(), Vec::new());
    for process in &all {
        let first = process.arguments.contains(&name) && watched_folder(process.clone()).is_none();
        if first {
            found.extend(all.iter().filter(|other| other.parent == process.pid).cloned());
            found.push(process.clone());
        }
    }
    found
}

fn watched_folder(process: Process) -> Option<PathBuf> {
    let (_, after) = process.arguments.split_once(" dbdyno-watchdog ")?;
    Some(PathBuf::from(after.split(' ').next()?))
}

/// Processes that name a folder or, where the system tells, work in it.
fn at_work_in(folder: &Path) -> Vec<Process> {
    let name = folder.display().to_string();
    let works_there = |process: &Process| {
        let place = fs::read_link(format!("/proc/{}/cwd", process.pid)).unwrap_or_default();
        process.arguments.contains(&name) || place.to_string_lossy().starts_with(&name)
    };
    processes().into_iter().filter(works_there).collect()
}
