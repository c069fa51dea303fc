//! Rows that say the same thing twice: a file that was pasted together, or two copies of one run.

use dbdyno_core::{Error, Result};
use hashbrown::HashMap;

use super::{Loaded, results_csv};
use crate::record::Record;
use crate::repetition::{CaseKey, Repetition, case_key, repetitions};

/// Looks for two rows of one run, case, repetition, transaction type and metric.
///
/// # Errors
/// There are two; the error names both lines.
pub(super) fn check(loaded: &Loaded) -> Result<()> {
    // Two seeds or versions of one repetition of a run are as much damage as two rows of one.
    let mut same: HashMap<(&str, u32, CaseKey<'_>), Vec<Repetition<'_>>> = HashMap::new();
    for repetition in repetitions(&loaded.records) {
        if let Some(case) = repetition.case() {
            let key = (repetition.run_id(), case.repetition, case_key(case));
            same.entry(key).or_default().push(repetition);
        }
    }
    let mut seen: HashMap<(&str, &str, &str), &Record> = HashMap::new();
    for repetitions in same.values() {
        seen.clear();
        for record in repetitions.iter().flat_map(Repetition::all) {
            let Some(what) = what(record) else { continue };
            if let Some(first) = seen.insert(what, record) {
                return Err(duplicate(loaded, first, record));
            }
        }
    }
    Ok(())
}

/// What a row says something of. Errors and retries by class have a row for each code of the engine,
/// with which the detail begins; where the repetition did not end well the detail says that instead,
/// and they cannot be told apart.
fn what(record: &Record) -> Option<(&str, &str, &str)> {
    let by_code = ["errors_", "retries_"].iter().any(|start| record.metric.starts_with(start));
    match by_code {
        true if record.status != dbdyno_core::Status::Ok => None,
        true => Some((&record.transaction, &record.metric, &record.detail)),
        false => Some((&record.transaction, &record.metric, "")),
    }
}

fn duplicate(loaded: &Loaded, first: &Record, second: &Record) -> Error {
    let place = |record: &Record| {
        // Both are records of the slice, so that their places are where they lie in it.
        let row = loaded.records.iter().position(|other| std::ptr::eq(other, record))?;
        let file = loaded.files.iter().find(|file| file.rows.contains(&row))?;
        let line = results_csv::line_of(&file.path, row - file.rows.start).ok()?;
        Some(format!("`{}`, line {line}", file.path.display()))
    };
    let place = |record| place(record).unwrap_or_else(|| "a file that is gone".to_owned());
    let of_type = match &*second.transaction {
        "" => String::new(),
        transaction => format!(" of `{transaction}`"),
    };
    let why = format!(
        "it says `{}`{of_type} of repetition {} of {} in the run {} a second time, after {}",
        second.metric,
        second.case.repetition,
        second.benchmark(),
        second.run_id,
        place(first),
    );
    Error::new(format!("read {}", place(second)), why)
        .next("remove one of the two, or give only one copy of a run")
}
