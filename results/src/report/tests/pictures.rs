//! Which pictures there are, what is in them and what they are called.

use super::*;
use crate::run_folder::RunFolder;

/// How many transactions of each type ended.
type Ended<'e> = &'e [(&'static str, u64)];

/// The seconds of a load that began so long after the first: the number of each, whether it is one of warm-up, and
/// how many transactions of each type ended in it.
fn load(run: &RunFolder, case: &Case, began: u64, seconds: &[(u64, bool, Ended<'_>)]) {
    for (second, warmup, ended) in seconds {
        let types = ended.iter().map(|(transaction, completed)| {
            let mut response_ns = Histogram::new(3).unwrap();
            for value in 1..=100_u64 {
                response_ns.record(value * 1_000_000).unwrap();
            }
            Second {
                second: *second,
                warmup: *warmup,
                transaction: (*transaction).into(),
                completed: *completed,
                errors: 0,
                retries: 0,
                response_ns,
            }
        });
        let types: Vec<Second> = types.collect();
        run.second(case, BEGAN + Duration::from_secs(began), &types).unwrap();
    }
}

/// The titles of the charts in a section, and what they say to those who cannot see them.
fn charts(report: &Report, section: &str) -> Vec<(String, String)> {
    let section = report.sections.iter().find(|found| found.title == section);
    let blocks = section.into_iter().flat_map(|section| &section.blocks);
    let charts = blocks.filter_map(|block| match block {
        Block::Chart { title, svg, .. } => {
            let document = roxmltree::Document::parse(svg).unwrap();
            let told = document.descendants().find(|node| node.has_tag_name("desc")).unwrap();
            Some((title.clone(), told.text().unwrap().to_owned()))
        }
        Block::Text(_) | Block::Folded { .. } => None,
    });
    charts.collect()
}

fn titles(report: &Report, section: &str) -> Vec<String> {
    charts(report, section).into_iter().map(|(title, _)| title).collect()
}

fn texts(report: &Report, section: &str) -> String {
    let section = report.sections.iter().find(|found| found.title == section);
    let blocks = section.into_iter().flat_map(|section| &section.blocks);
    let texts = blocks.filter_map(|block| match block {
        Block::Text(text) | Block::Folded { text, .. } => Some(text.as_str()),
        Block::Chart { .. } => None,
    });
    texts.collect::<Vec<_>>().join("\n")
}

fn report_of(made: &Made) -> Report {
    report(&[made.run.path().to_owned()], false).unwrap()
}

/// A run of one benchmark on these targets.
fn on(targets: &[&str], name: &str, info: &RunInfo) -> Made {
    let speeds = targets.iter().zip(1_u32..);
    let records = speeds.flat_map(|(target, place)| {
        repetitions(&case("tpcb", target), 1000.0 / f64::from(place), &ROUNDS)
    });
    Made::of(name, &records.collect::<Vec<_>>(), info)
}

#[test]
fn each_load_of_a_case_has_pictures_of_its_own() {
    let made = on(&["sqlite", "postgres"], "r", &ended("done", 8));
    let loads: [(u64, Ended<'_>); 3] = [
        (0, &[("transactions/new_order", 900), ("transactions/payment", 100)]),
        (20, &[("queries/q01", 2), ("queries/q02", 1)]),
        (40, &[("both/new_order", 450), ("both/payment", 50), ("both/q01", 1), ("both/q02", 1)]),
    ];
    for target in ["sqlite", "postgres"] {
        for (began, types) in loads {
            let seconds: Vec<_> = (0..8).map(|second| (second, false, types)).collect();
            load(&made.run, &case("tpcb", target), began, &seconds);
        }
    }
    let at = BEGAN + Duration::from_secs(23);
    let killed = Event { at, ..Event::now("server_killed", "by the test") };
    made.run.event(&case("tpcb", "postgres"), &killed).unwrap();
    let report = report_of(&made);
    let curves =
        |each: &str| format!("postgres: from {each} to {each}. sqlite: from {each} to {each}.");
    let axes = "transactions per second against seconds.";
    let told = |load: &str, told: String| {
        (format!("Throughput of oltp/tpcb over time: {load}"), format!("{axes} {told}"))
    };
    assert_eq!(
        charts(&report, "Over time"),
        [
            told("transactions", curves("1,000")),
            told(
                "queries",
                format!("{} At 3.00: the server was killed (postgres).", curves("3.00"))
            ),
            told("both", curves("502")),
        ]
    );
    assert!(
        texts(&report, "Over time").contains("1. 3.00 s: the server was killed (postgres)\n"),
        "{}",
        texts(&report, "Over time")
    );
    // Transactions and queries that work beside each other are no one thing either.
    let loads = ["transactions", "queries", "both, transactions", "both, queries"];
    assert_eq!(
        titles(&report, "Response times"),
        loads.map(|load| format!("Response times of oltp/tpcb: {load}"))
    );
}

/// There is nothing to set it against, and much to see.
#[test]
fn a_benchmark_of_one_target_has_pictures_of_its_cases() {
    let of = |clients| Case { clients, ..case("tpcb", "sqlite") };
    let records = [1, 8].map(|clients| repetitions(&of(clients), 1000.0, &ROUNDS)).concat();
    let made = Made::of("r", &records, &ended("done", 8));
    for clients in [1, 8] {
        seconds(&made.run, &of(clients), 1000.0 * f64::from(clients));
    }
    let at = BEGAN + Duration::from_secs(3);
    made.run.event(&of(8), &Event { at, ..Event::now("alert_fired", "too slow") }).unwrap();
    let report = report_of(&made);
    let [(title, told)] = charts(&report, "Over time").try_into().unwrap();
    assert_eq!(title, "Throughput of oltp/tpcb over time");
    for curve in ["1 client: from 1,000 to 1,000", "8 clients: from 8,000 to 8,000", "(8 clients)"]
    {
        assert!(told.contains(curve), "{told}");
    }
    assert_eq!(titles(&report, "Response times"), ["Response times of oltp/tpcb"]);
    // One that consists of several loads would have a picture of one curve for each.
    let made = on(&["sqlite"], "r", &ended("done", 8));
    let loads: [(u64, Ended<'_>); 2] = [(0, &[("one/a", 9)]), (20, &[("two/b", 2)])];
    for (began, types) in loads {
        let seconds: Vec<_> = (0..8).map(|second| (second, false, types)).collect();
        load(&made.run, &case("tpcb", "sqlite"), began, &seconds);
    }
    let report = report_of(&made);
    assert!(charts(&report, "Over time").is_empty(), "{:?}", titles(&report, "Over time"));
    assert!(charts(&report, "Response times").is_empty());
    // The only case of a target is called by the target.
    let made = on(&["sqlite"], "r", &ended("done", 8));
    seconds(&made.run, &case("tpcb", "sqlite"), 1000.0);
    let [(_, told)] = charts(&report_of(&made), "Over time").try_into().unwrap();
    assert!(told.contains("sqlite: from 1,000 to 1,000"), "{told}");
}

/// A number that is none would take the picture's scale with it.
#[test]
fn what_is_no_number_is_told_and_not_drawn() {
    let made = on(&["sqlite"], "r", &ended("done", 8));
    seconds(&made.run, &case("tpcb", "sqlite"), 1000.0);
    let timeline = made.path(file::TIMELINE);
    let text = fs::read_to_string(&timeline).unwrap();
    for none in ["NaN", "inf", "-inf"] {
        let damaged = text.replace(",1000,", &format!(",{none},"));
        fs::write(&timeline, damaged).unwrap();
        let report = report_of(&made);
        let told = format!("`{none}` is no finite number; it and 7 other lines are not shown");
        let warnings = &report.warnings;
        assert!(warnings.iter().any(|warning| warning.contains(&told)), "{warnings:?}");
        assert!(charts(&report, "Over time").iter().all(|(_, told)| !told.contains(none)));
    }
}

#[test]
fn what_happened_outside_of_loads_is_listed_and_not_drawn() {
    let made = on(&["sqlite", "postgres"], "r", &ended("done", 8));
    for target in ["sqlite", "postgres"] {
        seconds(&made.run, &case("tpcb", target), 1000.0);
    }
    let at = BEGAN + Duration::from_secs(30);
    made.run
        .event(&case("tpcb", "sqlite"), &Event { at, ..Event::now("check_failed", "sum") })
        .unwrap();
    let report = report_of(&made);
    let [(_, told)] = charts(&report, "Over time").try_into().unwrap();
    assert!(!told.contains("At "), "{told}");
    let listed = texts(&report, "Over time");
    assert!(listed.contains("- 30.0 s, after the load: a check failed (sqlite)"), "{listed}");
}

/// 1.5 s of warm-up and then as long as is said; a transaction of each of eight clients is under way at the end.
fn with_tail(planned: Option<&str>, seconds: u64) -> Report {
    let mut info = ended("done", 8);
    if let Some(duration) = planned {
        info.options.insert("warmup".to_owned(), "1.5 s".to_owned());
        info.options.insert("duration".to_owned(), duration.to_owned());
    }
    let made = on(&["sqlite", "postgres"], "r", &info);
    let all = |second: u64| -> Vec<(u64, bool, u64)> {
        match second {
            0 => vec![(0, true, 1000)],
            1 => vec![(1, true, 500), (1, false, 500)],
            // What began in the warm-up ends.
            2 => vec![(2, true, 4), (2, false, 996)],
            _ if second == seconds => vec![(second, false, 500)],
            _ if second > seconds => vec![(second, false, 8)],
            _ => vec![(second, false, 1000)],
        }
    };
    for target in ["sqlite", "postgres"] {
        for (second, warmup, count) in (0..=seconds + 1).flat_map(all) {
            load(&made.run, &case("tpcb", target), 0, &[(second, warmup, &[("all", count)])]);
        }
    }
    report_of(&made)
}

#[test]
fn seconds_that_a_load_did_not_fill_are_no_throughput() {
    let [(_, told)] = charts(&with_tail(Some("6 s"), 7), "Over time").try_into().unwrap();
    assert!(told.contains("sqlite: from 1,000 to 1,000."), "{told}");
    // Two to five are four seconds, however many there are rows of.
    assert_eq!(charts(&with_tail(Some("5 s"), 6), "Over time"), []);
    // Nothing says how long it was to be, so that only what is sure to be cut off is left out.
    let [(_, told)] = charts(&with_tail(None, 7), "Over time").try_into().unwrap();
    assert!(told.contains("sqlite: from 1,000 to 500."), "{told}");
    // It was longer than is said, as some loads are.
    let [(_, told)] = charts(&with_tail(Some("2 s"), 7), "Over time").try_into().unwrap();
    assert!(told.contains("sqlite: from 1,000 to 500."), "{told}");
}

#[test]
fn whose_load_was_too_short_to_be_drawn_is_told() {
    let made = on(&["sqlite", "postgres"], "r", &ended("done", 8));
    seconds(&made.run, &case("tpcb", "sqlite"), 1000.0);
    for second in 0..3 {
        load(&made.run, &case("tpcb", "postgres"), 0, &[(second, false, &[("all", 9)])]);
    }
    let report = report_of(&made);
    let [(_, told)] = charts(&report, "Over time").try_into().unwrap();
    assert!(told.contains("sqlite: ") && !told.contains("postgres"), "{told}");
    let texts = texts(&report, "Over time");
    assert!(texts.contains("fewer than 5 whole seconds of it were measured: postgres"), "{texts}");
}

/// Counters of the server, of which one was not told in a second.
#[test]
fn hits_and_misses_of_one_moment_are_taken_together() {
    let made = on(&["sqlite", "postgres"], "r", &ended("done", 8));
    for second in 0..10_u32 {
        let sample = |metric, rate: f64, is_told: bool| Sample {
            at: BEGAN + Duration::from_secs(second.into()),
            taken: Instant::now(),
            source: Source::Engine,
            target: "postgres".to_owned(),
            reading: Reading { metric, of: String::new(), value: 0.0 },
            per_second: Some(rate).filter(|_| is_told),
        };
        let hits = 10.0 * f64::from(second);
        made.run
            .samples(&[sample(&HITS, hits, true), sample(&MISSES, 100.0 - hits, second != 2)])
            .unwrap();
    }
    let [(title, told)] = charts(&report_of(&made), "Servers and machine").try_into().unwrap();
    assert_eq!(title, "Pages found in the engine's cache");
    assert!(told.contains("postgres: from 0 to 90.0."), "{told}");
}

#[test]
fn no_target_is_left_out_of_the_pictures() {
    let targets = ["t1", "t2", "t3", "t4", "t5", "t6", "t7", "t8"];
    let made = on(&targets, "r", &ended("done", 8));
    for target in targets {
        seconds(&made.run, &case("tpcb", target), 1000.0);
        for second in 0..10_u32 {
            let sample = Sample {
                at: BEGAN + Duration::from_secs(second.into()),
                taken: Instant::now(),
                source: Source::Server,
                target: target.to_owned(),
                reading: Reading { metric: &BUSY, of: String::new(), value: f64::from(second) },
                per_second: Some(1.0),
            };
            made.run.samples(&[sample]).unwrap();
        }
    }
    let report = report_of(&made);
    for (section, title) in [
        ("Response times", "Response times of oltp/tpcb"),
        ("Over time", "Throughput of oltp/tpcb over time"),
        ("Servers and machine", "Processors in use"),
    ] {
        let [first, second] = charts(&report, section).try_into().unwrap();
        assert_eq!((first.0, second.0), (title.to_owned(), format!("{title} (2)")));
        let has = |told: &str, target: &str| told.contains(&format!("{target}: from "));
        assert!(targets[..6].iter().all(|target| has(&first.1, target)), "{}", first.1);
        assert!(targets[6..].iter().all(|target| has(&second.1, target)), "{}", second.1);
    }
}

/// Whether each picture has a file of its own, and each name in a document is there once.
fn has_names_of_its_own(report: &Report) -> Vec<String> {
    let (text, pictures) = report.markdown("charts");
    let mut names: Vec<String> = pictures.iter().map(|picture| picture.name.clone()).collect();
    for picture in &pictures {
        assert_eq!(text.matches(&format!("(charts/{})", picture.name)).count(), 1, "{text}");
    }
    let html = report.html();
    let ids: Vec<&str> =
        html.split(" id=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    let labels =
        html.split(" aria-labelledby=\"").skip(1).filter_map(|rest| rest.split('"').next());
    for label in labels.flat_map(|labels| labels.split(' ')) {
        assert_eq!(ids.iter().filter(|id| **id == label).count(), 1, "{label} in {ids:?}");
    }
    names.sort_unstable();
    let all = names.len();
    names.dedup();
    assert_eq!(names.len(), all, "{names:?}");
    names
}

#[test]
fn runs_in_folders_of_one_name_have_pictures_of_their_own() {
    let made = ["sqlite", "postgres"].map(|target| on(&[target], "r", &ended("done", 8)));
    for made in &made {
        samples(&made.run);
    }
    let runs = made.each_ref().map(|made| made.run.path().to_owned());
    let report = report(&runs, false).unwrap();
    for made in &made {
        let around = made.root.path().file_name().unwrap().to_string_lossy();
        let title = format!("Processors in use in {around}/r");
        assert!(titles(&report, "Servers and machine").contains(&title), "{title}");
    }
    // Of SQLite what dbdyno used alone; of PostgreSQL the processors, the cache and the locks.
    assert_eq!(has_names_of_its_own(&report).len(), 4);
}

#[test]
fn pictures_whose_titles_differ_in_signs_alone_have_names_of_their_own() {
    let of =
        |(benchmark, target): (&str, &str)| repetitions(&case(benchmark, target), 500.0, &ROUNDS);
    let cases =
        [("a-b", "x"), ("a-b", "y"), ("a b", "x"), ("a b", "y"), ("a-b-2", "x"), ("a-b-2", "y")];
    let made = Made::of("r", &cases.map(of).concat(), &ended("done", 8));
    for (benchmark, target) in cases {
        seconds(&made.run, &case(benchmark, target), 500.0);
    }
    let names = has_names_of_its_own(&report_of(&made));
    let expected = ["a-b-2.svg", "a-b-3.svg", "a-b.svg"];
    assert_eq!(names[..3], expected.map(|name| format!("response-times-of-oltp-{name}")));
}
