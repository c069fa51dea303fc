#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use std::collections::HashMap;

use dbdyno_core::load::TallyEntry;
use dbdyno_core::{ErrorClass, NativeSql, Scale, Value};
use dbdyno_datasets::ycsb::write_key;

use super::super::recording::{
    Cell, NATIVE, Recording, draw_and_run, native_pages, now, page, pipelined_page, sent,
};
use super::*;

const ALL: [Ycsb; 6] = [A, B, C, D, E, F];
const RECORDS: u64 = 10_000;

fn workload(benchmark: Ycsb) -> Arc<dyn Workload> {
    said(benchmark, None)
}

fn said(benchmark: Ycsb, native: Option<NativeSql>) -> Arc<dyn Workload> {
    let context = WorkloadContext { native, ..WorkloadContext::default() };
    benchmark.workload(&context, &State::default())
}

/// The record asked for, as if it were there.
fn found(name: &str, params: &[Value<'_>]) -> Vec<Vec<Cell>> {
    let place = usize::from(name.starts_with("update"));
    let Value::Text(key) = params[place] else { return vec![] };
    vec![vec![Cell::Text(key.into()); 11]]
}

fn refused(class: ErrorClass) -> DbError {
    DbError::new(class, None, "refused")
}

/// The keys that requests of one name asked for, by how often.
fn keys(lines: &[String], name: &str) -> HashMap<String, u64> {
    let mut keys = HashMap::new();
    for line in lines {
        if let Some(params) = line.strip_prefix(name).and_then(|rest| rest.strip_prefix("('")) {
            *keys.entry(params.split('\'').next().unwrap().to_owned()).or_insert(0) += 1;
        }
    }
    keys
}

fn key(number: u64) -> String {
    let mut key = String::new();
    write_key(number, &mut key);
    key
}

#[test]
fn each_workload_sends_these_statements() {
    for benchmark in ALL {
        // New keys are counted by the workload, so each client here has one of its own.
        let first = workload(benchmark);
        let mut session = Recording::new(&*first, found);
        let mut client = first.client(0, Rng::new(1, &[]));
        insta::assert_snapshot!(benchmark.name, page(&*first, &mut *client, &mut session, 2));
        let mut send = |seed| {
            let mut client = workload(benchmark).client(0, Rng::new(seed, &[]));
            sent(&mut *client, &mut session, 100)
        };
        let lines = send(1);
        assert_eq!(send(1), lines, "{}", benchmark.name);
        assert_ne!(send(2), lines, "{}", benchmark.name);
    }
}

#[test]
fn a_read_modify_write_is_one_batch_or_one_statement() {
    insta::assert_snapshot!("pipelined", pipelined_page(&*workload(F), found, 1));
    for benchmark in ALL {
        let pages = native_pages(|native| said(benchmark, native), found, 1);
        match pages.as_slice() {
            [] => assert_ne!(benchmark.name, "ycsb-f"),
            [("postgres", page)] => insta::assert_snapshot!("native_postgres", page),
            other => panic!("{}: {other:?}", benchmark.name),
        }
    }
}

#[test]
fn a_record_that_cannot_be_read_was_written_nevertheless() {
    let written = |native, pipelines| {
        let workload = said(F, native);
        let mut session = Recording::new(&*workload, |_, _| vec![vec![Cell::Text("short".into())]]);
        session.pipelines = pipelines;
        let mut client = workload.client(0, Rng::new(3, &[]));
        let writes = (0..500).map(|_| draw_and_run(&mut *client, &mut session));
        let errors: Vec<_> =
            writes.filter(|(draw, _)| draw.transaction == 1).map(|(_, r)| r.unwrap_err()).collect();
        let said = "the transaction had been committed by then";
        assert!(errors.iter().all(|e| e.outcome_unknown == e.message.contains(said)), "{errors:?}");
        let unknown = |witness: &Witness| matches!(witness, Witness::Written { acknowledged, unknown } if acknowledged.is_empty() && !unknown.is_empty());
        let witnessed = workload.witnessed();
        assert!(witnessed.values().all(unknown), "{witnessed:?}");
        !witnessed.is_empty()
    };
    assert!(!written(None, false));
    assert!(written(None, true));
    let [(_, postgres), ..] = NATIVE;
    assert!(written(Some(postgres), false) && written(Some(postgres), true));
}

#[test]
fn operations_keep_their_proportions() {
    const DRAWS: u64 = 40_000;
    for benchmark in ALL {
        let workload = workload(benchmark);
        let mut client = workload.client(0, Rng::new(3, &[]));
        let mut counts = [0u64; 2];
        for _ in 0..DRAWS {
            counts[client.draw().transaction] += 1;
        }
        for (place, (_, percent)) in benchmark.mix.operations.iter().enumerate() {
            let expected = DRAWS * percent / 100;
            let off = counts[place].abs_diff(expected);
            assert!(off < 500, "{}: {} for {expected}", benchmark.name, counts[place]);
        }
        let shares: u64 = benchmark.mix.operations.iter().map(|(_, share)| share).sum();
        assert_eq!(shares, 100);
        assert_eq!(benchmark.mix.names.len(), benchmark.mix.operations.len());
    }
}

#[test]
fn zipfian_requests_prefer_few_records_anywhere() {
    let workload = workload(C);
    let mut client = workload.client(0, Rng::new(3, &[]));
    let mut session = Recording::new(&*workload, found);
    for _ in 0..50_000 {
        draw_and_run(&mut *client, &mut session).1.unwrap();
    }
    let keys = keys(&session.lines, "read");
    // One in 26.47 requests goes to the most popular item of ten thousand million.
    let most = keys.values().max().unwrap();
    assert!((1_600..2_400).contains(most), "{most}");
    assert!(keys.len() > 4_000, "{}", keys.len());
}

#[test]
fn scans_are_of_1_to_100_records() {
    let workload = workload(E);
    let mut client = workload.client(0, Rng::new(3, &[]));
    let mut session = Recording::new(&*workload, found);
    for _ in 0..5_000 {
        draw_and_run(&mut *client, &mut session).1.unwrap();
    }
    let lengths: Vec<u64> = (session.lines.iter())
        .filter(|line| line.starts_with("scan"))
        .map(|line| line[..line.len() - 1].rsplit(' ').next().unwrap().parse().unwrap())
        .collect();
    assert_eq!((lengths.iter().min(), lengths.iter().max()), (Some(&1), Some(&100)));
    let mean = lengths.iter().sum::<u64>() as f64 / lengths.len() as f64;
    assert!((mean - 50.5).abs() < 2.0, "{mean}");
}

#[test]
fn the_latest_records_are_read_and_never_one_not_yet_there() {
    let workload = workload(D);
    let mut clients: Vec<_> =
        (0..3).map(|i| workload.client(i, Rng::new(3, &[i.into()]))).collect();
    let mut session = Recording::new(&*workload, found);
    let mut present: HashMap<String, u64> = (0..RECORDS).map(|n| (key(n), n)).collect();
    let mut recent = 0;
    for turn in 0..30_000 {
        session.lines.clear();
        // Every other insert of the first client is drawn and not run, as one that came too late.
        let client = &mut clients[turn % 3];
        if turn % 6 == 0 && client.draw().transaction == 1 {
            continue;
        }
        draw_and_run(&mut **client, &mut session).1.unwrap();
        for (inserted, _) in keys(&session.lines, "insert") {
            let number = RECORDS + present.len() as u64 - RECORDS;
            assert!(present.insert(inserted, number).is_none(), "one key twice");
        }
        for (read, _) in keys(&session.lines, "read") {
            let number = present[&read];
            recent += u64::from(present.len() as u64 - number <= 100);
        }
    }
    assert!(present.len() as u64 > RECORDS + 1_000);
    // The hundred newest records get about half of the requests: H(100) / H(10,000) for 0.99.
    assert!((13_000..17_500).contains(&recent), "{recent}");
}

#[test]
fn an_insert_that_failed_is_taken_up_again() {
    let workload = workload(D);
    let mut client = workload.client(0, Rng::new(3, &[]));
    let mut session = Recording::new(&*workload, found);
    let mut insert = |failure: Option<DbError>| {
        while client.draw().transaction != 1 {}
        session.fails = failure.into_iter().map(|error| ("insert", error)).collect();
        session.lines.clear();
        let _ = now(client.run(&mut session));
        keys(&session.lines, "insert").into_keys().next().unwrap()
    };
    assert_eq!(insert(Some(refused(ErrorClass::LockTimeout))), key(RECORDS));
    // Its own earlier insert cannot be in the way, so a constraint is not taken for success.
    assert_eq!(insert(Some(refused(ErrorClass::Constraint))), key(RECORDS));
    assert_eq!(insert(Some(refused(ErrorClass::Disconnected).during_commit())), key(RECORDS));
    // The one that was cut off is there after all.
    assert_eq!(insert(Some(refused(ErrorClass::Constraint))), key(RECORDS));
    assert_eq!(insert(None), key(RECORDS + 1));
    assert_eq!(insert(None), key(RECORDS + 2));
}

#[test]
fn an_answer_of_the_wrong_shape_is_an_error() {
    let other = vec![Cell::Text("a".into()); 11];
    for (benchmark, answer) in
        [(C, vec![]), (C, vec![other.clone(); 2]), (E, vec![]), (E, vec![other])]
    {
        let workload = workload(benchmark);
        let mut session = Recording::new(&*workload, move |_, _| answer.clone());
        let mut client = workload.client(0, Rng::new(3, &[]));
        draw_and_run(&mut *client, &mut session).1.unwrap_err();
    }
    let workload = workload(A);
    let mut session = Recording::new(&*workload, |_, _| vec![vec![Cell::Text("short".into())]]);
    let mut client = workload.client(0, Rng::new(3, &[]));
    let reads = (0..100).map(|_| draw_and_run(&mut *client, &mut session));
    let failed = reads.filter(|(draw, result)| draw.transaction == 0 && result.is_err()).count();
    assert!(failed > 30, "a record with too few columns was read {failed} times");
}

#[test]
fn inserts_are_accounted_for() {
    let state = |rows| State { counters: BTreeMap::from([(ROWS, rows)]), ..State::default() };
    let entry = |committed, unknown| TallyEntry { committed, rolled_back: 0, unknown };
    let tally =
        Tally { transactions: BTreeMap::from([("insert", entry(5, 1)), ("read", entry(90, 3))]) };
    let held = [104, 105, 106, 107]
        .map(|rows| D.account(&state(100), &state(rows), &BTreeMap::new(), &tally)[0].held);
    assert_eq!(held, [false, true, true, false]);
    for (rows, held) in [(10_000, true), (10_001, false)] {
        let mut session = Recording::unprepared(move |sql, _| match sql.contains("COUNT") {
            true => vec![vec![Cell::Int(rows)]],
            false => vec![vec![Cell::Text("a".into()); 11]],
        });
        let state = now(A.state(&mut session, Scale::ONE)).unwrap();
        assert_eq!(state.checks[0].held, held);
        assert_eq!(state.samples.len(), 10);
        assert_eq!(state.samples["field3 of a"], samples::hash("a"));
    }
}

#[test]
fn a_forgotten_write_is_noticed() {
    let [(_, postgres), ..] = NATIVE;
    for (benchmark, native, commit, pipelines) in [
        (A, None, "update_field3", false),
        (F, None, "commit", false),
        (F, None, "commit", true),
        (F, Some(postgres), "update_field3", false),
    ] {
        let workload = said(benchmark, native);
        let mut client = workload.client(0, Rng::new(3, &[]));
        let mut session = Recording::new(&*workload, found);
        session.pipelines = pipelines;
        for _ in 0..2_000 {
            draw_and_run(&mut *client, &mut session).1.unwrap();
        }
        let witnessed = workload.witnessed();
        assert!(witnessed.len() > 50, "{}", witnessed.len());
        for name in witnessed.keys() {
            let (field, key) = name.split_once(" of ").unwrap();
            let written = |line: &String| {
                line.starts_with(&format!("update_{field}("))
                    && line.ends_with(&format!("'{key}')"))
            };
            assert!(session.lines.iter().any(written), "{name} was not written");
        }
        let samples = |old: Option<i64>| {
            let value = |witness: &Witness| match witness {
                Witness::Written { acknowledged, .. } => old.unwrap_or(acknowledged[0]),
                other => panic!("{other:?}"),
            };
            let all = witnessed.iter().map(|(name, witness)| (name.clone(), value(witness)));
            State { samples: all.collect(), ..State::default() }
        };
        let (before, mut after) = (samples(Some(0)), samples(None));
        assert!(benchmark.account_samples(&before, &after, &witnessed)[0].held);
        *after.samples.values_mut().nth(7).unwrap() = 0;
        assert!(!benchmark.account_samples(&before, &after, &witnessed)[0].held);

        session.fails.insert(commit, refused(ErrorClass::LockTimeout));
        let failed = (0..200).filter(|_| draw_and_run(&mut *client, &mut session).1.is_err());
        assert!(failed.count() > 3);
        let unknown = |witness: &Witness| matches!(witness, Witness::Written { unknown, .. } if !unknown.is_empty());
        assert!(!workload.witnessed().values().any(unknown));
    }
}
