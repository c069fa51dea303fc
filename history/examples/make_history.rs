//! Writes the history of a simulated store, to check and to measure with:
//!
//! ```sh
//! cargo run --release -p dbdyno-history --example make_history -- FILE TRANSACTIONS [BEHAVIOUR] [KIND]
//! ```
//!
//! `BEHAVIOUR` is `serial`, `serializable` (the default), `snapshot`, `read-committed` or
//! `read-uncommitted`, `KIND` is `list-append` (the default) or `rw-register`.

use std::error::Error;
use std::fs::File;
use std::io::{BufWriter, Write as _};

use dbdyno_history::Kind;
use dbdyno_history::testing::{Behaviour, Simulation};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().ok_or("expected a file to write")?;
    let transactions = arguments.next().ok_or("expected a number of transactions")?.parse()?;
    let behaviour = match arguments.next().as_deref() {
        None | Some("serializable") => Behaviour::Serializable,
        Some("serial") => Behaviour::Serial,
        Some("snapshot") => Behaviour::Snapshot,
        Some("read-committed") => Behaviour::ReadCommitted,
        Some("read-uncommitted") => Behaviour::ReadUncommitted,
        Some(other) => return Err(format!("there is no behaviour `{other}`").into()),
    };
    let kind = match arguments.next().as_deref() {
        None | Some("list-append") => Kind::ListAppend,
        Some("rw-register") => Kind::RwRegister,
        Some(other) => return Err(format!("there is no kind `{other}`").into()),
    };
    let simulation = Simulation { kind, behaviour, transactions, ..Simulation::LARGE };
    let mut file = BufWriter::new(File::create(path)?);
    let mut failure = None;
    simulation.run(&mut |line| failure = failure.take().or(file.write_all(line).err()));
    file.flush()?;
    failure.map_or(Ok(()), |why| Err(why.into()))
}
