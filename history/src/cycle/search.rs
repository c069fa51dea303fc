//! The search for circles of a class.
//!
//! A circle of a class has an edge of a certain kind ([`Shape::first`]). From each such edge a
//! breadth-first search looks for a way back to where it came from, along the other edges that the class
//! allows, counting what the class counts. Since the whole may be large and the circles small, all edges
//! are first given a short search, then those that it did not settle a longer one, up to a limit for all.

use hashbrown::HashSet;
use rustc_hash::FxBuildHasher;

use super::apart::Apart;
use super::shorten::shorten;
use super::spec::{Extra, Shape, Spec};
use super::{Circle, CircleStep};
use crate::graph::{Edge, Graph, Kinds, PROCESS, REALTIME, RW, WR, WW};
use crate::scc::components;
use crate::store::NONE;

/// Steps that one search may take, round by round.
const ROUNDS: [u64; 4] = [256, 8 << 10, 256 << 10, u64::MAX];

/// Whether a transaction had ended before another began.
pub type Precedes<'a> = dyn Fn(u32, u32) -> bool + 'a;

/// What a search for a class brought.
pub struct Found {
    pub circles: Vec<Circle>,
    /// Whether places are left that were not looked at.
    pub gave_up: bool,
}

/// Looks for up to `enough` circles of the class, in `most` steps for all searches together; the last
/// node that is looked at may take a few more.
pub fn search(
    graph: &Graph,
    spec: &Spec,
    precedes: &Precedes<'_>,
    most: u64,
    enough: usize,
) -> Found {
    let component = components(graph, spec.rest());
    let mut search = Search {
        graph,
        spec,
        precedes,
        component: &component,
        visited: vec![0; graph.len()],
        touched: Vec::new(),
        level: Vec::new(),
        steps: 0,
    };
    let mut left = search.beginnings();
    if matches!(spec.shape, Shape::OneMissed | Shape::Apart) && !left.is_empty() {
        let apart = Apart::new(graph, WW | WR | spec.extra.kinds());
        left.retain(|(from, place)| apart.has(*from, graph.edge(*place).to));
    }
    let mut circles = Vec::new();
    for limit in ROUNDS {
        let mut unsettled = Vec::new();
        for (at, (from, place)) in left.iter().enumerate() {
            if search.steps >= most {
                unsettled.extend_from_slice(&left[at..]);
                break;
            }
            match search.way_back(*from, *place, limit.min(most - search.steps)) {
                Way::Back(circle) => circles.push(circle),
                Way::None => continue,
                Way::Unsettled => unsettled.push((*from, *place)),
            }
            if circles.len() >= enough {
                return Found { circles, gave_up: false };
            }
        }
        left = unsettled;
        if search.steps >= most {
            break;
        }
    }
    Found { circles, gave_up: !left.is_empty() }
}

enum Way {
    Back(Circle),
    None,
    Unsettled,
}

/// What has been counted on the way to a node.
#[derive(Clone, Copy, PartialEq, Eq)]
struct State(u8);

impl State {
    /// The last edge missed a write.
    const LAST_MISSED: u8 = 1;
    /// Another edge than the first missed a write.
    const MISSED_AGAIN: u8 = 2;
    /// Two in a row did.
    const IN_A_ROW: u8 = 4;
    /// The order of sessions or time was used.
    const EXTRA: u8 = 8;
    /// Another transaction than the first was met.
    const MOVED: u8 = 16;

    fn has(self, bit: u8) -> bool {
        self.0 & bit != 0
    }

    /// The state after an edge of `kind`; `None` if the class does not allow it.
    fn after(self, kind: Kinds, spec: &Spec) -> Option<Self> {
        let mut bits = self.0 & !Self::LAST_MISSED;
        if kind == RW {
            if self.has(Self::LAST_MISSED) {
                if spec.shape == Shape::Apart {
                    return None;
                }
                bits |= Self::IN_A_ROW;
            }
            bits |= Self::LAST_MISSED | Self::MISSED_AGAIN;
        }
        if kind & spec.extra.kinds() != 0 {
            bits |= Self::EXTRA;
        }
        Some(Self(bits))
    }

