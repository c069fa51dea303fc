//! Histories of known truth.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use dbdyno_core::{Better, Case, Measurement};

use super::{Runs, STEADY, conditions, default, verdicts as verdicts_by_metric};
use crate::fixture::{case, record, repetitions};
use crate::record::Record;
use crate::regress::render::{RegressFormat, render};
use crate::regress::{
    HistoryOptions, Judgement, Outcome, RegressOptions, Thresholds, Verdict, regress_history,
};
use crate::run_history::{RunHistory, ShowOptions, Source, list, show};
use crate::run_info::RunInfo;

/// A history in which run `n` has `levels(n)` of the throughput.
pub(super) struct Past {
    pub(super) runs: Runs,
    pub(super) history: RunHistory,
}

impl Past {
    fn new(count: usize, level: impl Fn(usize) -> f64) -> Self {
        Self::of(count, |past, number| past.run(number, level(number)))
    }

    /// Runs that `make` makes.
    pub(super) fn of(count: usize, make: impl Fn(&Self, usize) -> PathBuf) -> Self {
        let runs = Runs::new();
        let history = RunHistory::new(runs.path("history"));
        let past = Self { runs, history };
        for number in 0..count {
            let run = make(&past, number);
            let commit = commit(number);
            let source = Source { commit, branch: "main".into(), ..Source::default() };
            past.history.add(&run, &source, false).unwrap();
        }
        past
    }

    pub(super) fn run(&self, number: usize, level: f64) -> PathBuf {
        // Steady noise that is another one for each run.
        let noise = STEADY[number * 5 % 8] * STEADY[number * 3 % 8];
        let records = repetitions(&case("tpcc", "sqlite"), 1000.0 * level * noise, &STEADY[..3]);
        self.add(number, &records)
    }

    pub(super) fn add(&self, number: usize, records: &[Record]) -> PathBuf {
        let name = format!("run-{number:02}");
        self.runs.add_with(&name, records, &info(number));
        // The tests' own writer gives every run the time of its writing.
        let file = self.runs.path(&name).join("run.toml");
        let mut written = RunInfo::read(&file).unwrap();
        written.started_at = info(number).started_at;
        fs::write(&file, toml::to_string(&written).unwrap()).unwrap();
        self.runs.path(&name)
    }

    pub(super) fn judge(&self, later: &[PathBuf], recent: usize) -> Judgement {
        let of_history = HistoryOptions { recent, ..HistoryOptions::default() };
        regress_history(&self.runs.path("history"), later, &default(), of_history).unwrap()
    }
}

fn commit(number: usize) -> String {
    format!("{number:02x}{}", "ab".repeat(19))
}

pub(super) fn info(number: usize) -> RunInfo {
    RunInfo { started_at: format!("2026-10-{:02}T10:00:00Z", number + 1), ..conditions() }
}

fn verdicts(judgement: &Judgement) -> Vec<Verdict> {
    judgement.findings.iter().map(|finding| finding.verdict).collect()
}

#[test]
fn the_run_of_a_step_is_named_with_its_commit_and_size() {
    let past = Past::new(24, |number| if number < 18 { 1.0 } else { 0.8 });
    let judgement = past.judge(&[], 10);
    assert_eq!(judgement.outcome(), Outcome::Regression);
    assert_eq!(verdicts(&judgement), [Verdict::Regression; 4]);
    let throughput = &judgement.findings[0];
    let since = throughput.since.as_ref().unwrap();
    assert_eq!((since.run.as_str(), since.commit.as_str()), ("run-18", commit(18).as_str()));
    assert!(!since.is_drift);
    let numbers = throughput.numbers.as_ref().unwrap();
    let (low, high) = numbers.shift.unwrap().interval.unwrap();
    assert!(low <= 0.8 && (0.8..0.85).contains(&high), "{low} {high}");
    assert_eq!((numbers.before.1, numbers.after.1), (18, 6));
    for (format, name) in [
        (RegressFormat::Text, "history_as_text"),
        (RegressFormat::Json, "history_as_json"),
        (RegressFormat::Markdown, "history_as_markdown"),
        (RegressFormat::Junit, "history_as_junit"),
    ] {
        insta::assert_snapshot!(name, render(&judgement, format, 80).unwrap());
    }
}

