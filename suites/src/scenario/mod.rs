//! The scenario suite: workloads that users write, in the language of pgbench's scripts
//! (`docs/scenarios.md`).

mod client;
mod compiled;
mod data;
mod defined;
mod engines;
mod expectation;
mod files;
mod measure;
mod program;
mod set_up;
mod sheet;
mod stored;
mod values;
mod workload;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use dbdyno_core::load::Workload;
use dbdyno_core::{Result, Statement};
use dbdyno_datasets::Dataset;

use crate::benchmark::{AfterUse, Benchmark, Procedure, StagedBenchmark, WorkloadContext};
use crate::runner::{Measured, RunOptions, Stand};
use compiled::{Compiled, statements_of};
use data::told;
use defined::Defined;
use engines::Engines;
use files::{BUILTINS, Weighted};
use measure::Bench;
use workload::{ScenarioWorkload, Shared};

pub(crate) use expectation::microseconds;

/// What a scenario is made of, as the command line says it.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// Scripts, `FILE[@WEIGHT]` each; at least one.
    pub files: Vec<String>,
    /// The built-in data set that they run on, in place of what their headers say.
    pub dataset: Option<String>,
    /// Variables, `name=value` each.
    pub defines: Vec<String>,
    /// What results call it; the name of the first file where `None`.
    pub name: Option<String>,
    /// Every engine that there is, so that a name in a script that is none is told; whatever is named is
    /// taken for one where nothing stands here.
    pub engines: Vec<String>,
}

/// A benchmark whose transactions are scripts.
pub struct Scenario {
    name: &'static str,
    summary: &'static str,
    scripts: Vec<Weighted>,
    defined: Defined,
    data: &'static dyn Dataset,
    /// By engine.
    compiled: Mutex<BTreeMap<String, Arc<Compiled>>>,
}

impl Scenario {
    /// Reads the files. What they say to `engines` is understood afterwards.
    ///
    /// # Errors
    /// A file cannot be read or has a mistake, or what is asked for does not go together.
    pub fn open(request: &Request, engines: &[&str]) -> Result<Self> {
        let known = Engines::new(&request.engines);
        let scripts = request.files.iter().map(|text| files::weighted(text, &known));
        let scripts: Vec<Weighted> = scripts.collect::<Result<_>>()?;
        for Weighted { file, .. } in &scripts {
            known.check(file).map_err(|mistake| told("read", &file.label, mistake))?;
        }
        let defined = Defined::parse(&request.defines)?;
        let first = scripts.first().map_or("nothing", |script| &script.file.stem);
        let name = request.name.as_deref().unwrap_or(first);
        if scripts.iter().all(|script| script.weight == 0) {
            let why = "the weight of every script is 0, so that none would run";
            return Err(dbdyno_core::Error::new(format!("run the scenario `{name}`"), why)
                .next("give one of them a weight, as in `checkout.sql@1`"));
        }
        let data = data::data(name, &scripts, request.dataset.as_deref(), &defined, &known)?;
        let files: Vec<&str> = scripts.iter().map(|script| script.file.label.as_str()).collect();
        let summary = format!("the script {}", files.join(" and "));
        let scenario = Self {
            name: name.to_owned().leak(),
            summary: summary.leak(),
            scripts,
            defined,
            data,
            compiled: Mutex::default(),
        };
        for engine in engines {
            scenario.compiled(engine)?;
            if let Some(set_up) = scenario.data.set_up() {
                set_up.check(engine)?;
            }
        }
        Ok(scenario)
    }

    /// The scenario as an engine runs it.
    ///
    /// # Errors
    /// A script has a mistake.
    fn compiled(&self, engine: &str) -> Result<Arc<Compiled>> {
        let mut known = self.compiled.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(compiled) = known.get(engine) {
            return Ok(Arc::clone(compiled));
        }
        let made = Compiled::new(&self.scripts, &self.defined, engine);
        let compiled = Arc::new(made.map_err(|mistake| told("read", self.name, mistake))?);
        known.insert(engine.to_owned(), Arc::clone(&compiled));
        Ok(compiled)
    }

    /// What its clients do, without the checks before and after.
    ///
    /// # Errors
    /// A script has a mistake.
    pub fn workload(&self, context: &WorkloadContext) -> Result<Arc<dyn Workload>> {
        let compiled = self.compiled(&context.engine)?;
        let (scale, seed) = (context.scale, context.seed);
        let shared = Shared::new(compiled, self.defined.clone(), scale, seed);
        Ok(Arc::new(ScenarioWorkload::new(Arc::new(shared))))
    }

    /// Whether scripts only read, whichever of the engines reads them.
    fn only_reads(&self) -> bool {
        let is_read = |statement: &dbdyno_script::Statement| {
            !matches!(statement.kind, dbdyno_script::StatementKind::Write)
        };
        let reads = |compiled: &Compiled| {
            let scripts = compiled.scripts.iter();
            scripts.flat_map(|ready| ready.script.commands()).flat_map(statements_of).all(is_read)
        };
        let base = self.compiled("").is_ok_and(|compiled| reads(&compiled));
        let known = self.compiled.lock().unwrap_or_else(PoisonError::into_inner);
        base && known.values().all(|compiled| reads(compiled))
    }
}

impl Benchmark for Scenario {
    fn name(&self) -> &'static str {
        self.name
    }

    fn summary(&self) -> &'static str {
        self.summary
    }

    fn dataset(&self) -> &'static dyn Dataset {
        self.data
    }

    /// Nobody knows what scripts do to the data, so that each case begins with fresh data.
    fn after_use(&self) -> AfterUse {
        if self.only_reads() { AfterUse::Reusable } else { AfterUse::Spent }
    }

    fn procedure(&self) -> Procedure<'_> {
        Procedure::Staged(self)
    }
}

impl StagedBenchmark for Scenario {
    fn statements(&self, context: &WorkloadContext) -> Vec<Statement> {
        match self.compiled(&context.engine) {
            Ok(compiled) => compiled.statements.clone(),
            Err(_) => Vec::new(),
        }
    }

    fn loads(&self, _options: &RunOptions) -> u32 {
        1
    }

    fn measure(&self, stand: &Stand<'_>, measured: &mut Measured) -> Result<()> {
        Bench::new(self, stand)?.measure(measured)
    }
}

/// The scripts that come with pgbench.
pub fn benchmarks() -> Vec<Box<dyn Benchmark>> {
    let request =
        |name: &str| Request { files: vec![format!("builtin:{name}")], ..Request::default() };
    BUILTINS
        .iter()
        .filter_map(|(name, _)| Scenario::open(&request(name), &[]).ok())
        .map(|scenario| Box::new(scenario) as Box<dyn Benchmark>)
        .collect()
}

#[cfg(test)]
mod tests;
