//! Tables whose columns are each made for a way of finding rows: what the index suite indexes. Every
//! column is drawn by itself, so that the share of rows that a condition meets is known.

use std::fmt::Write as _;

use dbdyno_core::random::Rng;
use dbdyno_core::schema::{Column, ColumnType, Table};
use dbdyno_core::{RowSource, RowWriter, Scale, Value};

use crate::blocks::{Part, Size, Streams, empty, numbered};
use crate::dataset::Dataset;

/// Rows of `access_rows` and of `access_children` at scale 1.
pub const ROWS: u64 = 100_000;
/// Rows of `access_parents` at scale 1. Rows refer to the first half of them; the second has no children.
pub const PARENTS: u64 = 20_000;
/// Rows that share a value of `code`, of `serial` and of `parent_id`, on average.
pub const ROWS_PER_KEY: u64 = 10;
/// `amount` is below this.
pub const AMOUNTS: u64 = 1_000_000;
/// Values of `region`.
pub const REGIONS: u64 = 100;
/// Values of `city`.
pub const CITIES: u64 = 1_000;
/// How many of a thousand rows have `status` 1; the others have 0.
pub const STATUS_ONE_PER_MILLE: u64 = 10;
/// Words that texts are made of.
pub const WORDS: u64 = 20_000;
/// Words of a text.
pub const WORDS_PER_TEXT: usize = 20;

/// The columns of `access_rows`, in order.
pub const ROW_COLUMNS: [&str; 13] = [
    "id",
    "parent_id",
    "code",
    "amount",
    "name",
    "region",
    "city",
    "status",
    "flag",
    "email",
    "sold_at",
    "attributes",
    "body",
];
/// The columns of `access_children`, in order.
pub const CHILD_COLUMNS: [&str; 3] = ["id", "parent_id", "amount"];

/// The data set `access`.
#[derive(Clone, Copy, Debug)]
pub struct Access;

/// A row of `access_rows`.
#[derive(Clone, Debug, Default)]
pub struct AccessRow {
    /// The primary key: the row's number, counted from 0.
    pub id: i64,
    /// A row of the first half of `access_parents`.
    pub parent_id: i64,
    /// Uniform; [`ROWS_PER_KEY`] rows share one.
    pub code: i64,
    /// Uniform, below [`AMOUNTS`].
    pub amount: i64,
    /// Twelve lower-case letters.
    pub name: String,
    /// Uniform, below [`REGIONS`].
    pub region: i64,
    /// Uniform, below [`CITIES`], whatever the region.
    pub city: i64,
    /// 1 in [`STATUS_ONE_PER_MILLE`] of a thousand rows, else 0.
    pub status: i64,
    /// 0 or 1, one as often as the other.
    pub flag: i64,
    /// An address in letters of both cases; its row's number makes it unique.
    pub email: String,
    /// A second: uniform over 365 days.
    pub sold_at: i64,
    /// A JSON document with the keys `color` and `serial`; [`ROWS_PER_KEY`] rows share a serial.
    pub attributes: String,
    /// [`WORDS_PER_TEXT`] words with a blank on both sides of each.
    pub body: String,
}

/// A row of `access_children`, which refers to `access_parents`.
#[derive(Clone, Copy, Debug)]
pub struct AccessChild {
    /// The primary key: the row's number, counted from 0.
    pub id: i64,
    /// A row of the first half of `access_parents`.
    pub parent_id: i64,
    /// Uniform, below [`AMOUNTS`].
    pub amount: i64,
}

impl AccessRow {
    /// Row `number` where `access_rows` has `rows`; numbers beyond them are for rows that clients add.
    pub fn draw(seed: u64, rows: u64, number: u64) -> Self {
        let mut rng = Streams::new(seed, "access", "access_rows").block(number);
        let mut row = Self::default();
        row.redraw(rows, number, &mut rng);
        row
    }

