//! Brings together what the workers tell: totals, the timeline, events and outages. Runs on the
//! thread that called for the load.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::sync::mpsc::UnboundedReceiver;

use crate::error::{DbError, Error, ErrorClass, Result};
use crate::measurement::{Event, Second};
use crate::stop::Stop;

use super::clock::Clock;
use super::message::Message;
use super::plan::{Arrival, Length};
use super::recording::{ErrorCount, Interval, Phase, TypeInterval, histogram};
use super::report::{ErrorReport, LoadReport, TransactionReport, add_errors, add_to_tally, merge};
use super::shared::Shared;
use super::under_way::UnderWay;
use super::usage::cpu_time;
use super::workload::Tally;

/// How often a request to stop is looked at.
const PATIENCE: Duration = Duration::from_millis(50);
const NS_PER_SECOND: u64 = 1_000_000_000;
/// How often a server is looked at while clients have no connection.
const LOOK_AGAIN_NS: u64 = 100_000_000;

/// Who is told of a load as it runs.
pub trait LoadObserver {
    /// The load is about to run alone (`true`), or ran so and is over (`false`): on the calling thread, with its engine in
    /// this process and no schedule to keep to. System calls of a process with one thread are cheaper, so that
    /// whoever works beside loads may do so on this thread meanwhile, in [`second`](Self::second).
    fn alone(&self, _is: bool) {}

    /// The load begins; what its clients have under way can be looked at by any thread from now on.
    fn began(&self, _under_way: &Arc<UnderWay>) {}

    /// A second of the load is complete.
    ///
    /// # Errors
    /// It could not be kept; the load ends.
    fn second(&self, began: SystemTime, seconds: &[Second]) -> Result<()>;

    /// Something happened.
    ///
    /// # Errors
    /// It could not be kept; the load ends.
    fn event(&self, event: &Event) -> Result<()>;
}

/// Collects a load from its start to its end.
pub struct Collector<'a> {
    shared: &'a Arc<Shared>,
    observer: &'a dyn LoadObserver,
    clock: Clock,
    names: &'a [&'static str],
    /// Seconds not yet handed on, by (second, measured): workers report them at their own pace.
    pending: BTreeMap<(u64, bool), Vec<TypeInterval>>,
    /// The first second not yet handed on.
    handed_on: u64,
    /// Up to which second each worker has reported; `None` once it is done.
    reported: Vec<Option<u64>>,
    transactions: Vec<TransactionReport>,
    errors: Vec<ErrorReport>,
    retries: Vec<ErrorReport>,
    tally: Tally,
    ended_well: Vec<u64>,
    outage: Outage,
    cpu: CpuWindow,
    interrupted: bool,
    abandoned: u64,
    failure: Option<Error>,
}

/// Clients without a connection.
#[derive(Default)]
struct Outage {
    down: u64,
    began_ns: u64,
    total_ns: u64,
    lost: u64,
    restarting: bool,
    /// When the server was last looked at, to be started again.
    looked_ns: u64,
}

/// Processor time at the two ends of the window.
#[derive(Default)]
struct CpuWindow {
    from: Option<Duration>,
    to: Option<Duration>,
}

impl<'a> Collector<'a> {
    pub fn new(
        shared: &'a Arc<Shared>,
        observer: &'a dyn LoadObserver,
        clock: Clock,
        workers: usize,
    ) -> Self {
        let names = shared.workload.transactions();
        let open = matches!(shared.plan.arrival, Arrival::Open(_));
        Self {
            shared,
            observer,
            clock,
            names,
            pending: BTreeMap::new(),
            handed_on: 0,
            reported: vec![Some(0); workers],
            transactions: names.iter().map(|name| TransactionReport::new(name, open)).collect(),
            errors: Vec::new(),
            retries: Vec::new(),
            tally: Tally::default(),
            ended_well: vec![0; shared.plan.clients as usize],
            outage: Outage::default(),
            cpu: CpuWindow::default(),
            interrupted: false,
            abandoned: 0,
            failure: None,
        }
    }

    /// Listens until every worker is done.
    pub async fn run(
        mut self,
        receiver: &mut UnboundedReceiver<Message>,
        stop: &Stop,
    ) -> LoadReport {
        while self.reported.iter().any(Option::is_some) {
            self.mark_cpu();
            if stop.is_requested() && !self.shared.is_ended() {
                self.interrupted = true;
                self.shared.end_at(self.clock.now_ns());
                self.event(Event::now("interrupted", "the end was asked for"));
            }
            let message = tokio::time::timeout(self.patience(), receiver.recv()).await;
            if let Ok(Some(message)) = message {
                self.take(message);
            }
            if self.outage.down > 0 && self.clock.now_ns() >= self.outage.looked_ns + LOOK_AGAIN_NS
            {
                self.restart_server();
            }
        }
        self.hand_on_seconds_before(u64::MAX);
        self.finish()
    }

