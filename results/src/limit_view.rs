//! What searches of the highest rate found (`dbdyno find-limit`): the limit of each, and what every rate did.

use std::collections::BTreeMap;

use dbdyno_core::Case;

use crate::chart::{LineChart, LineCurve, Scale};
use crate::grid::{Align, Grid, Text};
use crate::metric::middle;
use crate::number;
use crate::record::{Record, take_out};
use crate::render::{Format, RenderOptions};
use crate::repetition::{Repetition, case_key, named, repetitions};

/// The metric of the limit, which is a row of the closed loop that the search began with; 0 where no rate held.
const LIMIT: &str = "limit_tx_per_s";

/// The percentiles of response times that are told of each rate.
const PERCENTILES: [&str; 3] = ["p50", "p95", "p99"];

/// What a rate did: medians over its repetitions, of percentiles one that was measured.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Step {
    /// Transactions per second that were due.
    pub rate: f64,
    /// Transactions per second that ended.
    pub reached: Option<f64>,
    /// The 50th, 95th and 99th percentile of response times, in microseconds.
    pub percentiles_us: [Option<f64>; 3],
    /// Transactions that failed.
    pub errors: Option<f64>,
}

impl Step {
    /// Of a rate: `values` gives the numbers that its repetitions have of a metric.
    pub fn of(rate: f64, values: impl Fn(&str) -> Vec<f64>) -> Self {
        let of = |metric: &str| middle(metric, &values(metric));
        Self {
            rate,
            reached: of("throughput"),
            percentiles_us: PERCENTILES.map(|name| of(&format!("latency_{name}_us"))),
            errors: of("errors"),
        }
    }
}

/// Response times against the throughput that was reached, from the lowest rate to the highest, with the limit marked: where
/// a server can do no more, a higher rate reaches less. `holds` is the highest rate that held; 0 where none of them did, and
/// `None` where that is not known.
pub fn limit_chart(title: &str, steps: &[Step], holds: Option<f64>) -> LineChart {
    let mut steps: Vec<&Step> = steps.iter().collect();
    steps.sort_by(|one, other| one.rate.total_cmp(&other.rate));
    let curves = PERCENTILES.iter().enumerate().map(|(place, name)| {
        let points = steps.iter().filter_map(|step| {
            let us = step.percentiles_us.get(place).copied().flatten();
            Some((step.reached?, us.filter(|us| *us > 0.0)? / 1e3))
        });
        LineCurve { name: (*name).to_owned(), points: points.collect() }
    });
    let held = steps.iter().find(|step| Some(step.rate) == holds);
    let reached = held.and_then(|step| step.reached);
    let mark = reached.map(|reached| (reached, "the highest rate that held".to_owned()));
    let axis = match (&mark, holds) {
        (Some(_), _) => "transactions per second (1: the highest rate that held)",
        (None, Some(0.0)) => "transactions per second (no rate held)",
        (None, _) => "transactions per second",
    };
    LineChart {
        title: title.to_owned(),
        axes: (axis.to_owned(), "milliseconds".to_owned()),
        scale: Scale::Linear,
        log_y: true,
        curves: curves.collect(),
        marks: mark.into_iter().collect(),
        marks_unit: "tx/s",
    }
}

/// What searches found.
#[derive(Clone, Debug)]
pub struct LimitView {
    searches: Vec<Search>,
}

/// A search of one benchmark on one target.
#[derive(Clone, Debug)]
struct Search {
    /// The closed loop that it began with.
    case: Case,
    run_id: String,
    /// What that reached, in transactions per second.
    closed_loop: Option<f64>,
    limit: f64,
    /// What had to hold.
    objectives: String,
    /// The rates, the lowest first.
    steps: Vec<Step>,
    /// Whether another run searched the same.
    is_repeated: bool,
}

impl LimitView {
    /// Takes the rates that were tried out of other records; the closed loops stay with the others. Targets stand in the
    /// order of `targets`, and others behind them.
    pub fn take(mut records: Vec<Record>, targets: &[String]) -> (Option<Self>, Vec<Record>) {
        let mut searches = Search::all(&records);
        if searches.is_empty() {
            return (None, records);
        }
        let of_closed_loop = repetitions(&records);
        for search in &mut searches {
            let mut its = of_closed_loop.iter().filter(|one| search.began_with(one));
            search.closed_loop = its.find_map(|one| one.value("", "throughput"));
        }
        let tried = take_out(&mut records, |row| {
            row.case.rate.is_some() && searches.iter().any(|search| search.tried(row))
        });
        for search in &mut searches {
            search.steps = steps(tried.iter().filter(|row| search.tried(row)));
        }
        let searched = |one: &Search| {
            let same = |other: &&Search| case_key(&other.case) == case_key(&one.case);
            searches.iter().filter(same).count()
        };
        let repeated: Vec<bool> = searches.iter().map(|search| searched(search) > 1).collect();
        for (search, is_repeated) in searches.iter_mut().zip(repeated) {
            search.is_repeated = is_repeated;
        }
        let place = |search: &Search| {
            targets.iter().position(|known| *known == search.case.target).unwrap_or(usize::MAX)
        };
        let name = |search: &Search| format!("{}/{}", search.case.suite, search.case.benchmark);
        searches.sort_by_key(|search| (name(search), place(search)));
        (Some(Self { searches }), records)
    }

