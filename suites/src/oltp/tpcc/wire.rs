//! What goes over the wire: a session that records statements and answers them with set rows.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod forms;

use std::collections::VecDeque;
use std::task::{Context, Poll};

use async_trait::async_trait;
use dbdyno_core::load::{AnyClient, Outcome, Workload};
use dbdyno_core::random::Rng;
use dbdyno_core::{
    DbError, Decimal, ErrorClass, NativeSql, Request, Row, RowVisitor, Scale, Session, Statement,
    StatementId, Timestamp, Value,
};

use super::deck::NAMES;
use super::{Amount, Tpcc, effects};
use crate::benchmark::{LoadBenchmark, State, WorkloadContext};

/// Records what it is sent, one line each.
struct Wire {
    statements: Vec<Statement>,
    sent: Vec<String>,
    commit: Result<(), DbError>,
    /// The order that each district delivers next; none where all are delivered.
    oldest: Option<i64>,
    /// Whether requests are made before the answers to earlier ones. A line `~` follows those that
    /// were sent together.
    pipelines: bool,
    unsent: bool,
    answers: VecDeque<Result<Answered, DbError>>,
}

/// Rows, or how many were matched.
enum Answered {
    Rows(Vec<Vec<Value<'static>>>),
    Matched(u64),
}

impl Wire {
    fn new(workload: &dyn Workload) -> Self {
        let statements = workload.statements().to_vec();
        Self {
            statements,
            sent: Vec::new(),
            commit: Ok(()),
            oldest: Some(2_101),
            pipelines: false,
            unsent: false,
            answers: VecDeque::new(),
        }
    }

