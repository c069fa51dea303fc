//! What PgBouncer is told (<https://www.pgbouncer.org/config.html>).

use std::fmt::Write;
use std::path::Path;
use std::time::Duration;

use dbdyno_core::PoolPlan;

use crate::postgres::server::USER;

/// The port that names its socket; it does not listen on any.
pub(super) const PORT: u16 = 6432;
/// The database of its clients.
pub(super) const DATABASE: &str = "postgres";
/// The database that its console is.
pub(super) const CONSOLE: &str = "pgbouncer";
/// Connections to it beside those of clients: the console, and what lingers of clients that left.
const SPARE_CLIENTS: u32 = 40;
/// Statements that it keeps for each connection to the server, as by default from 1.24 on.
const STATEMENTS: u32 = 200;

/// When a client gives its connection to the server back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// As it leaves.
    Session,
    /// After each transaction.
    Transaction,
}

impl Mode {
    const fn name(self) -> &'static str {
        match self {
            Self::Session => "session",
            Self::Transaction => "transaction",
        }
    }
}

/// Where the server is.
#[derive(Clone, Copy)]
pub(super) struct Server<'a> {
    pub(super) socket_folder: &'a Path,
    pub(super) port: u16,
}

/// The file of a pool. `set_up` is what a connection to the server is told first, where clients cannot do so
/// themselves. Everything else is as it comes.
pub(super) fn file(
    server: Server<'_>,
    folder: &Path,
    mode: Mode,
    keeps_statements: bool,
    plan: &PoolPlan,
    set_up: &str,
) -> String {
    let (socket_folder, port) = (server.socket_folder.display(), server.port);
    let mut text = format!(
        "[databases]\n{DATABASE} = host={socket_folder} port={port} user={USER} dbname={DATABASE}"
    );
    if !set_up.is_empty() {
        // Quotes are doubled within quotes.
        let _ = write!(text, " connect_query='{}'", set_up.replace('\'', "''"));
    }
    let mut settings = vec![
        ("listen_port", PORT.to_string()),
        ("unix_socket_dir", folder.display().to_string()),
        // Whoever may enter the folder may connect, as to the server itself.
        ("auth_type", "any".to_owned()),
        ("admin_users", USER.to_owned()),
        ("pidfile", folder.join("pid").display().to_string()),
        ("pool_mode", mode.name().to_owned()),
        ("default_pool_size", plan.size.to_string()),
        ("max_client_conn", (plan.clients + SPARE_CLIENTS).to_string()),
        ("query_wait_timeout", whole_seconds(plan.acquire_timeout)),
        ("server_idle_timeout", whole_seconds(plan.idle_timeout)),
        // Lines about every client would be work that a quiet one does not do.
        ("log_connections", "0".to_owned()),
        ("log_disconnections", "0".to_owned()),
    ];
    if keeps_statements {
        settings.push(("max_prepared_statements", STATEMENTS.to_string()));
    }
    text.push_str("\n\n[pgbouncer]\n");
    for (name, value) in settings {
        let _ = writeln!(text, "{name} = {value}");
    }
    text
}

/// A time in whole seconds, rounded up; 0, which is no limit, where there is none.
fn whole_seconds(time: Option<Duration>) -> String {
    time.map_or(0, |time| time.as_millis().div_ceil(1_000).max(1)).to_string()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use dbdyno_core::SessionOptions;

    use super::*;

    #[test]
    fn it_is_told_these_things() {
        let plan = PoolPlan {
            size: 4,
            clients: 16,
            acquire_timeout: Some(Duration::from_millis(1_200)),
            idle_timeout: None,
            session: SessionOptions::default(),
            statements: Arc::default(),
        };
        let server = Server { socket_folder: Path::new("/var/tmp/a"), port: 5433 };
        let set_up = "SET TimeZone = 'UTC'; SET search_path = \"x\"";
        let place = Path::new("/var/tmp/b");
        insta::assert_snapshot!(file(server, place, Mode::Transaction, false, &plan, set_up));
    }

    #[test]
    fn times_are_whole_seconds() {
        for (millis, seconds) in
            [(Some(1), "1"), (Some(1_000), "1"), (Some(1_001), "2"), (None, "0")]
        {
            assert_eq!(whole_seconds(millis.map(Duration::from_millis)), seconds);
        }
    }
}
