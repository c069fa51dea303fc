//! Scenarios on real servers: those in `tests/database-load/query-scenarios` on every engine, and what is
//! told of those that are wrong.

#[path = "../../script/tests/common/mod.rs"]
mod common;
mod expressions;
mod pgbench;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use dbdyno_core::load::Length;
use dbdyno_core::query::scalar_sql;
use dbdyno_core::{Case, Driver, Measurement, Scale, SessionOptions, Status};
use dbdyno_suites::runner::{RunOptions, RunSummary};
use dbdyno_suites::scenario::{Request, Scenario};
use dbdyno_tests::{Kept, left_out, run_one, run_options, runtime, target};
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// An engine with an event loop to use it on.
struct Engine {
    runtime: Runtime,
    driver: Arc<dyn Driver>,
}

impl Engine {
    fn new(text: &str) -> Self {
        let runtime = runtime();
        let driver = target(&runtime, text);
        Self { runtime, driver }
    }

    fn run(
        &self,
        scenario: &Scenario,
        options: &RunOptions,
    ) -> (RunSummary, Vec<(Case, Measurement)>) {
        let kept = Kept::default();
        (run_one(&self.runtime, &self.driver, ("scenario", scenario), options, &kept), kept.rows())
    }

    /// Runs a script of one file; the detail of its first row that is not `ok`.
    fn told(&self, text: &str) -> String {
        let (_folder, scenario) = written(&[("one.sql", text)]);
        let (_, rows) = self.run(&scenario, &options());
        let wrong = rows.into_iter().find(|(_, row)| row.status != Status::Ok);
        wrong.map(|(_, row)| row.detail).unwrap_or_default()
    }
}

fn options() -> RunOptions {
    RunOptions { length: Length::Transactions(300), scale: Scale::hundredths(10), ..run_options() }
}

/// A scenario of files that are there as long as the folder is.
fn written(files: &[(&str, &str)]) -> (TempDir, Scenario) {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    let first = folder.path().join(files[0].0).display().to_string();
    let request = Request { files: vec![first], ..Request::default() };
    let scenario = Scenario::open(&request, &[]).unwrap_or_else(|why| panic!("{why}"));
    (folder, scenario)
}

fn folders() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("database-load/query-scenarios");
    let mut folders: Vec<PathBuf> = std::fs::read_dir(root)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir())
        .collect();
    folders.sort();
    folders
}

fn scripts(folder: &Path) -> Vec<String> {
    let mut scripts: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path().display().to_string())
        .filter(|path| path.ends_with(".sql") && !path.ends_with("setup.sql"))
        .collect();
    scripts.sort();
    scripts
}

/// How often a script says what it expects; none of those here says it to single engines.
fn promises(file: &String) -> usize {
    let text = std::fs::read_to_string(file).unwrap();
    text.lines().filter(|line| line.starts_with("-- @expect ")).count()
}

fn every_scenario_is_right(text: &str) {
    let engine = Engine::new(text);
    let folders = folders();
    assert!(folders.len() >= 8, "{folders:?}");
    for folder in folders {
        assert!(folder.join("README.md").exists(), "{}", folder.display());
        let name = folder.file_name().unwrap().to_string_lossy().into_owned();
        let files = scripts(&folder);
        let request =
            Request { files: files.clone(), name: Some(name.clone()), ..Request::default() };
        let scenario = Scenario::open(&request, &[engine.driver.engine()]).unwrap();
        let (summary, rows) = engine.run(&scenario, &options());
        let wrong: Vec<_> = rows
            .iter()
            .filter(|(_, row)| row.status != Status::Ok)
            .map(|(_, row)| (&row.metric, &row.detail))
            .collect();
        assert!(wrong.is_empty(), "{name}: {wrong:?}");
        assert_eq!((summary.measured, summary.could_not_run), (1, 0), "{name}");
        let held = |start: &str| {
            let rows = rows.iter().filter(|(_, row)| row.metric.starts_with(start));
            rows.filter(|(_, row)| row.value == Some(1.0)).count()
        };
        assert_eq!(held("check_expect_"), files.iter().map(promises).sum::<usize>(), "{name}");
        assert!(held("check_expect_") > 0 && held("check_") > held("check_expect_"), "{name}");
        for file in files {
            let stem = Path::new(&file).file_stem().unwrap().to_string_lossy().into_owned();
            let ended = rows.iter().find(|(_, row)| {
                row.metric == "transactions"
                    && (row.transaction == stem || scripts(&folder).len() == 1)
            });
            let ended = ended.and_then(|(_, row)| row.value).unwrap_or(0.0);
            assert!(ended > 0.0, "{name}: {stem} never ended well");
        }
    }
}

