//! The population against clause 4.3.3.1, and the consistency conditions of clause 3.3.2 on it.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests fail by panicking")]

use dbdyno_core::Scale;
use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use dbdyno_core::random::{Nurand, Text};

use super::{DISTRICTS, TpcC, c_load, load_time};
use crate::dataset::Dataset as _;
use crate::testing::lines;

const SEED: u64 = 4;

/// A table as rows of text columns, and where its columns are.
struct Rows {
    columns: HashMap<&'static str, usize>,
    rows: Vec<Vec<String>>,
}

impl Rows {
    fn generate(table: &'static str) -> Self {
        let schema = TpcC.tables().into_iter().find(|t| t.name == table).expect("a table");
        let columns = schema.columns.iter().enumerate().map(|(at, c)| (c.name, at)).collect();
        let rows = lines(&TpcC, table, Scale::ONE, SEED, 0, 1, usize::MAX)
            .iter()
            .map(|line| line.split('|').map(str::to_owned).collect())
            .collect();
        Self { columns, rows }
    }

    fn texts(&self, column: &str) -> Vec<&str> {
        let at = self.columns[column];
        self.rows.iter().map(|row| row[at].as_str()).collect()
    }

    /// Numbers without their decimal point; NULL is `None`.
    fn options(&self, column: &str) -> Vec<Option<i64>> {
        let number = |text: &&str| text.replace('.', "").parse().ok();
        self.texts(column).iter().map(number).collect()
    }

    fn ints(&self, column: &str) -> Vec<i64> {
        self.options(column).into_iter().map(|number| number.expect("a number")).collect()
    }

    fn assert_between(&self, column: &str, low: i64, high: i64) {
        let found = self.ints(column);
        assert_eq!(
            (found.iter().min().copied(), found.iter().max().copied()),
            (Some(low), Some(high)),
            "{column}"
        );
    }

    fn assert_lengths(&self, column: &str, low: usize, high: usize) {
        let lengths: Vec<usize> = self.texts(column).iter().map(|text| text.len()).collect();
        assert!(lengths.iter().all(|length| (low..=high).contains(length)), "{column}");
        if lengths.len() > 1_000 {
            assert_eq!(lengths.iter().min(), Some(&low), "{column}");
            assert_eq!(lengths.iter().max(), Some(&high), "{column}");
        }
    }

    fn assert_all(&self, column: &str, expected: &str) {
        assert!(self.texts(column).iter().all(|text| *text == expected), "{column}");
    }
}

macro_rules! tables {
    ($($name:ident $table:literal),*) => {
        $(static $name: LazyLock<Rows> = LazyLock::new(|| Rows::generate($table));)*
    };
}
tables!(
    ITEM "item", WAREHOUSE "warehouse", DISTRICT "district", CUSTOMER "customer",
    HISTORY "history", ORDER "orders", NEW_ORDER "new_order", LINE "order_line", STOCK "stock",
    SUPPLIER "ch_supplier", NATION "ch_nation", REGION "ch_region"
);

fn count_original(rows: &Rows, column: &str) -> usize {
    rows.texts(column).iter().filter(|text| text.contains("ORIGINAL")).count()
}

#[test]
fn items_follow_the_clause() {
    assert_eq!(ITEM.ints("i_id"), (1..=100_000).collect::<Vec<_>>());
    ITEM.assert_between("i_im_id", 1, 10_000);
    ITEM.assert_lengths("i_name", 14, 24);
    ITEM.assert_between("i_price", 100, 10_000);
    ITEM.assert_lengths("i_data", 26, 50);
    assert_eq!(count_original(&ITEM, "i_data"), 10_000);
}

#[test]
fn stocks_follow_the_clause() {
    assert_eq!(STOCK.ints("s_i_id"), (1..=100_000).collect::<Vec<_>>());
    STOCK.assert_all("s_w_id", "1");
    STOCK.assert_between("s_quantity", 10, 100);
    for column in super::schema::DIST {
        STOCK.assert_lengths(column, 24, 24);
    }
    for column in ["s_ytd", "s_order_cnt", "s_remote_cnt"] {
        STOCK.assert_all(column, "0");
    }
    STOCK.assert_lengths("s_data", 26, 50);
    assert_eq!(count_original(&STOCK, "s_data"), 10_000);
}

