//! How far those behind are that receive the write-ahead log, told so that it grows while one stands still.
//!
//! What the server itself says of time, `pg_stat_replication.replay_lag`, is of the last commit that a replica confirmed:
//! it stays as it is once the replica says nothing, and is not there before it has (manual, 28.2.4). And who loses its
//! connection is not in that view any more. So positions are remembered, and what was here once is missed: also where
//! others of its name are here, for all have the same one that were given none (`walreceiver`).

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use dbdyno_core::metrics::{MetricInfo, Reading};
use dbdyno_core::{DbError, Row, Session};

/// Of a replica, by its name.
pub(super) const LAG_BYTES: MetricInfo = MetricInfo::gauge(
    "replication_lag_bytes",
    "bytes",
    "write-ahead log that a replica has yet to replay, by its name (pg_stat_replication)",
);
pub(super) const BEHIND_S: MetricInfo = MetricInfo::gauge(
    "replication_behind_s",
    "s",
    "how old what a replica has yet to replay is at least, by its name; it grows while one stands still or is gone",
);
pub(super) const STOPPED: MetricInfo = MetricInfo::gauge(
    "replication_stopped",
    "1",
    "replicas that were connected and are not any more, by their name; 1 for a slot that waits for one",
);

/// Where the server is, and each of those that receive its log: the session that serves it, what it replayed, when it
/// last said so, by its own clock, and when it connected, by the server's. Last the slots that nobody uses. Workers that copy a table for logical replication
/// come and go.
const QUERY: &str = "\
/* dbdyno */ SELECT 'here', '', 0, 0::float8, pg_catalog.pg_wal_lsn_diff(CASE WHEN pg_catalog.pg_is_in_recovery()
       THEN pg_catalog.pg_last_wal_replay_lsn() ELSE pg_catalog.pg_current_wal_lsn() END, '0/0')::float8, 0::float8
UNION ALL SELECT 'replica', application_name, pid, coalesce(extract(epoch FROM reply_time), 0),
          pg_catalog.pg_wal_lsn_diff(replay_lsn, '0/0'),
          coalesce(extract(epoch FROM backend_start), 0)
          FROM pg_catalog.pg_stat_replication
          WHERE replay_lsn IS NOT NULL AND application_name !~ '^pg_\\d+_sync_\\d+_\\d+$'
UNION ALL SELECT 'slot', slot_name, 0, 0,
          pg_catalog.pg_wal_lsn_diff(coalesce(confirmed_flush_lsn, restart_lsn), '0/0'), 0
          FROM pg_catalog.pg_replication_slots
          WHERE NOT active AND NOT temporary AND restart_lsn IS NOT NULL
          AND slot_name !~ '^pg_\\d+_sync_\\d+_\\d+$'";

/// As many positions are remembered at most; from then on every other one.
const REMEMBERED: usize = 4096;

/// What the server says at a moment.
#[derive(Debug, Default)]
pub(super) struct Seen {
    here: Option<f64>,
    replicas: Vec<SeenReplica>,
    /// Where those that nobody uses begin.
    slots: BTreeMap<String, f64>,
}

#[derive(Clone, Debug)]
struct SeenReplica {
    name: String,
    /// The process that serves it.
    pid: i64,
    connected_s: f64,
    replied_s: f64,
    replayed: f64,
}

impl Seen {
    /// Asks the server.
    ///
    /// # Errors
    /// As a query.
    pub(super) async fn ask(session: &mut dyn Session) -> Result<Self, DbError> {
        let mut seen = Self::default();
        let mut visit = |row: &dyn Row| {
            if row.is_null(4)? {
                return Ok(());
            }
            let (name, position) = (row.text(1)?.to_owned(), row.float(4)?);
            match row.text(0)? {
                "here" => seen.here = Some(position),
                "replica" => seen.replicas.push(SeenReplica {
                    name,
                    pid: row.int(2)?,
                    connected_s: row.float(5)?,
                    replied_s: row.float(3)?,
                    replayed: position,
                }),
                _ => {
                    seen.slots.insert(format!("slot {name}"), position);
                }
            }
            Ok(())
        };
        session.query_sql(QUERY, &mut visit).await?;
        Ok(seen)
    }
}