#[test]
fn every_scenario_is_right_on_sqlite() {
    every_scenario_is_right("sqlite");
}

#[test]
fn every_scenario_is_right_on_postgres() {
    if !left_out("postgres") {
        every_scenario_is_right("postgres");
    }
}

#[test]
fn every_scenario_is_right_on_mariadb() {
    if !left_out("mariadb") {
        every_scenario_is_right("mariadb");
    }
}

#[test]
fn a_set_up_touches_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("mine.db");
    let theirs = rusqlite::Connection::open(&file).unwrap();
    theirs
        .execute_batch(
            "CREATE TABLE orders (id INTEGER PRIMARY KEY); INSERT INTO orders VALUES (1)",
        )
        .unwrap();
    let engine = Engine::new(&format!("sqlite:{}", file.display()));
    let files = [
        ("one.sql", "-- @setup setup.sql\nSELECT 1;"),
        ("setup.sql", "DROP TABLE IF EXISTS orders;\nCREATE TABLE orders (id INT);"),
    ];
    let (_folder, scenario) = written(&files);
    let (summary, rows) = engine.run(&scenario, &options());
    assert_eq!((summary.measured, summary.could_not_run), (0, 1));
    assert!(rows[0].1.detail.contains("the table `orders` is there"), "{}", rows[0].1.detail);
    let count: i64 = theirs.query_row("SELECT COUNT(*) FROM orders", [], |row| row.get(0)).unwrap();
    assert_eq!(count, 1);
}

/// Nor in what is called as the scenario's own schema or database would be, and is another's.
#[test]
fn a_set_up_touches_no_schema_of_others() {
    for text in ["postgres", "mariadb"].into_iter().filter(|engine| !left_out(engine)) {
        let engine = Engine::new(text);
        let made = if text == "postgres" { "SCHEMA" } else { "DATABASE" };
        engine.runtime.block_on(async {
            let mut session = engine.driver.connect(&SessionOptions::default()).await.unwrap();
            for sql in [
                &format!("CREATE {made} dbdyno_scenario_one"),
                "CREATE TABLE dbdyno_scenario_one.orders (id INT)",
                "INSERT INTO dbdyno_scenario_one.orders VALUES (1)",
            ] {
                session.run_sql(sql).await.unwrap();
            }
        });
        let files = [
            ("one.sql", "-- @setup setup.sql\nSELECT 1;"),
            ("setup.sql", "DROP TABLE IF EXISTS orders;\nCREATE TABLE orders (id INT);"),
        ];
        let (_folder, scenario) = written(&files);
        let (summary, rows) = engine.run(&scenario, &options());
        assert_eq!((summary.measured, summary.could_not_run), (0, 1), "{text}: {rows:?}");
        let count = engine.runtime.block_on(async {
            let mut session = engine.driver.connect(&SessionOptions::default()).await.unwrap();
            scalar_sql(&mut *session, "SELECT COUNT(*) FROM dbdyno_scenario_one.orders").await
        });
        assert_eq!(count.unwrap(), 1, "{text}");
    }
}

/// What was made in vain is made again, with whatever else there is left alone.
#[test]
fn a_set_up_that_failed_can_be_run_again() {
    for text in ["sqlite", "postgres", "mariadb"].into_iter().filter(|engine| !left_out(engine)) {
        let engine = Engine::new(text);
        let files = [
            (
                "one.sql",
                "-- @setup setup.sql\n-- @expect rows = 1\nUPDATE b SET n = n + 1 WHERE n < 2;",
            ),
            (
                "setup.sql",
                "CREATE TABLE a (n INT);\nCREATE VIEW c AS SELECT n FROM a;\nCREATE TABLE b (n INT);\nSELEC 1;",
            ),
        ];
        let (folder, scenario) = written(&files);
        let (summary, rows) = engine.run(&scenario, &options());
        assert_eq!((summary.measured, summary.could_not_run), (0, 1), "{text}");
        let told = &rows[0].1.detail;
        assert!(told.contains("setup.sql:4:1") && told.contains("4 | SELEC 1;"), "{told}");
        let mended = files[1].1.replace("SELEC 1", "INSERT INTO b VALUES (0)");
        std::fs::write(folder.path().join("setup.sql"), mended).unwrap();
        let request = Request {
            files: vec![folder.path().join("one.sql").display().to_string()],
            ..Request::default()
        };
        let mended = Scenario::open(&request, &[]).unwrap();
        let options = RunOptions {
            length: Length::Transactions(2),
            clients: Some(vec![1]),
            repetitions: 2,
            ..options()
        };
        let (summary, rows) = engine.run(&mended, &options);
        let wrong: Vec<_> = rows.iter().filter(|(_, row)| row.status != Status::Ok).collect();
        assert!(summary.measured == 2 && wrong.is_empty(), "{text}: {wrong:?}");
    }
}

