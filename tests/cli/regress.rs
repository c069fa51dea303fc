//! `dbdyno regress`.

use std::fs::{self, File};

use dbdyno_results::{Record, RunFolder, RunInfo};

use crate::desk::{Desk, code, err, out};
use crate::plans::{case, plan};
use dbdyno_core::{Better, Case, Measurement, Recorder as _, SessionOptions};

const STEADY: [f64; 6] = [1.0, 1.01, 0.99, 1.005, 0.995, 1.015];

/// A desk with made-up runs: each with its throughput, which varies by some percent, and the step of its
/// plan.
fn desk(runs: &[(&str, f64, &str)]) -> Desk {
    let desk = Desk::new();
    for (run, throughput, step) in runs {
        let folder = RunFolder::create(&desk.folder.path().join("runs"), run).unwrap();
        let info = RunInfo { outcome: Some("done".to_owned()), ..RunInfo::default() };
        folder.write_run_toml(&info).unwrap();
        for (repetition, noise) in (1..).zip(STEADY) {
            let case = Case { repetition, ..case("indexes") };
            let rows = [
                Measurement::new("throughput", throughput * noise, "1/s", Better::Higher),
                Measurement::new("latency_p99_us", 1e6 / throughput / noise, "us", Better::Lower),
                Measurement::new("errors", 0.0, "1", Better::Lower),
            ];
            folder.measurements(&case, &rows).unwrap();
            folder.plan(&case, "orders of a day", &plan(step, 10.0)).unwrap();
        }
    }
    desk
}

#[test]
fn the_exit_code_tells_what_became_of_a_run() {
    let desk = desk(&[
        ("old", 1000.0, "Index Scan"),
        ("same", 1002.0, "Index Scan"),
        ("slow", 700.0, "Seq Scan"),
        ("other-plan", 1001.0, "Bitmap Heap Scan"),
    ]);
    for (current, options, ends, told) in [
        ("same", &[][..], 0, "no regressions, 2 unchanged\n"),
        ("slow", &[], 1, "2 regressions, 1 changed plan\n"),
        ("slow", &["--min-effect", "60%"], 0, "no regressions, 2 unchanged, 1 changed plan\n"),
        ("slow", &["--metric", "p99", "--min-effect", "p99=60"], 0, "no regressions, 1 unchanged"),
        ("slow", &["--confidence", "99.9"], 2, "2 could not be told"),
        ("other-plan", &[], 0, "no regressions, 2 unchanged, 1 changed plan\n"),
        ("other-plan", &["--fail-on-plan-change"], 1, "a regression of its own"),
    ] {
        let runs = ["regress", "runs/old", &format!("runs/{current}")].map(str::to_owned);
        let arguments: Vec<&str> =
            runs.iter().map(String::as_str).chain(options.iter().copied()).collect();
        let output = desk.dbdyno(&arguments);
        assert_eq!(code(&output), ends, "{arguments:?}: {}{}", out(&output), err(&output));
        assert!(out(&output).contains(told), "{arguments:?}: {}", out(&output));
        assert!(ends == 0 || !out(&output).contains("no regressions"), "{}", out(&output));
        assert!(out(&output).lines().all(|line| line.chars().count() <= 80), "{}", out(&output));
    }
    let output = desk.dbdyno(&["regress", "runs/old", "runs/same", "runs/slow/results.csv"]);
    assert_eq!(code(&output), 1, "{}", err(&output));
    let text = out(&output);
    for part in ["slow against the baseline old, same", "12 against 6", "- Index Scan on orders"] {
        assert!(text.contains(part), "{part} is missing in:\n{text}");
    }
    assert!(text.contains("the likely cause of the regression of throughput, latency_p99_us"));
}

