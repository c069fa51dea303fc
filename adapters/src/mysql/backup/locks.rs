//! The locks of a backup's sessions (<https://mariadb.com/kb/en/metadata-lock-info-plugin/>,
//! <https://mariadb.com/kb/en/backup-stage/>).

use dbdyno_core::backup::{Lock, LockWatch, LocksSeen};
use dbdyno_core::query::{scalar_sql, within};
use dbdyno_core::{DbError, Error, Result, Row, Session as _};
use tokio::runtime::{Builder, Runtime};

use super::super::connect::Connector;
use super::super::session::MysqlSession;
use crate::backup::ANSWER_LIMIT;

/// The plugin that tells of metadata locks. It comes with MariaDB's server, which does not load it by itself.
const PLUGIN: &str = "metadata_lock_info";

/// Modes of metadata locks, the weakest first, and what a backup is said to hold then: the statement's words where a
/// statement takes the lock by name.
const MODES: [(&str, &str); 14] = [
    ("MDL_INTENTION_EXCLUSIVE", "INTENTION"),
    ("MDL_SHARED_HIGH_PRIO", "SHARED"),
    ("MDL_SHARED", "SHARED"),
    ("MDL_SHARED_READ", "SHARED READ"),
    ("MDL_SHARED_WRITE", "SHARED WRITE"),
    ("MDL_SHARED_READ_ONLY", "READ ONLY"),
    ("MDL_SHARED_NO_READ_WRITE", "TABLE WRITE"),
    ("MDL_EXCLUSIVE", "EXCLUSIVE"),
    ("MDL_BACKUP_START", "STAGE START"),
    ("MDL_BACKUP_FLUSH", "STAGE FLUSH"),
    ("MDL_BACKUP_WAIT_FLUSH", "BLOCK_DDL"),
    ("MDL_BACKUP_WAIT_DDL", "BLOCK_DDL"),
    ("MDL_BACKUP_FTWRL1", "READ LOCK"),
    ("MDL_BACKUP_FTWRL2", "READ LOCK"),
];
/// What nobody commits beside.
const STRONGEST: (&str, &str) = ("MDL_BACKUP_WAIT_COMMIT", "BLOCK_COMMIT");

/// What sessions say that wait for a metadata lock.
const WAITING: &str = "'Waiting for backup lock', 'Waiting for global read lock', \
                       'Waiting for commit lock', 'Waiting for table metadata lock'";

/// A session that looks at the locks of those that were opened after it: the tools of the backup that begins then. A
/// client that lost its connection meanwhile would be taken for one.
pub(super) struct Watch {
    session: MysqlSession,
    // Dropped after the session, which runs on it.
    runtime: Runtime,
    id: i64,
    /// Whether the server tells of locks, and whether it does so for this watch alone.
    plugin: Plugin,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Plugin {
    None,
    Found,
    Loaded,
}

impl Watch {
    /// Opens the session; a server that dbdyno started is made to tell of its locks.
    ///
    /// # Errors
    /// The server takes no session.
    pub(super) fn begin(connector: &Connector, is_throwaway: bool) -> Result<Self> {
        let doing = "watch the locks of a backup";
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|why| Error::new(doing, why))?;
        let opened = runtime.block_on(within(ANSWER_LIMIT, async {
            let mut session = MysqlSession::new(connector.connect(None, None).await?);
            let found = "SELECT COUNT(*) FROM information_schema.PLUGINS \
                         WHERE PLUGIN_NAME = 'METADATA_LOCK_INFO' AND PLUGIN_STATUS = 'ACTIVE'";
            let plugin = match scalar_sql(&mut session, found).await? {
                0 if is_throwaway => load(&mut session).await,
                0 => Plugin::None,
                _ => Plugin::Found,
            };
            let id = scalar_sql(&mut session, "SELECT CONNECTION_ID()").await?;
            Ok((session, plugin, id))
        }));
        let (session, plugin, id) = opened.map_err(|why: DbError| Error::new(doing, why))?;
        Ok(Self { session, runtime, id, plugin })
    }
}

/// MySQL has no such plugin, and some distributions of MariaDB leave it out.
async fn load(session: &mut MysqlSession) -> Plugin {
    match session.run_sql(&format!("INSTALL SONAME '{PLUGIN}'")).await {
        Ok(_) => Plugin::Loaded,
        Err(why) => {
            tracing::debug!("the server does not tell of its locks: {why}");
            Plugin::None
        }
    }
}

impl LockWatch for Watch {
    fn look(&mut self) -> Result<LocksSeen, DbError> {
        let Self { session, runtime, id, plugin } = self;
        runtime.block_on(within(ANSWER_LIMIT, look(session, *id, *plugin)))
    }
}

/// What the sessions hold that were opened after the one of this number, and how many of the others wait.
async fn look(session: &mut MysqlSession, id: i64, plugin: Plugin) -> Result<LocksSeen, DbError> {
    let waiting = format!(
        "SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE ID < {id} AND STATE IN ({WAITING})"
    );
    let waiting = u32::try_from(scalar_sql(session, &waiting).await?).ok();
    if plugin == Plugin::None {
        return Ok(LocksSeen { waiting, ..LocksSeen::default() });
    }
    let sql = format!(
        "SELECT LOCK_MODE FROM information_schema.METADATA_LOCK_INFO WHERE THREAD_ID > {id}"
    );
    let (mut held, mut strongest) = (0, None);
    let add = &mut |row: &dyn Row| {
        held += 1;
        strongest = strongest.take().max(lock(row.text(0)?));
        Ok(())
    };
    session.query_sql(&sql, add).await?;
    Ok(LocksSeen { held: Some(held), strongest, waiting })
}

impl Drop for Watch {
    fn drop(&mut self) {
        if self.plugin != Plugin::Loaded {
            return;
        }
        let unload = format!("UNINSTALL SONAME '{PLUGIN}'");
        let unloaded = within(ANSWER_LIMIT, self.session.run_sql(&unload));
        if let Err(why) = self.runtime.block_on(unloaded) {
            tracing::debug!("the server goes on to tell of its locks: {why}");
        }
    }
}

fn lock(mode: &str) -> Option<Lock> {
    let mut modes = MODES.iter().chain([&STRONGEST]);
    let rank = modes.clone().position(|(name, _)| *name == mode)?;
    modes.nth(rank).map(|(_, words)| Lock { rank, mode: (*words).to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_keeps_everybody_from_committing_is_the_strongest() {
        let modes = ["MDL_SHARED_READ", "MDL_BACKUP_WAIT_COMMIT", "MDL_BACKUP_START", "unheard of"];
        let strongest = modes.into_iter().filter_map(lock).max();
        assert_eq!(strongest.map(|lock| lock.mode).as_deref(), Some("BLOCK_COMMIT"));
    }
}
