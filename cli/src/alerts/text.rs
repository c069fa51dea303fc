//! Alerts as they stand in `dbdyno.toml`.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use toml::Spanned;

/// A rule: `[[alert]]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuleText {
    /// A ready-made rule, whose fields the others replace.
    pub r#use: Option<Spanned<String>>,
    pub name: Option<Spanned<String>>,
    pub metric: Option<Spanned<String>>,
    pub target: Option<Spanned<String>>,
    pub of: Option<Spanned<String>>,
    pub op: Option<Spanned<String>>,
    pub threshold: Option<Spanned<Quantity>>,
    pub clear: Option<Spanned<Quantity>>,
    pub rate: Option<Spanned<String>>,
    pub absent: Option<Spanned<bool>>,
    pub r#for: Option<Spanned<String>>,
    pub baseline: Option<Spanned<PathBuf>>,
    /// Whether the baseline may be of another machine.
    pub across_machines: Option<Spanned<bool>>,
    pub severity: Option<Spanned<String>>,
}

/// A number, or one with its unit.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged, expecting = "a number, or a text such as \"20ms\", \"5%\" or \"1GiB\"")]
pub enum Quantity {
    Whole(i64),
    Fraction(f64),
    Text(String),
}

/// Who is told beside the screen and `events.csv`: `[notify]`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NotifyText {
    webhook: Webhooks,
    ca_file: Option<PathBuf>,
    command: Option<Vec<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged, expecting = "a URL, or a list of them")]
enum Webhooks {
    One(String),
    Several(Vec<String>),
}

impl Default for Webhooks {
    fn default() -> Self {
        Self::Several(Vec::new())
    }
}

impl NotifyText {
    /// The URLs that are told.
    pub fn webhooks(&self) -> &[String] {
        match &self.webhook {
            Webhooks::One(url) => std::slice::from_ref(url),
            Webhooks::Several(urls) => urls,
        }
    }

    /// The file of the authorities that a webhook's certificate is to be signed by; those of the system where there is none.
    pub fn ca_file(&self) -> Option<&Path> {
        self.ca_file.as_deref()
    }

    /// The command that is started, word by word.
    pub fn command(&self) -> Option<&[String]> {
        self.command.as_deref()
    }
}
