//! What stored procedures gain: a line for each round trip.

use crate::compare::against::Against;
use crate::grid::{Align, Grid, Text};
use crate::number;
use crate::ratios::Ratios;
use crate::subject::Subject;

pub(super) const LEGEND: &str = "speed-up: how many times as long a transaction takes as statements as it does as a stored \
     procedure, at the same mix of transactions; round trip: what a proxy added to each";

/// The round trips that a case adds, as loads and metrics name them, and as a person does.
const ROUND_TRIPS: [(&str, &str); 5] = [
    ("", "the target's"),
    ("direct", "none"),
    ("200us", "0.2 ms"),
    ("1ms", "1 ms"),
    ("5ms", "5 ms"),
];

pub(super) fn grid(subjects: &[&Subject], ratios: &Ratios) -> Grid {
    let columns = [
        ("procedures", Align::Left),
        ("target", Align::Left),
        ("round trip", Align::Right),
        ("statements\ntx/s", Align::Right),
        ("procedures\ntx/s", Align::Right),
        ("speed-up", Align::Right),
    ];
    let columns = columns.map(|(heading, align)| (heading.to_owned(), align)).to_vec();
    let mut grid = Grid { columns, rows: Vec::new() };
    let mut benchmarks: Vec<&str> = Vec::new();
    for subject in subjects {
        if !benchmarks.contains(&subject.case.benchmark.as_str()) {
            benchmarks.push(&subject.case.benchmark);
        }
    }
    for benchmark in benchmarks {
        let mut named = false;
        let its = subjects.iter().enumerate();
        for (place, subject) in its.filter(|(_, subject)| subject.case.benchmark == benchmark) {
            grid.gap();
            let (target, own) = apart(&subject.case.target);
            let label = subject.label.replacen(&subject.case.target, &target, 1);
            let against = |name: &str| ratios.get(place, name);
            for line in lines(subject, against, own.as_deref()) {
                let [round_trip, statements, procedures, speedup] = line.numbers;
                let benchmark = if named { "" } else { benchmark };
                let target = if line.is_first { label.as_str() } else { "" };
                grid.rows.push(vec![
                    benchmark.to_owned().into(),
                    target.to_owned().into(),
                    round_trip.into(),
                    statements.into(),
                    procedures.into(),
                    Text { text: speedup, bold: line.is_faster },
                ]);
                named = true;
            }
        }
    }
    grid
}

struct Line {
    is_first: bool,
    is_faster: bool,
    numbers: [String; 4],
}

/// A target without its round trip, and that as a person writes it.
fn apart(target: &str) -> (String, Option<String>) {
    let Some((place, query)) = target.split_once('?') else { return (target.to_owned(), None) };
    let (own, others): (Vec<&str>, Vec<&str>) =
        query.split('&').partition(|option| option.starts_with("round_trip="));
    let round_trip = own.first().and_then(|option| option.split_once('=')).map(|(_, text)| {
        let unit = text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len());
        format!("{} {}", &text[..unit], &text[unit..]).trim_end().to_owned()
    });
    let rest = if others.is_empty() { String::new() } else { format!("?{}", others.join("&")) };
    (format!("{place}{rest}"), round_trip)
}

fn lines<'r>(
    subject: &Subject,
    against: impl Fn(&str) -> Option<&'r Against>,
    own: Option<&str>,
) -> Vec<Line> {
    let mut lines = Vec::new();
    for (name, words) in ROUND_TRIPS {
        let load = |form: &str| match name {
            "" => form.to_owned(),
            name => format!("{form}-{name}"),
        };
        let throughput = |form| subject.median("throughput", &load(form));
        let [statements, procedures] = ["statements", "procedures"].map(throughput);
        if statements.is_none() && procedures.is_none() {
            continue;
        }
        let round_trip = if name.is_empty() { own.unwrap_or(words) } else { words };
        let said = |number: Option<f64>| number.map(number::sensible).unwrap_or_default();
        let mut text = against(name).map(Against::text).unwrap_or_default();
        let spread = subject.spread("procedure_speedup", name);
        if let Some(spread) = spread.filter(|_| against(name).is_some_and(|of| of.ratio.is_some()))
        {
            text = format!("{text} {}", number::spread(spread));
        }
        lines.push(Line {
            is_first: lines.is_empty(),
            is_faster: against(name).is_some_and(Against::is_more),
            numbers: [round_trip.to_owned(), said(statements), said(procedures), text],
        });
    }
    if lines.is_empty() {
        let word = subject.word().unwrap_or("not measured").to_owned();
        let numbers = [String::new(), word, String::new(), String::new()];
        lines.push(Line { is_first: true, is_faster: false, numbers });
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::apart;

    #[test]
    fn a_target_and_its_round_trip_are_told_apart() {
        for (target, rest, round_trip) in [
            ("postgres", "postgres", None),
            ("postgres?round_trip=1ms", "postgres", Some("1 ms")),
            ("mariadb?driver=sqlx&round_trip=200us", "mariadb?driver=sqlx", Some("200 us")),
            ("mysql://host/db?round_trip=0&a=b", "mysql://host/db?a=b", Some("0")),
            ("postgres://host/db?a=b", "postgres://host/db?a=b", None),
        ] {
            assert_eq!(apart(target), (rest.to_owned(), round_trip.map(str::to_owned)), "{target}");
        }
    }
}
