//! Opening a session by tokio-postgres, which knows every way to say who one is, on a connection
//! that is taken back from it afterwards.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use dbdyno_core::connecting::connect_step;
use dbdyno_core::{ConnectStep, DbError, ErrorClass};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tokio_postgres::Config;
use tokio_postgres::config::SslMode;
use tokio_postgres::tls::{
    ChannelBinding, MakeTlsConnect, NoTls, TlsConnect, TlsStream as BoundStream,
};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::errors::db_error;
use super::messages::{Head, head};
use super::wire::Wire;
use crate::socket::Socket;
use crate::transport::Stream;

type Rustls = <MakeRustlsConnect as MakeTlsConnect<TcpStream>>::TlsConnect;
type Encrypted = <Rustls as TlsConnect<TcpStream>>::Stream;

/// Opens a session over a Unix socket.
pub(super) async fn over_socket(stream: UnixStream, config: &Config) -> Result<Wire, DbError> {
    let lent = Lent::new(Some(stream), 0);
    let opened = config.connect_raw(lent.clone(), NoTls).await;
    // Neither half was polled since, so that dropping them says nothing to the server.
    drop(opened.map_err(|why| db_error(&why))?);
    connect_step(ConnectStep::Authentication);
    let stream = lent.take_back().ok_or_else(not_given_back)?;
    let socket = Socket::of_unix(stream).map_err(|why| not_watched(&why))?;
    Ok(Wire::new(Stream::Unix(socket)))
}

/// Opens a session over TCP, with TLS as far as `config` wants it.
pub(super) async fn over_tcp(
    stream: TcpStream,
    config: &Config,
    tls: &MakeRustlsConnect,
    host: &str,
) -> Result<Wire, DbError> {
    let answers_first = usize::from(config.get_ssl_mode() != SslMode::Disable);
    let (plain, encrypted) = (Lent::new(Some(stream), answers_first), Lent::new(None, 0));
    let Ok(connector) = MakeTlsConnect::<TcpStream>::make_tls_connect(&mut tls.clone(), host);
    let tls = Encrypting { connector, encrypted: encrypted.clone() };
    let opened = config.connect_raw(plain.clone(), tls).await;
    drop(opened.map_err(|why| db_error(&why))?);
    connect_step(ConnectStep::Authentication);
    if let Some(stream) = encrypted.take_back() {
        return Ok(Wire::new(Stream::Tls(Box::new(stream))));
    }
    let stream = plain.take_back().ok_or_else(not_given_back)?;
    Ok(Wire::new(Stream::Tcp(Socket::of_tcp(stream).map_err(|why| not_watched(&why))?)))
}

fn not_watched(why: &io::Error) -> DbError {
    DbError::unexpected(format!("the socket cannot be watched: {why}"))
}

fn not_given_back() -> DbError {
    DbError::new(ErrorClass::Disconnected, None, "the connection was closed as it was opened")
}

/// A stream that is lent: whoever lent it keeps a copy of this handle.
struct Lent<S>(Arc<Mutex<Reading<S>>>);

/// Reads no further than to the end of a message, so that the borrower's buffers hold nothing when
/// the stream is taken back.
struct Reading<S> {
    stream: Option<S>,
    /// The server answers so many bytes before its first message.
    bytes_first: usize,
    /// What was read of the present message's head.
    head: Vec<u8>,
    /// How much of the present message's body is still to be read.
    body: usize,
}

impl<S> Clone for Lent<S> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<S> Lent<S> {
    fn new(stream: Option<S>, bytes_first: usize) -> Self {
        let reading = Reading { stream, bytes_first, head: Vec::new(), body: 0 };
        Self(Arc::new(Mutex::new(reading)))
    }

    fn lock(&self) -> MutexGuard<'_, Reading<S>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take_back(&self) -> Option<S> {
        self.lock().stream.take()
    }
}

impl<S: Unpin> Lent<S> {
    fn with<T>(
        &self,
        work: impl FnOnce(Pin<&mut S>) -> Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        match &mut self.lock().stream {
            Some(stream) => work(Pin::new(stream)),
            None => Poll::Ready(Err(io::ErrorKind::NotConnected.into())),
        }
    }
}

impl<S> Reading<S> {
    /// How many bytes may be read at once.
    fn most(&self) -> usize {
        const HEAD: usize = 5;
        match (self.bytes_first, self.body) {
            (0, 0) => HEAD - self.head.len(),
            (0, body) => body,
            (first, _) => first,
        }
    }

    fn note(&mut self, read: &[u8]) {
        if self.bytes_first > 0 {
            self.bytes_first -= read.len();
        } else if self.body > 0 {
            self.body -= read.len();
        } else {
            self.head.extend_from_slice(read);
            // What is malformed is for the borrower to find out.
            match head(&self.head) {
                Head::Part(whole) if self.head.len() == 5 => self.body = whole - 5,
                Head::Part(_) => return,
                Head::Message(..) | Head::Malformed => {}
            }
            self.head.clear();
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Lent<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        room: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let mut reading = self.lock();
        let mut bytes = [0; 512];
        let most = reading.most().min(bytes.len()).min(room.remaining());
        let mut read = ReadBuf::new(&mut bytes[..most]);
        let Some(stream) = &mut reading.stream else {
            return Poll::Ready(Err(io::ErrorKind::NotConnected.into()));
        };
        ready!(Pin::new(stream).poll_read(context, &mut read))?;
        reading.note(read.filled());
        room.put_slice(read.filled());
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Lent<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.with(|stream| stream.poll_write(context, bytes))
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.with(|stream| stream.poll_flush(context))
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.with(|stream| stream.poll_shutdown(context))
    }
}

impl BoundStream for Lent<Encrypted> {
    fn channel_binding(&self) -> ChannelBinding {
        match &self.lock().stream {
            Some(stream) => stream.channel_binding(),
            None => ChannelBinding::none(),
        }
    }
}

/// Puts TLS over the plain stream, and keeps a handle of what comes of it.
struct Encrypting {
    connector: Rustls,
    encrypted: Lent<Encrypted>,
}

impl TlsConnect<Lent<TcpStream>> for Encrypting {
    type Stream = Lent<Encrypted>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Lent<Encrypted>>> + Send>>;

    fn connect(self, stream: Lent<TcpStream>) -> Self::Future {
        let Self { connector, encrypted } = self;
        Box::pin(async move {
            let plain = stream.take_back().ok_or(io::ErrorKind::NotConnected)?;
            let stream = connector.connect(plain).await?;
            connect_step(ConnectStep::Tls);
            encrypted.lock().stream = Some(stream);
            Ok(encrypted)
        })
    }
}
