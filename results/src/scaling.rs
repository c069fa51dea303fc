//! Scaling curves: one benchmark at several numbers of clients.

use std::collections::{BTreeMap, BTreeSet};

use dbdyno_core::{Case, Error, Result};

use crate::bottleneck;
use crate::chart::{Chart, ChartCurve, MOST_CURVES, in_parts};
use crate::compare::against::{self, Against, Family};
use crate::csv_lines::csv_line;
use crate::dimension::{Dimension, Level, Plan};
use crate::grid::{Align, BOLD, Grid, Text, wrap};
use crate::markup::plain;
use crate::metric;
use crate::number;
use crate::record::{
    ADDED_CASE_COLUMNS, CASE_COLUMNS, Record, added_case_fields, case_fields, optional,
};
use crate::render::{Format, RenderOptions};
use crate::repetition::{Repetition, Rounds, Sample, add_to, distinct_cases, repetitions};
use crate::scalability::{self, Load};
use crate::statistics::usl::{self, Fit, Observation, Spread};
use crate::statistics::{Round, half_range_percent, lower_median, median};

/// The curves of all benchmarks that were measured at more than one number of clients.
#[derive(Clone, Debug, PartialEq)]
pub struct Scaling {
    /// The dimensions with one value in all curves, and that value, unless it goes without saying.
    pub constants: Vec<(Dimension, String)>,
    /// The dimensions whose values tell curves apart.
    pub dimensions: Vec<Dimension>,
    /// The curves, sorted by benchmark and conditions.
    pub curves: Vec<Curve>,
}

/// One benchmark on one target under one set of conditions.
#[derive(Clone, Debug, PartialEq)]
pub struct Curve {
    /// The benchmark with its suite.
    pub benchmark: String,
    /// The values of [`Scaling::dimensions`].
    pub levels: Vec<String>,
    /// The points, by number of clients; the first is what the others are measured against.
    pub points: Vec<Point>,
    /// The Universal Scalability Law, fitted to the throughput of every repetition. `None` of too few
    /// numbers of clients, and in open loop, where throughput is what was asked for.
    pub fit: Option<Fit>,
}

/// One number of clients.
#[derive(Clone, Debug, PartialEq)]
pub struct Point {
    /// The case, as its first repetition has it.
    pub case: Case,
    /// Transactions per second, the median over repetitions; `None` where there is no number
    /// that counts.
    pub throughput: Option<f64>,
    /// Transactions per second of each repetition that counts.
    pub repetitions: Vec<f64>,
    /// Half the range of the throughput over repetitions, in percent of the median.
    pub spread_percent: Option<f64>,
    /// The throughput over that of the first point, 1 at that; those of a benchmark are looked at together.
    pub(crate) speed_up: Against,
    /// The speed-up in percent of a linear one: 100 where twice the clients do twice the work.
    pub efficiency_percent: Option<f64>,
    /// The 99th percentile of the response time in microseconds, the median over repetitions.
    pub p99_us: Option<f64>,
    /// What became of it where there is no throughput, and why.
    pub status: String,
    /// In how many repetitions the client, not the server, was the bottleneck.
    pub client_bottlenecks: usize,
}

