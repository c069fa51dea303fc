//! From beats to how stale a replica was, as a client saw it and as the servers said.

use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

use super::heartbeat::Beats;

/// How stale one replica was.
pub struct Staleness {
    /// From a beat's acknowledgement until the replica showed it, in nanoseconds: when it was acknowledged, and
    /// how long it took.
    pub visible: Vec<(Instant, Duration)>,
    /// Beats that the replica never showed.
    pub unseen: u64,
    /// What the servers said, with what a client saw at the same moment.
    pub said: Vec<Said>,
}

/// What the servers said at a moment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Said {
    /// When.
    pub at: Instant,
    /// How stale the replica was for a client.
    pub seen: Duration,
    /// Seconds that the servers call its lag.
    pub replay_s: Option<f64>,
    /// Seconds until it had written, and synced, what the primary had.
    pub write_s: Option<f64>,
    /// See above.
    pub flush_s: Option<f64>,
    /// Bytes that it had not applied.
    pub bytes: Option<u64>,
    /// Transactions that it had not applied.
    pub transactions: Option<u64>,
}

impl Staleness {
    /// Of the replica at a place.
    pub fn of(beats: &Beats, place: usize) -> Self {
        let shown = beats.shown.get(place).map_or(&[][..], Vec::as_slice);
        let mut looks = shown.iter().peekable();
        let mut visible = Vec::with_capacity(beats.sent.len());
        let mut unseen = 0;
        for (number, (_, acknowledged)) in (beats.first + 1..).zip(&beats.sent) {
            while looks.next_if(|(_, shows)| *shows < number).is_some() {}
            match looks.peek() {
                Some((at, _)) => {
                    visible.push((*acknowledged, at.saturating_duration_since(*acknowledged)));
                }
                None => unseen += 1,
            }
        }
        let said = beats.reports.iter().filter_map(|(at, reports)| {
            let report = reports.get(place)?;
            Some(Said {
                at: *at,
                seen: seen_at(*at, &visible)?,
                replay_s: report.replay_s,
                write_s: report.write_s,
                flush_s: report.flush_s,
                bytes: report.bytes,
                transactions: report.transactions,
            })
        });
        let said = said.collect();
        Self { visible, unseen, said }
    }

    /// Time to visible, in nanoseconds.
    pub fn histogram(&self) -> Histogram<u64> {
        histogram(self.visible.iter().map(|(_, took)| *took))
    }

    /// How far what the servers call lag was from what a client saw, in nanoseconds.
    pub fn disagreement(&self) -> Histogram<u64> {
        let apart = self.said.iter().filter_map(|said| {
            let reported = said.replay_s.filter(|seconds| *seconds >= 0.0)?;
            Some(Duration::from_secs_f64((reported - said.seen.as_secs_f64()).abs()))
        });
        histogram(apart)
    }
}

/// How stale a replica is for a client at a moment: the age of the oldest beat that it does not show yet, and
/// where it shows all, how long it took to show the last.
fn seen_at(at: Instant, visible: &[(Instant, Duration)]) -> Option<Duration> {
    let behind = visible.partition_point(|(acknowledged, took)| *acknowledged + *took <= at);
    match visible.get(behind) {
        Some((acknowledged, _)) if *acknowledged <= at => Some(at - *acknowledged),
        _ => visible.get(behind.checked_sub(1)?).map(|(_, took)| *took),
    }
}

/// A histogram of times, in nanoseconds.
pub fn histogram(times: impl Iterator<Item = Duration>) -> Histogram<u64> {
    // Three digits, as latencies have.
    let mut histogram = Histogram::new(3).unwrap_or_else(|_| unreachable!("three digits are few"));
    for time in times {
        let ns = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        if histogram.record(ns).is_err() {
            tracing::error!("a time could not be recorded");
        }
    }
    histogram
}

#[cfg(test)]
mod tests {
    use super::*;
    use dbdyno_core::LagReport;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    /// Beats at 0, 100, 200 and 300 ms, acknowledged 1 ms later; the replica shows the first after 5 ms, the
    /// next two together at 250 ms, and the last never.
    fn beats(began: Instant) -> Beats {
        let sent = [0, 100, 200, 300].map(|at| (began + ms(at), began + ms(at + 1))).to_vec();
        let shown = vec![vec![(began, 10), (began + ms(6), 11), (began + ms(250), 13)]];
        let report = |seconds| {
            vec![LagReport { replay_s: Some(seconds), bytes: Some(7), ..LagReport::default() }]
        };
        let reports = vec![
            (began, report(9.0)),
            (began + ms(50), report(0.005)),
            (began + ms(201), report(0.0)),
        ];
        Beats { first: 10, sent, shown, reports, broke: None }
    }

    #[test]
    fn each_beat_is_visible_once_the_replica_shows_it_or_a_later_one() {
        let began = Instant::now();
        let staleness = Staleness::of(&beats(began), 0);
        let took: Vec<Duration> = staleness.visible.iter().map(|(_, took)| *took).collect();
        assert_eq!(took, [ms(5), ms(149), ms(49)]);
        assert_eq!(staleness.unseen, 1);
    }

    #[test]
    fn servers_are_held_against_what_a_client_saw_at_that_moment() {
        let began = Instant::now();
        let staleness = Staleness::of(&beats(began), 0);
        // Of the first moment nothing is known: no beat had been acknowledged.
        let seen: Vec<Duration> = staleness.said.iter().map(|said| said.seen).collect();
        assert_eq!(seen, [ms(5), ms(100)]);
        let apart = staleness.disagreement();
        assert_eq!((apart.len(), apart.min()), (2, 0));
        assert!(apart.max().abs_diff(100_000_000) < 100_000, "{}", apart.max());
    }
}
