//! TPC-H's refresh functions on real engines: with foreign keys and cold caches, and the tables are
//! afterwards what they were.

use dbdyno_core::schema::Keys;
use dbdyno_core::{Cache, Scale, Status};
use dbdyno_suites::runner::RunOptions;
use dbdyno_tests::olap::{Bench, of_all, wrong};
use dbdyno_tests::{left_out, run_options};

fn options() -> RunOptions {
    RunOptions {
        clients: Some(vec![2]),
        scale: Scale::hundredths(1),
        keys: Keys::Foreign,
        cache: vec![Cache::Cold],
        ..run_options()
    }
}

fn rows_come_and_go(engine: &str) {
    if left_out(engine) {
        return;
    }
    let bench = Bench::open("tpch-composite", engine);
    let (summary, rows) = bench.run(&options());
    let failures: Vec<_> = rows.iter().filter(|row| row.status != Status::Ok).collect();
    assert!(failures.is_empty(), "{engine}: {failures:#?}");
    assert_eq!(summary.measured, 1);
    let metric = |name: &str| of_all(&rows, name).unwrap();
    assert_eq!(metric("check_refreshed_rows"), 1.0);
    let (power, throughput) = (metric("derived_power_per_h"), metric("derived_throughput_per_h"));
    let composite = metric("derived_composite_per_h");
    assert!((composite / (power * throughput).sqrt() - 1.0).abs() < 1e-9);
    // One pair in the power test, one for each of two streams.
    for (transaction, committed) in
        [("power/rf1", 1.0), ("power/rf2", 1.0), ("throughput/rf1", 2.0), ("throughput/rf2", 2.0)]
    {
        let is = |row: &&dbdyno_core::Measurement| {
            row.transaction == transaction && row.metric == "transactions"
        };
        assert_eq!(rows.iter().find(is).unwrap().value, Some(committed), "{transaction}");
    }
    let one = RunOptions { clients: Some(vec![1]), validate: true, ..options() };
    let (_, rows) = bench.run_other("tpch", &one);
    assert_eq!(wrong(&rows), [], "{engine}");
    let orphan = "INSERT INTO tpch_lineitem SELECT 7777777, l_partkey, l_suppkey, l_linenumber, \
                  l_quantity, l_extendedprice, l_discount, l_tax, l_returnflag, l_linestatus, l_shipdate, \
                  l_commitdate, l_receiptdate, l_shipinstruct, l_shipmode, l_comment FROM tpch_lineitem \
                  WHERE l_orderkey = 1 AND l_linenumber = 1";
    let refused = bench.try_sql("tpch", orphan).unwrap_err();
    assert_eq!(refused.class, dbdyno_core::ErrorClass::Constraint, "{refused}");
    // With other keys it is other data. Nobody waits for answers that no key helps to find.
    let statement_timeout = Some(std::time::Duration::from_millis(1));
    let cache = vec![Cache::Warm];
    let bare = RunOptions { keys: Keys::None, cache, validate: false, statement_timeout, ..one };
    bench.run_other("tpch", &bare);
    assert_eq!(bench.try_sql("tpch", orphan).unwrap(), 1);
}

#[test]
fn rows_come_and_go_on_sqlite() {
    rows_come_and_go("sqlite");
}

#[test]
fn rows_come_and_go_on_postgres() {
    rows_come_and_go("postgres");
}

#[test]
fn rows_come_and_go_on_mariadb() {
    rows_come_and_go("mariadb");
}
