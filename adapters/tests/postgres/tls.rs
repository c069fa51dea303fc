//! TLS, with certificates made by openssl.

use std::os::unix::fs::{PermissionsExt, chown};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use dbdyno_core::backup::BackupPlan;
use dbdyno_core::connecting::timed;
use dbdyno_core::{Session, SessionOptions, Stop};

use super::support::{driver_for, server, session, text};

fn openssl(folder: &Path, args: &str) {
    let output = Command::new("openssl")
        .args(args.split_whitespace())
        .current_dir(folder)
        .output()
        .expect("openssl makes the certificates of this test; install it");
    assert!(output.status.success(), "{args}: {}", String::from_utf8_lossy(&output.stderr));
}

/// An authority, a certificate for `localhost` signed by it, another authority, and one that
/// signed itself.
fn make_certificates(folder: &Path) {
    let new = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2";
    openssl(folder, &format!("{new} -subj /CN=authority -keyout ca.key -out ca.pem"));
    openssl(folder, &format!("{new} -subj /CN=other -keyout other.key -out other.pem"));
    let alone = "-subj /CN=localhost -addext subjectAltName=DNS:localhost";
    openssl(folder, &format!("{new} {alone} -keyout self.key -out self.pem"));
    let request = "req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";
    openssl(folder, &format!("{request} -subj /CN=localhost -keyout signed.key -out signed.csr"));
    std::fs::write(folder.join("names"), "subjectAltName=DNS:localhost\n").unwrap();
    let sign = "x509 -req -in signed.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2";
    openssl(folder, &format!("{sign} -extfile names -out signed.pem"));
    std::fs::set_permissions(folder, PermissionsExt::from_mode(0o755)).unwrap();
    for key in ["signed.key", "self.key"].map(|name| folder.join(name)) {
        std::fs::set_permissions(&key, PermissionsExt::from_mode(0o600)).unwrap();
        if nix::unistd::Uid::effective().is_root() {
            let user = nix::unistd::User::from_name("postgres").unwrap().unwrap();
            chown(&key, Some(user.uid.as_raw()), None).unwrap();
        }
    }
}

/// Whether a session comes to be, and is encrypted.
async fn encrypted(target: &str) -> Result<bool, String> {
    let driver = driver_for(target).await.map_err(|why| why.to_string())?;
    let (session, times) = timed(driver.connect(&SessionOptions::default())).await;
    let sql = "SELECT ssl::text FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
    let is_encrypted = text(session.unwrap().as_mut(), sql).await == "true";
    // A library opens its connections by itself and tells no steps.
    if driver.name() == "postgres-protocol" {
        assert_eq!(times.tls.is_some(), is_encrypted, "{target}: {times:?}");
        assert!(times.socket.is_some() && times.authentication.is_some(), "{target}: {times:?}");
    }
    Ok(is_encrypted)
}

/// PostgreSQL's own programs are told the password and whom to trust: without either they would not get in.
async fn tools_get_in(admin: &mut dyn Session, port: &str, roots: &str) {
    for sql in [
        r"CREATE ROLE bob LOGIN PASSWORD 'a:b\c'",
        "CREATE SCHEMA tools AUTHORIZATION bob",
        "CREATE TABLE tools.t (a int)",
        "GRANT ALL ON tools.t TO bob",
    ] {
        admin.run_sql(sql).await.unwrap();
    }
    let url = format!("postgres://bob:a%3Ab%5Cc@localhost:{port}/postgres");
    let target = format!("{url}?sslmode=verify-full&sslrootcert={roots}");
    let driver = driver_for(&target).await.unwrap();
    let plan = BackupPlan {
        namespace: "tools".to_owned(),
        base: None,
        limit: Duration::from_secs(60),
        stop: Stop::default(),
        with_twin: false,
    };
    let backup = driver.backups().unwrap().prepare("pg_dump", &plan).unwrap();
    let made = backup.start().unwrap().wait(plan.limit, &plan.stop).unwrap();
    assert!(made.bytes > 0);
}