#[test]
fn thresholds_come_from_the_file_and_the_command_line() {
    let desk = desk(&[("old", 1000.0, "Scan"), ("slow", 880.0, "Scan")]);
    let regress = |file: &str, options: &[&str]| {
        fs::write(desk.folder.path().join("dbdyno.toml"), file).unwrap();
        desk.dbdyno(&[&["regress", "runs/old", "runs/slow"], options].concat())
    };
    let all = "[regress]\nmin-effect = \"20%\"\n";
    let one = "[regress]\nmin-effect = \"20%\"\n[regress.metrics]\nlatency_p99_us = \"5%\"\n";
    for (file, options, regressions) in [
        ("", &[][..], "2 regressions"),
        (all, &[], "no regressions"),
        (one, &[], "1 regression,"),
        (one, &["--min-effect", "p99=30%"], "no regressions"),
        (one, &["--min-effect", "1%"], "2 regressions"),
    ] {
        let output = regress(file, options);
        assert!(out(&output).starts_with(regressions), "{file}{options:?}: {}", out(&output));
    }
    for (file, told) in [
        ("[regress]\nmin_effect = \"5%\"\n", "unknown field `min_effect`"),
        ("[regress]\nmin-effect = \"a bit\"\n", "`regress.min-effect`"),
        ("[regress.metrics]\nthroughput = \"0%\"\n", "`regress.metrics.throughput`"),
        ("[regress]\nconfidence = \"100%\"\n", "from 50% to 99.99%"),
    ] {
        let output = regress(file, &[]);
        assert_eq!(code(&output), 2, "{file}: {}", out(&output));
        assert!(err(&output).contains(told), "{file}: {}", err(&output));
    }
}

#[test]
fn every_form_is_written_to_a_file_on_request() {
    let desk = desk(&[("old", 1000.0, "Scan"), ("slow", 700.0, "Scan")]);
    for (format, part) in [
        ("text", "REGRESSION"),
        ("markdown", "| regression | olap/indexes |"),
        ("json", "\"outcome\": \"regression\""),
        ("junit", "<testsuites name=\"dbdyno regress\" tests=\"2\""),
    ] {
        let shown = desk.dbdyno(&["regress", "runs/old", "runs/slow", "--format", format]);
        assert_eq!(code(&shown), 1, "{}", err(&shown));
        assert!(out(&shown).contains(part), "{part} is missing in:\n{}", out(&shown));
        let to_file = ["regress", "runs/old", "runs/slow", "--format", format, "-o", "judgement"];
        let written = desk.dbdyno(&to_file);
        assert_eq!((code(&written), out(&written).as_str()), (1, "2 regressions\n"));
        assert_eq!(fs::read_to_string(desk.path("judgement")).unwrap(), out(&shown));
    }
}

#[test]
fn bad_input_ends_with_two() {
    let desk = desk(&[("old", 1000.0, "Scan"), ("new", 1000.0, "Scan"), ("twice", 1000.0, "Scan")]);
    let results = desk.folder.path().join("runs/twice/results.csv");
    let text = fs::read_to_string(&results).unwrap();
    let last = text.lines().last().unwrap();
    fs::write(&results, format!("{text}{last}\n")).unwrap();
    fs::create_dir(desk.path("runs/half")).unwrap();
    fs::write(desk.path("runs/half/results.csv"), &text[..text.len() - 4]).unwrap();
    for (arguments, told) in [
        (&["runs/old"][..], "only one run was given"),
        (&["runs/old", "runs/old"], "the run old is on both sides"),
        (&["runs/old", "runs/nowhere"], "give a run folder"),
        (&["runs/old", "runs/twice"], "results.csv`, line 20: it says `errors`"),
        (&["runs/old", "runs/half"], "line 19: the last line was cut off"),
        (&["runs/old", "runs/new", "--metric", "thruput"], "give `throughput`"),
        (&["runs/old", "runs/new", "--min-effect", "100%"], "not a percentage above 0%"),
        (&["runs/old", "runs/new", "-o", "nowhere/file"], "see to it that the folder is there"),
    ] {
        let output = desk.dbdyno(&[&["regress"], arguments].concat());
        assert_eq!(code(&output), 2, "{arguments:?}: {}", out(&output));
        assert!(err(&output).contains(told), "{arguments:?}: {}", err(&output));
    }
}

