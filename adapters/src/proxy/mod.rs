//! A network between a driver and its server, where there is none: a TCP proxy on the loopback
//! interface that passes everything on a fixed time later. Client libraries that make their connections by
//! themselves reach it by a Unix socket.
//!
//! Each direction has a delay of half the round trip and keeps its order. As over a network, a connection takes
//! one round trip to be made before its first byte can be sent. Between the servers of a cluster
//! ([`NodeLink`]) bandwidth can be limited, too, and the link be cut.

mod link;
mod peers;
mod relay;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use dbdyno_core::{Error, Result};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::oneshot;

use crate::registry::OptionSpec;
use crate::target::Target;
use crate::throwaway::Folder;
use link::Ways;
pub use link::{NodeLink, NodeLinks};
pub use peers::PeerLinks;
use relay::Entrance;

/// The option of a target that puts its server at a distance.
pub const OPTION: OptionSpec = OptionSpec::new(
    "round_trip",
    "what a proxy adds to every round trip of the clients, as in 200us, 1ms; none by default",
);

/// The longest round trip: beyond it, sessions would time out while they are opened.
const LONGEST: Duration = Duration::from_secs(1);

/// Where the server is that a proxy stands in front of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Upstream {
    /// At a Unix socket.
    Unix(PathBuf),
    /// At a TCP port of a host, which may be a name.
    Tcp(String, u16),
}

/// The proxies in front of one server: one for each round trip that sessions ask for, started when the
/// first of them does.
pub struct Proxies {
    upstream: Upstream,
    own: Duration,
    ports: Mutex<BTreeMap<Duration, Arc<Proxy>>>,
    sockets: Mutex<BTreeMap<Duration, Arc<SocketProxy>>>,
}

impl Proxies {
    /// None yet, in front of `upstream`. Sessions that ask for no round trip get this one of the
    /// target's own.
    pub fn new(upstream: Upstream, own: Duration) -> Self {
        Self { upstream, own, ports: Mutex::default(), sockets: Mutex::default() }
    }

    /// The round trip of sessions that ask for none; zero where they are not delayed.
    pub fn own(&self) -> Duration {
        self.own
    }

    /// A connection to the server over a proxy of this round trip, or of the target's own; `None` where
    /// that is zero, and the server is to be reached directly.
    ///
    /// # Errors
    /// There are no more ports, files or threads.
    pub async fn connect(&self, round_trip: Option<Duration>) -> io::Result<Option<TcpStream>> {
        let round_trip = round_trip.unwrap_or(self.own);
        if round_trip.is_zero() {
            return Ok(None);
        }
        let start = || Proxy::start(self.upstream.clone(), round_trip);
        let proxy = running(&self.ports, round_trip, start)?;
        proxy.connect().await.map(Some)
    }

    /// The Unix socket of a proxy of this round trip, or of the target's own, for client libraries that
    /// connect by themselves; `None` where that is zero. It is called `name`, and there as long as these
    /// proxies are.
    ///
    /// # Errors
    /// There is no place for it, or there are no more files or threads.
    pub fn socket(&self, round_trip: Option<Duration>, name: &str) -> io::Result<Option<PathBuf>> {
        let round_trip = round_trip.unwrap_or(self.own);
        if round_trip.is_zero() {
            return Ok(None);
        }
        let start = || SocketProxy::start(self.upstream.clone(), round_trip, name);
        let proxy = running(&self.sockets, round_trip, start)?;
        Ok(Some(proxy.path.clone()))
    }
}

/// The one of a round trip that runs already, or a new one.
fn running<P>(
    all: &Mutex<BTreeMap<Duration, Arc<P>>>,
    round_trip: Duration,
    start: impl FnOnce() -> io::Result<P>,
) -> io::Result<Arc<P>> {
    let mut all = lock(all);
    if let Some(proxy) = all.get(&round_trip) {
        return Ok(Arc::clone(proxy));
    }
    let proxy = Arc::new(start()?);
    all.insert(round_trip, Arc::clone(&proxy));
    Ok(proxy)
}

/// The round trip that a target's option asks for; zero where it does not.
///
/// # Errors
/// It is no duration from 0 to a second.
pub fn round_trip_of(target: &Target) -> Result<Duration> {
    target.option(OPTION.name).map_or(Ok(Duration::ZERO), parse).map_err(|why| {
        Error::new(format!("use the target `{}`", target.label), why)
            .next("Give round_trip a duration such as 200us, 0.2ms or 1ms")
    })
}

