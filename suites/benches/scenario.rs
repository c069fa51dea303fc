//! What a script costs beside the built-in benchmark with the same statements, when the engine costs
//! nothing: `cargo bench -p dbdyno-suites` prints nanoseconds per transaction, and first of all how
//! many allocations a transaction makes.

#![allow(clippy::unwrap_used, reason = "a benchmark fails by panicking")]

#[path = "../../core/benches/counting.rs"]
mod counting;
#[path = "../../core/benches/null.rs"]
#[allow(dead_code, reason = "its workload is for the load path itself")]
mod null;

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use dbdyno_core::load::{Arrival, Length, LoadPlan, LoadReport, RetryPolicy, Workload, run_load};
use dbdyno_core::{Driver, SessionOptions, Stop};
use dbdyno_suites::oltp;
use dbdyno_suites::scenario::{Request, Scenario};
use dbdyno_suites::{State, WorkloadContext};

use null::{NullDriver, Silent};

/// Transactions whose allocations are counted.
const COUNTED: u64 = 100_000;

/// The same transaction, built in and as a script.
fn workloads() -> [(&'static str, Arc<dyn Workload>); 2] {
    let context = WorkloadContext::default();
    let request = Request { files: vec!["builtin:tpcb-like".to_owned()], ..Request::default() };
    let scenario = Scenario::open(&request, &[]).unwrap();
    let all = oltp::benchmarks();
    let tpcb = all.iter().find(|benchmark| benchmark.name() == "tpcb").unwrap();
    let built_in = tpcb.procedure().load().unwrap().workload(&context, &State::default());
    [("oltp/tpcb", built_in), ("scenario/tpcb-like", scenario.workload(&context).unwrap())]
}

fn run(workload: &Arc<dyn Workload>, transactions: u64) -> LoadReport {
    let driver: Arc<dyn Driver> = Arc::new(NullDriver);
    let plan = LoadPlan {
        clients: 1,
        warmup: Duration::ZERO,
        length: Length::Transactions(transactions),
        arrival: Arrival::Closed,
        retry: RetryPolicy::default(),
        seed: 1,
        repetition: 1,
        reconnect_limit: Duration::from_secs(1),
        drain_limit: Duration::from_secs(1),
    };
    run_load(&driver, workload, SessionOptions::default(), plan, &Silent, &Stop::default()).unwrap()
}

fn transactions(criterion: &mut Criterion) {
    let workloads = workloads();
    for (name, workload) in &workloads {
        println!("allocations per transaction, {name}: {:.3}", allocations(workload));
    }
    let mut group = criterion.benchmark_group("transaction");
    group.throughput(Throughput::Elements(1));
    for (name, workload) in &workloads {
        group.bench_function(*name, |bencher| {
            bencher.iter_custom(|transactions| {
                let began = Instant::now();
                black_box(run(workload, transactions));
                began.elapsed()
            });
        });
    }
    group.finish();
}

/// The difference of two runs leaves out what a run needs once.
fn allocations(workload: &Arc<dyn Workload>) -> f64 {
    let count = |transactions| {
        let before = counting::allocations();
        run(workload, transactions);
        counting::allocations() - before
    };
    let (few, many) = (count(COUNTED), count(2 * COUNTED));
    many.saturating_sub(few) as f64 / COUNTED as f64
}

criterion_group! {
    name = scenario;
    config = Criterion::default()
        .warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(3));
    targets = transactions
}
criterion_main!(scenario);