#[tokio::test]
async fn tls_is_checked_as_far_as_asked() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path();
    make_certificates(folder);
    let at = folder.display();
    for certificate in ["signed", "self"] {
        let throwaway = server(&format!(
            "?set.ssl=on&set.ssl_cert_file={at}/{certificate}.pem&set.ssl_key_file={at}/{certificate}.key"
        ))
        .await;
        let mut admin = session(throwaway.as_ref(), None).await;
        admin.run_sql("CREATE ROLE ann LOGIN PASSWORD 'pw'").await.unwrap();
        let port = text(admin.as_mut(), "SHOW port").await;
        let right = if certificate == "signed" { "ca" } else { "self" };
        tools_get_in(&mut *admin, &port, &format!("{at}/{right}.pem")).await;
        for (host, options, expected) in [
            ("localhost", "", Ok(true)),
            ("localhost", "?sslmode=prefer", Ok(true)),
            ("localhost", "?sslmode=disable", Ok(false)),
            ("localhost", "?sslmode=require", Ok(true)),
            ("localhost", "?sslmode=require&sslrootcert=OTHER", Err("certificate")),
            ("localhost", "?sslmode=verify-ca", Err("certificate")),
            ("localhost", "?sslmode=verify-ca&sslrootcert=OTHER", Err("certificate")),
            ("127.0.0.1", "?sslmode=verify-ca&sslrootcert=RIGHT", Ok(true)),
            ("localhost", "?sslmode=verify-full&sslrootcert=RIGHT", Ok(true)),
            ("127.0.0.1", "?sslmode=verify-full&sslrootcert=RIGHT", Err("127.0.0.1")),
            ("localhost", "?sslmode=verify-ca&sslrootcert=system", Err("too weak")),
            ("localhost", "?sslrootcert=system", Err("certificate")),
            ("localhost", "?sslmode=verify-full&sslrootcert=RIGHT&driver=tokio-postgres", Ok(true)),
            ("localhost", "?sslmode=disable&driver=tokio-postgres", Ok(false)),
            ("localhost", "?driver=sqlx", Ok(true)),
            ("localhost", "?sslmode=disable&driver=sqlx", Ok(false)),
            ("localhost", "?sslmode=require&driver=sqlx", Ok(true)),
            ("localhost", "?sslmode=require&round_trip=1ms&driver=sqlx", Ok(true)),
        ] {
            let options = options
                .replace("RIGHT", &format!("{at}/{right}.pem"))
                .replace("OTHER", &format!("{at}/other.pem"));
            let got =
                encrypted(&format!("postgres://ann:pw@{host}:{port}/postgres{options}")).await;
            match (&got, expected) {
                (Ok(seen), Ok(wanted)) if *seen == wanted => {}
                (Err(why), Err(word)) if why.contains(word) => {}
                _ => panic!("{certificate} {host} {options}: {got:?}, not {expected:?}"),
            }
        }
        // sqlx takes no certificate for its own authority, whoever says that it is to be trusted.
        for (host, mode) in [
            ("127.0.0.1", "verify-ca"),
            ("localhost", "verify-full"),
            ("localhost", "verify-full&round_trip=1ms"),
        ] {
            let roots = format!("{at}/{right}.pem");
            let target = format!(
                "postgres://ann:pw@{host}:{port}/postgres?sslmode={mode}&sslrootcert={roots}"
            );
            let driver = driver_for(&format!("{target}&driver=sqlx")).await.unwrap();
            match driver.connect(&SessionOptions::default()).await {
                Ok(_) => assert_eq!(certificate, "signed", "{mode}"),
                Err(why) => assert!(
                    certificate == "self" && why.message.contains("certificate"),
                    "{certificate} {mode}: {why}"
                ),
            }
        }
    }
}

#[tokio::test]
async fn a_server_without_tls_is_told() {
    let throwaway = server("").await;
    let mut admin = session(throwaway.as_ref(), None).await;
    admin.run_sql("CREATE ROLE ann LOGIN PASSWORD 'pw'").await.unwrap();
    let port = text(admin.as_mut(), "SHOW port").await;
    let target = format!("postgres://ann:pw@127.0.0.1:{port}/postgres");
    assert_eq!(encrypted(&target).await, Ok(false));
    let error = encrypted(&format!("{target}?sslmode=require")).await.unwrap_err();
    assert!(error.contains("does not support TLS"), "{error}");
}
