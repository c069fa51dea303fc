//! What a server says of its own work as a replica. A primary of MySQL or MariaDB does not know how far replicas are:
//! it is the replica that is asked.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use dbdyno_core::metrics::{MetricInfo, Reading};
use dbdyno_core::{DbError, Row, Session, Statement, StatementId, Value};

use super::programs::Product;

pub(super) const LAG_S: MetricInfo = MetricInfo::gauge(
    "replication_lag_s",
    "s",
    "what the replica says of its lag, by connection (Seconds_Behind_Master); nothing where it does not know",
);
pub(super) const BEHIND_S: MetricInfo = MetricInfo::gauge(
    "replication_behind_s",
    "s",
    "the same, and while it does not know, the last that it said and the time since; by connection",
);
pub(super) const STOPPED: MetricInfo = MetricInfo::gauge(
    "replication_stopped",
    "1",
    "threads of a replica that do not run or have no connection, of two; by connection (Slave_IO_Running, Slave_SQL_Running)",
);

/// A server as a replica.
pub(super) struct Replica {
    query: &'static str,
    /// The columns of the answer, which differ by version; none before they were asked for.
    columns: Vec<String>,
    known: LastKnown,
}

/// When each connection of a replica to a primary last knew how far behind it was, and how far. It is remembered for as
/// long as the server has that connection, for sessions that ask come and go. One that is removed or led to another
/// primary is another one: nobody knows how far that is behind.
pub(super) type LastKnown = Arc<Mutex<BTreeMap<Connection, (Instant, f64)>>>;

/// Its name, and the primary's host and port.
type Connection = (String, String, String);

/// The place of the session's only prepared statement.
const STATUS: StatementId = 0;

impl Replica {
    pub(super) fn of(product: Product, known: &LastKnown) -> Self {
        let query = match product {
            Product::Mariadb => "SHOW ALL SLAVES STATUS",
            // From 8.0.22 on.
            Product::Mysql => "SHOW REPLICA STATUS",
        };
        Self { query, columns: Vec::new(), known: Arc::clone(known) }
    }

    /// What is to be told at this moment: nothing where the server is no replica.
    ///
    /// # Errors
    /// As a query; who may not ask is refused.
    pub(super) async fn read(
        &mut self,
        session: &mut dyn Session,
    ) -> Result<Vec<Reading>, DbError> {
        if self.columns.is_empty() {
            session.prepare(&[Statement::new("status", self.query)]).await?;
            self.columns = session.columns(STATUS)?;
        }
        let mut connections = Vec::new();
        let mut visit = |row: &dyn Row| {
            let mut status = BTreeMap::new();
            for (place, name) in self.columns.iter().enumerate() {
                let value = match row.value(place)? {
                    Value::Text(text) => text.to_owned(),
                    Value::Int(number) => number.to_string(),
                    _ => continue,
                };
                status.insert(name.as_str(), value);
            }
            connections.push(Status::of(&status));
            Ok(())
        };
        session.query(STATUS, &[], &mut visit).await?;
        Ok(self.readings(Instant::now(), connections))
    }

    fn readings(&self, now: Instant, connections: Vec<Status>) -> Vec<Reading> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|known, _| connections.iter().any(|status| status.connection == *known));
        let each = connections.into_iter().flat_map(|status| Self::of_one(now, &mut known, status));
        each.collect()
    }

    fn of_one(
        now: Instant,
        known: &mut BTreeMap<Connection, (Instant, f64)>,
        status: Status,
    ) -> Vec<Reading> {
        let Status { connection, lag_s, stopped } = status;
        let of = connection.0.clone();
        let last = known.entry(connection).or_insert((now, 0.0));
        if let Some(lag_s) = lag_s {
            *last = (now, lag_s);
        }
        let (then, last_s) = *last;
        let behind_s = last_s + now.duration_since(then).as_secs_f64();
        let told = [
            lag_s.map(|lag_s| (&LAG_S, lag_s)),
            Some((&BEHIND_S, behind_s)),
            Some((&STOPPED, f64::from(stopped))),
        ];
        let reading = |(metric, value)| Reading { metric, of: of.clone(), value };
        told.into_iter().flatten().map(reading).collect()
    }
}

