#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use dbdyno_core::load::{Outcome, TallyEntry};
use dbdyno_core::{ErrorClass, Scale};

use super::super::recording::{
    Cell, NATIVE, Recording, draw_and_run, native_pages, now, page, pipelined_page, sent,
};
use super::*;

const ALL: [Sbtest; 11] = [
    POINT_SELECT,
    RANGE_SELECT,
    READ_ONLY,
    WRITE_ONLY,
    READ_WRITE,
    UPDATE_INDEX,
    UPDATE_NON_INDEX,
    INSERT,
    DELETE,
    READS_SWEEP,
    WRITES_SWEEP,
];

fn workload(benchmark: Sbtest) -> SbtestWorkload {
    SbtestWorkload::new(benchmark, 10_000, None)
}

fn native(benchmark: Sbtest) -> SbtestWorkload {
    SbtestWorkload::new(benchmark, 10_000, Some(NATIVE[0].1))
}

fn client(workload: &SbtestWorkload, seed: u64) -> Box<dyn AnyClient> {
    workload.client(0, Rng::new(seed, &[]))
}

/// Every query finds a row.
fn found(name: &str, _params: &[dbdyno_core::Value<'_>]) -> Vec<Vec<Cell>> {
    match name {
        "sum_range" => vec![vec![Cell::Int(5)]],
        _ => vec![vec![Cell::Text("c".into())]],
    }
}

fn not_found(name: &str, _params: &[dbdyno_core::Value<'_>]) -> Vec<Vec<Cell>> {
    if name == "sum_range" { vec![vec![Cell::Null]] } else { vec![] }
}

fn tally(benchmark: Sbtest, committed: u64, unknown: u64) -> Tally {
    let entry = TallyEntry { committed, rolled_back: 0, unknown };
    Tally { transactions: BTreeMap::from([(benchmark.transactions[0], entry)]) }
}

fn state(rows: i64, sum_of_k: i64) -> State {
    let counters = BTreeMap::from([(ROWS, rows), (SUM_OF_K, sum_of_k)]);
    State { counters, ..State::default() }
}

#[test]
fn each_benchmark_sends_these_statements() {
    for benchmark in ALL {
        let workload = workload(benchmark);
        let mut session = Recording::new(&workload, found);
        let page = page(&workload, &mut *client(&workload, 1), &mut session, 2);
        insta::assert_snapshot!(benchmark.name, page);
    }
}

#[test]
fn native_statements_replace_a_row_at_once_and_batches_hold_all() {
    for benchmark in ALL {
        let said = |native| -> Arc<dyn Workload> {
            Arc::new(SbtestWorkload::new(benchmark, 10_000, native))
        };
        let pages = native_pages(said, found, 1);
        let engines: Vec<&str> = pages.iter().map(|(engine, _)| *engine).collect();
        let replaces = benchmark.mix.delete_inserts > 0;
        assert_eq!(engines, if replaces { vec!["postgres", "mysql"] } else { vec![] });
        if benchmark.name == "write-only" {
            for (engine, page) in pages {
                insta::assert_snapshot!(format!("native_{engine}"), page);
            }
        }
    }
    insta::assert_snapshot!("pipelined", pipelined_page(&workload(READ_WRITE), found, 1));
}

#[test]
fn the_same_seed_sends_the_same() {
    for benchmark in ALL {
        let workload = workload(benchmark);
        let send = |seed| {
            let mut session = Recording::new(&workload, found);
            sent(&mut *client(&workload, seed), &mut session, 100)
        };
        assert_eq!(send(7), send(7), "{}", benchmark.name);
        assert_ne!(send(7), send(8), "{}", benchmark.name);
    }
}

#[test]
fn a_retry_repeats_its_inputs() {
    let workload = workload(READ_WRITE);
    let mut client = client(&workload, 1);
    let mut session = Recording::new(&workload, found);
    draw_and_run(&mut *client, &mut session).1.unwrap();
    let first = std::mem::take(&mut session.lines);
    now(client.run(&mut session)).unwrap();
    assert_eq!(session.lines, first);
}

#[test]
fn ids_cover_the_table_and_stay_in_it() {
    let workload = SbtestWorkload::new(POINT_SELECT, 50, None);
    let mut client = client(&workload, 1);
    let mut session = Recording::new(&workload, found);
    for _ in 0..20_000 {
        draw_and_run(&mut *client, &mut session).1.unwrap();
    }
    let mut ids: Vec<i64> = (session.lines.iter())
        .map(|line| line["point_select(".len()..line.len() - 1].parse().unwrap())
        .collect();
    ids.sort_unstable();
    assert!(ids[0] >= 1 && ids[ids.len() - 1] <= 50, "{:?}", (ids[0], ids[ids.len() - 1]));
    // Three quarters of the special distribution lie on about one percent of the rows.
    let middle = ids.iter().filter(|id| (25..=26).contains(*id)).count();
    assert!(middle > 14_000, "{middle}");
    ids.dedup();
    assert!(ids.len() > 20, "{}", ids.len());
}

#[test]
fn a_missing_row_is_an_error_unless_rows_are_deleted() {
    for benchmark in ALL {
        let workload = workload(benchmark);
        let mut session = Recording::new(&workload, not_found);
        session.matched = ["index_update", "non_index_update", "delete"].map(|n| (n, 0)).into();
        let (_, result) = draw_and_run(&mut *client(&workload, 1), &mut session);
        let may_miss =
            matches!(benchmark.name, "write-only" | "writes" | "read-write" | "delete" | "insert");
        assert_eq!(result.is_ok(), may_miss, "{}: {result:?}", benchmark.name);

        // An upsert leaves no moment without the row.
        let mut session = Recording::new(&native(benchmark), not_found);
        session.matched = ["index_update", "non_index_update", "delete"].map(|n| (n, 0)).into();
        let (_, result) = draw_and_run(&mut *client(&native(benchmark), 1), &mut session);
        let may_miss = matches!(benchmark.name, "delete" | "insert");
        assert_eq!(result.is_ok(), may_miss, "{}: {result:?}", benchmark.name);
    }
}

#[test]
fn a_reinsert_that_meets_its_row_is_retried() {
    let constraint = DbError::new(ErrorClass::Constraint, Some("23505".into()), "duplicate key");
    for (benchmark, class) in
        [(WRITE_ONLY, ErrorClass::Serialization), (INSERT, ErrorClass::Constraint)]
    {
        let workload = workload(benchmark);
        let mut session = Recording::new(&workload, found);
        session.fails.insert("insert", constraint.clone());
        session.pipelines = benchmark.mix.transaction;
        let error = draw_and_run(&mut *client(&workload, 1), &mut session).1.unwrap_err();
        assert_eq!((error.class, error.code.as_deref()), (class, Some("23505")));
        let checks = benchmark.account(
            &state(100, 0),
            &state(100, 0),
            &workload.counted(),
            &Tally::default(),
        );
        assert!(checks.iter().all(|check| check.held), "{checks:?}");
    }
}

#[test]
fn deletes_are_accounted_by_the_rows_that_they_matched() {
    let workload = workload(DELETE);
    let mut client = client(&workload, 1);
    let mut session = Recording::new(&workload, found);
    for matched in [1, 0, 1] {
        session.matched.insert("delete", matched);
        assert_eq!(draw_and_run(&mut *client, &mut session).1.unwrap(), Outcome::Committed);
    }
    let lost = DbError::new(ErrorClass::Disconnected, None, "gone").during_commit();
    let held = |rows: i64, workload: &SbtestWorkload| {
        DELETE
            .account(&state(10, 0), &state(rows, 0), &workload.counted(), &tally(DELETE, 3, 0))
            .iter()
            .all(|check| check.held)
    };
    assert_eq!([7, 8, 9].map(|rows| held(rows, &workload)), [false, true, false]);
    session.fails.insert("delete", lost);
    draw_and_run(&mut *client, &mut session).1.unwrap_err();
    assert_eq!([6, 7, 8, 9].map(|rows| held(rows, &workload)), [false, true, true, false]);
}

#[test]
fn inserts_and_increments_are_accounted_by_commits() {
    let run = |benchmark: Sbtest| {
        let workload = workload(benchmark);
        let mut client = client(&workload, 1);
        let mut session = Recording::new(&workload, found);
        for _ in 0..5 {
            draw_and_run(&mut *client, &mut session).1.unwrap();
        }
        workload.counted()
    };
    let held = |benchmark: Sbtest, after: State| {
        let tally = tally(benchmark, 5, 0);
        let counted = run(benchmark);
        benchmark.account(&state(10, 70), &after, &counted, &tally).iter().all(|check| check.held)
    };
    assert!(held(INSERT, state(15, 99)));
    assert!(!held(INSERT, state(14, 99)));
    assert!(held(UPDATE_INDEX, state(10, 75)));
    assert!(!held(UPDATE_INDEX, state(10, 74)));
    assert!(held(WRITE_ONLY, state(10, 1)));
    assert!(!held(WRITE_ONLY, state(11, 1)));
}

#[test]
fn a_lost_row_breaks_the_row_count() {
    for (rows, held) in [(20_000, true), (19_999, false)] {
        let mut session = Recording::unprepared(move |sql, _| match sql.contains("COUNT") {
            true => vec![vec![Cell::Int(rows), Cell::Int(1)]],
            false => vec![vec![Cell::Int(7), Cell::Text("c  ".into())]],
        });
        let state = now(READ_WRITE.state(&mut session, Scale::whole(2))).unwrap();
        let samples = BTreeMap::from([("c of sbtest1 with id 7".into(), samples::hash("c"))]);
        assert_eq!(state.samples, samples);
        assert_eq!(state.checks.len(), 1);
        assert_eq!(state.checks[0].held, held, "{:?}", state.checks);
    }
}

/// Samples in which every value is the last that was written, or `old`.
fn samples(workload: &SbtestWorkload, old: Option<i64>) -> State {
    let value = |witness| match witness {
        Witness::Written { acknowledged, .. } => old.unwrap_or(acknowledged[0]),
        other => panic!("{other:?}"),
    };
    let witnessed = workload.witnessed().into_iter();
    let samples = witnessed.map(|(name, witness)| (name, value(witness))).collect();
    State { samples, ..State::default() }
}

#[test]
fn a_forgotten_write_is_noticed() {
    for (benchmark, workload, pipelines) in [
        (UPDATE_NON_INDEX, workload(UPDATE_NON_INDEX), false),
        (WRITE_ONLY, workload(WRITE_ONLY), false),
        (READ_WRITE, workload(READ_WRITE), false),
        (WRITE_ONLY, workload(WRITE_ONLY), true),
        (WRITE_ONLY, native(WRITE_ONLY), true),
    ] {
        let mut client = client(&workload, 1);
        let mut session = Recording::new(&workload, found);
        session.pipelines = pipelines;
        for _ in 0..500 {
            draw_and_run(&mut *client, &mut session).1.unwrap();
        }
        let (before, kept) = (samples(&workload, Some(0)), samples(&workload, None));
        assert!(kept.samples.len() > 10, "{}: {}", benchmark.name, kept.samples.len());
        for name in kept.samples.keys() {
            let id = name.strip_prefix("c of sbtest1 with id ").unwrap();
            let written = |line: &String| {
                line.starts_with("non_index_update(") && line.ends_with(&format!(", {id})"))
                    || line.starts_with(&format!("insert({id}, "))
                    || line.starts_with(&format!("upsert({id}, "))
            };
            assert!(session.lines.iter().any(written), "{name} was not written");
        }
        let check = |after: &State| {
            let checks = benchmark.account_samples(&before, after, &workload.witnessed());
            checks.into_iter().next().unwrap()
        };
        assert!(check(&kept).held, "{}", check(&kept).detail);
        let mut forgotten = kept.clone();
        *forgotten.samples.values_mut().nth(3).unwrap() = 0;
        let check = check(&forgotten);
        assert!(!check.held && check.detail.contains("the value from before the case"));
    }
}

#[test]
fn writes_that_did_not_commit_leave_no_witness() {
    let lost = DbError::new(ErrorClass::Disconnected, None, "gone").during_commit();
    let refused = DbError::new(ErrorClass::Deadlock, None, "refused");
    for (benchmark, commit, pipelines) in [
        (WRITE_ONLY, "commit", false),
        (WRITE_ONLY, "commit", true),
        (UPDATE_NON_INDEX, "non_index_update", false),
    ] {
        for (error, unknown) in [(&refused, false), (&lost, true)] {
            let workload = workload(benchmark);
            let mut client = client(&workload, 1);
            let mut session = Recording::new(&workload, found);
            session.pipelines = pipelines;
            session.fails.insert(commit, error.clone());
            for _ in 0..300 {
                draw_and_run(&mut *client, &mut session).1.unwrap_err();
            }
            let witnessed = workload.witnessed();
            assert_eq!(!witnessed.is_empty(), unknown, "{}: {witnessed:?}", benchmark.name);
            let in_doubt = |witness: &Witness| matches!(witness, Witness::Written { acknowledged, .. } if acknowledged.is_empty());
            assert!(witnessed.values().all(in_doubt), "{witnessed:?}");
        }
    }
}

#[test]
fn updates_that_match_nothing_need_another_client_as_their_cause() {
    for pipelines in [false, true] {
        updates_matched_nothing(pipelines);
    }
}

fn updates_matched_nothing(pipelines: bool) {
    let workload = workload(WRITE_ONLY);
    let mut client = client(&workload, 1);
    let mut session = Recording::new(&workload, found);
    session.pipelines = pipelines;
    session.matched.insert("non_index_update", 0);
    for _ in 0..300 {
        draw_and_run(&mut *client, &mut session).1.unwrap();
    }
    let counted = workload.counted();
    assert!(counted[MISSED] > 10, "{counted:?}");
    let rows = state(10, 0);
    let checks = WRITE_ONLY.account(&rows, &rows, &counted, &tally(WRITE_ONLY, 300, 0));
    let failed: Vec<_> = checks.iter().filter(|c| !c.held).map(|c| c.name.as_str()).collect();
    assert_eq!(failed, ["updates_matched"]);
}
