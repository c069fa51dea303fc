//! The two sides, read and found whole.

use std::collections::BTreeSet;
use std::path::Path;

use dbdyno_core::{Error, Result};

use crate::load::{Loaded, LoadedFile, load};

/// What is held against what.
pub(super) struct Sides {
    pub(super) before: Loaded,
    pub(super) after: Loaded,
}

/// Reads both sides.
///
/// # Errors
/// See [`super::regress`].
pub(super) fn read(baselines: &[&Path], current: &Path) -> Result<Sides> {
    Sides::of(load(baselines)?, load(&[current])?)
}

impl Sides {
    /// Sees that both sides are whole.
    pub(super) fn of(before: Loaded, after: Loaded) -> Result<Self> {
        let sides = Self { before, after };
        for loaded in [&sides.before, &sides.after] {
            if let Some(told) = loaded.cut_off.first() {
                let why = "what is missing could be what regressed";
                return Err(Error::new("compare with the baseline", format!("{told}: {why}")).next(
                "run it again, or remove the half line if the rest is all that you ask about",
            ));
            }
            loaded.check_results("compare with the baseline")?;
        }
        sides.check_distinct()?;
        Ok(sides)
    }

    /// A run that is held against itself has not changed, which would be of no use to anybody.
    fn check_distinct(&self) -> Result<()> {
        let before: BTreeSet<&str> = runs(&self.before).collect();
        match runs(&self.after).find(|run| before.contains(run)) {
            None => Ok(()),
            Some(run) => {
                let why = format!("the run {run} is on both sides");
                Err(Error::new("compare with the baseline", why)
                    .next("give the baselines first and another run last"))
            }
        }
    }

    /// What the reader did not take silently.
    pub(super) fn notes(&self) -> Vec<String> {
        self.before.warnings.iter().chain(&self.after.warnings).cloned().collect()
    }

    /// All files, those of the baseline first.
    pub(super) fn files(&self) -> impl Iterator<Item = &LoadedFile> {
        self.before.files.iter().chain(&self.after.files)
    }

    pub(super) fn baseline_names(&self) -> Vec<String> {
        distinct(&self.before)
    }

    pub(super) fn current_name(&self) -> String {
        distinct(&self.after).join(", ")
    }
}

/// The runs of rows that stand together.
fn runs(loaded: &Loaded) -> impl Iterator<Item = &str> {
    let pieces = loaded.records.chunk_by(|one, other| one.run_id == other.run_id);
    pieces.filter_map(|piece| piece.first()).map(|row| &*row.run_id)
}

fn distinct(loaded: &Loaded) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for run in runs(loaded) {
        if !names.iter().any(|known| known == run) {
            names.push(run.to_owned());
        }
    }
    names
}
