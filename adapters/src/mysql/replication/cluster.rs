//! A primary and its replicas by global transaction identifiers, while they run
//! (<https://mariadb.com/kb/en/gtid/>).

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use dbdyno_core::dialect::quote_text;
use dbdyno_core::query::{scalar_sql, within};
use dbdyno_core::{
    Cluster, ClusterPlan, DbError, Driver, Error, LagWatch, Link, Result, Session, SessionOptions,
    Settling,
};

use futures_util::future::try_join_all;

use super::super::driver::{MysqlDriver, Origin};
use super::super::programs::{Product, programs};
use super::super::server::{MysqlServer, USER};
use super::lag::{GtidLag, status};
use super::settling::GtidSettling;
use super::topologies::Mode;
use crate::patience::{Patience, Receiving, Word, furthest};
use crate::proxy::NodeLinks;
use crate::registry::ServerSettings;
use crate::target::{Secret, Target};
use crate::throwaway::machine;

/// How long it may take to have the rows that were loaded on the primary.
const LOAD_LIMIT: Duration = Duration::from_secs(300);
/// How long a server may take to answer.
pub(super) const ANSWER_LIMIT: Duration = Duration::from_secs(30);

/// Servers of a topology.
pub(super) struct GtidCluster {
    mode: &'static Mode,
    // Replicas go before the primary, and links last.
    replicas: Vec<Arc<MysqlDriver>>,
    primary: Arc<MysqlDriver>,
    links: NodeLinks,
    plan: ClusterPlan,
}

impl GtidCluster {
    pub(super) async fn start(
        target: &Target,
        settings: &ServerSettings,
        mode: &'static Mode,
        plan: ClusterPlan,
    ) -> Result<Self> {
        let password = machine::new_password()?;
        // Making the folder of a server takes most of the time, and one processor.
        let nodes = (0..=mode.topology.replicas).map(|number| {
            let name = match number {
                0 => "primary".to_owned(),
                number => format!("replica_{number}"),
            };
            let mut own = mode.settings();
            own.push(("server_id".to_owned(), (number + 1).to_string()));
            let label = format!("{} ({}, {name})", target.label, mode.topology.name);
            let password = &password;
            async move {
                let node = start_node(target, settings, label, own, password).await?;
                node.set_durability(plan.durability).await?;
                Ok::<_, Error>(node)
            }
        });
        let mut nodes = try_join_all(nodes).await?.into_iter();
        let no_primary = || Error::new("start a cluster", "it has no primary");
        let primary = Arc::new(nodes.next().ok_or_else(no_primary)?);
        // The users that each server makes by itself are no part of what is replicated.
        tell(&primary, &["RESET MASTER".to_owned()])
            .await
            .map_err(|why| Error::new(format!("empty the log of {}", primary.target()), why))?;
        let (replicas, links) = (Vec::new(), NodeLinks::default());
        let mut cluster = Self { mode, replicas, primary, links, plan };
        for replica in nodes {
            let port = cluster.port_to_follow()?;
            let doing = format!("have {} follow the primary", replica.target());
            follow(&replica, port, &password).await.map_err(|why| Error::new(doing, why))?;
            cluster.replicas.push(Arc::new(replica));
        }
        cluster.wait_until_connected().await?;
        Ok(cluster)
    }

    /// The port by which a replica reaches the primary, through a link where there is to be one.
    fn port_to_follow(&mut self) -> Result<u16> {
        let doing = "follow a server";
        let process =
            self.primary.process().ok_or_else(|| Error::new(doing, "it is not dbdyno's"))?;
        let direct = process.port();
        if self.plan.link { self.links.lead_to(direct) } else { Ok(direct) }
    }

    /// Waits until both threads of each replica run.
    async fn wait_until_connected(&self) -> Result<()> {
        let limit = self.plan.limits.connect;
        let patience = Patience::of(limit);
        for replica in &self.replicas {
            let doing = format!("connect {}", replica.target());
            let failed = |why| Error::new(&doing, why);
            loop {
                let status = status(replica).await.map_err(failed)?;
                let says = |name: &str| status.get(name).map_or("", String::as_str);
                if says("Slave_IO_Running") == "Yes" && says("Slave_SQL_Running") == "Yes" {
                    break;
                }
                if patience.is_over().await {
                    let why = format!(
                        "it does not follow the primary after {} s: {} {}",
                        limit.as_secs(),
                        says("Last_IO_Error"),
                        says("Last_SQL_Error")
                    );
                    let log = replica.process().map(|process| process.place().log_tail(0));
                    let why = format!("{why}\n{}", log.unwrap_or_default());
                    return Err(
                        Error::new(doing, why).next("Look for the cause in the words above")
                    );
                }
            }
        }
        Ok(())
    }

