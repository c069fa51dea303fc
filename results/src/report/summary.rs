//! Which engine was faster at what, by how much, how sure that is.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use dbdyno_core::{Better, Case};

use super::parts::{Question, answers};
use crate::bottleneck;
use crate::compare::{
    Basis, By, Cell, CellValue, CompareOptions, Comparison, Evidence, Group, Line, compare,
};
use crate::dimension::Dimension;
use crate::grid::{Align, Grid, Text};
use crate::histograms::Histograms;
use crate::limit_view::without_tried;
use crate::markup::plain;
use crate::metric::{DEFAULT_METRICS, HEADLINES, display};
use crate::number;
use crate::record::Record;

/// What is compared on the first screen: a case of a benchmark.
pub(super) struct Headline {
    /// The benchmark, with what tells the case from others of it that are told, too.
    pub(super) subject: String,
    /// The case of each target, as its first repetition has it.
    pub(super) cases: Vec<Case>,
    pub(super) benchmark: String,
    /// By which number, in a few words.
    pub(super) measure: String,
    /// Whether that number is what something gains on the same target: a ratio already.
    pub(super) is_gain: bool,
    /// Whether it is told of a part of the case, which is named.
    is_of_part: bool,
    best: String,
    others: String,
    certainty: String,
    conditions: Vec<String>,
    /// In how many cases of the benchmark the same target is best; empty of the only one.
    won: String,
    /// What the ratios are told by; `None` where there is none.
    pub(super) basis: Option<Basis>,
    /// How fast each was, by name, or what it gained; what takes half as long is twice as fast. Without what took no
    /// time or did nothing.
    pub(super) speeds: BTreeMap<String, f64>,
    /// Whether chance alone hardly makes the difference of any to the best.
    pub(super) all_shown: bool,
    best_name: String,
    /// Whether the client was the bottleneck of the load of any target.
    is_client_bound: bool,
}

impl Headline {
    /// Whether that one was the best.
    pub(super) fn is_best(&self, name: &str) -> bool {
        self.best_name == name
    }

    /// Whether any was.
    pub(super) fn has_best(&self) -> bool {
        !self.best_name.is_empty()
    }
}

/// What is told of benchmarks that several targets ran.
#[derive(Default)]
pub(super) struct Headlines {
    /// For each benchmark a case for each target that is best in any.
    pub(super) rows: Vec<Headline>,
    /// The benchmarks of which no one number says which target is best.
    pub(super) others: Vec<String>,
}

/// For each benchmark that several targets ran, which was best.
pub(super) fn headlines(records: &[Record], merged: Option<&Arc<Histograms>>) -> Headlines {
    let mut by_benchmark: BTreeMap<String, Vec<Record>> = BTreeMap::new();
    for row in without_tried(records) {
        by_benchmark.entry(row.benchmark()).or_default().push(row.clone());
    }
    let mut headlines = Headlines::default();
    for (benchmark, rows) in by_benchmark {
        let targets: BTreeSet<&str> = rows.iter().map(|row| row.case.target.as_str()).collect();
        if targets.len() < 2 {
            continue;
        }
        let answers = answers(&rows);
        let answered =
            answers.iter().flat_map(|(question, rows)| of_benchmark(rows, Some(question), merged));
        let found =
            if answers.is_empty() { of_benchmark(&rows, None, merged) } else { answered.collect() };
        match found.is_empty() {
            true => headlines.others.push(benchmark),
            false => headlines.rows.extend(found),
        }
    }
    headlines
}

