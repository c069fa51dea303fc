//! What clients record is what is read.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::PathBuf;

use dbdyno_history::testing::{Behaviour, Simulation};
use dbdyno_history::{
    Attempt, CheckOptions, ClientLog, History, Kind, Merged, Outcome, ReadOptions, check, merge,
    merge_cut_off,
};
use proptest::prelude::*;

#[test]
fn lines_are_operation_maps() {
    let folder = tempfile::tempdir().unwrap();
    let mut log = ClientLog::create(folder.path().join("log"), 1, 4).unwrap();
    let mut attempt = Attempt::default();
    attempt.append(5, -17);
    let list = attempt.read(6);
    let absent = attempt.read(7);
    attempt.write(8, 1);
    let register = attempt.read(8);
    log.invoke(10, &attempt);
    attempt.answer_list(list, [1, 2]);
    attempt.answer_list(absent, []);
    attempt.answer_register(register, Some(9));
    // Not a read, and not there: neither has an answer.
    attempt.answer_register(0, Some(1));
    attempt.answer_register(77, Some(1));
    log.complete(20, Outcome::Unknown, &attempt);
    log.invoke(30, &attempt);
    log.complete(40, Outcome::Aborted, &attempt);
    log.invoke(50, &attempt);
    log.complete(60, Outcome::Committed, &attempt);
    let recorded = log.finish().unwrap();
    assert_eq!(recorded.events, 6);
    insta::assert_snapshot!(fs::read_to_string(recorded.path).unwrap(), @r"
    {:time 10, :type :invoke, :process 1, :f :txn, :value [[:append 5 -17] [:r 6 nil] [:r 7 nil] [:w 8 1] [:r 8 nil]]}
    {:time 20, :type :info, :process 1, :f :txn, :value [[:append 5 -17] [:r 6 nil] [:r 7 nil] [:w 8 1] [:r 8 nil]]}
    {:time 30, :type :invoke, :process 5, :f :txn, :value [[:append 5 -17] [:r 6 nil] [:r 7 nil] [:w 8 1] [:r 8 nil]]}
    {:time 40, :type :fail, :process 5, :f :txn, :value [[:append 5 -17] [:r 6 [1 2]] [:r 7 []] [:w 8 1] [:r 8 9]]}
    {:time 50, :type :invoke, :process 5, :f :txn, :value [[:append 5 -17] [:r 6 nil] [:r 7 nil] [:w 8 1] [:r 8 nil]]}
    {:time 60, :type :ok, :process 5, :f :txn, :value [[:append 5 -17] [:r 6 [1 2]] [:r 7 []] [:w 8 1] [:r 8 9]]}
    ");
}

/// Logs of so many clients, each with events at the times given.
fn logs(folder: &std::path::Path, times: &[Vec<u64>]) -> Vec<PathBuf> {
    let clients = times.len() as u32;
    let mut attempt = Attempt::default();
    let mut value = 0;
    times
        .iter()
        .zip(0..)
        .map(|(times, client)| {
            let mut log =
                ClientLog::create(folder.join(format!("{client}.log")), client, clients).unwrap();
            for pair in times.chunks(2) {
                value += 1;
                attempt.clear();
                attempt.append(i64::from(client), value);
                log.invoke(pair[0], &attempt);
                if let [_, end] = pair {
                    log.complete(*end, Outcome::Committed, &attempt);
                }
            }
            log.finish().unwrap().path
        })
        .collect()
}

/// Index, time and whether it is an invocation, of each line.
fn order(history: &str) -> Vec<(u64, u64, bool)> {
    let number = |line: &str, key: &str| {
        let rest = line.split(key).nth(1).unwrap();
        rest.split([',', ' ']).next().unwrap().parse().unwrap()
    };
    let lines = history.lines();
    lines.map(|it| (number(it, ":index "), number(it, ":time "), it.contains(":invoke"))).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    #[test]
    fn merged_events_are_in_order_and_complete(
        mut times in proptest::collection::vec(proptest::collection::vec(0_u64..50, 0..20), 1..12),
    ) {
        times.iter_mut().for_each(|times| times.sort_unstable());
        let folder = tempfile::tempdir().unwrap();
        let logs = logs(folder.path(), &times);
        let out = folder.path().join("history.edn");
        let events = merge(&logs, &out).unwrap();
        let all: usize = times.iter().map(Vec::len).sum();
        prop_assert_eq!(events, all as u64);
        let order = order(&fs::read_to_string(&out).unwrap());
        prop_assert!(order.iter().zip(0..).all(|(event, index)| event.0 == index));
        prop_assert!(order.windows(2).all(|pair| pair[0].1 <= pair[1].1));
        let history = History::read(&out, &ReadOptions::default()).unwrap();
        prop_assert_eq!(history.len(), times.iter().map(|times| times.len().div_ceil(2)).sum::<usize>());
        prop_assert_eq!(history.kind(), Kind::ListAppend);
    }
}

/// At one time what begins comes before what ends: nothing precedes what it may have run beside.
#[test]
fn beginnings_come_first_among_events_of_one_time() {
    let folder = tempfile::tempdir().unwrap();
    let logs = logs(folder.path(), &[vec![1, 5], vec![5, 9], vec![2, 5]]);
    let out = folder.path().join("history.edn");
    merge(&logs, &out).unwrap();
    let order = order(&fs::read_to_string(&out).unwrap());
    let kinds: Vec<(u64, bool)> = order.iter().map(|(_, time, begins)| (*time, *begins)).collect();
    assert_eq!(kinds, [(1, true), (2, true), (5, true), (5, false), (5, false), (9, false)]);
}

#[test]
fn more_logs_than_files_may_be_open_are_merged() {
    let folder = tempfile::tempdir().unwrap();
    let times: Vec<Vec<u64>> = (0..600).map(|client| vec![600 - client, 601 + client]).collect();
    let logs = logs(folder.path(), &times);
    let out = folder.path().join("history.edn");
    assert_eq!(merge(&logs, &out).unwrap(), 1_200);
    let order = order(&fs::read_to_string(&out).unwrap());
    assert!(order.windows(2).all(|pair| pair[0].1 <= pair[1].1 && pair[0].0 + 1 == pair[1].0));
    // The logs and the history, and nothing else.
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 601);
}

