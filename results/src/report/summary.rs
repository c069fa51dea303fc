//! The first screen: what was wrong, and which engine was faster at what, by how much, how sure that is.

use std::collections::{BTreeMap, BTreeSet};

use dbdyno_core::{Better, Case, Status};

use crate::compare::{Cell, CellValue, CompareOptions, Group, Line, compare};
use crate::dimension::Dimension;
use crate::grid::{Align, Grid, Text};
use crate::index_view::is_about_indexes;
use crate::load::Loaded;
use crate::markup::plain;
use crate::metric::display;
use crate::number;
use crate::record::Record;
use crate::repetition::{Repetition, repetitions};

/// How much of what went wrong is told on the first screen.
const TOLD: usize = 12;

/// What is compared on the first screen, for each benchmark.
pub(super) struct Headline {
    pub(super) benchmark: String,
    /// The case of each engine, as its first repetition has it.
    pub(super) cases: Vec<Case>,
    best: String,
    others: String,
    certainty: String,
    conditions: Vec<String>,
    /// How fast each was, by name; what takes half as long is twice as fast. Without what took no time or did nothing.
    pub(super) speeds: BTreeMap<String, f64>,
    /// Whether chance alone hardly makes the difference of any to the best.
    pub(super) all_shown: bool,
    best_name: String,
}

impl Headline {
    /// Whether that one was the best.
    pub(super) fn is_best(&self, name: &str) -> bool {
        self.best_name == name
    }
}

/// What was wrong, in Markdown.
pub(super) fn verdict(loaded: &Loaded) -> String {
    let all = repetitions(&loaded.records);
    let checks: Vec<&Record> =
        loaded.records.iter().filter(|row| row.metric.starts_with("check_")).collect();
    let broken: Vec<&&Record> = checks.iter().filter(|row| row.status == Status::Failed).collect();
    let failed: Vec<&Repetition<'_>> =
        all.iter().filter(|one| one.all().any(|row| row.status == Status::Failed)).collect();
    let unsupported = all.iter().filter(|one| one.is_unsupported()).count();
    let interrupted =
        all.iter().filter(|one| one.all().any(|row| row.status == Status::Interrupted)).count();
    let measured = all.len() - unsupported;
    let mut out = if failed.is_empty() {
        let held = match checks.len() {
            0 => "no answer was checked".to_owned(),
            count => format!("all {} checks of answers held", number::count(count as u64)),
        };
        format!("**Nothing failed**: {measured} measurements, {held}")
    } else {
        format!(
            "**{} of {measured} measurements failed**; {} of {} checks of answers did not hold",
            failed.len(),
            broken.len(),
            number::count(checks.len() as u64)
        )
    };
    if interrupted > 0 {
        out += &format!(", {interrupted} were interrupted");
    }
    if unsupported > 0 {
        out += &format!(", {unsupported} cases are unsupported by their engine");
    }
    out += ".\n";
    let told: BTreeSet<String> = failed.iter().filter_map(|one| told(one)).collect();
    for line in told.iter().take(TOLD) {
        out += &format!("- {}\n", plain(line));
    }
    if told.len() > TOLD {
        out += &format!("- and {} more\n", told.len() - TOLD);
    }
    for warning in &loaded.warnings {
        out += &format!("\n> {}\n", plain(warning));
    }
    out
}

fn told(repetition: &Repetition<'_>) -> Option<String> {
    let case = repetition.case()?;
    let why = repetition.failure()?;
    Some(format!(
        "{}/{} on {}, {}, {} clients: {why}",
        case.suite, case.benchmark, case.target, case.isolation, case.clients
    ))
}

/// For each benchmark that several engines ran, which was best.
pub(super) fn headlines(records: &[Record]) -> Vec<Headline> {
    let mut by_benchmark: BTreeMap<(String, String), Vec<Record>> = BTreeMap::new();
    for row in records {
        let name = (row.case.suite.clone(), row.case.benchmark.clone());
        by_benchmark.entry(name).or_default().push(row.clone());
    }
    by_benchmark.into_values().filter_map(|rows| headline(&rows)).collect()
}

fn headline(records: &[Record]) -> Option<Headline> {
    // What an index gains is between cases of one engine.
    if records.iter().any(|row| is_about_indexes(&row.case)) {
        return None;
    }
    let mut options = CompareOptions::new(crate::compare::By::Target);
    let first = compare(records, &options).ok()?;
    let (group, line) = most_compared(&first.groups)?;
    let best = line.cells.iter().position(|cell| matches!(cell, Cell::Value(value) if value.best));
    let best = first.columns.get(best?)?.name.clone();
    // Ratios are to the first column.
    options.order = vec![best.clone()];
    // Only what is told here is a chance of a false alarm.
    options.metrics = vec![line.metric.clone()];
    let again = compare(records, &options).ok()?;
    let same = |other: &&Group| other.levels == group.levels && other.transaction.is_empty();
    let group = again.groups.iter().find(same)?;
    let line = group.lines.iter().find(|other| other.metric == line.metric)?;
    let names: Vec<&str> = again.columns.iter().map(|column| column.name.as_str()).collect();
    // In every picture a target has the same colour, the best or not.
    let mut cases: Vec<Case> = group.cases.iter().flatten().cloned().collect();
    cases.sort_by(|one, other| one.target.cmp(&other.target));
    let mut conditions: Vec<String> = group.levels.clone();
    conditions.extend(again.constants.iter().map(|(dimension, text)| dimension.caption(text)));
    // In the same order whichever is best.
    conditions.extend(first.columns.iter().filter_map(|column| {
        let isolation = column.details.iter().find(|(of, _)| *of == Dimension::Isolation);
        isolation.map(|(_, level)| format!("{} {level}", column.name))
    }));
    Some(Headline {
        benchmark: group.benchmark.clone(),
        cases,
        best: winner(&names, line)?,
        others: others(&names, line),
        certainty: certainty(line),
        conditions,
        speeds: speeds(&names, line),
        all_shown: numbers(&names, line)
            .filter(|(_, value)| !value.best)
            .all(|(_, value)| value.evidence.as_ref().is_some_and(|evidence| evidence.is_shown())),
        best_name: best,
    })
}