/// What is wrong with a `results.csv` is told with its place, whoever reads it. What a cut-off one still has is shown.
#[test]
fn damaged_results_end_every_reader_with_two() {
    let desk = desk(&[("old", 1000.0, "Scan"), ("new", 1000.0, "Scan")]);
    let text = fs::read_to_string(desk.path("runs/new/results.csv")).unwrap();
    let damaged = |name: &str, results: &str| {
        fs::create_dir(desk.path(&format!("runs/{name}"))).unwrap();
        fs::write(desk.path(&format!("runs/{name}/results.csv")), results).unwrap();
        let conditions = fs::read_to_string(desk.path("runs/new/run.toml")).unwrap();
        fs::write(desk.path(&format!("runs/{name}/run.toml")), conditions).unwrap();
    };
    damaged("cut", &text[..text.len() - 4]);
    damaged("nan", &text.replacen(",1000,", ",NaN,", 1));
    damaged("twice", &format!("{text}{}\n", text.lines().last().unwrap()));
    damaged("empty", &format!("{}\n", text.lines().next().unwrap()));
    damaged("newer", &text);
    let conditions = fs::read_to_string(desk.path("runs/newer/run.toml")).unwrap();
    let newer = conditions.replacen("schema_version = 1", "schema_version = 99", 1);
    fs::write(desk.path("runs/newer/run.toml"), newer).unwrap();
    for (name, told) in [
        ("cut", "line 19: the last line was cut off"),
        ("nan", "results.csv`, line 2, column `value`: `NaN`"),
        ("twice", "results.csv`, line 20: it says `errors`"),
        ("empty", "there is not a single result in it"),
        ("newer", "it is of schema version 99"),
    ] {
        let run = format!("runs/{name}");
        for arguments in [
            &["compare", &run, "runs/old"][..],
            &["report", &run, "runs/old", "-o", "report.html"],
            &["regress", "runs/old", &run],
            &["history", "add", &run],
        ] {
            let output = desk.dbdyno(arguments);
            assert_eq!(code(&output), 2, "{arguments:?}: {}{}", out(&output), err(&output));
            assert!(err(&output).contains(told), "{arguments:?}: {}", err(&output));
            let is_shown = name == "cut" && ["compare", "report"].contains(&arguments[0]);
            assert_eq!(!out(&output).is_empty(), is_shown, "{arguments:?}: {}", out(&output));
        }
    }
}

/// What was cut at the end of a line has fewer rows than its run says.
#[test]
fn rows_that_a_run_wrote_and_its_file_lacks_are_missed_by_every_reader() {
    let desk = desk(&[("old", 1000.0, "Scan"), ("new", 1000.0, "Scan")]);
    let conditions = fs::read_to_string(desk.path("runs/new/run.toml")).unwrap();
    let text = fs::read_to_string(desk.path("runs/new/results.csv")).unwrap();
    let rows = text.lines().count() - 1;
    let says = |rows: usize| {
        let says = format!("outcome = \"done\"\nrows = {rows}\n");
        let conditions = conditions.replacen("outcome = \"done\"\n", &says, 1);
        fs::write(desk.path("runs/new/run.toml"), conditions).unwrap();
    };
    for (rows, ends) in [(rows, 0), (rows + 3, 2)] {
        says(rows);
        for arguments in [
            &["compare", "runs/new", "runs/old"][..],
            &["report", "runs/new", "runs/old", "-o", "report.html"],
            &["regress", "runs/old", "runs/new"],
        ] {
            let output = desk.dbdyno(arguments);
            assert_eq!(code(&output), ends, "{arguments:?}: {}{}", out(&output), err(&output));
            let is_told =
                err(&output).contains("results.csv` has 18 rows of 21 that the run wrote");
            assert_eq!(is_told, ends == 2, "{arguments:?}: {}", err(&output));
        }
    }
}

#[test]
fn no_output_goes_over_what_is_read() {
    let desk = desk(&[("old", 1000.0, "Scan"), ("new", 1000.0, "Scan")]);
    let file = desk.path("runs/new/results.csv");
    let before = fs::read_to_string(&file).unwrap();
    for place in ["runs/new/results.csv", "runs/old/../new/run.toml", "runs/old/report.txt"] {
        let output = desk.dbdyno(&["regress", "runs/old", "runs/new", "-o", place]);
        assert_eq!(code(&output), 2, "{place}");
        assert!(err(&output).contains("it belongs to what is read"), "{}", err(&output));
    }
    assert_eq!(fs::read_to_string(&file).unwrap(), before);
}

/// A server's words, and a file's, do not move a terminal's cursor.
#[test]
fn control_characters_are_shown_and_do_nothing() {
    let desk = desk(&[("old", 1000.0, "Scan")]);
    let file = desk.path("runs/old/results.csv");
    let text = fs::read_to_string(&file).unwrap().replace("indexes", "\u{1b}[31mred");
    fs::write(&file, text).unwrap();
    let output = desk.dbdyno(&["compare", "runs/old"]);
    assert!(out(&output).contains("\\u{1b}[31mred"), "{}", out(&output));
    assert!(!out(&output).contains('\u{1b}') && !err(&output).contains('\u{1b}'));
}

