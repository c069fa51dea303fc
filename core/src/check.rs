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
}

impl Check {
    /// A condition that held or not; `detail` says what was expected and found.
    pub fn new(name: impl Into<String>, held: bool, detail: impl Into<String>) -> Self {
        Self { name: name.into(), held, detail: detail.into() }
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
