//! The inputs of the five transactions, drawn by the rules of TPC-C rev. 5.11, clauses 2.4 to 2.8.

use dbdyno_core::Timestamp;
use dbdyno_core::random::{Nurand, Rng, draw_c_run};
use dbdyno_datasets::tpcc;

/// Districts of a warehouse.
pub(super) const DISTRICTS: i64 = tpcc::DISTRICTS as i64;
/// Customers of a district.
const CUSTOMERS: i64 = tpcc::CUSTOMERS as i64;
/// Items of the catalogue.
const ITEMS: i64 = tpcc::ITEMS as i64;
/// An item number that no item has, for the order that is rolled back (2.4.1.5).
pub(super) const UNUSED_ITEM: i64 = ITEMS + 1;
/// The most lines an order can have (2.4.1.3).
pub(super) const MAX_LINES: usize = 15;

/// One line of a New-Order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) i_id: i64,
    pub(super) supply_w_id: i64,
    pub(super) quantity: i64,
}

impl Line {
    /// Whether another line takes from the same row of stock.
    pub(super) const fn has_stock_of(&self, other: &Self) -> bool {
        self.supply_w_id == other.supply_w_id && self.i_id == other.i_id
    }
}

/// The inputs of a New-Order (2.4.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct NewOrder {
    pub(super) w_id: i64,
    pub(super) d_id: i64,
    pub(super) c_id: i64,
    /// The user mistyped the last item, so the order is rolled back (2.4.1.4).
    pub(super) rolls_back: bool,
    pub(super) entered: Timestamp,
    lines: [Line; MAX_LINES],
    line_count: usize,
}

impl NewOrder {
    /// Its lines, 5 to 15.
    pub(super) fn lines(&self) -> &[Line] {
        &self.lines[..self.line_count]
    }

    /// Whether every line is supplied by the home warehouse.
    pub(super) fn all_local(&self) -> bool {
        self.lines().iter().all(|line| line.supply_w_id == self.w_id)
    }
}

/// How a customer is chosen (2.5.1.2, 2.6.1.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Choice {
    /// By `c_id`.
    Number(i64),
    /// By the last name of this number, 0 to 999 (4.3.2.3).
    Name(u64),
}

/// The inputs of a Payment (2.5.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Payment {
    pub(super) w_id: i64,
    pub(super) d_id: i64,
    pub(super) c_w_id: i64,
    pub(super) c_d_id: i64,
    pub(super) customer: Choice,
    pub(super) amount_cents: i64,
    pub(super) paid: Timestamp,
}

/// The inputs of an Order-Status (2.6.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct OrderStatus {
    pub(super) w_id: i64,
    pub(super) d_id: i64,
    pub(super) customer: Choice,
}

/// The inputs of a Delivery (2.7.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Delivery {
    pub(super) w_id: i64,
    pub(super) carrier_id: i64,
    pub(super) delivered: Timestamp,
}

/// The inputs of a Stock-Level (2.8.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct StockLevel {
    pub(super) w_id: i64,
    pub(super) d_id: i64,
    pub(super) threshold: i64,
}

/// The NURand functions of a measurement: their constants C are the same for every terminal
/// (2.1.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RunConstants {
    last_name: Nurand,
    customer: Nurand,
    item: Nurand,
}

/// The random stream that the constants C are drawn from; an arbitrary number of its own.
const CONSTANTS_STREAM: u64 = 0x7470_6363_2d43;

impl RunConstants {
    /// Draws the constants for a run with `seed` on customers loaded with `c_load`; that of last
    /// names keeps the distance that 2.1.6.1 asks for.
    pub(super) fn draw(seed: u64, c_load: i64) -> Self {
        let mut rng = Rng::new(seed, &[CONSTANTS_STREAM]);
        Self {
            last_name: Nurand::new(Nurand::A_LAST, draw_c_run(c_load, &mut rng)),
            customer: Nurand::with_random_c(Nurand::A_CUSTOMER, &mut rng),
            item: Nurand::with_random_c(Nurand::A_ITEM, &mut rng),
        }
    }
}

/// A terminal: draws the inputs that its user types.
#[derive(Clone, Debug)]
pub(super) struct Terminal {
    /// Its home warehouse, for the whole measurement (2.4.1.1).
    w_id: i64,
    /// The district whose stock it watches, for the whole measurement (2.8.1.1).
    stock_level_d_id: i64,
    warehouses: i64,
    constants: RunConstants,
    rng: Rng,
}

impl Terminal {
    /// Terminal number `index`, counted from 0. Terminals take the warehouses in turn, and then
    /// the districts, so that each of 10 terminals per warehouse has a pair of its own (2.8.1.1).
    pub(super) fn new(index: u32, warehouses: u32, constants: RunConstants, rng: Rng) -> Self {
        let (index, warehouses) = (i64::from(index), i64::from(warehouses.max(1)));
        Self {
            w_id: index % warehouses + 1,
            stock_level_d_id: index / warehouses % DISTRICTS + 1,
            warehouses,
            constants,
            rng,
        }
    }

