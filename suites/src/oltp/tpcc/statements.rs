//! The statements of the five transactions, in portable SQL and in the forms that engines say best.
//!
//! A row that the transaction updates after reading it is read with `{for_update}`; no other is.

use dbdyno_core::{NativeSql, Returning, RowLists, Statement, StatementId};

use super::super::places::Places;
use super::inputs::MAX_LINES;
use super::lists;

/// How the transactions are said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// One statement for each row, and queries beside the updates.
    Portable,
    /// One statement for each row, which answers what it changes.
    Returning,
    /// One statement for all lines or districts, in arrays; it answers what it changes.
    Arrays,
    /// One statement for all lines or districts, with a parameter for each value.
    Listed,
}

impl Form {
    /// The form for an engine, or the portable one.
    pub(super) const fn of(native: Option<NativeSql>) -> Self {
        match native {
            Some(NativeSql { lists: RowLists::Listed, .. }) => Self::Listed,
            None | Some(NativeSql { returning: Returning::Nothing, .. }) => Self::Portable,
            Some(NativeSql { lists: RowLists::Arrays, .. }) => Self::Arrays,
            Some(_) => Self::Returning,
        }
    }

    /// Whether an update answers the rows that it changes.
    pub(super) const fn returns(self) -> bool {
        matches!(self, Self::Returning | Self::Arrays)
    }
}

/// Declares [`Sql`] and the list of statements together, so that they cannot fall out of step.
macro_rules! statements {
    ($($id:ident $name:literal [$($form:ident)*] $sql:expr;)*) => {
        /// The statements by what they do; the discriminant is the statement's number.
        #[derive(Clone, Copy, Debug)]
        pub(super) enum Sql { $($id,)* }

        /// How many there are.
        const COUNT: usize = [$(Sql::$id,)*].len();

        /// Those of a form, with their numbers.
        fn of_form(form: Form) -> Vec<(usize, Statement)> {
            let mut used = Vec::new();
            $(if matches!(form, $(Form::$form)|*) {
                used.push((Sql::$id as usize, Statement::new($name, $sql)));
            })*
            used
        }
    };
}

/// The stock row of an item, with the district information of one district (2.4.2.2: `S_DIST_xx`,
/// where xx is the number of the order's district).
macro_rules! select_stock {
    ($column:literal) => {
        concat!(
            "SELECT s_quantity, ",
            $column,
            ", s_data FROM stock WHERE s_w_id = ? AND s_i_id = ? {for_update}"
        )
    };
}

