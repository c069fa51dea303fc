//! What must be known of a run, and what searches of the highest rate found.

use super::*;

/// A run on these targets, with the words for where their servers are.
fn on(name: &str, records: &[Record], targets: &[(&str, &str)]) -> Made {
    let target = |(target, server): &(&str, &str)| TargetInfo {
        target: (*target).to_owned(),
        engine: (*target).to_owned(),
        driver: "a_driver".to_owned(),
        engine_version: "1.0".to_owned(),
        server: (*server).to_owned(),
        settings: std::collections::BTreeMap::new(),
    };
    let info = RunInfo {
        targets: targets.iter().map(target).collect(),
        ..ended("done", ROUNDS.len() as u32)
    };
    Made::of(name, records, &info)
}

#[test]
fn where_engines_ran_is_told_and_clients_are_judged_on_servers_alone() {
    let rows = |engine: &str| repetitions(&case("tpcb", engine), 1000.0, &ROUNDS);
    let records = [rows("postgres"), rows("mariadb"), rows("sqlite")].concat();
    let targets = [
        ("postgres", "throwaway"),
        ("mariadb", "throwaway"),
        ("sqlite", "embedded, in a temporary folder"),
    ];
    let text = on("r", &records, &targets).first_screen();
    for told in [
        "- whether the client was the bottleneck is known of 0 of 16 loads on servers\n",
        "- measured beside the client postgres 1.0, mariadb 1.0; in the client's process sqlite 1.0\n",
    ] {
        assert!(text.contains(told), "{told}{text}");
    }
}

/// Two runs that differ are none of them uneven.
#[test]
fn throughput_that_varies_between_repetitions_of_a_run_is_told() {
    let of = |name: &str, throughput: f64, factors: &[f64]| {
        let records = repetitions(&case("tpcb", "postgres"), throughput, factors);
        on(name, &records, &[("postgres", "throwaway")])
    };
    let made = [of("ra", 1_000.0, &ROUNDS), of("rb", 4_000.0, &ROUNDS)];
    let runs: Vec<PathBuf> = made.iter().map(|made| made.run.path().to_owned()).collect();
    let text = first_screen(&report(&runs, false).unwrap());
    assert!(!text.contains("throughput varied"), "{text}");
    let stalled = [1.0, 1.01, 0.99, 1.0, 0.1, 1.3, 1.0, 1.0];
    let text = of("r", 1_000.0, &stalled).first_screen();
    let told = "throughput varied by more than half between repetitions of oltp/tpcb on postgres, \
                serializable, 8 clients (±60%)";
    assert!(text.contains(told), "{text}");
}

/// Both searches tried a rate, which is no case to compare them by.
#[test]
fn a_limit_has_a_picture_and_its_rates_are_no_cases_of_the_summary() {
    let search = |engine: &str, throughput: f64| {
        let closed = case("tpcb", engine);
        let at = |rate: f64| Case { rate: Some(rate), ..closed.clone() };
        let mut rows = repetitions(&closed, throughput, &[1.0]);
        rows.extend(
            [400.0, 800.0].into_iter().flat_map(|rate| repetitions(&at(rate), rate, &[1.0])),
        );
        let limit = Measurement::new("limit_tx_per_s", 400.0, "1/s", Better::Higher);
        rows.push(record("r", &closed, &limit.with_status(Status::Ok, "p99<20ms")));
        rows
    };
    let records = [search("postgres", 1_000.0), search("sqlite", 2_000.0)].concat();
    let made = on("r", &records, &[("postgres", "throwaway"), ("sqlite", "embedded")]);
    let (text, pictures) = report(&[made.run.path().to_owned()], false).unwrap().markdown("charts");
    let (first, section) = text.split_once("## Limits").unwrap_or_else(|| panic!("{text}"));
    assert!(first.contains("oltp/tpcb") && !first.contains(" of 3 cases"), "{first}");
    assert!(section.contains("1. 400 tx/s: the highest rate that held"), "{section}");
    assert_eq!(pictures.iter().filter(|one| one.name.starts_with("the-limit-of-")).count(), 2);
}
