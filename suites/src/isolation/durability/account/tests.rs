//! Histories whose account is known, and what was broken in them by hand.

use proptest::prelude::*;

use super::*;

fn lists(numbers: &[i64]) -> Vec<Place> {
    numbers.iter().copied().map(Place::List).collect()
}

fn mark(client: u32, number: u64) -> Mark {
    Mark { cycle: 1, client, number }
}

/// Client 0 commits 1 (at 10 and 11) and 2 (at 10 and 12), rolls back 3 (at 10 and 11), is refused 4 (at
/// 12 and 13) and is cut off in 5 (at 11 and 13); client 1 commits 1 (at 10).
fn history() -> Vec<Entry> {
    let (one, two, three, four, five) =
        (mark(0, 1), mark(0, 2), mark(0, 3), mark(0, 4), mark(0, 5));
    vec![
        Entry::Sending(one, lists(&[10, 11])),
        Entry::Acknowledged(one, 1_000),
        Entry::Sending(mark(1, 1), lists(&[10])),
        Entry::Sending(two, lists(&[10, 12])),
        Entry::Acknowledged(mark(1, 1), 1_500),
        Entry::Acknowledged(two, 2_000),
        Entry::RollingBack(three, lists(&[10, 11])),
        Entry::Sending(four, lists(&[12, 13])),
        Entry::Refused(four),
        Entry::Sending(five, lists(&[11, 13])),
    ]
}

fn tables(places: &[(i64, &str)]) -> Tables {
    let mut tables = Tables { ordered: true, ..Tables::default() };
    for (place, marks) in places {
        marks.split_whitespace().for_each(|text| tables.add(Place::List(*place), text));
    }
    tables
}

fn settled(places: &[(i64, &str)]) -> Findings {
    let mut account = Account::default();
    account.enter(history());
    account.settle(&tables(places))
}

const WITHOUT: [(i64, &str); 3] = [(10, "1.0.1 1.1.1 1.0.2"), (11, "1.0.1"), (12, "1.0.2")];
const WITH: [(i64, &str); 4] =
    [(10, "1.0.1 1.1.1 1.0.2"), (11, "1.0.1 1.0.5"), (12, "1.0.2"), (13, "1.0.5")];

#[test]
fn a_commit_that_was_cut_off_may_be_there_or_not() {
    let counted = Findings { acknowledged: 3, unknown: 1, rolled_back: 1, ..Findings::default() };
    assert_eq!(settled(&WITHOUT), counted);
    assert_eq!(settled(&WITH), Findings { unknown_there: 1, ..counted });
}

#[test]
fn every_fault_is_named() {
    for (places, told) in [
        (
            &[(10, "1.0.1 1.1.1 1.0.2"), (11, "1.0.1"), (12, "")][..],
            "1.0.2 is in list-10 and not in list-12",
        ),
        (
            &[(10, "1.0.1 1.1.1 1.0.2"), (11, "1.0.1 1.0.5"), (12, "1.0.2")],
            "1.0.5 is in list-11 and not in list-13",
        ),
        (
            &[(10, "1.0.1 1.1.1 1.0.2 1.0.3"), (11, "1.0.1"), (12, "1.0.2")],
            "1.0.3 is in list-10 and was rolled back",
        ),
        (
            &[(10, "1.0.1 1.1.1 1.0.2"), (11, "1.0.1"), (12, "1.0.2 1.0.4")],
            "1.0.4 is in list-12 and its commit was refused",
        ),
        (
            &[(10, "1.0.1 1.1.1 1.0.2 1.1.2"), (11, "1.0.1"), (12, "1.0.2")],
            "1.1.2 is in list-10 and was not sent to be committed",
        ),
        (
            &[(10, "1.0.1 1.1.1 1.0.2"), (11, "1.0.1 1.1.1"), (12, "1.0.2")],
            "1.1.1 is in list-11 and did nothing there",
        ),
        (
            &[(10, "1.0.1 1.1.1 1.0.2 x"), (11, "1.0.1"), (12, "1.0.2")],
            "`x` is in list-10 and no client wrote it",
        ),
        (
            &[(10, "1.0.1 1.1.1 1.0.1 1.0.2"), (11, "1.0.1"), (12, "1.0.2")],
            "1.0.1 is 2 times in list-10",
        ),
        (
            &[(10, "1.0.2 1.1.1 1.0.1"), (11, "1.0.1"), (12, "1.0.2")],
            "in list-10 1.0.2 stands before 1.0.1",
        ),
    ] {
        let findings = settled(places);
        let faults: Vec<String> = findings.faults.iter().map(ToString::to_string).collect();
        assert_eq!(faults, [told]);
        assert!(findings.lost.is_empty(), "{told}: {:?}", findings.lost);
    }
}

#[test]
fn a_lost_commit_is_told_with_when_it_was_acknowledged() {
    let findings = settled(&[(10, "1.0.1 1.1.1"), (11, "1.0.1")]);
    let lost = Lost { mark: mark(0, 2), places: lists(&[10, 12]), acknowledged_us: Some(2_000) };
    assert_eq!((findings.lost, findings.faults), (vec![lost], vec![]));
}

