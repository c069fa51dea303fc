//! A report in a browser: headless Chromium.

use std::fmt::Write as _;
use std::fs;
use std::process::{Command, Output, Stdio};

use dbdyno_tests::left_out;
use serde_json::Value;

use crate::desk::{Desk, code, ended, err, out};
use crate::performance_report::unpacked;

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
const status = document.querySelector("[role=status]");
const all = document.querySelectorAll("tbody tr").length;
const told = () => document.querySelectorAll("tbody tr:not(.hidden)").length;
note("counted", status.textContent === `${told()} of ${all} rows` && told() < all);
const fold = document.querySelector("details");
const others = [...document.querySelectorAll("details")].filter((other) => other !== fold);
note("folded", !fold.open);
const type = (word) => {
  filter.value = word;
  filter.dispatchEvent(new Event("input"));
};
type("cpu_busy_s");
note("opened", fold.open);
type("");
note("closed", !fold.open && status.textContent === "");
fold.open = true;
type("cpu_busy_s");
type("");
note("left", fold.open && others.every((other) => !other.open));
note("unfiltered", shown() === length);
const names = [...document.querySelectorAll("[role=region]")].map((region) =>
  region.getAttribute("aria-labelledby").split(" ").map((id) => document.getElementById(id).textContent).join(" "));
note("named", names.length === document.querySelectorAll("table").length && names.every((name) => name.trim() !== "")
  && names.includes("By engine benchmark") && names.some((name) => /^All that was sampled metric$/.test(name)));
const measured = [...document.querySelectorAll("table")].find((table) => table.querySelector("thead").textContent.includes("metric"));
type("p99 ");
measured.querySelector("th:last-child button").click();
const micros = rows(measured).filter((row) => row.offsetParent !== null).map((row) => {
  const metric = row.cells[row.cells.length - 2].textContent;
  return parseFloat(row.lastElementChild.textContent.replace(/[*,]/g, "")) * (metric.endsWith(" ms") ? 1000 : 1);
});
note("units", micros.length === 6 && new Set(micros).size > 2 && micros.every((value, place) => !place || micros[place - 1] <= value));
type("");
note("alone", performance.getEntriesByType("resource").length === 0);
note("pictures", document.querySelectorAll("svg").length > 0);
document.documentElement.dataset.found = found.join(" ");
}
</script>"#;

/// Looks at all that is written on a page, and tells the console what it saw: how wide the window and what is in it are, how
/// far down the first table ends, the least contrast of a text with what is behind it (WCAG 2.2, "contrast ratio"), and when it is
/// printed how many folded blocks are still closed.
const LOOKER: &str = r#"<script>
{
const parse = (text) => {
  const numbers = text.match(/[\d.]+/g).map(Number);
  return { rgb: numbers.slice(0, 3), alpha: numbers.length > 3 ? numbers[3] : 1 };
};
const linear = (part) => (part /= 255) <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
const luminance = ([red, green, blue]) => 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue);
const contrast = (one, other) => {
  const [low, high] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (high + 0.05) / (low + 0.05);
};
const behind = (element) => {
  for (let at = element; at; at = at.parentElement) {
    const { rgb, alpha } = parse(getComputedStyle(at).backgroundColor);
    if (alpha === 1) return rgb;
  }
  return [255, 255, 255];
};
const closed = () => document.querySelectorAll("details:not([open])").length;
const told = (what) => console.log("seen " + JSON.stringify(what).replaceAll('"', "'"));
const folds = closed();
window.addEventListener("beforeprint", () => told({ folds, closed: closed() }));
const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
let [least, where, count] = [99, "", 0];
while (texts.nextNode()) {
  const [element, text] = [texts.currentNode.parentElement, texts.currentNode.textContent.trim()];
  if (!text || /^(script|style|title|desc)$/i.test(element.tagName)) continue;
  const style = getComputedStyle(element);
  const ink = element instanceof SVGElement ? style.fill : style.color;
  const ratio = contrast(parse(ink).rgb, behind(element));
  count += 1;
  if (ratio < least) [least, where] = [ratio, `${element.tagName} ${text.slice(0, 30).replaceAll("'", "")}`];
}
const dark = matchMedia("(prefers-color-scheme: dark)").matches;
const table = document.querySelector("table");
const first = table ? table.getBoundingClientRect().bottom : 0;
told({ dark, width: innerWidth, content: document.documentElement.scrollWidth, first, least, where, count });
}
</script>"#;

/// What Chromium makes of a page: its document after all scripts, and on standard error what the console was told.
fn browse(desk: &Desk, page: &str) -> Output {
    chromium(desk, page, &["--dump-dom"])
}