/// Refuses to replicate a target whose clients are to be at a distance: each of its nodes would be reached at
/// once, and the results would say otherwise.
///
/// # Errors
/// The target's option asks for a round trip (unsupported).
pub fn refuse_round_trip(target: &Target) -> Result<()> {
    match round_trip_of(target)? {
        Duration::ZERO => Ok(()),
        _ => {
            let why = "clients of nodes that dbdyno replicates by itself are next to them: `round_trip` has no \
                       effect there";
            Err(Error::unsupported(format!("replicate the target `{}`", target.label), why)
                .next("leave it out; replication/network has the nodes at a distance"))
        }
    }
}

fn parse(text: &str) -> Result<Duration, String> {
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    let parsed = text.parse::<jiff::SignedDuration>().ok();
    let duration = parsed.and_then(|signed| Duration::try_from(signed).ok());
    duration
        .filter(|duration| *duration <= LONGEST)
        .ok_or_else(|| format!("round_trip={text} is no duration of at most 1s"))
}

/// A proxy that runs on a thread of its own, until it is dropped. It breaks its connections then.
pub struct Proxy {
    address: SocketAddr,
    expected: Expected,
    _thread: Thread,
}

/// A proxy that listens on a Unix socket in a folder that only dbdyno's own user can enter.
struct SocketProxy {
    path: PathBuf,
    // Dropped before its folder is removed.
    _thread: Thread,
    _folder: Folder,
}

/// A proxy's thread, which ends when this is dropped.
struct Thread {
    /// Dropped to have the thread end.
    end: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// The ports from which this process is about to connect. Nobody else is served: a throwaway server
/// trusts whoever reaches its socket, which lies in a folder that only its owner can enter, and the
/// proxy's port is open to all users of the machine.
#[derive(Clone, Default)]
struct Expected(Arc<Mutex<BTreeSet<SocketAddr>>>);

impl Expected {
    fn add(&self, client: SocketAddr) {
        lock(&self.0).insert(client);
    }

    /// Whether the client was expected; it is no longer.
    fn take(&self, client: SocketAddr) -> bool {
        lock(&self.0).remove(&client)
    }
}

impl Proxy {
    /// Starts a proxy on a free port of 127.0.0.1.
    ///
    /// # Errors
    /// There are no more ports, files or threads.
    pub fn start(upstream: Upstream, round_trip: Duration) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        let (address, expected) = (listener.local_addr()?, Expected::default());
        let entrance = Entrance::Port { listener, expected: Some(expected.clone()) };
        let thread = Thread::start(upstream, Ways::fixed(round_trip), entrance)?;
        Ok(Self { address, expected, _thread: thread })
    }

    /// A connection to the server through the proxy.
    ///
    /// # Errors
    /// There are no more ports or files.
    pub async fn connect(&self) -> io::Result<TcpStream> {
        let socket = TcpSocket::new_v4()?;
        socket.bind((Ipv4Addr::LOCALHOST, 0).into())?;
        let client = socket.local_addr()?;
        self.expected.add(client);
        let connected = socket.connect(self.address).await;
        if connected.is_err() {
            self.expected.take(client);
        }
        let stream = connected?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }
}

impl SocketProxy {
    fn start(upstream: Upstream, round_trip: Duration, name: &str) -> io::Result<Self> {
        let folder = Folder::create().map_err(io::Error::other)?;
        let path = folder.path().join(name);
        let listener = UnixListener::bind(&path)?;
        listener.set_nonblocking(true)?;
        let thread = Thread::start(upstream, Ways::fixed(round_trip), Entrance::Socket(listener))?;
        Ok(Self { path, _thread: thread, _folder: folder })
    }
}

impl Thread {
    fn start(upstream: Upstream, ways: Ways, entrance: Entrance) -> io::Result<Self> {
        let (end, ended) = oneshot::channel();
        let (tell, told) = std::sync::mpsc::channel();
        let serve = relay::Serve { upstream, ways, ended };
        let thread = std::thread::Builder::new()
            .name("dbdyno-proxy".to_owned())
            .spawn(move || serve.run(entrance, &tell))?;
        let thread = Self { end: Some(end), thread: Some(thread) };
        told.recv().unwrap_or_else(|why| Err(io::Error::other(why)))?;
        Ok(thread)
    }
}

impl Drop for Thread {
    fn drop(&mut self) {
        self.end.take();
        if let Some(thread) = self.thread.take() {
            // It only panics where the program has a fault, and has said so then.
            let _ = thread.join();
        }
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proxy").field("address", &self.address).finish_non_exhaustive()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
