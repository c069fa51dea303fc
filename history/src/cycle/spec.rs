//! Classes of circles, each as a rule for paths.

use crate::class::AnomalyClass::{self, *};
use crate::graph::{Kinds, PROCESS, REALTIME, RW, WR, WW};

/// A class of circles.
#[derive(Clone, Copy, Debug)]
pub struct Spec {
    pub class: AnomalyClass,
    pub shape: Shape,
    pub extra: Extra,
}

/// What a class says of the dependencies of the data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Writes only.
    Writes,
    /// Writes, and at least one read of what was written.
    Flow,
    /// Exactly one read that missed a write (an anti-dependency).
    OneMissed,
    /// Several of them, none next to another.
    Apart,
    /// Two of them in a row.
    InARow,
}

/// Which orders occur, at least once, beside the data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extra {
    Nothing,
    Session,
    RealTime,
}

impl Extra {
    /// The kind of its edges.
    pub const fn kinds(self) -> Kinds {
        match self {
            Self::Nothing => 0,
            Self::Session => PROCESS,
            Self::RealTime => REALTIME,
        }
    }
}

impl Shape {
    /// The kind of the edge that a circle is begun with; each has one.
    pub const fn first(self) -> Kinds {
        match self {
            Self::Writes => WW,
            Self::Flow => WR,
            Self::OneMissed | Self::Apart | Self::InARow => RW,
        }
    }

    /// The kinds of the other edges.
    pub const fn rest(self) -> Kinds {
        match self {
            Self::Writes => WW,
            Self::Flow | Self::OneMissed => WW | WR,
            Self::Apart | Self::InARow => WW | WR | RW,
        }
    }

    /// The shape of a circle with these dependencies, in order; `None` if there are none of the data.
    pub fn of(kinds: impl Iterator<Item = Kinds> + Clone) -> Option<Self> {
        let missed = kinds.clone().filter(|kind| *kind == RW).count();
        let ends = kinds.clone().last().into_iter().chain(kinds.clone());
        let in_a_row = ends.zip(kinds.clone()).any(|(one, next)| one == RW && next == RW);
        match missed {
            0 if kinds.clone().any(|kind| kind == WR) => Some(Self::Flow),
            0 if kinds.clone().any(|kind| kind == WW) => Some(Self::Writes),
            0 => None,
            1 => Some(Self::OneMissed),
            _ if in_a_row => Some(Self::InARow),
            _ => Some(Self::Apart),
        }
    }
}

impl Spec {
    /// The kinds of all edges but the first.
    pub const fn rest(&self) -> Kinds {
        self.shape.rest() | self.extra.kinds()
    }

    /// The classes that show, when they are found, that this one need not be looked for.
    pub fn implied_by(&self) -> Vec<AnomalyClass> {
        let weaker = |extra| {
            SPECS.iter().filter(move |spec| spec.shape == self.shape && spec.extra == extra)
        };
        let plain = weaker(Extra::Nothing).map(|spec| spec.class);
        match self.extra {
            Extra::Nothing => Vec::new(),
            Extra::Session => plain.collect(),
            Extra::RealTime => plain.chain(weaker(Extra::Session).map(|spec| spec.class)).collect(),
        }
    }
}

const fn spec(class: AnomalyClass, shape: Shape, extra: Extra) -> Spec {
    Spec { class, shape, extra }
}

/// Every class; what implies others comes before them.
pub const SPECS: &[Spec] = &[
    spec(G0, Shape::Writes, Extra::Nothing),
    spec(G1c, Shape::Flow, Extra::Nothing),
    spec(GSingle, Shape::OneMissed, Extra::Nothing),
    spec(GNonadjacent, Shape::Apart, Extra::Nothing),
    spec(G2Item, Shape::InARow, Extra::Nothing),
    spec(G0Process, Shape::Writes, Extra::Session),
    spec(G1cProcess, Shape::Flow, Extra::Session),
    spec(GSingleProcess, Shape::OneMissed, Extra::Session),
    spec(GNonadjacentProcess, Shape::Apart, Extra::Session),
    spec(G2ItemProcess, Shape::InARow, Extra::Session),
    spec(G0Realtime, Shape::Writes, Extra::RealTime),
    spec(G1cRealtime, Shape::Flow, Extra::RealTime),
    spec(GSingleRealtime, Shape::OneMissed, Extra::RealTime),
    spec(GNonadjacentRealtime, Shape::Apart, Extra::RealTime),
    spec(G2ItemRealtime, Shape::InARow, Extra::RealTime),
];
