//! What the benchmarks of this suite share: clusters with the data of the case on them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use dbdyno_core::{
    Better, Cache, Check, Cluster, ClusterPlan, DbError, Driver, Error, Measurement, Replication,
    Result, Session, SessionOptions, Status, Stop, Topology,
};

use dbdyno_core::load::Workload;
use dbdyno_core::query::within;

use super::heartbeat::{self, Beats, Ending};
use super::options::ReplicationOptions;
use crate::benchmark::{LoadBenchmark, State};
use crate::oltp::tpcb::TpcB;
use crate::runner::{Measured, Stage, Stand, WatchedServers};

/// How long loading the data on a primary may take: so long at any scale, and so much longer for each factor of it. A
/// server that stands still is to end its topology, and not the run.
const LOAD_LIMIT: (Duration, Duration) = (Duration::from_secs(300), Duration::from_secs(60));

/// A case that is being measured.
pub struct Bench<'s> {
    pub stand: &'s Stand<'s>,
    driver: Arc<dyn Driver>,
}

/// A cluster that runs, with the data of the case on every node of it.
pub struct Running {
    // Whoever watches the nodes lets go of them before they are stopped.
    watched: Option<WatchedServers>,
    pub topology: Topology,
    pub cluster: Arc<dyn Cluster>,
    // Replicas go before the primary that they follow.
    pub replicas: Vec<Arc<dyn Driver>>,
    pub primary: Arc<dyn Driver>,
}

impl Running {
    /// The primary, and then its replicas.
    pub fn nodes(&self) -> Vec<Arc<dyn Driver>> {
        std::iter::once(&self.primary).chain(&self.replicas).cloned().collect()
    }
}

impl<'s> Bench<'s> {
    /// # Errors
    /// The driver cannot make clusters, or what the case asks for makes no sense here.
    pub fn new(stand: &'s Stand<'s>) -> Result<Self> {
        let driver = stand.shared_driver();
        let doing = || format!("replicate {}", driver.target());
        if driver.replication().is_none() {
            let why = "dbdyno replicates only throwaway servers, and not every engine's";
            let next = "name a throwaway server of an engine that replicates; \
                        docs/replication-and-backup.md lists them";
            return Err(Error::unsupported(doing(), why).next(next));
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
        let options = self.options();
        let known: Vec<&str> = all.iter().map(|topology| topology.name).collect();
        let why = format!("the driver has {}, of which `none` has no replica", known.join(", "));
        let unknown = options.topologies.iter().flatten();
        let unknown: Vec<_> = unknown.filter(|name| !known.contains(&name.as_str())).collect();
        let chosen: Vec<Topology> = all
            .iter()
            .filter(|topology| topology.replicas > 0 && options.wants(topology.name))
            .copied()
            .collect();
        if chosen.is_empty() {
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
        let is_named = self.options().topologies.is_some();
        let all = self.topologies(measured)?;
        Ok(if is_named { all } else { telling(&all) })
    }

    /// The same with the last of those that wait and have two replicas, and whose nodes differ for readers.
    ///
    /// # Errors
    /// None of those that were named is there.
    pub fn read_topologies(&self, measured: &mut Measured) -> Result<Vec<Topology>> {
        let is_named = self.options().topologies.is_some();
        let all = self.topologies(measured)?;
        if is_named {
            return Ok(all);
        }
        let mut chosen = telling(&all);
        chosen.extend(all.iter().rfind(|each| waits(each) && each.replicas > 1));
        Ok(chosen)
    }

    /// Those that differ most, and the first of each further way in which nodes tell each other of commits: a
    /// network does other things to each.
    ///
    /// # Errors
    /// None of those that were named is there.
    pub fn network_topologies(&self, measured: &mut Measured) -> Result<Vec<Topology>> {
        let all = self.topologies(measured)?;
        if self.options().topologies.is_some() {
            return Ok(all);
        }
        let mut chosen = telling(&all);
        for topology in all {
            if chosen.iter().all(|each| each.sent != topology.sent) {
                chosen.push(topology);
            }
        }
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
            let said =
                self.attempt(topology.name, measured, |measured| measure(topology, measured));
            told.extend(said?.flatten());
        }
        measured.headline = told.join("; ");
        Ok(())
    }

    /// Does something for a part of the case; `None` where that fails and breaks no promise, which is told of the
    /// part alone.
    ///
    /// # Errors
    /// The end was asked for, or a promise was broken.
    pub fn attempt<T>(
        &self,
        part: &str,
        measured: &mut Measured,
        work: impl FnOnce(&mut Measured) -> Result<T>,
    ) -> Result<Option<T>> {
        match work(measured) {
            Ok(done) => Ok(Some(done)),
            Err(error) if error.is_broken() => Err(error),
            Err(error) => {
                self.stand.go_on()?;
                measured.could_not_finish(part, &error);
                Ok(None)
            }
        }
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
            Err(error) => Err(error),
        }
    }

