//! Percentiles of all repetitions taken together.

use std::fs;
use std::time::SystemTime;

use dbdyno_core::measurement::Second;
use dbdyno_core::random::Rng;
use dbdyno_core::{Case, Recorder as _};
use hdrhistogram::Histogram;
use tempfile::TempDir;

use super::value;
use crate::compare::merged::hull;
use crate::compare::{By, CompareOptions, Comparison, compare};
use crate::fixture::{case, latency, throughput};
use crate::histograms::Histograms;
use crate::load::{Loaded, load};
use crate::run_folder::RunFolder;
use crate::statistics::bootstrap::interval_of_median;
use crate::statistics::merged::{Counts, Merged, Rounds, ratio};

/// A run, below a folder that lasts as long as it.
struct Run {
    folder: RunFolder,
    _root: TempDir,
}

impl Run {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let folder = RunFolder::create(root.path(), "r").unwrap();
        Self { folder, _root: root }
    }

    /// A repetition in which `count` transactions took `us` each, in each of some seconds; with its rows, or as one that
    /// has none.
    fn repetition(&self, engine: &str, number: u32, us: u64, seconds: u64, with_rows: bool) {
        let case = Case { repetition: number, ..case("tpcc", engine) };
        if with_rows {
            let rows = [throughput(100.0), latency("p50", us as f64), latency("p99", us as f64)];
            self.folder.measurements(&case, &rows).unwrap();
        }
        let second = |second: u64, warmup: bool, us: u64, count: u64| {
            let mut response_ns = Histogram::new(3).unwrap();
            response_ns.record_n(us * 1_000, count).unwrap();
            let transaction = "new order".into();
            let (completed, errors, retries) = (count, 0, 0);
            Second { second, warmup, transaction, completed, errors, retries, response_ns }
        };
        let warmup = second(0, true, 7_000, 100);
        let measured = (1..=seconds).map(|number| second(number, false, us, 5));
        let all: Vec<Second> = std::iter::once(warmup).chain(measured).collect();
        self.folder.second(&case, SystemTime::now(), &all).unwrap();
    }

    fn load(&self) -> Loaded {
        load(&[self.folder.path()]).unwrap()
    }
}

fn to_compare(loaded: &Loaded, metrics: &[&str], transactions: bool) -> Histograms {
    let metrics = metrics.iter().map(|name| (*name).to_owned()).collect();
    let options = CompareOptions { metrics, transactions, ..CompareOptions::new(By::Engine) };
    match Histograms::are_compared(loaded, &options) {
        true => Histograms::to_compare(loaded, transactions),
        false => Histograms::default(),
    }
}

fn with(histograms: Option<Histograms>, loaded: &Loaded) -> Comparison {
    let histograms = histograms.and_then(Histograms::shared);
    let options = CompareOptions { histograms, ..CompareOptions::new(By::Engine) };
    compare(&loaded.records, &options).unwrap()
}

/// Two repetitions, one of which was measured longer, and a third that has no numbers: all response times
/// of the two together have another median than the two medians have.
#[test]
fn merged_percentiles_are_those_of_all_response_times() {
    let run = Run::new();
    run.repetition("sqlite", 1, 100, 1, true);
    run.repetition("sqlite", 2, 900, 3, true);
    run.repetition("sqlite", 3, 5_000, 1, false);
    let loaded = run.load();
    let read = to_compare(&loaded, &[], true);
    let median = |histograms: Option<Histograms>| {
        let comparison = with(histograms, &loaded);
        assert!(!value(&comparison, 0, 0, 0).merged, "throughput has no histogram");
        let found = value(&comparison, 0, 1, 0);
        (found.median.round(), found.merged)
    };
    // The mean of two percentiles would be no percentile of anything.
    assert_eq!(median(None), (100.0, false));
    assert_eq!(median(Some(read.clone())), (900.0, true));
    assert_eq!(median(Some(to_compare(&loaded, &[], false))), (900.0, true));
    let largest = |transaction| {
        let counts = read.of_repetition("r", &case("tpcc", "sqlite"), transaction);
        counts.and_then(|counts| Some(counts.histogram()?.max() / 1_000))
    };
    assert_eq!(
        ["new order", "payment", "new", ""].map(largest),
        [Some(100), None, None, Some(100)]
    );
    // Nothing of it is a percentile.
    assert!(to_compare(&loaded, &["throughput"], false).shared().is_none());
    assert!(to_compare(&loaded, &["p99"], false).shared().is_some());
}