/// The scaling curves of `records`.
///
/// # Errors
/// No benchmark was measured at more than one number of clients.
pub fn scaling(records: &[Record]) -> Result<Scaling> {
    let cases = distinct_cases(records);
    let clients = Dimension::Clients;
    let placed: Vec<_> = cases.iter().map(|case| (*case, clients.level(case))).collect();
    let plan = Plan::new(&placed, clients);
    // What is the same in all cases of one number of clients still tells curves apart.
    let dimensions: Vec<_> = plan.of_columns.iter().chain(&plan.rows).copied().collect();
    let mut curves: BTreeMap<(String, Vec<Level>), BTreeMap<u32, Rounds<'_>>> = BTreeMap::new();
    for repetition in repetitions(records) {
        let Some(case) = repetition.case() else { continue };
        let levels = dimensions.iter().map(|of| of.level(case)).collect();
        let benchmark = format!("{}/{}", case.suite, case.benchmark);
        let curve = curves.entry((benchmark, levels)).or_default();
        let point = curve.entry(case.clients).or_default();
        add_to(point, repetition);
    }
    // A target that cannot do it at all has no curve; the comparison says why.
    curves.retain(|_, points| {
        let mut repetitions = points.values().flat_map(BTreeMap::values);
        points.len() > 1 && !repetitions.all(Repetition::is_unsupported)
    });
    if curves.is_empty() {
        let why = "no benchmark was measured at more than one number of clients";
        return Err(Error::new("show scaling curves", why)
            .next("run a benchmark with several, such as `--clients 1,2,4,8`"));
    }
    let curves = curves.into_iter().map(|((benchmark, levels), points)| {
        let levels = levels.into_iter().map(|level| level.text).collect();
        let points = self::points(&points);
        Curve { benchmark, levels, fit: fit(&points), points }
    });
    let mut curves: Vec<Curve> = curves.collect();
    for of_benchmark in curves.chunk_by_mut(|one, other| one.benchmark == other.benchmark) {
        let points = of_benchmark.iter_mut().flat_map(|curve| &mut curve.points);
        against::correct_all(points.map(|point| &mut point.speed_up));
    }
    Ok(Scaling { constants: plan.constants, curves, dimensions })
}

fn points(points: &BTreeMap<u32, Rounds<'_>>) -> Vec<Point> {
    let Some((first_clients, first)) = points.first_key_value() else { return Vec::new() };
    let base = values(first, "throughput").0;
    let called = Dimension::Clients.caption(&first_clients.to_string());
    let point = |(clients, repetitions): (&u32, &Rounds<'_>)| {
        let case = repetitions.values().find_map(Repetition::case)?;
        let (throughput, status) = values(repetitions, "throughput");
        let p99 = values(repetitions, "latency_p99_us").0;
        let speed_up = match clients == first_clients && !base.is_empty() {
            true => Against::itself(),
            false => Against::of(&throughput, &base, &called),
        };
        let times = f64::from(*clients) / f64::from(*first_clients);
        Some(Point {
            case: case.clone(),
            throughput: median(&numbers(&throughput)),
            repetitions: numbers(&throughput),
            spread_percent: half_range_percent(&numbers(&throughput)),
            efficiency_percent: speed_up.ratio.map(|ratio| ratio.value / times * 100.0),
            speed_up,
            p99_us: lower_median(&numbers(&p99)),
            status,
            client_bottlenecks: repetitions.values().filter(|one| one.is_client_bound("")).count(),
        })
    };
    points.iter().filter_map(point).collect()
}

fn fit(points: &[Point]) -> Option<Fit> {
    if points.iter().any(|point| point.case.rate.is_some()) {
        return None;
    }
    usl::fit(&observations(points).collect::<Vec<_>>(), Spread::Proportional)
}

fn observations(points: &[Point]) -> impl Iterator<Item = Observation> {
    points.iter().flat_map(|point| {
        let load = f64::from(point.case.clients);
        point.repetitions.iter().map(move |&throughput| Observation { load, throughput })
    })
}

fn numbers(values: &BTreeMap<Round, f64>) -> Vec<f64> {
    values.values().copied().collect()
}

