//! Which levels of isolation SQLite has, and which level of durability settings amount to.

use dbdyno_core::{Durability, Isolation, LevelSupport};

/// Transactions on SQLite are serializable and nothing else, but for uncommitted reads between
/// connections with a shared cache (<https://www.sqlite.org/isolation.html>).
pub(super) fn support(
    level: Isolation,
    begin_write: &'static str,
    shared_cache: bool,
) -> LevelSupport {
    let lacks = |why: &str| LevelSupport::Lacks {
        why: format!("{why} (https://www.sqlite.org/isolation.html)"),
    };
    match level {
        Isolation::Serializable => LevelSupport::Native { maps_to: begin_write },
        Isolation::ReadUncommitted if shared_cache => {
            LevelSupport::Native { maps_to: "PRAGMA read_uncommitted=ON with cache=shared" }
        }
        Isolation::ReadUncommitted => lacks(
            "SQLite reads uncommitted rows only between connections of one process that share a \
             cache, a mode that its makers discourage; the target sqlite?cache=shared has it",
        ),
        Isolation::ReadCommitted | Isolation::RepeatableRead => {
            lacks("SQLite has one level: every transaction is serializable")
        }
        Isolation::Snapshot => lacks(
            "readers in WAL mode see a snapshot, but a transaction that would write on a stale one \
             is refused: every transaction is serializable",
        ),
    }
}

/// The level that settings amount to (<https://www.sqlite.org/pragma.html>, synchronous): 0 OFF,
/// 1 NORMAL, 2 FULL, 3 EXTRA. Removing a rollback journal commits, and only EXTRA syncs that.
pub(super) fn held(journal: &str, synchronous: &str, on_disk: bool) -> Durability {
    let level = match (journal, synchronous) {
        ("memory" | "off", _) | (_, "0") => Durability::None,
        (_, "1") | ("delete", "2") => Durability::Process,
        (_, "2" | "3") => Durability::Full,
        _ => Durability::None,
    };
    if on_disk { level } else { level.min(Durability::Process) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_amount_to_a_level() {
        for (journal, synchronous, on_disk, expected) in [
            ("wal", "2", true, Durability::Full),
            ("wal", "3", true, Durability::Full),
            ("wal", "1", true, Durability::Process),
            ("wal", "0", true, Durability::None),
            ("delete", "2", true, Durability::Process),
            ("delete", "3", true, Durability::Full),
            ("memory", "3", true, Durability::None),
            ("wal", "2", false, Durability::Process),
        ] {
            assert_eq!(held(journal, synchronous, on_disk), expected, "{journal} {synchronous}");
        }
    }
}
