//! A case of a scenario: the checks of its header before and after, and its load between them.

use std::collections::BTreeMap;
use std::sync::Arc;

use dbdyno_core::load::{LoadReport, Workload};
use dbdyno_core::query::scalar_sql;
use dbdyno_core::{Access, Check, DbError, Error, Plan, Result, Session, Statement, Value};
use dbdyno_script::Mistake;

use super::Scenario;
use super::compiled::{Asked, Compiled, Count};
use super::data::told;
use super::expectation::metric_name;
use super::workload::{ScenarioWorkload, Shared};
use crate::runner::{Measured, Stand};

/// A case that is being measured.
pub struct Bench<'b> {
    scenario: &'b Scenario,
    stand: &'b Stand<'b>,
    compiled: Arc<Compiled>,
}

/// What the tables say at one moment.
struct State {
    checks: Vec<Check>,
    counts: BTreeMap<&'static str, i64>,
}

impl<'b> Bench<'b> {
    /// # Errors
    /// A script has a mistake.
    pub fn new(scenario: &'b Scenario, stand: &'b Stand<'b>) -> Result<Self> {
        let compiled = scenario.compiled(&stand.case().engine)?;
        Ok(Self { scenario, stand, compiled })
    }

    /// Checks, load, checks.
    ///
    /// # Errors
    /// The statements cannot be prepared or the tables not looked at, so that nothing was measured.
    pub fn measure(&self, measured: &mut Measured) -> Result<()> {
        self.prepare()?;
        let before = self.state()?;
        if before.checks.iter().any(|check| !check.held) {
            measured.checks = before.checks;
            return Ok(());
        }
        let case = self.stand.case();
        let shared = Arc::new(Shared::new(
            Arc::clone(&self.compiled),
            self.scenario.defined.clone(),
            case.scale,
            case.seed,
        ));
        let workload: Arc<dyn Workload> = Arc::new(ScenarioWorkload::new(Arc::clone(&shared)));
        let stage = self.stand.load("", case.clients, &workload)?;
        let expected = self.metrics(&stage.report);
        let answers = workload.checks(stage.report.is_whole());
        match self.state() {
            Ok(after) => {
                measured.checks = after.checks;
                measured.checks.extend(self.account(&before.counts, &after.counts, &stage.report));
            }
            Err(error) => measured.unchecked = Some(error.why().to_owned()),
        }
        measured.checks.extend(answers);
        measured.checks.extend(expected);
        measured.stages.push(stage);
        measured.checks.extend(self.plans(&shared)?);
        Ok(())
    }

    /// Prepares every statement by itself, so that what is wrong with one is told with its line, and
    /// finds out which variables their columns set.
    fn prepare(&self) -> Result<()> {
        let compiled = &self.compiled;
        let mut mistake = None;
        let mut columns: BTreeMap<usize, Vec<String>> = BTreeMap::new();
        self.stand.ask("prepare the scripts", async |session| {
            (mistake, columns) = (None, BTreeMap::new());
            for (id, statement) in compiled.statements.iter().enumerate() {
                match session.prepare(std::slice::from_ref(statement)).await {
                    Ok(()) => columns.insert(id, session.columns(0)?),
                    Err(why) if why.is_disconnected() => return Err(why),
                    Err(why) => {
                        mistake = compiled.mistake(id, why.to_string());
                        return Ok(());
                    }
                };
            }
            Ok(())
        })?;
        if let Some(mistake) = mistake {
            let doing = format!(
                "prepare the scenario `{}` on {}",
                self.scenario.name,
                self.stand.driver().target()
            );
            return Err(Error::new(doing, mistake).next(
                "mend the statement, or say it for this engine in a block `-- @engine` or a file beside",
            ));
        }
        self.prepare_queries()?;
        let set = self.columns_set(&columns).map_err(|mistake| self.told(mistake))?;
        compiled.check_variables(&self.scenario.defined, &set).map_err(|mistake| self.told(mistake))
    }

    /// That the queries of the headers can be asked, before anything runs.
    fn prepare_queries(&self) -> Result<()> {
        let mut mistake = None;
        self.stand.ask("prepare the checks", async |session| {
            mistake = None;
            for asked in self.compiled.queries() {
                let statement = Statement::new(asked.name, asked.sql.clone());
                match session.prepare(std::slice::from_ref(&statement)).await {
                    Ok(()) => {}
                    Err(why) if why.is_disconnected() => return Err(why),
                    Err(why) => {
                        mistake = self.compiled.mistake_in(asked, why.to_string());
                        return Ok(());
                    }
                }
            }
            Ok(())
        })?;
        match mistake {
            None => Ok(()),
            Some(mistake) => {
                let target = self.stand.driver().target();
                let doing = format!("prepare the checks of {} on {target}", self.scenario.name);
                Err(Error::new(doing, mistake)
                    .next("mend the query, or say it for this engine in a block `-- @engine`"))
            }
        }
    }

    fn told(&self, mistake: Mistake) -> Error {
        told("prepare", self.scenario.name, mistake)
    }

