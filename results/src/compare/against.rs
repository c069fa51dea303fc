//! How much one thing that was measured is of another: a ratio, what speaks for it, and how tables show both.

use std::collections::BTreeMap;

use super::{Basis, Evidence, LEVEL};
use crate::number;
use crate::statistics::holm::adjusted;
use crate::statistics::{Ratio, Round, median, repetitions, signed_rank};

/// How to read a ratio that there is none of.
pub(crate) const NONE_LEGEND: &str = "- is no ratio, for one of its numbers is 0 or below";
/// How to read a ratio of repetitions.
pub(crate) const UNPAIRED_LEGEND: &str =
    "~ stands where no round has both: it is of all repetitions, not round by round";

/// A ratio, what speaks for it, and what must be known of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Against {
    /// `None` where a number of it is 0 or below, which the note says, and where there are none.
    pub(crate) ratio: Option<Ratio>,
    /// What the rounds, or where none is shared the repetitions, say of it; `None` where there is no ratio, and of what is
    /// taken to itself.
    pub(crate) evidence: Option<Evidence>,
    /// Why there is no ratio, or of how few of the rounds it is; empty where there is nothing to say.
    pub(crate) note: String,
    /// Whether it cannot be told from chance, beside others that may be ([`correct_all`]).
    pub(crate) is_doubtful: bool,
}

impl Against {
    /// The ratio to `base`, which is called so, round by round, or where no round has both, each repetition to each.
    pub(crate) fn of(
        values: &BTreeMap<Round, f64>,
        base: &BTreeMap<Round, f64>,
        called: &str,
    ) -> Self {
        let shared = values.iter().filter_map(|(round, value)| Some((*value, *base.get(round)?)));
        let (own, bases): (Vec<f64>, Vec<f64>) = shared.unzip();
        if own.is_empty() {
            let numbers =
                |of: &BTreeMap<Round, f64>| -> Vec<f64> { of.values().copied().collect() };
            return Self::unpaired(&numbers(values), &numbers(base), called);
        }
        if let Some(note) = no_ratio(&own, &bases, called, "rounds") {
            return Self::none(note);
        }
        let ratios = quotients(values, base);
        let all = values.len() + base.len() - ratios.len();
        let note = match ratios.len() < all {
            true => format!("the ratio is of {} of {all} rounds, which have both", ratios.len()),
            false => String::new(),
        };
        Self { note, ..Self::measured(&ratios) }
    }

    fn unpaired(values: &[f64], bases: &[f64], called: &str) -> Self {
        if let Some(note) = no_ratio(values, bases, called, "repetitions") {
            return Self::none(note);
        }
        let Some((evidence, value)) = Evidence::unpaired(bases, values) else {
            return Self::default();
        };
        let ratio = Some(Ratio { value, paired: false });
        Self { ratio, evidence: Some(evidence), ..Self::default() }
    }

    /// A ratio that each round measured, none of which is below 0.
    pub(crate) fn measured(ratios: &[f64]) -> Self {
        let ratio = median(ratios).map(|value| Ratio { value, paired: true });
        Self { ratio, evidence: Evidence::paired(ratios), ..Self::default() }
    }

    /// What others are taken to.
    pub(crate) fn itself() -> Self {
        Self { ratio: Some(Ratio { value: 1.0, paired: true }), ..Self::default() }
    }

    /// What must be known in place of a ratio.
    pub(crate) fn none(note: String) -> Self {
        Self { note, ..Self::default() }
    }

    /// Whether it is more than what it is taken to, and not by chance where other ratios are told from that.
    pub(crate) fn is_more(&self) -> bool {
        self.ratio.is_some_and(|ratio| ratio.value > 1.0) && !self.is_doubtful
    }

    /// As tables show it.
    pub(crate) fn text(&self) -> String {
        text(self.ratio, &self.note, self.is_doubtful)
    }
}