#[test]
fn what_was_long_ago_or_is_over_is_named_only() {
    let long_ago = Past::new(24, |number| if number < 12 { 1.0 } else { 0.8 }).judge(&[], 5);
    assert_eq!(verdicts(&long_ago), [Verdict::NoChange; 4]);
    assert!(
        long_ago.notes[0].contains("an older regression, since run-12"),
        "{:?}",
        long_ago.notes
    );
    let level = |number| if (14..24).contains(&number) { 0.8 } else { 1.0 };
    let over = Past::new(31, level).judge(&[], 28);
    // The recovery is news; the regression is not any more.
    assert_eq!(verdicts(&over), [Verdict::Improvement; 4]);
    assert!(over.notes[0].contains("over by run-24"), "{:?}", over.notes);
    assert_eq!(over.outcome(), Outcome::NoRegression);
}

/// A metric, which direction of it is better, and how many there were in each run.
type Counted<'c> = (&'c str, Better, &'c dyn Fn(usize) -> f64);

/// What is said of a history of runs that counted these, wherever it changed.
fn judged(runs: usize, counted: &[Counted<'_>]) -> Judgement {
    let past = Past::of(runs, |past, number| {
        let row = |(metric, better, count): &Counted<'_>| {
            let row = Measurement::new(*metric, count(number), "1", *better);
            record("", &case("tpcc", "sqlite"), &row)
        };
        past.add(number, &counted.iter().map(row).collect::<Vec<_>>())
    });
    let metrics = counted.iter().map(|(metric, ..)| (*metric).to_owned()).collect();
    let options = RegressOptions { metrics, ..default() };
    let of_history = HistoryOptions { recent: runs, ..HistoryOptions::default() };
    regress_history(&past.runs.path("history"), &[] as &[PathBuf], &options, of_history).unwrap()
}

#[test]
fn of_zeros_and_others_ranks_and_means_tell_the_way() {
    let some = |number: usize| match number {
        30..58 if number.is_multiple_of(2) => 100.0,
        _ => 0.0,
    };
    let turned = |number: usize| some(59 - number);
    // Most fell, and the mean rose.
    let torn = |number: usize| match number {
        0..30 => 10.0,
        _ if number % 6 == 3 => 65.0,
        _ => 0.0,
    };
    let judgement = judged(
        60,
        &[
            ("more_waits", Better::Lower, &some),
            ("more_hits", Better::Higher, &some),
            ("fewer_waits", Better::Lower, &turned),
            ("fewer_hits", Better::Higher, &turned),
            ("torn", Better::Lower, &torn),
        ],
    );
    assert_eq!(
        verdicts_by_metric(&judgement),
        [
            ("more_waits", Verdict::Regression),
            ("more_hits", Verdict::Improvement),
            ("fewer_waits", Verdict::Improvement),
            ("fewer_hits", Verdict::Regression),
            ("torn", Verdict::CouldNotTell),
        ]
    );
    let why = &judgement.findings[4].why;
    assert!(why.starts_with("since run-30") && why.contains("there is no ratio; most"), "{why}");
}

#[test]
fn zeros_that_came_back_are_as_good_as_they_were() {
    let over = |number: usize| match number {
        15..30 => 100.0,
        // As rare as before.
        4 | 36 | 41 => 1.0,
        _ => 0.0,
    };
    let half_of_it = |number: usize| match number {
        15..30 => 100.0,
        30.. if number.is_multiple_of(2) => 5.0,
        _ => 0.0,
    };
    let waits = [("over", Better::Lower, &over as _), ("half", Better::Lower, &half_of_it as _)];
    let judgement = judged(45, &waits);
    let told = |metric: &str| -> Vec<Verdict> {
        let of_metric = judgement.findings.iter().filter(|one| one.metric == metric);
        of_metric.map(|one| one.verdict).collect()
    };
    assert_eq!(told("over"), [Verdict::Improvement]);
    assert!(judgement.notes[0].contains("over by run-30"), "{:?}", judgement.notes);
    assert_eq!(told("half"), [Verdict::Regression, Verdict::Improvement], "{judgement:?}");
}

#[test]
fn a_change_counts_as_a_share_of_the_level_before_it() {
    let judged = |level: f64| {
        let past = Past::new(24, |number| if number < 18 { 1.0 } else { level });
        let mut options = RegressOptions { metrics: vec!["throughput".to_owned()], ..default() };
        options.thresholds.general = 0.5;
        let history = past.runs.path("history");
        let of_history = HistoryOptions::default();
        let found = regress_history(&history, &[] as &[PathBuf], &options, of_history).unwrap();
        found.findings[0].verdict
    };
    // As a share of the new level the first would be more than half: 1 / 0.66.
    assert_eq!(judged(0.66), Verdict::NoChange);
    assert_eq!(judged(0.45), Verdict::Regression);
    assert_eq!(judged(1.4), Verdict::NoChange);
    assert_eq!(judged(1.6), Verdict::Improvement);
}

