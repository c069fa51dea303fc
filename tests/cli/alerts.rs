//! Alerts: rules, who is told, and how a run ends. Faults are made for real.

mod sinks;

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use dbdyno_core::{Access, SessionOptions};
use dbdyno_tests::{left_out, runtime, target, wait_for};
use nix::unistd::Uid;

use crate::desk::{Desk, code, ended, err, under_way};
use crate::web::Posted;

/// The alerts in `events.csv`: kind, class, code, target and detail.
fn alerts(desk: &Desk) -> Vec<[String; 5]> {
    let run = desk.runs().pop().unwrap();
    let mut reader = csv::Reader::from_path(run.join("events.csv")).unwrap();
    let header = reader.headers().unwrap().clone();
    let place = |name: &str| header.iter().position(|column| column == name).unwrap();
    let places = ["kind", "class", "code", "target", "detail"].map(place);
    let rows = reader.records().map(|row| {
        let row = row.unwrap();
        places.map(|place| row[place].to_owned())
    });
    rows.filter(|row| row[0].starts_with("alert")).collect()
}

fn write(desk: &Desk, rules: &str) {
    fs::write(desk.path("dbdyno.toml"), rules).unwrap();
}

const ALWAYS: &str = "[[alert]]\nname = 'busy'\nmetric = 'load.p50'\nop = '>'\nthreshold = 0\n";

/// A closed loop of a short time, in which every second has transactions.
const LOAD: [&str; 6] = ["run", "oltp/point-select", "--warmup", "0", "--duration", "1s"];

/// How many samples of the machine there are.
fn samples(desk: &Desk) -> Option<usize> {
    let text = fs::read_to_string(desk.runs().pop()?.join("metrics.csv")).ok()?;
    Some(text.lines().filter(|line| line.contains(",run_queue,")).count())
}

#[test]
fn an_alert_is_told_to_all_and_decides_how_the_run_ends() {
    let desk = Desk::new();
    let posted = Posted::listen();
    let notify = format!(
        "[notify]\nwebhook = '{}'\ncommand = ['/bin/sh', '-c', 'cat >> told.json']\n",
        posted.url
    );
    write(&desk, &format!("{ALWAYS}severity = 'warn'\n{notify}"));
    let output = desk.dbdyno(&LOAD);
    assert_eq!(code(&output), 0, "{}", err(&output));
    assert!(
        err(&output).contains("! ALERT (warn): busy: load.p50 of sqlite is "),
        "{}",
        err(&output)
    );
    let found = alerts(&desk);
    let fired: Vec<_> = found.iter().filter(|row| row[0] == "alert_fired").collect();
    assert_eq!(fired.len(), 1, "{found:?}");
    assert_eq!(fired[0][1..4], ["warn", "busy", "sqlite"]);
    let told = posted.bodies.recv_timeout(Duration::from_secs(10)).unwrap();
    assert_eq!(told["alert"], "busy");
    assert_eq!((&told["state"], &told["severity"]), (&"fired".into(), &"warn".into()));
    assert_eq!((&told["metric"], &told["op"]), (&"load.p50".into(), &">".into()));
    assert_eq!(told["case"]["benchmark"], "point-select");
    assert!(told["value"].as_f64().unwrap() > 0.0, "{told}");
    let run = desk.runs().pop().unwrap();
    assert_eq!(told["run_id"], run.file_name().unwrap().to_str().unwrap());
    let commanded = fs::read_to_string(desk.path("told.json")).unwrap();
    let first: serde_json::Value = serde_json::from_str(commanded.lines().next().unwrap()).unwrap();
    assert_eq!(first, told);
    let conditions = fs::read_to_string(run.join("run.toml")).unwrap();
    assert!(conditions.contains("alerts = \"busy\""), "{conditions}");

    // The same rule is one that the run fails by; and one that ends it.
    write(&desk, &format!("{ALWAYS}severity = 'fail'\n"));
    let output = desk.dbdyno(&LOAD);
    assert_eq!(code(&output), 1, "{}", err(&output));
    let endless = ["run", "oltp/point-select", "--warmup", "0", "--duration", "1m"];
    let output = desk.dbdyno(&[&endless[..], &["--abort-on-alert"]].concat());
    assert_eq!(code(&output), 1, "{}", err(&output));
    let conditions = fs::read_to_string(desk.runs().pop().unwrap().join("run.toml")).unwrap();
    assert!(conditions.contains("outcome = \"interrupted\""), "{conditions}");
    let output = desk.dbdyno(&[&LOAD[..], &["--alerts", "none"]].concat());
    assert_eq!(code(&output), 0, "{}", err(&output));
}

