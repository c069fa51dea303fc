//! Puts a workload on a target.

use std::sync::Arc;
use std::thread;

use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::task::LocalSet;

use crate::driver::{Capabilities, Driver, SessionOptions, SessionThread};
use crate::error::{DbError, Error, ErrorClass, Result};
use crate::stop::Stop;

use super::clock::Clock;
use super::collector::{Collector, LoadObserver};
use super::message::Message;
use super::plan::{Arrival, LoadPlan};
use super::report::LoadReport;
use super::shared::Shared;
use super::under_way::UnderWay;
use super::worker::{Share, serve};
use super::workload::Workload;

/// Runs `workload` against `driver` as `plan` says, telling `observer` as it goes on. Blocks until
/// the load is over, so that it must not be called from a task; `stop` ends it early, with what was
/// measured until then.
///
/// What breaks after the start ([`LoadReport::failure`]) does not take away what was measured.
///
/// # Errors
/// A session cannot be opened or prepared, so that the load never began.
pub fn run_load(
    driver: &Arc<dyn Driver>,
    workload: &Arc<dyn Workload>,
    mut session: SessionOptions,
    plan: LoadPlan,
    observer: &dyn LoadObserver,
    stop: &Stop,
) -> Result<LoadReport> {
    let (sender, receiver) = unbounded_channel();
    let processors = thread::available_parallelism().map_or(1, usize::from);
    let Capabilities { own_threads, one_event_loop, .. } = driver.capabilities();
    let one_event_loop = one_event_loop && own_threads != u32::MAX;
    let workers = if one_event_loop { 1 } else { workers(own_threads, processors, plan.clients) };
    session.thread = match plan.clients {
        // The client is not alone there: connections that it does not have are looked after, too.
        _ if one_event_loop => SessionThread::Shared,
        1 => SessionThread::Only,
        clients if workers == clients as usize => SessionThread::Own,
        _ => SessionThread::Shared,
    };
    let is_alone =
        workers == 1 && driver.embedded().is_some() && matches!(plan.arrival, Arrival::Closed);
    let shared =
        Arc::new(Shared::new(Arc::clone(driver), Arc::clone(workload), session, plan, sender));
    let runtime = event_loop().map_err(|cause| Error::new("start the load", cause))?;
    let load = Load { shared: &shared, workers, observer, stop };
    let report = match workers {
        1 => {
            let _alone = is_alone.then(|| Alone::begin(observer));
            load.run_here(&runtime, receiver)
        }
        _ => load.run_on_threads(&runtime, receiver),
    };
    leave(runtime);
    report
}

/// Ends an event loop without waiting for what client libraries ask of a dead server.
fn leave(runtime: Runtime) {
    runtime.shutdown_background();
}

/// A thread per client where there are as few as the engine likes that for: such a thread waits in
/// the call that reads the answer. Else a thread per processor, which serves several clients at each
/// wake-up.
fn workers(own_threads: u32, processors: usize, clients: u32) -> usize {
    let clients = clients as usize;
    let few = clients <= processors.saturating_mul(own_threads as usize);
    if few { clients } else { processors.min(clients) }
}

/// An event loop on the thread that runs it.
fn event_loop() -> std::io::Result<Runtime> {
    Builder::new_current_thread().enable_all().build()
}

/// While it lives, an observer's load runs [alone](LoadObserver::alone).
struct Alone<'a>(&'a dyn LoadObserver);

impl<'a> Alone<'a> {
    fn begin(observer: &'a dyn LoadObserver) -> Self {
        observer.alone(true);
        Self(observer)
    }
}

impl Drop for Alone<'_> {
    fn drop(&mut self) {
        self.0.alone(false);
    }
}

/// A load about to run.
struct Load<'a> {
    shared: &'a Arc<Shared>,
    workers: usize,
    observer: &'a dyn LoadObserver,
    stop: &'a Stop,
}