    /// The variables that columns set.
    fn columns_set(&self, columns: &BTreeMap<usize, Vec<String>>) -> Result<Vec<String>, Mistake> {
        let mut set = Vec::new();
        for ready in &self.compiled.scripts {
            for (command, ids) in ready.script.commands().iter().zip(&ready.ids) {
                let dbdyno_script::Do::Sql(sql) = &command.action else { continue };
                let Some(store) = &sql.store else { continue };
                let stored = ids.len() - if store.all { ids.len() } else { 1 };
                for id in &ids[stored..] {
                    for column in columns.get(id).into_iter().flatten() {
                        let name = format!("{}{column}", store.prefix);
                        if !dbdyno_script::is_name(&name) {
                            let what = format!(
                                "error storing into variable `{name}`: a column's name must be one of a \
                                 variable here"
                            );
                            return Err(ready
                                .script
                                .mistake(command.at, what)
                                .next("name the column: `SELECT … AS name`"));
                        }
                        set.push(name);
                    }
                }
            }
        }
        Ok(set)
    }

    /// Looks at what the headers say must hold.
    fn state(&self) -> Result<State> {
        let doing = format!("check the data of {}", self.scenario.name);
        let dialect = self.stand.driver().dialect();
        self.stand.ask(&doing, async |session| {
            let mut state = State { checks: Vec::new(), counts: BTreeMap::new() };
            for asked in &self.compiled.checks {
                let sql = dialect.statement(&asked.sql);
                let found = scalar_sql(session, &sql).await;
                let found = found.map_err(|why| self.about(why, asked))?;
                let detail = format!("{sql} must not answer 0 and answers {found}");
                state.checks.push(Check::new(asked.name, found != 0, detail));
            }
            for Count { asked, .. } in &self.compiled.counts {
                let found = scalar_sql(session, &dialect.statement(&asked.sql)).await;
                state.counts.insert(asked.name, found.map_err(|why| self.about(why, asked))?);
            }
            Ok(state)
        })
    }

    /// Whether the tables account for every acknowledged commit.
    fn account(
        &self,
        before: &BTreeMap<&'static str, i64>,
        after: &BTreeMap<&'static str, i64>,
        report: &LoadReport,
    ) -> Vec<Check> {
        let counts = self.compiled.counts.iter();
        counts
            .map(|count| {
                let name = count.asked.name;
                let of = |state: &BTreeMap<&str, i64>| state.get(name).copied().unwrap_or(0);
                let ends = count.scripts.iter().map(|script| report.tally.of(script));
                let (committed, unknown) = ends.fold((0, 0), |(committed, unknown), entry| {
                    (committed + entry.committed, unknown + entry.unknown)
                });
                let what = format!("what `{name}` counts");
                let moved = of(after) - of(before);
                Check::accounted(name, &what, moved, committed, unknown)
            })
            .collect()
    }

    /// What the headers expect of the load.
    fn metrics(&self, report: &LoadReport) -> Vec<Check> {
        let mut checks = Vec::new();
        for (ready, of_script) in self.compiled.scripts.iter().zip(&report.transactions) {
            let throughput = report.throughput(of_script);
            for metric in &ready.metrics {
                add(&mut checks, metric.check(ready.name, of_script, throughput));
            }
        }
        checks
    }

    /// An engine's answer to a query of a header.
    fn about(&self, mut why: DbError, asked: &Asked) -> DbError {
        let label = self.compiled.scripts.get(asked.script).map_or("", |one| one.script.name());
        why.message = format!("`{}` ({label}:{}): {}", asked.name, asked.line, why.message);
        why
    }

    /// Whether statements are run by the indexes that the headers name, with parameters that they ran with.
    fn plans(&self, shared: &Shared) -> Result<Vec<Check>> {
        let mut checks = Vec::new();
        for (id, traits) in self.compiled.traits.iter().enumerate() {
            if traits.indexes.is_empty() {
                continue;
            }
            let script = &self.compiled.scripts[traits.script];
            let place = format!("{}:{}", script.script.name(), traits.line);
            let name = format!("expect_{}_line_{}_plan", metric_name(script.name), traits.line);
            let Some(parameters) = shared.parameters(id) else {
                let what = format!("{place} never ran, so that its plan is not known");
                checks.push(Check::new(name, false, what));
                continue;
            };
            let values: Vec<Value<'_>> = parameters.iter().map(|one| one.value()).collect();
            let sql = &self.compiled.statements[id].sql;
            let Some(plan) = self.explain(sql, &values)? else { continue };
            self.stand.keep_plan(&format!("{}:{}", script.name, traits.line), &plan)?;
            let outline = plan.outline().join("; ");
            let wanted = traits.indexes.join(" and ");
            let what = format!("{place} must use index {wanted}: {}", outline.trim());
            let held = traits.indexes.iter().all(|index| plan.uses_index(index));
            checks.push(Check::new(name, held, what));
        }
        Ok(checks)
    }

    /// The plan of a statement, which takes no effect.
    fn explain(&self, sql: &str, values: &[Value<'_>]) -> Result<Option<Plan>> {
        let Some(explain) = self.stand.driver().explain() else { return Ok(None) };
        let plan = self.stand.ask("explain a statement", async |session: &mut dyn Session| {
            session.begin(Access::Write).await?;
            let plan = explain.explain(session, sql, values).await;
            session.rollback().await?;
            plan
        })?;
        Ok(Some(plan))
    }
}

/// Adds a check; to one of the same name, which holds where both do.
fn add(checks: &mut Vec<Check>, check: Check) {
    match checks.iter_mut().find(|known| known.name == check.name) {
        None => checks.push(check),
        Some(known) => {
            known.held &= check.held;
            known.detail = format!("{}; {}", known.detail, check.detail);
        }
    }
}
