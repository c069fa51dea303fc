//! Where a case is measured: what a benchmark may do with a target.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use dbdyno_core::load::{self, LoadObserver, LoadPlan, LoadReport, Workload, run_load};
use dbdyno_core::measurement::Second;
use dbdyno_core::{
    Cache, Case, Driver, Error, Event, HeldDurability, Measurement, Plan, Recorder, Result,
    SessionOptions, StatementForm, Stop,
};
use dbdyno_datasets::{self as datasets, Silent, Wanted};
use tokio::runtime::Runtime;

use super::measured::Stage;
use super::observer::RunObserver;
use super::options::RunOptions;
use super::own_servers::{OwnServers, WatchedServers};
use super::relay::{Errors, Relay};
use super::rest::Rest;
use crate::benchmark::{AfterUse, Benchmark, WorkloadContext};

/// How long a load may last that something else ends.
const WITHOUT_END: Duration = Duration::from_secs(24 * 3600);

/// What measuring needs besides the case.
#[derive(Clone, Copy)]
pub struct Tools<'a> {
    pub runtime: &'a Runtime,
    pub recorder: &'a dyn Recorder,
    pub observer: &'a dyn RunObserver,
    pub options: &'a RunOptions,
    pub stop: &'a Stop,
}

/// A target on which one case of a benchmark is measured.
pub struct Stand<'a> {
    case: &'a Case,
    driver: &'a Arc<dyn Driver>,
    benchmark: &'a dyn Benchmark,
    pub(super) tools: Tools<'a>,
    rest: Rest,
    own_servers: OwnServers,
}

impl<'a> Stand<'a> {
    pub(super) fn new(
        case: &'a Case,
        driver: &'a Arc<dyn Driver>,
        benchmark: &'a dyn Benchmark,
        tools: Tools<'a>,
    ) -> Self {
        let (rest, own_servers) = (Rest::default(), OwnServers::default());
        Self { case, driver, benchmark, tools, rest, own_servers }
    }

    /// The case.
    pub fn case(&self) -> &Case {
        self.case
    }

    /// The driver of the target.
    pub fn driver(&self) -> &dyn Driver {
        self.driver.as_ref()
    }

    /// The driver, for threads of a benchmark's own.
    pub fn shared_driver(&self) -> Arc<dyn Driver> {
        Arc::clone(self.driver)
    }

    /// What the user chose.
    pub fn options(&self) -> &RunOptions {
        self.tools.options
    }

    /// Whether the next stage may begin.
    ///
    /// # Errors
    /// The end was asked for.
    pub fn go_on(&self) -> Result<()> {
        if self.is_stopped() {
            let doing = format!("go on with {}", self.benchmark.name());
            return Err(Error::new(doing, "the end was asked for"));
        }
        Ok(())
    }

    /// Waits for as long as a person has the run paused. Nothing may be under way: it is for moments between
    /// loads that nobody measures. The next load is marked, or the case where none follows.
    ///
    /// # Errors
    /// The disk is full or the folder is gone.
    pub fn rest(&self) -> Result<()> {
        self.rest.take(self.case, self.tools)
    }

    /// The mark of a pause that none of the case's loads has.
    pub(super) fn unmarked_rest(&self) -> Option<Measurement> {
        self.rest.mark("this case")
    }

    /// Whether the end was asked for.
    pub fn is_stopped(&self) -> bool {
        self.tools.stop.is_requested()
    }

    /// The request for the end, for what goes on meanwhile.
    pub fn stop(&self) -> &Stop {
        self.tools.stop
    }

    /// What a workload of the case is made from.
    pub fn context(&self) -> WorkloadContext {
        WorkloadContext {
            engine: self.case.engine.clone(),
            scale: self.case.scale,
            seed: self.case.seed,
            clients: self.case.clients,
            think_times: self.options().think_times,
            validate: self.options().validate,
            native: (self.case.statements == StatementForm::Native)
                .then(|| self.driver.dialect().native()),
            called: None,
        }
    }

