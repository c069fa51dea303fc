//! Strongly connected components, after Tarjan, "Depth-First Search and Linear Graph Algorithms",
//! 1972, without recursion: a history may be one long chain.

use crate::graph::{Graph, Kinds};
use crate::store::NONE;

/// The component of each node along edges of `kinds`. A component's number is greater than those of all
/// components that it leads to.
pub fn components(graph: &Graph, kinds: Kinds) -> Vec<u32> {
    let nodes = graph.len();
    let mut search = Search {
        graph,
        kinds,
        component: vec![NONE; nodes],
        order: vec![NONE; nodes],
        lowest: vec![0; nodes],
        next_order: 0,
        next_component: 0,
        waiting: Vec::new(),
        path: Vec::new(),
    };
    for node in 0..nodes as u32 {
        if search.order[node as usize] == NONE {
            search.from(node);
        }
    }
    search.component
}

struct Search<'a> {
    graph: &'a Graph,
    kinds: Kinds,
    component: Vec<u32>,
    /// When a node was first met.
    order: Vec<u32>,
    /// The earliest node that a node is known to lead back to.
    lowest: Vec<u32>,
    next_order: u32,
    next_component: u32,
    /// Nodes whose component is not complete.
    waiting: Vec<u32>,
    /// The way from the root: nodes and the next of their edges to follow.
    path: Vec<(u32, u32)>,
}

impl Search<'_> {
    fn from(&mut self, root: u32) {
        self.enter(root);
        while let Some((node, place)) = self.path.last_mut() {
            let node = *node;
            if *place == self.graph.range(node).end {
                self.path.pop();
                self.leave(node);
                continue;
            }
            let edge = self.graph.edge(*place);
            *place += 1;
            if edge.kind() & self.kinds == 0 {
                continue;
            }
            let to = edge.to as usize;
            if self.order[to] == NONE {
                self.enter(edge.to);
            } else if self.component[to] == NONE {
                let lowest = &mut self.lowest[node as usize];
                *lowest = (*lowest).min(self.order[to]);
            }
        }
    }

    fn enter(&mut self, node: u32) {
        self.order[node as usize] = self.next_order;
        self.lowest[node as usize] = self.next_order;
        self.next_order += 1;
        self.waiting.push(node);
        self.path.push((node, self.graph.range(node).start));
    }

    fn leave(&mut self, node: u32) {
        let lowest = self.lowest[node as usize];
        if lowest == self.order[node as usize] {
            while let Some(member) = self.waiting.pop() {
                self.component[member as usize] = self.next_component;
                if member == node {
                    break;
                }
            }
            self.next_component += 1;
        }
        if let Some((parent, _)) = self.path.last() {
            let parent = &mut self.lowest[*parent as usize];
            *parent = (*parent).min(lowest);
        }
    }
}

/// The nodes of components in which two or more transactions depend on each other, in rising order.
pub fn in_circles(graph: &Graph, component: &[u32]) -> Vec<u32> {
    let mut transactions = vec![0_u32; component.len()];
    for node in 0..graph.len() as u32 {
        let members = &mut transactions[component[node as usize] as usize];
        *members += u32::from(graph.is_transaction(node));
    }
    (0..graph.len() as u32)
        .filter(|node| transactions[component[*node as usize] as usize] > 1)
        .collect()
}
