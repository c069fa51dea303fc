//! A judgement as JUnit XML, for what shows the results of tests: a suite for each benchmark, a test case
//! for each metric of a case. What could not be told is an error, for it was to be judged; a case that only one
//! side has was skipped.

use dbdyno_core::{Error, Result};
use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use super::words::{Line, plan_verdict, summary};
use crate::plan_diff::LineChange;
use crate::regress::{Finding, Judgement, PlanChange, Verdict};

/// The judgement.
pub(super) fn junit(judgement: &Judgement) -> Result<String> {
    let mut report = Report::new("dbdyno regress");
    let mut suites: Vec<TestSuite> = Vec::new();
    for finding in &judgement.findings {
        suite(&mut suites, &finding.benchmark).add_test_case(test_case(finding));
    }
    for plan in &judgement.plans {
        suite(&mut suites, &plan.benchmark).add_test_case(plan_case(plan));
    }
    for (cases, side) in
        [(&judgement.only_before, "the baseline"), (&judgement.only_after, "the current run")]
    {
        for title in cases {
            let mut case = TestCase::new(title.as_str(), TestCaseStatus::skipped());
            case.set_classname(format!("only in {side}"));
            suite(&mut suites, &format!("only in {side}")).add_test_case(case);
        }
    }
    if !judgement.notes.is_empty() {
        suite(&mut suites, "notes").set_system_out(judgement.notes.join("\n"));
    }
    report.add_test_suites(suites);
    report
        .to_string()
        .map_err(|why| Error::new(format!("write as XML: {}", summary(judgement)), why))
}

/// The suite of a benchmark, made where there is none yet.
fn suite<'s>(suites: &'s mut Vec<TestSuite>, benchmark: &str) -> &'s mut TestSuite {
    let known = suites.iter().position(|suite| suite.name.as_str() == benchmark);
    let place = known.unwrap_or_else(|| {
        suites.push(TestSuite::new(benchmark.to_owned()));
        suites.len() - 1
    });
    &mut suites[place]
}

fn test_case(finding: &Finding) -> TestCase {
    let told = told(finding);
    let mut case = TestCase::new(name(finding), status(finding.verdict, &told));
    case.set_classname(finding.benchmark.as_str());
    if finding.verdict != Verdict::Regression && finding.verdict != Verdict::CouldNotTell {
        case.set_system_out(told);
    }
    case
}

fn name(finding: &Finding) -> String {
    match finding.subject().as_str() {
        "" => finding.metric.clone(),
        subject => format!("{} ({subject})", finding.metric),
    }
}

fn status(verdict: Verdict, told: &str) -> TestCaseStatus {
    let kind = match verdict {
        Verdict::Regression => NonSuccessKind::Failure,
        Verdict::CouldNotTell => NonSuccessKind::Error,
        Verdict::Improvement | Verdict::NotWorse | Verdict::NoChange => {
            return TestCaseStatus::success();
        }
    };
    let mut status = TestCaseStatus::non_success(kind);
    status.set_type(verdict.name()).set_message(told);
    status
}

/// All that there is to say of a finding, on one line.
fn told(finding: &Finding) -> String {
    let numbers = finding.numbers.as_ref().map(|numbers| {
        let line = Line::of(finding, numbers);
        let parts = [
            format!("{}: {} -> {}", line.label, line.before, line.after),
            line.change,
            if line.interval.is_empty() { String::new() } else { format!("({})", line.interval) },
            line.p,
        ];
        parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
    });
    let parts = [Some(finding.verdict.name().to_owned()), numbers, Some(finding.why.clone())];
    let said = parts.into_iter().flatten().filter(|part| !part.is_empty());
    said.collect::<Vec<_>>().join("; ")
}

fn plan_case(plan: &PlanChange) -> TestCase {
    let changes = plan.lines.iter().filter_map(|(change, line)| match change {
        LineChange::Kept => None,
        LineChange::Gone => Some(format!("- {line}")),
        LineChange::New => Some(format!("+ {line}")),
    });
    let changes = changes.collect::<Vec<_>>().join("\n");
    let mut status = if plan.is_regression {
        TestCaseStatus::non_success(NonSuccessKind::Failure)
    } else {
        TestCaseStatus::success()
    };
    if plan.is_regression {
        status.set_type("changed plan").set_message(plan_verdict(plan)).set_description(&*changes);
    }
    let mut case = TestCase::new(format!("plan of {}", plan.subject), status);
    case.set_classname(plan.benchmark.as_str());
    if !plan.is_regression {
        case.set_system_out(format!("changed plan; {}\n{changes}", plan_verdict(plan)));
    }
    case
}
