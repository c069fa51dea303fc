//! The schedules, one for each anomaly: those of the Hermitage test suite (Kleppmann, "Hermitage: Testing
//! the 'I' in ACID", 2014), which follows Adya and Bailis et al.
//!
//! Before each, row 1 has the value 10 and row 2 the value 20. A schedule shows its anomaly where no
//! order of its transactions, one after another, would give the same answers and the same rows.

use dbdyno_core::Anomaly;

use super::schedule::{Schedule, Seen, begin, begin_reading, commit, read, roll_back, write};

/// All rows.
pub const ALL: &str = "SELECT id, value FROM schedule_rows ORDER BY id";
const FIRST: &str = "SELECT id, value FROM schedule_rows WHERE id = 1";
const SECOND: &str = "SELECT id, value FROM schedule_rows WHERE id = 2";
const THIRDS: &str = "SELECT id, value FROM schedule_rows WHERE value % 3 = 0 ORDER BY id";
const FIFTHS: &str = "SELECT id, value FROM schedule_rows WHERE value % 5 = 0 ORDER BY id";
const TWENTIES: &str = "SELECT id, value FROM schedule_rows WHERE value = 20 ORDER BY id";

/// Every schedule, in the order of [`Anomaly::ALL`].
pub static SCHEDULES: [Schedule; 14] = [
    Schedule {
        anomaly: Anomaly::DirtyWrite,
        title: "Dirty write (G0)",
        says: "Two transactions change the same two rows, and each row keeps what another of them wrote.",
        steps: &[
            begin(1),
            begin(2),
            write(1, "UPDATE schedule_rows SET value = 11 WHERE id = 1"),
            write(2, "UPDATE schedule_rows SET value = 12 WHERE id = 1"),
            // Before T1's, unlike in Hermitage: the rows then show whether T2 was let in between.
            write(2, "UPDATE schedule_rows SET value = 22 WHERE id = 2"),
            write(1, "UPDATE schedule_rows SET value = 21 WHERE id = 2"),
            commit(1),
            commit(2),
        ],
        held_back: &[1, 2],
        shows: |seen| {
            seen.all_committed(&[1, 2])
                && ![[(1, 11), (2, 21)], [(1, 12), (2, 22)]].contains_rows(&seen.finally)
        },
    },
    Schedule {
        anomaly: Anomaly::AbortedRead,
        title: "Aborted read (G1a)",
        says: "A transaction reads a value that its writer then takes back: it never was.",
        steps: &[
            begin(1),
            begin_reading(2),
            write(1, "UPDATE schedule_rows SET value = 101 WHERE id = 1"),
            read(2, "before", ALL),
            roll_back(1),
            read(2, "after", ALL),
            commit(2),
        ],
        held_back: &[1, 2],
        shows: |seen| {
            seen.all_committed(&[2])
                && ["before", "after"].iter().any(|name| seen.value(name, 1) == Some(101))
        },
    },
    Schedule {
        anomaly: Anomaly::IntermediateRead,
        title: "Intermediate read (G1b)",
        says: "A transaction reads a value that its writer replaces before it commits.",
        steps: &[
            begin(1),
            begin_reading(2),
            write(1, "UPDATE schedule_rows SET value = 101 WHERE id = 1"),
            read(2, "before", ALL),
            write(1, "UPDATE schedule_rows SET value = 11 WHERE id = 1"),
            commit(1),
            read(2, "after", ALL),
            commit(2),
        ],
        held_back: &[1, 2],
        shows: |seen| {
            seen.all_committed(&[1, 2])
                && ["before", "after"].iter().any(|name| seen.value(name, 1) == Some(101))
        },
    },
    Schedule {
        anomaly: Anomaly::CircularInformationFlow,
        title: "Circular information flow (G1c)",
        says: "Each of two transactions sees what the other wrote: each would have to come first.",
        steps: &[
            begin(1),
            begin(2),
            write(1, "UPDATE schedule_rows SET value = 11 WHERE id = 1"),
            write(2, "UPDATE schedule_rows SET value = 22 WHERE id = 2"),
            read(1, "second", SECOND),
            read(2, "first", FIRST),
            commit(1),
            commit(2),
        ],
        held_back: &[1, 2],
        shows: |seen| {
            seen.all_committed(&[1, 2])
                && seen.value("second", 2) == Some(22)
                && seen.value("first", 1) == Some(11)
        },
    },
    Schedule {
        anomaly: Anomaly::ObservedTransactionVanishes,
        title: "Observed transaction vanishes (OTV)",
        says: "T3 sees one row as T2 left it and the other as T1 did before, though T2 wrote both.",
        steps: &[
            begin(1),
            begin(2),
            begin_reading(3),
            write(1, "UPDATE schedule_rows SET value = 11 WHERE id = 1"),
            write(1, "UPDATE schedule_rows SET value = 19 WHERE id = 2"),
            write(2, "UPDATE schedule_rows SET value = 12 WHERE id = 1"),
            commit(1),
            read(3, "early", ALL),
            write(2, "UPDATE schedule_rows SET value = 18 WHERE id = 2"),
            read(3, "midst", ALL),
            commit(2),
            read(3, "late", ALL),
            commit(3),
        ],
        // T2 writes what T1 wrote, so it waits in any case.
        held_back: &[1, 3],
        shows: |seen| {
            let mixed =
                |rows: &[(i64, i64)]| [[(1, 12), (2, 19)], [(1, 11), (2, 18)]].contains_rows(rows);
            seen.all_committed(&[1, 2, 3])
                && ["early", "midst", "late"].iter().any(|name| mixed(seen.read(name)))
        },
    },
    Schedule {
        anomaly: Anomaly::PredicateManyPreceders,
        title: "Predicate-many-preceders (PMP)",
        says: "A transaction looks for rows that meet a condition, and finds one that was added in between.",
        steps: &[
            begin_reading(1),
            begin(2),
            read(1, "thirty", "SELECT id, value FROM schedule_rows WHERE value = 30"),
            write(2, "INSERT INTO schedule_rows (id, value) VALUES (3, 30)"),
            commit(2),
            read(1, "thirds", THIRDS),
            commit(1),
        ],
        held_back: &[1, 2],
        shows: |seen| {
            seen.all_committed(&[1, 2])
                && seen.read("thirty").is_empty()
                && !seen.read("thirds").is_empty()
        },
    },
    Schedule {
        anomaly: Anomaly::ReadSkew,
        title: "Read skew (G-single)",
        says: "A transaction sees one row as it was before another's commit, and the second as it is after.",
        steps: &[
            begin_reading(1),
            begin(2),
            read(1, "first", FIRST),
            read(2, "its first", FIRST),
            read(2, "its second", SECOND),
            write(2, "UPDATE schedule_rows SET value = 12 WHERE id = 1"),
            write(2, "UPDATE schedule_rows SET value = 18 WHERE id = 2"),
            commit(2),
            read(1, "second", SECOND),
            commit(1),
        ],
        held_back: &[1, 2],
        shows: |seen| {
            seen.all_committed(&[1, 2])
                && seen.value("first", 1) == Some(10)
                && seen.value("second", 2) == Some(18)
        },
    },
    Schedule {
        anomaly: Anomaly::PredicateReadSkew,
        title: "Read skew by conditions (G-single)",
        says: "A row that did not meet the second condition when the first was asked meets it now.",
        steps: &[
            begin_reading(1),
            begin(2),
            read(1, "fifths", FIFTHS),
            write(2, "UPDATE schedule_rows SET value = 12 WHERE value = 10"),
            commit(2),
            read(1, "thirds", THIRDS),
            commit(1),
        ],
        held_back: &[1, 2],
        shows: |seen| {
            seen.all_committed(&[1, 2])
                && seen.value("fifths", 1) == Some(10)
                && seen.value("thirds", 1) == Some(12)
        },
    },
    Schedule {
        anomaly: Anomaly::PredicateManyPrecedersWrite,
        title: "Predicate-many-preceders of a write (PMP)",
        says: "A transaction deletes the rows that it was shown, and others are gone, or those still there.",
        steps: &[
            begin(1),
            begin(2),
            write(1, "UPDATE schedule_rows SET value = value + 10"),
            read(2, "shown", TWENTIES),
            write(2, "DELETE FROM schedule_rows WHERE value = 20"),
            commit(1),
            read(2, "left", TWENTIES),
            commit(2),
        ],
        held_back: &[1, 2],
        shows: |seen| seen.all_committed(&[1, 2]) && !deleted_what_it_saw(seen),
    },
    Schedule {
        anomaly: Anomaly::WriteReadSkew,
        title: "Read skew by a write (G-single)",
        says: "A transaction sees a row as it was before another's commit, and its delete meets what is after.",
        steps: &[
            begin(1),
            begin(2),
            read(1, "first", FIRST),
            read(2, "all", ALL),
            write(2, "UPDATE schedule_rows SET value = 12 WHERE id = 1"),
            write(2, "UPDATE schedule_rows SET value = 18 WHERE id = 2"),
            commit(2),
            write(1, "DELETE FROM schedule_rows WHERE value = 20"),
            commit(1),
        ],
        held_back: &[1, 2],
        shows: |seen| {
            seen.all_committed(&[1, 2])
                && seen.value("first", 1) == Some(10)
                && seen.finally.contains(&(2, 18))
        },
    },
    Schedule {
        anomaly: Anomaly::LostUpdate,
        title: "Lost update (P4)",
        says: "Two transactions read a row and write what they make of it: the first write is lost.",
        steps: &[
            begin(1),
            begin(2),
            read(1, "by first", FIRST),
            read(2, "by second", FIRST),
            write(1, "UPDATE schedule_rows SET value = 11 WHERE id = 1"),
            write(2, "UPDATE schedule_rows SET value = 12 WHERE id = 1"),
            commit(1),
            commit(2),
        ],
        held_back: &[1, 2],
        shows: |seen| {
            seen.all_committed(&[1, 2])
                && ["by first", "by second"].iter().all(|name| seen.value(name, 1) == Some(10))
        },
    },
    Schedule {
        anomaly: Anomaly::WriteSkew,
        title: "Write skew (G2-item)",
        says: "Two transactions read both rows and change one each: neither sees the other's change.",
        steps: &[
            begin(1),
            begin(2),
            read(1, "by first", ALL),
            read(2, "by second", ALL),
            write(1, "UPDATE schedule_rows SET value = 11 WHERE id = 1"),
            write(2, "UPDATE schedule_rows SET value = 21 WHERE id = 2"),
            commit(1),
            commit(2),
        ],
        held_back: &[1, 2],
        shows: |seen| {
            let untouched = |name| seen.read(name) == [(1, 10), (2, 20)];
            seen.all_committed(&[1, 2]) && untouched("by first") && untouched("by second")
        },
    },
    Schedule {
        anomaly: Anomaly::PredicateWriteSkew,
        title: "Anti-dependency cycle (G2)",
        says: "Two transactions find no row that meets a condition, and each adds one that does.",
        steps: &[
            begin(1),
            begin(2),
            read(1, "by first", THIRDS),
            read(2, "by second", THIRDS),
            write(1, "INSERT INTO schedule_rows (id, value) VALUES (3, 30)"),
            write(2, "INSERT INTO schedule_rows (id, value) VALUES (4, 42)"),
            commit(1),
            commit(2),
        ],
        held_back: &[1, 2],
        shows: |seen| {
            seen.all_committed(&[1, 2])
                && seen.read("by first").is_empty()
                && seen.read("by second").is_empty()
        },
    },
    Schedule {
        anomaly: Anomaly::ReadOnlySkew,
        title: "Anti-dependency cycle of three (G2)",
        says: "T3 only reads, and sees T2 done and T1 not; but T1, which goes on, did not see T2 (Fekete, \
               O'Neil and O'Neil, \"A Read-Only Transaction Anomaly Under Snapshot Isolation\", 2004).",
        steps: &[
            begin(1),
            read(1, "by first", ALL),
            begin(2),
            write(2, "UPDATE schedule_rows SET value = value + 5 WHERE id = 2"),
            commit(2),
            begin_reading(3),
            read(3, "by third", ALL),
            commit(3),
            write(1, "UPDATE schedule_rows SET value = 0 WHERE id = 1"),
            commit(1),
        ],
        held_back: &[1, 2, 3],
        shows: |seen| {
            seen.all_committed(&[1, 2, 3])
                && seen.read("by first") == [(1, 10), (2, 20)]
                && seen.read("by third") == [(1, 10), (2, 25)]
        },
    },
];