/// What is missing from a run could turn a table round, though every line of it is whole.
#[test]
fn compare_and_report_name_what_runs_lack_and_end_with_two() {
    let names = ["whole", "killed", "short", "interrupted", "bare"];
    let desk = desk(&names.map(|name| (name, 1000.0, "Scan")));
    let change = |name: &str, from: &str, to: &str| {
        let path = desk.path(&format!("runs/{name}/run.toml"));
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{text}");
        fs::write(&path, text.replacen(from, to, 1)).unwrap();
    };
    change("killed", "outcome = \"done\"\n", "");
    change("interrupted", "\"done\"", "\"interrupted\"");
    for name in ["short", "interrupted"] {
        change(name, "[options]\n", "[options]\nrepetitions = \"7\"\n");
    }
    fs::remove_file(desk.path("runs/bare/run.toml")).unwrap();
    let short = "have fewer than the 7 repetitions that were planned: as few as 6";
    for (name, told, ends) in [
        ("whole", "", 0),
        ("killed", "the run killed was killed, or still goes on", 2),
        ("short", short, 2),
        ("interrupted", short, 0),
        ("bare", "on which machine it was measured is not known", 0),
    ] {
        let run = format!("runs/{name}");
        let compared = desk.dbdyno(&["compare", &run]);
        assert!(out(&compared).contains("olap/indexes"), "{name}: {}", out(&compared));
        let reported = desk.dbdyno(&["report", &run, "-o", "report.md"]);
        let report = fs::read_to_string(desk.path("report.md")).unwrap();
        assert!(report.contains(told), "{name}: {report}");
        for output in [&compared, &reported] {
            assert_eq!(code(output), ends, "{name}: {}", err(output));
            assert!(err(output).contains(told), "{name}: {}", err(output));
        }
        assert_eq!(err(&compared).is_empty(), told.is_empty(), "{name}: {}", err(&compared));
        // A history takes what is whole.
        let added = desk.dbdyno(&["history", "add", &run]);
        assert_eq!(code(&added), if name == "whole" { 0 } else { 2 }, "{name}: {}", err(&added));
        assert!(name != "short" || err(&added).contains(short), "{}", err(&added));
    }
}

/// Percentiles of several repetitions are read off them; what asks for none has no use for them.
#[test]
fn response_times_that_cannot_be_read_end_compare_and_report_with_two() {
    let desk = desk(&[("old", 1000.0, "Scan")]);
    let log = desk.path("runs/old/latency.hlog");
    let whole = fs::read_to_string(&log).unwrap();
    let report = ["report", "runs/old", "-o", "report.md"];
    for (text, ends, told) in [
        (whole.as_str(), 0, ""),
        ("", 2, "latency.hlog`: it is empty"),
        ("Tag=x,0,1,1,H*ST\n", 2, "latency.hlog`, line 1: "),
        (&whole[..whole.len() - 1], 2, "the last line was cut off and is skipped"),
    ] {
        fs::write(&log, text).unwrap();
        for arguments in [&["compare", "runs/old"][..], &report] {
            let output = desk.dbdyno(arguments);
            assert_eq!(code(&output), ends, "{arguments:?}: {}", err(&output));
            assert!(err(&output).contains(told), "{arguments:?}: {}", err(&output));
            assert!(out(&output).contains("olap/indexes") || arguments == report);
        }
        for without in [&["--no-merge"][..], &["--metric", "throughput"], &["--by", "run"]] {
            let is_read = without[0] == "--by";
            let output = desk.dbdyno(&[&["compare", "runs/old"], without].concat());
            assert_eq!(code(&output), if is_read { ends } else { 0 }, "{}", err(&output));
        }
    }
    // Many take their time, which is said.
    fs::write(&log, &whole).unwrap();
    File::options().write(true).open(&log).unwrap().set_len(1 << 25).unwrap();
    for arguments in [&["compare", "runs/old"][..], &report] {
        let output = desk.dbdyno(arguments);
        assert!(
            err(&output).starts_with("note: reading 33.6MB of response times"),
            "{}",
            err(&output)
        );
    }
    fs::remove_file(&log).unwrap();
    let output = desk.dbdyno(&["compare", "runs/old"]);
    assert_eq!(code(&output), 0, "{}", err(&output));
    assert!(err(&output).contains("those of the middle one"), "{}", err(&output));
}

