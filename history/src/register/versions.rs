//! The order of versions.

use hashbrown::{HashMap, HashSet};
use rustc_hash::FxBuildHasher;

use super::{Touch, key_of, touches};
use crate::graph::{Graph, GraphBuilder, WW};
use crate::order::{Event, events};
use crate::scc::components;
use crate::store::{History, NONE, Outcome};
use crate::verdict::RegisterOrder;

/// Pairs of versions of one key: the first comes before the second.
type Pairs = Vec<(u32, u32)>;

/// Infers the order of versions, one source of knowledge after another. Where a source makes the
/// versions of a key go in a circle, it is told and not used for that key.
pub fn infer(
    history: &History,
    has_effect: &[bool],
    is_read: &[bool],
    order: RegisterOrder,
) -> (Graph, Vec<(u32, Vec<u32>)>) {
    let mut known = initial_first(history, has_effect, is_read);
    let mut circles = Vec::new();
    let mut sources: Vec<fn(&History) -> Pairs> = Vec::new();
    if order >= RegisterOrder::WritesFollowReads {
        sources.push(writes_follow_reads);
    }
    if order >= RegisterOrder::Sequential {
        sources.push(sequential);
    }
    if order >= RegisterOrder::Linearizable {
        sources.push(linearizable);
    }
    for source in sources {
        let mut added = source(history);
        added.sort_unstable();
        added.dedup();
        let before = known.len();
        known.extend(added);
        let found = in_circles(history, &known);
        if !found.is_empty() {
            let keys: HashSet<u32> = found.iter().map(|(key, _)| *key).collect();
            let added = known.split_off(before);
            known.extend(
                added.into_iter().filter(|(one, _)| !keys.contains(&key_of(history, *one))),
            );
            circles.extend(found);
        }
    }
    (graph(history, &known), circles)
}

fn graph(history: &History, pairs: &Pairs) -> Graph {
    let mut graph = GraphBuilder::new((history.writes.len() + history.keys.len()) as u32);
    for (one, other) in pairs {
        graph.link(*one, *other, WW, NONE);
    }
    graph.build()
}

/// The keys whose versions go in circles, with the versions.
fn in_circles(history: &History, pairs: &Pairs) -> Vec<(u32, Vec<u32>)> {
    let component = components(&graph(history, pairs), WW);
    let mut sizes = vec![0_u32; component.len()];
    for component in &component {
        sizes[*component as usize] += 1;
    }
    let mut circles: HashMap<u32, Vec<u32>> = HashMap::default();
    for (version, component) in component.iter().enumerate() {
        if sizes[*component as usize] > 1 {
            circles.entry(*component).or_default().push(version as u32);
        }
    }
    let mut circles: Vec<(u32, Vec<u32>)> =
        circles.into_values().map(|versions| (key_of(history, versions[0]), versions)).collect();
    circles.sort_unstable();
    circles
}

/// What was there at first comes before all that was written and took effect.
fn initial_first(history: &History, has_effect: &[bool], is_read: &[bool]) -> Pairs {
    let initial = history.writes.len() as u32;
    (0..initial)
        .filter(|write| {
            let is_effective =
                history.writes.writer(*write).is_some_and(|it| has_effect[it as usize]);
            is_read[*write as usize] || is_effective && !history.is_intermediate(*write)
        })
        .map(|write| (initial + history.writes.get(write).key, write))
        .collect()
}

/// What a transaction writes comes after what it read.
fn writes_follow_reads(history: &History) -> Pairs {
    let mut pairs = Vec::new();
    let mut touched = Vec::new();
    for transaction in history.committed() {
        touches(history, transaction, &mut touched);
        for touch in &touched {
            if let Touch { read: Some((read, _)), written: Some((written, _)), .. } = touch
                && read != written
            {
                pairs.push((*read, *written));
            }
        }
    }
    pairs
}

/// The first and the last version of a key that a transaction knows of.
fn ends(touch: &Touch) -> Option<(u32, u32)> {
    let first = touch.read.or(touch.written)?.0;
    let last = touch.written.or(touch.read)?.0;
    Some((first, last))
}

/// What a process sees of a key comes after what it saw there before.
fn sequential(history: &History) -> Pairs {
    let mut last: HashMap<(u32, u32), u32, FxBuildHasher> = HashMap::default();
    let mut pairs = Vec::new();
    let mut touched = Vec::new();
    for transaction in history.committed() {
        let process = history.transactions[transaction as usize].process;
        if process == NONE {
            continue;
        }
        touches(history, transaction, &mut touched);
        for touch in &touched {
            let Some((first, final_one)) = ends(touch) else { continue };
            if let Some(before) = last.insert((process, touch.key), final_one)
                && before != first
            {
                pairs.push((before, first));
            }
        }
    }
    pairs
}

/// A transaction that had ended, as a key remembers it.
#[derive(Clone, Copy)]
struct Ended {
    version: u32,
    /// The place of its end among the events.
    at: u32,
}

/// What a transaction sees of a key comes after what others saw there that had ended before it began.
/// Of those, a key remembers only the ones that no other came after: about as many as there are
/// clients, at most.
fn linearizable(history: &History) -> Pairs {
    let mut latest: Vec<Vec<Ended>> = vec![Vec::new(); history.keys.len()];
    let mut pairs = Vec::new();
    let mut touched = Vec::new();
    for event in events(history) {
        match event {
            Event::Begin(transaction) => {
                touches(history, transaction, &mut touched);
                for touch in &touched {
                    // What reads of unknown outcome saw is not known, and their writes are.
                    let Some((first, _)) = ends(touch) else { continue };
                    for ended in &latest[touch.key as usize] {
                        if ended.version != first {
                            pairs.push((ended.version, first));
                        }
                    }
                }
            }
            Event::End(transaction) if history.outcome(transaction) == Outcome::Committed => {
                let it = history.transactions[transaction as usize];
                touches(history, transaction, &mut touched);
                for touch in &touched {
                    let Some((_, last)) = ends(touch) else { continue };
                    let latest = &mut latest[touch.key as usize];
                    if it.invoked != NONE {
                        latest.retain(|ended| ended.at > it.invoked);
                    }
                    // The same version, later, says more.
                    latest.retain(|ended| ended.version != last);
                    latest.push(Ended { version: last, at: it.completed });
                }
            }
            Event::End(_) => {}
        }
    }
    pairs
}

/// The versions that come right after a version, as far as is known.
pub fn after(graph: &Graph, version: u32) -> impl Iterator<Item = u32> + '_ {
    graph.edges(version).iter().map(|edge| edge.to)
}