    /// The terminal's random stream, for what is drawn beside inputs.
    pub(super) fn rng(&mut self) -> &mut Rng {
        &mut self.rng
    }

    /// Clause 2.4.1.
    pub(super) fn new_order(&mut self) -> NewOrder {
        let mut order = NewOrder {
            w_id: self.w_id,
            d_id: self.district(),
            c_id: self.customer_number(),
            rolls_back: self.rng.between(1, 100) == 1,
            entered: Timestamp::now(),
            lines: [Line::default(); MAX_LINES],
            line_count: self.rng.between(5, 15) as usize,
        };
        for line in &mut order.lines[..order.line_count] {
            *line = Line {
                i_id: self.constants.item.draw(&mut self.rng, 1, ITEMS),
                supply_w_id: if self.rng.between(1, 100) == 1 {
                    self.other_warehouse()
                } else {
                    self.w_id
                },
                quantity: self.rng.between(1, 10),
            };
        }
        if order.rolls_back {
            order.lines[order.line_count - 1].i_id = UNUSED_ITEM;
        }
        order
    }

    /// Clause 2.5.1.
    pub(super) fn payment(&mut self) -> Payment {
        let d_id = self.district();
        let is_remote = self.rng.between(1, 100) > 85;
        let (c_w_id, c_d_id) =
            if is_remote { (self.other_warehouse(), self.district()) } else { (self.w_id, d_id) };
        Payment {
            w_id: self.w_id,
            d_id,
            c_w_id,
            c_d_id,
            customer: self.customer(),
            amount_cents: self.rng.between(100, 500_000),
            paid: Timestamp::now(),
        }
    }

    /// Clause 2.6.1.
    pub(super) fn order_status(&mut self) -> OrderStatus {
        OrderStatus { w_id: self.w_id, d_id: self.district(), customer: self.customer() }
    }

    /// Clause 2.7.1.
    pub(super) fn delivery(&mut self) -> Delivery {
        Delivery {
            w_id: self.w_id,
            carrier_id: self.rng.between(1, 10),
            delivered: Timestamp::now(),
        }
    }

    /// Clause 2.8.1.
    pub(super) fn stock_level(&mut self) -> StockLevel {
        StockLevel {
            w_id: self.w_id,
            d_id: self.stock_level_d_id,
            threshold: self.rng.between(10, 20),
        }
    }

    fn district(&mut self) -> i64 {
        self.rng.between(1, DISTRICTS)
    }

    fn customer_number(&mut self) -> i64 {
        self.constants.customer.draw(&mut self.rng, 1, CUSTOMERS)
    }

    /// 60 % by last name, 40 % by number.
    fn customer(&mut self) -> Choice {
        if self.rng.between(1, 100) <= 60 {
            Choice::Name(self.constants.last_name.draw(&mut self.rng, 0, 999).unsigned_abs())
        } else {
            Choice::Number(self.customer_number())
        }
    }

