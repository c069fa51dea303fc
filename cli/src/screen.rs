//! What a person sees while a run goes on: one moving line at the bottom on a terminal, one line
//! per case above it. Nothing moves where the output is not a terminal, or the full-screen view has it, which is told
//! the same.

use std::borrow::Cow;
use std::io::IsTerminal as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use dbdyno_core::measurement::Second;
use dbdyno_core::{Case, Event, LoadProgress, StatementForm, Status};
use dbdyno_datasets::LoadObserver;
use dbdyno_suites::runner::{CaseSummary, RunObserver, RunOptions};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

use crate::live::{Live, Teller, Told};
use crate::numbers::{grouped, latency};
use crate::output::note;
use crate::tty::Moving;

/// What the moving line shows of a target: one that wraps is not taken away as a whole.
const TARGET_WIDTH: usize = 12;
/// How often moving things move.
const TICK: Duration = Duration::from_millis(120);
/// How often they are drawn in a second, at most.
const MOVES_HZ: u8 = 20;

/// The screen of a run.
pub struct Screen {
    quiet: bool,
    /// The characters of the longest form that a case of the run has.
    form_width: usize,
    bar: ProgressBar,
    moving: bool,
    /// What tells the full-screen view, where there is one.
    live: Option<Teller>,
    state: Mutex<State>,
}

/// Where the run is.
#[derive(Default)]
struct State {
    cases: usize,
    case: usize,
    repetitions: u32,
    target: String,
    case_began: Option<Instant>,
    load_began: Option<Instant>,
}

impl Screen {
    /// The screen of a run with these options; `quiet` shows only what went wrong, and with `live` there is a
    /// full-screen view beside it.
    pub fn new(quiet: bool, options: &RunOptions, live: Option<&Live>) -> Self {
        let forms = options.statements.iter().flat_map(|statements| {
            options.pipeline.iter().map(|pipeline| form(*statements, *pipeline).len())
        });
        let moving = !quiet && live.is_none() && std::io::stderr().is_terminal();
        let live = live.map(Live::teller);
        let bar = ProgressBar::with_draw_target(
            None,
            if moving {
                ProgressDrawTarget::term_like_with_hz(Box::new(Moving::default()), MOVES_HZ)
            } else {
                ProgressDrawTarget::hidden()
            },
        );
        let form_width = forms.max().unwrap_or(0);
        let screen = Self { quiet, form_width, bar, moving, live, state: Mutex::default() };
        screen.move_by_itself(true);
        screen
    }

    /// Whether the moving line moves by itself, which takes a thread, or once a second as the load
    /// is told: a load has no thread beside it.
    fn move_by_itself(&self, by_itself: bool) {
        if self.moving && by_itself {
            self.bar.enable_steady_tick(TICK);
        } else {
            self.bar.disable_steady_tick();
        }
    }

    /// Says lines of alerts, on whatever thread: a quiet run says them, too.
    pub fn teller(screen: &Arc<Self>) -> impl Fn(&str) + Send + Sync + use<> {
        let screen = Arc::clone(screen);
        move |text| {
            if screen.moving {
                screen.bar.suspend(|| note(text));
            } else {
                note(text);
            }
        }
    }

    /// What tells the full-screen view.
    pub fn live(&self) -> Option<Teller> {
        self.live.clone()
    }

    fn tell(&self, told: impl FnOnce() -> Told) {
        if let Some(live) = &self.live {
            live.tell(told());
        }
    }

    /// Says how many cases the run has, every repetition counted.
    pub fn cases(&self, cases: usize) {
        self.tell(|| Told::Cases(cases));
    }

    /// Says what is being done, until something else is said.
    pub fn working(&self, what: &str) {
        self.tell(|| Told::Working(what.to_owned()));
        self.bar.set_style(style("{spinner} {msg} [{elapsed}]"));
        self.bar.reset();
        self.bar.set_message(what.to_owned());
    }

