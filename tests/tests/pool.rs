//! The pool suite on real servers: every kind of pool under load and in trouble, and what a pool promises of
//! the connections that it lends.

mod faults;
mod lending;

use std::sync::Arc;
use std::time::{Duration, Instant};

use dbdyno_core::load::Length;
use dbdyno_core::query::scalar_sql;
use dbdyno_core::{
    Driver, Isolation, Measurement, Pool, PoolPlan, SessionOptions, Statement, Status,
};
use dbdyno_suites::pool;
use dbdyno_suites::pool::PoolOptions;
use dbdyno_suites::runner::RunOptions;
use dbdyno_tests::{Kept, left_out, named, run_one, run_options, runtime, target};
use tokio::runtime::Runtime;

const DEADPOOL: &[&str] = &["deadpool"];
const OF_SQLX: &[&str] = &["deadpool", "sqlx"];
const OF_MYSQL_ASYNC: &[&str] = &["deadpool", "mysql_async"];
const ON_POSTGRES: &[&str] = &["deadpool", "pgbouncer-session", "pgbouncer-transaction"];

/// How long a connection may be waited for where one is free: to open it takes a while.
const PATIENCE: Duration = Duration::from_secs(5);

/// An engine that is up, and the pools that it has.
struct Place {
    runtime: Runtime,
    driver: Arc<dyn Driver>,
    kinds: &'static [&'static str],
}

impl Place {
    fn open(text: &str, kinds: &'static [&'static str]) -> Self {
        let runtime = runtime();
        let driver = target(&runtime, text);
        let place = Self { runtime, driver, kinds };
        let found: Vec<&str> =
            place.driver.pools().unwrap().kinds().iter().map(|kind| kind.name).collect();
        assert_eq!(found, kinds);
        place
    }

    fn measure(&self, name: &str, options: &RunOptions) -> Vec<Measurement> {
        let (kept, benchmark) = (Kept::default(), named(pool::benchmarks(), name));
        run_one(&self.runtime, &self.driver, ("pool", benchmark.as_ref()), options, &kept);
        let rows: Vec<_> = kept.rows().into_iter().map(|(_, row)| row).collect();
        let failed: Vec<_> = rows.iter().filter(|row| row.status == Status::Failed).collect();
        assert!(failed.is_empty(), "{name} on {}: {failed:#?}", self.driver.engine());
        rows
    }

    /// Opens a pool on the tables of TPC-B, which are there.
    fn pool(&self, kind: &str, size: u32, statements: &[Statement]) -> Arc<dyn Pool> {
        self.pool_at(kind, (size, PATIENCE), statements, None)
    }

    fn pool_at(
        &self,
        kind: &str,
        (size, acquire_timeout): (u32, Duration),
        statements: &[Statement],
        isolation: Option<Isolation>,
    ) -> Arc<dyn Pool> {
        let plan = PoolPlan {
            size,
            clients: 4,
            acquire_timeout: Some(acquire_timeout),
            idle_timeout: None,
            session: SessionOptions {
                namespace: Some("dbdyno_tpcb".to_owned()),
                isolation,
                ..SessionOptions::default()
            },
            statements: statements.into(),
        };
        let pools = self.driver.pools().unwrap();
        self.runtime.block_on(pools.open(&self.driver, kind, plan)).unwrap()
    }

    /// Sessions of the user beside the one that asks; `None` where there is no server.
    fn sessions(&self) -> Option<i64> {
        let sql = self.driver.dialect().count_sessions()?;
        Some(self.runtime.block_on(async {
            let mut session = self.driver.connect(&SessionOptions::default()).await.unwrap();
            scalar_sql(&mut *session, sql).await.unwrap()
        }))
    }
}

fn of<'r>(rows: &'r [Measurement], metric: &str, transaction: &str) -> &'r Measurement {
    let found = rows.iter().find(|row| row.metric == metric && row.transaction == transaction);
    found.unwrap_or_else(|| panic!("no {metric} of `{transaction}` in {rows:#?}"))
}

