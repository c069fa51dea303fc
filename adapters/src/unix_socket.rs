//! A Unix socket that is watched for bytes to read, and for room to write only while there is
//! none. Linux tells whoever watches for room each time the other side has read something, so that
//! a client would wake up twice for each answer.

use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::task::{Context, Poll, ready};

use tokio::io::unix::AsyncFd;
use tokio::io::{Interest, ReadBuf};

/// A connected Unix socket.
#[derive(Debug)]
pub struct UnixSocket {
    readable: AsyncFd<UnixStream>,
    /// The same socket, watched for room, until everything was written.
    writable: Option<AsyncFd<UnixStream>>,
}

impl UnixSocket {
    /// Connects to the server at a path.
    ///
    /// # Errors
    /// Nobody listens there.
    pub async fn connect(path: &Path) -> io::Result<Self> {
        let stream = tokio::net::UnixStream::connect(path).await?.into_std()?;
        Self::new(stream)
    }

    /// Watches a socket that does not block.
    ///
    /// # Errors
    /// There is no room to watch it.
    pub fn new(stream: UnixStream) -> io::Result<Self> {
        Ok(Self { readable: watch(stream, Interest::READABLE)?, writable: None })
    }

    /// Reads into `room`; nothing at the end of the stream.
    #[inline]
    pub fn poll_read(
        &mut self,
        context: &mut Context<'_>,
        room: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            let mut ready = ready!(self.readable.poll_read_ready(context))?;
            let space = room.initialize_unfilled();
            match ready.get_inner().read(space) {
                Ok(read) => {
                    // Less than there was room for is all that there was; at the end of the stream
                    // it stays ready.
                    if read > 0 && read < space.len() {
                        ready.clear_ready();
                    }
                    room.advance(read);
                    return Poll::Ready(Ok(()));
                }
                Err(why) if why.kind() == ErrorKind::WouldBlock => ready.clear_ready(),
                Err(why) if why.kind() == ErrorKind::Interrupted => {}
                Err(why) => return Poll::Ready(Err(why)),
            }
        }
    }

    /// Writes what there is room for.
    #[inline]
    pub fn poll_write(
        &mut self,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        loop {
            match self.readable.get_ref().write(bytes) {
                Ok(written) => {
                    if written == bytes.len() {
                        self.writable = None;
                    }
                    return Poll::Ready(Ok(written));
                }
                Err(why) if why.kind() == ErrorKind::WouldBlock => {
                    ready!(self.poll_room(context))?;
                }
                Err(why) if why.kind() == ErrorKind::Interrupted => {}
                Err(why) => return Poll::Ready(Err(why)),
            }
        }
    }

    /// Waits for room, of which there was none.
    #[cold]
    fn poll_room(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let writable = match &mut self.writable {
            Some(writable) => {
                ready!(writable.poll_write_ready(context))?.clear_ready();
                return Poll::Ready(Ok(()));
            }
            none => none.insert(watch(self.readable.get_ref().try_clone()?, Interest::WRITABLE)?),
        };
        ready!(writable.poll_write_ready(context))?.clear_ready();
        Poll::Ready(Ok(()))
    }
}

#[allow(unsafe_code, reason = "the descriptor is the stream's own until the stream is dropped")]
fn watch(stream: UnixStream, interest: Interest) -> io::Result<AsyncFd<UnixStream>> {
    // SAFETY: a UnixStream owns its descriptor, always the same one, and closes it when dropped.
    Ok(unsafe { AsyncFd::register_with_interest(stream, interest) }?)
}
