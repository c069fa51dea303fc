//! The proxy's thread: takes connections, and passes on their bytes when they are due.

use std::io;
use std::net::IpAddr;
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use dbdyno_core::load::{Sleeper, leave_out_thread};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;

use super::link::{Conditions, Ways};
use super::{Expected, Upstream};

/// The most that is taken up at once.
const PARCEL_BYTES: usize = 64 * 1024;
/// Where less than this is left of a buffer, there is a new one: most parcels are small, and share one.
const LEAST_BYTES: usize = 4 * 1024;
/// Parcels under way in one direction of a connection: 64 MiB, more than a fast network holds in the
/// longest delay that is of use, and an end to what a server that takes nothing more can cost.
const PARCELS: usize = 1024;
/// How much a line of limited bandwidth takes up before it can send it, as a network's buffers do.
const MOST_AHEAD: Duration = Duration::from_millis(20);
/// How long to wait where a connection cannot be taken for want of files.
const TAKE_AGAIN: Duration = Duration::from_millis(10);

/// What is under way.
struct Parcel {
    due: Instant,
    /// None at the end of the stream.
    bytes: Bytes,
}

/// What the thread does.
pub(super) struct Serve {
    pub(super) upstream: Upstream,
    pub(super) ways: Ways,
    pub(super) ended: oneshot::Receiver<()>,
}

/// Where a proxy listens.
pub(super) enum Entrance {
    /// At a port, for the clients that are expected, or for all where the server asks for a password.
    Port { listener: std::net::TcpListener, expected: Option<Expected> },
    /// At a socket that nobody else can reach.
    Socket(std::os::unix::net::UnixListener),
}

/// The same within the event loop.
enum Listener {
    Port { listener: TcpListener, expected: Option<Expected> },
    Socket(UnixListener),
}

impl Listener {
    fn of(entrance: Entrance) -> io::Result<Self> {
        Ok(match entrance {
            Entrance::Port { listener, expected } => {
                Self::Port { listener: TcpListener::from_std(listener)?, expected }
            }
            Entrance::Socket(listener) => Self::Socket(UnixListener::from_std(listener)?),
        })
    }

    /// The next client, with the address that it has; `None` where it is turned away.
    async fn accept(&self) -> io::Result<Option<(Option<IpAddr>, Halves)>> {
        match self {
            Self::Port { listener, expected } => {
                let (client, address) = listener.accept().await?;
                if expected.as_ref().is_some_and(|expected| !expected.take(address)) {
                    return Ok(None);
                }
                client.set_nodelay(true)?;
                let (from, to) = client.into_split();
                Ok(Some((Some(address.ip()), (Box::new(from), Box::new(to)))))
            }
            Self::Socket(listener) => {
                let (from, to) = listener.accept().await?.0.into_split();
                Ok(Some((None, (Box::new(from), Box::new(to)))))
            }
        }
    }
}

impl Serve {
    /// Serves connections until it is to end, and breaks them then. Tells first whether it can.
    pub(super) fn run(self, entrance: Entrance, tell: &Sender<io::Result<()>>) {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        // What a network would do costs a client nothing.
        let built = builder.enable_all().on_thread_park(leave_out_thread).build();
        let began = built.and_then(|runtime| {
            let _entered = runtime.enter();
            let listener = Listener::of(entrance)?;
            Ok((runtime, listener))
        });
        // Whoever started the thread waits for the word.
        match began {
            Ok((runtime, listener)) => {
                let _ = tell.send(Ok(()));
                runtime.block_on(self.serve(listener));
            }
            Err(why) => {
                let _ = tell.send(Err(why));
            }
        }
    }

    async fn serve(mut self, listener: Listener) {
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                _ = &mut self.ended => return,
                accepted = listener.accept() => match accepted {
                    Ok(Some((address, client))) => {
                        let conditions = self.ways.of(address);
                        connections.spawn(relay(client, self.upstream.clone(), conditions));
                    }
                    Ok(None) => {}
                    Err(_) => tokio::time::sleep(TAKE_AGAIN).await,
                },
                Some(_) = connections.join_next(), if !connections.is_empty() => {}
            }
        }
    }
}

