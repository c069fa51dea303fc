//! What the benchmarks of this suite share: clusters with the data of the case on them.

use std::sync::Arc;
use std::time::Duration;

use dbdyno_core::{
    Better, Cache, Check, Cluster, ClusterPlan, DbError, Driver, Error, Measurement, Replication,
    Result, Session, SessionOptions, Status, Topology,
};

use super::heartbeat::{self, Beats};
use crate::benchmark::{LoadBenchmark, State};
use crate::runner::{Measured, Stand};

/// How long replicas may take to show what was committed in a load.
pub const SETTLE_LIMIT: Duration = Duration::from_secs(120);

/// A case that is being measured.
pub struct Bench<'s> {
    pub stand: &'s Stand<'s>,
    driver: Arc<dyn Driver>,
}

/// A cluster that runs, with the data of the case on every node of it.
pub struct Running {
    pub topology: Topology,
    pub cluster: Arc<dyn Cluster>,
    // Replicas go before the primary that they follow.
    pub replicas: Vec<Arc<dyn Driver>>,
    pub primary: Arc<dyn Driver>,
}

impl<'s> Bench<'s> {
    /// # Errors
    /// The driver cannot make clusters, or what the case asks for makes no sense here.
    pub fn new(stand: &'s Stand<'s>) -> Result<Self> {
        let driver = stand.shared_driver();
        let doing = || format!("replicate {}", driver.target());
        if driver.replication().is_none() {
            let why = "dbdyno replicates only throwaway servers, and not every engine's";
            return Err(Error::unsupported(doing(), why)
                .next("use `--target postgres`, `--target mariadb` or `--target sqlite`"));
        }
        if stand.case().cache == Cache::Cold {
            let why = "its loads are compared with each other on data that is in memory";
            return Err(Error::unsupported(doing(), why));
        }
        Ok(Self { stand, driver })
    }

    fn replication(&self) -> Result<&dyn Replication> {
        let none = || Error::unsupported("replicate", "the driver cannot");
        self.driver.replication().ok_or_else(none)
    }

    /// The topologies to be measured. Names that the driver does not have become rows.
    ///
    /// # Errors
    /// None of them is there.
    pub fn topologies(&self, measured: &mut Measured) -> Result<Vec<Topology>> {
        let all = self.replication()?.topologies();
        let options = &self.stand.options().replication;
        let known: Vec<&str> = all.iter().map(|topology| topology.name).collect();
        let why = format!("the driver has {}", known.join(", "));
        let unknown = options.topologies.iter().flatten();
        let unknown: Vec<_> = unknown.filter(|name| !known.contains(&name.as_str())).collect();
        let chosen: Vec<Topology> = all
            .iter()
            .filter(|topology| topology.replicas > 0 && options.wants(topology.name))
            .copied()
            .collect();
        if chosen.is_empty() && !unknown.is_empty() {
            let doing = format!("measure on {}", self.driver.target());
            return Err(Error::unsupported(doing, why));
        }
        measured.own.extend(unknown.iter().map(|name| unsupported(name, &why)));
        Ok(chosen)
    }

    /// The topologies that differ most, where the user names none: the first that no commit waits for, and
    /// the last with one replica that each waits for.
    ///
    /// # Errors
    /// None of those that were named is there.
    pub fn telling_topologies(&self, measured: &mut Measured) -> Result<Vec<Topology>> {
        let is_named = self.stand.options().replication.topologies.is_some();
        let all = self.topologies(measured)?;
        Ok(if is_named { all } else { telling(&all) })
    }

    /// The same with the last of those that wait and have two replicas, and whose nodes differ for readers.
    ///
    /// # Errors
    /// None of those that were named is there.
    pub fn read_topologies(&self, measured: &mut Measured) -> Result<Vec<Topology>> {
        let is_named = self.stand.options().replication.topologies.is_some();
        let all = self.topologies(measured)?;
        if is_named {
            return Ok(all);
        }
        let mut chosen = telling(&all);
        chosen.extend(all.iter().rfind(|each| waits(each) && each.replicas > 1));
        Ok(chosen)
    }

    /// The primary without a replica that others are compared with.
    ///
    /// # Errors
    /// The driver has none.
    pub fn baseline(&self) -> Result<Topology> {
        let all = self.replication()?.topologies();
        all.into_iter().find(|topology| topology.replicas == 0).ok_or_else(|| {
            Error::unsupported("measure without a replica", "the driver has no such topology")
        })
    }

    /// Measures some topologies, one after another; gives what was said of each. One that does not come up keeps
    /// no other from being measured, and breaks no promise.
    ///
    /// # Errors
    /// The end was asked for, or a promise was broken.
    pub fn each(
        &self,
        topologies: Vec<Topology>,
        measured: &mut Measured,
        mut measure: impl FnMut(Topology, &mut Measured) -> Result<Option<String>>,
    ) -> Result<()> {
        let mut told = Vec::new();
        for topology in topologies {
            match measure(topology, measured) {
                Ok(said) => told.extend(said),
                Err(error) if error.is_broken() => return Err(error),
                Err(error) => {
                    self.stand.go_on()?;
                    measured.could_not.push(format!("{}: {}", topology.name, error.why()));
                }
            }
        }
        measured.headline = told.join("; ");
        Ok(())
    }