statements! {
    NewOrderWarehouse "new_order_select_warehouse" [Portable]
        "SELECT w_tax FROM warehouse WHERE w_id = ?";
    NewOrderCustomer "new_order_select_customer" [Portable]
        "SELECT c_discount, c_last, c_credit FROM customer \
         WHERE c_w_id = ? AND c_d_id = ? AND c_id = ?";
    NewOrderDistrict "new_order_select_district" [Portable Listed]
        "SELECT d_next_o_id, d_tax FROM district WHERE d_w_id = ? AND d_id = ? {for_update}";
    NewOrderNextId "new_order_update_district" [Portable Listed]
        "UPDATE district SET d_next_o_id = d_next_o_id + 1 WHERE d_w_id = ? AND d_id = ?";
    NewOrderOrder "new_order_insert_order" [Portable Returning Arrays Listed]
        "INSERT INTO orders (o_id, o_d_id, o_w_id, o_c_id, o_entry_d, o_carrier_id, o_ol_cnt, \
         o_all_local) VALUES (?, ?, ?, ?, ?, NULL, ?, ?)";
    NewOrderNewOrder "new_order_insert_new_order" [Portable Returning Arrays Listed]
        "INSERT INTO new_order (no_o_id, no_d_id, no_w_id) VALUES (?, ?, ?)";
    NewOrderItem "new_order_select_item" [Portable Returning]
        "SELECT i_price, i_name, i_data FROM item WHERE i_id = ?";
    NewOrderStock01 "new_order_select_stock_01" [Portable Returning] select_stock!("s_dist_01");
    NewOrderStock02 "new_order_select_stock_02" [Portable Returning] select_stock!("s_dist_02");
    NewOrderStock03 "new_order_select_stock_03" [Portable Returning] select_stock!("s_dist_03");
    NewOrderStock04 "new_order_select_stock_04" [Portable Returning] select_stock!("s_dist_04");
    NewOrderStock05 "new_order_select_stock_05" [Portable Returning] select_stock!("s_dist_05");
    NewOrderStock06 "new_order_select_stock_06" [Portable Returning] select_stock!("s_dist_06");
    NewOrderStock07 "new_order_select_stock_07" [Portable Returning] select_stock!("s_dist_07");
    NewOrderStock08 "new_order_select_stock_08" [Portable Returning] select_stock!("s_dist_08");
    NewOrderStock09 "new_order_select_stock_09" [Portable Returning] select_stock!("s_dist_09");
    NewOrderStock10 "new_order_select_stock_10" [Portable Returning] select_stock!("s_dist_10");
    NewOrderUpdateStock "new_order_update_stock" [Portable Returning]
        "UPDATE stock SET s_quantity = ?, s_ytd = s_ytd + ?, s_order_cnt = s_order_cnt + 1, \
         s_remote_cnt = s_remote_cnt + ? WHERE s_w_id = ? AND s_i_id = ?";
    NewOrderLine "new_order_insert_order_line" [Portable Returning]
        "INSERT INTO order_line (ol_o_id, ol_d_id, ol_w_id, ol_number, ol_i_id, ol_supply_w_id, \
         ol_delivery_d, ol_quantity, ol_amount, ol_dist_info) \
         VALUES (?, ?, ?, ?, ?, ?, NULL, ?, ?, ?)";

    PaymentUpdateWarehouse "payment_update_warehouse" [Portable Listed]
        "UPDATE warehouse SET w_ytd = w_ytd + ? WHERE w_id = ?";
    PaymentWarehouse "payment_select_warehouse" [Portable Listed]
        "SELECT w_name, w_street_1, w_street_2, w_city, w_state, w_zip FROM warehouse \
         WHERE w_id = ?";
    PaymentUpdateDistrict "payment_update_district" [Portable Listed]
        "UPDATE district SET d_ytd = d_ytd + ? WHERE d_w_id = ? AND d_id = ?";
    PaymentDistrict "payment_select_district" [Portable Listed]
        "SELECT d_name, d_street_1, d_street_2, d_city, d_state, d_zip FROM district \
         WHERE d_w_id = ? AND d_id = ?";
    CustomersByName "select_customers_by_last_name" [Portable Returning Arrays Listed]
        "SELECT c_id FROM customer WHERE c_w_id = ? AND c_d_id = ? AND c_last = ? \
         ORDER BY c_first";
    PaymentCustomer "payment_select_customer" [Portable Listed]
        "SELECT c_first, c_middle, c_last, c_street_1, c_street_2, c_city, c_state, c_zip, \
         c_phone, c_credit, c_since, c_credit_lim, c_discount, c_balance FROM customer \
         WHERE c_w_id = ? AND c_d_id = ? AND c_id = ? {for_update}";
    PaymentCustomerData "payment_select_customer_data" [Portable Listed]
        "SELECT c_data FROM customer WHERE c_w_id = ? AND c_d_id = ? AND c_id = ? {for_update}";
    PaymentUpdateCustomer "payment_update_customer" [Portable Listed]
        "UPDATE customer SET c_balance = c_balance - ?, c_ytd_payment = c_ytd_payment + ?, \
         c_payment_cnt = c_payment_cnt + 1 WHERE c_w_id = ? AND c_d_id = ? AND c_id = ?";
    PaymentUpdateBadCustomer "payment_update_bad_credit_customer" [Portable Listed]
        "UPDATE customer SET c_balance = c_balance - ?, c_ytd_payment = c_ytd_payment + ?, \
         c_payment_cnt = c_payment_cnt + 1, c_data = ? \
         WHERE c_w_id = ? AND c_d_id = ? AND c_id = ?";
    PaymentHistory "payment_insert_history" [Portable Returning Arrays Listed]
        "INSERT INTO history (h_c_id, h_c_d_id, h_c_w_id, h_d_id, h_w_id, h_date, h_amount, \
         h_data) VALUES (?, ?, ?, ?, ?, ?, ?, ?)";

    OrderStatusCustomer "order_status_select_customer" [Portable Returning Arrays Listed]
        "SELECT c_balance, c_first, c_middle, c_last FROM customer \
         WHERE c_w_id = ? AND c_d_id = ? AND c_id = ?";
    OrderStatusOrder "order_status_select_last_order" [Portable]
        "SELECT o_id, o_entry_d, o_carrier_id FROM orders \
         WHERE o_w_id = ? AND o_d_id = ? AND o_c_id = ? ORDER BY o_id DESC LIMIT 1";
    OrderStatusLines "order_status_select_order_lines" [Portable]
        "SELECT ol_i_id, ol_supply_w_id, ol_quantity, ol_amount, ol_delivery_d FROM order_line \
         WHERE ol_w_id = ? AND ol_d_id = ? AND ol_o_id = ?";

    DeliveryOldest "delivery_select_oldest_new_order" [Portable]
        "SELECT no_o_id FROM new_order WHERE no_w_id = ? AND no_d_id = ? \
         ORDER BY no_o_id LIMIT 1 {for_update}";
    DeliveryDeleteNewOrder "delivery_delete_new_order" [Portable]
        "DELETE FROM new_order WHERE no_w_id = ? AND no_d_id = ? AND no_o_id = ?";
    DeliveryUpdateOrder "delivery_update_order" [Portable]
        "UPDATE orders SET o_carrier_id = ? WHERE o_w_id = ? AND o_d_id = ? AND o_id = ?";
    DeliveryOrder "delivery_select_order" [Portable]
        "SELECT o_c_id FROM orders WHERE o_w_id = ? AND o_d_id = ? AND o_id = ?";
    DeliveryUpdateLines "delivery_update_order_lines" [Portable]
        "UPDATE order_line SET ol_delivery_d = ? \
         WHERE ol_w_id = ? AND ol_d_id = ? AND ol_o_id = ?";
    DeliveryAmount "delivery_sum_order_lines" [Portable]
        "SELECT SUM(ol_amount) FROM order_line WHERE ol_w_id = ? AND ol_d_id = ? AND ol_o_id = ?";
    DeliveryUpdateCustomer "delivery_update_customer" [Portable Returning]
        "UPDATE customer SET c_balance = c_balance + ?, c_delivery_cnt = c_delivery_cnt + 1 \
         WHERE c_w_id = ? AND c_d_id = ? AND c_id = ?";

    StockLevelDistrict "stock_level_select_district" [Portable]
        "SELECT d_next_o_id FROM district WHERE d_w_id = ? AND d_id = ?";
    StockLevelCount "stock_level_count_low_stock" [Portable]
        "SELECT COUNT(DISTINCT s_i_id) FROM order_line JOIN stock ON s_i_id = ol_i_id \
         WHERE ol_w_id = ? AND ol_d_id = ? AND ol_o_id >= ? AND ol_o_id < ? \
         AND s_w_id = ? AND s_quantity < ?";

    NewOrderCustomerAndTax "new_order_select_customer_and_tax" [Returning Arrays Listed]
        "SELECT c_discount, c_last, c_credit, w_tax FROM customer JOIN warehouse ON w_id = c_w_id \
         WHERE c_w_id = ? AND c_d_id = ? AND c_id = ?";
    NewOrderTakeId "new_order_update_district" [Returning Arrays]
        "UPDATE district SET d_next_o_id = d_next_o_id + 1 WHERE d_w_id = ? AND d_id = ? \
         RETURNING d_next_o_id - 1, d_tax";
    NewOrderItems "new_order_select_items" [Arrays]
        "SELECT i_id, i_price, i_name, i_data FROM item WHERE i_id = ANY(?::int[])";
    NewOrderStocks "new_order_select_stocks" [Arrays]
        concat!(
            "SELECT s_w_id, s_i_id, s_quantity, ",
            lists::district_info!("?::int"),
            ", s_data FROM unnest(?::int[], ?::int[]) AS line(w_id, i_id) \
             JOIN stock ON s_w_id = line.w_id AND s_i_id = line.i_id \
             ORDER BY s_w_id, s_i_id {for_update} OF stock"
        );
    NewOrderUpdateStocks "new_order_update_stocks" [Arrays]
        concat!(
            "UPDATE stock SET ",
            lists::take_stock!(),
            " FROM unnest(?::int[], ?::int[], ?::int[], ?::int[], ?::int[], ?::int[]) \
             AS line(w_id, i_id, quantity, ordered, orders, remote) \
             WHERE s_w_id = line.w_id AND s_i_id = line.i_id"
        );

    PaymentTakeWarehouse "payment_update_warehouse" [Returning Arrays]
        "UPDATE warehouse SET w_ytd = w_ytd + ? WHERE w_id = ? \
         RETURNING w_name, w_street_1, w_street_2, w_city, w_state, w_zip";
    PaymentTakeDistrict "payment_update_district" [Returning Arrays]
        "UPDATE district SET d_ytd = d_ytd + ? WHERE d_w_id = ? AND d_id = ? \
         RETURNING d_name, d_street_1, d_street_2, d_city, d_state, d_zip";
    PaymentTakeCustomer "payment_update_customer" [Returning Arrays]
        "UPDATE customer SET c_balance = c_balance - ?, c_ytd_payment = c_ytd_payment + ?, \
         c_payment_cnt = c_payment_cnt + 1, c_data = CASE WHEN c_credit = 'BC' \
         THEN SUBSTR(CAST(? AS text) || c_data, 1, 500) ELSE c_data END \
         WHERE c_w_id = ? AND c_d_id = ? AND c_id = ? \
         RETURNING c_first, c_middle, c_last, c_street_1, c_street_2, c_city, c_state, c_zip, \
         c_phone, c_credit, c_since, c_credit_lim, c_discount, c_balance";

    OrderStatusLastLines "order_status_select_last_order_lines" [Returning Arrays Listed]
        "SELECT ol_i_id, ol_supply_w_id, ol_quantity, ol_amount, ol_delivery_d, o_id, o_entry_d, \
         o_carrier_id FROM (SELECT o_w_id, o_d_id, o_id, o_entry_d, o_carrier_id FROM orders \
         WHERE o_w_id = ? AND o_d_id = ? AND o_c_id = ? ORDER BY o_id DESC LIMIT 1) AS last_order \
         JOIN order_line ON ol_w_id = o_w_id AND ol_d_id = o_d_id AND ol_o_id = o_id";

    DeliveryTakeOldest "delivery_delete_oldest_new_order" [Returning]
        "DELETE FROM new_order WHERE no_w_id = ? AND no_d_id = ? AND no_o_id = \
         (SELECT MIN(no_o_id) FROM new_order WHERE no_w_id = ? AND no_d_id = ?) \
         RETURNING no_o_id";
    DeliveryTakeOrder "delivery_update_order" [Returning]
        "UPDATE orders SET o_carrier_id = ? WHERE o_w_id = ? AND o_d_id = ? AND o_id = ? \
         RETURNING o_c_id";
    DeliveryTakeLines "delivery_update_order_lines" [Returning]
        "UPDATE order_line SET ol_delivery_d = ? \
         WHERE ol_w_id = ? AND ol_d_id = ? AND ol_o_id = ? RETURNING ol_amount";
    DeliveryTakeAllOldest "delivery_delete_oldest_new_orders" [Arrays]
        "DELETE FROM new_order USING (SELECT d_id, (SELECT MIN(no_o_id) FROM new_order \
         WHERE no_w_id = ? AND no_d_id = district.d_id) AS number \
         FROM unnest(?::int[]) AS district(d_id)) AS oldest \
         WHERE no_w_id = ? AND no_d_id = oldest.d_id AND no_o_id = oldest.number \
         RETURNING no_d_id, no_o_id";
    DeliveryTakeOrders "delivery_update_orders" [Arrays]
        "UPDATE orders SET o_carrier_id = ? FROM unnest(?::int[], ?::int[]) \
         AS delivered(d_id, number) WHERE o_w_id = ? AND o_d_id = delivered.d_id \
         AND o_id = delivered.number RETURNING o_d_id, o_c_id";
    DeliveryTakeAllLines "delivery_update_order_lines" [Arrays]
        "WITH line AS (UPDATE order_line SET ol_delivery_d = ? \
         FROM unnest(?::int[], ?::int[]) AS delivered(d_id, number) WHERE ol_w_id = ? \
         AND ol_d_id = delivered.d_id AND ol_o_id = delivered.number \
         RETURNING ol_d_id, ol_amount) SELECT ol_d_id, SUM(ol_amount) FROM line GROUP BY ol_d_id";
    DeliveryPayCustomers "delivery_update_customers" [Arrays]
        "UPDATE customer SET c_balance = c_balance + paid.cents * 0.01, \
         c_delivery_cnt = c_delivery_cnt + 1 \
         FROM unnest(?::int[], ?::int[], ?::int[]) AS paid(d_id, number, cents) \
         WHERE c_w_id = ? AND c_d_id = paid.d_id AND c_id = paid.number";
    DeliveryAllOldest "delivery_select_oldest_new_orders" [Listed] lists::oldest_new_orders();
    DeliveryDeleteNewOrders "delivery_delete_new_orders" [Listed]
        format!("DELETE FROM new_order WHERE {}", lists::of_districts("no_w_id, no_d_id, no_o_id"));
    DeliveryUpdateOrders "delivery_update_orders" [Listed]
        format!(
            "UPDATE orders SET o_carrier_id = ? WHERE {}",
            lists::of_districts("o_w_id, o_d_id, o_id")
        );
    DeliveryOrders "delivery_select_orders" [Listed]
        format!(
            "SELECT o_d_id, o_c_id FROM orders WHERE {}",
            lists::of_districts("o_w_id, o_d_id, o_id")
        );
    DeliveryUpdateAllLines "delivery_update_order_lines" [Listed]
        format!(
            "UPDATE order_line SET ol_delivery_d = ? WHERE {}",
            lists::of_districts("ol_w_id, ol_d_id, ol_o_id")
        );
    DeliveryAmounts "delivery_sum_lines_by_district" [Listed]
        format!(
            "SELECT ol_d_id, SUM(ol_amount) FROM order_line WHERE {} GROUP BY ol_d_id",
            lists::of_districts("ol_w_id, ol_d_id, ol_o_id")
        );
    DeliveryUpdateCustomers "delivery_update_customers" [Listed] lists::pay_customers();

    StockLevelLow "stock_level_count_low_stock" [Returning Arrays Listed]
        "SELECT COUNT(DISTINCT s_i_id) FROM order_line JOIN stock ON s_i_id = ol_i_id \
         WHERE ol_w_id = ? AND ol_d_id = ? \
         AND ol_o_id >= (SELECT d_next_o_id - 20 FROM district WHERE d_w_id = ? AND d_id = ?) \
         AND ol_o_id < (SELECT d_next_o_id FROM district WHERE d_w_id = ? AND d_id = ?) \
         AND s_w_id = ? AND s_quantity < ?";
}

