#![allow(clippy::unwrap_used, reason = "a failed set-up fails the test")]

use dbdyno_core::{Better, Case, Measurement, Status};

use crate::fixture::{case, record, without_number};
use crate::record::Record;
use crate::report::digest::digest;
use crate::report::summary::{headlines, legend, table};

/// Rows of each repetition: part, metric, numbers of the repetitions, unit, direction.
type Rows<'r> = &'r [(&'r str, &'r str, &'r [f64], &'static str, Better)];

fn of(suite: &str, benchmark: &str, engine: &str, rows: Rows<'_>) -> Vec<Record> {
    let mut records = Vec::new();
    for (part, metric, values, unit, better) in rows {
        for (repetition, value) in (1..).zip(*values) {
            let suite = suite.to_owned();
            let case = Case { suite, repetition, ..case(benchmark, engine) };
            let row = Measurement::new(*metric, *value, unit, *better).of(*part);
            records.push(record("r1", &case, &row));
        }
    }
    records
}

fn unsupported(suite: &str, benchmark: &str, engine: &str) -> Vec<Record> {
    let case = Case { suite: suite.to_owned(), ..case(benchmark, engine) };
    vec![record("r1", &case, &without_number(Status::Unsupported, "it has none"))]
}

/// A row for each benchmark, and what is said of all below them.
fn told(records: &[Record]) -> String {
    let headlines = headlines(records, None);
    format!("{}\n{}", table(&headlines.rows), legend(&headlines))
}

#[test]
fn a_backup_is_told_by_the_method_that_took_least_and_is_whole() {
    let seconds = |name, of: &'static [f64]| (name, "backup_s", of, "s", Better::Lower);
    let ready = |name, of: &'static [f64]| (name, "restore_ready_s", of, "s", Better::Lower);
    let rows = [
        of(
            "backup",
            "idle",
            "sqlite",
            &[
                seconds("copy", &[2.0, 2.0]),
                ready("copy", &[6.0, 6.0]),
                seconds("dump", &[3.0, 1.5]),
            ],
        ),
        of(
            "backup",
            "idle",
            "mariadb",
            &[
                // The first has no number of the time to restore, and the second is no whole one.
                seconds("snapshot", &[0.1, 0.1]),
                seconds("copy-incremental", &[0.2, 0.2]),
                ready("copy-incremental", &[0.2, 0.2]),
                seconds("copy", &[8.0, 8.0]),
                ready("copy", &[3.0, 3.0]),
            ],
        ),
    ];
    let text = told(&rows.concat());
    assert!(text.contains("| sqlite (copy): 2.00 s to back up | mariadb (copy) 4.00x |"), "{text}");
    assert!(text.contains("| mariadb (copy): 3.00 s to restore | sqlite (copy) 2.00x |"), "{text}");
    assert!(text.contains("In brackets stands the part"), "{text}");
}

#[test]
fn replication_is_told_by_the_worst_replica_of_the_best_topology() {
    let lag = |name, of: &'static [f64]| (name, "visible_p99_us", of, "us", Better::Lower);
    let throughput = |name, of: &'static [f64]| (name, "throughput", of, "1/s", Better::Higher);
    let share = |name, of: &'static [f64]| (name, "throughput_ratio", of, "1", Better::Higher);
    let rows = [
        of(
            "replication",
            "tpcb",
            "postgres",
            &[
                lag("two/replica-1", &[100.0]),
                lag("two/replica-2", &[9_000.0]),
                lag("one/replica-1", &[500.0]),
                throughput("none", &[5_000.0]),
                throughput("one", &[900.0]),
                share("one", &[0.18]),
            ],
        ),
        of(
            "replication",
            "tpcb",
            "mariadb",
            &[
                lag("async/replica-1", &[1_000.0]),
                throughput("async", &[1_000.0]),
                share("async", &[0.5]),
            ],
        ),
    ];
    let text = told(&rows.concat());
    assert!(
        text.contains("| postgres (one): 0.500 ms lag p99 | mariadb (async) 2.00x |"),
        "{text}"
    );
    assert!(text.contains("| mariadb (async): 1,000 tx/s | postgres (one) 0.90x |"), "{text}");
}

#[test]
fn a_pool_is_told_at_the_size_that_is_advised_and_not_without_one() {
    let throughput = |name, of: &'static [f64]| (name, "throughput", of, "1/s", Better::Higher);
    let pool = |engine: &str, numbers: [&'static [f64]; 4]| {
        let names = ["direct", "deadpool-2", "deadpool-4", "deadpool-8"];
        let rows: Vec<_> =
            names.into_iter().zip(numbers).map(|(name, of)| throughput(name, of)).collect();
        of("pool", "tpcb", engine, &rows)
    };
    let rows = [
        pool("postgres", [&[9_000.0], &[500.0], &[990.0], &[1_000.0]]),
        pool("sqlite", [&[10.0], &[100.0], &[200.0], &[495.0]]),
    ];
    let text = told(&rows.concat());
    assert!(
        text.contains("| postgres (deadpool-4): 990 tx/s | sqlite (deadpool-8) 0.50x |"),
        "{text}"
    );
}

#[test]
fn what_is_gained_is_told_as_it_is_of_the_benchmarks_that_all_have() {
    let gain = |benchmark: &str, engine: &str, number: &'static [f64]| {
        of("index", benchmark, engine, &[("", "read_speedup", number, "1", Better::Higher)])
    };
    let mut records = Vec::new();
    for (place, name) in ["a", "b", "c", "d", "e", "f", "g", "h", "i"].into_iter().enumerate() {
        records.extend(gain(
            name,
            "sqlite",
            if place == 0 { &[400.0, 400.0] } else { &[100.0, 100.0] },
        ));
        records.extend(match place {
            0 => unsupported("index", name, "mariadb"),
            1 => gain(name, "mariadb", &[200.0, 200.0]),
            _ => gain(name, "mariadb", &[50.0, 50.0]),
        });
        records.extend(gain(name, "postgres", &[10.0, 10.0]));
    }
    let text = told(&records);
    let first =
        "| sqlite: 400x read speed-up by the index | postgres 10.0x<br>mariadb unsupported |";
    assert!(text.contains(first), "{text}");
    let text = digest(&headlines(&records, None).rows);
    let of_all = "| index | sqlite, in 8 of 9<br>100x (100x to 100x) | mariadb 59.5x (50.0x to 200x), best in \
                  1<br>postgres 10.0x (10.0x to 10.0x) | 2 rounds: too few to show it | read speed-up by the index |";
    assert!(text.contains(of_all), "{text}");
}

#[test]
fn numbers_of_a_part_whose_client_was_the_bottleneck_are_marked() {
    let rows = |engine: &str, bound: &'static [f64]| {
        let numbers: Rows<'_> = &[
            ("async", "visible_p99_us", &[9_000.0, 9_000.0], "us", Better::Lower),
            ("none", "client_bottleneck", &[1.0, 1.0], "1", Better::Neither),
            ("async", "client_bottleneck", bound, "1", Better::Neither),
        ];
        of("replication", "tpcb", engine, numbers)
    };
    let text = told(&[rows("postgres", &[0.0, 0.0]), rows("mariadb", &[0.0, 0.0])].concat());
    assert!(!text.contains('!'), "{text}");
    let text = told(&[rows("postgres", &[0.0, 1.0]), rows("mariadb", &[0.0, 0.0])].concat());
    assert!(text.contains("9.00! ms lag p99"), "{text}");
    assert!(text.contains("! stands where the client, not the server, was"), "{text}");
}