/// A table that a set-up needs only itself is no loss, and what was made is used again.
#[test]
fn what_a_set_up_drops_is_not_missed() {
    for text in ["sqlite", "postgres", "mariadb"].into_iter().filter(|engine| !left_out(engine)) {
        let engine = Engine::new(text);
        let files = [
            ("one.sql", "-- @setup setup.sql\n-- @expect rows = 3\nSELECT n FROM a;"),
            (
                "setup.sql",
                "CREATE TABLE b (n INT);\n-- @repeat 3\nINSERT INTO b VALUES (:row);\n-- @end\n\
                 CREATE TABLE a (n INT);\nINSERT INTO a SELECT n FROM b;\nDROP TABLE b;",
            ),
        ];
        let (_folder, scenario) = written(&files);
        for _ in 0..2 {
            let (summary, rows) = engine.run(&scenario, &options());
            let wrong: Vec<_> = rows.iter().filter(|(_, row)| row.status != Status::Ok).collect();
            assert!(summary.measured == 1 && wrong.is_empty(), "{text}: {wrong:?}");
        }
    }
}

#[test]
fn what_is_wrong_with_a_statement_is_told_by_line() {
    let engine = Engine::new("sqlite");
    let told = engine.told("SELECT 1;\n\n  SELECT x FROM nowhere;");
    assert!(told.contains("one.sql:3:3") && told.contains("no such table: nowhere"), "{told}");
    let told = engine.told("SELECT 1 \\gset\nSELECT :x;");
    assert!(told.contains("error storing into variable `1`"), "{told}");
    let told = engine.told("SELECT 1 AS a \\gset p_\nSELECT :p_a, :p_b;");
    assert!(told.contains("undefined variable `p_b`"), "{told}");
    let told = engine.told("SELECT 1 AS a UNION SELECT 2 \\gset\nSELECT :a;");
    assert!(told.contains("expected one row, got 2"), "{told}");
    let told = engine.told("\\set x 1 / (:client_id - :client_id)\nSELECT 1;");
    assert!(told.contains("one.sql:1:10: division by zero in `\\set x 1 / ("), "{told}");
    let told = engine.told("SELECT 1; SELECT 2; SELECT x FROM nowhere;");
    assert!(told.contains("one.sql:1:21: "), "{told}");
    let told = engine.told("\\if :client_id < 0\n\\set x 1\n\\endif\nSELECT 1,\n  :x;");
    assert!(told.contains("one.sql:5:3: undefined variable \"x\" in `:x;`"), "{told}");
    let told = engine.told("SELECT 1;\n SELECT x'00ff' AS a \\gset\nSELECT :a;");
    assert!(told.contains("one.sql:2:2: error storing into variable `a`: "), "{told}");
    let told = engine.told("-- @check a: SELEC 1\nSELECT 1;");
    assert!(told.contains("one.sql:1:1: ") && told.contains("near \"SELEC\""), "{told}");
    let told = engine.told("SELECT 1;\n-- @count a: SELECT 'x'");
    assert!(told.contains("one.sql:2): column 0 of the answer is Text(\"x\")"), "{told}");
    let told = engine.told("-- @expect rows > 0\n-- @expect rows <= 2\nSELECT 1 UNION SELECT 2;");
    assert_eq!(told, "");
    let told = engine.told("-- @expect rows > 0\n-- @expect rows < 2\nSELECT 1 UNION SELECT 2;");
    assert!(told.contains("did not hold: expect_one_line_3_rows"), "{told}");
    let told = engine.told("-- @expect max < 3600s\n-- @expect max > 0us\nSELECT 1;");
    assert_eq!(told, "");
}

