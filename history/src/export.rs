//! Histories in normal form, for other tools.

use std::fs::File;
use std::io::Write;
use std::path::Path;

use dbdyno_core::{Error, Result};
use hashbrown::HashMap;

use crate::edn::{Event, EventKind, EventReader, write_event};
use crate::store::MEND;

/// Rewrites the history at `path`: an operation map per line, numbered from 0, with `:index`, `:time`,
/// `:type`, `:process` where it has one, `:f` and `:value`, events of clients only. Takes the same little memory
/// however long the history. Returns how many events there are.
///
/// # Errors
/// The history cannot be read or is malformed, or `out` cannot be written.
pub fn export(path: &Path, out: &mut impl Write) -> Result<u64> {
    let name = path.display();
    let doing = format!("export the history {name}");
    let file = File::open(path).map_err(|why| Error::new(&doing, why))?;
    let mut events = EventReader::new(file);
    let mut line = String::new();
    let mut index = 0;
    let mut invoked: HashMap<Option<i64>, Event> = HashMap::default();
    let malformed = |why: &dyn std::fmt::Display| {
        Error::new("read the history", format!("{name} {why}")).next(MEND)
    };
    while let Some((event, names)) = events.next().map_err(|why| malformed(&why))? {
        line.clear();
        let open = invoked.entry(event.process).or_default();
        if event.kind == EventKind::Invoke {
            open.clone_from(event);
            write_event(event, index, names, &mut line);
        } else {
            // What ended without a word of what it was is what was invoked; it ends once.
            let Event { mops, elements, .. } = std::mem::take(open);
            if event.mops.is_empty() {
                write_event(&Event { mops, elements, ..event.clone() }, index, names, &mut line);
            } else {
                write_event(event, index, names, &mut line);
            }
        }
        out.write_all(line.as_bytes()).map_err(|why| Error::new(&doing, why))?;
        index += 1;
    }
    out.flush().map_err(|why| Error::new(&doing, why))?;
    Ok(index)
}