/// What a connection to a primary says.
#[derive(Debug, PartialEq)]
struct Status {
    connection: Connection,
    lag_s: Option<f64>,
    /// Threads that do not run.
    stopped: u8,
}

impl Status {
    /// By the names that MariaDB and MySQL have for it.
    fn of(columns: &BTreeMap<&str, String>) -> Self {
        let either =
            |names: [&'static str; 2]| names.into_iter().find_map(|name| columns.get(name));
        let runs = |names| either(names).is_some_and(|word| word == "Yes");
        let receives = runs(["Slave_IO_Running", "Replica_IO_Running"]);
        let applies = runs(["Slave_SQL_Running", "Replica_SQL_Running"]);
        let text = |names| either(names).cloned().unwrap_or_default();
        let lag_s = either(["Seconds_Behind_Master", "Seconds_Behind_Source"]);
        Self {
            connection: (
                text(["Connection_name", "Channel_Name"]),
                text(["Master_Host", "Source_Host"]),
                text(["Master_Port", "Source_Port"]),
            ),
            // While a thread does not run, MySQL may say 0.
            lag_s: lag_s.and_then(|text| text.parse().ok()).filter(|_| receives && applies),
            stopped: u8::from(!receives) + u8::from(!applies),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn status(io: &str, sql: &str, behind: Option<&str>) -> Status {
        let mut columns: BTreeMap<&str, String> =
            [("Slave_IO_Running", io.to_owned()), ("Slave_SQL_Running", sql.to_owned())].into();
        columns.extend(behind.map(|behind| ("Seconds_Behind_Master", behind.to_owned())));
        Status::of(&columns)
    }

    #[test]
    fn a_replica_that_does_not_know_how_far_it_is_falls_behind() {
        let (known, began) = (LastKnown::default(), Instant::now());
        let told = |second, status| {
            // Another session each time.
            let replica = Replica::of(Product::Mariadb, &known);
            let readings = replica.readings(began + Duration::from_secs(second), vec![status]);
            readings.iter().map(|read| (read.metric.name, read.value)).collect::<Vec<_>>()
        };
        let (lag, behind, stopped) =
            ("replication_lag_s", "replication_behind_s", "replication_stopped");
        assert_eq!(
            told(0, status("Yes", "Yes", Some("2"))),
            [(lag, 2.0), (behind, 2.0), (stopped, 0.0)]
        );
        assert_eq!(told(5, status("Yes", "No", None)), [(behind, 7.0), (stopped, 1.0)]);
        assert_eq!(
            told(9, status("Connecting", "No", Some("0"))),
            [(behind, 11.0), (stopped, 2.0)]
        );
        assert_eq!(
            told(10, status("Yes", "Yes", Some("0"))),
            [(lag, 0.0), (behind, 0.0), (stopped, 0.0)]
        );
    }

    #[test]
    fn what_is_removed_or_led_to_another_primary_is_not_told_with_an_old_lag() {
        let (known, began) = (LastKnown::default(), Instant::now());
        let behind = |second, connections| {
            let replica = Replica::of(Product::Mariadb, &known);
            let readings = replica.readings(began + Duration::from_secs(second), connections);
            let of = |metric: &str| {
                let is = |read: &&Reading| read.metric.name == metric;
                readings.iter().find(is).map(|read| read.value)
            };
            (of("replication_behind_s"), of("replication_stopped"))
        };
        let mut elsewhere = status("Connecting", "Yes", None);
        elsewhere.connection.1 = "elsewhere".to_owned();
        behind(0, vec![status("Yes", "Yes", Some("30"))]);
        assert_eq!(behind(5, vec![status("No", "No", None)]), (Some(35.0), Some(2.0)));
        assert_eq!(behind(6, vec![elsewhere]), (Some(0.0), Some(1.0)));
        assert_eq!(behind(7, vec![status("Yes", "Yes", Some("30"))]), (Some(30.0), Some(0.0)));
        assert_eq!(behind(8, Vec::new()), (None, None));
        assert_eq!(behind(9, vec![status("Connecting", "Yes", None)]), (Some(0.0), Some(1.0)));
    }
}