/// One for each target that is best in any case; one that says why where none is. None where no number of a case
/// as a whole says which is best.
fn of_benchmark(
    records: &[Record],
    asked: Option<&Question>,
    merged: Option<&Arc<Histograms>>,
) -> Vec<Headline> {
    let metrics = asked.map(|question| question.metric.to_owned());
    let options = CompareOptions {
        metrics: metrics.into_iter().collect(),
        histograms: merged.cloned(),
        ..CompareOptions::new(By::Target)
    };
    let Ok(first) = compare(records, &options) else { return Vec::new() };
    let of_cases = first.groups.iter().filter(|group| group.transaction.is_empty());
    let lines: Vec<(&Group, &Line)> =
        of_cases.filter_map(|group| Some((group, telling(group, asked)?))).collect();
    let values = |line: &Line| numbers(line).count();
    let decided: Vec<(&Group, &Line)> = lines
        .iter()
        .copied()
        .filter(|(_, line)| values(line) >= 2 && (asked.is_some() || place(line).is_some()))
        .collect();
    let mut winners: Vec<usize> = decided.iter().filter_map(|(_, line)| best(line)).collect();
    let all = winners.clone();
    winners.sort_by_key(|winner| all.iter().position(|other| other == winner));
    winners.dedup();
    if winners.is_empty() {
        let spoilt = lines
            .iter()
            .find(|(_, line)| line.cells.iter().any(|cell| matches!(cell, Cell::Status(..))));
        let alike = decided.iter().rev().max_by_key(|(_, line)| values(line));
        let told = match (spoilt, alike) {
            (Some((group, line)), _) => Some(without_winner(&first, group, line, asked)),
            (None, Some((group, line))) => all_alike(&first, group, line, asked),
            (None, None) => None,
        };
        return told.into_iter().collect();
    }
    let told = winners.iter().filter_map(|winner| {
        let won = |(_, line): &&(&Group, &Line)| best(line) == Some(*winner);
        // The first of those that most targets have.
        let (group, line) =
            decided.iter().rev().filter(won).max_by_key(|(_, line)| values(line))?;
        let mut told = of_case((records, &options), &first, group, line, (*winner, asked))?;
        if decided.len() > 1 {
            let count = decided.iter().filter(won).count();
            told.won = format!("best in {count} of {} cases", decided.len());
        }
        if winners.len() > 1 {
            let levels = captions(&first, group).join(", ");
            told.subject = format!("{}, {levels}", told.benchmark);
        }
        Some(told)
    });
    told.collect()
}

/// The line that says which is best: of those in which one is, the one that says most of its benchmark.
fn telling<'g>(group: &'g Group, asked: Option<&Question>) -> Option<&'g Line> {
    if asked.is_some() {
        return group.lines.first();
    }
    let mut lines: Vec<&Line> = group.lines.iter().filter(|line| place(line).is_some()).collect();
    lines.sort_by_key(|line| place(line));
    let decided = lines.iter().copied().find(|line| best(line).is_some());
    decided.or(lines.first().copied()).or(group.lines.first())
}

/// How much it says of a benchmark, the less the more; `None` where it does not say which target is best.
fn place(line: &Line) -> Option<usize> {
    let mut known = DEFAULT_METRICS.iter().chain(&HEADLINES);
    let place = known.position(|name| *name == line.metric);
    place.filter(|_| line.better != Better::Neither)
}

/// The column that is best; `None` where all are alike.
fn best(line: &Line) -> Option<usize> {
    line.cells.iter().position(|cell| matches!(cell, Cell::Value(value) if value.best))
}

/// A case in which the target of a column is best.
fn of_case(
    (records, options): (&[Record], &CompareOptions),
    first: &Comparison,
    group: &Group,
    line: &Line,
    (winner, asked): (usize, Option<&Question>),
) -> Option<Headline> {
    let options = CompareOptions {
        // Ratios are to the first column.
        order: vec![first.columns.get(winner)?.name.clone()],
        // Only what is told here is a chance of a false alarm.
        metrics: vec![line.metric.clone()],
        ..options.clone()
    };
    let again = compare(records, &options).ok()?;
    let same = |other: &&Group| other.levels == group.levels && other.transaction.is_empty();
    let line = again.groups.iter().find(same)?.lines.first()?;
    let (name, value) = named(&again, line).next()?;
    let Cell::Value(value) = value else { return None };
    let basis = numbers(line).filter_map(|value| Some(value.evidence.as_ref()?.basis)).next();
    Some(Headline {
        best: told(name, line, value, asked),
        others: others(&again, line, asked),
        certainty: certainty(line),
        basis,
        speeds: speeds(&again, line),
        all_shown: numbers(line)
            .skip(1)
            .all(|value| value.evidence.as_ref().is_some_and(Evidence::is_shown)),
        best_name: name.to_owned(),
        ..unjudged(first, group, line, asked)
    })
}

