//! Holds what clients are answered against what is known, as the answers come: none is kept.

use std::sync::{Mutex, PoisonError};

use dbdyno_core::Check;

use super::answer::{Answer, Kind, difference};

/// Judges the answers to a list of queries.
pub struct Referee {
    queries: Vec<Judged>,
}

/// A query and what is known of its answers.
struct Judged {
    name: &'static str,
    columns: &'static [Kind],
    expected: Result<Answer, String>,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    answers: u32,
    /// In what an answer differed first.
    difference: Option<String>,
}

impl Referee {
    /// For queries by name, with the kinds of their columns and the answer that is known, or why none
    /// is.
    pub fn new(
        queries: impl Iterator<Item = (&'static str, &'static [Kind], Result<Answer, String>)>,
    ) -> Self {
        let judged =
            |(name, columns, expected)| Judged { name, columns, expected, seen: Mutex::default() };
        Self { queries: queries.map(judged).collect() }
    }

    /// Judges an answer to the query at this place in the list.
    pub fn judge(&self, place: usize, answer: &Answer) {
        let Some(query) = self.queries.get(place) else { return };
        let expected = query.expected.as_ref().ok();
        let found = expected.and_then(|rows| difference(answer, rows, query.columns));
        let mut seen = query.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.answers += 1;
        seen.difference = seen.difference.take().or(found);
    }

    /// A check of each query: whether `clients` clients were answered what is known. Where the
    /// load was not `whole`, what they were not answered is no fault.
    pub fn checks(&self, clients: u32, whole: bool) -> Vec<Check> {
        self.queries.iter().filter_map(|query| query.check(clients, whole)).collect()
    }
}

impl Judged {
    fn check(&self, clients: u32, whole: bool) -> Option<Check> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let (held, detail) = match (&self.expected, &seen.difference) {
            (Err(why), _) => (false, why.clone()),
            (_, Some(difference)) => (false, difference.clone()),
            _ if seen.answers < clients && whole => {
                let missing = clients - seen.answers;
                (false, format!("not answered to {missing} of {clients} clients: see events.csv"))
            }
            _ if seen.answers == 0 => return None,
            (Ok(rows), None) => (true, format!("{} rows as they should be", rows.len())),
        };
        Some(Check::new(format!("{}_answer", self.name), held, detail))
    }
}

#[cfg(test)]
mod tests {
    use super::super::answer::Cell;
    use super::*;

    fn referee() -> Referee {
        let columns: &[Kind] = &[Kind::Int];
        let damaged = "row 1 of the published answer has 2 columns of 1".to_owned();
        Referee::new([("q1", columns, Ok(of("7"))), ("q2", columns, Err(damaged))].into_iter())
    }

    fn of(value: &str) -> Answer {
        vec![vec![Cell::Exact(value.to_owned())]]
    }

    fn told(checks: &[Check]) -> Vec<(&str, bool, &str)> {
        checks
            .iter()
            .map(|check| (check.name.as_str(), check.held, check.detail.as_str()))
            .collect()
    }

    const DAMAGED: (&str, bool, &str) =
        ("q2_answer", false, "row 1 of the published answer has 2 columns of 1");

    #[test]
    fn what_was_not_answered_is_a_fault_of_a_whole_load_alone() {
        let referee = referee();
        let missing = ("q1_answer", false, "not answered to 2 of 2 clients: see events.csv");
        assert_eq!(told(&referee.checks(2, true)), [missing, DAMAGED]);
        assert_eq!(told(&referee.checks(2, false)), [DAMAGED]);
        referee.judge(0, &of("7"));
        let one = ("q1_answer", false, "not answered to 1 of 2 clients: see events.csv");
        assert_eq!(told(&referee.checks(2, true)), [one, DAMAGED]);
        let right = ("q1_answer", true, "1 rows as they should be");
        assert_eq!(told(&referee.checks(2, false)), [right, DAMAGED]);
        referee.judge(0, &of("7"));
        assert_eq!(told(&referee.checks(2, true)), [right, DAMAGED]);
    }

    #[test]
    fn the_first_wrong_answer_is_kept() {
        let referee = referee();
        for value in ["7", "8", "9", "7"] {
            referee.judge(0, &of(value));
        }
        let wrong = ("q1_answer", false, "row 1 is 8, should be 7");
        for whole in [true, false] {
            assert_eq!(told(&referee.checks(4, whole)), [wrong, DAMAGED]);
        }
    }
}
