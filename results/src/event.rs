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
    let mut fields = vec![run_id.to_owned(), time::rfc3339(event.at)];
    fields.extend(case_fields(case));
    fields.extend([
        event.kind.to_owned(),
        event.transaction.clone(),
        event.class.to_owned(),
        event.code.clone(),
        event.count.to_string(),
        redact(&event.detail),
    ]);
    fields.extend(added_case_fields(case));
    fields
}
