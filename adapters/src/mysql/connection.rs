//! A connection: one command at a time, and its answer.

mod file;

use std::future::poll_fn;
use std::task::{Context, Poll, Waker, ready};

use bytes::BufMut;
use dbdyno_core::{DbError, Row, RowVisitor, SessionThread, Value};
use mysql_common::constants::Command;

use super::answers::{Done, Status, length_encoded};
use super::columns::Columns;
use super::errors;
use super::params::{self, ParameterRows, Types};
use super::rows::{MysqlRow, Place, Protocol};
use super::wire::{ERROR, Fault, HEADER_BYTES, LONGEST, Wire};

/// First byte of the packet that ends rows.
const END: u8 = 0xFE;
/// First byte of the packet in which a server asks for a file.
const FILE: u8 = 0xFB;

/// One open connection, logged in.
pub struct Connection {
    wire: Wire,
    features: Features,
    health: Health,
    /// What the last command has done.
    done: Done,
    /// An error came after `done`, and may have ended the transaction.
    uncertain: bool,
    answer: Answer,
    places: Vec<Place>,
}

/// In what ways the protocol's dialects differ.
#[derive(Clone, Copy, Debug)]
pub struct Features {
    /// Columns that did not change since a statement was run last are not defined again
    /// (`MARIADB_CLIENT_CACHE_METADATA`).
    pub caches_columns: bool,
    /// Definitions end with a packet of their own: the server is older than
    /// `CLIENT_DEPRECATE_EOF`.
    pub ends_definitions: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Health {
    Ready,
    /// A command's answer was not read to its end.
    Busy,
    Lost,
}

/// How far an answer has been read.
#[derive(Debug, Default)]
struct Answer {
    protocol: Protocol,
    stage: Stage,
    /// Sets of rows that were read to their end; only the first is visited.
    sets: u32,
    /// Columns of the present set.
    columns: usize,
    rows: u64,
    /// The first error of a visitor.
    failure: Option<DbError>,
}

#[derive(Clone, Copy, Debug, Default)]
enum Stage {
    #[default]
    Head,
    /// The definition of the column of this number is next.
    Definition(usize),
    DefinitionsEnd,
    Rows,
}

/// A prepared statement.
#[derive(Debug)]
pub struct Prepared {
    id: u32,
    parameters: usize,
    types: Types,
    columns: Columns,
}

impl Prepared {
    /// Parameters that it takes.
    pub fn parameters(&self) -> usize {
        self.parameters
    }

    /// The names of the columns that it answers.
    pub fn column_names(&self) -> Vec<String> {
        self.columns.known().iter().map(|column| column.name.clone()).collect()
    }
}

impl Connection {
    /// A connection that has logged in.
    pub fn new(wire: Wire, features: Features, done: Done) -> Self {
        Self {
            wire,
            features,
            health: Health::Ready,
            done,
            uncertain: false,
            answer: Answer::default(),
            places: Vec::new(),
        }
    }

    /// From now on waits as suits its thread.
    ///
    /// # Errors
    /// The system does not let it.
    pub fn wait_on(&mut self, thread: SessionThread) -> Result<(), DbError> {
        self.wire.wait_on(thread).map_err(|why| errors::broken(&why))
    }

    /// The session's state; `None` where an error came after the server told it.
    #[inline]
    pub fn status(&self) -> Option<Status> {
        if self.uncertain { None } else { Some(self.done.status) }
    }

    /// Begins a command.
    #[inline]
    fn begin(&mut self, protocol: Protocol) -> Result<(), DbError> {
        if self.health != Health::Ready {
            return Err(self.unusable());
        }
        self.health = Health::Busy;
        self.wire.restart();
        self.answer.protocol = protocol;
        self.answer.stage = Stage::Head;
        self.answer.sets = 0;
        self.answer.rows = 0;
        self.answer.failure = None;
        Ok(())
    }

    #[cold]
    fn unusable(&self) -> DbError {
        errors::disconnected(match self.health {
            Health::Busy => "an earlier statement's answer was not waited for",
            Health::Ready | Health::Lost => "an earlier statement found it broken",
        })
    }

    /// Writes a command that is ready, header included.
    #[inline]
    pub fn write_ready(&mut self, packet: &'static [u8]) -> Result<(), DbError> {
        self.begin(Protocol::Text)?;
        self.wire.write_ready(packet, 1);
        Ok(())
    }

