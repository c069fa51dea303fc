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
