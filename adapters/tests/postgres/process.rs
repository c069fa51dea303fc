//! The server's process: killed, paused, restarted, and left behind by a dbdyno that was killed.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use dbdyno_core::{Access, ErrorClass, SessionOptions};
use tokio::time::timeout;

use super::support::{driver_for, int, prepare, server, session, text};

#[tokio::test]
async fn a_killed_server_comes_back_with_its_data() {
    let driver = server("").await;
    let control = driver.server_control().unwrap();
    let mut one = session(driver.as_ref(), None).await;
    one.run_sql("CREATE TABLE t (a integer)").await.unwrap();
    prepare(one.as_mut(), &["INSERT INTO t VALUES (1)"]).await;
    one.execute(0, &[]).await.unwrap();
    one.begin(Access::Write).await.unwrap();
    one.execute(0, &[]).await.unwrap();
    assert!(!control.ensure_running().unwrap());

    control.kill().unwrap();
    let error = one.commit().await.unwrap_err();
    assert!(error.is_disconnected() && error.outcome_unknown, "{error}");
    let refused = driver.connect(&SessionOptions::default()).await.err().unwrap();
    assert_eq!(refused.class, ErrorClass::Disconnected, "{refused}");
    for action in [control.kill(), control.pause(), control.resume()] {
        assert!(action.unwrap_err().to_string().contains("does not run"));
    }

    assert!(control.ensure_running().unwrap());
    assert!(!control.ensure_running().unwrap());
    let mut two = session(driver.as_ref(), None).await;
    assert_eq!(int(two.as_mut(), "SELECT count(*) FROM t").await, 1);
    drop(two);
    // Dropping a driver whose server is dead removes the folder all the same.
    let folder =
        folder_of(text(session(driver.as_ref(), None).await.as_mut(), "SHOW data_directory").await);
    let server = postmaster(&folder);
    let maps = fs::read_to_string(format!("/proc/{server}/maps")).unwrap_or_default();
    control.kill().unwrap();
    drop(driver);
    assert!(!folder.exists());
    // Nor is shared memory left.
    for file in maps.lines().filter_map(|line| line.split_whitespace().nth(5)) {
        assert!(!file.starts_with("/dev/shm/") || !Path::new(file).exists(), "{file}");
    }
    let segments = fs::read_to_string("/proc/sysvipc/shm").unwrap_or_default();
    let left = segments.lines().find(|l| l.split_whitespace().nth(4) == Some(&server.to_string()));
    assert_eq!(left, None);
}

#[tokio::test]
async fn a_paused_server_answers_nobody_until_it_goes_on() {
    let driver = server("").await;
    let control = driver.server_control().unwrap();
    let mut open = session(driver.as_ref(), None).await;
    control.pause().unwrap();
    let mut statement = open.run_sql("SELECT 1");
    assert!(timeout(Duration::from_millis(300), &mut statement).await.is_err());
    let options = SessionOptions::default();
    let mut connecting = driver.connect(&options);
    assert!(timeout(Duration::from_millis(300), &mut connecting).await.is_err());
    control.resume().unwrap();
    statement.await.unwrap();
    connecting.await.unwrap();
    // A paused server is stopped and removed as well.
    let folder = folder_of(text(open.as_mut(), "SHOW data_directory").await);
    control.pause().unwrap();
    drop(driver);
    assert!(!folder.exists());
}

#[tokio::test]
async fn a_server_that_cannot_start_says_why_and_leaves_nothing() {
    for (target, why) in [
        (
            "postgres?set.no_such_setting=1",
            "unrecognized configuration parameter \"no_such_setting\"",
        ),
        ("postgres?set.shared_buffers=nonsense", "invalid value for parameter \"shared_buffers\""),
        ("postgres?bin_dir=/nowhere", "/nowhere"),
    ] {
        let start = Instant::now();
        let error = driver_for(target).await.err().unwrap().to_string();
        assert!(error.contains(why), "{error}");
        assert!(start.elapsed() < Duration::from_secs(20));
        for word in error.split_whitespace() {
            assert!(!word.contains("/var/tmp/dbdyno-") || !Path::new(word).exists(), "{word}");
        }
    }
}

#[tokio::test]
async fn the_server_is_private() {
    use std::os::unix::fs::MetadataExt;
    let driver = server("").await;
    let mut session = session(driver.as_ref(), None).await;
    assert_eq!(text(session.as_mut(), "SHOW listen_addresses").await, "127.0.0.1");
    let folder = folder_of(text(session.as_mut(), "SHOW data_directory").await);
    assert_eq!(
        text(session.as_mut(), "SHOW unix_socket_directories").await,
        folder.to_str().unwrap()
    );
    let metadata = fs::metadata(&folder).unwrap();
    assert_eq!(metadata.mode() & 0o777, 0o700);
    assert_ne!(metadata.uid(), 0);
    assert!(!folder.join("initdb-password").exists());
    let pid = postmaster(&folder);
    let group = |pid: i32| nix::unistd::getpgid(Some(nix::unistd::Pid::from_raw(pid))).unwrap();
    assert_ne!(group(pid), nix::unistd::getpgrp(), "Ctrl-C in the terminal would reach it");
}