    /// Takes the moving line away.
    pub fn clear(&self) {
        self.bar.finish_and_clear();
    }

    /// Prints a line that stays.
    fn line(&self, text: &str) {
        if self.quiet {
            return;
        }
        if self.moving {
            self.bar.suspend(|| note(text));
        } else {
            note(text);
        }
    }

    /// Which case it is of how many, its benchmark and its target.
    fn place(&self, case: &Case) -> String {
        let state = self.state();
        let target = ending(&case.target, TARGET_WIDTH);
        format!("{}/{} {} {target}", state.case, state.cases, case.benchmark)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl RunObserver for Screen {
    fn benchmark_started(&self, suite: &str, benchmark: &str, cases: usize, repetitions: u32) {
        let cases = cases * repetitions as usize;
        *self.state() = State { cases, repetitions, ..State::default() };
        let name = format!("{suite}/{benchmark}");
        self.line(&name);
        self.tell(|| Told::Benchmark { name, cases, repetitions });
    }

    fn preparing(&self, target: &str) {
        self.tell(|| Told::WorkingOn(format!("looking for the data on {target}")));
        target.clone_into(&mut self.state().target);
    }

    fn case_started(&self, case: &Case) {
        self.state().case += 1;
        self.tell(|| Told::CaseBegan(Box::new(case.clone())));
    }

    fn load_started(&self, case: &Case, stage: &str, length: Option<Duration>) {
        self.tell(|| Told::LoadBegan { stage: stage.to_owned(), length });
        self.move_by_itself(false);
        self.state().case_began = Some(Instant::now());
        self.bar.reset();
        match length {
            Some(length) => {
                self.bar.set_style(style("{spinner} {prefix} {bar:8} {wide_msg}"));
                self.bar.set_length(length.as_millis() as u64);
            }
            None => self.bar.set_style(style("{spinner} {prefix} [{elapsed}] {wide_msg}")),
        }
        let what = if stage.is_empty() {
            format!(
                "{} {} clients{}",
                case.isolation,
                case.clients,
                form(case.statements, case.pipeline)
            )
        } else {
            stage.to_owned()
        };
        self.bar.set_prefix(format!("{} {what}", self.place(case)));
        self.bar.set_message("");
    }

    fn working_on(&self, case: &Case, doing: &str) {
        self.tell(|| Told::WorkingOn(doing.to_owned()));
        self.move_by_itself(true);
        self.bar.reset();
        self.bar.set_style(style("{spinner} {msg} [{elapsed}]"));
        self.bar.set_message(format!("{} {doing}", self.place(case)));
    }

    fn second(&self, seconds: &[Second]) {
        if let Some(began) = self.state().case_began {
            self.bar.set_position(began.elapsed().as_millis() as u64);
        }
        let (completed, errors) = seconds
            .iter()
            .fold((0, 0), |(done, bad), each| (done + each.completed, bad + each.errors));
        let errors = if errors > 0 { format!(", {errors} errors") } else { String::new() };
        self.bar.set_message(format!("{} tx/s{errors}", grouped(completed as f64)));
    }

    fn event(&self, event: &Event) {
        if matches!(
            event.kind,
            "outage_started" | "outage_ended" | "server_restarted" | "waiting_for_server"
        ) {
            self.line(&format!("  ! {}: {}", event.kind.replace('_', " "), event.detail));
        }
    }

    fn case_finished(&self, case: &Case, summary: &CaseSummary) {
        self.tell(|| Told::CaseOver);
        self.move_by_itself(true);
        let round = match self.state().repetitions {
            1 => String::new(),
            _ => format!("  round {}", case.repetition),
        };
        let what = format!(
            "  {:<9} {:<16} {:>4} clients{:<width$}{round}",
            case.target,
            case.isolation,
            case.clients,
            form(case.statements, case.pipeline),
            width = self.form_width
        );
        let came_out = match summary.status {
            Status::Ok | Status::Interrupted => {
                let extra = |count: u64, word: &str| {
                    if count > 0 {
                        format!(", {} {word}", grouped(count as f64))
                    } else {
                        String::new()
                    }
                };
                let numbers = if !summary.headline.is_empty() {
                    summary.headline.clone()
                } else if summary.has_numbers {
                    let p99 = latency(summary.p99_us);
                    format!("{:>9} tx/s  p99 {p99:>8}", grouped(summary.throughput))
                } else {
                    "nothing could be measured".to_owned()
                };
                format!(
                    "{numbers}{}{}{}",
                    extra(summary.errors, "errors"),
                    extra(summary.retries, "retries"),
                    if summary.status == Status::Interrupted { "  (interrupted)" } else { "" }
                )
            }
            // The table's footnotes say why.
            Status::Unsupported => "unsupported".to_owned(),
            Status::Failed => format!("FAILED: {}", summary.detail),
        };
        self.line(&format!("{what}  {came_out}"));
        if summary.status == Status::Ok && !summary.detail.is_empty() {
            self.line(&format!("    ! {}", summary.detail));
        }
        for warning in &summary.warnings {
            self.line(&format!("    ! {warning}"));
        }
        for why in &summary.could_not {
            self.line(&format!("    ! {why}"));
        }
        for check in &summary.broken {
            self.line(&format!("    ! {}: {}", check.name, check.detail));
        }
    }
}

impl LoadObserver for Screen {
    fn started(&self, table: &str, rows: u64, progress: &Arc<LoadProgress>) {
        self.state().load_began = Some(Instant::now());
        let progress = Arc::clone(progress);
        self.tell(|| Told::Loading {
            table: table.to_owned(),
            rows,
            progress: Arc::clone(&progress),
        });
        let loaded = move |state: &ProgressState, out: &mut dyn std::fmt::Write| {
            let rows = progress.rows();
            let seconds = state.elapsed().as_secs_f64().max(0.001);
            // Writing to the bar's own buffer cannot fail.
            let _ =
                write!(out, "{} rows, {}/s", grouped(rows as f64), grouped(rows as f64 / seconds));
        };
        let template =
            format!("{{spinner}} loading {table} of {} rows: {{loaded}}", grouped(rows as f64));
        self.bar.reset();
        self.bar.set_style(style(&template).with_key("loaded", loaded));
    }

    fn indexing(&self, table: &str) {
        let what = format!("keys, indexes and statistics of {table}");
        self.bar.set_style(style("{spinner} {msg} [{elapsed}]"));
        self.bar.set_message(what.clone());
        self.tell(|| Told::WorkingOn(what));
    }

    fn finished(&self, table: &str, rows: u64) {
        let state = self.state();
        let took = state.load_began.map_or(Duration::ZERO, |began| began.elapsed());
        let line = format!(
            "  {:<9} loaded {table:<18} {:>11} rows in {:.1} s",
            state.target,
            grouped(rows as f64),
            took.as_secs_f64()
        );
        drop(state);
        self.line(&line);
    }
}

/// How a case's statements are said and sent, where that is not the default; each word after a
/// blank.
const fn form(statements: StatementForm, pipeline: bool) -> &'static str {
    match (statements, pipeline) {
        (StatementForm::Portable, false) => "",
        (StatementForm::Portable, true) => " pipelined",
        (StatementForm::Native, false) => " native",
        (StatementForm::Native, true) => " native pipelined",
    }
}

/// The end of a text that is too long, which of a path or a URL tells the most.
fn ending(text: &str, width: usize) -> Cow<'_, str> {
    let count = text.chars().count();
    if count <= width {
        return text.into();
    }
    let end: String = text.chars().skip(count + 1 - width).collect();
    format!("…{end}").into()
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

#[cfg(test)]
mod tests {
    use super::ending;

    #[test]
    fn a_long_text_is_cut_at_its_beginning() {
        assert_eq!(ending("postgres", 8), "postgres");
        assert_eq!(ending("sqlite:/tmp/größe.db", 8), "…röße.db");
    }
}