/// The numbers of a metric by round, and what became of it where there are none. One broken
/// promise leaves no number standing.
fn values(repetitions: &Rounds<'_>, metric: &str) -> (BTreeMap<Round, f64>, String) {
    let mut values = BTreeMap::new();
    let mut statuses = BTreeSet::new();
    for (round, repetition) in repetitions {
        match repetition.sample("", metric) {
            Sample::Missing => {}
            Sample::Value(value) => {
                values.insert(round.clone(), value);
            }
            Sample::Status(status, detail) => {
                statuses.insert((status, detail));
            }
        }
    }
    let worst = statuses.last().map(|(status, detail)| (*status, detail.clone()));
    match worst {
        Some((dbdyno_core::Status::Failed, _)) => values.clear(),
        _ if !values.is_empty() => return (values, String::new()),
        _ => {}
    }
    let text = worst.map(|(status, detail)| match detail.is_empty() {
        true => status.name().to_owned(),
        false => format!("{}: {detail}", status.name()),
    });
    (values, text.unwrap_or_default())
}

impl Scaling {
    /// A chart for each benchmark, or several where it has more curves than a chart tells apart.
    pub fn charts(&self) -> Vec<Chart> {
        let engine = self.constants.iter().find(|(dimension, _)| *dimension == Dimension::Engine);
        let of_benchmark = |curves: &[Curve]| -> Vec<Chart> {
            let Some(first) = curves.first() else { return Vec::new() };
            let on = engine.map(|(_, name)| format!(" on {name}")).unwrap_or_default();
            let title = format!("{}{on}", first.benchmark);
            let parts = in_parts(&title, curves.iter().map(Curve::chart).collect(), MOST_CURVES);
            let has_points =
                |(_, curves): &(_, Vec<ChartCurve>)| curves.iter().any(|of| !of.points.is_empty());
            let parts = parts.into_iter().filter(has_points);
            parts.map(|(title, curves)| Chart { title, load: Load::Clients, curves }).collect()
        };
        let benchmarks = self.curves.chunk_by(|one, other| one.benchmark == other.benchmark);
        benchmarks.flat_map(of_benchmark).collect()
    }

    /// The curves as text.
    ///
    /// # Errors
    /// A text cannot be put into CSV.
    pub fn render(&self, options: &RenderOptions) -> Result<String> {
        let captions = self.captions(mark(options.format, options.styled));
        match options.format {
            Format::Csv => self.csv(),
            Format::Markdown => {
                let before: String = captions.iter().map(|line| plain(line) + "\n\n").collect();
                let grid = self.grid(options.format, false, false);
                let after: String =
                    self.notes().iter().map(|line| format!("\n{}\n", plain(line))).collect();
                Ok(before + &grid.markdown() + &after)
            }
            Format::Table => {
                let mut out: String =
                    captions.iter().map(|line| wrap(line, options.width)).collect();
                out.push('\n');
                let roomy = self.grid(options.format, options.styled, false);
                let fits = roomy.width() <= options.width;
                let grid =
                    if fits { roomy } else { self.grid(options.format, options.styled, true) };
                out += &grid.text(options.width, options.styled);
                for (at, line) in self.notes().iter().enumerate() {
                    out += if at == 0 { "\n" } else { "" };
                    out += &wrap(line, options.width);
                }
                Ok(out)
            }
        }
    }

    fn captions(&self, mark: &str) -> Vec<String> {
        let constants: Vec<_> =
            self.constants.iter().map(|(dimension, text)| dimension.caption(text)).collect();
        let mut captions = Vec::new();
        if !constants.is_empty() {
            captions.push(constants.join(", "));
        }
        captions.push(format!(
            "speed-up is against {}; efficiency is the speed-up in percent of a linear one; {} the \
             highest throughput",
            self.base(),
            if mark == "*" { "* marks" } else { "bold is" }
        ));
        captions
    }

    /// The number of clients that speed-ups are against.
    fn base(&self) -> String {
        let firsts = self.curves.iter().filter_map(|curve| curve.points.first());
        let firsts: BTreeSet<_> = firsts.map(|point| point.case.clients).collect();
        match firsts.first() {
            Some(only) if firsts.len() == 1 => Dimension::Clients.caption(&only.to_string()),
            _ => "the smallest number of clients of each curve".to_owned(),
        }
    }

