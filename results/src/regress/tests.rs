#![allow(clippy::unwrap_used, reason = "a failed set-up fails the test")]

use std::fs;
use std::path::PathBuf;

use dbdyno_core::{Better, Case, Measurement, Recorder as _};

use super::{
    Finding, Judgement, Outcome, RegressOptions, Verdict, regress, render::RegressFormat,
    render::render,
};
use crate::csv_lines::csv_line;
use crate::fixture::{case, plan, record, repetitions};
use crate::machine::Machine;
use crate::record::{COLUMNS, Record};
use crate::run_folder::{RunFolder, file};
use crate::run_info::{RunInfo, TargetInfo};

mod errors;
mod gaps;
mod history;
mod history_claims;
mod history_promises;
mod loads;
mod missing;
mod outliers;
mod promises;
mod truth;

/// Repetitions that vary by one or two percent.
pub(super) const STEADY: [f64; 8] = [1.0, 1.01, 0.99, 1.005, 0.995, 1.015, 0.985, 1.002];

/// A folder of made-up runs, removed at the end.
pub(super) struct Runs(tempfile::TempDir);

impl Runs {
    pub(super) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(super) fn path(&self, run: &str) -> PathBuf {
        self.0.path().join(run)
    }

    /// A run with these rows, measured on the machine of the tests.
    pub(super) fn add(&self, run: &str, records: &[Record]) -> &Self {
        self.add_with(run, records, &conditions())
    }

    pub(super) fn add_with(&self, run: &str, records: &[Record], info: &RunInfo) -> &Self {
        let folder = RunFolder::create(self.0.path(), run).unwrap();
        folder.write_run_toml(info).unwrap();
        let mut bytes = csv_line(COLUMNS).unwrap();
        for record in records {
            let record = Record { run_id: run.into(), ..record.clone() };
            bytes.extend(csv_line(record.fields()).unwrap());
        }
        fs::write(folder.path().join(file::RESULTS), bytes).unwrap();
        self
    }

    pub(super) fn judge(&self, options: &RegressOptions) -> Judgement {
        regress(&[self.path("old")], &self.path("new"), options).unwrap()
    }

    pub(super) fn error(&self, options: &RegressOptions) -> String {
        regress(&[self.path("old")], &self.path("new"), options).unwrap_err().to_string()
    }
}

pub(super) fn conditions() -> RunInfo {
    let machine = Machine {
        cpu: "Z80".into(),
        cores: 1,
        memory_bytes: 65_536,
        kernel: "CP/M 2.2".into(),
        ..Machine::default()
    };
    RunInfo { outcome: Some("done".to_owned()), machine, ..RunInfo::default() }
}

/// Two runs of `oltp/tpcc` on SQLite, the second at `factor` times the throughput of the first.
fn two(factor: f64) -> Runs {
    let runs = Runs::new();
    let tpcc = case("tpcc", "sqlite");
    runs.add("old", &repetitions(&tpcc, 1000.0, &STEADY));
    let new: Vec<f64> = STEADY.iter().rev().map(|noise| noise * factor).collect();
    runs.add("new", &repetitions(&tpcc, 1000.0, &new));
    runs
}

pub(super) fn verdicts(judgement: &Judgement) -> Vec<(&str, Verdict)> {
    let findings = judgement.findings.iter();
    findings.map(|finding| (finding.metric.as_str(), finding.verdict)).collect()
}

pub(super) fn finding<'j>(judgement: &'j Judgement, metric: &str) -> &'j Finding {
    judgement.findings.iter().find(|finding| finding.metric == metric).unwrap()
}

pub(super) fn default() -> RegressOptions {
    RegressOptions::default()
}