/// Somebody holds the lock that every transaction needs: none ends, so that no second has a percentile. The rule is the
/// ready-made one.
#[test]
fn a_load_that_stands_still_is_told_of_while_it_does() {
    let desk = Desk::new();
    write(&desk, "[[alert]]\nuse = 'stall'\nseverity = 'fail'\n");
    let place = format!("sqlite:{}", desk.path("locked.db"));
    let arguments = ["run", "oltp/tpcb", "--target", &place, "--clients", "2", "--warmup", "0"];
    let endless = ["--duration", "10m", "--abort-on-alert"];
    let child = desk.start(&[&arguments[..], &endless].concat());
    under_way(&desk);
    let runtime = runtime();
    let driver = target(&runtime, &format!("{place}?busy_timeout=0"));
    let mut holder = runtime.block_on(driver.connect(&SessionOptions::default())).unwrap();
    // The clients leave it free for moments only.
    let mut begin = || runtime.block_on(holder.begin(Access::Write)).ok();
    wait_for("the lock", || (0..1_000).find_map(|_| begin()));
    let fired =
        wait_for("an alert", || alerts(&desk).into_iter().find(|row| row[0] == "alert_fired"));
    runtime.block_on(holder.rollback()).unwrap();
    assert_eq!(fired[1..4], ["fail", "stall", &place]);
    let output = ended(child);
    assert_eq!(code(&output), 1, "{}", err(&output));
    assert!(err(&output).contains("stall: load.oldest of sqlite:"), "{}", err(&output));
}

/// The ready-made rule, and a file system that is full to more than 95 %: one of memory alone, of a mount namespace of
/// dbdyno's own.
#[test]
fn a_disk_that_fills_up_is_told_of() {
    if !Uid::effective().is_root() {
        eprintln!("left out: only root has mounts of its own");
        return;
    }
    let desk = Desk::new();
    let script =
        "mount -t tmpfs -o size=1m tmpfs /dev/shm && touch /dev/shm/is-ours && exec \"$@\"";
    let mut command = Command::new("unshare");
    command.args(["--mount", "sh", "-c", script, "sh", env!("CARGO_BIN_EXE_dbdyno"), "monitor"]);
    command.args(["--target", "sqlite", "--alerts", "disk", "--interval", "100ms", "--quiet"]);
    command.args(["--duration", "10m", "--abort-on-alert=warn"]);
    command.current_dir(desk.folder.path()).stdin(Stdio::null());
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    wait_for("samples", || samples(&desk).filter(|count| *count > 1));
    let memory = PathBuf::from(format!("/proc/{}/root/dev/shm", child.id()));
    assert!(memory.join("is-ours").exists());
    assert!(alerts(&desk).is_empty(), "a file system of this machine is full without the test");
    fs::write(memory.join("filler"), vec![0; 1000 << 10]).unwrap();
    let output = ended(child);
    assert_eq!(code(&output), 1, "{}", err(&output));
    let found = alerts(&desk);
    assert_eq!(found[0][..3], ["alert_fired", "warn", "disk"], "{found:?}");
    assert!(found[0][4].contains("(/dev/shm) is "), "{found:?}");
}

