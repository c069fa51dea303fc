//! A condition that answers and tables must meet.

/// One condition that must hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// Its name: the metric is `check_<name>`.
    pub name: String,
    /// Whether it held.
    pub held: bool,
    /// Where it did not hold: what was expected and what was found. Also the source of the
    /// condition (a clause), where it has one.
    pub detail: String,
    /// The part of the case that it is about, where the others are worth what they are without it; the whole
    /// case where `None`.
    pub part: Option<String>,
}

impl Check {
    /// A condition that held or not; `detail` says what was expected and found.
    pub fn new(name: impl Into<String>, held: bool, detail: impl Into<String>) -> Self {
        Self { name: name.into(), held, detail: detail.into(), part: None }
    }

    /// The same about one part of a case alone, whose name follows its own: `<name>_<part>`.
    #[must_use]
    pub fn of(self, part: &str) -> Self {
        Self { name: format!("{}_{part}", self.name), part: Some(part.to_owned()), ..self }
    }

    /// Whether the rows of a transaction are worth nothing where it does not hold: all are, or those of its
    /// part and of what belongs to that, `<part>/…` and `<part> …`.
    pub fn spoils(&self, transaction: &str) -> bool {
        self.part.as_ref().is_none_or(|part| belongs(transaction, part))
    }

    /// The condition that `counter` moved by what the clients committed: `committed` at least,
    /// and at most `unknown` more.
    pub fn accounted(
        name: impl Into<String>,
        what: &str,
        moved: i64,
        committed: u64,
        unknown: u64,
    ) -> Self {
        let (low, high) = (i128::from(committed), i128::from(committed) + i128::from(unknown));
        let held = (low..=high).contains(&i128::from(moved));
        let expected = if unknown == 0 { format!("{low}") } else { format!("{low} to {high}") };
        Self::new(
            name,
            held,
            format!("{what}: the clients committed {expected}, the tables show {moved}"),
        )
    }
}

/// Whether the rows of a transaction are those of a part of a case: its own, or what belongs to that, `<part>/…` and
/// `<part> …`.
pub fn belongs(transaction: &str, part: &str) -> bool {
    let rest = transaction.strip_prefix(part);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', ' ']))
}

#[cfg(test)]
mod tests {
    use super::Check;

    #[test]
    fn a_check_of_a_part_spoils_that_part_alone() {
        let check = Check::new("none_lost", false, "").of("on");
        assert_eq!(check.name, "none_lost_on");
        let spoiled = ["on", "on/replica-1", "on 10ms", "any-1-on", "one", "", "async"];
        let spoiled = spoiled.map(|transaction| check.spoils(transaction));
        assert_eq!(spoiled, [true, true, true, false, false, false, false]);
        assert!(Check::new("sums", false, "").spoils("on"));
    }
}
