//! One wide table of hits, as the logs of web analytics hold them: the columns, the skew and the queries
//! over them are chosen here, in the manner of ClickBench
//! (<https://github.com/ClickHouse/ClickBench>), whose own table is a file of 100,000,000 rows.

mod hit;
mod rows;
mod sites;
#[cfg(test)]
mod tests;
mod visitors;
mod words;

use dbdyno_core::schema::Table;
use dbdyno_core::{Date, RowSource, Scale};

use crate::blocks::{Part, Size, Streams, empty, numbered, visit_numbered};
use crate::dataset::Dataset;
use rows::Maker;

pub use hit::Hit;
pub use sites::{SITES, counter_id};
pub use visitors::{USERS, user_id};
pub use words::{SECTIONS, WORDS};

/// Hits of a day: the rows of the smallest scale.
pub const HITS_PER_DAY: u64 = 10_000;
/// The day of the first hits: 2024-01-01.
pub const FIRST_DAY: Date = Date(19_723);

/// The name of the table.
const TABLE: &str = "hits";
/// Rows at scale 1: a hundred days.
const ROWS: u64 = 100 * HITS_PER_DAY;
/// Rows that share a random stream.
const BLOCK: u64 = 1_000;

/// The data set `wide`.
#[derive(Clone, Copy, Debug)]
pub struct Wide;

impl Dataset for Wide {
    fn name(&self) -> &'static str {
        "wide"
    }

    fn version(&self) -> u32 {
        1
    }

    fn summary(&self) -> &'static str {
        "1,000,000 hits per scale in one table of 58 columns, most of them skewed, as web analytics \
         logs them: in the manner of ClickBench; scales from 0.01 on"
    }

    fn tables(&self) -> Vec<Table> {
        vec![hit::table()]
    }

    fn rows(&self, table: &str, scale: Scale) -> u64 {
        if table == TABLE { scale.of(ROWS) } else { 0 }
    }

    fn has_fixed_rows(&self, _: &str) -> bool {
        true
    }

    /// A day.
    fn scale_step(&self) -> Scale {
        Scale::hundredths(1)
    }

    /// A thousand million hits, of 274 years.
    fn max_scale(&self) -> Scale {
        Scale::whole(1_000)
    }

    fn source(
        &self,
        table: &'static str,
        scale: Scale,
        seed: u64,
        part: u32,
        parts: u32,
    ) -> Box<dyn RowSource> {
        if table != TABLE {
            return empty();
        }
        let mut maker = Maker::new(seed);
        numbered(streams(seed), size(scale), Part { part, parts }, move |number, rng, row| {
            maker.make(number, rng).write(row);
        })
    }
}

/// Goes through all rows in their order, as they are loaded: for whoever works out what queries over
/// them must answer.
pub fn for_each_hit(scale: Scale, seed: u64, mut visit: impl FnMut(&Hit)) {
    let mut maker = Maker::new(seed);
    visit_numbered(streams(seed), size(scale), |number, rng| visit(maker.make(number, rng)));
}

fn streams(seed: u64) -> Streams {
    Streams::new(seed, "wide", TABLE)
}

fn size(scale: Scale) -> Size {
    Size { rows: scale.of(ROWS), block: BLOCK }
}