#[test]
fn a_rule_that_is_wrong_is_told_with_its_line_before_anything_is_touched() {
    let desk = Desk::new();
    let named = "[[alert]]\nname = 'a'\n";
    for (rules, line, told) in [
        (format!("{named}metric = 'load.p98'\n"), 3, "there is no metric `load.p98`"),
        (format!("{named}metric = 'load.p99'\n"), 1, "neither `op` with `threshold` nor `absent"),
        (format!("{named}metric = 'load.p99'\nop = '='\n"), 4, "there is no sign `=`"),
        (
            format!("{named}metric = 'load.p99'\nop = '>'\nthreshold = '20 sheep'\n"),
            5,
            "`20 sheep` is not a duration such as",
        ),
        (
            format!("{named}metric = 'load.p99'\nop = '>'\nthreshold = 1\nclear = 2\n"),
            6,
            "`clear` must be below `threshold`",
        ),
        (
            format!("{named}metric = 'engine.commits'\nabsent = true\nthreshold = 1\n"),
            4,
            "what is absent has no `threshold`",
        ),
        (
            format!("{named}metric = 'machine.run_queue'\nabsent = true\ntarget = 'sqlite'\n"),
            5,
            "machine.run_queue is no target's",
        ),
        ("[[alert]]\nuse = 'deadlock'\n".to_owned(), 2, "did you mean `deadlocks`"),
        (format!("{named}sevrity = 'fail'\n"), 3, "unknown field `sevrity`"),
        (
            "[[alert]]\nuse = 'p99'\nbaseline = 'nowhere'\nthreshold = '150%'\n".to_owned(),
            3,
            "nowhere",
        ),
    ] {
        write(&desk, &rules);
        let output = desk.dbdyno(&LOAD);
        assert_eq!(code(&output), 2, "{rules}{}", err(&output));
        let said = err(&output);
        assert!(said.contains(&format!("line {line}")) && said.contains(told), "{rules}{said}");
        assert!(desk.runs().is_empty());
    }
    for (notify, told) in [
        ("webhook = 'ftp://here/'", "neither http nor https"),
        ("webhook = 'here'", "notify.webhook"),
        ("command = []", "it is empty"),
        ("command = ['/no/such/program']", "there is no program `/no/such/program`"),
    ] {
        write(&desk, &format!("{ALWAYS}[notify]\n{notify}\n"));
        let output = desk.dbdyno(&LOAD);
        assert_eq!(code(&output), 2, "{notify}{}", err(&output));
        assert!(err(&output).contains(told), "{}", err(&output));
    }
    write(&desk, ALWAYS);
    let output = desk.dbdyno(&[&LOAD[..], &["--no-monitor"]].concat());
    assert_eq!(code(&output), 2, "{}", err(&output));
    assert!(err(&output).contains("--alerts none"), "{}", err(&output));
    assert!(desk.runs().is_empty());
}

#[test]
fn a_run_that_is_slower_than_its_baseline_is_told_of() {
    let desk = Desk::new();
    let output = desk.dbdyno(&LOAD);
    assert_eq!(code(&output), 0, "{}", err(&output));
    let baseline = desk.runs().pop().unwrap();
    let rule = |metric: &str, op: &str, threshold: &str| {
        format!(
            "[[alert]]\nname = '{metric}'\nmetric = 'load.{metric}'\nop = '{op}'\n\
             threshold = '{threshold}'\nbaseline = '{}'\n",
            baseline.display()
        )
    };
    // Nobody is a thousand times as fast, and everybody a thousandth.
    let rules = rule("p99", ">", "0.1%") + &rule("p50", ">", "100000000%");
    write(&desk, &rules);
    let output = desk.dbdyno(&LOAD);
    assert_eq!(code(&output), 0, "{}", err(&output));
    let codes: Vec<String> =
        alerts(&desk).into_iter().map(|row| row[0].clone() + &row[2]).collect();
    assert!(codes.contains(&"alert_firedp99".to_owned()), "{codes:?}");
    assert!(codes.iter().all(|code| !code.ends_with("p50")), "{codes:?}");
    let output = desk.dbdyno(&[&LOAD[..], &["--clients", "1"]].concat());
    assert_eq!(code(&output), 0, "{}", err(&output));
    let found = alerts(&desk);
    assert!(found.iter().all(|row| row[0] == "alert_not_judged"), "{found:?}");
    assert_eq!(found.len(), 2, "{found:?}");
}

/// A share of half a number, or of another machine's, would be judged as if it were of the same.
#[test]
fn a_baseline_that_is_cut_off_or_of_another_machine_is_refused_before_anything_is_touched() {
    let desk = Desk::new();
    let output = desk.dbdyno(&LOAD);
    assert_eq!(code(&output), 0, "{}", err(&output));
    let baseline = desk.runs().pop().unwrap();
    let rule = format!(
        "[[alert]]\nname = 'slow'\nmetric = 'load.p99'\nop = '>'\nthreshold = '100000000%'\n\
         baseline = '{}'\n",
        baseline.display()
    );
    let [results, conditions] = ["results.csv", "run.toml"].map(|file| baseline.join(file));
    let [rows, here] = [&results, &conditions].map(|file| fs::read_to_string(file).unwrap());
    let elsewhere = here.replacen("cores = ", "cores = 1000", 1);
    let across = format!("{rule}across_machines = true\n");
    for (rows, conditions, rule, ends, told) in [
        (&rows[..rows.len() - 4], &here, &rule, 2, "the last line was cut off"),
        (&rows[..], &elsewhere, &rule, 2, "it was measured on another machine (1000"),
        (&rows[..], &elsewhere, &across, 0, "it was measured on another machine (1000"),
        (&rows[..], &here, &across.replace("baseline", "# baseline"), 2, "is about a `baseline`"),
    ] {
        fs::write(&results, rows).unwrap();
        fs::write(baseline.join("run.toml"), conditions).unwrap();
        write(&desk, rule);
        let output = desk.dbdyno(&LOAD);
        assert_eq!(code(&output), ends, "{}", err(&output));
        assert!(err(&output).contains(told), "{}", err(&output));
        assert_eq!(desk.runs().len(), if ends == 0 { 2 } else { 1 });
        for run in desk.runs().into_iter().filter(|run| *run != baseline) {
            fs::remove_dir_all(run).unwrap();
        }
    }
}

