//! The server's process: killed, paused, restarted.

use std::fs;
use std::path::{Path, PathBuf};
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
        assert!(start.elapsed() < Duration::from_secs(100), "it was waited for in vain");
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

fn folder_of(data_directory: String) -> PathBuf {
    Path::new(&data_directory).parent().unwrap().to_owned()
}

fn postmaster(folder: &Path) -> i32 {
    let text = fs::read_to_string(folder.join("data/postmaster.pid")).unwrap();
    text.lines().next().unwrap().trim().parse().unwrap()
}
