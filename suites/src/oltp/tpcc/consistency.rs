//! The twelve consistency conditions of TPC-C rev. 5.11, clause 3.3.2, as SQL that PostgreSQL,
//! MySQL, MariaDB and SQLite all run unchanged.
//!
//! Each query answers how many rows break its condition and the smallest key among them. Amounts
//! count as equal when they differ by less than half a cent, since SQLite stores decimals as
//! doubles.

use dbdyno_core::query::row_sql;
use dbdyno_core::{DbError, Session};

use crate::benchmark::Check;

/// A consistency condition.
pub(super) struct Condition {
    /// The name of its check; the numbers are its clause.
    pub(super) check: &'static str,
    /// What must hold, said so that "but not for 3 districts" can follow.
    expected: &'static str,
    /// What breaks it.
    violator: Violator,
    /// The query.
    pub(super) sql: &'static str,
}

/// What the rows that break a condition belong to.
#[derive(Clone, Copy)]
enum Violator {
    Warehouse,
    District,
    Customer,
    Order,
}

/// A key of a warehouse's table as one number, so that one column answers it: district times
/// 10^8, warehouse times 10^10. The largest parts are 10^5 warehouses and 10^8 orders.
macro_rules! key {
    ($w:literal) => {
        concat!($w, " * 10000000000")
    };
    ($w:literal, $d:literal) => {
        concat!($w, " * 10000000000 + ", $d, " * 100000000")
    };
    ($w:literal, $d:literal, $o:literal) => {
        concat!($w, " * 10000000000 + ", $d, " * 100000000 + ", $o)
    };
}

/// The delivered lines' amount by customer, as rows (w_id, d_id, c_id, amount): each order's lines
/// are added up first, so that the join is one of orders and not of lines.
macro_rules! delivered_amounts {
    () => {
        "SELECT o_w_id AS w_id, o_d_id AS d_id, o_c_id AS c_id, -delivered AS amount FROM \
         (SELECT ol_w_id, ol_d_id, ol_o_id, SUM(ol_amount) AS delivered FROM order_line \
         WHERE ol_delivery_d IS NOT NULL GROUP BY ol_w_id, ol_d_id, ol_o_id) l \
         JOIN orders ON o_w_id = ol_w_id AND o_d_id = ol_d_id AND o_id = ol_o_id"
    };
}

