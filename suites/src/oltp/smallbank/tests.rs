#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use std::collections::HashMap;

use dbdyno_core::load::Outcome;
use dbdyno_core::{Decimal, ErrorClass, NativeSql, Scale, Value};

use super::super::recording::{
    Cell, NATIVE, Recording, draw_and_run, native_pages, now, page, pipelined_page, sent,
};
use super::*;

const CUSTOMERS: u64 = 18_000;

fn workload() -> Arc<dyn Workload> {
    said(None)
}

fn said(native: Option<NativeSql>) -> Arc<dyn Workload> {
    let context = WorkloadContext { native, ..WorkloadContext::default() };
    SmallBank.workload(&context, &State::default())
}

/// Every way to say it: portable and as each engine does, one by one and together.
fn every_way() -> impl Iterator<Item = (Option<NativeSql>, bool)> {
    let forms = NATIVE.map(|(_, native)| Some(native)).into_iter().chain([None]);
    forms.flat_map(|form| [(form, false), (form, true)])
}

/// Customers are found under the number that is their name, and have the balances given.
fn bank(
    savings: i64,
    checking: i64,
) -> impl FnMut(&str, &[Value<'_>]) -> Vec<Vec<Cell>> + Clone + Send {
    move |name, params| {
        let account = |name: &Value<'_>| match name {
            Value::Text(name) => vec![Cell::Int(name.parse().unwrap()), Cell::Text((*name).into())],
            other => panic!("{other:?} is no name"),
        };
        let with = |mut row: Vec<Cell>, cents: &[i64]| {
            row.extend(cents.iter().map(|cents| Cell::Cents(*cents)));
            row
        };
        match name {
            "account" => vec![account(&params[0])],
            "accounts" => params.iter().map(account).collect(),
            "accounts_checking" => {
                params.iter().map(|name| with(account(name), &[checking])).collect()
            }
            "account_savings" => vec![with(account(&params[0]), &[savings])],
            "account_balances" => vec![with(account(&params[0]), &[savings, checking])],
            "lock_balances" => vec![with(vec![], &[savings, checking])],
            "deposit_checking" => vec![account(&params[1])[..1].to_vec()],
            "transact_savings" => {
                let Value::Decimal(Decimal { unscaled, .. }) = params[0] else { panic!() };
                vec![with(account(&params[1])[..1].to_vec(), &[savings + unscaled])]
            }
            "savings" | "lock_savings" => vec![vec![Cell::Cents(savings)]],
            _ => vec![vec![Cell::Cents(checking)]],
        }
    }
}

/// Draws until the transaction is of the given type, then runs it.
fn run(
    client: &mut dyn AnyClient,
    session: &mut Recording,
    transaction: &str,
) -> Result<Outcome, DbError> {
    while client::TRANSACTIONS[client.draw().transaction] != transaction {}
    session.lines.clear();
    now(client.run(session))
}

fn total(cents: i64) -> State {
    State { counters: BTreeMap::from([(TOTAL, cents)]), ..State::default() }
}

fn conserved(workload: &dyn Workload, moved: i64) -> bool {
    let counted = workload.counted();
    SmallBank.account(&total(1_000), &total(1_000 + moved), &counted, &Tally::default())[0].held
}

#[test]
fn it_sends_these_statements() {
    let workload = workload();
    let client = |seed| workload.client(0, Rng::new(seed, &[]));
    let mut session = Recording::new(&*workload, bank(1_000_000, 1_000_000));
    insta::assert_snapshot!(page(&*workload, &mut *client(1), &mut session, 1));
    let first = sent(&mut *client(1), &mut session, 200);
    assert_eq!(sent(&mut *client(1), &mut session, 200), first);
    assert_ne!(sent(&mut *client(2), &mut session, 200), first);
}

#[test]
fn it_sends_these_native_statements_and_batches() {
    let bank = bank(1_000_000, 1_000_000);
    insta::assert_snapshot!("pipelined", pipelined_page(&*workload(), bank.clone(), 1));
    let pages = native_pages(said, bank, 1);
    let engines: Vec<&str> = pages.iter().map(|(engine, _)| *engine).collect();
    assert_eq!(engines, ["postgres", "mysql"], "SQLite says it as PostgreSQL does");
    for (engine, page) in pages {
        insta::assert_snapshot!(format!("native_{engine}"), page);
    }
}