/// Not a test of its own: the process that the tests below kill. It says where its server lives
/// and waits until they do, or are gone themselves.
#[tokio::test]
#[ignore = "run as a child by other tests"]
async fn child_that_holds_a_server() {
    let driver = server("").await;
    let mut session = session(driver.as_ref(), None).await;
    println!(
        "\nfolder {}",
        folder_of(text(session.as_mut(), "SHOW data_directory").await).display()
    );
    if std::env::var_os("DBDYNO_TEST_PAUSE").is_some() {
        driver.server_control().unwrap().pause().unwrap();
        println!("paused");
    }
    std::io::stdin().read_line(&mut String::new()).unwrap();
}

fn child(pause: bool) -> Child {
    let name = "postgres::process::child_that_holds_a_server";
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", name, "--ignored", "--nocapture"]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    if pause {
        command.env("DBDYNO_TEST_PAUSE", "1");
    }
    command.spawn().unwrap()
}

#[test]
fn a_killed_dbdyno_leaves_no_server_and_no_folder() {
    for pause in [false, true] {
        let mut child = child(pause);
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(|l| l.unwrap());
        let folder = lines.find_map(|line| Some(PathBuf::from(line.strip_prefix("folder ")?)));
        let folder = folder.expect("the child started a server");
        if pause {
            lines.find(|line| line == "paused").expect("the child paused its server");
        }
        let server = postmaster(&folder);
        let backends = children_of(server);
        assert!(folder.exists() && backends.len() > 3, "{backends:?}");
        child.kill().unwrap();
        child.wait().unwrap();
        wait_until(&format!("{} is gone", folder.display()), || !folder.exists());
        for pid in backends.into_iter().chain([server]) {
            wait_until(&format!("process {pid} is gone"), || !runs(pid));
        }
    }
}

/// Killed at any moment of the start, also while the data folder is being made.
#[cfg(target_os = "linux")]
#[test]
fn a_dbdyno_killed_while_it_starts_a_server_leaves_nothing() {
    for wait in [0, 100, 300, 700, 1200] {
        let mut child = child(false);
        let id = i32::try_from(child.id()).unwrap();
        let mut folder = None;
        wait_until("the watchdog runs", || {
            folder = children_of(id).into_iter().find_map(watched_folder);
            folder.is_some()
        });
        let folder = folder.unwrap();
        thread::sleep(Duration::from_millis(wait));
        child.kill().unwrap();
        child.wait().unwrap();
        wait_until(&format!("{} is gone", folder.display()), || {
            !folder.exists()
                && processes().all(|pid| !command_line(pid).contains(folder.to_str().unwrap()))
        });
        // And it stays gone.
        thread::sleep(Duration::from_millis(200));
        assert!(!folder.exists());
    }
}

fn folder_of(data_directory: String) -> PathBuf {
    Path::new(&data_directory).parent().unwrap().to_owned()
}

fn postmaster(folder: &Path) -> i32 {
    let text = fs::read_to_string(folder.join("data/postmaster.pid")).unwrap();
    text.lines().next().unwrap().trim().parse().unwrap()
}

fn watched_folder(pid: i32) -> Option<PathBuf> {
    let line = command_line(pid);
    let (_, after) = line.split_once("\0dbdyno-watchdog\0")?;
    Some(PathBuf::from(after.split('\0').next()?))
}

fn command_line(pid: i32) -> String {
    let bytes = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}

fn processes() -> impl Iterator<Item = i32> {
    fs::read_dir("/proc").unwrap().flatten().filter_map(|e| e.file_name().to_str()?.parse().ok())
}

fn children_of(parent: i32) -> Vec<i32> {
    processes()
        .filter(|pid| {
            let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            let fields = stat.rsplit_once(')').map(|(_, rest)| rest.to_owned()).unwrap_or_default();
            fields.split_whitespace().nth(1) == Some(&parent.to_string())
        })
        .collect()
}

/// A process that ended but was not waited for yet counts as gone.
fn runs(pid: i32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(')').is_some_and(|(_, rest)| !rest.trim_start().starts_with('Z'))
}

fn wait_until(what: &str, mut done: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !done() {
        assert!(Instant::now() < deadline, "not so: {what}");
        thread::sleep(Duration::from_millis(5));
    }
}
