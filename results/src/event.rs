//! The rows of `events.csv`.

use dbdyno_core::{Case, Event};

use crate::record::{ADDED_CASE_COLUMNS, CASE_COLUMNS, added_case_fields, case_fields};
use crate::redact::redact;
use crate::time;

/// The columns in the order in which they are written.
pub(crate) fn columns() -> Vec<&'static str> {
    let mut columns = vec!["run_id", "at"];
    columns.extend(CASE_COLUMNS);
    columns.extend(["kind", "transaction", "class", "code", "count", "detail"]);
    columns.extend(ADDED_CASE_COLUMNS);
    columns
}

/// The fields of an event in the order of [`columns`].
pub(crate) fn fields(run_id: &str, case: &Case, event: &Event) -> Vec<String> {
    all_fields(run_id, case_fields(case), event, added_case_fields(case))
}

/// The fields of an event that belongs to no case, of a target or of none.
pub(crate) fn fields_beside(run_id: &str, target: &str, event: &Event) -> Vec<String> {
    let of_case = |name: &&str| if *name == "target" { redact(target) } else { String::new() };
    let (case, added) = (CASE_COLUMNS.iter(), ADDED_CASE_COLUMNS.iter());
    all_fields(run_id, case.map(of_case), event, added.map(of_case))
}

fn all_fields(
    run_id: &str,
    case: impl IntoIterator<Item = String>,
    event: &Event,
    added: impl IntoIterator<Item = String>,
) -> Vec<String> {
    let mut fields = vec![run_id.to_owned(), time::rfc3339(event.at)];
    fields.extend(case);
    fields.extend([
        event.kind.to_owned(),
        event.transaction.clone(),
        event.class.to_owned(),
        event.code.clone(),
        event.count.to_string(),
        redact(&event.detail),
    ]);
    fields.extend(added);
    fields
}
