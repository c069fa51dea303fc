//! Small anomalies, one of each class, to be put into histories that have none.

use crate::class::AnomalyClass::{self, *};
use crate::store::Kind;

/// A few events that show an anomaly. A line is `PROCESS TYPE OPERATIONS`; keys are `x`, `y`.
///
/// An `ok` that has no `invoke` of its process before it is invoked where the events begin, so that
/// such transactions are all at once.
#[derive(Clone, Copy, Debug)]
pub struct Planted {
    /// The class.
    pub class: AnomalyClass,
    /// What the keys hold.
    pub kind: Kind,
    /// The events.
    pub events: &'static [&'static str],
}

const fn list(class: AnomalyClass, events: &'static [&'static str]) -> Planted {
    Planted { class, kind: Kind::ListAppend, events }
}

const fn register(class: AnomalyClass, events: &'static [&'static str]) -> Planted {
    Planted { class, kind: Kind::RwRegister, events }
}

/// One of every class there is for the kind, and more where there are more ways.
#[rustfmt::skip]
pub const PLANTED: &[Planted] = &[
    list(UnwrittenRead, &["0 ok [:r x [9]]"]),
    list(DuplicateElements, &["0 ok [:append x 1]", "1 ok [:r x [1 1]]"]),
    list(MissingElements, &["0 ok [:append x 1]", "1 invoke [:r x nil]", "1 ok [:r x []]"]),
    list(IncompatibleOrder, &["0 ok [:append x 1]", "1 ok [:append x 2]", "2 ok [:r x [1]]", "3 ok [:r x [2]]"]),
    list(Internal, &["0 ok [:append x 1] [:r x []]"]),
    list(Internal, &["0 ok [:append x 1]", "1 ok [:r x [1]] [:r x []]"]),
    list(Internal, &["0 ok [:append x 1]", "1 ok [:append x 2] [:r x [2 1]]"]),
    list(FutureRead, &["0 ok [:r x [1]] [:append x 1]"]),
    list(G1a, &["0 fail [:append x 1]", "1 ok [:r x [1]]"]),
    list(G1b, &["0 ok [:append x 1] [:append x 2]", "1 ok [:r x [1]]"]),
    list(DirtyUpdate, &["0 fail [:append x 1]", "1 ok [:append x 2]", "2 ok [:r x [1 2]]"]),
    list(DirtyUpdate, &["0 fail [:append x 1]", "1 info [:append x 2]", "2 ok [:append x 3]", "3 ok [:r x [1 2 3]]"]),
    list(LostUpdate, &["0 ok [:r x []] [:append x 1]", "1 ok [:r x []] [:append x 2]"]),
    list(G0, &["0 ok [:append x 1] [:append y 1]", "1 ok [:append x 2] [:append y 2]", "2 ok [:r x [1 2]] [:r y [2 1]]"]),
    list(G1c, &["0 ok [:append x 1] [:r y [1]]", "1 ok [:append y 1] [:r x [1]]"]),
    list(G1c, &["0 info [:append x 1] [:append y 2]", "1 ok [:append y 1] [:r x [1]]", "2 ok [:r y [2 1]]", "3 ok [:append x 2] [:r y [2 1]]", "4 ok [:r x [2 1]]"]),
    list(GSingle, &["0 ok [:append x 1] [:append y 1]", "1 ok [:r x [1]] [:r y []]"]),
    list(GSingle, &["0 ok [:append x 1]", "1 ok [:append x 2] [:append y 1]", "2 ok [:r x [1]] [:r y [1]]", "3 ok [:r x [1 2]]"]),
    list(GNonadjacent, &["0 ok [:append x 1]", "1 ok [:r x [1]] [:r y []]", "2 ok [:append y 1]", "3 ok [:r y [1]] [:r x []]"]),
    list(G2Item, &["0 ok [:r x []] [:append y 1]", "1 ok [:r y []] [:append x 1]"]),
    list(G2Item, &["0 ok [:r x []] [:append y 1]", "1 ok [:r y []] [:append z 1]", "2 ok [:r z []] [:append x 1]"]),
    list(G0Process, &["0 ok [:append x 1]", "0 invoke [:append x 2]", "0 ok [:append x 2]", "1 ok [:r x [2 1]]"]),
    list(G1cProcess, &["0 ok [:r x [1]]", "0 invoke [:append x 1]", "0 ok [:append x 1]"]),
    list(GSingleProcess, &["0 ok [:append x 1]", "0 invoke [:r x nil]", "0 ok [:r x []]"]),
    list(GNonadjacentProcess, &["0 ok [:append y 1]", "1 ok [:append x 1]", "0 invoke [:r x nil]", "1 invoke [:r y nil]", "0 ok [:r x []]", "1 ok [:r y []]"]),
    list(G2ItemProcess, &["0 ok [:append y 1]", "0 invoke [:r x nil]", "0 ok [:r x []]", "1 ok [:append x 1] [:r y []]"]),
    list(G0Realtime, &["0 ok [:append x 1]", "1 invoke [:append x 2]", "1 ok [:append x 2]", "2 ok [:r x [2 1]]"]),
    list(G1cRealtime, &["0 ok [:r x [1]]", "1 invoke [:append x 1]", "1 ok [:append x 1]"]),
    list(GSingleRealtime, &["0 ok [:append x 1]", "1 invoke [:r x nil]", "1 ok [:r x []]"]),
    list(GNonadjacentRealtime, &["0 ok [:append y 1]", "1 ok [:append x 1]", "2 invoke [:r x nil]", "3 invoke [:r y nil]", "2 ok [:r x []]", "3 ok [:r y []]"]),
    list(G2ItemRealtime, &["0 ok [:append y 1]", "2 invoke [:r x nil]", "2 ok [:r x []]", "1 ok [:append x 1] [:r y []]"]),
    register(UnwrittenRead, &["0 ok [:r x 9]"]),
    register(CyclicVersions, &["0 ok [:r x 1] [:w x 2]", "1 ok [:r x 2] [:w x 1]"]),
    register(Internal, &["0 ok [:w x 1] [:r x nil]"]),
    register(Internal, &["0 ok [:w x 1]", "1 ok [:r x nil] [:r x 1]"]),
    register(FutureRead, &["0 ok [:r x 1] [:w x 1]"]),
    register(G1a, &["0 fail [:w x 1]", "1 ok [:r x 1]"]),
    register(G1b, &["0 ok [:w x 1] [:w x 2]", "1 ok [:r x 1]"]),
    register(LostUpdate, &["0 ok [:r x nil] [:w x 1]", "1 ok [:r x nil] [:w x 2]"]),
    register(G1c, &["0 ok [:w x 1] [:r y 1]", "1 ok [:w y 1] [:r x 1]"]),
    register(GSingle, &["0 ok [:w x 1] [:w y 1]", "1 ok [:r x 1] [:r y nil]"]),
    register(GNonadjacent, &["0 ok [:w x 1]", "1 ok [:r x 1] [:r y nil]", "2 ok [:w y 1]", "3 ok [:r y 1] [:r x nil]"]),
    register(G2Item, &["0 ok [:r x nil] [:w y 1]", "1 ok [:r y nil] [:w x 1]"]),
    register(G1cProcess, &["0 ok [:r x 1]", "0 invoke [:w x 1]", "0 ok [:w x 1]"]),
    register(GSingleProcess, &["0 ok [:w x 1]", "0 invoke [:r x nil]", "0 ok [:r x nil]"]),
    register(GSingleRealtime, &["0 ok [:w x 1]", "1 invoke [:r x nil]", "1 ok [:r x nil]"]),
    register(G2ItemRealtime, &["0 ok [:w y 1]", "2 invoke [:r x nil]", "2 ok [:r x nil]", "1 ok [:w x 1] [:r y nil]"]),
];

