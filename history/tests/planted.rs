//! Every planted anomaly is found, in a history of its own and in one that has no other.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use dbdyno_history::testing::{Behaviour, PLANTED, Planted, Simulation, plant};
use dbdyno_history::{
    AnomalyClass, CheckOptions, ClassSet, History, Kind, Model, ReadOptions, RegisterOrder,
    Verdict, check,
};
use proptest::prelude::*;

const ALL: CheckOptions = CheckOptions {
    session_order: true,
    real_time: true,
    register_order: RegisterOrder::WritesFollowReads,
    examples: 3,
    search_steps: CheckOptions::SEARCH_STEPS,
};

fn read(text: &str) -> History {
    History::from_reader("planted", text.as_bytes(), &ReadOptions::default()).unwrap()
}

fn found(text: &str, options: &CheckOptions) -> Verdict {
    check(&read(text), options)
}

#[test]
fn every_class_is_planted_where_it_can_be() {
    let planted: ClassSet = PLANTED.iter().map(|planted| planted.class).collect();
    let missing: Vec<AnomalyClass> =
        AnomalyClass::ALL.iter().copied().filter(|class| !planted.has(*class)).collect();
    assert_eq!(missing, []);
}

#[test]
fn each_alone_is_found_and_explained() {
    let mut report = String::new();
    for planted in PLANTED {
        let verdict = found(&plant("", planted, 0), &ALL);
        let class = verdict.found.iter().find(|found| found.class == planted.class);
        let class = class.unwrap_or_else(|| panic!("{planted:?}: {:?}", verdict.classes()));
        report += &format!(
            "{} ({}): {:?}\n{}\n",
            planted.class,
            planted.kind.name(),
            verdict.classes(),
            class.examples[0].explanation.replace(":planted-", "").replace("90000", "")
        );
    }
    insta::assert_snapshot!(report);
}

#[test]
fn without_orders_of_time_none_is_found_that_needs_them() {
    for planted in PLANTED {
        let name = planted.class.name();
        let options = CheckOptions { session_order: false, real_time: false, ..ALL };
        let classes = found(&plant("", planted, 0), &options).classes();
        let is_of_time = name.ends_with("-process") || name.ends_with("-realtime");
        assert_eq!(classes.has(planted.class), !is_of_time, "{name}: {classes:?}");
    }
}

#[test]
fn a_write_cycle_of_registers_needs_the_order_that_processes_saw() {
    let planted = Planted {
        class: AnomalyClass::G0,
        kind: Kind::RwRegister,
        events: &[
            "0 ok [:w x 1] [:w y 2]",
            "1 ok [:w x 2] [:w y 1]",
            "2 ok [:r x 1] [:r y 1]",
            "2 invoke [:r x nil] [:r y nil]",
            "2 ok [:r x 2] [:r y 2]",
        ],
    };
    let text = plant("", &planted, 0);
    for (register_order, is_found) in [
        (RegisterOrder::InitialFirst, false),
        (RegisterOrder::WritesFollowReads, false),
        (RegisterOrder::Sequential, true),
        (RegisterOrder::Linearizable, true),
    ] {
        let options = CheckOptions { register_order, ..CheckOptions::default() };
        assert_eq!(found(&text, &options).classes().has(AnomalyClass::G0), is_found);
    }
}

/// Without a step no circle is found, and none is taken not to be there.
#[test]
fn what_was_not_searched_is_not_settled() {
    let options = CheckOptions { search_steps: 0, ..ALL };
    for planted in PLANTED {
        let text = plant("", planted, 0);
        let strict = Model::StrictSerializable;
        let all = found(&text, &ALL);
        assert!(all.unsettled(strict.proscribed()).is_empty(), "{planted:?}");
        let verdict = found(&text, &options);
        let missed = all.classes().without(verdict.classes());
        assert_eq!(verdict.unsettled(missed), missed, "{planted:?}");
        for model in verdict.possible_models(&options) {
            assert!(model.proscribed().common(all.classes()).is_empty(), "{planted:?} {model}");
        }
    }
}

#[test]
fn long_lists_are_cut_in_explanations() {
    let list = |last: u32| (1..=200).chain([last]).map(|it| it.to_string()).collect::<Vec<_>>();
    let text = format!(
        "{{:type :ok, :process 0, :value [[:r x [{}]]]}}\n{{:type :ok, :process 1, :value [[:r x [{}]]]}}\n",
        list(201).join(" "),
        list(202).join(" "),
    );
    let verdict = found(&text, &CheckOptions::default());
    let told: String =
        verdict.found.iter().map(|found| found.examples[0].explanation.as_str()).collect();
    insta::assert_snapshot!(told, @r"
    Let
      T1 = {:index 0, :process 0, :type :ok, :value [[:r x [1 2 3 … 200 201]]]}
    Then:
      T1 read key x as [1 2 3 … 200 201]; but nobody appended 1.
    Let
      T1 = {:index 1, :process 1, :type :ok, :value [[:r x [1 2 3 … 200 202]]]}
      T2 = {:index 0, :process 0, :type :ok, :value [[:r x [1 2 3 … 200 201]]]}
    Then:
      T1 read key x as [1 2 3 … 200 202], and T2 as [1 2 3 … 200 201]: neither begins with the other, for element 201 is 202 in the first and 201 in the second.
    ");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn each_is_found_among_serial_transactions(
        which in 0..PLANTED.len(),
        place in 0_usize..400,
        seed: u64,
        transactions in 0_u64..200,
    ) {
        let planted = &PLANTED[which];
        let simulation = Simulation {
            kind: planted.kind,
            behaviour: Behaviour::Serial,
            transactions,
            seed,
            ..Simulation::default()
        };
        let serial = simulation.text();
        prop_assert!(found(&serial, &ALL).found.is_empty());
        // Events of a process are an invocation and a completion in turn, so that between any two lines of a
        // serial history nothing is cut apart that belongs together.
        let verdict = found(&plant(&serial, planted, place), &ALL);
        prop_assert!(verdict.classes().has(planted.class), "{:?}", verdict.classes());
        let alone = found(&plant("", planted, 0), &ALL).classes();
        prop_assert_eq!(verdict.classes(), alone);
    }
}
