//! Pools of every kind and size under one load: a table, its advice, and its chart.

use std::collections::BTreeMap;

use super::advice::{Advice, Throughputs};
use super::{DIRECT, lines, name, pool};
use crate::chart::{Chart, ChartCurve, MOST_CURVES, in_parts};
use crate::compare::against::{self, Against, Family};
use crate::grid::{Align, BOLD, Grid, Text};
use crate::markup::plain;
use crate::number;
use crate::render::{Format, RenderOptions};
use crate::scalability::{self, Load};
use crate::statistics::usl::{self, Fit, Observation, Spread};
use crate::subject::Subject;

pub(super) const LEGEND: &str = "pools: the smallest within 3 % of the best of its kind is marked; x direct: throughput against a connection \
     for each client; acquire: how long clients waited for a connection; queue: how many waited, on average; \
     open: connections at the most; fair: Jain's index of the clients' throughput, 1 where all have as much";

/// A case.
pub(super) struct Sweep<'s> {
    subject: &'s Subject,
    has_direct: bool,
    kinds: Vec<Kind<'s>>,
    /// The throughput of each load against a connection for each client; those of a case are looked at together.
    against_direct: BTreeMap<String, Against>,
}

/// A kind of pool, by size.
struct Kind<'s> {
    name: &'s str,
    sizes: Vec<u32>,
    /// `None` where there are no throughputs, or the best was 0 in a repetition.
    advice: Option<Advice>,
    has_throughput: bool,
    fit: Option<Fit>,
}

impl<'s> Sweep<'s> {
    /// `None` where nothing was measured.
    pub(super) fn new(subject: &'s Subject) -> Option<Self> {
        let mut kinds: BTreeMap<&str, Vec<u32>> = BTreeMap::new();
        for transaction in subject.transactions() {
            if let Some((kind, size)) = pool(transaction)
                && !subject.lacking.contains_key(transaction)
            {
                kinds.entry(kind).or_default().push(size);
            }
        }
        let has_direct = subject.median("throughput", DIRECT).is_some();
        if kinds.is_empty() && !has_direct {
            return None;
        }
        let kinds = kinds.into_iter().map(|(name, sizes)| Kind::new(subject, name, sizes));
        let kinds: Vec<Kind<'s>> = kinds.collect();
        let against_direct = against_direct(subject, &kinds);
        Some(Self { subject, has_direct, kinds, against_direct })
    }

    pub(super) fn is_fitted(&self) -> bool {
        self.kinds.iter().any(|kind| kind.fit.is_some())
    }

    /// The loads of the pools that are advised, one of each kind, each with its throughput.
    pub(super) fn advised(&self) -> impl Iterator<Item = (String, f64)> {
        self.kinds.iter().filter_map(|kind| {
            let load = kind.load(kind.advice.as_ref()?.size);
            let throughput = self.subject.median("throughput", &load)?;
            Some((load, throughput))
        })
    }

    /// The table and what it advises.
    pub(super) fn render(&self, options: &RenderOptions) -> String {
        let advice = lines(&self.sentences(), options);
        if options.format == Format::Markdown {
            let grid = self.grid(Layout { stacked: false, mark: BOLD });
            let name = plain(&name(self.subject));
            return format!("**{name}**\n\n{}\n{advice}", grid.markdown());
        }
        let mark = if options.styled { "" } else { "*" };
        let wide = self.grid(Layout { stacked: false, mark });
        let fits = wide.width() <= options.width;
        let grid = if fits { wide } else { self.grid(Layout { stacked: true, mark }) };
        let table = grid.text(options.width, options.styled);
        format!("{}\n\n{table}\n{advice}", name(self.subject))
    }

