//! Clients that forget to give connections back: how and when the pool tells them.

use std::time::{Duration, Instant};

use dbdyno_core::Result;

use super::leasing::TurnEnd;
use super::trouble::{Finding, QUIET, Scene, Trouble, ms};

/// How long it may take until every connection has been forgotten.
const LEAKING: Duration = Duration::from_secs(10);
/// How long beyond the time-out a pool may take to tell of it.
const SLACK: Duration = Duration::from_secs(2);

/// Every connection is forgotten, and given back later.
pub struct Leak;

impl Trouble for Leak {
    fn name(&self) -> &'static str {
        "leak"
    }

    fn summary(&self) -> &'static str {
        "Clients forget to give every connection of the pool back: when it reports that, in what words, and \
         whether it serves again once they are back"
    }

    /// As short as PgBouncer has it.
    fn acquire_timeout(&self) -> Duration {
        Duration::from_secs(1)
    }

    fn make(&self, scene: &Scene<'_>) -> Result<Vec<Finding>> {
        let timeout = scene.acquire_timeout;
        scene.shared.leak(scene.size);
        scene.wait_for(LEAKING, || scene.shared.leaked() >= scene.size)?;
        let (forgotten, forgotten_at) = (scene.shared.leaked(), Instant::now());
        let told = || first_timeout(scene, forgotten_at);
        scene.wait_for(timeout + SLACK, || told().is_some())?;
        let mut findings = vec![match told() {
            Some(at) => ms(
                "leak_reported_ms",
                Some(at - forgotten_at),
                format!("{forgotten} connections were forgotten"),
            ),
            None => ms(
                "leak_reported_ms",
                None,
                format!(
                    "{forgotten} connections were forgotten, and no client was told of a time-out: {}",
                    match scene.shared.log.last_served().is_some_and(|last| last > forgotten_at) {
                        true => "clients were served all the same",
                        false => "they wait",
                    }
                ),
            ),
        }];
        let mended_at = Instant::now();
        scene.shared.mend();
        let serves = scene.wait_until_served(mended_at, timeout + SLACK)?;
        let detail = "clients must be served once forgotten connections are given back";
        findings.push(Finding::Check("serves_again", serves, detail.to_owned()));
        scene.work_on(QUIET)?;
        Ok(findings)
    }
}

/// When the first client was told of a time-out after a moment.
fn first_timeout(scene: &Scene<'_>, after: Instant) -> Option<Instant> {
    let turns = scene.shared.log.turns();
    let timeouts = turns.iter().filter(|turn| turn.end == TurnEnd::TimedOut);
    timeouts.map(|turn| turn.began + turn.waited).filter(|end| *end > after).min()
}
