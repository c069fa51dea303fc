//! The conditions of a run: `run.toml`.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use dbdyno_core::{Error, Result};
use serde::{Deserialize, Serialize};

use crate::machine::Machine;
use crate::record::SCHEMA_VERSION;
use crate::redact::{is_secret, redact};

/// What a run was made under. Unknown keys of a later version are skipped when it is read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RunInfo {
    /// The version of the run folder's files; filled in when it is written.
    pub schema_version: u32,
    /// The run's name; filled in when it is written.
    pub run_id: String,
    /// When it began, RFC 3339 in UTC; filled in when it is written.
    pub started_at: String,
    /// When it was over, RFC 3339 in UTC; absent while it goes on and where it was killed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<String>,
    /// How it ended: `done`, `failed` or `interrupted`; absent as `ended_at` is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outcome: Option<String>,
    /// How many rows `results.csv` has below its header; filled in when it is written after the run is over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rows: Option<u64>,
    /// dbdyno's own version.
    pub tool_version: String,
    /// The command as it was typed, word by word.
    pub command: Vec<String>,
    /// Every option with the value that was in force, whether typed, configured or the default.
    pub options: BTreeMap<String, String>,
    /// The machine that the clients ran on.
    pub machine: Machine,
    /// The targets, in the order in which they were given.
    pub targets: Vec<TargetInfo>,
}

/// What a target was.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct TargetInfo {
    /// The target as the results name it.
    pub target: String,
    /// The engine.
    pub engine: String,
    /// The driver.
    pub driver: String,
    /// The server's version.
    pub engine_version: String,
    /// Where the server ran and who started it, which begins with `throwaway`, `embedded` or `given`.
    pub server: String,
    /// The server's settings that bear on a measurement, as read back from it.
    pub settings: BTreeMap<String, String>,
}

impl RunInfo {
    /// Reads a `run.toml`.
    ///
    /// # Errors
    /// It cannot be read or is not of this form.
    pub fn read(path: &Path) -> Result<Self> {
        let doing = || format!("read `{}`", path.display());
        let text = fs::read_to_string(path).map_err(|error| Error::new(doing(), error))?;
        toml::from_str(&text).map_err(|error| Error::new(doing(), error))
    }

    /// Whether it searched for the highest rate, which ends the repetitions of a rate as soon as it knows.
    pub(crate) fn is_search(&self) -> bool {
        self.options.contains_key("objective")
    }

    /// The repetitions that it was to have of each case; `None` where it does not tell, or plans as it goes.
    pub(crate) fn planned_repetitions(&self) -> Option<usize> {
        self.options.get("repetitions").filter(|_| !self.is_search())?.parse().ok()
    }

    /// Whether somebody ended it, which it says of itself.
    pub(crate) fn was_interrupted(&self) -> bool {
        self.outcome.as_deref() == Some("interrupted")
    }

    /// How it ended before its time, a sentence; `None` where it did not.
    pub(crate) fn unfinished(&self) -> Option<String> {
        match self.outcome.as_deref() {
            _ if self.came_to_its_end() => None,
            Some(outcome) => Some(format!("the run {} was {outcome}", self.run_id)),
            None => Some(format!("the run {} was killed, or still goes on", self.run_id)),
        }
    }

    /// Whether it was not ended before its time: what it lacks, nobody asked for.
    pub(crate) fn came_to_its_end(&self) -> bool {
        matches!(self.outcome.as_deref(), Some("done" | "failed"))
    }

    /// The same with the run's name, its beginning and the schema's version, passwords masked.
    pub(crate) fn stamped(&self, run_id: &str, started_at: &str) -> Self {
        Self {
            schema_version: SCHEMA_VERSION,
            run_id: run_id.to_owned(),
            started_at: started_at.to_owned(),
            ended_at: self.ended_at.clone(),
            outcome: self.outcome.clone(),
            rows: self.rows,
            tool_version: self.tool_version.clone(),
            command: redact_words(&self.command),
            options: redact_map(&self.options),
            machine: self.machine.clone(),
            targets: self.targets.iter().map(TargetInfo::redacted).collect(),
        }
    }
}

impl TargetInfo {
    fn redacted(&self) -> Self {
        Self { target: redact(&self.target), settings: redact_map(&self.settings), ..self.clone() }
    }
}

/// Masks `--password=x` and also `--password x`, where the secret is a word of its own.
fn redact_words(words: &[String]) -> Vec<String> {
    let mut secret_follows = false;
    let redacted = words.iter().map(|word| {
        let masked = if secret_follows { "***".to_owned() } else { redact(word) };
        secret_follows = word.starts_with('-') && !word.contains('=') && is_secret(word);
        masked
    });
    redacted.collect()
}

fn redact_map(map: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let masked = map.iter().map(|(name, value)| {
        let hide = is_secret(name) && !value.is_empty();
        (name.clone(), if hide { "***".to_owned() } else { redact(value) })
    });
    masked.collect()
}