/// A case in which fewer than two targets have a number.
fn without_winner(
    first: &Comparison,
    group: &Group,
    line: &Line,
    asked: Option<&Question>,
) -> Headline {
    let each = named(first, line).filter_map(|(name, cell)| match cell {
        Cell::Missing => None,
        Cell::Value(value) => Some(told(name, line, value, asked)),
        Cell::Status(status, why) => Some(format!("{name} {}: {why}", status.name())),
    });
    Headline {
        best: "no winner".to_owned(),
        others: each.collect::<Vec<_>>().join("\n"),
        certainty: "fewer than two have numbers".to_owned(),
        ..unjudged(first, group, line, asked)
    }
}

/// A case in which no target is behind another.
fn all_alike(
    first: &Comparison,
    group: &Group,
    line: &Line,
    asked: Option<&Question>,
) -> Option<Headline> {
    // All have the same number; one that is marked says so of it.
    let value = numbers(line).max_by_key(|value| value.client_bottlenecks)?;
    Some(Headline {
        best: format!("all alike: {}", said(line, value, asked)),
        certainty: "no difference".to_owned(),
        ..unjudged(first, group, line, asked)
    })
}

/// A case, of which nothing is told yet but what it is.
fn unjudged(first: &Comparison, group: &Group, line: &Line, asked: Option<&Question>) -> Headline {
    // In every picture a target has the same colour, the best or not.
    // Suites of parts have pictures of their own.
    let pictured = group.cases.iter().flatten().filter(|_| asked.is_none());
    let mut cases: Vec<Case> = pictured.cloned().collect();
    cases.sort_by(|one, other| one.target.cmp(&other.target));
    let mut conditions = captions(first, group);
    conditions.extend(first.constants.iter().map(|(dimension, text)| dimension.caption(text)));
    // In the same order whichever is best.
    conditions.extend(first.columns.iter().filter_map(|column| {
        let isolation = column.details.iter().find(|(of, _)| *of == Dimension::Isolation);
        isolation.map(|(_, level)| format!("{} {level}", column.name))
    }));
    Headline {
        subject: group.benchmark.clone(),
        benchmark: group.benchmark.clone(),
        measure: asked.map_or_else(|| words(line), |question| question.words.to_owned()),
        is_gain: asked.is_some_and(|question| question.is_gain),
        is_of_part: asked.is_some_and(|question| !question.is_gain),
        cases,
        conditions,
        best: String::new(),
        others: String::new(),
        certainty: String::new(),
        won: String::new(),
        basis: None,
        speeds: BTreeMap::new(),
        all_shown: false,
        best_name: String::new(),
        is_client_bound: numbers(line).any(|value| value.client_bottlenecks > 0),
    }
}

/// What tells a case from others of its benchmark.
fn captions(comparison: &Comparison, group: &Group) -> Vec<String> {
    let levels = comparison.dimensions.iter().zip(&group.levels);
    levels.map(|(dimension, text)| dimension.caption(text)).collect()
}

fn speeds(comparison: &Comparison, line: &Line) -> BTreeMap<String, f64> {
    let measured = named(comparison, line).filter_map(|(name, cell)| match cell {
        Cell::Value(value) if value.median > 0.0 => Some((name, value)),
        _ => None,
    });
    let speed = |value: &CellValue| match line.better {
        Better::Lower => 1.0 / value.median,
        Better::Higher | Better::Neither => value.median,
    };
    measured.map(|(name, value)| (name.to_owned(), speed(value))).collect()
}

/// A target with its number, and with the part of a case that gave it: `sqlite (wal-copy): 0.0703 s to back up`.
fn told(name: &str, line: &Line, value: &CellValue, asked: Option<&Question>) -> String {
    let part = asked.map(|_| value.detail.as_str()).filter(|part| !part.is_empty());
    let by = part.map(|part| format!(" ({part})")).unwrap_or_default();
    format!("{name}{by}: {}", said(line, value, asked))
}

