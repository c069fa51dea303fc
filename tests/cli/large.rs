//! Results of a million rows.

use std::borrow::Cow;
use std::fs::{self, File};
use std::io::BufWriter;
use std::path::Path;
use std::process::{Output, Stdio};

use crate::desk::{Desk, code, ended, err, out};

const ROWS: usize = 1_000_000;
const BENCHMARKS: usize = 50;

/// [`ROWS`] rows as a run writes them: those of a real run, of [`BENCHMARKS`] benchmarks and two engines, of which
/// one does twice as much as the other, and as many repetitions as that takes.
fn write_rows(real: &Path, large: &Path) {
    let mut reader = csv::Reader::from_path(real).unwrap();
    let header = reader.headers().unwrap().clone();
    let column = |name: &str| header.iter().position(|column| column == name).unwrap();
    let (benchmark, repetition) = (column("benchmark"), column("repetition"));
    let (engine, target) = (column("engine"), column("target"));
    let (value, metric) = (column("value"), column("metric"));
    let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    let mut writer = csv::Writer::from_writer(BufWriter::new(File::create(large).unwrap()));
    writer.write_record(&header).unwrap();
    for number in 0..ROWS {
        let (row, copy) = (&rows[number % rows.len()], number / rows.len());
        let (is_second, of) = (copy % 2 == 1, copy / 2);
        let (of, time) = (of % BENCHMARKS, of / BENCHMARKS + 1);
        let throughput = (1000 + time % 7) * (1 + copy % 2);
        for (place, field) in row.iter().enumerate() {
            let written: Cow<'_, str> = match place {
                _ if place == benchmark => format!("{field}-{of}").into(),
                _ if place == repetition => time.to_string().into(),
                _ if is_second && (place == engine || place == target) => "postgres".into(),
                _ if place == value && &row[metric] == "throughput" => {
                    throughput.to_string().into()
                }
                _ => field.into(),
            };
            writer.write_field(&*written).unwrap();
        }
        writer.write_record(None::<&[u8]>).unwrap();
    }
    writer.flush().unwrap();
}

/// `dbdyno compare` with so much memory of its own (setrlimit(2), `RLIMIT_DATA`).
fn compare_within(desk: &Desk, mebibytes: usize) -> Output {
    let program = desk.command(&[]).get_program().to_owned();
    let mut shell = std::process::Command::new("sh");
    shell
        .args(["-c", &format!("ulimit -d {} && exec \"$0\" \"$@\"", mebibytes * 1024)])
        .arg(program)
        .args(["compare", "large"])
        .current_dir(&desk.folder)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    ended(shell.spawn().unwrap())
}

#[test]
fn a_million_rows_are_compared_in_less_than_300_mib() {
    let desk = Desk::new();
    let output = desk.run(&["oltp/tpcb"]);
    assert_eq!(code(&output), 0, "{}", err(&output));
    let large = desk.folder.path().join("large");
    fs::create_dir(&large).unwrap();
    fs::copy(desk.runs()[0].join("run.toml"), large.join("run.toml")).unwrap();
    write_rows(&desk.runs()[0].join("results.csv"), &large.join("results.csv"));

    let output = compare_within(&desk, 300);
    assert_eq!(code(&output), 0, "{}", err(&output));
    let table = out(&output);
    assert_eq!(table.matches(" 2.00x").count(), BENCHMARKS, "{table}");
    assert!(!compare_within(&desk, 50).status.success(), "the limit is none");
}
