//! Loads in which the client was the bottleneck.

use super::*;

fn verdict(case: &Case, repetition: u32, load: &str, value: f64) -> Record {
    let case = Case { repetition, ..case.clone() };
    let row = Measurement::new("client_bottleneck", value, "1", Better::Neither);
    let why = "the client, not the server, was the bottleneck: a thread ran for 97 % of the time";
    let detail = if value > 0.0 { why.to_owned() } else { String::new() };
    record("r", &case, &Measurement { detail, ..row.of(load) })
}

/// Two engines of which the one was held up by its clients in three of eight repetitions, and a cluster of which the
/// clients of one topology were.
fn records(value: f64) -> Vec<Record> {
    let (one, other) = (case("tpcb", "sqlite"), case("tpcb", "postgres"));
    let mut records = repetitions(&one, 2000.0, &ROUNDS);
    records.extend(repetitions(&other, 1000.0, &ROUNDS));
    records.extend((1..=8).map(|at| verdict(&other, at, "", if at > 5 { value } else { 0.0 })));
    let cluster = Case { suite: "replication".to_owned(), ..case("tpcb", "postgres") };
    for (topology, bound) in [("none", 0.0), ("async", value)] {
        let measured = [
            Measurement::new("throughput", 500.0, "1/s", Better::Higher),
            Measurement::new("commit_p50_us", 900.0, "us", Better::Lower),
        ];
        records.extend(measured.map(|row| record("r", &cluster, &row.of(topology))));
        records.push(verdict(&cluster, 1, topology, bound));
    }
    records
}

#[test]
fn a_saturated_load_generator_is_told_and_its_numbers_are_marked() {
    let of = |value: f64| Made::of("r", &records(value), &ended("done", 1));
    let made = of(1.0);
    let report = report(&[made.run.path().to_owned()], false).unwrap();
    assert!(report.warnings.is_empty() && report.is_whole, "{:?}", report.warnings);
    let (text, _) = report.markdown("charts");
    for told in [
        "**No measurement failed, but not all went well**: 17 measurements",
        "- the client, not the server, was the bottleneck in 4 of 10 loads of which that is known: oltp/tpcb on \
         postgres, serializable, 8 clients (3 of 8); replication/tpcb on postgres, serializable, 8 clients (1 of 2: async)\n",
        "| postgres 0.50x! (",
        "; ! stands where the client, not the server, was the bottleneck in any repetition",
        "\nthe client, not the server, was the bottleneck in 3 of 8 loads of which that is known: oltp/tpcb",
        "\nthe client, not the server, was the bottleneck in 1 of 2 loads of which that is known: replication/tpcb",
    ] {
        assert!(text.contains(told), "{told}\nis missing in\n{text}");
    }
    assert!(text.contains(" | 1,001! ±1% 0.50x"), "{text}");

    let quiet = of(0.0);
    let text = report_of(&quiet);
    assert!(!text.contains('!') && !text.contains("was the bottleneck in"), "{text}");
    assert!(text.contains("**Nothing failed**"), "{text}");
}

/// Lines of levels do not tell numbers of clients apart, so that the suite has no section of its own.
#[test]
fn loads_of_a_suite_that_is_not_shown_in_its_own_way_are_named_with_the_others() {
    let hot_row = Case { suite: "isolation".to_owned(), ..case("hot-row", "postgres") };
    let mut records = Vec::new();
    for (clients, value) in [(4, 0.0), (8, 1.0)] {
        let case = Case { clients, ..hot_row.clone() };
        records.extend(repetitions(&case, 500.0, &ROUNDS));
        records.push(verdict(&case, 1, "", value));
    }
    let text = report_of(&Made::of("r", &records, &ended("done", 1)));
    let by_engine = text.split("\n## ").find(|section| section.starts_with("By engine")).unwrap();
    let told = "the bottleneck in 1 of 2 loads of which that is known: isolation/hot-row";
    assert!(by_engine.contains(told), "{text}");
}

fn report_of(made: &Made) -> String {
    let (text, _) = report(&[made.run.path().to_owned()], false).unwrap().markdown("charts");
    // Pictures begin with the mark.
    text.replace("![", "[")
}
