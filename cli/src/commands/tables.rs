//! The tables that commands print.

use std::io::IsTerminal as _;
use std::path::Path;

use comfy_table::{ContentArrangement, Table, presets};
use dbdyno_core::Result;
use dbdyno_results::{
    BackupView, By, Chart, CompareOptions, Comparison, Format, Histograms, IsolationView,
    LimitView, Loaded, PoolView, ProceduresView, Record, RenderOptions, ReplicationView, RunFolder,
    client_bottlenecks, compare_all, load, scaling,
};

use crate::commands::charts;
use crate::numbers;
use crate::output::{note, show};

/// The width of a table where the output is no terminal.
const PLAIN_WIDTH: usize = 120;

/// How many cases whose client was the bottleneck are named, and parts of each.
const CLIENTS_TOLD: usize = 12;

/// From how many bytes of response times on it is said that they are read: some seconds go by.
const MANY_BYTES: u64 = 32 << 20;

/// The folder of charts in a run folder.
const CHARTS: &str = "charts";

/// Prints a run's own tables: what differs between its cases makes the columns; what was measured
/// at several numbers of clients is shown as a scaling curve, and drawn into the run folder.
///
/// # Errors
/// The run folder cannot be read back.
pub fn after_run(folder: &RunFolder) -> Result<()> {
    let loaded = load(&[folder.path()])?;
    if loaded.records.is_empty() {
        return Ok(());
    }
    let mut options = options(&loaded, By::default_for(&loaded.records));
    take_together(&loaded, &mut options);
    let (views, records) = Views::take(loaded);
    if !records.is_empty() {
        match compare_all(&records, &options) {
            Ok(comparisons) => print(&comparisons, Format::Table)?,
            // A run in which nothing could be measured has been told case by case.
            Err(error) => note(&format!("note: {error}")),
        }
    }
    views.print(Format::Table, !records.is_empty());
    let mut charts = views.charts();
    if let Ok(scaling) = scaling(&records) {
        show(&scaling.render(&rendering(Format::Table))?);
        charts.extend(scaling.charts());
    }
    // The tables tell all that charts do: a disk that is full by now fails no run.
    if let Err(error) = charts::write_all(&folder.path().join(CHARTS), &charts) {
        note(&format!("warning: {error}"));
    }
    Ok(())
}

/// What suites show in a way of their own.
pub struct Views {
    levels: Option<IsolationView>,
    procedures: Option<ProceduresView>,
    pools: Option<PoolView>,
    backups: Option<BackupView>,
    replication: Option<ReplicationView>,
    limits: Option<LimitView>,
    /// In which loads the client was the bottleneck.
    bound: Option<String>,
}

impl Views {
    /// Takes what they show out of the records; gives the rest.
    pub fn take(loaded: Loaded) -> (Self, Vec<Record>) {
        let targets = loaded.order(By::Target);
        let bound = client_bottlenecks(&loaded.records, CLIENTS_TOLD);
        let (levels, records) = IsolationView::take(loaded.records, &targets);
        let (procedures, records) = ProceduresView::take(records, &targets);
        let (pools, records) = PoolView::take(records, &targets);
        let (backups, records) = BackupView::take(records, &targets);
        let (replication, records) = ReplicationView::take(records, &targets);
        let (limits, records) = LimitView::take(records, &targets);
        (Self { levels, procedures, pools, backups, replication, limits, bound }, records)
    }

    /// Whether there is nothing of the kind.
    pub fn is_empty(&self) -> bool {
        let none = self.levels.is_none() && self.procedures.is_none();
        let none = none && self.pools.is_none() && self.backups.is_none();
        none && self.replication.is_none() && self.limits.is_none()
    }

    /// Prints them, after other tables or as the first.
    pub fn print(&self, format: Format, after_others: bool) {
        let rendering = rendering(format);
        let levels = self.levels.as_ref().map(|levels| levels.render(&rendering));
        let procedures = self.procedures.as_ref().map(|procedures| procedures.render(&rendering));
        let pools = self.pools.as_ref().map(|pools| pools.render(&rendering));
        let backups = self.backups.as_ref().map(|backups| backups.render(&rendering));
        let replication = self.replication.as_ref().map(|view| view.render(&rendering));
        let limits = self.limits.as_ref().map(|view| view.render(&rendering));
        let before = after_others.then(String::new);
        let bound = self.bound.as_ref().map(|bound| rendering.sentence(bound));
        let views = levels.into_iter().chain(procedures).chain(pools).chain(backups);
        let views = views.chain(replication).chain(limits).chain(bound);
        let texts: Vec<String> = before.into_iter().chain(views).collect();
        show(&texts.join("\n"));
    }

    /// What of them is drawn.
    fn charts(&self) -> Vec<Chart> {
        self.pools.as_ref().map(PoolView::charts).unwrap_or_default()
    }
}

/// Says below other tables in which loads the client was the bottleneck.
pub fn say_bound(records: &[Record], format: Format) {
    if let Some(bound) = client_bottlenecks(records, CLIENTS_TOLD) {
        show(&format!("\n{}", rendering(format).sentence(&bound)));
    }
}

/// What to compare by, with the columns in the order in which the targets were given.
pub fn options(loaded: &Loaded, by: By) -> CompareOptions {
    CompareOptions { order: loaded.order(by), ..CompareOptions::new(by) }
}

/// Says that response times are read, where these are many.
pub fn say_what_is_read<P: AsRef<Path>>(runs: &[P]) {
    let bytes = Histograms::bytes_beside(runs);
    if bytes >= MANY_BYTES {
        note(&format!("note: reading {} of response times", numbers::bytes(bytes as f64)));
    }
}

/// Has percentiles of several repetitions read off all their response times; whether these could be read to their end.
pub fn take_together(loaded: &Loaded, options: &mut CompareOptions) -> bool {
    if !Histograms::are_compared(loaded, options) {
        return true;
    }
    let files: Vec<_> = loaded.files.iter().map(|file| &file.path).collect();
    say_what_is_read(&files);
    let read = Histograms::to_compare(loaded, options.transactions);
    for warning in &read.warnings {
        note(&format!("warning: {warning}"));
    }
    let is_whole = !read.is_damaged;
    options.histograms = read.shared();
    is_whole
}

/// Prints comparisons.
///
/// # Errors
/// A text cannot be put into CSV.
pub fn print(comparisons: &[Comparison], format: Format) -> Result<()> {
    let texts: Result<Vec<_>> =
        comparisons.iter().map(|comparison| comparison.render(&rendering(format))).collect();
    show(&texts?.join("\n"));
    Ok(())
}

/// A table of words, no wider than the terminal.
pub fn plain<const COLUMNS: usize>(header: [&str; COLUMNS]) -> Table {
    let mut table = Table::new();
    table
        .load_style(presets::UTF8_FULL_CONDENSED)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(u16::try_from(width()).unwrap_or(u16::MAX))
        .set_header(header);
    table
}

/// How tables are written here.
pub fn rendering(format: Format) -> RenderOptions {
    let styled = std::io::stdout().is_terminal();
    RenderOptions { format, width: width(), styled }
}

/// The columns of the terminal.
pub fn width() -> usize {
    match Table::new().width() {
        Some(width) if std::io::stdout().is_terminal() => usize::from(width),
        _ => PLAIN_WIDTH,
    }
}