#[test]
fn warehouses_and_districts_follow_the_clause() {
    for (rows, prefix) in [(&*WAREHOUSE, "w"), (&*DISTRICT, "d")] {
        let column = |name: &str| format!("{prefix}_{name}");
        rows.assert_lengths(&column("name"), 6, 10);
        for name in ["street_1", "street_2", "city"] {
            rows.assert_lengths(&column(name), 10, 20);
        }
        rows.assert_lengths(&column("state"), 2, 2);
        assert!(rows.texts(&column("zip")).iter().all(|z| z.len() == 9 && z.ends_with("11111")));
        assert!(rows.ints(&column("tax")).iter().all(|tax| (0..=2_000).contains(tax)));
    }
    WAREHOUSE.assert_all("w_ytd", "300000.00");
    DISTRICT.assert_all("d_ytd", "30000.00");
    DISTRICT.assert_all("d_next_o_id", "3001");
    assert_eq!(DISTRICT.ints("d_id"), (1..=10).collect::<Vec<_>>());
}

#[test]
fn customers_follow_the_clause() {
    let ids: Vec<i64> = (0..DISTRICTS).flat_map(|_| 1..=3_000).collect();
    assert_eq!(CUSTOMER.ints("c_id"), ids);
    CUSTOMER.assert_lengths("c_first", 8, 16);
    CUSTOMER.assert_all("c_middle", "OE");
    CUSTOMER.assert_lengths("c_street_1", 10, 20);
    CUSTOMER.assert_lengths("c_phone", 16, 16);
    CUSTOMER.assert_all("c_since", &load_time(SEED).to_string());
    CUSTOMER.assert_all("c_credit_lim", "50000.00");
    CUSTOMER.assert_between("c_discount", 0, 5_000);
    CUSTOMER.assert_all("c_balance", "-10.00");
    CUSTOMER.assert_all("c_ytd_payment", "10.00");
    CUSTOMER.assert_all("c_payment_cnt", "1");
    CUSTOMER.assert_all("c_delivery_cnt", "0");
    CUSTOMER.assert_lengths("c_data", 300, 500);
    let credit = CUSTOMER.texts("c_credit");
    for district in credit.chunks(3_000) {
        assert_eq!(district.iter().filter(|credit| **credit == "BC").count(), 300);
    }
    assert!(credit.iter().all(|credit| ["BC", "GC"].contains(credit)));
}

#[test]
fn last_names_follow_the_clause() {
    let mut text = Text::new();
    let numbers: HashMap<String, i64> =
        (0..1_000).map(|number| (text.last_name(number).to_owned(), number as i64)).collect();
    let names: Vec<i64> = CUSTOMER.texts("c_last").iter().map(|name| numbers[*name]).collect();
    for district in names.chunks(3_000) {
        assert_eq!(district[..1_000], (0..1_000).collect::<Vec<_>>());
    }
    // The others against the exact probabilities of NURand(255, 0, 999) with this C-Load, of the
    // numbers that are expected at least five times.
    let drawn: Vec<i64> = names.chunks(3_000).flat_map(|d| d[1_000..].to_vec()).collect();
    let mut chances = vec![0.0; 1_000];
    for low in 0..=Nurand::A_LAST {
        for high in 0..1_000 {
            chances[(((low | high) + c_load(SEED)) % 1_000) as usize] += 1.0 / 256_000.0;
        }
    }
    let (mut chi_square, mut freedom) = (0.0, -1.0);
    for (number, chance) in chances.iter().enumerate() {
        let expected = chance * drawn.len() as f64;
        if expected >= 5.0 {
            let found = drawn.iter().filter(|name| **name == number as i64).count() as f64;
            chi_square += (found - expected).powi(2) / expected;
            freedom += 1.0;
        }
    }
    assert!(freedom > 300.0, "{freedom}");
    assert!(chi_square < freedom + 5.0 * f64::sqrt(2.0 * freedom), "{chi_square} of {freedom}");
}

#[test]
fn histories_follow_the_clause() {
    assert_eq!(HISTORY.ints("h_c_id"), CUSTOMER.ints("c_id"));
    for (own, of_customer) in [("h_d_id", "h_c_d_id"), ("h_w_id", "h_c_w_id")] {
        assert_eq!(HISTORY.ints(own), HISTORY.ints(of_customer));
    }
    assert_eq!(HISTORY.ints("h_d_id"), CUSTOMER.ints("c_d_id"));
    HISTORY.assert_all("h_amount", "10.00");
    HISTORY.assert_lengths("h_data", 12, 24);
}

