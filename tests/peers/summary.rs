//! What it all comes to: `summary.csv` and the printed table.

use std::path::Path;

use comfy_table::{ContentArrangement, Table, presets};
use dbdyno_core::{Error, Result};
use dbdyno_results::statistics::median;

use crate::interval::{Interval, paired_ratios};
use crate::metric::{Bar, Metric};
use crate::record::{DBDYNO, Record};

/// What an interval must cover for a verdict without doubt: five rounds give 0.9375.
const LEAST_COVERAGE: f64 = 0.9;

const COLUMNS: [&str; 14] = [
    "comparison",
    "clients",
    "metric",
    "unit",
    "rounds",
    "dbdyno_median",
    "peer",
    "peer_median",
    "ratio_median",
    "ratio_low",
    "ratio_high",
    "coverage",
    "bar",
    "verdict",
];

/// A comparison's name, its clients and its peer.
pub type Place<'a> = (&'a str, Option<u32>, &'a str);

/// A line of the summary.
struct Line {
    comparison: String,
    clients: Option<u32>,
    metric: Metric,
    rounds: usize,
    ours: f64,
    /// The peer with its median; `None` for a check of dbdyno alone.
    peer: Option<(String, f64)>,
    /// What the bar is for: the ratio to the peer, or the figure of a check.
    judged: Interval,
    bar: Bar,
}

/// The lines so far, and what could not run.
#[derive(Default)]
pub struct Summary {
    lines: Vec<Line>,
    failures: Vec<String>,
}

impl Summary {
    /// Sums up one metric of a comparison; nothing where no round has both sides.
    pub fn ratio(&mut self, record: &Record, place: Place<'_>, metric: Metric, bar: Bar) {
        let (comparison, clients, peer) = place;
        let ours = record.values(comparison, clients, DBDYNO, metric);
        let theirs = record.values(comparison, clients, peer, metric);
        let ratios = paired_ratios(&ours, &theirs);
        let middle = |values: &[(u32, f64)]| {
            median(&values.iter().map(|(_, value)| *value).collect::<Vec<_>>())
        };
        if let (Some(judged), Some(ours), Some(theirs)) =
            (Interval::of(&ratios), middle(&ours), middle(&theirs))
        {
            self.lines.push(Line {
                comparison: comparison.to_owned(),
                clients,
                metric,
                rounds: ratios.len(),
                ours,
                peer: Some((peer.to_owned(), theirs)),
                judged,
                bar,
            });
        }
    }

    /// Adds a figure of dbdyno alone, measured once or several times; nothing of no values.
    pub fn figure(
        &mut self,
        check: &str,
        clients: Option<u32>,
        metric: Metric,
        values: &[f64],
        bar: Bar,
    ) {
        let Some(judged) = Interval::of(values) else { return };
        eprintln!("{check}: {}", shown(metric, judged.median));
        let (comparison, rounds, ours) = (check.to_owned(), values.len(), judged.median);
        self.lines.push(Line {
            comparison,
            clients,
            metric,
            rounds,
            ours,
            peer: None,
            judged,
            bar,
        });
    }

    /// Notes, and tells at once, what could not run.
    pub fn could_not_run(&mut self, what: &str, error: &Error) {
        eprintln!("could not run {what}: {error}");
        self.failures.push(format!("{what}: {error}"));
    }

    /// Whether everything ran.
    pub fn is_whole(&self) -> bool {
        self.failures.is_empty()
    }

    /// Writes `summary.csv` into `folder`.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn write(&self, folder: &Path) -> Result<()> {
        let path = folder.join("summary.csv");
        let failed = |why: csv::Error| Error::new(format!("write {}", path.display()), why);
        let mut writer = csv::Writer::from_path(&path).map_err(failed)?;
        writer.write_record(COLUMNS).map_err(failed)?;
        for line in &self.lines {
            writer.write_record(line.fields()).map_err(failed)?;
        }
        writer.flush().map_err(|why| Error::new(format!("write {}", path.display()), why))
    }

    /// The table, and under it what could not run.
    pub fn render(&self) -> String {
        let mut table = Table::new();
        table
            .load_style(presets::UTF8_FULL_CONDENSED)
            .set_content_arrangement(ContentArrangement::Disabled)
            .set_header([
                "comparison",
                "clients",
                "metric",
                "dbdyno",
                "peer",
                "ratio",
                "interval",
                "bar",
                "verdict",
            ]);
        for line in &self.lines {
            table.add_row(line.cells());
        }
        let mut text = format!(
            "{table}\nratio: median over rounds of dbdyno / peer within a round. interval: \
             distribution-free, of the median, with its coverage. ~: other rounds may decide \
             otherwise, for the interval reaches over the bar or there were fewer than five.\n"
        );
        for failure in &self.failures {
            text.push_str(&format!("could not run {failure}\n"));
        }
        text
    }
}

