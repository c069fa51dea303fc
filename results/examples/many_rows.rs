//! Writes a made-up run with very many rows, to see what reading one takes (`docs/performance.md`):
//! `cargo run --release -p dbdyno-results --example many_rows -- FOLDER RUN ROWS [small]`.
#![allow(missing_docs, reason = "an example documents itself")]

use std::path::Path;

use dbdyno_core::random::Rng;
use dbdyno_core::schema::Keys;
use dbdyno_core::{
    Better, Cache, Case, Durability, Error, Isolation, Measurement, Recorder as _, Result, Scale,
    StatementForm,
};
use dbdyno_results::{RunFolder, RunInfo, machine};

const REPETITIONS: u32 = 10;
/// How many benchmarks there are of small cases.
const BENCHMARKS: u32 = 150;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (folder, run, rows, are_small) = match &arguments[..] {
        [folder, run, rows] => (folder, run, rows, false),
        [folder, run, rows, small] if small == "small" => (folder, run, rows, true),
        _ => {
            let why = "give a folder, a name, a number of rows, and `small` for small cases";
            return Err(Error::new("write a made-up run", why));
        }
    };
    let rows: usize = rows.parse().map_err(|why| Error::new("read the number of rows", why))?;
    let folder = RunFolder::create(Path::new(folder), run)?;
    let outcome = Some("done".to_owned());
    folder.write_run_toml(&RunInfo { machine: machine(), outcome, ..RunInfo::default() })?;
    let mut rng = Rng::new(rows as u64, &[run.len() as u64]);
    let mut left = rows;
    let cases: Box<dyn Iterator<Item = Case>> =
        if are_small { Box::new(small_cases()) } else { Box::new(large_cases()) };
    for case in cases {
        let measured = if are_small { measured_small(&mut rng) } else { measured(&mut rng) };
        folder.measurements(&case, &measured)?;
        // The last repetition is whole.
        match left.checked_sub(measured.len()) {
            Some(0) | None => break,
            Some(more) => left = more,
        }
    }
    Ok(())
}

/// One benchmark on two engines, by ever more clients.
fn large_cases() -> impl Iterator<Item = Case> {
    let each = |clients| {
        let of = move |engine, repetition| case(engine, "tpcc".to_owned(), clients, repetition);
        (1..=REPETITIONS).flat_map(move |repetition| {
            ["postgres", "mariadb"].map(|engine| of(engine, repetition))
        })
    };
    (1..).flat_map(each)
}

/// Many benchmarks on three engines, repeated ever more often.
fn small_cases() -> impl Iterator<Item = Case> {
    let each = |repetition| {
        let of = move |engine, name| case(engine, name, 8, repetition);
        (1..=BENCHMARKS).flat_map(move |benchmark| {
            ["postgres", "mariadb", "sqlite"]
                .map(|engine| of(engine, format!("script-{benchmark}")))
        })
    };
    (1..).flat_map(each)
}

fn case(engine: &str, benchmark: String, clients: u32, repetition: u32) -> Case {
    Case {
        suite: "oltp".to_owned(),
        benchmark,
        engine: engine.to_owned(),
        engine_version: "15.18".to_owned(),
        driver: format!("{engine}-protocol"),
        target: engine.to_owned(),
        isolation: Isolation::ReadCommitted,
        durability: Durability::Full,
        clients,
        streams: 0,
        rate: None,
        statements: StatementForm::Portable,
        pipeline: false,
        keys: Keys::default(),
        cache: Cache::default(),
        scale: Scale::ONE,
        seed: 1,
        repetition,
    }
}

/// The rows of one repetition: those of a case as a whole and of two transaction types, and its checks.
fn measured(rng: &mut Rng) -> Vec<Measurement> {
    let parts = ["", "new_order", "payment"].into_iter();
    let mut rows: Vec<_> = parts.flat_map(|transaction| of_load(transaction, rng)).collect();
    rows.extend(checks(12));
    rows
}

/// Those of a case as a whole, and its checks.
fn measured_small(rng: &mut Rng) -> Vec<Measurement> {
    let mut rows = of_load("", rng);
    rows.extend(checks(6));
    rows
}

fn of_load(transaction: &str, rng: &mut Rng) -> Vec<Measurement> {
    let mut rows = Vec::new();
    let mut add = |metric: &str, value: f64, unit, better| {
        rows.push(Measurement::new(metric, value, unit, better).of(transaction));
    };
    let noise = 1.0 + rng.unit() / 20.0;
    add("throughput", 1_000.0 * noise, "1/s", Better::Higher);
    for (name, us) in
        [("mean", 9e2), ("p50", 8e2), ("p95", 2e3), ("p99", 4e3), ("p999", 9e3), ("max", 2e4)]
    {
        add(&format!("latency_{name}_us"), us * (1.0 + rng.unit() / 10.0), "us", Better::Lower);
    }
    for count in ["transactions", "rollbacks", "errors", "retries"] {
        add(count, 0.0, "1", Better::Lower);
    }
    rows
}

fn checks(count: u32) -> impl Iterator<Item = Measurement> {
    let names = (1..=count).map(|number| format!("check_tpcc_3_3_2_{number}"));
    names.map(|name| Measurement::new(name, 1.0, "1", Better::Higher))
}