    fn doing(&self, what: &str) -> String {
        format!("{what} `{}` on {}", self.mode.topology.name, self.primary.target())
    }

    /// Has commits wait for a replica, and waits until the server says that they do.
    async fn wait_for_replicas_from_now_on(&self) -> Result<()> {
        let failed = |why| Error::new(self.doing("have commits wait for the replicas of"), why);
        let on = "SET GLOBAL rpl_semi_sync_master_enabled = ON".to_owned();
        tell(&self.primary, &[on]).await.map_err(failed)?;
        let limit = self.plan.limits.connect;
        let patience = Patience::of(limit);
        let wanted = self.replicas.len().to_string();
        loop {
            let sql = "SHOW GLOBAL STATUS WHERE Variable_name IN \
                       ('Rpl_semi_sync_master_status', 'Rpl_semi_sync_master_clients')";
            let rows = ask(&self.primary, sql).await.map_err(failed)?;
            let said: BTreeMap<String, String> = pairs(rows);
            let says = |name: &str| said.get(name).map_or("", String::as_str);
            if says("Rpl_semi_sync_master_status") == "ON"
                && says("Rpl_semi_sync_master_clients") == wanted
            {
                return Ok(());
            }
            if patience.is_over().await {
                let why = format!("the server does not say so after {} s", limit.as_secs());
                return Err(Error::new(
                    self.doing("have commits wait for the replicas of"),
                    format!("{why}: {said:?}"),
                ));
            }
        }
    }

    /// The replica that has received most, once none receives any more, and what it has received.
    async fn furthest(&self) -> Result<(usize, String), DbError> {
        furthest(self.replicas.iter().map(|replica| Follower(replica)).collect()).await
    }
}

/// A replica that is asked what it has received.
struct Follower<'c>(&'c MysqlDriver);

impl Receiving for Follower<'_> {
    /// The whole position.
    type More = String;

    async fn ask(&mut self) -> Result<Word<String>, DbError> {
        // One answer, of one moment.
        let status = status(self.0).await?;
        let received = status.get("Gtid_IO_Pos").cloned().unwrap_or_default();
        let receives = status.get("Slave_IO_Running").is_some_and(|says| says == "Yes");
        Ok(Word { number: last_number(&received), receives, more: received })
    }
}

/// Starts a server of a cluster.
pub(super) async fn start_node(
    target: &Target,
    settings: &ServerSettings,
    label: String,
    own: Vec<(String, String)>,
    password: &Secret,
) -> Result<MysqlDriver> {
    let bin_dir = target.option("bin_dir").map(std::path::Path::new);
    let programs = programs(Product::Mariadb, bin_dir)?;
    let program = MysqlServer::new(programs, target, settings)?.with(own, password);
    let origin = Origin::new(Product::Mariadb, target, settings);
    MysqlDriver::start(&label, program, Duration::ZERO, origin).await
}

/// Has a server follow the primary from the beginning of its log.
async fn follow(replica: &MysqlDriver, port: u16, password: &Secret) -> Result<(), DbError> {
    let password = quote_text(password.expose());
    let statements = [
        "RESET MASTER".to_owned(),
        "SET GLOBAL gtid_slave_pos = ''".to_owned(),
        format!(
            "CHANGE MASTER TO MASTER_HOST = '127.0.0.1', MASTER_PORT = {port}, MASTER_USER = '{USER}', \
             MASTER_PASSWORD = {password}, MASTER_CONNECT_RETRY = 1, MASTER_HEARTBEAT_PERIOD = 1, \
             MASTER_USE_GTID = slave_pos"
        ),
        "START SLAVE".to_owned(),
        "SET GLOBAL read_only = ON".to_owned(),
    ];
    tell(replica, &statements).await
}

/// Runs statements one after another.
pub(super) async fn tell(driver: &MysqlDriver, statements: &[String]) -> Result<(), DbError> {
    let mut session = connect(driver).await?;
    for statement in statements {
        within(ANSWER_LIMIT, session.run_sql(statement)).await?;
    }
    Ok(())
}

