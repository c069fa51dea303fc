//! How many cases a run has, and how long it takes.

use std::sync::Arc;
use std::time::Duration;

use dbdyno_core::Driver;
use dbdyno_core::load::Length;
use dbdyno_suites::runner::{RunOptions, Selection, plan};

use super::choose::warmup_for;

/// What a run without `--duration` takes, loading aside.
const ABOUT_A_MINUTE: Duration = Duration::from_secs(60);
/// Bounds of a repetition's share of it, warm-up included.
const SHARE: (Duration, Duration) = (Duration::from_millis(1_250), Duration::from_millis(12_500));

/// Without `--duration`, shares about a minute among all repetitions of all cases, or more where a
/// benchmark has no use for loads as short as that.
pub fn share_a_minute(
    options: &mut RunOptions,
    warmup: Option<Duration>,
    selections: &[Selection<'_>],
    drivers: &[Arc<dyn Driver>],
) {
    let of = |selection: &Selection<'_>| {
        let loads = selection.benchmark.procedure().loads(options) as usize;
        count_of(options, *selection, drivers) * loads
    };
    let cases: usize = selections.iter().map(of).sum();
    let measured = u32::try_from(cases).unwrap_or(u32::MAX).saturating_mul(options.repetitions);
    let share = (ABOUT_A_MINUTE / measured.max(1)).clamp(SHARE.0, SHARE.1);
    let shortest =
        selections.iter().map(|selection| selection.benchmark.shortest_load(options)).max();
    let duration = share.mul_f64(0.8).max(shortest.unwrap_or_default());
    options.length = Length::Duration(duration);
    options.warmup = warmup.unwrap_or_else(|| warmup_for(options.length));
}

/// How many cases a run has, every repetition counted.
pub fn count_cases(
    options: &RunOptions,
    selections: &[Selection<'_>],
    drivers: &[Arc<dyn Driver>],
) -> usize {
    let of = |selection: &Selection<'_>| count_of(options, *selection, drivers);
    selections.iter().map(of).sum::<usize>() * options.repetitions as usize
}

/// How many cases a benchmark has that can be measured.
fn count_of(options: &RunOptions, selection: Selection<'_>, drivers: &[Arc<dyn Driver>]) -> usize {
    let drivers: Vec<&dyn Driver> = drivers.iter().map(AsRef::as_ref).collect();
    // How many there are does not depend on whether durability may be set.
    let settable = vec![true; drivers.len()];
    let planned = plan(selection, &drivers, &settable, options);
    planned.iter().filter(|case| case.unsupported.is_none()).count()
}
