//! Every data set there is.

use crate::dataset::Dataset;
use crate::{
    access::Access, isolation::Isolation, journal::Journal, lists::Lists, sbtest::Sbtest,
    smallbank::SmallBank, tpcb::TpcB, tpcc::TpcC, tpch::TpcH, wide::Wide, ycsb::Ycsb,
};

/// Every data set, in the order in which they are listed.
pub fn datasets() -> &'static [&'static dyn Dataset] {
    &[&Sbtest, &TpcB, &TpcC, &Ycsb, &SmallBank, &TpcH, &Wide, &Access, &Isolation, &Lists, &Journal]
}

/// The data set of that name.
pub fn find(name: &str) -> Option<&'static dyn Dataset> {
    datasets().iter().copied().find(|dataset| dataset.name() == name)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests fail by panicking")]

    use super::{datasets, find};
    use crate::dataset::Dataset;
    use crate::testing::{Shape, digest, lines};
    use dbdyno_core::Scale;
    use dbdyno_core::schema::Table;
    use proptest::prelude::{any, prop_assert_eq, proptest};
    use std::collections::HashSet;

    fn tables() -> impl Iterator<Item = (&'static dyn Dataset, Table)> {
        datasets().iter().flat_map(|set| set.tables().into_iter().map(move |table| (*set, table)))
    }

    #[test]
    fn names_are_found_and_unique() {
        for dataset in datasets() {
            assert_eq!(find(dataset.name()).unwrap().name(), dataset.name());
        }
        assert!(find("tpc-c").is_none());
        // One SQLite file holds all of them, so tables and indexes may not share a name.
        let mut names = HashSet::new();
        for (_, table) in tables() {
            assert!(names.insert(table.name), "{} twice", table.name);
            for index in &table.indexes {
                assert!(names.insert(index.name), "{} twice", index.name);
            }
        }
    }

    #[test]
    fn keys_and_indexes_name_columns() {
        for (_, table) in tables() {
            let columns: Vec<_> = table.columns.iter().map(|column| column.name).collect();
            let keys = table.indexes.iter().flat_map(|index| &index.columns);
            for column in table.primary_key.iter().chain(keys) {
                assert!(columns.contains(column), "{}.{column}", table.name);
            }
        }
    }

    #[test]
    fn every_row_fits_its_columns_and_the_count_is_right() {
        for (dataset, table) in tables() {
            let mut shape = Shape::new(&table);
            let mut source = dataset.source(table.name, dataset.scale_step(), 7, 0, 1);
            let mut rows = 0u64;
            while source.next_row(&mut shape) {
                shape.finish();
                rows += 1;
            }
            assert!(!source.next_row(&mut shape), "{} goes on after its end", table.name);
            let expected = dataset.rows(table.name, dataset.scale_step());
            match table.name {
                // Three standard deviations of the sum of 30,000 numbers from 5 to 15, and of
                // 15,000 from 1 to 7.
                "order_line" => assert!(rows.abs_diff(expected) < 1_643, "{rows}"),
                "tpch_lineitem" => assert!(rows.abs_diff(expected) < 735, "{rows}"),
                name => assert_eq!(rows, expected, "{name}"),
            }
        }
    }

    #[test]
    fn the_same_seed_gives_the_same_rows_for_ever() {
        let mut found = String::new();
        for (dataset, table) in tables() {
            let digest = digest(dataset, table.name);
            found += &format!("{} {} {digest:016x}\n", dataset.name(), table.name);
            for line in lines(dataset, table.name, dataset.scale_step(), 1, 0, 1, 2) {
                found += &format!("  {}\n", line.trim_end());
            }
        }
        // Where this fails, rows have changed: raise the data set's version, and put what the
        // failure shows into the file.
        assert_eq!(found, include_str!("snapshot.txt"), "{found}");
    }

    #[test]
    fn the_last_part_starts_at_once_and_fits_at_the_largest_scale() {
        for (dataset, table) in tables() {
            let parts = 1_000_000;
            let mut shape = Shape::new(&table);
            let mut source = dataset.source(table.name, dataset.max_scale(), 7, parts - 1, parts);
            let mut rows = 0u64;
            while source.next_row(&mut shape) {
                shape.finish();
                rows += 1;
            }
            let expected = dataset.rows(table.name, dataset.max_scale()) / u64::from(parts);
            assert!(rows <= 2 * expected.max(1_000), "{}: {rows}", table.name);
            assert_eq!(rows == 0, dataset.rows(table.name, Scale::ONE) == 0, "{}", table.name);
        }
    }

    #[test]
    fn another_seed_gives_other_rows() {
        for (dataset, table) in
            [("sbtest", "sbtest1"), ("tpcc", "customer"), ("ycsb", "usertable"), ("wide", "hits")]
        {
            let dataset = find(dataset).unwrap();
            assert_ne!(
                lines(dataset, table, Scale::ONE, 1, 0, 1, 3),
                lines(dataset, table, Scale::ONE, 2, 0, 1, 3),
                "{table}"
            );
        }
    }

    #[test]
    fn a_larger_scale_begins_like_a_smaller_one() {
        // True wherever a row does not depend on the scale, which sbtest's `k` does.
        for (dataset, table) in
            [("tpcc", "stock"), ("tpcc", "order_line"), ("smallbank", "savings"), ("wide", "hits")]
        {
            let dataset = find(dataset).unwrap();
            let small = lines(dataset, table, Scale::ONE, 5, 0, 1, 500);
            assert_eq!(small, lines(dataset, table, Scale::whole(3), 5, 0, 1, 500), "{table}");
        }
    }

    proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig::with_cases(12))]
        #[test]
        fn parts_together_are_the_whole(seed in any::<u64>(), parts in 1u32..40) {
            for (dataset, table) in [
                ("sbtest", "sbtest1"), ("tpcb", "pgbench_tellers"), ("ycsb", "usertable"),
                ("smallbank", "checking"), ("tpcc", "district"), ("tpcc", "orders"),
                ("tpcc", "new_order"), ("tpcc", "ch_supplier"), ("tpch", "tpch_region"), ("tpch", "tpch_supplier"),
                ("tpch", "tpch_partsupp"), ("tpch", "tpch_lineitem"), ("wide", "hits"),
            ] {
                let dataset = find(dataset).unwrap();
                let step = dataset.scale_step();
                let scale = if step == Scale::ONE { Scale::whole(2) } else { step };
                let whole = lines(dataset, table, scale, seed, 0, 1, usize::MAX);
                let joined: Vec<String> = (0..parts)
                    .flat_map(|part| lines(dataset, table, scale, seed, part, parts, usize::MAX))
                    .collect();
                prop_assert_eq!(whole, joined, "{} in {} parts", table, parts);
            }
        }
    }
}
