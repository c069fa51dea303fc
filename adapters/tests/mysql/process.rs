//! The server's process: limits, durability, what happens when it goes away.

use std::time::{Duration, Instant};

use dbdyno_core::{Access, Durability, ErrorClass, SessionOptions, Statement};

use super::bulk::loads_every_row;
use super::support::{add, database, options, read, session, start, text};

#[tokio::test]
async fn limits_of_the_server_are_met_with_clear_errors() {
    let driver =
        start("mariadb?set.local_infile=0&set.max_connections=10&set.max_prepared_stmt_count=8")
            .await
            .unwrap();
    // Inserts of many rows, where files are not allowed.
    database(driver.as_ref(), "limits").await;
    loads_every_row(driver.as_ref(), "inserts", false).await;

    let mut sessions = Vec::new();
    sessions.push(session(driver.as_ref(), "limits", None).await);
    sessions.push(session(driver.as_ref(), "limits", None).await);
    let mut third = driver.connect(&options("limits", None)).await.unwrap();
    let statement = |name| Statement::new(name, "SELECT n FROM t WHERE id = ?");
    let three = [statement("a"), statement("b"), statement("c")];
    let error = third.prepare(&three).await.unwrap_err();
    assert_eq!((error.class, error.code.as_deref()), (ErrorClass::Other, Some("1461")));
    for part in ["`c`", "current value: 8", "--clients"] {
        assert!(error.message.contains(part), "{error}");
    }
    sessions.push(third);
    let error = loop {
        match driver.connect(&SessionOptions::default()).await {
            Ok(session) => sessions.push(session),
            Err(error) => break error,
        }
        assert!(sessions.len() < 20);
    };
    assert_eq!(error.code.as_deref(), Some("1040"), "{error}");
    assert!(error.message.contains("max_connections is 10"), "{error}");
}

#[tokio::test]
async fn durability_is_set_read_back_and_kept_over_a_restart() {
    let driver = start("mariadb").await.unwrap();
    assert_eq!(driver.durability().await.unwrap().level, Durability::Full);
    for (level, value) in [(Durability::None, 0), (Durability::Process, 2), (Durability::Full, 1)] {
        driver.set_durability(level).await.unwrap();
        let held = driver.durability().await.unwrap();
        assert_eq!(held.level, level);
        let evidence = format!("innodb_flush_log_at_trx_commit={value}");
        assert!(held.evidence.contains(&evidence), "{}", held.evidence);
    }
    driver.set_durability(Durability::Process).await.unwrap();
    let control = driver.server_control().unwrap();
    control.kill().unwrap();
    assert!(control.ensure_running().unwrap());
    assert_eq!(driver.durability().await.unwrap().level, Durability::Process);
}

#[tokio::test]
async fn a_killed_server_keeps_what_was_committed() {
    let driver = start("mariadb").await.unwrap();
    database(driver.as_ref(), "kept").await;
    let mut lost = session(driver.as_ref(), "kept", None).await;
    add(lost.as_mut(), 1).await.unwrap();
    lost.begin(Access::Write).await.unwrap();
    add(lost.as_mut(), 2).await.unwrap();
    let control = driver.server_control().unwrap();
    assert!(!control.ensure_running().unwrap());
    control.kill().unwrap();
    let error = lost.commit().await.unwrap_err();
    assert!(error.is_disconnected() && error.outcome_unknown, "{error}");
    let asked = Instant::now();
    let error = driver.connect(&SessionOptions::default()).await.err().unwrap();
    assert_eq!(error.class, ErrorClass::Disconnected, "{error}");
    assert!(asked.elapsed() < Duration::from_secs(10));
    assert!(control.ensure_running().unwrap());
    let mut session = session(driver.as_ref(), "kept", None).await;
    assert_eq!(read(session.as_mut(), 1).await, 11);
    assert_eq!(read(session.as_mut(), 2).await, 20);
}

#[tokio::test]
async fn a_paused_server_goes_on() {
    let driver = start("mariadb").await.unwrap();
    let control = driver.server_control().unwrap();
    let mut session = driver.connect(&SessionOptions::default()).await.unwrap();
    control.pause().unwrap();
    let asked = tokio::time::timeout(Duration::from_millis(200), session.run_sql("DO 1")).await;
    assert!(asked.is_err(), "a paused server answered");
    control.resume().unwrap();
    // The question that was cut off leaves its session unusable; another one works.
    let mut session = driver.connect(&SessionOptions::default()).await.unwrap();
    assert_eq!(text(session.as_mut(), "SELECT 1").await, "1");
}

#[tokio::test]
async fn an_unknown_setting_is_reported_in_the_servers_words() {
    let began = Instant::now();
    let error = start("mariadb?set.inodb_buffer_pool_size=1G").await.err().unwrap().to_string();
    assert!(error.contains("unknown variable 'inodb_buffer_pool_size=1G'"), "{error}");
    assert!(began.elapsed() < Duration::from_secs(60));
}
