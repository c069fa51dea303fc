//! Suppliers, nations and regions: the three tables that CH-benCHmark adds to TPC-C's (Cole et al.,
//! "The mixed workload CH-benCHmark", DBTest 2011). They are read only, and the same at every scale.
//!
//! A supplier's key is what `(s_w_id * s_i_id) % 10000` gives of the stocks that it supplies. A nation's
//! key is the code of the character with which `c_state` begins for its customers: a letter or a digit,
//! for TPC-C fills states with any of them (clause 4.3.2.2).

use dbdyno_core::random::{Rng, Text};
use dbdyno_core::{Decimal, RowSource};

use super::Job;
use crate::blocks::{Size, numbered};

/// Suppliers, with the keys 0 to 9,999.
pub const SUPPLIERS: u64 = 10_000;
/// Nations: one for each letter of either case and each digit.
pub const NATIONS: u64 = NATION_NAMES.len() as u64;
/// Regions, with the keys 1 to 5.
pub const REGIONS: u64 = REGION_NAMES.len() as u64;

/// One supplier in so many has a comment with [`COMPLAINT`] in it: five of all, as many as of whom
/// customers complain in TPC-H (rev. 3.0.1, clause 4.2.3).
const COMPLAINTS_EVERY: u64 = 2_000;
/// What query 16 looks for in suppliers' comments.
const COMPLAINT: &str = "bad";

/// Regions as BenchBase's loader of CH-benCHmark names them.
const REGION_NAMES: [&str; 5] = ["Africa", "America", "Asia", "Australia", "Europe"];

const AFRICA: i64 = 1;
const AMERICA: i64 = 2;
const ASIA: i64 = 3;
const AUSTRALIA: i64 = 4;
const EUROPE: i64 = 5;

/// Nations with their regions, in the order of their keys, as BenchBase's loader has them.
const NATION_NAMES: [(&str, i64); 62] = [
    ("Australia", AUSTRALIA),
    ("Belgium", EUROPE),
    ("Cameroon", AFRICA),
    ("Denmark", EUROPE),
    ("Ecuador", AMERICA),
    ("France", EUROPE),
    ("Germany", EUROPE),
    ("Hungary", EUROPE),
    ("Italy", EUROPE),
    ("Japan", ASIA),
    ("Kenya", AFRICA),
    ("Lithuania", EUROPE),
    ("Mexico", AMERICA),
    ("Netherlands", EUROPE),
    ("Oman", AFRICA),
    ("Portugal", EUROPE),
    ("Qatar", AFRICA),
    ("Rwanda", AFRICA),
    ("Serbia", EUROPE),
    ("Togo", AFRICA),
    ("United States", AMERICA),
    ("Vietnam", ASIA),
    ("Singapore", ASIA),
    ("Cambodia", ASIA),
    ("Yemen", AFRICA),
    ("Zimbabwe", AFRICA),
    ("Argentina", AMERICA),
    ("Bolivia", AMERICA),
    ("Canada", AMERICA),
    ("Dominican Republic", AMERICA),
    ("Egypt", AFRICA),
    ("Finland", EUROPE),
    ("Ghana", AFRICA),
    ("Haiti", AMERICA),
    ("India", ASIA),
    ("Jamaica", AUSTRALIA),
    ("Kazakhstan", ASIA),
    ("Luxembourg", EUROPE),
    ("Morocco", AFRICA),
    ("Norway", EUROPE),
    ("Poland", EUROPE),
    ("Peru", AMERICA),
    ("Nicaragua", AMERICA),
    ("Romania", EUROPE),
    ("South Africa", AFRICA),
    ("Thailand", ASIA),
    ("United Kingdom", EUROPE),
    ("Venezuela", AMERICA),
    ("Liechtenstein", EUROPE),
    ("Austria", EUROPE),
    ("Laos", ASIA),
    ("Zambia", AFRICA),
    ("Switzerland", EUROPE),
    ("China", ASIA),
    ("Papua New Guinea", AUSTRALIA),
    ("East Timor", AUSTRALIA),
    ("Bulgaria", EUROPE),
    ("Brazil", AMERICA),
    ("Albania", EUROPE),
    ("Andorra", EUROPE),
    ("Belize", AMERICA),
    ("Botswana", AFRICA),
];

/// The code of the character that stands for a nation: digits, capitals, small letters.
const fn nation_key(place: u64) -> i64 {
    (match place {
        0..10 => b'0' as u64 + place,
        10..36 => b'A' as u64 + place - 10,
        _ => b'a' as u64 + place - 36,
    }) as i64
}

/// `ch_region`.
pub fn region(job: &Job) -> Box<dyn RowSource> {
    let mut text = Text::new();
    let size = Size { rows: REGIONS, block: REGIONS };
    numbered(job.streams(), size, job.part, move |number, rng, row| {
        row.int(number as i64 + 1);
        row.text(REGION_NAMES[number as usize]);
        row.text(draw_comment(&mut text, rng));
    })
}

/// `ch_nation`.
pub fn nation(job: &Job) -> Box<dyn RowSource> {
    let mut text = Text::new();
    let size = Size { rows: NATIONS, block: NATIONS };
    numbered(job.streams(), size, job.part, move |number, rng, row| {
        let (name, region) = NATION_NAMES[number as usize];
        row.int(nation_key(number));
        row.text(name);
        row.int(region);
        row.text(draw_comment(&mut text, rng));
    })
}

fn draw_comment<'t>(text: &'t mut Text, rng: &mut Rng) -> &'t str {
    text.alphanumeric(rng, 31, 114)
}

/// `ch_supplier`, by the rules of TPC-H (rev. 3.0.1, clause 4.2.3) but for the nation, which is any of
/// the 62, and for phones and comments, which are random characters.
pub fn supplier(job: &Job) -> Box<dyn RowSource> {
    let mut text = Text::new();
    let size = Size { rows: SUPPLIERS, block: 1_000 };
    numbered(job.streams(), size, job.part, move |number, rng, row| {
        row.int(number as i64);
        row.text(&format!("Supplier#{number:09}"));
        row.text(text.alphanumeric(rng, 10, 40));
        row.int(nation_key(rng.below(NATIONS)));
        row.text(text.digits(rng, 15, 15));
        row.decimal(Decimal::cents(rng.between(-99_999, 999_999)));
        row.text(match number % COMPLAINTS_EVERY {
            0 => text.alphanumeric_around(rng, (25, 100), COMPLAINT),
            _ => text.alphanumeric(rng, 25, 100),
        });
    })
}
