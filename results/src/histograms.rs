//! Response times of whole runs, read back from `latency.hlog`: a percentile of several repetitions is
//! read off their histograms taken together.

use std::collections::{BTreeSet, HashMap};
use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use dbdyno_core::{Case, Error, Result};
use hdrhistogram::Histogram;
use hdrhistogram::serialization::Deserializer;
use hdrhistogram::serialization::interval_log::{IntervalLogIterator, LogEntry};

use crate::hlog::{MEASURED, case_tag, escape, unescape};
use crate::load::{Loaded, LoadedFile};
use crate::run_folder::file;
use crate::subject::load_of;

/// Significant digits where histograms are put together; the same as where they are recorded.
const DIGITS: u8 = 3;

const NS_PER_US: f64 = 1_000.0;

/// The response times of each transaction type, in nanoseconds.
type ByTransaction = Vec<(String, Histogram<u64>)>;

/// The response times of the measured windows, by run, case and transaction type.
#[derive(Clone, Debug, Default)]
pub struct Histograms {
    /// By the tag of the case, repetition and all, below the run.
    found: HashMap<String, HashMap<String, ByTransaction>>,
    /// What the reader did not take silently, a sentence each.
    pub warnings: Vec<String>,
}

/// What to do where response times cannot be read and nobody asked for them but by an option.
const WITHOUT: &str = "leave out `--merge`, which needs that file whole";

/// Reads the histograms beside every file of `loaded`, those of each repetition's seconds taken together. A
/// last line that was cut off is skipped with a warning.
///
/// # Errors
/// A run has no `latency.hlog`, or a line of it cannot be understood (the error names it).
pub fn histograms(loaded: &Loaded) -> Result<Histograms> {
    let mut histograms = Histograms::default();
    for results in &loaded.files {
        histograms.read(loaded, results).map_err(|error| error.next(WITHOUT))?;
    }
    Ok(histograms)
}

impl Histograms {
    /// The same of those files that can be read; why others cannot is among the warnings.
    pub(crate) fn of_readable(loaded: &Loaded) -> Self {
        let mut histograms = Self::default();
        for results in &loaded.files {
            if let Err(error) = histograms.read(loaded, results) {
                histograms.warnings.push(format!("response times are not shown: {error}"));
            }
        }
        histograms
    }

    fn read(&mut self, loaded: &Loaded, results: &LoadedFile) -> Result<()> {
        let rows = results.rows(loaded);
        let runs: BTreeSet<&str> = rows.iter().map(|row| &*row.run_id).collect();
        let path = results.path.with_file_name(file::LATENCY);
        let doing = || format!("read `{}`", path.display());
        match runs.into_iter().collect::<Vec<_>>()[..] {
            [] => Err(Error::new(doing(), "there is not a single result beside it")),
            [run] => self.read_file(run, &path),
            _ => Err(Error::new(doing(), "the rows beside it are of several runs")
                .next("give the runs as they were measured, each in its folder")),
        }
    }

    fn read_file(&mut self, run: &str, path: &Path) -> Result<()> {
        let failed = |error| Error::new(format!("read `{}`", path.display()), error);
        let mut lines = BufReader::new(File::open(path).map_err(failed)?);
        let mut line = Vec::new();
        for number in 1.. {
            line.clear();
            if lines.read_until(b'\n', &mut line).map_err(failed)? == 0 {
                break;
            }
            if !line.ends_with(b"\n") {
                self.warnings.push(format!(
                    "`{}`, line {number}: the last line was cut off and is skipped",
                    path.display()
                ));
                break;
            }
            self.add(run, &line).map_err(|why| {
                Error::new(format!("read `{}`, line {number}", path.display()), why)
            })?;
        }
        Ok(())
    }

    /// Adds what a line says of a measured second.
    fn add(&mut self, run: &str, line: &[u8]) -> Result<(), String> {
        for entry in IntervalLogIterator::new(line) {
            let entry = entry.map_err(|_| "it is no entry of a histogram log".to_owned())?;
            let LogEntry::Interval(interval) = entry else { continue };
            let tag = interval.tag().ok_or("it has no tag")?;
            let Some((case, transaction)) = tag.as_str().split_once(MEASURED) else { continue };
            let bytes = STANDARD
                .decode(interval.encoded_histogram())
                .map_err(|why| format!("its histogram: {why}"))?;
            let second: Histogram<u64> = Deserializer::new()
                .deserialize(&mut bytes.as_slice())
                .map_err(|why| format!("its histogram: {why}"))?;
            let of_case = self.found.entry(run.to_owned()).or_default();
            let of_case = of_case.entry(case.to_owned()).or_default();
            match of_case.iter_mut().find(|(name, _)| name == transaction) {
                Some((_, all)) => all.add(&second).map_err(|why| why.to_string())?,
                None => {
                    // A later second may hold what took longer than anything in this one.
                    let mut all = second;
                    all.auto(true);
                    of_case.push((transaction.to_owned(), all));
                }
            }
        }
        Ok(())
    }