fn chromium(desk: &Desk, page: &str, arguments: &[&str]) -> Output {
    let profile = format!("--user-data-dir={}", desk.path("profile"));
    let mut command = Command::new("chromium");
    command.args(["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run"]);
    command.args(["--enable-logging=stderr", "--virtual-time-budget=10000", &profile]);
    command.args(arguments);
    command.arg(format!("file://{}", desk.path(page))).stdin(Stdio::null());
    // It keeps its settings, and makes its shared files, where it may.
    command.env("HOME", desk.folder.path()).env("XDG_CONFIG_HOME", desk.folder.path());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    ended(command.spawn().expect("chromium is there: ./tests/run installs it"))
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

/// Makes percentiles of which some are told in microseconds, and others in milliseconds by a smaller number.
fn in_two_units(results: &str) {
    let mut reader = csv::Reader::from_path(results).unwrap();
    let header = reader.headers().unwrap().clone();
    let place = |column: &str| header.iter().position(|name| name == column).unwrap();
    let (metric, benchmark, value) = (place("metric"), place("benchmark"), place("value"));
    let rows: Vec<_> = reader.records().map(Result::unwrap).collect();
    let mut writer = csv::Writer::from_path(results).unwrap();
    writer.write_record(&header).unwrap();
    for row in rows {
        let micros = match (&row[metric], &row[benchmark]) {
            ("latency_p99_us", "tpcb") => "25000",
            ("latency_p99_us", "insert") => "9000",
            _ => &row[value],
        };
        let fields = row.iter().enumerate();
        let fields = fields.map(|(at, field)| if at == value { micros } else { field });
        writer.write_record(fields).unwrap();
    }
    writer.flush().unwrap();
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
    in_two_units(&format!("{run}/results.csv"));
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
            "focus=true ascending=true descending=true labelled=true filtered=true counted=true folded=true \
             opened=true closed=true left=true unfiltered=true named=true units=true alone=true pictures=true"
        ),
        "{}",
        err(&output)
    );

    let planted = "<!DOCTYPE html><script>nothing.is.there()</script>";
    fs::write(desk.path("planted.html"), planted).unwrap();
    let told = console(&browse(&desk, "planted.html"));
    assert!(told.len() == 1 && told[0].contains("ReferenceError"), "{told:?}");
}

/// What [LOOKER] told of a page, with what else the console was told.
fn seen(output: &Output) -> (Vec<Value>, Vec<String>) {
    let (seen, others): (Vec<_>, Vec<_>) =
        console(output).into_iter().partition(|line| line.contains("\"seen "));
    let json = |line: String| {
        let (_, rest) = line.split_once("\"seen ").unwrap();
        let (json, _) = rest.rsplit_once("\", source:").unwrap();
        serde_json::from_str(&json.replace('\'', "\"")).unwrap()
    };
    (seen.into_iter().map(json).collect(), others)
}

/// A page of 1,440 by 900 of one colour takes some 8 kB as a picture.
const MORE_THAN_BLANK: usize = 50_000;

#[test]
fn the_performance_report_can_be_read_in_light_and_dark_on_a_telephone_and_on_paper() {
    if left_out("chromium") {
        return;
    }
    let desk = Desk::new();
    let runs = unpacked(&desk);
    let mut arguments: Vec<&str> = vec!["report"];
    arguments.extend(runs.iter().map(String::as_str));
    arguments.extend(["-o", "report.html"]);
    let output = desk.dbdyno(&arguments);
    assert_eq!(code(&output), 0, "{}", err(&output));
    let report = fs::read_to_string(desk.path("report.html")).unwrap();
    fs::write(desk.path("look.html"), format!("{report}{LOOKER}")).unwrap();

    for scheme in ["light", "dark"] {
        let picture = desk.path(&format!("{scheme}.png"));
        let mut arguments =
            vec![format!("--screenshot={picture}"), "--window-size=1440,900".to_owned()];
        arguments.push("--hide-scrollbars".to_owned());
        arguments.extend((scheme == "dark").then(|| "--force-dark-mode".to_owned()));
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let output = chromium(&desk, "look.html", &arguments);
        let (seen, others) = seen(&output);
        assert_eq!(others, Vec::<String>::new());
        let [page] = seen.as_slice() else { panic!("{}", err(&output)) };
        assert_eq!(page["dark"], scheme == "dark", "{page}");
        assert_eq!([&page["width"], &page["content"]], [1440, 1440], "{page}");
        assert!(page["count"].as_u64().unwrap() > 1_000, "{page}");
        assert!(page["least"].as_f64().unwrap() >= 4.5, "{page}");
        // What each suite comes to is on the first screen.
        assert!(page["first"].as_f64().unwrap() <= 900.0, "{page}");
        let picture = fs::read(picture).unwrap();
        assert!(picture.len() > MORE_THAN_BLANK, "{} bytes", picture.len());
    }

    // A window of Chromium is not as narrow.
    let narrow = "<!DOCTYPE html><iframe src=\"look.html\" width=\"390\" height=\"844\" style=\"border: 0\"></iframe>";
    fs::write(desk.path("narrow.html"), narrow).unwrap();
    let (of_frame, others) =
        seen(&chromium(&desk, "narrow.html", &["--dump-dom", "--hide-scrollbars"]));
    assert_eq!(others, Vec::<String>::new());
    assert_eq!([&of_frame[0]["width"], &of_frame[0]["content"]], [390, 390], "{of_frame:?}");

    let paper = desk.path("report.pdf");
    let (on_paper, others) =
        seen(&chromium(&desk, "look.html", &[&format!("--print-to-pdf={paper}")]));
    assert_eq!(others, Vec::<String>::new());
    let printed = on_paper.iter().find(|told| told.get("closed").is_some()).expect("it is told");
    assert_eq!(printed["closed"], 0, "{printed}");
    assert!(printed["folds"].as_u64().unwrap() > 0, "{printed}");
    assert!(fs::read(paper).unwrap().starts_with(b"%PDF-"));

    let planted =
        format!("<!DOCTYPE html><p style=\"width: 3000px; color: #888\">pale and wide{LOOKER}");
    fs::write(desk.path("planted.html"), planted).unwrap();
    let (of_planted, _) = seen(&chromium(&desk, "planted.html", &["--dump-dom"]));
    assert!(of_planted[0]["content"].as_u64() > Some(3_000), "{of_planted:?}");
    assert!(of_planted[0]["least"].as_f64() < Some(4.5), "{of_planted:?}");
}
