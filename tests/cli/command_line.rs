//! dbdyno as its users run it: the command line from outside.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    missing_docs,
    reason = "tests fail by panicking and document themselves"
)]

mod alerts;
mod bottleneck;
mod browser;
mod desk;
mod drivers;
mod durability;
mod histories;
mod killed;
mod large;
mod limit;
mod live;
mod metrics;
mod monitor;
mod performance_report;
mod plans;
mod regress;
mod replication;
mod scaling;
mod scenarios;
mod web;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use dbdyno_adapters::{ServerSettings, Target, open};
use dbdyno_core::{SessionOptions, StatementForm};
use dbdyno_results::{Record, load};
use dbdyno_tests::left_out;
use nix::sys::signal::Signal;

use desk::{Desk, code, err, out, processes_of, signal, throwaway_folders, under_way};

#[test]
fn a_run_leaves_a_table_and_a_run_folder() {
    let desk = Desk::new();
    let output = desk.run(&["oltp/point-select", "oltp/tpcb", "--clients", "1,2"]);
    assert_eq!(code(&output), 0, "{}", err(&output));
    let table = out(&output);
    for part in ["oltp/point-select", "oltp/tpcb", "throughput", "p99", "results in runs/"] {
        assert!(table.contains(part), "{part} is missing in:\n{table}");
    }
    assert!(table.lines().all(|line| line.chars().count() <= 120), "{table}");
    let runs = desk.runs();
    assert_eq!(runs.len(), 1);
    for file in ["results.csv", "timeline.csv", "latency.hlog", "events.csv", "run.toml"] {
        assert!(fs::metadata(runs[0].join(file)).unwrap().len() > 0, "{file} is empty");
    }
    let records = desk.records();
    assert!(records.iter().all(|record| record.status == dbdyno_core::Status::Ok));
    let checks = records.iter().filter(|record| record.metric.starts_with("check_"));
    assert!(checks.count() > 0, "answers are part of the result");
    assert!(throwaway_folders(&runs[0]).iter().all(|folder| !folder.exists()));
}

/// Answers that are known are compared row by row, and what came instead of one is shown.
#[test]
fn known_answers_are_compared() {
    let desk = Desk::new();
    let target = format!("sqlite:{}", desk.path("bench.db"));
    let run = ["run", "olap/tpch", "--target", &target, "--scale", "0.01", "--validate"];
    let output = desk.dbdyno(&run);
    assert_eq!(code(&output), 0, "{}\n{}", out(&output), err(&output));
    let answers = |records: &[Record], value| {
        let is_answer = |record: &&Record| record.metric.ends_with("_answer");
        records.iter().filter(is_answer).filter(|record| record.value == Some(value)).count()
    };
    let records = desk.records();
    assert_eq!((answers(&records, 1.0), answers(&records, 0.0)), (22, 0));
    assert!(records.iter().any(|record| record.metric == "derived_power_per_h"));
    let conditions = fs::read_to_string(desk.runs()[0].join("run.toml")).unwrap();
    assert!(conditions.contains("until_answered_without_warmup = \"olap/tpch\""), "{conditions}");

    // No statement of this data takes so little.
    let limited = [&run[..], &["--statement-timeout", "1ms"]].concat();
    let output = desk.dbdyno(&limited);
    assert_eq!(code(&output), 1, "{}", err(&output));
    assert!(err(&output).contains("not answered to 1 of 1 clients"), "{}", err(&output));
    let cancelled = |record: &Record| record.metric == "errors_statement_timeout";
    assert!(desk.records().iter().any(cancelled));
}