/// Puts the events of `planted` between the lines of a history, before line `at`; keys and processes
/// are such that nothing else has them.
pub fn plant(history: &str, planted: &Planted, at: usize) -> String {
    let lines: Vec<&str> = history.lines().collect();
    let at = at.min(lines.len());
    let mut all: Vec<String> = lines[..at].iter().map(|line| (*line).to_owned()).collect();
    let mut invoked: Vec<&str> = Vec::new();
    let parts = || {
        planted.events.iter().filter_map(|event| {
            let mut parts = event.splitn(3, ' ');
            Some((parts.next()?, parts.next()?, parts.next()?))
        })
    };
    for (process, kind, operations) in parts() {
        if !invoked.contains(&process) {
            invoked.push(process);
            if kind != "invoke" {
                all.push(line(process, "invoke", operations));
            }
        }
    }
    all.extend(parts().map(|(process, kind, operations)| line(process, kind, operations)));
    all.extend(lines[at..].iter().map(|line| (*line).to_owned()));
    all.join("\n")
}

fn line(process: &str, kind: &str, operations: &str) -> String {
    let operations = operations
        .replace(" x ", " :planted-x ")
        .replace(" y ", " :planted-y ")
        .replace(" z ", " :planted-z ");
    format!("{{:process 90000{process}, :type :{kind}, :f :txn, :value [{operations}]}}")
}