#[test]
fn what_was_found_once_must_be_found_again() {
    let again = |first: &[(i64, &str)], second: &[(i64, &str)]| {
        let mut account = Account::default();
        account.enter(history());
        account.settle(&tables(first));
        account.settle(&tables(second))
    };
    assert_eq!(again(&WITH, &WITH), Findings::default());
    assert_eq!(again(&WITHOUT, &WITHOUT), Findings::default());

    let gone = again(&WITH, &WITHOUT);
    assert!(gone.faults.is_empty(), "{:?}", gone.faults);
    let lost = Lost { mark: mark(0, 5), places: lists(&[11, 13]), acknowledged_us: None };
    assert_eq!(gone.lost, [lost]);

    let come_back = again(&WITHOUT, &WITH);
    let faults: Vec<String> = come_back.faults.iter().map(ToString::to_string).collect();
    let sent = |place| format!("1.0.5 is in list-{place} and was not sent to be committed");
    assert_eq!(faults, [sent(11), sent(13)]);
}

#[test]
fn places_without_an_order_have_none_to_keep() {
    let mut account = Account::default();
    account.enter(history());
    let swapped = [(10, "1.0.2 1.0.1 1.1.1"), (11, "1.0.1"), (12, "1.0.2")];
    let unordered = Tables { ordered: false, ..tables(&swapped) };
    assert_eq!(account.settle(&unordered).faults, []);
}

/// How a client's transaction ends.
#[derive(Clone, Copy, Debug)]
enum End {
    Commits,
    CutOffThere,
    CutOffGone,
    RollsBack,
    Refused,
}

fn end() -> impl Strategy<Value = End> {
    use End::{Commits, CutOffGone, CutOffThere, Refused, RollsBack};
    prop_oneof![
        4 => Just(Commits),
        1 => Just(CutOffThere),
        1 => Just(CutOffGone),
        1 => Just(RollsBack),
        1 => Just(Refused),
    ]
}

/// What clients write of transactions, each a client, two places and an end, and what the tables of a
/// right engine then hold.
fn played(transactions: &[(u32, i64, i64, End)]) -> (Vec<Entry>, Tables) {
    let mut entries = Vec::new();
    let mut tables = Tables { ordered: true, ..Tables::default() };
    for (number, (client, one, other, end)) in transactions.iter().enumerate() {
        let mark = mark(*client, number as u64);
        let mut places = lists(&[*one, *other]);
        places.dedup();
        entries.push(match end {
            End::RollsBack => Entry::RollingBack(mark, places.clone()),
            _ => Entry::Sending(mark, places.clone()),
        });
        match end {
            End::Commits => entries.push(Entry::Acknowledged(mark, number as u64)),
            End::Refused => entries.push(Entry::Refused(mark)),
            _ => {}
        }
        if matches!(end, End::Commits | End::CutOffThere) {
            for place in places {
                tables.places.entry(place).or_default().push(mark);
            }
        }
    }
    (entries, tables)
}

fn transactions() -> impl Strategy<Value = Vec<(u32, i64, i64, End)>> {
    proptest::collection::vec((0..3u32, 0..5i64, 0..5i64, end()), 1..40)
}

proptest! {
    #[test]
    fn a_right_engine_has_no_faults(transactions in transactions()) {
        let (entries, tables) = played(&transactions);
        let count = |is: fn(&End) -> bool| {
            transactions.iter().filter(|(.., end)| is(end)).count() as u64
        };
        let mut account = Account::default();
        account.enter(entries);
        let findings = account.settle(&tables);
        prop_assert_eq!(&findings.faults, &[]);
        prop_assert!(findings.lost.is_empty());
        prop_assert_eq!(findings.acknowledged, count(|end| matches!(end, End::Commits)));
        prop_assert_eq!(findings.unknown_there, count(|end| matches!(end, End::CutOffThere)));
        prop_assert_eq!(account.settle(&tables), Findings::default());
    }

    /// One mark taken away, written twice, written elsewhere, or an aborted one added.
    #[test]
    fn one_change_is_noticed(
        transactions in transactions(), change in 0..4, at in any::<prop::sample::Index>(),
    ) {
        let (entries, mut tables) = played(&transactions);
        let marks: Vec<(Place, usize)> = tables
            .places
            .iter()
            .flat_map(|(place, marks)| (0..marks.len()).map(|nth| (*place, nth)))
            .collect();
        prop_assume!(!marks.is_empty());
        let (place, nth) = marks[at.index(marks.len())];
        let list = tables.places.entry(place).or_default();
        let mark = list[nth];
        let mut must_notice = true;
        match change {
            0 => {
                list.remove(nth);
                // A commit that was cut off, at one place only, may be gone.
                let (_, one, other, end) = transactions[mark.number as usize];
                must_notice = one != other || matches!(end, End::Commits);
            }
            1 => list.push(mark),
            2 => tables.places.entry(Place::List(9)).or_default().push(mark),
            _ => {
                let aborted = transactions
                    .iter()
                    .position(|(.., end)| matches!(end, End::RollsBack | End::Refused));
                prop_assume!(aborted.is_some());
                let number = aborted.unwrap_or_default();
                let client = transactions[number].0;
                list.push(Mark { cycle: 1, client, number: number as u64 });
            }
        }
        let mut account = Account::default();
        account.enter(entries);
        let findings = account.settle(&tables);
        let noticed = !findings.faults.is_empty() || !findings.lost.is_empty();
        prop_assert_eq!(noticed, must_notice, "{:?}", findings);
    }
}
