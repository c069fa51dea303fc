//! A primary and its replicas while they run.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use dbdyno_core::dialect::quote_text;
use dbdyno_core::{
    Cluster, ClusterPlan, DbError, Driver, Durability, Error, LagWatch, Link, Result, Session,
    Settling, Shape,
};

use super::super::driver::{Origin, PostgresDriver};
use super::super::server::PostgresProgram;
use super::ask::{ANSWER_LIMIT, ask_one, ask_one_within, connect, tell, text};
use super::lag::PostgresLag;
use super::logical;
use super::settling::PostgresSettling;
use super::standby::{Follows, Standby, too_late};
use super::topologies::{Kind, Mode, name_of};
use crate::patience::{Patience, Receiving, Waiting, Word, furthest};
use crate::proxy::NodeLinks;
use crate::registry::ServerSettings;
use crate::target::{Secret, Target};
use crate::throwaway::machine;
use crate::tool::Bounds;

/// How long it may take to have the rows that were loaded on the primary.
const LOAD_LIMIT: Duration = Duration::from_secs(300);

/// Servers of a topology.
pub(super) struct PostgresCluster {
    mode: &'static Mode,
    // Replicas go before the primary, and links last: what is left follows nobody.
    replicas: Vec<Arc<PostgresDriver>>,
    primary: Arc<PostgresDriver>,
    links: NodeLinks,
    follows: Vec<Follows>,
    /// What logical replication needs.
    programs: Option<logical::Programs>,
    plan: ClusterPlan,
}

impl PostgresCluster {
    pub(super) async fn start(
        target: &Target,
        settings: &ServerSettings,
        mode: &'static Mode,
        plan: ClusterPlan,
    ) -> Result<Self> {
        let password = machine::new_password()?;
        let program = || {
            Ok::<_, Error>(PostgresProgram::new(target, settings)?.with(mode.settings(), &password))
        };
        let label = |node: &str| format!("{} ({}, {node})", target.label, mode.topology.name);
        let origin = || Origin::new(target, settings);
        let (primary, none) = (Box::new(program()?), Duration::ZERO);
        let primary = PostgresDriver::start(&label("primary"), primary, none, origin()).await?;
        // A copy has the settings of its origin.
        primary.set_durability(plan.durability).await?;
        let mut cluster = Self {
            mode,
            replicas: Vec::new(),
            primary: Arc::new(primary),
            links: NodeLinks::default(),
            follows: Vec::new(),
            programs: None,
            plan,
        };
        for replica in 0..mode.topology.replicas as usize {
            let follows = cluster.follow(replica, &password)?;
            cluster.follows.push(follows.clone());
            let label = label(&name_of(replica));
            let program = program()?;
            let driver = match mode.kind {
                Kind::Streaming => {
                    let waiting = Waiting::default();
                    let bounds = Bounds::new(plan.limits.copy, waiting.given_up());
                    let standby = Box::new(Standby { program, follows, bounds });
                    let started = PostgresDriver::start(&label, standby, none, origin()).await?;
                    waiting.end();
                    started
                }
                Kind::Logical => {
                    cluster.programs = Some(logical::Programs::beside(&program)?);
                    let program = Box::new(program);
                    let driver = PostgresDriver::start(&label, program, none, origin()).await?;
                    driver.set_durability(plan.durability).await?;
                    driver
                }
            };
            cluster.replicas.push(Arc::new(driver));
        }
        if mode.kind == Kind::Streaming {
            cluster.wait_until_connected().await?;
        }
        Ok(cluster)
    }

    /// Whom a replica has its data from, through a link where there is to be one.
    fn follow(&mut self, replica: usize, password: &Secret) -> Result<Follows> {
        let upstream = self.upstream_of(replica);
        let port = |driver: &PostgresDriver| {
            let no_server = || Error::new("follow a server", "it is not dbdyno's");
            driver.throwaway().map(|server| server.port).ok_or_else(no_server)
        };
        let (direct, copied_from) = (port(upstream)?, port(&self.primary)?);
        let port = if self.plan.link { self.links.lead_to(direct)? } else { direct };
        Ok(Follows { copied_from, port, password: password.clone(), name: name_of(replica) })
    }

