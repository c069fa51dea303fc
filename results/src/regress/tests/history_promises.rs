//! What the last run of a history owes to the runs just before it, and the plans that came with a change.

use std::fs;
use std::path::PathBuf;

use dbdyno_core::{Case, Status};

use super::errors::with_errors;
use super::history::Past;
use super::{default, finding};
use crate::fixture::{case, plan, repetitions};
use crate::record::Record;
use crate::regress::{
    HistoryOptions, Judgement, Outcome, RegressOptions, STATUS, Verdict, regress_history,
};
use crate::run_info::{RunInfo, TargetInfo};
use crate::stored_plan::StoredPlan;

const STEADY: [f64; 3] = [1.0, 1.01, 0.99];

fn rows() -> Vec<Record> {
    repetitions(&case("tpcc", "sqlite"), 1000.0, &STEADY)
}

fn broken() -> Vec<Record> {
    let mut rows = rows();
    for row in rows.iter_mut().filter(|row| row.metric == "check_c1") {
        (row.status, row.value) = (Status::Failed, Some(0.0));
    }
    rows
}

#[test]
fn a_check_that_broke_long_ago_excuses_nothing_today() {
    for (was_broken, verdict) in [
        ((|number| number == 0) as fn(usize) -> bool, Verdict::Regression),
        (|number| number == 11, Verdict::Regression),
        // It has been so for as long as is recent.
        (|number| number > 2, Verdict::CouldNotTell),
    ] {
        let past = Past::of(14, |past, number| {
            let is_broken = number == 13 || was_broken(number);
            past.add(number, &if is_broken { broken() } else { rows() })
        });
        let judgement = past.judge(&[], 10);
        assert_eq!(judgement.findings[0].verdict, verdict, "{:?}", judgement.findings);
    }
}

#[test]
fn an_old_error_excuses_nothing_today() {
    let past = Past::of(14, |past, number| {
        let errors = match number {
            0 | 8 => [1.0, 0.0, 0.0],
            13 => [500.0; 3],
            _ => [0.0; 3],
        };
        past.add(number, &with_errors(&errors, ""))
    });
    for (recent, metric) in [(10, "errors_share"), (4, "errors")] {
        let judgement = past.judge(&[], recent);
        assert_eq!(finding(&judgement, metric).verdict, Verdict::Regression);
    }
}

#[test]
fn a_last_run_without_numbers_could_not_be_told() {
    let past = Past::of(14, |past, number| {
        let is_kept = |row: &Record| number < 13 || row.metric.starts_with("check_");
        past.add(number, &rows().into_iter().filter(is_kept).collect::<Vec<_>>())
    });
    let judgement = past.judge(&[], 10);
    assert_eq!(judgement.outcome(), Outcome::CouldNotTell);
    let found = finding(&judgement, "throughput");
    assert_eq!(found.why, "runs before it have it, the last run does not");

    let empty = Past::of(12, |past, number| {
        let unheard = rows().into_iter().map(|row| Record { metric: "rollbacks".into(), ..row });
        past.add(number, &unheard.step_by(6).collect::<Vec<_>>())
    });
    let judgement = empty.judge(&[], 10);
    assert_eq!(
        (judgement.findings[0].metric.as_str(), judgement.outcome()),
        (STATUS, Outcome::CouldNotTell)
    );
}

#[test]
fn of_a_last_run_that_is_not_whole_only_what_new_runs_have_is_missed() {
    let judged = |given_up: usize| {
        let past = Past::of(13, |past, number| {
            let more = repetitions(&case("tpcb", "sqlite"), 1000.0, &STEADY);
            past.add(number, &if number < given_up { [rows(), more].concat() } else { rows() })
        });
        let last = past.add(13, &rows());
        let file = last.join("run.toml");
        let killed = RunInfo { outcome: None, ..RunInfo::read(&file).unwrap() };
        fs::write(&file, toml::to_string(&killed).unwrap()).unwrap();
        past.judge(&[last], 10)
    };
    let why = "the current run ended before it was measured";
    let is_missed = |judgement: &Judgement| judgement.findings.iter().any(|one| one.why == why);
    // The tenth run before the last is the first that counts.
    assert!(!is_missed(&judged(3)));
    assert!(is_missed(&judged(4)));
    assert_eq!(judged(3).only_before, ["oltp/tpcb"]);
}

#[test]
fn another_version_of_the_server_is_named_with_its_first_run() {
    let past = Past::of(3, |past, number| past.add(number, &rows()));
    for (run, version) in ["run-00", "run-01", "run-02"].into_iter().zip(["3.1", "3.1", "3.2"]) {
        let file = past.runs.path("history").join(run).join("run.toml");
        let mut info = RunInfo::read(&file).unwrap();
        let target = TargetInfo {
            target: "sqlite".to_owned(),
            engine_version: version.to_owned(),
            ..TargetInfo::default()
        };
        info.targets = vec![target];
        fs::write(&file, toml::to_string(&info).unwrap()).unwrap();
    }
    let notes = past.judge(&[], 10).notes;
    assert!(notes[0].starts_with("sqlite: version 3.1 -> 3.2 since run-02"), "{notes:?}");
}

/// Run `number` of a history with two cases; that of one client is slow from run 12 on. Each case has a plan
/// with the step that `step` says.
fn with_plans(past: &Past, number: usize, step: impl Fn(u32) -> &'static str) -> PathBuf {
    let (mut records, mut plans) = (Vec::new(), Vec::new());
    for clients in [8, 1] {
        let of = Case { clients, ..case("tpcc", "sqlite") };
        let level = if clients == 1 && number >= 12 { 500.0 } else { 1000.0 };
        records.extend(repetitions(&of, level + (number % 3) as f64, &STEADY));
        let stored = StoredPlan::new("r1", &of, "stock", &plan(&[step(clients)], 1.0));
        plans.extend(stored.line().unwrap());
    }
    let run = past.add(number, &records);
    fs::write(run.join("plans.jsonl"), plans).unwrap();
    run
}

#[test]
fn a_history_keeps_plans_and_finds_the_one_that_came_with_a_change() {
    let with_it = Past::of(20, |past, number| {
        with_plans(past, number, |_| if number < 12 { "Search" } else { "Scan" })
    });
    let judgement = with_it.judge(&[], 10);
    let [cause] = &judgement.plans[..] else { panic!("{:?}", judgement.plans) };
    assert!(cause.subject.contains("1 client "), "{}", cause.subject);
    let slower = ["throughput", "latency_p50_us", "latency_p95_us", "latency_p99_us"];
    assert_eq!(cause.likely_cause_of, slower);

    // What changed after the regression began is not its cause.
    let later = Past::of(20, |past, number| {
        with_plans(past, number, |_| if number < 19 { "Search" } else { "Scan" })
    });
    let judgement = later.judge(&[], 10);
    assert_eq!(judgement.outcome(), Outcome::Regression);
    assert_eq!(judgement.plans.len(), 2);
    assert!(judgement.plans.iter().all(|plan| plan.likely_cause_of.is_empty()));
    let strict = RegressOptions { fail_on_plan_change: true, ..default() };
    let history = later.runs.path("history");
    let judgement =
        regress_history(&history, &[] as &[PathBuf], &strict, HistoryOptions::default()).unwrap();
    assert!(judgement.plans.iter().all(|plan| plan.is_regression));
}
