//! `peers.csv`: every number as it was measured, one to a line.

use std::fs::File;
use std::path::Path;

use dbdyno_core::{Error, Result};

use crate::metric::Metric;

/// The columns.
const COLUMNS: [&str; 9] =
    ["comparison", "clients", "durability", "round", "position", "side", "metric", "value", "unit"];

/// The side that is not a peer.
pub const DBDYNO: &str = "dbdyno";

/// The numbers of one side in one round.
pub type Figures = Vec<(Metric, f64)>;

/// One number.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// The comparison or check, such as `postgres/tpcb`.
    pub comparison: String,
    /// Clients at work at once; `None` where there are none (loads).
    pub clients: Option<u32>,
    /// The round, counted from 1.
    pub round: u32,
    /// Whether the side ran first (1) or second (2) in its round.
    pub position: u32,
    /// `dbdyno`, or the peer's name.
    pub side: &'static str,
    /// What the number is of.
    pub metric: Metric,
    /// The number.
    pub value: f64,
}

/// The file, and what is in it.
pub struct Record {
    writer: csv::Writer<File>,
    durability: &'static str,
    rows: Vec<Row>,
}

impl Record {
    /// Makes the file in `folder`.
    ///
    /// # Errors
    /// There is one already, or it cannot be written.
    pub fn create(folder: &Path, durability: &'static str) -> Result<Self> {
        let path = folder.join("peers.csv");
        let doing = || format!("make {}", path.display());
        let file = File::create_new(&path).map_err(|why| Error::new(doing(), why))?;
        let mut writer = csv::Writer::from_writer(file);
        writer.write_record(COLUMNS).map_err(|why| Error::new(doing(), why))?;
        writer.flush().map_err(|why| Error::new(doing(), why))?;
        Ok(Self { writer, durability, rows: Vec::new() })
    }

    /// Adds rows; they are with the operating system when this returns.
    ///
    /// # Errors
    /// The disk is full or the folder is gone.
    pub fn add(&mut self, rows: impl IntoIterator<Item = Row>) -> Result<()> {
        let failed = |why: &dyn std::fmt::Display| Error::new("add to peers.csv", why);
        for row in rows {
            let fields = [
                row.comparison.clone(),
                row.clients.map(|clients| clients.to_string()).unwrap_or_default(),
                self.durability.to_owned(),
                row.round.to_string(),
                row.position.to_string(),
                row.side.to_owned(),
                row.metric.name().to_owned(),
                row.value.to_string(),
                row.metric.unit().to_owned(),
            ];
            self.writer.write_record(fields).map_err(|why| failed(&why))?;
            self.rows.push(row);
        }
        self.writer.flush().map_err(|why| failed(&why))
    }

    /// The values of one side of a comparison, each with its round.
    pub fn values(
        &self,
        comparison: &str,
        clients: Option<u32>,
        side: &str,
        metric: Metric,
    ) -> Vec<(u32, f64)> {
        let wanted = |row: &&Row| {
            row.comparison == comparison
                && row.clients == clients
                && row.side == side
                && row.metric == metric
        };
        self.rows.iter().filter(wanted).map(|row| (row.round, row.value)).collect()
    }
}
