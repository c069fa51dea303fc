//! TLS, with certificates made by openssl.

use std::os::unix::fs::{PermissionsExt, chown};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use dbdyno_core::backup::BackupPlan;
use dbdyno_core::connecting::timed;
use dbdyno_core::{Driver, SessionOptions, Stop};

use super::login::as_a_url;
use super::support::{start, text};

fn openssl(folder: &Path, args: &str) {
    let output = Command::new("openssl")
        .args(args.split_whitespace())
        .current_dir(folder)
        .output()
        .expect("openssl makes the certificates of this test; install it");
    assert!(output.status.success(), "{args}: {}", String::from_utf8_lossy(&output.stderr));
}

/// An authority, a certificate for `localhost` signed by it, and another authority.
fn make_certificates(folder: &Path) {
    let new = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2";
    openssl(folder, &format!("{new} -subj /CN=authority -keyout ca.key -out ca.pem"));
    openssl(folder, &format!("{new} -subj /CN=other -keyout other.key -out other.pem"));
    let request = "req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";
    openssl(folder, &format!("{request} -subj /CN=localhost -keyout signed.key -out signed.csr"));
    std::fs::write(folder.join("names"), "subjectAltName=DNS:localhost\n").unwrap();
    let sign = "x509 -req -in signed.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2";
    openssl(folder, &format!("{sign} -extfile names -out signed.pem"));
    std::fs::set_permissions(folder, PermissionsExt::from_mode(0o755)).unwrap();
    let key = folder.join("signed.key");
    std::fs::set_permissions(&key, PermissionsExt::from_mode(0o600)).unwrap();
    if nix::unistd::Uid::effective().is_root() {
        let user = nix::unistd::User::from_name("mysql").unwrap().unwrap();
        chown(&key, Some(user.uid.as_raw()), None).unwrap();
    }
}

/// Whether a session comes to be, and is encrypted.
async fn encrypted(target: &str) -> Result<bool, String> {
    let driver = start(target).await.map_err(|why| why.to_string())?;
    let (opened, times) = timed(driver.connect(&SessionOptions::default())).await;
    let mut session = opened.map_err(|why| why.to_string())?;
    let sql = "SELECT variable_value FROM information_schema.session_status \
               WHERE variable_name = 'ssl_cipher'";
    let is_encrypted = !text(session.as_mut(), sql).await.is_empty();
    // A library opens its connections by itself and tells no steps.
    if driver.name() == "mysql_common" {
        assert_eq!(times.tls.is_some(), is_encrypted, "{target}: {times:?}");
        assert!(times.socket.is_some() && times.authentication.is_some(), "{target}: {times:?}");
    }
    Ok(is_encrypted)
}

/// The maker's own programs are told the password and whom to trust: without either they would not get in.
async fn tools_get_in(server: &dyn Driver, port: &str, roots: &str) {
    let mut session = server.connect(&SessionOptions::default()).await.unwrap();
    for sql in [
        "CREATE DATABASE tools",
        "CREATE TABLE tools.t (a int)",
        r##"CREATE USER tom@localhost IDENTIFIED BY 'a"#b\\c' REQUIRE SSL"##,
        r##"CREATE USER tom@'127.0.0.1' IDENTIFIED BY 'a"#b\\c' REQUIRE SSL"##,
        "GRANT ALL ON tools.* TO tom@localhost",
        "GRANT ALL ON tools.* TO tom@'127.0.0.1'",
    ] {
        session.run_sql(sql).await.unwrap();
    }
    let url = format!("mariadb://tom:a%22%23b%5Cc@localhost:{port}/tools");
    let target = format!("{url}?ssl-mode=verify-identity&ssl-ca={roots}");
    let driver = start(&target).await.unwrap();
    let plan = BackupPlan {
        namespace: "tools".to_owned(),
        base: None,
        limit: Duration::from_secs(60),
        stop: Stop::default(),
        with_twin: false,
    };
    let backup = driver.backups().unwrap().prepare("mariadb-dump", &plan).unwrap();
    let made = backup.start().unwrap().wait(plan.limit, &plan.stop).unwrap();
    assert!(made.bytes > 0);
}

