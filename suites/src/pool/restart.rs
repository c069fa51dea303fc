//! The server is killed under the pool, and started again at once.

use std::time::{Duration, Instant};

use dbdyno_core::{Error, Result};

use super::trouble::{Finding, QUIET, Scene, Trouble, ms};
use crate::runner::Stand;

/// How long a pool may take to serve again once the server does.
const PATIENCE: Duration = Duration::from_secs(60);

/// A crash of the server.
pub struct Restart;

impl Trouble for Restart {
    fn name(&self) -> &'static str {
        "restart"
    }

    fn summary(&self) -> &'static str {
        "The server is killed and started again under the pool: how long clients are not served, and what \
         they are told meanwhile"
    }

    fn acquire_timeout(&self) -> Duration {
        Duration::from_secs(5)
    }

    fn possible(&self, stand: &Stand<'_>) -> Result<()> {
        match stand.driver().server_control() {
            Some(_) => Ok(()),
            None => {
                let doing = format!("kill the server of {}", stand.driver().target());
                Err(Error::unsupported(doing, "dbdyno kills only servers that it started"))
            }
        }
    }

    fn make(&self, scene: &Scene<'_>) -> Result<Vec<Finding>> {
        let doing = || format!("kill the server of {}", scene.stand.driver().target());
        let Some(control) = scene.stand.driver().server_control() else {
            return Err(Error::unsupported(doing(), "dbdyno did not start it"));
        };
        let killed = Instant::now();
        control.kill()?;
        control.ensure_running()?;
        let up = Instant::now();
        let serves = scene.wait_until_served(up, PATIENCE)?;
        scene.work_on(QUIET)?;
        let served = scene.shared.log.served_at();
        let last = served.iter().filter(|moment| **moment < killed).max().copied();
        // What was answered while the server was being killed is older than its restart.
        let first = served.iter().filter(|moment| **moment > up).min().copied();
        let outage = last.zip(first).map(|(last, first)| first - last);
        let detail = "clients must be served again once the server runs";
        Ok(vec![
            ms("server_down_ms", Some(up - killed), "from SIGKILL until the server answers again"),
            ms("pool_outage_ms", outage, "between the last answer before and the first after"),
            ms(
                "pool_recovery_ms",
                first.map(|first| first - up),
                "from then on to the first answer",
            ),
            Finding::Check("serves_again", serves, detail.to_owned()),
        ])
    }
}
