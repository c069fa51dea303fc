//! `dbdyno explain`.

use std::collections::BTreeSet;
use std::path::Path;

use dbdyno_core::{Error, Result};
use dbdyno_results::plan_text::{comparison_text, group_text};
use dbdyno_results::{StoredPlan, compare_plans, group, stored_plans};

use crate::Ended;
use crate::args::ExplainArgs;
use crate::commands::tables::width;
use crate::names::unknown;
use crate::output::{note, show};

/// The narrowest terminal that a tree is made for; what is narrower wraps it.
const NARROWEST: usize = 60;
/// The widest tree: numbers further from their steps are hard to follow.
const WIDEST: usize = 120;

/// Shows the plans of a run, or what changed in those of another.
///
/// # Errors
/// A run cannot be read, has no plans or none of the names asked for, or the two have none in common.
pub fn explain(arguments: &ExplainArgs) -> Result<Ended> {
    let runs: Vec<Vec<StoredPlan>> =
        arguments.runs.iter().map(|run| plans(run)).collect::<Result<_>>()?;
    let all: Vec<&StoredPlan> = runs.iter().flatten().collect();
    check(arguments, &all)?;
    let chosen: Vec<Vec<StoredPlan>> = runs.iter().map(|plans| chosen(arguments, plans)).collect();
    let width = width().clamp(NARROWEST, WIDEST);
    match &chosen[..] {
        [before, after] => differences(arguments, before, after, width),
        chosen => {
            let plans: Vec<StoredPlan> = chosen.iter().flatten().cloned().collect();
            let groups = group(&plans);
            if groups.is_empty() {
                return Err(none_chosen(arguments));
            }
            for group in groups {
                show(&group_text(&group, width, arguments.raw));
            }
            Ok(Ended::Done)
        }
    }
}

fn plans(run: &Path) -> Result<Vec<StoredPlan>> {
    let read = stored_plans(run)?;
    for warning in &read.warnings {
        note(&format!("warning: {warning}"));
    }
    Ok(read.plans)
}

/// Finds every name that was asked for among the plans of all runs.
fn check(arguments: &ExplainArgs, plans: &[&StoredPlan]) -> Result<()> {
    let name = |stored: &&StoredPlan| stored.name.clone();
    let target = |stored: &&StoredPlan| stored.target.clone();
    let benchmark = |stored: &&StoredPlan| stored.benchmark();
    for (what, wanted, names) in [
        ("benchmark with plans", &arguments.benchmark, plans.iter().map(benchmark).collect()),
        ("target with plans", &arguments.target, plans.iter().map(target).collect()),
        ("plan", &arguments.plan, plans.iter().map(name).collect::<BTreeSet<String>>()),
    ] {
        if let Some(wanted) = wanted.as_ref().filter(|wanted| !names.contains(*wanted)) {
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            return Err(Error::new("show the plans", unknown(what, wanted, &names)));
        }
    }
    if arguments.raw && arguments.runs.len() > 1 {
        return Err(Error::new("show the plans of two runs", "`--raw` shows those of one")
            .next("give one run, or leave out `--raw`"));
    }
    Ok(())
}

/// The plans that were asked for.
fn chosen(arguments: &ExplainArgs, plans: &[StoredPlan]) -> Vec<StoredPlan> {
    let is_asked =
        |asked: &Option<String>, name: &str| asked.as_deref().is_none_or(|asked| asked == name);
    let chosen = plans.iter().filter(|stored| {
        is_asked(&arguments.benchmark, &stored.benchmark())
            && is_asked(&arguments.target, &stored.target)
            && is_asked(&arguments.plan, &stored.name)
    });
    chosen.cloned().collect()
}

fn none_chosen(arguments: &ExplainArgs) -> Error {
    let given = [&arguments.benchmark, &arguments.target, &arguments.plan];
    let why = match given.iter().filter(|given| given.is_some()).count() {
        0 => "the run has none",
        _ => "none is of all that was asked for",
    };
    Error::new("show the plans", why).next("leave out `--benchmark`, `--target` and `--plan`")
}

fn differences(
    arguments: &ExplainArgs,
    before: &[StoredPlan],
    after: &[StoredPlan],
    width: usize,
) -> Result<Ended> {
    let comparison = compare_plans(before, after);
    if comparison.pairs.is_empty() {
        let (Some(one), Some(other)) =
            (comparison.only_before.first(), comparison.only_after.first())
        else {
            return Err(none_chosen(arguments));
        };
        let why = format!(
            "they have none in common: the first has `{one}`, the second `{other}`, for example"
        );
        return Err(Error::new("compare the plans of two runs", why)
            .next("give runs of the same benchmark, target, clients and scale"));
    }
    show(&comparison_text(&comparison, width));
    Ok(if comparison.changed() == 0 { Ended::Done } else { Ended::Failed })
}