/// The statements of a form, and where they stand.
#[derive(Clone, Copy, Debug)]
pub(super) struct Statements {
    pub(super) form: Form,
    places: Places<COUNT>,
    /// Those that there are for each number of lines.
    by_lines: [ByLines; lists::BY_LINES],
}

/// The places of the statements for so many lines.
type ByLines = [StatementId; MAX_LINES + 1];

impl Statements {
    /// The list of a form's statements.
    pub(super) fn list(form: Form) -> (Vec<Statement>, Self) {
        let (mut list, places) = Places::list(of_form(form));
        let mut by_lines = [[StatementId::MAX; MAX_LINES + 1]; lists::BY_LINES];
        for (of_kind, kind) in by_lines.iter_mut().zip(lists::ALL_BY_LINES) {
            if !kind.is_used(form) {
                continue;
            }
            for (lines, statement) in kind.statements() {
                of_kind[lines] = list.len();
                list.push(statement);
            }
        }
        (list, Self { form, places, by_lines })
    }

    /// The place of a statement.
    #[inline]
    pub(super) const fn place(&self, sql: Sql) -> StatementId {
        self.places.of(sql as usize)
    }

    /// The place of a statement for so many lines.
    pub(super) const fn for_lines(&self, sql: lists::SqlByLines, lines: usize) -> StatementId {
        self.by_lines[sql as usize][lines]
    }

