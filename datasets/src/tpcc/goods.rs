//! Items and stocks.

use dbdyno_core::random::{Rng, Text};
use dbdyno_core::{Decimal, RowSource};

use super::{ITEMS, Job, schema};
use crate::blocks::{Size, Tenth, numbered};

/// Rows of a block; a divisor of the number of items, so that no block spans two warehouses.
const BLOCK: u64 = 1_000;

/// What a tenth of all items and stocks hold in their data (clause 4.3.3.1).
const ORIGINAL: &str = "ORIGINAL";

/// `ITEM`, clause 4.3.3.1 (1).
pub fn item(job: &Job) -> Box<dyn RowSource> {
    let (mut text, mut original) = (Text::new(), Tenth::of_each(BLOCK));
    let size = Size { rows: ITEMS, block: BLOCK };
    numbered(job.streams(), size, job.part, move |number, rng, row| {
        row.int(number as i64 + 1);
        row.int(rng.between(1, 10_000));
        row.text(text.alphanumeric(rng, 14, 24));
        row.decimal(Decimal::cents(rng.between(100, 10_000)));
        row.text(draw_data(&mut text, &mut original, rng));
    })
}

/// `STOCK`, clause 4.3.3.1 (2).
pub fn stock(job: &Job) -> Box<dyn RowSource> {
    let (mut text, mut original) = (Text::new(), Tenth::of_each(BLOCK));
    let size = Size { rows: job.warehouses * ITEMS, block: BLOCK };
    numbered(job.streams(), size, job.part, move |number, rng, row| {
        row.int((number % ITEMS) as i64 + 1);
        row.int((number / ITEMS) as i64 + 1);
        row.int(rng.between(10, 100));
        for _ in schema::DIST {
            row.text(text.alphanumeric(rng, 24, 24));
        }
        row.int(0);
        row.int(0);
        row.int(0);
        row.text(draw_data(&mut text, &mut original, rng));
    })
}

fn draw_data<'t>(text: &'t mut Text, original: &mut Tenth, rng: &mut Rng) -> &'t str {
    if original.choose(rng) {
        text.alphanumeric_around(rng, (26, 50), ORIGINAL)
    } else {
        text.alphanumeric(rng, 26, 50)
    }
}
