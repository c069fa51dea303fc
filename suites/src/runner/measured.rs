//! What was measured of a case, what became of it, and the rows that say so.

use dbdyno_core::check::belongs;
use dbdyno_core::load::LoadReport;
use dbdyno_core::{Better, Check, Error, ErrorClass, Measurement, Status};

use super::metrics::measurements;
use super::relay::staged;

/// A load of a case.
#[derive(Debug)]
pub struct Stage {
    /// Its name; empty where the case has no other.
    pub name: String,
    /// What came out.
    pub report: LoadReport,
    /// What was seen of the server and the machine meanwhile.
    pub seen: Vec<Measurement>,
}

/// A case after its loads.
#[derive(Debug, Default)]
pub struct Measured {
    /// The loads in the order in which they ran; none where the data was wrong before, so that nothing
    /// was measured.
    pub stages: Vec<Stage>,
    /// The benchmark's own metrics.
    pub own: Vec<Measurement>,
    /// What came out, for a person; empty where throughput and percentile say it.
    pub headline: String,
    /// The conditions that were looked at.
    pub checks: Vec<Check>,
    /// Why the answers could not be looked at afterwards.
    pub unchecked: Option<String>,
    /// Why not all loads ran that the case has.
    pub cut_short: Option<String>,
    /// Parts of the case that could not be carried out, though no promise was broken: each with why. The
    /// others are worth what they are.
    pub could_not: Vec<String>,
    /// Those of them that came to no end, by their names: numbers that they have were not checked.
    pub unfinished: Vec<(String, String)>,
    /// The mark of a pause that no load has; the runner knows it.
    pub paused: Option<Measurement>,
}

impl Measured {
    /// Tells of a part that it could not be carried out to its end, though no promise was broken.
    pub fn could_not_finish(&mut self, part: &str, error: &Error) {
        self.could_not.push(format!("{part}: {}", error.why()));
        self.unfinished.push((part.to_owned(), error.to_string()));
    }

    /// Why the rows of a transaction are of a part that came to no end.
    fn why_unfinished(&self, transaction: &str) -> Option<&str> {
        let its = self.unfinished.iter().find(|(part, _)| belongs(transaction, part));
        its.map(|(_, why)| why.as_str())
    }

    /// Whether there is anything to keep: numbers, or why parts of the case have none.
    pub(super) fn has_rows(&self) -> bool {
        !self.own.is_empty() || !self.unfinished.is_empty() || self.loads().next().is_some()
    }

    /// Whether anything was measured.
    pub(super) fn has_numbers(&self) -> bool {
        let is_whole = |name: &str| self.why_unfinished(name).is_none();
        let own = self.own.iter().any(|row| row.value.is_some() && is_whole(&row.transaction));
        own || self.loads().any(|stage| is_whole(&stage.name))
    }

    /// The loads in which anything was measured.
    fn loads(&self) -> impl Iterator<Item = &Stage> {
        self.stages.iter().filter(|stage| !is_void(&stage.report))
    }

    /// Why none of what the case has can be done on this target; `None` where any of it was tried.
    fn unsupported(&self) -> Option<String> {
        let is_one = |row: &Measurement| row.value.is_none() && row.status == Status::Unsupported;
        let is_none = self.stages.is_empty() && self.could_not.is_empty();
        let first = self.own.first().filter(|_| is_none && self.own.iter().all(is_one))?;
        Some(match self.own.len() {
            1 => first.detail.clone(),
            count => format!("none of {count}: {}", first.detail),
        })
    }

    /// What was seen beside the loads that a person has to know.
    pub(super) fn warnings(&self) -> Vec<String> {
        let mut warnings: Vec<String> = Vec::new();
        for stage in &self.stages {
            let of_stage =
                if stage.name.is_empty() { String::new() } else { format!("{}: ", stage.name) };
            let said = stage.seen.iter().filter(|row| !row.detail.is_empty());
            warnings.extend(said.map(|row| format!("{of_stage}{}", row.detail)));
        }
        warnings.extend(self.paused.iter().map(|row| row.detail.clone()));
        warnings
    }

