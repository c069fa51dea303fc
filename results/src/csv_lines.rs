//! Fields as a line of CSV (RFC 4180, lines ended by a line feed).

use dbdyno_core::{Error, Result};

/// One line, its end included.
pub(crate) fn csv_line<F: AsRef<[u8]>>(fields: impl IntoIterator<Item = F>) -> Result<Vec<u8>> {
    let mut writer = csv::WriterBuilder::new().flexible(true).from_writer(Vec::new());
    let failed = |why: String| Error::new("put a row into CSV", why);
    writer.write_record(fields).map_err(|error| failed(error.to_string()))?;
    writer.into_inner().map_err(|error| failed(error.to_string()))
}