    /// The tables as text, in the format of a terminal or of Markdown: the limits, and the rates of each search.
    pub fn render(&self, options: &RenderOptions) -> String {
        let mut parts = vec![written(&self.limits(), options)];
        for search in self.searches.iter().filter(|search| !search.steps.is_empty()) {
            let heading = match options.format {
                Format::Markdown => format!("{}\n", crate::markup::plain(&search.name())),
                Format::Table | Format::Csv => search.name(),
            };
            parts.push(format!("{heading}\n{}", written(&search.rates(), options)));
        }
        parts.join("\n")
    }

    /// Response times against the throughput that was reached, a chart for each search.
    pub fn charts(&self) -> Vec<LineChart> {
        let drawn = self.searches.iter().filter(|search| search.steps.len() > 1);
        drawn
            .map(|search| {
                let title = format!("The limit of {}", search.name());
                limit_chart(&title, &search.steps, Some(search.limit))
            })
            .collect()
    }

    fn limits(&self) -> Grid {
        let columns = [
            ("search", Align::Left),
            ("limit\ntx/s", Align::Right),
            ("of a closed\nloop's", Align::Right),
            ("objectives", Align::Left),
        ];
        let row = |search: &Search| {
            let share = search.closed_loop.filter(|all| *all > 0.0 && search.limit > 0.0);
            let limit = match search.limit {
                0.0 => "no rate held".to_owned(),
                limit => number::sensible(limit),
            };
            [
                search.name(),
                limit,
                share.map_or(String::new(), |all| number::ratio(search.limit / all)),
                search.objectives.clone(),
            ]
            .map(Text::from)
            .to_vec()
        };
        let columns = columns.map(|(heading, align)| (heading.to_owned(), align)).to_vec();
        Grid { columns, rows: self.searches.iter().map(row).collect() }
    }
}

/// Rows without those of the rates that searches tried, which are cases of no interest but to them.
pub(crate) fn without_tried(records: &[Record]) -> impl Iterator<Item = &Record> {
    let searches = Search::all(records);
    let is_tried = move |row: &Record| {
        row.case.rate.is_some() && searches.iter().any(|search| search.tried(row))
    };
    records.iter().filter(move |row| !is_tried(row))
}

impl Search {
    fn all(records: &[Record]) -> Vec<Self> {
        let found = |row: &&Record| row.metric == *LIMIT && row.value.is_some();
        records.iter().filter(found).map(Self::new).collect()
    }

    fn new(row: &Record) -> Self {
        Self {
            case: (*row.case).clone(),
            run_id: row.run_id.to_string(),
            closed_loop: None,
            limit: row.value.unwrap_or_default(),
            objectives: row.detail.to_string(),
            steps: Vec::new(),
            is_repeated: false,
        }
    }

    fn began_with(&self, repetition: &Repetition<'_>) -> bool {
        let is_case = |case| case_key(case) == case_key(&self.case);
        repetition.run_id() == self.run_id && repetition.case().is_some_and(is_case)
    }

    /// Whether a row is of a rate that it tried.
    fn tried(&self, row: &Record) -> bool {
        let closed = Case { rate: None, ..(*row.case).clone() };
        *row.run_id == *self.run_id && case_key(&closed) == case_key(&self.case)
    }

    fn name(&self) -> String {
        let of_run =
            if self.is_repeated { format!(", run {}", self.run_id) } else { String::new() };
        named(&self.case) + &of_run
    }

    fn rates(&self) -> Grid {
        let columns = ["rate tx/s", "reached", "p50 ms", "p95 ms", "p99 ms", "errors", ""];
        let told = |number: Option<f64>| number.map_or("-".to_owned(), number::sensible);
        let row = |step: &Step| {
            let ms = step.percentiles_us.map(|us| told(us.map(|us| us / 1e3)));
            let numbers = [Some(step.rate), step.reached].map(told).into_iter().chain(ms);
            let is_limit = step.rate.total_cmp(&self.limit).is_eq();
            let mark = if is_limit { "the limit" } else { "" };
            numbers.chain([told(step.errors), mark.to_owned()]).map(Text::from).collect()
        };
        let columns = columns.map(|heading| (heading.to_owned(), Align::Right)).to_vec();
        Grid { columns, rows: self.steps.iter().map(row).collect() }
    }
}

/// The rates of a search, the lowest first. Repetitions that failed count: a rate at which nothing ends is one that does
/// not hold.
fn steps<'r>(tried: impl Iterator<Item = &'r Record>) -> Vec<Step> {
    let mut rates: BTreeMap<u64, (f64, BTreeMap<&str, Vec<f64>>)> = BTreeMap::new();
    for row in tried.filter(|row| row.transaction.is_empty()) {
        let Some(rate) = row.case.rate else { continue };
        // Rates are above 0, where the bits stand in the order of the numbers.
        let (_, values) = rates.entry(rate.to_bits()).or_insert((rate, BTreeMap::new()));
        values.entry(&row.metric).or_default().extend(row.value);
    }
    let step = |(rate, values): (f64, BTreeMap<&str, Vec<f64>>)| {
        Step::of(rate, |metric| values.get(metric).cloned().unwrap_or_default())
    };
    rates.into_values().map(step).collect()
}