fn value(rows: &[Measurement], metric: &str, transaction: &str) -> f64 {
    of(rows, metric, transaction).value.unwrap_or_else(|| panic!("{metric} of {transaction}"))
}

fn options(pool: PoolOptions) -> RunOptions {
    RunOptions { length: Length::Transactions(120), pool, ..run_options() }
}

fn sizes(sizes: &[u32]) -> PoolOptions {
    PoolOptions { sizes: Some(sizes.to_vec()), ..PoolOptions::default() }
}

fn of_kinds(kinds: &[&str], size: u32) -> PoolOptions {
    let kinds = kinds.iter().map(|kind| (*kind).to_owned()).collect();
    PoolOptions { kinds: Some(kinds), ..sizes(&[size]) }
}

/// All mixes and more sizes than one.
fn sweeps(place: &Place) {
    sweep(place, "tpcb", &[1, 2]);
    sweep(place, "read-mostly", &[2]);
    sweep(place, "long-transactions", &[1]);
}

/// Every kind: measured, no connection too many, nothing lost of what was committed.
fn sweep(place: &Place, name: &str, chosen: &[u32]) {
    let rows = place.measure(name, &options(sizes(chosen)));
    let pools = place.kinds.iter().flat_map(|kind| chosen.iter().map(move |size| (*kind, *size)));
    for (kind, size) in pools {
        let load = format!("{kind}-{size}");
        let of_load = |metric: &str| value(&rows, metric, &load);
        assert!(of_load("throughput") > 0.0, "{name} {load}");
        assert_eq!(of_load("acquire_timeouts"), 0.0);
        assert_eq!(of_load("pool_size"), f64::from(size));
        let waits = ["p50", "p95", "p99", "max"].map(|at| of_load(&format!("acquire_{at}_us")));
        assert!(waits.is_sorted() && waits[0] > 0.0, "{name} {load}: {waits:?}");
        assert!(of_load("fairness_jain") > 0.0 && of_load("fairness_jain") <= 1.0);
        let open = of_load("connections_open_max");
        assert!(open <= f64::from(size), "{name} {load}: {open} connections");
        assert_eq!(value(&rows, &format!("check_pool_size_kept_{load}"), ""), 1.0);
        let detail = &of(&rows, "pool_size", &load).detail;
        let told = match kind {
            "deadpool" => "",
            "sqlx" => "sqlx: statements are prepared once",
            "mysql_async" => "mysql_async: each connection is reset",
            _ => "PgBouncer 1.",
        };
        assert!(detail.starts_with(told) && detail.is_empty() == told.is_empty(), "{detail}");
    }
    assert!(value(&rows, "throughput", "direct") > 0.0);
    assert_eq!(value(&rows, "connections_open_max", "direct"), 4.0);
    let account = match name {
        "read-mostly" => "check_last_writes_kept",
        _ => "check_history_rows",
    };
    let accounts = rows.iter().filter(|row| row.metric.starts_with(account));
    assert_eq!(accounts.count(), chosen.len() * place.kinds.len() + 1);
}

/// Clients that get no connection in time are counted, and nothing else comes of it.
fn timeouts_are_data(place: &Place) {
    let pool = PoolOptions {
        kinds: Some(vec!["deadpool".to_owned(), "direct".to_owned(), "cesspool".to_owned()]),
        sizes: Some(vec![1]),
        acquire_timeout: Some(Duration::from_millis(1)),
    };
    let rows = place.measure("long-transactions", &options(pool.clone()));
    let timeouts = value(&rows, "acquire_timeouts", "deadpool-1");
    assert!(timeouts > 0.0);
    assert_eq!(value(&rows, "errors_pool_timeout", "deadpool-1"), timeouts);
    assert!(value(&rows, "throughput", "direct") > 0.0);
    let unknown = of(&rows, "throughput", "cesspool");
    assert_eq!((unknown.status, unknown.value), (Status::Unsupported, None));
    assert!(unknown.detail.starts_with("the driver has direct, deadpool"), "{}", unknown.detail);
    // Nothing that is known was asked for.
    let pool = PoolOptions { kinds: Some(vec!["cesspool".to_owned()]), ..pool };
    let rows = place.measure("tpcb", &options(pool));
    assert!(rows.iter().all(|row| row.status == Status::Unsupported), "{rows:?}");
}

