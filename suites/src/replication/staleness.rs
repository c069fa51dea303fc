//! From beats to how stale a replica was, as a client saw it and as the servers said.

use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

use super::heartbeat::{Beats, Broke};

/// When a beat was acknowledged, and how long it took from then on until a replica showed it.
pub type Visible = (Instant, Duration);

/// How stale one replica was.
pub struct Staleness {
    /// From a beat's acknowledgement until the replica showed it: when it was acknowledged, and how long it
    /// took. One that it never showed counts with how long it was looked for: it took longer.
    pub visible: Vec<Visible>,
    /// Beats that the replica never showed.
    pub unseen: u64,
    /// Why it was not looked at to the end, or there was no beat to look for to the end, so that nothing is known of how
    /// long beats took.
    pub broke: Option<String>,
    /// What the servers said, with what a client saw at the same moment.
    pub said: Vec<Said>,
}

/// What the servers said at a moment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Said {
    /// When: the middle between the question and the answer.
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
        let until = beats.looked_until.get(place).copied().flatten();
        let mut looks = shown.iter().peekable();
        let is_about = |broke: &&Broke| broke.replica.is_none_or(|replica| replica == place);
        let broke = beats.broke.iter().find(is_about);
        let broke = broke.map(|broke| broke.why.clone());
        let mut visible = Vec::with_capacity(beats.sent.len());
        let mut unseen = 0;
        for (number, beat) in (beats.first + 1..).zip(&beats.sent) {
            while looks.next_if(|(_, shows)| *shows < number).is_some() {}
            let shown = looks.peek().map(|(at, _)| *at);
            // Of what nobody looked for any more nothing is known.
            let waited = until.filter(|_| broke.is_none());
            unseen += u64::from(shown.is_none() && waited.is_some());
            let took = shown.or(waited).map(|at| at.saturating_duration_since(beat.acknowledged));
            visible.extend(took.map(|took| (beat.acknowledged, took)));
        }
        let ended = until.filter(|_| broke.is_some());
        let looked = beats.reports.iter().filter(|(at, _)| ended.is_none_or(|ended| *at < ended));
        let said = looked.filter_map(|(at, reports)| {
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
        Self { visible, unseen, broke, said }
    }

    /// Time to visible, in nanoseconds; empty where it is not known.
    pub fn histogram(&self) -> Histogram<u64> {
        let known = self.visible.iter().filter(|_| self.broke.is_none());
        histogram(known.map(|(_, took)| *took))
    }

    /// The longest time to visible, where it is known.
    pub fn longest(&self) -> Option<Duration> {
        let known = self.visible.iter().filter(|_| self.broke.is_none());
        known.map(|(_, took)| *took).max()
    }

    /// The least time that a beat was looked for which the replica never showed, where one was not: what is as long or
    /// longer is not known.
    pub fn cut_at(&self) -> Option<Duration> {
        let known = self.unseen_from()?;
        self.visible[known..].iter().map(|(_, took)| *took).min()
    }

    /// The place of the first beat that the replica never showed: it showed none after it either.
    fn unseen_from(&self) -> Option<usize> {
        let unseen = usize::try_from(self.unseen).ok().filter(|unseen| *unseen > 0)?;
        self.visible.len().checked_sub(unseen)
    }

    /// Beats that the replica showed, and how long each took, then those that it never showed.
    pub fn shown_and_not(&self) -> (&[Visible], &[Visible]) {
        self.visible.split_at(self.unseen_from().unwrap_or(self.visible.len()))
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
fn seen_at(at: Instant, visible: &[Visible]) -> Option<Duration> {
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
    use crate::replication::heartbeat::Beat;
    use dbdyno_core::LagReport;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    /// Beats at 0, 100, 200 and 300 ms, acknowledged 1 ms later; the replica shows the first after 5 ms, the
    /// next two together at 250 ms, and the last not until 900 ms, when nobody looked any more.
    fn beats(began: Instant) -> Beats {
        let beat = |at| {
            let due = began + ms(at);
            Beat { due, carries_until: due, sent: due, acknowledged: due + ms(1) }
        };
        let sent = [0, 100, 200, 300].map(beat).to_vec();
        let shown = vec![vec![(began, 10), (began + ms(6), 11), (began + ms(250), 13)]];
        let report = |seconds| {
            vec![LagReport { replay_s: Some(seconds), bytes: Some(7), ..LagReport::default() }]
        };
        let reports = vec![
            (began, report(9.0)),
            (began + ms(50), report(0.005)),
            (began + ms(201), report(0.0)),
        ];
        let looked_until = vec![Some(began + ms(900))];
        Beats { first: 10, sent, shown, looked_until, reports, broke: Vec::new() }
    }

    #[test]
    fn each_beat_is_visible_once_the_replica_shows_it_or_a_later_one() {
        let began = Instant::now();
        let staleness = Staleness::of(&beats(began), 0);
        let took: Vec<Duration> = staleness.visible.iter().map(|(_, took)| *took).collect();
        assert_eq!(took, [ms(5), ms(149), ms(49), ms(599)]);
        assert_eq!((staleness.unseen, staleness.longest()), (1, Some(ms(599))));
        assert_eq!(staleness.cut_at(), Some(ms(599)));
        let (shown, not) = staleness.shown_and_not();
        assert_eq!((shown.len(), not.len()), (3, 1));
    }

    #[test]
    fn a_watch_that_broke_makes_no_replica_look_fast() {
        let began = Instant::now();
        let mut beats = beats(began);
        beats.broke.push(Broke { replica: Some(0), why: "connection reset".to_owned() });
        beats.looked_until = vec![Some(began + ms(255))];
        beats.reports.push((began + ms(301), beats.reports[2].1.clone()));
        let staleness = Staleness::of(&beats, 0);
        assert_eq!(staleness.broke.as_deref(), Some("connection reset"));
        assert!(staleness.histogram().is_empty() && staleness.longest().is_none());
        // The beat at 300 ms is nowhere: nobody looked for it.
        let took: Vec<Duration> = staleness.visible.iter().map(|(_, took)| *took).collect();
        assert_eq!((took, staleness.unseen), (vec![ms(5), ms(149), ms(49)], 0));
        assert!(staleness.said.iter().all(|said| said.at < began + ms(255)));
    }

    #[test]
    fn a_heartbeat_that_broke_makes_no_replica_look_fast() {
        let mut beats = beats(Instant::now());
        beats.broke.push(Broke { replica: Some(1), why: "another one".to_owned() });
        assert_eq!(Staleness::of(&beats, 0).broke, None);
        beats.broke.push(Broke { replica: None, why: "no answer".to_owned() });
        let staleness = Staleness::of(&beats, 0);
        assert_eq!(staleness.broke.as_deref(), Some("no answer"));
        assert!(staleness.histogram().is_empty() && staleness.longest().is_none());
    }

    /// A stall from before a time until into it counts with what was due in that time.
    #[test]
    fn a_beat_that_waited_over_the_beginning_or_the_end_of_a_time_is_clipped() {
        let began = Instant::now();
        let beat = Beat {
            due: began,
            carries_until: began + ms(60),
            sent: began + ms(60),
            acknowledged: began + ms(70),
        };
        let within = |from: u64, until: u64| {
            let mut beats = Beats { sent: vec![beat], ..Beats::default() };
            beats.keep_within(began + ms(from), began + ms(until));
            beats.sent.iter().flat_map(|beat| beat.responses()).collect::<Vec<_>>()
        };
        assert_eq!(within(0, 1000), [ms(70), ms(45), ms(20)]);
        assert_eq!(within(10, 1000), [ms(45), ms(20)]);
        assert_eq!(within(0, 50), [ms(70), ms(45)]);
        assert_eq!(within(26, 50), []);
        assert_eq!(within(61, 1000), []);
    }

    #[test]
    fn a_beat_counts_for_all_that_were_due_while_the_one_before_waited() {
        let due = Instant::now();
        let beat = Beat {
            due,
            carries_until: due + ms(60),
            sent: due + ms(60),
            acknowledged: due + ms(70),
        };
        assert!(beat.responses().eq([ms(70), ms(45), ms(20)]));
        let on_time = Beat { due, carries_until: due, sent: due, acknowledged: due + ms(3) };
        assert!(on_time.responses().eq([ms(3)]));
    }

    #[test]
    fn beats_and_reports_of_another_time_are_left_out() {
        let began = Instant::now();
        let mut beats = beats(began);
        beats.keep_within(began + ms(100), began + ms(300));
        assert_eq!((beats.first, beats.sent.len(), beats.reports.len()), (11, 2, 1));
        let staleness = Staleness::of(&beats, 0);
        let took: Vec<Duration> = staleness.visible.iter().map(|(_, took)| *took).collect();
        assert_eq!((took, staleness.unseen), (vec![ms(149), ms(49)], 0));
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
