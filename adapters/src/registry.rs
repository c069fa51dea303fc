//! The engines that there are: one line each in [`engines`].

use std::path::{Path, PathBuf};
use std::sync::Arc;

use dbdyno_core::{Dialect, Driver, Isolation, LevelSupport, MetricInfo, Result, Stop};
use futures_util::future::BoxFuture;

use crate::target::Target;

/// Every engine, in the order in which they are listed.
pub fn engines() -> &'static [EngineEntry] {
    const ENGINES: &[EngineEntry] =
        &[crate::sqlite::ENTRY, crate::postgres::ENTRY, crate::mysql::MYSQL, crate::mysql::MARIADB];
    ENGINES
}

/// Opens the target: starts its throwaway server, or makes sure that its server or file answers.
///
/// # Errors
/// The server cannot be started or reached, or refuses the user or a setting.
pub async fn open(target: &Target, settings: &ServerSettings) -> Result<Arc<dyn Driver>> {
    (target.engine.open)(target, settings).await
}

/// What a throwaway server is started with, beside its target's own options.
#[derive(Clone, Debug, Default)]
pub struct ServerSettings {
    /// Settings for every throwaway server, by the engine's own names. The target's `set.NAME`
    /// options win over them.
    pub settings: Vec<(String, String)>,
    /// How many sessions will be open at the same time, so that the server allows as many.
    pub sessions: u32,
    /// What ends the programs that make its data folder.
    pub stop: Stop,
}

/// What the rest of dbdyno knows of an engine before it opens a target.
#[derive(Debug)]
pub struct EngineEntry {
    /// The engine's name; as a target, it means a throwaway server or file.
    pub name: &'static str,
    /// The URL schemes of targets of this engine; none where it has no servers.
    pub schemes: &'static [&'static str],
    /// Whether `name:PATH` names a file.
    pub is_file: bool,
    /// The drivers, named after their client libraries; the first is the default.
    pub drivers: &'static [&'static str],
    /// What the engine is, in one sentence.
    pub summary: &'static str,
    /// How to get its server, for a person; empty where it is built in.
    pub install_hint: fn() -> String,
    /// The options that its targets take.
    pub options: &'static [OptionSpec],
    /// Its SQL, for showing without a server what it is sent.
    pub dialect: fn() -> &'static dyn Dialect,
    /// What it tells of itself while it works.
    pub metrics: &'static [MetricInfo],
    /// How its present versions support an isolation level; an opened driver knows for its server.
    pub isolation: fn(Isolation) -> LevelSupport,
    /// Opens a target of this engine.
    pub open: OpenFn,
    /// Looks for what a throwaway server needs, in the folder given or in the usual ones.
    pub find: fn(Option<&Path>) -> Result<Found>,
    /// Programs that some benchmarks start beside its throwaway servers.
    pub companions: &'static [Companion],
}

/// A program that some benchmarks start beside a throwaway server, and do without where it is not installed.
#[derive(Debug)]
pub struct Companion {
    /// Its name.
    pub name: &'static str,
    /// What it is there for, in a few words.
    pub purpose: &'static str,
    /// How to get it, for a person.
    pub install_hint: fn() -> String,
    /// Looks for it in the usual folders.
    pub find: fn() -> Result<Found>,
}

/// How an engine opens a target.
pub type OpenFn =
    for<'a> fn(&'a Target, &'a ServerSettings) -> BoxFuture<'a, Result<Arc<dyn Driver>>>;

/// An engine, or a program beside it, as it is installed here.
#[derive(Clone, Debug)]
pub struct Found {
    /// Its version, as short as it tells it apart.
    pub version: String,
    /// The programs found; none for an engine that is built in.
    pub programs: Vec<PathBuf>,
}

/// One option of a target's query string.
#[derive(Debug)]
pub struct OptionSpec {
    /// Its name. One that ends in a dot stands for every name that begins with it.
    pub name: &'static str,
    /// What it does, for `dbdyno list targets`.
    pub help: &'static str,
    /// The values it may have; any where empty.
    pub values: &'static [&'static str],
    /// Which targets it is for.
    pub scope: Scope,
    /// Why the engine does not take it, where others do and a person may well try.
    pub refused: Option<&'static str>,
}

impl OptionSpec {
    /// An option of any target that takes any value.
    pub const fn new(name: &'static str, help: &'static str) -> Self {
        Self { name, help, values: &[], scope: Scope::Any, refused: None }
    }

    /// An option that other engines take, and why this one does not.
    pub const fn refused(name: &'static str, why: &'static str) -> Self {
        Self { refused: Some(why), ..Self::new(name, why) }
    }

    /// The same option with a list of the values that it takes.
    #[must_use]
    pub const fn values(mut self, values: &'static [&'static str]) -> Self {
        self.values = values;
        self
    }

    /// The same option, only for some targets.
    #[must_use]
    pub const fn scope(mut self, scope: Scope) -> Self {
        self.scope = scope;
        self
    }

    /// Whether an option called `name` is this one.
    pub fn matches(&self, name: &str) -> bool {
        if self.name.ends_with('.') {
            name.strip_prefix(self.name).is_some_and(|rest| !rest.is_empty())
        } else {
            name == self.name
        }
    }
}

/// Which targets an option is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Every target of the engine.
    Any,
    /// Throwaway servers.
    Throwaway,
    /// Servers reached by a URL.
    Url,
}
