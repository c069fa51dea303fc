//! Whether `docs/database_performance_report.md` is what this dbdyno makes of the runs that were kept for it, and says
//! something of every benchmark that there is.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use dbdyno_results::{LoadedFile, load};
use dbdyno_suites::registry::suites;

use crate::desk::{Desk, code, err, out};

const MEASURE: &str = "it is stale: measure again with docs/performance-report/make";
const RENDER: &str = "it is stale: make it again with docs/performance-report/make --render";
/// For where not all of it is.
const MEASURE_STEPS: &str = "it is stale: measure again with docs/performance-report/make, or only what is named: \
     unpack docs/performance-report/runs.tar.gz into DIR/runs, remove the folders of these names there, and \
     docs/performance-report/make --work DIR";
const ENGINES: [&str; 3] = ["postgres", "mariadb", "sqlite"];

fn docs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs")
}

/// The kept runs, unpacked; their paths as a report names them.
pub fn unpacked(desk: &Desk) -> Vec<String> {
    let archive = docs().join("performance-report/runs.tar.gz");
    fs::create_dir(desk.path("runs")).unwrap();
    let mut tar = Command::new("tar");
    tar.args(["--extract", "--gzip", "--file"])
        .arg(archive)
        .args(["--directory", &desk.path("runs")]);
    assert!(tar.status().unwrap().success());
    let entries = fs::read_dir(desk.path("runs")).unwrap();
    let name = |entry: fs::DirEntry| format!("runs/{}", entry.file_name().to_string_lossy());
    let mut runs: Vec<_> = entries.map(|entry| name(entry.unwrap())).collect();
    runs.sort();
    runs
}

#[test]
fn the_performance_report_is_what_its_runs_say() {
    let desk = Desk::new();
    let runs = unpacked(&desk);
    let report = "database_performance_report";
    let mut arguments: Vec<&str> = vec!["report"];
    arguments.extend(runs.iter().map(String::as_str));
    let page = format!("{report}.md");
    arguments.extend(["-o", &page]);
    let output = desk.dbdyno(&arguments);
    assert_eq!(code(&output), 0, "{}", err(&output));
    let made = fs::read_to_string(desk.path(&page)).unwrap();
    assert!(made == fs::read_to_string(docs().join(&page)).unwrap(), "{page}: {RENDER}");
    let charts = format!("{report}-charts");
    assert_eq!(files(Path::new(&desk.path(&charts))), files(&docs().join(&charts)), "{RENDER}");
    for name in files(&docs().join(&charts)) {
        let made = fs::read(Path::new(&desk.path(&charts)).join(&name)).unwrap();
        let kept = fs::read(docs().join(&charts).join(&name)).unwrap();
        assert!(made == kept, "{charts}/{name}: {RENDER}");
    }
}

fn files(folder: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(folder).unwrap();
    entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect()
}

#[test]
fn the_performance_report_is_about_every_benchmark_on_every_engine() {
    let desk = Desk::new();
    let runs: Vec<_> = unpacked(&desk).iter().map(|run| desk.path(run)).collect();
    let kept: BTreeSet<(String, String)> = load(&runs)
        .unwrap()
        .records
        .iter()
        .filter(|record| record.value.is_some() || !record.detail.is_empty())
        .map(|record| (record.benchmark(), record.case.engine.clone()))
        .collect();
    let there: BTreeSet<(String, String)> = suites()
        .iter()
        .flat_map(|suite| {
            suite.benchmarks.iter().map(move |one| format!("{}/{}", suite.name, one.name()))
        })
        .flat_map(|benchmark| ENGINES.map(|engine| (benchmark.clone(), engine.to_owned())))
        .collect();
    let difference: Vec<_> = there.symmetric_difference(&kept).collect();
    assert!(difference.is_empty(), "{difference:?}: {MEASURE}");
}

/// The runs of a measurement by their names, each with its command, as the script that measures has them now.
fn steps() -> BTreeMap<String, String> {
    let mut script = Command::new(docs().join("performance-report/make"));
    script.args(["--steps", "--binary", env!("CARGO_BIN_EXE_dbdyno")]);
    let output = script.output().unwrap();
    assert!(output.status.success(), "{}", err(&output));
    let named = |line: &str| {
        let (name, command) = line.split_once(": ").expect("a name and a command");
        (name.to_owned(), command.to_owned())
    };
    out(&output).lines().map(named).collect()
}

/// What is to be measured otherwise than it was kept, a line for each run.
fn stale(steps: &BTreeMap<String, String>, kept: &BTreeMap<String, String>) -> Vec<String> {
    let names: BTreeSet<&String> = steps.keys().chain(kept.keys()).collect();
    let differs = |name: &&String| match (steps.get(*name), kept.get(*name)) {
        (Some(step), Some(run)) if step == run => None,
        (Some(step), Some(run)) => Some(format!("{name} is `{step}`, and was measured by `{run}`")),
        (Some(step), None) => Some(format!("{name} was not measured: `{step}`")),
        (None, _) => Some(format!("{name} is measured no more")),
    };
    names.iter().filter_map(differs).collect()
}

#[test]
fn the_performance_report_was_measured_as_its_script_says_now() {
    let desk = Desk::new();
    let runs: Vec<_> = unpacked(&desk).iter().map(|run| desk.path(run)).collect();
    let command = |file: &LoadedFile| {
        let folder = file.path.parent().and_then(Path::file_name).expect("a run has a folder");
        let run = file.run.as_ref().expect("a run has a run.toml");
        (folder.to_string_lossy().into_owned(), run.command.join(" "))
    };
    let kept: BTreeMap<_, _> = load(&runs).unwrap().files.iter().map(command).collect();
    let steps = steps();
    let stale = stale(&steps, &kept);
    assert!(stale.is_empty(), "{}\n{MEASURE_STEPS}", stale.join("\n"));
}

#[test]
fn a_step_that_is_measured_otherwise_is_named() {
    let of = |runs: &[(&str, &str)]| {
        runs.iter().map(|(name, words)| ((*name).to_owned(), (*words).to_owned())).collect()
    };
    let kept = of(&[("same", "run a"), ("other", "run b --repetitions 1"), ("gone", "run c")]);
    let steps = of(&[("same", "run a"), ("other", "run b --repetitions 7"), ("new", "run d")]);
    assert_eq!(
        stale(&steps, &kept),
        [
            "gone is measured no more",
            "new was not measured: `run d`",
            "other is `run b --repetitions 7`, and was measured by `run b --repetitions 1`"
        ]
    );
    assert_eq!(stale(&steps, &steps), Vec::<String>::new());
}