/// Six of seven rounds are twice as slow; in the other one the first engine stood still.
#[test]
fn ratios_of_percentiles_are_those_of_all_rounds_taken_together() {
    let run = Run::new();
    for round in 1..=7 {
        let us = if round == 4 { 90_000 } else { 1_000 + 100 * u64::from(round) };
        run.repetition("sqlite", round, us, 1, true);
        run.repetition("postgres", round, 2 * (1_000 + 100 * u64::from(round)), 1, true);
    }
    let loaded = run.load();
    let alone = with(None, &loaded);
    let merged = with(Some(to_compare(&loaded, &[], true)), &loaded);
    let of = |comparison: &Comparison, line: usize| {
        let cell = value(comparison, 0, line, 1);
        let evidence = cell.evidence.as_ref().unwrap();
        (cell.ratio.unwrap().value, evidence.interval.unwrap(), evidence.p)
    };
    // p50: 2.0 in six of seven rounds, and so of all.
    let (ratio, (low, high), _) = of(&alone, 1);
    assert!((ratio - 2.0).abs() < 0.01 && low < 0.1 && high < 2.01, "{low} {ratio} {high}");
    let (ratio, (low, high), _) = of(&merged, 1);
    assert!((1.7..2.3).contains(&ratio) && low < 0.1 && high >= ratio, "{low} {ratio} {high}");
    // p99: the one that stood still has the largest by far, though only one round says so.
    let (ratio, ..) = of(&alone, 2);
    assert!((ratio - 2.0).abs() < 0.01, "{ratio}");
    let (ratio, (low, high), p) = of(&merged, 2);
    assert!((ratio - 3_400.0 / 90_000.0).abs() < 0.001, "{ratio}");
    assert!(low < 0.04 && high > 1.9, "{low} {high}");
    assert!(
        (p - 1.0).abs() < f64::EPSILON,
        "rounds that tend to the other side speak for nothing: {p}"
    );
}

/// All rounds say that the one is 5 % slower; a stall of the other in one round makes the ratio of all another.
#[test]
fn what_the_draws_do_not_tell_from_1_is_no_difference() {
    let run = Run::new();
    for round in 1..=9 {
        run.repetition("sqlite", round, 1_000, if round == 5 { 30 } else { 1 }, true);
        let us = if round == 5 { 90_000 } else { 1_050 };
        run.repetition("postgres", round, us, 1, true);
    }
    let loaded = run.load();
    let merged = with(Some(to_compare(&loaded, &[], false)), &loaded);
    let p50 = value(&merged, 0, 1, 1);
    assert!(p50.evidence.as_ref().is_some_and(|evidence| evidence.p < 0.05), "{p50:?}");
    // Half of what is drawn has no round of it.
    let p99 = value(&merged, 0, 2, 1);
    assert!(p99.ratio.is_some_and(|ratio| ratio.value > 80.0), "{p99:?}");
    let evidence = p99.evidence.as_ref().unwrap();
    assert!(evidence.interval.is_some_and(|(low, high)| low < 1.06 && high > 80.0), "{p99:?}");

    let alike = Run::new();
    for round in 1..=7 {
        let us = 1_000 + u64::from(round);
        alike.repetition("sqlite", round, us, 1, true);
        alike.repetition("postgres", round, us, 1, true);
    }
    let loaded = alike.load();
    let merged = with(Some(to_compare(&loaded, &[], false)), &loaded);
    let cell = value(&merged, 0, 1, 1);
    let (ratio, p) = (cell.ratio.unwrap().value, cell.evidence.as_ref().unwrap().p);
    assert_eq!((ratio, p), (1.0, 1.0));
}

