//! The dependency graph: which transaction comes before which, and why.
//!
//! Beside transactions it has *junctions*: `a -> junction -> b` stands for an edge from every such `a`
//! to every such `b`, so that many transactions before many others take as many edges as they are, not
//! the product.

use crate::store::NONE;

/// Kinds of dependencies, as a set of bits.
pub type Kinds = u8;

/// One transaction's write follows another's.
pub const WW: Kinds = 1;
/// A transaction reads what another wrote.
pub const WR: Kinds = 2;
/// A transaction reads a version that another's write comes after.
pub const RW: Kinds = 4;
/// Both are of one process.
pub const PROCESS: Kinds = 8;
/// One ended before the other began.
pub const REALTIME: Kinds = 16;
/// The dependencies that the data show.
pub const DATA: Kinds = WW | WR | RW;

/// The place of an operation takes these bits of a label, and what remains the kind.
const OPERATION_BITS: u32 = 29;
const NO_OPERATION: u32 = (1 << OPERATION_BITS) - 1;

/// An edge, in eight bytes.
#[derive(Clone, Copy, Debug)]
pub struct Edge {
    /// Where it leads.
    pub to: u32,
    label: u32,
}

impl Edge {
    /// An edge to `to`; `operation` is the one that shows the dependency, or [`NONE`].
    pub fn new(to: u32, kind: Kinds, operation: u32) -> Self {
        Self { to, label: kind.trailing_zeros() << OPERATION_BITS | operation.min(NO_OPERATION) }
    }

    /// Its kind, a single bit.
    #[inline]
    pub fn kind(self) -> Kinds {
        1 << (self.label >> OPERATION_BITS)
    }

    /// The operation that shows the dependency: the later write or the read that it is about, or
    /// [`NONE`].
    #[inline]
    pub fn operation(self) -> u32 {
        match self.label & NO_OPERATION {
            NO_OPERATION => NONE,
            operation => operation,
        }
    }
}

/// Edges as they are found.
#[derive(Debug)]
pub struct GraphBuilder {
    transactions: u32,
    nodes: u32,
    edges: Vec<(u32, Edge)>,
}

impl GraphBuilder {
    /// A graph of so many transactions, without edges.
    pub fn new(transactions: u32) -> Self {
        Self { transactions, nodes: transactions, edges: Vec::new() }
    }

    /// A new junction.
    pub fn junction(&mut self) -> u32 {
        self.nodes += 1;
        self.nodes - 1
    }

    /// An edge, unless it would lead from a transaction to itself.
    #[inline]
    pub fn link(&mut self, from: u32, to: u32, kind: Kinds, operation: u32) {
        if from != to {
            self.edges.push((from, Edge::new(to, kind, operation)));
        }
    }

    /// An edge of `kind` from each of `from` to each of `to`, by a junction where that takes fewer.
    /// Those of `to` come with the operation that shows it.
    pub fn link_all(&mut self, from: &[u32], to: &[(u32, u32)], kind: Kinds) {
        if from.len() * to.len() <= 2 * (from.len() + to.len()) {
            for one in from {
                for (other, operation) in to {
                    self.link(*one, *other, kind, *operation);
                }
            }
            return;
        }
        let junction = self.junction();
        for one in from {
            self.link(*one, junction, kind, NONE);
        }
        for (other, operation) in to {
            self.link(junction, *other, kind, *operation);
        }
    }

    /// The graph.
    pub fn build(self) -> Graph {
        let mut begins = vec![0_u32; self.nodes as usize + 1];
        for (from, _) in &self.edges {
            begins[*from as usize + 1] += 1;
        }
        for at in 1..begins.len() {
            begins[at] += begins[at - 1];
        }
        let mut next = begins.clone();
        let mut edges = vec![Edge { to: 0, label: 0 }; self.edges.len()];
        for (from, edge) in self.edges {
            let place = &mut next[from as usize];
            edges[*place as usize] = edge;
            *place += 1;
        }
        Graph { transactions: self.transactions, begins, edges }
    }
}

/// A graph; its transactions are the nodes below `transactions`, its junctions those above.
#[derive(Debug)]
pub struct Graph {
    transactions: u32,
    /// The edges of a node reach from here to the next node's.
    begins: Vec<u32>,
    edges: Vec<Edge>,
}

impl Graph {
    /// How many nodes there are.
    pub fn len(&self) -> usize {
        self.begins.len() - 1
    }

    /// Whether a node stands for a transaction.
    #[inline]
    pub fn is_transaction(&self, node: u32) -> bool {
        node < self.transactions
    }

    /// The places of a node's edges.
    #[inline]
    pub fn range(&self, node: u32) -> std::ops::Range<u32> {
        self.begins[node as usize]..self.begins[node as usize + 1]
    }

    /// An edge by its place.
    #[inline]
    pub fn edge(&self, place: u32) -> Edge {
        self.edges[place as usize]
    }

    /// The edges that leave a node.
    #[inline]
    pub fn edges(&self, node: u32) -> &[Edge] {
        let range = self.range(node);
        &self.edges[range.start as usize..range.end as usize]
    }

    /// The graph of the nodes of `keep`, with the edges that join two of which `is_joined` says yes.
    /// Numbers change; the answer has the old ones. `keep` is in rising order.
    pub fn part(&self, keep: &[u32], is_joined: impl Fn(u32, u32) -> bool) -> (Self, Vec<u32>) {
        let mut new = vec![NONE; self.len()];
        for (number, node) in keep.iter().enumerate() {
            new[*node as usize] = number as u32;
        }
        let transactions = keep.partition_point(|node| self.is_transaction(*node)) as u32;
        let mut begins = Vec::with_capacity(keep.len() + 1);
        let mut edges = Vec::new();
        begins.push(0);
        for node in keep {
            for edge in self.edges(*node) {
                let to = new[edge.to as usize];
                if to != NONE && is_joined(*node, edge.to) {
                    edges.push(Edge { to, ..*edge });
                }
            }
            begins.push(edges.len() as u32);
        }
        (Self { transactions, begins, edges }, keep.to_vec())
    }
}