/// A number with its unit, in words: `6,456 tx/s`, `10.9 ms recovery time p50`, `0 lost commits`.
fn said(line: &Line, value: &CellValue, asked: Option<&Question>) -> String {
    if let Some(question) = asked.filter(|question| question.is_gain) {
        let mark = value.client_mark();
        return format!("{}{mark} {}", number::ratio(value.median), question.words);
    }
    let (label, divisor) = display(&line.metric, &line.unit, value.median.abs());
    let mark = value.client_mark();
    let number = number::value(value.median / divisor, &line.unit) + mark;
    if let Some(question) = asked.filter(|_| line.metric != *"throughput") {
        let (number, unit) = match line.unit.as_str() {
            "us" => (number::sensible(value.median / 1_000.0) + mark, "ms"),
            unit => (number, unit),
        };
        return format!("{number} {unit} {}", question.words);
    }
    let words = match label.strip_suffix(&format!("_{}", line.unit)) {
        Some(name) => format!("{} {name}", line.unit),
        None => label,
    };
    format!("{number} {}", words.replace("_per_", "/").replace('_', " "))
}

/// A metric by which cases as a whole are told: `throughput`, `recovery time p50`.
fn words(line: &Line) -> String {
    let name = line.metric.strip_suffix(&format!("_{}", line.unit)).unwrap_or(&line.metric);
    name.trim_end_matches("_per_h").replace('_', " ")
}

fn others(comparison: &Comparison, line: &Line, asked: Option<&Question>) -> String {
    let mut others: Vec<(&str, &CellValue)> = Vec::new();
    let mut spoilt = Vec::new();
    for (name, cell) in named(comparison, line).skip(1) {
        match cell {
            Cell::Missing => {}
            Cell::Value(value) => others.push((name, value)),
            Cell::Status(status, _) => spoilt.push(format!("{name} {}", status.name())),
        }
    }
    others.sort_by(|(_, one), (_, other)| {
        let order = one.median.total_cmp(&other.median);
        if line.better == Better::Higher { order.reverse() } else { order }
    });
    let is_gain = asked.is_some_and(|question| question.is_gain);
    let each = others.iter().map(|(name, value)| {
        let mark = value.client_mark();
        if is_gain {
            return format!("{name} {}{mark}", number::ratio(value.median));
        }
        let part = asked.map(|_| value.detail.as_str()).filter(|part| !part.is_empty());
        let by = part.map(|part| format!(" ({part})")).unwrap_or_default();
        let ratio = value.ratio.map(|ratio| format!(" {}{mark}", number::ratio(ratio.value)));
        let interval = value.evidence.as_ref().and_then(|evidence| evidence.interval);
        let interval = interval
            .map(|(low, high)| format!(" ({} to {})", number::ratio(low), number::ratio(high)));
        format!("{name}{by}{}{}", ratio.unwrap_or_default(), interval.unwrap_or_default())
    });
    each.chain(spoilt).collect::<Vec<_>>().join("\n")
}

/// How sure it is that the others are behind.
fn certainty(line: &Line) -> String {
    let others: Vec<&CellValue> = numbers(line).skip(1).collect();
    let evidence: Vec<&Evidence> =
        others.iter().filter_map(|value| value.evidence.as_ref()).collect();
    let weakest = evidence.iter().map(|evidence| evidence.basis);
    let weakest = weakest.max_by(|one, other| one.smallest_p().total_cmp(&other.smallest_p()));
    let Some(weakest) = weakest else { return "not known".to_owned() };
    let shown = evidence.iter().filter(|evidence| evidence.is_shown()).count();
    let agree = |evidence: &&Evidence| evidence.effect.is_some_and(|effect| effect.abs() > 0.999);
    let by = weakest.in_words();
    let told = match (weakest, others.len()) {
        _ if evidence.iter().all(|evidence| evidence.effect.is_none()) => "all alike".to_owned(),
        (Basis::Rounds(1), _) => "one repetition: not known".to_owned(),
        (_, all) if shown == all => format!("shown by {by}"),
        (_, all) if shown > 0 => format!("{shown} of {all} shown by {by}"),
        _ if evidence.iter().all(agree) && evidence.iter().all(|one| one.p < 1.0) => {
            format!("all {by} agree, which are too few to show it")
        }
        _ => format!("not shown by {by}"),
    };
    match weakest {
        Basis::Rounds(_) => told,
        Basis::Repetitions(..) => format!("{told}; no round has both"),
    }
}

