//! The rows of one measured execution of a case, taken together.

use std::borrow::Borrow;
use std::cmp::Ordering;
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use dbdyno_core::{Case, Status};
use hashbrown::{HashMap, HashSet};

use crate::dimension::Dimension;
use crate::record::Record;
use crate::statistics::Round;

/// One repetition of one case.
#[derive(Debug)]
pub(crate) struct Repetition<'r> {
    /// Its rows, as they stand together in the file: in one piece, if nobody has sorted them.
    pieces: Vec<&'r [Record]>,
}

/// What tells a case from others, whatever the version, the seed, the run and the repetition.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CaseKey<'r>(&'r Case);

impl<'r> CaseKey<'r> {
    fn parts(self) -> ([&'r str; 10], [u64; 4]) {
        let Self(case) = self;
        let texts = [
            &*case.suite,
            &*case.benchmark,
            &*case.engine,
            &*case.driver,
            &*case.target,
            case.isolation.name(),
            case.durability.name(),
            case.statements.name(),
            case.keys.name(),
            case.cache.name(),
        ];
        let numbers = [
            u64::from(case.clients) << 32 | u64::from(case.streams),
            // A rate of 0 is no closed loop; numbers are finite, so that there is one more.
            case.rate.map_or(0, |rate| rate.to_bits() + 1),
            case.scale.in_hundredths(),
            u64::from(case.pipeline),
        ];
        (texts, numbers)
    }
}

impl PartialEq for CaseKey<'_> {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self.0, other.0) || self.parts() == other.parts()
    }
}

impl Eq for CaseKey<'_> {}

impl PartialOrd for CaseKey<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for CaseKey<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.parts().cmp(&other.parts())
    }
}

impl Hash for CaseKey<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.parts().hash(state);
    }
}

/// The key of a case.
pub(crate) fn case_key(case: &Case) -> CaseKey<'_> {
    CaseKey(case)
}

/// A case among others.
pub(crate) fn named(case: &Case) -> String {
    let Case { suite, benchmark, target, isolation, clients, .. } = case;
    let clients = Dimension::Clients.caption(&clients.to_string());
    format!("{suite}/{benchmark} on {target}, {isolation}, {clients}")
}

/// The repetitions of all cases, in the order in which the first row of each comes.
pub(crate) fn repetitions(records: &[Record]) -> Vec<Repetition<'_>> {
    let same = |one: &Record, other: &Record| {
        one.run_id == other.run_id
            && (Arc::ptr_eq(&one.case, &other.case) || one.case == other.case)
    };
    let pieces: Vec<&[Record]> = records.chunk_by(same).collect();
    let mut found: Vec<Repetition<'_>> = Vec::with_capacity(pieces.len());
    let mut places = HashMap::with_capacity(pieces.len());
    for piece in pieces {
        let Some(first) = piece.first() else { continue };
        let case = &first.case;
        let of_run = (&*first.run_id, &*case.engine_version, case.seed, case.repetition);
        let place = *places.entry((of_run, case_key(case))).or_insert(found.len());
        match found.get_mut(place) {
            Some(known) => known.pieces.push(piece),
            None => found.push(Repetition { pieces: vec![piece] }),
        }
    }
    found
}

/// What a repetition has to say about a metric.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Sample {
    /// Nothing.
    Missing,
    /// A number that counts.
    Value(f64),
    /// It did not go well: how, and a sentence about it.
    Status(Status, String),
}

/// Where a metric is judged by itself: the whole case (empty) where it has a number of it, or else every load
/// that has one. A transaction type (`load/type`) is judged with its load.
pub(crate) fn loads_with<'m, 'r: 'm>(
    repetitions: impl Iterator<Item = &'m Repetition<'r>>,
    metric: &str,
) -> Vec<&'r str> {
    let rows = repetitions.flat_map(Repetition::all);
    let having: BTreeSet<&str> = rows
        .filter(|row| row.metric == *metric && row.value.is_some())
        .map(|row| &*row.transaction)
        .collect();
    let is_part = |load: &str| {
        let wholes = load.match_indices('/').map(|(end, _)| &load[..end]);
        !load.is_empty() && wholes.chain([""]).any(|whole| having.contains(whole))
    };
    having.iter().copied().filter(|load| !is_part(load)).collect()
}

