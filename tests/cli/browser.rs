//! A report in a browser: headless Chromium.

use std::fmt::Write as _;
use std::fs;
use std::process::{Command, Output, Stdio};

use dbdyno_tests::left_out;

use crate::desk::{Desk, code, err, out};

/// Uses the page as a reader would, and leaves what came of it in an attribute, a word for each.
const READER: &str = r#"<script>
{
const found = [];
const note = (what, held) => found.push(`${what}=${held}`);
const rows = (table) => [...table.tBodies[0].rows];
const table = [...document.querySelectorAll("table")].find((table) => rows(table).length > 2);
const [heading, button] = [table.querySelector("th"), table.querySelector("th button")];
const firsts = () => rows(table).map((row) => row.cells[0].textContent.trim());
const before = firsts();
const length = rows(table).length;
button.focus();
note("focus", document.activeElement === button);
document.activeElement.click();
note("ascending", heading.getAttribute("aria-sort") === "ascending" && rows(table).length === length);
document.activeElement.click();
const after = firsts();
note("descending", heading.getAttribute("aria-sort") === "descending" && after.join() !== before.join());
const filter = document.getElementById("filter");
note("labelled", filter.labels.length === 1);
const shown = () => rows(table).filter((row) => row.offsetParent !== null).length;
filter.value = after[0];
filter.dispatchEvent(new Event("input"));
note("filtered", shown() > 0 && shown() < length);
const fold = document.querySelector("details");
note("folded", !fold.open);
filter.value = "cpu_busy_s";
filter.dispatchEvent(new Event("input"));
note("opened", fold.open);
filter.value = "";
filter.dispatchEvent(new Event("input"));
note("unfiltered", shown() === length);
note("alone", performance.getEntriesByType("resource").length === 0);
note("pictures", document.querySelectorAll("svg").length > 0);
document.documentElement.dataset.found = found.join(" ");
}
</script>"#;

/// What Chromium makes of a page: its document after all scripts, and on standard error what the console was told.
fn browse(desk: &Desk, page: &str) -> Output {
    let profile = format!("--user-data-dir={}", desk.path("profile"));
    let mut command = Command::new("chromium");
    command.args(["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run"]);
    command.args([
        "--enable-logging=stderr",
        "--virtual-time-budget=10000",
        "--dump-dom",
        &profile,
    ]);
    command.arg(format!("file://{}", desk.path(page))).stdin(Stdio::null());
    // It keeps its settings, and makes its shared files, where it may.
    command.env("HOME", desk.folder.path()).env("XDG_CONFIG_HOME", desk.folder.path());
    command.output().expect("chromium is there: ./tests/run installs it")
}

fn console(output: &Output) -> Vec<String> {
    err(output).lines().filter(|line| line.contains(":CONSOLE")).map(str::to_owned).collect()
}

/// A run is shorter than a course of samples that is shown.
fn sampled(metrics: &str) {
    let mut text = "at,source,target,metric,of,kind,value,per_second\n".to_owned();
    for second in 0..9 {
        writeln!(text, "2026-11-27T12:00:0{second}Z,machine,,cpu_busy_s,,counter,{second},1")
            .unwrap();
    }
    fs::write(metrics, text).unwrap();
}

#[test]
fn a_report_is_sorted_and_filtered_by_keyboard_and_needs_nothing_else() {
    if left_out("chromium") {
        return;
    }
    let desk = Desk::new();
    let cases = ["oltp/point-select", "oltp/tpcb", "oltp/insert", "--clients", "1,2"];
    let output = desk.run(&[&cases[..], &["--target", "sqlite", "--repetitions", "2"]].concat());
    assert_eq!(code(&output), 0, "{}", err(&output));
    let run = desk.runs().remove(0).display().to_string();
    sampled(&format!("{run}/metrics.csv"));
    let output = desk.dbdyno(&["report", &run, "-o", "report.html"]);
    assert_eq!(code(&output), 0, "{}", err(&output));

    let report = fs::read_to_string(desk.path("report.html")).unwrap();
    fs::write(desk.path("read.html"), format!("{report}{READER}")).unwrap();
    let output = browse(&desk, "read.html");
    let page = out(&output);
    let found = page.split("data-found=\"").nth(1).and_then(|rest| rest.split('"').next());
    assert_eq!(console(&output), Vec::<String>::new(), "{}", err(&output));
    assert_eq!(
        found,
        Some(
            "focus=true ascending=true descending=true labelled=true filtered=true folded=true opened=true \
             unfiltered=true alone=true pictures=true"
        ),
        "{}",
        err(&output)
    );

    let planted = "<!DOCTYPE html><script>nothing.is.there()</script>";
    fs::write(desk.path("planted.html"), planted).unwrap();
    let told = console(&browse(&desk, "planted.html"));
    assert!(told.len() == 1 && told[0].contains("ReferenceError"), "{told:?}");
}