    /// Puts a load on the target for as long as the benchmark or the user says. A stage without a name
    /// is the only one of its case.
    ///
    /// # Errors
    /// A session cannot be opened or prepared, so that the load never began.
    pub fn load(&self, name: &str, clients: u32, workload: &Arc<dyn Workload>) -> Result<Stage> {
        self.load_at(name, None, clients, workload)
    }

    /// The same with clients at a distance from the server, see
    /// [`SessionOptions::round_trip`](dbdyno_core::SessionOptions::round_trip).
    ///
    /// # Errors
    /// A session cannot be opened or prepared, so that the load never began.
    pub fn load_at(
        &self,
        name: &str,
        round_trip: Option<Duration>,
        clients: u32,
        workload: &Arc<dyn Workload>,
    ) -> Result<Stage> {
        self.rest()?;
        if self.case.cache == Cache::Cold {
            self.chill()?;
        }
        let session = SessionOptions { round_trip, ..self.client_options() };
        let (warmup, length) = self.length(clients);
        let plan = self.plan(clients, warmup, length);
        self.load_as(name, self.driver, session, plan, workload)
    }

    /// The same through another driver, for as long as is said, on the data as it is in memory.
    ///
    /// # Errors
    /// A session cannot be opened or prepared, so that the load never began.
    pub fn load_through(
        &self,
        name: &str,
        driver: &Arc<dyn Driver>,
        clients: u32,
        (warmup, length): (Duration, load::Length),
        workload: &Arc<dyn Workload>,
    ) -> Result<Stage> {
        let plan = self.plan(clients, warmup, length);
        self.load_as(name, driver, self.client_options(), plan, workload)
    }

    /// How long a load warms up and is measured.
    pub fn length(&self, clients: u32) -> (Duration, load::Length) {
        let options = self.options();
        match self.benchmark.length(clients) {
            Some(own) => (Duration::ZERO, own),
            None if self.case.cache == Cache::Cold => (Duration::ZERO, options.length),
            None => (options.warmup, options.length),
        }
    }

    fn plan(&self, clients: u32, warmup: Duration, length: load::Length) -> LoadPlan {
        let options = self.options();
        LoadPlan {
            clients,
            warmup,
            length,
            arrival: options.arrival,
            retry: options.retry,
            seed: self.case.seed,
            repetition: self.case.repetition,
            reconnect_limit: options.reconnect_limit,
            drain_limit: self.benchmark.drain_limit().unwrap_or(options.drain_limit),
        }
    }

    fn load_as(
        &self,
        name: &str,
        driver: &Arc<dyn Driver>,
        session: SessionOptions,
        plan: LoadPlan,
        workload: &Arc<dyn Workload>,
    ) -> Result<Stage> {
        let length = match plan.length {
            load::Length::Duration(duration) => Some(plan.warmup + duration),
            load::Length::Transactions(_) => None,
        };
        self.tools.observer.load_started(self.case, name, length);
        let relay = Relay { case: self.case, stage: name, tools: self.tools, is_alone: true };
        let warmup = plan.warmup;
        let report = run_load(driver, workload, session, plan, &relay, self.tools.stop)?;
        relay.unstarted(&report, warmup)?;
        let seen = self.seen(driver.as_ref(), &report, warmup);
        Ok(Stage { name: name.to_owned(), report, seen })
    }

    fn seen(&self, driver: &dyn Driver, report: &LoadReport, warmup: Duration) -> Vec<Measurement> {
        let own = self.own_servers.names();
        let servers: Vec<&str> = match driver.target() {
            target if target == self.driver.target() => vec![target],
            // Whichever of them clients are connected to, the others work for it.
            _ => own.iter().map(String::as_str).collect(),
        };
        let from = report.began + warmup;
        let watch = self.options().watch.as_ref();
        let seen = watch.map(|watch| watch.seen(&servers, from, from + report.window));
        seen.into_iter().flatten().chain(self.rest.mark("this load")).collect()
    }

    /// Has servers of the benchmark's own watched as targets are, for as long as what it gives lives. Loads on another
    /// driver than the target's are taken for loads on these.
    pub fn watch_own(&self, servers: Vec<Arc<dyn Driver>>) -> WatchedServers {
        self.own_servers.watch(servers, self.options().watch.as_ref())
    }