    /// Any warehouse but the home; the home where there is no other (2.4.1.5, 2.5.1.2).
    fn other_warehouse(&mut self) -> i64 {
        if self.warehouses == 1 {
            return self.w_id;
        }
        let drawn = self.rng.between(1, self.warehouses - 1);
        drawn + i64::from(drawn >= self.w_id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dbdyno_core::random::c_run_is_valid;
    use std::collections::BTreeMap;

    const WAREHOUSES: u32 = 7;
    const DRAWS: u32 = 100_000;

    fn terminal(index: u32) -> Terminal {
        Terminal::new(index, WAREHOUSES, RunConstants::draw(1, 100), Rng::new(2, &[index.into()]))
    }

    /// The share of draws in percent must be within five standard deviations of `percent`.
    fn assert_share(what: &str, hits: u32, draws: u32, percent: f64) {
        let chance = percent / 100.0;
        let expected = f64::from(draws) * chance;
        let bound = 5.0 * (expected * (1.0 - chance)).sqrt();
        assert!((f64::from(hits) - expected).abs() < bound, "{what}: {hits} of {draws}");
    }

    #[test]
    fn run_constants_keep_their_distance_from_the_load() {
        for seed in 0..200 {
            for c_load in [0, 65, 128, 200, 255] {
                let constants = RunConstants::draw(seed, c_load);
                assert!(c_run_is_valid(c_load, constants.last_name.c()));
                assert_eq!(constants, RunConstants::draw(seed, c_load));
            }
        }
    }

    #[test]
    fn terminals_spread_over_warehouses_and_districts() {
        let mut pairs: Vec<_> = (0..WAREHOUSES * 10)
            .map(|index| {
                let mut terminal = terminal(index);
                assert_eq!(terminal.new_order().w_id, terminal.stock_level().w_id);
                (terminal.w_id, terminal.stock_level().d_id)
            })
            .collect();
        assert_eq!(pairs[..3], [(1, 1), (2, 1), (3, 1)]);
        pairs.sort_unstable();
        pairs.dedup();
        assert_eq!(pairs.len(), WAREHOUSES as usize * 10);
    }

    #[test]
    fn new_orders_follow_clause_2_4_1() {
        let mut terminal = terminal(2);
        let (mut rolled_back, mut remote, mut lines) = (0, 0, 0);
        let mut line_counts = BTreeMap::new();
        for _ in 0..DRAWS {
            let order = terminal.new_order();
            assert_eq!(order.w_id, 3);
            assert!((1..=10).contains(&order.d_id) && (1..=3_000).contains(&order.c_id));
            assert_eq!(order.all_local(), order.lines().iter().all(|line| line.supply_w_id == 3));
            let (last, others) = order.lines().split_last().unwrap_or_else(|| unreachable!());
            assert!(others.iter().all(|line| (1..=100_000).contains(&line.i_id)));
            assert_eq!(order.rolls_back, last.i_id == UNUSED_ITEM);
            for line in order.lines() {
                assert!((1..=10).contains(&line.quantity));
                assert!((1..=i64::from(WAREHOUSES)).contains(&line.supply_w_id));
                remote += u32::from(line.supply_w_id != 3);
            }
            rolled_back += u32::from(order.rolls_back);
            lines += order.lines().len() as u32;
            *line_counts.entry(order.lines().len()).or_insert(0) += 1;
        }
        assert_share("rolled back", rolled_back, DRAWS, 1.0);
        assert_share("remote lines", remote, lines, 1.0);
        assert_eq!(line_counts.keys().copied().collect::<Vec<_>>(), (5..=15).collect::<Vec<_>>());
        for (count, hits) in line_counts {
            assert_share(&format!("{count} lines"), hits, DRAWS, 100.0 / 11.0);
        }
    }

    #[test]
    fn payments_follow_clause_2_5_1() {
        let mut terminal = terminal(0);
        let (mut remote, mut by_name, mut other_district) = (0, 0, 0);
        for _ in 0..DRAWS {
            let payment = terminal.payment();
            assert!((100..=500_000).contains(&payment.amount_cents));
            if payment.c_w_id == payment.w_id {
                assert_eq!(payment.c_d_id, payment.d_id);
            } else {
                remote += 1;
                other_district += u32::from(payment.c_d_id != payment.d_id);
            }
            match payment.customer {
                Choice::Name(number) => {
                    assert!(number <= 999);
                    by_name += 1;
                }
                Choice::Number(c_id) => assert!((1..=3_000).contains(&c_id)),
            }
        }
        assert_share("remote customers", remote, DRAWS, 15.0);
        assert_share("by last name", by_name, DRAWS, 60.0);
        assert_share("remote customers of another district", other_district, remote, 90.0);
    }

    #[test]
    fn remote_warehouses_come_alike() {
        let mut terminal = terminal(3);
        let mut counts = BTreeMap::new();
        for _ in 0..DRAWS {
            *counts.entry(terminal.other_warehouse()).or_insert(0) += 1;
        }
        assert_eq!(counts.keys().copied().collect::<Vec<_>>(), [1, 2, 3, 5, 6, 7]);
        for (w_id, hits) in counts {
            assert_share(&format!("warehouse {w_id}"), hits, DRAWS, 100.0 / 6.0);
        }
    }

    #[test]
    fn a_lone_warehouse_is_its_own_remote() {
        let mut terminal = Terminal::new(5, 1, RunConstants::draw(1, 0), Rng::new(1, &[]));
        for _ in 0..1_000 {
            assert_eq!(terminal.payment().c_w_id, 1);
            assert!(terminal.new_order().all_local());
        }
    }

    #[test]
    fn the_other_three_follow_their_clauses() {
        let mut terminal = terminal(9);
        let (mut by_name, mut carriers, mut thresholds) = (0, BTreeMap::new(), BTreeMap::new());
        for _ in 0..DRAWS {
            let status = terminal.order_status();
            assert!(status.w_id == 3 && (1..=10).contains(&status.d_id));
            by_name += u32::from(matches!(status.customer, Choice::Name(_)));
            *carriers.entry(terminal.delivery().carrier_id).or_insert(0) += 1;
            let level = terminal.stock_level();
            assert_eq!((level.w_id, level.d_id), (3, 2));
            *thresholds.entry(level.threshold).or_insert(0) += 1;
        }
        assert_share("by last name", by_name, DRAWS, 60.0);
        assert_eq!(carriers.keys().copied().collect::<Vec<_>>(), (1..=10).collect::<Vec<_>>());
        assert_eq!(thresholds.keys().copied().collect::<Vec<_>>(), (10..=20).collect::<Vec<_>>());
        for hits in carriers.into_values() {
            assert_share("carrier", hits, DRAWS, 10.0);
        }
        for hits in thresholds.into_values() {
            assert_share("threshold", hits, DRAWS, 100.0 / 11.0);
        }
    }
}