impl Line {
    fn verdict(&self) -> &'static str {
        match self.bar.is_met(self.judged.median) {
            Some(true) => "met",
            Some(false) => "not met",
            None => "",
        }
    }

    /// Whether both ends of an interval that is worth something lie on the same side of the bar.
    fn is_decided(&self) -> bool {
        let Interval { low, high, coverage, .. } = self.judged;
        self.bar == Bar::None
            || coverage >= LEAST_COVERAGE && self.bar.is_met(low) == self.bar.is_met(high)
    }

    fn clients(&self) -> String {
        self.clients.map(|clients| clients.to_string()).unwrap_or_default()
    }

    fn fields(&self) -> Vec<String> {
        let mut fields = vec![
            self.comparison.clone(),
            self.clients(),
            self.metric.name().to_owned(),
            self.metric.unit().to_owned(),
            self.rounds.to_string(),
            self.ours.to_string(),
        ];
        let Interval { median, low, high, coverage } = &self.judged;
        match &self.peer {
            Some((peer, theirs)) => {
                fields.push(peer.clone());
                fields.extend([theirs, median, low, high, coverage].map(f64::to_string));
            }
            None => fields.extend([const { String::new() }; 6]),
        }
        fields.extend([self.bar.words(), self.verdict().to_owned()]);
        fields
    }

    /// The bar as the value that it is for is shown.
    fn shown_bar(&self) -> String {
        match (self.bar, &self.peer) {
            (Bar::AtLeast(least), None) => format!(">= {}", shown(self.metric, least)),
            (Bar::AtMost(most), None) => format!("<= {}", shown(self.metric, most)),
            _ => self.bar.words(),
        }
    }

    fn cells(&self) -> Vec<String> {
        let Interval { median, low, high, coverage } = self.judged;
        let (peer, ratio, interval) = match &self.peer {
            Some((peer, theirs)) => (
                format!("{} {peer}", shown(self.metric, *theirs)),
                format!("{median:.3}"),
                format!("{low:.3} to {high:.3} ({:.1} %)", coverage * 100.0),
            ),
            None => Default::default(),
        };
        let doubt = if self.is_decided() { "" } else { " ~" };
        vec![
            self.comparison.clone(),
            self.clients(),
            self.metric.name().to_owned(),
            shown(self.metric, self.ours),
            peer,
            ratio,
            interval,
            self.shown_bar(),
            format!("{}{doubt}", self.verdict()),
        ]
    }
}

/// A number in the unit that fits it.
fn shown(metric: Metric, value: f64) -> String {
    match metric.unit() {
        "bytes" => format!("{:.1} MiB", value / f64::from(1 << 20)),
        "us" => format!("{value:.1} us"),
        "s" => format!("{value:.3} s"),
        "1/s" => format!("{value:.0} /s"),
        _ => format!("{value:.4}"),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed set-up fails the test")]

    use super::Summary;
    use crate::metric::{Bar, Metric};
    use crate::record::{DBDYNO, Record, Row};

    #[test]
    fn ratios_of_rounds_become_lines_and_verdicts() {
        let folder = tempfile::tempdir().unwrap();
        let mut record = Record::create(folder.path(), "process").unwrap();
        for round in 1..=6 {
            for (position, side, value) in [(1, DBDYNO, 110.0), (2, "pgbench", 100.0)] {
                let drift = f64::from(round);
                let (comparison, clients) = ("postgres/tpcb".to_owned(), Some(8));
                let (metric, value) = (Metric::Throughput, value * drift);
                let row = Row { comparison, clients, round, position, side, metric, value };
                record.add([row]).unwrap();
            }
        }
        let mut summary = Summary::default();
        let place = ("postgres/tpcb", Some(8), "pgbench");
        summary.ratio(&record, place, Metric::Throughput, Bar::AtLeast(1.0));
        summary.ratio(&record, place, Metric::P99, Bar::AtMost(1.0));
        let bar = Bar::AtMost(64.0 * f64::from(1 << 20));
        let once = [65.0 * f64::from(1 << 20)];
        summary.figure("check/rss-256", Some(256), Metric::PeakRss, &once, bar);
        insta::assert_snapshot!(summary.render());
        summary.write(folder.path()).unwrap();
        let written = std::fs::read_to_string(folder.path().join("summary.csv")).unwrap();
        insta::assert_snapshot!(written);
        let peers = std::fs::read_to_string(folder.path().join("peers.csv")).unwrap();
        assert_eq!(peers.lines().count(), 13);
        assert!(peers.contains("postgres/tpcb,8,process,2,1,dbdyno,throughput,220,1/s"));
    }
}
