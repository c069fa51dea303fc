//! What MariaDB says of how far replicas are behind.

use std::collections::BTreeMap;

use async_trait::async_trait;
use dbdyno_core::query::within;
use dbdyno_core::{DbError, LagReport, LagWatch, Row, Session, Statement, Value};

use super::cluster::{ANSWER_LIMIT, connect, last_number};
use crate::mysql::driver::MysqlDriver;

/// The statements of a session, by their places.
const STATUS: usize = 0;
const POSITION: usize = 1;

/// Sessions by which the servers of a topology by global transaction identifiers are asked.
pub(super) struct GtidLag {
    primary: Asked,
    replicas: Vec<Asked>,
}

/// A server.
struct Asked {
    session: Box<dyn Session>,
    /// The columns of its status, which differ by version.
    names: Vec<String>,
    /// What it said last.
    last: Said,
}

/// What a server says of itself.
#[derive(Clone, Default)]
struct Said {
    /// By the names of the columns.
    status: BTreeMap<String, String>,
    /// The number of the last transaction that it has; `None` where it was not asked.
    position: Option<u64>,
}

impl Said {
    fn number(&self, name: &str) -> Option<u64> {
        self.status.get(name).and_then(|text| text.parse().ok())
    }
}

impl Asked {
    async fn open(driver: &MysqlDriver, status: &str, position: &str) -> Result<Self, DbError> {
        let mut session = connect(driver).await?;
        let statements = [Statement::new("status", status), Statement::new("position", position)];
        within(ANSWER_LIMIT, session.prepare(&statements)).await?;
        let names = session.columns(STATUS)?;
        Ok(Self { session, names, last: Said::default() })
    }

    /// What its status says, by the names of the columns; empty where it says nothing.
    async fn status(&mut self) -> Result<BTreeMap<String, String>, DbError> {
        let (names, mut status) = (&self.names, BTreeMap::new());
        let mut keep = |row: &dyn Row| {
            for (place, name) in names.iter().enumerate() {
                let value = match row.value(place)? {
                    Value::Text(text) => text.to_owned(),
                    Value::Int(number) => number.to_string(),
                    _ => continue,
                };
                status.insert(name.clone(), value);
            }
            Ok(())
        };
        within(ANSWER_LIMIT, self.session.query(STATUS, &[], &mut keep)).await?;
        Ok(status)
    }

    /// The number of the last transaction that it has.
    async fn position(&mut self) -> Result<u64, DbError> {
        let mut number = 0;
        let mut keep = |row: &dyn Row| {
            number = last_number(row.text(0)?);
            Ok(())
        };
        within(ANSWER_LIMIT, self.session.query(POSITION, &[], &mut keep)).await?;
        Ok(number)
    }

    async fn ask(&mut self) -> Result<Said, DbError> {
        self.last = Said::default();
        let (status, position) = (self.status().await?, Some(self.position().await?));
        self.last = Said { status, position };
        Ok(self.last.clone())
    }
}

impl GtidLag {
    pub(super) async fn open<'d>(
        primary: &MysqlDriver,
        replicas: impl Iterator<Item = &'d MysqlDriver> + Send,
    ) -> Result<Self, DbError> {
        let position = "SELECT CAST(@@gtid_binlog_pos AS CHAR)";
        let primary = Asked::open(primary, "SHOW MASTER STATUS", position).await?;
        let mut lag = Self { primary, replicas: Vec::new() };
        for replica in replicas {
            let position = "SELECT CAST(@@gtid_slave_pos AS CHAR)";
            lag.replicas.push(Asked::open(replica, "SHOW SLAVE STATUS", position).await?);
        }
        Ok(lag)
    }
}

/// What a replica says of itself.
pub(super) async fn status(replica: &MysqlDriver) -> Result<BTreeMap<String, String>, DbError> {
    Asked::open(replica, "SHOW SLAVE STATUS", "SELECT ''").await?.status().await
}

impl GtidLag {
    /// Asks all but a replica that stands still, whose last answer counts.
    async fn ask(&mut self, standing: Option<usize>) -> Result<Vec<LagReport>, DbError> {
        let primary = self.primary.ask().await?;
        let mut reports = Vec::with_capacity(self.replicas.len());
        for (place, replica) in self.replicas.iter_mut().enumerate() {
            reports.push(match standing {
                // It would not say the seconds of that time any more.
                Some(standing) if standing == place => {
                    LagReport { replay_s: None, ..report(&primary, &replica.last) }
                }
                _ => report(&primary, &replica.ask().await?),
            });
        }
        Ok(reports)
    }
}

/// How far a replica is behind.
fn report(primary: &Said, replica: &Said) -> LagReport {
    let same_file = primary.status.get("File") == replica.status.get("Relay_Master_Log_File");
    let (written, applied) = (primary.number("Position"), replica.number("Exec_Master_Log_Pos"));
    let apart = |(written, applied): (u64, u64)| written.saturating_sub(applied);
    LagReport {
        write_s: None,
        flush_s: None,
        replay_s: replica.number("Seconds_Behind_Master").map(|seconds| seconds as f64),
        bytes: written.zip(applied).filter(|_| same_file).map(apart),
        transactions: primary.position.zip(replica.position).map(apart),
    }
}

#[async_trait]
impl LagWatch for GtidLag {
    /// `Seconds_Behind_Master` counts whole seconds, and the distance is that of the numbers of transactions
    /// (<https://mariadb.com/kb/en/show-replica-status/>). Bytes are from where the primary's log ends to where
    /// the replica's applier is in it, and not told while these are in different files.
    async fn reports(&mut self) -> Result<Vec<LagReport>, DbError> {
        self.ask(None).await
    }

    async fn reports_beside(&mut self, standing: usize) -> Result<Vec<LagReport>, DbError> {
        self.ask(Some(standing)).await
    }
}