    fn take(&mut self, message: Message) {
        match message {
            Message::Ready | Message::NotReady(_) | Message::Turn => {}
            Message::Flush { worker, second, done_until, intervals } => {
                for interval in intervals {
                    self.add(second, &interval);
                }
                self.reported[worker] = Some(done_until);
                let complete = self.reported.iter().flatten().copied().min().unwrap_or(0);
                self.hand_on_seconds_before(complete);
            }
            Message::Lost { at_ns, error } => self.lost(at_ns, &error),
            Message::Back { at_ns } => self.back(at_ns),
            Message::Restarted(restarted) => self.restarted(restarted),
            Message::Fatal(error) => self.fail(error),
            Message::Done { worker, abandoned, ended_well } => {
                self.reported[worker] = None;
                for (client, count) in ended_well {
                    self.ended_well[client as usize] = count;
                }
                self.abandon(&abandoned);
            }
        }
    }

    fn add(&mut self, second: u64, interval: &Interval) {
        let measured = interval.phase == Phase::Measure;
        add_to_tally(&mut self.tally, self.names, interval);
        self.events_of("error", second, &interval.errors);
        self.events_of("retry", second, &interval.retries);
        for (total, entry) in self.transactions.iter_mut().zip(&interval.types) {
            total.in_window += entry.in_window;
            if measured {
                total.add(entry);
            }
        }
        if measured {
            add_errors(&mut self.errors, self.names, &interval.errors);
            add_errors(&mut self.retries, self.names, &interval.retries);
        }
        let open = matches!(self.shared.plan.arrival, Arrival::Open(_));
        let pending = self
            .pending
            .entry((second, measured))
            .or_insert_with(|| vec![TypeInterval::new(open); self.names.len()]);
        for (sum, entry) in pending.iter_mut().zip(&interval.types) {
            sum.committed += entry.committed;
            sum.rolled_back += entry.rolled_back;
            sum.failed += entry.failed;
            sum.retries += entry.retries;
            merge(&mut sum.response_ns, &entry.response_ns);
        }
    }

    fn events_of(&mut self, kind: &'static str, second: u64, counts: &[ErrorCount]) {
        for count in counts {
            self.event(Event {
                at: self.clock.wall((second + 1) * NS_PER_SECOND),
                kind,
                transaction: self.names[count.transaction].to_owned(),
                class: count.class.name(),
                code: count.code.clone().unwrap_or_default(),
                count: count.count,
                detail: count.message.clone(),
            });
        }
    }

    /// Hands on every second before `complete`, in order; one in which nothing ended is a row too,
    /// for that is what a stall looks like.
    fn hand_on_seconds_before(&mut self, complete: u64) {
        let seen = self.pending.last_key_value().map_or(0, |((second, _), _)| second + 1);
        let until = if complete == u64::MAX { seen.max(self.handed_on) } else { complete };
        for second in self.handed_on..until {
            let phases =
                [false, true].map(|measured| (measured, self.pending.remove(&(second, measured))));
            let mut seconds = Vec::new();
            for (measured, types) in phases {
                seconds.extend(self.rows_of(second, measured, types.unwrap_or_default()));
            }
            if seconds.is_empty() {
                seconds.push(self.stalled(second));
            }
            if let Err(error) = self.observer.second(self.clock.began_at(), &seconds) {
                self.fail(error);
            }
        }
        self.handed_on = until;
    }

    fn rows_of(&self, second: u64, measured: bool, types: Vec<TypeInterval>) -> Vec<Second> {
        let told = |entry: &TypeInterval| {
            entry.committed + entry.rolled_back + entry.failed + entry.retries > 0
        };
        let types = self.names.iter().zip(types).filter(|(_, entry)| told(entry));
        types
            .map(|(name, entry)| Second {
                second,
                warmup: !measured,
                transaction: (*name).into(),
                completed: entry.committed + entry.rolled_back,
                errors: entry.failed,
                retries: entry.retries,
                response_ns: entry.response_ns,
            })
            .collect()
    }

    /// A second in which no transaction ended.
    fn stalled(&self, second: u64) -> Second {
        Second {
            second,
            warmup: (second + 1) * NS_PER_SECOND <= self.shared.measure_ns(),
            transaction: self.names.first().copied().unwrap_or_default().into(),
            completed: 0,
            errors: 0,
            retries: 0,
            response_ns: histogram(),
        }
    }

    fn lost(&mut self, at_ns: u64, error: &DbError) {
        self.outage.lost += u64::from(self.shared.in_window(at_ns));
        self.event(Event {
            at: self.clock.wall(at_ns),
            class: error.class.name(),
            code: error.code.clone().unwrap_or_default(),
            ..Event::now("connection_lost", error.message.clone())
        });
        if self.outage.down == 0 {
            self.outage.began_ns = at_ns;
            let event = Event::now("outage_started", "the first client lost its connection");
            self.event(Event { at: self.clock.wall(at_ns), ..event });
        }
        self.outage.down += 1;
    }

