//! Writes a made-up run with very many rows, to see what reading one takes (`docs/performance.md`):
//! `cargo run --release -p dbdyno-results --example many_rows -- FOLDER RUN ROWS`.
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
const ENGINES: [&str; 2] = ["postgres", "mariadb"];

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [folder, run, rows] = &arguments[..] else {
        return Err(Error::new(
            "write a made-up run",
            "give a folder, a name and a number of rows",
        ));
    };
    let rows: usize = rows.parse().map_err(|why| Error::new("read the number of rows", why))?;
    let folder = RunFolder::create(Path::new(folder), run)?;
    let outcome = Some("done".to_owned());
    folder.write_run_toml(&RunInfo { machine: machine(), outcome, ..RunInfo::default() })?;
    let mut rng = Rng::new(rows as u64, &[run.len() as u64]);
    let mut left = rows;
    for clients in 1.. {
        for repetition in 1..=REPETITIONS {
            for engine in ENGINES {
                let measured = measured(&mut rng);
                let some = &measured[..measured.len().min(left)];
                folder.measurements(&case(engine, clients, repetition), some)?;
                left -= some.len();
                if left == 0 {
                    return Ok(());
                }
            }
        }
    }
    Ok(())
}

fn case(engine: &str, clients: u32, repetition: u32) -> Case {
    Case {
        suite: "oltp".to_owned(),
        benchmark: "tpcc".to_owned(),
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
    let mut rows = Vec::new();
    for transaction in ["", "new_order", "payment"] {
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
    }
    let checks = (1..=12).map(|number| format!("check_tpcc_3_3_2_{number}"));
    rows.extend(checks.map(|name| Measurement::new(name, 1.0, "1", Better::Higher)));
    rows
}
