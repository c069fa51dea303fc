//! Sending a file that the server asks for (`LOAD DATA LOCAL INFILE`).

use std::future::poll_fn;

use bytes::{BufMut, BytesMut};
use dbdyno_core::DbError;

use super::{Columns, Connection, Done, FILE, HEADER_BYTES, LONGEST, refusal};

impl Connection {
    /// Runs a `LOAD DATA LOCAL INFILE` of the file `name`, and waits until the server asks for the
    /// file. After that come the file's parts ([`send`](Self::send)) and its end
    /// ([`end_file`](Self::end_file)).
    ///
    /// A server can ask for any file, so anything but `name` ends the connection.
    pub async fn begin_file(&mut self, sql: &str, name: &str) -> Result<(), DbError> {
        self.write_query(sql)?;
        let asked = async {
            poll_fn(|context| self.wire.poll_send(context)).await?;
            match self.next().await? {
                [FILE, asked @ ..] if asked == name.as_bytes() => Ok(()),
                packet => Err(refusal(packet)),
            }
        };
        let asked = asked.await;
        asked.map_err(|fault| self.failed(fault))
    }

    /// Sends a part of the file, which begins with room for a packet's header. Gives back a buffer
    /// to be used again, and whether the server wants more: where it has found an error, it does
    /// not.
    pub async fn send(&mut self, part: &mut BytesMut) -> Result<bool, DbError> {
        if part.len() - HEADER_BYTES < LONGEST {
            self.wire.exchange(part);
        } else {
            for piece in part[HEADER_BYTES..].chunks(LONGEST - 1) {
                self.wire.write(|out| out.put_slice(piece));
            }
        }
        let sent = poll_fn(|context| self.wire.poll_send(context)).await;
        sent.map_err(|fault| self.failed(fault))?;
        Ok(!self.wire.has_received())
    }

    /// Sends the end of the file; gives what was loaded.
    pub async fn end_file(&mut self) -> Result<Done, DbError> {
        self.wire.write(|_| {});
        self.answer(&mut Columns::default(), &mut |_| Ok(())).await??;
        Ok(self.done)
    }
}
