//! How many clients waited for connections over time, by the files `pools/` of run folders.

use std::collections::BTreeMap;
use std::path::Path;

use super::{name, pool};
use crate::chart::{LineChart, LineCurve, MOST_CURVES, Scale, in_parts};
use crate::number;
use crate::run_folder::file_stem;
use crate::subject::Subject;

/// The folder of the files.
const FOLDER: &str = "pools";
const MS_PER_S: f64 = 1e3;
/// A curve has so many points at the most: of the looks that fall into one, the longest queue.
const MOST_POINTS: usize = 200;

/// Looks at each load's queue: seconds, and clients that waited.
type Looks = BTreeMap<String, Vec<(f64, f64)>>;

/// The charts of a case, of the first of the run folders that has its file; none where nobody ever waited. Of a kind of
/// pool that was measured in several sizes they show the one in the middle.
pub(super) fn charts(subject: &Subject, folders: &[&Path]) -> Vec<LineChart> {
    let file = format!("{}.csv", file_stem(&subject.case));
    let read = folders.iter().map(|folder| read(&folder.join(FOLDER).join(&file)));
    let Some(looks) = read.into_iter().find(|looks| !looks.is_empty()) else { return Vec::new() };
    let curves: Vec<LineCurve> = shown(&looks)
        .into_iter()
        .map(|(load, looks)| LineCurve { name: load.to_owned(), points: thinned(looks) })
        .collect();
    let waited = curves.iter().flat_map(|curve| &curve.points).any(|(_, queue)| *queue > 0.0);
    if !waited {
        return Vec::new();
    }
    let chart = |(title, curves)| LineChart {
        title,
        axes: ("seconds".to_owned(), "clients that wait for a connection".to_owned()),
        scale: Scale::Linear,
        log_y: false,
        curves,
        marks: Vec::new(),
        marks_unit: "s",
    };
    let title = format!("Clients waiting in {}", name(subject));
    in_parts(&title, curves, MOST_CURVES).into_iter().map(chart).collect()
}

/// A file that is not there or is cut off has fewer looks.
fn read(path: &Path) -> Looks {
    let mut looks = Looks::new();
    let Ok(mut reader) = csv::Reader::from_path(path) else { return looks };
    let Ok(header) = reader.headers().cloned() else { return looks };
    let place = |name: &str| header.iter().position(|column| column == name);
    let (Some(stage), Some(at), Some(queue)) =
        (place("stage"), place("at_ms"), place("queue_depth"))
    else {
        return looks;
    };
    for row in reader.records().map_while(Result::ok) {
        let number = |place: usize| row.get(place).and_then(number::finite);
        if let (Some(load), Some(ms), Some(depth)) = (row.get(stage), number(at), number(queue)) {
            looks.entry(load.to_owned()).or_default().push((ms / MS_PER_S, depth));
        }
    }
    looks
}

/// Of each kind the size in the middle, the lower of two.
fn shown(looks: &Looks) -> Vec<(&str, &[(f64, f64)])> {
    let mut kinds: BTreeMap<&str, Vec<(u32, &str)>> = BTreeMap::new();
    for load in looks.keys() {
        if let Some((kind, size)) = pool(load) {
            kinds.entry(kind).or_default().push((size, load));
        }
    }
    let middle = kinds.into_values().filter_map(|mut sizes| {
        sizes.sort_unstable();
        let (_, load) = *sizes.get((sizes.len() - 1) / 2)?;
        Some((load, looks.get(load)?.as_slice()))
    });
    middle.collect()
}

/// The longest queue of each of so many spans of the same number of looks.
fn thinned(looks: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let span = looks.len().div_ceil(MOST_POINTS).max(1);
    let longest =
        |looks: &[(f64, f64)]| looks.iter().copied().max_by(|one, other| one.1.total_cmp(&other.1));
    looks.chunks(span).filter_map(longest).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_each_kind_the_size_in_the_middle_is_shown() {
        let loads = ["direct", "deadpool-1", "deadpool-16", "deadpool-4", "deadpool-8", "sqlx-2"];
        let looks: Looks = loads.iter().map(|load| ((*load).to_owned(), Vec::new())).collect();
        let found: Vec<&str> = shown(&looks).into_iter().map(|(load, _)| load).collect();
        assert_eq!(found, ["deadpool-4", "sqlx-2"]);
    }

    #[test]
    fn a_short_peak_is_not_lost() {
        let looks: Vec<(f64, f64)> =
            (0..10_000).map(|at| (f64::from(at), if at == 4_321 { 99.0 } else { 1.0 })).collect();
        let points = thinned(&looks);
        assert!(points.len() <= MOST_POINTS);
        assert!(points.contains(&(4_321.0, 99.0)) && points.is_sorted_by(|a, b| a.0 < b.0));
        assert_eq!(thinned(&looks[..3]), looks[..3]);
        assert!(thinned(&[]).is_empty());
    }
}
