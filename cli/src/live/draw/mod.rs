//! What the live view looks like: what is known becomes characters, whatever the size of the screen.

mod head;
mod load;
mod servers;
#[cfg(test)]
mod tests;

use std::time::Duration;

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Borders, Paragraph, Sparkline, Wrap};

use super::state::{State, View};

/// Below this a screen has room for one thing at a time.
const ROOMY: (u16, u16) = (60, 16);

/// The keys, and what else has to be known.
const HELP: [&str; 14] = [
    "q, Ctrl-C   end the run and keep what was measured; again: at once",
    "p           pause before the next load, and go on. Within a load there is no",
    "            pause: the server would go on with what it has put off",
    "Tab, → ←    the next panel, or the one before; 1 to 4 choose one",
    "?, Esc      this page, and back",
    "",
    "Percentiles are of the last 10 seconds together, from their histograms. In",
    "the curves of a load a column is a second: blank where nothing ended, a dot",
    "where the load did not last all of it, or another began. Errors and retries",
    "are counted since the load began, its warm-up included.",
    "Waits: sessions that waited, on average over 10 looks, one a second.",
    "",
    "When the view ends, what it kept from the screen is printed.",
    "docs/monitoring.md says what is sampled, and how.",
];

/// Colours, or none: what they say is always said in characters, too.
#[derive(Clone, Copy, Debug)]
pub struct Theme {
    pub has_colors: bool,
}

impl Theme {
    fn color(self, color: Color) -> Style {
        if self.has_colors { Style::new().fg(color) } else { Style::new() }
    }

    fn title(self) -> Style {
        self.color(Color::Cyan).add_modifier(Modifier::BOLD)
    }

    fn faint(self) -> Style {
        Style::new().add_modifier(Modifier::DIM)
    }

    fn strong() -> Style {
        Style::new().add_modifier(Modifier::BOLD)
    }

    fn grave(self) -> Style {
        self.color(Color::Red).add_modifier(Modifier::BOLD)
    }

    fn badge(self) -> Style {
        Style::new().add_modifier(Modifier::REVERSED | Modifier::BOLD)
    }

    fn curve(self) -> Style {
        self.color(Color::Green)
    }
}

/// Draws it as it is at a moment since the view began.
pub fn draw(frame: &mut Frame<'_>, state: &State, now: Duration, theme: Theme) {
    let area = frame.area();
    let head_height = if area.height < ROOMY.1 { 2 } else { 3 };
    let [head, body, foot] = Layout::vertical([
        Constraint::Length(head_height),
        Constraint::Min(0),
        Constraint::Length(1),
    ])
    .areas(area);
    head::draw(frame, head, state, now, theme);
    let is_roomy = area.width >= ROOMY.0 && area.height >= ROOMY.1;
    match state.view {
        _ if state.shows_help => help(frame, body, theme),
        View::Load => load::draw(frame, body, state, theme),
        View::Servers => servers::draw(frame, body, state, theme),
        View::Events => events(frame, body, state, theme),
        View::All if !state.has_loads() => without_load(frame, body, state, theme),
        View::All if is_roomy => all(frame, body, state, theme),
        View::All => load::draw(frame, body, state, theme),
    }
    keys(frame, foot, state, theme);
}

/// Something of each.
fn all(frame: &mut Frame<'_>, area: Rect, state: &State, theme: Theme) {
    let servers = servers::height(state).min(area.height / 3);
    let rest = area.height - servers;
    let load = (rest * 3 / 5).max(8);
    let [load, servers, events] = Layout::vertical([
        Constraint::Length(load),
        Constraint::Length(servers),
        Constraint::Min(0),
    ])
    .areas(area);
    load::draw(frame, load, state, theme);
    servers::summary(frame, servers, state, theme);
    self::events(frame, events, state, theme);
}

fn without_load(frame: &mut Frame<'_>, area: Rect, state: &State, theme: Theme) {
    let [servers, events] =
        Layout::vertical([Constraint::Fill(3), Constraint::Fill(1)]).areas(area);
    servers::draw(frame, servers, state, theme);
    self::events(frame, events, state, theme);
}

