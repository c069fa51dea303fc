//! A connected socket, Unix or TCP, in one of two ways of waiting for the server.
//!
//! Where its thread has other clients, the event loop watches it for bytes to read, and for room
//! to write only while there is none: Linux tells whoever watches a Unix socket for room each time
//! the other side has read something, so that a client would wake up twice for each answer. Before
//! it waits it looks once whether the answer is there already, as it often is where server and
//! client share a processor; but never twice in a row, so that a server that is always as quick
//! does not keep the thread from its other clients.
//!
//! Where its thread has nobody else to serve, the thread blocks until there is something to read, in
//! poll(2) or in recv(2), as [`Wait`] says. A server that takes longer than [`BLOCKED`] is waited for
//! by the event loop, so that the thread is never lost to a server that hangs.

use std::io::{self, ErrorKind};
use std::os::fd::{AsFd as _, AsRawFd as _, OwnedFd};
use std::path::Path;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use dbdyno_core::SessionThread;
use nix::poll::{PollFd, PollFlags, poll};
use nix::sys::socket::{MsgFlags, recv, send, setsockopt, sockopt};
use nix::sys::time::TimeVal;
use tokio::io::unix::AsyncFd;
use tokio::io::{Interest, ReadBuf};
use tokio::net::{TcpStream, UnixStream};

/// How long a thread is blocked at most. The system's clock ticks every 1 to 10 ms.
const BLOCKED: Duration = Duration::from_millis(20);

/// A connected socket.
#[derive(Debug)]
pub struct Socket {
    waiting: Waiting,
    /// The same socket, watched for room, until everything was written.
    writable: Option<AsyncFd<OwnedFd>>,
}

/// How bytes to read are waited for.
#[derive(Debug)]
enum Waiting {
    Watched {
        socket: AsyncFd<OwnedFd>,
        /// The last bytes were waited for.
        waited: bool,
    },
    Blocked {
        socket: OwnedFd,
        wait: Wait,
        /// The same socket, watched, until the server has answered.
        late: Option<AsyncFd<OwnedFd>>,
    },
}

/// How a thread blocks until there is something to read.
///
/// On a Unix socket recv(2) wakes up once more, when the server has taken the request and so made
/// room (unix_write_space in the kernel's net/unix/af_unix.c); poll(2) does not. That costs some
/// microseconds of the processor's time, and keeps it awake until an answer that comes soon: on a
/// virtual machine it takes longer than many a statement to wake a processor that fell asleep. So the
/// load's only session waits in recv(2) for answers that come soon, and in poll(2) for others. Several
/// sessions keep the processors awake for one another, and wait in poll(2).
#[derive(Debug)]
struct Wait {
    /// Whether the processors have nothing else of the load to do meanwhile.
    only: bool,
    /// How long answers have taken lately, in nanoseconds: a mean that forgets. Kept by the only one.
    mean_ns: u64,
}

impl Wait {
    /// Answers that take less come soon, in nanoseconds.
    const SOON_NS: u64 = 100_000;
    /// How many answers the mean remembers.
    const MEMORY: u64 = 16;

    const fn new(only: bool) -> Self {
        Self { only, mean_ns: 0 }
    }

    /// Whether the answer is waited for in recv(2).
    #[inline]
    fn in_recv(&self) -> bool {
        self.only && self.mean_ns < Self::SOON_NS
    }

    /// Blocks, then receives what is there; `None` where nothing came in time.
    #[inline]
    fn receive(&mut self, socket: &OwnedFd, room: &mut [u8]) -> io::Result<Option<usize>> {
        let began = self.only.then(Instant::now);
        let flags = if self.in_recv() {
            MsgFlags::empty()
        } else {
            block(socket)?;
            NEVER_WAIT
        };
        let received = receive(socket, room, flags)?;
        if let Some(began) = began {
            self.took(began.elapsed());
        }
        Ok(received)
    }

    #[inline]
    fn took(&mut self, time: Duration) {
        let time_ns = time.as_nanos() as u64;
        self.mean_ns = (self.mean_ns * (Self::MEMORY - 1) + time_ns) / Self::MEMORY;
    }
}