/// The conditions in the order of their clauses.
pub(super) const CONDITIONS: [Condition; 12] = [
    Condition {
        check: "tpcc_3_3_2_1",
        expected: "W_YTD = sum(D_YTD) for each warehouse",
        violator: Violator::Warehouse,
        sql: concat!(
            "SELECT COUNT(*), MIN(",
            key!("w_id"),
            ") FROM warehouse LEFT JOIN \
             (SELECT d_w_id, SUM(d_ytd) AS total FROM district GROUP BY d_w_id) d \
             ON d_w_id = w_id WHERE total IS NULL OR ABS(w_ytd - total) > 0.005"
        ),
    },
    Condition {
        check: "tpcc_3_3_2_2",
        expected: "D_NEXT_O_ID - 1 = max(O_ID) = max(NO_O_ID) for each district (the latter where \
                   it has new orders)",
        violator: Violator::District,
        sql: concat!(
            "SELECT COUNT(*), MIN(",
            key!("d_w_id", "d_id"),
            ") FROM district \
             LEFT JOIN (SELECT o_w_id, o_d_id, MAX(o_id) AS last_order FROM orders \
             GROUP BY o_w_id, o_d_id) o ON o_w_id = d_w_id AND o_d_id = d_id \
             LEFT JOIN (SELECT no_w_id, no_d_id, MAX(no_o_id) AS last_new FROM new_order \
             GROUP BY no_w_id, no_d_id) n ON no_w_id = d_w_id AND no_d_id = d_id \
             WHERE last_order IS NULL OR last_order <> d_next_o_id - 1 \
             OR last_new <> d_next_o_id - 1"
        ),
    },
    Condition {
        check: "tpcc_3_3_2_3",
        expected: "max(NO_O_ID) - min(NO_O_ID) + 1 = rows of NEW-ORDER for each district that has \
                   any",
        violator: Violator::District,
        sql: concat!(
            "SELECT COUNT(*), MIN(",
            key!("no_w_id", "no_d_id"),
            ") FROM (SELECT no_w_id, no_d_id FROM new_order GROUP BY no_w_id, no_d_id \
             HAVING MAX(no_o_id) - MIN(no_o_id) + 1 <> COUNT(*)) n"
        ),
    },
    Condition {
        check: "tpcc_3_3_2_4",
        expected: "sum(O_OL_CNT) = rows of ORDER-LINE for each district",
        violator: Violator::District,
        sql: concat!(
            "SELECT COUNT(*), MIN(",
            key!("d_w_id", "d_id"),
            ") FROM district \
             LEFT JOIN (SELECT o_w_id, o_d_id, SUM(o_ol_cnt) AS counted FROM orders \
             GROUP BY o_w_id, o_d_id) o ON o_w_id = d_w_id AND o_d_id = d_id \
             LEFT JOIN (SELECT ol_w_id, ol_d_id, COUNT(*) AS present FROM order_line \
             GROUP BY ol_w_id, ol_d_id) l ON ol_w_id = d_w_id AND ol_d_id = d_id \
             WHERE COALESCE(counted, 0) <> COALESCE(present, 0)"
        ),
    },
    Condition {
        check: "tpcc_3_3_2_5",
        expected: "O_CARRIER_ID is null if and only if the order has a row in NEW-ORDER",
        violator: Violator::Order,
        sql: concat!(
            "SELECT COUNT(*), MIN(violator) FROM (SELECT ",
            key!("o_w_id", "o_d_id", "o_id"),
            " AS violator FROM orders LEFT JOIN new_order \
             ON no_w_id = o_w_id AND no_d_id = o_d_id AND no_o_id = o_id \
             WHERE (o_carrier_id IS NULL AND no_o_id IS NULL) \
             OR (o_carrier_id IS NOT NULL AND no_o_id IS NOT NULL) \
             UNION ALL SELECT ",
            key!("no_w_id", "no_d_id", "no_o_id"),
            " FROM new_order LEFT JOIN orders \
             ON o_w_id = no_w_id AND o_d_id = no_d_id AND o_id = no_o_id \
             WHERE o_id IS NULL) v"
        ),
    },
    Condition {
        check: "tpcc_3_3_2_6",
        expected: "O_OL_CNT = rows of ORDER-LINE for each order",
        violator: Violator::Order,
        sql: concat!(
            "SELECT COUNT(*), MIN(",
            key!("o_w_id", "o_d_id", "o_id"),
            ") FROM orders LEFT JOIN \
             (SELECT ol_w_id, ol_d_id, ol_o_id, COUNT(*) AS present FROM order_line \
             GROUP BY ol_w_id, ol_d_id, ol_o_id) l \
             ON ol_w_id = o_w_id AND ol_d_id = o_d_id AND ol_o_id = o_id \
             WHERE o_ol_cnt <> COALESCE(present, 0)"
        ),
    },
    Condition {
        check: "tpcc_3_3_2_7",
        expected: "OL_DELIVERY_D is null if and only if the line's order has a null O_CARRIER_ID",
        violator: Violator::Order,
        sql: concat!(
            "SELECT COUNT(*), MIN(",
            key!("ol_w_id", "ol_d_id", "ol_o_id"),
            ") FROM (SELECT ol_w_id, ol_d_id, ol_o_id, COUNT(*) AS present, \
             COUNT(ol_delivery_d) AS delivered FROM order_line \
             GROUP BY ol_w_id, ol_d_id, ol_o_id) l LEFT JOIN orders \
             ON o_w_id = ol_w_id AND o_d_id = ol_d_id AND o_id = ol_o_id \
             WHERE o_id IS NULL OR (o_carrier_id IS NULL AND delivered > 0) \
             OR (o_carrier_id IS NOT NULL AND delivered < present)"
        ),
    },
    Condition {
        check: "tpcc_3_3_2_8",
        expected: "W_YTD = sum(H_AMOUNT) for each warehouse",
        violator: Violator::Warehouse,
        sql: concat!(
            "SELECT COUNT(*), MIN(",
            key!("w_id"),
            ") FROM warehouse LEFT JOIN \
             (SELECT h_w_id, SUM(h_amount) AS total FROM history GROUP BY h_w_id) h \
             ON h_w_id = w_id WHERE ABS(w_ytd - COALESCE(total, 0)) > 0.005"
        ),
    },
    Condition {
        check: "tpcc_3_3_2_9",
        expected: "D_YTD = sum(H_AMOUNT) for each district",
        violator: Violator::District,
        sql: concat!(
            "SELECT COUNT(*), MIN(",
            key!("d_w_id", "d_id"),
            ") FROM district LEFT JOIN \
             (SELECT h_w_id, h_d_id, SUM(h_amount) AS total FROM history \
             GROUP BY h_w_id, h_d_id) h \
             ON h_w_id = d_w_id AND h_d_id = d_id \
             WHERE ABS(d_ytd - COALESCE(total, 0)) > 0.005"
        ),
    },
    Condition {
        check: "tpcc_3_3_2_10",
        expected: "C_BALANCE = sum(OL_AMOUNT of delivered lines) - sum(H_AMOUNT) for each customer",
        violator: Violator::Customer,
        sql: concat!(
            "SELECT COUNT(*), MIN(",
            key!("w_id", "d_id", "c_id"),
            ") FROM (SELECT w_id, d_id, c_id FROM (\
             SELECT c_w_id AS w_id, c_d_id AS d_id, c_id, c_balance AS amount FROM customer \
             UNION ALL SELECT h_c_w_id, h_c_d_id, h_c_id, h_amount FROM history \
             UNION ALL ",
            delivered_amounts!(),
            ") a GROUP BY w_id, d_id, c_id HAVING ABS(SUM(amount)) > 0.005) v"
        ),
    },
    // The clause asks for count(ORDER) - count(NEW-ORDER) = 2100, which is true only of the
    // initial population: each delivery takes a row from NEW-ORDER. It names CUSTOMER as well,
    // whose C_DELIVERY_CNT, 0 at first, counts the deliveries; so this form is the clause's at
    // first and holds for ever.
    Condition {
        check: "tpcc_3_3_2_11",
        expected: "rows of ORDER - rows of NEW-ORDER - sum(C_DELIVERY_CNT) = 2100 for each \
                   district",
        violator: Violator::District,
        sql: concat!(
            "SELECT COUNT(*), MIN(",
            key!("d_w_id", "d_id"),
            ") FROM district \
             LEFT JOIN (SELECT o_w_id, o_d_id, COUNT(*) AS ordered FROM orders \
             GROUP BY o_w_id, o_d_id) o ON o_w_id = d_w_id AND o_d_id = d_id \
             LEFT JOIN (SELECT no_w_id, no_d_id, COUNT(*) AS waiting FROM new_order \
             GROUP BY no_w_id, no_d_id) n ON no_w_id = d_w_id AND no_d_id = d_id \
             LEFT JOIN (SELECT c_w_id, c_d_id, SUM(c_delivery_cnt) AS delivered FROM customer \
             GROUP BY c_w_id, c_d_id) c ON c_w_id = d_w_id AND c_d_id = d_id \
             WHERE COALESCE(ordered, 0) - COALESCE(waiting, 0) - COALESCE(delivered, 0) <> 2100"
        ),
    },
    Condition {
        check: "tpcc_3_3_2_12",
        expected: "C_BALANCE + C_YTD_PAYMENT = sum(OL_AMOUNT of delivered lines) for each customer",
        violator: Violator::Customer,
        sql: concat!(
            "SELECT COUNT(*), MIN(",
            key!("w_id", "d_id", "c_id"),
            ") FROM (SELECT w_id, d_id, c_id FROM (\
             SELECT c_w_id AS w_id, c_d_id AS d_id, c_id, c_balance + c_ytd_payment AS amount \
             FROM customer UNION ALL ",
            delivered_amounts!(),
            ") a GROUP BY w_id, d_id, c_id HAVING ABS(SUM(amount)) > 0.005) v"
        ),
    },
];

