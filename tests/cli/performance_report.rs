//! Whether `docs/database_performance_report.md` is what this dbdyno makes of the runs that were kept for it, and says
//! something of every benchmark that there is.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use dbdyno_results::load;
use dbdyno_suites::registry::suites;

use crate::desk::{Desk, code, err};

const MEASURE: &str = "it is stale: measure again with docs/performance-report/make";
const RENDER: &str = "it is stale: make it again with docs/performance-report/make --render";
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