#[test]
fn orders_follow_the_clause() {
    let customers = ORDER.ints("o_c_id");
    for district in customers.chunks(3_000) {
        let distinct: HashSet<_> = district.iter().collect();
        assert_eq!(distinct.len(), 3_000);
        assert!(district.iter().all(|customer| (1..=3_000).contains(customer)));
        assert!(district[..100] != (1..=100).collect::<Vec<_>>());
    }
    assert_ne!(customers[..3_000], customers[3_000..6_000]);
    for (id, carrier) in ORDER.ints("o_id").into_iter().zip(ORDER.options("o_carrier_id")) {
        match carrier {
            Some(carrier) => assert!(id < 2_101 && (1..=10).contains(&carrier)),
            None => assert!(id >= 2_101),
        }
    }
    ORDER.assert_between("o_ol_cnt", 5, 15);
    ORDER.assert_all("o_all_local", "1");
    let undelivered: Vec<i64> = (0..DISTRICTS).flat_map(|_| 2_101..=3_000).collect();
    assert_eq!(NEW_ORDER.ints("no_o_id"), undelivered);
}

#[test]
fn order_lines_follow_the_clause() {
    LINE.assert_between("ol_i_id", 1, 100_000);
    LINE.assert_all("ol_supply_w_id", "1");
    LINE.assert_all("ol_quantity", "5");
    LINE.assert_lengths("ol_dist_info", 24, 24);
    let amounts = LINE.ints("ol_amount");
    let delivered = LINE.texts("ol_delivery_d");
    let mut open = Vec::new();
    for ((id, amount), delivered) in LINE.ints("ol_o_id").into_iter().zip(amounts).zip(delivered) {
        if id < 2_101 {
            assert_eq!((amount, delivered), (0, load_time(SEED).to_string().as_str()));
        } else {
            assert!((1..=999_999).contains(&amount) && delivered == "NULL");
            open.push(amount);
        }
    }
    let mean = open.iter().sum::<i64>() as f64 / open.len() as f64;
    // Of 90,000 lines from 0.01 to 9,999.99; the mean deviates by 962 cents.
    assert!((mean - 500_000.0).abs() < 4_900.0, "{mean}");
}

#[test]
fn every_stock_has_a_supplier_and_every_customer_and_supplier_a_nation() {
    let suppliers = SUPPLIER.ints("su_suppkey");
    assert_eq!(suppliers, (0..10_000).collect::<Vec<_>>());
    let stocks = STOCK.ints("s_w_id").into_iter().zip(STOCK.ints("s_i_id"));
    let supplied: HashSet<i64> =
        stocks.map(|(warehouse, item)| warehouse * item % 10_000).collect();
    assert_eq!(supplied.len(), suppliers.len());

    let nations: HashSet<i64> = NATION.ints("n_nationkey").into_iter().collect();
    assert_eq!(nations.len(), 62);
    let states = CUSTOMER.texts("c_state").into_iter().map(|state| i64::from(state.as_bytes()[0]));
    assert_eq!(states.collect::<HashSet<_>>(), nations);
    assert_eq!(SUPPLIER.ints("su_nationkey").into_iter().collect::<HashSet<_>>(), nations);
    let names: HashSet<_> = NATION.texts("n_name").into_iter().collect();
    assert!(names.len() == 62 && names.contains("Germany") && names.contains("Cambodia"));

    let regions: HashSet<i64> = REGION.ints("r_regionkey").into_iter().collect();
    assert_eq!(NATION.ints("n_regionkey").into_iter().collect::<HashSet<_>>(), regions);
    REGION.assert_between("r_regionkey", 1, 5);
    let complaints = SUPPLIER.texts("su_comment").into_iter().filter(|text| text.contains("bad"));
    assert!(complaints.count() >= 5);
}

/// What clause 3.3.2 sums and counts, for each district; the warehouse is one.
#[derive(Default)]
struct District {
    next_order: i64,
    ytd: i64,
    history: i64,
    orders: HashMap<i64, (i64, bool, i64)>,
    new_orders: HashSet<i64>,
    lines: HashMap<i64, (i64, usize)>,
    delivered: HashMap<i64, i64>,
}

