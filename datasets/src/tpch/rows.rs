//! The generator's rows, column by column.

use std::fmt::{Display, Write as _};

use dbdyno_core::{Date, Decimal, RowWriter};
use tpchgen::dates::TPCHDate;
use tpchgen::decimal::TPCHDecimal;
use tpchgen::generators::{
    Customer, LineItem, Nation, Order, Part, PartSupp, Region, Supplier, SupplierGenerator,
};

use super::comments::Comments;

/// Writes the generator's types.
pub struct Columns<'r> {
    row: &'r mut dyn RowWriter,
    comments: &'r mut Comments,
    text: &'r mut String,
}

impl<'r> Columns<'r> {
    /// One row's columns; `text` is a buffer.
    pub fn new(
        row: &'r mut dyn RowWriter,
        comments: &'r mut Comments,
        text: &'r mut String,
    ) -> Self {
        Self { row, comments, text }
    }

    fn int(&mut self, value: impl Into<i64>) -> &mut Self {
        self.row.int(value.into());
        self
    }

    fn money(&mut self, value: TPCHDecimal) -> &mut Self {
        self.row.decimal(Decimal::cents(value.into_inner()));
        self
    }

    fn text(&mut self, value: &str) -> &mut Self {
        self.row.text(value);
        self
    }

    /// What is printed into a buffer that is used again.
    fn printed(&mut self, value: impl Display) -> &mut Self {
        self.text.clear();
        // Writing to a string cannot fail.
        let _ = write!(self.text, "{value}");
        self.row.text(self.text);
        self
    }

    fn date(&mut self, value: TPCHDate) -> &mut Self {
        self.row.date(Date(value.to_unix_epoch()));
        self
    }

    /// The next comment.
    fn comment(&mut self) {
        let comment = self.comments.next();
        self.row.text(comment);
    }

    /// The next comment, of a row that is made by itself.
    fn lone_comment(&mut self) {
        self.comment();
        self.comments.row_finished();
    }
}

pub fn region(row: &Region<'_>, to: &mut Columns<'_>) {
    to.int(row.r_regionkey).text(row.r_name).lone_comment();
}

pub fn nation(row: &Nation<'_>, to: &mut Columns<'_>) {
    to.int(row.n_nationkey).text(row.n_name).int(row.n_regionkey).lone_comment();
}

pub fn supplier(row: &Supplier, to: &mut Columns<'_>) {
    to.int(row.s_suppkey)
        .printed(row.s_name)
        .printed(&row.s_address)
        .int(row.s_nationkey)
        .printed(&row.s_phone)
        .money(row.s_acctbal);
    let comment = to.comments.next();
    copy_review(&row.s_comment, comment);
    to.row.text(comment);
    to.comments.row_finished();
}

/// Some suppliers' comments hold two words of customers about them (clause 4.2.3): they are in the
/// generator's comment and go to the same places of the true one. No words of dbgen's text make any of the three.
fn copy_review(made: &str, comment: &mut String) {
    let kinds = [
        SupplierGenerator::BBB_BASE_TEXT,
        SupplierGenerator::BBB_COMPLAINT_TEXT,
        SupplierGenerator::BBB_RECOMMEND_TEXT,
    ];
    for kind in kinds {
        if let Some(place) = made.find(kind) {
            comment.replace_range(place..place + kind.len(), kind);
        }
    }
}

pub fn customer(row: &Customer<'_>, to: &mut Columns<'_>) {
    to.int(row.c_custkey)
        .printed(row.c_name)
        .printed(&row.c_address)
        .int(row.c_nationkey)
        .printed(&row.c_phone)
        .money(row.c_acctbal)
        .text(row.c_mktsegment)
        .lone_comment();
}

pub fn part(row: &Part<'_>, to: &mut Columns<'_>) {
    to.int(row.p_partkey)
        .printed(&row.p_name)
        .printed(row.p_mfgr)
        .printed(row.p_brand)
        .text(row.p_type)
        .int(row.p_size)
        .text(row.p_container)
        .money(row.p_retailprice)
        .lone_comment();
}

pub fn partsupp(row: &PartSupp<'_>, to: &mut Columns<'_>) {
    to.comments.begin(row.ps_partkey);
    to.int(row.ps_partkey)
        .int(row.ps_suppkey)
        .int(row.ps_availqty)
        .money(row.ps_supplycost)
        .comment();
}

pub fn orders(row: &Order<'_>, to: &mut Columns<'_>) {
    to.int(row.o_orderkey)
        .int(row.o_custkey)
        .text(row.o_orderstatus.as_str())
        .money(row.o_totalprice)
        .date(row.o_orderdate)
        .text(row.o_orderpriority)
        .printed(row.o_clerk)
        .int(row.o_shippriority)
        .lone_comment();
}

pub fn lineitem(row: &LineItem<'_>, to: &mut Columns<'_>) {
    to.comments.begin(row.l_orderkey);
    to.int(row.l_orderkey)
        .int(row.l_partkey)
        .int(row.l_suppkey)
        .int(row.l_linenumber)
        .money(TPCHDecimal::new(row.l_quantity * 100))
        .money(row.l_extendedprice)
        .money(row.l_discount)
        .money(row.l_tax)
        .text(row.l_returnflag)
        .text(row.l_linestatus)
        .date(row.l_shipdate)
        .date(row.l_commitdate)
        .date(row.l_receiptdate)
        .text(row.l_shipinstruct)
        .text(row.l_shipmode)
        .comment();
}
