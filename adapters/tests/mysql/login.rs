//! Servers that are reached by a URL.

use std::time::{Duration, Instant};

use dbdyno_core::{Driver, Durability, SessionOptions};

use super::support::{database, shared, start, text};

/// A server as somebody else runs it: reached by a URL, through its socket or by TCP.
pub async fn as_a_url(server: &dyn Driver, sql: &[&str]) -> (String, String) {
    let mut session = server.connect(&SessionOptions::default()).await.unwrap();
    for sql in sql {
        session.run_sql(sql).await.unwrap();
    }
    let socket = text(session.as_mut(), "SELECT @@socket").await.replace('/', "%2F");
    (socket, text(session.as_mut(), "SELECT @@port").await)
}

#[tokio::test]
async fn a_url_reaches_a_server_that_is_not_ours() {
    let server = shared().await;
    database(server.as_ref(), "by_url").await;
    let (socket, port) = as_a_url(
        server.as_ref(),
        &[
            "CREATE OR REPLACE USER ann@'127.0.0.1' IDENTIFIED BY 's3cr@t/:'",
            "CREATE OR REPLACE USER ann@localhost IDENTIFIED BY 's3cr@t/:'",
            "GRANT ALL ON by_url.* TO ann@'127.0.0.1'",
            "GRANT ALL ON by_url.* TO ann@localhost",
        ],
    )
    .await;
    for target in [
        format!("mariadb://ann:s3cr%40t%2F%3A@127.0.0.1:{port}/by_url"),
        // Asked for by the other name, it says what it found.
        format!("mysql://ann:s3cr%40t%2F%3A@localhost/by_url?socket={socket}"),
    ] {
        let driver = start(&target).await.unwrap();
        assert_eq!(driver.engine(), "mariadb");
        assert!(!driver.target().contains("s3cr"), "{}", driver.target());
        let mut session = driver.connect(&SessionOptions::default()).await.unwrap();
        assert_eq!(text(session.as_mut(), "SELECT n FROM t WHERE id = 2").await, "20");
        let refused = driver.set_durability(Durability::Full).await.unwrap_err();
        assert!(refused.is_unsupported(), "{refused}");
        assert_eq!(driver.durability().await.unwrap().level, Durability::Full);
        assert!(driver.server_control().is_none());
    }
}

#[tokio::test]
async fn what_cannot_be_reached_is_refused_within_seconds() {
    let server = shared().await;
    let (_, port) = as_a_url(
        server.as_ref(),
        &["CREATE OR REPLACE USER bob@'127.0.0.1' IDENTIFIED BY 'right'"],
    )
    .await;
    let free = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    // A port where somebody listens and says nothing, and one where nobody does.
    let silent = free.local_addr().unwrap().port();
    for (target, expected) in [
        (format!("mariadb://bob:wr0ng@127.0.0.1:{port}/"), "Access denied"),
        (format!("mariadb://bob:right@127.0.0.1:{port}/nowhere"), "(other, code 1044)"),
        ("mariadb://bob@127.0.0.1:1/".to_owned(), "refused"),
        (format!("mariadb://bob@127.0.0.1:{silent}/?connect_timeout=1"), "within 1 s"),
        ("mariadb://bob@localhost/?socket=%2Fno%2Fsuch.sock".to_owned(), "No such file"),
        (format!("mariadb://bob:right@127.0.0.1:{port}/?ssl-mode=required"), "has no TLS"),
    ] {
        let began = Instant::now();
        let error = start(&target).await.err().unwrap().to_string();
        assert!(began.elapsed() < Duration::from_secs(10), "{target}");
        assert!(error.contains(expected) && error.contains("next:"), "{target}: {error}");
        assert!(!error.contains("wr0ng") && !error.contains("right@"), "{error}");
    }
}

#[tokio::test]
async fn accounts_of_each_plugin_log_in() {
    let server = start("mariadb?set.plugin_load_add=auth_ed25519").await.unwrap();
    let system = nix::unistd::User::from_uid(nix::unistd::Uid::effective()).unwrap().unwrap().name;
    let (socket, port) = as_a_url(
        server.as_ref(),
        &[
            "CREATE USER ed@'127.0.0.1' IDENTIFIED VIA ed25519 USING PASSWORD('pw')",
            "CREATE USER native@'127.0.0.1' IDENTIFIED VIA mysql_native_password \
             USING PASSWORD('pw')",
            "CREATE USER none@'127.0.0.1' IDENTIFIED BY ''",
            &format!("CREATE OR REPLACE USER '{system}'@localhost IDENTIFIED VIA unix_socket"),
        ],
    )
    .await;
    for (user, password, expected) in [
        ("ed", "pw", None),
        ("ed", "wr0ng", Some("Access denied")),
        ("native", "pw", None),
        ("native", "wr0ng", Some("Access denied")),
        ("none", "", None),
        ("none", "wr0ng", Some("Access denied")),
        ("nobody", "wr0ng", Some("Access denied")),
    ] {
        let target = format!("mariadb://{user}:{password}@127.0.0.1:{port}/?ssl-mode=disabled");
        let opened = start(&target).await;
        match (opened, expected) {
            (Ok(_), None) => {}
            (Err(why), Some(words)) => {
                let why = why.to_string();
                assert!(why.contains(words) && !why.contains("wr0ng"), "{target}: {why}");
            }
            (opened, _) => panic!("{target}: {:?}", opened.map(|_| ())),
        }
    }
    start(&format!("mariadb://{system}@localhost/?socket={socket}")).await.unwrap();
}
