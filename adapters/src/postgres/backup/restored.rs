//! Throwaway servers that backups are restored into.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use dbdyno_core::backup::Restored;
use dbdyno_core::{Error, Result};

use super::ask;
use crate::backup::blame::is_outside;
use crate::backup::restored::{self, Recovery};
use crate::postgres::driver::{Origin, PostgresDriver};
use crate::postgres::endpoint::Endpoint;
use crate::postgres::server::{PostgresProgram, USER};
use crate::target::{self, Location};
use crate::throwaway::{Place, Throwaway};
use crate::tool::Bounds;

/// What messages call such a server.
const LABEL: &str = "the restored server";
/// The link to the log beside the data of a restored server.
const LINK: &str = "archive";
/// Whether it still recovers, and the end of what it has recovered (manual, 9.27.4).
const HOW_FAR: &str =
    "SELECT pg_is_in_recovery()::text || ' ' || COALESCE(pg_last_wal_replay_lsn()::text, '')";

/// How far a server goes that recovers from a log.
pub(super) enum Target<'t> {
    /// To a restore point.
    Point(&'t str),
    /// To a place in the log, with all that ends there and nothing that begins there.
    Position(&'t str),
}

/// Has the server recover from a folder that has the files of the log (manual, 26.3.4). Where it does not
/// get there it ends (20.5.6). Its commands run in the data folder (26.3.1), beside which a link leads to the log:
/// the path of that may hold what a shell, the settings or `%f` would take for something else.
pub(super) fn recover(
    place: &Place,
    log: &Path,
    target: &Target<'_>,
    bounds: &Bounds,
) -> Result<()> {
    let doing = "have the server recover to a point in time";
    let link = place.folder().join(LINK);
    std::os::unix::fs::symlink(log, link).map_err(|why| Error::new(doing, why))?;
    let target = match target {
        Target::Point(name) => format!("recovery_target_name = '{name}'"),
        Target::Position(position) => {
            format!("recovery_target_lsn = '{position}'\nrecovery_target_inclusive = false")
        }
    };
    let settings = format!(
        "restore_command = 'cp \"../{LINK}/%f\" \"%p\"'\n{target}\nrecovery_target_action = 'promote'\n"
    );
    place.write_private("recovery.conf", &settings)?;
    let mut append = place.command("sh");
    append.args(["-c", "cat recovery.conf >>data/postgresql.auto.conf && : >data/recovery.signal"]);
    bounds.run(&mut append, doing)
}

/// Starts a server on what `fill` puts into [`Place::data`], and waits until it takes writes.
///
/// # Errors
/// `fill` fails, or the server does not come up.
pub(super) fn start(
    origin: &Origin,
    recovery: Recovery,
    fill: impl Fn(&Place) -> Result<()> + Send + Sync + 'static,
) -> Result<Restored> {
    let origin = throwaway(origin)?;
    let program = PostgresProgram::new(&origin.target, &origin.settings)?;
    let position = Arc::<Mutex<Option<String>>>::default();
    let reached = Arc::clone(&position);
    let is_up = move |place: &Place, port| {
        let found = is_up(place, port)?;
        *reached.lock().unwrap_or_else(PoisonError::into_inner) = found;
        Ok(())
    };
    let server = restored::start(program, recovery, fill, is_up)?;
    let driver = Arc::new(PostgresDriver::of_server(LABEL, server.process, origin)?);
    // One that is started again recovers what it has written itself since then.
    let position = position.lock().unwrap_or_else(PoisonError::into_inner).take();
    Ok(Restored { driver, began: server.began, placed: server.placed, position, is_outside })
}

/// Starts a server with nothing in it.
///
/// # Errors
/// It cannot be made or started.
pub(super) fn start_empty(origin: &Origin) -> Result<PostgresDriver> {
    let origin = throwaway(origin)?;
    let program = PostgresProgram::new(&origin.target, &origin.settings)?;
    let process = Throwaway::start(Box::new(program))?;
    PostgresDriver::of_server(LABEL, process, origin)
}

/// How a throwaway server is started in the place of one that may be somebody else's.
fn throwaway(origin: &Origin) -> Result<Origin> {
    let target = match &origin.target.location {
        Location::Throwaway => origin.target.clone(),
        Location::Url(_) | Location::Path(_) => target::Target::parse(crate::postgres::ENTRY.name)?,
    };
    Ok(Origin { target, settings: origin.settings.clone() })
}

/// A server that still recovers takes sessions that read; it is up once it has reached its target. Gives the end of what
/// it has recovered, where it had to.
fn is_up(place: &Place, port: u16) -> Result<Option<String>, String> {
    let endpoint = Endpoint::throwaway(place.folder(), port, USER, Duration::ZERO)
        .map_err(|why| why.to_string())?;
    let told = ask(&endpoint, HOW_FAR).map_err(|why| why.to_string())?;
    match told.split_once(' ') {
        Some(("false", position)) => Ok((!position.is_empty()).then(|| position.to_owned())),
        _ => Err("it still recovers".to_owned()),
    }
}