impl Socket {
    /// Connects to the Unix socket at a path.
    ///
    /// # Errors
    /// Nobody listens there.
    pub async fn connect(path: &Path) -> io::Result<Self> {
        Self::of_unix(UnixStream::connect(path).await?)
    }

    /// Takes over a connected Unix socket.
    ///
    /// # Errors
    /// There is no room to watch it.
    pub fn of_unix(stream: UnixStream) -> io::Result<Self> {
        let stream = stream.into_std()?;
        stream.set_nonblocking(false)?;
        Self::new(stream.into())
    }

    /// Takes over a TCP connection.
    ///
    /// # Errors
    /// There is no room to watch it.
    pub fn of_tcp(stream: TcpStream) -> io::Result<Self> {
        let stream = stream.into_std()?;
        stream.set_nonblocking(false)?;
        Self::new(stream.into())
    }

    fn new(socket: OwnedFd) -> io::Result<Self> {
        let socket = watch(socket, Interest::READABLE)?;
        Ok(Self { waiting: Waiting::Watched { socket, waited: false }, writable: None })
    }

    /// From now on waits as suits its thread: one of its own is blocked meanwhile.
    ///
    /// # Errors
    /// The system does not let it.
    pub fn wait_on(&mut self, thread: SessionThread) -> io::Result<()> {
        if let (Waiting::Watched { socket, .. }, true) = (&self.waiting, thread.is_own()) {
            let socket = socket.get_ref().try_clone()?;
            let limit = TimeVal::new(0, BLOCKED.as_micros() as _);
            setsockopt(&socket, sockopt::ReceiveTimeout, &limit)?;
            let wait = Wait::new(thread == SessionThread::Only);
            self.waiting = Waiting::Blocked { socket, wait, late: None };
        }
        Ok(())
    }

    /// The TCP connection again, for TLS to be put over it.
    ///
    /// # Errors
    /// There is no room to watch it.
    pub fn into_tcp(self) -> io::Result<TcpStream> {
        let socket = match self.waiting {
            Waiting::Watched { socket, .. } => socket.into_inner(),
            Waiting::Blocked { socket, .. } => socket,
        };
        let stream = std::net::TcpStream::from(socket);
        stream.set_nonblocking(true)?;
        TcpStream::from_std(stream)
    }

    fn socket(&self) -> &OwnedFd {
        match &self.waiting {
            Waiting::Watched { socket, .. } => socket.get_ref(),
            Waiting::Blocked { socket, .. } => socket,
        }
    }

    /// Reads into `room`; nothing at the end of the stream.
    #[inline]
    pub fn poll_read(
        &mut self,
        context: &mut Context<'_>,
        room: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let read = match &mut self.waiting {
            Waiting::Watched { socket, waited } => {
                let there = match std::mem::take(waited) {
                    true => receive(socket.get_ref(), room.initialize_unfilled(), NEVER_WAIT)?,
                    false => None,
                };
                match there {
                    Some(read) => read,
                    None => {
                        let read = ready!(poll_watched(socket, context, room))?;
                        *waited = true;
                        read
                    }
                }
            }
            Waiting::Blocked { socket, wait, late } => {
                ready!(poll_blocked(socket, wait, late, context, room))?
            }
        };
        room.advance(read);
        Poll::Ready(Ok(()))
    }

    /// Reads what is there without waiting, also where the event loop has not told of it yet; `None`
    /// where nothing is.
    ///
    /// # Errors
    /// The connection broke.
    pub fn read_there(&self, room: &mut [u8]) -> io::Result<Option<usize>> {
        receive(self.socket(), room, NEVER_WAIT)
    }

    /// Writes what there is room for.
    #[inline]
    pub fn poll_write(
        &mut self,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        loop {
            match send(self.socket().as_raw_fd(), bytes, NEVER_WAIT.union(NO_SIGNAL)) {
                Ok(written) => {
                    if written == bytes.len() {
                        self.writable = None;
                    }
                    return Poll::Ready(Ok(written));
                }
                Err(nix::Error::EAGAIN) => ready!(self.poll_room(context))?,
                Err(nix::Error::EINTR) => {}
                Err(why) => return Poll::Ready(Err(why.into())),
            }
        }
    }

