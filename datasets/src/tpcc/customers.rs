//! Customers, and the one payment that each has made.

use dbdyno_core::random::{Nurand, Rng, Text};
use dbdyno_core::{Decimal, RowSource, RowWriter, Timestamp};

use super::places::write_address;
use super::{CUSTOMERS, Job, c_load, district_of, load_time};
use crate::blocks::{Size, Tenth, numbered};

/// The first customers of a district have the last names 0 to 999, so that each occurs; those of
/// the others are drawn (clause 4.3.3.1).
const NAMES_IN_TURN: u64 = 1_000;

/// A block is a district.
fn size(job: &Job) -> Size {
    Size { rows: job.districts() * CUSTOMERS, block: CUSTOMERS }
}

/// `CUSTOMER`, clause 4.3.3.1.
pub fn customer(job: &Job) -> Box<dyn RowSource> {
    let mut writer = Writer {
        text: Text::new(),
        bad_credit: Tenth::of_each(CUSTOMERS),
        names: Nurand::new(Nurand::A_LAST, c_load(job.seed)),
        since: load_time(job.seed),
    };
    numbered(job.streams(), size(job), job.part, move |number, rng, row| {
        let (warehouse, district) = district_of(number / CUSTOMERS);
        let place = number % CUSTOMERS;
        row.int(place as i64 + 1);
        row.int(district);
        row.int(warehouse);
        writer.write_person(row, place, rng);
        writer.write_account(row, rng);
    })
}

struct Writer {
    text: Text,
    bad_credit: Tenth,
    names: Nurand,
    since: Timestamp,
}

impl Writer {
    /// Name, address, phone and date.
    fn write_person(&mut self, row: &mut dyn RowWriter, place: u64, rng: &mut Rng) {
        let last_name = match place {
            0..NAMES_IN_TURN => place,
            _ => self.names.draw(rng, 0, 999).unsigned_abs(),
        };
        row.text(self.text.alphanumeric(rng, 8, 16));
        row.text("OE");
        row.text(self.text.last_name(last_name));
        write_address(row, &mut self.text, rng);
        row.text(self.text.digits(rng, 16, 16));
        row.timestamp(self.since);
    }

    /// Credit, balance, counters and data.
    fn write_account(&mut self, row: &mut dyn RowWriter, rng: &mut Rng) {
        row.text(if self.bad_credit.choose(rng) { "BC" } else { "GC" });
        row.decimal(Decimal::cents(5_000_000));
        row.decimal(Decimal::new(rng.between(0, 5_000), 4));
        row.decimal(Decimal::cents(-10_00));
        row.decimal(Decimal::cents(10_00));
        row.int(1);
        row.int(0);
        row.text(self.text.alphanumeric(rng, 300, 500));
    }
}

/// `HISTORY`, clause 4.3.3.1.
pub fn history(job: &Job) -> Box<dyn RowSource> {
    let (mut text, date) = (Text::new(), load_time(job.seed));
    numbered(job.streams(), size(job), job.part, move |number, rng, row| {
        let (warehouse, district) = district_of(number / CUSTOMERS);
        row.int((number % CUSTOMERS) as i64 + 1);
        row.int(district);
        row.int(warehouse);
        row.int(district);
        row.int(warehouse);
        row.timestamp(date);
        row.decimal(Decimal::cents(10_00));
        row.text(text.alphanumeric(rng, 12, 24));
    })
}