impl Condition {
    /// Looks whether the condition holds.
    ///
    /// # Errors
    /// The engine refuses the query.
    pub(super) async fn check(&self, session: &mut dyn Session) -> Result<Check, DbError> {
        let (violations, first) = row_sql(session, self.sql, |row| {
            let violations = row.int(0)?;
            Ok((violations, if violations == 0 { 0 } else { row.int(1)? }))
        })
        .await?;
        Ok(Check::new(self.check, violations == 0, self.detail(violations, first)))
    }

    fn detail(&self, violations: i64, first: i64) -> String {
        let clause = self.check.trim_start_matches("tpcc_").replace('_', ".");
        let expected = format!("TPC-C {clause}: {}", self.expected);
        if violations == 0 {
            return expected;
        }
        let violator = self.violator;
        format!(
            "{expected}; broken by {violations} {}, first {}",
            violator.plural(),
            violator.key(first)
        )
    }
}

impl Violator {
    const fn plural(self) -> &'static str {
        match self {
            Self::Warehouse => "warehouses",
            Self::District => "districts",
            Self::Customer => "customers",
            Self::Order => "orders",
        }
    }

    /// A key of a query's answer as people read it.
    fn key(self, key: i64) -> String {
        let (w_id, d_id, last) = (key / 10_000_000_000, key / 100_000_000 % 100, key % 100_000_000);
        match self {
            Self::Warehouse => format!("warehouse {w_id}"),
            Self::District => format!("warehouse {w_id}, district {d_id}"),
            Self::Customer => format!("warehouse {w_id}, district {d_id}, customer {last}"),
            Self::Order => format!("warehouse {w_id}, district {d_id}, order {last}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::CONDITIONS;

    #[test]
    fn there_is_one_for_each_clause_in_order() {
        let names = CONDITIONS.each_ref().map(|condition| condition.check.to_owned());
        assert_eq!(names, std::array::from_fn(|place| format!("tpcc_3_3_2_{}", place + 1)));
    }

    #[test]
    fn details_name_the_clause_and_the_first_violator() {
        assert_eq!(
            CONDITIONS[0].detail(0, 0),
            "TPC-C 3.3.2.1: W_YTD = sum(D_YTD) for each warehouse"
        );
        insta::assert_snapshot!(
            CONDITIONS[5].detail(3, 120_000_000_000 + 10 * 100_000_000 + 3_001),
            @"TPC-C 3.3.2.6: O_OL_CNT = rows of ORDER-LINE for each order; broken by 3 orders, first warehouse 12, district 10, order 3001"
        );
        assert!(
            CONDITIONS[9]
                .detail(1, 10_100_000_007)
                .ends_with("first warehouse 1, district 1, customer 7")
        );
        assert!(CONDITIONS[8].detail(1, 10_200_000_000).ends_with("first warehouse 1, district 2"));
    }
}