    /// The response times of a repetition, in nanoseconds; of one transaction type, or of all where it is
    /// empty. `None` where there are none.
    pub(crate) fn of_repetition(
        &self,
        run: &str,
        case: &Case,
        transaction: &str,
    ) -> Option<Histogram<u64>> {
        let transaction = escape(transaction);
        let mut all = Histogram::<u64>::new(DIGITS).ok()?;
        for (name, histogram) in self.found.get(run)?.get(&case_tag(case))? {
            if transaction.is_empty() || *name == transaction {
                all.add(histogram).ok()?;
            }
        }
        (!all.is_empty()).then_some(all)
    }

    /// The response times of each load of a repetition, in nanoseconds, in the order in which they were measured; one
    /// without a name where it is a single one. Of a load that does at once what others do alone, such as transactions
    /// and queries, each kind stands for itself.
    pub(crate) fn of_loads(&self, run: &str, case: &Case) -> Vec<(String, Histogram<u64>)> {
        let of_case = self.found.get(run).and_then(|cases| cases.get(&case_tag(case)));
        let mut loads = Vec::<(String, Histogram<u64>)>::new();
        let names: Vec<&str> =
            of_case.into_iter().flatten().map(|(name, _)| name.as_str()).collect();
        for (transaction, histogram) in of_case.into_iter().flatten() {
            let load = unescape(&kind(transaction, &names));
            match loads.iter_mut().find(|(name, _)| *name == load) {
                // They grow as they must, which is all that could fail.
                Some((_, all)) => drop(all.add(histogram)),
                None => loads.push((load, histogram.clone())),
            }
        }
        loads
    }

    /// A percentile or the maximum (`latency_p99_us`) of repetitions taken together, in microseconds; of one
    /// transaction type, or of all where it is empty. `None` where the metric is another, or a repetition has
    /// no histogram.
    pub(crate) fn merged<'c>(
        &self,
        metric: &str,
        transaction: &str,
        repetitions: impl Iterator<Item = (&'c str, &'c Case)>,
    ) -> Option<f64> {
        let quantile = quantile(metric)?;
        let mut all = Histogram::<u64>::new(DIGITS).ok()?;
        for (run, case) in repetitions {
            all.add(self.of_repetition(run, case, transaction)?).ok()?;
        }
        (!all.is_empty()).then(|| all.value_at_quantile(quantile) as f64 / NS_PER_US)
    }
}

/// The load of a transaction type, and which other load does only what it is of, where several others that have nothing
/// in common do what this load does.
fn kind(transaction: &str, all: &[&str]) -> String {
    let load = load_of(transaction);
    let own = |name: &str| name.rsplit('/').next().unwrap_or_default().to_owned();
    let types = |load: &str| -> BTreeSet<String> {
        all.iter().filter(|name| load_of(name) == load).map(|name| own(name)).collect()
    };
    let its = types(load);
    let others: BTreeSet<&str> = all.iter().map(|name| load_of(name)).collect();
    let alike: Vec<(&str, BTreeSet<String>)> = others
        .into_iter()
        .filter(|other| *other != load)
        .map(|other| (other, types(other)))
        .filter(|(_, types)| !types.is_disjoint(&its))
        .collect();
    let all_types: usize = alike.iter().map(|(_, types)| types.len()).sum();
    let distinct = alike.iter().flat_map(|(_, types)| types).collect::<BTreeSet<_>>().len();
    let other = alike.iter().find(|(_, types)| types.contains(&own(transaction)));
    match other {
        Some((other, _)) if alike.len() > 1 && all_types == distinct => format!("{load}, {other}"),
        _ => load.to_owned(),
    }
}

/// Whether a metric is read off a histogram: a percentile of response times, or their maximum.
pub(crate) fn is_read_off(metric: &str) -> bool {
    quantile(metric).is_some()
}

/// `latency_p999_us` is 0.999, the maximum 1.
fn quantile(metric: &str) -> Option<f64> {
    let middle = metric.strip_prefix("latency_")?.strip_suffix("_us")?;
    if middle == "max" {
        return Some(1.0);
    }
    let digits = middle.strip_prefix('p')?;
    format!("0.{digits}").parse().ok()
}
