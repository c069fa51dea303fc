//! Whether both sides were measured under the same conditions, as far as `run.toml` tells.

use std::collections::{BTreeMap, BTreeSet};

use dbdyno_core::{Error, Result};

use super::input::Sides;
use crate::dimension::Dimension;
use crate::load::LoadedFile;
use crate::machine;
use crate::run_info::RunInfo;

/// Options that say which of its loads a case has: connection pools and their sizes, methods of backup, topologies, and
/// networks between nodes.
const OF_LOADS: [&str; 5] = ["backup", "network", "pool", "pool_size", "topology"];

/// Options in which runs may differ without a note, beside those that tell cases apart: how often a case is
/// measured and with which inputs, or what is named elsewhere.
const NOT_NOTED: [&str; 5] = ["reload", "repetitions", "seed", "settings", "validate"];

/// Whether an option of a run tells its cases apart.
fn tells_cases_apart(option: &str) -> bool {
    Dimension::ALL.iter().any(|dimension| dimension.is_option() && dimension.name() == option)
}

/// Whether runs that differ in an option are told of it.
pub(crate) fn is_noted(option: &str) -> bool {
    !NOT_NOTED.contains(&option) && !tells_cases_apart(option)
}

/// Whether an option says which cases and loads there are.
pub(super) fn says_which_cases(option: &str) -> bool {
    tells_cases_apart(option) || OF_LOADS.contains(&option)
}

/// The most differences of settings that are named.
const NAMED: usize = 5;

/// What differs, a sentence each.
///
/// # Errors
/// The machines differ, and nobody said that this is meant.
pub(super) fn check(sides: &Sides, across_machines: bool) -> Result<Vec<String>> {
    let mut notes = machine::unknown(sides.files());
    let known: Vec<(&LoadedFile, &RunInfo)> =
        sides.files().filter_map(|file| Some((file, file.run.as_ref()?))).collect();
    let machines = machine::different(sides.files());
    if let Some(told) = machines.first().filter(|_| !across_machines) {
        return Err(Error::new("compare with the baseline", told).next(
            "measure the baseline on this machine, or give `--across-machines` if you know what \
             that means",
        ));
    }
    notes.extend(machines);
    notes.extend(system_note(&known));
    let of = |loaded: &crate::load::Loaded| -> Vec<RunInfo> { loaded.runs().cloned().collect() };
    let (before, after) = (of(&sides.before), of(&sides.after));
    notes.extend(after.iter().filter_map(RunInfo::unfinished));
    if !before.is_empty() && !after.is_empty() {
        notes.extend(option_notes(&before, &after));
        notes.extend(setting_notes(&before, &after));
    }
    Ok(notes)
}

/// Another kernel or system on the same machine.
fn system_note(known: &[(&LoadedFile, &RunInfo)]) -> Option<String> {
    let system = |run: &RunInfo| {
        let parts = [&run.machine.os, &run.machine.kernel].map(String::as_str);
        parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", ")
    };
    let systems: BTreeSet<String> = known.iter().map(|(_, run)| system(run)).collect();
    let systems: Vec<String> = systems.into_iter().filter(|system| !system.is_empty()).collect();
    (systems.len() > 1).then(|| format!("the operating systems differ: {}", systems.join("; ")))
}

/// Options that are part of how a case is measured and differ between the sides.
fn option_notes(before: &[RunInfo], after: &[RunInfo]) -> Vec<String> {
    let names: BTreeSet<&String> =
        before.iter().chain(after).flat_map(|run| run.options.keys()).collect();
    let names = names.into_iter().filter(|name| is_noted(name));
    let notes = names.filter_map(|name| {
        let value = |run: &RunInfo| run.options.get(name).cloned().unwrap_or_default();
        let old: BTreeSet<String> = before.iter().map(value).collect();
        let new: BTreeSet<String> = after.iter().map(value).collect();
        (old != new).then(|| format!("the runs differ in {name}: {} -> {}", said(&old), said(&new)))
    });
    notes.collect()
}

/// Settings of servers that differ between the sides.
fn setting_notes(before: &[RunInfo], after: &[RunInfo]) -> Vec<String> {
    let (old, new) = (settings(before), settings(after));
    let mut notes = Vec::new();
    for (target, new) in &new {
        let Some(old) = old.get(target) else { continue };
        let names: BTreeSet<&&str> = old.keys().chain(new.keys()).collect();
        let changed: Vec<String> = names
            .into_iter()
            .filter(|name| old.get(*name) != new.get(*name))
            .map(|name| {
                let of = |side: &Settings<'_>| side.get(*name).map(said).unwrap_or_default();
                format!("{name} {} -> {}", of(old), of(new))
            })
            .collect();
        if !changed.is_empty() {
            let more = match changed.len() {
                few if few <= NAMED => String::new(),
                many => format!(" and {} more", many - NAMED),
            };
            let named: Vec<&str> = changed.iter().take(NAMED).map(String::as_str).collect();
            notes.push(format!("settings of {target} differ: {}{more}", named.join(", ")));
        }
    }
    notes
}

/// The values of each setting of a target.
type Settings<'r> = BTreeMap<&'r str, BTreeSet<String>>;

/// The settings of each target, without those that name a folder of this run alone.
fn settings(runs: &[RunInfo]) -> BTreeMap<&str, Settings<'_>> {
    let mut targets: BTreeMap<&str, Settings<'_>> = BTreeMap::new();
    for target in runs.iter().flat_map(|run| &run.targets) {
        let settings = targets.entry(&target.target).or_default();
        for (name, value) in &target.settings {
            if !value.contains("dbdyno-") {
                settings.entry(name).or_default().insert(value.clone());
            }
        }
    }
    targets
}

fn said(values: &BTreeSet<String>) -> String {
    let values = values.iter().map(|value| if value.is_empty() { "none" } else { value.as_str() });
    values.collect::<Vec<_>>().join(" or ")
}