#[test]
fn what_a_benchmark_of_queries_cannot_do_is_refused_before_anything_is_touched() {
    let desk = Desk::new();
    for (arguments, told) in [
        (&["olap/tpch", "--scale", "2", "--validate"][..], "no answers are known"),
        (&["oltp/tpcb", "--validate"], "no answers are known"),
        (&["olap/tpch", "--rate", "5"], "leave out `--rate`"),
        (&["olap/htap", "--rate", "5"], "leave out `--rate`"),
        (&["olap/htap", "--validate"], "no answers are known"),
        (&["oltp/tpcb", "--keys", "none"], "leave out `--keys`"),
        (&["olap/tpch", "--keys", "all"], "`none`"),
        (&["olap/tpch", "--cache", "hot"], "`warm`"),
        (&["olap/htap", "--scale", "0.5"], "in steps of 1"),
        (&["oltp/tpcc", "--streams", "2"], "run oltp/tpcc with `--streams`"),
        (&["olap/htap", "olap/tpch", "--streams", "1"], "it has no streams of queries"),
        (&["olap/htap", "--streams", "0"], "0 is not in 1..=1000"),
        (&["oltp/tpcb", "--cycles", "2"], "no benchmark of the run kills a server"),
        (&["isolation/durability-tpcb", "--rate", "5"], "leave out `--rate`"),
        (&["isolation/durability-tpcb", "--cycles", "0"], "0 is not in 1..=10000"),
        (&["oltp/tpcb", "--pool-size", "2"], "use `--pool-size`: no benchmark of the run"),
        (&["oltp/tpcb", "--pool", "direct"], "use `--pool`: no benchmark of the run"),
        (&["pool/tpcb", "--pool-size", "0"], "0 is not in 1..=10000"),
        (&["oltp/tpcb", "--backup", "online"], "use `--backup`: no benchmark of the run"),
        (&["oltp/tpcb", "--backup-dir", "."], "use `--backup-dir`: no benchmark of the run"),
        (&["backup/idle", "--backup", "telepathy"], "no target has a method `telepathy`"),
        (&["pool/tpcb", "--acquire-timeout", "0"], "longer than nothing"),
        (&["olap/tpch", "--scale", "5000"], "it takes 0.01 to 1000 in steps of 0.01"),
        (&["olap/wide", "--rate", "5"], "leave out `--rate`"),
        (&["oltp/tpcb", "--scale", "0.5"], "it takes 1 to 19999 in steps of 1"),
        (&["olap/tpch", "--scale", "0.001"], "in steps of 0.01"),
        (&["olap/tpch", "--statement-timeout", "10us"], "1ms or more"),
    ] {
        let output = desk.dbdyno(&[&["run"], arguments].concat());
        assert_eq!(code(&output), 2, "{arguments:?}");
        assert!(err(&output).contains(told), "{arguments:?}: {}", err(&output));
    }
    assert!(desk.runs().is_empty());
}

#[test]
fn wrong_words_get_the_nearest_names_before_anything_is_touched() {
    let desk = Desk::new();
    for (arguments, hint) in [
        (&["run", "oltp/tpc"][..], "`oltp/tpcc`"),
        (&["run", "oltpp"], "`oltp`"),
        (&["run", "--target", "postgress"], "postgres"),
        (&["run", "--target", "sqlite?jurnal_mode=wal"], "journal_mode"),
        (&["run", "--isolation", "serialisable"], "`serializable`"),
        (&["run", "--durability", "ful"], "`full`"),
        (&["run", "--statements", "nativ"], "`native`"),
        (&["run", "--statements", "fast"], "`portable`, `native`"),
        (&["run", "--pipeline=yes"], "`off`, `on`"),
        (&["run", "oltp/tpcb", "--pipeline", "on"], "write `--pipeline=on`"),
        (&["list", "--sql", "oltp/tpcb", "--statements", "nativ"], "`native`"),
        (&["run", "--duraton", "5s"], "--duration"),
        (&["run", "--duration", "5 parsecs"], "500ms"),
        (&["run", "--clients", "0"], "0"),
        (&["run", "--rate", "-1"], "rate"),
        (&["run", "-o", "mariadbb:x=1"], "`mariadb`"),
        (&["compare", "no-such-run"], "no-such-run"),
        (&["list", "--sql", "oltp/tpcx"], "`oltp/tpcc`"),
    ] {
        let output = desk.dbdyno(arguments);
        assert_eq!(code(&output), 2, "{arguments:?}");
        assert!(err(&output).contains(hint), "{arguments:?} says:\n{}", err(&output));
    }
    assert!(desk.runs().is_empty());
}

