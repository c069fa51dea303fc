//! Whether plans are the same: repetitions of one run with each other, and two runs.

use std::collections::BTreeSet;

use dbdyno_core::Plan;
use similar::{ChangeTag, TextDiff};

use crate::stored_plan::StoredPlan;

/// The plans that a run kept of one thing, one for each repetition.
#[derive(Clone, Debug, PartialEq)]
pub struct PlanGroup<'a> {
    /// What they are plans of ([`StoredPlan::subject`]).
    pub subject: String,
    /// The plans that differ in outline ([`Plan::outline`]), the first of each, and how many have it.
    pub variants: Vec<(&'a StoredPlan, usize)>,
}

impl PlanGroup<'_> {
    /// How many plans there are.
    pub fn repetitions(&self) -> usize {
        self.variants.iter().map(|(_, count)| count).sum()
    }
}

/// Puts plans of the same thing together, in the order in which the first of each comes.
pub fn group<'a>(plans: impl IntoIterator<Item = &'a StoredPlan>) -> Vec<PlanGroup<'a>> {
    let mut groups: Vec<PlanGroup<'a>> = Vec::new();
    for stored in plans {
        let subject = stored.subject();
        let place = groups.iter().position(|group| group.subject == subject).unwrap_or_else(|| {
            groups.push(PlanGroup { subject, variants: Vec::new() });
            groups.len() - 1
        });
        let variants = &mut groups[place].variants;
        let outline = stored.plan.outline();
        match variants.iter_mut().find(|(known, _)| known.plan.outline() == outline) {
            Some((_, count)) => *count += 1,
            None => variants.push((stored, 1)),
        }
    }
    groups
}

/// The plans of two runs, those of the same thing side by side.
#[derive(Clone, Debug, PartialEq)]
pub struct PlanComparison<'a> {
    /// Those that both runs have, in the order of the first.
    pub pairs: Vec<PlanPair<'a>>,
    /// What only the first run has plans of.
    pub only_before: Vec<String>,
    /// What only the second run has plans of.
    pub only_after: Vec<String>,
}

impl PlanComparison<'_> {
    /// How many plans changed.
    pub fn changed(&self) -> usize {
        self.pairs.iter().filter(|pair| pair.is_changed()).count()
    }
}

/// Plans of the same thing in two runs.
#[derive(Clone, Debug, PartialEq)]
pub struct PlanPair<'a> {
    /// What they are plans of.
    pub subject: String,
    /// The plan of the first run: that of its first repetition.
    pub before: &'a StoredPlan,
    /// The plan of the second run: the first that no repetition of the first run had; where there is
    /// none, that of its first repetition.
    pub after: &'a StoredPlan,
    changed: bool,
}

impl PlanPair<'_> {
    /// Whether a repetition of the second run has an outline that none of the first has. A plan that
    /// changes from repetition to repetition within the first run is no change where it goes on so.
    pub fn is_changed(&self) -> bool {
        self.changed
    }

    /// The outlines of both, line by line.
    pub fn lines(&self) -> Vec<(LineChange, String)> {
        difference(&self.before.plan, &self.after.plan)
    }
}

/// What became of a line of an outline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineChange {
    /// Both plans have it.
    Kept,
    /// Only the first has it.
    Gone,
    /// Only the second has it.
    New,
}

/// Sets the plans of two runs side by side.
pub fn compare_plans<'a>(
    before: impl IntoIterator<Item = &'a StoredPlan>,
    after: impl IntoIterator<Item = &'a StoredPlan>,
) -> PlanComparison<'a> {
    let (before, after) = (group(before), group(after));
    let mut comparison = PlanComparison {
        pairs: Vec::new(),
        only_before: Vec::new(),
        only_after: lacking(&after, &before),
    };
    for old in &before {
        match after.iter().find(|new| new.subject == old.subject).and_then(|new| pair(old, new)) {
            Some(pair) => comparison.pairs.push(pair),
            None => comparison.only_before.push(old.subject.clone()),
        }
    }
    comparison
}

/// What `some` has that `others` lacks.
fn lacking(some: &[PlanGroup<'_>], others: &[PlanGroup<'_>]) -> Vec<String> {
    let known: BTreeSet<&str> = others.iter().map(|group| group.subject.as_str()).collect();
    let subjects = some.iter().map(|group| &group.subject);
    subjects.filter(|subject| !known.contains(subject.as_str())).cloned().collect()
}

