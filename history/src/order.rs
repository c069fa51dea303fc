//! Orders that clients saw beside the data: of their own transactions, and of time.

use crate::graph::{GraphBuilder, PROCESS, REALTIME};
use crate::store::{History, NONE, Outcome};

/// Links each transaction to the next of its process. One of unknown outcome may still take effect
/// later, so that nothing follows it.
pub fn session_order(history: &History, graph: &mut GraphBuilder) {
    let mut last = vec![NONE; history.processes.len()];
    for (transaction, number) in history.transactions.iter().zip(0..) {
        if transaction.process == NONE || transaction.outcome == Outcome::Aborted {
            continue;
        }
        let last = &mut last[transaction.process as usize];
        if *last != NONE {
            graph.link(*last, number, PROCESS, NONE);
        }
        if transaction.outcome == Outcome::Committed {
            *last = number;
        }
    }
}

/// Links each transaction to all that began after it had ended, by a chain of junctions: as many
/// edges as there are events, where pairs would be their square.
///
/// A junction stands for "all that had ended by now". Ends lead into the newest one until something
/// begins after it; from then on they lead into the next.
pub fn real_time(history: &History, graph: &mut GraphBuilder) {
    let mut now = NONE;
    let mut is_used = false;
    for event in events(history) {
        match event {
            Event::End(transaction) => {
                if now == NONE || is_used {
                    let next = graph.junction();
                    if now != NONE {
                        graph.link(now, next, REALTIME, NONE);
                    }
                    (now, is_used) = (next, false);
                }
                graph.link(transaction, now, REALTIME, NONE);
            }
            Event::Begin(transaction) => {
                if now != NONE {
                    graph.link(now, transaction, REALTIME, NONE);
                    is_used = true;
                }
            }
        }
    }
}

/// What happened to a transaction that can have had an effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// Its invocation.
    Begin(u32),
    /// Its commit.
    End(u32),
}

/// Begins and ends of all transactions that can have had an effect, in the order of the history.
pub fn events(history: &History) -> impl Iterator<Item = Event> {
    let mut events = vec![None; history.events as usize];
    for (transaction, number) in history.transactions.iter().zip(0..) {
        if transaction.outcome == Outcome::Aborted {
            continue;
        }
        if transaction.invoked != NONE {
            events[transaction.invoked as usize] = Some(Event::Begin(number));
        }
        if transaction.completed != NONE {
            events[transaction.completed as usize] = Some(Event::End(number));
        }
    }
    events.into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::store::ReadOptions;
    use crate::testing::{Behaviour, Simulation};

    /// The transactions that the edges lead to from one, however far.
    fn reached(graph: &crate::graph::Graph, from: u32) -> Vec<u32> {
        let (mut seen, mut open) = (vec![false; graph.len()], vec![from]);
        while let Some(node) = open.pop() {
            for edge in graph.edges(node) {
                if !std::mem::replace(&mut seen[edge.to as usize], true) {
                    open.push(edge.to);
                }
            }
        }
        (0..graph.len() as u32)
            .filter(|node| graph.is_transaction(*node) && seen[*node as usize])
            .collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

        #[test]
        fn junctions_of_time_say_what_all_pairs_would(seed: u64, clients in 1_u64..9) {
            let behaviour = Behaviour::ReadUncommitted;
            let text = Simulation {
                clients, behaviour, seed, transactions: 60, unknown_percent: 10.0, ..Simulation::default()
            }
            .text();
            let history = History::from_reader("h", text.as_bytes(), &ReadOptions::default()).unwrap();
            let mut graph = GraphBuilder::new(history.len() as u32);
            real_time(&history, &mut graph);
            let graph = graph.build();
            for one in 0..history.len() as u32 {
                let has_effect = |it: &u32| history.outcome(*it) != Outcome::Aborted;
                let expected: Vec<u32> = (0..history.len() as u32)
                    .filter(|other| has_effect(&one) && has_effect(other) && history.precedes(one, *other))
                    .collect();
                prop_assert_eq!(reached(&graph, one), expected);
            }
        }
    }
}