#[tokio::test]
async fn tls_is_checked_as_far_as_asked() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path();
    make_certificates(folder);
    let at = folder.display();
    let server = start(&format!(
        "mariadb?set.ssl_cert={at}/signed.pem&set.ssl_key={at}/signed.key&\
         set.plugin_load_add=auth_ed25519"
    ))
    .await
    .unwrap();
    let users = [
        "CREATE USER ann@'127.0.0.1' IDENTIFIED BY 'pw' REQUIRE SSL",
        "CREATE USER bob@'127.0.0.1' IDENTIFIED BY 'pw'",
        "CREATE USER eve@'127.0.0.1' IDENTIFIED VIA ed25519 USING PASSWORD('pw')",
    ];
    let (socket, port) = as_a_url(server.as_ref(), &users).await;
    let _ = socket;
    tools_get_in(server.as_ref(), &port, &format!("{at}/ca.pem")).await;
    for (user, host, options, expected) in [
        ("ann", "127.0.0.1", "", Ok(true)),
        ("ann", "127.0.0.1", "?ssl-mode=preferred", Ok(true)),
        ("ann", "127.0.0.1", "?ssl-mode=disabled", Err("Access denied")),
        ("bob", "127.0.0.1", "?ssl-mode=disabled", Ok(false)),
        ("bob", "127.0.0.1", "?ssl-mode=required", Ok(true)),
        ("bob", "127.0.0.1", "?ssl-mode=required&ssl-ca=OTHER", Ok(true)),
        ("eve", "127.0.0.1", "?ssl-mode=required", Ok(true)),
        ("eve", "127.0.0.1", "?ssl-mode=disabled", Ok(false)),
        ("ann", "127.0.0.1", "?ssl-mode=verify-ca", Err("certificate")),
        ("ann", "127.0.0.1", "?ssl-mode=verify-ca&ssl-ca=OTHER", Err("certificate")),
        ("ann", "127.0.0.1", "?ssl-mode=verify-ca&ssl-ca=RIGHT", Ok(true)),
        ("ann", "localhost", "?ssl-mode=verify-identity&ssl-ca=RIGHT", Ok(true)),
        ("ann", "127.0.0.1", "?ssl-mode=verify-identity&ssl-ca=RIGHT", Err("127.0.0.1")),
        ("ann", "127.0.0.1", "?ssl-mode=verify-ca&ssl-ca=/nowhere.pem", Err("ssl-ca=FILE")),
        ("ann", "127.0.0.1", "?driver=sqlx", Ok(true)),
        ("bob", "127.0.0.1", "?ssl-mode=disabled&driver=sqlx", Ok(false)),
        ("ann", "127.0.0.1", "?ssl-mode=verify-ca&ssl-ca=RIGHT&driver=sqlx", Ok(true)),
        ("ann", "localhost", "?ssl-mode=verify-identity&ssl-ca=RIGHT&driver=sqlx", Ok(true)),
        ("ann", "localhost", "?ssl-mode=required&round_trip=1ms&driver=sqlx", Ok(true)),
        ("ann", "127.0.0.1", "?driver=mysql_async", Ok(true)),
        ("bob", "127.0.0.1", "?ssl-mode=disabled&driver=mysql_async", Ok(false)),
        ("ann", "127.0.0.1", "?ssl-mode=required&driver=mysql_async", Ok(true)),
        ("ann", "localhost", "?ssl-mode=verify-ca&ssl-ca=RIGHT&driver=mysql_async", Ok(true)),
        // It holds the certificate to the name all the same.
        (
            "ann",
            "127.0.0.1",
            "?ssl-mode=verify-ca&ssl-ca=RIGHT&driver=mysql_async",
            Err("not valid for name"),
        ),
        ("ann", "localhost", "?ssl-mode=verify-identity&ssl-ca=RIGHT&driver=mysql_async", Ok(true)),
        ("bob", "localhost", "?round_trip=1ms&driver=mysql_async", Ok(false)),
        (
            "bob",
            "localhost",
            "?ssl-mode=required&round_trip=1ms&driver=mysql_async",
            Err("no TLS behind the proxy"),
        ),
    ] {
        let options = options
            .replace("RIGHT", &format!("{at}/ca.pem"))
            .replace("OTHER", &format!("{at}/other.pem"));
        let got = encrypted(&format!("mariadb://{user}:pw@{host}:{port}/{options}")).await;
        match (&got, expected) {
            (Ok(seen), Ok(wanted)) if *seen == wanted => {}
            (Err(why), Err(word)) if why.contains(word) => {}
            _ => panic!("{user} {host} {options}: {got:?}, not {expected:?}"),
        }
    }
}
