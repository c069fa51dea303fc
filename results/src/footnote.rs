//! What cells have no room to say.

use dbdyno_core::Status;

use crate::compare::{Cell, Comparison};

/// The footnotes of a table, numbered as they first occur. The same sentence has
/// one number, whatever columns it is about.
#[derive(Debug, Default)]
pub(crate) struct Footnotes {
    /// A sentence, and the columns it is about.
    notes: Vec<(String, Vec<String>)>,
    /// Whether ratios are shown, of which there may be something to say.
    of_ratios: bool,
}

impl Footnotes {
    pub(crate) fn of(comparison: &Comparison) -> Self {
        let of_ratios = !comparison.is_index_view();
        let mut notes: Vec<(String, Vec<String>)> = Vec::new();
        for line in comparison.groups.iter().flat_map(|group| &group.lines) {
            for (column, cell) in comparison.columns.iter().zip(&line.cells) {
                let Some(note) = note(cell, of_ratios) else { continue };
                let known = notes.iter().position(|(known, _)| *known == note);
                let at = known.unwrap_or(notes.len());
                if known.is_none() {
                    notes.push((note, Vec::new()));
                }
                if !notes[at].1.contains(&column.name) {
                    notes[at].1.push(column.name.clone());
                }
            }
        }
        Self { notes, of_ratios }
    }

    /// What stands in the cell: `[1]`, or nothing.
    pub(crate) fn mark(&self, cell: &Cell) -> String {
        let note = note(cell, self.of_ratios);
        let place = note.and_then(|note| self.notes.iter().position(|(known, _)| *known == note));
        place.map(|place| format!("[{}]", place + 1)).unwrap_or_default()
    }

    /// The footnotes, a line each.
    pub(crate) fn lines(&self) -> Vec<String> {
        let lines = (1..).zip(&self.notes);
        lines
            .map(|(number, (note, columns))| format!("[{number}] {}: {note}", columns.join(", ")))
            .collect()
    }
}

fn note(cell: &Cell, of_ratios: bool) -> Option<String> {
    let note = match cell {
        Cell::Missing => return None,
        Cell::Value(value) if of_ratios => value.notes(),
        Cell::Value(value) => value.note.clone(),
        Cell::Status(_, detail) if detail.is_empty() => return None,
        Cell::Status(Status::Ok, detail) => detail.clone(),
        Cell::Status(status, detail) => format!("{}: {detail}", status.name()),
    };
    (!note.is_empty()).then_some(note)
}