    fn start_at_all(&self, topology: Topology, link: bool) -> Result<Running> {
        let limits = self.options().limits;
        let plan = ClusterPlan { durability: self.stand.case().durability, link, limits };
        let cluster = self.wait(self.replication()?.start(topology.name, plan))?;
        let (primary, replicas) = (cluster.primary(), cluster.replicas());
        let mut running = Running { watched: None, topology, cluster, replicas, primary };
        self.load_data(&running)?;
        self.stand.working_on(&format!("wait until the replicas of {} are there", topology.name));
        self.wait(running.cluster.engage())?;
        running.watched = Some(self.stand.watch_own(running.nodes()));
        Ok(running)
    }

    /// Loads the data of the case on the primary of a cluster, in place of what it has of it, and the heartbeat.
    ///
    /// # Errors
    /// The server refuses, or the end was asked for.
    pub fn load_data(&self, running: &Running) -> Result<()> {
        let (primary, limit) = (&*running.primary, self.stand.by_scale(LOAD_LIMIT));
        self.wait(async {
            let loaded = tokio::time::timeout(limit, self.stand.prepare_on(primary)).await;
            loaded.unwrap_or_else(|_| {
                let why = format!("it was not done after {} s", limit.as_secs());
                Err(Error::new(format!("load the data on {}", primary.target()), why))
            })
        })?;
        self.ask(&*running.primary, "make the heartbeat", heartbeat::create)
    }

