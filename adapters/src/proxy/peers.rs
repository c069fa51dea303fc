//! The links between nodes that all connect to each other, and tell each other where they are.
//!
//! Such a node says at which port it listens, and has the address from where its peers see it connect. So it listens at
//! an address of the loopback interface of its own, and a link at the same port of 127.0.0.1: whoever is told of the
//! node comes to the link. What the link passes on comes from 127.0.0.1, and what a node sends to a link from the node's
//! own address, by which the link knows it.

use std::net::{IpAddr, Ipv4Addr};

use dbdyno_core::{Error, Link, Result};

use super::NodeLink;

/// A link before each node.
pub struct PeerLinks {
    addresses: Vec<Ipv4Addr>,
    links: Vec<NodeLink>,
}

impl PeerLinks {
    /// Between so many nodes, at most 200.
    ///
    /// # Errors
    /// There are no more ports, files or threads.
    pub fn between(nodes: u8) -> Result<Self> {
        // 127.0.0.1 is that of the links.
        let addresses: Vec<_> = (2..2 + nodes).map(|last| Ipv4Addr::new(127, 0, 0, last)).collect();
        let link = |address: &Ipv4Addr| NodeLink::before(*address, &addresses);
        let links: Result<Vec<_>, _> = addresses.iter().map(link).collect();
        let links = links.map_err(|why| Error::new("put links between servers", why))?;
        Ok(Self { addresses, links })
    }

    /// The address that the node at a place listens at, and its port, which is that of the link before it.
    pub fn place(&self, node: usize) -> (Ipv4Addr, u16) {
        (self.addresses[node], self.links[node].port())
    }

    /// Changes the conditions of all; a cut is between the last node and the others.
    pub fn set(&self, link: Link) {
        let last = self.addresses.last().map(|address| IpAddr::V4(*address));
        let mended = Link { cut: false, ..link };
        for (place, each) in self.links.iter().enumerate() {
            let is_last = place + 1 == self.links.len();
            each.set_by_source(|from| if is_last || from == last { link } else { mended });
        }
    }
}