/// Passes on what either side sends, until both have ended their streams or the connection to one of
/// them breaks; the other one breaks with it.
///
/// The system has made the connection by the time that the proxy hears of it. Over a network it would
/// take a client one round trip, and the server half of one more to hear of it.
async fn relay(client: Halves, upstream: Upstream, conditions: Conditions) -> io::Result<()> {
    let (accepted, round_trip) = (Instant::now(), conditions.round_trip());
    let one_way = round_trip / 2;
    let (ways, ends) = ([conditions.clone(), conditions.clone()], [conditions.clone(), conditions]);
    let ([way_there, way_back], [mut end_there, end_back]) = (ways, ends);
    let (from_client, to_client) = client;
    let (to_send, sent) = mpsc::channel(PARCELS);
    let (to_answer, answered) = mpsc::channel(PARCELS);
    let of_client = async {
        Waiter::new().until(accepted + round_trip).await;
        take_up(from_client, way_there, to_send).await
    };
    let of_server = async {
        Waiter::new().until(accepted + round_trip + one_way).await;
        end_there.passable().await;
        let (from_server, to_server) = connect(&upstream).await?;
        let answers = take_up(from_server, way_back, to_answer);
        tokio::try_join!(answers, hand_over(sent, end_there, to_server)).map(|_| ())
    };
    tokio::try_join!(of_client, of_server, hand_over(answered, end_back, to_client)).map(|_| ())
}

type Halves = (Box<dyn AsyncRead + Send + Unpin>, Box<dyn AsyncWrite + Send + Unpin>);

async fn connect(upstream: &Upstream) -> io::Result<Halves> {
    Ok(match upstream {
        Upstream::Unix(path) => {
            let (from, to) = UnixStream::connect(path).await?.into_split();
            (Box::new(from), Box::new(to))
        }
        Upstream::Tcp(host, port) => {
            let stream = TcpStream::connect((host.as_str(), *port)).await?;
            stream.set_nodelay(true)?;
            let (from, to) = stream.into_split();
            (Box::new(from), Box::new(to))
        }
    })
}

/// Takes up what one side sends.
async fn take_up(
    mut from: impl AsyncRead + Unpin,
    conditions: Conditions,
    line: mpsc::Sender<Parcel>,
) -> io::Result<()> {
    let mut buffer = BytesMut::new();
    // When what was taken up so far has left.
    let mut left = Instant::now();
    loop {
        if buffer.capacity() < LEAST_BYTES {
            buffer.reserve(PARCEL_BYTES);
        }
        let read = from.read_buf(&mut buffer).await?;
        left = left.max(Instant::now()) + conditions.time_of(read);
        let parcel =
            Parcel { due: left + conditions.round_trip() / 2, bytes: buffer.split().freeze() };
        if line.send(parcel).await.is_err() || read == 0 {
            return Ok(());
        }
        // A sender must notice that the line is full.
        let ahead = left.saturating_duration_since(Instant::now());
        if ahead > MOST_AHEAD {
            tokio::time::sleep(ahead - MOST_AHEAD).await;
        }
    }
}

/// Hands over to the other side what is due.
async fn hand_over(
    mut line: mpsc::Receiver<Parcel>,
    mut conditions: Conditions,
    mut to: impl AsyncWrite + Unpin,
) -> io::Result<()> {
    let mut waiter = Waiter::new();
    while let Some(parcel) = line.recv().await {
        waiter.until(parcel.due).await;
        conditions.passable().await;
        if parcel.bytes.is_empty() {
            return to.shutdown().await;
        }
        to.write_all(&parcel.bytes).await?;
    }
    Ok(())
}

/// Waits for moments, and never ends before them. A timer ends late by what it takes to wake up, which
/// is tens of microseconds on a virtual machine: it is set earlier by as much as it was late lately, and
/// the rest is waited for awake.
struct Waiter {
    sleeper: Sleeper,
    /// How late the timer was lately: a mean that forgets.
    late: Duration,
}

impl Waiter {
    /// No more than this is waited for awake.
    const LONGEST_AWAKE: Duration = Duration::from_micros(100);
    /// How many waits the mean remembers.
    const MEMORY: u32 = 8;

    fn new() -> Self {
        Self { sleeper: Sleeper::new(false), late: Duration::ZERO }
    }

    async fn until(&mut self, due: Instant) {
        let wanted = due - self.late;
        let asleep = wanted.saturating_duration_since(Instant::now());
        if !asleep.is_zero() {
            self.sleeper.sleep(asleep).await;
            let late = wanted.elapsed().min(Self::LONGEST_AWAKE);
            self.late = (self.late * (Self::MEMORY - 1) + late) / Self::MEMORY;
        }
        while Instant::now() < due {
            // The others of the thread are served meanwhile.
            tokio::task::yield_now().await;
        }
    }
}
