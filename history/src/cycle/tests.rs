//! The search against all circles of small graphs, one by one.

use hashbrown::HashSet;
use proptest::prelude::*;

use super::apart::Apart;
use super::spec::{Shape, Spec};
use super::{Limits, SPECS, circles};
use crate::class::AnomalyClass::{self, *};
use crate::graph::{DATA, Graph, GraphBuilder, Kinds, PROCESS, RW, WR, WW};

const ALL: Limits = Limits { examples: 100, steps: u64::MAX };
const ONE: Limits = Limits { examples: 1, steps: u64::MAX };

/// Edges between different nodes, one of a kind at most between two.
type Edges = Vec<(u32, u32, Kinds)>;

fn graph(nodes: u32, edges: &Edges) -> Graph {
    let mut graph = GraphBuilder::new(nodes);
    for (from, to, kind) in edges {
        graph.link(*from, *to, *kind, *from);
    }
    graph.build()
}

/// The dependencies along each circle that passes no node twice.
fn all_circles(nodes: u32, edges: &Edges) -> HashSet<Vec<Kinds>> {
    let mut found = HashSet::default();
    for home in 0..nodes {
        let mut open = vec![(home, vec![home], Vec::new())];
        while let Some((at, passed, kinds)) = open.pop() {
            for (_, to, kind) in edges.iter().filter(|edge| edge.0 == at) {
                let mut kinds: Vec<Kinds> = kinds.clone();
                kinds.push(*kind);
                if *to == home {
                    found.insert(kinds);
                } else if *to > home && !passed.contains(to) {
                    let mut passed = passed.clone();
                    passed.push(*to);
                    open.push((*to, passed, kinds));
                }
            }
        }
    }
    found
}

fn is_of(spec: &Spec, kinds: &[Kinds]) -> bool {
    let extra = spec.extra.kinds();
    kinds.iter().all(|kind| kind & (DATA | extra) != 0)
        && Shape::of(kinds.iter().copied()) == Some(spec.shape)
        && (extra == 0 || kinds.contains(&extra))
}

fn graphs() -> impl Strategy<Value = (u32, Edges)> {
    (2_u32..7).prop_flat_map(|nodes| {
        let kind = prop_oneof![Just(WW), Just(WR), Just(RW), Just(RW), Just(PROCESS)];
        let edges = proptest::collection::vec((0..nodes, 0..nodes, kind), 0..14);
        edges.prop_map(move |mut edges| {
            edges.retain(|(from, to, _)| from != to);
            let mut pairs = HashSet::new();
            edges.retain(|(from, to, _)| pairs.insert((*from, *to)));
            (nodes, edges)
        })
    })
}

fn found(nodes: u32, edges: &Edges) -> super::Circles {
    circles(&graph(nodes, edges), DATA | PROCESS, &|_, _| false, ALL)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn what_is_found_is_a_circle_of_its_class((nodes, edges) in graphs()) {
        for (class, (count, circles)) in found(nodes, &edges).found {
            let spec = SPECS.iter().find(|spec| spec.class == class).unwrap();
            prop_assert!(count >= circles.len() as u64);
            for circle in circles {
                let kinds: Vec<Kinds> = circle.steps.iter().map(|step| step.kind).collect();
                prop_assert!(is_of(spec, &kinds), "{class}: {circle:?}");
                let nodes: HashSet<u32> = circle.steps.iter().map(|step| step.transaction).collect();
                prop_assert_eq!(nodes.len(), circle.steps.len());
                for (at, step) in circle.steps.iter().enumerate() {
                    let next = circle.steps[(at + 1) % circle.steps.len()].transaction;
                    let is_edge = edges.contains(&(step.transaction, next, step.kind));
                    // Steps of one process after each other have become one.
                    prop_assert!(is_edge || step.kind == PROCESS, "{class}: {circle:?}");
                }
            }
        }
    }

    #[test]
    fn what_there_is_is_found((nodes, edges) in graphs()) {
        let there = all_circles(nodes, &edges);
        let found = found(nodes, &edges);
        for spec in SPECS.iter().filter(|spec| spec.implied_by().is_empty()) {
            let is_there = there.iter().any(|kinds| is_of(spec, kinds));
            prop_assert_eq!(found.found.contains_key(&spec.class), is_there, "{}", spec.class);
        }
        // Where the data alone show it, an order of sessions need not.
        for (class, plain) in [(G0Process, G0), (G1cProcess, G1c), (GSingleProcess, GSingle), (G2ItemProcess, G2Item)] {
            let spec = SPECS.iter().find(|spec| spec.class == class).unwrap();
            let is_there = there.iter().any(|kinds| is_of(spec, kinds));
            let is_found = found.found.contains_key(&class);
            prop_assert_eq!(is_found, is_there && !found.found.contains_key(&plain), "{}", class);
        }
    }

    #[test]
    fn none_in_a_row_is_told_exactly((nodes, edges) in graphs()) {
        let there = all_circles(nodes, &edges);
        let of_data = || there.iter().filter(|kinds| !kinds.contains(&PROCESS));
        let shape = |kinds: &Vec<Kinds>| Shape::of(kinds.iter().copied());
        let apart = Apart::new(&graph(nodes, &edges), WW | WR);
        let told = edges.iter().any(|(from, to, kind)| *kind == RW && apart.has(*from, *to));
        if told {
            // It may be one without any that missed a write.
            prop_assert!(of_data().any(|kinds| shape(kinds) != Some(Shape::InARow)));
        } else {
            let misses = |kinds| matches!(shape(kinds), Some(Shape::OneMissed | Shape::Apart));
            prop_assert!(!of_data().any(misses));
        }
    }
}

