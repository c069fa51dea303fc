//! A client: chooses an operation and a record, then runs it.

use std::sync::Arc;

use dbdyno_core::load::{Client, Draw, Outcome};
use dbdyno_core::random::{Latest, Rng, ScrambledZipfian, Text};
use dbdyno_core::{Access, DbError, ErrorClass, Row, Steps, Value};
use dbdyno_datasets::ycsb::{FIELD_LENGTH, FIELDS, draw_field, write_key};

use super::super::last_writes::{Book, Notes, Writing};
use super::super::samples::Sample;
use super::keys::NewKeys;
use super::statements::{INSERT, READ, SCAN, UPDATE_FIELD};
use super::{Operation, Requests, Ycsb};

/// Records of a scan, YCSB's `maxscanlength`; chosen uniformly from 1 up.
const LONGEST_SCAN: i64 = 100;

pub struct YcsbClient {
    benchmark: Ycsb,
    /// A read-modify-write is one statement.
    reads_and_writes: bool,
    rng: Rng,
    chooser: Chooser,
    new_keys: Arc<NewKeys>,
    /// The new record that is to be inserted, until it is known to be in the table.
    new_record: Option<NewRecord>,
    /// Records of which the last writes are kept.
    sample: Sample,
    last_writes: Arc<Book>,
    notes: Notes,
    inputs: Inputs,
}

/// What a client shares with the workload.
pub struct Shared {
    /// Records loaded.
    pub records: u64,
    pub new_keys: Arc<NewKeys>,
    pub last_writes: Arc<Book>,
}

/// Chooses the record of a request.
enum Chooser {
    Zipfian(ScrambledZipfian),
    Latest(Latest),
}

#[derive(Clone, Copy, Debug)]
struct NewRecord {
    number: u64,
    /// An insert of it was cut off, so that it may be in the table already.
    in_doubt: bool,
}

/// What the transaction was drawn to do.
struct Inputs {
    operation: Operation,
    /// The number of the record, and its key.
    number: u64,
    key: String,
    /// The field to write.
    field: usize,
    /// Text for the field to write, or for all fields of a new record.
    text: Text,
    scan_length: i64,
}

impl YcsbClient {
    pub fn new(benchmark: Ycsb, reads_and_writes: bool, rng: Rng, shared: Shared) -> Self {
        let Shared { records, new_keys, last_writes } = shared;
        let chooser = match benchmark.requests {
            Requests::Zipfian => Chooser::Zipfian(ScrambledZipfian::new(records)),
            Requests::Latest => Chooser::Latest(Latest::new(records)),
        };
        let inputs = Inputs {
            operation: Operation::Read,
            number: 0,
            key: String::new(),
            field: 0,
            text: Text::new(),
            scan_length: 0,
        };
        let (sample, notes, new_record) = (Sample::of(records), Notes::new(), None);
        Self {
            benchmark,
            reads_and_writes,
            rng,
            chooser,
            new_keys,
            new_record,
            sample,
            last_writes,
            notes,
            inputs,
        }
    }

    /// The place of the operation in the mix.
    fn draw_operation(&mut self) -> usize {
        let mut percent = self.rng.below(100);
        for (place, (_, share)) in self.benchmark.mix.operations.iter().enumerate() {
            if percent < *share {
                return place;
            }
            percent -= share;
        }
        0
    }

    fn draw_record(&mut self) -> u64 {
        match &mut self.chooser {
            Chooser::Zipfian(zipfian) => zipfian.draw(&mut self.rng),
            Chooser::Latest(latest) => latest.draw(&mut self.rng, self.new_keys.present()),
        }
    }

    /// A number that was taken and not used, or failed to get in, is taken up again: a gap would
    /// hold back the latest records for the rest of the case.
    fn new_record(&mut self) -> u64 {
        let new_keys = &self.new_keys;
        let fresh = || NewRecord { number: new_keys.take(), in_doubt: false };
        self.new_record.get_or_insert_with(fresh).number
    }

    async fn read(&self, steps: &mut Steps<'_>) -> Result<(), DbError> {
        steps.query_one(READ, &[Value::Text(&self.inputs.key)], read_record).await
    }

    /// Writes the field, in a transaction that reads the record first or by itself.
    async fn write(&mut self, steps: &mut Steps<'_>) -> Result<(), DbError> {
        let mut writing = self.last_writes.transaction(std::mem::take(&mut self.notes));
        let place = self.sample.place(self.inputs.number);
        let value = place.map(|place| super::place_of_field(place, self.inputs.field));
        writing.wrote(value, self.inputs.text.as_str());
        let result = self.write_noted(steps, &mut writing).await;
        let notes = writing.settle(&result);
        self.notes = notes;
        result
    }