#[test]
fn a_level_that_the_engine_lacks_is_unsupported_and_the_rest_runs() {
    let desk = Desk::new();
    let output = desk.run(&["oltp/point-select", "--isolation", "read-committed,serializable"]);
    assert_eq!(code(&output), 0, "{}", err(&output));
    let records = desk.records();
    let of = |level: &str| -> Vec<&Record> {
        records.iter().filter(|record| record.case.isolation.name() == level).collect()
    };
    let lacking = of("read-committed");
    assert_eq!(lacking.len(), 1);
    assert_eq!(lacking[0].status, dbdyno_core::Status::Unsupported);
    assert!(lacking[0].value.is_none() && !lacking[0].detail.is_empty());
    assert!(of("serializable").iter().any(|record| record.metric == "throughput"));
}

#[test]
fn portable_and_native_statements_are_cases_of_their_own() {
    let desk = Desk::new();
    let output =
        desk.run(&["oltp/tpcb", "--statements", "portable,native,portable", "--clients", "2"]);
    assert_eq!(code(&output), 0, "{}", err(&output));
    let records = desk.records();
    for form in StatementForm::ALL {
        let throughputs = records.iter().filter(|record| {
            record.case.statements == form
                && record.metric == "throughput"
                && record.transaction.is_empty()
        });
        assert_eq!(throughputs.count(), 1, "{form}");
    }
    assert!(err(&output).contains("2 clients native"), "{}", err(&output));
    let run = desk.runs()[0].display().to_string();
    let compared = |by: &str| {
        let output = desk.dbdyno(&["compare", &run, "--by", by, "--format", "csv"]);
        assert_eq!(code(&output), 0, "{}", err(&output));
        out(&output)
    };
    for by in ["statements", "engine"] {
        let table = compared(by);
        let throughput = |line: &&str| line.contains(",throughput,");
        let forms: Vec<_> = table.lines().filter(throughput).map(form_of).collect();
        assert_eq!(
            forms,
            ["portable,off,indexed,warm,0", "native,off,indexed,warm,0"],
            "by {by}:\n{table}"
        );
    }
}

/// The columns near the end of a line of a comparison's CSV that say how a case is made; seven follow that say
/// what is known of its ratio, its clients and its number.
fn form_of(line: &str) -> &str {
    let commas: Vec<usize> = line.rmatch_indices(',').map(|(at, _)| at).collect();
    &line[commas[11] + 1..commas[6]]
}

#[test]
fn pipelining_on_an_engine_that_cannot_is_unsupported_and_the_rest_runs() {
    for (option, choices) in [("--pipeline", &["on"][..]), ("--pipeline=off,on", &["off", "on"])] {
        let desk = Desk::new();
        // The option takes no word after it.
        let output = desk.run(&[option, "oltp/point-select"]);
        assert_eq!(code(&output), 0, "{}", err(&output));
        assert!(err(&output).contains("pipelined"), "{}", err(&output));
        let records = desk.records();
        let (pipelined, rest): (Vec<_>, Vec<_>) =
            records.iter().partition(|record| record.case.pipeline);
        assert_eq!(pipelined.len(), 1);
        assert_eq!(pipelined[0].status, dbdyno_core::Status::Unsupported);
        assert!(pipelined[0].value.is_none() && pipelined[0].detail.contains("round trip"));
        assert_eq!(rest.iter().any(|record| record.value.is_some()), choices.contains(&"off"));
        let conditions = fs::read_to_string(desk.runs()[0].join("run.toml")).unwrap();
        assert!(conditions.contains(&format!("pipeline = \"{}\"", choices.join(","))));
        let run = desk.runs()[0].display().to_string();
        let compared = desk.dbdyno(&["compare", &run, "--by", "pipeline"]);
        assert_eq!(code(&compared), 0, "{}", err(&compared));
        assert!(out(&compared).contains("unsupported [1]"), "{}", out(&compared));
    }
}

