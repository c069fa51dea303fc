//! Shorter circles of the same class.

use super::CircleStep;
use super::search::Precedes;
use crate::graph::{PROCESS, REALTIME};

/// Circles longer than this stay as they are: all pairs of their transactions are too many to try.
const LONGEST: usize = 100;

/// Leaves out what orders of sessions and time pass over anyhow, as long as the circle is of its class.
pub fn shorten(
    steps: &mut Vec<CircleStep>,
    is_of_class: impl Fn(&[CircleStep]) -> bool,
    precedes: &Precedes<'_>,
) {
    sessions(steps);
    if steps.len() > LONGEST || !steps.iter().any(|step| step.kind == REALTIME) {
        return;
    }
    while let Some(shorter) = shorter(steps, &is_of_class, precedes) {
        *steps = shorter;
    }
}

/// Two steps of one process after each other are one.
fn sessions(steps: &mut Vec<CircleStep>) {
    if let Some(other) = steps.iter().position(|step| step.kind != PROCESS) {
        steps.rotate_left(other);
        steps.dedup_by(|later, earlier| later.kind == PROCESS && earlier.kind == PROCESS);
    }
}

/// The circle with one step of real time in the place of as many others as may be.
fn shorter(
    steps: &[CircleStep],
    is_of_class: impl Fn(&[CircleStep]) -> bool,
    precedes: &Precedes<'_>,
) -> Option<Vec<CircleStep>> {
    let count = steps.len();
    for left_out in (1..count.saturating_sub(1)).rev() {
        for at in 0..count {
            let from = steps[at];
            let to = (at + left_out + 1) % count;
            if !precedes(from.transaction, steps[to].transaction) {
                continue;
            }
            let mut shorter =
                vec![CircleStep { kind: REALTIME, operation: crate::store::NONE, ..from }];
            shorter.extend((0..count - left_out - 1).map(|after| steps[(to + after) % count]));
            if is_of_class(&shorter) {
                return Some(shorter);
            }
        }
    }
    None
}
