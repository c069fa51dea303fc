//! Pools of a server that is reached by a password and over TLS, whose password changes, and that dies for good.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::time::Duration;

use dbdyno_core::load::Length;
use dbdyno_core::query::scalar_sql;
use dbdyno_core::{DbError, ErrorClass, Pool, Session, SessionOptions};
use dbdyno_suites::runner::RunOptions;
use dbdyno_tests::{Kept, certificate, named, run_one, runtime, target, wait_for};

use super::{Place, of_kinds, options, sizes, value};

const PASSWORD: &str = "hunter2-secret";
/// Longer than anything here may take: whoever is not answered by then hangs.
const HANGS: Duration = Duration::from_secs(20);

fn number(place: &Place, sql: &str) -> i64 {
    place.runtime.block_on(async {
        let mut session = place.driver.connect(&SessionOptions::default()).await.unwrap();
        scalar_sql(&mut *session, sql).await.unwrap()
    })
}

fn tell(place: &Place, statements: &[String]) {
    place.runtime.block_on(async {
        let mut session = place.driver.connect(&SessionOptions::default()).await.unwrap();
        for sql in statements {
            session.run_sql(sql).await.unwrap();
        }
    });
}

/// Gives the server a certificate that it takes from now on, and a user with a password.
fn make_tls(place: &Place, data: &Path) {
    certificate(data, "localhost", "server", &[]);
    let owner = std::fs::metadata(data).unwrap();
    for file in ["server.key", "server.crt"].map(|file| data.join(file)) {
        std::fs::set_permissions(&file, PermissionsExt::from_mode(0o600)).unwrap();
        chown(&file, Some(owner.uid()), Some(owner.gid())).unwrap();
    }
    tell(
        place,
        &[
            format!("CREATE ROLE pooled SUPERUSER LOGIN PASSWORD '{PASSWORD}'"),
            "ALTER SYSTEM SET ssl = on".to_owned(),
            "SELECT pg_reload_conf()".to_owned(),
        ],
    );
    wait_for("the server to have TLS", || {
        let sql = "SELECT CAST(current_setting('ssl')::bool AS int)";
        (number(place, sql) == 1).then_some(())
    });
}

/// The same server by another way.
fn elsewhere(url: &str, kinds: &'static [&'static str]) -> Place {
    let runtime = runtime();
    let driver = target(&runtime, url);
    Place { runtime, driver, kinds }
}

/// What a pool gives, or its error, which must come in time and tell no password.
async fn acquired(pool: &dyn Pool, kind: &str) -> Result<Box<dyn Session>, DbError> {
    let acquired = tokio::time::timeout(HANGS, pool.acquire()).await;
    let acquired = acquired.unwrap_or_else(|_| panic!("{kind} hangs"));
    acquired.inspect_err(|why| assert!(!why.to_string().contains(PASSWORD), "{kind}: {why}"))
}

/// Every connection that a pool opens is encrypted.
pub fn connections_are_encrypted(place: &Place) {
    let settings = place.runtime.block_on(place.driver.server_info()).unwrap().settings;
    let data = PathBuf::from(&settings["data_folder"]);
    make_tls(place, &data);
    let port = number(place, "SELECT current_setting('port')::int");
    let trusted = tempfile::tempdir().unwrap();
    let authority = trusted.path().join("server.crt");
    std::fs::copy(data.join("server.crt"), &authority).unwrap();
    let at = format!("postgres://pooled:{PASSWORD}@127.0.0.1:{port}/postgres");
    let checked = format!("sslmode=verify-ca&sslrootcert={}", authority.display());
    let encrypted = "SELECT CAST(ssl AS int) FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
    for (way, kinds) in [
        (checked.clone(), super::DEADPOOL),
        (format!("{checked}&driver=tokio-postgres"), super::DEADPOOL),
        ("sslmode=require&driver=sqlx".to_owned(), super::OF_SQLX),
    ] {
        let over_tls = elsewhere(&format!("{at}?{way}"), kinds);
        for kind in kinds {
            let pool = over_tls.pool(kind, 2, &[]);
            over_tls.runtime.block_on(async {
                let mut both = Vec::new();
                for _ in 0..2 {
                    both.push(acquired(&*pool, kind).await.unwrap());
                }
                for session in &mut both {
                    assert_eq!(scalar_sql(&mut **session, encrypted).await.unwrap(), 1, "{kind}");
                }
            });
        }
    }
    // The steps of a connection tell what TLS takes.
    let over_tls = elsewhere(&format!("{at}?{checked}"), super::DEADPOOL);
    let rows = over_tls.measure("churn", &options(sizes(&[1])));
    assert!(value(&rows, "connect_tls_p50_us", "") > 0.0);
    assert!(value(&rows, "throughput", "deadpool-1") > 0.0);
}