/// PostgreSQL's manual, "pgbench", on `\gset`, `\aset` and `\sleep`.
#[test]
fn the_manuals_examples_of_answers_in_variables() {
    let script = "-- @dataset tpcb\n\\set aid random(1, 100000)\n\\set delta 0\n\
        UPDATE pgbench_accounts\n  SET abalance = abalance + :delta\n  WHERE aid = :aid\n  \
        RETURNING abalance \\gset\n-- compound of two queries\nSELECT 1 \\;\n\
        SELECT 2 AS two, 3 AS three \\gset p_\n\
        SELECT 4 AS four \\; SELECT 5 AS five \\aset\n\\sleep 10 us\n\
        \\if :abalance <> 0 or :p_two <> 2 or :p_three <> 3 or :four <> 4 or :five <> 5\n\
        \\set wrong 1 / 0\n\\endif\nSELECT :abalance, :p_two, :four;\n";
    // MariaDB tells no columns of a RETURNING when it is prepared.
    for text in ["sqlite", "postgres"].into_iter().filter(|engine| !left_out(engine)) {
        let engine = Engine::new(text);
        let (_folder, scenario) = written(&[("one.sql", script)]);
        let options = RunOptions { scale: Scale::ONE, ..options() };
        let (summary, rows) = engine.run(&scenario, &options);
        let errors = rows.iter().find(|(_, row)| row.metric == "errors").unwrap().1.value;
        assert_eq!((summary.measured, errors), (1, Some(0.0)), "{text}: {rows:?}");
    }
}

#[test]
fn expectations_that_do_not_come_true_fail() {
    let engine = Engine::new("sqlite");
    for (script, name) in [
        ("-- @expect max < 1us\nSELECT 1;", "expect_one_max"),
        ("-- @expect rows = 2\nSELECT 1;", "expect_one_line_2_rows"),
        ("-- @check never: SELECT 0\nSELECT 1;", "never"),
        ("-- @count one: SELECT 1\nSELECT 1;", "one"),
        (
            "-- @dataset tpcb\n-- @expect plan uses index no_such\nSELECT COUNT(*) FROM pgbench_branches;",
            "expect_one_line_3_plan",
        ),
    ] {
        let (_folder, scenario) = written(&[("one.sql", script)]);
        let options = RunOptions { scale: Scale::ONE, ..options() };
        let (summary, rows) = engine.run(&scenario, &options);
        assert_eq!(summary.failed, 1, "{script}");
        let check = rows.iter().find(|(_, row)| row.metric == format!("check_{name}"));
        assert_eq!(check.and_then(|(_, row)| row.value), Some(0.0), "{script}: {rows:?}");
    }
}

/// Statements of a pipeline give the same answers together and one by one.
#[test]
fn pipelines_do_the_same_as_single_statements() {
    if left_out("postgres") {
        return;
    }
    let engine = Engine::new("postgres");
    let files = [
        (
            "one.sql",
            "-- @setup setup.sql\n-- @count n: SELECT n FROM t\n\\set d 1\n\\startpipeline\nBEGIN;\n\
             \\if :d = 1\nUPDATE t SET n = n + :d;\n\\endif\n\\set d 5\nEND;\n\\syncpipeline\n\
             -- @expect rows = 1\nSELECT n FROM t;\n\\endpipeline\n",
        ),
        ("setup.sql", "CREATE TABLE t (n BIGINT);\nINSERT INTO t VALUES (0);"),
    ];
    let (_folder, scenario) = written(&files);
    let options = RunOptions { pipeline: vec![false, true], ..options() };
    let (summary, rows) = engine.run(&scenario, &options);
    let wrong: Vec<_> = rows.iter().filter(|(_, row)| row.status != Status::Ok).collect();
    assert!(summary.measured == 2 && wrong.is_empty(), "{wrong:?}");
}

/// The same rows on every engine.
#[test]
fn a_set_up_depends_on_the_seed_alone() {
    let files = [
        ("one.sql", "-- @setup setup.sql\nSELECT COUNT(*) FROM t;"),
        (
            "setup.sql",
            "CREATE TABLE t (n BIGINT, h BIGINT);\n-- @repeat 2500\n\\set n random(1, 1000000)\n\
             \\set h hash(:n) % 1000\nINSERT INTO t VALUES (:n, :h);\n-- @end\n",
        ),
    ];
    let sums: Vec<i64> = ["sqlite", "postgres", "mariadb"]
        .into_iter()
        .filter(|engine| !left_out(engine))
        .map(|text| {
            let engine = Engine::new(text);
            let (_folder, scenario) = written(&files);
            let (summary, _) = engine.run(&scenario, &options());
            assert_eq!(summary.measured, 1);
            let namespace = Some("dbdyno_scenario_one".to_owned());
            let options = SessionOptions { namespace, ..SessionOptions::default() };
            engine.runtime.block_on(async {
                let mut session = engine.driver.connect(&options).await.unwrap();
                let rows = scalar_sql(&mut *session, "SELECT COUNT(*) FROM t").await.unwrap();
                assert_eq!(rows, 2_500);
                scalar_sql(&mut *session, "SELECT SUM(n * 7 + h) FROM t").await.unwrap()
            })
        })
        .collect();
    assert!(sums.windows(2).all(|pair| pair[0] == pair[1]), "{sums:?}");
}