fn districts() -> HashMap<i64, District> {
    let mut all: HashMap<i64, District> = HashMap::new();
    for (at, id) in DISTRICT.ints("d_id").into_iter().enumerate() {
        let district = all.entry(id).or_default();
        district.next_order = DISTRICT.ints("d_next_o_id")[at];
        district.ytd = DISTRICT.ints("d_ytd")[at];
    }
    for (id, amount) in HISTORY.ints("h_d_id").into_iter().zip(HISTORY.ints("h_amount")) {
        all.entry(id).or_default().history += amount;
    }
    let carriers = ORDER.options("o_carrier_id");
    let (ids, counts) = (ORDER.ints("o_id"), ORDER.ints("o_ol_cnt"));
    let customers = ORDER.ints("o_c_id");
    for (at, district) in ORDER.ints("o_d_id").into_iter().enumerate() {
        let order = (counts[at], carriers[at].is_some(), customers[at]);
        all.entry(district).or_default().orders.insert(ids[at], order);
    }
    for (id, district) in NEW_ORDER.ints("no_o_id").into_iter().zip(NEW_ORDER.ints("no_d_id")) {
        all.entry(district).or_default().new_orders.insert(id);
    }
    let (ids, amounts) = (LINE.ints("ol_o_id"), LINE.ints("ol_amount"));
    let dates = LINE.texts("ol_delivery_d");
    for (at, district) in LINE.ints("ol_d_id").into_iter().enumerate() {
        let district = all.entry(district).or_default();
        let delivered = dates[at] != "NULL";
        let line = district.lines.entry(ids[at]).or_default();
        *line = (line.0 + 1, line.1 + usize::from(delivered));
        if delivered {
            let customer = district.orders[&ids[at]].2;
            *district.delivered.entry(customer).or_default() += amounts[at];
        }
    }
    all
}

#[test]
fn the_twelve_consistency_conditions_hold() {
    let districts = districts();
    let warehouse_ytd = WAREHOUSE.ints("w_ytd")[0];
    assert_eq!(districts.values().map(|d| d.ytd).sum::<i64>(), warehouse_ytd, "1");
    assert_eq!(districts.values().map(|d| d.history).sum::<i64>(), warehouse_ytd, "8");
    for (id, d) in &districts {
        let last = d.orders.keys().max().copied();
        assert_eq!(Some(d.next_order - 1), last, "2 in {id}");
        assert_eq!(d.new_orders.iter().max().copied(), last, "2 in {id}");
        let (first, last) = (d.new_orders.iter().min(), d.new_orders.iter().max());
        let span = last.unwrap() - first.unwrap() + 1;
        assert_eq!(span as usize, d.new_orders.len(), "3 in {id}");
        let counted: i64 = d.orders.values().map(|order| order.0).sum();
        assert_eq!(counted, d.lines.values().map(|line| line.0).sum::<i64>(), "4 in {id}");
        for (order, (count, carried, _)) in &d.orders {
            assert_eq!(*carried, !d.new_orders.contains(order), "5 in {id}");
            let (lines, delivered) = d.lines[order];
            assert_eq!(lines, *count, "6 in {id}");
            assert_eq!(delivered, if *carried { lines as usize } else { 0 }, "7 in {id}");
        }
        assert_eq!(d.ytd, d.history, "9 in {id}");
        assert_eq!(d.orders.len() - d.new_orders.len(), 2_100, "11 in {id}");
    }
    // Each customer has paid once: 10.00, the amount of each row of the history.
    let (balance, paid) = (CUSTOMER.ints("c_balance"), CUSTOMER.ints("c_ytd_payment"));
    let ids = CUSTOMER.ints("c_id").into_iter().zip(CUSTOMER.ints("c_d_id"));
    for (at, (customer, district)) in ids.enumerate() {
        let delivered = districts[&district].delivered.get(&customer).copied().unwrap_or(0);
        assert_eq!(balance[at], delivered - HISTORY.ints_at("h_amount", at), "10");
        assert_eq!(balance[at] + paid[at], delivered, "12");
    }
}

impl Rows {
    fn ints_at(&self, column: &str, row: usize) -> i64 {
        self.rows[row][self.columns[column]].replace('.', "").parse().expect("a number")
    }
}

#[test]
fn load_constants_depend_on_the_seed_alone() {
    let constants: HashSet<i64> = (0..200).map(c_load).collect();
    assert!(constants.len() > 100 && constants.iter().all(|c| (0..=255).contains(c)));
    assert_eq!(load_time(SEED), load_time(SEED));
    let (year, ..) = load_time(u64::MAX).parts();
    assert_eq!(year, 2024);
}
