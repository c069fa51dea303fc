//! What a store promises is what its histories show: nothing that its level proscribes, and of what it
//! lets pass at least something.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use dbdyno_history::AnomalyClass::{G1a, G1b, G2Item, GSingle, LostUpdate};
use dbdyno_history::testing::{Behaviour, Simulation};
use dbdyno_history::{
    CheckOptions, ClassSet, History, Kind, Model, ReadOptions, RegisterOrder, Verdict, check,
};
use proptest::prelude::*;

fn verdict(simulation: &Simulation) -> Verdict {
    // Where commits are atomic, the versions of a key are in the order of time.
    let register_order = match simulation.behaviour {
        Behaviour::Serial | Behaviour::Serializable | Behaviour::Snapshot => {
            RegisterOrder::Linearizable
        }
        Behaviour::ReadCommitted | Behaviour::ReadUncommitted => RegisterOrder::WritesFollowReads,
    };
    let text = simulation.text();
    let history =
        History::from_reader("simulated", text.as_bytes(), &ReadOptions::default()).unwrap();
    let options = CheckOptions {
        session_order: true,
        real_time: true,
        register_order,
        examples: 2,
        ..CheckOptions::default()
    };
    check(&history, &options)
}

/// What each behaviour keeps to, on a store whose commits are ordered as they are acknowledged.
fn kept(behaviour: Behaviour) -> ClassSet {
    match behaviour {
        Behaviour::Serial | Behaviour::Serializable => Model::StrictSerializable.proscribed(),
        Behaviour::Snapshot => Model::StrongSnapshotIsolation.proscribed(),
        Behaviour::ReadCommitted => Model::ReadCommitted.proscribed(),
        Behaviour::ReadUncommitted => ClassSet::of(&[
            dbdyno_history::AnomalyClass::UnwrittenRead,
            dbdyno_history::AnomalyClass::DuplicateElements,
            dbdyno_history::AnomalyClass::FutureRead,
            dbdyno_history::AnomalyClass::CyclicVersions,
        ]),
    }
}

fn behaviours() -> impl Strategy<Value = Behaviour> {
    prop_oneof![
        Just(Behaviour::Serial),
        Just(Behaviour::Serializable),
        Just(Behaviour::Snapshot),
        Just(Behaviour::ReadCommitted),
        Just(Behaviour::ReadUncommitted),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn no_store_is_accused_of_what_it_does_not_do(
        behaviour in behaviours(),
        registers: bool,
        seed: u64,
        clients in 1_u64..12,
        keys in 1_u64..6,
        values_per_key in 1_u64..40,
        operations in 1_u64..8,
        transactions in 0_u64..400,
    ) {
        let kind = if registers { Kind::RwRegister } else { Kind::ListAppend };
        let simulation = Simulation {
            kind, behaviour, transactions, clients, keys, values_per_key, operations, seed,
            ..Simulation::default()
        };
        let verdict = verdict(&simulation);
        let violations = verdict.violations(kept(behaviour));
        prop_assert!(violations.is_empty(), "{:#?}", violations);
    }
}

/// What 2,000 transactions on 5 keys show at each level, and that the verdict names the level.
#[test]
fn levels_are_told_apart() {
    for kind in Kind::ALL {
        for (behaviour, shown, strongest) in [
            (Behaviour::Serial, ClassSet::EMPTY, vec![Model::StrictSerializable]),
            (Behaviour::Serializable, ClassSet::EMPTY, vec![Model::StrictSerializable]),
            (Behaviour::Snapshot, ClassSet::of(&[G2Item]), vec![Model::StrongSnapshotIsolation]),
            (
                Behaviour::ReadCommitted,
                ClassSet::of(&[GSingle, LostUpdate]),
                vec![Model::ReadCommitted],
            ),
            (Behaviour::ReadUncommitted, ClassSet::of(&[G1a, G1b, LostUpdate]), vec![]),
        ] {
            let simulation =
                Simulation { kind, behaviour, transactions: 2_000, ..Simulation::default() };
            let verdict = verdict(&simulation);
            let missing = shown.without(verdict.classes());
            assert!(missing.is_empty(), "{kind:?} {behaviour:?}: {missing:?} not found");
            let options =
                CheckOptions { session_order: true, real_time: true, ..CheckOptions::default() };
            let possible = verdict.possible_models(&options);
            if behaviour == Behaviour::ReadUncommitted {
                assert!(
                    possible.iter().all(|model| *model == Model::ReadUncommitted),
                    "{possible:?}"
                );
            } else {
                assert_eq!(possible, strongest, "{kind:?} {behaviour:?}: {:?}", verdict.classes());
            }
        }
    }
}
