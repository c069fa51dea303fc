//! The cost of the load path itself: what a transaction costs when the engine costs nothing.
//!
//! `cargo bench -p dbdyno-core` prints nanoseconds per transaction, and first of all how many
//! allocations a transaction makes.

#![allow(clippy::unwrap_used, reason = "a benchmark fails by panicking")]

mod counting;
mod null;

use std::hint::black_box;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use dbdyno_core::load::{
    Arrival, Arrivals, Length, LoadPlan, LoadReport, OpenLoop, RetryPolicy, Spacing, Workload,
    run_load,
};
use dbdyno_core::random::Rng;
use dbdyno_core::{Driver, Session, SessionOptions, Steps, Stop, Value};
use hdrhistogram::Histogram;

use null::{NullDriver, NullSession, NullWorkload, Silent};

/// Statements of a transaction, between its `begin` and `commit`.
const STATEMENTS: usize = 5;
/// Transactions whose allocations are counted.
const COUNTED: u64 = 200_000;

fn run(arrival: Arrival, transactions: u64, clients: u32, statements: usize) -> LoadReport {
    let driver: Arc<dyn Driver> = Arc::new(NullDriver);
    let workload: Arc<dyn Workload> = Arc::new(NullWorkload::new(statements));
    let plan = LoadPlan {
        clients,
        warmup: Duration::ZERO,
        length: Length::Transactions(transactions),
        arrival,
        retry: RetryPolicy::default(),
        seed: 1,
        repetition: 1,
        reconnect_limit: Duration::from_secs(1),
        drain_limit: Duration::from_secs(1),
    };
    run_load(&driver, &workload, SessionOptions::default(), plan, &Silent, &Stop::default())
        .unwrap()
}

/// An arrival is always due: what is measured is the schedule, not the waiting.
fn always_due(spacing: Spacing) -> Arrival {
    Arrival::Open(OpenLoop { rate: 1e9, spacing, latency_limit: None })
}

fn transactions(criterion: &mut Criterion) {
    count_allocations();
    let mut group = criterion.benchmark_group("transaction");
    group.throughput(Throughput::Elements(1));
    for (name, arrival, statements) in [
        ("closed loop, 1 statement", Arrival::Closed, 0),
        ("closed loop, begin + 5 statements + commit", Arrival::Closed, STATEMENTS),
        ("open loop (Poisson), 1 statement", always_due(Spacing::Poisson), 0),
    ] {
        group.bench_function(name, |bencher| {
            bencher.iter_custom(|transactions| {
                let began = Instant::now();
                black_box(run(arrival, transactions, 1, statements));
                began.elapsed()
            });
        });
    }
    group.finish();
}

/// The difference of two runs leaves out what a run needs once.
fn count_allocations() {
    for (name, statements) in [("1 statement", 0), ("begin + 5 statements + commit", STATEMENTS)] {
        let count = |transactions| {
            let before = counting::allocations();
            run(Arrival::Closed, transactions, 1, statements);
            counting::allocations() - before
        };
        let (few, many) = (count(COUNTED), count(2 * COUNTED));
        let each = many.saturating_sub(few) as f64 / COUNTED as f64;
        println!("allocations per transaction, {name}: {each:.3}");
    }
}

fn parts(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("part");
    group.bench_function("histogram: record a latency", |bencher| {
        let mut histogram = Histogram::<u64>::new(3).unwrap();
        let mut rng = Rng::new(1, &[]);
        bencher.iter(|| histogram.record(rng.below(10_000_000)).unwrap());
    });
    group.bench_function("histogram: begin a second's", |bencher| {
        bencher.iter(|| {
            let mut histogram = Histogram::<u64>::new(3).unwrap();
            histogram.record(black_box(20_000_000)).unwrap();
            histogram
        });
    });
    for (name, spacing) in [("uniform", Spacing::Uniform), ("Poisson", Spacing::Poisson)] {
        group.bench_function(format!("schedule: next arrival, {name}"), |bencher| {
            let open = OpenLoop { rate: 1e6, spacing, latency_limit: None };
            let mut arrivals = Arrivals::new(&open, Rng::new(1, &[]));
            bencher.iter(|| arrivals.take());
        });
    }
    group.bench_function("dispatch: a step through dyn Session", |bencher| {
        let mut session: Box<dyn Session> = black_box(Box::new(NullSession::default()));
        let mut context = Context::from_waker(Waker::noop());
        bencher.iter(|| {
            let params = [Value::Int(black_box(17))];
            let mut steps = Steps::new(&mut *session);
            let mut step = std::pin::pin!(steps.execute(0, &params, |_| Ok(())));
            match step.as_mut().poll(&mut context) {
                Poll::Ready(answer) => answer.unwrap(),
                Poll::Pending => unreachable!("the session answers at once"),
            }
        });
    });
    group.finish();
}

criterion_group! {
    name = load_path;
    config = Criterion::default()
        .warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(3));
    targets = transactions, parts
}
criterion_main!(load_path);