/// What is remembered of the server and of those behind it.
#[derive(Debug, Default)]
pub(super) struct Standbys {
    /// Where the server was when: it moved in between.
    positions: VecDeque<(Instant, f64)>,
    /// Those that are connected, or were and are missed.
    replicas: Vec<Replica>,
}

/// A replica, as far as it can be told from others of its name.
#[derive(Debug)]
struct Replica {
    name: String,
    pid: i64,
    /// When its connection was seen first.
    since: Instant,
    /// When it connected, by the server's clock.
    connected_s: f64,
    /// When it was last seen to say anything, and what time it said.
    replied: (Instant, f64),
    replayed: f64,
    is_gone: bool,
    /// It is one that was gone.
    is_back: bool,
}

impl Replica {
    /// Whether it may be that one, which is gone, come back: it connected after that one had last said anything. Until
    /// then a server may keep a broken connection for a minute (`wal_sender_timeout`).
    fn may_be(&self, gone: &Self) -> bool {
        let is_new = !self.is_gone && !self.is_back;
        is_new && self.name == gone.name && (self.since > gone.replied.0 || self.replaced(gone))
    }

    /// The same of one that has said nothing since it was seen first, as where both were seen first at once: all that is
    /// left are the times that servers tell, of clocks that may differ.
    fn replaced(&self, gone: &Self) -> bool {
        gone.replied.0 == gone.since && self.connected_s > gone.replied.1
    }
}

impl SeenReplica {
    fn is(&self, known: &Replica) -> bool {
        !known.is_gone && self.pid == known.pid && self.name == known.name
    }
}

/// How far one is behind.
#[derive(Debug, PartialEq)]
struct Behind {
    bytes: f64,
    at_least: Duration,
}

impl Standbys {
    /// What is to be told of them at this moment.
    pub(super) fn readings(&mut self, now: Instant, seen: Seen) -> Vec<Reading> {
        let Some(here) = seen.here else { return Vec::new() };
        self.moved(now, here);
        self.meet(now, seen.replicas);
        let mut by_name: BTreeMap<String, (f64, usize)> = BTreeMap::new();
        for replica in &self.replicas {
            let entry = by_name.entry(replica.name.clone());
            let (slowest, gone) = entry.or_insert((f64::INFINITY, 0));
            *slowest = slowest.min(replica.replayed);
            *gone += usize::from(replica.is_gone);
        }
        by_name.extend(seen.slots.into_iter().map(|(of, position)| (of, (position, 1))));
        let slowest = by_name.values().map(|(position, _)| *position).fold(here, f64::min);
        let mut readings = Vec::new();
        for (of, (position, stopped)) in by_name {
            let behind = self.behind(now, here, position);
            let told = [
                (&LAG_BYTES, behind.bytes),
                (&BEHIND_S, behind.at_least.as_secs_f64()),
                (&STOPPED, stopped as f64),
            ];
            let reading = |(metric, value)| Reading { metric, of: of.clone(), value };
            readings.extend(told.map(reading));
        }
        self.forget_before(slowest);
        readings
    }

    /// Takes in which replicas are connected.
    fn meet(&mut self, now: Instant, seen: Vec<SeenReplica>) {
        for known in &mut self.replicas {
            known.is_gone = !seen.iter().any(|seen| seen.is(known));
        }
        for seen in seen {
            match self.replicas.iter_mut().find(|known| seen.is(known)) {
                Some(known) => {
                    known.replayed = seen.replayed;
                    if known.replied.1 != seen.replied_s {
                        known.replied = (now, seen.replied_s);
                    }
                }
                None => self.replicas.push(Replica {
                    name: seen.name,
                    pid: seen.pid,
                    since: now,
                    connected_s: seen.connected_s,
                    replied: (now, seen.replied_s),
                    replayed: seen.replayed,
                    is_gone: false,
                    is_back: false,
                }),
            }
        }
        self.settle();
    }

    /// Takes those that came back for what they are.
    fn settle(&mut self) {
        let mut place = 0;
        while let Some(known) = self.replicas.get(place) {
            let mut others = self.replicas.iter();
            match others.position(|other| known.is_gone && other.may_be(known)) {
                Some(back) => {
                    self.replicas[back].is_back = true;
                    self.replicas.remove(place);
                }
                None => place += 1,
            }
        }
    }

