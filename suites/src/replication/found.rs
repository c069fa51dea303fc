//! What was found out, as the metrics of results.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use dbdyno_core::measurement::Second;
use dbdyno_core::{Better, Measurement, Result, Status};
use hdrhistogram::Histogram;

use super::heartbeat::{Beat, Beats};
use super::staleness::{Said, Staleness, histogram};
use crate::side_file::append;

const NS_PER_US: f64 = 1_000.0;
/// The first line of the file that is kept of what servers said.
const COLUMNS: &str = "replica,at_ms,seen_us,reported_write_us,reported_flush_us,reported_replay_us,\
                       behind_bytes,behind_transactions\n";

/// A replica as results name it.
pub fn replica_name(topology: &str, place: usize) -> String {
    format!("{topology}/replica-{}", place + 1)
}

/// A number of microseconds, less of which is better.
pub fn us(metric: &str, us: f64, of: &str) -> Measurement {
    Measurement::new(metric, us, "us", Better::Lower).of(of)
}

/// A number of milliseconds, less of which is better.
pub fn ms(metric: &str, time: Duration, of: &str) -> Measurement {
    Measurement::new(metric, time.as_secs_f64() * 1e3, "ms", Better::Lower).of(of)
}

/// A count, less of which is better.
pub fn count(metric: &str, count: u64, of: &str) -> Measurement {
    Measurement::new(metric, count as f64, "1", Better::Lower).of(of)
}

/// Percentiles of a histogram of nanoseconds, in microseconds; nothing where nothing was recorded.
pub fn percentiles(metric: &str, histogram: &Histogram<u64>, of: &str) -> Vec<Measurement> {
    if histogram.is_empty() {
        return Vec::new();
    }
    let at = |quantile: f64| histogram.value_at_quantile(quantile) as f64 / NS_PER_US;
    [("p50", at(0.5)), ("p95", at(0.95)), ("p99", at(0.99)), ("max", at(1.0))]
        .map(|(name, value)| us(&format!("{metric}_{name}_us"), value, of))
        .to_vec()
}

/// How long commits of the heartbeat took: from when each was due, and from when it was sent. Nothing is known
/// where it broke.
pub fn commits(beats: &Beats, of: &str) -> Vec<Measurement> {
    commit_rows(&beats.sent, beats.stopped(), of)
}

/// See above; `broke` is why the heartbeat did.
pub fn commit_rows(sent: &[Beat], broke: Option<&str>, of: &str) -> Vec<Measurement> {
    if let Some(why) = broke {
        return vec![unknown("commit_p50_us", why, of)];
    }
    let due = sent.iter().flat_map(|beat| beat.responses());
    let mut rows = percentiles("commit", &histogram(due), of);
    let served = sent.iter().map(|beat| beat.acknowledged - beat.sent);
    rows.extend(percentiles("commit_service", &histogram(served), of));
    rows
}

/// The row of what could not be found out.
fn unknown(metric: &str, why: &str, of: &str) -> Measurement {
    failed(us(metric, 0.0, of), why)
}

/// A row without its value, and why.
pub fn failed(row: Measurement, why: &str) -> Measurement {
    Measurement { value: None, ..row.with_status(Status::Failed, why) }
}

/// A row of what the heartbeat alone tells: it has no value where that broke.
pub fn of_beats(row: Measurement, beats: &Beats) -> Measurement {
    match beats.stopped() {
        Some(why) => failed(row, why),
        None => row,
    }
}

/// The longest commit of the heartbeat, the longest time until a replica showed one, and how many it never showed.
/// Nothing is known of what broke.
pub fn longest(beats: &Beats, staleness: &Staleness, of: &str) -> Vec<Measurement> {
    let commit = beats.longest().map(|longest| ms("commit_longest_ms", longest, of));
    let mut rows: Vec<_> = commit.map(|row| of_beats(row, beats)).into_iter().collect();
    rows.extend(beats_unseen(staleness, of));
    let unknown = ms("visible_longest_ms", Duration::ZERO, of);
    rows.extend(match &staleness.broke {
        Some(why) => Some(failed(unknown, why)),
        None => staleness.longest().map(|stalest| ms("visible_longest_ms", stalest, of)),
    });
    say_of_unseen(&mut rows, staleness);
    rows
}

/// Says of the times to visible that are cut off because nobody looked any longer that they are longer.
fn say_of_unseen(rows: &mut [Measurement], staleness: &Staleness) {
    let Some(cut_at) = staleness.cut_at() else { return };
    let all = staleness.visible.len();
    for row in rows.iter_mut().filter(|row| row.metric.starts_with("visible_")) {
        let ms = match row.unit {
            "us" => row.value.map(|us| us / 1e3),
            _ => row.value,
        };
        // A histogram keeps three digits.
        if ms.is_some_and(|ms| ms >= cut_at.as_secs_f64() * 1e3 * 0.999) {
            let unseen = staleness.unseen;
            row.detail = format!("it takes longer: {unseen} of {all} beats were never shown");
        }
    }
}

/// How many beats a replica never showed, where it was looked at to the end.
pub fn beats_unseen(staleness: &Staleness, of: &str) -> Option<Measurement> {
    staleness.broke.is_none().then(|| count("beats_unseen", staleness.unseen, of))
}

