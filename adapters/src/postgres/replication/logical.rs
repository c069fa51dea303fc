//! Logical replication (manual, chapter 31): rows of all tables of a database.

use std::path::{Path, PathBuf};
use std::time::Duration;

use dbdyno_core::dialect::quote_text;
use dbdyno_core::{DbError, Driver as _, Error, Result};

use super::super::driver::PostgresDriver;
use super::super::server::{PACKAGES, PostgresProgram, USER, command};
use super::ask::{ask, ask_one, tell};
use super::standby::{Follows, too_late};
use crate::patience::Patience;
use crate::throwaway::programs::missing;
use crate::tool::run_within;

/// The publication of all tables.
const PUBLICATION: &str = "dbdyno";
/// The file with the definitions of the tables.
const DEFINITIONS: &str = "definitions.sql";

/// The programs that copy the definitions of tables.
pub(super) struct Programs {
    pg_dump: PathBuf,
    psql: PathBuf,
}

impl Programs {
    /// Those of the same installation.
    ///
    /// # Errors
    /// They are not there (unsupported).
    pub(super) fn beside(program: &PostgresProgram) -> Result<Self> {
        match (program.beside("pg_dump"), program.beside("psql")) {
            (Some(pg_dump), Some(psql)) => Ok(Self { pg_dump, psql }),
            _ => Err(missing("PostgreSQL", "pg_dump and psql", None, &PACKAGES)),
        }
    }

    /// Has a server subscribe to all tables that another one has now, and waits until it has their rows.
    ///
    /// # Errors
    /// A server refuses, or something takes longer than it may.
    pub(super) async fn subscribe(
        &self,
        publisher: &PostgresDriver,
        subscriber: &PostgresDriver,
        follows: &Follows,
        limits: Limits,
    ) -> Result<()> {
        let doing = format!("subscribe to the tables of {}", publisher.target());
        let failed = |why| Error::new(&doing, why);
        self.copy_definitions(publisher, subscriber, limits.program).await?;
        // Rows without a key are told apart by all of their columns (manual, section 31.1).
        let keyless = "SELECT format('ALTER TABLE %I.%I REPLICA IDENTITY FULL', schemaname, tablename) \
                       FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema') \
                       AND NOT EXISTS (SELECT 1 FROM pg_index WHERE indisprimary AND \
                       indrelid = format('%I.%I', schemaname, tablename)::regclass)";
        let mut statements: Vec<String> =
            ask(publisher, keyless, 1).await.map_err(failed)?.into_iter().flatten().collect();
        statements.push(format!("CREATE PUBLICATION {PUBLICATION} FOR ALL TABLES"));
        tell(publisher, &statements).await.map_err(failed)?;
        let place = subscriber.place().ok_or_else(|| Error::new(&doing, "it is not dbdyno's"))?;
        follows.write_pass_file(place)?;
        let subscribe = format!(
            "CREATE SUBSCRIPTION {} CONNECTION {} PUBLICATION {PUBLICATION}",
            follows.name,
            quote_text(&follows.connection(place))
        );
        tell(subscriber, &[subscribe]).await.map_err(failed)?;
        let copied = "SELECT count(*)::text FROM pg_subscription_rel WHERE srsubstate <> 'r'";
        let patience = Patience::of(limits.first_copy);
        while ask_one(subscriber, copied).await.map_err(failed)? != "0" {
            if patience.is_over().await {
                let why =
                    format!("its first copy is not there after {} s", limits.first_copy.as_secs());
                return Err(too_late(&doing, &why, &place.log_tail(0)));
            }
        }
        Ok(())
    }

    /// Copies the definitions of all tables, which logical replication does not (manual, section 31.6).
    async fn copy_definitions(
        &self,
        from: &PostgresDriver,
        to: &PostgresDriver,
        limit: Duration,
    ) -> Result<()> {
        let doing = format!("copy the definitions of the tables of {}", from.target());
        let no_place = || Error::new(&doing, "it is not dbdyno's");
        let file = from.place().ok_or_else(no_place)?.folder().join(DEFINITIONS);
        let file = format!("--file={}", file.display());
        run(from, &self.pg_dump, &["--schema-only", &file], limit, &doing).await?;
        let arguments = ["--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", &file];
        run(to, &self.psql, &arguments, limit, &doing).await
    }
}

/// How long a subscription may take to be there.
#[derive(Clone, Copy)]
pub(super) struct Limits {
    /// A program that copies definitions.
    pub(super) program: Duration,
    /// The first copy of the rows.
    pub(super) first_copy: Duration,
}

/// Ends a subscription whose publisher is gone.
///
/// # Errors
/// The server refuses.
pub(super) async fn unsubscribe(subscriber: &PostgresDriver, name: &str) -> Result<(), DbError> {
    let statements = [
        format!("ALTER SUBSCRIPTION {name} DISABLE"),
        // The slot is where the publisher was.
        format!("ALTER SUBSCRIPTION {name} SET (slot_name = NONE)"),
        format!("DROP SUBSCRIPTION {name}"),
    ];
    tell(subscriber, &statements).await
}

/// Runs one of PostgreSQL's programs on a throwaway server.
async fn run(
    on: &PostgresDriver,
    program: &Path,
    arguments: &[&str],
    limit: Duration,
    doing: &str,
) -> Result<()> {
    let (place, server) =
        on.place().zip(on.throwaway()).ok_or_else(|| Error::new(doing, "it is not dbdyno's"))?;
    let mut running = command(place, program);
    running
        .arg("--host")
        .arg(server.folder)
        .args(["--port", &server.port.to_string(), "--username", USER, "--dbname=postgres"])
        .args(arguments);
    run_within(limit, &mut running, doing).await
}
