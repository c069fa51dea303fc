//! A connection to a PostgreSQL server as a stream of messages.

use std::future::poll_fn;
use std::io;
use std::task::{Context, Poll, Waker, ready};

use bytes::BytesMut;
use dbdyno_core::{DbError, ErrorClass, SessionThread};
use postgres_protocol::message::backend::{
    COMMAND_COMPLETE_TAG, COPY_IN_RESPONSE_TAG, ERROR_RESPONSE_TAG, NOTICE_RESPONSE_TAG,
    NOTIFICATION_RESPONSE_TAG, PARAMETER_STATUS_TAG, READY_FOR_QUERY_TAG,
};
use postgres_protocol::message::frontend;

use super::errors::{answered, connection_error};
use super::messages::{Head, complaint, head, rows_of_tag};
use crate::transport::{Stream, Transport};

/// The transaction, as the server sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Status {
    /// There is none.
    Idle,
    Open,
    /// It can only be rolled back.
    Failed,
}

/// An open connection and what is known of it.
pub(super) struct Wire {
    transport: Transport,
    /// As of the last answer that was read.
    pub(super) status: Status,
    /// Why nothing more can be asked.
    end: Option<DbError>,
}

impl Wire {
    /// A connection whose session was opened.
    pub(super) fn new(stream: Stream) -> Self {
        Self { transport: Transport::new(stream), status: Status::Idle, end: None }
    }

    /// From now on waits as suits its thread.
    ///
    /// # Errors
    /// The system does not let it.
    pub(super) fn wait_on(&mut self, thread: SessionThread) -> Result<(), DbError> {
        let failed = |why| connection_error("block on the connection", &why);
        self.transport.wait_on(thread).map_err(failed)
    }

    /// Why nothing more can be asked, if so.
    #[inline]
    pub(super) fn end(&self) -> Option<&DbError> {
        self.end.as_ref()
    }

    /// Ends the use of the connection, for this reason.
    #[cold]
    pub(super) fn end_with(&mut self, why: DbError) -> DbError {
        self.end.insert(why).clone()
    }

    /// Where messages to the server are put.
    #[inline]
    pub(super) fn outbound(&mut self) -> &mut BytesMut {
        &mut self.transport.outbound
    }

    /// Sends what was put.
    ///
    /// # Errors
    /// The connection broke, for the reason that the server gave, if it did.
    #[inline]
    pub(super) fn poll_send(&mut self, context: &mut Context<'_>) -> Poll<Result<(), DbError>> {
        match ready!(self.transport.poll_send(context)) {
            Ok(()) => Poll::Ready(Ok(())),
            Err(why) => Poll::Ready(Err(self.lost(&why))),
        }
    }

