//! The pictures of a report.

use std::collections::HashMap;

use dbdyno_core::Case;
use hdrhistogram::Histogram;

use super::course::{Course, Courses, courses};
use super::events::Happened;
use super::pictured::{Pictured, PicturedCase};
use super::{Block, marks};
use crate::chart::{Chart, LineChart, LineCurve, MOST_CURVES, Scale, in_parts};
use crate::histograms::Histograms;
use crate::load::Loaded;
use crate::markup::plain;
use crate::record::{added_case_fields, case_fields};
use crate::repetition::{CaseKey, Repetition, case_key, repetitions};
use crate::statistics::merged::Counts;

/// The shares that a curve of response times goes through: nine for each tenfold.
const DECADES: i32 = 5;
const STEPS: i32 = 9;
const NS_PER_MS: f64 = 1e6;
/// Fewer seconds are no course of events.
const FEWEST_SECONDS: usize = 5;

/// Response times by percentile, for each benchmark, and for each of its loads where it has several.
pub(super) fn response_times(
    loaded: &Loaded,
    histograms: &Histograms,
    pictured: &[Pictured],
) -> Vec<Block> {
    let mut by_case: HashMap<CaseKey<'_>, Vec<Repetition<'_>>> = HashMap::new();
    for repetition in repetitions(&loaded.records) {
        if let Some(case) = repetition.case() {
            by_case.entry(case_key(case)).or_default().push(repetition);
        }
    }
    let of_benchmark = |pictured: &Pictured| {
        let cases = pictured
            .cases
            .iter()
            .filter_map(|of| Some((of, of_loads(by_case.get(&case_key(&of.case))?, histograms))));
        let cases: Vec<(&PicturedCase, Loads)> = cases.collect();
        let names = cases.iter().flat_map(|(_, loads)| loads).map(|(name, _)| name.clone());
        let title = format!("Response times of {}", pictured.subject);
        let charts = loads_of(pictured, names).into_iter().flat_map(|(load, several)| {
            let curves = cases.iter().filter_map(|(case, loads)| {
                let (_, all) = loads.iter().find(|(name, _)| *name == load)?;
                let points = all.histogram().map(|all| percentiles(&all))?;
                (!points.is_empty()).then(|| LineCurve { name: case.name.clone(), points })
            });
            in_parts(&of_load(&title, &load, several), curves.collect(), MOST_CURVES)
        });
        charts.collect::<Vec<_>>()
    };
    let charts = pictured.iter().flat_map(of_benchmark).map(|(title, curves)| LineChart {
        title,
        axes: ("percentile".to_owned(), "milliseconds".to_owned()),
        scale: Scale::Percentile,
        log_y: true,
        curves,
        marks: Vec::new(),
        marks_unit: "s",
    });
    let left_out = pictured.iter().filter(|pictured| pictured.left_out > 0).map(|pictured| {
        let Pictured { subject, left_out, .. } = pictured;
        Block::Text(format!("Not drawn of {}: {left_out} more cases\n", plain(subject)))
    });
    charts.flat_map(|chart| blocks(&chart)).chain(left_out).collect()
}

/// The loads that are drawn, each once, and whether there are several.
fn loads_of(pictured: &Pictured, loads: impl Iterator<Item = String>) -> Vec<(String, bool)> {
    let found = distinct(loads);
    if pictured.has_parts || found.len() == 1 { found } else { Vec::new() }
}

/// Each once, in order, and whether there are several.
fn distinct(loads: impl Iterator<Item = String>) -> Vec<(String, bool)> {
    let mut found: Vec<String> = Vec::new();
    for load in loads {
        if !found.contains(&load) {
            found.push(load);
        }
    }
    let several = found.len() > 1;
    found.into_iter().map(|load| (load, several)).collect()
}

/// The title of a chart of one load of a case.
fn of_load(title: &str, load: &str, several: bool) -> String {
    match load.trim() {
        load if several && !load.is_empty() => format!("{title}: {load}"),
        _ => title.to_owned(),
    }
}

/// Response times by the names of loads.
type Loads = Vec<(String, Counts)>;