fn pair<'a>(old: &PlanGroup<'a>, new: &PlanGroup<'a>) -> Option<PlanPair<'a>> {
    let known: BTreeSet<Vec<String>> =
        old.variants.iter().map(|(stored, _)| stored.plan.outline()).collect();
    let other = new.variants.iter().find(|(stored, _)| !known.contains(&stored.plan.outline()));
    let (before, _) = *old.variants.first()?;
    let (after, _) = *other.or(new.variants.first())?;
    Some(PlanPair { subject: old.subject.clone(), before, after, changed: other.is_some() })
}

fn difference(before: &Plan, after: &Plan) -> Vec<(LineChange, String)> {
    let (before, after) = (before.outline(), after.outline());
    let old: Vec<&str> = before.iter().map(String::as_str).collect();
    let new: Vec<&str> = after.iter().map(String::as_str).collect();
    let changes = TextDiff::from_slices(&old, &new);
    let change = |tag| match tag {
        ChangeTag::Equal => LineChange::Kept,
        ChangeTag::Delete => LineChange::Gone,
        ChangeTag::Insert => LineChange::New,
    };
    let lines = changes.iter_all_changes();
    lines.map(|line| (change(line.tag()), line.value().to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{plan, stored};

    #[test]
    fn repetitions_with_one_outline_are_one_variant() {
        let plans = [
            stored("a", 1, plan(&["Sort", "  Seq Scan"], 10.0)),
            stored("b", 1, plan(&["Seq Scan"], 10.0)),
            stored("a", 2, plan(&["Sort", "  Index Scan"], 10.0)),
            stored("a", 3, plan(&["Sort", "  Seq Scan"], 999.0)),
        ];
        let groups = group(&plans);
        let shape = |group: &PlanGroup<'_>| -> Vec<(u32, usize)> {
            group.variants.iter().map(|(stored, count)| (stored.repetition, *count)).collect()
        };
        assert_eq!(
            groups.iter().map(shape).collect::<Vec<_>>(),
            [vec![(1, 2), (2, 1)], vec![(1, 1)]]
        );
        assert_eq!(groups[0].repetitions(), 3);
        assert!(groups[0].subject.ends_with(": a") && groups[1].subject.ends_with(": b"));
    }

    #[test]
    fn only_an_outline_that_is_new_is_a_change() {
        let sorted = || plan(&["Sort", "  Seq Scan"], 10.0);
        let indexed = || plan(&["Index Scan"], 10.0);
        let before = [
            stored("stays", 1, sorted()),
            stored("wavers", 1, sorted()),
            stored("wavers", 2, indexed()),
            stored("turns", 1, sorted()),
            stored("gone", 1, sorted()),
        ];
        let after = [
            stored("turns", 1, sorted()),
            stored("turns", 2, indexed()),
            stored("wavers", 1, indexed()),
            stored("stays", 1, plan(&["Sort", "  Seq Scan"], 4000.0)),
            stored("new", 1, sorted()),
        ];
        let comparison = compare_plans(&before, &after);
        let pairs: Vec<_> =
            comparison.pairs.iter().map(|pair| (pair.before.name.as_str(), pair.changed)).collect();
        assert_eq!(pairs, [("stays", false), ("wavers", false), ("turns", true)]);
        assert_eq!(comparison.changed(), 1);
        assert_eq!(comparison.pairs[2].after.repetition, 2);
        let (gone, new) = (&comparison.only_before, &comparison.only_after);
        assert!(gone.len() == 1 && gone[0].ends_with(": gone"), "{gone:?}");
        assert!(new.len() == 1 && new[0].ends_with(": new"), "{new:?}");
    }

    #[test]
    fn lines_say_what_became_of_them() {
        let before = [stored("a", 1, plan(&["Limit", "  Sort", "    Seq Scan"], 1.0))];
        let after = [stored("a", 1, plan(&["Limit", "  Index Scan"], 1.0))];
        let comparison = compare_plans(&before, &after);
        let lines = comparison.pairs[0].lines();
        let marked: Vec<_> = lines.iter().map(|(change, line)| (*change, line.as_str())).collect();
        assert_eq!(
            marked,
            [
                (LineChange::Kept, "Limit"),
                (LineChange::Gone, "  Sort"),
                (LineChange::Gone, "    Seq Scan"),
                (LineChange::New, "  Index Scan"),
            ]
        );
    }
}