    /// Waits for something that servers do, unless the end is asked for meanwhile.
    ///
    /// # Errors
    /// It fails, or the end was asked for.
    pub fn wait<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        self.stand.block_on(unless_stopped(self.stand, work))
    }

    /// Does something with a node, in a session of its own on the tables of the case.
    ///
    /// # Errors
    /// The node cannot be reached, or what is done fails or takes longer than looking at all tables may.
    pub fn ask<T>(
        &self,
        node: &dyn Driver,
        doing: &str,
        ask: impl AsyncFnOnce(&mut dyn Session) -> Result<T, DbError>,
    ) -> Result<T> {
        let options = self.stand.session_options();
        let failed = |why: DbError| Error::new(format!("{doing} on {}", node.target()), why);
        self.wait(async {
            let mut session =
                within(heartbeat::ANSWER_LIMIT, node.connect(&options)).await.map_err(failed)?;
            within(self.stand.look_limit(), ask(&mut *session)).await.map_err(failed)
        })
    }

    /// Waits until the replicas show what the primary has committed by now.
    ///
    /// # Errors
    /// They do not in time, or the end was asked for.
    pub fn settle(&self, running: &Running) -> Result<()> {
        self.wait(running.cluster.settle(self.settle_limit()))
    }

    /// What was chosen.
    pub fn options(&self) -> &ReplicationOptions {
        &self.stand.options().replication
    }

    /// How long replicas may take to show what was committed in a load.
    pub fn settle_limit(&self) -> Duration {
        self.options().settle_limit
    }

    /// Things that are measured one after another, in the order of this repetition: each is first in one of as many
    /// repetitions as there are.
    pub fn in_turn<T>(&self, things: Vec<T>) -> Vec<T> {
        in_turn(things, self.stand.case().repetition)
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
        self.settle(running)?;
        let state = self.state(&*running.primary, transactions)?;
        for (place, replica) in running.replicas.iter().enumerate() {
            let its = self.state(&**replica, transactions)?;
            let detail = format!(
                "replica {} of {name} must show what the primary does ({:?} {:?}) and shows {:?} {:?}",
                place + 1,
                state.counters,
                state.samples,
                its.counters,
                its.samples
            );
            let check = format!("replica_{}_equals_primary", place + 1);
            measured.checks.push(Check::new(check, its == state, detail).of(name));
        }
        Ok(state)
    }

    /// Puts a load on a driver of the cluster's, under a name.
    ///
    /// # Errors
    /// It did not begin or came to no good end, or the end was asked for before.
    pub fn load(
        &self,
        name: &str,
        driver: &Arc<dyn Driver>,
        workload: &Arc<dyn Workload>,
    ) -> Result<Stage> {
        self.stand.go_on()?;
        let clients = self.stand.case().clients;
        let length = self.stand.length(clients);
        let mut stage = self.stand.load_through(name, driver, clients, length, workload)?;
        let fruitless = stage.fruitless().filter(|_| !stage.report.interrupted);
        match (stage.report.failure.take(), fruitless) {
            (Some(failure), _) => Err(failure),
            (None, Some(why)) => Err(Error::new(format!("measure {name}"), why)),
            (None, None) => Ok(stage),
        }
    }

    /// The same on the primary while a row beats there. Beats of another time than the load's are left out.
    ///
    /// # Errors
    /// See above, and those of [`Self::beat_during`].
    pub fn load_and_beat(
        &self,
        name: &str,
        running: &Running,
        workload: &Arc<dyn Workload>,
        measured: &mut Measured,
    ) -> Result<(Stage, Beats)> {
        let load = |_: Ending<'_>| self.load(name, &running.primary, workload);
        let (stage, mut beats) = self.beat_during(running, Duration::ZERO, measured, load)?;
        let stage = stage?;
        let warmup = self.stand.length(self.stand.case().clients).0;
        let from = stage.report.began + warmup;
        beats.keep_within(from, from + stage.report.window);
        Ok((stage, beats))
    }

    /// Has TPC-B's clients work on the primary, and a row beat there, for as long as `meanwhile` takes; it must end soon
    /// once the [`Stop`] that it is given is requested. Then does `after`, which is told when the load ended, at once:
    /// the replicas are still looked at. Gives what both gave, and the beats. Nodes may stand still for `stall`.
    ///
    /// # Errors
    /// The load did not begin or came to no good end, `meanwhile` or `after` fails, or those of
    /// [`Self::beat_during`].
    pub fn beat_beside<T: Send, U>(
        &self,
        running: &Running,
        stall: Duration,
        measured: &mut Measured,
        meanwhile: impl FnOnce(&Stop) -> Result<T> + Send,
        after: impl FnOnce(Instant) -> Result<U>,
    ) -> Result<(T, Beats, U)> {
        let (stand, case) = (self.stand, self.stand.case());
        let workload = TpcB.workload(&stand.context(), &State::default());
        let (primary, clients, seed) = (&running.primary, case.clients, case.seed);
        let work = |ends: Ending<'_>| {
            let (report, done) =
                stand.load_beside_through(primary, clients, &workload, seed, meanwhile)?;
            drop(ends);
            if let Some(failure) = report.failure {
                return Err(failure);
            }
            Ok((done?, after(report.began + report.window)?))
        };
        let (worked, beats) = self.beat_during(running, stall, measured, work)?;
        let (done, after) = worked?;
        Ok((done, beats, after))
    }

    /// Does `work` while a row beats on the primary and is looked for on the replicas. A watch that breaks is
    /// a part of the case that could not be carried out. Nodes may stand still for `stall`, and answer no sooner.
    ///
    /// # Errors
    /// There is no thread for that, or the primary cannot be asked at all.
    pub fn beat_during<T>(
        &self,
        running: &Running,
        stall: Duration,
        measured: &mut Measured,
        work: impl FnOnce(Ending<'_>) -> T,
    ) -> Result<(T, Beats)> {
        let options = self.stand.session_options();
        let (done, beats) = heartbeat::beat_during(running, &options, stall, work)?;
        let name = running.topology.name;
        measured.could_not.extend(beats.broke.iter().map(|broke| match broke.replica {
            None => format!("{name}: the heartbeat broke: {}", broke.why),
            Some(place) => {
                format!("{name}: the watch of replica {} broke: {}", place + 1, broke.why)
            }
        }));
        Ok((done, beats))
    }

    /// How sessions on the case's tables are opened.
    pub fn session_options(&self) -> SessionOptions {
        self.stand.session_options()
    }
}

/// Waits for something unless the end is asked for meanwhile; on any event loop.
///
/// # Errors
/// It fails, or the end was asked for.
pub async fn unless_stopped<T>(
    stand: &Stand<'_>,
    work: impl Future<Output = Result<T>>,
) -> Result<T> {
    tokio::select! {
        done = work => done,
        () = stand.stop().requested() => {
            Err(Error::new("go on with replication", "the end was asked for"))
        }
    }
}

fn in_turn<T>(mut things: Vec<T>, repetition: u32) -> Vec<T> {
    let place = usize::try_from(repetition.saturating_sub(1)).unwrap_or(0) % things.len().max(1);
    things.rotate_left(place);
    things
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

#[cfg(test)]
mod tests {
    use super::in_turn;

    #[test]
    fn each_load_is_first_in_one_of_as_many_repetitions() {
        let orders: Vec<Vec<char>> =
            (1..=4).map(|number| in_turn(vec!['a', 'b', 'c'], number)).collect();
        assert_eq!(orders, [['a', 'b', 'c'], ['b', 'c', 'a'], ['c', 'a', 'b'], ['a', 'b', 'c']]);
    }
}
