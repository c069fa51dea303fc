//! `dbdyno regress --history`: where a history of runs changed. `docs/history.md` says how it is found.

use std::collections::BTreeMap;
use std::path::Path;

use dbdyno_core::{Better, Error, Result};

use super::gaps::Lacking;
use super::gather::Matched;
use super::input::Sides;
use super::{
    Finding, Judgement, Numbers, Placed, RegressOptions, SampleOf, Since, Verdict, conditions,
    gaps, gather, judge, metrics, missing, plans, promises,
};
use crate::metric::middle;
use crate::repetition::case_key;
use crate::run_history::series::{Series, gather as gather_series};
use crate::run_history::{Entry, RunHistory};
use crate::statistics::change_points::{ChangePoint, Strictness, change_points, fewest};
use crate::statistics::drift::is_drift;
use crate::statistics::mann_whitney::RankTest;
use crate::statistics::shift::{factor, shift};

/// Which changes of a history are told as such.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HistoryOptions {
    /// How many of the last runs may be the first after a change that is judged; older changes are named in
    /// the notes.
    pub recent: usize,
    /// The probability, in (0, 1), that a series in which nothing changes is said to change anywhere.
    pub level: f64,
}

impl Default for HistoryOptions {
    fn default() -> Self {
        Self { recent: 10, level: 0.005 }
    }
}

/// Searches a history, and runs that came after it, for changes. The last run is the current one.
///
/// # Errors
/// A run cannot be read or ends before its time, runs are of different machines, there are fewer than two,
/// a metric is unknown or has no better direction, or the last run has no case in common with the others.
pub fn regress_history<P: AsRef<Path>>(
    history: &Path,
    later: &[P],
    options: &RegressOptions,
    of_history: HistoryOptions,
) -> Result<Judgement> {
    let mut entries = RunHistory::new(history).entries()?;
    for run in later {
        let run = Entry::outside(run.as_ref())?;
        entries.retain(|known| known.run_id != run.run_id);
        entries.push(run);
    }
    let Some((last, before)) = entries.split_last().filter(|(_, before)| !before.is_empty()) else {
        let doing = format!("search the history `{}` for changes", history.display());
        return Err(Error::new(doing, "it takes two runs at least")
            .next("add runs with `dbdyno history add RUN`"));
    };
    let sides = Sides::of(Entry::load(before)?, Entry::load(std::slice::from_ref(last))?)?;
    let mut notes = sides.notes();
    notes.extend(conditions::check(&sides, options.across_machines)?);
    notes.extend(versions(&entries));
    let gathered = gather::gather(&sides)?;
    let metrics = metrics::judged(&sides, options, &mut notes)?;
    let parts: [&[_]; 2] = [&sides.before.records, &sides.after.records];
    let numbers = gather_series(&entries, &parts, &metrics);
    let search = Search { entries: &entries, options, of_history };
    let (mut found, mut comparisons) = (Vec::new(), 0);
    for matched in &gathered.cases {
        let is_good = search.promises(matched, &mut found, &mut notes);
        let of_case = |series: &&Series<'_>| case_key(series.of) == case_key(matched.case);
        let series: Vec<&Series<'_>> = numbers.series.iter().filter(of_case).collect();
        if is_good && series.is_empty() {
            found.push(promises::alone(matched));
        }
        for series in series.into_iter().filter(|_| is_good) {
            let told = search.series(series, matched, &mut notes);
            comparisons += usize::from(!told.is_empty());
            found.extend(told.into_iter().map(|one| (matched.place, usize::MAX, one)));
        }
    }
    let recent = search.recent_runs();
    found.extend(missing::look_at(&sides, &gathered, &|run| recent.contains(&run), &mut notes));
    if found.is_empty() {
        found.push(super::nothing_judged());
    }
    let plans = plans::in_history(&entries, &gathered, &found, options, &mut notes)?;
    Ok(Judgement {
        level: of_history.level,
        baselines: sides.baseline_names(),
        current: sides.current_name(),
        constants: numbers.constants,
        findings: found.into_iter().map(|(_, _, finding)| finding).collect(),
        comparisons,
        plans,
        only_before: gathered.only_before,
        only_after: gathered.only_after,
        notes,
        fail_on_plan_change: options.fail_on_plan_change,
        sample: SampleOf::Runs,
    })
}

