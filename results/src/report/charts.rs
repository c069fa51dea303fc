//! The pictures of a report.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use dbdyno_core::Case;
use jiff::{SignedDuration, Timestamp};

use super::events::Happened;
use super::summary::Headline;
use super::{Block, side_file};
use crate::chart::{Chart, LineChart, LineCurve, MOST_CURVES, Scale};
use crate::histograms::Histograms;
use crate::load::Loaded;
use crate::record::{ADDED_CASE_COLUMNS, CASE_COLUMNS, added_case_fields, case_fields};
use crate::repetition::{CaseKey, Repetition, case_key, repetitions};
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
    let mut by_case: HashMap<CaseKey<'_>, Vec<Repetition<'_>>> = HashMap::new();
    for repetition in repetitions(&loaded.records) {
        if let Some(case) = repetition.case() {
            by_case.entry(case_key(case)).or_default().push(repetition);
        }
    }
    let charts = headlines.iter().filter_map(|headline| {
        let curves = headline.cases.iter().take(MOST_CURVES).filter_map(|case| {
            let points = percentiles(by_case.get(&case_key(case))?, histograms)?;
            Some(LineCurve { name: case.target.clone(), points })
        });
        let curves: Vec<LineCurve> = curves.collect();
        (!curves.is_empty()).then(|| LineChart {
            title: format!("Response times of {}", headline.subject),
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
fn percentiles(repetitions: &[Repetition<'_>], histograms: &Histograms) -> Option<Vec<(f64, f64)>> {
    let each = repetitions.iter().filter_map(|repetition| {
        histograms.of_repetition(&repetition.all().next()?.run_id, repetition.case()?, "")
    });
    let all = each.reduce(|mut all, next| {
        // It grows as it must, which is all that could fail.
        let _ = all.add(next);
        all
    })?;
    // A percentile beyond the last but one value is the maximum, and no news.
    let rarest = 1.0 / all.len() as f64;
    let shares = (0..DECADES * STEPS).map(|step| 10_f64.powf(-f64::from(step) / f64::from(STEPS)));
    let points = shares
        .take_while(|rare| *rare >= rarest)
        .map(|rare| (1.0 - rare, all.value_at_quantile(1.0 - rare) as f64 / NS_PER_MS));
    Some(points.collect())
}

/// Throughput by second, for each benchmark; of the repetition that stands for its case. `happened` has what
/// happened in each file of `loaded`.
pub(super) fn over_time(
    loaded: &Loaded,
    headlines: &[Headline],
    happened: &[Vec<Happened>],
    unread: &mut Vec<String>,
) -> Vec<Block> {
    let wanted: HashSet<String> =
        headlines.iter().flat_map(|headline| &headline.cases).map(key).collect();
    let mut seconds = Seconds::new();
    for (results, events) in loaded.files.iter().zip(happened) {
        let timeline = results.path.with_file_name(file::TIMELINE);
        let mut of_run = read_seconds(&timeline, &wanted, unread);
        for event in events {
            let (Some(course), Some(told)) = (of_run.get_mut(&event.case), event.mark()) else {
                continue;
            };
            course.events.extend(course.began.map(|began| (event.at.duration_since(began), told)));
        }
        for (case, course) in of_run {
            // Of two runs that have a case, the first shows it.
            seconds.entry(case).or_insert(course);
        }
    }
    let charts = headlines.iter().filter_map(|headline| {
        let courses = headline.cases.iter().take(MOST_CURVES).filter_map(|case| {
            let course = seconds.get(&key(case))?;
            (course.points.len() >= FEWEST_SECONDS).then_some((case, course))
        });
        let courses: Vec<(&Case, &Course)> = courses.collect();
        let curve = |(case, course): &(&Case, &Course)| LineCurve {
            name: case.target.clone(),
            points: super::sampled::thinned(&course.points),
        };
        let marks = courses.iter().flat_map(|(case, course)| {
            let told = |(at, what): &(SignedDuration, String)| {
                (at.as_secs_f64(), format!("{what} ({})", case.target))
            };
            course.events.iter().map(told)
        });
        (!courses.is_empty()).then(|| LineChart {
            title: format!("Throughput of {} over time", headline.subject),
            axes: ("seconds".to_owned(), "transactions per second".to_owned()),
            scale: Scale::Linear,
            log_y: false,
            curves: courses.iter().map(curve).collect(),
            marks: marks.collect(),
        })
    });
    charts.map(|chart| block(&chart)).collect()
}

/// The course of each case, by its [`key`].
type Seconds = HashMap<String, Course>;

/// How a load went.
#[derive(Default)]
struct Course {
    /// Seconds and throughput.
    points: Vec<(f64, f64)>,
    began: Option<Timestamp>,
    /// What happened, and how long after its beginning.
    events: Vec<(SignedDuration, String)>,
}

/// A case and its repetition as the columns of a file say them.
pub(super) fn key(case: &Case) -> String {
    case_fields(case).into_iter().chain(added_case_fields(case)).collect::<Vec<_>>().join("\n")
}

/// The measured seconds of the cases that are wanted.
fn read_seconds(path: &Path, wanted: &HashSet<String>, unread: &mut Vec<String>) -> Seconds {
    let own = ["transaction", "phase", "second", "throughput"];
    let columns = [&own[..], &CASE_COLUMNS[..], &ADDED_CASE_COLUMNS[..]].concat();
    let mut seconds = Seconds::new();
    side_file::rows(path, &columns, unread, |row| {
        if !row.get(0).is_empty() || row.get(1) != "measure" {
            return Ok(());
        }
        let point = (row.number(2)?, row.number(3)?);
        let key = row.from(own.len()).collect::<Vec<_>>().join("\n");
        if wanted.contains(&key) {
            let course: &mut Course = seconds.entry(key).or_default();
            // Older runs do not say when a second began.
            let moment = row.other("at").and_then(|at| at.parse::<Timestamp>().ok());
            let since = SignedDuration::try_from_secs_f64(point.0).ok();
            course.began = course.began.or_else(|| moment?.checked_sub(since?).ok());
            course.points.push(point);
        }
        Ok(())
    });
    seconds
}

/// Throughput against load.
pub(super) fn of_load(chart: &Chart) -> Block {
    Block::Chart { stem: chart.file_stem(), title: chart.title.clone(), svg: chart.svg() }
}

/// Something over time, or by percentile.
pub(super) fn block(chart: &LineChart) -> Block {
    Block::Chart { stem: chart.file_stem(), title: chart.title.clone(), svg: chart.svg() }
}
