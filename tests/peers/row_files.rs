//! The rows of a data set as files of text, in the format that PostgreSQL's COPY and MySQL's LOAD
//! DATA both read unasked: a line to a row, tabs between fields, `\N` for NULL.

use std::fmt::Display;
use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

use dbdyno_core::{Date, Decimal, Error, Result, RowWriter, Scale, Timestamp};
use dbdyno_datasets::Dataset;

/// The seed of the rows: dbdyno's default.
const SEED: u64 = 1;

/// Writes a file for each table of `dataset` into `folder`, the rows being those that dbdyno
/// loads; gives the files in the order of the tables.
///
/// # Errors
/// A file cannot be written.
pub fn write(dataset: &dyn Dataset, scale: Scale, folder: &Path) -> Result<Vec<PathBuf>> {
    let table_file = |name: &'static str| {
        let path = folder.join(format!("{name}.tsv"));
        write_table(dataset, name, scale, &path)
            .map_err(|why| Error::new(format!("write {}", path.display()), why))?;
        Ok(path)
    };
    dataset.tables().iter().map(|table| table_file(table.name)).collect()
}

fn write_table(
    dataset: &dyn Dataset,
    table: &'static str,
    scale: Scale,
    path: &Path,
) -> std::io::Result<()> {
    let mut file = BufWriter::new(File::create(path)?);
    let mut source = dataset.source(table, scale, SEED, 0, 1);
    let mut row = Line::default();
    while source.next_row(&mut row) {
        file.write_all(row.text.as_bytes())?;
        file.write_all(b"\n")?;
        row.text.clear();
    }
    file.flush()
}

/// A row as a line.
#[derive(Default)]
struct Line {
    text: String,
}

impl Line {
    fn field(&mut self, value: impl Display) {
        if !self.text.is_empty() {
            self.text.push('\t');
        }
        self.text.push_str(&value.to_string());
    }
}

impl RowWriter for Line {
    fn null(&mut self) {
        self.field("\\N");
    }

    fn int(&mut self, value: i64) {
        self.field(value);
    }

    fn decimal(&mut self, value: Decimal) {
        self.field(value);
    }

    /// The data sets' text is letters, digits, dashes and blanks: nothing in it needs escaping.
    fn text(&mut self, value: &str) {
        self.field(value);
    }

    fn timestamp(&mut self, value: Timestamp) {
        self.field(value);
    }

    fn date(&mut self, value: Date) {
        self.field(value);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed set-up fails the test")]

    use dbdyno_core::Scale;

    use super::write;

    #[test]
    fn rows_are_lines_of_fields() {
        let folder = tempfile::tempdir().unwrap();
        let dataset = dbdyno_datasets::find("tpcb").unwrap();
        let files = write(dataset, Scale::ONE, folder.path()).unwrap();
        let read = |place: usize| std::fs::read_to_string(&files[place]).unwrap();
        assert_eq!(read(0), "1\t0\t\\N\n");
        assert_eq!(read(1).lines().next(), Some("1\t1\t0\t\\N"));
        assert_eq!(read(2).lines().count(), 100_000);
        assert_eq!(read(3), "");
    }

    #[test]
    fn no_field_needs_escaping() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["sbtest", "tpcc"] {
            let dataset = dbdyno_datasets::find(name).unwrap();
            let files = write(dataset, Scale::ONE, folder.path()).unwrap();
            for (table, file) in dataset.tables().iter().zip(files) {
                let text = std::fs::read_to_string(file).unwrap();
                let tabs = table.columns.len() - 1;
                for line in text.lines() {
                    assert_eq!(line.matches('\t').count(), tabs, "{line}");
                    assert!(!line.replace("\\N", "").contains('\\'), "{line}");
                }
            }
        }
    }
}