/// The case that most columns have, and the first metric of it of which one direction is better.
fn most_compared(groups: &[Group]) -> Option<(&Group, &Line)> {
    let values =
        |line: &Line| line.cells.iter().filter(|cell| matches!(cell, Cell::Value(_))).count();
    let candidates =
        groups.iter().filter(|group| group.transaction.is_empty()).filter_map(|group| {
            let line = group.lines.iter().find(|line| line.better != Better::Neither)?;
            (values(line) >= 2).then_some((group, line))
        });
    // The first of those that most have.
    candidates.rev().max_by_key(|(_, line)| values(line))
}

fn winner(names: &[&str], line: &Line) -> Option<String> {
    let (name, value) = numbers(names, line).find(|(_, value)| value.best)?;
    Some(format!("{name}: {}", said(line, value)))
}

fn speeds(names: &[&str], line: &Line) -> BTreeMap<String, f64> {
    let measured = numbers(names, line).filter(|(_, value)| value.median > 0.0);
    let speed = |value: &CellValue| match line.better {
        Better::Lower => 1.0 / value.median,
        Better::Higher | Better::Neither => value.median,
    };
    measured.map(|(name, value)| (name.to_owned(), speed(value))).collect()
}

/// A number with its unit.
fn said(line: &Line, value: &CellValue) -> String {
    let (label, divisor) = display(&line.metric, &line.unit, value.median.abs());
    format!("{} {label}", number::value(value.median / divisor, &line.unit))
}

fn others(names: &[&str], line: &Line) -> String {
    let mut others: Vec<(&str, &CellValue)> =
        numbers(names, line).filter(|(_, value)| !value.best).collect();
    others.sort_by(|(_, one), (_, other)| {
        let order = one.median.total_cmp(&other.median);
        if line.better == Better::Higher { order.reverse() } else { order }
    });
    let told = others.iter().map(|(name, value)| {
        let ratio = value.ratio.map(|ratio| format!(" {}", number::ratio(ratio.value)));
        let interval = value.evidence.as_ref().and_then(|evidence| evidence.interval);
        let interval = interval
            .map(|(low, high)| format!(" ({} to {})", number::ratio(low), number::ratio(high)));
        format!("{name}{}{}", ratio.unwrap_or_default(), interval.unwrap_or_default())
    });
    told.collect::<Vec<_>>().join("<br>")
}

/// How sure it is that the others are behind.
fn certainty(line: &Line) -> String {
    let others: Vec<&CellValue> = line
        .cells
        .iter()
        .filter_map(|cell| match cell {
            Cell::Value(value) if !value.best => Some(value),
            _ => None,
        })
        .collect();
    let rounds = others.iter().filter_map(|value| Some(value.evidence.as_ref()?.rounds)).min();
    let shown = others
        .iter()
        .filter(|value| value.evidence.as_ref().is_some_and(|evidence| evidence.is_shown()))
        .count();
    match (rounds, others.len()) {
        (_, 0) => "all alike".to_owned(),
        (None | Some(1), _) => "one repetition: not known".to_owned(),
        (Some(rounds), all) if shown == all => format!("shown by {rounds} rounds"),
        (Some(rounds), all) if shown > 0 => format!("{shown} of {all} shown by {rounds} rounds"),
        (Some(rounds), _) => {
            let agrees = |value: &&CellValue| {
                let effect = value.evidence.as_ref().and_then(|evidence| evidence.effect);
                effect.is_some_and(|effect| effect.abs() > 0.999)
            };
            match others.iter().all(agrees) {
                true => format!("all {rounds} rounds agree, which are too few to show it"),
                false => format!("not shown by {rounds} rounds"),
            }
        }
    }
}

fn numbers<'l>(
    names: &'l [&str],
    line: &'l Line,
) -> impl Iterator<Item = (&'l str, &'l CellValue)> {
    names.iter().zip(&line.cells).filter_map(|(name, cell)| match cell {
        Cell::Value(value) => Some((*name, value)),
        Cell::Missing | Cell::Status(..) => None,
    })
}

/// The conditions under which all benchmarks ran that are told here.
pub(super) fn common(headlines: &[Headline]) -> Vec<&str> {
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
        own.cloned().collect::<Vec<_>>().join(", ")
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
