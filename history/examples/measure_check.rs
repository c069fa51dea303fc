//! Reads and checks a history, and prints how long that took and how much memory at most:
//!
//! ```sh
//! cargo run --release -p dbdyno-history --example measure_check -- FILE [data]
//! ```
//!
//! With `data`, sessions and real time are not looked at.

use std::error::Error;
use std::fs;
use std::time::Instant;

use dbdyno_history::{CheckOptions, History, ReadOptions, check};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().ok_or("expected a history")?;
    let with_time = arguments.next().is_none();
    let options =
        CheckOptions { session_order: with_time, real_time: with_time, ..CheckOptions::default() };
    let start = Instant::now();
    let history = History::read(path.as_ref(), &ReadOptions::default())?;
    let read = start.elapsed();
    let verdict = check(&history, &options);
    let all = start.elapsed();
    let classes: Vec<&str> = verdict.found.iter().map(|found| found.class.name()).collect();
    println!(
        "{} transactions, {} operations: read in {:.2} s, checked in {:.2} s; found [{}], gave up [{}]",
        history.len(),
        history.operations(),
        read.as_secs_f64(),
        (all - read).as_secs_f64(),
        classes.join(", "),
        verdict.search_ended_early.iter().map(|class| class.name()).collect::<Vec<_>>().join(", ")
    );
    // Linux only; elsewhere time(1) tells.
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    if let Some(peak) = status.lines().find_map(|line| line.strip_prefix("VmHWM:")) {
        println!(
            "peak memory {}, of a file of {} kB",
            peak.trim(),
            fs::metadata(&path)?.len() / 1000
        );
    }
    Ok(())
}