#[test]
fn what_is_worse_better_and_the_same() {
    let names = ["throughput", "latency_p50_us", "latency_p95_us", "latency_p99_us"];
    for (factor, verdict, outcome) in [
        (0.8, Verdict::Regression, Outcome::Regression),
        (1.3, Verdict::Improvement, Outcome::NoRegression),
        (1.0, Verdict::NoChange, Outcome::NoRegression),
        // It differs for certain, and by too little to count.
        (0.97, Verdict::NoChange, Outcome::NoRegression),
    ] {
        let judgement = two(factor).judge(&default());
        assert_eq!(verdicts(&judgement), names.map(|name| (name, verdict)), "{factor}");
        assert_eq!(judgement.outcome(), outcome);
        assert!(judgement.notes.is_empty(), "{:?}", judgement.notes);
        let numbers = finding(&judgement, "throughput").numbers.as_ref().unwrap();
        let shift = numbers.shift.unwrap();
        let (low, high) = shift.interval.unwrap();
        assert!((shift.ratio - factor).abs() < 0.005 && low <= factor && factor <= high);
    }
    let judgement = two(0.97).judge(&default());
    assert!(finding(&judgement, "throughput").numbers.as_ref().unwrap().adjusted_p < 0.05);
}

#[test]
fn thresholds_of_single_metrics_come_first() {
    let mut options = default();
    options.thresholds.set("throughput", 0.25);
    options.thresholds.set("p99", 0.3);
    options.thresholds.set("latency_max_us", 0.01);
    options.thresholds.set("tpmc", 0.01);
    let judgement = two(0.8).judge(&options);
    assert_eq!(
        verdicts(&judgement),
        [
            ("throughput", Verdict::NoChange),
            ("latency_p50_us", Verdict::Regression),
            ("latency_p95_us", Verdict::Regression),
            ("latency_p99_us", Verdict::NoChange),
            ("latency_max_us", Verdict::Regression),
        ]
    );
    assert_eq!(judgement.notes, ["`tpmc` has a threshold and was not measured in these runs"]);
    let metrics = vec!["p99".to_owned(), "max".to_owned()];
    let judgement = two(0.8).judge(&RegressOptions { metrics, ..default() });
    let judged: Vec<_> = verdicts(&judgement).into_iter().map(|(name, _)| name).collect();
    assert_eq!(judged, ["latency_p99_us", "latency_max_us"]);
}

#[test]
fn too_few_repetitions_are_never_passed_over() {
    let runs = Runs::new();
    let tpcc = case("tpcc", "sqlite");
    runs.add("old", &repetitions(&tpcc, 1000.0, &STEADY[..3]));
    runs.add("new", &repetitions(&tpcc, 100.0, &STEADY[..3]));
    let judgement = runs.judge(&RegressOptions { metrics: vec!["throughput".into()], ..default() });
    assert_eq!(judgement.outcome(), Outcome::CouldNotTell);
    let found = finding(&judgement, "throughput");
    assert_eq!(found.why, "3 against 3 repetitions cannot show a difference; 4 against 4 can");
    assert!((found.numbers.as_ref().unwrap().shift.unwrap().ratio - 0.1).abs() < 0.01);
    // At less confidence they can.
    let metrics = vec!["throughput".to_owned()];
    let judgement = runs.judge(&RegressOptions { metrics, level: 0.1, ..default() });
    assert_eq!(judgement.outcome(), Outcome::Regression);
}

#[test]
fn several_comparisons_take_more_repetitions_than_one() {
    let runs = Runs::new();
    let four = &STEADY[..4];
    let rows = |tps: f64| repetitions(&case("tpcc", "sqlite"), tps, four);
    runs.add("old", &rows(1000.0)).add("new", &rows(500.0));
    let judgement = runs.judge(&default());
    let found = finding(&judgement, "throughput");
    assert_eq!(found.verdict, Verdict::CouldNotTell);
    let why =
        "4 against 4 repetitions cannot show a difference among 4 comparisons; 5 against 5 can";
    assert_eq!(found.why, why);
    let alone = runs.judge(&RegressOptions { metrics: vec!["throughput".into()], ..default() });
    assert_eq!(alone.outcome(), Outcome::Regression);
}