/// The ratios of the rounds that both have.
pub(crate) fn quotients(values: &BTreeMap<Round, f64>, base: &BTreeMap<Round, f64>) -> Vec<f64> {
    values.iter().filter_map(|(round, value)| Some(value / base.get(round)?)).collect()
}

/// A ratio with its marks; `-` where there can be none, which the note explains.
pub(crate) fn text(ratio: Option<Ratio>, note: &str, is_doubtful: bool) -> String {
    let Some(ratio) = ratio else {
        return if note.is_empty() { String::new() } else { "-".to_owned() };
    };
    let about = if ratio.paired { "" } else { "~" };
    let doubt = if is_doubtful { "?" } else { "" };
    format!("{about}{}{doubt}", number::ratio(ratio.value))
}

/// Why no ratio can be taken; `None` where one can. Those of the rounds in which the base is not 0 would be of a choice of
/// rounds, and what a number below 0 is a multiple of, says nothing.
fn no_ratio(values: &[f64], bases: &[f64], base: &str, noun: &str) -> Option<String> {
    let count =
        |numbers: &[f64], is: fn(&f64) -> bool| numbers.iter().filter(|one| is(one)).count();
    let told = [
        (base, "0", count(bases, |base| *base == 0.0), bases.len()),
        (base, "below 0", count(bases, |base| *base < 0.0), bases.len()),
        ("it", "below 0", count(values, |value| *value < 0.0), values.len()),
    ];
    let (what, is, count, of) = told.into_iter().find(|(.., count, _)| *count > 0)?;
    Some(format!("no ratio, for {what} is {is} in {count} of {of} {noun}"))
}

/// Corrects the p of ratios that are looked at together for each other; whether so many repetitions can show any of
/// them.
pub(crate) fn correct(found: &mut [&mut Evidence]) -> bool {
    let p_values: Vec<f64> = found.iter().map(|evidence| evidence.p).collect();
    for (evidence, p) in found.iter_mut().zip(adjusted(&p_values)) {
        evidence.adjusted_p = p;
    }
    let needed = LEVEL / found.len() as f64;
    found.iter().any(|evidence| evidence.basis.smallest_p() <= needed)
}

/// Corrects ratios that are looked at together, and marks those that are then not told from chance; none where so few
/// repetitions can tell no ratio at all, which [`doubts`] says of all of them.
pub(crate) fn correct_all<'a>(ratios: impl IntoIterator<Item = &'a mut Against>) {
    let mut ratios: Vec<&mut Against> = ratios.into_iter().collect();
    let mut found: Vec<&mut Evidence> =
        ratios.iter_mut().filter_map(|against| against.evidence.as_mut()).collect();
    let can_tell = correct(&mut found);
    for against in ratios {
        let is_shown = against.evidence.as_ref().is_none_or(Evidence::is_shown);
        against.is_doubtful = can_tell && !is_shown;
    }
}

/// What rounds cannot tell of ratios that are looked at together.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Doubt {
    /// How to read the mark of those that they cannot tell from chance.
    Marked(String),
    /// That they can tell none.
    OfAll(String),
}

impl Doubt {
    fn in_words(self) -> String {
        match self {
            Self::Marked(words) | Self::OfAll(words) => words,
        }
    }
}

/// What rounds cannot tell of ratios that are looked at together; `None` where all of them are told from chance.
fn doubts(bases: &[Basis], any_is_doubtful: bool) -> Option<Doubt> {
    let smallest = |one: &Basis, other: &Basis| one.smallest_p().total_cmp(&other.smallest_p());
    let most = bases.iter().copied().min_by(smallest)?;
    let level = LEVEL / bases.len() as f64;
    let at_once = match bases.len() {
        1 => String::new(),
        many => format!(" with {many} ratios at once"),
    };
    if most.smallest_p() > level {
        let needed = match most {
            Basis::Rounds(_) => signed_rank::fewest(level).to_string(),
            Basis::Repetitions(..) => {
                repetitions::fewest(level).map(|each| format!("{each} of each"))?
            }
        };
        let most = most.in_words();
        let words = format!("no difference that {most} can show{at_once}: it takes {needed}");
        return Some(Doubt::OfAll(words));
    }
    let many = match bases.iter().all(|basis| *basis == most) {
        true => most.in_words(),
        false => "this many repetitions".to_owned(),
    };
    let words = || format!("? is no difference that {many} can show{at_once}");
    any_is_doubtful.then(|| Doubt::Marked(words()))
}

