//! Orders, those not yet delivered, and their lines. A block is a district.

use std::ops::RangeInclusive;

use dbdyno_core::random::{Rng, Text};
use dbdyno_core::{Decimal, RowSource, RowWriter, Timestamp};

use super::{CUSTOMERS, FIRST_UNDELIVERED, ITEMS, Job, NAME, ORDERS, district_of, load_time};
use crate::blocks::{Generate, Size, Streams, from_blocks, numbered};

/// `ORDER`, clause 4.3.3.1.
pub fn orders(job: &Job) -> Box<dyn RowSource> {
    let orders = Orders {
        heads: Heads::new(job.seed),
        permutations: Streams::new(job.seed, NAME, "order_customers"),
        customers: (1..=CUSTOMERS as u16).collect(),
        entered: load_time(job.seed),
    };
    from_blocks(orders, job.districts(), job.part)
}

/// `NEW-ORDER`, clause 4.3.3.1: the last 900 orders of each district.
pub fn new_order(job: &Job) -> Box<dyn RowSource> {
    const UNDELIVERED: u64 = ORDERS + 1 - FIRST_UNDELIVERED;
    let size = Size { rows: job.districts() * UNDELIVERED, block: UNDELIVERED };
    numbered(job.streams(), size, job.part, |number, _, row| {
        let (warehouse, district) = district_of(number / UNDELIVERED);
        row.int((FIRST_UNDELIVERED + number % UNDELIVERED) as i64);
        row.int(district);
        row.int(warehouse);
    })
}

/// `ORDER-LINE`, clause 4.3.3.1.
pub fn order_line(job: &Job) -> Box<dyn RowSource> {
    let lines = Lines {
        heads: Heads::new(job.seed),
        streams: job.streams(),
        rng: job.streams().block(0),
        head: Head { id: 0, carrier: None, lines: 0 },
        line: 0,
        text: Text::new(),
        entered: load_time(job.seed),
    };
    from_blocks(lines, job.districts(), job.part)
}

/// What the rows of an order and of its lines must agree on.
#[derive(Clone, Copy, Debug)]
struct Head {
    id: i64,
    carrier: Option<i64>,
    lines: i64,
}

/// The heads of the orders of a district, in order. Orders and order lines each run through them:
/// the stream is the same.
struct Heads {
    streams: Streams,
    rng: Rng,
    left: RangeInclusive<i64>,
    warehouse: i64,
    district: i64,
}

impl Heads {
    fn new(seed: u64) -> Self {
        let streams = Streams::new(seed, NAME, "order_heads");
        let left = RangeInclusive::new(1, 0);
        Self { streams, rng: streams.block(0), left, warehouse: 0, district: 0 }
    }

    fn begin(&mut self, block: u64) {
        self.rng = self.streams.block(block);
        self.left = 1..=ORDERS as i64;
        (self.warehouse, self.district) = district_of(block);
    }
}

impl Iterator for Heads {
    type Item = Head;

    fn next(&mut self) -> Option<Head> {
        let id = self.left.next()?;
        let carrier = is_delivered(id).then(|| self.rng.between(1, 10));
        Some(Head { id, carrier, lines: self.rng.between(5, 15) })
    }
}

fn is_delivered(order: i64) -> bool {
    order < FIRST_UNDELIVERED as i64
}

struct Orders {
    heads: Heads,
    permutations: Streams,
    customers: Vec<u16>,
    entered: Timestamp,
}

impl Generate for Orders {
    fn begin(&mut self, block: u64) {
        self.heads.begin(block);
        self.customers.sort_unstable();
        self.permutations.block(block).shuffle(&mut self.customers);
    }

    fn row(&mut self, row: &mut dyn RowWriter) -> bool {
        let Some(head) = self.heads.next() else { return false };
        row.int(head.id);
        row.int(self.heads.district);
        row.int(self.heads.warehouse);
        row.int(i64::from(self.customers[head.id as usize - 1]));
        row.timestamp(self.entered);
        match head.carrier {
            Some(carrier) => row.int(carrier),
            None => row.null(),
        }
        row.int(head.lines);
        row.int(1);
        true
    }
}

struct Lines {
    heads: Heads,
    streams: Streams,
    rng: Rng,
    head: Head,
    line: i64,
    text: Text,
    entered: Timestamp,
}

impl Generate for Lines {
    fn begin(&mut self, block: u64) {
        self.heads.begin(block);
        self.rng = self.streams.block(block);
        (self.head.lines, self.line) = (0, 0);
    }

    fn row(&mut self, row: &mut dyn RowWriter) -> bool {
        if self.line == self.head.lines {
            let Some(head) = self.heads.next() else { return false };
            (self.head, self.line) = (head, 0);
        }
        self.line += 1;
        row.int(self.head.id);
        row.int(self.heads.district);
        row.int(self.heads.warehouse);
        row.int(self.line);
        row.int(self.rng.between(1, ITEMS as i64));
        row.int(self.heads.warehouse);
        if is_delivered(self.head.id) {
            row.timestamp(self.entered);
            row.int(5);
            row.decimal(Decimal::cents(0));
        } else {
            row.null();
            row.int(5);
            row.decimal(Decimal::cents(self.rng.between(1, 999_999)));
        }
        row.text(self.text.alphanumeric(&mut self.rng, 24, 24));
        true
    }
}
