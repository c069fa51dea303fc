//! Runs whose repetitions stand in one cell.

use std::collections::{BTreeMap, BTreeSet};

use hashbrown::HashMap;

use super::By;
use crate::load::Loaded;
use crate::regress::is_noted;
use crate::repetition::{CaseKey, case_key};

/// How many runs are named.
const NAMED: usize = 8;

/// Which runs measured the same cases, so that their repetitions become one median, and in which options they
/// differ: a sentence; `None` where no cell holds several runs.
pub fn pooled(loaded: &Loaded, by: By) -> Option<String> {
    if by == By::Run {
        return None;
    }
    let mut cases: HashMap<(CaseKey<'_>, &str), BTreeSet<&str>> = HashMap::new();
    for piece in
        loaded.records.chunk_by(|one, other| one.run_id == other.run_id && one.case == other.case)
    {
        let Some(row) = piece.first() else { continue };
        let runs = cases.entry((case_key(&row.case), &row.case.engine_version)).or_default();
        runs.insert(&row.run_id);
    }
    let shared: BTreeSet<&str> =
        cases.into_values().filter(|runs| runs.len() > 1).flatten().collect();
    if shared.is_empty() {
        return None;
    }
    let named: Vec<&str> = shared.iter().copied().take(NAMED).collect();
    let more = match shared.len() - named.len() {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let differing = differing(loaded, &shared);
    let differing = match differing.is_empty() {
        true => String::new(),
        false => format!(", though they differ in {}", differing.join(", ")),
    };
    Some(format!(
        "{}{more} measured the same cases: a cell takes the repetitions of these runs together{differing}; `--by run` \
         shows them side by side",
        named.join(", ")
    ))
}

/// The options in which runs differ that bear on a measurement, each with its values.
fn differing(loaded: &Loaded, runs: &BTreeSet<&str>) -> Vec<String> {
    let mut options: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let infos: Vec<_> = loaded.runs().filter(|run| runs.contains(run.run_id.as_str())).collect();
    for name in infos.iter().flat_map(|run| run.options.keys()).filter(|name| is_noted(name)) {
        let values = infos.iter().map(|run| run.options.get(name).map_or("none", String::as_str));
        options.entry(name).or_default().extend(values);
    }
    let differing = options.into_iter().filter(|(_, values)| values.len() > 1);
    let told = differing.map(|(name, values)| {
        format!("{name} ({})", values.into_iter().collect::<Vec<_>>().join(", "))
    });
    told.collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed set-up fails the test")]

    use dbdyno_core::{Case, Recorder as _};

    use super::pooled;
    use crate::compare::By;
    use crate::fixture::{case, throughput};
    use crate::load::load;
    use crate::run_folder::RunFolder;
    use crate::run_info::RunInfo;

    #[test]
    fn runs_of_the_same_cases_are_named_with_what_differs() {
        let root = tempfile::tempdir().unwrap();
        let run = |name: &str, engine: &str, duration: &str, seed: u64| {
            let folder = RunFolder::create(root.path(), name).unwrap();
            let options = [("duration", duration.to_owned()), ("seed", seed.to_string())];
            let options = options.map(|(name, value)| (name.to_owned(), value)).into();
            folder.write_run_toml(&RunInfo { options, ..RunInfo::default() }).unwrap();
            folder
                .measurements(&Case { seed, ..case("tpcc", engine) }, &[throughput(1.0)])
                .unwrap();
            folder.path().to_owned()
        };
        let [old, new] = [run("old", "sqlite", "60 s", 1), run("new", "sqlite", "1 s", 2)];
        let other = run("other", "postgres", "9 s", 1);
        let loaded = load(&[&old, &new, &other]).unwrap();
        let told = pooled(&loaded, By::Engine).unwrap();
        assert!(told.starts_with("new, old measured the same cases"), "{told}");
        assert!(told.contains("though they differ in duration (1 s, 60 s); `--by run`"), "{told}");
        assert_eq!(pooled(&loaded, By::Run), None);
        assert_eq!(pooled(&load(&[&old, &other]).unwrap(), By::Engine), None);
    }
}
