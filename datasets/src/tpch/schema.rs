//! The tables of TPC-H rev. 3.0.1, clause 1.4.1. Their names have a prefix, for `orders` and
//! `customer` are TPC-C's as well, and an SQLite file holds both.

use dbdyno_core::schema::{Column, ColumnType, Table};

const MONEY: ColumnType = ColumnType::Decimal(15, 2);

/// Primary keys, indexes on the columns that refer to other tables and on dates (what clause 1.5.7
/// allows), and foreign keys (clause 1.4.2.3).
pub fn tables() -> Vec<Table> {
    vec![region(), nation(), supplier(), customer(), part(), partsupp(), orders(), lineitem()]
}

fn columns(listed: &[(&'static str, ColumnType)]) -> Vec<Column> {
    listed.iter().map(|(name, ty)| Column::new(name, *ty)).collect()
}

fn region() -> Table {
    let columns = columns(&[
        ("r_regionkey", ColumnType::Int),
        ("r_name", ColumnType::Char(25)),
        ("r_comment", ColumnType::Varchar(152)),
    ]);
    Table::new("tpch_region", columns).primary_key(&["r_regionkey"])
}

fn nation() -> Table {
    let columns = columns(&[
        ("n_nationkey", ColumnType::Int),
        ("n_name", ColumnType::Char(25)),
        ("n_regionkey", ColumnType::Int),
        ("n_comment", ColumnType::Varchar(152)),
    ]);
    Table::new("tpch_nation", columns)
        .primary_key(&["n_nationkey"])
        .index("tpch_nation_region", &["n_regionkey"])
        .foreign_key("tpch_nation_to_region", &["n_regionkey"], "tpch_region", &["r_regionkey"])
}

fn supplier() -> Table {
    let columns = columns(&[
        ("s_suppkey", ColumnType::Int),
        ("s_name", ColumnType::Char(25)),
        ("s_address", ColumnType::Varchar(40)),
        ("s_nationkey", ColumnType::Int),
        ("s_phone", ColumnType::Char(15)),
        ("s_acctbal", MONEY),
        ("s_comment", ColumnType::Varchar(101)),
    ]);
    Table::new("tpch_supplier", columns)
        .primary_key(&["s_suppkey"])
        .index("tpch_supplier_nation", &["s_nationkey"])
        .foreign_key("tpch_supplier_to_nation", &["s_nationkey"], "tpch_nation", &["n_nationkey"])
}

fn customer() -> Table {
    let columns = columns(&[
        ("c_custkey", ColumnType::Int),
        ("c_name", ColumnType::Varchar(25)),
        ("c_address", ColumnType::Varchar(40)),
        ("c_nationkey", ColumnType::Int),
        ("c_phone", ColumnType::Char(15)),
        ("c_acctbal", MONEY),
        ("c_mktsegment", ColumnType::Char(10)),
        ("c_comment", ColumnType::Varchar(117)),
    ]);
    Table::new("tpch_customer", columns)
        .primary_key(&["c_custkey"])
        .index("tpch_customer_nation", &["c_nationkey"])
        .foreign_key("tpch_customer_to_nation", &["c_nationkey"], "tpch_nation", &["n_nationkey"])
}

fn part() -> Table {
    let columns = columns(&[
        ("p_partkey", ColumnType::Int),
        ("p_name", ColumnType::Varchar(55)),
        ("p_mfgr", ColumnType::Char(25)),
        ("p_brand", ColumnType::Char(10)),
        ("p_type", ColumnType::Varchar(25)),
        ("p_size", ColumnType::Int),
        ("p_container", ColumnType::Char(10)),
        ("p_retailprice", MONEY),
        ("p_comment", ColumnType::Varchar(23)),
    ]);
    Table::new("tpch_part", columns).primary_key(&["p_partkey"])
}

fn partsupp() -> Table {
    let columns = columns(&[
        ("ps_partkey", ColumnType::Int),
        ("ps_suppkey", ColumnType::Int),
        ("ps_availqty", ColumnType::Int),
        ("ps_supplycost", MONEY),
        ("ps_comment", ColumnType::Varchar(199)),
    ]);
    Table::new("tpch_partsupp", columns)
        .primary_key(&["ps_partkey", "ps_suppkey"])
        .index("tpch_partsupp_supplier", &["ps_suppkey"])
        .foreign_key("tpch_partsupp_to_part", &["ps_partkey"], "tpch_part", &["p_partkey"])
        .foreign_key("tpch_partsupp_to_supplier", &["ps_suppkey"], "tpch_supplier", &["s_suppkey"])
}

fn orders() -> Table {
    let columns = columns(&[
        ("o_orderkey", ColumnType::BigInt),
        ("o_custkey", ColumnType::Int),
        ("o_orderstatus", ColumnType::Char(1)),
        ("o_totalprice", MONEY),
        ("o_orderdate", ColumnType::Date),
        ("o_orderpriority", ColumnType::Char(15)),
        ("o_clerk", ColumnType::Char(15)),
        ("o_shippriority", ColumnType::Int),
        ("o_comment", ColumnType::Varchar(79)),
    ]);
    Table::new("tpch_orders", columns)
        .primary_key(&["o_orderkey"])
        .index("tpch_orders_customer", &["o_custkey"])
        .index("tpch_orders_date", &["o_orderdate"])
        .foreign_key("tpch_orders_to_customer", &["o_custkey"], "tpch_customer", &["c_custkey"])
}

fn lineitem() -> Table {
    let columns = columns(&[
        ("l_orderkey", ColumnType::BigInt),
        ("l_partkey", ColumnType::Int),
        ("l_suppkey", ColumnType::Int),
        ("l_linenumber", ColumnType::Int),
        ("l_quantity", MONEY),
        ("l_extendedprice", MONEY),
        ("l_discount", MONEY),
        ("l_tax", MONEY),
        ("l_returnflag", ColumnType::Char(1)),
        ("l_linestatus", ColumnType::Char(1)),
        ("l_shipdate", ColumnType::Date),
        ("l_commitdate", ColumnType::Date),
        ("l_receiptdate", ColumnType::Date),
        ("l_shipinstruct", ColumnType::Char(25)),
        ("l_shipmode", ColumnType::Char(10)),
        ("l_comment", ColumnType::Varchar(44)),
    ]);
    Table::new("tpch_lineitem", columns)
        .primary_key(&["l_orderkey", "l_linenumber"])
        .index("tpch_lineitem_part", &["l_partkey", "l_suppkey"])
        .index("tpch_lineitem_supplier", &["l_suppkey"])
        .index("tpch_lineitem_ship", &["l_shipdate"])
        .foreign_key("tpch_lineitem_to_orders", &["l_orderkey"], "tpch_orders", &["o_orderkey"])
        .foreign_key(
            "tpch_lineitem_to_partsupp",
            &["l_partkey", "l_suppkey"],
            "tpch_partsupp",
            &["ps_partkey", "ps_suppkey"],
        )
}