#[test]
fn runs_of_nothing_in_common_are_not_set_side_by_side() {
    let desk = desk(&[("old", 1000.0, "Scan"), ("new", 1000.0, "Scan")]);
    let file = desk.path("runs/new/results.csv");
    let other = fs::read_to_string(&file).unwrap().replace(",indexes,", ",refresh,");
    fs::write(&file, other).unwrap();
    let told =
        "no two of the runs have a benchmark in common: `runs/old/results.csv` has olap/indexes";
    let compared = desk.dbdyno(&["compare", "runs/old", "runs/new"]);
    assert_eq!((code(&compared), out(&compared).as_str()), (2, ""));
    assert!(err(&compared).contains(told), "{}", err(&compared));
    let csv = desk.dbdyno(&["compare", "runs/old", "runs/new", "--format", "csv"]);
    assert_eq!((code(&csv), err(&csv).contains(told)), (0, false), "{}", err(&csv));
    // A report may be of things that have nothing to do with each other.
    let reported = desk.dbdyno(&["report", "runs/old", "runs/new", "-o", "report.md"]);
    assert_eq!((code(&reported), err(&reported).contains(told)), (0, false), "{}", err(&reported));
    // One of two targets sets them side by side.
    let elsewhere = fs::read_to_string(&file).unwrap().replace(",postgres,", ",mariadb,");
    fs::write(&file, elsewhere.replace(",sqlite,", ",mariadb,")).unwrap();
    let reported = desk.dbdyno(&["report", "runs/old", "runs/new", "-o", "report.md"]);
    assert_eq!((code(&reported), err(&reported).contains(told)), (0, true), "{}", err(&reported));
    assert_eq!(code(&desk.dbdyno(&["regress", "runs/old", "runs/new"])), 2);
    // Where each has several targets there are tables, of one run each.
    for run in ["old", "new"] {
        let file = desk.path(&format!("runs/{run}/results.csv"));
        let text = fs::read_to_string(&file).unwrap().replace(",mariadb,", ",postgres,");
        let rows: Vec<&str> = text.lines().skip(1).collect();
        let again =
            rows.join("\n").replace(",postgres,", ",mariadb,").replace(",sqlite,", ",mariadb,");
        fs::write(&file, format!("{text}{again}\n")).unwrap();
    }
    let compared = desk.dbdyno(&["compare", "runs/old", "runs/new"]);
    assert_eq!((code(&compared), err(&compared).contains(told)), (0, true), "{}", err(&compared));
    assert!(out(&compared).contains("olap/indexes") && out(&compared).contains("olap/refresh"));
}

/// What was measured elsewhere is set beside it only where that is asked for.
#[test]
fn runs_of_different_machines_are_refused_by_compare() {
    let desk = desk(&[("old", 1000.0, "Scan"), ("new", 1000.0, "Scan")]);
    for (name, cores) in [("old", "cores = 2"), ("new", "cores = 64")] {
        let file = desk.path(&format!("runs/{name}/run.toml"));
        let text = fs::read_to_string(&file).unwrap();
        assert!(text.contains("cores = 0"), "{text}");
        fs::write(&file, text.replace("cores = 0", cores)).unwrap();
    }
    let compared = desk.dbdyno(&["compare", "runs/old", "runs/new"]);
    assert_eq!((code(&compared), out(&compared).as_str()), (2, ""), "{}", err(&compared));
    assert!(err(&compared).contains("--across-machines"), "{}", err(&compared));
    let meant = desk.dbdyno(&["compare", "runs/old", "runs/new", "--across-machines"]);
    assert_eq!(code(&meant), 0, "{}", err(&meant));
}

#[test]
fn compare_says_which_runs_a_cell_takes_together() {
    let desk = desk(&[("old", 1000.0, "Scan"), ("new", 500.0, "Scan")]);
    let together = desk.dbdyno(&["compare", "runs/old", "runs/new"]);
    assert_eq!(code(&together), 0, "{}", err(&together));
    let told = "new, old measured the same cases";
    assert!(err(&together).contains(told), "{}", err(&together));
    let apart = desk.dbdyno(&["compare", "runs/old", "runs/new", "--by", "run"]);
    assert_eq!((code(&apart), err(&apart).as_str()), (0, ""));
    assert!(out(&apart).contains("~0.50x"), "{}", out(&apart));
}

