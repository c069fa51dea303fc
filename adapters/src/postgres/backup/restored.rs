//! Throwaway servers that backups are restored into.

use std::sync::Arc;
use std::time::Duration;

use dbdyno_core::Result;
use dbdyno_core::backup::Restored;

use super::ask;
use crate::backup::blame::is_outside;
use crate::backup::restored::{self, Recovery};
use crate::postgres::driver::{Origin, PostgresDriver};
use crate::postgres::endpoint::Endpoint;
use crate::postgres::server::{PostgresProgram, USER};
use crate::target::{Location, Target};
use crate::throwaway::{Place, Throwaway};

/// What messages call such a server.
const LABEL: &str = "the restored server";

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
    let server = restored::start(program, recovery, fill, is_up)?;
    let driver = Arc::new(PostgresDriver::of_server(LABEL, server.process, origin)?);
    Ok(Restored { driver, began: server.began, placed: server.placed, is_outside })
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
        Location::Url(_) | Location::Path(_) => Target::parse(crate::postgres::ENTRY.name)?,
    };
    Ok(Origin { target, settings: origin.settings.clone() })
}

/// A server that still recovers takes sessions that read; it is up once it has reached its target.
fn is_up(place: &Place, port: u16) -> Result<(), String> {
    let endpoint = Endpoint::throwaway(place.folder(), port, USER, Duration::ZERO)
        .map_err(|why| why.to_string())?;
    match ask(&endpoint, "SELECT pg_is_in_recovery()::text").map_err(|why| why.to_string())? {
        recovering if recovering == "false" => Ok(()),
        _ => Err("it still recovers".to_owned()),
    }
}
