//! The check: all that is looked for, in one place.

use crate::cycle::{self, Circle, CircleStep, Limits};
use crate::findings::{Findings, story};
use crate::graph::{DATA, GraphBuilder, PROCESS, REALTIME};
use crate::list_append::ListAppend;
use crate::order;
use crate::register::RwRegister;
use crate::store::{History, Kind, Outcome};
use crate::verdict::{CheckOptions, Cycle, Example, Shown, Step, Verdict};

/// What a kind of history must tell for the rest to be the same for all.
trait Dependencies {
    fn look(&self, findings: &mut Findings);
    fn link(&self, graph: &mut GraphBuilder);
    fn step(&self, from: &CircleStep, to: u32, names: (&str, &str)) -> Step;
    fn never_read(&self) -> usize;
}

/// Looks for all anomalies in a history.
pub fn check(history: &History, options: &CheckOptions) -> Verdict {
    match history.kind() {
        Kind::ListAppend => check_with(history, options, &ListAppend::new(history)),
        Kind::RwRegister => check_with(history, options, &RwRegister::new(history, options)),
    }
}

fn check_with(history: &History, options: &CheckOptions, kind: &impl Dependencies) -> Verdict {
    let mut findings = Findings::new(options.examples);
    kind.look(&mut findings);
    let mut graph = GraphBuilder::new(history.len() as u32);
    kind.link(&mut graph);
    let mut kinds = DATA;
    if options.session_order {
        order::session_order(history, &mut graph);
        kinds |= PROCESS;
    }
    if options.real_time {
        order::real_time(history, &mut graph);
        kinds |= REALTIME;
    }
    let precedes = |one, other| history.precedes(one, other);
    let limits = Limits { examples: options.examples.max(1), steps: options.search_steps };
    let circles = cycle::circles(&graph.build(), kinds, &precedes, limits);
    for (class, (count, circles)) in circles.found {
        let examples = circles.iter().map(|circle| example(history, kind, circle)).collect();
        findings.add_all(class, count, examples);
    }
    Verdict {
        history: history.source().to_owned(),
        kind: history.kind(),
        committed: history.count(Outcome::Committed),
        aborted: history.count(Outcome::Aborted),
        unknown: history.count(Outcome::Unknown),
        operations: history.operations(),
        never_read: kind.never_read(),
        found: findings.into_found(),
        search_ended_early: circles.given_up,
    }
}

/// A circle in words.
fn example(history: &History, kind: &impl Dependencies, circle: &Circle) -> Example {
    let members: Vec<u32> = circle.steps.iter().map(|step| step.transaction).collect();
    let count = members.len();
    let mut sentences = String::new();
    let mut steps = Vec::with_capacity(count);
    for (at, step) in circle.steps.iter().enumerate() {
        let next = (at + 1) % count;
        let (from, to) = (format!("T{}", at + 1), format!("T{}", next + 1));
        let told = match step.kind {
            PROCESS => of_process(history, step.transaction, (&from, &to)),
            REALTIME => of_time(format!("{from} had ended before {to} began"), "realtime"),
            _ => kind.step(step, members[next], (&from, &to)),
        };
        let link = if next == 0 { "However, " } else { "" };
        let end = if next == 0 { ": a contradiction." } else { "." };
        sentences.push_str(&format!("{link}{from} < {to}, because {}{end}\n", told.because));
        steps.push(told);
    }
    let transactions = members
        .iter()
        .map(|transaction| Shown {
            index: history.transactions[*transaction as usize].index,
            text: history.transaction_text(*transaction),
            operations: history
                .operations_of(*transaction)
                .iter()
                .map(|operation| history.operation_text(*operation))
                .collect(),
        })
        .collect();
    let explanation = story(history, &members, &sentences);
    Example { explanation, cycle: Some(Cycle { transactions, steps }) }
}

fn of_process(history: &History, transaction: u32, names: (&str, &str)) -> Step {
    let place = history.transactions[transaction as usize].process;
    let process = history.processes.get(place as usize).copied().unwrap_or_default();
    of_time(format!("process {process} ran {} before {}", names.0, names.1), "process")
}

fn of_time(because: String, dependency: &'static str) -> Step {
    Step { dependency, key: None, from: None, to: None, because }
}

impl Dependencies for ListAppend<'_> {
    fn look(&self, findings: &mut Findings) {
        ListAppend::look(self, findings);
    }

    fn link(&self, graph: &mut GraphBuilder) {
        ListAppend::link(self, graph);
    }

    fn step(&self, from: &CircleStep, to: u32, names: (&str, &str)) -> Step {
        ListAppend::step(self, from, to, names)
    }

    fn never_read(&self) -> usize {
        ListAppend::never_read(self)
    }
}

impl Dependencies for RwRegister<'_> {
    fn look(&self, findings: &mut Findings) {
        RwRegister::look(self, findings);
    }

    fn link(&self, graph: &mut GraphBuilder) {
        RwRegister::link(self, graph);
    }

    fn step(&self, from: &CircleStep, to: u32, names: (&str, &str)) -> Step {
        RwRegister::step(self, from, to, names)
    }

    fn never_read(&self) -> usize {
        RwRegister::never_read(self)
    }
}
