//! From a row of `results.csv` to a record.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::sync::Arc;

use csv::StringRecord;
use dbdyno_core::measurement::pipeline_name;
use dbdyno_core::schema::Keys;
use dbdyno_core::{Better, Cache, Case, Durability, Isolation, Scale, StatementForm, Status};
use hashbrown::HashMap;

use crate::number;
use crate::record::{ADDED_CASE_COLUMNS, CASE_COLUMNS, COLUMNS, Record};
use crate::shared_text::{SharedText, SharedTexts};

const BETTER: [Better; 3] = [Better::Higher, Better::Lower, Better::Neither];
const STATUSES: [Status; 4] =
    [Status::Ok, Status::Unsupported, Status::Interrupted, Status::Failed];

/// A column of [`COLUMNS`], found when the program is compiled.
#[derive(Clone, Copy, Debug)]
struct Column(usize);

impl Column {
    const fn named(name: &str) -> Self {
        let mut place = 0;
        while !is_same(COLUMNS[place].as_bytes(), name.as_bytes()) {
            place += 1;
        }
        Self(place)
    }

    const fn name(self) -> &'static str {
        COLUMNS[self.0]
    }
}

const fn is_same(one: &[u8], other: &[u8]) -> bool {
    let mut at = 0;
    while at < one.len() && at < other.len() && one[at] == other[at] {
        at += 1;
    }
    at == one.len() && at == other.len()
}

/// Where the columns of [`COLUMNS`] stand in a file.
#[derive(Clone, Debug)]
pub(crate) struct Header {
    places: [Option<usize>; COLUMNS.len()],
    /// Where those of the case stand: from where to where there are no others.
    of_case: Vec<RangeInclusive<usize>>,
    /// How many columns the file has.
    pub(crate) columns: usize,
}

impl Header {
    /// Finds the columns; the names of those that are missing, unless they were added to the schema
    /// later.
    pub(crate) fn of(header: &StringRecord) -> Result<Self, Vec<&'static str>> {
        let places = COLUMNS.map(|column| header.iter().position(|name| name == column));
        let missing: Vec<_> = (COLUMNS.into_iter().zip(places))
            .filter(|(column, place)| place.is_none() && !ADDED_CASE_COLUMNS.contains(column))
            .map(|(column, _)| column)
            .collect();
        if !missing.is_empty() {
            return Err(missing);
        }
        let is_of_case =
            |name: &str| CASE_COLUMNS.contains(&name) || ADDED_CASE_COLUMNS.contains(&name);
        let mut of_case: Vec<usize> = (COLUMNS.into_iter().zip(places))
            .filter(|(column, _)| is_of_case(column))
            .filter_map(|(_, place)| place)
            .collect();
        of_case.sort_unstable();
        let stretches = of_case.chunk_by(|one, next| one + 1 == *next);
        let of_case = stretches.filter_map(|places| Some(*places.first()?..=*places.last()?));
        Ok(Self { places, of_case: of_case.collect(), columns: header.len() })
    }
}

/// What the rows that were read so far share.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    texts: SharedTexts,
    /// Texts of the last row that are mostly those of the next: its run, when that began, its unit and its
    /// detail.
    repeated: [SharedText; 4],
    /// The case of the last row: most rows are of the same as the one before them.
    last: Option<(Arc<CaseFields>, Arc<Case>)>,
    cases: HashMap<Arc<CaseFields>, Arc<Case>>,
}

impl Shared {
    fn case(&mut self, row: &Row<'_>) -> Result<Arc<Case>, BadField> {
        if let Some((last, case)) = &self.last
            && last.are_those_of(row)
        {
            return Ok(Arc::clone(case));
        }
        let fields = CaseFields::of(row);
        let (fields, case) = match self.cases.get_key_value(&fields) {
            Some((fields, known)) => (Arc::clone(fields), Arc::clone(known)),
            None => {
                let (fields, new) = (Arc::new(fields), Arc::new(parse_case(row)?));
                self.cases.insert(Arc::clone(&fields), Arc::clone(&new));
                (fields, new)
            }
        };
        self.last = Some((fields, Arc::clone(&case)));
        Ok(case)
    }
}

/// The fields of a case as they stand in a row.
#[derive(Debug, PartialEq, Eq, Hash)]
struct CaseFields {
    /// One after another.
    text: String,
    /// How long each is, in bytes.
    lengths: Vec<u32>,
}

impl CaseFields {
    fn of(row: &Row<'_>) -> Self {
        Self { text: row.stretches().collect(), lengths: row.lengths().collect() }
    }

    fn are_those_of(&self, row: &Row<'_>) -> bool {
        let rest = row.stretches().try_fold(&*self.text, |rest, found| rest.strip_prefix(found));
        rest == Some("") && row.lengths().eq(self.lengths.iter().copied())
    }
}