    /// The rows of the loads and the benchmark's own. Those that the `broken` checks are about are as the
    /// `whole` case is, those of parts that came to no end have failed, and the `others` are as they would be
    /// without all that.
    pub(super) fn rows(
        &self,
        broken: &[Check],
        whole: (Status, &str),
        others: (Status, &str),
    ) -> Vec<Measurement> {
        let mut rows: Vec<Measurement> = self.loads().flat_map(stage_rows).collect();
        rows.extend(self.own.iter().cloned());
        let is_in_parts = !broken.is_empty() && broken.iter().all(|check| check.part.is_some());
        let (status, detail) = if is_in_parts { others } else { whole };
        if status != Status::Ok && rows.iter().all(|row| !row.transaction.is_empty()) {
            // Something must say of the whole case what became of it.
            rows.push(no_number(status, detail.to_owned()));
        }
        // A row that failed by itself says why.
        for row in rows.iter_mut().filter(|row| row.status == Status::Ok) {
            let is_spoiled = broken.iter().any(|check| check.spoils(&row.transaction));
            let unfinished = self.why_unfinished(&row.transaction).map(|why| (Status::Failed, why));
            let other = unfinished.unwrap_or((status, detail));
            let (status, detail) = if is_spoiled { whole } else { other };
            row.status = status;
            if row.detail.is_empty() {
                detail.clone_into(&mut row.detail);
            }
        }
        for (part, why) in &self.unfinished {
            let of_all = |row: &&mut Measurement| {
                row.metric == NO_NUMBER && row.transaction == part.as_str()
            };
            // One row says of the part as a whole what became of it.
            match rows.iter_mut().find(of_all) {
                Some(row) => row.value = None,
                None => rows.push(no_number(Status::Failed, why.clone()).of(part.as_str())),
            }
        }
        rows.extend(self.paused.clone());
        rows
    }
}

fn stage_rows(stage: &Stage) -> Vec<Measurement> {
    let mut rows = measurements(&stage.report);
    rows.extend(stage.seen.iter().cloned());
    for row in &mut rows {
        row.transaction = staged(&stage.name, &row.transaction);
    }
    rows
}

/// Whether the load ended before anything was measured.
fn is_void(report: &LoadReport) -> bool {
    report.window.is_zero()
}

/// What became of a case: wrong answers are worth nothing however fast they came. `stopped` is whether
/// the end was asked for, in this case or after its last load.
pub(super) fn verdict(measured: &Measured, broken: &[Check], stopped: bool) -> (Status, String) {
    let names = || broken.iter().map(|check| check.name.as_str()).collect::<Vec<_>>().join(", ");
    let was_begun =
        measured.has_rows() || !measured.stages.is_empty() || measured.cut_short.is_some();
    if !was_begun && broken.is_empty() && measured.could_not.is_empty() {
        return (Status::Failed, "nothing was measured".to_owned());
    }
    if !was_begun && !broken.is_empty() {
        let why = format!("not measured: the data was wrong before ({})", names());
        return (Status::Failed, format!("{why}; `--reload` loads it again"));
    }
    if !broken.is_empty() {
        return (Status::Failed, format!("did not hold: {}", names()));
    }
    if let Some(why) = measured.unsupported().filter(|_| measured.cut_short.is_none()) {
        return (Status::Unsupported, why);
    }
    let reports = || measured.stages.iter().map(|stage| (stage.name.as_str(), &stage.report));
    if let Some(failure) = reports().find_map(|(_, report)| report.failure.as_ref()) {
        return (Status::Failed, failure.why().to_owned());
    }
    if let Some(why) = measured.cut_short.clone().filter(|_| !stopped) {
        return (Status::Failed, why);
    }
    let unchecked =
        measured.unchecked.as_ref().map(|why| format!("the answers could not be checked: {why}"));
    if measured.cut_short.is_some() || reports().any(|(_, report)| report.interrupted) {
        return (Status::Interrupted, unchecked.unwrap_or_else(|| "the end was asked for".into()));
    }
    if let Some(why) = unchecked {
        // A person who waits for the end does not wait for the answers.
        return (if stopped { Status::Interrupted } else { Status::Failed }, why);
    }
    if let Some(why) = measured.stages.iter().find_map(Stage::fruitless) {
        return (Status::Failed, why);
    }
    match reports().map(|(_, report)| report.unstarted_ns.len()).sum() {
        0u64 => (Status::Ok, String::new()),
        unstarted => {
            let why = format!(
                "{unstarted} arrivals were due and never started: the rate is not held; they count \
                 in the latencies of the whole case by how long they had waited"
            );
            (Status::Ok, why)
        }
    }
}