fn churn(place: &Place, steps: &[&str]) {
    let rows = place.measure("churn", &options(sizes(&[2])));
    let loads = place.kinds.iter().map(|kind| format!("{kind}-2"));
    for load in loads.chain(["churn", "direct"].map(str::to_owned)) {
        assert!(value(&rows, "throughput", &load) > 0.0, "{load}");
    }
    // A median of a part is no more than the slowest of the whole, of which it is a part.
    let whole = value(&rows, "connect_total_p95_us", "");
    for step in ["socket", "tls", "authentication", "set_up", "first_query", "prepare"] {
        let found = rows.iter().find(|row| row.metric == format!("connect_{step}_p50_us"));
        assert_eq!(found.is_some(), steps.contains(&step), "{step}");
        assert!(found.is_none_or(|row| row.value < Some(whole)), "{step}: {found:?} of {whole}");
    }
}

fn burst(place: &Place, kinds: &[&str]) {
    let kinds: Vec<String> = kinds.iter().map(|kind| (*kind).to_owned()).collect();
    let options = options(PoolOptions { kinds: Some(kinds.clone()), ..PoolOptions::default() });
    let options = RunOptions { clients: Some(vec![2]), ..options };
    // Nothing recovers to what it was where others have begun to keep the machine busy meanwhile.
    let deadline = Instant::now() + Duration::from_secs(120);
    let rows = loop {
        let rows = place.measure("burst", &options);
        let told = |metric: &str| {
            rows.iter().filter(|row| row.metric == metric && row.value.is_some()).count()
        };
        if [told("burst_recovery_ms"), told("acquire_before_p95_us")] == [kinds.len(); 2] {
            break rows;
        }
        assert!(Instant::now() < deadline, "{rows:#?}");
    };
    for load in kinds.iter().map(|kind| format!("{kind}-2")) {
        // 20 clients on 2 connections wait for one another.
        let (usual, burst) = (
            value(&rows, "acquire_before_p95_us", &load),
            value(&rows, "acquire_burst_p95_us", &load),
        );
        assert!(burst > usual, "{load}: {usual} before, {burst} in the burst");
        let recovery = of(&rows, "burst_recovery_ms", &load);
        assert!(recovery.value >= Some(0.0), "{load}: {recovery:?}");
        assert_eq!(value(&rows, &format!("check_pool_size_kept_{load}"), ""), 1.0);
    }
}

fn leak(place: &Place, kinds: &[&str]) {
    let pool = PoolOptions { acquire_timeout: Some(Duration::from_secs(3)), ..of_kinds(kinds, 2) };
    let rows = place.measure("leak", &options(pool));
    for kind in kinds {
        let load = format!("{kind}-2");
        assert_eq!(value(&rows, &format!("check_serves_again_{load}"), ""), 1.0, "{load}");
        let told = of(&rows, "leak_reported_ms", &load);
        if *kind == "pgbouncer-transaction" {
            // A connection to it that is forgotten between transactions holds none to the server.
            assert!(
                told.value.is_none() && told.detail.contains("served all the same"),
                "{told:?}"
            );
            continue;
        }
        assert!(told.value > Some(0.0) && told.detail.starts_with("2 connections"), "{told:?}");
        let error = of(&rows, "errors_pool_timeout", &load);
        let words = match *kind {
            "deadpool" => "Timeout occurred",
            "sqlx" => "pool timed out while waiting for an open connection",
            "mysql_async" => "no connection within 3000 ms",
            _ => "query_wait_timeout",
        };
        assert!(error.value > Some(0.0) && error.detail.contains(words), "{error:?}");
    }
}

