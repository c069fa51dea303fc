//! The eight tables of TPC-H rev. 3.0.1, row for row what the specification's own program, dbgen,
//! makes: only then do the published answers hold. The rows come from the crate `tpchgen`, but for
//! their comments, whose text it would keep in 300 MiB; a seed changes nothing.

mod answers;
mod comments;
mod refresh;
mod rows;
mod schema;
mod sentences;
mod source;

use dbdyno_core::schema::Table;
use dbdyno_core::{RowSource, Scale};

use crate::blocks::Part;
use crate::dataset::Dataset;

pub use answers::answer;
pub use refresh::{is_refreshed, refreshed};

/// Suppliers of a part (clause 4.2.3).
const SUPPLIERS: u64 = 4;
/// Lines of an order on average: from 1 to 7 (clause 4.2.3).
const LINES: u64 = 4;

/// The data set `tpch`.
#[derive(Clone, Copy, Debug)]
pub struct TpcH;

impl Dataset for TpcH {
    fn name(&self) -> &'static str {
        "tpch"
    }

    fn version(&self) -> u32 {
        1
    }

    fn summary(&self) -> &'static str {
        "1,500,000 orders with some 6,000,000 lines per scale, and the other six tables of TPC-H \
         rev. 3.0.1, as dbgen makes them; scales from 0.01 on"
    }

    fn tables(&self) -> Vec<Table> {
        schema::tables()
    }

    fn rows(&self, table: &str, scale: Scale) -> u64 {
        match table {
            "tpch_region" => 5,
            "tpch_nation" => 25,
            "tpch_partsupp" => scale.of(source::PARTS) * SUPPLIERS,
            "tpch_lineitem" => scale.of(source::ORDERS) * LINES,
            _ => scale.of(source::base(table)),
        }
    }

    fn has_fixed_rows(&self, table: &str) -> bool {
        table != "tpch_lineitem"
    }

    /// The smallest of the published answers.
    fn scale_step(&self) -> Scale {
        Scale::hundredths(1)
    }

    /// A terabyte. Beyond ten of them the keys of parts would not fit 32 bits.
    fn max_scale(&self) -> Scale {
        Scale::whole(1_000)
    }

    /// What clause 1.5.7 allows.
    fn has_optional_keys(&self) -> bool {
        true
    }

    fn is_seeded(&self) -> bool {
        false
    }

    fn source(
        &self,
        table: &'static str,
        scale: Scale,
        _seed: u64,
        part: u32,
        parts: u32,
    ) -> Box<dyn RowSource> {
        let share = Part { part, parts };
        match table {
            "tpch_region" => source::region(share.range(self.rows(table, scale))),
            "tpch_nation" => source::nation(share.range(self.rows(table, scale))),
            _ => source::large(table, scale, share),
        }
    }
}