#[test]
fn what_is_open_comes_with_the_repetitions_it_takes() {
    let runs = Runs::new();
    let wild = [0.8, 0.9, 1.0, 1.1, 1.2, 1.0];
    let rows = |tps: f64| repetitions(&case("tpcc", "sqlite"), tps, &wild);
    runs.add("old", &rows(1000.0)).add("new", &rows(1001.0));
    let judgement = runs.judge(&RegressOptions { metrics: vec!["throughput".into()], ..default() });
    let found = finding(&judgement, "throughput");
    assert_eq!(found.verdict, Verdict::CouldNotTell);
    assert!(
        found.why.starts_with("whether it differs by 5% or more is open; about "),
        "{}",
        found.why
    );
}

#[test]
fn better_beyond_doubt_or_not_it_is_not_worse() {
    let runs = Runs::new();
    let wild = [0.95, 0.98, 1.0, 1.02, 1.05, 1.0];
    let rows = |tps: f64| repetitions(&case("tpcc", "sqlite"), tps, &wild);
    runs.add("old", &rows(1000.0)).add("new", &rows(1030.0));
    let judgement = runs.judge(&RegressOptions { metrics: vec!["throughput".into()], ..default() });
    assert_eq!(verdicts(&judgement), [("throughput", Verdict::NotWorse)]);
    assert_eq!(judgement.outcome(), Outcome::NoRegression);
}

#[test]
fn baselines_are_taken_together() {
    let runs = two(0.8);
    runs.add("older", &repetitions(&case("tpcc", "sqlite"), 800.0, &STEADY));
    let judgement =
        regress(&[runs.path("older"), runs.path("old")], &runs.path("new"), &default()).unwrap();
    let numbers = finding(&judgement, "throughput").numbers.as_ref().unwrap();
    assert_eq!((numbers.before.1, numbers.after.1), (16, 8));
    assert_eq!(judgement.baselines, ["older", "old"]);
    assert_eq!(judgement.count(Verdict::Regression), 0);
}

/// The repetitions of each run are alike, and the runs are not: what the test calls a change, one of the
/// baselines has as well.
#[test]
fn a_change_no_larger_than_between_baselines_could_not_be_told() {
    let runs = two(0.8);
    runs.add("older", &repetitions(&case("tpcc", "sqlite"), 790.0, &STEADY));
    for run in ["a", "b"] {
        runs.add(run, &repetitions(&case("tpcc", "sqlite"), 1000.0, &STEADY));
    }
    let against = |baselines: &[&str]| {
        let baselines: Vec<PathBuf> = baselines.iter().map(|run| runs.path(run)).collect();
        regress(&baselines, &runs.path("new"), &default()).unwrap()
    };
    let all = against(&["old", "a", "b", "older"]);
    assert_eq!((all.outcome(), all.count(Verdict::Regression)), (Outcome::CouldNotTell, 0));
    assert!(finding(&all, "throughput").why.starts_with("a run of the baseline was as bad"));
    assert_eq!(against(&["old", "a", "b"]).count(Verdict::Regression), 4);
}

#[test]
fn missing_and_new_metrics_are_never_silent() {
    let rows = |skip: &str| -> Vec<Record> {
        let all = repetitions(&case("tpcc", "sqlite"), 1000.0, &STEADY);
        all.into_iter().filter(|row| row.metric != skip).collect()
    };
    let runs = Runs::new();
    runs.add("old", &rows("latency_p50_us")).add("new", &rows("latency_p99_us"));
    let judgement = runs.judge(&default());
    let found = finding(&judgement, "latency_p99_us");
    assert_eq!(found.verdict, Verdict::CouldNotTell);
    assert_eq!(found.why, "the baseline has it, the current run does not");
    let note = "latency_p50_us of oltp/tpcc is new: the baseline has nothing to hold it against";
    assert_eq!(judgement.notes, [note]);
}

