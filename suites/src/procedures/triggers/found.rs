//! What the loads of a case come to: the time for each row, and how it compares with that without anything
//! on the table.

use dbdyno_core::load::LoadReport;
use dbdyno_core::{Better, Measurement, Status};

use super::kinds::{KINDS, Kind};
use super::writes::{TRANSACTION_ROWS, TYPES};

/// What was found out so far.
#[derive(Debug, Default)]
pub struct Found {
    loads: Vec<Load>,
    lacking: Vec<(&'static str, &'static str)>,
}

/// A load that came to its end.
#[derive(Debug)]
struct Load {
    name: &'static str,
    /// Microseconds for each row: of all writes, and of each type.
    row_us: f64,
    by_type: Vec<(&'static str, f64)>,
}

impl Found {
    /// A load that came to its end. One in which connections broke is not
    /// compared: what it measured is for the most part how long it took to get others.
    pub fn add(&mut self, name: &'static str, report: &LoadReport) {
        if report.connections_lost > 0 {
            return;
        }
        let of_rows = |ns: f64| ns / 1e3 / TRANSACTION_ROWS as f64;
        let by_type = report
            .transactions
            .iter()
            .filter(|each| TYPES.contains(&each.name) && !each.response_ns.is_empty())
            .map(|each| (each.name, of_rows(each.response_ns.mean())));
        let total = report.total().response_ns;
        if !total.is_empty() {
            let row_us = of_rows(total.mean());
            self.loads.push(Load { name, row_us, by_type: by_type.collect() });
        }
    }

    /// A kind that the engine does not have.
    pub fn lacks(&mut self, kind: &Kind, why: &'static str) {
        self.lacking.extend(kind.loads.map(|name| (name, why)));
    }

    /// The metrics, and what they come to in words.
    pub fn metrics(&self) -> (Vec<Measurement>, String) {
        let mut rows = Vec::new();
        let mut words = Vec::new();
        for load in &self.loads {
            rows.push(row_us(load.row_us).of(load.name));
            let of_type =
                |(kind, us): &(&str, f64)| row_us(*us).of(format!("{}/{kind}", load.name));
            rows.extend(load.by_type.iter().map(of_type));
        }
        for (name, slowdown) in self.slowdowns() {
            rows.push(Measurement::new("trigger_slowdown", slowdown, "1", Better::Lower).of(name));
            if name == "audit-single" || name == "audit-bulk" {
                words.push(format!("{name} {slowdown:.2}x"));
            }
        }
        for (name, why) in &self.lacking {
            let row = row_us(0.0).of(*name).with_status(Status::Unsupported, *why);
            rows.push(Measurement { value: None, ..row });
        }
        (rows, words.join(", "))
    }

    /// How many times as long a row takes as without anything, by load.
    fn slowdowns(&self) -> Vec<(&'static str, f64)> {
        let find = |name: &str| self.loads.iter().find(|load| load.name == name);
        let mut slowdowns = Vec::new();
        for kind in &KINDS[1..] {
            for (name, base) in kind.loads.into_iter().zip(KINDS[0].loads) {
                if let (Some(load), Some(base)) = (find(name), find(base)) {
                    slowdowns.push((name, load.row_us / base.row_us));
                }
            }
        }
        slowdowns
    }
}

fn row_us(us: f64) -> Measurement {
    Measurement::new("row_us", us, "us", Better::Lower)
}

#[cfg(test)]
mod tests {
    use super::{Found, Load};

    #[test]
    fn kinds_are_held_against_none_of_the_same_size() {
        let load = |name, row_us| Load { name, row_us, by_type: Vec::new() };
        let loads = vec![
            load("audit-bulk", 9.0),
            load("none-single", 100.0),
            load("audit-single", 150.0),
            load("none-bulk", 3.0),
            load("validate-single", 90.0),
        ];
        let found = Found { loads, lacking: vec![("cascade-bulk", "none there")] };
        assert_eq!(
            found.slowdowns(),
            [("audit-single", 1.5), ("audit-bulk", 3.0), ("validate-single", 0.9)]
        );
        let (rows, headline) = found.metrics();
        assert_eq!(headline, "audit-single 1.50x, audit-bulk 3.00x");
        let lacking = rows.iter().find(|row| row.transaction == "cascade-bulk");
        assert_eq!(lacking.map(|row| row.value), Some(None));
    }
}