#[test]
fn each_way_to_say_and_send_statements_is_a_case_on_postgres() {
    if left_out("postgres") {
        return;
    }
    let desk = Desk::new();
    let forms = ["--statements", "portable,native", "--pipeline=off,on", "--clients", "1"];
    let output = desk.run(&[&["oltp/tpcb", "--target", "postgres"], &forms[..]].concat());
    assert_eq!(code(&output), 0, "{}", err(&output));
    let committed: BTreeSet<(&str, bool, u64)> = desk
        .records()
        .iter()
        .filter(|record| record.metric == "transactions" && record.transaction.is_empty())
        .map(|record| {
            let case = &record.case;
            (case.statements.name(), case.pipeline, record.value.unwrap() as u64)
        })
        .collect();
    let every = ["native", "portable"].map(|form| [false, true].map(|sent| (form, sent, 200)));
    assert_eq!(committed, every.into_iter().flatten().collect());
    let run = desk.runs()[0].display().to_string();
    let compared = desk.dbdyno(&["compare", &run, "--by", "pipeline"]);
    assert!(out(&compared).contains("pipelined"), "{}", out(&compared));
}

#[test]
fn the_same_file_is_reused_and_a_hand_made_change_is_found() {
    let desk = Desk::new();
    let target = format!("sqlite:{}", desk.path("mine.db"));
    let run = || desk.run(&["oltp/tpcb", "--target", &target, "--clients", "1"]);
    let first = run();
    assert_eq!(code(&first), 0, "{}", err(&first));
    assert!(err(&first).contains("loaded"));
    let second = run();
    assert_eq!(code(&second), 0, "{}", err(&second));
    assert!(!err(&second).contains("loaded"), "the data is there already:\n{}", err(&second));

    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let driver =
            open(&Target::parse(&target).unwrap(), &ServerSettings::default()).await.unwrap();
        let mut session = driver.connect(&SessionOptions::default()).await.unwrap();
        let sql = "UPDATE pgbench_accounts SET abalance = abalance + 1 WHERE aid = 1";
        assert_eq!(session.run_sql(sql).await.unwrap(), 1);
    });
    let third = run();
    assert_eq!(code(&third), 1, "{}", err(&third));
    assert!(err(&third).contains("accounts"), "{}", err(&third));
    let failed = desk.records();
    assert!(failed.iter().any(|record| record.metric.starts_with("check_")
        && record.status == dbdyno_core::Status::Failed
        && record.value == Some(0.0)));
}

#[test]
fn data_that_is_not_ours_is_left_alone() {
    let desk = Desk::new();
    let path = desk.path("theirs.db");
    let target = format!("sqlite:{path}");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let driver =
            open(&Target::parse(&target).unwrap(), &ServerSettings::default()).await.unwrap();
        let mut session = driver.connect(&SessionOptions::default()).await.unwrap();
        session.run_sql("CREATE TABLE pgbench_accounts (precious INTEGER)").await.unwrap();
        session.run_sql("INSERT INTO pgbench_accounts VALUES (42)").await.unwrap();
    });
    let before = fs::read(&path).unwrap();
    let output = desk.run(&["oltp/tpcb", "--target", &target]);
    assert_eq!(code(&output), 2, "{}", err(&output));
    assert!(err(&output).contains("pgbench_accounts"), "{}", err(&output));
    assert!(before == fs::read(&path).unwrap(), "the file was changed");
    runtime.block_on(async {
        let driver =
            open(&Target::parse(&target).unwrap(), &ServerSettings::default()).await.unwrap();
        let mut session = driver.connect(&SessionOptions::default()).await.unwrap();
        let sql = "SELECT precious FROM pgbench_accounts";
        let precious = dbdyno_core::query::scalar_sql(&mut *session, sql).await.unwrap();
        assert_eq!(precious, 42);
    });
}

#[test]
fn a_server_that_is_not_there_is_told_within_seconds() {
    let desk = Desk::new();
    let began = Instant::now();
    for target in [
        "postgres://dbdyno:hunter2secret@127.0.0.1:1/x",
        "mysql://dbdyno:hunter2secret@127.0.0.1:1/x",
    ] {
        let output = desk.run(&["oltp/tpcb", "--target", target]);
        assert_eq!(code(&output), 2);
        assert!(err(&output).contains("127.0.0.1"), "{}", err(&output));
        assert!(!err(&output).contains("hunter2secret"), "{}", err(&output));
    }
    assert!(began.elapsed() < Duration::from_secs(30), "it hung");
    assert!(desk.runs().is_empty());
}

