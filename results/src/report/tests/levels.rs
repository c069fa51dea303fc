//! Levels and drivers side by side.

use super::*;

fn made(cases: &[(Case, f64)]) -> Report {
    let rows = cases.iter().flat_map(|(case, throughput)| repetitions(case, *throughput, &ROUNDS));
    let made = Made::of("r", &rows.collect::<Vec<_>>(), &ended("done", 8));
    report(&[made.run.path().to_owned()], false).unwrap()
}

/// The lines of a section's tables that have this in them.
fn lines(report: &Report, title: &str, having: &str) -> Vec<String> {
    let section = report.sections.iter().find(|section| section.title == title);
    let blocks = &section.unwrap_or_else(|| panic!("there is no {title}")).blocks;
    let texts = blocks.iter().filter_map(|block| match block {
        Block::Text(text) => Some(text),
        Block::Folded { .. } | Block::Chart { .. } => None,
    });
    let lines = texts.flat_map(|text| text.lines()).filter(|line| line.contains(having));
    lines.map(str::to_owned).collect()
}

fn has(report: &Report, title: &str) -> bool {
    report.sections.iter().any(|section| section.title == title)
}

/// Twice as fast at the weaker level, on both engines.
#[test]
fn levels_of_isolation_stand_side_by_side() {
    let of = |engine: &str, isolation| Case { isolation, ..case("tpcb", engine) };
    let made = made(&[
        (of("postgres", Isolation::ReadCommitted), 2_000.0),
        (of("postgres", Isolation::Serializable), 1_000.0),
        (of("mariadb", Isolation::ReadCommitted), 600.0),
        (of("mariadb", Isolation::Serializable), 300.0),
    ]);
    let heads = lines(&made, "By isolation", "read-committed");
    assert!(heads.iter().any(|line| line.contains("serializable")), "{heads:?}");
    let speeds = lines(&made, "By isolation", "tx/s");
    assert_eq!(speeds.len(), 2, "{speeds:?}");
    assert!(speeds.iter().all(|line| line.contains("0.50x")), "{speeds:?}");
    assert!(!has(&made, "By driver"));
}

/// A library that costs three quarters of the throughput, beside the engine's own driver.
#[test]
fn drivers_stand_side_by_side() {
    let of = |driver: &str, target: &str| Case {
        driver: driver.to_owned(),
        target: target.to_owned(),
        ..case("tpcb", "postgres")
    };
    let made = made(&[
        (of("postgres-protocol", "postgres"), 2_000.0),
        (of("sqlx", "postgres?driver=sqlx"), 500.0),
    ]);
    let heads = lines(&made, "By driver", "sqlx");
    assert!(heads.iter().any(|line| line.contains("postgres-protocol")), "{heads:?}");
    let [speed] = &lines(&made, "By driver", "tx/s")[..] else { panic!("one line") };
    assert!(speed.contains("0.25x"), "{speed}");
    assert!(!has(&made, "By isolation"));
}
