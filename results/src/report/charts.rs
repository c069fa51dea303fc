//! The pictures of a report.

use std::collections::BTreeMap;

use dbdyno_core::Case;

use super::Block;
use super::summary::Headline;
use crate::chart::{Chart, LineChart, LineCurve, MOST_CURVES, Scale};
use crate::histograms::Histograms;
use crate::load::Loaded;
use crate::repetition::{case_key, repetitions};
use crate::run_folder::file;

/// The shares that a curve of response times goes through: nine for each tenfold.
const DECADES: i32 = 5;
const STEPS: i32 = 9;
const NS_PER_MS: f64 = 1e6;
/// Fewer seconds are no course of events.
const FEWEST_SECONDS: usize = 5;

/// Response times by percentile, for each benchmark.
pub(super) fn response_times(
    loaded: &Loaded,
    histograms: &Histograms,
    headlines: &[Headline],
) -> Vec<Block> {
    let charts = headlines.iter().filter_map(|headline| {
        let curves = headline.cases.iter().take(MOST_CURVES).filter_map(|case| {
            let points = percentiles(loaded, histograms, case)?;
            Some(LineCurve { name: case.target.clone(), points })
        });
        let curves: Vec<LineCurve> = curves.collect();
        (!curves.is_empty()).then(|| LineChart {
            title: format!("Response times of {}", headline.benchmark),
            axes: ("percentile".to_owned(), "milliseconds".to_owned()),
            scale: Scale::Percentile,
            log_y: true,
            curves,
            marks: Vec::new(),
        })
    });
    charts.map(|chart| block(&chart)).collect()
}

/// Those of all repetitions of a case, taken together.
fn percentiles(loaded: &Loaded, histograms: &Histograms, case: &Case) -> Option<Vec<(f64, f64)>> {
    let mut all: Option<hdrhistogram::Histogram<u64>> = None;
    for repetition in repetitions(&loaded.records) {
        let Some(its) = repetition.case().filter(|its| case_key(its) == case_key(case)) else {
            continue;
        };
        let run = &repetition.all().next()?.run_id;
        let Some(histogram) = histograms.of_repetition(run, its) else { continue };
        match &mut all {
            Some(all) => all.add(&histogram).ok()?,
            None => all = Some(histogram),
        }
    }
    let all = all?;
    // A percentile beyond the last but one value is the maximum, and no news.
    let rarest = 1.0 / all.len() as f64;
    let shares = (0..DECADES * STEPS).map(|step| 10_f64.powf(-f64::from(step) / f64::from(STEPS)));
    let points = shares
        .take_while(|rare| *rare >= rarest)
        .map(|rare| (1.0 - rare, all.value_at_quantile(1.0 - rare) as f64 / NS_PER_MS));
    Some(points.collect())
}

/// Throughput by second, for each benchmark; of the first repetition.
pub(super) fn over_time(loaded: &Loaded, headlines: &[Headline]) -> Vec<Block> {
    let mut seconds: BTreeMap<(String, String), Vec<(f64, f64)>> = BTreeMap::new();
    for results in &loaded.files {
        read_seconds(&results.path.with_file_name(file::TIMELINE), &mut seconds);
    }
    let charts = headlines.iter().filter_map(|headline| {
        let curves = headline.cases.iter().take(MOST_CURVES).filter_map(|case| {
            let key = (headline.benchmark.clone(), key_of(case));
            let points = seconds.get(&key).filter(|points| points.len() >= FEWEST_SECONDS)?.clone();
            Some(LineCurve { name: case.target.clone(), points })
        });
        let curves: Vec<LineCurve> = curves.collect();
        (!curves.is_empty()).then(|| LineChart {
            title: format!("Throughput of {} over time", headline.benchmark),
            axes: ("seconds".to_owned(), "transactions per second".to_owned()),
            scale: Scale::Linear,
            log_y: false,
            curves,
            marks: Vec::new(),
        })
    });
    charts.map(|chart| block(&chart)).collect()
}

fn key_of(case: &Case) -> String {
    format!("{}\n{}\n{}\n{}", case.target, case.isolation, case.durability, case.clients)
}

/// The seconds of the first repetition of each case. A file that is not there or is cut off has fewer.
fn read_seconds(path: &std::path::Path, seconds: &mut BTreeMap<(String, String), Vec<(f64, f64)>>) {
    let Ok(mut reader) = csv::Reader::from_path(path) else { return };
    let Ok(header) = reader.headers().cloned() else { return };
    let place = |name: &str| header.iter().position(|column| column == name);
    let columns = [
        "suite",
        "benchmark",
        "target",
        "isolation",
        "durability",
        "clients",
        "repetition",
        "transaction",
        "second",
        "throughput",
        "phase",
    ];
    let Some(places) = columns.iter().map(|name| place(name)).collect::<Option<Vec<_>>>() else {
        return;
    };
    for row in reader.records().map_while(Result::ok) {
        let field = |column: usize| row.get(places[column]).unwrap_or_default();
        if field(6) != "1" || !field(7).is_empty() || field(10) != "measure" {
            continue;
        }
        if let (Ok(second), Ok(throughput)) = (field(8).parse(), field(9).parse()) {
            let key = format!("{}\n{}\n{}\n{}", field(2), field(3), field(4), field(5));
            let benchmark = format!("{}/{}", field(0), field(1));
            seconds.entry((benchmark, key)).or_default().push((second, throughput));
        }
    }
}

/// Throughput against load.
pub(super) fn of_load(chart: &Chart) -> Block {
    Block::Chart { stem: chart.file_stem(), title: chart.title.clone(), svg: chart.svg() }
}

fn block(chart: &LineChart) -> Block {
    Block::Chart { stem: chart.file_stem(), title: chart.title.clone(), svg: chart.svg() }
}
