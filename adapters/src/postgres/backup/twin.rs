//! A session that sees what a dump sees: it exports its snapshot, which the tool takes (manual, 9.27.5, and `pg_dump`,
//! `--snapshot`).

use dbdyno_core::backup::TwinSession;
use dbdyno_core::query::{row_sql, within};
use dbdyno_core::{DbError, Error, Result, Session, SessionOptions};

use super::super::endpoint::Endpoint;
use super::super::session::PostgresSession;
use super::super::set_up::session_settings;
use super::Source;
use crate::backup::ANSWER_LIMIT;

/// The session waits for as long as a dump or a load takes, which no limit of the server's may end; `pg_dump` sees to the
/// same for its own. Some of these limits are not known to older servers.
const WITHOUT_LIMITS: &str = "\
SELECT set_config(name, '0', false) FROM pg_settings WHERE name IN \
('statement_timeout', 'lock_timeout', 'idle_in_transaction_session_timeout', 'idle_session_timeout', \
'transaction_timeout')";
const BEGIN: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY";
const EXPORT: &str = "SELECT pg_export_snapshot()";

/// Opens it; gives the name of its snapshot, too, which is good for as long as it is open.
///
/// # Errors
/// The server takes no session.
pub(super) fn open(source: &Source) -> Result<(TwinSession, String)> {
    let failed = |why: DbError| Error::new("have a snapshot for a dump and its check", why);
    let namespace = Some(source.namespace.clone());
    let mut twin = session(&source.endpoint, namespace).map_err(failed)?;
    let export = async |session: &mut dyn Session| {
        session.run_sql(BEGIN).await?;
        row_sql(session, EXPORT, |row| row.text(0).map(str::to_owned)).await
    };
    let snapshot = twin.ask(async |session| within(ANSWER_LIMIT, export(session)).await);
    Ok((twin, snapshot.map_err(failed)?))
}

/// A session that may take as long as it likes.
///
/// # Errors
/// The server takes none.
pub(super) fn session(
    endpoint: &Endpoint,
    namespace: Option<String>,
) -> Result<TwinSession, DbError> {
    let options = SessionOptions { namespace, ..SessionOptions::default() };
    let connect = async || {
        let wire = endpoint.connect().await?;
        let mut session = PostgresSession::new(wire, &session_settings(&options), &options).await?;
        session.query_sql(WITHOUT_LIMITS, &mut |_| Ok(())).await?;
        Ok(Box::new(session) as Box<dyn Session>)
    };
    TwinSession::open(async || within(ANSWER_LIMIT, connect()).await)
}
