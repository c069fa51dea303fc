//! The bytes between a session and its server: a socket, with TLS or without, and a buffer each
//! way. Buffers are reused, so that an exchange allocates nothing.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};

use bytes::{Buf, BytesMut};
use dbdyno_core::SessionThread;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::socket::Socket;

/// What is read at once. A row that is longer makes the buffer grow.
const READ_BYTES: usize = 16 * 1024;
/// Buffers that grew beyond this are given back once they are empty.
const KEPT_BYTES: usize = 256 * 1024;

/// A stream that is encrypted by whoever made it.
pub trait Encrypted: AsyncRead + AsyncWrite + Send + Sync + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Sync + Unpin> Encrypted for S {}

/// How a server is reached.
pub enum Stream {
    /// A Unix socket.
    Unix(Socket),
    /// TCP.
    Tcp(Socket),
    /// TLS over TCP.
    Tls(Box<dyn Encrypted>),
}

/// A connection with its buffers.
pub struct Transport {
    stream: Stream,
    /// What is to be sent; messages are written into it.
    pub outbound: BytesMut,
    /// Bytes received and not yet taken: `inbound[taken..received]`.
    inbound: Vec<u8>,
    taken: usize,
    received: usize,
}

impl Transport {
    /// A transport over an open connection.
    pub fn new(stream: Stream) -> Self {
        Self {
            stream,
            outbound: BytesMut::with_capacity(1024),
            inbound: vec![0; READ_BYTES],
            taken: 0,
            received: 0,
        }
    }

    /// Gives the connection back, for another layer such as TLS to be put over it. Both buffers
    /// must be empty.
    pub fn into_stream(self) -> Stream {
        self.stream
    }

    /// From now on waits as suits its thread. TLS is left to the event loop.
    ///
    /// # Errors
    /// The system does not let it.
    pub fn wait_on(&mut self, thread: SessionThread) -> io::Result<()> {
        match &mut self.stream {
            Stream::Unix(socket) | Stream::Tcp(socket) => socket.wait_on(thread),
            Stream::Tls(_) => Ok(()),
        }
    }

    /// What was received and not yet taken.
    #[inline]
    pub fn received(&self) -> &[u8] {
        self.inbound.get(self.taken..self.received).unwrap_or_default()
    }

    /// Takes so many bytes of what was received.
    #[inline]
    pub fn take(&mut self, bytes: usize) {
        self.taken = (self.taken + bytes).min(self.received);
    }

    /// Sends all that is to be sent. Where the server does not take it, what the server says
    /// meanwhile is received, so that neither waits for the other.
    ///
    /// # Errors
    /// The connection broke.
    #[inline]
    pub fn poll_send(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.outbound.is_empty() {
            match self.stream.poll_write(context, &self.outbound) {
                Poll::Ready(Ok(0)) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Poll::Ready(Ok(sent)) if sent == self.outbound.len() => self.outbound.clear(),
                Poll::Ready(Ok(sent)) => self.outbound.advance(sent),
                Poll::Ready(Err(why)) => return Poll::Ready(Err(why)),
                Poll::Pending => {
                    // Until there is no more to receive: only then is this task woken by more.
                    loop {
                        ready!(self.poll_receive(context))?;
                    }
                }
            }
        }
        self.stream.poll_flush(context)
    }

    /// Receives until there are at least so many bytes to take.
    ///
    /// # Errors
    /// The connection broke; `UnexpectedEof` where the server closed it.
    #[inline]
    pub fn poll_fill(&mut self, context: &mut Context<'_>, bytes: usize) -> Poll<io::Result<()>> {
        while self.received - self.taken < bytes {
            ready!(self.poll_receive(context))?;
        }
        Poll::Ready(Ok(()))
    }

    /// Receives what is there without waiting; false where nothing is, or the connection broke.
    pub fn receive_there(&mut self) -> bool {
        self.make_room();
        let room = &mut self.inbound[self.received..];
        let read = match &mut self.stream {
            Stream::Unix(socket) | Stream::Tcp(socket) => socket.read_there(room).ok().flatten(),
            Stream::Tls(stream) => {
                let mut room = ReadBuf::new(room);
                let mut context = Context::from_waker(Waker::noop());
                match Pin::new(stream.as_mut()).poll_read(&mut context, &mut room) {
                    Poll::Ready(Ok(())) => Some(room.filled().len()),
                    _ => None,
                }
            }
        };
        self.received += read.unwrap_or(0);
        read.is_some_and(|read| read > 0)
    }

    fn poll_receive(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.make_room();
        let mut room = ReadBuf::new(&mut self.inbound[self.received..]);
        ready!(self.stream.poll_read(context, &mut room))?;
        let read = room.filled().len();
        if read == 0 {
            return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()));
        }
        self.received += read;
        Poll::Ready(Ok(()))
    }

    fn make_room(&mut self) {
        if self.taken == self.received {
            (self.taken, self.received) = (0, 0);
            if self.inbound.len() > KEPT_BYTES {
                self.inbound = vec![0; READ_BYTES];
            }
        } else if self.inbound.len() - self.received < READ_BYTES / 2 {
            self.inbound.copy_within(self.taken..self.received, 0);
            self.received -= self.taken;
            self.taken = 0;
            if self.inbound.len() - self.received < READ_BYTES / 2 {
                self.inbound.resize(self.inbound.len() * 2, 0);
            }
        }
    }
}

impl Stream {
    #[inline]
    fn poll_write(&mut self, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self {
            Self::Unix(socket) | Self::Tcp(socket) => socket.poll_write(context, bytes),
            Self::Tls(stream) => Pin::new(stream.as_mut()).poll_write(context, bytes),
        }
    }

    #[inline]
    fn poll_flush(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            // Sockets hold nothing back.
            Self::Unix(_) | Self::Tcp(_) => Poll::Ready(Ok(())),
            Self::Tls(stream) => Pin::new(stream.as_mut()).poll_flush(context),
        }
    }

    #[inline]
    fn poll_read(
        &mut self,
        context: &mut Context<'_>,
        room: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self {
            Self::Unix(socket) | Self::Tcp(socket) => socket.poll_read(context, room),
            Self::Tls(stream) => Pin::new(stream.as_mut()).poll_read(context, room),
        }
    }
}
