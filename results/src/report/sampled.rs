//! What engines, their processes, dbdyno and the machine told of themselves while runs worked (`metrics.csv`).

mod each;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::{Block, charts, side_file};
use crate::chart::{LineChart, LineCurve, MOST_CURVES, Scale, in_parts};
use crate::grid::{Align, Grid, Text};
use crate::load::Loaded;
use crate::markup::plain;
use crate::number;
use crate::run_folder::file;
use each::{Each, Line};

/// A curve has so many points at the most, each the mean of the samples that fall into it.
const MOST_POINTS: usize = 300;
/// Fewer samples are no course of events.
const FEWEST_SAMPLES: usize = 5;
/// What the machine and dbdyno are called among targets.
const MACHINE: &str = "machine";
const CLIENT: &str = "dbdyno";

/// Seconds since the first sample, and a value.
type Course = Vec<(f64, f64)>;

/// The samples of a run: by source and metric, then by target.
#[derive(Default)]
struct Sampled {
    courses: BTreeMap<(String, String), BTreeMap<String, Course>>,
    /// Metrics that are told per second.
    counters: Vec<(String, String)>,
    /// What there are several of.
    each: Each,
}

/// A chart for each of what decides most, and a table of all.
pub(super) fn sampled(loaded: &Loaded, unread: &mut Vec<String>) -> Vec<Block> {
    let several = loaded.files.len() > 1;
    let mut blocks = Vec::new();
    let paths: Vec<&Path> = loaded.files.iter().map(|file| file.path.as_path()).collect();
    for (results, name) in loaded.files.iter().zip(names(&paths)) {
        let rows = results.rows(loaded);
        let targets: BTreeSet<&str> = rows.iter().map(|row| row.case.target.as_str()).collect();
        let metrics = results.path.with_file_name(file::METRICS);
        let sampled = Sampled::read(&metrics, &targets, unread);
        let of_run =
            if several && !name.is_empty() { format!(" in {name}") } else { String::new() };
        let charts = sampled.charts(&of_run);
        if charts.is_empty() {
            continue;
        }
        blocks.extend(charts.iter().flat_map(charts::blocks));
        let summary = format!("All that was sampled{of_run}");
        blocks.push(Block::Folded { summary, text: sampled.table(&of_run) });
    }
    blocks
}

/// What the runs of some results are called: as their folders, with as many of the folders around them as it takes
/// to tell them apart.
fn names(results: &[&Path]) -> Vec<String> {
    let own = results.iter().map(|path| {
        let name = path.parent().and_then(Path::file_name);
        name.map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
    });
    let own: Vec<String> = own.collect();
    let is_apart = |names: &Vec<String>| names.iter().collect::<HashSet<_>>().len() == names.len();
    let whole = |path: &&Path| path.canonicalize().unwrap_or_else(|_| path.to_path_buf());
    let whole: Vec<PathBuf> = results.iter().map(whole).collect();
    let ends = |count: usize| -> Vec<String> {
        let end = |path: &PathBuf| {
            let folders: Vec<_> = path.parent().into_iter().flat_map(Path::components).collect();
            let end: PathBuf = folders[folders.len().saturating_sub(count)..].iter().collect();
            end.to_string_lossy().into_owned()
        };
        whole.iter().map(end).collect()
    };
    let deepest = whole.iter().map(|path| path.components().count()).max().unwrap_or_default();
    let found = std::iter::once(own.clone()).chain((2..deepest).map(ends)).find(is_apart);
    found.unwrap_or(own)
}