/// The classes of a graph whose circle is as short as can be.
fn classes(edges: &[(u32, u32, Kinds)]) -> Vec<AnomalyClass> {
    let mut classes: Vec<AnomalyClass> = found(9, &edges.to_vec()).found.into_keys().collect();
    classes.sort_unstable();
    classes
}

#[test]
fn classes_of_the_shortest_circles() {
    assert_eq!(classes(&[(0, 1, WW), (1, 0, WW)]), [G0]);
    assert_eq!(classes(&[(0, 1, WW), (1, 0, WR)]), [G1c]);
    assert_eq!(classes(&[(0, 1, WR), (1, 0, RW)]), [GSingle]);
    assert_eq!(classes(&[(0, 1, RW), (1, 0, RW)]), [G2Item]);
    assert_eq!(classes(&[(0, 1, RW), (1, 2, WR), (2, 3, RW), (3, 0, WW)]), [GNonadjacent]);
    assert_eq!(classes(&[(0, 1, PROCESS), (1, 0, RW)]), [GSingleProcess]);
    assert_eq!(classes(&[(0, 1, PROCESS), (1, 2, PROCESS), (2, 0, PROCESS)]), []);
}

/// Whatever the limit, a class is found, or given up, or is not there.
#[test]
fn what_is_not_found_for_want_of_steps_is_given_up() {
    // A ring: the way back is as long as there are nodes.
    let nodes = 1_000;
    let edges: Edges = (0..nodes)
        .map(|node| (node, (node + 1) % nodes, if node == 0 { RW } else { WW }))
        .collect();
    for (steps, is_found) in [(0, false), (1, false), (500, false), (5_000, true)] {
        let limits = Limits { examples: 1, steps };
        let found = circles(&graph(nodes, &edges), DATA, &|_, _| false, limits);
        assert_eq!(found.found.contains_key(&GSingle), is_found, "{steps}");
        assert_eq!(found.given_up.contains(&GSingle), !is_found, "{steps}");
        assert!(!found.given_up.contains(&G1c), "{steps}");
    }
}

/// A missed write that is overwritten as well is a write that follows: that says more.
#[test]
fn the_strongest_dependency_of_two_transactions_counts() {
    let mut graph = GraphBuilder::new(2);
    graph.link(0, 1, RW, 0);
    graph.link(0, 1, WW, 0);
    graph.link(1, 0, WR, 0);
    let found = circles(&graph.build(), DATA, &|_, _| false, ONE);
    assert_eq!(found.found.into_keys().collect::<Vec<_>>(), [G1c]);
}

/// A junction is not a transaction: no circle of one transaction through it, and none too long.
#[test]
fn junctions_stand_for_edges() {
    let mut graph = GraphBuilder::new(20);
    let some: Vec<u32> = (0..9).collect();
    let others: Vec<(u32, u32)> = (8..17).map(|node| (node, node)).collect();
    graph.link_all(&some, &others, RW);
    let none = circles(&graph.build(), DATA, &|_, _| false, ONE);
    assert!(none.found.is_empty());
    let mut graph = GraphBuilder::new(20);
    graph.link_all(&some, &others, RW);
    graph.link(12, 3, WR, 3);
    let found = circles(&graph.build(), DATA, &|_, _| false, ONE);
    let (_, circles) = &found.found[&GSingle];
    assert_eq!(circles[0].steps.len(), 2);
    assert_eq!((circles[0].steps[0].transaction, circles[0].steps[0].operation), (3, 12));
}

/// A chain as long as a large history does not overflow the stack.
#[test]
fn long_circles_are_found() {
    let nodes = 300_000;
    let mut graph = GraphBuilder::new(nodes);
    for node in 0..nodes {
        graph.link(node, (node + 1) % nodes, if node == 7 { RW } else { WW }, 0);
    }
    let found = circles(&graph.build(), DATA, &|_, _| false, ONE);
    assert_eq!(found.found[&GSingle].1[0].steps.len(), nodes as usize);
}