    /// Waits for room, of which there was none.
    #[cold]
    fn poll_room(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let writable = match self.writable.take() {
            Some(writable) => writable,
            None => watch(self.socket().try_clone()?, Interest::WRITABLE)?,
        };
        let writable = self.writable.insert(writable);
        ready!(writable.poll_write_ready(context))?.clear_ready();
        Poll::Ready(Ok(()))
    }
}

const NEVER_WAIT: MsgFlags = MsgFlags::MSG_DONTWAIT;
/// A broken connection is an error, not a signal.
#[cfg(target_os = "linux")]
const NO_SIGNAL: MsgFlags = MsgFlags::MSG_NOSIGNAL;
/// Rust's runtime has the signal ignored.
#[cfg(not(target_os = "linux"))]
const NO_SIGNAL: MsgFlags = MsgFlags::empty();

/// Receives; `None` where nothing came, or while it waited a signal: signals that come again and again
/// must not make it wait for ever.
#[inline]
fn receive(socket: &OwnedFd, room: &mut [u8], flags: MsgFlags) -> io::Result<Option<usize>> {
    loop {
        match recv(socket.as_raw_fd(), room, flags) {
            Ok(read) => return Ok(Some(read)),
            Err(nix::Error::EAGAIN) => return Ok(None),
            Err(nix::Error::EINTR) if flags == NEVER_WAIT => {}
            Err(nix::Error::EINTR) => return Ok(None),
            Err(why) => return Err(why.into()),
        }
    }
}

#[inline]
fn poll_watched(
    socket: &mut AsyncFd<OwnedFd>,
    context: &mut Context<'_>,
    room: &mut ReadBuf<'_>,
) -> Poll<io::Result<usize>> {
    loop {
        let mut ready = ready!(socket.poll_read_ready(context))?;
        let space = room.initialize_unfilled();
        match receive(ready.get_inner(), space, NEVER_WAIT)? {
            Some(read) => {
                // Less than there was room for is all that there was; at the end of the stream it
                // stays ready.
                if read > 0 && read < space.len() {
                    ready.clear_ready();
                }
                return Poll::Ready(Ok(read));
            }
            None => ready.clear_ready(),
        }
    }
}

/// Blocks the thread until there is something to read, or for as long as it may.
#[inline]
fn block(socket: &OwnedFd) -> io::Result<()> {
    let readable = PollFd::new(socket.as_fd(), PollFlags::POLLIN);
    match poll(&mut [readable], BLOCKED.as_millis() as u8) {
        Ok(_) | Err(nix::Error::EINTR) => Ok(()),
        Err(why) => Err(why.into()),
    }
}

#[inline]
fn poll_blocked(
    socket: &OwnedFd,
    wait: &mut Wait,
    late: &mut Option<AsyncFd<OwnedFd>>,
    context: &mut Context<'_>,
    room: &mut ReadBuf<'_>,
) -> Poll<io::Result<usize>> {
    if late.is_none() {
        if let Some(read) = wait.receive(socket, room.initialize_unfilled())? {
            return Poll::Ready(Ok(read));
        }
        *late = Some(watch(socket.try_clone()?, Interest::READABLE)?);
    }
    let Some(watched) = late else { return Poll::Ready(Err(ErrorKind::NotConnected.into())) };
    let read = ready!(poll_watched(watched, context, room))?;
    *late = None;
    Poll::Ready(Ok(read))
}