/// Ratios that are looked at together, each with what it is of.
pub(crate) struct Family<'a> {
    pub(crate) name: &'a str,
    pub(crate) ratios: Vec<(String, &'a Against)>,
}

impl Family<'_> {
    fn bases(&self) -> Vec<Basis> {
        let evidence = self.ratios.iter().filter_map(|(_, against)| against.evidence.as_ref());
        evidence.map(|evidence| evidence.basis).collect()
    }
}

/// What rounds cannot tell of several families of ratios, each with its name, what its ratios are told by, and whether any is
/// marked. So many names are told at the `most`.
pub(crate) fn told_of<'n>(
    families: impl Iterator<Item = (&'n str, Vec<Basis>, bool)>,
    most: usize,
) -> Vec<String> {
    let testable: Vec<_> = families.filter(|(_, bases, _)| !bases.is_empty()).collect();
    let doubted =
        testable.iter().filter_map(|(name, bases, marked)| Some((doubts(bases, *marked)?, *name)));
    let doubted = by_first(doubted);
    let marks = doubted.iter().filter(|(doubt, _)| matches!(doubt, Doubt::Marked(_))).count();
    let told = doubted.into_iter().map(|(doubt, names)| {
        // A mark is read in the same way wherever it stands; that there are none is said of who has none.
        let is_of_all = match doubt {
            Doubt::Marked(_) => marks == 1,
            Doubt::OfAll(_) => names.len() == testable.len(),
        };
        match is_of_all {
            true => doubt.in_words(),
            false => format!("{}: {}", listed(&names, most), doubt.in_words()),
        }
    });
    told.collect()
}

/// Names, or how many there are of many.
fn listed(names: &[&str], most: usize) -> String {
    match names.len().saturating_sub(most) {
        0 | 1 => names.join(", "),
        more => format!("{} and {more} more", names[..most].join(", ")),
    }
}