#[test]
fn cases_of_one_side_are_named_and_missed_where_a_run_was_cut_short() {
    let (tpcc, tpcb) = (case("tpcc", "sqlite"), case("tpcb", "sqlite"));
    let of = |case: &Case| repetitions(case, 1000.0, &STEADY);
    let runs = Runs::new();
    let more = Case { clients: 64, ..tpcc.clone() };
    runs.add("old", &[of(&tpcc), of(&tpcb)].concat());
    runs.add("new", &[of(&tpcc), of(&more)].concat());
    let judgement = runs.judge(&default());
    assert_eq!(judgement.only_before, ["oltp/tpcb 8 clients"]);
    assert_eq!(judgement.only_after, ["oltp/tpcc 64 clients"]);
    assert_eq!(judgement.outcome(), Outcome::NoRegression);

    let killed = RunInfo { outcome: None, ..conditions() };
    runs.add_with("killed", &of(&tpcc), &killed);
    let judgement = regress(&[runs.path("old")], &runs.path("killed"), &default()).unwrap();
    assert_eq!(judgement.outcome(), Outcome::CouldNotTell);
    let last = judgement.findings.last().unwrap();
    assert_eq!(last.why, "the current run ended before it was measured");
    assert_eq!(judgement.notes, ["the run killed was killed, or still goes on"]);
}

#[test]
fn what_differs_between_the_sides_is_named() {
    let old = case("tpcc", "sqlite");
    let new = Case { engine_version: "4.0".to_owned(), seed: 7, ..old.clone() };
    let target = |size: &str| TargetInfo {
        target: "sqlite".to_owned(),
        settings: [("cache_size", size), ("data_folder", &format!("/tmp/dbdyno-{size}"))]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into(),
        ..TargetInfo::default()
    };
    let info = |duration: &str, size: &str| RunInfo {
        options: [("duration", duration), ("repetitions", duration)]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into(),
        targets: vec![target(size)],
        ..conditions()
    };
    let runs = Runs::new();
    runs.add_with("old", &repetitions(&old, 1000.0, &STEADY), &info("1 s", "-2000"));
    let mut later = info("5 s", "-10");
    later.machine.kernel = "CP/M 3.0".to_owned();
    runs.add_with("new", &repetitions(&new, 1000.0, &STEADY), &later);
    assert_eq!(
        runs.judge(&default()).notes,
        [
            "the operating systems differ: CP/M 2.2; CP/M 3.0",
            "the runs differ in duration: 1 s -> 5 s",
            "settings of sqlite differ: cache_size -2000 -> -10",
            "sqlite: version 3.50.4 -> 4.0",
            "the seeds differ (42 -> 7), so the inputs do",
        ]
    );
}

#[test]
fn machines_are_not_mixed_unless_that_is_meant() {
    let tpcc = case("tpcc", "sqlite");
    let rows = repetitions(&tpcc, 1000.0, &STEADY);
    for (change, told) in [
        (Machine { cpu: "6502".into(), ..conditions().machine }, "processor Z80 and 6502"),
        (Machine { cores: 2, ..conditions().machine }, "1 and 2 cores"),
        (
            Machine { memory_bytes: 131_072, ..conditions().machine },
            "64.0 KiB and 128 KiB of memory",
        ),
    ] {
        let runs = Runs::new();
        let other = RunInfo { machine: change, ..conditions() };
        runs.add("old", &rows).add_with("new", &rows, &other);
        let error = runs.error(&default());
        assert!(error.contains(told) && error.contains("--across-machines"), "{error}");
        let judgement = runs.judge(&RegressOptions { across_machines: true, ..default() });
        assert!(judgement.notes[0].contains(told), "{:?}", judgement.notes);
    }
    let runs = Runs::new();
    let nearly = Machine { memory_bytes: 65_000, ..conditions().machine };
    runs.add("old", &rows).add_with("new", &rows, &RunInfo { machine: nearly, ..conditions() });
    assert!(runs.judge(&default()).notes.is_empty());
    fs::remove_file(runs.path("old").join(file::RUN)).unwrap();
    let notes = runs.judge(&default()).notes;
    assert!(notes[0].contains("there is no run.toml beside") && notes.len() == 1, "{notes:?}");
}