fn written(grid: &Grid, options: &RenderOptions) -> String {
    match options.format {
        Format::Markdown => grid.markdown(),
        Format::Table | Format::Csv => grid.text(options.width, options.styled),
    }
}

#[cfg(test)]
mod tests {
    use dbdyno_core::{Better, Case, Measurement, Status};

    use super::{LimitView, Step, limit_chart};
    use crate::fixture::{case, latency, record, throughput};
    use crate::record::Record;
    use crate::render::{Format, RenderOptions};

    /// A search that began with 1,000 transactions per second and tried three rates, one of them twice.
    fn search(run: &str, engine: &str, limit: f64) -> Vec<Record> {
        let closed = case("tpcc", engine);
        let at = |rate: f64, repetition| Case { rate: Some(rate), repetition, ..closed.clone() };
        let held = Measurement::new("limit_tx_per_s", limit, "1/s", Better::Higher);
        let tried = |case: &Case, reached: f64, us: f64| {
            let rows = [throughput(reached), latency("p50", us), latency("p99", 3.0 * us)];
            rows.map(|row| record(run, case, &row))
        };
        [
            tried(&closed, 1_000.0, 8_000.0).to_vec(),
            tried(&at(500.0, 1), 500.0, 1_000.0).to_vec(),
            tried(&at(1_125.0, 1), 900.0, 90_000.0).to_vec(),
            tried(&at(750.0, 1), 750.0, 2_000.0).to_vec(),
            tried(&at(750.0, 2), 740.0, 4_000.0).to_vec(),
            vec![record(run, &closed, &held.with_status(Status::Ok, "p99<20ms"))],
        ]
        .concat()
    }

    fn words(view: &LimitView, format: Format) -> String {
        let text = view.render(&RenderOptions { format, ..RenderOptions::default() });
        text.lines().map(|line| line.trim_end().to_owned() + "\n").collect()
    }

    #[test]
    fn limits_stand_first_and_what_each_rate_did_below_them() {
        let records = [search("r", "sqlite", 750.0), search("r", "postgres", 0.0)].concat();
        let (view, left) = LimitView::take(records, &["postgres".to_owned()]);
        // The closed loops are measurements like others.
        assert!(left.len() == 8 && left.iter().all(|row| row.case.rate.is_none()));
        let view = view.unwrap();
        insta::assert_snapshot!("limits", words(&view, Format::Table));
        insta::assert_snapshot!("limits.md", words(&view, Format::Markdown));
        let charts = view.charts();
        assert_eq!(charts[1].title, "The limit of oltp/tpcc on sqlite, serializable, 8 clients");
        assert_eq!(charts[1].curves[2].points, [(500.0, 3.0), (745.0, 6.0), (900.0, 270.0)]);
        assert_eq!(charts[1].marks[0].0, 745.0);
        assert!(charts[0].marks.is_empty() && charts[0].axes.0.contains("no rate held"));
    }

    #[test]
    fn searches_of_several_runs_are_told_apart() {
        let records = [search("old", "sqlite", 500.0), search("new", "sqlite", 750.0)].concat();
        let (view, left) = LimitView::take(records, &[]);
        let text = words(&view.unwrap(), Format::Table);
        assert!(
            text.contains("8 clients, run old") && text.contains("8 clients, run new"),
            "{text}"
        );
        let (none, same) = LimitView::take(left.clone(), &[]);
        assert!(none.is_some(), "a limit whose rates are elsewhere is one");
        assert_eq!(same, left);
        let without: Vec<Record> =
            left.into_iter().filter(|row| row.metric != *"limit_tx_per_s").collect();
        assert!(LimitView::take(without, &[]).0.is_none());
    }

    #[test]
    fn a_point_of_the_chart_is_a_percentile_that_was_measured() {
        let step = |rate: f64, all: &[f64]| {
            Step::of(rate, |metric| match metric {
                "throughput" => vec![rate * 0.9; all.len()],
                "latency_p99_us" => all.to_vec(),
                _ => Vec::new(),
            })
        };
        let steps =
            [step(200.0, &[9_000.0, 4_000.0, 1_000.0, 5_000.0]), step(100.0, &[2_000.0, 3_000.0])];
        let chart = limit_chart("a limit", &steps, Some(200.0));
        let p99 = chart.curves.iter().find(|curve| curve.name == "p99").unwrap();
        assert_eq!(p99.points, [(90.0, 2.0), (180.0, 4.0)]);
        assert_eq!(chart.marks, [(180.0, "the highest rate that held".to_owned())]);
        assert!(chart.axes.0.contains("1: the highest rate that held"), "{}", chart.axes.0);
    }
}