    fn record(&mut self, id: StatementId, params: &[Value<'_>]) {
        let statement = &self.statements[id];
        let placeholders = statement.sql.matches('?').count();
        assert_eq!(placeholders, params.len(), "{}", statement.name);
        let params: Vec<_> = params.iter().map(plain).collect();
        self.sent.push(format!("{} [{}]", statement.name, params.join(", ")));
    }

    /// The rows that answer a query.
    fn answer(&self, id: StatementId, params: &[Value<'_>]) -> Vec<Vec<Value<'static>>> {
        let cents = |cents| Value::Decimal(Decimal::cents(cents));
        let rate = |rate| Value::Decimal(Decimal::new(rate, 4));
        let (int, text, when) = (Value::Int, Value::Text, Value::Timestamp(Timestamp(0)));
        match self.statements[id].name {
            "new_order_select_warehouse" => vec![vec![rate(1_000)]],
            "new_order_select_customer" => vec![vec![rate(500), text("BAR"), text("GC")]],
            "new_order_select_district" => vec![vec![int(3_001), rate(1_000)]],
            "new_order_select_item" if params[0] == Value::Int(100_001) => vec![],
            "new_order_select_item" => vec![vec![cents(250), text("item"), text("xORIGINALx")]],
            name if name.starts_with("new_order_select_stock_") => {
                vec![vec![int(15), text("information about district"), text("ORIGINAL")]]
            }
            "payment_select_warehouse" => vec![[text("W-NAME")].repeat(6)],
            "payment_select_district" => vec![[text("D-NAME")].repeat(6)],
            "select_customers_by_last_name" => [11, 12, 13, 14].map(|id| vec![int(id)]).into(),
            "payment_select_customer" => {
                let credit = if params[2] == Value::Int(12) { "BC" } else { "GC" };
                let mut row = [text("x")].repeat(9);
                row.extend([text(credit), when, cents(5_000_000), rate(500), cents(-1_000)]);
                vec![row]
            }
            "payment_select_customer_data" => vec![vec![text("old data")]],
            "order_status_select_customer" => {
                vec![vec![cents(-1_000), text("a"), text("OE"), text("BAR")]]
            }
            "order_status_select_last_order" => vec![vec![int(2_500), when, Value::Null]],
            "order_status_select_order_lines" => {
                vec![vec![int(1), int(1), int(5), cents(999), Value::Null]; 2]
            }
            "delivery_select_oldest_new_order" => {
                self.oldest.map(|o_id| vec![int(o_id)]).into_iter().collect()
            }
            "delivery_select_order" => vec![vec![int(77)]],
            "delivery_sum_order_lines" => vec![vec![cents(12_345)]],
            "stock_level_select_district" => vec![vec![int(3_001)]],
            "stock_level_count_low_stock" => vec![vec![int(4)]],
            name => forms::answer(name, params, self.oldest),
        }
    }
}

#[async_trait]
impl Session for Wire {
    async fn prepare(&mut self, _statements: &[Statement]) -> Result<(), DbError> {
        Ok(())
    }

    async fn rollback(&mut self) -> Result<(), DbError> {
        assert!(self.answers.is_empty(), "answers were left unread");
        self.sent.push("ROLLBACK".to_owned());
        Ok(())
    }

    async fn run_sql(&mut self, sql: &str) -> Result<u64, DbError> {
        panic!("clients send prepared statements only, not {sql}")
    }

    async fn query_sql(&mut self, sql: &str, _visit: &mut RowVisitor<'_>) -> Result<u64, DbError> {
        panic!("clients send prepared statements only, not {sql}")
    }

    fn pipelines(&self) -> bool {
        self.pipelines
    }

    fn request(&mut self, request: Request<'_>) {
        let answer = match request {
            Request::Begin(access) => {
                self.sent.push(format!("BEGIN {access:?}"));
                Ok(Answered::Matched(0))
            }
            Request::Commit => {
                self.sent.push("COMMIT".to_owned());
                self.commit.clone().map(|()| Answered::Matched(0))
            }
            Request::Run(id, params) => {
                self.record(id, params);
                let Statement { name, sql } = &self.statements[id];
                let answers = sql.trim_start_matches('(').starts_with("SELECT");
                Ok(if answers || sql.contains("RETURNING") {
                    Answered::Rows(self.answer(id, params))
                } else {
                    Answered::Matched(forms::matched(name, params))
                })
            }
        };
        assert!(self.pipelines || self.answers.is_empty(), "an answer was not waited for");
        self.unsent = self.pipelines;
        self.answers.push_back(answer);
    }

    fn poll_answer(
        &mut self,
        _context: &mut Context<'_>,
        visit: &mut RowVisitor<'_>,
    ) -> Poll<Result<u64, DbError>> {
        if std::mem::take(&mut self.unsent) {
            self.sent.push("~".to_owned());
        }
        Poll::Ready(match self.answers.pop_front().unwrap() {
            Ok(Answered::Rows(rows)) => {
                rows.iter().try_for_each(|row| visit(&Answer(row))).map(|()| rows.len() as u64)
            }
            Ok(Answered::Matched(rows)) => Ok(rows),
            Err(why) => {
                self.answers.clear();
                Err(why)
            }
        })
    }
}

struct Answer<'r>(&'r [Value<'static>]);

impl Row for Answer<'_> {
    fn value(&self, index: usize) -> Result<Value<'_>, DbError> {
        self.0.get(index).copied().ok_or_else(|| DbError::unexpected(format!("no column {index}")))
    }
}

/// A parameter as the snapshots show it; the clock's time is not the same twice.
fn plain(value: &Value<'_>) -> String {
    match value {
        Value::Int(int) => int.to_string(),
        Value::Decimal(decimal) => decimal.to_string(),
        Value::Text(text) => format!("'{text}'"),
        Value::Timestamp(_) => "now".to_owned(),
        Value::Ints(ints) => format!("{ints:?}"),
        other => panic!("{other:?} is no parameter of TPC-C"),
    }
}

fn workload(think_times: bool) -> std::sync::Arc<dyn Workload> {
    let context = WorkloadContext {
        scale: Scale::whole(3),
        clients: 2,
        think_times,
        ..WorkloadContext::default()
    };
    Tpcc.workload(&context, &State::default())
}

fn said(native: Option<NativeSql>) -> std::sync::Arc<dyn Workload> {
    let context = WorkloadContext {
        scale: Scale::whole(3),
        clients: 2,
        native,
        ..WorkloadContext::default()
    };
    Tpcc.workload(&context, &State::default())
}

fn client(workload: &dyn Workload, seed: u64) -> Box<dyn AnyClient> {
    workload.client(0, Rng::new(seed, &[0]))
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

/// Draws until `wanted` of what a transaction sends is met, and gives that.
fn find(transaction: &str, seed: u64, wanted: impl Fn(&[String], Outcome) -> bool) -> String {
    find_said(transaction, seed, (None, false), wanted)
}

/// The same, said natively and sent together or not.
fn find_said(
    transaction: &str,
    seed: u64,
    (native, pipelines): (Option<NativeSql>, bool),
    wanted: impl Fn(&[String], Outcome) -> bool,
) -> String {
    let workload = said(native);
    let mut client = client(workload.as_ref(), seed);
    for _ in 0..10_000 {
        let draw = client.draw();
        if NAMES[draw.transaction] != transaction {
            continue;
        }
        let mut wire = Wire { pipelines, ..Wire::new(workload.as_ref()) };
        let outcome = block_on(client.run(&mut wire)).unwrap();
        if wanted(&wire.sent, outcome) {
            return wire.sent.join("\n");
        }
    }
    panic!("no such {transaction} in 10,000 draws");
}

fn contains(sent: &[String], statement: &str) -> bool {
    sent.iter().any(|line| line.starts_with(statement))
}

#[test]
fn a_new_order() {
    let sent = find("new_order", 1, |sent, outcome| {
        outcome == Outcome::Committed
            && sent.iter().filter(|line| line.starts_with("new_order_insert_order_line")).count()
                == 5
    });
    insta::assert_snapshot!("new_order", sent);
}

#[test]
fn a_new_order_that_rolls_back_does_all_its_work_before() {
    let sent = find("new_order", 2, |_, outcome| outcome == Outcome::RolledBack);
    let lines: Vec<_> = sent.lines().collect();
    let [.., last_line, item, end] = lines.as_slice() else { panic!("{sent}") };
    assert!(last_line.starts_with("new_order_insert_order_line"), "{sent}");
    assert_eq!((*item, *end), ("new_order_select_item [100001]", "ROLLBACK"));
    assert!((4..=14).contains(&sent.matches("new_order_update_stock").count()), "{sent}");
}

#[test]
fn a_remote_line_counts_as_remote() {
    let sent = find("new_order", 3, |sent, _| {
        sent.iter()
            .any(|line| line.starts_with("new_order_insert_order [") && line.ends_with(", 0]"))
    });
    let updates: Vec<_> =
        sent.lines().filter(|line| line.starts_with("new_order_update_stock")).collect();
    let mut remote = 0;
    for update in updates {
        let params: Vec<_> = update.split(['[', ']', ',']).map(str::trim).collect();
        // s_remote_cnt and s_w_id; the terminal's home is warehouse 1.
        assert_eq!(params[3] == "1", params[4] != "1", "{update}");
        remote += u32::from(params[3] == "1");
    }
    assert!(remote > 0, "{sent}");
}

#[test]
fn a_payment_by_name_with_bad_credit() {
    let sent = find("payment", 4, |sent, _| {
        contains(sent, "select_customers_by_last_name")
            && contains(sent, "payment_update_bad_credit_customer")
    });
    insta::assert_snapshot!("payment_bad_credit", sent);
}

#[test]
fn a_payment_by_number_with_good_credit() {
    let sent = find("payment", 5, |sent, _| !contains(sent, "select_customers_by_last_name"));
    insta::assert_snapshot!("payment_by_number", sent);
}

#[test]
fn an_order_status() {
    insta::assert_snapshot!("order_status", find("order_status", 6, |_, _| true));
}

#[test]
fn a_delivery() {
    insta::assert_snapshot!("delivery", find("delivery", 7, |_, _| true));
}

#[test]
fn a_stock_level() {
    insta::assert_snapshot!("stock_level", find("stock_level", 8, |_, _| true));
}

#[test]
fn a_district_without_orders_is_skipped_and_counted() {
    for (native, pipelines) in forms::every_way() {
        let workload = said(native);
        let mut client = client(workload.as_ref(), 1);
        while NAMES[client.draw().transaction] != "delivery" {}
        let mut wire = Wire { oldest: None, pipelines, ..Wire::new(workload.as_ref()) };
        assert_eq!(block_on(client.run(&mut wire)).unwrap(), Outcome::Committed);
        assert!(!contains(&wire.sent, "delivery_update"));
        let counted = workload.counted();
        assert_eq!(effects::of(&counted, Amount::SkippedDistricts), [10, 0]);
        assert_eq!(effects::of(&counted, Amount::DeliveredOrders), [0, 0]);
    }
}

#[test]
fn the_same_seed_sends_the_same() {
    let everything = |seed| {
        let workload = workload(false);
        let (mut client, mut wire) =
            (client(workload.as_ref(), seed), Wire::new(workload.as_ref()));
        for _ in 0..200 {
            client.draw();
            block_on(client.run(&mut wire)).unwrap();
        }
        wire.sent
    };
    assert_eq!(everything(9), everything(9));
    assert_ne!(everything(9), everything(10));
}

#[test]
fn a_retry_repeats_the_inputs() {
    let workload = workload(false);
    let mut client = client(workload.as_ref(), 11);
    for _ in 0..100 {
        client.draw();
        let [first, again] = [0, 1].map(|_| {
            let mut wire = Wire::new(workload.as_ref());
            block_on(client.run(&mut wire)).unwrap();
            wire.sent
        });
        assert_eq!(first, again);
    }
}

#[test]
fn effects_count_by_how_the_commit_ended() {
    let lost = DbError::new(ErrorClass::Disconnected, None, "gone").during_commit();
    let refused = DbError::new(ErrorClass::Serialization, None, "again");
    for (native, pipelines) in forms::every_way() {
        let workload = said(native);
        let mut client = client(workload.as_ref(), 12);
        while NAMES[client.draw().transaction] != "delivery" {}
        for commit in [Ok(()), Err(lost.clone()), Err(refused.clone()), Ok(())] {
            let mut wire = Wire { commit, pipelines, ..Wire::new(workload.as_ref()) };
            let _ = block_on(client.run(&mut wire));
        }
        assert_eq!(effects::of(&workload.counted(), Amount::DeliveredOrders), [20, 10]);
    }
}

#[test]
fn users_type_and_think_only_when_asked_to() {
    for think_times in [false, true] {
        let workload = workload(think_times);
        let mut client = client(workload.as_ref(), 13);
        for _ in 0..100 {
            let draw = client.draw();
            let expected = [18, 3, 2, 2, 2][draw.transaction] * u64::from(think_times);
            assert_eq!(draw.keying_time.as_secs(), expected);
            assert_eq!(!client.think_time().is_zero(), think_times);
        }
    }
}