#[test]
fn a_folder_that_cannot_be_written_is_told() {
    let desk = Desk::new();
    fs::write(desk.path("file"), "not a folder").unwrap();
    let output = desk.run(&["oltp/point-select", "--out", "file"]);
    assert_eq!(code(&output), 2);
    assert!(err(&output).contains("file"), "{}", err(&output));
}

#[test]
fn a_password_typed_in_a_wrong_place_is_masked() {
    let desk = Desk::new();
    let url = "postgres://me:hunter2secret@127.0.0.1:1/x";
    fs::write(desk.path("broken.toml"), format!("[targets]\nstaging = \"{url}\n")).unwrap();
    for arguments in [
        &["run", url][..],
        &["run", "--clients", url],
        &["run", "--isolation", url],
        &["run", "--out", url],
        &["run", "-o", url],
        &["run", "--config", url],
        &["run", "--config", "broken.toml"],
        &["list", "--sql", "oltp/tpcb", "--target", url],
        &["compare", url],
    ] {
        let output = desk.dbdyno(arguments);
        assert_eq!(code(&output), 2, "{arguments:?}");
        let told = out(&output) + &err(&output);
        assert!(!told.contains("hunter2secret"), "{arguments:?} says:\n{told}");
    }
    assert_eq!(fs::read_dir(desk.folder.path()).unwrap().count(), 1, "something was made");
}

#[test]
fn a_setting_that_no_target_could_take_is_refused() {
    let desk = Desk::new();
    for setting in ["shared_buffers=1GB", "postgres:shared_buffers=1GB"] {
        let output = desk.run(&["oltp/point-select", "-o", setting]);
        assert_eq!(code(&output), 2);
        assert!(err(&output).contains("throwaway"), "{}", err(&output));
    }
}

#[test]
fn two_runs_do_not_share_data() {
    let desk = Desk::new();
    let target = format!("sqlite:{}", desk.path("shared.db"));
    let first = desk.start(&["run", "oltp/tpcb", "--target", &target, "--duration", "10m"]);
    let run = under_way(&desk);
    let second = desk.run(&["oltp/tpcb", "--target", &target, "--reload", "--out", "others"]);
    assert_eq!(code(&second), 2, "{}", err(&second));
    assert!(err(&second).contains("another dbdyno"), "{}", err(&second));
    signal(&first, Signal::SIGINT);
    let first = first.wait_with_output().unwrap();
    assert_eq!(code(&first), 130, "{}", err(&first));
    let records = load(&[run]).unwrap().records;
    assert!(records.iter().all(|record| record.status != dbdyno_core::Status::Failed));
    let after = desk.run(&["oltp/tpcb", "--target", &target]);
    assert_eq!(code(&after), 0, "{}", err(&after));
    assert!(!Path::new(&format!("{}.dbdyno-lock", desk.path("shared.db"))).exists());
}