    /// `stacked` puts a curve's conditions below its benchmark.
    fn grid(&self, format: Format, styled: bool, stacked: bool) -> Grid {
        let mut names = vec!["benchmark".to_owned()];
        if !stacked {
            names.extend(self.dimensions.iter().map(|of| of.name().replace("engine_", "")));
        }
        let mut columns: Vec<_> = names.into_iter().map(|name| (name, Align::Left)).collect();
        let numbers = ["clients", "tx/s", "speed-up", "efficiency"].map(str::to_owned);
        columns.extend(numbers.map(|name| (name, Align::Right)));
        let largest = self.points().filter_map(|point| point.p99_us).fold(0.0, f64::max);
        let (p99, divisor) = metric::display("latency_p99_us", "us", largest);
        columns.push((p99, Align::Right));
        let mark = mark(format, styled);
        let mut grid = Grid { columns, rows: Vec::new() };
        for curve in &self.curves {
            grid.gap();
            let peak = curve.points.iter().filter_map(|point| point.throughput);
            let low = peak.clone().fold(f64::INFINITY, f64::min);
            let peak = peak.fold(f64::NEG_INFINITY, f64::max);
            let peak = (low < peak).then_some(peak);
            let mut labels = vec![curve.benchmark.clone()];
            labels.extend(curve.levels.iter().cloned());
            for (at, point) in curve.points.iter().enumerate() {
                let mut row: Vec<Text> = match (stacked, format) {
                    (true, _) => {
                        let last = at + 1 == curve.points.len();
                        let end = if last { labels.len() } else { labels.len().min(at + 1) };
                        vec![labels.get(at..end).unwrap_or_default().join("\n").into()]
                    }
                    (false, Format::Table) if at > 0 => vec![Text::default(); labels.len()],
                    (false, _) => labels.iter().cloned().map(Text::from).collect(),
                };
                row.extend(point.texts(peak.is_some() && point.throughput == peak, divisor, mark));
                grid.rows.push(row);
            }
        }
        grid
    }

    /// What stands below the table.
    fn notes(&self) -> Vec<String> {
        let mut notes = self.footnotes();
        let benchmarks = self.curves.chunk_by(|one, other| one.benchmark == other.benchmark);
        let families = benchmarks.filter_map(|curves| {
            let named = |curve: &Curve, point: &Point| {
                let clients = Dimension::Clients.caption(&point.case.clients.to_string());
                format!("{} {clients}", curve.name())
            };
            let ratios = curves.iter().flat_map(|curve| {
                curve.points.iter().map(move |point| (named(curve, point), &point.speed_up))
            });
            Some(Family { name: &curves.first()?.benchmark, ratios: ratios.collect() })
        });
        let told = against::legend(&families.collect::<Vec<_>>());
        // Those of a whole comparison are more, and may be told from chance less often.
        notes.extend((!told.is_empty()).then(|| {
            format!("speed-up, those of a benchmark looked at together: {}", told.join("; "))
        }));
        if self.points().any(|point| point.client_bottlenecks > 0) {
            notes.push(bottleneck::LEGEND.to_owned());
        }
        notes.extend(self.fits());
        notes
    }

    /// What the fits say, a line for each curve.
    fn fits(&self) -> Vec<String> {
        let fitted = self.curves.iter().filter_map(|curve| Some((curve, curve.fit.as_ref()?)));
        let mut lines: Vec<String> = fitted
            .map(|(curve, fit)| {
                let peak = scalability::about_peak(fit, Load::Clients);
                format!("{}: {peak}; {}", curve.name(), scalability::coefficients(fit))
            })
            .collect();
        let is_closed = |curve: &&Curve| curve.points.iter().all(|point| point.case.rate.is_none());
        match lines.is_empty() {
            false => lines.push(scalability::LEGEND.to_owned()),
            true if self.curves.iter().any(|curve| is_closed(&curve)) => {
                lines.push(scalability::too_few(Load::Clients));
            }
            true => {}
        }
        lines
    }

