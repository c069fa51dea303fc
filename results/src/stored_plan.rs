//! Plans in the run folder: `plans.jsonl`, a JSON object a line.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use dbdyno_core::schema::Keys;
use dbdyno_core::{Cache, Case, Error, Plan, Result, StatementForm};
use serde::{Deserialize, Serialize};

use crate::load::{conditions, results_file};
use crate::redact::redact;
use crate::run_folder::file;

/// A plan and what it is a plan of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StoredPlan {
    /// The run.
    pub run_id: String,
    /// The suite.
    pub suite: String,
    /// The benchmark without its suite.
    pub benchmark: String,
    /// The engine.
    pub engine: String,
    /// The server's version.
    pub engine_version: String,
    /// The driver.
    pub driver: String,
    /// The target as the user named it, without passwords.
    pub target: String,
    /// The isolation level.
    pub isolation: String,
    /// The durability.
    pub durability: String,
    /// The clients of the case.
    pub clients: u32,
    /// Transactions per second asked for in open loop; `None` in closed loop.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<f64>,
    /// How the statements of the case are said: `portable` or `native`. The statement of the plan is
    /// portable.
    pub statements: String,
    /// Whether requests of the case that do not depend on each other's answers are sent together.
    pub pipeline: bool,
    /// The scale factor of the data set.
    pub scale: String,
    /// The keys and indexes of the data set.
    pub keys: String,
    /// What the loads of the case found in memory.
    pub cache: String,
    /// The streams of queries beside the clients; 0 where the benchmark has none.
    pub streams: u32,
    /// The seed.
    pub seed: u64,
    /// The repetition, counted from 1.
    pub repetition: u32,
    /// What of the case it is a plan of.
    pub name: String,
    /// The plan.
    pub plan: Plan,
}

impl StoredPlan {
    /// A plan of a case.
    pub fn new(run_id: &str, case: &Case, name: &str, plan: &Plan) -> Self {
        Self {
            run_id: run_id.to_owned(),
            suite: case.suite.clone(),
            benchmark: case.benchmark.clone(),
            engine: case.engine.clone(),
            engine_version: case.engine_version.clone(),
            driver: case.driver.clone(),
            target: redact(&case.target),
            isolation: case.isolation.name().to_owned(),
            durability: case.durability.name().to_owned(),
            clients: case.clients,
            rate: case.rate,
            statements: case.statements.name().to_owned(),
            pipeline: case.pipeline,
            scale: case.scale.to_string(),
            keys: case.keys.name().to_owned(),
            cache: case.cache.name().to_owned(),
            streams: case.streams,
            seed: case.seed,
            repetition: case.repetition,
            name: name.to_owned(),
            plan: plan.clone(),
        }
    }

    /// The suite and the benchmark in it, as users name them.
    pub fn benchmark(&self) -> String {
        format!("{}/{}", self.suite, self.benchmark)
    }

    /// What it is a plan of, whenever and on whichever version it was made: the case and the name,
    /// without what one run may have several of (repetitions) or what two runs differ in (the
    /// server's version, the seed).
    pub fn subject(&self) -> String {
        format!("{}: {}", self.case_subject(), self.name)
    }

    /// The case of [`StoredPlan::subject`].
    pub(crate) fn case_subject(&self) -> String {
        let clients = if self.clients == 1 { "client" } else { "clients" };
        let mut subject = format!(
            "{}  {}  {}  {}  {} {clients}",
            self.benchmark(),
            self.target,
            self.isolation,
            self.durability,
            self.clients,
        );
        for (said, differs) in [
            (format!("{} per second", self.rate.unwrap_or_default()), self.rate.is_some()),
            (self.statements.clone(), self.statements != StatementForm::Portable.name()),
            ("pipelined".to_owned(), self.pipeline),
            (format!("keys {}", self.keys), self.keys != Keys::default().name()),
            (format!("{} cache", self.cache), self.cache != Cache::default().name()),
            (format!("{} streams", self.streams), self.streams > 0),
        ] {
            if differs {
                subject.push_str("  ");
                subject.push_str(&said);
            }
        }
        format!("{subject}  scale {}", self.scale)
    }

    /// A line of the file.
    pub(crate) fn line(&self) -> Result<Vec<u8>> {
        let mut line = serde_json::to_vec(self)
            .map_err(|why| Error::new(format!("keep the plan of {}", self.name), why))?;
        line.push(b'\n');
        Ok(line)
    }
}

/// The plans of a run, in the order in which they were kept.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StoredPlans {
    /// The plans.
    pub plans: Vec<StoredPlan>,
    /// What the reader did not take silently, a sentence each.
    pub warnings: Vec<String>,
}

