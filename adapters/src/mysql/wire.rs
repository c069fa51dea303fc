//! Packets: how commands and answers lie in the stream of bytes
//! (<https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_basic_packets.html>): three
//! bytes of length, one of number, the payload. A payload of 16 MiB or more goes on in the next
//! packet.

use std::io;
use std::task::{Context, Poll, ready};

use bytes::{Buf, BufMut, BytesMut};
use dbdyno_core::SessionThread;

use crate::transport::{Stream, Transport};

/// Length and number.
pub const HEADER_BYTES: usize = 4;
/// A payload of this length goes on in the next packet.
pub const LONGEST: usize = 0xFF_FFFF;
/// First byte of an error packet.
pub const ERROR: u8 = 0xFF;
/// The most that is read to find a server's last words.
const LAST_WORDS_BYTES: usize = 64 * 1024;

/// Why an exchange ended before its answer.
#[derive(Debug)]
pub enum Fault {
    /// The connection broke.
    Lost(io::Error),
    /// The server sent what the protocol does not allow.
    Malformed(&'static str),
    /// The present packet is an error.
    Refused,
}

impl From<io::Error> for Fault {
    fn from(why: io::Error) -> Self {
        Self::Lost(why)
    }
}

/// Where the present packet is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Present {
    Nowhere,
    /// At the beginning of what was received, with a payload of this length.
    Received(usize),
    /// In `joined`, from several packets.
    Joined,
}

/// A connection as packets, one exchange of a command and its answer at a time.
pub struct Wire {
    transport: Transport,
    /// The number of the next packet, to whichever side it goes.
    next: u8,
    present: Present,
    joined: Vec<u8>,
    /// The last packet is not the end of its payload.
    goes_on: bool,
    /// Why sending failed.
    broken: Option<io::Error>,
}

impl Wire {
    /// Packets over an open connection, the first of which the server sends.
    pub fn new(stream: Stream) -> Self {
        Self {
            transport: Transport::new(stream),
            next: 0,
            present: Present::Nowhere,
            joined: Vec::new(),
            goes_on: false,
            broken: None,
        }
    }

    /// The connection below, which nothing was received from beyond the present packet: what comes
    /// next belongs to another layer.
    pub fn into_stream(mut self) -> Result<Stream, Fault> {
        self.release();
        if !self.transport.received().is_empty() {
            return Err(Fault::Malformed("more than its greeting before TLS"));
        }
        Ok(self.transport.into_stream())
    }

    /// Goes on over another layer, such as TLS, after `next` packets.
    pub fn over(stream: Stream, next: u8) -> Self {
        Self { next, ..Self::new(stream) }
    }

    /// From now on waits as suits its thread ([`Transport::wait_on`]).
    pub fn wait_on(&mut self, thread: SessionThread) -> io::Result<()> {
        self.transport.wait_on(thread)
    }

    /// The number of the next packet.
    pub fn next(&self) -> u8 {
        self.next
    }

    /// Begins a new exchange, with a command.
    #[inline]
    pub fn restart(&mut self) {
        self.next = 0;
    }

    /// Writes a packet, to be sent by [`poll_send`](Self::poll_send).
    #[inline]
    pub fn write(&mut self, payload: impl FnOnce(&mut BytesMut)) {
        let out = &mut self.transport.outbound;
        let start = out.len();
        out.put_bytes(0, HEADER_BYTES);
        payload(out);
        let length = out.len() - start - HEADER_BYTES;
        if length >= LONGEST {
            let whole = out.split_off(start);
            self.write_long(&whole[HEADER_BYTES..]);
            return;
        }
        out[start..start + HEADER_BYTES].copy_from_slice(&header(length, self.next));
        self.next = self.next.wrapping_add(1);
    }

    /// Puts packets that are ready, the number included.
    #[inline]
    pub fn write_ready(&mut self, packets: &[u8], count: u8) {
        self.transport.outbound.extend_from_slice(packets);
        self.next = self.next.wrapping_add(count);
    }

    #[cold]
    fn write_long(&mut self, mut payload: &[u8]) {
        loop {
            let (part, rest) = payload.split_at(payload.len().min(LONGEST));
            self.transport.outbound.extend_from_slice(&header(part.len(), self.next));
            self.transport.outbound.extend_from_slice(part);
            self.next = self.next.wrapping_add(1);
            payload = rest;
            if part.len() < LONGEST {
                return;
            }
        }
    }

    /// Puts a buffer in the place of what is to be sent, which must be nothing; it begins with
    /// room for its header. The other buffer is for the next time.
    pub fn exchange(&mut self, packet: &mut BytesMut) {
        let length = packet.len() - HEADER_BYTES;
        packet[..HEADER_BYTES].copy_from_slice(&header(length, self.next));
        self.next = self.next.wrapping_add(1);
        std::mem::swap(&mut self.transport.outbound, packet);
    }

