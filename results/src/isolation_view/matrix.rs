//! Which anomalies each level allows.

use dbdyno_core::{Anomaly, Status};

use super::{Level, POSSIBLE};
use crate::grid::{Align, Grid, Text, wrap};
use crate::markup::plain;
use crate::record::Record;
use crate::render::{Format, RenderOptions};

/// How a schedule came out, as a cell says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cell {
    /// There is no row of it.
    Missing,
    Possible,
    Waits,
    Aborts,
    Snapshot,
    /// It could not be told.
    Unknown,
}

impl Cell {
    const fn symbol(self) -> &'static str {
        match self {
            Self::Missing => "",
            Self::Possible => "X",
            Self::Waits => "w",
            Self::Aborts => "a",
            Self::Snapshot => "s",
            Self::Unknown => "?",
        }
    }

    /// What its row says, over repetitions: whatever was possible once is possible.
    fn of(rows: &[&Record]) -> Self {
        let one = |record: &&&Record| {
            let detail: &str = &record.detail;
            match record.value {
                _ if record.status == Status::Failed && record.value.is_none() => Self::Unknown,
                Some(value) if value > 0.0 => Self::Possible,
                _ if detail.contains("blocking") => Self::Waits,
                _ if detail.contains("abort") => Self::Aborts,
                _ if detail.contains("snapshot") => Self::Snapshot,
                _ => Self::Unknown,
            }
        };
        let cells: Vec<Self> = rows.iter().map(|row| one(&row)).collect();
        match cells.first() {
            None => Self::Missing,
            Some(_) if cells.contains(&Self::Possible) => Self::Possible,
            Some(_) if cells.contains(&Self::Unknown) => Self::Unknown,
            Some(first) => *first,
        }
    }
}

/// Levels in lines, anomalies in columns.
#[derive(Clone, Debug)]
pub(super) struct Matrix {
    lines: Vec<(Level, Vec<Cell>)>,
    /// Why a cell, or all of a level, could not be told, and which promise is broken.
    notes: Vec<String>,
}

/// What a level allows.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Allowed {
    pub(super) level: Level,
    /// The symbols of the anomalies that are possible.
    pub(super) possible: Vec<&'static str>,
    /// Those of all that are not.
    pub(super) prevented: Vec<&'static str>,
    /// How many could not be told.
    pub(super) unknown: usize,
}

impl Matrix {
    pub(super) fn new(records: &[Record], levels: &[Level]) -> Self {
        let cell = |level: &Level, anomaly: &Anomaly| {
            let is_of = |record: &&Record| {
                record.metric == POSSIBLE
                    && record.transaction == anomaly.name()
                    && Level::of(record) == *level
            };
            Cell::of(&records.iter().filter(is_of).collect::<Vec<_>>())
        };
        let line = |level: &Level| {
            let cells: Vec<Cell> =
                Anomaly::ALL.iter().map(|anomaly| cell(level, anomaly)).collect();
            (level.clone(), cells)
        };
        let is_filled =
            |(_, cells): &(Level, Vec<Cell>)| cells.iter().any(|cell| *cell != Cell::Missing);
        let lines = levels.iter().map(line).filter(is_filled).collect();
        let mut notes = Vec::new();
        for note in records.iter().filter_map(note) {
            if !notes.contains(&note) {
                notes.push(note);
            }
        }
        Self { lines, notes }
    }

    /// What each level allows.
    pub(super) fn allowed(&self) -> Vec<Allowed> {
        let of = |(level, cells): &(Level, Vec<Cell>)| {
            let symbols = |wanted: fn(Cell) -> bool| {
                let found = cells.iter().zip(Anomaly::ALL).filter(|(cell, _)| wanted(**cell));
                found.map(|(_, anomaly)| anomaly.symbol()).collect::<Vec<_>>()
            };
            Allowed {
                level: level.clone(),
                possible: symbols(|cell| cell == Cell::Possible),
                prevented: symbols(|cell| {
                    matches!(cell, Cell::Waits | Cell::Aborts | Cell::Snapshot)
                }),
                unknown: cells.iter().filter(|cell| **cell == Cell::Unknown).count(),
            }
        };
        self.lines.iter().map(of).collect()
    }

