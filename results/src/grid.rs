//! A table as text: for a terminal, for a plain file, or as Markdown.

use comfy_table::{
    Attribute, Cell, CellAlignment, ContentArrangement, LineStyle, Row, Table, TableStyle,
};

use crate::markup::{plain, visible};

/// Opens and closes bold type in cells that become Markdown: a sign that no text has.
pub(crate) const BOLD: &str = "\u{2}";

/// One rule below the header, nothing else: numbers are read along lines, not in boxes.
const STYLE: TableStyle =
    TableStyle::new().header_separator(LineStyle::none().fill('─').junction('─'));

/// Blanks between columns, beside that which always is there, and where there is little room.
const WIDE: u16 = 2;
const NARROW: u16 = 1;

/// Cells under a header.
#[derive(Clone, Debug, Default)]
pub(crate) struct Grid {
    /// The heading of each column and how the column is aligned; headings may have line breaks.
    pub(crate) columns: Vec<(String, Align)>,
    pub(crate) rows: Vec<Vec<Text>>,
}

/// On which side the cells of a column stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Align {
    Left,
    Right,
}

/// What stands in a cell.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Text {
    /// Lines, with blanks that keep parts of numbers below one another.
    pub(crate) text: String,
    /// Bold on a terminal.
    pub(crate) bold: bool,
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Self { text, bold: false }
    }
}

impl Grid {
    /// Leaves a blank line before the next row, unless it is the first.
    pub(crate) fn gap(&mut self) {
        if !self.rows.is_empty() {
            self.rows.push(vec![Text::default(); self.columns.len()]);
        }
    }

    /// The number of characters of the longest line.
    pub(crate) fn width(&self) -> usize {
        let table = self.table(None, WIDE, false);
        table.lines().map(|line| line.trim_end().chars().count()).max().unwrap_or(0)
    }

    /// Text for a terminal of `width` characters; cells are broken only where nothing else helps.
    pub(crate) fn text(&self, width: usize, styled: bool) -> String {
        let lines = |table: &Table| -> Vec<String> {
            table.lines().map(|line| line.trim_end().to_owned() + "\n").collect()
        };
        // The line end counts as one.
        let fits = |lines: &Vec<String>| lines.iter().all(|line| line.chars().count() <= width + 1);
        let fitting = [WIDE, NARROW]
            .into_iter()
            .map(|blanks| (blanks, lines(&self.table(None, blanks, false))))
            .find(|(_, plain)| fits(plain));
        match (fitting, styled) {
            (Some((_, plain)), false) => plain.concat(),
            (Some((blanks, _)), true) => lines(&self.table(None, blanks, true)).concat(),
            (None, _) => lines(&self.table(Some(width), NARROW, styled)).concat(),
        }
    }

    fn table(&self, width: Option<usize>, blanks: u16, styled: bool) -> Table {
        let mut table = Table::new();
        table.load_style(STYLE).set_content_arrangement(ContentArrangement::Disabled);
        if let Some(width) = width {
            table.set_content_arrangement(ContentArrangement::Dynamic);
            table.set_width(u16::try_from(width).unwrap_or(u16::MAX));
        }
        if styled {
            table.enforce_styling()
        } else {
            table.force_no_tty()
        };
        let heading = |(text, align): &(String, Align)| cell(text, *align);
        table.set_header(Row::from(self.columns.iter().map(heading).collect::<Vec<_>>()));
        for row in &self.rows {
            let cells = row.iter().zip(&self.columns).map(|(text, (_, align))| {
                let cell = cell(&text.text, *align);
                if text.bold && styled { cell.add_attribute(Attribute::Bold) } else { cell }
            });
            table.add_row(Row::from(cells.collect::<Vec<_>>()));
        }
        for column in table.column_iter_mut() {
            column.set_padding((0, blanks));
        }
        table
    }

    /// A table of GitHub's Markdown, which makes nothing but text of the cells. Rows that are all blank are left out.
    pub(crate) fn markdown(&self) -> String {
        self.markdown_of(plain_lines)
    }

    /// The same of cells that are Markdown already, in which text from elsewhere is [plain].
    pub(crate) fn markdown_of_markup(&self) -> String {
        self.markdown_of(str::to_owned)
    }

    fn markdown_of(&self, markup: fn(&str) -> String) -> String {
        let line = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
        let escape = |text: &str| escape(&markup(text));
        let mut out = line(self.columns.iter().map(|(text, _)| escape(text)).collect());
        let rule = |(_, align): &(String, Align)| match align {
            Align::Left => "---".to_owned(),
            Align::Right => "---:".to_owned(),
        };
        out += &line(self.columns.iter().map(rule).collect());
        for row in self.rows.iter().filter(|row| row.iter().any(|cell| !cell.text.is_empty())) {
            out += &line(row.iter().map(|cell| escape(&cell.text)).collect());
        }
        out
    }
}

/// Lines that stay lines, and bold type that stays bold.
fn plain_lines(text: &str) -> String {
    text.lines().map(plain).collect::<Vec<_>>().join("\n").replace(BOLD, "**")
}

fn cell(text: &str, align: Align) -> Cell {
    Cell::new(visible(text)).set_alignment(match align {
        Align::Left => CellAlignment::Left,
        Align::Right => CellAlignment::Right,
    })
}

/// Text in a cell of Markdown: no bar, no line break, no run of blanks.
fn escape(text: &str) -> String {
    let lines: Vec<_> =
        text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    lines.join("<br>").replace('|', "\\|")
}

/// Text broken between words into lines of at most `width` characters; all but the first are
/// indented by two.
pub(crate) fn wrap(text: &str, width: usize) -> String {
    let mut out = String::new();
    let mut length = 0;
    for word in text.split_whitespace() {
        let size = word.chars().count();
        if length > 0 && length + 1 + size > width {
            out.push_str("\n  ");
            length = 2;
        } else if length > 0 {
            out.push(' ');
            length += 1;
        }
        out.push_str(&visible(word));
        length += size;
    }
    out.push('\n');
    out
}