impl Stage {
    /// Why a load that came to its end gave nothing to go by.
    pub fn fruitless(&self) -> Option<String> {
        let report = &self.report;
        let of_stage = match self.name.as_str() {
            "" => String::new(),
            name => format!(" of `{name}`"),
        };
        if report.abandoned > 0 {
            return Some(format!("{} transactions{of_stage} never ended", report.abandoned));
        }
        let total = report.total();
        // A pool that gives no connection in time is what was to be found out.
        let starved = report.errors.iter().any(|error| error.class == ErrorClass::PoolTimeout);
        (total.committed + total.rolled_back == 0 && !starved).then(|| {
            report.errors.first().map_or_else(
                || format!("no transaction{of_stage} ended; choose a longer --duration"),
                |error| {
                    let (message, class) = (&error.message, error.class);
                    format!("no transaction{of_stage} succeeded: {message} ({class})")
                },
            )
        })
    }
}

/// The metric whose row has no value where a case, or a part of it, yields no number.
const NO_NUMBER: &str = "throughput";

pub(super) fn no_number(status: Status, detail: String) -> Measurement {
    let row = Measurement::new(NO_NUMBER, 0.0, "1/s", Better::Higher);
    Measurement { value: None, ..row.with_status(status, detail) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::made_up::{report, transaction};

    #[test]
    fn a_case_without_all_its_loads_is_no_whole_one() {
        let cut_short = Some("the server is gone".to_owned());
        let cut = Measured { cut_short, ..Measured::default() };
        assert_eq!(verdict(&cut, &[], false), (Status::Failed, "the server is gone".to_owned()));
        assert_eq!(verdict(&cut, &[], true).0, Status::Interrupted);
        let broken = [Check::new("sums", false, "")];
        let wrong = (Status::Failed, "did not hold: sums".to_owned());
        assert_eq!(verdict(&cut, &broken, true), wrong);
        let (status, why) = verdict(&Measured::default(), &broken, true);
        assert!(status == Status::Failed && why.starts_with("not measured: the data was wrong"));
        // Of what was not tried nobody knows whether anything was wrong.
        let nothing = verdict(&Measured::default(), &[], false);
        assert_eq!(nothing, (Status::Failed, "nothing was measured".to_owned()));
    }

    #[test]
    fn a_case_of_which_nothing_can_be_done_is_unsupported() {
        let none = |status| {
            let row = Measurement::new("backup_s", 0.0, "s", Better::Lower).of("a_method");
            Measurement { value: None, ..row.with_status(status, "no such tool") }
        };
        let of = |own: Vec<Measurement>| Measured { own, ..Measured::default() };
        let all = of(vec![none(Status::Unsupported), none(Status::Unsupported)]);
        let expected = (Status::Unsupported, "none of 2: no such tool".to_owned());
        assert_eq!(verdict(&all, &[], false), expected);
        assert!(!all.has_numbers());
        let some = of(vec![none(Status::Unsupported), none(Status::Failed)]);
        assert_eq!(verdict(&some, &[], false).0, Status::Ok);
        assert!(!some.has_numbers());
        let measured = Measurement::new("backup_s", 1.0, "s", Better::Lower);
        let some = of(vec![none(Status::Unsupported), measured]);
        assert!(verdict(&some, &[], false).0 == Status::Ok && some.has_numbers());
    }

    /// What became of one part is told of that part alone, once, and breaks no promise.
    #[test]
    fn a_part_that_came_to_no_end_fails_by_itself() {
        let stage = |name: &str| Stage {
            name: name.to_owned(),
            report: report(vec![transaction("a", 10, &[1])]),
            seen: Vec::new(),
        };
        let of = |stages: &[&str], unfinished: &[&str]| {
            let mut measured = Measured {
                stages: stages.iter().map(|name| stage(name)).collect(),
                ..Measured::default()
            };
            for part in unfinished {
                measured.could_not_finish(part, &Error::new("compare", "it does not answer"));
            }
            assert_eq!(verdict(&measured, &[], false), (Status::Ok, String::new()));
            let rows = measured.rows(&[], (Status::Ok, ""), (Status::Ok, ""));
            for part in unfinished {
                let whole = rows
                    .iter()
                    .filter(|row| row.metric == NO_NUMBER && row.transaction == *part)
                    .collect::<Vec<_>>();
                assert_eq!((whole.len(), whole[0].value), (1, None), "{rows:?}");
                assert_eq!(whole[0].status, Status::Failed);
                assert!(whole[0].detail.contains("it does not answer"), "{rows:?}");
            }
            for row in &rows {
                let has_failed = unfinished.iter().any(|part| belongs(&row.transaction, part));
                assert_eq!(row.status == Status::Failed, has_failed, "{row:?}");
            }
            measured.has_numbers()
        };
        // Of what began, of what did not, and of what is named after it.
        assert!(of(&["one", "two"], &["one"]));
        assert!(of(&["one", "one more", "two"], &["one", "three"]));
        assert!(!of(&["one slow", "one"], &["one"]));
        assert!(!of(&[], &["one", "two"]));
    }

    #[test]
    fn a_case_of_several_loads_says_as_a_whole_what_became_of_it() {
        let stage = |name: &str| Stage {
            name: name.to_owned(),
            report: report(vec![transaction("a", 10, &[1])]),
            seen: Vec::new(),
        };
        let measured = Measured { stages: vec![stage("one"), stage("two")], ..Measured::default() };
        let rows = measured.rows(&[], (Status::Ok, ""), (Status::Ok, ""));
        assert!(rows.iter().all(|row| ["one", "two"].contains(&row.transaction.as_str())));
        let ended = (Status::Interrupted, "the end was asked for");
        let rows = measured.rows(&[], ended, ended);
        let whole: Vec<_> = rows.iter().filter(|row| row.transaction.is_empty()).collect();
        assert_eq!(whole.len(), 1);
        assert_eq!((whole[0].value, whole[0].status), (None, Status::Interrupted));
        assert_eq!(whole[0].detail, "the end was asked for");
    }

    #[test]
    fn a_broken_promise_of_one_part_leaves_the_others_their_numbers() {
        let stage = |name: &str| Stage {
            name: name.to_owned(),
            report: report(vec![transaction("a", 10, &[1])]),
            seen: Vec::new(),
        };
        let measured = Measured { stages: vec![stage("one"), stage("two")], ..Measured::default() };
        let of_one = Check::new("none_lost", false, "3 are gone").of("one");
        let said = |broken: &[Check]| {
            let (status, detail) = verdict(&measured, broken, false);
            assert_eq!(status, Status::Failed);
            let (others, why) = verdict(&measured, &[], false);
            measured.rows(broken, (status, &detail), (others, &why))
        };
        let rows = said(std::slice::from_ref(&of_one));
        for row in &rows {
            let expected = if row.transaction == "one" { Status::Failed } else { Status::Ok };
            assert_eq!(row.status, expected, "{row:?}");
        }
        let rows = said(&[of_one, Check::new("sums", false, "of the whole")]);
        assert!(rows.iter().all(|row| row.status == Status::Failed), "{rows:?}");
    }
}