    /// The server is there now.
    fn moved(&mut self, now: Instant, here: f64) {
        if self.positions.back().is_some_and(|(_, last)| here < *last) {
            // It is another server's log, or was restored.
            self.positions.clear();
        }
        if self.positions.back().is_none_or(|(_, last)| here > *last) {
            self.positions.push_back((now, here));
        }
        if self.positions.len() > REMEMBERED {
            let mut is_kept = false;
            self.positions.retain(|_| {
                is_kept = !is_kept;
                is_kept
            });
        }
    }

    /// How far one is behind that has replayed so much. What it lacks first was written before the server was seen
    /// beyond that for the first time.
    fn behind(&self, now: Instant, here: f64, replayed: f64) -> Behind {
        let beyond = self.positions.partition_point(|(_, position)| *position <= replayed);
        let since = self.positions.get(beyond).map_or(now, |(seen, _)| *seen);
        Behind { bytes: (here - replayed).max(0.0), at_least: now.duration_since(since) }
    }

    /// Nobody asks any more for when the server was where all have been.
    fn forget_before(&mut self, slowest: f64) {
        while self.positions.get(1).is_some_and(|(_, position)| *position <= slowest) {
            self.positions.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is told of a name, second by second: how far behind, and how many are gone.
    struct Telling {
        standbys: Standbys,
        began: Instant,
    }

    impl Telling {
        fn new() -> Self {
            Self { standbys: Standbys::default(), began: Instant::now() }
        }

        /// Replicas by their process, with what they replayed; each says something.
        fn told(&mut self, second: u64, here: f64, replicas: &[(i64, f64)]) -> (f64, f64) {
            let replied_s = second as f64;
            self.told_of(second, here, replicas.iter().map(|one| (*one, replied_s)).collect())
        }

        fn told_of(&mut self, second: u64, here: f64, all: Vec<((i64, f64), f64)>) -> (f64, f64) {
            let replica = |((pid, replayed), replied_s)| SeenReplica {
                name: Self::name(),
                pid,
                connected_s: 0.0,
                replied_s,
                replayed,
            };
            self.told_at(second, here, all.into_iter().map(replica).collect())
        }

        fn name() -> String {
            "walreceiver".to_owned()
        }

        fn told_at(&mut self, second: u64, here: f64, replicas: Vec<SeenReplica>) -> (f64, f64) {
            let seen = Seen { here: Some(here), replicas, slots: BTreeMap::new() };
            let told = self.standbys.readings(self.began + Duration::from_secs(second), seen);
            let of = |metric: MetricInfo| {
                let is =
                    |read: &&Reading| read.metric.name == metric.name && read.of == Self::name();
                told.iter().find(is).unwrap().value
            };
            (of(BEHIND_S), of(STOPPED))
        }
    }

    #[test]
    fn one_of_several_of_the_same_name_is_missed_until_it_comes_back() {
        let mut telling = Telling::new();
        assert_eq!(telling.told(0, 100.0, &[(1, 100.0), (2, 100.0)]), (0.0, 0.0));
        assert_eq!(telling.told(1, 200.0, &[(1, 200.0)]), (0.0, 1.0));
        assert_eq!(telling.told(4, 200.0, &[(1, 200.0)]), (3.0, 1.0));
        assert_eq!(telling.told(5, 200.0, &[(1, 200.0), (3, 200.0)]), (0.0, 0.0));
        // All are gone, as with a server that starts again, and come back one by one.
        assert_eq!(telling.told(6, 200.0, &[]), (0.0, 2.0));
        assert_eq!(telling.told(7, 200.0, &[(4, 200.0)]), (0.0, 1.0));
        assert_eq!(telling.told(8, 200.0, &[(5, 200.0), (4, 200.0)]), (0.0, 0.0));
    }

    #[test]
    fn a_broken_connection_that_the_server_keeps_for_a_while_is_no_replica() {
        let mut telling = Telling::new();
        telling.told(0, 100.0, &[(1, 100.0), (2, 100.0)]);
        // The second one says nothing any more, and comes back through another connection.
        let broken = ((2, 100.0), 0.0);
        let all = vec![((1, 100.0), 9.0), broken, ((3, 100.0), 9.0)];
        assert_eq!(telling.told_of(9, 100.0, all).1, 0.0);
        assert_eq!(telling.told(60, 100.0, &[(1, 100.0), (3, 100.0)]).1, 0.0);
        // It stands for one alone.
        assert_eq!(telling.told(61, 100.0, &[(3, 100.0)]).1, 1.0);
    }

    /// Replicas by their process, each with when it connected and when it last said anything.
    fn seen(all: &[(i64, f64, f64)]) -> Vec<SeenReplica> {
        let replica = |(pid, connected_s, replied_s): &(i64, f64, f64)| SeenReplica {
            name: Telling::name(),
            pid: *pid,
            connected_s: *connected_s,
            replied_s: *replied_s,
            replayed: 100.0,
        };
        all.iter().map(replica).collect()
    }

    #[test]
    fn a_broken_connection_that_is_seen_first_beside_what_replaces_it_is_no_replica() {
        // The first one connected at 10 and said nothing any more after 50; it came back at 58.
        let mut telling = Telling::new();
        telling.told_at(0, 100.0, seen(&[(1, 10.0, 50.0), (2, 58.0, 60.0)]));
        assert_eq!(telling.told_at(9, 100.0, seen(&[(2, 58.0, 69.0)])).1, 0.0);
        assert_eq!(telling.told_at(10, 100.0, seen(&[])).1, 1.0);
        // Two that were there at once, whether or not the one said anything while it was looked at.
        for last_said in [60.0, 61.0] {
            let mut telling = Telling::new();
            telling.told_at(0, 100.0, seen(&[(1, 10.0, 60.0), (2, 58.0, 60.0)]));
            telling.told_at(1, 100.0, seen(&[(1, 10.0, last_said), (2, 58.0, 61.0)]));
            assert_eq!(telling.told_at(2, 100.0, seen(&[(2, 58.0, 62.0)])).1, 1.0);
        }
    }

    fn seconds(standbys: &Standbys, now: Instant, here: f64, replayed: f64) -> u64 {
        standbys.behind(now, here, replayed).at_least.as_secs()
    }

    #[test]
    fn what_is_behind_is_as_old_as_the_first_that_it_lacks() {
        let (mut standbys, began) = (Standbys::default(), Instant::now());
        let at = |second| began + Duration::from_secs(second);
        for (second, here) in [(0, 100.0), (1, 200.0), (2, 200.0), (3, 300.0), (9, 300.0)] {
            standbys.moved(at(second), here);
        }
        // Nothing is lacking, however long nothing was written.
        assert_eq!(
            standbys.behind(at(9), 300.0, 300.0),
            Behind { bytes: 0.0, at_least: Duration::ZERO }
        );
        assert_eq!(seconds(&standbys, at(9), 300.0, 200.0), 6);
        assert_eq!(seconds(&standbys, at(20), 300.0, 150.0), 19);
        assert_eq!(seconds(&standbys, at(20), 300.0, 50.0), 20);
        standbys.forget_before(200.0);
        assert_eq!(standbys.positions.len(), 2);
        assert_eq!(seconds(&standbys, at(9), 300.0, 250.0), 6);
        // A log that begins anew is another one.
        standbys.moved(at(21), 10.0);
        assert_eq!(seconds(&standbys, at(22), 10.0, 5.0), 1);
    }

    #[test]
    fn what_is_remembered_has_an_end_and_is_never_told_as_older_than_it_is() {
        let (mut standbys, began) = (Standbys::default(), Instant::now());
        for second in 0..10_000 {
            standbys.moved(began + Duration::from_secs(second), second as f64);
        }
        assert!(standbys.positions.len() <= REMEMBERED);
        let now = began + Duration::from_secs(9_999);
        for lacking in [1_000_u64, 5_000, 9_990] {
            let told = seconds(&standbys, now, 9_999.0, lacking as f64 - 1.0);
            let truly = 9_999 - lacking;
            assert!(told <= truly && told + 8 >= truly, "{told} of {truly}");
        }
    }
}
