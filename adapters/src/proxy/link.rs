//! The link between two servers: a proxy whose conditions change while it is in use.

use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use dbdyno_core::{Error, Link, Result};
use tokio::sync::watch;

use super::relay::Entrance;
use super::{Thread, Upstream};
use crate::throwaway::Port;

/// A proxy on a free port of 127.0.0.1 that a server reaches another one by, until it is dropped. It serves
/// whoever connects: the server behind it must ask for a password, or for something else that nobody knows.
pub struct NodeLink {
    /// Of those who connect from each address, and of all others.
    ways: Vec<(Option<IpAddr>, watch::Sender<Link>)>,
    _thread: Thread,
    port: Port,
}

impl NodeLink {
    /// To the server at a port of 127.0.0.1.
    ///
    /// # Errors
    /// There are no more ports, files or threads.
    pub fn start(to_port: u16) -> io::Result<Self> {
        Self::between(&[], |_| (Ipv4Addr::LOCALHOST, to_port))
    }

    /// To the server that listens at the same port of another address of the loopback interface, with a way of its own
    /// for whoever connects from each of some addresses.
    ///
    /// # Errors
    /// There are no more ports, files or threads.
    pub(super) fn before(address: Ipv4Addr, from: &[Ipv4Addr]) -> io::Result<Self> {
        Self::between(from, |port| (address, port))
    }

    /// `to` tells where the server is, given the port of the link.
    fn between(from: &[Ipv4Addr], to: impl FnOnce(u16) -> (Ipv4Addr, u16)) -> io::Result<Self> {
        // A server may listen at the same port of another address: nobody who connects is to be given it.
        let (port, listener) = Port::choose_to_listen()?;
        listener.set_nonblocking(true)?;
        let from = from.iter().map(|address| Some(IpAddr::V4(*address))).chain([None]);
        let (ways, taken) = from
            .map(|from| {
                let (conditions, received) = watch::channel(Link::default());
                ((from, conditions), (from, Conditions(received)))
            })
            .unzip();
        let (address, to_port) = to(port.number());
        let upstream = Upstream::Tcp(address.to_string(), to_port);
        let entrance = Entrance::Port { listener, expected: None };
        let thread = Thread::start(upstream, Ways(taken), entrance)?;
        Ok(Self { ways, _thread: thread, port })
    }

    /// The port to connect to.
    pub fn port(&self) -> u16 {
        self.port.number()
    }

    /// Changes its conditions. What is under way keeps its delay, and is held up by a cut.
    pub fn set(&self, link: Link) {
        self.set_by_source(|_| link);
    }

    /// The same, told for each address that has a way of its own, and for all others.
    pub(super) fn set_by_source(&self, link: impl Fn(Option<IpAddr>) -> Link) {
        for (from, conditions) in &self.ways {
            conditions.send_replace(link(*from));
        }
    }
}

/// The links between the servers of a cluster; none where they reach each other at once.
#[derive(Default)]
pub struct NodeLinks(Vec<NodeLink>);

impl NodeLinks {
    /// Makes one more, to the server at a port of 127.0.0.1; gives the port to connect to.
    ///
    /// # Errors
    /// There are no more ports, files or threads.
    pub fn lead_to(&mut self, port: u16) -> Result<u16> {
        let link = NodeLink::start(port);
        let link = link.map_err(|why| Error::new("put a link between two servers", why))?;
        let port = link.port();
        self.0.push(link);
        Ok(port)
    }

    /// Changes the conditions of all; `doing` completes "cannot …".
    ///
    /// # Errors
    /// There is none (unsupported).
    pub fn set(&self, link: Link, doing: impl FnOnce() -> String) -> Result<()> {
        if self.0.is_empty() {
            let why = "the cluster was made without a link that can be changed";
            return Err(Error::unsupported(doing(), why));
        }
        self.0.iter().for_each(|each| each.set(link));
        Ok(())
    }
}

/// What a relay asks at each parcel.
#[derive(Clone)]
pub(super) struct Conditions(watch::Receiver<Link>);

/// The conditions of whoever connects, by the address that it connects from; those of all others have none.
pub(super) struct Ways(Vec<(Option<IpAddr>, Conditions)>);

impl Ways {
    /// Conditions of all that stay as they are: a delay, and nothing else.
    pub(super) fn fixed(round_trip: Duration) -> Self {
        let (_, received) = watch::channel(Link { round_trip, ..Link::default() });
        Self(vec![(None, Conditions(received))])
    }

    pub(super) fn of(&self, address: Option<IpAddr>) -> Conditions {
        let known = self.0.iter().find(|(from, _)| from.is_some() && *from == address);
        let all_others = || self.0.iter().find(|(from, _)| from.is_none());
        let found = known.or_else(all_others).map(|(_, conditions)| conditions.clone());
        found.unwrap_or_else(|| unreachable!("there are conditions for all others"))
    }
}

impl Conditions {
    pub(super) fn round_trip(&self) -> Duration {
        self.0.borrow().round_trip
    }

    /// How long so many bytes take to leave.
    pub(super) fn time_of(&self, bytes: usize) -> Duration {
        match self.0.borrow().bandwidth {
            Some(rate) if rate > 0 => Duration::from_secs_f64(bytes as f64 / rate as f64),
            _ => Duration::ZERO,
        }
    }

    /// Returns once something gets through.
    pub(super) async fn passable(&mut self) {
        // Nobody is left to mend it where the other end is gone, and the proxy is about to end.
        let _ = self.0.wait_for(|link| !link.cut).await;
    }
}