/// Where a server's version changed from one run to the next that has it.
fn versions(entries: &[Entry]) -> Vec<String> {
    let mut last: BTreeMap<&str, &str> = BTreeMap::new();
    let mut notes = Vec::new();
    for entry in entries {
        for target in &entry.run.targets {
            let (name, version) = (target.target.as_str(), target.engine_version.as_str());
            if let Some(old) = last.insert(name, version).filter(|old| *old != version) {
                notes.push(format!("{name}: version {old} -> {version} since {}", entry.title()));
            }
        }
    }
    notes
}

struct Search<'s> {
    entries: &'s [Entry],
    options: &'s RegressOptions,
    of_history: HistoryOptions,
}

impl Search<'_> {
    /// The place of the first run that is recent.
    fn oldest(&self) -> usize {
        self.entries.len().saturating_sub(self.of_history.recent)
    }

    /// The recent runs before the last, the newest first.
    fn recent_runs(&self) -> Vec<&str> {
        let before = self.entries.iter().rev().skip(1);
        before.take(self.of_history.recent).map(|entry| entry.run_id.as_str()).collect()
    }

    /// Judges what was promised of a case; whether the last run has numbers of it that count.
    fn promises(
        &self,
        matched: &Matched<'_>,
        found: &mut Vec<Placed>,
        notes: &mut Vec<String>,
    ) -> bool {
        let against = promises::Before::recent(matched, &self.recent_runs());
        let mut pairs = Vec::new();
        let is_good = promises::look_at(matched, &against, self.options, &mut pairs, found, notes);
        for pair in pairs {
            let told = judge::judge(vec![pair], self.of_history.level).found;
            // They are numbers of repetitions, among those of runs.
            let without = |finding| Finding { numbers: None, ..finding };
            found.extend(told.into_iter().map(|(place, rank, one)| (place, rank, without(one))));
        }
        is_good
    }

    /// What a series shows, if the last run or a recent one is in it.
    fn series(
        &self,
        series: &Series<'_>,
        matched: &Matched<'_>,
        notes: &mut Vec<String>,
    ) -> Vec<Finding> {
        let last = series.points.last().map(|(run, _)| *run);
        if last.is_none_or(|run| run < self.oldest()) {
            return Vec::new();
        }
        if last.is_some_and(|run| run + 1 < self.entries.len()) {
            let why = "runs before it have it, the last run does not".to_owned();
            return vec![self.finding(series, Verdict::CouldNotTell, why)];
        }
        if let Some(why) = self.at_limit(series, matched) {
            return vec![self.finding(series, Verdict::CouldNotTell, why)];
        }
        let mut told = self.changes(series, notes);
        match gaps::lacking(matched, series.load, &series.metric) {
            Some(Lacking::Alike(told)) => notes.push(format!("{}: {told}", series.title())),
            Some(Lacking::More(why))
                if told.iter().all(|finding| finding.verdict != Verdict::Regression) =>
            {
                told.push(self.finding(series, Verdict::CouldNotTell, why));
                told.retain(|finding| finding.verdict != Verdict::NoChange);
            }
            Some(Lacking::More(_)) | None => {}
        }
        told
    }

    /// Why a series cannot be judged whose numbers ended at their limit in the last run or a recent one.
    fn at_limit(&self, series: &Series<'_>, matched: &Matched<'_>) -> Option<String> {
        let runs = self.recent_runs();
        let before: Vec<_> =
            matched.before.iter().filter(|one| runs.contains(&one.run_id())).collect();
        let after: Vec<_> = matched.after.iter().collect();
        gaps::at_limit(&before, &after, series.load, &series.metric)
    }

    /// What a series shows: its recent changes, or that there are none.
    fn changes(&self, series: &Series<'_>, notes: &mut Vec<String>) -> Vec<Finding> {
        let values = series.values();
        let least = self.options.thresholds.of(&series.metric);
        let level = self.of_history.level;
        let changes = change_points(&values, Strictness { level, least });
        let oldest = self.oldest();
        let mut findings = Vec::new();
        for change in &changes {
            let told = self.change(series, &values, change, least);
            let run = series.points[change.at].0;
            let undone = (told.verdict == Verdict::Regression)
                .then(|| self.undone(series, &values, change, &changes))
                .flatten()
                .map(|at| &self.entries[series.points[at].0].run_id);
            match undone {
                None if run >= oldest => findings.push(told),
                None => notes.push(format!(
                    "{}: an older {}, {}",
                    series.title(),
                    word(&told),
                    told.why
                )),
                Some(again) => notes.push(format!(
                    "{}: a {}, {}, which was over by {again}",
                    series.title(),
                    word(&told),
                    told.why
                )),
            }
        }
        if findings.is_empty() {
            let needed = fewest(level);
            let (verdict, why) = match values.len() < needed && changes.is_empty() {
                true => {
                    let why = format!("{} runs cannot show a change; {needed} can", values.len());
                    (Verdict::CouldNotTell, why)
                }
                false if changes.is_empty() => {
                    (Verdict::NoChange, format!("no change in {} runs", values.len()))
                }
                false => (Verdict::NoChange, "no change among the last runs".to_owned()),
            };
            findings.push(self.finding(series, verdict, why));
        }
        findings
    }

    /// Where a change for the worse was over: a later change left a level that is no worse than the one before
    /// it by as much as counts, and that is the level of today.
    fn undone(
        &self,
        series: &Series<'_>,
        values: &[f64],
        change: &ChangePoint,
        changes: &[ChangePoint],
    ) -> Option<usize> {
        let last = changes.last().filter(|last| last.at > change.at)?;
        let (old, now) = (&values[change.before.clone()], &values[last.after.clone()]);
        let least = self.options.thresholds.of(&series.metric);
        let is_worse = match (factor(old, now), series.better) {
            (Some(factor), Better::Higher) => 1.0 - factor >= least,
            (Some(factor), Better::Lower | Better::Neither) => factor - 1.0 >= least,
            // Of zeros and a few others the level of today need not be that of old to be as good: it is worse
            // where that is shown.
            (None, better) => {
                let is_better = |upwards| upwards == (better == Better::Higher);
                RankTest::default().p_value(old, now) <= self.of_history.level
                    && !went_up(old, now, least).is_ok_and(is_better)
            }
        };
        (!is_worse).then_some(last.at)
    }

    fn finding(&self, series: &Series<'_>, verdict: Verdict, why: String) -> Finding {
        Finding {
            benchmark: series.benchmark.clone(),
            case: series.case.clone(),
            load: series.load.to_owned(),
            metric: series.metric.clone(),
            verdict,
            why,
            numbers: None,
            since: None,
        }
    }

    fn change(
        &self,
        series: &Series<'_>,
        values: &[f64],
        change: &ChangePoint,
        least: f64,
    ) -> Finding {
        let (before, after) = (&values[change.before.clone()], &values[change.after.clone()]);
        let side = |side: &[f64]| (middle(&series.metric, side).unwrap_or_default(), side.len());
        let (old, new) = (side(before), side(after));
        let (verdict, doubt) = match went_up(before, after, least) {
            Ok(upwards) if upwards == (series.better == Better::Higher) => {
                (Verdict::Improvement, String::new())
            }
            Ok(_) => (Verdict::Regression, String::new()),
            Err(why) => (Verdict::CouldNotTell, format!("; {why}")),
        };
        let entry = |at: usize| &self.entries[series.points[at].0];
        let (first, last) = (entry(change.places.0), entry(change.places.1));
        let is_drift = is_drift(before, after);
        let mut why = format!("since {}", entry(change.at).title());
        if first.run_id != last.run_id {
            why += &format!(", give or take: from {} to {}", first.run_id, last.run_id);
        }
        if is_drift {
            why += "; a slow drift fits better than a step";
        }
        why += &doubt;
        Finding {
            numbers: Some(Numbers {
                unit: series.unit.clone(),
                better: series.better,
                min_effect: least,
                before: old,
                after: new,
                shift: shift(&mut RankTest::default(), before, after, self.of_history.level),
                p: change.p,
                adjusted_p: change.p,
            }),
            since: Some(Since {
                run: entry(change.at).run_id.clone(),
                commit: entry(change.at).source.commit.clone(),
                between: (first.run_id.clone(), last.run_id.clone()),
                is_drift,
            }),
            ..self.finding(series, verdict, why)
        }
    }
}

/// As a note names what a change was.
fn word(finding: &Finding) -> &'static str {
    match finding.verdict {
        Verdict::Regression | Verdict::Improvement => finding.verdict.name(),
        Verdict::CouldNotTell | Verdict::NotWorse | Verdict::NoChange => "change",
    }
}

/// Whether the level went up at a change; else why that cannot be told.
fn went_up(before: &[f64], after: &[f64], least: f64) -> Result<bool, String> {
    match factor(before, after) {
        Some(factor) => Ok(factor > 1.0),
        None => judge::went_up_without_ratio(before, after, least),
    }
}
