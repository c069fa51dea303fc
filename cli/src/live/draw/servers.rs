//! What servers and the machine tell of themselves.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Cell, Paragraph, Row, Table};

use crate::live::state::{Log, Server, State, WAITS_WINDOW};
use crate::numbers::{bytes, grouped};

use super::{Theme, curve, percent, section};

/// Rows of the summary that waits need at least.
const WAITS: u16 = 3;
/// Columns of the table, the target aside.
const COLUMNS: [(&str, u16); 7] =
    [("tx/s", 6), ("cpu", 5), ("cache", 6), ("active", 7), ("locks", 5), ("lag", 5), ("log", 8)];
const TARGET: u16 = 10;

/// The rows that the summary would like.
pub fn height(state: &State) -> u16 {
    let servers = u16::try_from(state.servers.servers.len()).unwrap_or(u16::MAX);
    2 + servers.clamp(WAITS, 12)
}

/// The table, and what sessions wait for beside it.
pub fn summary(frame: &mut Frame<'_>, area: Rect, state: &State, theme: Theme) {
    let table = TARGET + COLUMNS.iter().map(|(_, width)| width + 1).sum::<u16>();
    let [left, right] =
        Layout::horizontal([Constraint::Length(table + 1), Constraint::Min(0)]).areas(area);
    let inner = section(frame, left, &machine(state), "", theme);
    self::table(frame, inner, state, theme);
    waits(frame, right, state, theme);
}

/// The table, curves and what sessions wait for.
pub fn draw(frame: &mut Frame<'_>, area: Rect, state: &State, theme: Theme) {
    let servers = &state.servers.servers;
    let rows = u16::try_from(servers.len().max(1)).unwrap_or(u16::MAX);
    let [table, curves, waits] = Layout::vertical([
        Constraint::Length((2 + rows).min(area.height / 2)),
        Constraint::Fill(2),
        Constraint::Fill(1),
    ])
    .areas(area);
    let inner = section(frame, table, &machine(state), "", theme);
    self::table(frame, inner, state, theme);
    let whose = servers.iter().filter(|server| server.course.iter().any(Option::is_some));
    let whose: Vec<&Server> = whose.collect();
    let areas = Layout::vertical(vec![Constraint::Fill(1); whose.len() + 1]).split(curves);
    let busy = &state.servers.machine.course;
    let values = busy.iter().map(|busy| busy.map(|busy| (1_000.0 * busy).round() as u64)).collect();
    named_curve(frame, areas[0], ("machine busy", highest(busy.iter(), percent)), values, theme);
    for (server, area) in whose.iter().zip(areas.iter().skip(1)) {
        let values = server.course.iter();
        let values = values.map(|rate| rate.map(|rate| rate.round() as u64)).collect();
        let high = highest(server.course.iter(), |rate| grouped(rate.round()));
        let title = format!("commits a second of {}", server.target);
        named_curve(frame, *area, (&title, high), values, theme);
    }
    self::waits(frame, waits, state, theme);
}

fn named_curve(
    frame: &mut Frame<'_>,
    area: Rect,
    (title, high): (&str, String),
    values: Vec<Option<u64>>,
    theme: Theme,
) {
    let inner = section(frame, area, title, &high, theme);
    curve(frame, inner, values, theme);
}

fn highest<'a>(
    values: impl Iterator<Item = &'a Option<f64>>,
    in_words: impl Fn(f64) -> String,
) -> String {
    let most = values.flatten().copied().max_by(f64::total_cmp);
    most.map_or(String::new(), |most| format!("up to {}", in_words(most)))
}

/// The machine and dbdyno in words.
fn machine(state: &State) -> String {
    let machine = &state.servers.machine;
    let mut words = vec!["servers".to_owned()];
    if let (Some(busy), Some(all)) = (machine.busy, machine.processors) {
        words.push(format!("machine {} of {all} processors", percent(busy)));
    }
    if let Some(client) = machine.client {
        words.push(format!("dbdyno {}", percent(client)));
    }
    words.join(" · ")
}

