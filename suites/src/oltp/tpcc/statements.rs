//! The statements of the five transactions, in portable SQL.
//!
//! A row that the transaction updates after reading it is read with `{for_update}`; no other is.

use dbdyno_core::{Statement, StatementId};

/// Declares [`Sql`] and the list of statements together, so that they cannot fall out of step.
macro_rules! statements {
    ($($id:ident $name:literal $sql:expr;)*) => {
        /// The statements by what they do; the discriminant is the statement's place in the list.
        #[derive(Clone, Copy, Debug)]
        pub(super) enum Sql { $($id,)* }

        /// Every statement, in the order of [`Sql`].
        pub(super) fn statements() -> Vec<Statement> {
            vec![$(Statement::new($name, $sql),)*]
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
    NewOrderWarehouse "new_order_select_warehouse"
        "SELECT w_tax FROM warehouse WHERE w_id = ?";
    NewOrderCustomer "new_order_select_customer"
        "SELECT c_discount, c_last, c_credit FROM customer \
         WHERE c_w_id = ? AND c_d_id = ? AND c_id = ?";
    NewOrderDistrict "new_order_select_district"
        "SELECT d_next_o_id, d_tax FROM district WHERE d_w_id = ? AND d_id = ? {for_update}";
    NewOrderNextId "new_order_update_district"
        "UPDATE district SET d_next_o_id = d_next_o_id + 1 WHERE d_w_id = ? AND d_id = ?";
    NewOrderOrder "new_order_insert_order"
        "INSERT INTO orders (o_id, o_d_id, o_w_id, o_c_id, o_entry_d, o_carrier_id, o_ol_cnt, \
         o_all_local) VALUES (?, ?, ?, ?, ?, NULL, ?, ?)";
    NewOrderNewOrder "new_order_insert_new_order"
        "INSERT INTO new_order (no_o_id, no_d_id, no_w_id) VALUES (?, ?, ?)";
    NewOrderItem "new_order_select_item"
        "SELECT i_price, i_name, i_data FROM item WHERE i_id = ?";
    NewOrderStock01 "new_order_select_stock_01" select_stock!("s_dist_01");
    NewOrderStock02 "new_order_select_stock_02" select_stock!("s_dist_02");
    NewOrderStock03 "new_order_select_stock_03" select_stock!("s_dist_03");
    NewOrderStock04 "new_order_select_stock_04" select_stock!("s_dist_04");
    NewOrderStock05 "new_order_select_stock_05" select_stock!("s_dist_05");
    NewOrderStock06 "new_order_select_stock_06" select_stock!("s_dist_06");
    NewOrderStock07 "new_order_select_stock_07" select_stock!("s_dist_07");
    NewOrderStock08 "new_order_select_stock_08" select_stock!("s_dist_08");
    NewOrderStock09 "new_order_select_stock_09" select_stock!("s_dist_09");
    NewOrderStock10 "new_order_select_stock_10" select_stock!("s_dist_10");
    NewOrderUpdateStock "new_order_update_stock"
        "UPDATE stock SET s_quantity = ?, s_ytd = s_ytd + ?, s_order_cnt = s_order_cnt + 1, \
         s_remote_cnt = s_remote_cnt + ? WHERE s_w_id = ? AND s_i_id = ?";
    NewOrderLine "new_order_insert_order_line"
        "INSERT INTO order_line (ol_o_id, ol_d_id, ol_w_id, ol_number, ol_i_id, ol_supply_w_id, \
         ol_delivery_d, ol_quantity, ol_amount, ol_dist_info) \
         VALUES (?, ?, ?, ?, ?, ?, NULL, ?, ?, ?)";

    PaymentUpdateWarehouse "payment_update_warehouse"
        "UPDATE warehouse SET w_ytd = w_ytd + ? WHERE w_id = ?";
    PaymentWarehouse "payment_select_warehouse"
        "SELECT w_name, w_street_1, w_street_2, w_city, w_state, w_zip FROM warehouse \
         WHERE w_id = ?";
    PaymentUpdateDistrict "payment_update_district"
        "UPDATE district SET d_ytd = d_ytd + ? WHERE d_w_id = ? AND d_id = ?";
    PaymentDistrict "payment_select_district"
        "SELECT d_name, d_street_1, d_street_2, d_city, d_state, d_zip FROM district \
         WHERE d_w_id = ? AND d_id = ?";
    CustomersByName "select_customers_by_last_name"
        "SELECT c_id FROM customer WHERE c_w_id = ? AND c_d_id = ? AND c_last = ? \
         ORDER BY c_first";
    PaymentCustomer "payment_select_customer"
        "SELECT c_first, c_middle, c_last, c_street_1, c_street_2, c_city, c_state, c_zip, \
         c_phone, c_credit, c_since, c_credit_lim, c_discount, c_balance FROM customer \
         WHERE c_w_id = ? AND c_d_id = ? AND c_id = ? {for_update}";
    PaymentCustomerData "payment_select_customer_data"
        "SELECT c_data FROM customer WHERE c_w_id = ? AND c_d_id = ? AND c_id = ? {for_update}";
    PaymentUpdateCustomer "payment_update_customer"
        "UPDATE customer SET c_balance = c_balance - ?, c_ytd_payment = c_ytd_payment + ?, \
         c_payment_cnt = c_payment_cnt + 1 WHERE c_w_id = ? AND c_d_id = ? AND c_id = ?";
    PaymentUpdateBadCustomer "payment_update_bad_credit_customer"
        "UPDATE customer SET c_balance = c_balance - ?, c_ytd_payment = c_ytd_payment + ?, \
         c_payment_cnt = c_payment_cnt + 1, c_data = ? \
         WHERE c_w_id = ? AND c_d_id = ? AND c_id = ?";
    PaymentHistory "payment_insert_history"
        "INSERT INTO history (h_c_id, h_c_d_id, h_c_w_id, h_d_id, h_w_id, h_date, h_amount, \
         h_data) VALUES (?, ?, ?, ?, ?, ?, ?, ?)";

    OrderStatusCustomer "order_status_select_customer"
        "SELECT c_balance, c_first, c_middle, c_last FROM customer \
         WHERE c_w_id = ? AND c_d_id = ? AND c_id = ?";
    OrderStatusOrder "order_status_select_last_order"
        "SELECT o_id, o_entry_d, o_carrier_id FROM orders \
         WHERE o_w_id = ? AND o_d_id = ? AND o_c_id = ? ORDER BY o_id DESC LIMIT 1";
    OrderStatusLines "order_status_select_order_lines"
        "SELECT ol_i_id, ol_supply_w_id, ol_quantity, ol_amount, ol_delivery_d FROM order_line \
         WHERE ol_w_id = ? AND ol_d_id = ? AND ol_o_id = ?";

    DeliveryOldest "delivery_select_oldest_new_order"
        "SELECT no_o_id FROM new_order WHERE no_w_id = ? AND no_d_id = ? \
         ORDER BY no_o_id LIMIT 1 {for_update}";
    DeliveryDeleteNewOrder "delivery_delete_new_order"
        "DELETE FROM new_order WHERE no_w_id = ? AND no_d_id = ? AND no_o_id = ?";
    DeliveryUpdateOrder "delivery_update_order"
        "UPDATE orders SET o_carrier_id = ? WHERE o_w_id = ? AND o_d_id = ? AND o_id = ?";
    DeliveryOrder "delivery_select_order"
        "SELECT o_c_id FROM orders WHERE o_w_id = ? AND o_d_id = ? AND o_id = ?";
    DeliveryUpdateLines "delivery_update_order_lines"
        "UPDATE order_line SET ol_delivery_d = ? \
         WHERE ol_w_id = ? AND ol_d_id = ? AND ol_o_id = ?";
    DeliveryAmount "delivery_sum_order_lines"
        "SELECT SUM(ol_amount) FROM order_line WHERE ol_w_id = ? AND ol_d_id = ? AND ol_o_id = ?";
    DeliveryUpdateCustomer "delivery_update_customer"
        "UPDATE customer SET c_balance = c_balance + ?, c_delivery_cnt = c_delivery_cnt + 1 \
         WHERE c_w_id = ? AND c_d_id = ? AND c_id = ?";

    StockLevelDistrict "stock_level_select_district"
        "SELECT d_next_o_id FROM district WHERE d_w_id = ? AND d_id = ?";
    StockLevelCount "stock_level_count_low_stock"
        "SELECT COUNT(DISTINCT s_i_id) FROM order_line JOIN stock ON s_i_id = ol_i_id \
         WHERE ol_w_id = ? AND ol_d_id = ? AND ol_o_id >= ? AND ol_o_id < ? \
         AND s_w_id = ? AND s_quantity < ?";
}

impl Sql {
    /// The place in the list given to `Session::prepare`.
    pub(super) const fn id(self) -> StatementId {
        self as StatementId
    }

    /// The statement that reads the stock row with the information of district `d_id`, 1 to 10.
    pub(super) const fn stock(d_id: i64) -> StatementId {
        const BY_DISTRICT: [Sql; 10] = [
            Sql::NewOrderStock01,
            Sql::NewOrderStock02,
            Sql::NewOrderStock03,
            Sql::NewOrderStock04,
            Sql::NewOrderStock05,
            Sql::NewOrderStock06,
            Sql::NewOrderStock07,
            Sql::NewOrderStock08,
            Sql::NewOrderStock09,
            Sql::NewOrderStock10,
        ];
        BY_DISTRICT[(d_id - 1) as usize].id()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]

    use super::{Sql, statements};

    #[test]
    fn places_and_statements_agree() {
        let all = statements();
        assert_eq!(all[Sql::NewOrderLine.id()].name, "new_order_insert_order_line");
        assert_eq!(all[Sql::StockLevelCount.id()].name, all.last().unwrap().name);
        for d_id in 1..=10 {
            let expected = format!("SELECT s_quantity, s_dist_{d_id:02}, ");
            assert!(all[Sql::stock(d_id)].sql.starts_with(&expected), "{d_id}");
        }
    }

    #[test]
    fn names_are_unique() {
        let mut names: Vec<_> = statements().iter().map(|statement| statement.name).collect();
        names.sort_unstable();
        let count = names.len();
        names.dedup();
        assert_eq!(names.len(), count);
    }

    #[test]
    fn only_rows_that_are_updated_are_locked() {
        let locking: Vec<_> = statements()
            .iter()
            .filter(|statement| statement.sql.contains("{for_update}"))
            .map(|statement| statement.name.trim_end_matches(|c: char| c.is_ascii_digit()))
            .collect();
        let mut locking = locking;
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
