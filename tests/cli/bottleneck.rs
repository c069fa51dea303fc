//! Whether the client was the bottleneck, of loads in which that is known; and what sampling takes.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;

use dbdyno_tests::left_out;

use crate::desk::{Desk, code, err, out};

/// The verdict on a load of one client that runs a script: its row's value and detail, and what a run and a
/// comparison say on the screen.
fn verdict(script: &str) -> (f64, String, String) {
    let desk = Desk::new();
    fs::write(desk.path("known.sql"), script).unwrap();
    let run = ["run", "scenario", "--file", "known.sql", "--target", "postgres", "--clients", "1"];
    // What a load of some seconds at least is asked for.
    let output = desk.dbdyno(&[&run[..], &["--warmup", "0", "--duration", "5s"]].concat());
    assert_eq!(code(&output), 0, "{}", err(&output));
    let records = desk.records();
    let mut rows = records.into_iter().filter(|row| row.metric == "client_bottleneck");
    let row = rows.next().expect("a verdict");
    assert!(rows.next().is_none());
    let run = desk.runs()[0].display().to_string();
    let compared = desk.dbdyno(&["compare", &run, "--by", "isolation"]);
    (row.value.unwrap(), row.detail.to_string(), err(&output) + &out(&compared))
}

const SAID: &str =
    "the client, not the server, was the bottleneck: a thread of dbdyno's clients ran";

/// A client that has to work out a number in thousands of steps before each statement, of which there is hardly one.
#[test]
fn a_client_that_has_too_much_to_do_is_the_bottleneck() {
    if left_out("postgres") {
        return;
    }
    let mut script = "\\set x random(1, 1000000)\n".to_owned();
    // So many that waiting for a server which others keep from its processor is little beside them.
    for _ in 0..100_000 {
        script.push_str("\\set x (:x * 1103515245 + 12345) % 2147483648\n");
    }
    writeln!(script, "SELECT :x;").unwrap();
    let (value, detail, screen) = verdict(&script);
    assert_eq!(value, 1.0, "{detail}\n{screen}");
    assert!(detail.starts_with(SAID), "{detail}");
    assert!(screen.contains(&format!("! {SAID}")), "{screen}");
    assert!(
        screen.contains("the client, not the server, was the bottleneck in 1 of 1 load"),
        "{screen}"
    );
}

#[test]
fn a_client_that_waits_for_its_server_is_not() {
    if left_out("postgres") {
        return;
    }
    let (value, detail, screen) = verdict("SELECT count(*) FROM generate_series(1, 200000);\n");
    assert_eq!((value, detail.as_str()), (0.0, ""));
    assert!(!screen.contains("the bottleneck"), "{screen}");
}

/// There is one sample in a second: of two in such a load one is taken as it begins, and one shortly before its end, which a
/// busy machine may come to too late.
#[test]
fn a_load_of_less_than_a_second_has_a_verdict() {
    if left_out("postgres") {
        return;
    }
    let desk = Desk::new();
    let run = ["run", "oltp/point-select", "--target", "postgres", "--clients", "1"];
    let short = ["--warmup", "100ms", "--duration", "600ms", "--repetitions", "8"];
    let output = desk.dbdyno(&[&run[..], &short].concat());
    assert_eq!(code(&output), 0, "{}", err(&output));
    let records = desk.records();
    let of = |metric: &str| records.iter().filter(|row| row.metric == metric).count();
    assert!(of("client_bottleneck") > 0 && of("server_processors") > 0);
}

/// Processor time, which others on the machine use none of.
#[test]
fn sampling_takes_less_than_a_hundredth_of_the_processors() {
    let desk = Desk::new();
    let engines = ["postgres", "mariadb", "sqlite"].into_iter().filter(|engine| !left_out(engine));
    let targets = engines.flat_map(|engine| ["--target", engine]);
    let mut arguments = vec!["monitor", "--duration", "15s", "--quiet"];
    arguments.extend(targets);
    let output = desk.dbdyno(&arguments);
    assert_eq!(code(&output), 0, "{}", err(&output));
    let mut reader = csv::Reader::from_path(desk.runs()[0].join("metrics.csv")).unwrap();
    // By source and target, the moments and values.
    let mut used: BTreeMap<(String, String), Vec<(String, f64)>> = BTreeMap::new();
    let mut processors = 0.0;
    for row in reader.records() {
        let row = row.unwrap();
        let value: f64 = row[7].parse().unwrap();
        match &row[4] {
            "cpu_s" => {
                let of = (row[2].to_owned(), row[3].to_owned());
                used.entry(of).or_default().push((row[1].to_owned(), value));
            }
            "processors" => processors = value,
            _ => {}
        }
    }
    // The first sample opens sessions, and servers have just begun: some seconds later they are at rest.
    let grown = |values: &[(String, f64)]| {
        let (first, last) = (&values[3], values.last().unwrap());
        (values.len() - 4, last.1 - first.1)
    };
    let client = grown(&used[&("client".to_owned(), String::new())]);
    assert!(client.0 >= 8, "{used:?}");
    let per_second = |(samples, seconds): (usize, f64)| seconds / samples as f64;
    assert!(per_second(client) < 0.01, "of a processor: {used:?}");
    let all: f64 = used.values().map(|values| per_second(grown(values))).sum();
    assert!(all < 0.01 * processors, "of {processors} processors: {used:?}");
}
