//! What triggers cost each row: a line for each kind, columns for each target.

use crate::compare::against::Against;
use crate::grid::{Align, Grid, Text};
use crate::number;
use crate::ratios::Ratios;
use crate::subject::Subject;

pub(super) const LEGEND: &str = "us: time for each row that is inserted or updated, one in a statement (single) or a hundred \
     (bulk), a hundred in each transaction; x: how many times as long as with nothing on the table";

/// The kinds in the order in which they are shown.
const KINDS: [&str; 8] = [
    "none",
    "audit",
    "audit-three",
    "audit-statement",
    "validate",
    "check-constraint",
    "cascade",
    "generated-column",
];

/// The kinds of which there is anything to show; all of them where a case failed, whatever it came to.
fn shown(subjects: &[&Subject]) -> impl Iterator<Item = &'static str> {
    KINDS.into_iter().filter(|kind| {
        let has_load = |subject: &&&Subject| {
            let loads = ["single", "bulk"].map(|size| format!("{kind}-{size}"));
            loads.iter().any(|load| subject.has_load(load) || is_cut_off(subject, load))
        };
        let failed = || subjects.iter().any(|subject| subject.has_failed());
        *kind == KINDS[0] || subjects.iter().any(|subject| has_load(&subject)) || failed()
    })
}

/// Targets beside one another where they have room, else below one another.
pub(super) fn grid(subjects: &[&Subject], ratios: &Ratios, width: usize) -> Grid {
    let wide = beside(subjects, ratios);
    if wide.width() <= width || subjects.len() == 1 {
        return wide;
    }
    below(subjects, ratios)
}

fn beside(subjects: &[&Subject], ratios: &Ratios) -> Grid {
    let mut columns = vec![("triggers".to_owned(), Align::Left)];
    for subject in subjects {
        let heading = |words: &str| (format!("{}\n{words}", subject.label), Align::Right);
        columns.extend([heading("single us"), ("\nx".to_owned(), Align::Right)]);
        columns.extend([("\nbulk us".to_owned(), Align::Right), ("\nx".to_owned(), Align::Right)]);
    }
    let mut grid = Grid { columns, rows: Vec::new() };
    for kind in shown(subjects) {
        let mut row: Vec<Text> = vec![kind.to_owned().into()];
        let its = subjects.iter().enumerate();
        row.extend(its.flat_map(|(place, subject)| cells(subject, ratios, place, kind)));
        grid.rows.push(row);
    }
    grid
}

fn below(subjects: &[&Subject], ratios: &Ratios) -> Grid {
    let columns = [
        ("triggers", Align::Left),
        ("target", Align::Left),
        ("single us", Align::Right),
        ("x", Align::Right),
        ("bulk us", Align::Right),
        ("x", Align::Right),
    ];
    let columns = columns.map(|(heading, align)| (heading.to_owned(), align)).to_vec();
    let mut grid = Grid { columns, rows: Vec::new() };
    for kind in shown(subjects) {
        for (place, subject) in subjects.iter().enumerate() {
            let kind_said = if place == 0 { kind } else { "" };
            let mut row: Vec<Text> =
                vec![kind_said.to_owned().into(), subject.label.clone().into()];
            row.extend(cells(subject, ratios, place, kind));
            grid.rows.push(row);
        }
    }
    grid
}

/// Whether connections broke in a load.
fn is_cut_off(subject: &Subject, load: &str) -> bool {
    subject.median("connections_lost", load).is_some_and(|lost| lost > 0.0)
}

/// In place of the time of a load in which connections broke: it is for the most part that without them.
const CUT_OFF: &str = "cut off";

/// Microseconds and the ratio, of single rows and of many at once.
fn cells(subject: &Subject, ratios: &Ratios, place: usize, kind: &str) -> [Text; 4] {
    let [single, bulk] = ["single", "bulk"].map(|size| {
        let load = format!("{kind}-{size}");
        if subject.lacking.contains_key(&load) {
            return ["-".to_owned(), String::new()];
        }
        let Some(us) = subject.median("row_us", &load) else {
            let word = if subject.has_load(&load) {
                subject.word().unwrap_or_default()
            } else if is_cut_off(subject, &load) {
                CUT_OFF
            } else {
                "not run"
            };
            return [word.to_owned(), String::new()];
        };
        [number::sensible(us), ratios.get(place, &load).map(Against::text).unwrap_or_default()]
    });
    let ([us, ratio], [bulk_us, bulk_ratio]) = (single, bulk);
    [us, ratio, bulk_us, bulk_ratio].map(Text::from)
}