/// Somebody changes the database under the load, so that each transaction reads a whole table.
#[test]
fn a_load_that_becomes_slower_than_its_baseline_is_told_of_while_it_runs() {
    let desk = Desk::new();
    let place = format!("sqlite:{}", desk.path("slower.db"));
    let load = ["run", "oltp/tpcb", "--target", &place, "--clients", "1", "--warmup", "0"];
    let load = [&load[..], &["--durability", "none", "--duration"]].concat();
    let output = desk.dbdyno(&[&load[..], &["2s"]].concat());
    assert_eq!(code(&output), 0, "{}", err(&output));
    let baseline = desk.runs().pop().unwrap();
    write(
        &desk,
        &format!(
            "[[alert]]\nname = 'slower'\nmetric = 'load.p50'\nop = '>'\nthreshold = '1000%'\n\
             for = '1s'\nseverity = 'fail'\nbaseline = '{}'\n",
            baseline.display()
        ),
    );
    let child = desk.start(&[&load[..], &["10m", "--abort-on-alert"]].concat());
    wait_for("a second of the second run", || {
        let run = desk.runs().pop().filter(|run| *run != baseline)?;
        let timeline = fs::read_to_string(run.join("timeline.csv")).ok()?;
        (timeline.lines().count() > 1).then_some(())
    });
    assert!(alerts(&desk).is_empty(), "it is slower than its baseline without the fault");
    let runtime = runtime();
    let driver = target(&runtime, &place);
    let mut session = runtime.block_on(driver.connect(&SessionOptions::default())).unwrap();
    let fault = "CREATE TRIGGER slow AFTER UPDATE ON pgbench_tellers BEGIN \
                 SELECT max(abalance + random()) FROM pgbench_accounts; END";
    // Writers who come all the time may keep it out for longer than it tries.
    wait_for("the fault", || runtime.block_on(session.run_sql(fault)).ok());
    let output = ended(child);
    assert_eq!(code(&output), 1, "{}", err(&output));
    let found = alerts(&desk);
    assert_eq!(found[0][..4], ["alert_fired", "fail", "slower", &place], "{found:?}");
    assert!(err(&output).contains("slower: load.p50 of sqlite:"), "{}", err(&output));
}

#[test]
fn a_target_that_is_watched_alone_has_alerts_too() {
    let desk = Desk::new();
    write(
        &desk,
        "[[alert]]\nname = 'gone'\nmetric = 'engine.log_file_bytes'\nabsent = true\nfor = '200ms'\n\
         [[alert]]\nname = 'there'\nmetric = 'machine.processors'\nop = '>='\nthreshold = 1\n\
         for = '1s'\nseverity = 'fail'\n",
    );
    // A temporary file that nobody has written to yet is not there.
    let arguments = ["monitor", "--target", "sqlite", "--interval", "100ms", "--duration", "1m"];
    let output = desk.dbdyno(&[&arguments[..], &["--abort-on-alert", "--quiet"]].concat());
    assert_eq!(code(&output), 1, "{}", err(&output));
    let found = alerts(&desk);
    let told: Vec<_> = found.iter().map(|row| row[..4].join(" ")).collect();
    assert_eq!(told, ["alert_fired warn gone sqlite", "alert_fired fail there "], "{found:?}");
    assert_eq!(found[0][4], "gone: engine.log_file_bytes of sqlite was not told for 200ms");
}

