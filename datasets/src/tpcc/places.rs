//! Warehouses, districts, and the addresses that customers have too.

use dbdyno_core::random::{Rng, Text};
use dbdyno_core::{Decimal, RowSource, RowWriter};

use super::{DISTRICTS, Job, ORDERS, district_of};
use crate::blocks::{Size, numbered};

/// `WAREHOUSE`, clause 4.3.3.1.
pub fn warehouse(job: &Job) -> Box<dyn RowSource> {
    let mut text = Text::new();
    let size = Size { rows: job.warehouses, block: 1 };
    numbered(job.streams(), size, job.part, move |number, rng, row| {
        row.int(number as i64 + 1);
        write_place(row, &mut text, rng);
        row.decimal(Decimal::cents(30_000_000));
    })
}

/// `DISTRICT`, clause 4.3.3.1.
pub fn district(job: &Job) -> Box<dyn RowSource> {
    let mut text = Text::new();
    let size = Size { rows: job.districts(), block: DISTRICTS };
    numbered(job.streams(), size, job.part, move |number, rng, row| {
        let (warehouse, district) = district_of(number);
        row.int(district);
        row.int(warehouse);
        write_place(row, &mut text, rng);
        row.decimal(Decimal::cents(3_000_000));
        row.int(ORDERS as i64 + 1);
    })
}

/// Name, address and tax.
fn write_place(row: &mut dyn RowWriter, text: &mut Text, rng: &mut Rng) {
    row.text(text.alphanumeric(rng, 6, 10));
    write_address(row, text, rng);
    row.decimal(Decimal::new(rng.between(0, 2_000), 4));
}

/// Two streets, city, state and zip code.
pub fn write_address(row: &mut dyn RowWriter, text: &mut Text, rng: &mut Rng) {
    for _ in ["street_1", "street_2", "city"] {
        row.text(text.alphanumeric(rng, 10, 20));
    }
    row.text(text.alphanumeric(rng, 2, 2));
    row.text(text.zip(rng));
}
