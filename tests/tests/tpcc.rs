//! TPC-C on real engines: the twelve consistency conditions hold on what is loaded and after load,
//! the clients' counts balance with the tables, and each condition notices what breaks it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use dbdyno_core::load::{
    Arrival, Length, LoadPlan, LoadReport, Outcome, RetryPolicy, Tally, Workload, run_load,
};
use dbdyno_core::random::Rng;
use dbdyno_core::{Access, Driver, Isolation, Scale, Session, SessionOptions, Stop};
use dbdyno_datasets::{Silent, Wanted, prepare};
use dbdyno_suites::{Benchmark, Check, LoadBenchmark, State, WorkloadContext, oltp};
use dbdyno_tests::{Kept, left_out, runtime, target};
use tokio::runtime::Runtime;

const SEED: u64 = 5;
const SCALE: Scale = Scale::ONE;

/// What breaks one condition: the statement, every condition that it breaks, and what the first of
/// them says.
const BREAKS: [(&str, &[u32], &str); 13] = [
    (
        "UPDATE district SET d_ytd = d_ytd + 0.01 WHERE d_w_id = 1 AND d_id = 3",
        &[1, 9],
        "broken by 1 warehouses, first warehouse 1",
    ),
    (
        "UPDATE district SET d_next_o_id = d_next_o_id + 1 WHERE d_w_id = 1 AND d_id = 4",
        &[2],
        "broken by 1 districts, first warehouse 1, district 4",
    ),
    (
        "DELETE FROM new_order WHERE no_w_id = 1 AND no_d_id = 5 AND no_o_id = 2950",
        &[3, 5, 11],
        "broken by 1 districts, first warehouse 1, district 5",
    ),
    (
        "DELETE FROM order_line WHERE ol_w_id = 1 AND ol_d_id = 6 AND ol_o_id = 10 \
         AND ol_number = 2",
        &[4, 6],
        "broken by 1 districts, first warehouse 1, district 6",
    ),
    (
        "UPDATE orders SET o_carrier_id = NULL WHERE o_w_id = 1 AND o_d_id = 7 \
         AND o_id IN (20, 10)",
        &[5, 7],
        "broken by 2 orders, first warehouse 1, district 7, order 10",
    ),
    (
        "UPDATE orders SET o_ol_cnt = o_ol_cnt + CASE WHEN o_id = 10 THEN 1 ELSE -1 END \
         WHERE o_w_id = 1 AND o_d_id = 8 AND o_id IN (10, 11)",
        &[6],
        "broken by 2 orders, first warehouse 1, district 8, order 10",
    ),
    (
        "UPDATE order_line SET ol_delivery_d = NULL WHERE ol_w_id = 1 AND ol_d_id = 9 \
         AND ol_o_id = 10 AND ol_number = 2",
        &[7],
        "broken by 1 orders, first warehouse 1, district 9, order 10",
    ),
    (
        "UPDATE warehouse SET w_ytd = w_ytd + 0.01 WHERE w_id = 1",
        &[1, 8],
        "broken by 1 warehouses, first warehouse 1",
    ),
    (
        "UPDATE district SET d_ytd = d_ytd + CASE WHEN d_id = 2 THEN 1 ELSE -1 END \
         WHERE d_w_id = 1 AND d_id IN (2, 10)",
        &[9],
        "broken by 2 districts, first warehouse 1, district 2",
    ),
    (
        "UPDATE customer SET c_balance = c_balance + 0.01, c_ytd_payment = c_ytd_payment - 0.01 \
         WHERE c_w_id = 1 AND c_d_id = 10 AND c_id = 2999",
        &[10],
        "broken by 1 customers, first warehouse 1, district 10, customer 2999",
    ),
    (
        "UPDATE customer SET c_delivery_cnt = c_delivery_cnt + 1 \
         WHERE c_w_id = 1 AND c_d_id = 2 AND c_id = 3",
        &[11],
        "broken by 1 districts, first warehouse 1, district 2",
    ),
    (
        "UPDATE customer SET c_ytd_payment = c_ytd_payment + 0.01 \
         WHERE c_w_id = 1 AND c_d_id = 2 AND c_id = 3",
        &[12],
        "broken by 1 customers, first warehouse 1, district 2, customer 3",
    ),
    // A payment that vanished from history.
    (
        "DELETE FROM history WHERE h_c_w_id = 1 AND h_c_d_id = 4 AND h_c_id = 2998",
        &[8, 9, 10],
        "broken by 1 warehouses, first warehouse 1",
    ),
];

