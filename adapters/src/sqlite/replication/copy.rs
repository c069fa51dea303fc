//! The copy that change sets are applied to.

use std::path::Path;

use dbdyno_core::{DbError, Error, Result};
use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags};

use super::super::errors::translate;
use super::super::file::open;

/// Copies a database into another one, all at once. Nobody else may write to it meanwhile.
///
/// # Errors
/// It cannot be read or written, or holds what change sets do not tell.
pub fn copy(from: &Path, to: &mut Connection) -> Result<()> {
    let doing = || format!("copy {} for a replica", from.display());
    let failed = |why: DbError| Error::new(doing(), why);
    let from = open(from, OpenFlags::empty()).map_err(failed)?;
    if let Some(why) = left_out(&from).map_err(failed)? {
        return Err(Error::unsupported(doing(), why));
    }
    let backup = Backup::new(&from, to).map_err(translate).map_err(failed)?;
    match backup.step(-1).map_err(translate).map_err(failed)? {
        StepResult::Done => Ok(()),
        _ => Err(Error::new(doing(), "somebody else has locked it")),
    }
}

/// What change sets leave out without a word: rows with NULL in their key, and virtual tables
/// (<https://www.sqlite.org/sessionintro.html>, 1.2).
fn left_out(connection: &Connection) -> Result<Option<String>, DbError> {
    let sql = "SELECT DISTINCT tables.name, tables.type FROM pragma_table_list() AS tables \
               LEFT JOIN pragma_table_info(tables.name) AS columns \
               WHERE tables.schema = 'main' AND tables.name NOT LIKE 'sqlite\\_%' ESCAPE '\\' \
               AND (tables.type = 'virtual' OR tables.type = 'table' AND tables.wr = 0 \
               AND columns.pk > 0 AND columns.\"notnull\" = 0 AND NOT (columns.type = 'INTEGER' \
               COLLATE NOCASE AND (SELECT COUNT(*) FROM pragma_table_info(tables.name) AS keys \
               WHERE keys.pk > 0) = 1))";
    let mut statement = connection.prepare(sql).map_err(translate)?;
    let mut rows = statement.query([]).map_err(translate)?;
    let Some(row) = rows.next().map_err(translate)? else { return Ok(None) };
    let name: String = row.get(0).map_err(translate)?;
    let kind: String = row.get(1).map_err(translate)?;
    Ok(Some(match kind.as_str() {
        "virtual" => format!("`{name}` is a virtual table, whose changes are not recorded"),
        _ => {
            format!("rows of `{name}` with NULL in their key are not recorded: say NOT NULL there")
        }
    }))
}
