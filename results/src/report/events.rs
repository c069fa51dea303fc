//! What happened to servers and answers while loads ran (`events.csv`).

use std::path::Path;

use jiff::Timestamp;

use super::side_file;
use crate::record::{ADDED_CASE_COLUMNS, CASE_COLUMNS};
use crate::run_folder::file;

/// A rule of alerts fired.
pub(super) const ALERT: &str = "alert_fired";
/// A benchmark killed its server, as it was made to.
pub(super) const KILLED: &str = "server_killed";
/// A server that had died was started again.
pub(super) const RESTARTED: &str = "server_restarted";
/// The first client lost its connection.
pub(super) const OUTAGE: &str = "outage_started";
/// A part of a case could not be carried out.
pub(super) const PART_FAILED: &str = "part_failed";

/// Kinds that change what a load does, and how they are told. Errors and retries come with every load.
const MARKED: [(&str, &str); 7] = [
    (KILLED, "the server was killed"),
    (RESTARTED, "the server was back"),
    (OUTAGE, "connections were lost"),
    ("outage_ended", "all clients were back"),
    ("check_failed", "a check failed"),
    (ALERT, "an alert fired"),
    ("interrupted", "the end was asked for"),
];

/// Something that happened.
#[derive(Clone, Debug, Default)]
pub(super) struct Happened {
    /// The key of its case ([`super::charts::key`]).
    pub(super) case: String,
    /// The benchmark with its suite, and the target, as far as it was one's.
    pub(super) subject: String,
    pub(super) kind: String,
    /// Of an alert its severity.
    pub(super) class: String,
    /// Of an alert the name of its rule.
    pub(super) code: String,
    pub(super) detail: String,
    pub(super) at: Timestamp,
}

impl Happened {
    /// How it is told where it is marked in a picture.
    pub(super) fn mark(&self) -> Option<String> {
        let (_, told) = MARKED.iter().find(|(marked, _)| *marked == self.kind)?;
        Some(match self.code.as_str() {
            rule if self.kind == ALERT && !rule.is_empty() => format!("{told}: {rule}"),
            _ => (*told).to_owned(),
        })
    }
}

/// What happened in the run whose results are in this file, but for the errors and retries of each second.
pub(super) fn happened(results: &Path, unread: &mut Vec<String>) -> Vec<Happened> {
    let own = ["at", "kind", "class", "code", "detail"];
    let columns = [&own[..], &CASE_COLUMNS[..], &ADDED_CASE_COLUMNS[..]].concat();
    let mut found = Vec::new();
    side_file::rows(&results.with_file_name(file::EVENTS), &columns, unread, |row| {
        let kind = row.get(1);
        if kind != PART_FAILED && !MARKED.iter().any(|(marked, _)| *marked == kind) {
            return Ok(());
        }
        let case: Vec<&str> = row.from(own.len()).collect();
        let at = row.get(0);
        found.push(Happened {
            subject: subject(&case),
            case: case.join("\n"),
            kind: kind.to_owned(),
            class: row.get(2).to_owned(),
            code: row.get(3).to_owned(),
            detail: row.get(4).to_owned(),
            at: at.parse().map_err(|_| format!("column `at`: `{at}` is no time"))?,
        });
        Ok(())
    });
    found
}

/// `oltp/tpcb on sqlite`; the target alone of what happened beside loads.
fn subject(case: &[&str]) -> String {
    let field = |name: &str| {
        let place = CASE_COLUMNS.iter().position(|column| *column == name);
        place.and_then(|place| case.get(place)).copied().unwrap_or_default()
    };
    match (field("suite"), field("benchmark"), field("target")) {
        ("", _, target) => target.to_owned(),
        (suite, benchmark, target) => format!("{suite}/{benchmark} on {target}"),
    }
}
