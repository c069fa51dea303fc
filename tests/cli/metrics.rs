//! `--metrics-listen`, scraped by a real Prometheus; the rules and the dashboard for it.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use dbdyno_tests::{left_out, wait_for};
use nix::sys::signal::Signal;
use serde_json::{Value, json};

use crate::desk::{Desk, code, err, out, signal};
use crate::web::get;

/// A file of the documentation.
fn docs(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs").join(name).canonicalize().unwrap()
}

fn program(name: &str) -> Command {
    let mut command = Command::new(name);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

/// Ends a process with the test, whatever comes of that.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What `what` finds in a line that a program says. What it says further on is read, too: it must find somebody.
fn found(child: &mut Child, what: impl Fn(&str) -> Option<String>) -> String {
    let lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let mut lines = lines.map(Result::unwrap);
    let found = lines.find_map(|line| what(&line)).expect("an address");
    std::thread::spawn(move || lines.for_each(drop));
    found
}

/// Where a dbdyno says that its metrics are: `127.0.0.1:PORT`.
fn address(child: &mut Child) -> String {
    let says = |line: &str| {
        let address = line.strip_prefix("metrics at http://")?.strip_suffix("/metrics")?;
        Some(address.to_owned())
    };
    let address = found(child, says);
    // Nobody asked for another interface.
    assert!(address.starts_with("127.0.0.1:"), "{address}");
    address
}

/// A Prometheus with the documentation's rules that scrapes `target`, and where it says that it listens.
fn prometheus(desk: &Desk, target: &str) -> (Ended, String) {
    let rules = docs("prometheus/alerts.yml");
    let settings = format!(
        "global: {{scrape_interval: 250ms, evaluation_interval: 250ms}}\n\
         rule_files: ['{}']\n\
         scrape_configs: [{{job_name: dbdyno, static_configs: [{{targets: ['{target}']}}]}}]\n",
        rules.display()
    );
    fs::write(desk.path("prometheus.yml"), settings).unwrap();
    let mut prometheus = program("prometheus");
    prometheus.arg(format!("--config.file={}", desk.path("prometheus.yml")));
    prometheus.arg(format!("--storage.tsdb.path={}", desk.path("series")));
    prometheus.arg("--web.listen-address=127.0.0.1:0").stderr(Stdio::piped());
    let started = prometheus.spawn().expect("prometheus, which ./tests/run installs");
    let mut started = Ended(started);
    let says = |line: &str| {
        let at = line.contains("Listening on").then(|| line.split("address=").nth(1))??;
        Some(at.trim_matches('"').to_owned())
    };
    let listen = found(&mut started.0, says);
    (started, listen)
}

/// What a query of Prometheus' HTTP API answers; `None` before it listens.
fn answer(prometheus: &str, query: &str) -> Option<Value> {
    let encoded: String = query.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let page = get(prometheus, &format!("/api/v1/query?query={encoded}"))?;
    serde_json::from_str(&page).ok()
}

/// The values of a query, by what Prometheus' HTTP API says.
fn query(prometheus: &str, query: &str) -> Vec<f64> {
    let Some(answer) = answer(prometheus, query) else { return Vec::new() };
    let result = answer["data"]["result"].as_array().cloned().unwrap_or_default();
    result.iter().map(|each| each["value"][1].as_str().unwrap().parse().unwrap()).collect()
}

#[test]
fn a_real_prometheus_scrapes_a_run() {
    if left_out("prometheus") {
        return;
    }
    let desk = Desk::new();
    let arguments =
        ["run", "oltp/tpcb", "--duration", "10m", "--warmup", "0", "--metrics-listen", "0"];
    let mut run = Ended(desk.start(&arguments));
    let target = address(&mut run.0);

    let (_prometheus, listen) = prometheus(&desk, &target);
    let at_least = |series: &str, least: f64| {
        wait_for(series, || query(&listen, series).into_iter().find(|value| *value >= least))
    };
    at_least("sum(dbdyno_load_transactions_total)", 100.0);
    at_least("sum(dbdyno_load_response_seconds_count)", 100.0);
    // Nothing fails, and that is told.
    assert_eq!(at_least("sum(dbdyno_load_errors_total)", 0.0), 0.0);
    at_least("dbdyno_load_oldest_transaction_seconds", 0.0);
    at_least("dbdyno_engine_database_bytes", 4096.0);
    at_least("dbdyno_engine_cache_hits_total", 100.0);
    at_least("dbdyno_machine_processors", 1.0);
    at_least("dbdyno_client_cpu_seconds_total", 0.01);
    at_least("dbdyno_load_clients", 4.0);
    at_least("up", 1.0);
    // Every rule was evaluated, and none could not be.
    let health = wait_for("rules", || {
        let page = get(&listen, "/api/v1/rules")?;
        let answer: Value = serde_json::from_str(&page).unwrap();
        let rules = answer["data"]["groups"][0]["rules"].as_array()?.clone();
        let states: Vec<String> =
            rules.iter().map(|rule| rule["health"].as_str().unwrap().to_owned()).collect();
        states.iter().all(|state| state != "unknown").then_some(states)
    });
    assert!(health.len() >= 7 && health.iter().all(|state| state == "ok"), "{health:?}");
    signal(&run.0, Signal::SIGINT);
    assert_eq!(run.0.wait().unwrap().code(), Some(130));
}

/// A query of a panel, and the labels that its legend names.
struct Asked {
    panel: String,
    expression: String,
    legend: Vec<String>,
}

/// What the dashboard asks for, with its variables as Grafana would fill them in.
fn asked(dashboard: &Value) -> Vec<Asked> {
    let mut asked = Vec::new();
    for panel in dashboard["panels"].as_array().unwrap() {
        for target in panel["targets"].as_array().into_iter().flatten() {
            let expression = target["expr"].as_str().unwrap();
            let expression = expression.replace("$target", ".*").replace("$__rate_interval", "10s");
            assert!(!expression.contains('$'), "a variable that nobody fills in: {expression}");
            let legend = target["legendFormat"].as_str().unwrap_or_default().split("{{").skip(1);
            let legend = legend.filter_map(|part| part.split("}}").next());
            asked.push(Asked {
                panel: panel["title"].as_str().unwrap().to_owned(),
                expression,
                legend: legend.map(|label| label.trim().to_owned()).collect(),
            });
        }
    }
    asked
}

#[test]
fn every_panel_of_the_dashboard_shows_what_a_run_has() {
    if left_out("prometheus") || left_out("postgres") {
        return;
    }
    let text = fs::read_to_string(docs("grafana/dbdyno.json")).unwrap();
    let dashboard: Value = serde_json::from_str(&text).unwrap();
    let asked = asked(&dashboard);
    assert!(asked.len() >= 20);
    let desk = Desk::new();
    let load = ["run", "oltp/tpcb", "--target", "postgres", "--target", "sqlite", "--clients", "4"];
    // In turns, so that both are seen at work.
    let turns = ["--duration", "1s", "--repetitions", "500", "--warmup", "0"];
    let endless = [&turns[..], &["--metrics-listen", "0"]].concat();
    let mut run = Ended(desk.start(&[&load[..], &endless].concat()));
    let target = address(&mut run.0);
    let (_prometheus, listen) = prometheus(&desk, &target);
    for Asked { panel, expression, legend } in asked {
        // What this run has none of: failed transactions, and replicas.
        let is_lacking =
            ["_by_class_", "_replication_"].iter().any(|part| expression.contains(part));
        let series = wait_for(&format!("{panel}: {expression}"), || {
            let answer = answer(&listen, &expression)?;
            assert_eq!(answer["status"], "success", "{expression}: {answer}");
            let series = answer["data"]["result"].as_array().unwrap().clone();
            (is_lacking || !series.is_empty()).then_some(series)
        });
        for label in legend {
            // `of` is there where there are several.
            let is_told = |one: &Value| label == "of" || one["metric"][&label].is_string();
            assert!(series.iter().all(is_told), "{panel}: no {label} in {series:?}");
        }
    }
    let variables = dashboard["templating"]["list"].as_array().unwrap();
    let targets = variables.iter().find(|variable| variable["name"] == "target").unwrap();
    assert!(targets["definition"].as_str().unwrap().ends_with(", target)"));
    let page = get(&listen, "/api/v1/label/target/values").unwrap();
    let known: Value = serde_json::from_str(&page).unwrap();
    let known: Vec<&str> =
        known["data"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert!(known.contains(&"postgres") && known.contains(&"sqlite"), "{known:?}");
    signal(&run.0, Signal::SIGINT);
    assert_eq!(run.0.wait().unwrap().code(), Some(130));
}

#[test]
fn promtool_accepts_the_rules() {
    if left_out("prometheus") {
        return;
    }
    let mut promtool = Command::new("promtool");
    let output = promtool.args(["check", "rules"]).arg(docs("prometheus/alerts.yml")).output();
    let output = output.expect("promtool, which ./tests/run installs");
    assert_eq!(code(&output), 0, "{}", err(&output));
}

/// An engine in dbdyno's own process keeps a thread of it busy, and that is no fault of the clients'.
#[test]
fn the_client_is_no_bottleneck_where_it_is_the_engine() {
    if left_out("prometheus") {
        return;
    }
    let desk = Desk::new();
    let series = |engine: &str, clients: u32| {
        let process = format!("job='dbdyno', instance='{engine}'");
        let load = format!("dbdyno_load_clients{{{process}, engine='{engine}'}}");
        [
            json!({
                "series": format!("dbdyno_client_busiest_thread{{{process}}}"),
                "values": "0.99+0x20",
            }),
            json!({ "series": load, "values": format!("{clients}+0x20") }),
        ]
    };
    // The load of the last is over.
    let series = [series("postgres", 4), series("sqlite", 4), series("mariadb", 0)].concat();
    let summary = "dbdyno on postgres has no time left: it measures itself";
    let fires = json!({
        "exp_labels": { "severity": "warn", "job": "dbdyno", "instance": "postgres" },
        "exp_annotations": { "summary": summary },
    });
    let asked = json!({
        "eval_time": "1m",
        "alertname": "DbdynoClientIsTheBottleneck",
        "exp_alerts": [fires],
    });
    // What is JSON is YAML.
    let test = json!({
        "rule_files": [docs("prometheus/alerts.yml")],
        "evaluation_interval": "5s",
        "tests": [{ "interval": "5s", "input_series": series, "alert_rule_test": [asked] }],
    });
    fs::write(desk.path("test.yml"), test.to_string()).unwrap();
    let mut promtool = Command::new("promtool");
    let output = promtool.args(["test", "rules"]).arg(desk.path("test.yml")).output();
    let output = output.expect("promtool, which ./tests/run installs");
    assert_eq!(code(&output), 0, "{}{}", out(&output), err(&output));
}

#[test]
fn an_address_in_use_is_told_before_anything_is_touched() {
    let desk = Desk::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    for verb in [&["run"][..], &["monitor", "--target", "sqlite"]] {
        let output = desk.dbdyno(&[verb, &["--metrics-listen", &port]].concat());
        assert_eq!(code(&output), 2);
        let told = err(&output);
        assert!(told.contains(&format!("listen at 127.0.0.1:{port}")), "{told}");
        assert!(told.contains("in use") && told.contains("port 0"), "{told}");
        assert!(desk.runs().is_empty());
    }
    let output = desk.dbdyno(&["run", "--metrics-listen", "here"]);
    assert_eq!(code(&output), 2);
    assert!(err(&output).contains("`here` is not a port such as `9187`"), "{}", err(&output));
}
