//! Response times of whole runs, read back from `latency.hlog`: a percentile of several repetitions is
//! read off their histograms taken together.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::fs::{self, File};
use std::io::{BufRead, BufReader, ErrorKind};
use std::path::Path;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use dbdyno_core::{Case, Error, Result};
use hdrhistogram::Histogram;
use hdrhistogram::serialization::Deserializer;
use hdrhistogram::serialization::interval_log::{IntervalLogIterator, LogEntry};

use crate::compare::{By, CompareOptions};
use crate::hlog::{MEASURED, case_tag, escape, unescape};
use crate::load::{Loaded, LoadedFile, results_file};
use crate::repetition::{case_key, distinct_cases};
use crate::run_folder::file;
use crate::statistics::merged::Counts;
use crate::subject::load_of;

/// What comes of response times that cannot be read.
const WITHOUT: &str =
    "response times are not known, and percentiles of several repetitions those of the middle one";

pub(crate) const NS_PER_US: f64 = 1_000.0;

/// The response times of each transaction type, in nanoseconds.
type ByTransaction = Vec<(String, Counts)>;

/// The response times of the measured windows, by run, case and transaction type.
#[derive(Clone, Debug, Default)]
pub struct Histograms {
    /// By the tag of the case, repetition and all, below the run.
    found: HashMap<String, HashMap<String, ByTransaction>>,
    /// What the reader did not take silently, a sentence each.
    pub warnings: Vec<String>,
    /// Whether a file is there that cannot be read to its end.
    pub is_damaged: bool,
    /// Whether transaction types are not told apart, which takes less memory.
    as_wholes: bool,
    /// Whether any file was read.
    is_read: bool,
}

impl Histograms {
    /// Reads what stands beside every file of `loaded`, that of each repetition's seconds taken together. A last line that
    /// was cut off is skipped; which files are not there or cannot be read, and why, is among the warnings.
    pub fn read(loaded: &Loaded) -> Self {
        Self::default().with_all_of(loaded)
    }

    fn with_all_of(mut self, loaded: &Loaded) -> Self {
        for results in &loaded.files {
            if let Err(error) = self.read_beside(loaded, results) {
                self.warnings.push(format!("{WITHOUT}: {error}"));
            }
        }
        self
    }

    /// Whether such a comparison takes any together: a percentile is among its metrics, and there are several repetitions
    /// of something.
    pub fn are_compared(loaded: &Loaded, options: &CompareOptions) -> bool {
        let CompareOptions { by, metrics, .. } = options;
        let is_percentile =
            |name: &String| is_read_off(name) || is_read_off(&format!("latency_{name}_us"));
        let asked = metrics.is_empty() || metrics.iter().any(is_percentile);
        asked && has_several(loaded, *by)
    }

    /// What a comparison takes together of several repetitions, with transaction types told apart or not.
    pub fn to_compare(loaded: &Loaded, transactions: bool) -> Self {
        Self { as_wholes: !transactions, ..Self::default() }.with_all_of(loaded)
    }

    /// How many bytes of response times stand beside runs, each a folder or a `results.csv`.
    pub fn bytes_beside<P: AsRef<Path>>(runs: &[P]) -> u64 {
        let files = runs.iter().filter_map(|run| results_file(run.as_ref()).ok());
        files
            .filter_map(|results| fs::metadata(results.with_file_name(file::LATENCY)).ok())
            .map(|log| log.len())
            .sum()
    }

    /// For [`CompareOptions::histograms`](crate::CompareOptions::histograms): `None` where no file was read, which the
    /// warnings say, or none was needed.
    pub fn shared(self) -> Option<Arc<Self>> {
        self.is_read.then(|| Arc::new(self))
    }

    fn read_beside(&mut self, loaded: &Loaded, results: &LoadedFile) -> Result<()> {
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
        let file = File::open(path).map_err(|why| {
            self.is_damaged |= why.kind() != ErrorKind::NotFound;
            Error::new(format!("read `{}`", path.display()), why)
        })?;
        self.read_lines(run, path, BufReader::new(file)).inspect_err(|_| {
            self.is_damaged = true;
            // Half of what was measured is not what was measured.
            self.found.remove(run);
        })?;
        let read = self.found.get_mut(run).into_iter().flat_map(HashMap::values_mut).flatten();
        read.for_each(|(_, counts)| counts.settle());
        self.is_read = true;
        Ok(())
    }

