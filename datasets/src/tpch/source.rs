//! Where the rows of each table come from.

use std::ops::Range;
use std::sync::OnceLock;

use dbdyno_core::{RowSource, RowWriter, Scale};
use tpchgen::dates::GenerateUtils;
use tpchgen::distribution::Distributions;
use tpchgen::generators::{
    CustomerGenerator, LineItemGenerator, NationGenerator, OrderGenerator, PartGenerator,
    PartSuppGenerator, RegionGenerator, SupplierGenerator,
};
use tpchgen::text::TextPool;

use super::comments::{Comments, Drawn};
use super::rows::{self, Columns};
use crate::blocks::{Part, empty};

const fn drawn(seed: i64, average: i32, together: i32) -> Drawn {
    Drawn { seed, average, together }
}

/// Some of the regions.
pub fn region(kept: Range<u64>) -> Box<dyn RowSource> {
    let all = RegionGenerator::new_with_distributions_and_text_pool(words(), stub());
    let comments = Comments::new(drawn(1_500_869_201, 72, 1), kept.start.cast_signed());
    boxed(all.iter().skip(kept.start as usize).take(length(&kept)), comments, rows::region)
}

/// Some of the nations.
pub fn nation(kept: Range<u64>) -> Box<dyn RowSource> {
    let all = NationGenerator::new_with_distributions_and_text_pool(words(), stub());
    let comments = Comments::new(drawn(606_179_079, 72, 1), kept.start.cast_signed());
    boxed(all.iter().skip(kept.start as usize).take(length(&kept)), comments, rows::nation)
}

fn length(kept: &Range<u64>) -> usize {
    (kept.end - kept.start) as usize
}

/// Parts at scale 1.
pub const PARTS: u64 = 200_000;
/// Orders at scale 1.
pub const ORDERS: u64 = 1_500_000;

/// Rows that are made at once at scale 1 (clause 4.2.5): of the lines of orders and the suppliers of
/// parts, the orders and parts. 0 for a table that does not grow.
pub fn base(table: &str) -> u64 {
    match table {
        "tpch_supplier" => 10_000,
        "tpch_customer" => 150_000,
        "tpch_part" | "tpch_partsupp" => PARTS,
        "tpch_orders" | "tpch_lineitem" => ORDERS,
        _ => 0,
    }
}

/// The scale as the generator takes it, which cuts off what a number of rows has after its point: a
/// little more than it is, so that the nearest double is not a row short.
fn factor(scale: Scale) -> f64 {
    (scale.in_hundredths() as f64 + 1e-6) / 100.0
}

/// A part of a table that grows with the scale.
pub fn large(table: &str, scale: Scale, Part { part, parts }: Part) -> Box<dyn RowSource> {
    let scale = factor(scale);
    // Counted from 1.
    let (part, parts) = (part.saturating_add(1).cast_signed(), parts.cast_signed());
    let base = base(table) as i32;
    let comments = |how| {
        let start = GenerateUtils::calculate_start_index(base, scale, part, parts);
        Comments::new(how, start)
    };
    /// A generator whose own comments are not used.
    macro_rules! made_by {
        ($generator:ident) => {
            $generator::new_with_distributions_and_text_pool(scale, part, parts, words(), stub())
                .iter()
        };
    }
    match table {
        "tpch_supplier" => {
            let comments = comments(drawn(1_341_315_363, 63, 1));
            boxed(made_by!(SupplierGenerator), comments, rows::supplier)
        }
        "tpch_customer" => {
            let comments = comments(drawn(1_335_826_707, 73, 1));
            boxed(made_by!(CustomerGenerator), comments, rows::customer)
        }
        "tpch_part" => {
            let comments = comments(drawn(804_159_733, 14, 1));
            boxed(made_by!(PartGenerator), comments, rows::part)
        }
        "tpch_partsupp" => {
            let comments = comments(drawn(1_961_692_154, 124, 4));
            let made = PartSuppGenerator::new_with_text_pool(scale, part, parts, stub());
            boxed(made.iter(), comments, rows::partsupp)
        }
        "tpch_orders" => {
            let comments = comments(drawn(276_090_261, 49, 1));
            boxed(made_by!(OrderGenerator), comments, rows::orders)
        }
        "tpch_lineitem" => {
            let together = OrderGenerator::LINE_COUNT_MAX;
            let comments = comments(drawn(1_095_462_486, 27, together));
            boxed(made_by!(LineItemGenerator), comments, rows::lineitem)
        }
        _ => empty(),
    }
}