    /// Waits for a message that is whole; gives its tag and length, for [`Self::body`] and
    /// [`Self::take`]. What the server may say at any time is passed over.
    ///
    /// # Errors
    /// The connection broke, or what is received makes no sense.
    #[inline]
    pub(super) fn poll_message(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Result<(u8, usize), DbError>> {
        loop {
            match head(self.transport.received()) {
                Head::Message(
                    NOTICE_RESPONSE_TAG | NOTIFICATION_RESPONSE_TAG | PARAMETER_STATUS_TAG,
                    length,
                ) => self.transport.take(length),
                Head::Message(tag, length) => return Poll::Ready(Ok((tag, length))),
                Head::Part(wanted) => {
                    if let Err(why) = ready!(self.transport.poll_fill(context, wanted)) {
                        return Poll::Ready(Err(self.lost(&why)));
                    }
                }
                Head::Malformed => return Poll::Ready(Err(self.violated("has no valid length"))),
            }
        }
    }

    /// What a message of that length says, from its beginning in what was received.
    #[inline]
    pub(super) fn body(&self, length: usize) -> &[u8] {
        self.transport.received().get(5..length).unwrap_or_default()
    }

    /// Is done with a message of that length.
    #[inline]
    pub(super) fn take(&mut self, length: usize) {
        self.transport.take(length);
    }

    /// Takes a ReadyForQuery.
    #[inline]
    pub(super) fn take_ready(&mut self, length: usize) -> Result<(), DbError> {
        self.status = match self.body(length) {
            [b'I'] => Status::Idle,
            [b'T'] => Status::Open,
            [b'E'] => Status::Failed,
            _ => return Err(self.violated("tells of an unknown state")),
        };
        self.take(length);
        Ok(())
    }

    /// Takes an ErrorResponse. [`Self::end`] tells whether it was the last that the server says.
    #[cold]
    pub(super) fn take_error(&mut self, length: usize) -> DbError {
        let (error, ended) = answered(&complaint(self.body(length)));
        self.take(length);
        if ended { self.end_with(error) } else { error }
    }

    /// The server did not keep to its protocol.
    #[cold]
    pub(super) fn violated(&mut self, what: &str) -> DbError {
        let why = format!("a message of the server {what}: is it PostgreSQL?");
        self.end_with(DbError::new(ErrorClass::Disconnected, None, why))
    }

    /// A message came that has no place here.
    #[cold]
    pub(super) fn out_of_place(&mut self, tag: u8) -> DbError {
        self.violated(&format!("of type `{}` is out of place", tag.escape_ascii()))
    }

    #[cold]
    fn lost(&mut self, why: &io::Error) -> DbError {
        let end = self.last_words().unwrap_or_else(|| match why.kind() {
            io::ErrorKind::UnexpectedEof => {
                DbError::new(ErrorClass::Disconnected, None, "the server closed the connection")
            }
            _ => {
                let mut error = connection_error("the connection broke", why);
                error.class = ErrorClass::Disconnected;
                error
            }
        });
        self.end_with(end)
    }

    /// The error that the server sent before it closed the connection: it is there even where nothing
    /// can be sent any more, though the event loop may not have told of it yet.
    fn last_words(&mut self) -> Option<DbError> {
        loop {
            match head(self.transport.received()) {
                Head::Message(ERROR_RESPONSE_TAG, length) => {
                    let (error, ended) = answered(&complaint(self.body(length)));
                    self.take(length);
                    if ended {
                        return Some(error);
                    }
                }
                Head::Message(_, length) => self.transport.take(length),
                Head::Part(_) if self.transport.receive_there() => {}
                Head::Part(_) | Head::Malformed => return None,
            }
        }
    }

    /// Sends what was put.
    ///
    /// # Errors
    /// The connection broke.
    pub(super) async fn send(&mut self) -> Result<(), DbError> {
        poll_fn(|context| self.poll_send(context)).await
    }

    /// Waits for a message that is whole.
    ///
    /// # Errors
    /// The connection broke.
    pub(super) async fn message(&mut self) -> Result<(u8, usize), DbError> {
        poll_fn(|context| self.poll_message(context)).await
    }

    /// Whether a message is there, without waiting for one.
    ///
    /// # Errors
    /// The connection broke.
    pub(super) async fn has_message(&mut self) -> Result<bool, DbError> {
        poll_fn(|context| {
            Poll::Ready(match self.poll_message(context) {
                Poll::Ready(Ok(_)) => Ok(true),
                Poll::Ready(Err(why)) => Err(why),
                Poll::Pending => Ok(false),
            })
        })
        .await
    }

    /// Puts a message; what cannot be said, such as SQL with a zero byte, is not put.
    ///
    /// # Errors
    /// It cannot be said.
    pub(super) fn put(
        &mut self,
        write: impl FnOnce(&mut BytesMut) -> io::Result<()>,
    ) -> Result<(), DbError> {
        let out = self.outbound();
        let start = out.len();
        write(out).map_err(|why| {
            out.truncate(start);
            DbError::unexpected(why.to_string())
        })
    }

    /// Runs statements without parameters; gives how many rows they answered or changed in all.
    ///
    /// # Errors
    /// The server refuses one, which keeps the later ones from running, or the connection broke.
    pub(super) async fn simple(&mut self, sql: &str) -> Result<u64, DbError> {
        self.put(|out| frontend::query(sql, out))?;
        self.send().await?;
        let (mut rows, mut failure) = (0, None);
        loop {
            let (tag, length) = self.message().await?;
            match tag {
                COMMAND_COMPLETE_TAG => rows += rows_of_tag(self.body(length)),
                ERROR_RESPONSE_TAG => {
                    let error = self.take_error(length);
                    if self.end.is_some() {
                        return Err(error);
                    }
                    failure.get_or_insert(error);
                    continue;
                }
                COPY_IN_RESPONSE_TAG => {
                    self.put(|out| frontend::copy_fail("dbdyno has no rows for it", out))?;
                    self.send().await?;
                }
                READY_FOR_QUERY_TAG => {
                    self.take_ready(length)?;
                    return failure.map_or(Ok(rows), Err);
                }
                _ => {}
            }
            self.take(length);
        }
    }
}

impl Drop for Wire {
    /// Takes leave, where the server listens: without it a server logs a broken connection.
    fn drop(&mut self) {
        if self.end.is_none() && self.transport.outbound.is_empty() {
            frontend::terminate(&mut self.transport.outbound);
            let _ = self.transport.poll_send(&mut Context::from_waker(Waker::noop()));
        }
    }
}