#[expect(unsafe_code, reason = "the descriptor is the watch's own until the watch is dropped")]
fn watch(socket: OwnedFd, interest: Interest) -> io::Result<AsyncFd<OwnedFd>> {
    // SAFETY: an OwnedFd owns its descriptor, always the same one, and closes it when dropped.
    Ok(unsafe { AsyncFd::register_with_interest(socket, interest) }?)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;
    use std::future::poll_fn;
    use std::io::Write as _;
    use std::net::Shutdown;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    const THREADS: [SessionThread; 3] =
        [SessionThread::Shared, SessionThread::Own, SessionThread::Only];

    fn pair(thread: SessionThread) -> (Socket, UnixStream) {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let mut ours = Socket::of_unix(ours).unwrap();
        ours.wait_on(thread).unwrap();
        (ours, theirs)
    }

    async fn read(socket: &mut Socket, most: usize) -> Vec<u8> {
        let mut bytes = vec![0; most];
        let mut room = ReadBuf::new(&mut bytes);
        poll_fn(|context| socket.poll_read(context, &mut room)).await.unwrap();
        room.filled().to_vec()
    }

    #[tokio::test]
    async fn answers_in_time_and_late_ones_are_read_either_way() {
        for thread in THREADS {
            let (mut ours, mut theirs) = pair(thread);
            theirs.write_all(b"abc").await.unwrap();
            assert_eq!(read(&mut ours, 2).await, b"ab");
            assert_eq!(read(&mut ours, 2).await, b"c");
            // Nothing is there: whoever waits lets others run, such as the one who answers.
            let answer = async {
                tokio::task::yield_now().await;
                theirs.write_all(b"late").await.unwrap();
            };
            let (late, ()) = tokio::join!(read(&mut ours, 9), answer);
            assert_eq!(late, b"late");
            theirs.write_all(b"again").await.unwrap();
            assert_eq!(read(&mut ours, 9).await, b"again");
            // No event loop runs between the two.
            let mut room = [0; 9];
            assert_eq!(ours.read_there(&mut room).unwrap(), None);
            let theirs = theirs.into_std().unwrap();
            (&theirs).write_all(b"there").unwrap();
            assert_eq!(ours.read_there(&mut room).unwrap(), Some(5));
            drop(theirs);
            assert_eq!(read(&mut ours, 9).await, b"");
        }
    }

    #[tokio::test]
    async fn a_blocked_thread_waits_as_suits_the_server() {
        let mut wait = Wait::new(true);
        for (time_us, soon) in [(40, true), (95, true), (200, false), (105, false), (95, true)] {
            for _ in 0..200 {
                wait.took(Duration::from_micros(time_us));
            }
            assert_eq!(wait.in_recv(), soon, "{time_us} us");
        }
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        let ours = ours.into_std().unwrap();
        ours.set_nonblocking(false).unwrap();
        let ours = OwnedFd::from(ours);
        for (only, mean_ns) in [(true, 90_000), (true, 110_000), (false, 0)] {
            let mut wait = Wait { only, mean_ns };
            theirs.write_all(b"abc").await.unwrap();
            let mut room = [0; 9];
            assert_eq!(wait.receive(&ours, &mut room).unwrap(), Some(3));
            assert_eq!(&room[..3], b"abc");
        }
        assert_eq!(
            Wait { only: true, mean_ns: 110_000 }.receive(&ours, &mut [0; 9]).unwrap(),
            None
        );
    }

    #[tokio::test]
    async fn more_than_the_other_side_takes_is_written_bit_by_bit() {
        for thread in THREADS {
            let (mut ours, mut theirs) = pair(thread);
            let bytes = vec![7; 4 << 20];
            let write = async {
                let mut rest = &bytes[..];
                while !rest.is_empty() {
                    let written = poll_fn(|context| ours.poll_write(context, rest)).await.unwrap();
                    rest = &rest[written..];
                }
            };
            let mut received = vec![0; bytes.len()];
            let (read, ()) = tokio::join!(theirs.read_exact(&mut received), write);
            assert!(read.is_ok() && received == bytes && ours.writable.is_none());
        }
    }

    #[tokio::test]
    async fn a_broken_connection_is_an_error() {
        let (mut ours, theirs) = pair(SessionThread::Only);
        // A program that another test is starting has it open, too, until it runs.
        theirs.into_std().unwrap().shutdown(Shutdown::Both).unwrap();
        let written = poll_fn(|context| ours.poll_write(context, b"x")).await;
        assert_eq!(written.unwrap_err().kind(), ErrorKind::BrokenPipe);
    }
}
