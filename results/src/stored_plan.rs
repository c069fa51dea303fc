//! Plans in the run folder: `plans.jsonl`, a JSON object a line.

use dbdyno_core::{Case, Error, Plan, Result};
use serde::{Deserialize, Serialize};

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
    /// The target as the user named it, without passwords.
    pub target: String,
    /// The isolation level.
    pub isolation: String,
    /// The durability.
    pub durability: String,
    /// The clients of the case.
    pub clients: u32,
    /// The scale factor of the data set.
    pub scale: String,
    /// The keys and indexes of the data set.
    pub keys: String,
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
            target: case.target.clone(),
            isolation: case.isolation.name().to_owned(),
            durability: case.durability.name().to_owned(),
            clients: case.clients,
            scale: case.scale.to_string(),
            keys: case.keys.name().to_owned(),
            seed: case.seed,
            repetition: case.repetition,
            name: name.to_owned(),
            plan: plan.clone(),
        }
    }

    /// A line of the file.
    pub(crate) fn line(&self) -> Result<Vec<u8>> {
        let mut line = serde_json::to_vec(self)
            .map_err(|why| Error::new(format!("keep the plan of {}", self.name), why))?;
        line.push(b'\n');
        Ok(line)
    }
}
