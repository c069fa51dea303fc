//! Reading the files beside results, none of which a report needs to be made: what cannot be read is told in it.

use std::path::Path;

use csv::{ErrorKind, StringRecord};

use crate::number;

/// A row, and where in it the columns stand that were asked for.
pub(super) struct Row<'r> {
    fields: &'r StringRecord,
    places: &'r [usize],
    header: &'r StringRecord,
}

impl Row<'_> {
    /// The field of the column that was asked for at this place.
    pub(super) fn get(&self, asked: usize) -> &str {
        self.places.get(asked).and_then(|place| self.fields.get(*place)).unwrap_or_default()
    }

    /// The fields of the columns that were asked for, from this place on.
    pub(super) fn from(&self, asked: usize) -> impl Iterator<Item = &str> {
        self.places.iter().skip(asked).map(|place| self.fields.get(*place).unwrap_or_default())
    }

    /// The field of a column that not every version of the file has.
    pub(super) fn other(&self, column: &str) -> Option<&str> {
        self.fields.get(self.header.iter().position(|name| name == column)?)
    }

    /// The field as a finite number.
    pub(super) fn number(&self, asked: usize) -> Result<f64, String> {
        let column = self.places.get(asked).and_then(|place| self.header.get(*place));
        let text = self.get(asked);
        number::finite(text).ok_or_else(|| {
            format!("column `{}`: `{text}` is no finite number", column.unwrap_or_default())
        })
    }
}

/// Gives the rows of a CSV file to `each`, which says what it cannot make sense of. There are none where there
/// is no such file. Rows that cannot be read are passed over, and told in `unread` as one sentence.
pub(super) fn rows(
    path: &Path,
    columns: &[&str],
    unread: &mut Vec<String>,
    mut each: impl FnMut(&Row<'_>) -> Result<(), String>,
) {
    if !path.exists() {
        return;
    }
    let name = path.display();
    let header = csv::Reader::from_path(path).and_then(|mut reader| {
        let header = reader.headers()?.clone();
        Ok((reader, header))
    });
    let (mut reader, header) = match header {
        Ok(opened) => opened,
        Err(error) => return unread.push(format!("`{name}` is not shown: {}", why(&error))),
    };
    let place = |column: &&str| header.iter().position(|name| name == *column);
    let lacking: Vec<&str> =
        columns.iter().filter(|column| place(column).is_none()).copied().collect();
    if !lacking.is_empty() {
        let lacking = lacking.join(", ");
        return unread.push(format!("`{name}` is not shown: its header lacks {lacking}"));
    }
    let places: Vec<usize> = columns.iter().filter_map(place).collect();
    let (mut fields, mut first, mut bad) = (StringRecord::new(), None, 0_u64);
    loop {
        let (line, why) = match reader.read_record(&mut fields) {
            Ok(false) => break,
            Ok(true) => match each(&Row { fields: &fields, places: &places, header: &header }) {
                Ok(()) => continue,
                Err(why) => (fields.position().map(csv::Position::line), why),
            },
            // What stands behind it is out of reach.
            Err(error) if error.is_io_error() => {
                return unread.push(format!("`{name}` is shown in part: {}", why(&error)));
            }
            Err(error) => (error.position().map(csv::Position::line), why(&error)),
        };
        bad += 1;
        first.get_or_insert_with(|| format!("`{name}`, line {}: {why}", line.unwrap_or_default()));
    }
    unread.extend(first.map(|first| match bad {
        1 => format!("{first}; the line is not shown"),
        more => format!("{first}; it and {} other lines are not shown", more - 1),
    }));
}

fn why(error: &csv::Error) -> String {
    match error.kind() {
        ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("it has {len} fields, its header {expected_len}")
        }
        ErrorKind::Utf8 { err, .. } => err.to_string(),
        ErrorKind::Io(error) => error.to_string(),
        _ => error.to_string(),
    }
}
