//! The course of a load around a backup, finer than by the second: a backup may take less than one.

use std::path::Path;
use std::time::{Duration, Instant};

use dbdyno_core::Result;

use super::load::{Phase, response_times};
use super::noted::Turn;
use crate::side_file::append;

/// How long a span is at the most.
const SPAN: Duration = Duration::from_millis(250);
const NS_PER_US: f64 = 1_000.0;
const MS_PER_S: f64 = 1_000.0;

/// The first line of the file.
const COLUMNS: &str = "method,phase,from_ms,to_ms,ended,errors,latency_p99_us,latency_max_us\n";

/// A span of a load.
#[derive(Clone, Debug, PartialEq)]
pub struct Span {
    phase: &'static str,
    from: Duration,
    to: Duration,
    ended: usize,
    errors: usize,
    /// Of the transactions that ended well in it.
    p99_us: Option<f64>,
    max_us: Option<f64>,
}

/// The spans of phases that follow each other: of each as many of the same length as make none longer than a quarter
/// of a second, so that a backup begins and ends between two.
pub fn spans(phases: &[Phase], turns: &[Turn]) -> Vec<Span> {
    let Some(began) = phases.first().map(|phase| phase.from) else { return Vec::new() };
    phases.iter().flat_map(|phase| of_phase(phase, began, turns)).collect()
}

fn of_phase(phase: &Phase, began: Instant, turns: &[Turn]) -> Vec<Span> {
    let length = phase.to.saturating_duration_since(phase.from);
    let count = length.as_nanos().div_ceil(SPAN.as_nanos()).max(1);
    let count = u32::try_from(count).unwrap_or(u32::MAX);
    let each = length / count;
    let mut in_spans = vec![Vec::new(); count as usize];
    for turn in turns.iter().filter(|turn| phase.from <= turn.ended && turn.ended < phase.to) {
        let place = (turn.ended - phase.from).as_nanos() / each.as_nanos().max(1);
        // What a division left over belongs to the last.
        let place = usize::try_from(place).unwrap_or(usize::MAX).min(in_spans.len() - 1);
        in_spans[place].push(*turn);
    }
    let span = |(number, turns): (u32, Vec<Turn>)| {
        let from = phase.from - began + each * number;
        let to = if number + 1 == count { phase.to - began } else { from + each };
        let times = response_times(turns.iter());
        let us = |ns: u64| ns as f64 / NS_PER_US;
        let errors = turns.iter().filter(|turn| turn.failed).count();
        Span {
            phase: phase.name,
            from,
            to,
            ended: turns.len() - errors,
            errors,
            p99_us: times.as_ref().map(|times| us(times.value_at_quantile(0.99))),
            max_us: times.as_ref().map(|times| us(times.max())),
        }
    };
    (0..count).zip(in_spans).map(span).collect()
}

/// Adds the spans of a method to a file.
///
/// # Errors
/// The disk is full or the folder is gone.
pub fn keep(path: &Path, method: &str, spans: &[Span]) -> Result<()> {
    let mut text = String::new();
    let ms = |at: Duration| at.as_secs_f64() * MS_PER_S;
    let us = |us: Option<f64>| us.map(|us| format!("{us:.1}")).unwrap_or_default();
    for span in spans {
        text.push_str(&format!(
            "{method},{},{:.3},{:.3},{},{},{},{}\n",
            span.phase,
            ms(span.from),
            ms(span.to),
            span.ended,
            span.errors,
            us(span.p99_us),
            us(span.max_us),
        ));
    }
    append(path, COLUMNS, &text)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed set-up fails the test")]

    use super::*;

    #[test]
    fn a_backup_begins_and_ends_between_two_spans() {
        let began = Instant::now();
        let at = |ms: u64| began + Duration::from_millis(ms);
        let phases = [("before", 0, 500), ("during", 500, 600), ("after", 600, 1_100)]
            .map(|(name, from, to)| Phase { name, from: at(from), to: at(to) });
        let turn = |began, ended, failed| Turn { began: at(began), ended: at(ended), failed };
        let turns = [
            turn(0, 10, false),
            turn(10, 20, true),
            turn(240, 499, false),
            turn(490, 510, false),
            turn(1_000, 1_099, false),
            turn(1_000, 1_200, false),
        ];
        let spans = spans(&phases, &turns);
        let found: Vec<_> = spans
            .iter()
            .map(|span| (span.phase, span.from.as_millis(), span.to.as_millis(), span.ended))
            .collect();
        let expected = [
            ("before", 0, 250, 1),
            ("before", 250, 500, 1),
            ("during", 500, 600, 1),
            ("after", 600, 850, 0),
            ("after", 850, 1_100, 1),
        ];
        assert_eq!(found, expected);
        assert_eq!(spans[0].errors, 1);
        assert!((spans[2].p99_us.unwrap() / 20_000.0 - 1.0).abs() < 0.01);
        assert_eq!(spans[3].p99_us, None);
    }

    #[test]
    fn methods_follow_each_other_in_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("c.csv");
        let now = Instant::now();
        let phase = Phase { name: "during", from: now, to: now + Duration::from_millis(100) };
        for method in ["one", "two"] {
            keep(&path, method, &spans(std::slice::from_ref(&phase), &[])).unwrap();
        }
        let text = std::fs::read_to_string(path).unwrap();
        let expected = "method,phase,from_ms,to_ms,ended,errors,latency_p99_us,latency_max_us\n\
                        one,during,0.000,100.000,0,0,,\n\
                        two,during,0.000,100.000,0,0,,\n";
        assert_eq!(text, expected);
    }
}