/// How to read the ratios of a table, and what must be known of some; says only what occurs.
pub(crate) fn legend(families: &[Family<'_>]) -> Vec<String> {
    let all = || families.iter().flat_map(|family| &family.ratios);
    let mut told: Vec<String> = Vec::new();
    if all().any(|(_, against)| against.ratio.is_some_and(|ratio| !ratio.paired)) {
        told.push(UNPAIRED_LEGEND.to_owned());
    }
    told.extend(told_of(
        families.iter().map(|family| {
            let any_is_doubtful = family.ratios.iter().any(|(_, against)| against.is_doubtful);
            (family.name, family.bases(), any_is_doubtful)
        }),
        usize::MAX,
    ));
    let notes = all().filter(|(_, against)| !against.note.is_empty());
    let notes = by_first(notes.map(|(what, against)| (against.note.as_str(), what.as_str())));
    told.extend(notes.into_iter().map(|(note, what)| format!("{}: {note}", what.join(", "))));
    told
}

/// Seconds by what stands first, in the order in which that first occurs.
fn by_first<K: PartialEq, T>(pairs: impl Iterator<Item = (K, T)>) -> Vec<(K, Vec<T>)> {
    let mut found: Vec<(K, Vec<T>)> = Vec::new();
    for (key, value) in pairs {
        match found.iter_mut().find(|(known, _)| *known == key) {
            Some((_, values)) => values.push(value),
            None => found.push((key, vec![value])),
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::{Against, Family, correct_all, legend};
    use crate::statistics::{Ratio, Round};

    fn rounds(run: &str, values: &[f64]) -> BTreeMap<Round, f64> {
        (1..).zip(values).map(|(number, value)| ((run.to_owned(), number), *value)).collect()
    }

    /// The machine grows slower by half in each round; the ratio is 2 in all of them, while the
    /// medians of repetitions that a stall broke would tell another story.
    #[test]
    fn paired_ratios_are_free_of_drift() {
        let base = rounds("r", &[800.0, 400.0, 200.0, 100.0]);
        let other = rounds("r", &[1600.0, 800.0, 400.0, 1.0]);
        let against = Against::of(&other, &base, "the base");
        assert_eq!(against.ratio, Some(Ratio { value: 2.0, paired: true }));
        assert_eq!(against.text(), "2.00x");
    }

    #[test]
    fn without_shared_rounds_each_repetition_is_taken_to_each() {
        let base = rounds("a", &[100.0, 200.0, 300.0]);
        let against = Against::of(&rounds("b", &[100.0]), &base, "the base");
        assert_eq!(against.ratio, Some(Ratio { value: 0.5, paired: false }));
        assert_eq!(against.text(), "~0.50x");
        assert_eq!(Against::of(&BTreeMap::new(), &base, "the base").text(), "");
    }

    #[test]
    fn a_base_that_stood_still_makes_no_ratio_of_the_other_rounds() {
        let base = rounds("a", &[100.0, 0.0, 300.0]);
        let against = Against::of(&rounds("a", &[100.0, 100.0, 100.0]), &base, "direct");
        assert_eq!(against.note, "no ratio, for direct is 0 in 1 of 3 rounds");
        assert_eq!(against.text(), "-");
    }

    fn family<'a>(name: &'a str, ratios: &'a [Against]) -> Family<'a> {
        let of = |place: usize| format!("{name} {place}");
        let ratios = (1..).zip(ratios).map(|(place, against)| (of(place), against)).collect();
        Family { name, ratios }
    }

    #[test]
    fn what_rounds_cannot_show_is_marked_or_said_of_all() {
        let base = rounds("a", &[100.0; 7]);
        let of = |values: &[f64]| Against::of(&rounds("a", values), &base, "the base");
        let apart = of(&[50.0; 7]);
        let alike = of(&[99.0, 101.0, 98.0, 102.0, 97.0, 103.0, 100.0]);
        let mut both = [apart.clone(), alike.clone()];
        correct_all(&mut both);
        assert_eq!([both[0].text(), both[1].text()], ["0.50x", "1.00x?"]);
        let marked = "? is no difference that 7 rounds can show with 2 ratios at once";
        assert_eq!(legend(&[family("tpcb", &both)]), [marked]);
        let mut many = [apart.clone(), apart.clone(), apart.clone(), alike];
        correct_all(&mut many);
        assert!(many.iter().all(|against| !against.is_doubtful));
        let none = "no difference that 7 rounds can show with 4 ratios at once: it takes 8";
        // What cannot be tested is no part of all.
        assert_eq!(legend(&[family("hot-row", &many), family("none", &[])]), [none]);
        assert_eq!(
            legend(&[family("hot-row", &many), family("report", &both)]),
            [format!("hot-row: {none}"), marked.to_owned()]
        );
        // Nor is what all is told of.
        let mut sure = [apart];
        correct_all(&mut sure);
        let told = legend(&[family("tpcc", &sure), family("hot-row", &many)]);
        assert_eq!(told, [format!("hot-row: {none}")]);
    }

    #[test]
    fn what_must_be_known_of_a_ratio_is_told_with_what_it_is_of() {
        let base = rounds("a", &[100.0, 0.0, 300.0]);
        let of = |values: &[f64]| Against::of(&rounds("a", values), &base, "direct");
        let ratios = [of(&[1.0]), of(&[1.0, 2.0, 3.0]), of(&[1.0, 2.0])];
        assert_eq!(
            legend(&[family("pool", &ratios)])[1..],
            [
                "pool 1: the ratio is of 1 of 3 rounds, which have both",
                "pool 2: no ratio, for direct is 0 in 1 of 3 rounds",
                "pool 3: no ratio, for direct is 0 in 1 of 2 rounds",
            ]
        );
    }
}
