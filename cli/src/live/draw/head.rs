//! The lines at the top: what runs, where it is and how long it takes.

use std::time::Duration;

use dbdyno_monitor::case_name;
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::{Line, Span};

use crate::live::state::{Doing, Left, State};
use crate::numbers::grouped;

use super::{ROOMY, Theme, clock};

/// How long a bar may be.
const BAR: usize = 20;

pub fn draw(frame: &mut Frame<'_>, area: Rect, state: &State, now: Duration, theme: Theme) {
    let badge = badge(state, now);
    let width = u16::try_from(badge.chars().count()).unwrap_or(0);
    let rows: Vec<Rect> = Layout::vertical(vec![Constraint::Length(1); usize::from(area.height)])
        .split(area)
        .to_vec();
    if let Some(first) = rows.first() {
        let [left, right] =
            Layout::horizontal([Constraint::Min(0), Constraint::Length(width)]).areas(*first);
        frame.render_widget(title(state, theme), left);
        frame.render_widget(Span::styled(badge, theme.badge()), right);
    }
    // What the case is made of is left out first.
    let others = match rows.len() {
        0..=2 => vec![place(state, now, area.width)],
        _ => vec![conditions(state, theme), place(state, now, area.width)],
    };
    for (row, line) in rows.iter().skip(1).zip(others) {
        frame.render_widget(line, *row);
    }
}

/// What a person asked for, as long as it is not over.
fn badge(state: &State, now: Duration) -> String {
    let paused = state.progress.paused();
    match (state.asked.end, paused, state.asked.pause) {
        (true, ..) => " ENDING: what was measured is kept ".to_owned(),
        (_, Some(since), _) => format!(" PAUSED for {} ", clock(now.saturating_sub(since))),
        (_, None, true) => " pauses before the next load ".to_owned(),
        _ => String::new(),
    }
}

fn title(state: &State, theme: Theme) -> Line<'static> {
    let what = match &state.case {
        Some(case) => format!("{}/{} on {}", case.suite, case.benchmark, case.target),
        None => state.benchmark.clone(),
    };
    Line::from(vec![
        Span::styled(format!("dbdyno {}  ", state.command), theme.title()),
        Span::styled(what, Theme::strong()),
    ])
}

/// What the case is made of, and its load.
fn conditions(state: &State, theme: Theme) -> Line<'static> {
    let Some(case) = &state.case else { return Line::default() };
    let name = case_name(case);
    // The benchmark, which comes first, is in the title.
    let mut words = name.split_once(", ").map_or(String::new(), |(_, rest)| rest.to_owned());
    if let Doing::Load { stage } = &state.doing
        && !stage.is_empty()
    {
        words = format!("{stage}: {words}");
    }
    Line::from(Span::styled(words, theme.faint()))
}

/// Where the run is.
fn place(state: &State, now: Duration, width: u16) -> Line<'static> {
    let is_narrow = width < ROOMY.0;
    let mut parts = Vec::new();
    if let Some((case, cases)) = state.progress.case_of() {
        parts.push(match is_narrow {
            true => format!("{case}/{cases}"),
            false => format!("case {case} of {cases}"),
        });
    }
    if let (Some(case), 2.., false) = (&state.case, state.progress.repetitions, is_narrow) {
        parts.push(format!("round {} of {}", case.repetition, state.progress.repetitions));
    }
    parts.push(doing(state, now, width));
    if let Some(share) = state.progress.share(now) {
        let left = state.progress.left(now).filter(|_| !is_narrow);
        let left = left.map_or(String::new(), |left| match left {
            Left::About(time) => format!(", about {} left", clock(time)),
            Left::AtLeast(time) => format!(", at least {} left", clock(time)),
        });
        parts.push(format!("run {:.0}%{left}", 100.0 * share));
    }
    parts.retain(|part| !part.is_empty());
    Line::from(parts.join(" │ "))
}

/// What is being done, and how far it is.
fn doing(state: &State, now: Duration, width: u16) -> String {
    let since = |began: &Duration| clock(now.saturating_sub(*began));
    match &state.doing {
        Doing::Nothing if state.has_loads() => String::new(),
        Doing::Nothing => format!("for {}", clock(now)),
        Doing::Working { what, since: began } => format!("{what} {}", since(began)),
        Doing::Loading { table, rows, progress, since: began } => {
            let (loaded, rows) = (grouped(progress.rows() as f64), grouped(*rows as f64));
            format!("loading {table}: {loaded} of {rows} rows, {}", since(began))
        }
        Doing::Load { .. } => match state.progress.load_of(now) {
            Some((gone, Some(length))) => {
                let share = gone.as_secs_f64() / length.as_secs_f64().max(0.001);
                let bar = bar(share, (usize::from(width) / 8).min(BAR));
                let (gone, length) = (gone.min(length).as_secs(), length.as_secs_f64());
                let phase = if state.loads.warmup == Some(true) { "warm-up " } else { "" };
                format!("{phase}{bar} {gone} of {length:.0} s")
            }
            Some((gone, None)) => format!("load for {}", clock(gone)),
            None => String::new(),
        },
    }
}

fn bar(share: f64, width: usize) -> String {
    let full = (share.clamp(0.0, 1.0) * width as f64).round() as usize;
    format!("{}{}", "█".repeat(full), "░".repeat(width - full))
}
