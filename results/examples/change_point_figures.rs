//! How good change points are, on series of known truth: the figures of `docs/history.md`, in half a minute.
//! `cargo run --release -p dbdyno-results --example change_point_figures`.
#![allow(missing_docs, reason = "an example documents itself")]

use dbdyno_results::statistics::change_points::{Strictness, change_points};
use dbdyno_results::statistics::drift::is_drift;
use made_up::{count, series, stalling};

#[path = "../src/statistics/change_points/made_up.rs"]
mod made_up;

/// Every change counts, however small; the command counts changes from 5 % on.
const STRICT: Strictness = Strictness { level: 0.005, least: 0.0 };

fn main() {
    let changes = |values: &[f64]| !change_points(values, STRICT).is_empty();
    for (size, series_of) in
        [(12, 1000), (20, 1000), (40, 1000), (60, 1000), (120, 300), (300, 300)]
    {
        let bells = count(0..series_of, |seed| changes(&series(seed, size, |_| 0.0)));
        let tails = count(0..series_of, |seed| changes(&stalling(seed, size)));
        println!("noise, {size} runs: bells {bells}, tails {tails} of {series_of}");
    }
    for (after, steps) in
        [(30, &[2.0][..]), (10, &[2.0, 3.0, 4.0]), (3, &[2.0, 3.0, 4.0, 6.0]), (2, &[6.0, 20.0])]
    {
        for &step in steps {
            let made = |seed| series(seed, 30 + after, |at| if at < 30 { 0.0 } else { step });
            let found = count(0..200, |seed| changes(&made(seed)));
            let near = count(0..200, |seed| {
                change_points(&made(seed), STRICT).iter().any(|change| change.at.abs_diff(30) <= 3)
            });
            println!("a step of {step}, {after} runs after it: {found} found, {near} near, of 200");
        }
    }
    let drifts = |seed| series(seed, 60, |at| at as f64 / 15.0);
    let found = count(0..100, |seed| changes(&drifts(seed)));
    let named = count(0..100, |seed| {
        let values = drifts(seed);
        let found = change_points(&values, STRICT);
        found.iter().any(|one| is_drift(&values[one.before.clone()], &values[one.after.clone()]))
    });
    println!("a drift of 4: {found} found, {named} called one, of 100");
}
