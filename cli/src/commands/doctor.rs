//! `dbdyno doctor`.

use comfy_table::Cell;
use dbdyno_adapters::{Companion, Found, engines};
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
        table.add_row(row(engine.name, drivers, (engine.find)(None), engine.install_hint));
    }
    for companion in engines().iter().flat_map(|engine| engine.companions) {
        let Companion { name, purpose, install_hint, find } = companion;
        table.add_row(row(name, format!("({purpose})"), find(), *install_hint));
    }
    say(&format!("dbdyno {}", env!("CARGO_PKG_VERSION")));
    say(&table.to_string());
    say("A server need not run: dbdyno starts a private one from these programs.");
    Ok(Ended::Done)
}

/// What is found of an engine, or of a program beside it.
fn row(
    name: &str,
    drivers: String,
    found: Result<Found>,
    install_hint: fn() -> String,
) -> [Cell; 5] {
    let cells = match found {
        Ok(Found { version, programs }) => {
            let programs: Vec<String> =
                programs.iter().map(|program| program.display().to_string()).collect();
            let place =
                if programs.is_empty() { "built in".to_owned() } else { programs.join("\n") };
            [name.to_owned(), drivers, version, place, "ready".to_owned()]
        }
        Err(error) => {
            [name.to_owned(), drivers, "-".to_owned(), error.why().to_owned(), install_hint()]
        }
    };
    cells.map(Cell::new)
}
