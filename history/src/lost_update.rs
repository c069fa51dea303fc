//! Lost updates: two transactions read the same version of a key and both write it. After
//! `elle.txn/lost-update-cases`: which of the two came first does not matter.

use crate::class::AnomalyClass::LostUpdate;
use crate::findings::{Findings, story};
use crate::store::{Action, History, Version};

/// Looks for them among the committed transactions, once for each version of a key.
pub fn look(history: &History, findings: &mut Findings) {
    let mut updates: Vec<(u32, Version, u32)> = Vec::new();
    for transaction in history.committed() {
        let operations = history.operations_of(transaction);
        for (at, operation) in operations.iter().enumerate() {
            let Action::Write(_) = operation.action() else { continue };
            let of_key = |other: &&crate::store::Operation| other.key() == operation.key();
            // Only a first write tells, and only what was read of others before it.
            if let Some(first) = operations[..at].iter().find(of_key)
                && let Some(version) = version(*first)
                && !operations[..at]
                    .iter()
                    .filter(of_key)
                    .any(|other| matches!(other.action(), Action::Write(_)))
            {
                updates.push((operation.key(), version, transaction));
            }
        }
    }
    updates.sort_unstable();
    for same in updates.chunk_by(|one, other| (one.0, one.1) == (other.0, other.1)) {
        if let [(key, version, one), (_, _, other), ..] = same {
            findings.add(LostUpdate, || {
                let read = match history.kind() {
                    crate::store::Kind::ListAppend => history.list_text(*version),
                    crate::store::Kind::RwRegister => history.value_text(version.branch),
                };
                let more = match same.len() - 2 {
                    0 => String::new(),
                    more => format!(", as did {more} more"),
                };
                let key = history.key_text(*key);
                let then =
                    format!("T1 and T2 both read key {key} as {read} and then wrote it{more}.");
                story(history, &[*one, *other], &then)
            });
        }
    }
}

/// What was read, as a version; registers have theirs in the place of a branch.
fn version(operation: crate::store::Operation) -> Option<Version> {
    match operation.action() {
        Action::ReadList(version) => Some(version),
        Action::ReadRegister(write) => Some(Version { branch: write, length: 0 }),
        _ => None,
    }
}
