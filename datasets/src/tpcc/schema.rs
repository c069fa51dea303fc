//! The tables as TPC-C rev. 5.11 clause 1.3 defines them. Numbers that the clause gives as digits
//! without a fraction are integers wide enough for a long run.

use dbdyno_core::schema::{Column, ColumnType, Table};

use ColumnType::{Char, Decimal, Int, SmallInt, Timestamp, Varchar};

const MONEY: ColumnType = Decimal(12, 2);
const RATE: ColumnType = Decimal(4, 4);

/// The tables; those without a dependence on the number of warehouses first.
pub fn tables() -> Vec<Table> {
    vec![
        item(),
        ch_region(),
        ch_nation(),
        ch_supplier(),
        warehouse(),
        district(),
        customer(),
        history(),
        orders(),
        new_order(),
        order_line(),
        stock(),
    ]
}

fn columns(list: &[(&'static str, ColumnType)]) -> Vec<Column> {
    list.iter().map(|(name, ty)| Column::new(name, *ty)).collect()
}

fn nullable(columns: &mut [Column], name: &str) {
    columns.iter_mut().filter(|column| column.name == name).for_each(|c| c.nullable = true);
}

fn item() -> Table {
    let list = [
        ("i_id", Int),
        ("i_im_id", Int),
        ("i_name", Varchar(24)),
        ("i_price", Decimal(5, 2)),
        ("i_data", Varchar(50)),
    ];
    Table::new("item", columns(&list)).primary_key(&["i_id"])
}

/// CH-benCHmark's tables are those of TPC-H rev. 3.0.1, clause 1.4.1, under a prefix: `tpch` has tables
/// of these names in the same SQLite file.
fn ch_region() -> Table {
    let list = [("r_regionkey", Int), ("r_name", Char(55)), ("r_comment", Varchar(152))];
    Table::new("ch_region", columns(&list)).primary_key(&["r_regionkey"])
}

fn ch_nation() -> Table {
    let list = [
        ("n_nationkey", Int),
        ("n_name", Char(25)),
        ("n_regionkey", Int),
        ("n_comment", Varchar(152)),
    ];
    Table::new("ch_nation", columns(&list)).primary_key(&["n_nationkey"])
}

fn ch_supplier() -> Table {
    let list = [
        ("su_suppkey", Int),
        ("su_name", Char(25)),
        ("su_address", Varchar(40)),
        ("su_nationkey", Int),
        ("su_phone", Char(15)),
        ("su_acctbal", MONEY),
        ("su_comment", Varchar(101)),
    ];
    Table::new("ch_supplier", columns(&list)).primary_key(&["su_suppkey"])
}

fn warehouse() -> Table {
    let list = [
        ("w_id", Int),
        ("w_name", Varchar(10)),
        ("w_street_1", Varchar(20)),
        ("w_street_2", Varchar(20)),
        ("w_city", Varchar(20)),
        ("w_state", Char(2)),
        ("w_zip", Char(9)),
        ("w_tax", RATE),
        ("w_ytd", MONEY),
    ];
    Table::new("warehouse", columns(&list)).primary_key(&["w_id"])
}

fn district() -> Table {
    let list = [
        ("d_id", SmallInt),
        ("d_w_id", Int),
        ("d_name", Varchar(10)),
        ("d_street_1", Varchar(20)),
        ("d_street_2", Varchar(20)),
        ("d_city", Varchar(20)),
        ("d_state", Char(2)),
        ("d_zip", Char(9)),
        ("d_tax", RATE),
        ("d_ytd", MONEY),
        ("d_next_o_id", Int),
    ];
    Table::new("district", columns(&list)).primary_key(&["d_w_id", "d_id"])
}

/// The index serves the choice by last name, sorted by first name (clause 2.5.2.2).
fn customer() -> Table {
    let list = [
        ("c_id", Int),
        ("c_d_id", SmallInt),
        ("c_w_id", Int),
        ("c_first", Varchar(16)),
        ("c_middle", Char(2)),
        ("c_last", Varchar(16)),
        ("c_street_1", Varchar(20)),
        ("c_street_2", Varchar(20)),
        ("c_city", Varchar(20)),
        ("c_state", Char(2)),
        ("c_zip", Char(9)),
        ("c_phone", Char(16)),
        ("c_since", Timestamp),
        ("c_credit", Char(2)),
        ("c_credit_lim", MONEY),
        ("c_discount", RATE),
        ("c_balance", MONEY),
        ("c_ytd_payment", MONEY),
        ("c_payment_cnt", Int),
        ("c_delivery_cnt", Int),
        ("c_data", Varchar(500)),
    ];
    Table::new("customer", columns(&list))
        .primary_key(&["c_w_id", "c_d_id", "c_id"])
        .index("customer_name", &["c_w_id", "c_d_id", "c_last", "c_first"])
}

/// Without a key: the clause gives it none.
fn history() -> Table {
    let list = [
        ("h_c_id", Int),
        ("h_c_d_id", SmallInt),
        ("h_c_w_id", Int),
        ("h_d_id", SmallInt),
        ("h_w_id", Int),
        ("h_date", Timestamp),
        ("h_amount", Decimal(6, 2)),
        ("h_data", Varchar(24)),
    ];
    Table::new("history", columns(&list))
}

/// The index serves Order-Status, which asks for a customer's last order (clause 2.6.2.2).
fn orders() -> Table {
    let mut columns = columns(&[
        ("o_id", Int),
        ("o_d_id", SmallInt),
        ("o_w_id", Int),
        ("o_c_id", Int),
        ("o_entry_d", Timestamp),
        ("o_carrier_id", SmallInt),
        ("o_ol_cnt", SmallInt),
        ("o_all_local", SmallInt),
    ]);
    nullable(&mut columns, "o_carrier_id");
    Table::new("orders", columns)
        .primary_key(&["o_w_id", "o_d_id", "o_id"])
        .index("orders_customer", &["o_w_id", "o_d_id", "o_c_id", "o_id"])
}

fn new_order() -> Table {
    let list = [("no_o_id", Int), ("no_d_id", SmallInt), ("no_w_id", Int)];
    Table::new("new_order", columns(&list)).primary_key(&["no_w_id", "no_d_id", "no_o_id"])
}

fn order_line() -> Table {
    let mut columns = columns(&[
        ("ol_o_id", Int),
        ("ol_d_id", SmallInt),
        ("ol_w_id", Int),
        ("ol_number", SmallInt),
        ("ol_i_id", Int),
        ("ol_supply_w_id", Int),
        ("ol_delivery_d", Timestamp),
        ("ol_quantity", SmallInt),
        ("ol_amount", Decimal(6, 2)),
        ("ol_dist_info", Char(24)),
    ]);
    nullable(&mut columns, "ol_delivery_d");
    Table::new("order_line", columns).primary_key(&["ol_w_id", "ol_d_id", "ol_o_id", "ol_number"])
}

fn stock() -> Table {
    let mut list = vec![("s_i_id", Int), ("s_w_id", Int), ("s_quantity", SmallInt)];
    list.extend(DIST.map(|name| (name, Char(24))));
    list.extend([
        ("s_ytd", Int),
        ("s_order_cnt", Int),
        ("s_remote_cnt", Int),
        ("s_data", Varchar(50)),
    ]);
    Table::new("stock", columns(&list)).primary_key(&["s_w_id", "s_i_id"])
}

/// The columns of district information, one for each district of a warehouse.
pub const DIST: [&str; 10] = [
    "s_dist_01",
    "s_dist_02",
    "s_dist_03",
    "s_dist_04",
    "s_dist_05",
    "s_dist_06",
    "s_dist_07",
    "s_dist_08",
    "s_dist_09",
    "s_dist_10",
];
