//! Alerts as the user says them: rules of `dbdyno.toml` and ready-made ones, and who is told.

mod baseline;
mod command;
mod events;
mod outlet;
mod payload;
mod rules;
mod text;
mod webhook;

use std::sync::Arc;

use dbdyno_core::{Error, Result};
use dbdyno_monitor::{Metric, READY_MADE, Rule, alert_metrics};

use crate::config::Config;
use crate::names::unknown;

pub use events::{IntoEvents, OnScreen};
pub use outlet::Outlet;
pub use text::{NotifyText, RuleText};

/// The words that stand for no rule, and for every ready-made one.
const NONE: &str = "none";
const DEFAULT: &str = "default";

/// The rules of a run: those that the command line names, and those of the configuration file.
///
/// # Errors
/// A rule is wrong: the error names file, line and what is expected.
pub fn rules(config: &Config, named: &[String], targets: &[String]) -> Result<Vec<Rule>> {
    if named.iter().any(|name| name == NONE) {
        if named.len() > 1 {
            let why = format!("`{NONE}` stands for no rule at all, and others are named beside it");
            return Err(Error::new("use --alerts", why).next("name either"));
        }
        return Ok(Vec::new());
    }
    let metrics = known_metrics();
    let mut rules = rules::of_file(config, &metrics, targets)?;
    for ready_made in ready_made(named)? {
        let is_named = named.iter().any(|name| name == ready_made.name);
        let rule = rules::of_ready_made(ready_made, &metrics, is_named)?;
        // The file may have it with another threshold.
        if rules.iter().all(|known| known.name != rule.name) {
            rules.push(rule);
        }
    }
    Ok(rules)
}

fn ready_made(named: &[String]) -> Result<Vec<&'static dbdyno_monitor::ReadyMade>> {
    if named.iter().any(|name| name == DEFAULT) {
        return Ok(READY_MADE.iter().collect());
    }
    let find = |name: &String| {
        READY_MADE.iter().find(|ready_made| ready_made.name == name).ok_or_else(|| {
            let names: Vec<&str> = READY_MADE
                .iter()
                .map(|ready_made| ready_made.name)
                .chain([DEFAULT, NONE])
                .collect();
            Error::new("use --alerts", unknown("ready-made alert rule", name, &names))
        })
    };
    named.iter().map(find).collect()
}

/// The metrics of every engine, of processes, of the machine and of loads.
fn known_metrics() -> Vec<Metric> {
    let engines: Vec<_> = dbdyno_adapters::engines().iter().map(|engine| engine.metrics).collect();
    alert_metrics(&engines)
}

/// Starts what the configuration file wants told beside the screen.
///
/// # Errors
/// A webhook's URL, the file of authorities or a command is wrong.
pub fn outlets(config: &Config, run_id: &str) -> Result<Vec<Arc<Outlet>>> {
    let mut outlets = Vec::new();
    for url in config.notify.webhooks() {
        outlets.push(Arc::new(Outlet::start(
            webhook::deliverer(url, config.notify.ca_file())?,
            run_id,
        )?));
    }
    if let Some(words) = config.notify.command() {
        outlets.push(Arc::new(Outlet::start(command::deliverer(words)?, run_id)?));
    }
    Ok(outlets)
}

/// Looks whether [`outlets`] would be started, without doing it.
///
/// # Errors
/// As [`outlets`].
pub fn check_outlets(config: &Config) -> Result<()> {
    for url in config.notify.webhooks() {
        webhook::deliverer(url, config.notify.ca_file())?;
    }
    if let Some(words) = config.notify.command() {
        command::deliverer(words)?;
    }
    Ok(())
}
