//! TPC-C rev. 5.11: order entry at a wholesale supplier, five transactions over nine tables.
//!
//! What is the specification's and what is left out is written down in `docs/tpcc.md`.

mod called;
mod client;
mod consistency;
mod customer;
mod deck;
mod delivery;
mod effects;
mod inputs;
mod lists;
mod new_order;
mod order_status;
mod payment;
mod statements;
mod stock_level;
#[cfg(test)]
mod wire;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use dbdyno_core::load::{AnyClient, LoadReport, Tally, TransactionReport, Workload};
use dbdyno_core::query::{row_sql, scalar_sql};
use dbdyno_core::random::Rng;
use dbdyno_core::{Better, DbError, Measurement, Scale, Session, Statement};
use dbdyno_datasets::Dataset;

use crate::benchmark::{Benchmark, Check, LoadBenchmark, Procedure, State, WorkloadContext};
use client::{Said, TpccClient};
use deck::{Kind, NAMES};
use effects::{Amount, ClientEffects};
use inputs::{RunConstants, Terminal};
use statements::{Form, Statements};

/// The benchmark.
#[derive(Clone, Copy, Debug)]
pub struct Tpcc;

/// A number in the tables that committed transactions move.
struct Counter {
    name: &'static str,
    sql: &'static str,
}

const NEXT_ORDER_IDS: Counter =
    Counter { name: "next_order_ids", sql: "SELECT SUM(d_next_o_id) FROM district" };
const ORDERED_LINES: Counter =
    Counter { name: "ordered_lines", sql: "SELECT SUM(o_ol_cnt) FROM orders" };
const STOCK_TAKEN: Counter = Counter { name: "stock_taken", sql: "SELECT SUM(s_ytd) FROM stock" };
const HISTORY_ROWS: Counter = Counter { name: "history_rows", sql: "SELECT COUNT(*) FROM history" };
const DELIVERIES: Counter =
    Counter { name: "deliveries", sql: "SELECT SUM(c_delivery_cnt) FROM customer" };
/// In cents.
const WAREHOUSE_YTD: Counter =
    Counter { name: "warehouse_ytd_cents", sql: "SELECT SUM(w_ytd) FROM warehouse" };

impl Benchmark for Tpcc {
    fn name(&self) -> &'static str {
        "tpcc"
    }

    fn summary(&self) -> &'static str {
        "Order entry at a wholesale supplier: five transactions, 45/43/4/4/4 (TPC-C rev. 5.11)"
    }

    fn dataset(&self) -> &'static dyn Dataset {
        &dbdyno_datasets::tpcc::TpcC
    }

    fn procedure(&self) -> Procedure<'_> {
        Procedure::Load(self)
    }
}

#[async_trait]
impl LoadBenchmark for Tpcc {
    fn metrics(
        &self,
        report: &LoadReport,
        _: &WorkloadContext,
        _: &State,
        _: &State,
    ) -> Vec<Measurement> {
        tpmc(report)
            .map(|tpmc| Measurement::new("tpmc", tpmc, "1/min", Better::Higher))
            .into_iter()
            .collect()
    }

    fn workload(&self, context: &WorkloadContext, _before: &State) -> Arc<dyn Workload> {
        let c_load = dbdyno_datasets::tpcc::c_load(context.seed);
        let (statements, sql) = Statements::list(Form::of(context.native));
        let (statements, said) = match &context.called {
            Some(called) => (called.calls.clone(), Said::Called(called.lists)),
            None => (statements, Said::Statements(sql)),
        };
        Arc::new(TpccWorkload {
            warehouses: context.scale.units() as u32,
            think_times: context.think_times,
            constants: RunConstants::draw(context.seed, c_load),
            statements,
            said,
            effects: Mutex::default(),
        })
    }

    async fn state(&self, session: &mut dyn Session, _scale: Scale) -> Result<State, DbError> {
        let mut state = State::default();
        for condition in &consistency::CONDITIONS {
            state.checks.push(condition.check(session).await?);
        }
        for counter in [NEXT_ORDER_IDS, ORDERED_LINES, STOCK_TAKEN, HISTORY_ROWS, DELIVERIES] {
            state.counters.insert(counter.name, scalar_sql(session, counter.sql).await?);
        }
        let cents = row_sql(session, WAREHOUSE_YTD.sql, |row| row.decimal(0, 2)).await?;
        state.counters.insert(WAREHOUSE_YTD.name, cents);
        Ok(state)
    }