#[test]
fn output_that_cannot_be_written_is_an_error() {
    let desk = desk(&[("old", 1000.0, "Scan"), ("new", 1000.0, "Scan")]);
    let command = |redirect: &str| {
        let line = format!("\"$0\" regress runs/old runs/new {redirect}");
        std::process::Command::new("sh")
            .args(["-c", &line, env!("CARGO_BIN_EXE_dbdyno")])
            .current_dir(desk.folder.path())
            .output()
            .unwrap()
    };
    let full = command("> /dev/full");
    assert_eq!(code(&full), 2);
    assert!(err(&full).contains("write the output: No space left"), "{}", err(&full));
    // Whoever reads it may leave early.
    let left = command("| true");
    assert_eq!((code(&left), err(&left).as_str()), (0, ""));
}

#[test]
fn histories_have_a_confidence_of_their_own() {
    let names: Vec<String> = (10..22).map(|number| format!("run-{number}")).collect();
    let runs: Vec<(&str, f64, &str)> =
        names.iter().map(|name| (name.as_str(), 1000.0, "Scan")).collect();
    let desk = desk(&runs);
    for name in &names {
        let run = format!("runs/{name}");
        assert_eq!(code(&desk.dbdyno(&["history", "add", &run])), 0);
    }
    let regress = || desk.dbdyno(&["regress", "--history", "history"]);
    assert_eq!(code(&regress()), 0);
    // That of comparisons is none of theirs.
    fs::write(desk.path("dbdyno.toml"), "[regress]\nconfidence = \"99.9%\"\n").unwrap();
    assert_eq!(code(&regress()), 0);
    let refused = desk.dbdyno(&["regress", "--history", "history", "--confidence", "95%"]);
    assert_eq!(code(&refused), 2);
    assert!(err(&refused).contains("`--history-confidence`"), "{}", err(&refused));
    let given = ["regress", "--history", "history", "--history-confidence", "99.9%"];
    assert_eq!(code(&desk.dbdyno(&given)), 2);
    fs::write(desk.path("dbdyno.toml"), "[regress]\nhistory-confidence = \"99.9%\"\n").unwrap();
    let output = regress();
    assert_eq!(code(&output), 2, "{}", out(&output));
    assert!(out(&output).contains("12 runs cannot show a change; 14 can"), "{}", out(&output));
    fs::write(desk.path("dbdyno.toml"), "[regress]\nhistory-confidence = \"much\"\n").unwrap();
    let output = desk.dbdyno(&["history", "show"]);
    assert_eq!(code(&output), 2);
    assert!(err(&output).contains("`regress.history-confidence`"), "{}", err(&output));
}

/// Somebody leaves a trigger on a table that reads a part of another for every change: a slowdown of real
/// runs on SQLite, which is found.
#[test]
fn a_planted_slowdown_is_found() {
    let desk = Desk::new();
    let target = format!("sqlite:{}", desk.path("bench.db"));
    let run = || {
        let mut arguments = vec!["oltp/tpcb", "--target", &target, "--durability", "none"];
        arguments.extend(["--clients", "1", "--repetitions", "6", "--quiet"]);
        let output = desk.run(&arguments);
        assert_eq!(code(&output), 0, "{}", err(&output));
    };
    run();
    let baseline = desk.runs()[0].clone();
    let trigger = "CREATE TRIGGER planted AFTER UPDATE ON pgbench_tellers BEGIN
             SELECT count(*) FROM (SELECT filler FROM pgbench_accounts LIMIT 5000) WHERE filler LIKE '%x%';
         END";
    let runtime = dbdyno_tests::runtime();
    let driver = dbdyno_tests::target(&runtime, &target);
    runtime.block_on(async {
        let mut session = driver.connect(&SessionOptions::default()).await.unwrap();
        session.run_sql(trigger).await.unwrap();
    });
    run();
    // By name runs of the same second come in any order.
    let current = desk.runs().into_iter().find(|run| *run != baseline).unwrap();
    let [baseline, current] = [baseline, current].map(|run| run.display().to_string());
    let output = desk.dbdyno(&["regress", &baseline, &current, "--format", "json"]);
    assert_eq!(code(&output), 1, "{}{}", out(&output), err(&output));
    let judgement: serde_json::Value = serde_json::from_str(&out(&output)).unwrap();
    let of = |metric: &str| {
        let findings = judgement["findings"].as_array().unwrap();
        findings.iter().find(|finding| finding["metric"] == metric).unwrap()["verdict"].clone()
    };
    assert_eq!(
        (of("throughput"), of("latency_p50_us")),
        ("regression".into(), "regression".into())
    );
    let records: Vec<Record> = desk.records();
    assert!(records.iter().all(|record| record.status == dbdyno_core::Status::Ok));
}

