//! The nine tables of TPC-C rev. 5.11, populated by the rules of clause 4.3.3; the scale is the
//! number of warehouses. Beside them stand the three that CH-benCHmark adds, which no transaction of
//! TPC-C reads or writes.

mod customers;
mod goods;
mod orders;
mod places;
mod schema;
mod suppliers;
#[cfg(test)]
mod tests;

use dbdyno_core::random::{Nurand, mix};
use dbdyno_core::schema::Table;
use dbdyno_core::{RowSource, Scale, Timestamp};

use crate::blocks::{Part, Streams, empty};
use crate::dataset::Dataset;

/// Items, the same ones for all warehouses (clause 1.2.1).
pub const ITEMS: u64 = 100_000;
/// Districts of a warehouse.
pub const DISTRICTS: u64 = 10;
/// Customers of a district.
pub const CUSTOMERS: u64 = 3_000;
/// Orders of a district after loading: one for each customer.
pub const ORDERS: u64 = 3_000;
/// The first order of a district that is not yet delivered after loading; it and all later ones
/// are in `new_order`.
pub const FIRST_UNDELIVERED: u64 = 2_101;
/// Order lines expected of an order: `O_OL_CNT` is uniform in `[5, 15]`.
const LINES: u64 = 10;

const NAME: &str = "tpcc";

/// `C-Load` (clause 2.1.6.1): the constant of the NURand that last names were loaded with. A run
/// on the data of `seed` chooses its `C-Run` by it, see
/// [`draw_c_run`](dbdyno_core::random::draw_c_run).
pub fn c_load(seed: u64) -> i64 {
    let mut rng = Streams::new(seed, NAME, "c_load").block(0);
    Nurand::with_random_c(Nurand::A_LAST, &mut rng).c()
}

/// The moment that the rows give as that of their loading: some second of 2024, chosen by the seed.
/// The clock would make every load different.
pub fn load_time(seed: u64) -> Timestamp {
    const NEW_YEAR_2024: u64 = 1_704_067_200;
    const SECONDS: u64 = 366 * 86_400;
    Timestamp(((NEW_YEAR_2024 + mix(seed) % SECONDS) * 1_000_000) as i64)
}

/// The data set `tpcc`.
#[derive(Clone, Copy, Debug)]
pub struct TpcC;

impl Dataset for TpcC {
    fn name(&self) -> &'static str {
        NAME
    }

    fn version(&self) -> u32 {
        2
    }

    fn summary(&self) -> &'static str {
        "one warehouse per scale with its 10 districts, 30,000 customers and 100,000 stocks: TPC-C \
         rev. 5.11, clause 4.3; and CH-benCHmark's suppliers, nations and regions, the same at every \
         scale"
    }

    fn tables(&self) -> Vec<Table> {
        schema::tables()
    }

    fn rows(&self, table: &str, scale: Scale) -> u64 {
        let each = match table {
            "item" => return ITEMS,
            "ch_supplier" => return suppliers::SUPPLIERS,
            "ch_nation" => return suppliers::NATIONS,
            "ch_region" => return suppliers::REGIONS,
            "warehouse" => 1,
            "district" => DISTRICTS,
            "stock" => ITEMS,
            "customer" | "history" => DISTRICTS * CUSTOMERS,
            "orders" => DISTRICTS * ORDERS,
            "new_order" => DISTRICTS * (ORDERS + 1 - FIRST_UNDELIVERED),
            "order_line" => DISTRICTS * ORDERS * LINES,
            _ => 0,
        };
        each * scale.units()
    }

    fn has_fixed_rows(&self, table: &str) -> bool {
        !matches!(table, "history" | "orders" | "new_order" | "order_line")
    }

    /// Far beyond any machine; the warehouse's number is a 32-bit integer.
    fn max_scale(&self) -> Scale {
        Scale::whole(1_000_000)
    }

    fn source(
        &self,
        table: &'static str,
        scale: Scale,
        seed: u64,
        part: u32,
        parts: u32,
    ) -> Box<dyn RowSource> {
        let job = Job { table, warehouses: scale.units(), seed, part: Part { part, parts } };
        match table {
            "item" => goods::item(&job),
            "ch_supplier" => suppliers::supplier(&job),
            "ch_nation" => suppliers::nation(&job),
            "ch_region" => suppliers::region(&job),
            "stock" => goods::stock(&job),
            "warehouse" => places::warehouse(&job),
            "district" => places::district(&job),
            "customer" => customers::customer(&job),
            "history" => customers::history(&job),
            "orders" => orders::orders(&job),
            "new_order" => orders::new_order(&job),
            "order_line" => orders::order_line(&job),
            _ => empty(),
        }
    }
}

/// What a part of a table is generated from.
struct Job {
    table: &'static str,
    warehouses: u64,
    seed: u64,
    part: Part,
}

impl Job {
    fn streams(&self) -> Streams {
        Streams::new(self.seed, NAME, self.table)
    }

    fn districts(&self) -> u64 {
        self.warehouses * DISTRICTS
    }
}

/// A district's warehouse and its number there, both counted from 1; `number` counts all districts
/// from 0.
fn district_of(number: u64) -> (i64, i64) {
    ((number / DISTRICTS) as i64 + 1, (number % DISTRICTS) as i64 + 1)
}
