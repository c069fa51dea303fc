//! Two databases while change sets go from one to the other.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use dbdyno_core::{
    Cluster, ClusterLimits, ClusterPlan, DbError, Driver, Error, LagReport, LagWatch, Link, Result,
    Settled, Settling, Topology,
};

use super::super::driver::SqliteDriver;
use super::copy::copy;
use super::inbox::Inbox;
use super::outbox::Mark;
use super::role::{Primary, Replica, Role};
use crate::patience::Patience;
use crate::throwaway::Folder;

/// A database, and the one that its change sets are applied to.
pub(super) struct ChangeSetCluster {
    topology: &'static Topology,
    // Whoever applies goes first, so that nobody waits for it.
    pair: Option<Pair>,
    primary: Arc<SqliteDriver>,
    limits: ClusterLimits,
}

struct Pair {
    inbox: Inbox,
    replica: Arc<SqliteDriver>,
}

impl ChangeSetCluster {
    pub(super) async fn start(
        like: &SqliteDriver,
        topology: &'static Topology,
        plan: ClusterPlan,
    ) -> Result<Self> {
        let folder = Arc::new(Folder::create()?);
        let node = |name: &str, role: Role| {
            let label = format!("{} ({}, {name})", like.label(), topology.name);
            let place = folder.path().join(name);
            fs::create_dir(&place)
                .map_err(|why| Error::new(format!("make the folder {}", place.display()), why))?;
            let keep = Arc::clone(&folder) as Arc<dyn Send + Sync>;
            let driver = SqliteDriver::in_folder(label, &place, keep, like.options())?;
            Ok::<_, Error>(Arc::new(driver.with_role(role)))
        };
        let socket = folder.path().join("change-sets");
        let (role, pair) = match topology.replicas {
            0 => (Role::Alone, None),
            _ => {
                let its = Replica::default();
                let gate = Arc::clone(&its.gate);
                let replica = node("replica", Role::Replica(its))?;
                replica.set_durability(plan.durability).await?;
                let inbox = Inbox::listen(&socket, Arc::clone(&replica), gate)?;
                (Role::primary(&socket, false)?, Some(Pair { inbox, replica }))
            }
        };
        let primary = node("primary", role)?;
        primary.set_durability(plan.durability).await?;
        Ok(Self { topology, pair, primary, limits: plan.limits })
    }

    /// Whoever sends and whoever applies.
    fn link(&self) -> Option<(&Primary, &Pair)> {
        match (self.primary.role(), &self.pair) {
            (Role::Primary(primary), Some(pair)) => Some((primary, pair)),
            _ => None,
        }
    }

    fn doing(&self, what: &str) -> String {
        format!("{what} {}", self.primary.target())
    }

    /// Whether the replica shows what this process had committed when a mark was made.
    fn shows(pair: &Pair, mark: &Mark) -> Result<bool, DbError> {
        // Of what does not fit the replica knows more than whoever sends.
        let applied = pair.inbox.applied(u64::from(std::process::id()))?;
        Ok(mark.sent()?.is_some_and(|sent| applied.sets >= sent.sets))
    }
}

/// Whoever waits for the replica is in the same process.
struct ChangeSetSettling<'c>(&'c ChangeSetCluster);

#[async_trait]
impl Settling for ChangeSetSettling<'_> {
    async fn settle(&mut self, limit: Duration) -> Result<Settled> {
        let Some((primary, pair)) = self.0.link() else { return Ok(Settled::Shown) };
        let doing = || self.0.doing("wait for the replica of");
        let mark = primary.outbox.mark();
        let patience = Patience::of(limit);
        while !ChangeSetCluster::shows(pair, &mark).map_err(|why| Error::new(doing(), why))? {
            if patience.is_over().await {
                return Ok(Settled::behind(limit, ""));
            }
        }
        Ok(Settled::Shown)
    }
}

/// What this process has handed to the outbox and what the inbox has applied of it.
struct ChangeSetLag<'c>(&'c ChangeSetCluster);

#[async_trait]
impl LagWatch for ChangeSetLag<'_> {
    /// Of a process that the primary was handed to nothing is known.
    async fn reports(&mut self) -> Result<Vec<LagReport>, DbError> {
        let Some((primary, pair)) = self.0.link() else { return Ok(Vec::new()) };
        let applied = pair.inbox.applied(u64::from(std::process::id()))?;
        let committed = primary.outbox.committed();
        Ok(vec![LagReport {
            bytes: Some(committed.bytes.saturating_sub(applied.bytes)),
            transactions: Some(committed.sets.saturating_sub(applied.sets)),
            ..LagReport::default()
        }])
    }
}

#[async_trait]
impl Cluster for ChangeSetCluster {
    fn primary(&self) -> Arc<dyn Driver> {
        Arc::clone(&self.primary) as Arc<dyn Driver>
    }

    fn replicas(&self) -> Vec<Arc<dyn Driver>> {
        self.pair.iter().map(|pair| Arc::clone(&pair.replica) as Arc<dyn Driver>).collect()
    }

    async fn engage(&self) -> Result<()> {
        let Some((primary, pair)) = self.link() else { return Ok(()) };
        // No session is open, and those that follow find the replica there.
        let _alone = self.primary.keep_out();
        primary.record()?;
        for file in self.primary.place().files() {
            let name = file.file_stem().and_then(|name| name.to_str());
            let opened = pair.replica.open(name);
            let doing = || self.doing("make the replica of");
            let mut copied = opened.map_err(|why| Error::new(doing(), why))?;
            copy(&file, &mut copied)?;
        }
        Ok(())
    }

    async fn settling(&self) -> Result<Box<dyn Settling + '_>> {
        Ok(Box::new(ChangeSetSettling(self)))
    }

    async fn lag_watch(&self) -> Result<Box<dyn LagWatch + '_>, DbError> {
        Ok(Box::new(ChangeSetLag(self)))
    }

    async fn promote(&self) -> Result<usize> {
        let doing = || self.doing("promote the replica of");
        let none = || Error::unsupported(doing(), "it has none");
        let (primary, pair) = self.link().ok_or_else(none)?;
        // What is committed on the old primary from now on would be there alone.
        primary.outbox.close("the replica was promoted");
        pair.inbox.close();
        let limit = self.limits.promote;
        let patience = Patience::of(limit);
        while !pair.inbox.is_drained().map_err(|why| Error::new(doing(), why))? {
            if patience.is_over().await {
                let why = "what it received is not applied, or somebody still sends";
                return Err(Error::new(doing(), format!("{why} after {} s", limit.as_secs())));
            }
        }
        if let Role::Replica(replica) = pair.replica.role() {
            replica.promote();
        }
        Ok(0)
    }

    fn set_link(&self, _link: Link) -> Result<()> {
        let why = "both databases are files of one machine: there is no network between them";
        Err(Error::unsupported(self.doing("change the link of"), why))
    }

    fn evidence(&self) -> String {
        format!("{} foreign_keys=off,triggers=off on the replica", self.topology.name)
    }
}

/// The name that change sets of a database go by.
pub fn name_of(file: &Path) -> Result<String, DbError> {
    let name = file.file_stem().and_then(|name| name.to_str());
    let nameless = || DbError::unexpected(format!("`{}` is no UTF-8", file.display()));
    name.map(str::to_owned).ok_or_else(nameless)
}
