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
    let read = Histograms::to_compare(&loaded, &[], true);
    let median = |histograms: Option<Histograms>| {
        let comparison = with(histograms, &loaded);
        assert!(!value(&comparison, 0, 0, 0).merged, "throughput has no histogram");
        let found = value(&comparison, 0, 1, 0);
        (found.median.round(), found.merged)
    };
    // The mean of two percentiles would be no percentile of anything.
    assert_eq!(median(None), (100.0, false));
    assert_eq!(median(Some(read.clone())), (900.0, true));
    assert_eq!(median(Some(Histograms::to_compare(&loaded, &[], false))), (900.0, true));
    let largest = |transaction| {
        let counts = read.of_repetition("r", &case("tpcc", "sqlite"), transaction);
        counts.and_then(|counts| Some(counts.histogram()?.max() / 1_000))
    };
    assert_eq!(
        ["new order", "payment", "new", ""].map(largest),
        [Some(100), None, None, Some(100)]
    );
    // Nothing of it is a percentile.
    assert!(Histograms::to_compare(&loaded, &["throughput".to_owned()], true).shared().is_none());
    assert!(Histograms::to_compare(&loaded, &["p99".to_owned()], true).shared().is_some());
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
    let merged = with(Some(Histograms::to_compare(&loaded, &[], true)), &loaded);
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

/// A log that has other response times than the rows beside it is not believed.
#[test]
fn what_does_not_fit_the_rows_is_not_merged() {
    let run = Run::new();
    run.repetition("sqlite", 1, 100, 1, true);
    run.repetition("sqlite", 2, 900, 1, true);
    // As though two runs had written there.
    run.repetition("sqlite", 2, 70_000, 3, false);
    let loaded = run.load();
    let comparison = with(Some(Histograms::to_compare(&loaded, &[], true)), &loaded);
    let found = value(&comparison, 0, 1, 0);
    let told = "not merged, but the middle one of repetitions: 1 of 2 have another percentile in latency.hlog";
    assert_eq!((found.median, found.merged, &*found.note), (100.0, false, told));
    assert_eq!(value(&comparison, 0, 0, 0).note, "", "throughput is in no histogram");

    // Nor is one that lacks some.
    let log = run.folder.path().join("latency.hlog");
    let text = fs::read_to_string(&log).unwrap();
    let first: Vec<&str> = text.lines().filter(|line| !line.contains("repetition=2")).collect();
    fs::write(&log, first.join("\n") + "\n").unwrap();
    let comparison = with(Some(Histograms::to_compare(&loaded, &[], true)), &loaded);
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
        let read = Histograms::to_compare(&loaded, &[], true);
        assert_eq!(read.warnings.len(), 1);
        (read.warnings[0].clone(), read.is_damaged, read.shared().is_some())
    };
    let (told, is_damaged, is_there) = read(&text[..text.len() - 3]);
    assert!(told.contains("latency.hlog`, line 10: the last line was cut off"), "{told}");
    assert!(is_damaged && is_there);
    let (told, is_damaged, is_there) = read(&text.replace("HIST", "H*ST"));
    assert!(told.contains("its histogram") && told.contains("those of the middle one"), "{told}");
    assert!(is_damaged && !is_there);
    fs::remove_file(&log).unwrap();
    let read = Histograms::to_compare(&loaded, &[], true);
    assert!(read.warnings[0].contains("those of the middle one"), "{:?}", read.warnings);
    // Results stand without it.
    assert!(!read.is_damaged && read.shared().is_none());
    // One repetition needs nothing.
    let mut one = loaded;
    one.records.retain(|row| row.case.repetition == 1);
    assert_eq!(Histograms::to_compare(&one, &[], true).warnings, [""; 0]);
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
