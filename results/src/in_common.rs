//! Whether runs have anything that can be set side by side.

use std::collections::{BTreeMap, BTreeSet};

use crate::load::Loaded;
use crate::metric::DEFAULT_METRICS;
use crate::record::Record;
use crate::repetition::{CaseKey, case_key, distinct_cases};

/// How many benchmarks of a run are named.
const NAMED: usize = 3;
/// How many runs are.
const NAMED_RUNS: usize = 4;

/// What is known of a benchmark.
#[derive(Default)]
struct Measured<'r> {
    files: BTreeSet<usize>,
    cases: BTreeSet<CaseKey<'r>>,
    /// Whether it is one load; the parts of others are set side by side.
    is_load: bool,
}

/// By suite and name.
type Benchmarks<'r> = BTreeMap<(&'r str, &'r str), Measured<'r>>;

impl Measured<'_> {
    fn is_comparable(&self) -> bool {
        !self.is_load || self.files.len() > 1 || self.cases.len() > 1
    }
}

/// That several runs have nothing to be set side by side, with what each has: no benchmark of one is in another, and none was
/// measured in more than one way, or in parts. `None` where there is something, or only one run.
pub fn nothing_in_common(loaded: &Loaded) -> Option<String> {
    if loaded.files.len() < 2 {
        return None;
    }
    let benchmarks = benchmarks(loaded);
    if benchmarks.values().any(Measured::is_comparable) {
        return None;
    }
    Some(told(loaded, &benchmarks))
}

/// The same of runs each of which has something to be set side by side, but nothing with any other: their tables stand below
/// each other.
pub fn nothing_between(loaded: &Loaded) -> Option<String> {
    if loaded.files.len() < 2 {
        return None;
    }
    let benchmarks = benchmarks(loaded);
    let is_shared = |measured: &Measured<'_>| measured.files.len() > 1;
    (!benchmarks.values().any(is_shared)).then(|| told(loaded, &benchmarks))
}

/// The benchmarks of all runs.
fn benchmarks(loaded: &Loaded) -> Benchmarks<'_> {
    let mut benchmarks = Benchmarks::new();
    for (place, file) in loaded.files.iter().enumerate() {
        let rows = file.rows(loaded);
        for case in distinct_cases(rows) {
            let measured = benchmarks.entry((&case.suite, &case.benchmark)).or_default();
            measured.files.insert(place);
            measured.cases.insert(case_key(case));
        }
        for case in rows.iter().filter(|row| is_of_load(row)).map(|row| &row.case) {
            benchmarks.entry((&case.suite, &case.benchmark)).or_default().is_load = true;
        }
    }
    benchmarks
}

/// What each run has, of which there are several.
fn told(loaded: &Loaded, benchmarks: &Benchmarks<'_>) -> String {
    let have = loaded.files.iter().enumerate().map(|(place, file)| {
        let its = benchmarks.iter().filter(|(_, measured)| measured.files.contains(&place));
        let names: Vec<String> =
            its.map(|((suite, benchmark), _)| format!("{suite}/{benchmark}")).collect();
        let more = if names.len() > NAMED { ", …" } else { "" };
        let shown = &names[..names.len().min(NAMED)];
        format!("`{}` has {}{more}", file.path.display(), shown.join(", "))
    });
    let mut have: Vec<String> = have.take(NAMED_RUNS).collect();
    have.extend((loaded.files.len() > NAMED_RUNS).then(|| "…".to_owned()));
    format!("no two of the runs have a benchmark in common: {}", have.join("; "))
}

/// Whether it is what a load as a whole did.
fn is_of_load(row: &Record) -> bool {
    row.transaction.is_empty() && *row.metric == *DEFAULT_METRICS[0]
}
