//! What the headlines of each suite come to: who was best most often, and how far behind the others were.

use std::collections::{BTreeMap, BTreeSet};

use super::summary::Headline;
use crate::compare::{Basis, LEVEL};
use crate::grid::{Align, Grid, Text};
use crate::number;

/// So many headlines are seen at once without a digest.
const SEEN_AT_ONCE: usize = 8;

/// The digest as a table with a line below it; empty where the headlines themselves are few.
pub(super) fn digest(headlines: &[Headline]) -> String {
    if headlines.len() <= SEEN_AT_ONCE {
        return String::new();
    }
    let mut by_suite: BTreeMap<&str, Vec<&Headline>> = BTreeMap::new();
    for headline in headlines.iter().filter(|headline| headline.has_best()) {
        let suite = headline.benchmark.split('/').next().unwrap_or_default();
        by_suite.entry(suite).or_default().push(headline);
    }
    let columns = ["suite", "best most often", "others against it", "how sure", "measured"];
    let columns = columns.map(|heading| (heading.to_owned(), Align::Left)).to_vec();
    let mut suites: Vec<_> = by_suite.into_iter().collect();
    // The surest first.
    suites.sort_by(|(_, one), (_, other)| {
        let share = |its: &[&Headline]| shown(its) as f64 / its.len() as f64;
        share(other).total_cmp(&share(one))
    });
    let gains = suites.iter().any(|(_, its)| its.iter().all(|one| one.is_gain));
    let rows = suites.iter().filter_map(|(suite, its)| row(suite, its));
    let rows = rows.map(|row| row.into_iter().map(Text::from).collect()).collect();
    let of_gains = match gains {
        true => {
            " Speed-ups are those of each target against itself, over the benchmarks that all have."
        }
        false => "",
    };
    format!(
        "{}\nRatios are geometric means over the benchmarks of a suite, with the least and the largest: 0.50x is half as \
         fast, and a target that wins by far where it does may be ahead in the mean though another is best more often.{of_gains} A \
         benchmark counts once for each target that is best in a case of it, and as shown where \
         chance alone hardly makes any of the differences there: of a hundred benchmarks in which all are alike, in up to \
         five it does.\n",
        Grid { columns, rows }.markdown()
    )
}

/// In how many chance alone hardly makes any of the differences.
fn shown(headlines: &[&Headline]) -> usize {
    headlines.iter().filter(|one| one.all_shown).count()
}

fn row(suite: &str, headlines: &[&Headline]) -> Option<Vec<String>> {
    let names: BTreeSet<&str> =
        headlines.iter().flat_map(|one| one.speeds.keys()).map(String::as_str).collect();
    let wins = |name: &str| headlines.iter().filter(|one| one.is_best(name)).count();
    // Of several that were best as often, the first by name.
    let leader = names.iter().copied().rev().max_by_key(|name| wins(name))?;
    let gains = headlines.iter().all(|one| one.is_gain);
    let common: Vec<&Headline> = headlines
        .iter()
        .copied()
        .filter(|one| names.iter().all(|name| one.speeds.contains_key(*name)))
        .collect();
    let summed = |name: &str| match gains {
        true => mean(&common, |one| one.speeds.get(name).copied()),
        false => mean(headlines, |one| Some(one.speeds.get(name)? / one.speeds.get(leader)?)),
    };
    let mut others: Vec<(f64, String)> = names
        .iter()
        .filter(|name| **name != leader)
        .filter_map(|name| {
            let (mean, told) = summed(name)?;
            let wins = wins(name);
            let best = if wins > 0 { format!(", best in {wins}") } else { String::new() };
            Some((mean, format!("{name} {told}{best}")))
        })
        .collect();
    others.sort_by(|one, other| other.0.total_cmp(&one.0));
    let others: Vec<String> = others.into_iter().map(|(_, told)| told).collect();
    let of_leader = summed(leader).filter(|_| gains);
    let gained = of_leader.map(|(_, told)| format!("\n{told}")).unwrap_or_default();
    Some(vec![
        suite.to_owned(),
        format!("{leader}, in {} of {}{gained}", wins(leader), headlines.len()),
        others.join("\n"),
        certainty(headlines),
        measures(headlines),
    ])
}

/// By which numbers, the most usual first.
fn measures(headlines: &[&Headline]) -> String {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for headline in headlines {
        *counts.entry(&headline.measure).or_default() += 1;
    }
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let named = counts.into_iter().map(|(measure, _)| match measure.starts_with("to ") {
        true => format!("time {measure}"),
        false => measure.to_owned(),
    });
    named.collect::<Vec<_>>().join(", ")
}

fn certainty(headlines: &[&Headline]) -> String {
    let fewest = headlines.iter().filter_map(|one| one.basis).collect::<Vec<_>>();
    let most_telling =
        fewest.iter().min_by(|one, other| one.smallest_p().total_cmp(&other.smallest_p()));
    match (most_telling, shown(headlines)) {
        (Some(Basis::Rounds(1)), _) => "one repetition: not known".to_owned(),
        (Some(basis), 0) if basis.smallest_p() > LEVEL => {
            format!("{}: too few to show it", basis.in_words())
        }
        (_, shown) => format!("{shown} of {} shown", headlines.len()),
    }
}

/// The geometric mean of numbers, with the least and the largest in words.
fn mean(
    headlines: &[&Headline],
    number: impl Fn(&Headline) -> Option<f64>,
) -> Option<(f64, String)> {
    let numbers: Vec<f64> = headlines.iter().filter_map(|one| number(one)).collect();
    if numbers.is_empty() {
        return None;
    }
    let mean = (numbers.iter().map(|number| number.ln()).sum::<f64>() / numbers.len() as f64).exp();
    let least = numbers.iter().copied().fold(f64::INFINITY, f64::min);
    let most = numbers.iter().copied().fold(0.0, f64::max);
    let range = match numbers.len() {
        1 => String::new(),
        _ => format!(" ({} to {})", number::ratio(least), number::ratio(most)),
    };
    Some((mean, format!("{}{range}", number::ratio(mean))))
}