#[test]
fn every_way_moves_the_same() {
    let moved = |(native, pipelines): (Option<NativeSql>, bool)| {
        let workload = said(native);
        let mut client = workload.client(0, Rng::new(5, &[]));
        let mut session = Recording::new(&*workload, bank(2_019, 510));
        session.pipelines = pipelines;
        let outcomes: Vec<Outcome> =
            (0..200).map(|_| draw_and_run(&mut *client, &mut session).1.unwrap()).collect();
        assert!(outcomes.contains(&Outcome::RolledBack));
        (outcomes, workload.counted(), workload.witnessed())
    };
    let portable = moved((None, false));
    for way in every_way() {
        assert_eq!(moved(way), portable, "{way:?}");
    }
}

#[test]
fn the_mix_is_that_of_benchbase_and_customers_are_hot() {
    const DRAWS: u64 = 40_000;
    let workload = workload();
    let mut client = workload.client(0, Rng::new(3, &[]));
    let mut session = Recording::new(&*workload, bank(1_000_000, 1_000_000));
    let mut counts: HashMap<&str, u64> = HashMap::new();
    let mut customers = Vec::new();
    for _ in 0..DRAWS {
        session.lines.clear();
        let (draw, result) = draw_and_run(&mut *client, &mut session);
        result.unwrap();
        *counts.entry(client::TRANSACTIONS[draw.transaction]).or_default() += 1;
        let found: Vec<u64> = (session.lines.iter())
            .filter(|line| line.starts_with("account"))
            .map(|line| line.split('\'').nth(1).unwrap().to_owned())
            .map(|name| name.parse().unwrap())
            .collect();
        let both = matches!(client::TRANSACTIONS[draw.transaction], "amalgamate" | "send_payment");
        assert_eq!(found.len(), 1 + usize::from(both));
        assert!(!both || found[0] != found[1], "{found:?}");
        customers.extend(found);
    }
    for transaction in client::TRANSACTIONS {
        let percent = if transaction == "send_payment" { 25 } else { 15 };
        let expected = DRAWS * percent / 100;
        let drawn = counts[transaction];
        assert!(drawn.abs_diff(expected) < 400, "{transaction}: {drawn} for {expected}");
    }
    let share = |hot: u64| {
        customers.iter().filter(|number| **number < hot).count() as f64 / customers.len() as f64
    };
    assert!((share(1_000) - 0.9).abs() < 0.01, "{}", share(1_000));
    assert!((share(500) - 0.45).abs() < 0.01, "{}", share(500));
    assert!(customers.iter().all(|number| *number < CUSTOMERS));
    assert!(customers.iter().any(|number| *number > CUSTOMERS - 100));
}

#[test]
fn short_funds_roll_back() {
    let workload = workload();
    let mut client = workload.client(0, Rng::new(3, &[]));
    let mut session = Recording::new(&*workload, bank(2_019, 499));
    let mut ends = BTreeMap::new();
    for _ in 0..100 {
        let (draw, result) = draw_and_run(&mut *client, &mut session);
        let transaction = client::TRANSACTIONS[draw.transaction];
        let lines = std::mem::take(&mut session.lines);
        let outcome = result.unwrap();
        assert_eq!(outcome == Outcome::RolledBack, lines.last().unwrap() == "rollback");
        assert!(outcome == Outcome::Committed || !lines.iter().any(|l| l.starts_with("add")));
        *ends.entry((transaction, outcome == Outcome::Committed)).or_insert(0) += 1;
    }
    // Deposits go through; withdrawals and payments do not.
    assert!(ends[&("transact_savings", true)] > 0 && ends[&("transact_savings", false)] > 0);
    assert!(ends[&("send_payment", false)] > 0 && !ends.contains_key(&("send_payment", true)));
    let failing: Vec<_> = ends.keys().filter(|(_, committed)| !committed).collect();
    assert_eq!(failing.len(), 2, "{ends:?}");
}

#[test]
fn a_check_without_funds_costs_a_penalty() {
    for (savings, checking, taken, cents) in
        [(250, 249, "add_checking(-6.00, ", -600), (250, 250, "add_checking(-5.00, ", -500)]
    {
        let workload = workload();
        let mut client = workload.client(0, Rng::new(3, &[]));
        let mut session = Recording::new(&*workload, bank(savings, checking));
        run(&mut *client, &mut session, "write_check").unwrap();
        assert!(session.lines.iter().any(|line| line.starts_with(taken)), "{:?}", session.lines);
        assert!(conserved(&*workload, cents));
    }
}

#[test]
fn amalgamate_moves_all_there_is() {
    let workload = workload();
    let mut client = workload.client(0, Rng::new(3, &[]));
    let mut session = Recording::new(&*workload, bank(1_234, -200));
    run(&mut *client, &mut session, "amalgamate").unwrap();
    let added = session.lines.iter().find(|line| line.starts_with("add_checking")).unwrap();
    assert!(added.starts_with("add_checking(10.34, "), "{added}");
    assert!(conserved(&*workload, 0));
}