/// Two runs share no round: all of the one is taken to all of the other.
#[test]
fn runs_are_taken_to_each_other_as_wholes() {
    let run = |us: u64| {
        let run = Run::new();
        (1..=5)
            .for_each(|round| run.repetition("sqlite", round, us + 10 * u64::from(round), 1, true));
        run
    };
    let (old, new) = (run(1_000), run(3_000));
    let rows = |name: &str, run: &Run| {
        let text = fs::read_to_string(run.folder.path().join("results.csv")).unwrap();
        let folder = run.folder.path().with_file_name(name);
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("results.csv"), text.replace("\nr,", &format!("\n{name},"))).unwrap();
        fs::copy(run.folder.path().join("latency.hlog"), folder.join("latency.hlog")).unwrap();
        folder
    };
    let loaded = load(&[rows("old", &old), rows("new", &new)]).unwrap();
    let mut options = CompareOptions::new(By::Run);
    options.histograms = Histograms::to_compare(&loaded, false).shared();
    let comparison = compare(&loaded.records, &options).unwrap();
    let cell = value(&comparison, 0, 1, 1);
    let ratio = cell.ratio.unwrap();
    assert!(cell.merged && !ratio.paired && (ratio.value - 2.94).abs() < 0.03, "{cell:?}");
    let (low, high) = cell.evidence.as_ref().unwrap().interval.unwrap();
    assert!(low <= ratio.value && ratio.value <= high && low > 2.8, "{cell:?}");
}

/// A percentile of all repetitions is no base for the middle one's, nor the other way round.
#[test]
fn a_line_is_taken_together_as_a_whole_or_not_at_all() {
    let run = Run::new();
    for round in 1..=3 {
        run.repetition("sqlite", round, 1_000 * u64::from(round), u64::from(round), true);
        run.repetition("postgres", round, 1_000 * u64::from(round), u64::from(round), true);
    }
    let log = run.folder.path().join("latency.hlog");
    let text = fs::read_to_string(&log).unwrap();
    let lines: Vec<&str> = text.lines().filter(|line| !line.contains("engine=sqlite")).collect();
    fs::write(&log, lines.join("\n") + "\n").unwrap();
    let loaded = run.load();
    let comparison = with(Some(to_compare(&loaded, &[], false)), &loaded);
    let cells = [value(&comparison, 0, 1, 0), value(&comparison, 0, 1, 1)];
    assert!(cells.iter().all(|cell| !cell.merged && cell.median == 2_000.0), "{cells:?}");
    assert!(cells[0].note.contains("3 of 3 have no response times"), "{cells:?}");
    assert_eq!((&*cells[1].note, cells[1].ratio.unwrap().value), ("", 1.0));
}

/// A log that has other response times than the rows beside it is not believed.
#[test]
fn what_does_not_fit_the_rows_is_not_merged() {
    let run = Run::new();
    run.repetition("sqlite", 1, 100, 1, true);
    run.repetition("sqlite", 2, 900, 1, true);
    // As though two runs had written there.
    run.repetition("sqlite", 2, 70_000, 3, false);
    let loaded = run.load();
    let comparison = with(Some(to_compare(&loaded, &[], true)), &loaded);
    let found = value(&comparison, 0, 1, 0);
    let told = "not merged, but the middle one of repetitions: 1 of 2 have another percentile in latency.hlog";
    assert_eq!((found.median, found.merged, &*found.note), (100.0, false, told));
    assert_eq!(value(&comparison, 0, 0, 0).note, "", "throughput is in no histogram");

    // Nor is one that lacks some.
    let log = run.folder.path().join("latency.hlog");
    let text = fs::read_to_string(&log).unwrap();
    let first: Vec<&str> = text.lines().filter(|line| !line.contains("repetition=2")).collect();
    fs::write(&log, first.join("\n") + "\n").unwrap();
    let comparison = with(Some(to_compare(&loaded, &[], true)), &loaded);
    let found = value(&comparison, 0, 1, 0);
    assert!(!found.merged && found.note.contains("1 of 2 have no response times"), "{found:?}");
}

