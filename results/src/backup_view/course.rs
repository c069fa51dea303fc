//! How throughput and response times went while a backup was made, by the files `backups/` of run folders.

use std::collections::BTreeMap;
use std::path::Path;

use super::SUITE;
use crate::chart::{LineChart, LineCurve, Scale};
use crate::number;
use crate::run_folder::file_stem;
use crate::subject::Subject;

/// The folder of the files.
const FOLDER: &str = "backups";
const MS_PER_S: f64 = 1e3;
const US_PER_MS: f64 = 1e3;

/// The spans of each method, in order.
type Courses = BTreeMap<String, Vec<Span>>;

/// A span of a load.
#[derive(Clone, Debug, PartialEq)]
struct Span {
    phase: String,
    from_s: f64,
    to_s: f64,
    ended: f64,
    p99_ms: Option<f64>,
}

/// A chart for each method of a case.
pub(super) fn charts(subject: &Subject, folders: &[&Path]) -> Vec<LineChart> {
    let file = format!("{}.csv", file_stem(&subject.case));
    let read = folders.iter().map(|folder| read(&folder.join(FOLDER).join(&file)));
    let courses = read.into_iter().find(|courses| !courses.is_empty()).unwrap_or_default();
    courses.iter().map(|(method, spans)| chart(subject, method, spans)).collect()
}

fn chart(subject: &Subject, method: &str, spans: &[Span]) -> LineChart {
    let middle = |span: &Span| f64::midpoint(span.from_s, span.to_s);
    let long = spans.iter().filter(|span| span.to_s > span.from_s);
    let throughput = long.map(|span| (middle(span), span.ended / (span.to_s - span.from_s)));
    let p99 = spans.iter().filter_map(|span| Some((middle(span), span.p99_ms?)));
    let during = || spans.iter().filter(|span| span.phase == "during");
    let began = during().next().map(|span| (span.from_s, "the backup begins".to_owned()));
    let ended = during().next_back().map(|span| (span.to_s, "the backup is made".to_owned()));
    LineChart {
        title: format!(
            "{SUITE}/{} on {} while {method} makes a backup",
            subject.case.benchmark, subject.label
        ),
        axes: ("seconds".to_owned(), "transactions per second; milliseconds".to_owned()),
        scale: Scale::Linear,
        log_y: true,
        curves: vec![
            LineCurve { name: "throughput, 1/s".to_owned(), points: throughput.collect() },
            LineCurve { name: "p99, ms".to_owned(), points: p99.collect() },
        ],
        marks: began.into_iter().chain(ended).collect(),
        marks_unit: "s",
    }
}

/// A file that is not there or is cut off has fewer spans.
fn read(path: &Path) -> Courses {
    let mut courses = Courses::new();
    let Ok(mut reader) = csv::Reader::from_path(path) else { return courses };
    let Ok(header) = reader.headers().cloned() else { return courses };
    let place = |name: &str| header.iter().position(|column| column == name);
    let (Some(method), Some(phase), Some(from), Some(to), Some(ended), Some(p99)) = (
        place("method"),
        place("phase"),
        place("from_ms"),
        place("to_ms"),
        place("ended"),
        place("latency_p99_us"),
    ) else {
        return courses;
    };
    for row in reader.records().map_while(Result::ok) {
        let number = |place: usize| row.get(place).and_then(number::finite);
        let (Some(from), Some(to), Some(ended)) = (number(from), number(to), number(ended)) else {
            continue;
        };
        let text = |place: usize| row.get(place).unwrap_or_default().to_owned();
        courses.entry(text(method)).or_default().push(Span {
            phase: text(phase),
            from_s: from / MS_PER_S,
            to_s: to / MS_PER_S,
            ended,
            p99_ms: number(p99).map(|us| us / US_PER_MS),
        });
    }
    courses
}