    fn grid(&self, layout: Layout) -> Grid {
        let mut columns = vec![("pool".to_owned(), Align::Left)];
        if !layout.stacked {
            columns.push(("size".to_owned(), Align::Right));
        }
        columns.extend(COLUMNS.map(|heading| (heading.to_owned(), Align::Right)));
        let mut grid = Grid { columns, rows: Vec::new() };
        if self.has_direct {
            let mut row: Vec<Text> = vec![DIRECT.to_owned().into()];
            row.extend((!layout.stacked).then(Text::default));
            row.extend(self.numbers(DIRECT));
            grid.rows.push(row);
        }
        for kind in &self.kinds {
            if layout.stacked {
                grid.gap();
                let mut heading = vec![Text::default(); grid.columns.len()];
                heading[0] = kind.name.to_owned().into();
                grid.rows.push(heading);
            } else if layout.mark != BOLD {
                grid.gap();
            }
            for (place, size) in kind.sizes.iter().enumerate() {
                let is_advised = kind.advice.as_ref().is_some_and(|advice| advice.size == *size);
                let is_named = place == 0 || layout.mark == BOLD;
                grid.rows.push(self.row(kind, *size, is_advised, is_named, layout));
            }
        }
        grid
    }

    fn row(
        &self,
        kind: &Kind<'_>,
        size: u32,
        is_advised: bool,
        is_named: bool,
        layout: Layout,
    ) -> Vec<Text> {
        let mark = if is_advised { layout.mark } else { "" };
        // In Markdown the mark opens bold type, which it also closes.
        let close = if mark == BOLD { mark } else { "" };
        let size_text = Text { text: format!("{mark}{size}{close}"), bold: is_advised };
        let mut row = Vec::new();
        if layout.stacked {
            row.push(Text { text: format!("{:>6}", size_text.text), ..size_text });
        } else {
            row.push(if is_named { kind.name.to_owned().into() } else { Text::default() });
            row.push(size_text);
        }
        row.extend(self.numbers(&kind.load(size)));
        row
    }

    /// The cells of a load.
    fn numbers(&self, load: &str) -> Vec<Text> {
        let median = |metric: &str| self.subject.median(metric, load);
        let shown = |number: Option<f64>, show: fn(f64) -> String| {
            Text::from(number.map(show).unwrap_or_default())
        };
        let ms = |metric: &str| shown(median(metric).map(|us| us / 1_000.0), number::sensible);
        let throughput = match median("throughput") {
            Some(value) => {
                let spread = self.subject.spread("throughput", load).map(number::spread);
                format!("{} {}", number::sensible(value), spread.unwrap_or_default())
            }
            None => self.subject.word().unwrap_or("not measured").to_owned(),
        };
        let count = |metric: &str| shown(median(metric), |value| number::value(value, "1"));
        vec![
            throughput.trim_end().to_owned().into(),
            self.against_direct.get(load).map(Against::text).unwrap_or_default().into(),
            ms("latency_p99_us"),
            ms("acquire_p99_us"),
            shown(median("queue_depth_mean"), number::sensible),
            count("connections_open_max"),
            count("acquire_timeouts"),
            shown(median("fairness_jain"), |index| format!("{index:.2}")),
        ]
    }

    /// What to do, for each kind of pool.
    fn sentences(&self) -> Vec<String> {
        let mut sentences: Vec<String> =
            self.kinds.iter().flat_map(|kind| self.sentences_of(kind)).collect();
        let is_advised = self.kinds.iter().any(|kind| kind.advice.is_some());
        if is_advised && !self.is_fitted() {
            sentences.push(scalability::too_few(Load::Connections));
        }
        let ratios = self.against_direct.iter().map(|(load, against)| (load.clone(), against));
        let told = against::legend(&[Family { name: DIRECT, ratios: ratios.collect() }]);
        sentences.extend((!told.is_empty()).then(|| format!("x direct: {}", told.join("; "))));
        sentences
    }

    fn sentences_of(&self, kind: &Kind<'_>) -> Vec<String> {
        let Some(advice) = &kind.advice else {
            let why = "nothing is advised, for in a whole repetition nothing was done";
            let told = kind.has_throughput.then(|| format!("{}: {why}", kind.name));
            return told.into_iter().collect();
        };
        let mut text = format!("{}: {}", kind.name, advice.sentences());
        let timeouts = self.subject.median("acquire_timeouts", &kind.load(advice.size));
        if let Some(timeouts) = timeouts.filter(|timeouts| *timeouts > 0.0) {
            let timeouts = number::value(timeouts, "1");
            text += &format!("; waits for a connection that timed out, though: {timeouts}");
        }
        let fitted = kind.fit.as_ref().map(|fit| {
            let peak = scalability::about_peak(fit, Load::Connections);
            format!("{}: {peak}; {}", kind.name, scalability::coefficients(fit))
        });
        std::iter::once(text).chain(fitted).collect()
    }

