//! The scripts of `--file` as a benchmark.

use dbdyno_adapters::Target;
use dbdyno_core::{Error, Result};
use dbdyno_suites::registry::{SCENARIO, Suite};
use dbdyno_suites::scenario::{Request, Scenario};

use crate::args::RunArgs;

/// Puts the scenario of `--file`, where there is one, in the place of the suite's built-in ones; gives the
/// benchmarks that are meant.
///
/// # Errors
/// A script cannot be read or has a mistake, or the benchmarks named do not include the scenario.
pub fn add(suites: &mut [Suite], arguments: &RunArgs, targets: &[Target]) -> Result<Vec<String>> {
    let mut names = arguments.benchmarks.clone();
    if arguments.files.is_empty() {
        return Ok(names);
    }
    if names.is_empty() {
        names.push(SCENARIO.to_owned());
    }
    if !names.iter().any(|name| name == SCENARIO) {
        let why = format!("`{SCENARIO}` is not among the benchmarks to run");
        return Err(Error::new("run the scripts of `--file`", why)
            .next(format!("write `dbdyno run {SCENARIO} --file …`")));
    }
    // The same driver may find another engine of its family behind a target, whose text is read then.
    let engines: Vec<&str> = targets.iter().map(|target| target.engine.name).collect();
    let request = Request {
        files: arguments.files.clone(),
        dataset: arguments.dataset.clone(),
        defines: arguments.defines.clone(),
        name: arguments.name.clone(),
        engines: dbdyno_adapters::engines().iter().map(|engine| engine.name.to_owned()).collect(),
    };
    let scenario = Scenario::open(&request, &engines)?;
    if let Some(suite) = suites.iter_mut().find(|suite| suite.name == SCENARIO) {
        suite.benchmarks = vec![Box::new(scenario)];
    }
    Ok(names)
}