/// The cases of records, once for each run, version and seed.
pub(crate) fn distinct_cases(records: &[Record]) -> Vec<&Case> {
    rows_of_cases(records).into_iter().map(|row| &*row.case).collect()
}

/// The first row of each case, run, version and seed.
pub(crate) fn rows_of_cases(records: &[Record]) -> Vec<&Record> {
    let same = |one: &Record, other: &Record| {
        Arc::ptr_eq(&one.case, &other.case) && one.run_id == other.run_id
    };
    let mut seen = HashSet::new();
    let mut rows = Vec::new();
    for row in records.chunk_by(same).filter_map(|piece| piece.first()) {
        if seen.insert((row.case.seed, version_key(&row.case, &row.run_id))) {
            rows.push(row);
        }
    }
    rows
}

/// What tells a case of a run from others, its version among it.
type VersionKey<'r> = (CaseKey<'r>, &'r str, &'r str);

fn version_key<'r>(case: &'r Case, run_id: &'r str) -> VersionKey<'r> {
    (case_key(case), &case.engine_version, run_id)
}

/// Repetitions by the case of a run that they are of, in the order in which the first of each comes.
pub(crate) fn by_case_of_run<'r, R: Borrow<Repetition<'r>>>(
    repetitions: impl IntoIterator<Item = R>,
) -> Vec<Vec<R>> {
    let mut cases: Vec<Vec<R>> = Vec::new();
    let mut places = HashMap::new();
    for repetition in repetitions {
        let one: &Repetition<'r> = repetition.borrow();
        let Some(case) = one.case() else { continue };
        let place = *places.entry(version_key(case, one.run_id())).or_insert(cases.len());
        match cases.get_mut(place) {
            Some(known) => known.push(repetition),
            None => cases.push(vec![repetition]),
        }
    }
    cases
}

/// Repetitions by the round that they were measured in.
pub(crate) type Rounds<'r> = BTreeMap<Round, Repetition<'r>>;

/// Adds one to others: to that of its round, where there is one.
pub(crate) fn add_to<'r>(rounds: &mut Rounds<'r>, repetition: Repetition<'r>) {
    match rounds.entry(repetition.round()) {
        Entry::Occupied(mut known) => known.get_mut().join(repetition),
        Entry::Vacant(new) => {
            new.insert(repetition);
        }
    }
}

impl<'r> Repetition<'r> {
    /// Adds rows that are shown as one with these.
    fn join(&mut self, other: Self) {
        self.pieces.extend(other.pieces);
    }

