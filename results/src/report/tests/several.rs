//! Samples of what there are several of.

use super::*;

static WAITING: MetricInfo = MetricInfo::gauge("waiting", "1", "");
static DISK: MetricInfo = MetricInfo::counter("disk_written_bytes", "bytes", "");
static LAG: MetricInfo = MetricInfo::gauge("replication_lag_s", "s", "");
static STATEMENTS: MetricInfo = MetricInfo::counter("statements_ms", "ms", "");

/// Ten seconds with two disks, a replica that is there for two of them, a wait in one, and twelve statements.
fn several(run: &RunFolder) {
    for second in 0..10_u32 {
        let sample = |source, metric, of: &str, value, per_second| {
            let target = if source == Source::Engine { "postgres" } else { "" };
            let reading = Reading { metric, of: of.to_owned(), value };
            sample(second, (source, target), reading, per_second)
        };
        let count = f64::from(second);
        let mut samples = vec![
            sample(Source::Machine, &DISK, "vda", 5.0 * count, Some(5.0)),
            sample(Source::Machine, &DISK, "vdb", 0.0, Some(0.0)),
        ];
        if second < 2 {
            samples.push(sample(Source::Engine, &LAG, "replica | 1", 3.0, None));
        }
        if second == 4 {
            samples.push(sample(Source::Engine, &WAITING, "IO: WALSync", 4.0, None));
        }
        for number in 1..=12_u32 {
            let each = f64::from(number);
            let text = format!("SELECT {number:02} {}", "x".repeat(200));
            samples.push(sample(Source::Engine, &STATEMENTS, &text, each * count, Some(each)));
        }
        run.samples(&samples).unwrap();
    }
}

#[test]
fn the_largest_of_what_there_are_several_of_are_told() {
    let records = repetitions(&case("tpcb", "postgres"), 1000.0, &ROUNDS);
    let made = Made::of("r", &records, &ended("done", 8));
    samples(&made.run);
    several(&made.run);
    let made = report(&[made.run.path().to_owned()], false).unwrap();
    let section = made.sections.iter().find(|one| one.title == "Servers and machine").unwrap();
    let table = section.blocks.iter().find_map(|block| match block {
        Block::Folded { text, .. } => Some(text.clone()),
        _ => None,
    });
    insta::assert_snapshot!(table.unwrap());
}