fn table(frame: &mut Frame<'_>, area: Rect, state: &State, theme: Theme) {
    if state.servers.servers.is_empty() {
        let none = Span::styled("nothing is sampled yet", theme.faint());
        frame.render_widget(Paragraph::new(none), area);
        return;
    }
    let number =
        |value: Option<String>| Line::from(value.unwrap_or("-".to_owned())).right_aligned();
    let rows = state.servers.servers.iter().map(|server| {
        let style = if server.silent.is_some() { theme.grave() } else { Style::new() };
        let cells = of_server(server).into_iter().map(|value| Cell::from(number(value)));
        let target = Cell::from(ending(&server.target));
        Row::new(std::iter::once(target).chain(cells)).style(style)
    });
    let names = COLUMNS.iter().map(|(name, _)| Cell::from(Line::from(*name).right_aligned()));
    let header = Row::new(std::iter::once(Cell::from("target")).chain(names)).style(theme.faint());
    let widths = std::iter::once(TARGET).chain(COLUMNS.iter().map(|(_, width)| *width));
    let table = Table::new(rows, widths.map(Constraint::Length)).header(header).column_spacing(1);
    frame.render_widget(table, area);
}

/// What stands in the columns.
fn of_server(server: &Server) -> [Option<String>; 7] {
    let whole = |value: f64| grouped(value.round());
    let sessions = match (server.active, server.connections) {
        (Some(active), Some(all)) => Some(format!("{}/{}", whole(active), whole(all))),
        (None, all) => all.map(whole),
        (active, None) => active.map(whole),
    };
    let log = server.log.map(|log| match log {
        Log::BytesPerSecond(rate) => format!("{}/s", bytes(rate)),
        Log::Bytes(size) => bytes(size),
    });
    [
        server.commits.map(whole),
        server.cpu.map(percent),
        server.cache_hits.map(|share| format!("{:.1}%", 100.0 * share)),
        sessions,
        server.lock_waits.map(whole),
        server.lag_s.map(|lag| format!("{lag:.1}s")),
        log,
    ]
}

/// What sessions wait for, most of them first.
fn waits(frame: &mut Frame<'_>, area: Rect, state: &State, theme: Theme) {
    if area.width < 12 {
        return;
    }
    let inner = section(frame, area, "waits", "", theme);
    let waits = state.servers.waits();
    let several = state.servers.servers.len() > 1;
    let lines: Vec<Line<'_>> = waits
        .into_iter()
        .take(usize::from(inner.height))
        .map(|wait| {
            let of = if several { format!(" ({})", wait.target) } else { String::new() };
            let whole = format!("{}{of}", wait.what);
            let is_too_long = whole.chars().count() + 5 > usize::from(inner.width);
            // What it is tells more than its kind: `Lock: transactionid`.
            let what =
                if is_too_long { wait.what.split_once(": ").map(|(_, what)| what) } else { None };
            Line::from(vec![
                Span::styled(format!("{:>4.1} ", wait.sessions), Theme::strong()),
                Span::raw(what.map_or(whole, str::to_owned)),
            ])
        })
        .collect();
    if lines.is_empty() {
        let told = state.servers.servers.iter().any(|server| server.lock_waits.is_some());
        let none = match told {
            true => format!("none in {WAITS_WINDOW} looks"),
            false => "not told".to_owned(),
        };
        frame.render_widget(Paragraph::new(Span::styled(none, theme.faint())), inner);
        return;
    }
    frame.render_widget(Paragraph::new(lines), inner);
}

/// The end of a target's name, which of a path or a URL tells the most.
fn ending(text: &str) -> String {
    let (count, width) = (text.chars().count(), usize::from(TARGET));
    if count <= width {
        return text.to_owned();
    }
    let end: String = text.chars().skip(count + 1 - width).collect();
    format!("…{end}")
}