#[test]
fn a_log_that_cannot_be_read_is_told_of() {
    let run = Run::new();
    run.repetition("sqlite", 1, 100, 1, true);
    run.repetition("sqlite", 2, 900, 1, true);
    let loaded = run.load();
    let log = run.folder.path().join("latency.hlog");
    let text = fs::read_to_string(&log).unwrap();
    let read = |text: &str| {
        fs::write(&log, text).unwrap();
        let read = to_compare(&loaded, &[], true);
        assert_eq!(read.warnings.len(), 1);
        (read.warnings[0].clone(), read.is_damaged, read.shared().is_some())
    };
    let (told, is_damaged, is_there) = read(&text[..text.len() - 3]);
    assert!(told.contains("latency.hlog`, line 10: the last line was cut off"), "{told}");
    assert!(is_damaged && is_there);
    let (told, is_damaged, is_there) = read(&text.replace("HIST", "H*ST"));
    assert!(told.contains("its histogram") && told.contains("those of the middle one"), "{told}");
    assert!(is_damaged && !is_there);
    let (told, is_damaged, is_there) = read("");
    assert!(told.contains("latency.hlog`: it is empty") && is_damaged && !is_there, "{told}");
    fs::remove_file(&log).unwrap();
    let read = to_compare(&loaded, &[], true);
    assert!(read.warnings[0].contains("those of the middle one"), "{:?}", read.warnings);
    // Results stand without it.
    assert!(!read.is_damaged && read.shared().is_none());
    // One repetition needs nothing.
    let mut one = loaded;
    one.records.retain(|row| row.case.repetition == 1);
    assert_eq!(to_compare(&one, &[], true).warnings, [""; 0]);
}

/// The true ratio is 1 of rounds that drift, and in 95 % of the intervals at least, but for what chance takes away: that of
/// the rounds by themselves is part of it.
#[test]
fn intervals_hold_the_true_ratio() {
    let trials = 400;
    for (rounds, quantile) in [(7, 0.5), (7, 0.99), (15, 0.95)] {
        let mut rng = Rng::new(5, &[rounds]);
        let held = (0..trials).filter(|_| {
            let side = |rng: &mut Rng, drift: f64| {
                let level = drift * (0.1 * (rng.unit() - 0.5)).exp();
                let mut histogram = Histogram::<u64>::new(3).unwrap();
                (0..300).for_each(|_| {
                    histogram.record((1e6 * level * rng.exponential()) as u64 + 1).unwrap();
                });
                (Counts::of(&histogram), histogram.value_at_quantile(quantile) as f64)
            };
            let (mut own, mut base, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
            for _ in 0..rounds {
                let drift = (rng.unit() - 0.5).exp();
                let ((one, its), (other, others)) = (side(&mut rng, drift), side(&mut rng, drift));
                own.push(one);
                base.push(other);
                ratios.push(its / others);
            }
            let pairs: Vec<(usize, usize)> = (0..own.len()).map(|round| (round, round)).collect();
            let (own, base) = (Merged::new(own.iter()), Merged::new(base.iter()));
            let merged = ratio(&own, &base, quantile, &Rounds::Paired(&pairs));
            let (low, high) = hull(interval_of_median(&ratios).unwrap(), merged.unwrap().1);
            (low..=high).contains(&1.0)
        });
        let share = held.count() as f64 / f64::from(trials);
        // Three standard deviations of 400 trials.
        assert!(share >= 0.917, "{rounds} rounds at {quantile}: only {share}");
    }
}
