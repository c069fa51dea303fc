//! Throwaway servers that backups are restored into.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use dbdyno_core::Result;
use dbdyno_core::backup::Restored;

use super::{Source, told};
use crate::backup::blame::{is_outside, judged};
use crate::backup::restored::{self, Recovery};
use crate::mysql::driver::{MysqlDriver, Origin};
use crate::mysql::programs::programs;
use crate::mysql::server::MysqlServer;
use crate::target::{Location, Target};
use crate::throwaway::{Place, Throwaway};

/// What messages call such a server.
const LABEL: &str = "the restored server";

/// Starts a server on what `fill` puts into [`Place::data`]: a copy of the source's data, in which its users
/// are, too.
///
/// # Errors
/// `fill` fails, or the server does not come up.
pub(super) fn start(
    source: &Source,
    fill: impl Fn(&Place) -> Result<()> + Send + Sync + 'static,
) -> Result<Restored> {
    let (driver, (began, placed)) = start_server(source, fill)?;
    Ok(Restored { driver, began, placed, position: None, is_outside })
}

/// The same; gives its own driver, when it began, and how long it took until the data was in its place.
///
/// # Errors
/// As [`start`] has them.
pub(super) fn start_server(
    source: &Source,
    fill: impl Fn(&Place) -> Result<()> + Send + Sync + 'static,
) -> Result<(Arc<MysqlDriver>, (Instant, Duration))> {
    let origin = throwaway(&source.origin)?;
    let server = server(&origin)?.with_password(source.connector.password().clone());
    let (statements, access) = (server.init_statements(), server.access());
    let fill = move |place: &Place| {
        fill(place)?;
        MysqlServer::write_init_file(place, &statements)
    };
    // What it recovers is in the files: "prepare" has done it.
    let recovery = Recovery { log_bytes: 0, stop: source.bounds().stop.clone() };
    let server = restored::start(server, recovery, fill, |_, _| Ok(()))?;
    let driver = MysqlDriver::of_server(LABEL, server.process, access, origin)?;
    Ok((Arc::new(driver), (server.began, server.placed)))
}

/// Starts a server with nothing in it.
///
/// # Errors
/// It cannot be made or started.
pub(super) fn start_empty(source: &Source) -> Result<MysqlDriver> {
    let origin = throwaway(&source.origin)?;
    let server = server(&origin)?;
    let access = server.access();
    let process = Throwaway::start(Box::new(server))?;
    MysqlDriver::of_server(LABEL, process, access, origin)
}

fn server(origin: &Origin) -> Result<MysqlServer> {
    let bin_dir = origin.target.option("bin_dir").map(Path::new);
    MysqlServer::new(programs(origin.product, bin_dir)?, &origin.target, &origin.settings)
}

/// How a throwaway server is started in the place of one that may be somebody else's.
fn throwaway(origin: &Origin) -> Result<Origin> {
    let target = match &origin.target.location {
        Location::Throwaway => origin.target.clone(),
        Location::Url(_) | Location::Path(_) => Target::parse(origin.product.engine())?,
    };
    Ok(Origin { target, ..origin.clone() })
}

/// A server that statements are run on.
pub(super) struct Client<'s> {
    source: &'s Source,
    program: PathBuf,
    options: PathBuf,
}

impl<'s> Client<'s> {
    /// # Errors
    /// Its file cannot be written, or the program is gone.
    pub(super) fn of(source: &'s Source, driver: &MysqlDriver) -> Result<Self> {
        // It is a throwaway server, which is reached by its socket.
        let text = driver.connector().option_file(|file| Ok(file.to_owned()))?;
        let options = source.place().write_private("restored.cnf", &text)?;
        Ok(Self { source, program: source.program("mariadb", "mysql")?, options })
    }

    /// Runs the statements of a file.
    ///
    /// # Errors
    /// One fails.
    pub(super) fn run(&self, statements: &Path) -> Result<()> {
        let doing = format!("run the statements of {}", statements.display());
        let input = File::open(statements).map_err(|why| judged(doing.clone(), why))?;
        let mut command = told(self.source.place(), &self.program, &self.options);
        // What a dump or a log holds is no command of the client's.
        command.arg("--binary-mode").stdin(input);
        self.source.bounds().read_into_server(&mut command, &doing)
    }
}

impl Drop for Client<'_> {
    fn drop(&mut self) {
        // It goes with the folder of the backup at the latest.
        let _ = std::fs::remove_file(&self.options);
    }
}
