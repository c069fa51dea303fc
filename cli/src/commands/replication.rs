//! The options of replication: whether a run has a use for them, and what `run.toml` says of them.

use dbdyno_core::{Error, Result};
use dbdyno_suites::Benchmark;
use dbdyno_suites::replication::link_name;
use dbdyno_suites::runner::{RunOptions, Selection};

use crate::args::RunArgs;

/// Whether there is replication for the options that choose how, and what happens to it.
///
/// # Errors
/// No benchmark of the run has a use for one of them.
pub fn check(selections: &[Selection<'_>], arguments: &RunArgs) -> Result<()> {
    type Has = fn(&dyn Benchmark) -> bool;
    let given = &arguments.replication;
    let options: [(&str, bool, Has, &str, &str); 4] = [
        (
            "--topology",
            !given.topologies.is_empty(),
            |benchmark| benchmark.has_topologies(),
            "replicates",
            "the suite replication",
        ),
        (
            "--network",
            !given.network.is_empty(),
            |benchmark| benchmark.has_links(),
            "puts a network between nodes",
            "replication/network",
        ),
        (
            "--cut",
            given.cut.is_some(),
            |benchmark| benchmark.has_links(),
            "cuts nodes off",
            "replication/network",
        ),
        (
            "--away",
            given.away.is_some(),
            |benchmark| benchmark.has_absences(),
            "stops a replica",
            "replication/catch-up",
        ),
    ];
    for (option, is_given, has, does, run) in options {
        if is_given && !selections.iter().any(|selection| has(selection.benchmark)) {
            let why = format!("no benchmark of the run {does}");
            let next = format!("leave it out, or run {run}");
            return Err(Error::new(format!("use `{option}`"), why).next(next));
        }
    }
    Ok(())
}

/// Those that the run has a use for, with the value in force.
pub fn in_words(options: &RunOptions, selections: &[Selection<'_>]) -> Vec<(&'static str, String)> {
    let options = &options.replication;
    let any = |has: fn(&dyn Benchmark) -> bool| {
        selections.iter().any(|selection| has(selection.benchmark))
    };
    let mut words = Vec::new();
    if any(|benchmark| benchmark.has_topologies()) {
        let topologies = options.topologies.as_ref().map(|names| names.join(","));
        words.push(("topology", topologies.unwrap_or_else(|| "all that there are".to_owned())));
    }
    if any(|benchmark| benchmark.has_links()) {
        let links: Vec<String> = options.links.iter().map(link_name).collect();
        words.push(("network", links.join(",")));
        words.push(("cut", format!("{} s", options.cut.as_secs_f64())));
    }
    if any(|benchmark| benchmark.has_absences()) {
        words.push(("away", format!("{} s", options.away.as_secs_f64())));
    }
    words
}