/// A terminal that goes away takes neither the run nor its results with it.
#[test]
fn a_closed_terminal_ends_nothing() {
    let desk = Desk::new();
    let mut command = desk.command(&["run", "oltp/tpcb", "--duration", "1s"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop((child.stdout.take(), child.stderr.take()));
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert!(desk.records().iter().any(|record| record.metric == "throughput"));
}

/// A server that answers nothing keeps dbdyno waiting while the process list is looked at.
#[test]
fn the_process_list_shows_no_password() {
    let desk = Desk::new();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let target = format!("postgres://me:of-this-test-alone@127.0.0.1:{port}/x?sslmode=disable");
    let mut child = desk.start(&["run", "oltp/tpcb", "--target", &target]);
    let connected = listener.accept().unwrap();
    let listed = Command::new("ps").args(["-eo", "pid,args"]).output().unwrap();
    let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
    assert!(listed.contains(&format!("postgres://me@127.0.0.1:{port}/x")), "{listed}");
    assert!(!listed.contains("of-this-test-alone"));
    drop((connected, listener));
    child.wait().unwrap();
}

fn ctrl_c_keeps_what_was_measured(target: &str) {
    let desk = Desk::new();
    let child =
        desk.start(&["run", "oltp/tpcb", "--target", target, "--duration", "10m", "--warmup", "0"]);
    let run = under_way(&desk);
    let folders = throwaway_folders(&run);
    signal(&child, Signal::SIGINT);
    let output = child.wait_with_output().unwrap();
    assert_eq!(code(&output), 130, "{}", err(&output));
    let records = desk.records();
    let throughput = records.iter().find(|record| record.metric == "throughput").unwrap();
    assert_eq!(throughput.status, dbdyno_core::Status::Interrupted);
    assert!(throughput.value.unwrap() > 0.0);
    assert!(fs::read_to_string(run.join("run.toml")).unwrap().contains("interrupted"));
    assert!(!folders.is_empty(), "the run does not say where its server was");
    for folder in folders {
        assert!(!folder.exists(), "{} is left", folder.display());
        let left = processes_of(&folder);
        assert!(left.is_empty(), "{left:?}");
    }
}

/// The main job: every engine and level side by side.
#[test]
fn engines_and_levels_stand_side_by_side() {
    let servers: Vec<&str> =
        ["postgres", "mariadb"].into_iter().filter(|engine| !left_out(engine)).collect();
    let mut arguments =
        vec!["oltp/tpcb", "oltp/read-write", "--isolation", "all", "--clients", "2"];
    for target in ["sqlite"].iter().chain(&servers) {
        arguments.extend(["--target", target]);
    }
    let desk = Desk::new();
    let output = desk.run(&arguments);
    assert_eq!(code(&output), 0, "{}\n{}", out(&output), err(&output));
    let run = desk.runs()[0].display().to_string();
    let compared = |by: &str| {
        let output = desk.dbdyno(&["compare", &run, "--by", by]);
        assert_eq!(code(&output), 0, "{}", err(&output));
        out(&output)
    };
    let by_engine = compared("engine");
    for engine in ["sqlite"].iter().chain(&servers) {
        assert!(by_engine.contains(engine), "{by_engine}");
    }
    let by_isolation = compared("isolation");
    assert!(by_isolation.contains("serializable"), "{by_isolation}");
    for table in [&by_engine, &by_isolation] {
        assert!(table.lines().all(|line| line.chars().count() <= 120), "{table}");
    }
    let records = desk.records();
    assert!(records.iter().all(|record| record.status != dbdyno_core::Status::Failed));
}

#[test]
fn open_loop_accounts_for_every_arrival() {
    let desk = Desk::new();
    let output = desk.dbdyno(&[
        "run",
        "oltp/point-select",
        "--rate",
        "500",
        "--spacing",
        "uniform",
        "--duration",
        "2s",
        "--warmup",
        "200ms",
        "--latency-limit",
        "1s",
    ]);
    assert_eq!(code(&output), 0, "{}", err(&output));
    let records = desk.records();
    let value = |metric: &str| {
        let found =
            records.iter().find(|record| record.metric == metric && record.transaction.is_empty());
        found.unwrap_or_else(|| panic!("no {metric}")).value.unwrap()
    };
    // Arrivals every 2 ms from 200 ms on and before 2,200 ms.
    assert_eq!(value("transactions") + value("skipped") + value("unstarted"), 1_000.0);
    assert!(value("service_p50_us") <= value("latency_p50_us"));
    // At a rate that nothing could hold most arrivals never start, and count in what repetitions taken together have, too.
    let line = "run oltp/point-select --rate 2000000 --duration 300ms --warmup 0s --repetitions 2 --out fast";
    let output = desk.dbdyno(&line.split(' ').collect::<Vec<_>>());
    assert_eq!(code(&output), 0, "{}", err(&output));
    let run = fs::read_dir(desk.path("fast")).unwrap().next().unwrap().unwrap().path();
    let records = load(&[&run]).unwrap().records;
    let unstarted = records.iter().filter(|row| row.metric == "unstarted" && row.value > Some(1e5));
    assert_eq!(unstarted.count(), 2);
    let compared = |more: &[&str]| {
        let line = ["compare", run.to_str().unwrap(), "--metric", "p50", "--format", "csv"];
        let output = desk.dbdyno(&[&line, more].concat());
        assert_eq!((code(&output), err(&output).as_str()), (0, ""));
        out(&output)
            .lines()
            .map(|line| line.rsplit(',').next().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(compared(&[]), ["merged", "1"]);
    assert_eq!(compared(&["--no-merge"]), ["merged", "0"]);
}

#[test]
fn everything_there_is_can_be_listed() {
    let desk = Desk::new();
    let listed = desk.dbdyno(&["list"]);
    assert_eq!(code(&listed), 0);
    for part in ["oltp/tpcc", "sqlite:PATH", "read-uncommitted", "serializable"] {
        assert!(out(&listed).contains(part), "{part} is missing in:\n{}", out(&listed));
    }
    let sql = desk.dbdyno(&["list", "--sql", "oltp/tpcc"]);
    assert_eq!(code(&sql), 0);
    assert!(out(&sql).contains("FOR UPDATE") && out(&sql).contains("$1"));
    let sqlite = desk.dbdyno(&["list", "--sql", "oltp/tpcc", "--target", "sqlite"]);
    assert!(!out(&sqlite).contains("FOR UPDATE"));
    let native = desk.dbdyno(&["list", "--sql", "oltp/tpcc", "--statements", "native"]);
    assert_eq!(code(&native), 0);
    assert!(out(&native).contains("-- oltp/tpcc on sqlite, native statements"));
    let doctor = desk.dbdyno(&["doctor"]);
    assert_eq!(code(&doctor), 0);
    assert!(out(&doctor).contains("sqlite") && out(&doctor).contains("mariadb"));
}

#[test]
fn a_configuration_file_names_targets_and_defaults() {
    let desk = Desk::new();
    fs::write(
        desk.path("dbdyno.toml"),
        "[targets]\nlocal = \"sqlite?cache_size=-4000\"\n[run]\ntargets = [\"local\"]\nclients = [3]\nduration = \"1s\"\n",
    )
    .unwrap();
    let output = desk.dbdyno(&["run", "oltp/point-select"]);
    assert_eq!(code(&output), 0, "{}", err(&output));
    assert!(desk.records().iter().all(|record| record.case.clients == 3));
    let forms = "[run]\nstatements = [\"native\"]\npipeline = [\"off\", \"on\"]\n";
    fs::write(desk.path("dbdyno.toml"), forms).unwrap();
    let output = desk.run(&["oltp/point-select", "--out", "forms"]);
    assert_eq!(code(&output), 0, "{}", err(&output));
    let said = err(&output);
    assert!(said.contains("clients native  ") && said.contains("native pipelined"), "{said}");
    fs::write(desk.path("dbdyno.toml"), "[run]\nstatements = [\"nativ\"]\n").unwrap();
    let output = desk.dbdyno(&["run", "oltp/point-select"]);
    assert_eq!(code(&output), 2);
    let said = err(&output);
    assert!(said.contains("`run.statements`") && said.contains("`native`"), "{said}");
    fs::write(desk.path("dbdyno.toml"), "[run]\nclient = 3\n").unwrap();
    let output = desk.dbdyno(&["run", "oltp/point-select"]);
    assert_eq!(code(&output), 2);
    assert!(err(&output).contains("clients"), "{}", err(&output));
}

#[test]
fn ctrl_c_keeps_what_was_measured_on_sqlite() {
    ctrl_c_keeps_what_was_measured("sqlite");
}

#[test]
fn ctrl_c_keeps_what_was_measured_on_postgres() {
    if !left_out("postgres") {
        ctrl_c_keeps_what_was_measured("postgres");
    }
}

#[test]
fn ctrl_c_keeps_what_was_measured_on_mariadb() {
    if !left_out("mariadb") {
        ctrl_c_keeps_what_was_measured("mariadb");
    }
}