#[test]
fn runs_that_are_not_in_the_history_come_after_it() {
    let past = Past::new(14, |_| 1.0);
    let later: Vec<PathBuf> = (20..23).map(|number| past.run(number, 0.7)).collect();
    assert_eq!(past.judge(&[], 10).outcome(), Outcome::NoRegression);
    let judgement = past.judge(&later, 10);
    assert_eq!(judgement.outcome(), Outcome::Regression);
    assert_eq!(judgement.findings[0].since.as_ref().unwrap().run, "run-20");
    assert_eq!(judgement.current, "run-22");
}

#[test]
fn a_short_history_cannot_tell() {
    let judgement = Past::new(5, |_| 1.0).judge(&[], 10);
    assert_eq!(judgement.outcome(), Outcome::CouldNotTell);
    assert_eq!(judgement.findings[0].why, "5 runs cannot show a change; 11 can");
    let past = Past::new(1, |_| 1.0);
    let error = regress_history(
        &past.runs.path("history"),
        &[] as &[PathBuf],
        &default(),
        HistoryOptions::default(),
    );
    assert!(error.unwrap_err().to_string().contains("it takes two runs at least"));
}

#[test]
fn what_does_not_belong_into_a_history_leaves_it_as_it_was() {
    let past = Past::new(2, |_| 1.0);
    let refused = |run: &PathBuf| {
        let told = past.history.add(run, &Source::default(), false).unwrap_err().to_string();
        assert_eq!(past.history.entries().unwrap().len(), 2);
        told.replace(&past.runs.path("").display().to_string(), "")
    };
    assert!(refused(&past.runs.path("run-01")).contains("it is there already"));
    let mut other = info(3);
    other.machine.cores = 64;
    past.runs.add_with("other", &repetitions(&case("tpcc", "sqlite"), 1.0, &STEADY), &other);
    let told = refused(&past.runs.path("other"));
    assert!(told.contains("another machine than run-00 (1 and 64 cores)"), "{told}");
    let cut = past.run(4, 1.0);
    let text = fs::read_to_string(cut.join("results.csv")).unwrap();
    fs::write(cut.join("results.csv"), &text[..text.len() - 9]).unwrap();
    assert!(refused(&cut).contains("cut off"));
    let bare = past.run(5, 1.0);
    fs::remove_file(bare.join("run.toml")).unwrap();
    assert!(refused(&bare).contains("its machine is not known"));
    assert!(refused(&past.runs.path("none")).contains("No such file"));
    for (outcome, told) in [(None, "was killed"), (Some("interrupted"), "was interrupted")] {
        let ended = past.run(6, 1.0);
        let file = ended.join("run.toml");
        let info = RunInfo { outcome: outcome.map(str::to_owned), ..RunInfo::read(&file).unwrap() };
        fs::write(&file, toml::to_string(&info).unwrap()).unwrap();
        assert!(refused(&ended).contains(told));
        fs::remove_dir_all(ended).unwrap();
    }
    past.history.add(&past.runs.path("other"), &Source::default(), true).unwrap();
    assert_eq!(past.history.entries().unwrap().len(), 3);
    let mixed = regress_history(
        &past.runs.path("history"),
        &[] as &[PathBuf],
        &default(),
        HistoryOptions::default(),
    );
    assert!(mixed.unwrap_err().to_string().contains("different machines"));
}

#[test]
fn a_history_that_was_tampered_with_is_refused() {
    let broken = |tamper: fn(&std::path::Path)| {
        let past = Past::new(3, |_| 1.0);
        let history = past.runs.path("history");
        tamper(&history);
        let judged =
            regress_history(&history, &[] as &[PathBuf], &default(), HistoryOptions::default());
        judged.unwrap_err().to_string()
    };
    let renamed = broken(|history| {
        fs::rename(history.join("run-02"), history.join("release-1")).unwrap();
    });
    assert!(renamed.contains("name the folder run-02"), "{renamed}");
    let mixed = broken(|history| {
        fs::copy(history.join("run-01/results.csv"), history.join("run-02/results.csv")).unwrap();
    });
    assert!(mixed.contains("it is of the run run-01"), "{mixed}");
    let gone = broken(|history| fs::remove_file(history.join("run-02/results.csv")).unwrap());
    assert!(gone.contains("there is no results.csv in it"), "{gone}");
}