/// Reads a row.
pub(crate) fn parse(row: &Row<'_>, shared: &mut Shared) -> Result<Record, BadField> {
    const RUN_ID: Column = Column::named("run_id");
    const STARTED_AT: Column = Column::named("started_at");
    const TRANSACTION: Column = Column::named("transaction");
    const METRIC: Column = Column::named("metric");
    const VALUE: Column = Column::named("value");
    const UNIT: Column = Column::named("unit");
    const BETTER_COLUMN: Column = Column::named("better");
    const STATUS: Column = Column::named("status");
    const DETAIL: Column = Column::named("detail");
    let case = shared.case(row)?;
    for (last, column) in shared.repeated.iter_mut().zip([RUN_ID, STARTED_AT, UNIT, DETAIL]) {
        if *last != row.field(column) {
            *last = shared.texts.of(row.field(column));
        }
    }
    let [run_id, started_at, unit, detail] = shared.repeated.clone();
    Ok(Record {
        run_id,
        started_at,
        case,
        transaction: shared.texts.of(row.field(TRANSACTION)),
        metric: shared.texts.of(row.field(METRIC)),
        value: row.number(VALUE)?,
        unit,
        better: row.word(BETTER_COLUMN, &BETTER, Better::name)?,
        status: row.word(STATUS, &STATUSES, Status::name)?,
        detail,
    })
}

fn parse_case(row: &Row<'_>) -> Result<Case, BadField> {
    let column = Column::named;
    let text = |name| row.field(column(name)).to_owned();
    Ok(Case {
        suite: text("suite"),
        benchmark: text("benchmark"),
        engine: text("engine"),
        engine_version: text("engine_version"),
        driver: text("driver"),
        target: text("target"),
        isolation: row.word(column("isolation"), &Isolation::ALL, Isolation::name)?,
        durability: row.word(column("durability"), &Durability::ALL, Durability::name)?,
        clients: row.whole(column("clients"))?,
        rate: row.number(column("rate"))?,
        statements: row.added_word(
            column("statements"),
            &StatementForm::ALL,
            StatementForm::name,
        )?,
        pipeline: row.added_word(column("pipeline"), &[false, true], pipeline_name)?,
        keys: row.added_word(column("keys"), &Keys::ALL, Keys::name)?,
        cache: row.added_word(column("cache"), &Cache::ALL, Cache::name)?,
        streams: match row.place(column("streams")) {
            Some(_) => row.whole(column("streams"))?,
            None => 0,
        },
        scale: row.scale(column("scale"))?,
        seed: row.whole(column("seed"))?,
        repetition: row.whole(column("repetition"))?,
    })
}

/// What is wrong with one field.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct BadField {
    pub(crate) column: &'static str,
    pub(crate) why: String,
}

/// A row under its header.
pub(crate) struct Row<'r> {
    pub(crate) header: &'r Header,
    pub(crate) fields: &'r StringRecord,
}

impl Row<'_> {
    fn place(&self, column: Column) -> Option<usize> {
        self.header.places[column.0]
    }

    fn at(&self, place: usize) -> &str {
        self.fields.get(place).unwrap_or_default()
    }

    /// The fields of the case, those that stand side by side in one piece.
    fn stretches(&self) -> impl Iterator<Item = &str> {
        self.header.of_case.iter().map(|places| {
            let ends = self.fields.range(*places.start()).zip(self.fields.range(*places.end()));
            ends.and_then(|(first, last)| self.fields.as_slice().get(first.start..last.end))
                .unwrap_or_default()
        })
    }

    /// How long the fields of the case are, in bytes.
    fn lengths(&self) -> impl Iterator<Item = u32> {
        let places = self.header.of_case.iter().cloned().flatten();
        places.map(|place| self.at(place).len() as u32)
    }

    /// A field; a column that is not there reads as empty. That the columns are there is for the
    /// reader of the header to see to.
    fn field(&self, column: Column) -> &str {
        self.place(column).map(|place| self.at(place)).unwrap_or_default()
    }

    fn number(&self, column: Column) -> Result<Option<f64>, BadField> {
        let field = self.field(column);
        if field.is_empty() {
            return Ok(None);
        }
        number::finite(field).map(Some).ok_or_else(|| bad(column, field, "a finite number"))
    }

    fn whole<T: FromStr>(&self, column: Column) -> Result<T, BadField> {
        let field = self.field(column);
        field.parse().map_err(|_| bad(column, field, "a whole number in its range"))
    }

    fn scale(&self, column: Column) -> Result<Scale, BadField> {
        let field = self.field(column);
        field.parse().map_err(|_| bad(column, field, "a scale, such as 10 or 0.01"))
    }

    fn word<T: Copy>(
        &self,
        column: Column,
        words: &[T],
        name: impl Fn(T) -> &'static str,
    ) -> Result<T, BadField> {
        let field = self.field(column);
        words.iter().copied().find(|word| name(*word) == field).ok_or_else(|| {
            let known = words.iter().map(|word| match name(*word) {
                "" => "nothing".to_owned(),
                name => format!("`{name}`"),
            });
            bad(column, field, format!("one of {}", known.collect::<Vec<_>>().join(", ")))
        })
    }

    /// A word of a column that older files lack: its default there.
    fn added_word<T: Copy + Default>(
        &self,
        column: Column,
        words: &[T],
        name: impl Fn(T) -> &'static str,
    ) -> Result<T, BadField> {
        match self.place(column) {
            Some(_) => self.word(column, words, name),
            None => Ok(T::default()),
        }
    }
}

fn bad(column: Column, field: &str, wanted: impl Display) -> BadField {
    BadField { column: column.name(), why: format!("`{field}` is not {wanted}") }
}