fn words() -> &'static Distributions {
    Distributions::static_default()
}

/// What generators cut comments out of that nobody reads: how long they are does not depend on it.
fn stub() -> &'static TextPool {
    static STUB: OnceLock<TextPool> = OnceLock::new();
    STUB.get_or_init(|| TextPool::new(1 << 10, words()))
}

fn boxed<I>(
    rows: I,
    comments: Comments,
    write: fn(&I::Item, &mut Columns<'_>),
) -> Box<dyn RowSource>
where
    I: Iterator + Send + 'static,
    I::Item: 'static,
{
    Box::new(Rows { rows, comments, write, text: String::new() })
}

struct Rows<I: Iterator> {
    rows: I,
    comments: Comments,
    write: fn(&I::Item, &mut Columns<'_>),
    text: String,
}

impl<I: Iterator + Send> RowSource for Rows<I> {
    fn next_row(&mut self, row: &mut dyn RowWriter) -> bool {
        let Some(next) = self.rows.next() else { return false };
        (self.write)(&next, &mut Columns::new(row, &mut self.comments, &mut self.text));
        true
    }
}

#[cfg(test)]
mod tests {
    use dbdyno_core::Scale;
    use tpchgen::generators::{
        CustomerGenerator, LineItemGenerator, NationGenerator, OrderGenerator, PartGenerator,
        PartSuppGenerator, RegionGenerator, SupplierGenerator,
    };

    use super::super::TpcH;
    use super::factor;
    use crate::dataset::Dataset as _;
    use crate::testing::lines;

    #[test]
    fn no_scale_is_a_row_short() {
        for scale in (1..=100_000).map(Scale::hundredths) {
            let factor = factor(scale);
            for (table, made) in [
                ("tpch_supplier", SupplierGenerator::calculate_row_count(factor, 1, 1)),
                ("tpch_customer", CustomerGenerator::calculate_row_count(factor, 1, 1)),
                ("tpch_part", PartGenerator::calculate_row_count(factor, 1, 1)),
                ("tpch_orders", OrderGenerator::calculate_row_count(factor, 1, 1)),
            ] {
                assert_eq!(TpcH.rows(table, scale), made as u64, "{table} at {scale}");
            }
        }
    }

    /// The generator's own print of a table, comments and all, against what is written here.
    #[test]
    fn rows_are_dbgens() {
        const SF: f64 = 0.01;
        macro_rules! printed {
            ($generator:ident) => {
                $generator::new(SF, 1, 1).iter().map(|row| row.to_string()).collect()
            };
        }
        let tables: [(&str, Vec<String>); 8] = [
            ("tpch_region", printed!(RegionGenerator)),
            ("tpch_nation", printed!(NationGenerator)),
            ("tpch_supplier", printed!(SupplierGenerator)),
            ("tpch_customer", printed!(CustomerGenerator)),
            ("tpch_part", printed!(PartGenerator)),
            ("tpch_partsupp", printed!(PartSuppGenerator)),
            ("tpch_orders", printed!(OrderGenerator)),
            ("tpch_lineitem", printed!(LineItemGenerator)),
        ];
        for (table, expected) in tables {
            let found = lines(&TpcH, table, Scale::hundredths(1), 1, 0, 1, usize::MAX);
            assert_eq!(found.len(), expected.len(), "{table}");
            for (found, expected) in found.iter().zip(&expected) {
                // Quantities are decimals in the tables and whole in dbgen's files.
                let found = match table {
                    "tpch_lineitem" => found.replacen(".00|", "|", 1),
                    _ => found.clone(),
                };
                assert_eq!(&found, expected.trim_end_matches('|'), "{table}");
            }
        }
    }
}