    /// The server that a replica has its data from.
    fn upstream_of(&self, replica: usize) -> &PostgresDriver {
        match (self.mode.topology.shape, replica.checked_sub(1)) {
            (Shape::Chain, Some(before)) => &self.replicas[before],
            _ => &self.primary,
        }
    }

    /// Waits until each replica is streamed to.
    async fn wait_until_connected(&self) -> Result<()> {
        let limit = self.plan.limits.connect;
        let patience = Patience::of(limit);
        for (place, replica) in self.replicas.iter().enumerate() {
            let name = name_of(place);
            let doing = format!("connect {name} of `{}`", self.mode.topology.name);
            let sql = format!(
                "SELECT count(*)::text FROM pg_stat_replication \
                 WHERE application_name = {} AND state = 'streaming'",
                quote_text(&name)
            );
            let failed = |why| Error::new(&doing, why);
            while ask_one(self.upstream_of(place), &sql).await.map_err(failed)? != "1" {
                if patience.is_over().await {
                    let why = format!("it is not streamed to after {} s", limit.as_secs());
                    let log = replica.place().map(|place| place.log_tail(0)).unwrap_or_default();
                    return Err(too_late(&doing, &why, &log));
                }
            }
        }
        Ok(())
    }

    fn doing(&self, what: &str) -> String {
        format!("{what} `{}` on {}", self.mode.topology.name, self.primary.target())
    }

    /// Has commits wait for replicas, and waits until the server says that they do.
    async fn wait_for_replicas_from_now_on(&self, commit: &str) -> Result<()> {
        let doing = || self.doing("have commits wait for the replicas of");
        if self.plan.durability == Durability::None {
            return Err(Error::unsupported(
                doing(),
                "durability none means that commits wait for nothing (synchronous_commit=off)",
            )
            .next("use --durability full or process"));
        }
        let names = quote_text(&self.mode.standby_names());
        let statements = [
            format!("ALTER SYSTEM SET synchronous_commit = {commit}"),
            format!("ALTER SYSTEM SET synchronous_standby_names = {names}"),
            "SELECT pg_reload_conf()".to_owned(),
        ];
        tell(&*self.primary, &statements).await.map_err(|why| Error::new(doing(), why))?;
        let sql = "SELECT count(*)::text || ' ' || current_setting('synchronous_commit') \
                   FROM pg_stat_replication WHERE sync_state IN ('sync', 'quorum')";
        let wanted = format!("{} {commit}", self.replicas.len());
        let limit = self.plan.limits.connect;
        let patience = Patience::of(limit);
        let failed = |why| Error::new(doing(), why);
        while ask_one(&*self.primary, sql).await.map_err(failed)? != wanted {
            if patience.is_over().await {
                let why = format!("the server does not say so after {} s", limit.as_secs());
                return Err(Error::new(doing(), why));
            }
        }
        Ok(())
    }

    /// The replica that has received most, once none receives any more.
    async fn furthest(&self) -> Result<usize, DbError> {
        let (receivers, received) = match self.mode.kind {
            Kind::Streaming => (
                "SELECT count(*)::text FROM pg_stat_wal_receiver WHERE status = 'streaming'",
                "SELECT coalesce(pg_last_wal_receive_lsn(), '0/0') - '0/0'::pg_lsn || ''",
            ),
            Kind::Logical => (
                "SELECT count(pid)::text FROM pg_stat_subscription",
                "SELECT coalesce(max(received_lsn), '0/0') - '0/0'::pg_lsn || '' \
                 FROM pg_stat_subscription",
            ),
        };
        // In a chain none has more than the first, and the others receive from it for as long as it lives.
        let direct = if self.mode.topology.shape == Shape::Chain { 1 } else { self.replicas.len() };
        let mut followers = Vec::new();
        for replica in self.replicas.iter().take(direct) {
            let session = connect(&**replica).await?;
            followers.push(Follower { session, receivers, received });
        }
        furthest(followers).await.map(|(place, ())| place)
    }
}