/// How stale a replica was, and what the servers said of that.
pub fn staleness(staleness: &Staleness, of: &str) -> Vec<Measurement> {
    let mut rows = percentiles("visible", &staleness.histogram(), of);
    say_of_unseen(&mut rows, staleness);
    rows.extend(beats_unseen(staleness, of));
    rows.extend(staleness.broke.iter().map(|why| unknown("visible_p50_us", why, of)));
    let said = |what: fn(&Said) -> Option<f64>| histogram(seconds(&staleness.said, what));
    rows.extend(percentiles("reported_write", &said(|said| said.write_s), of));
    rows.extend(percentiles("reported_flush", &said(|said| said.flush_s), of));
    rows.extend(percentiles("reported_replay", &said(|said| said.replay_s), of));
    rows.extend(percentiles("disagreement", &staleness.disagreement(), of));
    let most = |what: fn(&Said) -> Option<u64>| staleness.said.iter().filter_map(what).max();
    if let Some(bytes) = most(|said| said.bytes) {
        let row = Measurement::new("behind_max_bytes", bytes as f64, "bytes", Better::Lower);
        rows.push(row.of(of));
    }
    if let Some(transactions) = most(|said| said.transactions) {
        rows.push(count("behind_max_transactions", transactions, of));
    }
    rows
}

/// Says something of the times that servers report, and of how far these are off.
pub fn say_of_reported(rows: &mut [Measurement], what: &str) {
    let is_about = |row: &&mut Measurement| {
        ["reported_", "disagreement_"].iter().any(|prefix| row.metric.starts_with(prefix))
    };
    rows.iter_mut().filter(is_about).for_each(|row| what.clone_into(&mut row.detail));
}

fn seconds(said: &[Said], what: fn(&Said) -> Option<f64>) -> impl Iterator<Item = Duration> {
    let seconds = said.iter().filter_map(what).filter(|seconds| *seconds >= 0.0);
    seconds.map(Duration::from_secs_f64)
}

/// Time to visible by the second in which the beat was acknowledged, for the timeline. Beats that were never shown are
/// errors of theirs.
pub fn by_second(staleness: &Staleness, began: Instant, name: &str) -> Vec<Second> {
    let mut seconds: BTreeMap<u64, (Vec<Duration>, u64)> = BTreeMap::new();
    let of = |acknowledged: &Instant| acknowledged.saturating_duration_since(began).as_secs();
    let (shown, never) = staleness.shown_and_not();
    for (acknowledged, took) in shown {
        seconds.entry(of(acknowledged)).or_default().0.push(*took);
    }
    for (acknowledged, _) in never {
        seconds.entry(of(acknowledged)).or_default().1 += 1;
    }
    let second = |(second, (took, errors)): (u64, (Vec<Duration>, u64))| Second {
        second,
        warmup: false,
        transaction: format!("{name}/visible").into(),
        completed: took.len() as u64,
        errors,
        retries: 0,
        response_ns: histogram(took.into_iter()),
    };
    seconds.into_iter().map(second).collect()
}

/// Adds what the servers said of a replica to a file, beside what a client saw.
///
/// # Errors
/// The disk is full or the folder is gone.
pub fn keep_said(file: &Path, said: &[Said], began: Instant, name: &str) -> Result<()> {
    let us = |seconds: Option<f64>| seconds.map_or(String::new(), |s| format!("{:.0}", s * 1e6));
    let whole = |count: Option<u64>| count.map_or(String::new(), |count| count.to_string());
    let line = |each: &Said| {
        format!(
            "{name},{},{},{},{},{},{},{}\n",
            each.at.saturating_duration_since(began).as_millis(),
            each.seen.as_micros(),
            us(each.write_s),
            us(each.flush_s),
            us(each.replay_s),
            whole(each.bytes),
            whole(each.transactions)
        )
    };
    append(file, COLUMNS, &said.iter().map(line).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Beats of two seconds, ten of which the replica shows after 3 ms; the last two it never shows in the 500 ms and more
    /// that it is looked at.
    fn cut_off(unseen: u64) -> Staleness {
        let began = Instant::now();
        let beat = |number: u64, took| (began + Duration::from_millis(150 * number), took);
        let mut visible: Vec<_> = (0..10).map(|n| beat(n, Duration::from_millis(3))).collect();
        visible.extend((0..unseen).map(|n| beat(10 + n, Duration::from_millis(800 - 150 * n))));
        Staleness { visible, unseen, broke: None, said: Vec::new() }
    }

    #[test]
    fn a_time_that_nobody_waited_for_is_told_to_be_longer() {
        let told = |staleness: &Staleness| -> Vec<(String, bool)> {
            let mut rows = super::staleness(staleness, "async");
            rows.extend(longest(&Beats::default(), staleness, "async"));
            let visible = rows.into_iter().filter(|row| row.metric.starts_with("visible_"));
            visible.map(|row| (row.metric, row.detail.contains("2 of 12 beats"))).collect()
        };
        let names = ["p50_us", "p95_us", "p99_us", "max_us", "longest_ms"];
        let expected = |longer: [bool; 5]| -> Vec<(String, bool)> {
            let names = names.iter().map(|name| format!("visible_{name}"));
            names.zip(longer).collect()
        };
        assert_eq!(told(&cut_off(2)), expected([false, true, true, true, true]));
        assert_eq!(told(&cut_off(0)), expected([false; 5]));
    }

    #[test]
    fn seconds_count_what_was_never_shown() {
        let staleness = cut_off(2);
        let seconds = by_second(&staleness, staleness.visible[0].0, "async/replica-1");
        let counts: Vec<_> =
            seconds.iter().map(|each| (each.second, each.completed, each.errors)).collect();
        assert_eq!(counts, [(0, 7, 0), (1, 3, 2)]);
        assert!(seconds.iter().all(|each| each.response_ns.max() < 4_000_000));
    }
}