/// Whether the delete of the rows at 20 was of those that its transaction had been shown.
fn deleted_what_it_saw(seen: &Seen) -> bool {
    let (shown, left) = (seen.read("shown"), seen.read("left"));
    let after_the_other = shown == [(1, 20)] && seen.finally == [(2, 30)];
    let before_the_other = shown == [(2, 20)] && seen.finally == [(1, 20)];
    left.is_empty() && (after_the_other || before_the_other)
}

trait ContainsRows {
    fn contains_rows(&self, rows: &[(i64, i64)]) -> bool;
}

impl<const N: usize> ContainsRows for [[(i64, i64); N]; 2] {
    fn contains_rows(&self, rows: &[(i64, i64)]) -> bool {
        self.iter().any(|some| some == rows)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed set-up fails the test")]

    use super::super::outcome::{Outcome, Played};
    use super::super::schedule::{Do, Rows};
    use super::*;

    #[test]
    fn every_anomaly_has_its_schedule_in_order() {
        let anomalies: Vec<_> = SCHEDULES.iter().map(|schedule| schedule.anomaly).collect();
        assert_eq!(anomalies, Anomaly::ALL);
    }

    /// A store without any isolation: the steps as they come.
    fn without_isolation(schedule: &Schedule, order: &[usize]) -> Seen {
        let mut seen = Seen { finally: vec![(1, 10), (2, 20)], ..Seen::default() };
        let mut before: Vec<Rows> = vec![Rows::new(); 4];
        for place in order {
            let step = schedule.steps[*place];
            match step.what {
                Do::Begin(_) => before[step.by] = seen.finally.clone(),
                Do::Commit => seen.committed.push(step.by),
                Do::RollBack => seen.finally = before[step.by].clone(),
                Do::Read(name, sql) => {
                    let rows = seen.finally.iter().copied();
                    let found = rows.filter(|row| meets(sql, *row)).collect();
                    seen.reads.insert(name, found);
                }
                Do::Write(sql) => change(sql, &mut seen.finally),
            }
        }
        seen
    }

    fn meets(sql: &str, (id, value): (i64, i64)) -> bool {
        let Some((_, condition)) = sql.split_once(" WHERE ") else { return true };
        match condition.trim_end_matches(" ORDER BY id") {
            "id = 1" => id == 1,
            "id = 2" => id == 2,
            "value % 3 = 0" => value % 3 == 0,
            "value % 5 = 0" => value % 5 == 0,
            "value = 10" => value == 10,
            "value = 20" => value == 20,
            "value = 30" => value == 30,
            other => panic!("{other}"),
        }
    }

    fn change(sql: &str, rows: &mut Rows) {
        if let Some((_, values)) = sql.split_once("VALUES (") {
            let (id, value) = values.trim_end_matches(')').split_once(", ").unwrap();
            rows.push((id.parse().unwrap(), value.parse().unwrap()));
        } else if sql.starts_with("DELETE") {
            rows.retain(|row| !meets(sql, *row));
        } else {
            let set = sql.split_once("SET value = ").unwrap().1;
            let to = set.split_once(" WHERE").map_or(set, |(to, _)| to);
            for row in rows.iter_mut().filter(|row| meets(sql, **row)) {
                row.1 = match to.strip_prefix("value + ") {
                    Some(more) => row.1 + more.parse::<i64>().unwrap(),
                    None => to.parse().unwrap(),
                };
            }
        }
    }

    /// Every order of transactions, one after another.
    fn serial_orders(schedule: &Schedule) -> Vec<Vec<usize>> {
        let orders: &[&[usize]] = match schedule.sessions() {
            2 => &[&[1, 2], &[2, 1]],
            _ => &[&[1, 2, 3], &[1, 3, 2], &[2, 1, 3], &[2, 3, 1], &[3, 1, 2], &[3, 2, 1]],
        };
        let steps =
            |by: usize| (0..schedule.steps.len()).filter(move |p| schedule.steps[*p].by == by);
        orders.iter().map(|order| order.iter().flat_map(|by| steps(*by)).collect()).collect()
    }

    #[test]
    fn no_serial_order_shows_an_anomaly() {
        for schedule in &SCHEDULES {
            for order in serial_orders(schedule) {
                let seen = without_isolation(schedule, &order);
                let played = Played { seen, ..Played::default() };
                assert_eq!(
                    played.outcome(schedule),
                    Outcome::PreventedBySnapshot,
                    "{} {order:?}",
                    schedule.anomaly
                );
            }
        }
    }

    /// Without any isolation what a transaction misses for its snapshot does not happen.
    #[test]
    fn without_isolation_most_anomalies_show() {
        let shown: Vec<_> = SCHEDULES
            .iter()
            .filter(|schedule| {
                let as_they_come: Vec<usize> = (0..schedule.steps.len()).collect();
                (schedule.shows)(&without_isolation(schedule, &as_they_come))
            })
            .map(|schedule| schedule.anomaly.symbol())
            .collect();
        let expected =
            ["G0", "G1a", "G1b", "G1c", "OTV", "PMP", "GS", "GSp", "GSw", "P4", "G2i", "G2", "G2t"];
        assert_eq!(shown, expected);
    }
}
