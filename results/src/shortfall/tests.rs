#![allow(clippy::unwrap_used, reason = "a failed set-up fails the test")]

use std::fs;

use super::{Shortfalls, shortfalls};
use crate::csv_lines::csv_line;
use crate::fixture::{case, record, repetitions, without_number};
use crate::load::load;
use crate::record::{COLUMNS, Record};
use crate::run_folder::{RunFolder, file};
use crate::run_info::RunInfo;
use dbdyno_core::{Case, Status};

/// What the run `r1` of these rows lacks, which was to have three repetitions.
fn of(rows: &[Record], outcome: Option<&str>) -> Shortfalls {
    let root = tempfile::tempdir().unwrap();
    let folder = RunFolder::create(root.path(), "r1").unwrap();
    let options = [("repetitions".to_owned(), "3".to_owned())].into();
    let outcome = outcome.map(str::to_owned);
    folder.write_run_toml(&RunInfo { outcome, options, ..RunInfo::default() }).unwrap();
    let mut bytes = csv_line(COLUMNS).unwrap();
    for record in rows {
        bytes.extend(csv_line(record.fields()).unwrap());
    }
    fs::write(folder.path().join(file::RESULTS), bytes).unwrap();
    shortfalls(&load(&[folder.path()]).unwrap())
}

fn rows(count: usize) -> Vec<Record> {
    repetitions(&case("tpcc", "sqlite"), 1000.0, &vec![1.0; count])
}

#[test]
fn a_whole_run_lacks_nothing() {
    assert_eq!(of(&rows(3), Some("done")), Shortfalls::default());
    // Neither does one whose last repetition failed, or could not be.
    for status in [Status::Failed, Status::Interrupted] {
        let last = Case { repetition: 3, ..case("tpcc", "sqlite") };
        let ended = record("r1", &last, &without_number(status, "the server died"));
        assert_eq!(of(&[rows(2), vec![ended]].concat(), Some("done")), Shortfalls::default());
    }
    let lacking = record("r1", &case("tpcb", "sqlite"), &without_number(Status::Unsupported, ""));
    assert_eq!(of(&[rows(3), vec![lacking]].concat(), Some("done")), Shortfalls::default());
}

#[test]
fn a_run_that_did_not_end_and_repetitions_that_are_not_there_are_told() {
    let short = "1 of 1 cases of the run r1 have fewer than the 3 repetitions that were planned: as few as 2";
    let killed = "the run r1 was killed, or still goes on";
    for (count, outcome, told, is_unexpected) in [
        (3, None, &[killed][..], true),
        (2, None, &[killed, short], true),
        (2, Some("done"), &[short], true),
        // Somebody ended it, and it says so.
        (2, Some("interrupted"), &["the run r1 was interrupted", short], false),
    ] {
        let found = of(&rows(count), outcome);
        assert_eq!(
            (found.told().map(String::as_str).collect::<Vec<_>>(), found.is_unexpected),
            (told.to_vec(), is_unexpected)
        );
    }
}

#[test]
fn numbers_that_only_some_repetitions_have_are_told() {
    let emptied = |metric: &'static str, from: u32| {
        let mut rows = rows(3);
        for row in &mut rows {
            if *row.metric == *metric && row.case.repetition >= from {
                row.value = None;
            }
        }
        of(&rows, Some("interrupted"))
    };
    for (metric, from, missing) in
        [("latency_p99_us", 3, Some(1)), ("throughput", 1, Some(3)), ("latency_p99_us", 1, None)]
    {
        let told = missing.map(|count| {
            format!(
                "{count} of 3 repetitions of oltp/tpcc on sqlite in the run r1 have no {metric}"
            )
        });
        let found = emptied(metric, from);
        assert_eq!(found.is_unexpected, told.is_some());
        assert_eq!(found.gaps.first(), told.as_ref(), "{metric}");
    }
}

#[test]
fn a_file_that_was_cut_at_the_end_of_a_line_is_told() {
    let rows = rows(3);
    let told = |cut: usize| of(&rows[..rows.len() - cut], Some("done")).gaps;
    assert_eq!(
        told(1),
        [
            "the last repetition of oltp/tpcc on sqlite in the run r1 lacks check_c1, as if the file were cut"
        ]
    );
    assert_eq!(told(3).len(), 2, "{:?}", told(3));
}