fn restart(place: &Place, kind: &str) {
    let rows = place.measure("restart", &options(of_kinds(&[kind], 2)));
    let load = format!("{kind}-2");
    let of_pool = |metric: &str| value(&rows, metric, &load);
    let is_told =
        rows.iter().any(|row| row.metric == "errors_disconnected" && row.transaction == load);
    // sqlx's looks at a connection before it lends it, which may spare every client the loss.
    let may_spare = kind == "sqlx" && of_pool("errors") == 0.0;
    assert!(is_told || may_spare, "{kind}: {rows:#?}");
    assert!(of_pool("pool_outage_ms") > 0.0 && of_pool("pool_recovery_ms") > 0.0);
    assert!(of_pool("pool_outage_ms") > of_pool("pool_recovery_ms"));
    assert_eq!(value(&rows, &format!("check_serves_again_{load}"), ""), 1.0);
    assert!(rows.iter().any(|row| row.metric == format!("check_history_rows_{load}")));
}

fn idle(place: &Place, kinds: &[&str]) {
    let rows = place.measure("idle", &options(of_kinds(kinds, 3)));
    for load in kinds.iter().map(|kind| format!("{kind}-3")) {
        let of_pool = |metric: &str| value(&rows, metric, &load);
        assert_eq!(of_pool("connections_open_max"), 3.0, "{load}");
        assert_eq!(of_pool("connections_left"), 0.0, "{load}");
        // PgBouncer looks at whole seconds of its own clock.
        assert!(of_pool("idle_closed_after_ms") > 0.0, "{load}");
        assert_eq!(value(&rows, &format!("check_idle_closed_{load}"), ""), 1.0, "{load}");
    }
}

#[test]
fn pools_on_sqlite() {
    let place = Place::open("sqlite", DEADPOOL);
    sweeps(&place);
    timeouts_are_data(&place);
    churn(&place, &["set_up", "first_query", "prepare"]);
    burst(&place, DEADPOOL);
    leak(&place, place.kinds);
    idle(&place, place.kinds);
    lending::a_pool_lends_no_more_than_it_may(&place);
    lending::what_was_not_committed_is_gone(&place);
    lending::a_connection_is_set_up_each_time(&place);
    let rows = place.measure("restart", &options(sizes(&[2])));
    assert!(rows.iter().all(|row| row.status == Status::Unsupported), "{rows:?}");
}

#[test]
fn pools_on_postgres() {
    if left_out("postgres") {
        return;
    }
    let place = Place::open("postgres", ON_POSTGRES);
    sweeps(&place);
    timeouts_are_data(&place);
    churn(&place, &["socket", "authentication", "set_up", "first_query", "prepare"]);
    burst(&place, &["deadpool", "pgbouncer-transaction"]);
    leak(&place, place.kinds);
    idle(&place, place.kinds);
    lending::a_pool_lends_no_more_than_it_may(&place);
    lending::what_was_not_committed_is_gone(&place);
    lending::a_connection_is_set_up_each_time(&place);
    restart(&place, "deadpool");
    pgbouncer_is_for_throwaway_servers(&place);
    faults::connections_are_encrypted(&place);
    let change = "ALTER ROLE pooled PASSWORD '{}'";
    let of_role = ("SELECT current_setting('port')::int", &[][..], change);
    faults::a_wrong_password_is_told(&place, ("postgres", "postgres"), DEADPOOL, of_role);
    let by_sqlx = ("postgres", "postgres?driver=sqlx");
    faults::a_wrong_password_is_told(&place, by_sqlx, &OF_SQLX[1..], of_role);
    faults::a_dead_server_is_told(&place, OF_SQLX);
}

#[test]
fn pools_on_mariadb() {
    if left_out("mariadb") {
        return;
    }
    let place = Place::open("mariadb", DEADPOOL);
    sweeps(&place);
    timeouts_are_data(&place);
    churn(&place, &["socket", "authentication", "set_up", "first_query", "prepare"]);
    leak(&place, place.kinds);
    idle(&place, place.kinds);
    lending::a_pool_lends_no_more_than_it_may(&place);
    lending::what_was_not_committed_is_gone(&place);
    lending::a_connection_is_set_up_each_time(&place);
    restart(&place, "deadpool");
}