    /// Its rows, in the order of the file.
    pub(crate) fn all(&self) -> impl Iterator<Item = &'r Record> + Clone + use<'r, '_> {
        self.pieces.iter().copied().flatten()
    }

    /// The rows of a metric. Counts by engine code have several.
    fn rows(&self, transaction: &str, metric: &str) -> impl Iterator<Item = &'r Record> {
        self.all().filter(move |row| row.metric == *metric && row.transaction == *transaction)
    }

    pub(crate) fn row(&self, transaction: &str, metric: &str) -> Option<&'r Record> {
        self.rows(transaction, metric).next()
    }

    /// The round that it was measured in.
    pub(crate) fn round(&self) -> Round {
        let first = self.all().next();
        first.map(|row| (row.run_id.to_string(), row.case.repetition)).unwrap_or_default()
    }

    /// The run that it is of.
    pub(crate) fn run_id(&self) -> &'r str {
        self.all().next().map(|row| &*row.run_id).unwrap_or_default()
    }

    /// Whether its numbers count: it neither failed nor was cut short.
    pub(crate) fn is_good(&self) -> bool {
        !self.all().any(Record::is_failed)
            && !self.is_unsupported()
            && self.all().all(|row| row.status != Status::Interrupted)
    }

    /// Whether the target truly cannot do it.
    pub(crate) fn is_unsupported(&self) -> bool {
        self.all().all(|row| row.status == Status::Unsupported)
    }

    /// The number of a metric. Counts of several rows, one per engine code, add up; of anything
    /// else that was written more than once, the last counts.
    pub(crate) fn value(&self, transaction: &str, metric: &str) -> Option<f64> {
        let mut sum = None;
        for row in self.rows(transaction, metric) {
            let is_count = row.unit == "1" && !metric.starts_with("check_");
            if let Some(value) = row.value {
                sum = Some(if is_count { sum.unwrap_or_default() + value } else { value });
            }
        }
        sum
    }

    /// The case, as its first row has it.
    pub(crate) fn case(&self) -> Option<&'r Case> {
        self.all().next().map(|row| &*row.case)
    }

    /// The transaction types that have a row, the whole case (empty) among them.
    pub(crate) fn transactions(&self) -> BTreeSet<&'r str> {
        self.all().map(|row| &*row.transaction).collect()
    }

    /// The names of the metrics that `transaction` has a number of.
    pub(crate) fn metrics(&self, transaction: &str) -> BTreeSet<&'r str> {
        let rows = self.all().filter(|row| row.value.is_some() && row.transaction == *transaction);
        rows.map(|row| &*row.metric).collect()
    }

    /// A broken promise anywhere in a repetition spoils all its numbers: a fast wrong answer is
    /// not an answer. A repetition without any number stands for every metric as what it is.
    pub(crate) fn sample(&self, transaction: &str, metric: &str) -> Sample {
        if let Some(why) = self.failure() {
            return Sample::Status(Status::Failed, why);
        }
        match self.row(transaction, metric) {
            Some(row) if row.status != Status::Ok => Sample::Status(row.status, sentence(row)),
            Some(_) => self.value(transaction, metric).map_or(Sample::Missing, Sample::Value),
            None if self.all().any(|row| row.value.is_some()) => Sample::Missing,
            None => match self.all().max_by_key(|row| row.status) {
                Some(row) if row.status != Status::Ok => Sample::Status(row.status, sentence(row)),
                _ => Sample::Missing,
            },
        }
    }
}

/// How many failed checks are named; the rest is in `results.csv`.
const NAMED: usize = 3;

impl Repetition<'_> {
    /// Why the repetition failed, if it did: the checks that did not hold, or else what most failed rows say: a
    /// row that has a detail of its own keeps it.
    pub(crate) fn failure(&self) -> Option<String> {
        let mut failed: Vec<_> = self.all().filter(|row| row.is_failed()).collect();
        failed.sort_by_key(|row| (&*row.transaction, &*row.metric));
        let mut said: HashMap<&str, usize> = HashMap::new();
        for row in &failed {
            *said.entry(&row.detail).or_default() += 1;
        }
        // Of several that are said as often, the first.
        let most = *failed.iter().rev().max_by_key(|row| said.get(&*row.detail))?;
        let checks: Vec<_> =
            failed.into_iter().filter(|row| row.is_check()).map(sentence).collect();
        match checks.len() {
            0 => Some(sentence(most)),
            few if few <= NAMED => Some(checks.join("; ")),
            many => Some(format!("{}; and {} more", checks[..NAMED].join("; "), many - NAMED)),
        }
    }
}

/// What a row says of itself; a failed check is named.
fn sentence(row: &Record) -> String {
    let what = if row.is_check() { &*row.metric } else { "" };
    match (what.is_empty(), row.detail.is_empty()) {
        (true, _) => row.detail.to_string(),
        (false, true) => format!("{what} did not hold"),
        (false, false) => format!("{what}: {}", row.detail),
    }
}