/// A history as text of that many columns, with these options.
fn shown(past: &Past, width: usize, options: &ShowOptions<'_>) -> dbdyno_core::Result<String> {
    show(&past.history.entries()?, options, width, false)
}

fn to_show(thresholds: &Thresholds) -> ShowOptions<'_> {
    ShowOptions { metrics: &[], level: 0.005, thresholds, across_machines: false }
}

#[test]
fn a_history_that_is_cut_off_is_not_shown() {
    let past = Past::new(12, |_| 1.0);
    let file = past.runs.path("history").join("run-11/results.csv");
    let text = fs::read_to_string(&file).unwrap();
    let least = Thresholds::default();
    for (left, told) in [
        (&text[..text.len() - 9], "the last line was cut off and is skipped"),
        (&text[..=text.find('\n').unwrap()], "there is not a single result in it"),
    ] {
        fs::write(&file, left).unwrap();
        let error = shown(&past, 400, &to_show(&least)).unwrap_err().to_string();
        assert!(error.contains("run-11/results.csv`") && error.contains(told), "{error}");
    }
}

#[test]
fn a_history_of_several_machines_is_no_series_unless_that_is_meant() {
    let past = Past::new(12, |_| 1.0);
    let file = past.runs.path("history").join("run-11/run.toml");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replace("cores = 1", "cores = 64")).unwrap();
    let least = Thresholds::default();
    let error = shown(&past, 400, &to_show(&least)).unwrap_err().to_string();
    assert!(error.contains("1 and 64 cores") && error.contains("--across-machines"), "{error}");
    let options = ShowOptions { across_machines: true, ..to_show(&least) };
    let text = shown(&past, 400, &options).unwrap();
    assert!(
        text.contains("note: ") && text.contains("different machines (1 and 64 cores)"),
        "{text}"
    );
}

#[test]
fn a_history_is_listed_and_shown() {
    let past = Past::new(24, |number| if number < 18 { 1.0 } else { 0.8 });
    let entries = past.history.entries().unwrap();
    let least = Thresholds::default();
    insta::assert_snapshot!("history_list", list(&entries[..3], 80, false));
    insta::assert_snapshot!("history_show", shown(&past, 100, &to_show(&least)).unwrap());
    let asked = ShowOptions { metrics: &["no_such".to_owned()], ..to_show(&least) };
    assert!(shown(&past, 100, &asked).is_err());
}

/// What `regress --history` judges, `history show` shows.
#[test]
fn the_same_metrics_are_shown_as_are_judged() {
    let past = Past::of(12, |past, number| {
        let mut rows = repetitions(&case("tpcc", "sqlite"), 1000.0, &STEADY[..3]);
        for (repetition, noise) in (1..).zip(&STEADY[..4]) {
            let of = Case { repetition, ..case("native", "sqlite") };
            for metric in ["restore_ready_s", "backup_bytes", "backup_cpu_s", "visible_p99_us"] {
                let row = Measurement::new(metric, 700.0 * noise, "us", Better::Lower);
                rows.push(record("", &of, &row.of("copy")));
            }
        }
        past.add(number, &rows)
    });
    let mut options = default();
    options.thresholds.set("backup_bytes", 0.2);
    options.thresholds.set("tpmc", 0.2);
    let history = past.runs.path("history");
    let judgement =
        regress_history(&history, &[] as &[PathBuf], &options, HistoryOptions::default()).unwrap();
    let judged: BTreeSet<&str> =
        judgement.findings.iter().map(|finding| finding.metric.as_str()).collect();
    let shown = shown(&past, 400, &to_show(&options.thresholds)).unwrap();
    let is_shown = |metric: &str| {
        let label = crate::metric::display(metric, "us", 1.0).0;
        shown.lines().any(|line| line.contains(&format!(" {label} ")))
    };
    for metric in ["restore_ready_s", "backup_bytes", "visible_p99_us"] {
        assert!(judged.contains(metric) && is_shown(metric), "{metric}: {judged:?}\n{shown}");
    }
    assert!(!judged.contains("backup_cpu_s") && !is_shown("backup_cpu_s"), "{shown}");
    let note = "`tpmc` has a threshold and was not measured in these runs";
    assert!(judgement.notes.iter().any(|told| told == note) && shown.contains(note), "{shown}");
    // The median of a run's four repetitions is the lower of the two in the middle, which was measured.
    let row = shown.lines().find(|line| line.contains(" visible_p99_us ")).unwrap();
    assert!(row.contains(" 700 ") && !row.contains(" 702 "), "{row}");
}
