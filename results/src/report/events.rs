//! What happened to servers and answers while loads ran, to be marked in pictures (`events.csv`).

use std::path::Path;

use jiff::Timestamp;

use super::charts::row_key;
use crate::record::{ADDED_CASE_COLUMNS, CASE_COLUMNS};

const ALERT: &str = "alert_fired";

/// Kinds that change what a load does, and how they are told. Errors and retries come with every load.
const MARKED: [(&str, &str); 7] = [
    ("server_killed", "the server was killed"),
    ("server_restarted", "the server was back"),
    ("outage_started", "connections were lost"),
    ("outage_ended", "all clients were back"),
    ("check_failed", "a check failed"),
    (ALERT, "an alert fired"),
    ("interrupted", "the end was asked for"),
];

/// Each with the key of its case, what it was, and when. A file that is not there or is cut off has fewer.
pub(super) fn marked(path: &Path) -> Vec<(String, String, Timestamp)> {
    let Ok(mut reader) = csv::Reader::from_path(path) else { return Vec::new() };
    let Ok(header) = reader.headers().cloned() else { return Vec::new() };
    let place = |name: &str| header.iter().position(|column| column == name);
    let of_case = CASE_COLUMNS.iter().chain(&ADDED_CASE_COLUMNS).map(|name| place(name));
    let of_case: Option<Vec<usize>> = of_case.collect();
    let (Some(of_case), Some(at), Some(kind)) = (of_case, place("at"), place("kind")) else {
        return Vec::new();
    };
    let code = place("code");
    let read = |row: csv::StringRecord| {
        let field = |place: usize| row.get(place).unwrap_or_default();
        let (_, told) = MARKED.iter().find(|(marked, _)| *marked == field(kind))?;
        // The code of an alert is the name of its rule.
        let rule = code.map(field).filter(|name| field(kind) == ALERT && !name.is_empty());
        let told = rule.map_or((*told).to_owned(), |rule| format!("{told}: {rule}"));
        Some((row_key(&row, &of_case), told, field(at).parse().ok()?))
    };
    reader.records().map_while(Result::ok).filter_map(read).collect()
}