    fn read_lines(&mut self, run: &str, path: &Path, mut lines: impl BufRead) -> Result<()> {
        let mut line = Vec::new();
        for number in 1.. {
            line.clear();
            let at = || format!("`{}`, line {number}", path.display());
            let read = lines.read_until(b'\n', &mut line);
            if read.map_err(|why| Error::new(format!("read {}", at()), why))? == 0 {
                // There is a header before anything is measured.
                let is_empty = number == 1;
                return match is_empty {
                    true => Err(Error::new(format!("read `{}`", path.display()), "it is empty")),
                    false => Ok(()),
                };
            }
            if !line.ends_with(b"\n") {
                self.is_damaged = true;
                self.warnings.push(format!("{}: the last line was cut off and is skipped", at()));
                break;
            }
            self.add(run, &line).map_err(|why| Error::new(format!("read {}", at()), why))?;
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
            let transaction = if self.as_wholes { "" } else { transaction };
            let of_case = self.found.entry(run.to_owned()).or_default();
            let of_case = of_case.entry(case.to_owned()).or_default();
            let second = Counts::of(&second);
            match of_case.iter_mut().find(|(name, _)| name == transaction) {
                Some((_, all)) => all.gather(second),
                None => of_case.push((transaction.to_owned(), second)),
            }
        }
        Ok(())
    }

    /// The response times of a repetition, in nanoseconds; of one transaction type or load, or of all where it is empty.
    /// `None` where there are none.
    pub(crate) fn of_repetition(
        &self,
        run: &str,
        case: &Case,
        transaction: &str,
    ) -> Option<Counts> {
        let asked = escape(transaction);
        let is_asked = |name: &str| match name.strip_prefix(asked.as_str()) {
            Some(rest) => asked.is_empty() || rest.is_empty() || rest.starts_with('/'),
            None => false,
        };
        let mut all = Counts::default();
        for (name, counts) in self.found.get(run)?.get(&case_tag(case))? {
            if is_asked(name) {
                all.add(counts);
            }
        }
        (!all.is_empty()).then_some(all)
    }

    /// The response times of each load of a repetition, in nanoseconds, in the order in which they were measured; one
    /// without a name where it is a single one. Of a load that does at once what others do alone, such as transactions
    /// and queries, each kind stands for itself.
    pub(crate) fn of_loads(&self, run: &str, case: &Case) -> Vec<(String, Counts)> {
        let of_case = self.found.get(run).and_then(|cases| cases.get(&case_tag(case)));
        let mut loads = Vec::<(String, Counts)>::new();
        let names: Vec<&str> =
            of_case.into_iter().flatten().map(|(name, _)| name.as_str()).collect();
        for (transaction, counts) in of_case.into_iter().flatten() {
            let load = unescape(&kind(transaction, &names));
            match loads.iter_mut().find(|(name, _)| *name == load) {
                Some((_, all)) => all.add(counts),
                None => loads.push((load, counts.clone())),
            }
        }
        loads
    }
}

/// Whether a number of a comparison may be of more than one repetition of a case.
fn has_several(loaded: &Loaded, by: By) -> bool {
    if loaded.records.iter().any(|row| row.case.repetition > 1) {
        return true;
    }
    if loaded.files.len() < 2 || by == By::Run {
        return false;
    }
    let mut seen = HashSet::new();
    let mut cases = loaded.files.iter().flat_map(|file| distinct_cases(file.rows(loaded)));
    !cases.all(|case| seen.insert(case_key(case)))
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

/// What a metric is of response times, where it is read off a histogram of them: `latency_p999_us` is 0.999, the maximum
/// 1.
pub(crate) fn quantile(metric: &str) -> Option<f64> {
    let middle = metric.strip_prefix("latency_")?.strip_suffix("_us")?;
    if middle == "max" {
        return Some(1.0);
    }
    let digits = middle.strip_prefix('p')?;
    format!("0.{digits}").parse().ok()
}