/// Those of all repetitions of a case, taken together.
fn of_loads(repetitions: &[Repetition<'_>], histograms: &Histograms) -> Loads {
    let mut all = Loads::new();
    let of_each = repetitions.iter().filter_map(|repetition| {
        Some(histograms.of_loads(&repetition.all().next()?.run_id, repetition.case()?))
    });
    for (load, counts) in of_each.flatten() {
        match all.iter_mut().find(|(name, _)| *name == load) {
            Some((_, all)) => all.add(&counts),
            None => all.push((load, counts)),
        }
    }
    all
}

fn percentiles(all: &Histogram<u64>) -> Vec<(f64, f64)> {
    // A percentile beyond the last but one value is the maximum, and no news.
    let rarest = 1.0 / all.len() as f64;
    let shares = (0..DECADES * STEPS).map(|step| 10_f64.powf(-f64::from(step) / f64::from(STEPS)));
    let points = shares
        .take_while(|rare| *rare >= rarest)
        .map(|rare| (1.0 - rare, all.value_at_quantile(1.0 - rare) as f64 / NS_PER_MS));
    points.collect()
}

/// Throughput by second, for each benchmark, and for each of its loads where it has several; of the repetition that
/// stands for its case. `happened` has what happened in each file of `loaded`.
pub(super) fn over_time(
    loaded: &Loaded,
    pictured: &[Pictured],
    happened: &[Vec<Happened>],
    unread: &mut Vec<String>,
) -> Vec<Block> {
    let cases = pictured.iter().flat_map(|pictured| &pictured.cases);
    let wanted: HashMap<String, &Case> = cases.map(|of| (key(&of.case), &of.case)).collect();
    let mut all = Courses::new();
    for (results, events) in loaded.files.iter().zip(happened) {
        for (case, loads) in courses(results, &wanted, events, unread) {
            // Of two runs that have a case, the first shows it.
            all.entry(case).or_insert(loads);
        }
    }
    pictured.iter().flat_map(|pictured| courses_of(pictured, &all)).collect()
}

fn courses_of(pictured: &Pictured, all: &Courses) -> Vec<Block> {
    let mut courses: Vec<(&str, &Course)> = Vec::new();
    for of in &pictured.cases {
        let its = all.get(&key(&of.case)).into_iter().flatten();
        courses.extend(its.map(|course| (of.name.as_str(), course)));
    }
    let title = format!("Throughput of {} over time", pictured.subject);
    let mut blocks = Vec::new();
    for (load, several) in loads_of(pictured, courses.iter().map(|(_, course)| course.load.clone()))
    {
        let its = courses.iter().copied().filter(|(_, course)| course.load == load);
        let (its, short): (Vec<_>, Vec<_>) =
            its.partition(|(_, course)| course.points.len() >= FEWEST_SECONDS);
        let parts = in_parts(&of_load(&title, &load, several), its, MOST_CURVES);
        let is_drawn = !parts.is_empty();
        blocks.extend(parts.into_iter().flat_map(|(title, part)| over_seconds(title, &part)));
        blocks.extend(too_short(&short).filter(|_| is_drawn));
    }
    blocks
}

/// Whose loads are not among those that are drawn.
fn too_short(courses: &[(&str, &Course)]) -> Option<Block> {
    let names: Vec<String> = courses.iter().map(|(name, _)| plain(name)).collect();
    let listed = names.join(", ");
    (!names.is_empty()).then(|| {
        Block::Text(format!(
            "Not drawn, for fewer than {FEWEST_SECONDS} whole seconds of it were measured: {listed}\n"
        ))
    })
}

/// The chart of loads, with what happened meanwhile.
fn over_seconds(title: String, courses: &[(&str, &Course)]) -> Vec<Block> {
    let curve = |(name, course): &(&str, &Course)| LineCurve {
        name: (*name).to_owned(),
        points: super::sampled::thinned(&course.points),
    };
    let events = courses.iter().flat_map(|(name, course)| {
        let told =
            move |(at, what): &(f64, String)| (course.has(*at), (*at, format!("{what} ({name})")));
        course.events.iter().map(told)
    });
    let (within, outside): (Vec<_>, Vec<_>) = events.partition(|(is_within, _)| *is_within);
    let marks =
        |events: Vec<(bool, (f64, String))>| events.into_iter().map(|(_, mark)| mark).collect();
    let chart = LineChart {
        title,
        axes: ("seconds".to_owned(), "transactions per second".to_owned()),
        scale: Scale::Linear,
        log_y: false,
        curves: courses.iter().map(curve).collect(),
        marks: marks(within),
        marks_unit: "s",
    };
    let outside: Vec<(f64, String)> = marks(outside);
    blocks(&chart).into_iter().chain(marks::beside(&outside)).collect()
}

/// A case and its repetition as the columns of a file say them.
pub(super) fn key(case: &Case) -> String {
    case_fields(case).into_iter().chain(added_case_fields(case)).collect::<Vec<_>>().join("\n")
}

/// Throughput against load.
pub(super) fn against_load(chart: &Chart) -> Block {
    Block::Chart { stem: chart.file_stem(), title: chart.title.clone(), svg: chart.svg() }
}

/// Something over time, or by percentile, and below it what its marks mean.
pub(super) fn blocks(chart: &LineChart) -> Vec<Block> {
    let (stem, title, svg) = (chart.file_stem(), chart.title.clone(), chart.svg());
    let picture = Block::Chart { stem, title, svg };
    std::iter::once(picture).chain(marks::explained(chart)).collect()
}
