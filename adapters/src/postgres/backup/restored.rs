//! A throwaway server on data that comes from a backup.

use std::path::PathBuf;
use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use dbdyno_core::Result;
use dbdyno_core::backup::Restored;
use nix::sys::signal::Signal;

use super::ask;
use crate::postgres::driver::{Origin, PostgresDriver};
use crate::postgres::endpoint::Endpoint;
use crate::postgres::server::{PostgresProgram, USER};
use crate::target::{Location, Target};
use crate::throwaway::{Place, ServerProgram, Throwaway};

/// Puts the data of a server in its place.
type Fill = dyn Fn(&Place) -> Result<()> + Send + Sync;

struct RestoredProgram {
    program: PostgresProgram,
    fill: Box<Fill>,
    began: Instant,
    placed: Arc<Mutex<Duration>>,
}

/// Starts a server on what `fill` puts into [`Place::data`], and waits until it takes writes.
///
/// # Errors
/// `fill` fails, or the server does not come up.
pub(super) fn start(
    origin: &Origin,
    fill: impl Fn(&Place) -> Result<()> + Send + Sync + 'static,
) -> Result<Restored> {
    let origin = throwaway(origin)?;
    let (began, placed) = (Instant::now(), Arc::<Mutex<Duration>>::default());
    let program = RestoredProgram {
        program: PostgresProgram::new(&origin.target, &origin.settings)?,
        fill: Box::new(fill),
        began,
        placed: Arc::clone(&placed),
    };
    let process = Throwaway::start(Box::new(program))?;
    let driver = Arc::new(PostgresDriver::of_server("the restored server", process, origin)?);
    let placed = *placed.lock().unwrap_or_else(PoisonError::into_inner);
    Ok(Restored { driver, began, placed })
}

/// Starts a server with nothing in it.
///
/// # Errors
/// It cannot be made or started.
pub(super) fn start_empty(origin: &Origin) -> Result<PostgresDriver> {
    let origin = throwaway(origin)?;
    let program = PostgresProgram::new(&origin.target, &origin.settings)?;
    let process = Throwaway::start(Box::new(program))?;
    PostgresDriver::of_server("the restored server", process, origin)
}

/// How a throwaway server is started in the place of one that may be somebody else's.
fn throwaway(origin: &Origin) -> Result<Origin> {
    let target = match &origin.target.location {
        Location::Throwaway => origin.target.clone(),
        Location::Url(_) | Location::Path(_) => Target::parse(crate::postgres::ENTRY.name)?,
    };
    Ok(Origin { target, settings: origin.settings.clone() })
}

impl ServerProgram for RestoredProgram {
    fn product(&self) -> &str {
        self.program.product()
    }

    fn account(&self) -> &str {
        self.program.account()
    }

    fn initialise(&self, place: &Place) -> Result<()> {
        (self.fill)(place)?;
        *self.placed.lock().unwrap_or_else(PoisonError::into_inner) = self.began.elapsed();
        Ok(())
    }

    fn command(&self, place: &Place, port: u16) -> Command {
        self.program.command(place, port)
    }

    /// A server that still recovers takes sessions that read; it is up once it has reached its target.
    fn answers(&self, place: &Place, port: u16) -> Result<(), String> {
        self.program.answers(place, port)?;
        let endpoint = Endpoint::throwaway(place.folder(), port, USER, Duration::ZERO)
            .map_err(|why| why.to_string())?;
        match ask(&endpoint, "SELECT pg_is_in_recovery()::text").map_err(|why| why.to_string())? {
            recovering if recovering == "false" => Ok(()),
            _ => Err("it still recovers".to_owned()),
        }
    }

    fn pid_file(&self, place: &Place) -> PathBuf {
        self.program.pid_file(place)
    }

    fn stop_signal(&self) -> Signal {
        self.program.stop_signal()
    }

    fn orderly_stop_signal(&self) -> Signal {
        self.program.orderly_stop_signal()
    }
}