    async fn write_noted(
        &self,
        steps: &mut Steps<'_>,
        writing: &mut Writing<'_>,
    ) -> Result<(), DbError> {
        let Inputs { operation, key, field, text, .. } = &self.inputs;
        let (update, params) =
            (UPDATE_FIELD + field, [Value::Text(text.as_str()), Value::Text(key)]);
        if *operation != Operation::ReadModifyWrite {
            writing.sending_commit();
            return steps.execute_one(update, &params).await;
        }
        if self.reads_and_writes {
            writing.sending_commit();
            return steps.change_one(update, &params, read_record).await;
        }
        while steps.pass()? {
            steps.begin(Access::Write).await?;
            self.read(steps).await?;
            steps.execute_one(update, &params).await?;
            writing.sending_commit();
            steps.commit().await?;
        }
        Ok(())
    }

    async fn scan(&self, steps: &mut Steps<'_>) -> Result<(), DbError> {
        let Inputs { key, scan_length, .. } = &self.inputs;
        let params = [Value::Text(key), Value::Int(*scan_length)];
        let mut first = true;
        let visit = |row: &dyn Row| {
            read_record(row)?;
            if std::mem::take(&mut first) && row.text(0)? != key {
                let found = row.text(0)?;
                return Err(DbError::unexpected(format!("a scan from {key} on began at {found}")));
            }
            Ok(())
        };
        let answered = |rows| match rows {
            0 => Err(DbError::unexpected(format!("a scan from {key} on found nothing"))),
            _ => Ok(()),
        };
        steps.query(SCAN, &params, visit, answered).await
    }

    async fn insert(&mut self, steps: &mut Steps<'_>) -> Result<(), DbError> {
        let mut params = [Value::Null; FIELDS.len() + 1];
        params[0] = Value::Text(&self.inputs.key);
        let text = self.inputs.text.as_str();
        for (field, param) in params[1..].iter_mut().enumerate() {
            let from = field * FIELD_LENGTH;
            *param = Value::Text(&text[from..from + FIELD_LENGTH]);
        }
        // In doubt from here on, in case the answer is never waited for.
        let was_in_doubt = self
            .new_record
            .as_mut()
            .is_some_and(|record| std::mem::replace(&mut record.in_doubt, true));
        let inserted = steps.execute_one(INSERT, &params).await;
        self.note_insert(&inserted, was_in_doubt);
        inserted
    }

    /// Keeps the record to be inserted up to date with how its insert ended.
    fn note_insert(&mut self, inserted: &Result<(), DbError>, was_in_doubt: bool) {
        let Some(record) = &mut self.new_record else { return };
        let present = match inserted {
            Ok(()) => true,
            // Numbers are given out once, so only its own earlier insert can be in the way.
            Err(error) if error.class == ErrorClass::Constraint => was_in_doubt,
            Err(_) => false,
        };
        record.in_doubt = was_in_doubt || inserted.as_ref().is_err_and(|e| e.outcome_unknown);
        if present {
            self.new_keys.acknowledge(record.number);
            self.new_record = None;
        }
    }
}

impl Client for YcsbClient {
    fn draw(&mut self) -> Draw {
        let place = self.draw_operation();
        let operation = self.benchmark.mix.operations[place].0;
        let number = match operation {
            Operation::Insert => self.new_record(),
            _ => self.draw_record(),
        };
        let Self { inputs, rng, .. } = self;
        inputs.operation = operation;
        inputs.number = number;
        write_key(number, &mut inputs.key);
        match operation {
            Operation::Read => {}
            Operation::Update | Operation::ReadModifyWrite => {
                inputs.field = rng.below(FIELDS.len() as u64) as usize;
                draw_field(&mut inputs.text, rng);
            }
            Operation::Insert => {
                let length = FIELDS.len() * FIELD_LENGTH;
                inputs.text.alphanumeric(rng, length, length);
            }
            Operation::Scan => inputs.scan_length = rng.between(1, LONGEST_SCAN),
        }
        Draw::now(place)
    }

    async fn run(&mut self, steps: &mut Steps<'_>) -> Result<Outcome, DbError> {
        match self.inputs.operation {
            Operation::Read => self.read(steps).await?,
            Operation::Update | Operation::ReadModifyWrite => self.write(steps).await?,
            Operation::Insert => self.insert(steps).await?,
            Operation::Scan => self.scan(steps).await?,
        }
        Ok(Outcome::Committed)
    }
}

/// Reads the key and every field.
fn read_record(row: &dyn Row) -> Result<(), DbError> {
    for column in 0..=FIELDS.len() {
        row.text(column)?;
    }
    Ok(())
}
