//! A judgement for a terminal.

use super::words::{Line, legend, plan_verdict, remarks, runs, summary};
use crate::grid::wrap;
use crate::plan_diff::LineChange;
use crate::regress::{Finding, Judgement, PlanChange, Verdict};

/// How far lines stand from the case, and what is said of a line from that.
const INDENT: &str = "    ";
const DEEPER: &str = "        ";

/// The verdict first, then what led to it, the worst first.
pub(super) fn text(judgement: &Judgement, width: usize) -> String {
    let mut out = wrap(&summary(judgement), width);
    out += &wrap(&runs(judgement), width);
    if !judgement.constants.is_empty() {
        out += &wrap(&judgement.constants.join(", "), width);
    }
    let columns = Columns::of(judgement, width);
    for verdict in Verdict::ALL {
        let of_verdict = || judgement.findings.iter().filter(|one| one.verdict == verdict);
        if of_verdict().next().is_none() {
            continue;
        }
        out += &format!("\n{}\n", verdict.name().to_uppercase());
        let mut last = None;
        let mut findings = of_verdict().peekable();
        while let Some(finding) = findings.next() {
            let case = (&finding.benchmark, finding.subject());
            if last.as_ref() != Some(&case) {
                let title = format!("{} {}", case.0, case.1);
                out += &indented(&title, "  ", width);
                last = Some(case.clone());
            }
            // What is true of several lines is said below the last of them.
            let is_said_below = findings.peek().is_some_and(|next| {
                (&next.benchmark, next.subject(), &next.why)
                    == (case.0, case.1.clone(), &finding.why)
            });
            out += &columns.finding(finding, is_said_below);
        }
    }
    for plan in &judgement.plans {
        out += &changed_plan(plan, width);
    }
    out.push('\n');
    for line in legend(judgement).into_iter().chain(remarks(judgement)) {
        out += &wrap(&line, width);
    }
    out
}

/// Text that stands `indent` to the right, in lines of at most `width` characters.
fn indented(text: &str, indent: &str, width: usize) -> String {
    let room = width.saturating_sub(indent.len()).max(20);
    wrap(text, room).lines().map(|line| format!("{indent}{line}\n")).collect()
}

/// How wide the parts of lines of numbers are.
struct Columns {
    width: usize,
    label: usize,
    before: usize,
    after: usize,
    change: usize,
    interval: usize,
    /// The numbers stand below the metric, for both do not fit.
    two_lines: bool,
}

impl Columns {
    fn of(judgement: &Judgement, width: usize) -> Self {
        let lines: Vec<Line> = judgement
            .findings
            .iter()
            .filter_map(|finding| Some(Line::of(finding, finding.numbers.as_ref()?)))
            .collect();
        let widest = |part: fn(&Line) -> &String| {
            lines.iter().map(|line| part(line).chars().count()).max().unwrap_or_default()
        };
        let mut columns = Self {
            width,
            label: widest(|line| &line.label),
            before: widest(|line| &line.before),
            after: widest(|line| &line.after),
            change: widest(|line| &line.change),
            interval: widest(|line| &line.interval) + 2,
            two_lines: false,
        };
        let longest = lines.iter().map(|line| columns.line(line).chars().count()).max();
        columns.two_lines = longest.is_some_and(|longest| longest > width);
        columns
    }

    fn finding(&self, finding: &Finding, is_said_below: bool) -> String {
        let Some(numbers) = &finding.numbers else {
            return indented(&format!("{}: {}", finding.metric, finding.why), INDENT, self.width);
        };
        let mut out = self.line(&Line::of(finding, numbers)) + "\n";
        if !finding.why.is_empty() && !is_said_below {
            out += &indented(&finding.why, DEEPER, self.width);
        }
        out
    }

    fn line(&self, line: &Line) -> String {
        let interval =
            if line.interval.is_empty() { String::new() } else { format!("({})", line.interval) };
        let numbers = format!(
            "{:>before$} -> {:>after$}  {:>change$}  {interval:<width$}  {}",
            line.before,
            line.after,
            line.change,
            line.p,
            before = self.before,
            after = self.after,
            change = self.change,
            width = self.interval,
        );
        let numbers = numbers.trim_end();
        if self.two_lines {
            return format!("{INDENT}{}\n{DEEPER}{}", line.label, numbers.trim_start());
        }
        format!("{INDENT}{:<label$}  {numbers}", line.label, label = self.label)
    }
}

fn changed_plan(plan: &PlanChange, width: usize) -> String {
    let mut out = "\nCHANGED PLAN\n".to_owned();
    out += &indented(&plan.subject, "  ", width);
    for (change, line) in &plan.lines {
        let mark = match change {
            LineChange::Kept => ' ',
            LineChange::Gone => '-',
            LineChange::New => '+',
        };
        let line: String = line.chars().take(width.saturating_sub(INDENT.len() + 2)).collect();
        out += &format!("{INDENT}{mark} {line}\n");
    }
    out + &indented(&plan_verdict(plan), INDENT, width)
}