    /// Starts a cluster, loads the data of the case on it and waits until replicas have it; `None`, with a row
    /// that says why, where there cannot be one.
    ///
    /// # Errors
    /// There could be one, and it does not come up or does not replicate.
    pub fn start(
        &self,
        topology: Topology,
        link: bool,
        measured: &mut Measured,
    ) -> Result<Option<Running>> {
        self.stand.go_on()?;
        self.stand.working_on(&format!("start {}", topology.name));
        match self.start_at_all(topology, link) {
            Ok(running) => Ok(Some(running)),
            Err(error) if error.is_unsupported() => {
                measured.own.push(unsupported(topology.name, &error.to_string()));
                Ok(None)
            }
            Err(error) => {
                let row = Measurement::new("throughput", 0.0, "1/s", Better::Higher);
                let row = row.of(topology.name).with_status(Status::Failed, error.to_string());
                measured.own.push(Measurement { value: None, ..row });
                Err(error)
            }
        }
    }

    fn start_at_all(&self, topology: Topology, link: bool) -> Result<Running> {
        let plan = ClusterPlan { durability: self.stand.case().durability, link };
        let starting = self.replication()?.start(topology.name, plan);
        let cluster = self.stand.block_on(starting)?;
        let (primary, replicas) = (cluster.primary(), cluster.replicas());
        let running = Running { topology, cluster, replicas, primary };
        self.stand.prepare_on(&*running.primary)?;
        self.ask(&*running.primary, "make the heartbeat", heartbeat::create)?;
        self.stand.working_on(&format!("wait until the replicas of {} are there", topology.name));
        self.stand.block_on(running.cluster.engage())?;
        Ok(running)
    }

    /// Does something with a node, in a session of its own on the tables of the case.
    ///
    /// # Errors
    /// The node cannot be reached, or what is done fails.
    pub fn ask<T>(
        &self,
        node: &dyn Driver,
        doing: &str,
        ask: impl AsyncFnOnce(&mut dyn Session) -> Result<T, DbError>,
    ) -> Result<T> {
        let options = self.stand.session_options();
        let asked = self.stand.block_on(async {
            let mut session = node.connect(&options).await?;
            ask(&mut *session).await
        });
        asked.map_err(|why| Error::new(format!("{doing} on {}", node.target()), why))
    }

    /// Looks at the tables of a node.
    ///
    /// # Errors
    /// They cannot be looked at.
    pub fn state(&self, node: &dyn Driver, transactions: &dyn LoadBenchmark) -> Result<State> {
        let doing = format!("check the data of {}", transactions.name());
        let scale = self.stand.case().scale;
        self.ask(node, &doing, async |session| transactions.state(session, scale).await)
    }

    /// Waits until the replicas show what the primary committed, and compares what is in their tables with
    /// it. Gives the primary's state, too.
    ///
    /// # Errors
    /// They do not show it in time, or cannot be looked at.
    pub fn compare(
        &self,
        running: &Running,
        transactions: &dyn LoadBenchmark,
        measured: &mut Measured,
    ) -> Result<State> {
        let name = running.topology.name;
        self.stand.working_on(&format!("compare the nodes of {name}"));
        self.stand.block_on(running.cluster.settle(SETTLE_LIMIT))?;
        let state = self.state(&*running.primary, transactions)?;
        for (place, replica) in running.replicas.iter().enumerate() {
            let its = self.state(&**replica, transactions)?;
            let detail = format!(
                "replica {} of {name} must show what the primary does ({:?}) and shows {:?}",
                place + 1,
                state.counters,
                its.counters
            );
            let check = format!("replica_{}_equals_primary_{name}", place + 1);
            measured.checks.push(Check::new(check, its == state, detail));
        }
        Ok(state)
    }

    /// Does `work` while a row beats on the primary and is looked for on the replicas.
    ///
    /// # Errors
    /// There is no thread for that, or a node cannot be asked.
    pub fn beat_during<T>(
        &self,
        running: &Running,
        work: impl FnOnce() -> T,
    ) -> Result<(T, Beats)> {
        let options = self.stand.session_options();
        heartbeat::beat_during(running, &options, work)
    }

    /// How sessions on the case's tables are opened.
    pub fn session_options(&self) -> SessionOptions {
        self.stand.session_options()
    }
}

fn waits(topology: &Topology) -> bool {
    topology.acknowledged.outlives_primary()
}

fn telling(all: &[Topology]) -> Vec<Topology> {
    let first = all.iter().find(|topology| !waits(topology));
    let last = all.iter().rfind(|topology| waits(topology) && topology.replicas == 1);
    first.into_iter().chain(last).copied().collect()
}

/// The row of a topology that there cannot be here.
fn unsupported(name: &str, why: &str) -> Measurement {
    let row = Measurement::new("throughput", 0.0, "1/s", Better::Higher).of(name);
    Measurement { value: None, ..row.with_status(Status::Unsupported, why) }
}
