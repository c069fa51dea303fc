//! How far those behind are that receive the write-ahead log, told so that it grows while one stands still.
//!
//! What the server itself says of time, `pg_stat_replication.replay_lag`, is of the last commit that a replica confirmed:
//! it stays as it is once the replica says nothing, and is not there before it has (manual, 28.2.4). And who loses its
//! connection is not in that view any more. So positions are remembered, and what was here once is missed.

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
    "1 where a replica was connected and is not any more, or its slot waits for one; by its name",
);

/// Where the server is, and each of those that receive its log; last the slots that nobody uses. Workers that copy a
/// table for logical replication come and go.
const QUERY: &str = "\
SELECT 'here', '', pg_catalog.pg_wal_lsn_diff(CASE WHEN pg_catalog.pg_is_in_recovery()
       THEN pg_catalog.pg_last_wal_replay_lsn() ELSE pg_catalog.pg_current_wal_lsn() END, '0/0')::float8
UNION ALL SELECT 'replica', application_name, min(pg_catalog.pg_wal_lsn_diff(replay_lsn, '0/0'))
          FROM pg_catalog.pg_stat_replication
          WHERE replay_lsn IS NOT NULL AND application_name !~ '^pg_\\d+_sync_\\d+_\\d+$' GROUP BY 2
UNION ALL SELECT 'slot', slot_name,
          pg_catalog.pg_wal_lsn_diff(coalesce(confirmed_flush_lsn, restart_lsn), '0/0')
          FROM pg_catalog.pg_replication_slots
          WHERE NOT active AND NOT temporary AND restart_lsn IS NOT NULL
          AND slot_name !~ '^pg_\\d+_sync_\\d+_\\d+$'";

/// As many positions are remembered at most; from then on every other one.
const REMEMBERED: usize = 4096;

/// What is remembered of the server and of those behind it.
#[derive(Debug, Default)]
pub(super) struct Standbys {
    /// Where the server was when: it moved in between.
    positions: VecDeque<(Instant, f64)>,
    /// How far each replica was when it was last seen.
    replayed: BTreeMap<String, f64>,
}

/// How far one is behind.
#[derive(Debug, PartialEq)]
struct Behind {
    bytes: f64,
    at_least: Duration,
}

impl Standbys {
    /// What is to be told of them at this moment.
    ///
    /// # Errors
    /// As a query.
    pub(super) async fn read(
        &mut self,
        session: &mut dyn Session,
    ) -> Result<Vec<Reading>, DbError> {
        let (mut here, mut replicas, mut slots) = (None, BTreeMap::new(), BTreeMap::new());
        let mut visit = |row: &dyn Row| {
            if row.is_null(2)? {
                return Ok(());
            }
            let (of, position) = (row.text(1)?.to_owned(), row.float(2)?);
            match row.text(0)? {
                "here" => here = Some(position),
                "replica" => {
                    replicas.insert(of, position);
                }
                _ => {
                    slots.insert(format!("slot {of}"), position);
                }
            }
            Ok(())
        };
        session.query_sql(QUERY, &mut visit).await?;
        let now = Instant::now();
        let Some(here) = here else { return Ok(Vec::new()) };
        self.moved(now, here);
        self.replayed.extend(replicas.clone());
        let known = self.replayed.iter().map(|(of, position)| {
            let is_gone = !replicas.contains_key(of);
            (of, *position, is_gone)
        });
        let waiting = slots.iter().map(|(of, position)| (of, *position, true));
        let mut readings = Vec::new();
        for (of, position, is_stopped) in known.chain(waiting) {
            let behind = self.behind(now, here, position);
            let told = [
                (&LAG_BYTES, behind.bytes),
                (&BEHIND_S, behind.at_least.as_secs_f64()),
                (&STOPPED, f64::from(u8::from(is_stopped))),
            ];
            let reading = |(metric, value)| Reading { metric, of: of.clone(), value };
            readings.extend(told.map(reading));
        }
        let slowest = self.replayed.values().chain(slots.values()).copied().fold(here, f64::min);
        self.forget_before(slowest);
        Ok(readings)
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
