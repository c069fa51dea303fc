//! What the clients of both loads send, and what they write down of it.
#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use std::fmt::Write as _;

use dbdyno_core::load::Outcome;
use dbdyno_core::random::Rng;
use dbdyno_core::{DbError, ErrorClass, Scale, Value};

use super::account::Tables;
use super::journal::{Entry, Place};
use super::*;
use crate::oltp::recording::{Cell, Recording, draw_and_run, now};

fn found(_: &str, _: &[Value<'_>]) -> Vec<Vec<Cell>> {
    vec![vec![Cell::Int(1)]]
}

fn workload(transactions: Transactions, cycle: u32) -> (Arc<dyn Workload>, Arc<Memory>) {
    let journal = Arc::new(Memory::default());
    let part = Part { cycle, rolls_back: true, journal: journal.clone() };
    (transactions.workload(Scale::ONE, part), journal)
}

/// Statements, and what the first transactions of a client send up to one that rolls back, beside what is
/// written down.
fn page(transactions: Transactions) -> String {
    let (workload, journal) = workload(transactions, 3);
    let mut page = String::new();
    for statement in workload.statements() {
        let _ = writeln!(page, "{}: {}", statement.name, statement.sql);
    }
    let mut session = Recording::new(&*workload, found);
    let mut client = workload.client(7, Rng::new(1, &[]));
    loop {
        session.lines.clear();
        let outcome = draw_and_run(&mut *client, &mut session).1.unwrap();
        let entries: Vec<String> = journal.take().iter().map(hidden_time).collect();
        let _ = writeln!(page, "\n{}\n-> {}", session.lines.join("\n"), entries.join("; "));
        if outcome == Outcome::RolledBack {
            return page;
        }
    }
}

fn hidden_time(entry: &Entry) -> String {
    match entry {
        Entry::Acknowledged(mark, _) => Entry::Acknowledged(*mark, 0).to_string(),
        other => other.to_string(),
    }
}

#[test]
fn tpcb_leaves_marks_in_history() {
    insta::assert_snapshot!(page(Transactions::TpcB));
}

#[test]
fn list_append_leaves_marks_in_two_lists() {
    insta::assert_snapshot!(page(Transactions::ListAppend));
}

#[test]
fn one_in_eight_is_rolled_back_and_the_first_commit_after_a_crash_never() {
    for transactions in Transactions::ALL {
        let rolled_back = |rolls_back| {
            let journal = Arc::new(Memory::default());
            let part = Part { cycle: 1, rolls_back, journal };
            let workload = transactions.workload(Scale::ONE, part);
            let mut session = Recording::new(&*workload, found);
            let mut client = workload.client(0, Rng::new(1, &[]));
            let mut outcomes = (0..8_000).map(|_| draw_and_run(&mut *client, &mut session).1);
            outcomes
                .by_ref()
                .filter(|outcome| *outcome.as_ref().unwrap() == Outcome::RolledBack)
                .count()
        };
        // A binomial distribution of 8,000 with a mean of 1,000 has a standard deviation of 30.
        assert!(rolled_back(true).abs_diff(1_000) < 150);
        assert_eq!(rolled_back(false), 0);
    }
}

/// What is written of a commit that ends so.
fn written_of(commit: DbError) -> Vec<Entry> {
    let journal = Arc::new(Memory::default());
    let part = Part { cycle: 1, rolls_back: false, journal: journal.clone() };
    let workload = Transactions::TpcB.workload(Scale::ONE, part);
    let mut session = Recording::new(&*workload, found);
    session.fails.insert("commit", commit);
    draw_and_run(&mut *workload.client(0, Rng::new(1, &[])), &mut session).1.unwrap_err();
    journal.take()
}

#[test]
fn a_commit_that_was_cut_off_is_neither_acknowledged_nor_refused() {
    let mark = "1.0.1".parse().unwrap();
    let sending = Entry::Sending(mark, vec![Place::History]);
    let lost = DbError::new(ErrorClass::Disconnected, None, "gone").during_commit();
    assert_eq!(written_of(lost), std::slice::from_ref(&sending));
    let refused = DbError::new(ErrorClass::Serialization, None, "could not serialize");
    assert_eq!(written_of(refused), [sending, Entry::Refused(mark)]);
}

/// However long a case takes, the lists of the default scale stay short of some hundred elements.
#[test]
fn lists_stay_short() {
    let mut lengths = std::collections::HashMap::new();
    for cycle in 1..=50 {
        let (workload, journal) = workload(Transactions::ListAppend, cycle);
        let mut session = Recording::new(&*workload, found);
        for number in 0..4 {
            let mut client = workload.client(number, Rng::new(u64::from(cycle), &[number.into()]));
            // More than four clients commit in two seconds where every commit is synced.
            for _ in 0..1_500 {
                let _ = draw_and_run(&mut *client, &mut session);
            }
        }
        for entry in journal.take() {
            if let Entry::Sending(_, places) = entry {
                assert_eq!(places.len(), 2);
                assert_ne!(places[0], places[1]);
                places.into_iter().for_each(|place| *lengths.entry(place).or_insert(0) += 1);
            }
        }
    }
    let longest = lengths.values().max().copied().unwrap_or(0);
    assert!((50..200).contains(&longest), "{longest}");
}

#[test]
fn lists_and_history_are_read_as_they_stand() {
    let look = |transactions: Transactions, rows: Vec<Vec<Cell>>| -> Tables {
        let answer = move |sql: &str, _: &[Value<'_>]| match sql {
            _ if sql.contains("filler") || sql.contains("elements") => rows.clone(),
            _ => vec![vec![Cell::Int(0)]],
        };
        let mut session = Recording::unprepared(answer);
        now(transactions.look(&mut session, Scale::ONE)).unwrap().0
    };
    let text = |text: &str| Cell::Text(text.to_owned());
    let marks = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect::<Vec<_>>();

    let rows = vec![vec![Cell::Int(4), text("1.0.1,1.3.2,")], vec![Cell::Int(5), text("1.0.1,x,")]];
    let lists = look(Transactions::ListAppend, rows);
    assert!(lists.ordered);
    assert_eq!(lists.places[&Place::List(4)], marks(&["1.0.1", "1.3.2"]));
    assert_eq!(lists.places[&Place::List(5)], marks(&["1.0.1"]));
    assert_eq!(lists.unreadable, [(Place::List(5), "x".to_owned())]);

    let padded = vec![vec![text("2.1.9                 ")], vec![text("NULL")]];
    let history = look(Transactions::TpcB, padded);
    assert!(!history.ordered);
    assert_eq!(history.places[&Place::History], marks(&["2.1.9"]));
    assert_eq!(history.unreadable, [(Place::History, "NULL".to_owned())]);
}