    fn back(&mut self, at_ns: u64) {
        self.outage.down = self.outage.down.saturating_sub(1);
        if self.outage.down == 0 {
            let lasted_ns = at_ns.saturating_sub(self.outage.began_ns);
            self.outage.total_ns += self.shared.within_window(self.outage.began_ns, at_ns);
            let detail =
                format!("every client has a connection again after {} ms", lasted_ns / 1_000_000);
            self.event(Event { at: self.clock.wall(at_ns), ..Event::now("outage_ended", detail) });
        }
    }

    /// Has a throwaway server that died started again, so that the run can go on; apart from this
    /// thread, for recovery takes its time. Clients may lose their connections before the system
    /// tells of the server's end, so the server is looked at until they are back.
    fn restart_server(&mut self) {
        if self.outage.restarting || self.shared.driver.server_control().is_none() {
            return;
        }
        self.outage.looked_ns = self.clock.now_ns();
        let shared = Arc::clone(self.shared);
        let spawned = std::thread::Builder::new().name("restart".to_owned()).spawn(move || {
            if let Some(control) = shared.driver.server_control() {
                let _ = shared.sender.send(Message::Restarted(control.ensure_running()));
            }
        });
        self.outage.restarting = spawned.is_ok();
    }

    fn restarted(&mut self, restarted: Result<bool>) {
        self.outage.restarting = false;
        match restarted {
            Ok(true) => {
                self.event(Event::now("server_restarted", "the throwaway server had died"));
            }
            Ok(false) => {}
            Err(error) => self.fail(error),
        }
    }

    /// Counts transactions that never ended as errors of the present second.
    fn abandon(&mut self, abandoned: &[usize]) {
        let second = (self.clock.now_ns() / NS_PER_SECOND).max(self.handed_on);
        let open = matches!(self.shared.plan.arrival, Arrival::Open(_));
        for transaction in abandoned {
            self.abandoned += 1;
            let mut interval = Interval::new(Phase::Measure, self.names.len(), open);
            interval.types[*transaction].failed = 1;
            interval.types[*transaction].unknown = 1;
            interval.errors.push(ErrorCount {
                transaction: *transaction,
                class: ErrorClass::Disconnected,
                code: Some("abandoned".to_owned()),
                count: 1,
                message: "it had not ended when the drain limit passed".to_owned(),
            });
            self.add(second, &interval);
        }
    }

    fn event(&mut self, event: Event) {
        if let Err(error) = self.observer.event(&event) {
            self.fail(error);
        }
    }

    /// Ends the load for a reason that makes it worthless; the first is what is told.
    fn fail(&mut self, error: Error) {
        self.shared.end_at(self.clock.now_ns());
        self.failure.get_or_insert(error);
    }

    fn mark_cpu(&mut self) {
        let now_ns = self.clock.now_ns();
        if self.cpu.from.is_none() && now_ns >= self.shared.measure_ns() {
            self.cpu.from = Some(cpu_time());
        }
        if self.cpu.to.is_none() && now_ns >= self.shared.end_ns() {
            self.cpu.to = Some(cpu_time());
        }
    }

    /// How long to listen before the processor time is to be marked or a stop looked for.
    fn patience(&self) -> Duration {
        let now_ns = self.clock.now_ns();
        [self.shared.measure_ns(), self.shared.end_ns()]
            .into_iter()
            .filter(|mark| *mark > now_ns)
            .map(|mark| Duration::from_nanos(mark - now_ns))
            .fold(PATIENCE, Duration::min)
    }

    fn finish(mut self) -> LoadReport {
        let ended_ns = match self.shared.plan.length {
            Length::Transactions(_) if !self.interrupted && self.failure.is_none() => {
                self.clock.now_ns()
            }
            _ => self.shared.end_ns(),
        };
        if self.outage.down > 0 {
            self.outage.total_ns += self.shared.within_window(self.outage.began_ns, ended_ns);
        }
        let window_ns = ended_ns.saturating_sub(self.shared.measure_ns());
        let cpu_to = self.cpu.to.unwrap_or_else(cpu_time);
        LoadReport {
            began_at: self.clock.began_at(),
            began: self.clock.began(),
            window: Duration::from_nanos(window_ns),
            transactions: self.transactions,
            errors: self.errors,
            retries: self.retries,
            tally: self.tally,
            ended_well: self.ended_well,
            client_cpu: cpu_to.saturating_sub(self.cpu.from.unwrap_or(cpu_to)),
            interrupted: self.interrupted,
            connections_lost: self.outage.lost,
            outage: Duration::from_nanos(self.outage.total_ns),
            unstarted_ns: self.shared.unstarted(),
            abandoned: self.abandoned,
            failure: self.failure,
        }
    }
}