    /// Whether a circle may close here.
    fn may_close(self, spec: &Spec) -> bool {
        let is_shaped = match spec.shape {
            Shape::Writes | Shape::Flow | Shape::OneMissed => true,
            Shape::Apart => self.has(Self::MISSED_AGAIN) && !self.has(Self::LAST_MISSED),
            Shape::InARow => self.has(Self::IN_A_ROW) || self.has(Self::LAST_MISSED),
        };
        is_shaped && self.has(Self::MOVED) && (spec.extra.kinds() == 0 || self.has(Self::EXTRA))
    }
}

/// A node that was reached, and how.
#[derive(Clone, Copy)]
struct Reached {
    node: u32,
    state: State,
    /// The place of the edge that led here.
    edge: u32,
    /// The place of the entry that it left from.
    before: u32,
}

struct Search<'a> {
    graph: &'a Graph,
    spec: &'a Spec,
    precedes: &'a Precedes<'a>,
    component: &'a [u32],
    /// Of each node: in which states it was reached, a bit each.
    visited: Vec<u32>,
    touched: Vec<u32>,
    level: Vec<Reached>,
    steps: u64,
}

impl Search<'_> {
    /// The edges that circles may begin with, each with the node that it leaves. Components are
    /// numbered against the direction of edges: what leads back is in no lower one.
    fn beginnings(&self) -> Vec<(u32, u32)> {
        let first = self.spec.shape.first();
        let mut beginnings = Vec::new();
        for node in 0..self.graph.len() as u32 {
            if !self.graph.is_transaction(node) {
                continue;
            }
            for place in self.graph.range(node) {
                let edge = self.graph.edge(place);
                let leads_back = self.component[edge.to as usize] >= self.component[node as usize];
                let is_junction = !self.graph.is_transaction(edge.to);
                if edge.kind() == first && (leads_back || is_junction) {
                    beginnings.push((node, place));
                }
            }
        }
        beginnings
    }

    /// Looks for a way back to `home`, which the edge at `place` leaves.
    fn way_back(&mut self, home: u32, place: u32, limit: u64) -> Way {
        for node in self.touched.drain(..) {
            self.visited[node as usize] = 0;
        }
        let mut reached: Vec<Reached> = std::mem::take(&mut self.level);
        reached.clear();
        let edge = self.graph.edge(place);
        let missed = if edge.kind() == RW { State::LAST_MISSED } else { 0 };
        self.reach(&mut reached, edge.to, State(missed), place, NONE);
        let way = self.breadth_first(&mut reached, home, limit);
        self.level = reached;
        way
    }

    fn breadth_first(&mut self, reached: &mut Vec<Reached>, home: u32, limit: u64) -> Way {
        let floor = self.component[home as usize];
        let stop = self.steps.saturating_add(limit);
        let mut at = 0;
        while let Some(here) = reached.get(at).copied() {
            if let Some(circle) = self.back_in_time(reached, at, home) {
                return Way::Back(circle);
            }
            for place in self.graph.range(here.node) {
                self.steps += 1;
                let edge = self.graph.edge(place);
                let through = !self.graph.is_transaction(here.node);
                // A junction's edges are the second half of one that has been counted.
                let state = if through {
                    Some(here.state)
                } else if edge.kind() & self.spec.rest() != 0 {
                    here.state.after(edge.kind(), self.spec)
                } else {
                    None
                };
                let Some(state) = state else { continue };
                if edge.to == home {
                    if state.may_close(self.spec)
                        && let Some(circle) = self.circle(reached, at, place, home)
                    {
                        return Way::Back(circle);
                    }
                } else if self.component[edge.to as usize] >= floor {
                    self.reach(reached, edge.to, state, place, at as u32);
                }
            }
            if self.steps >= stop {
                return Way::Unsettled;
            }
            at += 1;
        }
        Way::None
    }

    /// The circle that closes because what was reached had ended before `home` began. The chain of
    /// junctions says so as well, but may be long.
    fn back_in_time(&self, reached: &[Reached], at: usize, home: u32) -> Option<Circle> {
        let here = reached[at];
        if self.spec.extra != Extra::RealTime
            || !self.graph.is_transaction(here.node)
            || !(self.precedes)(here.node, home)
        {
            return None;
        }
        let state = here.state.after(REALTIME, self.spec)?;
        if !state.may_close(self.spec) {
            return None;
        }
        self.circle(reached, at, NONE, home)
    }

    fn reach(
        &mut self,
        reached: &mut Vec<Reached>,
        node: u32,
        state: State,
        edge: u32,
        before: u32,
    ) {
        let moved = if self.graph.is_transaction(node) { State::MOVED } else { 0 };
        let state = State(state.0 | moved);
        let visited = &mut self.visited[node as usize];
        if *visited & (1 << state.0) != 0 {
            return;
        }
        if *visited == 0 {
            self.touched.push(node);
        }
        *visited |= 1 << state.0;
        reached.push(Reached { node, state, edge, before });
    }

    /// The circle that the edge at `last` closes ([`NONE`] is real time); `None` if it passes a transaction twice, or is of
    /// another class, for what was counted as one kind of dependency is a stronger one as well.
    fn circle(&self, reached: &[Reached], at: usize, last: u32, home: u32) -> Option<Circle> {
        // Nodes in reverse, each with the edge that led there.
        let mut way = vec![(home, last)];
        let mut at = at as u32;
        while let Some(here) = reached.get(at as usize) {
            way.push((here.node, here.edge));
            at = here.before;
        }
        let mut steps: Vec<CircleStep> = Vec::with_capacity(way.len());
        let (mut from, mut kind) = (home, None);
        let mut passed: HashSet<u32, FxBuildHasher> = HashSet::default();
        for (node, place) in way.into_iter().rev() {
            let edge = match place {
                NONE => Edge::new(node, REALTIME, NONE),
                place => self.graph.edge(place),
            };
            let kind_of_step = *kind.get_or_insert(edge.kind());
            if !self.graph.is_transaction(node) {
                continue;
            }
            if !passed.insert(node) {
                return None;
            }
            steps.push(self.strongest(from, node, kind_of_step, edge.operation()));
            (from, kind) = (node, None);
        }
        if !self.is_of_class(&steps) {
            return None;
        }
        shorten(&mut steps, |steps| self.is_of_class(steps), self.precedes);
        Some(Circle { steps })
    }

    fn is_of_class(&self, steps: &[CircleStep]) -> bool {
        let kinds = steps.iter().map(|step| step.kind);
        let extra = self.spec.extra.kinds();
        Shape::of(kinds.clone()) == Some(self.spec.shape)
            && (extra == 0 || kinds.clone().any(|kind| kind == extra))
    }

    /// A step, as the strongest dependency of the two transactions that can stand for it.
    fn strongest(&self, from: u32, to: u32, kind: Kinds, operation: u32) -> CircleStep {
        let stronger: &[Kinds] = match kind {
            WW => &[],
            WR => &[WW],
            RW | PROCESS => &[WW, WR],
            REALTIME => &[WW, WR, PROCESS],
            _ => &[],
        };
        for better in stronger {
            let edges = self.graph.edges(from);
            if let Some(edge) = edges.iter().find(|edge| edge.to == to && edge.kind() == *better) {
                return CircleStep {
                    transaction: from,
                    kind: *better,
                    operation: edge.operation(),
                };
            }
        }
        CircleStep { transaction: from, kind, operation }
    }
}