/// Reads the plans of a run, given as its folder or a file in it. A last line that was cut off, as a
/// killed run leaves it, is skipped with a warning.
///
/// # Errors
/// The path is not a run, the run has no plans, a line cannot be understood (the error names file and
/// line), or the schema is newer than this program.
pub fn stored_plans(run: &Path) -> Result<StoredPlans> {
    let results = results_file(run)?;
    let mut read = StoredPlans::default();
    conditions(&results)?;
    let path = results.with_file_name(file::PLANS);
    let bytes = match fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let doing = format!("read the plans of the run `{}`", run.display());
            let why = format!("there is no {} in it", file::PLANS);
            return Err(Error::new(doing, why).next(
                "give a run of a benchmark that keeps plans; `dbdyno list suites` names them all",
            ));
        }
        Err(error) => return Err(Error::new(format!("read `{}`", path.display()), error)),
    };
    for (number, line) in (1..).zip(bytes.split_inclusive(|byte| *byte == b'\n')) {
        let Some(whole) = line.strip_suffix(b"\n") else {
            read.warnings.push(format!(
                "`{}`, line {number}: the last line was cut off and is skipped",
                path.display()
            ));
            break;
        };
        let plan = serde_json::from_slice(whole).map_err(|why| {
            Error::new(format!("read `{}`, line {number}", path.display()), why)
                .next("mend or remove the line")
        })?;
        read.plans.push(plan);
    }
    Ok(read)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed set-up fails the test")]

    use super::*;
    use crate::fixture::case;

    /// A run with what is given as its plans.
    fn run(plans: &[u8]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(file::RESULTS), "").unwrap();
        fs::write(folder.path().join(file::PLANS), plans).unwrap();
        folder
    }

    fn line(name: &str) -> Vec<u8> {
        StoredPlan::new("r", &case("tpcc", "sqlite"), name, &Plan::default()).line().unwrap()
    }

    #[test]
    fn a_line_that_was_cut_off_is_skipped_wherever_it_was_cut() {
        let (first, second) = (line("é one"), line("two"));
        for kept in 0..second.len() {
            let run = run(&[&first[..], &second[..kept]].concat());
            let read = stored_plans(run.path()).unwrap();
            assert_eq!(read.plans.len(), 1, "{kept} bytes");
            assert_eq!(read.warnings.len(), usize::from(kept > 0), "{:?}", read.warnings);
            assert!(
                read.warnings.iter().all(|told| told.contains("line 2: the last line was cut"))
            );
        }
    }

    #[test]
    fn other_damage_is_an_error_that_names_the_line() {
        for damage in [&b"\n"[..], b"{}\n", b"\xff\n", b"{\"run_id\": \"r\n"] {
            let run = run(&[&line("one"), damage, &line("two")].concat());
            let error = stored_plans(run.path()).unwrap_err().to_string();
            assert!(error.contains("plans.jsonl`, line 2"), "{error}");
            assert!(error.contains("mend or remove the line"), "{error}");
        }
    }

    #[test]
    fn what_a_later_version_adds_is_passed_over() {
        let added = String::from_utf8(line("one")).unwrap().replacen('{', "{\"added\":[1],", 1);
        let read = stored_plans(run(added.as_bytes()).path()).unwrap();
        assert_eq!((read.plans.len(), read.plans[0].name.as_str()), (1, "one"));
    }

    #[test]
    fn a_run_without_plans_is_told_from_no_run() {
        let run = run(b"");
        fs::remove_file(run.path().join(file::PLANS)).unwrap();
        let error = stored_plans(run.path()).unwrap_err().to_string();
        assert!(error.contains("there is no plans.jsonl in it"), "{error}");
        let error = stored_plans(&run.path().join("nowhere")).unwrap_err().to_string();
        assert!(error.contains("give a run folder"), "{error}");
    }

    #[test]
    fn what_two_runs_may_differ_in_is_no_part_of_the_subject() {
        let stored =
            StoredPlan::new("r", &case("tpcc", "postgres"), "with index", &Plan::default());
        assert_eq!(
            stored.subject(),
            "oltp/tpcc  postgres  serializable  full  8 clients  scale 1: with index"
        );
        let mut later = stored.clone();
        (later.seed, later.repetition, later.engine_version) = (7, 3, "16.2".to_owned());
        assert_eq!(later.subject(), stored.subject());
        (later.rate, later.pipeline, later.statements) = (Some(2.5), true, "native".to_owned());
        assert_eq!(
            later.subject(),
            "oltp/tpcc  postgres  serializable  full  8 clients  2.5 per second  native  pipelined  \
             scale 1: with index"
        );
    }
}
