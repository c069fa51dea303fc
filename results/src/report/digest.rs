//! What the headlines of each suite come to: who was best most often, and how far behind the others were.

use std::collections::{BTreeMap, BTreeSet};

use super::summary::Headline;
use crate::compare::Basis;
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
    let columns = ["suite", "best most often", "others, by its measure", "how sure"];
    let columns = columns.map(|heading| (heading.to_owned(), Align::Left)).to_vec();
    let mut suites: Vec<_> = by_suite.into_iter().collect();
    // The surest first.
    suites.sort_by(|(_, one), (_, other)| {
        let share = |its: &[&Headline]| shown(its) as f64 / its.len() as f64;
        share(other).total_cmp(&share(one))
    });
    let rows = suites.iter().filter_map(|(suite, its)| row(suite, its));
    let rows = rows.map(|row| row.into_iter().map(Text::from).collect()).collect();
    format!(
        "{}\nThe ratios of a suite are geometric means over its benchmarks, with the least and the largest: 0.50x is half \
         as fast. A benchmark counts once for each target that is best in a case of it, and as shown where chance alone hardly \
         makes any of the differences there.\n",
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
    let mut others: Vec<(f64, String)> = names
        .iter()
        .filter(|name| **name != leader)
        .filter_map(|name| behind(name, leader, headlines, wins(name)))
        .collect();
    others.sort_by(|one, other| other.0.total_cmp(&one.0));
    let others: Vec<String> = others.into_iter().map(|(_, told)| told).collect();
    let shown = shown(headlines);
    let is_once = headlines.iter().all(|one| one.basis == Some(Basis::Rounds(1)));
    let sure = match is_once {
        true => "one repetition: not known".to_owned(),
        false => format!("{shown} of {} shown", headlines.len()),
    };
    Some(vec![
        suite.to_owned(),
        format!("{leader}, in {} of {}", wins(leader), headlines.len()),
        others.join("\n"),
        sure,
    ])
}

/// How fast one is by the measure of another, with the words for it.
fn behind(name: &str, leader: &str, headlines: &[&Headline], wins: usize) -> Option<(f64, String)> {
    let ratio = |one: &&Headline| Some(one.speeds.get(name)? / one.speeds.get(leader)?);
    let ratios: Vec<f64> = headlines.iter().filter_map(ratio).collect();
    if ratios.is_empty() {
        return None;
    }
    let mean = (ratios.iter().map(|ratio| ratio.ln()).sum::<f64>() / ratios.len() as f64).exp();
    let least = ratios.iter().copied().fold(f64::INFINITY, f64::min);
    let most = ratios.iter().copied().fold(0.0, f64::max);
    let range = match ratios.len() {
        1 => String::new(),
        _ => format!(" ({} to {})", number::ratio(least), number::ratio(most)),
    };
    let best = if wins > 0 { format!(", best in {wins}") } else { String::new() };
    Some((mean, format!("{name} {}{range}{best}", number::ratio(mean))))
}