impl Load<'_> {
    /// Runs the only worker on this thread. A process with one thread has cheaper system calls and
    /// locks than one with two: Linux counts who uses a file only where threads share the table of
    /// open files (fdget in fs/file.c), and the C library passes over atomic operations. On SQLite a
    /// point select is 5 % faster for it.
    fn run_here(
        &self,
        runtime: &Runtime,
        receiver: UnboundedReceiver<Message>,
    ) -> Result<LoadReport> {
        let share = Share { worker: 0, workers: 1 };
        let both = async {
            let working = serve(Arc::clone(self.shared), share);
            let (report, ()) = tokio::join!(self.collect(receiver), working);
            report
        };
        LocalSet::new().block_on(runtime, both)
    }

    fn run_on_threads(
        &self,
        runtime: &Runtime,
        receiver: UnboundedReceiver<Message>,
    ) -> Result<LoadReport> {
        thread::scope(|scope| {
            for worker in 0..self.workers {
                let (shared, share) =
                    (Arc::clone(self.shared), Share { worker, workers: self.workers });
                let spawned = thread::Builder::new()
                    .name(format!("load-{worker}"))
                    .spawn_scoped(scope, move || run_worker(shared, share));
                if let Err(cause) = spawned {
                    self.shared.end_at(0);
                    let doing = format!("start load worker {worker} of {}", self.workers);
                    return Err(Error::new(doing, cause)
                        .next("use fewer clients, or raise the limit on threads (`ulimit -u`)"));
                }
            }
            runtime.block_on(self.collect(receiver))
        })
    }

    /// Starts the load once every client has its session, and brings together what is told.
    async fn collect(&self, mut receiver: UnboundedReceiver<Message>) -> Result<LoadReport> {
        if let Err(error) = self.wait_until_ready(&mut receiver).await {
            self.shared.end_at(0);
            return Err(error);
        }
        let clock = Clock::start();
        let places = Arc::clone(&self.shared.places);
        let transactions = self.shared.workload.transactions();
        self.observer.began(&Arc::new(UnderWay::new(places, clock, transactions)));
        self.shared.start.send_replace(Some(clock));
        let collector = Collector::new(self.shared, self.observer, clock, self.workers);
        let report = collector.run(&mut receiver, self.stop).await;
        self.shared.places.end();
        Ok(report)
    }

    /// Waits until every client has its session.
    async fn wait_until_ready(&self, receiver: &mut UnboundedReceiver<Message>) -> Result<()> {
        let clients = self.shared.plan.clients;
        let doing = format!("open {clients} sessions on {}", self.shared.driver.target());
        let mut ready = 0;
        while ready < clients {
            let message = tokio::select! {
                message = receiver.recv() => message,
                () = self.stop.requested() => {
                    return Err(Error::new(doing, "the end was asked for"));
                }
            };
            match message {
                Some(Message::NotReady(error)) => {
                    let opened = format!("{error}; {ready} were opened before");
                    return Err(Error::new(doing, opened)
                        .next("use fewer clients, or raise the server's limits"));
                }
                Some(Message::Ready) => ready += 1,
                Some(_) | None => {}
            }
        }
        Ok(())
    }
}

/// Runs a worker on a thread of its own until its clients have ended.
fn run_worker(shared: Arc<Shared>, share: Share) {
    match event_loop() {
        Ok(runtime) => {
            LocalSet::new().block_on(&runtime, serve(shared, share));
            leave(runtime);
        }
        Err(cause) => {
            let error = DbError::new(ErrorClass::Other, None, format!("no event loop: {cause}"));
            let _ = shared.sender.send(Message::NotReady(error));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::workers;

    #[test]
    fn few_clients_have_a_thread_each_and_many_share_one_per_processor() {
        for (own_threads, processors, clients, threads) in [
            (1, 2, 1, 1),
            (1, 2, 2, 2),
            (1, 2, 3, 2),
            (4, 2, 8, 8),
            (4, 2, 9, 2),
            (4, 16, 1, 1),
            (0, 2, 1, 1),
            (u32::MAX, 2, 2_000, 2_000),
        ] {
            assert_eq!(workers(own_threads, processors, clients), threads, "{clients} clients");
        }
    }
}