/// The password changes while a pool is used: connections that are there serve on, another one is a clear
/// refusal, and the pool serves once the password is right again. `url` lacks the user and what follows the port,
/// `create` and `change` the password.
pub fn a_wrong_password_is_told(
    place: &Place,
    (scheme, rest): (&str, &str),
    kinds: &'static [&'static str],
    (port, create, change): (&str, &[&str], &str),
) {
    let port = number(place, port);
    let change = |password: &str| change.replace("{}", password);
    let create: Vec<String> = create.iter().map(|sql| sql.replace("{}", PASSWORD)).collect();
    tell(place, &create);
    let url = format!("{scheme}://pooled:{PASSWORD}@127.0.0.1:{port}/{rest}");
    let with_password = elsewhere(&url, kinds);
    for kind in kinds {
        let pool = with_password.pool(kind, 2, &[]);
        with_password.runtime.block_on(async {
            let mut first = acquired(&*pool, kind).await.unwrap();
            tell_beside(place, change("another"));
            assert_eq!(scalar_sql(&mut *first, "SELECT 1").await.unwrap(), 1, "{kind}");
            let why = acquired(&*pool, kind).await.err().unwrap();
            let words = why.to_string().to_lowercase();
            let is_told = words.contains("password") || words.contains("access denied");
            assert!(is_told, "{kind}: {why}");
            assert_eq!(scalar_sql(&mut *first, "SELECT 1").await.unwrap(), 1, "{kind}");
            tell_beside(place, change(PASSWORD));
            let mut second = acquired(&*pool, kind).await.unwrap();
            assert_eq!(scalar_sql(&mut *second, "SELECT 1").await.unwrap(), 1, "{kind}");
        });
    }
}

/// From within another event loop.
fn tell_beside(place: &Place, sql: String) {
    std::thread::scope(|scope| scope.spawn(|| tell(place, &[sql])).join().unwrap());
}

/// The server dies and stays dead: who asks for a connection is told in time, and so is who measures.
pub fn a_dead_server_is_told(place: &Place, kinds: &'static [&'static str]) {
    let port = number(place, "SELECT current_setting('port')::int");
    let url = format!("postgres://pooled:{PASSWORD}@127.0.0.1:{port}/postgres?driver=sqlx");
    let theirs = elsewhere(&url, kinds);
    let pools: Vec<_> = kinds.iter().map(|kind| (*kind, theirs.pool(kind, 1, &[]))).collect();
    theirs.runtime.block_on(async {
        for (kind, pool) in &pools {
            let mut session = acquired(&**pool, kind).await.unwrap();
            assert_eq!(scalar_sql(&mut *session, "SELECT 1").await.unwrap(), 1, "{kind}");
        }
    });
    let (kept, benchmark) = (Kept::default(), named(dbdyno_suites::pool::benchmarks(), "tpcb"));
    let limit = Duration::from_secs(2);
    let options = RunOptions {
        length: Length::Duration(Duration::from_secs(60)),
        reconnect_limit: limit,
        drain_limit: limit,
        ..options(of_kinds(&kinds[..1], 2))
    };
    let summary = std::thread::scope(|scope| {
        let killing = scope.spawn(|| {
            let sql = "SELECT COUNT(*) FROM pg_stat_activity \
                       WHERE query LIKE 'UPDATE pgbench%' AND pid <> pg_backend_pid()";
            wait_for("clients to work", || (number(place, sql) > 0).then_some(()));
            place.driver.server_control().unwrap().kill().unwrap();
        });
        let of = ("pool", benchmark.as_ref());
        let summary = run_one(&theirs.runtime, &theirs.driver, of, &options, &kept);
        killing.join().unwrap();
        summary
    });
    assert_eq!(summary.measured, 0, "{:#?}", kept.rows());
    theirs.runtime.block_on(async {
        for (kind, pool) in &pools {
            for _ in 0..3 {
                let why = match acquired(&**pool, kind).await {
                    // It may have been opened before.
                    Ok(mut session) => scalar_sql(&mut *session, "SELECT 1").await.err(),
                    Err(why) => Some(why),
                };
                let class = why.map(|why| why.class);
                let told = [ErrorClass::PoolTimeout, ErrorClass::Disconnected].map(Some);
                assert!(told.contains(&class), "{kind}: {class:?}");
            }
        }
    });
}