    pub(super) fn render(&self, options: &RenderOptions) -> Option<String> {
        if self.lines.is_empty() && self.notes.is_empty() {
            return None;
        }
        if self.lines.is_empty() {
            let notes = self.notes.iter().map(|note| wrap(note, options.width));
            return Some(notes.collect());
        }
        let wide = self.grid(options, Columns::Apart);
        let legend = self.legend();
        Some(match options.format {
            Format::Markdown => {
                let notes: String =
                    self.notes.iter().map(|note| format!("\n\n{}", plain(note))).collect();
                format!("{}\n{legend}{notes}", wide.markdown())
            }
            _ => {
                let fits = wide.width() <= options.width;
                let grid = if fits { wide } else { self.grid(options, Columns::Close) };
                let text = grid.text(options.width, options.styled);
                let lines = std::iter::once(&legend).chain(&self.notes);
                let below: String = lines.map(|line| wrap(line, options.width)).collect();
                format!("{text}\n{below}")
            }
        })
    }

    fn grid(&self, options: &RenderOptions, apart: Columns) -> Grid {
        let left = |text: String| (text, Align::Left);
        let columns = vec![left("target".into()), left("level".into())];
        let mut grid = Grid { columns, rows: Vec::new() };
        grid.columns.extend(apart.headings().into_iter().map(left));
        let mut last: Option<&str> = None;
        for (level, cells) in &self.lines {
            let is_new = last != Some(level.target.as_str());
            if is_new && options.format == Format::Table {
                grid.gap();
            }
            last = Some(&level.target);
            let target = if is_new { level.target.clone() } else { String::new() };
            let mut row = vec![target.into(), level.isolation.name().to_owned().into()];
            row.extend(apart.cells(cells));
            grid.rows.push(row);
        }
        grid
    }

    /// What the cells say that occur.
    fn legend(&self) -> String {
        let says = [
            (Cell::Possible, "X possible"),
            (Cell::Waits, "w prevented by blocking"),
            (Cell::Aborts, "a prevented by abort"),
            (Cell::Snapshot, "s prevented by snapshot"),
            (Cell::Unknown, "? could not be told"),
        ];
        let occurs = |cell: Cell| self.lines.iter().any(|(_, cells)| cells.contains(&cell));
        let said: Vec<_> =
            says.iter().filter(|(cell, _)| occurs(*cell)).map(|(_, words)| *words).collect();
        format!(
            "{}; PMPw: of a write, GS: G-single, GSp: by conditions, GSw: by a write, G2i: G2-item, \
             G2t: of three transactions",
            said.join(", ")
        )
    }
}

/// What a row says that a cell has no room for.
fn note(record: &Record) -> Option<String> {
    let Level { target, isolation } = Level::of(record);
    let anomaly = Anomaly::named(&record.transaction).map(Anomaly::symbol);
    let tells = match anomaly {
        Some(_) => record.status == Status::Failed && record.value.is_none(),
        None => record.status != Status::Ok && !record.detail.is_empty(),
    };
    let subject = anomaly.unwrap_or(record.status.name());
    tells.then(|| format!("{target} {isolation}, {subject}: {}", record.detail))
}

/// How far the columns of anomalies stand from one another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Columns {
    /// As columns do.
    Apart,
    /// By a blank, under headings of two lines.
    Close,
}

impl Columns {
    fn headings(self) -> Vec<String> {
        let symbols = Anomaly::ALL.map(Anomaly::symbol);
        match self {
            Self::Apart => symbols.map(str::to_owned).to_vec(),
            Self::Close => {
                let line = |part: fn(&str) -> &str| {
                    symbols.map(|symbol| format!("{:<2}", part(symbol))).join(" ")
                };
                vec![format!("{}\n{}", line(|symbol| &symbol[..2]), line(|symbol| &symbol[2..]))]
            }
        }
    }

    fn cells(self, cells: &[Cell]) -> Vec<Text> {
        match self {
            Self::Apart => {
                let text = |cell: &Cell| Text {
                    text: cell.symbol().to_owned(),
                    bold: *cell == Cell::Possible,
                };
                cells.iter().map(text).collect()
            }
            Self::Close => {
                let symbols: Vec<_> =
                    cells.iter().map(|cell| format!("{:<2}", cell.symbol())).collect();
                vec![symbols.join(" ").into()]
            }
        }
    }
}