    /// Sends what was written. Where the server has closed the connection, what it said before is
    /// received, for [`last_words`](Self::last_words).
    #[inline]
    pub fn poll_send(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Fault>> {
        if self.broken.is_none() {
            match ready!(self.transport.poll_send(context)) {
                Ok(()) => return Poll::Ready(Ok(())),
                Err(why) => self.broken = Some(why),
            }
        }
        self.poll_broken(context)
    }

    #[cold]
    fn poll_broken(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Fault>> {
        loop {
            let more = self.transport.received().len() + 1;
            if more > LAST_WORDS_BYTES || ready!(self.transport.poll_fill(context, more)).is_err() {
                let why = self.broken.take().unwrap_or(io::ErrorKind::BrokenPipe.into());
                return Poll::Ready(Err(Fault::Lost(why)));
            }
        }
    }

    /// Goes to the next packet that the server sends.
    #[inline]
    pub fn poll_packet(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Fault>> {
        self.release();
        loop {
            ready!(self.transport.poll_fill(context, HEADER_BYTES))?;
            let length = self.transport.received().get_uint_le(3) as usize;
            ready!(self.transport.poll_fill(context, HEADER_BYTES + length))?;
            if self.transport.received()[3] != self.next {
                return Poll::Ready(Err(Fault::Malformed("a packet out of order")));
            }
            self.next = self.next.wrapping_add(1);
            if length < LONGEST && !self.goes_on {
                self.present = Present::Received(length);
                return Poll::Ready(Ok(()));
            }
            self.join(length);
            if !self.goes_on {
                self.present = Present::Joined;
                return Poll::Ready(Ok(()));
            }
        }
    }

    #[cold]
    fn join(&mut self, length: usize) {
        let part = &self.transport.received()[HEADER_BYTES..HEADER_BYTES + length];
        self.joined.extend_from_slice(part);
        self.transport.take(HEADER_BYTES + length);
        self.goes_on = length == LONGEST;
    }

    /// The payload of the present packet.
    #[inline]
    pub fn packet(&self) -> &[u8] {
        match self.present {
            Present::Received(length) => {
                &self.transport.received()[HEADER_BYTES..HEADER_BYTES + length]
            }
            Present::Joined => &self.joined,
            Present::Nowhere => &[],
        }
    }

    #[inline]
    fn release(&mut self) {
        match std::mem::replace(&mut self.present, Present::Nowhere) {
            Present::Received(length) => self.transport.take(HEADER_BYTES + length),
            Present::Joined => self.joined = Vec::new(),
            Present::Nowhere => {}
        }
    }

    /// Whether the server has said anything after the present packet.
    pub fn has_received(&mut self) -> bool {
        self.release();
        !self.transport.received().is_empty()
    }

    /// The error packet that a server sent unasked before it closed the connection, if any.
    pub fn last_words(&mut self) -> Option<&[u8]> {
        self.release();
        let received = self.transport.received();
        let length = received.get(..3)?.get_uint_le(3) as usize;
        received
            .get(HEADER_BYTES..HEADER_BYTES + length)
            .filter(|payload| payload.first() == Some(&ERROR))
    }
}

fn header(length: usize, number: u8) -> [u8; HEADER_BYTES] {
    let [low, middle, high, ..] = length.to_le_bytes();
    [low, middle, high, number]
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;
    use crate::socket::Socket;
    use std::future::poll_fn;
    use std::net::Shutdown;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::UnixStream;

    fn pair() -> (Wire, UnixStream) {
        let (ours, theirs) = UnixStream::pair().unwrap();
        (Wire::new(Stream::Unix(Socket::of_unix(ours).unwrap())), theirs)
    }

    async fn packet(wire: &mut Wire) -> Result<Vec<u8>, Fault> {
        poll_fn(|context| wire.poll_packet(context)).await?;
        Ok(wire.packet().to_vec())
    }

    #[tokio::test]
    async fn long_payloads_are_split_and_joined() {
        for length in [0, 1, LONGEST - 1, LONGEST, LONGEST + 5] {
            let (mut wire, mut peer) = pair();
            let payload: Vec<u8> = (0..length).map(|place| place as u8).collect();
            wire.write(|out| out.extend_from_slice(&payload));
            let packets = length / LONGEST + 1;
            let echo = async {
                let mut bytes = vec![0; length + packets * HEADER_BYTES];
                peer.read_exact(&mut bytes).await.unwrap();
                peer.write_all(&bytes).await.unwrap();
            };
            let exchange = async {
                poll_fn(|context| wire.poll_send(context)).await.unwrap();
                wire.restart();
                packet(&mut wire).await.unwrap()
            };
            let (answer, ()) = tokio::join!(exchange, echo);
            assert!(answer == payload, "{length}");
            assert_eq!(usize::from(wire.next()), packets);
        }
    }

    #[tokio::test]
    async fn numbers_are_checked() {
        let (mut wire, mut peer) = pair();
        peer.write_all(&[1, 0, 0, 0, 7, 1, 0, 0, 0, 8]).await.unwrap();
        assert_eq!(packet(&mut wire).await.unwrap(), [7]);
        assert!(matches!(packet(&mut wire).await, Err(Fault::Malformed(_))));
    }

    #[tokio::test]
    async fn last_words_are_found_after_the_end() {
        let (mut wire, mut peer) = pair();
        peer.write_all(&[3, 0, 0, 0, ERROR, 1, 2]).await.unwrap();
        // A program that another test is starting has it open, too, until it runs.
        peer.into_std().unwrap().shutdown(Shutdown::Both).unwrap();
        wire.write(|out| out.put_u8(1));
        let sent = poll_fn(|context| wire.poll_send(context)).await;
        assert!(matches!(sent, Err(Fault::Lost(_))));
        assert_eq!(wire.last_words(), Some(&[ERROR, 1, 2][..]));
    }
}
