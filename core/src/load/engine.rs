//! Puts a workload on a target.

use std::sync::Arc;
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

use crate::driver::{Driver, SessionOptions};
use crate::error::{Error, Result};
use crate::stop::Stop;

use super::clock::Clock;
use super::collector::{Collector, LoadObserver};
use super::message::Message;
use super::plan::LoadPlan;
use super::report::LoadReport;
use super::shared::Shared;
use super::worker::{Share, run_worker};
use super::workload::Workload;

/// Runs `workload` against `driver` as `plan` says, telling `observer` as it goes on. Blocks until
/// the load is over; `stop` ends it early, with what was measured until then.
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
    let (sender, receiver) = mpsc::channel();
    let workers = workers(driver.as_ref(), plan.clients);
    let clients = plan.clients;
    session.alone = workers == clients as usize;
    let shared =
        Arc::new(Shared::new(Arc::clone(driver), Arc::clone(workload), session, plan, sender));
    thread::scope(|scope| {
        for worker in 0..workers {
            let shared_with_worker = Arc::clone(&shared);
            let spawned = thread::Builder::new().name(format!("load-{worker}")).spawn_scoped(
                scope,
                move || {
                    run_worker(&shared_with_worker, Share { worker, workers });
                },
            );
            if let Err(cause) = spawned {
                shared.end_at(0);
                return Err(Error::new(format!("start load worker {worker} of {workers}"), cause)
                    .next("use fewer clients, or raise the limit on threads (`ulimit -u`)"));
            }
        }
        if let Err(error) = wait_until_ready(driver.as_ref(), &receiver, clients, stop) {
            shared.end_at(0);
            return Err(error);
        }
        let clock = Clock::start();
        shared.start.send_replace(Some(clock));
        Ok(Collector::new(&shared, observer, clock, workers).run(&receiver, stop))
    })
}

/// A thread per client where calls block, and where there are processors for them all: such a
/// thread waits in the call that reads the answer. Else a thread per processor, which serves several
/// clients at each wake-up.
fn workers(driver: &dyn Driver, clients: u32) -> usize {
    let clients = clients as usize;
    let processors = thread::available_parallelism().map_or(1, usize::from);
    if driver.capabilities().sessions_block { clients } else { processors.min(clients) }
}

/// Waits until every client has its session.
fn wait_until_ready(
    driver: &dyn Driver,
    receiver: &Receiver<Message>,
    clients: u32,
    stop: &Stop,
) -> Result<()> {
    let doing = format!("open {clients} sessions on {}", driver.target());
    let mut ready = 0;
    while ready < clients {
        if stop.is_requested() {
            return Err(Error::new(doing, "the end was asked for"));
        }
        match receiver.recv_timeout(Duration::from_millis(50)) {
            Ok(Message::NotReady(error)) => {
                let opened = format!("{error}; {ready} were opened before");
                return Err(Error::new(doing, opened)
                    .next("use fewer clients, or raise the server's limits"));
            }
            Ok(Message::Ready) => ready += 1,
            Ok(_) | Err(_) => {}
        }
    }
    Ok(())
}
