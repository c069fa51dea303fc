//! The scripts of a scenario as the load engine runs them, and what the clients found out.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use dbdyno_core::load::{AnyClient, Workload};
use dbdyno_core::random::Rng;
use dbdyno_core::{Check, Scale, Statement, StatementId, Value};
use dbdyno_script::Variables;

use super::client::ScriptClient;
use super::compiled::Compiled;
use super::defined::Defined;
use super::expectation::{RowsExpected, metric_name};
use super::program::Request;
use crate::parameter::Parameter;

/// What all clients of a case share.
pub struct Shared {
    pub compiled: Arc<Compiled>,
    defined: Defined,
    scale: Scale,
    seed: u64,
    /// Whether parameters of the statement were kept; not of those of which no plan is looked at.
    captured: Vec<Option<AtomicBool>>,
    found: Mutex<Found>,
}

/// What clients tell each other of, rarely.
#[derive(Default)]
struct Found {
    /// Parameters that a statement ran with.
    parameters: BTreeMap<StatementId, Vec<Parameter>>,
    /// How often a statement had another number of rows than expected, and the first of these.
    wrong_rows: BTreeMap<StatementId, (u64, u64)>,
}

impl Shared {
    pub fn new(compiled: Arc<Compiled>, defined: Defined, scale: Scale, seed: u64) -> Self {
        let wanted = |indexes: &[String]| (!indexes.is_empty()).then(|| AtomicBool::new(false));
        let captured = compiled.traits.iter().map(|traits| wanted(&traits.indexes)).collect();
        Self { compiled, defined, scale, seed, captured, found: Mutex::default() }
    }

    /// The variables of a client as its first script finds them.
    pub fn variables(&self, client: u32) -> Variables {
        self.defined.variables(&self.compiled.names, self.scale, self.seed, client)
    }

    /// Keeps the first parameters of a statement of which the plan is looked at.
    #[inline]
    pub fn capture(&self, id: StatementId, values: &[Value<'_>]) {
        if let Some(captured) = &self.captured[id]
            && !captured.load(Ordering::Relaxed)
        {
            self.keep(id, captured, values);
        }
    }

    #[cold]
    fn keep(&self, id: StatementId, captured: &AtomicBool, values: &[Value<'_>]) {
        if captured.swap(true, Ordering::Relaxed) {
            return;
        }
        let owned = |value: &Value<'_>| match *value {
            Value::Int(int) => Parameter::Int(int),
            Value::Float(float) => Parameter::Float(float),
            Value::Text(text) => Parameter::Text(text.to_owned()),
            _ => Parameter::Null,
        };
        self.lock().parameters.insert(id, values.iter().map(owned).collect());
    }

    /// Holds the rows of a statement against what is expected of it.
    #[inline]
    pub fn expect_rows(&self, request: &Request, rows: u64) {
        let holds = |expected: &RowsExpected| expected.comparison.holds(rows, expected.rows);
        if !request.rows.iter().all(holds) {
            self.note_wrong(request.id, rows);
        }
    }

    #[cold]
    fn note_wrong(&self, id: StatementId, rows: u64) {
        self.lock().wrong_rows.entry(id).or_insert((0, rows)).0 += 1;
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Found> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Parameters that a statement ran with.
    pub fn parameters(&self, id: StatementId) -> Option<Vec<Parameter>> {
        self.lock().parameters.get(&id).cloned()
    }

    /// Whether every statement had as many rows as expected, each time.
    fn rows_checks(&self) -> Vec<Check> {
        let found = self.lock();
        let traits = self.compiled.traits.iter().enumerate();
        traits
            .filter(|(_, traits)| !traits.rows.is_empty())
            .map(|(id, traits)| {
                let words: Vec<String> = traits.rows.iter().map(|rows| rows.words()).collect();
                let (script, words) =
                    (&self.compiled.scripts[traits.script], words.join(" and "));
                let name =
                    format!("expect_{}_line_{}_rows", metric_name(script.name), traits.line);
                let place = format!("{}:{}", script.script.name(), traits.line);
                match found.wrong_rows.get(&id) {
                    None => Check::new(name, true, format!("{place}: {words}")),
                    Some((times, first)) => {
                        let what = format!(
                            "{place}: {words} did not hold {times} times; the first time it was {first}"
                        );
                        Check::new(name, false, what)
                    }
                }
            })
            .collect()
    }
}

/// The workload.
pub struct ScenarioWorkload {
    shared: Arc<Shared>,
    transactions: Vec<&'static str>,
}

impl ScenarioWorkload {
    pub fn new(shared: Arc<Shared>) -> Self {
        let transactions = shared.compiled.scripts.iter().map(|script| script.name).collect();
        Self { shared, transactions }
    }
}

impl Workload for ScenarioWorkload {
    fn transactions(&self) -> &[&'static str] {
        &self.transactions
    }

    fn statements(&self) -> &[Statement] {
        &self.shared.compiled.statements
    }

    fn client(&self, index: u32, rng: Rng) -> Box<dyn AnyClient> {
        Box::new(ScriptClient::new(Arc::clone(&self.shared), index, rng))
    }

    fn checks(&self, _whole: bool) -> Vec<Check> {
        self.shared.rows_checks()
    }
}
