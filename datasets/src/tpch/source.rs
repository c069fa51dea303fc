//! Where the rows of each table come from.

use std::ops::Range;
use std::sync::OnceLock;

use dbdyno_core::{RowSource, RowWriter};
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

/// A part of a table that grows with the scale.
pub fn large(table: &str, scale: f64, Part { part, parts }: Part) -> Box<dyn RowSource> {
    // Counted from 1.
    let (part, parts) = (part.saturating_add(1).cast_signed(), parts.cast_signed());
    let comments = |base, how| {
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
            let comments = comments(10_000, drawn(1_341_315_363, 63, 1));
            boxed(made_by!(SupplierGenerator), comments, rows::supplier)
        }
        "tpch_customer" => {
            let comments = comments(150_000, drawn(1_335_826_707, 73, 1));
            boxed(made_by!(CustomerGenerator), comments, rows::customer)
        }
        "tpch_part" => {
            let comments = comments(200_000, drawn(804_159_733, 14, 1));
            boxed(made_by!(PartGenerator), comments, rows::part)
        }
        "tpch_partsupp" => {
            let comments = comments(200_000, drawn(1_961_692_154, 124, 4));
            let made = PartSuppGenerator::new_with_text_pool(scale, part, parts, stub());
            boxed(made.iter(), comments, rows::partsupp)
        }
        "tpch_orders" => {
            let comments = comments(OrderGenerator::SCALE_BASE, drawn(276_090_261, 49, 1));
            boxed(made_by!(OrderGenerator), comments, rows::orders)
        }
        "tpch_lineitem" => {
            let together = OrderGenerator::LINE_COUNT_MAX;
            let comments = comments(OrderGenerator::SCALE_BASE, drawn(1_095_462_486, 27, together));
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
    use crate::testing::lines;

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