#[test]
fn bad_input_is_told_with_where_and_what_to_do() {
    let results = |runs: &Runs| runs.path("new").join(file::RESULTS);
    let change = |from: &str, to: &str| {
        let runs = two(1.0);
        let text = fs::read_to_string(results(&runs)).unwrap();
        assert!(text.contains(from));
        fs::write(results(&runs), text.replacen(from, to, 1)).unwrap();
        runs.error(&default())
    };
    let cut = {
        let runs = two(1.0);
        let text = fs::read_to_string(results(&runs)).unwrap();
        fs::write(results(&runs), &text[..text.len() - 9]).unwrap();
        runs.error(&default())
    };
    assert!(
        cut.contains("line 49: the last line was cut off") && cut.contains("next: run it again")
    );
    let nan = change(",1002,", ",NaN,");
    assert!(nan.contains("line 2, column `value`: `NaN` is not a finite number"), "{nan}");
    let other = {
        let runs = Runs::new();
        runs.add("old", &repetitions(&case("tpcc", "sqlite"), 1.0, &STEADY));
        runs.add("new", &repetitions(&case("tpcb", "sqlite"), 1.0, &STEADY));
        runs.error(&default())
    };
    let expected = "the baseline has oltp/tpcc; the current run has oltp/tpcb";
    assert!(other.contains("no case in common") && other.contains(expected), "{other}");
    let newer = {
        let runs = two(1.0);
        let path = runs.path("old").join(file::RUN);
        let text = fs::read_to_string(&path).unwrap();
        fs::write(&path, text.replace("schema_version = 1", "schema_version = 2")).unwrap();
        runs.error(&default())
    };
    assert!(newer.contains("schema version 2"), "{newer}");
    let runs = two(1.0);
    let same = regress(&[runs.path("old")], &runs.path("old"), &default()).unwrap_err().to_string();
    assert!(same.contains("the run old is on both sides"), "{same}");
    let twice =
        regress(&[runs.path("old"), runs.path("old")], &runs.path("new"), &default()).unwrap();
    assert!(twice.notes[0].contains("given twice"), "{:?}", twice.notes);
    runs.add("empty", &[]);
    let empty =
        regress(&[runs.path("empty")], &runs.path("new"), &default()).unwrap_err().to_string();
    assert!(empty.contains("not a single result in it"), "{empty}");
    let unknown = runs.error(&RegressOptions { metrics: vec!["thruput".into()], ..default() });
    assert!(unknown.contains("give `throughput`"), "{unknown}");
}

#[test]
fn numbers_without_a_ratio_are_judged_by_their_ranks() {
    let tpcc = case("tpcc", "sqlite");
    let rows = |retries: fn(u32) -> f64| -> Vec<Record> {
        let mut rows = repetitions(&tpcc, 1000.0, &STEADY);
        for repetition in 1..=8 {
            let case = Case { repetition, ..tpcc.clone() };
            let row = Measurement::new("retries", retries(repetition), "1", Better::Lower);
            rows.push(record("", &case, &row));
        }
        rows
    };
    let few: fn(u32) -> f64 = |repetition| if repetition < 3 { 3.0 } else { 0.0 };
    for (old, new, verdict) in [
        ((|_| 0.0) as fn(u32) -> f64, (|_| 0.0) as fn(u32) -> f64, Verdict::NoChange),
        (|_| 0.0, few, Verdict::CouldNotTell),
        (|_| 0.0, |_| 3.0, Verdict::Regression),
        (few, |_| 3.0, Verdict::Regression),
        (|_| 3.0, |_| 0.0, Verdict::Improvement),
    ] {
        let runs = Runs::new();
        runs.add("old", &rows(old)).add("new", &rows(new));
        let judgement =
            runs.judge(&RegressOptions { metrics: vec!["retries".into()], ..default() });
        assert_eq!(verdicts(&judgement), [("retries", verdict)]);
    }
}

/// Two runs, each with a plan of the case that is measured and of one that is not.
fn with_plans(factor: f64) -> Runs {
    let runs = two(factor);
    for (run, outline) in [("old", "Index Scan"), ("new", "Seq Scan")] {
        let scratch = tempfile::tempdir().unwrap();
        let folder = RunFolder::create(scratch.path(), run).unwrap();
        folder
            .plan(&case("tpcc", "sqlite"), "stock", &plan(&["Limit", &format!("  {outline}")], 1.0))
            .unwrap();
        folder.plan(&case("tpcc", "sqlite"), "orders", &plan(&["Limit"], 1.0)).unwrap();
        fs::copy(folder.path().join(file::PLANS), runs.path(run).join(file::PLANS)).unwrap();
    }
    runs
}