    /// Writes the command that runs a prepared statement.
    #[inline]
    pub fn write_execute(
        &mut self,
        statement: &mut Prepared,
        parameters: &[Value<'_>],
    ) -> Result<(), DbError> {
        self.begin(Protocol::Binary)?;
        let Prepared { id, types, .. } = statement;
        self.wire.write(|out| params::write_execute(out, *id, types, parameters));
        Ok(())
    }

    /// Writes a statement to be run unprepared.
    fn write_query(&mut self, sql: &str) -> Result<(), DbError> {
        self.write_text(Command::COM_QUERY, sql)
    }

    fn write_text(&mut self, command: Command, text: &str) -> Result<(), DbError> {
        self.begin(Protocol::Text)?;
        self.wire.write(|out| {
            out.put_u8(command as u8);
            out.put_slice(text.as_bytes());
        });
        Ok(())
    }

    /// Reads the answer to the command that was written: the number of rows, or of rows that the
    /// statement matched. Rows of the first set are visited; the first failure of a visitor comes
    /// after the last row, inside.
    ///
    /// `columns` are those of the statement's last answer, which the server may not repeat.
    #[inline]
    pub fn poll_answer(
        &mut self,
        context: &mut Context<'_>,
        columns: &mut Columns,
        visit: &mut RowVisitor<'_>,
    ) -> Poll<Result<Result<u64, DbError>, DbError>> {
        match ready!(self.poll_end(context, columns, visit)) {
            Ok(()) => {
                self.health = Health::Ready;
                self.uncertain = false;
                let rows = if self.answer.sets > 0 { self.answer.rows } else { self.done.rows };
                Poll::Ready(Ok(self.answer.failure.take().map_or(Ok(rows), Err)))
            }
            Err(fault) => Poll::Ready(Err(self.failed(fault))),
        }
    }

    #[inline]
    fn poll_end(
        &mut self,
        context: &mut Context<'_>,
        columns: &mut Columns,
        visit: &mut RowVisitor<'_>,
    ) -> Poll<Result<(), Fault>> {
        ready!(self.wire.poll_send(context))?;
        loop {
            ready!(self.wire.poll_packet(context))?;
            let packet = self.wire.packet();
            let answer = &mut self.answer;
            let finished = match answer.stage {
                Stage::Head => match packet.first() {
                    Some(0) => {
                        self.done = Done::parse(packet)?;
                        !self.done.status.more_results()
                    }
                    Some(&(ERROR | FILE)) | None => return Poll::Ready(Err(refusal(packet))),
                    Some(_) => {
                        answer.stage = head(packet, self.features, answer, columns)?;
                        false
                    }
                },
                Stage::Definition(index) => {
                    if answer.sets == 0 {
                        columns.learn(index, packet)?;
                    }
                    answer.stage = match index + 1 < answer.columns {
                        true => Stage::Definition(index + 1),
                        false if self.features.ends_definitions => Stage::DefinitionsEnd,
                        false => Stage::Rows,
                    };
                    false
                }
                Stage::DefinitionsEnd => {
                    Done::parse_eof(packet)?;
                    answer.stage = Stage::Rows;
                    false
                }
                Stage::Rows => match packet.first() {
                    Some(&END) if packet.len() < LONGEST => {
                        self.done = match self.features.ends_definitions {
                            true => Done::parse_eof(packet)?,
                            false => Done::parse(packet)?,
                        };
                        answer.sets += 1;
                        answer.stage = Stage::Head;
                        !self.done.status.more_results()
                    }
                    Some(&ERROR) | None => return Poll::Ready(Err(refusal(packet))),
                    Some(_) => {
                        if answer.sets == 0 {
                            visit_row(answer, columns, &mut self.places, packet, visit)?;
                        }
                        false
                    }
                },
            };
            if finished {
                return Poll::Ready(Ok(()));
            }
        }
    }

    /// What an exchange that failed means.
    #[cold]
    fn failed(&mut self, fault: Fault) -> DbError {
        let error = errors::of_fault(&fault, &mut self.wire);
        self.uncertain = true;
        self.health = if error.is_disconnected() { Health::Lost } else { Health::Ready };
        error
    }

    async fn answer(
        &mut self,
        columns: &mut Columns,
        visit: &mut RowVisitor<'_>,
    ) -> Result<Result<u64, DbError>, DbError> {
        poll_fn(|context| self.poll_answer(context, columns, visit)).await
    }

    /// Runs statements unprepared; gives the rows that the last one matched.
    pub async fn run(&mut self, sql: &str) -> Result<u64, DbError> {
        self.write_query(sql)?;
        self.answer(&mut Columns::default(), &mut |_| Ok(())).await??;
        Ok(self.done.rows)
    }

    /// Runs a query unprepared; the outer error is the server's, the inner one the visitor's.
    pub async fn query(
        &mut self,
        sql: &str,
        visit: &mut RowVisitor<'_>,
    ) -> Result<Result<u64, DbError>, DbError> {
        self.write_query(sql)?;
        self.answer(&mut Columns::default(), visit).await
    }

    /// The rows of a query whose columns are all text.
    pub async fn texts(&mut self, sql: &str) -> Result<Vec<Vec<String>>, DbError> {
        let mut found = Vec::new();
        let mut visit = |row: &dyn Row| {
            let mut texts = Vec::new();
            while let Ok(text) = row.text(texts.len()) {
                texts.push(text.to_owned());
            }
            found.push(texts);
            Ok(())
        };
        self.query(sql, &mut visit).await??;
        Ok(found)
    }

    /// Prepares a statement.
    pub async fn prepare(&mut self, sql: &str) -> Result<Prepared, DbError> {
        self.write_text(Command::COM_STMT_PREPARE, sql)?;
        match self.prepared().await {
            Ok(prepared) => {
                self.health = Health::Ready;
                Ok(prepared)
            }
            Err(fault) => Err(self.failed(fault)),
        }
    }

    async fn prepared(&mut self) -> Result<Prepared, Fault> {
        poll_fn(|context| self.wire.poll_send(context)).await?;
        let packet = self.next().await?;
        let &[0, i0, i1, i2, i3, c0, c1, p0, p1, ..] = packet else {
            return Err(refusal(packet));
        };
        let columns = usize::from(u16::from_le_bytes([c0, c1]));
        let parameters = usize::from(u16::from_le_bytes([p0, p1]));
        let mut statement = Prepared {
            id: u32::from_le_bytes([i0, i1, i2, i3]),
            parameters,
            types: Types::default(),
            columns: Columns::default(),
        };
        for _ in 0..parameters {
            self.next().await?;
        }
        self.definitions_end(parameters).await?;
        for index in 0..columns {
            let definition = self.next().await?;
            statement.columns.learn(index, definition)?;
        }
        self.definitions_end(columns).await?;
        Ok(statement)
    }

    async fn definitions_end(&mut self, definitions: usize) -> Result<(), Fault> {
        if definitions > 0 && self.features.ends_definitions {
            Done::parse_eof(self.next().await?)?;
        }
        Ok(())
    }

    async fn next(&mut self) -> Result<&[u8], Fault> {
        poll_fn(|context| self.wire.poll_packet(context)).await?;
        Ok(self.wire.packet())
    }

    /// Runs a prepared statement that inserts all of `rows`, which begin anew.
    pub async fn insert(
        &mut self,
        statement: &mut Prepared,
        rows: &mut ParameterRows,
    ) -> Result<(), DbError> {
        self.begin(Protocol::Binary)?;
        self.wire.write(|out| rows.write_execute(out, statement.id));
        self.answer(&mut statement.columns, &mut |_| Ok(())).await?.map(|_| ())
    }

    /// Has the server forget a prepared statement, which it does not answer; sent with the next
    /// command.
    pub fn close(&mut self, statement: &Prepared) {
        if self.health == Health::Ready {
            self.wire.restart();
            self.wire.write(|out| {
                out.put_u8(Command::COM_STMT_CLOSE as u8);
                out.put_u32_le(statement.id);
            });
        }
    }
}

/// A packet in the place of another one: an error, or nonsense.
#[cold]
fn refusal(packet: &[u8]) -> Fault {
    match packet.first() {
        Some(&ERROR) => Fault::Refused,
        Some(&FILE) => Fault::Malformed("a request for a file that is not its business"),
        _ => Fault::Malformed("a packet that has no place here"),
    }
}

/// Reads how many columns an answer has, and whether they are defined anew.
#[inline]
fn head(
    packet: &[u8],
    features: Features,
    answer: &mut Answer,
    columns: &mut Columns,
) -> Result<Stage, Fault> {
    let mut rest = packet;
    let count = length_encoded(&mut rest).ok_or(Fault::Malformed("a number that is cut off"))?;
    answer.columns = Columns::limit(count)?;
    let defined = !features.caches_columns || rest.first() != Some(&0);
    if answer.sets == 0 {
        columns.truncate(answer.columns);
        if !defined && columns.known().len() < answer.columns {
            return Err(Fault::Malformed("rows without columns"));
        }
    }
    Ok(match (defined, features.ends_definitions) {
        (true, _) => Stage::Definition(0),
        (false, true) => Stage::DefinitionsEnd,
        (false, false) => Stage::Rows,
    })
}

#[inline]
fn visit_row(
    answer: &mut Answer,
    columns: &Columns,
    places: &mut Vec<Place>,
    packet: &[u8],
    visit: &mut RowVisitor<'_>,
) -> Result<(), Fault> {
    let row = MysqlRow::find(answer.protocol, columns.known(), places, packet)?;
    answer.rows += 1;
    if answer.failure.is_none() {
        answer.failure = visit(&row).err();
    }
    Ok(())
}

/// Says goodbye, so that the server does not count the connection as aborted. Whether it hears it
/// is not waited for.
impl Drop for Connection {
    fn drop(&mut self) {
        if self.health == Health::Ready {
            self.wire.restart();
            self.wire.write(|out| out.put_u8(Command::COM_QUIT as u8));
            let _ = self.wire.poll_send(&mut Context::from_waker(Waker::noop()));
        }
    }
}

/// Where sessions keep the columns of each statement.
impl Prepared {
    /// Reads the answer to the statement; see [`Connection::poll_answer`].
    #[inline]
    pub fn poll_answer(
        &mut self,
        connection: &mut Connection,
        context: &mut Context<'_>,
        visit: &mut RowVisitor<'_>,
    ) -> Poll<Result<Result<u64, DbError>, DbError>> {
        let answered = connection.poll_answer(context, &mut self.columns, visit);
        if let Poll::Ready(Err(_)) = answered {
            // The server may not have got as far as reading the types.
            self.types.forget();
        }
        answered
    }
}