    fn account(
        &self,
        before: &State,
        after: &State,
        counted: &BTreeMap<&'static str, i64>,
        tally: &Tally,
    ) -> Vec<Check> {
        let moved = |counter: &Counter| after.counter(counter.name) - before.counter(counter.name);
        let commits = |name: &str, what: &str, counter: &Counter, kind: Kind| {
            let entry = tally.of(kind.name());
            Check::accounted(name, what, moved(counter), entry.committed, entry.unknown)
        };
        let amounts = |name: &str, what: &str, counter: &Counter, amount: Amount| {
            effects::check(name, what, moved(counter), counted, amount)
        };
        vec![
            commits(
                "tpcc_new_orders_accounted",
                "New-Orders, by the growth of sum(D_NEXT_O_ID)",
                &NEXT_ORDER_IDS,
                Kind::NewOrder,
            ),
            amounts(
                "tpcc_order_lines_accounted",
                "order lines, by the growth of sum(O_OL_CNT)",
                &ORDERED_LINES,
                Amount::OrderLines,
            ),
            amounts(
                "tpcc_stock_accounted",
                "items taken from stock, by the growth of sum(S_YTD)",
                &STOCK_TAKEN,
                Amount::OrderedItems,
            ),
            commits(
                "tpcc_payments_accounted",
                "Payments, by the growth of HISTORY",
                &HISTORY_ROWS,
                Kind::Payment,
            ),
            amounts(
                "tpcc_payment_amounts_accounted",
                "cents paid, by the growth of sum(W_YTD)",
                &WAREHOUSE_YTD,
                Amount::PaidCents,
            ),
            deliveries_accounted(moved(&DELIVERIES), counted),
        ]
    }
}

/// New-Orders committed per minute; `None` of a load that has no such transactions.
pub(crate) fn tpmc(report: &LoadReport) -> Option<f64> {
    let new_orders = report.transactions.iter().find(|t| t.name == Kind::NewOrder.name())?;
    Some(report.throughput(new_orders) * 60.0 * committed_share(new_orders))
}

/// The share of New-Orders that committed, of those that ended well: throughput counts the ones
/// that rolled back as meant to, tpmC does not.
fn committed_share(new_orders: &TransactionReport) -> f64 {
    let ended = new_orders.committed + new_orders.rolled_back;
    if ended == 0 { 0.0 } else { new_orders.committed as f64 / ended as f64 }
}

/// Skipped districts are told too: 2.7.4.2 wants them reported above 1 %.
fn deliveries_accounted(moved: i64, counted: &BTreeMap<&'static str, i64>) -> Check {
    let what = "delivered orders, by the growth of sum(C_DELIVERY_CNT)";
    let mut check =
        effects::check("tpcc_deliveries_accounted", what, moved, counted, Amount::DeliveredOrders);
    let [skipped, _] = effects::of(counted, Amount::SkippedDistricts);
    check.detail.push_str(&format!("; {skipped} districts were skipped for want of an order"));
    check
}

/// The workload of one case.
struct TpccWorkload {
    warehouses: u32,
    think_times: bool,
    constants: RunConstants,
    statements: Vec<Statement>,
    said: Said,
    effects: Mutex<Vec<Arc<ClientEffects>>>,
}

impl TpccWorkload {
    fn effects(&self) -> std::sync::MutexGuard<'_, Vec<Arc<ClientEffects>>> {
        self.effects.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Workload for TpccWorkload {
    fn transactions(&self) -> &[&'static str] {
        &NAMES
    }

    fn statements(&self) -> &[Statement] {
        &self.statements
    }

    fn client(&self, index: u32, rng: Rng) -> Box<dyn AnyClient> {
        let effects = Arc::<ClientEffects>::default();
        self.effects().push(Arc::clone(&effects));
        let terminal = Terminal::new(index, self.warehouses, self.constants, rng);
        Box::new(TpccClient::new(terminal, self.think_times, self.said, effects))
    }

    fn counted(&self) -> BTreeMap<&'static str, i64> {
        effects::counted(self.effects().iter().map(Arc::as_ref))
    }
}