#[test]
fn a_changed_plan_is_the_likely_cause_of_what_became_slower_with_it() {
    let slower = with_plans(0.8).judge(&default());
    let [plan] = &slower.plans[..] else { panic!("{:?}", slower.plans) };
    assert_eq!((plan.name.as_str(), plan.is_regression), ("stock", false));
    let all = ["throughput", "latency_p50_us", "latency_p95_us", "latency_p99_us"];
    assert_eq!(plan.likely_cause_of, all);

    let same = with_plans(1.0);
    let judgement = same.judge(&default());
    assert_eq!(judgement.plans.len(), 1);
    assert!(judgement.plans[0].likely_cause_of.is_empty());
    assert_eq!(judgement.outcome(), Outcome::NoRegression);
    assert_eq!(judgement.summary(), "no regressions, 4 unchanged, 1 changed plan");
    let strict = RegressOptions { fail_on_plan_change: true, ..default() };
    assert_eq!(same.judge(&strict).outcome(), Outcome::Regression);
    assert_eq!(same.judge(&strict).summary(), "4 unchanged, 1 changed plan");
    fs::remove_file(same.path("old").join(file::PLANS)).unwrap();
    let judgement = same.judge(&strict);
    assert_eq!(judgement.notes, ["the baseline has no query plans"]);
    assert_eq!(judgement.outcome(), Outcome::NoRegression);
}

/// A judgement with a bit of everything.
fn everything() -> Judgement {
    let runs = with_plans(0.8);
    let mut new = repetitions(&case("tpcb", "sqlite"), 1000.0, &STEADY.map(|noise| noise * 1.2));
    let old = repetitions(&case("tpcb", "sqlite"), 1000.0, &STEADY);
    let reads =
        |factor: f64| repetitions(&case("reads", "sqlite"), 99_000.0, &STEADY.map(|n| n * factor));
    let few = |tps: f64| repetitions(&case("writes", "sqlite"), tps, &STEADY[..3]);
    let second = Case { repetition: 2, ..case("reads", "sqlite") };
    new.extend(reads(1.001));
    new.push(record("", &second, &promises::broken_check()));
    new.extend(few(90.0));
    let both = [old, reads(1.0), few(100.0)].concat();
    for (run, rows) in [("old", both), ("new", new)] {
        let path = runs.path(run).join(file::RESULTS);
        let mut text = fs::read(&path).unwrap();
        for row in rows {
            let row = Record { run_id: run.into(), ..row };
            text.extend(csv_line(row.fields()).unwrap());
        }
        fs::write(path, text).unwrap();
    }
    runs.judge(&RegressOptions { fail_on_plan_change: true, ..default() })
}

#[test]
fn as_text() {
    let text = render(&everything(), RegressFormat::Text, 80).unwrap();
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    insta::assert_snapshot!(text);
    let narrow = render(&everything(), RegressFormat::Text, 60).unwrap();
    assert!(narrow.lines().all(|line| line.chars().count() <= 60), "{narrow}");
}

#[test]
fn as_markdown() {
    insta::assert_snapshot!(render(&everything(), RegressFormat::Markdown, 80).unwrap());
}

#[test]
fn as_json() {
    let text = render(&everything(), RegressFormat::Json, 80).unwrap();
    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(value["outcome"], "regression");
    assert_eq!(value["findings"].as_array().unwrap().len(), 17);
    insta::assert_snapshot!(text.lines().take(70).collect::<Vec<_>>().join("\n"));
}

#[test]
fn as_junit() {
    insta::assert_snapshot!(render(&everything(), RegressFormat::Junit, 80).unwrap());
}

#[test]
fn the_same_input_gives_the_same_output() {
    let text = || render(&everything(), RegressFormat::Json, 80).unwrap();
    assert_eq!(text(), text());
}