/// A replica that is asked what it has received.
struct Follower {
    session: Box<dyn Session>,
    /// What asks how many receive, and how far they have come.
    receivers: &'static str,
    received: &'static str,
}

impl Receiving for Follower {
    type More = ();

    async fn ask(&mut self) -> Result<Word<()>, DbError> {
        // Asked first: where it has ended, what it received is all by the time of the next answer.
        let receivers = text(&mut *self.session, self.receivers).await?;
        let number = text(&mut *self.session, self.received).await?;
        let unread = |_| DbError::unexpected(format!("`{number}` is no place in the log"));
        let number = number.parse().map_err(unread)?;
        Ok(Word { number, receives: receivers != "0", more: () })
    }
}

#[async_trait]
impl Cluster for PostgresCluster {
    fn primary(&self) -> Arc<dyn Driver> {
        Arc::clone(&self.primary) as Arc<dyn Driver>
    }

    fn replicas(&self) -> Vec<Arc<dyn Driver>> {
        self.replicas.iter().map(|replica| Arc::clone(replica) as Arc<dyn Driver>).collect()
    }

    async fn engage(&self) -> Result<()> {
        if let Some(programs) = &self.programs {
            let program = self.plan.limits.copy;
            let limits = logical::Limits { program, first_copy: LOAD_LIMIT };
            for place in 0..self.replicas.len() {
                let (replica, follows) = (&self.replicas[place], &self.follows[place]);
                programs.subscribe(&self.primary, replica, follows, limits).await?;
            }
        }
        self.settle(LOAD_LIMIT).await?;
        match self.mode.synchronous_commit {
            Some(commit) => self.wait_for_replicas_from_now_on(commit).await,
            None => Ok(()),
        }
    }

    async fn settling(&self) -> Result<Box<dyn Settling + '_>> {
        let doing = self.doing("wait for the replicas of");
        let (kind, durability) = (self.mode.kind, self.plan.durability);
        let opened =
            PostgresSettling::open(&self.primary, &self.replicas, kind, durability, doing).await?;
        Ok(Box::new(opened))
    }

    async fn lag_watch(&self) -> Result<Box<dyn LagWatch + '_>, DbError> {
        let upstreams = (0..self.replicas.len()).map(|place| self.upstream_of(place));
        Ok(Box::new(PostgresLag::open(&self.primary, upstreams).await?))
    }

    async fn promote(&self) -> Result<usize> {
        let doing = || self.doing("promote a replica of");
        let failed = |why| Error::new(doing(), why);
        if self.replicas.is_empty() {
            return Err(Error::unsupported(doing(), "it has none"));
        }
        if self.mode.kind == Kind::Logical {
            // A subscriber takes writes as it is; it applies what it receives, and then has to apply no more.
            self.furthest().await.map_err(failed)?;
            logical::unsubscribe(&self.replicas[0], &name_of(0)).await.map_err(failed)?;
            return Ok(0);
        }
        let furthest = self.furthest().await.map_err(failed)?;
        let limit = self.plan.limits.promote;
        let seconds = limit.as_secs().max(1);
        let sql = format!("SELECT pg_promote(true, {seconds})::text");
        let promoted = ask_one_within(limit + ANSWER_LIMIT, &*self.replicas[furthest], &sql).await;
        let promoted = promoted.map_err(failed)?;
        if promoted != "true" {
            let why = format!("it is still in recovery after {seconds} s");
            return Err(Error::new(doing(), why));
        }
        Ok(furthest)
    }

    fn set_link(&self, link: Link) -> Result<()> {
        self.links.set(link, || self.doing("change the link of"))
    }

    fn evidence(&self) -> String {
        let mut said: Vec<String> =
            self.mode.settings().iter().map(|(name, value)| format!("{name}={value}")).collect();
        if let Some(commit) = self.mode.synchronous_commit {
            said.push(format!("synchronous_commit={commit}"));
            said.push(format!("synchronous_standby_names='{}'", self.mode.standby_names()));
        }
        said.join(" ")
    }
}