#[test]
fn what_went_wrong_is_told_at_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("missing/log");
    assert!(ClientLog::create(&missing, 0, 1).unwrap_err().to_string().contains("missing/log"));
    let full = std::path::Path::new("/dev/full");
    if !full.exists() {
        return;
    }
    let mut log = ClientLog::create(full, 0, 1).unwrap();
    let mut attempt = Attempt::default();
    attempt.append(1, 1);
    for time in 0..20_000 {
        log.invoke(time, &attempt);
    }
    let error = log.finish().unwrap_err().to_string();
    assert!(error.contains("/dev/full") && error.contains("No space left"), "{error}");
}

#[test]
fn logs_that_are_cut_off_or_of_something_else_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let log = logs(folder.path(), &[vec![1, 2]]).remove(0);
    let out = folder.path().join("history.edn");
    let text = fs::read_to_string(&log).unwrap();
    let told = |text: &str| {
        fs::write(&log, text).unwrap();
        merge(std::slice::from_ref(&log), &out).unwrap_err().to_string()
    };
    let cut = told(&text[..text.len() - 5]);
    assert!(cut.contains("0.log line 2: the line is cut off"), "{cut}");
    // What looks like a history is one.
    assert!(!out.exists());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    let other = told("{:time 1, :type :invoke, :process 0}\nhello\n");
    assert!(other.contains("0.log line 2: expected `{:time NUMBER"), "{other}");
}

/// Lines of a history as the logs of its clients, each of which a kill cut off after so many bytes.
fn cut_logs(folder: &std::path::Path, text: &str, clients: u64, cuts: &[usize]) -> Vec<PathBuf> {
    let mut logs = vec![String::new(); clients as usize];
    for line in text.lines() {
        let (_, rest) = line.split_once(", ").unwrap();
        let process = rest.split_once(":process ").unwrap().1.split_once(',').unwrap().0;
        let client = process.parse::<u64>().unwrap() % clients;
        logs[client as usize] += &format!("{{{rest}\n");
    }
    let write = |(log, number): (&String, usize)| {
        let path = folder.join(format!("{number}.log"));
        let length = log.len() - cuts[number % cuts.len()].min(log.len());
        fs::write(&path, &log.as_bytes()[..length]).unwrap();
        path
    };
    logs.iter().zip(0..).map(write).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn a_cut_off_history_shows_nothing_that_did_not_happen(
        seed: u64,
        cuts in proptest::collection::vec(0_usize..4_000, 4),
    ) {
        let behaviour = Behaviour::Serializable;
        let text = Simulation { behaviour, transactions: 200, clients: 4, seed, ..Simulation::default() }.text();
        let folder = tempfile::tempdir().unwrap();
        let logs = cut_logs(folder.path(), &text, 4, &cuts);
        let out = folder.path().join("history.edn");
        let merged = merge_cut_off(&logs, &out).unwrap();
        prop_assert!(merged.events <= merged.logged);
        let history = History::read(&out, &ReadOptions::default()).unwrap();
        let options = CheckOptions { session_order: true, real_time: true, ..CheckOptions::default() };
        let verdict = check(&history, &options);
        prop_assert!(verdict.found.is_empty(), "{:#?}", verdict.found);
    }
}

#[test]
fn a_cut_off_history_ends_where_the_first_log_does() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("history.edn");
    let logs = logs(folder.path(), &[vec![1, 4, 6, 8, 9], vec![2, 5, 8, 9], vec![3, 4, 7, 8]]);
    assert_eq!(merge_cut_off(&logs, &out).unwrap(), Merged { events: 9, logged: 13 });
    let times: Vec<u64> =
        order(&fs::read_to_string(&out).unwrap()).iter().map(|(_, time, _)| *time).collect();
    assert_eq!(times, [1, 2, 3, 4, 4, 5, 6, 7, 8]);
    // A client that logged nothing may have written anything.
    fs::write(&logs[1], "{:time 2, :ty").unwrap();
    assert_eq!(merge_cut_off(&logs, &out).unwrap(), Merged { events: 0, logged: 9 });
    assert!(merge_cut_off(&[], &out).is_ok());
}