/// The cells of a line, each with the name of its column.
fn named<'l>(
    comparison: &'l Comparison,
    line: &'l Line,
) -> impl Iterator<Item = (&'l str, &'l Cell)> {
    comparison.columns.iter().map(|column| column.name.as_str()).zip(&line.cells)
}

fn numbers(line: &Line) -> impl Iterator<Item = &CellValue> {
    line.cells.iter().filter_map(|cell| match cell {
        Cell::Value(value) => Some(value),
        Cell::Missing | Cell::Status(..) => None,
    })
}

/// The conditions under which all benchmarks ran that are told here.
fn common(headlines: &[Headline]) -> Vec<&str> {
    let Some((first, others)) = headlines.split_first() else { return Vec::new() };
    let everywhere =
        |condition: &&String| others.iter().all(|headline| headline.conditions.contains(condition));
    first.conditions.iter().filter(everywhere).map(String::as_str).collect()
}

/// The headlines as a table, with the conditions that are not [common] to all.
pub(super) fn table(headlines: &[Headline]) -> String {
    let common = common(headlines);
    let own = |headline: &Headline| {
        let own = headline.conditions.iter().filter(|told| !common.contains(&told.as_str()));
        let won = Some(&headline.won).filter(|won| !won.is_empty());
        own.chain(won).cloned().collect::<Vec<_>>().join(", ")
    };
    let differ = headlines.iter().any(|headline| !own(headline).is_empty());
    let columns = ["benchmark", "best", "others", "how sure"].into_iter();
    let columns = columns.chain(differ.then_some("conditions"));
    let columns = columns.map(|heading| (heading.to_owned(), Align::Left)).collect();
    let row = |headline: &Headline| {
        let Headline { benchmark, best, others, certainty, .. } = headline;
        let told = [benchmark, best, others, certainty].into_iter().cloned();
        told.chain(differ.then(|| own(headline))).map(Text::from).collect()
    };
    Grid { columns, rows: headlines.iter().map(row).collect() }.markdown()
}

/// What the table shows, and what it does not.
pub(super) fn legend(headlines: &Headlines) -> String {
    let mut parts = Vec::new();
    if !headlines.rows.is_empty() {
        let is_paired =
            |headline: &Headline| !matches!(headline.basis, Some(Basis::Repetitions(..)));
        let unpaired = headlines.rows.iter().any(|headline| !is_paired(headline));
        let ratios = match (headlines.rows.iter().any(is_paired), unpaired) {
            (_, false) => "round by round, with intervals of 95 % of six rounds and more",
            (true, true) => {
                "round by round where rounds have both, else of all repetitions, with intervals of 95 % of enough"
            }
            (false, true) => {
                "of all repetitions, for no round has both: the targets were measured in separate runs; with intervals of \
                 95 % of enough"
            }
        };
        parts.push(format!(
            "For each benchmark a case for each target that is best in any, the first that most targets ran; ratios are \
             to the best, {ratios}."
        ));
        if headlines.rows.iter().any(|headline| headline.is_of_part) {
            parts.push(
                "In brackets stands the part of a case that is told of: of backups the way that took least, of pools the \
                 one that did most at its advised size, of replication the topology that was best by that number."
                    .to_owned(),
            );
        }
        if headlines.rows.iter().any(|headline| headline.is_client_bound) {
            parts.push(format!("{}.", bottleneck::LEGEND));
        }
        let common = common(&headlines.rows);
        if !common.is_empty() {
            parts.push(format!("All under: {}.", common.join(", ")));
        }
    }
    if !headlines.others.is_empty() {
        parts.push(format!(
            "No one number says which target is best at {}: see the tables below.",
            headlines.others.join(", ")
        ));
    }
    plain(&parts.join(" "))
}
