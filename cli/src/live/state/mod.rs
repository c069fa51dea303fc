//! What the live view knows. It is fed with what happened and when, and asks nobody for the time.

mod load;
mod progress;
mod servers;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use dbdyno_core::{Case, Event, LoadProgress};

use super::told::Told;

pub use load::{Loads, Moment};
pub use progress::{Left, Progress};
pub use servers::{Log, Server, Servers, WINDOW as WAITS_WINDOW};

/// How many lines of what happened are remembered.
const LINES: usize = 500;
/// How many different errors of a load are told by name.
const ERRORS: usize = 5;

/// All of it. Moments are since the view began.
#[derive(Debug, Default)]
pub struct State {
    /// The command, such as `run`.
    pub command: &'static str,
    /// The benchmark, such as `oltp/tpcb`.
    pub benchmark: String,
    pub case: Option<Box<Case>>,
    pub doing: Doing,
    pub progress: Progress,
    pub loads: Loads,
    pub servers: Servers,
    /// What happened, the newest last.
    pub lines: VecDeque<Line>,
    /// The errors that the load under way has had: class and code.
    errors: Vec<(&'static str, String)>,
    pub asked: Asked,
    pub view: View,
    pub shows_help: bool,
}

/// What is being done.
#[derive(Debug, Default)]
pub enum Doing {
    #[default]
    Nothing,
    /// Something, for so long.
    Working { what: String, since: Duration },
    /// Loading rows into a table.
    Loading { table: String, rows: u64, progress: Arc<LoadProgress>, since: Duration },
    /// A load, by its name where it has one.
    Load { stage: String },
}

/// What a person asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// A pause.
    pub pause: bool,
    /// The end.
    pub end: bool,
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    pub at: Duration,
    pub text: String,
    /// It is what a person should know of.
    pub is_grave: bool,
}

/// What is on the screen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum View {
    /// Something of each.
    #[default]
    All,
    Load,
    Servers,
    Events,
}

impl View {
    /// The name at the bottom of the screen.
    pub const fn name(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Load => "load",
            Self::Servers => "servers",
            Self::Events => "events",
        }
    }
}

impl State {
    /// The view of a command that nothing is known of yet.
    pub fn new(command: &'static str) -> Self {
        Self { command, ..Self::default() }
    }

    /// Whether the command puts loads on servers.
    pub fn has_loads(&self) -> bool {
        self.command != "monitor"
    }

    /// The panels, as they follow each other.
    pub fn views(&self) -> &'static [View] {
        match self.has_loads() {
            true => &[View::All, View::Load, View::Servers, View::Events],
            false => &[View::All, View::Servers, View::Events],
        }
    }

    /// Shows the panel so many places further, or back.
    pub fn turn(&mut self, places: isize) {
        let views = self.views();
        let place = views.iter().position(|view| *view == self.view).unwrap_or(0);
        let turned = (place.cast_signed() + places).rem_euclid(views.len().cast_signed());
        self.view = views[turned.unsigned_abs()];
    }

    /// Shows the panel at a place; nothing changes where there is none.
    pub fn turn_to(&mut self, place: usize) {
        self.view = self.views().get(place).copied().unwrap_or(self.view);
    }

    /// Something happened.
    pub fn tell(&mut self, at: Duration, told: Told) {
        match told {
            Told::Cases(cases) => self.progress.run(cases),
            Told::Working(what) | Told::WorkingOn(what) => {
                self.no_load();
                self.doing = Doing::Working { what, since: at };
            }
            Told::Benchmark { name, cases, repetitions } => {
                (self.benchmark, self.case) = (name, None);
                self.progress.benchmark(cases, repetitions);
            }
            Told::Loading { table, rows, progress } => {
                self.no_load();
                self.doing = Doing::Loading { table, rows, progress, since: at };
            }
            Told::CaseBegan(case) => {
                self.progress.case(at);
                self.case = Some(case);
            }
            Told::LoadBegan { stage, length } => {
                self.progress.load(at, length);
                self.loads.begin(length);
                self.errors.clear();
                self.doing = Doing::Load { stage };
            }
            Told::CaseOver => {
                self.no_load();
                self.progress.case_over(at);
            }
            Told::Seconds(seconds) => self.loads.second(&seconds),
            Told::Happened(event) => self.happened(at, &event),
            Told::Sampled(samples) => self.servers.sampled(&samples),
            Told::Left { target } => self.servers.left(&target),
            Told::Silent { target, why } => {
                self.line(at, format!("{target} does not tell: {why}"), true);
                self.servers.silent(&target, why);
            }
            Told::Said(text) => self.said(at, &text),
        }
    }

    fn no_load(&mut self) {
        if let Doing::Load { .. } = self.doing {
            self.loads.end();
            self.doing = Doing::Nothing;
        }
        self.progress.no_load();
    }

    fn happened(&mut self, at: Duration, event: &Event) {
        match event.kind {
            "paused" => self.progress.pause(at),
            "continued" => self.progress.go_on(at),
            "error" => {
                let known = (event.class, event.code.clone());
                if !self.errors.contains(&known) && self.errors.len() < ERRORS {
                    let code = if event.code.is_empty() { "" } else { " " };
                    let text =
                        format!("error {}{code}{}: {}", event.class, event.code, event.detail);
                    self.errors.push(known);
                    self.line(at, text, true);
                }
            }
            _ => {}
        }
    }

    /// A note may have several lines, and colours of a log.
    fn said(&mut self, at: Duration, text: &str) {
        for line in strip_ansi_escapes::strip_str(text).lines() {
            let line = line.trim();
            let is_grave =
                line.starts_with('!') || line.starts_with("warning") || line.contains("FAILED");
            let line = line.trim_start_matches("! ").to_owned();
            if !line.is_empty() {
                self.line(at, line, is_grave);
            }
        }
    }

    fn line(&mut self, at: Duration, text: String, is_grave: bool) {
        if self.lines.len() == LINES {
            self.lines.pop_front();
        }
        self.lines.push_back(Line { at, text, is_grave });
    }
}