    /// Has one client, next to the server, run so many transactions, whose inputs depend on the seed
    /// alone. Nothing of it is measured; of its events errors and retries are kept.
    ///
    /// # Errors
    /// A session cannot be opened or prepared, so that the load never began.
    pub fn run_exactly(
        &self,
        transactions: u64,
        workload: &Arc<dyn Workload>,
    ) -> Result<LoadReport> {
        let options = self.options();
        let plan = LoadPlan {
            clients: 1,
            warmup: Duration::ZERO,
            length: load::Length::Transactions(transactions),
            arrival: load::Arrival::Closed,
            retry: options.retry,
            seed: self.case.seed,
            repetition: 1,
            reconnect_limit: options.reconnect_limit,
            drain_limit: options.drain_limit,
        };
        let relay = Errors { case: self.case, tools: self.tools };
        let session = SessionOptions { round_trip: Some(Duration::ZERO), ..self.client_options() };
        run_load(self.driver, workload, session, plan, &relay, self.tools.stop)
    }

    /// Loads the data of the case anew, as it was before anything was done to it.
    ///
    /// # Errors
    /// The target refuses, or the end was asked for.
    pub fn reload(&self) -> Result<()> {
        let Tools { runtime, observer, options, stop, .. } = self.tools;
        observer.working_on(self.case, "load the data anew");
        let wanted = Wanted { scale: self.case.scale, seed: self.case.seed, keys: options.keys };
        let (driver, dataset) = (self.driver.as_ref(), self.benchmark.dataset());
        runtime.block_on(async {
            datasets::prepare(driver, dataset, wanted, true, &Silent, stop).await?;
            match self.benchmark.after_use() {
                AfterUse::Reusable => Ok(()),
                AfterUse::Spent => datasets::mark_spent(driver, dataset).await,
            }
        })
    }

    /// Loads the data of the case on another server, which has none of it yet.
    ///
    /// # Errors
    /// The server refuses, or the end was asked for.
    pub async fn prepare_on(&self, driver: &dyn Driver) -> Result<()> {
        let Tools { observer, options, stop, .. } = self.tools;
        observer.working_on(self.case, &format!("load the data on {}", driver.target()));
        let wanted = Wanted { scale: self.case.scale, seed: self.case.seed, keys: options.keys };
        let dataset = self.benchmark.dataset();
        datasets::prepare(driver, dataset, wanted, true, &Silent, stop).await.map(drop)
    }

    /// Adds seconds of something else than a load to the timeline and to the latencies of the case, counted
    /// from when it `began`.
    ///
    /// # Errors
    /// The disk is full or the folder is gone.
    pub fn keep_seconds(&self, began: SystemTime, seconds: &[Second]) -> Result<()> {
        self.tools.recorder.beside(self.case, began, seconds)
    }

    /// Puts a load on the target for as long as `meanwhile` takes, which is called on a thread of its
    /// own, beside the load; it must end soon once the [`Stop`] that it is given is requested: the load
    /// cannot go on. `seed` is that of the clients' inputs. Nothing of it comes into the timeline, and
    /// of its events only errors and retries that have nothing to do with lost connections.
    ///
    /// # Errors
    /// A session cannot be opened or prepared, so that the load never began.
    pub fn load_beside<T: Send>(
        &self,
        workload: &Arc<dyn Workload>,
        seed: u64,
        meanwhile: impl FnOnce(&Stop) -> T + Send,
    ) -> Result<(LoadReport, T)> {
        self.load_beside_through(self.driver, self.case.clients, workload, seed, meanwhile)
    }

    /// The same, and all of it comes into the timeline and the events under a name.
    ///
    /// # Errors
    /// A session cannot be opened or prepared, so that the load never began.
    pub fn load_beside_named<T: Send>(
        &self,
        name: &str,
        workload: &Arc<dyn Workload>,
        seed: u64,
        meanwhile: impl FnOnce(&Stop) -> T + Send,
    ) -> Result<(LoadReport, T)> {
        self.tools.observer.load_started(self.case, name, None);
        let relay = Relay { case: self.case, stage: name, tools: self.tools, is_alone: false };
        let load = (self.driver, self.case.clients, workload);
        self.load_beside_told(load, seed, &relay, meanwhile)
    }

