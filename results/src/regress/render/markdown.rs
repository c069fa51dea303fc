//! A judgement as Markdown, for a comment on a pull request.

use super::words::{Line, confidence, legend, plan_verdict, remarks, runs, summary};
use crate::grid::{Align, Grid};
use crate::markup::plain;
use crate::plan_diff::LineChange;
use crate::regress::{Finding, Judgement, Verdict};

/// The verdict first; what has not changed is folded.
pub(super) fn markdown(judgement: &Judgement) -> String {
    let mut out = format!("**{}**\n\n{}\n", summary(judgement), plain(&runs(judgement)));
    if !judgement.constants.is_empty() {
        out += &format!("\n{}\n", plain(&judgement.constants.join(", ")));
    }
    let is_quiet =
        |finding: &&Finding| [Verdict::NoChange, Verdict::NotWorse].contains(&finding.verdict);
    let mut findings: Vec<&Finding> = judgement.findings.iter().collect();
    findings.sort_by_key(|finding| finding.verdict);
    let (quiet, loud): (Vec<&Finding>, Vec<&Finding>) = findings.into_iter().partition(is_quiet);
    if !loud.is_empty() {
        out += &format!("\n{}", table(judgement, &loud));
    }
    if !quiet.is_empty() {
        let count = quiet.len();
        let table = table(judgement, &quiet);
        out += &format!(
            "\n<details><summary>{count} without regression</summary>\n\n{table}\n</details>\n"
        );
    }
    for plan in &judgement.plans {
        let lines = plan.lines.iter().map(|(change, line)| {
            let mark = match change {
                LineChange::Kept => ' ',
                LineChange::Gone => '-',
                LineChange::New => '+',
            };
            format!("{mark} {line}\n")
        });
        let lines: String = lines.collect();
        let verdict = plan_verdict(plan);
        out += &format!(
            "\nChanged plan: {}\n\n````diff\n{lines}````\n\n{verdict}\n",
            plain(&plan.subject)
        );
    }
    for line in legend(judgement).into_iter().chain(remarks(judgement)) {
        out += &format!("\n{}\n", plain(&line));
    }
    out
}

fn table(judgement: &Judgement, findings: &[&Finding]) -> String {
    let interval = format!("{} interval", confidence(judgement));
    let headings = [
        ("verdict", Align::Left),
        ("case", Align::Left),
        ("metric", Align::Left),
        ("baseline", Align::Right),
        ("current", Align::Right),
        ("change", Align::Right),
        (&interval, Align::Right),
        ("p", Align::Right),
        ("why", Align::Left),
    ];
    let mut grid = Grid {
        columns: headings.map(|(heading, align)| (heading.to_owned(), align)).to_vec(),
        rows: Vec::new(),
    };
    for finding in findings {
        let case = plain(&format!("{} {}", finding.benchmark, finding.subject()));
        let line = finding.numbers.as_ref().map(|numbers| Line::of(finding, numbers));
        let [label, before, after, change, interval, p] = match line {
            Some(line) => [
                line.label,
                line.before,
                line.after,
                line.change,
                line.interval,
                line.p.trim_start_matches(['p', '=']).to_owned(),
            ],
            None => [
                finding.metric.clone(),
                String::new(),
                String::new(),
                String::new(),
                String::new(),
                String::new(),
            ],
        };
        let cells = [
            finding.verdict.name().to_owned(),
            case.trim_end().to_owned(),
            plain(&label),
            before,
            after,
            change,
            interval,
            p,
            plain(&finding.why),
        ];
        grid.rows.push(cells.map(Into::into).to_vec());
    }
    grid.markdown_of_markup()
}