/// A library's driver, with deadpool and the pool that the library brings.
fn a_librarys_pools(target: &str, kinds: &'static [&'static str]) -> Place {
    let (place, own) = (Place::open(target, kinds), &kinds[1..]);
    sweep(&place, "tpcb", &[2]);
    // It opens connections by itself, and tells no steps.
    churn(&place, &["first_query", "prepare"]);
    burst(&place, own);
    leak(&place, own);
    idle(&place, own);
    lending::a_pool_lends_no_more_than_it_may(&place);
    lending::what_was_not_committed_is_gone(&place);
    lending::a_connection_is_set_up_each_time(&place);
    if place.driver.server_control().is_some() {
        restart(&place, own[0]);
    }
    place
}

#[test]
fn pools_of_sqlx_on_sqlite() {
    drop(a_librarys_pools("sqlite?driver=sqlx", OF_SQLX));
}

#[test]
fn pools_of_sqlx_on_postgres() {
    if !left_out("postgres") {
        drop(a_librarys_pools("postgres?driver=sqlx", OF_SQLX));
    }
}

/// It brings no pool, and closes sessions in a task.
#[test]
fn deadpool_over_tokio_postgres() {
    if left_out("postgres") {
        return;
    }
    let place = Place::open("postgres?driver=tokio-postgres", DEADPOOL);
    sweep(&place, "tpcb", &[1]);
    lending::a_pool_lends_no_more_than_it_may(&place);
    lending::a_connection_is_set_up_each_time(&place);
}

#[test]
fn pools_of_sqlx_on_mariadb() {
    if !left_out("mariadb") {
        drop(a_librarys_pools("mariadb?driver=sqlx", OF_SQLX));
    }
}

#[test]
fn pools_of_mysql_async_on_mariadb() {
    if !left_out("mariadb") {
        // The server has another character set than dbdyno, which a reset must not leave to a session.
        let target = "mariadb?driver=mysql_async&set.character_set_server=latin1";
        let place = a_librarys_pools(target, OF_MYSQL_ASYNC);
        let create = ["CREATE USER pooled IDENTIFIED BY '{}'", "GRANT ALL ON *.* TO pooled"];
        let of_user = ("SELECT @@port", &create[..], "ALTER USER pooled IDENTIFIED BY '{}'");
        let by_mysql_async = ("mariadb", "?driver=mysql_async");
        faults::a_wrong_password_is_told(&place, by_mysql_async, OF_MYSQL_ASYNC, of_user);
    }
}

/// In front of somebody's server it would need the password in a file.
fn pgbouncer_is_for_throwaway_servers(place: &Place) {
    let settings = place.runtime.block_on(place.driver.server_info()).unwrap().settings;
    let folder = std::path::Path::new(&settings["data_folder"]).parent().unwrap();
    let sockets = std::fs::read_dir(folder).unwrap().flatten();
    let names: Vec<String> =
        sockets.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    let port = names.iter().find_map(|name| name.strip_prefix(".s.PGSQL.")?.parse::<u16>().ok());
    let url =
        format!("postgres://dbdyno@/postgres?host={}&port={}", folder.display(), port.unwrap());
    let driver = target(&place.runtime, &url);
    let elsewhere = Place { runtime: runtime(), driver, kinds: ON_POSTGRES };
    let rows = elsewhere.measure("tpcb", &options(sizes(&[1])));
    assert!(value(&rows, "throughput", "deadpool-1") > 0.0);
    for load in ["pgbouncer-session-1", "pgbouncer-transaction-1"] {
        let row = of(&rows, "throughput", load);
        assert_eq!((row.status, row.value), (Status::Unsupported, None), "{load}");
        assert!(row.detail.contains("dbdyno writes none"), "{}", row.detail);
    }
}