impl Sampled {
    /// Servers that suites started for themselves are told in the file: there may be dozens, each for a part of a case.
    fn read(path: &Path, targets: &BTreeSet<&str>, unread: &mut Vec<String>) -> Self {
        let columns = ["at", "source", "target", "metric", "of", "kind", "value", "per_second"];
        let (mut sampled, mut began) = (Self::default(), None);
        side_file::rows(path, &columns, unread, |row| {
            let at = row.get(0);
            let moment: Timestamp =
                at.parse().map_err(|_| format!("column `at`: `{at}` is no time"))?;
            let since = moment.duration_since(*began.get_or_insert(moment)).as_secs_f64();
            let is_counter = row.get(5) == "counter";
            let told = if is_counter { 7 } else { 6 };
            // A counter grew by nothing known at first.
            if row.get(told).is_empty() {
                return Ok(());
            }
            let target = match row.get(1) {
                "machine" => MACHINE,
                "client" => CLIENT,
                _ if targets.contains(row.get(2)) => row.get(2),
                _ => return Ok(()),
            };
            let name = (row.get(1).to_owned(), row.get(3).to_owned());
            if is_counter && !sampled.counters.contains(&name) {
                sampled.counters.push(name.clone());
            }
            if !row.get(4).is_empty() {
                sampled.each.add(name, row.get(4), target, row.number(told)?);
                return Ok(());
            }
            let course = sampled.courses.entry(name).or_default();
            course.entry(target.to_owned()).or_default().push((since, row.number(told)?));
            Ok(())
        });
        sampled
    }

    fn of<'s>(&'s self, source: &str, metric: &str) -> impl Iterator<Item = (&'s str, &'s Course)> {
        let found = self.courses.get(&(source.to_owned(), metric.to_owned()));
        found.into_iter().flatten().map(|(target, course)| (target.as_str(), course))
    }

    fn charts(&self, of_run: &str) -> Vec<LineChart> {
        let processors = [("machine", "cpu_busy_s"), ("client", "cpu_s"), ("server", "cpu_s")];
        let used = processors.iter().flat_map(|(source, metric)| self.of(source, metric));
        let waits = self.of("engine", "lock_waits");
        let written = self.of("engine", "log_bytes");
        let megabytes =
            |course: &Course| course.iter().map(|(at, bytes)| (*at, bytes / 1e6)).collect();
        let own = |(name, course): (&str, &Course)| (name.to_owned(), course.clone());
        let charts = [
            ("Processors in use", "processors", used.map(own).collect()),
            ("Pages found in the engine's cache", "per cent", self.found_in_cache()),
            ("Locks that are waited for", "sessions that wait", waits.map(own).collect()),
            (
                "Log written",
                "megabytes per second",
                written.map(|(name, course)| (name.to_owned(), megabytes(course))).collect(),
            ),
        ];
        let drawn = charts
            .into_iter()
            .flat_map(|(title, axis, courses)| drawn(&format!("{title}{of_run}"), axis, courses));
        drawn.collect()
    }

    /// In the seconds in which any page was asked for.
    fn found_in_cache(&self) -> Vec<(String, Course)> {
        let missed: BTreeMap<&str, &Course> = self.of("engine", "cache_misses").collect();
        let of_target = |(target, hits): (&str, &Course)| {
            // Either may lack samples that the other has. Of one moment both have the same bits.
            let misses: HashMap<u64, f64> =
                missed.get(target)?.iter().map(|(at, count)| (at.to_bits(), *count)).collect();
            let share = |(at, hits): &(f64, f64)| {
                let all = hits + misses.get(&at.to_bits())?;
                (all > 0.0).then_some((*at, 100.0 * hits / all))
            };
            Some((target.to_owned(), hits.iter().filter_map(share).collect()))
        };
        self.of("engine", "cache_hits").filter_map(of_target).collect()
    }

    /// How many samples there are of a source and a target.
    fn samples(&self, source: &str, target: &str) -> usize {
        let of_source = self.courses.iter().filter(|((of, _), _)| of == source);
        of_source.filter_map(|(_, courses)| Some(courses.get(target)?.len())).max().unwrap_or(0)
    }

    /// The mean of every metric, a column for each target.
    fn table(&self, of_run: &str) -> String {
        let of_one = self.courses.values().flat_map(BTreeMap::keys).map(String::as_str);
        let mut targets: Vec<&str> = of_one.chain(self.each.targets()).collect();
        targets.sort_unstable();
        targets.dedup();
        let mut columns = vec![("metric".to_owned(), Align::Left)];
        columns.extend(targets.iter().map(|target| (plain(target), Align::Right)));
        let (lines, left_out) = self.each.lines(|source, target| self.samples(source, target));
        let note = note(&lines, &left_out);
        let one = |courses: &BTreeMap<String, Course>| -> BTreeMap<String, f64> {
            let mean = |(target, course): (&String, &Course)| Some((target.clone(), mean(course)?));
            courses.iter().filter_map(mean).collect()
        };
        let single =
            self.courses.iter().map(|(name, courses)| (name.clone(), String::new(), one(courses)));
        let several =
            lines.into_iter().map(|line| (line.metric, format!(" ({})", line.of), line.means));
        let mut all: Vec<_> = single.chain(several).collect();
        // The order of what there are several of stays.
        all.sort_by(|(one, ..), (other, ..)| one.cmp(other));
        let rows = all.iter().map(|(name, of, means)| {
            let of_source = if name.0 == *"server" { "server: " } else { "" };
            let per = if self.counters.contains(name) { " a second" } else { "" };
            let mut row = vec![Text::from(plain(&format!("{of_source}{}{of}{per}", name.1)))];
            row.extend(targets.iter().map(|target| {
                let mean = means.get(*target).copied();
                Text::from(mean.map(number::sensible).unwrap_or_default())
            }));
            row
        });
        let rows = rows.collect();
        format!(
            "{}\nMeans over the whole run{of_run}, loading and pauses between cases included; counters by how much they \
             grew in a second.{note}\n",
            Grid { columns, rows }.markdown_of_markup()
        )
    }
}

