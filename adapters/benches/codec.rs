//! What binding a statement's parameters and reading a row cost, in nanoseconds, and how many
//! allocations they make: `cargo bench -p dbdyno-adapters`.

#![allow(clippy::unwrap_used, reason = "a benchmark fails by panicking")]

#[path = "../../core/benches/counting.rs"]
mod counting;

use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use dbdyno_adapters::codec::Codec;
use dbdyno_adapters::{mysql, postgres};
use dbdyno_core::Value;

/// PostgreSQL's types (`pg_type.dat`).
const INT4: u32 = 23;
const INT8: u32 = 20;
const BPCHAR: u32 = 1042;
/// Column types of MySQL
/// (<https://dev.mysql.com/doc/dev/mysql-server/latest/field__types_8h.html>).
const LONG: u8 = 3;
const LONGLONG: u8 = 8;
const STRING: u8 = 254;
/// The texts of a row of sysbench's table.
const C: &str = "68487932199-96439406143-93774651418-41631865787-96406072701-20604855487-\
                 25459966574-28203206787-41238978918-19503783441";
const PAD: &str = "22195207048-70116052123-74140395089-76317954521-98694025897";
/// Calls whose allocations are counted.
const COUNTED: u64 = 100_000;

/// The engines, each with a codec of the statement that rewrites a row of sysbench's table, with
/// such a row, and its name.
fn engines() -> [(&'static str, Box<dyn Codec>, Vec<u8>); 2] {
    let types = [INT8, INT4, BPCHAR, BPCHAR];
    let definitions =
        [("id", LONGLONG), ("k", LONG), ("c", STRING), ("pad", STRING)].map(definition);
    [
        ("postgres", Box::new(postgres::codec(&types, &types)), postgres_row()),
        ("mysql", Box::new(mysql::codec(&definitions).unwrap()), mysql_row()),
    ]
}

fn postgres_row() -> Vec<u8> {
    let columns = [&17i64.to_be_bytes()[..], &5i32.to_be_bytes(), C.as_bytes(), PAD.as_bytes()];
    let mut row = (columns.len() as u16).to_be_bytes().to_vec();
    for column in columns {
        row.extend((column.len() as u32).to_be_bytes());
        row.extend(column);
    }
    row
}

fn mysql_row() -> Vec<u8> {
    let mut row = vec![0, 0];
    row.extend(17i64.to_le_bytes());
    row.extend(5i32.to_le_bytes());
    for text in [C, PAD] {
        row.push(text.len() as u8);
        row.extend(text.bytes());
    }
    row
}

/// A column's definition with a UTF-8 collation, as `COM_STMT_PREPARE` answers it.
fn definition((name, kind): (&str, u8)) -> Vec<u8> {
    let name = [&[name.len() as u8][..], name.as_bytes()].concat();
    let fixed = [12, 45, 0, 11, 0, 0, 0, kind, 0, 0, 0, 0, 0];
    [&b"\x03def\x00\x01t\x00"[..], &name, &name, &fixed].concat()
}

fn bind(codec: &mut dyn Codec) -> usize {
    let params = [Value::Int(black_box(17)), Value::Int(5), Value::Text(C), Value::Text(PAD)];
    codec.bind(&params).unwrap()
}

fn read(codec: &mut dyn Codec, row: &[u8]) -> i64 {
    let mut seen = 0;
    let mut visit = |row: &dyn dbdyno_core::Row| {
        seen = row.int(0)? + row.int(1)? + (row.text(2)?.len() + row.text(3)?.len()) as i64;
        Ok(())
    };
    codec.read(black_box(row), &mut visit).unwrap();
    assert_eq!(seen, 22 + (C.len() + PAD.len()) as i64);
    seen
}

fn codecs(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("codec");
    group.throughput(Throughput::Elements(1));
    for (engine, mut codec, row) in engines() {
        let codec = codec.as_mut();
        count(&format!("{engine}: bind 4 parameters"), || bind(codec));
        group.bench_function(format!("{engine}: bind 4 parameters"), |bencher| {
            bencher.iter(|| bind(codec));
        });
        count(&format!("{engine}: read a row of 4 columns"), || read(codec, &row));
        group.bench_function(format!("{engine}: read a row of 4 columns"), |bencher| {
            bencher.iter(|| read(codec, &row));
        });
    }
    group.finish();
}

/// Counts allocations after the first call, which makes the buffers.
fn count<T>(name: &str, mut call: impl FnMut() -> T) {
    black_box(call());
    let before = counting::allocations();
    for _ in 0..COUNTED {
        black_box(call());
    }
    let each = (counting::allocations() - before) as f64 / COUNTED as f64;
    println!("allocations, {name}: {each:.3}");
}

criterion_group! {
    name = codec;
    config = Criterion::default()
        .warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(3));
    targets = codecs
}
criterion_main!(codec);
