//! What there are several of: disks, wait events, modes of locks, replicas, statements.

use std::collections::BTreeMap;

/// So many of a metric are told, the largest.
const TOLD: usize = 10;
/// A name has so many characters at the most: statements may be long.
const LONGEST_NAME: usize = 80;
/// Gauges of which an engine names only what is there: what a sample does not name was none then.
const NAMED_WHERE_THERE: [&str; 3] = ["waiting", "locks", "locks_awaited"];

/// Means by target.
type Means = BTreeMap<String, f64>;
/// A sum, and how many samples it is of.
type Sum = (f64, usize);

/// The sums of a run: by source and metric, by what they are of, and by target.
#[derive(Default)]
pub(super) struct Each {
    sums: BTreeMap<(String, String), BTreeMap<String, BTreeMap<String, Sum>>>,
}

/// A line of the table.
pub(super) struct Line {
    /// Of which source, and which metric.
    pub(super) metric: (String, String),
    /// Which of several.
    pub(super) of: String,
    pub(super) means: Means,
}

impl Each {
    pub(super) fn add(&mut self, metric: (String, String), of: &str, target: &str, value: f64) {
        let of = self.sums.entry(metric).or_default().entry(of.to_owned()).or_default();
        let (sum, samples) = of.entry(target.to_owned()).or_default();
        *sum += value;
        *samples += 1;
    }

    pub(super) fn targets(&self) -> impl Iterator<Item = &str> {
        let by_target = self.sums.values().flat_map(BTreeMap::values);
        by_target.flat_map(BTreeMap::keys).map(String::as_str)
    }

    /// Lines for the largest of each metric, without what was 0 all the time, and how many of which metric are left out.
    /// `samples` is how many there are of a source and a target.
    pub(super) fn lines(
        &self,
        samples: impl Fn(&str, &str) -> usize,
    ) -> (Vec<Line>, Vec<(&str, usize)>) {
        let (mut lines, mut left_out) = (Vec::new(), Vec::new());
        for (metric, each) in &self.sums {
            let means = |(of, sums): (&String, &BTreeMap<String, Sum>)| {
                let mean = |(target, (sum, count)): (&String, &Sum)| {
                    let all = match NAMED_WHERE_THERE.contains(&metric.1.as_str()) {
                        true => samples(&metric.0, target).max(*count),
                        false => *count,
                    };
                    (target.clone(), sum / all as f64)
                };
                let means = sums.iter().map(mean).collect();
                Line { metric: metric.clone(), of: shortened(of), means }
            };
            let mut its: Vec<Line> =
                each.iter().map(means).filter(|line| line.largest() > 0.0).collect();
            its.sort_by(|one, other| other.largest().total_cmp(&one.largest()));
            if its.len() > TOLD {
                left_out.push((metric.1.as_str(), its.len() - TOLD));
                its.truncate(TOLD);
            }
            lines.extend(its);
        }
        (lines, left_out)
    }
}

impl Line {
    fn largest(&self) -> f64 {
        self.means.values().map(|mean| mean.abs()).fold(0.0, f64::max)
    }
}

fn shortened(name: &str) -> String {
    if name.chars().count() <= LONGEST_NAME {
        return name.to_owned();
    }
    name.chars().take(LONGEST_NAME - 1).chain(['…']).collect()
}