/// A history grows by a row with each transaction, and by no terabyte in a second.
#[test]
fn a_database_that_grows_fast_is_told_of() {
    let desk = Desk::new();
    let rule = |name: &str, threshold: &str| {
        format!(
            "[[alert]]\nname = '{name}'\nmetric = 'engine.database_bytes'\nop = '>'\n\
             threshold = {threshold}\nrate = '2s'\nseverity = 'fail'\n"
        )
    };
    write(&desk, &[rule("faster", "1e12"), rule("fast", "1000")].concat());
    let load = ["run", "oltp/tpcb", "--target", "sqlite", "--warmup", "0", "--duration", "1m"];
    let output = desk.dbdyno(&[&load[..], &["--abort-on-alert", "--quiet"]].concat());
    assert_eq!(code(&output), 1, "{}", err(&output));
    let found = alerts(&desk);
    assert_eq!(found[0][..4], ["alert_fired", "fail", "fast", "sqlite"], "{found:?}");
    assert!(found.iter().all(|row| row[2] == "fast"), "{found:?}");
}

/// Who asked for a rule would take its silence for good news; of a whole set some have nothing to judge.
#[test]
fn a_rule_that_nothing_can_be_held_against_is_told_at_the_end() {
    let desk = Desk::new();
    write(
        &desk,
        "[[alert]]\nname = 'elsewhere'\nmetric = 'machine.file_system_free_bytes'\nof = '/no/such/mount'\nop = '<'\n\
         threshold = 1\nseverity = 'fail'\n\
         [[alert]]\nname = 'judged'\nmetric = 'machine.processors'\nop = '<'\nthreshold = 0\n",
    );
    let monitor = ["monitor", "--target", "sqlite", "--interval", "100ms", "--duration", "300ms"];
    let output = desk.dbdyno(&[&monitor[..], &["--alerts", "p99"]].concat());
    assert_eq!(code(&output), 0, "{}", err(&output));
    let told: Vec<_> = alerts(&desk).iter().map(|row| row[..3].join(" ")).collect();
    assert_eq!(told, ["alert_not_judged fail elsewhere", "alert_not_judged warn p99"]);
    let words = "elsewhere: machine.file_system_free_bytes (/no/such/mount) was never judged: nothing that was measured tells it";
    assert!(err(&output).contains(words), "{}", err(&output));

    let desk = Desk::new();
    let output = desk.dbdyno(&[&monitor[..], &["--alerts", "default"]].concat());
    assert_eq!(code(&output), 0, "{}", err(&output));
    assert_eq!(alerts(&desk), Vec::<[String; 5]>::new(), "{}", err(&output));
}

/// The ready-made rule as it is: sixteen pages of a cache, of which each point select needs three or more.
#[test]
fn a_cache_of_hardly_anything_is_told_of() {
    if left_out("postgres") {
        return;
    }
    let desk = Desk::new();
    let load = ["run", "oltp/point-select", "--target", "postgres", "-o", "shared_buffers=128kB"];
    let watched = ["--alerts", "cache-hit-rate", "--abort-on-alert=warn"];
    let endless = ["--scale", "10", "--clients", "1", "--warmup", "0", "--duration", "1m"];
    let output = desk.dbdyno(&[&load[..], &watched, &endless].concat());
    assert_eq!(code(&output), 1, "{}", err(&output));
    let found = alerts(&desk);
    assert_eq!(found[0][..4], ["alert_fired", "warn", "cache-hit-rate", "postgres"], "{found:?}");
}

/// A cache of less than the data, which then has to come from files again and again. The rule is the ready-made one
/// but for its threshold and time: InnoDB finds the upper pages of the tree in the smallest cache that it has, which are most
/// of those that a point select asks for.
#[test]
fn a_cache_that_is_too_small_is_told_of() {
    if left_out("mariadb") {
        return;
    }
    let desk = Desk::new();
    write(
        &desk,
        "[[alert]]\nuse = 'cache-hit-rate'\nthreshold = '99%'\nfor = '1s'\nseverity = 'fail'\n",
    );
    let output = desk.dbdyno(&[
        "run",
        "oltp/point-select",
        "--target",
        "mariadb",
        "-o",
        "innodb_buffer_pool_size=6M",
        "--scale",
        "10",
        "--warmup",
        "0",
        "--duration",
        "30s",
        "--abort-on-alert",
    ]);
    assert_eq!(code(&output), 1, "{}", err(&output));
    let found = alerts(&desk);
    assert_eq!(found[0][..4], ["alert_fired", "fail", "cache-hit-rate", "mariadb"], "{found:?}");
}