#[test]
fn a_history_is_kept_listed_shown_and_searched() {
    let names: Vec<String> = (10..24).map(|number| format!("run-{number}")).collect();
    let level = |number: usize| if number < 9 { 1000.0 } else { 700.0 };
    let runs: Vec<(&str, f64, &str)> = names
        .iter()
        .enumerate()
        .map(|(number, name)| (name.as_str(), level(number) + (number % 3) as f64, "Index Scan"))
        .collect();
    let desk = desk(&runs);
    for name in &names[..12] {
        let run = format!("runs/{name}");
        let output = desk.dbdyno(&["history", "add", &run, "--commit", name, "--branch", "main"]);
        assert_eq!(code(&output), 0, "{}", err(&output));
        assert_eq!(out(&output), format!("added history/{name}\n"));
    }
    let output = desk.dbdyno(&["history", "add", "runs/run-10"]);
    assert_eq!(code(&output), 2);
    assert!(err(&output).contains("it is there already"), "{}", err(&output));
    let listed = out(&desk.dbdyno(&["history", "list"]));
    assert!(listed.contains("run-21") && !listed.contains("run-22"), "{listed}");
    let output = desk.dbdyno(&["regress", "--history", "history", "runs/run-22", "runs/run-23"]);
    assert_eq!(code(&output), 1, "{}", err(&output));
    let text = out(&output);
    assert!(
        text.starts_with("2 regressions\nrun-23 and the 13 runs before it, from run-10 on\n"),
        "{text}"
    );
    assert!(text.contains("since run-19 (commit run-19 on main)"), "{text}");
    for run in ["runs/run-22", "runs/run-23"] {
        assert_eq!(code(&desk.dbdyno(&["history", "add", run])), 0);
    }
    let shown = out(&desk.dbdyno(&["history", "show", "--metric", "throughput"]));
    assert!(shown.contains("since run-19 (commit run-19 on main)"), "{shown}");
    let output = desk.dbdyno(&["regress", "--history", "history", "--recent", "1"]);
    assert_eq!(code(&output), 0, "{}{}", out(&output), err(&output));
    assert!(out(&output).contains("an older regression, since run-19"), "{}", out(&output));
    for (arguments, told) in [
        (&["regress", "--recent", "3", "runs/run-10", "runs/run-11"][..], "--history"),
        (&["history", "list", "--history", "none"], "No such file or directory"),
        (&["history", "add", "none"], "give a run folder"),
    ] {
        let output = desk.dbdyno(arguments);
        assert_eq!(code(&output), 2, "{arguments:?}");
        assert!(err(&output).contains(told), "{arguments:?}: {}", err(&output));
    }
}

#[test]
fn a_report_is_html_or_markdown() {
    let desk = desk(&[("one", 1000.0, "Index Scan")]);
    for (file, begins) in [("report.html", "<!DOCTYPE html>"), ("report.md", "# Databases on the")]
    {
        let output = desk.dbdyno(&["report", "runs/one", "-o", file]);
        assert_eq!(code(&output), 0, "{}", err(&output));
        assert_eq!(out(&output), format!("report in {file}\n"));
        let text = fs::read_to_string(desk.path(file)).unwrap();
        assert!(text.starts_with(begins) && text.contains("Index Scan on orders"), "{text}");
    }
    for (arguments, told) in [
        (["runs/one", "-o", "report.pdf"], "is neither .html nor .md"),
        (["runs/none", "-o", "report.md"], "give a run folder"),
        (["runs/one", "-o", "none/report.md"], "give another file with --output"),
    ] {
        let output = desk.dbdyno(&[&["report"][..], &arguments].concat());
        assert_eq!(code(&output), 2, "{arguments:?}");
        assert!(err(&output).contains(told), "{arguments:?}: {}", err(&output));
    }
}