    /// A chart, or several where there are more kinds of pools than one tells apart. Each has the connections without a
    /// pool.
    pub(super) fn charts(&self) -> Vec<Chart> {
        let curve = |kind: &Kind<'_>| ChartCurve {
            name: kind.name.to_owned(),
            points: observations(self.subject, kind.name, &kind.sizes),
            fit: kind.fit.clone(),
        };
        let mut curves: Vec<ChartCurve> = self.kinds.iter().map(curve).collect();
        curves.retain(|curve| !curve.points.is_empty());
        let direct = self.direct_curve();
        // First, so that it looks alike in all of them.
        let chart = |(title, curves): (String, Vec<ChartCurve>)| {
            let curves = direct.iter().cloned().chain(curves).collect();
            Chart { title, load: Load::Connections, curves }
        };
        let most = MOST_CURVES - usize::from(direct.is_some());
        let mut parts = in_parts(&name(self.subject), curves, most);
        if parts.is_empty() && direct.is_some() {
            parts.push((name(self.subject), Vec::new()));
        }
        parts.into_iter().map(chart).collect()
    }

    fn direct_curve(&self) -> Option<ChartCurve> {
        let load = self.subject.case.clients.into();
        let values = self.subject.values("throughput", DIRECT).filter(|_| self.has_direct)?;
        let points = values.into_iter().map(|throughput| Observation { load, throughput });
        Some(ChartCurve { name: DIRECT.to_owned(), points: points.collect(), fit: None })
    }
}

fn against_direct(subject: &Subject, kinds: &[Kind<'_>]) -> BTreeMap<String, Against> {
    let Some(direct) = subject.rounds("throughput", DIRECT) else { return BTreeMap::new() };
    let loads = kinds.iter().flat_map(|kind| kind.sizes.iter().map(|size| kind.load(*size)));
    let against = |load: String| {
        let against = Against::of(subject.rounds("throughput", &load)?, direct, DIRECT);
        Some((load, against))
    };
    let mut found: BTreeMap<String, Against> = loads.filter_map(against).collect();
    against::correct_all(found.values_mut());
    found
}

/// How a table is laid out.
#[derive(Clone, Copy)]
struct Layout {
    /// Whether a kind of pool has a line of its own, to save a column.
    stacked: bool,
    /// What marks the size that is advised.
    mark: &'static str,
}

/// The headings behind kind and size.
const COLUMNS: [&str; 8] =
    ["tx/s", "x\ndirect", "p99\nms", "acquire\np99 ms", "queue", "open", "time-\nouts", "fair"];

impl<'s> Kind<'s> {
    fn new(subject: &'s Subject, name: &'s str, mut sizes: Vec<u32>) -> Self {
        sizes.sort_unstable();
        let clients = subject.case.clients;
        let throughputs: Throughputs<'s> = sizes
            .iter()
            .filter_map(|size| {
                Some((*size, subject.rounds("throughput", &format!("{name}-{size}"))?))
            })
            .collect();
        let advice = Advice::new(&throughputs, clients);
        let has_throughput = !throughputs.is_empty();
        // Beyond a connection for each client more of them are no more load.
        let filled: Vec<u32> = sizes.iter().copied().filter(|size| *size <= clients).collect();
        let is_closed = subject.case.rate.is_none();
        let fit = is_closed
            .then(|| usl::fit(&observations(subject, name, &filled), Spread::Proportional))
            .flatten();
        Self { name, sizes, advice, has_throughput, fit }
    }

    fn load(&self, size: u32) -> String {
        format!("{}-{size}", self.name)
    }
}

fn observations(subject: &Subject, kind: &str, sizes: &[u32]) -> Vec<Observation> {
    let of = |size: &u32| {
        let load = f64::from(*size);
        let values = subject.values("throughput", &format!("{kind}-{size}")).unwrap_or_default();
        values.into_iter().map(move |throughput| Observation { load, throughput })
    };
    sizes.iter().flat_map(of).collect()
}