    /// The same through another driver, with so many clients.
    ///
    /// # Errors
    /// A session cannot be opened or prepared, so that the load never began.
    pub fn load_beside_through<T: Send>(
        &self,
        driver: &Arc<dyn Driver>,
        clients: u32,
        workload: &Arc<dyn Workload>,
        seed: u64,
        meanwhile: impl FnOnce(&Stop) -> T + Send,
    ) -> Result<(LoadReport, T)> {
        let errors = Errors { case: self.case, tools: self.tools };
        self.load_beside_told((driver, clients, workload), seed, &errors, meanwhile)
    }

    fn load_beside_told<T: Send>(
        &self,
        (driver, clients, workload): (&Arc<dyn Driver>, u32, &Arc<dyn Workload>),
        seed: u64,
        observer: &dyn LoadObserver,
        meanwhile: impl FnOnce(&Stop) -> T + Send,
    ) -> Result<(LoadReport, T)> {
        let options = self.options();
        let plan = LoadPlan {
            clients,
            warmup: Duration::ZERO,
            length: load::Length::Duration(WITHOUT_END),
            arrival: load::Arrival::Closed,
            retry: options.retry,
            seed,
            repetition: self.case.repetition,
            reconnect_limit: options.reconnect_limit,
            drain_limit: options.drain_limit,
        };
        let over = Stop::default();
        std::thread::scope(|scope| {
            let beside = scope.spawn(|| {
                let _ends = Ending(&over);
                meanwhile(&over)
            });
            let session = self.client_options();
            let report = run_load(driver, workload, session, plan, observer, &over);
            over.request();
            let done = beside.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            Ok((report?, done))
        })
    }

    /// How the clients of the case open their sessions.
    pub fn client_options(&self) -> SessionOptions {
        SessionOptions {
            isolation: Some(self.case.isolation),
            pipeline: self.case.pipeline,
            statement_timeout: self.options().statement_timeout,
            ..self.session_options()
        }
    }

    /// Waits for something that is done with the target.
    pub fn block_on<T>(&self, work: impl Future<Output = T>) -> T {
        self.tools.runtime.block_on(work)
    }

    /// Adds an event to those of the case.
    ///
    /// # Errors
    /// The disk is full or the folder is gone.
    pub fn keep_event(&self, event: &Event) -> Result<()> {
        self.tools.recorder.event(self.case, event)
    }

    /// Says what is being done.
    pub fn working_on(&self, doing: &str) {
        self.tools.observer.working_on(self.case, doing);
    }

    /// The durability that the target holds, read back.
    ///
    /// # Errors
    /// It cannot be asked.
    pub fn held_durability(&self) -> Result<HeldDurability> {
        self.tools.runtime.block_on(self.driver.durability())
    }

    /// Takes the data out of memory.
    fn chill(&self) -> Result<()> {
        self.tools.observer.working_on(self.case, "take the data out of memory");
        match self.driver.cold_start() {
            Some(cold_start) => cold_start.chill(),
            None => {
                let doing = format!("take the data of {} out of memory", self.driver.target());
                Err(Error::unsupported(doing, "it is not dbdyno's"))
            }
        }
    }

    /// Puts a plan into the run folder.
    ///
    /// # Errors
    /// The disk is full or the folder is gone.
    pub fn keep_plan(&self, name: &str, plan: &Plan) -> Result<()> {
        self.tools.recorder.plan(self.case, name, plan)
    }

    /// The place of a file about the case in the run folder's folder `folder`.
    ///
    /// # Errors
    /// The disk is full or the folder is gone.
    pub fn file(&self, folder: &str, extension: &str) -> Result<PathBuf> {
        self.tools.recorder.file(self.case, folder, extension)
    }

    /// Sessions on the benchmark's tables.
    pub fn session_options(&self) -> SessionOptions {
        SessionOptions {
            namespace: Some(self.benchmark.dataset().namespace()),
            ..SessionOptions::default()
        }
    }
}

/// Asks for the end of a load when it goes, also in a panic: nobody else would.
struct Ending<'a>(&'a Stop);

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        self.0.request();
    }
}
