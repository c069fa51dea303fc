//! `dbdyno doctor`.

use comfy_table::Cell;
use dbdyno_adapters::engines;
use dbdyno_core::Result;

use crate::Ended;
use crate::commands::tables;
use crate::output::say;

/// Shows which engines are installed and what to do about those that are not.
///
/// # Errors
/// Never: a missing engine is an answer.
pub fn doctor() -> Result<Ended> {
    let mut table = tables::plain(["engine", "driver", "version", "found", "what to do"]);
    for engine in engines() {
        let drivers = engine.drivers.join(", ");
        let row = match (engine.find)(None) {
            Ok(found) => {
                let programs: Vec<String> =
                    found.programs.iter().map(|program| program.display().to_string()).collect();
                let place =
                    if programs.is_empty() { "built in".to_owned() } else { programs.join("\n") };
                [engine.name.to_owned(), drivers, found.version, place, "ready".to_owned()]
            }
            Err(error) => [
                engine.name.to_owned(),
                drivers,
                "-".to_owned(),
                error.why().to_owned(),
                (engine.install_hint)(),
            ],
        };
        table.add_row(row.map(Cell::new));
    }
    say(&format!("dbdyno {}", env!("CARGO_PKG_VERSION")));
    say(&table.to_string());
    say("A server need not run: dbdyno starts a private one from these programs.");
    Ok(Ended::Done)
}