/// A session of its own.
pub(super) async fn connect(driver: &MysqlDriver) -> Result<Box<dyn Session>, DbError> {
    within(ANSWER_LIMIT, driver.connect(&SessionOptions::default())).await
}

/// The rows of a query, as texts.
pub(super) async fn ask(driver: &MysqlDriver, sql: &str) -> Result<Vec<Vec<String>>, DbError> {
    within(ANSWER_LIMIT, async {
        let mut connection = driver.connector().connect(None, None).await?;
        connection.texts(sql).await
    })
    .await
}

/// Whether a replica has applied the log up to a position, for which it is given a time.
pub(super) async fn have_applied(
    session: &mut dyn Session,
    position: &str,
    limit: Duration,
) -> Result<bool, DbError> {
    let (position, seconds) = (quote_text(position), limit.as_secs_f64());
    let sql = format!("SELECT MASTER_GTID_WAIT({position}, {seconds})");
    Ok(within(limit + ANSWER_LIMIT, scalar_sql(session, &sql)).await? == 0)
}

/// Rows of two columns as names and values.
pub(super) fn pairs(rows: Vec<Vec<String>>) -> BTreeMap<String, String> {
    let pairs = rows.into_iter().filter_map(|row| <[String; 2]>::try_from(row).ok());
    pairs.map(|[name, value]| (name, value)).collect()
}

/// The number of the last transaction of a position, which has only one domain and one writer here:
/// `DOMAIN-SERVER-NUMBER`.
pub(super) fn last_number(position: &str) -> u64 {
    let numbers =
        position.split(',').filter_map(|gtid| gtid.rsplit('-').next()?.trim().parse().ok());
    numbers.max().unwrap_or(0)
}

#[async_trait]
impl Cluster for GtidCluster {
    fn primary(&self) -> Arc<dyn Driver> {
        Arc::clone(&self.primary) as Arc<dyn Driver>
    }

    fn replicas(&self) -> Vec<Arc<dyn Driver>> {
        self.replicas.iter().map(|replica| Arc::clone(replica) as Arc<dyn Driver>).collect()
    }

    async fn engage(&self) -> Result<()> {
        self.settle(LOAD_LIMIT).await?;
        if self.mode.is_semi_sync {
            self.wait_for_replicas_from_now_on().await?;
        }
        Ok(())
    }

    async fn settling(&self) -> Result<Box<dyn Settling + '_>> {
        let doing = self.doing("wait for the replicas of");
        Ok(Box::new(GtidSettling::open(&self.primary, &self.replicas, doing).await?))
    }

    async fn lag_watch(&self) -> Result<Box<dyn LagWatch + '_>, DbError> {
        let replicas = self.replicas.iter().map(|replica| &**replica);
        Ok(Box::new(GtidLag::open(&self.primary, replicas).await?))
    }

    async fn promote(&self) -> Result<usize> {
        let doing = || self.doing("promote a replica of");
        let failed = |why| Error::new(doing(), why);
        if self.replicas.is_empty() {
            return Err(Error::unsupported(doing(), "it has none"));
        }
        let (furthest, received) = self.furthest().await.map_err(failed)?;
        let replica = &self.replicas[furthest];
        let mut session = connect(replica).await.map_err(failed)?;
        let limit = self.plan.limits.promote;
        if !have_applied(&mut *session, &received, limit).await.map_err(failed)? {
            let seconds = limit.as_secs();
            let why = format!("it has not applied what it received after {seconds} s");
            return Err(Error::new(doing(), why));
        }
        for statement in ["STOP SLAVE", "RESET SLAVE ALL", "SET GLOBAL read_only = OFF"] {
            within(ANSWER_LIMIT, session.run_sql(statement)).await.map_err(failed)?;
        }
        Ok(furthest)
    }

    fn set_link(&self, link: Link) -> Result<()> {
        self.links.set(link, || self.doing("change the link of"))
    }

    fn evidence(&self) -> String {
        let settings = self.mode.settings();
        let said: Vec<String> =
            settings.iter().map(|(name, value)| format!("{name}={value}")).collect();
        said.join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::last_number;

    #[test]
    fn positions_are_counted_by_their_last_number() {
        for (position, number) in [
            ("0-1-17", 17),
            ("0-1-17,1-2-3", 17),
            ("", 0),
            ("0-1-", 0),
            ("0-2-18446744073709551615", u64::MAX),
        ] {
            assert_eq!(last_number(position), number, "{position}");
        }
    }
}
