//! Statements for many rows at once, where a statement names each value: one for each number of
//! lines that an order can have, or one for the ten districts.

use dbdyno_core::Statement;

use super::inputs::{DISTRICTS, MAX_LINES};
use super::statements::Form;

/// The fewest lines of an order that are written: of five, one may be of an unused item (2.4.1.3).
const LEAST_LINES: usize = 4;
const SIZES: usize = MAX_LINES - LEAST_LINES + 1;

/// A statement that there is for each number of lines; the discriminant is its place in
/// [`ALL_BY_LINES`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SqlByLines {
    Items,
    Stocks,
    UpdateStocks,
    Lines,
}

pub(super) const ALL_BY_LINES: [SqlByLines; 4] =
    [SqlByLines::Items, SqlByLines::Stocks, SqlByLines::UpdateStocks, SqlByLines::Lines];
pub(super) const BY_LINES: usize = ALL_BY_LINES.len();

/// The names of a statement for each number of lines.
macro_rules! names {
    ($name:literal) => {
        names!($name: 4 5 6 7 8 9 10 11 12 13 14 15)
    };
    ($name:literal: $($lines:literal)*) => {
        [$(concat!($name, "_", $lines),)*]
    };
}

/// The column `S_DIST_xx` of a district whose number is an expression (2.4.2.2).
macro_rules! district_info {
    ($district:literal) => {
        concat!(
            "CASE ",
            $district,
            " WHEN 1 THEN s_dist_01 WHEN 2 THEN s_dist_02 WHEN 3 THEN s_dist_03 \
             WHEN 4 THEN s_dist_04 WHEN 5 THEN s_dist_05 WHEN 6 THEN s_dist_06 \
             WHEN 7 THEN s_dist_07 WHEN 8 THEN s_dist_08 WHEN 9 THEN s_dist_09 \
             ELSE s_dist_10 END"
        )
    };
}
pub(super) use district_info;

/// What a New-Order does to a stock row, told by a row `line`.
macro_rules! take_stock {
    () => {
        "s_quantity = line.quantity, s_ytd = s_ytd + line.ordered, \
         s_order_cnt = s_order_cnt + line.orders, s_remote_cnt = s_remote_cnt + line.remote"
    };
}
pub(super) use take_stock;

impl SqlByLines {
    pub(super) const fn is_used(self, form: Form) -> bool {
        match form {
            Form::Portable | Form::Returning => false,
            Form::Arrays => matches!(self, Self::Lines),
            Form::Listed => true,
        }
    }

    /// The statement for each number of lines.
    pub(super) fn statements(self) -> impl Iterator<Item = (usize, Statement)> {
        let names: [&'static str; SIZES] = match self {
            Self::Items => names!("new_order_select_items"),
            Self::Stocks => names!("new_order_select_stocks"),
            Self::UpdateStocks => names!("new_order_update_stocks"),
            Self::Lines => names!("new_order_insert_order_lines"),
        };
        let numbered = (LEAST_LINES..=MAX_LINES).zip(names);
        numbered.map(move |(lines, name)| (lines, Statement::new(name, self.sql(lines))))
    }

    fn sql(self, lines: usize) -> String {
        match self {
            Self::Items => {
                let items = repeated("?", lines, ", ");
                format!("SELECT i_id, i_price, i_name, i_data FROM item WHERE i_id IN ({items})")
            }
            Self::Stocks => format!(
                "SELECT s_w_id, s_i_id, s_quantity, {}, s_data FROM stock \
                 WHERE (s_w_id, s_i_id) IN ({}) {{for_update}}",
                district_info!("?"),
                repeated("(?, ?)", lines, ", ")
            ),
            Self::UpdateStocks => format!(
                "UPDATE stock JOIN ({}) AS line ON s_w_id = line.w_id AND s_i_id = line.i_id SET {}",
                rows(&["w_id", "i_id", "quantity", "ordered", "orders", "remote"], lines),
                take_stock!()
            ),
            Self::Lines => format!(
                "INSERT INTO order_line (ol_o_id, ol_d_id, ol_w_id, ol_number, ol_i_id, \
                 ol_supply_w_id, ol_delivery_d, ol_quantity, ol_amount, ol_dist_info) VALUES {}",
                repeated("(?, ?, ?, ?, ?, ?, NULL, ?, ?, ?)", lines, ", ")
            ),
        }
    }
}

/// The oldest new order of every district, each read by the index and locked alone.
pub(super) fn oldest_new_orders() -> String {
    let of_one = |d_id| {
        format!(
            "(SELECT no_d_id, no_o_id FROM new_order WHERE no_w_id = ? AND no_d_id = {d_id} \
             ORDER BY no_o_id LIMIT 1 {{for_update}})"
        )
    };
    (1..=DISTRICTS).map(of_one).collect::<Vec<_>>().join(" UNION ALL ")
}

/// That a key of three columns is one of ten, one for each district.
pub(super) fn of_districts(key: &str) -> String {
    format!("({key}) IN ({})", repeated("(?, ?, ?)", DISTRICTS as usize, ", "))
}

/// Gives each of ten customers, one for each district, what was delivered.
pub(super) fn pay_customers() -> String {
    format!(
        "UPDATE customer JOIN ({}) AS paid ON c_d_id = paid.d_id AND c_id = paid.number \
         SET c_balance = c_balance + paid.cents / 100, c_delivery_cnt = c_delivery_cnt + 1 \
         WHERE c_w_id = ?",
        rows(&["d_id", "number", "cents"], DISTRICTS as usize)
    )
}

/// Rows of integer parameters, to be joined with. The casts give them their types: a parameter
/// alone in a select list would be text.
fn rows(columns: &[&str], count: usize) -> String {
    let named: Vec<String> =
        columns.iter().map(|column| format!("CAST(? AS SIGNED) AS {column}")).collect();
    let others = format!("SELECT {}", repeated("CAST(? AS SIGNED)", columns.len(), ", "));
    let mut rows = vec![format!("SELECT {}", named.join(", "))];
    rows.resize(count, others);
    rows.join(" UNION ALL ")
}

fn repeated(part: &str, count: usize, between: &str) -> String {
    vec![part; count].join(between)
}
