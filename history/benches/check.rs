//! Reading and checking a history of a million transactions of about four operations, lists of up to 64
//! elements, on one core.
//!
//! `DBDYNO_HISTORY_TRANSACTIONS=10000 cargo bench -p dbdyno-history` is a quick look. What memory a check
//! takes is seen from outside (`docs/performance.md`).

#![allow(clippy::unwrap_used, reason = "a benchmark fails by panicking")]

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use dbdyno_history::testing::{Behaviour, Simulation};
use dbdyno_history::{
    Attempt, CheckOptions, ClientLog, History, Kind, Outcome, ReadOptions, check,
};

fn transactions() -> u64 {
    let given = std::env::var("DBDYNO_HISTORY_TRANSACTIONS");
    given.map_or(1_000_000, |text| text.parse().unwrap())
}

fn write(path: &Path, simulation: &Simulation) {
    let mut file = BufWriter::new(File::create(path).unwrap());
    simulation.run(&mut |line| file.write_all(line).unwrap());
    file.flush().unwrap();
}

fn histories(criterion: &mut Criterion) {
    let transactions = transactions();
    let folder = tempfile::tempdir().unwrap();
    let mut group = criterion.benchmark_group("history");
    group.throughput(Throughput::Elements(transactions)).sample_size(10);
    for (name, kind, behaviour) in [
        ("list-append, nothing to find", Kind::ListAppend, Behaviour::Serializable),
        ("list-append, write skew", Kind::ListAppend, Behaviour::Snapshot),
        ("list-append, read committed", Kind::ListAppend, Behaviour::ReadCommitted),
        ("rw-register, nothing to find", Kind::RwRegister, Behaviour::Serializable),
    ] {
        let path = folder.path().join("history.edn");
        write(&path, &Simulation { kind, behaviour, transactions, ..Simulation::LARGE });
        let read = || History::read(&path, &ReadOptions::default()).unwrap();
        group.bench_function(format!("read, {name}"), |bencher| bencher.iter_with_large_drop(read));
        let history = read();
        for (orders, is_on) in [("data", false), ("sessions and real time", true)] {
            let options =
                CheckOptions { session_order: is_on, real_time: is_on, ..CheckOptions::default() };
            group.bench_function(format!("check, {orders}, {name}"), |bencher| {
                bencher.iter(|| check(&history, &options));
            });
        }
    }
    group.finish();
}

/// What it costs a client to record a transaction: two lines, four operations, a list of 30.
fn recording(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().unwrap();
    let mut group = criterion.benchmark_group("record");
    group.throughput(Throughput::Elements(1_000));
    group.bench_function("a thousand transactions", |bencher| {
        let mut attempt = Attempt::default();
        let mut value = 0;
        bencher.iter_batched_ref(
            || ClientLog::create(folder.path().join("log"), 0, 1).unwrap(),
            |log| {
                for _ in 0..1_000 {
                    value += 1;
                    attempt.clear();
                    attempt.append(1, value);
                    attempt.append(2, value);
                    let (list, other) = (attempt.read(3), attempt.read(4));
                    log.invoke(value as u64, &attempt);
                    attempt.answer_list(list, value..value + 30);
                    attempt.answer_list(other, []);
                    log.complete(value as u64, Outcome::Committed, &attempt);
                }
            },
            BatchSize::PerIteration,
        );
    });
    group.finish();
}

criterion_group!(benches, histories, recording);
criterion_main!(benches);
