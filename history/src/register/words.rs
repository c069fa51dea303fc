//! Why one transaction comes before another, in words.

use super::{RwRegister, touches};
use crate::cycle::CircleStep;
use crate::graph::{WR, WW};
use crate::verdict::Step;

impl RwRegister<'_> {
    pub(super) fn words(&self, step: &CircleStep, to: u32, names: (&str, &str)) -> Step {
        let history = self.history;
        let key = history.operations[step.operation as usize].key();
        let name = history.key_text(key);
        let (one, other) = names;
        let text = |touched: Option<(u32, u32)>| {
            touched.map_or_else(String::new, |(version, _)| self.version_text(version))
        };
        let (mut from_touches, mut to_touches) = (Vec::new(), Vec::new());
        touches(history, step.transaction, &mut from_touches);
        touches(history, to, &mut to_touches);
        let from_touch = from_touches.iter().find(|touch| touch.key == key);
        let to_touch = to_touches.iter().find(|touch| touch.key == key);
        let (wrote, read) =
            (from_touch.and_then(|it| it.written), from_touch.and_then(|it| it.read));
        let later = to_touch.and_then(|it| it.written);
        let (dependency, from, because) = match step.kind {
            WW => (
                "ww",
                wrote,
                format!(
                    "{one} set key {name} to {}, and {other} set it to {}, which is a later version",
                    text(wrote),
                    text(later)
                ),
            ),
            WR => {
                let seen = to_touch.and_then(|it| it.read);
                let by = seen.map(|(version, _)| (version, history.writes.get(version).operation));
                ("wr", by, format!("{other} read what {one} had set key {name} to, {}", text(seen)))
            }
            _ => (
                "rw",
                read,
                format!(
                    "{one} read key {name} as {}, and {other} set it to {}, which is a later version",
                    text(read),
                    text(later)
                ),
            ),
        };
        Step {
            dependency,
            key: Some(name),
            from: from.and_then(|(_, operation)| history.position(step.transaction, operation)),
            to: history.position(to, step.operation),
            because,
        }
    }
}
