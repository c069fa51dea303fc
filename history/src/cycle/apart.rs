//! Whether a circle has two reads in a row that missed a write, found out exactly and in linear time.
//!
//! Snapshot isolation permits only such circles (Cerone and Gotsman, "Analysing Snapshot Isolation",
//! 2016, theorem 9). Each node is there twice: as reached by an anti-dependency, from where no other may
//! follow, and as reached by anything else. What is on a circle of that graph is on one of the given
//! graph that has no two in a row: where such a walk passes a node twice, one of the two parts that it
//! falls into has none in a row either.

use crate::graph::{Graph, GraphBuilder, Kinds, RW, WW};
use crate::scc::components;

/// The components of the graph in which each node is there twice.
pub struct Apart {
    nodes: u32,
    component: Vec<u32>,
}

impl Apart {
    /// Looks at anti-dependencies and edges of `others`.
    pub fn new(graph: &Graph, others: Kinds) -> Self {
        let nodes = graph.len() as u32;
        let mut twice = GraphBuilder::new(2 * nodes);
        for node in 0..nodes {
            for edge in graph.edges(node) {
                if edge.kind() & (others | RW) == 0 {
                    continue;
                }
                // Behind a junction the edge is the same one still.
                let states: &[(u32, u32)] = match graph.is_transaction(node) {
                    false => &[(0, 0), (1, 1)],
                    true if edge.kind() == RW => &[(0, 1)],
                    true => &[(0, 0), (1, 0)],
                };
                for (from, to) in states {
                    twice.link(node + from * nodes, edge.to + to * nodes, WW, u32::MAX);
                }
            }
        }
        Self { nodes, component: components(&twice.build(), WW) }
    }

    /// Whether an anti-dependency is on a circle that has no two in a row.
    pub fn has(&self, from: u32, to: u32) -> bool {
        self.component[from as usize] == self.component[(to + self.nodes) as usize]
    }
}