    /// What became of the points without a throughput.
    fn footnotes(&self) -> Vec<String> {
        let curves =
            self.curves.iter().flat_map(|curve| curve.points.iter().zip(std::iter::repeat(curve)));
        let lost = curves.filter(|(point, _)| point.status.contains(':'));
        let line = |(point, curve): (&Point, &Curve)| {
            let clients = Dimension::Clients.caption(&point.case.clients.to_string());
            format!("{} {clients}: {}", curve.name(), point.status)
        };
        lost.map(line).collect()
    }

    fn points(&self) -> impl Iterator<Item = &Point> {
        self.curves.iter().flat_map(|curve| &curve.points)
    }

    fn csv(&self) -> Result<String> {
        let case_columns = &CASE_COLUMNS[..CASE_COLUMNS.len() - 2];
        let own = [
            "throughput",
            "spread_percent",
            "speed_up",
            "efficiency_percent",
            "latency_p99_us",
            "status",
        ];
        let mut lines = csv_line(case_columns.iter().chain(&own).chain(&ADDED_CASE_COLUMNS))?;
        for point in self.points() {
            let mut fields: Vec<_> =
                case_fields(&point.case).into_iter().take(case_columns.len()).collect();
            let numbers = [
                point.throughput,
                point.spread_percent,
                point.speed_up.ratio.map(|ratio| ratio.value),
                point.efficiency_percent,
                point.p99_us,
            ];
            fields.extend(numbers.map(optional));
            fields.push(if point.status.is_empty() {
                "ok".to_owned()
            } else {
                point.status.clone()
            });
            fields.extend(added_case_fields(&point.case));
            lines.extend(csv_line(fields)?);
        }
        Ok(String::from_utf8_lossy(&lines).into_owned())
    }
}

/// What stands before the highest throughput of a curve.
const fn mark(format: Format, styled: bool) -> &'static str {
    match format {
        Format::Markdown => BOLD,
        _ if styled => "",
        _ => "*",
    }
}

impl Curve {
    fn chart(&self) -> ChartCurve {
        ChartCurve {
            name: self.levels.join(", "),
            points: observations(&self.points).collect(),
            fit: self.fit.clone(),
        }
    }

    /// The benchmark and what tells the curve from others of it.
    fn name(&self) -> String {
        let words = std::iter::once(&self.benchmark).chain(&self.levels);
        words.map(String::as_str).collect::<Vec<_>>().join(" ")
    }
}

impl Point {
    /// Its cells: clients, throughput, speed-up, efficiency, p99.
    fn texts(&self, peak: bool, p99_divisor: f64, mark: &str) -> [Text; 5] {
        let shown = |number: Option<f64>, show: &dyn Fn(f64) -> String| {
            Text::from(number.map(show).unwrap_or_default())
        };
        let mark = if peak { mark } else { "" };
        let spread = self.spread_percent.map(|of| format!(" {}", number::spread(of)));
        let spread = spread.unwrap_or_default();
        let mut throughput = shown(self.throughput, &|value| {
            // In Markdown the mark opens bold type, which it also closes.
            let close = if mark == BOLD { mark } else { "" };
            let client = if self.client_bottlenecks > 0 { bottleneck::MARK } else { "" };
            format!("{mark}{}{close}{client}{spread}", number::sensible(value))
        });
        throughput.bold = peak;
        if self.throughput.is_none() {
            throughput.text = self.status.split(':').next().unwrap_or_default().to_owned();
        }
        [
            number::count(self.case.clients.into()).into(),
            throughput,
            self.speed_up.text().into(),
            shown(self.efficiency_percent, &|value| format!("{value:.0}%")),
            shown(self.p99_us, &|value| number::sensible(value / p99_divisor)),
        ]
    }
}

#[cfg(test)]
mod tests;