    /// The statement that reads the stock row with the information of district `d_id`, 1 to 10.
    #[inline]
    pub(super) const fn stock(&self, d_id: i64) -> StatementId {
        self.places.of(Sql::NewOrderStock01 as usize + (d_id - 1) as usize)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]

    use super::*;

    const FORMS: [Form; 4] = [Form::Portable, Form::Returning, Form::Arrays, Form::Listed];

    #[test]
    fn places_and_statements_agree() {
        let (all, sql) = Statements::list(Form::Portable);
        assert_eq!(all[sql.place(Sql::NewOrderLine)].name, "new_order_insert_order_line");
        assert_eq!(sql.place(Sql::StockLevelCount), all.len() - 1);
        for d_id in 1..=10 {
            let expected = format!("SELECT s_quantity, s_dist_{d_id:02}, ");
            assert!(all[sql.stock(d_id)].sql.starts_with(&expected), "{d_id}");
        }
        let (all, sql) = Statements::list(Form::Listed);
        let lines = all[sql.for_lines(lists::SqlByLines::Lines, 7)].clone();
        assert_eq!(lines.name, "new_order_insert_order_lines_7");
        assert_eq!(lines.sql.matches('?').count(), 7 * 9);
    }

    #[test]
    fn names_are_unique() {
        for form in FORMS {
            let (all, _) = Statements::list(form);
            let mut names: Vec<_> = all.iter().map(|statement| statement.name).collect();
            names.sort_unstable();
            let count = names.len();
            names.dedup();
            assert_eq!(names.len(), count, "{form:?}");
        }
    }

    #[test]
    fn only_rows_that_are_updated_are_locked() {
        let (all, _) = Statements::list(Form::Portable);
        let mut locking: Vec<_> = all
            .iter()
            .filter(|statement| statement.sql.contains("{for_update}"))
            .map(|statement| statement.name.trim_end_matches(|c: char| c.is_ascii_digit()))
            .collect();
        locking.dedup();
        assert_eq!(
            locking,
            [
                "new_order_select_district",
                "new_order_select_stock_",
                "payment_select_customer",
                "payment_select_customer_data",
                "delivery_select_oldest_new_order",
            ]
        );
    }
}