#[test]
fn sqlite() {
    on_engine("sqlite");
}

#[test]
fn postgres() {
    on_engine("postgres");
}

#[test]
fn mariadb() {
    on_engine("mariadb");
}

fn on_engine(engine: &str) {
    if left_out(engine) {
        return;
    }
    let runtime = runtime();
    let bench = Bench::load(&runtime, engine);
    let mut session = bench.session(&runtime, bench.driver.default_isolation());
    let loaded = bench.consistent_state(&runtime, session.as_mut());

    let (tally, counted) = bench.run_alone(&runtime, session.as_mut(), &loaded, 1_000);
    let after = bench.consistent_state(&runtime, session.as_mut());
    bench.assert_accounts(&loaded, &after, &counted, &tally);

    let mut before = after;
    for level in Isolation::ALL {
        if bench.driver.isolation(level).is_native() {
            let (tally, counted) = bench.run_together(level, &before);
            let after = bench.consistent_state(&runtime, session.as_mut());
            bench.assert_accounts(&before, &after, &counted, &tally);
            before = after;
        }
    }
    bench.assert_breaks_are_noticed(&runtime, session.as_mut());
}

/// TPC-C loaded on a target.
struct Bench {
    driver: Arc<dyn Driver>,
    tpcc: Box<dyn Benchmark>,
}

impl Bench {
    fn load(runtime: &Runtime, engine: &str) -> Self {
        let driver = target(runtime, engine);
        let tpcc = oltp::benchmarks().into_iter().find(|found| found.name() == "tpcc").unwrap();
        runtime
            .block_on(prepare(
                driver.as_ref(),
                tpcc.dataset(),
                Wanted::new(SCALE, SEED),
                false,
                &Silent,
                &Stop::default(),
            ))
            .unwrap();
        Self { driver, tpcc }
    }

    fn tpcc(&self) -> &dyn LoadBenchmark {
        self.tpcc.procedure().load().unwrap()
    }

    fn options(&self, isolation: Isolation) -> SessionOptions {
        SessionOptions {
            namespace: Some(self.tpcc.dataset().namespace()),
            isolation: Some(isolation),
            ..SessionOptions::default()
        }
    }

    fn session(&self, runtime: &Runtime, isolation: Isolation) -> Box<dyn Session> {
        runtime.block_on(self.driver.connect(&self.options(isolation))).unwrap()
    }

    fn workload(&self, before: &State, clients: u32) -> Arc<dyn Workload> {
        let context =
            WorkloadContext { scale: SCALE, seed: SEED, clients, ..WorkloadContext::default() };
        self.tpcc().workload(&context, before)
    }

    /// The state, in which all twelve conditions must hold.
    fn consistent_state(&self, runtime: &Runtime, session: &mut dyn Session) -> State {
        let began = Instant::now();
        let state = runtime.block_on(self.tpcc().state(session, SCALE)).unwrap();
        eprintln!("{}: state took {:?}", self.driver.engine(), began.elapsed());
        assert_eq!(state.checks.len(), 12);
        assert_all_hold(&state.checks);
        state
    }

    /// Runs transactions one after another: without contention, none may fail.
    fn run_alone(
        &self,
        runtime: &Runtime,
        session: &mut dyn Session,
        before: &State,
        transactions: u32,
    ) -> (Tally, BTreeMap<&'static str, i64>) {
        let workload = self.workload(before, 1);
        let mut client = workload.client(0, Rng::new(SEED, &[0]));
        let mut tally = Tally::default();
        let began = Instant::now();
        runtime.block_on(async {
            session.prepare(workload.statements()).await.unwrap();
            for _ in 0..transactions {
                let draw = client.draw();
                let outcome = client.run(session).await.unwrap();
                count(&mut tally, workload.transactions()[draw.transaction], outcome);
            }
        });
        let engine = self.driver.engine();
        eprintln!("{engine}: {transactions} transactions took {:?}", began.elapsed());
        let names = ["new_order", "payment", "order_status", "delivery", "stock_level"];
        assert!(names.iter().all(|name| tally.of(name).committed > 0), "{tally:?}");
        assert!(tally.of("new_order").rolled_back > 0, "{tally:?}");
        (tally, workload.counted())
    }

