//! What a run lacks that it should have.

use dbdyno_core::Case;

use super::{Runs, STEADY, conditions, default, finding};
use crate::fixture::{case, repetitions};
use crate::record::Record;
use crate::regress::render::{RegressFormat, render};
use crate::regress::{Judgement, Outcome, STATUS, regress};
use crate::run_info::RunInfo;

fn rows(count: usize) -> Vec<Record> {
    repetitions(&case("tpcc", "sqlite"), 1000.0, &STEADY[..count])
}

/// A run of a command that was to have eight repetitions.
fn planned() -> RunInfo {
    let command = ["dbdyno", "run", "oltp"].map(str::to_owned).to_vec();
    let options = [("repetitions".to_owned(), "8".to_owned())].into();
    RunInfo { command, options, ..conditions() }
}

fn judged(old: &[Record], new: &[Record], info: &RunInfo) -> Judgement {
    let runs = Runs::new();
    runs.add_with("old", old, &planned()).add_with("new", new, info);
    runs.judge(&default())
}

#[test]
fn repetitions_that_were_planned_and_are_not_there_are_no_pass() {
    let judgement = judged(&rows(8), &rows(6), &planned());
    assert_eq!(judgement.outcome(), Outcome::CouldNotTell);
    let why = "only 6 of the 8 repetitions that were planned are there";
    assert_eq!(finding(&judgement, STATUS).why, why);
    assert_eq!(judged(&rows(8), &rows(8), &planned()).outcome(), Outcome::NoRegression);
    let judgement = judged(&rows(6), &rows(8), &planned());
    assert_eq!(judgement.outcome(), Outcome::NoRegression);
    assert_eq!(judgement.notes, ["the baseline of oltp/tpcc has 6 of 8 repetitions"]);
    // A search for a limit plans as it goes.
    let mut search = planned();
    search.command[1] = "find-limit".to_owned();
    search.options.insert("objective".to_owned(), "p99<20ms".to_owned());
    assert_eq!(judged(&rows(8), &rows(6), &search).outcome(), Outcome::NoRegression);
}

#[test]
fn checks_that_are_not_made_any_more_are_no_pass() {
    let is_kept = |row: &Record| row.metric != "check_c1" || row.case.repetition > 2;
    let fewer: Vec<Record> = rows(8).into_iter().filter(is_kept).collect();
    let judgement = judged(&rows(8), &fewer, &planned());
    assert_eq!(judgement.outcome(), Outcome::CouldNotTell);
    let why = "2 of 8 repetitions lack checks that the baseline has: check_c1";
    assert_eq!(finding(&judgement, STATUS).why, why);
    assert_eq!(judged(&fewer, &rows(8), &planned()).outcome(), Outcome::NoRegression);
}

#[test]
fn a_case_that_the_same_command_measured_before_is_missed() {
    let more = Case { clients: 64, ..case("tpcc", "sqlite") };
    let both = [rows(8), repetitions(&more, 1000.0, &STEADY)].concat();
    let judgement = judged(&both, &rows(8), &planned());
    assert_eq!(judgement.outcome(), Outcome::CouldNotTell);
    let last = judgement.findings.last().unwrap();
    assert_eq!(last.benchmark, "oltp/tpcc 64 clients");
    let mut other = planned();
    other.command.push("--clients=8".to_owned());
    let named = judged(&both, &rows(8), &other);
    assert_eq!(named.outcome(), Outcome::NoRegression);
    let junit = render(&named, RegressFormat::Junit, 80).unwrap();
    let skipped = "<testcase name=\"oltp/tpcc 64 clients\" classname=\"only in the baseline\">";
    assert!(junit.contains(skipped) && junit.contains("skipped"), "{junit}");
    let noted = judged(&rows(6), &rows(8), &planned());
    let junit = render(&noted, RegressFormat::Junit, 80).unwrap();
    assert!(junit.contains("the baseline of oltp/tpcc has 6 of 8 repetitions"), "{junit}");
}

#[test]
fn a_baseline_that_never_had_a_case_planned_none_of_it() {
    let runs = Runs::new();
    let other = repetitions(&case("tpcb", "sqlite"), 1000.0, &STEADY);
    runs.add_with("other", &other, &planned()).add_with("old", &rows(8), &planned());
    runs.add_with("new", &rows(8), &planned());
    let against = |baselines: &[&str]| {
        let baselines: Vec<_> = baselines.iter().map(|run| runs.path(run)).collect();
        regress(&baselines, &runs.path("new"), &default()).unwrap()
    };
    assert_eq!(against(&["other", "old"]).notes, [""; 0]);
    runs.add_with("short", &rows(6), &planned());
    let judgement = against(&["other", "old", "short"]);
    assert_eq!(judgement.notes, ["the baseline of oltp/tpcc has 14 of 16 repetitions"]);
}

#[test]
fn what_a_file_says_of_cases_and_loads_is_part_of_the_command() {
    let more = Case { clients: 64, ..case("tpcc", "sqlite") };
    let both = [rows(8), repetitions(&more, 1000.0, &STEADY)].concat();
    for option in ["rate", "pool_size", "backup", "topology", "network", "streams"] {
        let mut other = planned();
        other.options.insert(option.to_owned(), "another".to_owned());
        let judgement = judged(&both, &rows(8), &other);
        assert_eq!(judgement.outcome(), Outcome::NoRegression, "{option}");
        // Which loads there are is said, for it explains what is missing; what tells cases apart goes without.
        let is_noted = ["pool_size", "backup", "topology", "network"].contains(&option);
        let note = format!("the runs differ in {option}: none -> another");
        let notes = if is_noted { vec![note] } else { Vec::new() };
        assert_eq!(judgement.notes, notes);
    }
}