#[test]
fn money_is_conserved_up_to_unknown_outcomes() {
    for (native, pipelines) in every_way() {
        money_is_conserved(native, pipelines);
    }
}

fn money_is_conserved(native: Option<NativeSql>, pipelines: bool) {
    let workload = said(native);
    let mut client = workload.client(0, Rng::new(3, &[]));
    let mut session = Recording::new(&*workload, bank(1_000_000, 1_000_000));
    session.pipelines = pipelines;
    run(&mut *client, &mut session, "deposit_checking").unwrap();
    run(&mut *client, &mut session, "write_check").unwrap();
    run(&mut *client, &mut session, "balance").unwrap();
    assert!(conserved(&*workload, 130 - 500));
    assert!(!conserved(&*workload, 130 - 499));

    let refused = DbError::new(ErrorClass::Serialization, None, "refused");
    session.fails.insert("commit", refused);
    run(&mut *client, &mut session, "deposit_checking").unwrap_err();
    assert!(conserved(&*workload, 130 - 500) && !conserved(&*workload, 260 - 500));

    let lost = DbError::new(ErrorClass::Disconnected, None, "gone").during_commit();
    session.fails.insert("commit", lost);
    run(&mut *client, &mut session, "deposit_checking").unwrap_err();
    run(&mut *client, &mut session, "write_check").unwrap_err();
    let known = 130 - 500;
    for (moved, held) in
        [(known - 501, false), (known - 500, true), (known + 130, true), (known + 131, false)]
    {
        assert_eq!(conserved(&*workload, moved), held, "{moved}");
    }
}

#[test]
fn the_state_counts_rows_and_money() {
    let mut session = Recording::unprepared(|sql, _| {
        vec![if sql.contains("GROUP BY") {
            vec![Cell::Int(17), Cell::Cents(if sql.contains("savings") { 250 } else { -30 })]
        } else if sql.contains("SUM") {
            vec![Cell::Cents(500), Cell::Cents(-20)]
        } else {
            vec![Cell::Int(if sql.contains("savings") { 17_999 } else { 18_000 })]
        }]
    });
    let state = now(SmallBank.state(&mut session, Scale::ONE)).unwrap();
    assert_eq!(state.counter(TOTAL), 480);
    let names =
        ["savings", "checking"].map(|table| format!("cents in {table} of all custid % 1000 = 17"));
    assert_eq!(state.samples, names.into_iter().zip([250, -30]).collect());
    let failed: Vec<&str> =
        state.checks.iter().filter(|check| !check.held).map(|check| check.name.as_str()).collect();
    assert_eq!(failed, ["savings_row_count"]);
}

#[test]
fn a_lost_transfer_is_noticed() {
    let state = |moves: &BTreeMap<String, Witness>| {
        let cents = |witness: &Witness| match witness {
            Witness::Moved(cents) => 1_000_000 + cents,
            _ => 5,
        };
        let samples = moves.iter().map(|(name, witness)| (name.clone(), cents(witness))).collect();
        State { samples, ..State::default() }
    };
    let transactions = ["amalgamate", "send_payment"];
    for (transaction, (native, pipelines)) in transactions
        .into_iter()
        .flat_map(|transaction| every_way().map(move |way| (transaction, way)))
    {
        let workload = said(native);
        let mut client = workload.client(0, Rng::new(3, &[]));
        let mut session = Recording::new(&*workload, bank(1_234, 1_000));
        session.pipelines = pipelines;
        run(&mut *client, &mut session, transaction).unwrap();
        let witnessed = workload.witnessed();
        let mut moved: Vec<i64> = (witnessed.values())
            .map(|witness| match witness {
                Witness::Moved(cents) => *cents,
                other => panic!("{other:?}"),
            })
            .collect();
        moved.sort_unstable();
        let expected: &[i64] =
            if transaction == "amalgamate" { &[-1_234, -1_000, 2_234] } else { &[-500, 500] };
        assert_eq!(moved, expected);

        let still = witnessed.keys().map(|name| (name.clone(), Witness::Moved(0))).collect();
        let (before, after) = (state(&still), state(&witnessed));
        assert!(SmallBank.account_samples(&before, &after, &witnessed)[0].held);
        assert!(!SmallBank.account_samples(&before, &before, &witnessed)[0].held);

        // What may have moved or not is left out.
        let lost = DbError::new(ErrorClass::Disconnected, None, "gone").during_commit();
        session.fails.insert("commit", lost);
        now(client.run(&mut session)).unwrap_err();
        let witnessed = workload.witnessed();
        assert!(witnessed.values().all(|witness| *witness == Witness::Unknown));
        assert!(SmallBank.account_samples(&before, &before, &witnessed)[0].held);
    }
}