    /// Runs clients beside each other on the same warehouse. They may fail only where the engine
    /// asks for a retry.
    fn run_together(
        &self,
        isolation: Isolation,
        before: &State,
    ) -> (Tally, BTreeMap<&'static str, i64>) {
        let plan = LoadPlan {
            clients: 4,
            warmup: Duration::ZERO,
            length: Length::Transactions(400),
            arrival: Arrival::Closed,
            retry: RetryPolicy::default(),
            seed: SEED,
            repetition: isolation as u32 + 1,
            reconnect_limit: Duration::from_secs(30),
            drain_limit: Duration::from_secs(30),
        };
        let workload = self.workload(before, plan.clients);
        let report = run_load(
            &self.driver,
            &workload,
            self.options(isolation),
            plan,
            &Kept::default(),
            &Stop::default(),
        )
        .unwrap();
        let retries: u64 = report.retries.iter().map(|retry| retry.count).sum();
        eprintln!("{}: {isolation}: {retries} retries", self.driver.engine());
        for error in &report.errors {
            assert!(error.class.is_retryable(), "{isolation}: {error:?}");
        }
        self.assert_tpmc(&report);
        (report.tally, workload.counted())
    }

    fn assert_tpmc(&self, report: &LoadReport) {
        let metrics = self.tpcc().metrics(
            report,
            &WorkloadContext::default(),
            &State::default(),
            &State::default(),
        );
        assert_eq!(metrics.len(), 1);
        assert_eq!((metrics[0].metric.as_str(), metrics[0].unit), ("tpmc", "1/min"));
        let committed = report.tally.of("new_order").committed as f64;
        let expected = committed / report.window.as_secs_f64() * 60.0;
        let found = metrics[0].value.unwrap();
        assert!((found / expected - 1.0).abs() < 0.05, "{found} {expected}");
    }

    fn assert_accounts(
        &self,
        before: &State,
        after: &State,
        counted: &BTreeMap<&'static str, i64>,
        tally: &Tally,
    ) {
        let checks = self.tpcc().account(before, after, counted, tally);
        assert_all_hold(&checks);
        for kind in ["new_order", "payment"] {
            let mut claimed = tally.clone();
            claimed.transactions.get_mut(kind).unwrap().committed += 1;
            let broken = failed(&self.tpcc().account(before, after, counted, &claimed));
            assert_eq!(broken, [format!("tpcc_{kind}s_accounted")]);
        }
        for (amount, check) in [
            ("order_lines", "tpcc_order_lines_accounted"),
            ("ordered_items", "tpcc_stock_accounted"),
            ("paid_cents", "tpcc_payment_amounts_accounted"),
            ("delivered_orders", "tpcc_deliveries_accounted"),
        ] {
            let mut claimed = counted.clone();
            *claimed.get_mut(amount).unwrap() -= 1;
            let broken = failed(&self.tpcc().account(before, after, &claimed, tally));
            assert_eq!(broken, [check]);
        }
    }

    /// Breaks conditions by hand, looks, and takes it back by rolling back.
    fn assert_breaks_are_noticed(&self, runtime: &Runtime, session: &mut dyn Session) {
        for (sql, conditions, told) in BREAKS {
            let checks = runtime.block_on(async {
                session.begin(Access::Write).await.unwrap();
                assert!(session.run_sql(sql).await.unwrap() > 0, "changed nothing: {sql}");
                let state = self.tpcc().state(session, SCALE).await.unwrap();
                session.rollback().await.unwrap();
                state.checks
            });
            let expected: Vec<_> =
                conditions.iter().map(|number| format!("tpcc_3_3_2_{number}")).collect();
            assert_eq!(failed(&checks), expected, "{sql}");
            let detail = &checks.iter().find(|check| !check.held).unwrap().detail;
            assert!(detail.ends_with(told), "{sql}: {detail}");
        }
        for number in 1..=12 {
            assert!(BREAKS.iter().any(|(_, conditions, _)| conditions[0] == number), "{number}");
        }
        self.consistent_state(runtime, session);
    }
}

fn count(tally: &mut Tally, name: &'static str, outcome: Outcome) {
    let entry = tally.transactions.entry(name).or_default();
    match outcome {
        Outcome::Committed => entry.committed += 1,
        Outcome::RolledBack => entry.rolled_back += 1,
    }
}

fn failed(checks: &[Check]) -> Vec<String> {
    checks.iter().filter(|check| !check.held).map(|check| check.name.clone()).collect()
}

fn assert_all_hold(checks: &[Check]) {
    let broken: Vec<_> = checks.iter().filter(|check| !check.held).collect();
    assert!(broken.is_empty(), "{broken:#?}");
}