/// What happened last, the newest at the bottom.
fn events(frame: &mut Frame<'_>, area: Rect, state: &State, theme: Theme) {
    let inner = section(frame, area, "events", "", theme);
    let skipped = state.lines.len().saturating_sub(usize::from(inner.height));
    let lines: Vec<Line<'_>> = state
        .lines
        .iter()
        .skip(skipped)
        .map(|line| {
            let (mark, style) = match line.is_grave {
                true => ("! ", theme.grave()),
                false => ("  ", Style::new()),
            };
            Line::from(vec![
                Span::styled(clock(line.at), theme.faint()),
                Span::styled(format!(" {mark}{}", line.text), style),
            ])
        })
        .collect();
    if lines.is_empty() {
        let none = "nothing yet: warnings, errors, alerts and cases that are over come here";
        frame.render_widget(Paragraph::new(Span::styled(none, theme.faint())), inner);
        return;
    }
    frame.render_widget(Paragraph::new(lines), inner);
}

fn help(frame: &mut Frame<'_>, area: Rect, theme: Theme) {
    let inner = section(frame, area, "help", "", theme);
    let lines: Vec<Line<'_>> = HELP.into_iter().map(Line::from).collect();
    frame.render_widget(Paragraph::new(lines).wrap(Wrap { trim: false }), inner);
}

fn keys(frame: &mut Frame<'_>, area: Rect, state: &State, theme: Theme) {
    let mut spans = Vec::new();
    let mut key = |key: &'static str, does: &str| {
        spans.push(Span::styled(key, Theme::strong()));
        spans.push(Span::raw(format!(" {does}  ")));
    };
    key("q", if state.asked.end { "end at once" } else { "end" });
    if state.has_loads() {
        key("p", if state.asked.pause { "go on" } else { "pause" });
    }
    key("?", "help");
    spans.push(Span::styled("Tab", Theme::strong()));
    for view in state.views() {
        let view = *view;
        let style = if view == state.view { theme.badge() } else { theme.faint() };
        // On a narrow screen only the one that is shown.
        if area.width >= ROOMY.0 || view == state.view {
            spans.push(Span::raw(" "));
            spans.push(Span::styled(view.name(), style));
        }
    }
    frame.render_widget(Line::from(spans), area);
}

/// A rule with a title on it, and one at its right; what is left below is given back.
fn section(frame: &mut Frame<'_>, area: Rect, title: &str, right: &str, theme: Theme) -> Rect {
    let mut block = Block::new()
        .borders(Borders::TOP)
        .border_style(theme.faint())
        .title(Span::styled(format!(" {title} "), theme.title()));
    let room = usize::from(area.width).saturating_sub(title.chars().count() + 8);
    if !right.is_empty() && right.chars().count() <= room {
        let right = Span::styled(format!(" {right} "), theme.faint());
        block = block.title(Line::from(right).right_aligned());
    }
    let inner = block.inner(area);
    frame.render_widget(block, area);
    inner
}

/// A curve that fills an area, the newest at its right end.
fn curve(frame: &mut Frame<'_>, area: Rect, values: Vec<Option<u64>>, theme: Theme) {
    let skipped = values.len().saturating_sub(usize::from(area.width));
    let values = values.into_iter().skip(skipped);
    let sparkline = Sparkline::default()
        .data(values)
        .style(theme.curve())
        .absent_value_style(theme.faint())
        .absent_value_symbol("·");
    frame.render_widget(sparkline, area);
}

/// A time since the beginning: `1:02:03`, `02:03`.
fn clock(time: Duration) -> String {
    let seconds = time.as_secs();
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match hours {
        0 => format!("{minutes:02}:{seconds:02}"),
        _ => format!("{hours}:{minutes:02}:{seconds:02}"),
    }
}

fn percent(share: f64) -> String {
    format!("{:.0}%", 100.0 * share)
}