    /// Becomes row `number`, drawn from its stream, in the memory that it has.
    fn redraw(&mut self, rows: u64, number: u64, rng: &mut Rng) {
        self.id = number as i64;
        self.parent_id = rng.below(parents(rows)) as i64;
        self.code = rng.below(keys(rows)) as i64;
        self.amount = rng.below(AMOUNTS) as i64;
        self.name.clear();
        self.name.extend((0..12).map(|_| letter(rng)));
        self.region = rng.below(REGIONS) as i64;
        self.city = rng.below(CITIES) as i64;
        self.status = i64::from(rng.below(1_000) < STATUS_ONE_PER_MILLE);
        self.flag = rng.below(2) as i64;
        self.email.clear();
        for _ in 0..8 {
            let letter = letter(rng);
            self.email.push(if rng.below(2) == 0 { letter.to_ascii_uppercase() } else { letter });
        }
        self.sold_at = rng.below(365 * 86_400) as i64;
        self.attributes.clear();
        self.body.clear();
        self.body.push(' ');
        // Writing to strings cannot fail.
        let _ = write!(self.email, ".{number}@Example.org");
        let (color, serial) =
            (COLORS[rng.below(COLORS.len() as u64) as usize], rng.below(keys(rows)));
        let _ = write!(self.attributes, r#"{{"color": "{color}", "serial": "{serial}"}}"#);
        for _ in 0..WORDS_PER_TEXT {
            push_word(rng.below(WORDS), &mut self.body);
            self.body.push(' ');
        }
    }

    /// Its columns, in the order of [`ROW_COLUMNS`].
    pub fn values(&self) -> [Value<'_>; ROW_COLUMNS.len()] {
        [
            Value::Int(self.id),
            Value::Int(self.parent_id),
            Value::Int(self.code),
            Value::Int(self.amount),
            Value::Text(&self.name),
            Value::Int(self.region),
            Value::Int(self.city),
            Value::Int(self.status),
            Value::Int(self.flag),
            Value::Text(&self.email),
            Value::Int(self.sold_at),
            Value::Text(&self.attributes),
            Value::Text(&self.body),
        ]
    }
}

impl AccessChild {
    /// Row `number` where `access_children` has `rows`; numbers beyond them are for rows that clients
    /// add.
    pub fn draw(seed: u64, rows: u64, number: u64) -> Self {
        Self::drawn(
            rows,
            number,
            &mut Streams::new(seed, "access", "access_children").block(number),
        )
    }

    fn drawn(rows: u64, number: u64, rng: &mut Rng) -> Self {
        Self {
            id: number as i64,
            parent_id: rng.below(parents(rows)) as i64,
            amount: rng.below(AMOUNTS) as i64,
        }
    }

    /// Its columns, in the order of [`CHILD_COLUMNS`].
    pub fn values(&self) -> [Value<'static>; CHILD_COLUMNS.len()] {
        [Value::Int(self.id), Value::Int(self.parent_id), Value::Int(self.amount)]
    }
}

/// How many rows of `access_parents` the rows of another table refer to, where that has `rows`.
pub const fn parents(rows: u64) -> u64 {
    rows / ROWS_PER_KEY
}

/// How many values `code` and `serial` have where `access_rows` has `rows`.
pub const fn keys(rows: u64) -> u64 {
    rows / ROWS_PER_KEY
}

/// A word of the texts: `number` is below [`WORDS`]. Eight letters that no other word has, and none that
/// full-text indexes leave out.
pub fn word(number: u64) -> String {
    let mut word = String::with_capacity(8);
    push_word(number, &mut word);
    word
}

fn push_word(number: u64, text: &mut String) {
    const CONSONANTS: &[u8; 16] = b"bdfghjklmnprstvz";
    const VOWELS: &[u8; 4] = b"aeiu";
    // A permutation of 24 bits: neighbouring numbers make words that are unlike.
    let mut rest = number.wrapping_mul(0x9e37_79b1) & 0xff_ffff;
    for _ in 0..4 {
        text.push(char::from(CONSONANTS[(rest & 15) as usize]));
        text.push(char::from(VOWELS[(rest >> 4 & 3) as usize]));
        rest >>= 6;
    }
}

const COLORS: [&str; 8] = ["red", "blue", "green", "black", "white", "brown", "silver", "orange"];

fn letter(rng: &mut Rng) -> char {
    char::from(b'a' + rng.below(26) as u8)
}

impl Dataset for Access {
    fn name(&self) -> &'static str {
        "access"
    }

    fn version(&self) -> u32 {
        1
    }