/// What is left out of what there are several of.
fn note(lines: &[Line], left_out: &[(&str, usize)]) -> String {
    let more: Vec<String> =
        left_out.iter().map(|(metric, more)| format!("{more} of {metric}")).collect();
    match (lines.is_empty(), more.is_empty()) {
        (true, _) => String::new(),
        (false, true) => " What there are several of is left out where it was always 0.".to_owned(),
        (false, false) => format!(
            " What there are several of is left out where it was always 0, and so are all but the largest: {}.",
            plain(&more.join(", "))
        ),
    }
}

fn mean(course: &Course) -> Option<f64> {
    let sum: f64 = course.iter().map(|(_, value)| value).sum();
    (!course.is_empty()).then(|| sum / course.len() as f64)
}

/// None where nothing of it ever happened, or it was looked at too seldom.
fn drawn(title: &str, axis: &str, courses: Vec<(String, Course)>) -> Vec<LineChart> {
    let happened = |course: &Course| {
        course.len() >= FEWEST_SAMPLES && course.iter().any(|(_, value)| *value > 0.0)
    };
    let curves = courses
        .into_iter()
        .filter(|(_, course)| happened(course))
        .map(|(name, course)| LineCurve { name, points: thinned(&course) });
    let chart = |(title, curves)| LineChart {
        title,
        axes: ("seconds".to_owned(), axis.to_owned()),
        scale: Scale::Linear,
        log_y: false,
        curves,
        marks: Vec::new(),
        marks_unit: "s",
    };
    in_parts(title, curves.collect(), MOST_CURVES).into_iter().map(chart).collect()
}

/// A course with [`MOST_POINTS`] at the most.
pub(super) fn thinned(course: &[(f64, f64)]) -> Course {
    let span = course.len().div_ceil(MOST_POINTS).max(1);
    let middle = |part: &[(f64, f64)]| {
        let count = part.len() as f64;
        let sum = part.iter().fold((0.0, 0.0), |sum, (at, value)| (sum.0 + at, sum.1 + value));
        (sum.0 / count, sum.1 / count)
    };
    course.chunks(span).map(middle).collect()
}
