//! The load under way: how fast it is, and how fast it answers.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use crate::live::state::{Moment, State};
use crate::numbers::{grouped, latency};

use super::{Theme, curve, section};

pub fn draw(frame: &mut Frame<'_>, area: Rect, state: &State, theme: Theme) {
    let [throughput, response] =
        Layout::vertical([Constraint::Fill(1), Constraint::Fill(1)]).areas(area);
    let moments: Vec<Option<Moment>> = state.loads.course(usize::from(area.width)).collect();
    let completed = |moment: &Option<Moment>| moment.and_then(|moment| moment.completed);
    let values: Vec<Option<u64>> = moments.iter().map(completed).collect();
    let most = values.iter().flatten().max().map(|most| grouped(*most as f64));
    let scale = most.map_or(String::new(), |most| format!("each second, up to {most}"));
    let title = if state.loads.warmup == Some(true) { "throughput, warm-up" } else { "throughput" };
    let inner = section(frame, throughput, title, &scale, theme);
    with_curve(frame, inner, speed(state, theme), values, theme);

    let tail = |moment: &Option<Moment>| moment.and_then(|moment| moment.p99_us);
    let values: Vec<Option<u64>> =
        moments.iter().map(|moment| tail(moment).map(|us| us.round() as u64)).collect();
    let most = values.iter().flatten().max().map(|most| latency(*most as f64));
    let scale = most.map_or(String::new(), |most| format!("p99 of each second, up to {most}"));
    let seconds = state.loads.latency.map_or(0, |latency| latency.seconds);
    let title = match seconds {
        0 => "response time".to_owned(),
        1 => "response time, last second".to_owned(),
        seconds => format!("response time, last {seconds} s"),
    };
    let inner = section(frame, response, &title, &scale, theme);
    with_curve(frame, inner, times(state, theme), values, theme);
}

fn with_curve(
    frame: &mut Frame<'_>,
    area: Rect,
    line: Line<'static>,
    values: Vec<Option<u64>>,
    theme: Theme,
) {
    let [words, below] = Layout::vertical([Constraint::Length(1), Constraint::Min(0)]).areas(area);
    frame.render_widget(line, words);
    curve(frame, below, values, theme);
}

/// Throughput, errors and retries.
fn speed(state: &State, theme: Theme) -> Line<'static> {
    let mut spans = match state.loads.throughput() {
        None => vec![Span::styled("no whole second yet", theme.faint())],
        Some((last, mean, seconds)) => {
            let mut spans =
                vec![Span::styled(format!("{} tx/s", grouped(last as f64)), Theme::strong())];
            if seconds > 1 {
                spans.push(Span::raw(format!("  {seconds} s: {}", grouped(mean.round()))));
            }
            spans
        }
    };
    let totals = state.loads.totals;
    let style = if totals.errors > 0 { theme.grave() } else { Style::new() };
    let ended = totals.errors + totals.completed;
    let share = match totals.errors {
        0 => String::new(),
        errors => format!(" ({:.2}%)", 100.0 * errors as f64 / ended as f64),
    };
    spans.push(Span::styled(format!("  errors {}{share}", grouped(totals.errors as f64)), style));
    spans.push(Span::raw(format!("  retries {}", grouped(totals.retries as f64))));
    Line::from(spans)
}

fn times(state: &State, theme: Theme) -> Line<'static> {
    let Some(times) = state.loads.latency else {
        return Line::from(Span::styled("no transaction has ended yet", theme.faint()));
    };
    let mut spans = Vec::new();
    for (name, us) in
        [("p50", times.p50_us), ("p95", times.p95_us), ("p99", times.p99_us), ("max", times.max_us)]
    {
        spans.push(Span::styled(format!("{name} "), theme.faint()));
        spans.push(Span::styled(format!("{}  ", latency(us)), Theme::strong()));
    }
    Line::from(spans)
}