    fn summary(&self) -> &'static str {
        "100,000 rows per scale whose columns are each made for a way of finding them, parents that they \
         refer to, and children that are checked for it: what the index suite indexes"
    }

    fn tables(&self) -> Vec<Table> {
        use ColumnType::{BigInt, Int, Json, SmallInt, Varchar};
        let types = [
            BigInt,
            BigInt,
            Int,
            Int,
            Varchar(12),
            SmallInt,
            SmallInt,
            SmallInt,
            SmallInt,
            Varchar(60),
            Int,
            Json,
            Varchar(250),
        ];
        let columns = ROW_COLUMNS.iter().zip(types).map(|(name, ty)| Column::new(name, ty));
        let id = || Column::new("id", BigInt);
        let parent = vec![id(), Column::new("label", Varchar(20))];
        let child = vec![id(), Column::new("parent_id", BigInt), Column::new("amount", Int)];
        vec![
            Table::new("access_parents", parent).primary_key(&["id"]),
            Table::new("access_rows", columns.collect()).primary_key(&["id"]),
            Table::new("access_children", child).primary_key(&["id"]).foreign_key(
                "access_children_parent",
                &["parent_id"],
                "access_parents",
                &["id"],
            ),
        ]
    }

    fn rows(&self, table: &str, scale: Scale) -> u64 {
        match table {
            "access_parents" => scale.of(PARENTS),
            "access_rows" | "access_children" => scale.of(ROWS),
            _ => 0,
        }
    }

    /// What a benchmark adds to the other tables it takes away again, unless it is cut off.
    fn has_fixed_rows(&self, table: &str) -> bool {
        table == "access_parents"
    }

    fn scale_step(&self) -> Scale {
        Scale::hundredths(1)
    }

    /// A thousand million rows: the values of `code` fit 32 bits.
    fn max_scale(&self) -> Scale {
        Scale::whole(10_000)
    }

    fn source(
        &self,
        table: &'static str,
        scale: Scale,
        seed: u64,
        part: u32,
        parts: u32,
    ) -> Box<dyn RowSource> {
        let rows = self.rows(table, scale);
        // A stream for each row: clients draw single ones.
        let size = Size { rows, block: 1 };
        let (streams, part) = (Streams::new(seed, self.name(), table), Part { part, parts });
        match table {
            "access_parents" => numbered(streams, size, part, |number, _, row| {
                row.int(number as i64);
                row.text(&format!("parent {number}"));
            }),
            "access_rows" => {
                let mut drawn = AccessRow::default();
                numbered(streams, size, part, move |number, rng, row| {
                    drawn.redraw(rows, number, rng);
                    write(&drawn.values(), row);
                })
            }
            "access_children" => numbered(streams, size, part, move |number, rng, row| {
                write(&AccessChild::drawn(rows, number, rng).values(), row);
            }),
            _ => empty(),
        }
    }
}

fn write(values: &[Value<'_>], row: &mut dyn RowWriter) {
    for value in values {
        match value {
            Value::Text(text) => row.text(text),
            Value::Int(int) => row.int(*int),
            _ => row.null(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn words_are_unlike_and_plain() {
        let words: HashSet<String> = (0..WORDS).map(word).collect();
        assert_eq!(words.len() as u64, WORDS);
        assert!(
            words
                .iter()
                .all(|word| word.len() == 8 && word.bytes().all(|b| b.is_ascii_lowercase()))
        );
    }

    #[test]
    fn conditions_meet_the_share_of_rows_that_they_should() {
        let rows = ROWS;
        let count = |meets: fn(&AccessRow) -> bool| {
            (0..rows).filter(|number| meets(&AccessRow::draw(3, rows, *number))).count() as f64
        };
        // Within five standard deviations of a binomial distribution.
        let near = |found: f64, share: f64| {
            let expected = rows as f64 * share;
            (found - expected).abs() < 5.0 * (expected * (1.0 - share)).sqrt()
        };
        assert!(near(count(|row| row.status == 1), 0.01));
        assert!(near(count(|row| row.flag == 1), 0.5));
        assert!(near(count(|row| row.region == 7), 0.01));
        assert!(near(count(|row| row.city == 7), 0.001));
        assert!(near(count(|row| row.amount < 1_000), 0.001));
        assert!(near(count(|row| row.name.starts_with("ab")), 1.0 / 676.0));
        assert!(near(count(|row| row.parent_id < 100), 0.01));
    }

    #[test]
    fn what_a_client_draws_is_what_was_loaded() {
        let mut printer = crate::testing::Printer::default();
        write(&AccessRow::draw(1, 1_000, 7).values(), &mut printer);
        let drawn = printer.take();
        let loaded =
            crate::testing::lines(&Access, "access_rows", Scale::hundredths(1), 1, 0, 1, 8);
        assert_eq!(loaded[7], drawn);
    }
}
