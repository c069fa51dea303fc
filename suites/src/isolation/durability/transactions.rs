//! What the clients of a benchmark run.

use std::str::FromStr;
use std::sync::Arc;

use dbdyno_core::load::Workload;
use dbdyno_core::{Check, DbError, Scale, Session, Statement};
use dbdyno_datasets::Dataset;

use super::account::Tables;
use super::scribe::Part;
use super::{lists, tpcb};

/// The transactions that crashes cut off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transactions {
    /// TPC-B, as pgbench has it.
    TpcB,
    /// Appending to lists.
    ListAppend,
}

impl Transactions {
    /// All there are.
    pub const ALL: [Self; 2] = [Self::TpcB, Self::ListAppend];

    /// Their word on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::TpcB => "tpcb",
            Self::ListAppend => "list-append",
        }
    }

    /// The data they run on.
    pub fn dataset(self) -> &'static dyn Dataset {
        match self {
            Self::TpcB => &dbdyno_datasets::tpcb::TpcB,
            Self::ListAppend => &dbdyno_datasets::lists::Lists,
        }
    }

    /// The statements of their clients.
    pub fn statements(self) -> Vec<Statement> {
        match self {
            Self::TpcB => tpcb::statements(),
            Self::ListAppend => lists::statements(),
        }
    }

    /// The workload of a part of a case.
    pub fn workload(self, scale: Scale, part: Part) -> Arc<dyn Workload> {
        match self {
            Self::TpcB => tpcb::workload(scale, part),
            Self::ListAppend => lists::workload(scale, part),
        }
    }

    /// Looks at the marks in the tables, and at the consistency conditions.
    ///
    /// # Errors
    /// The engine refuses.
    pub async fn look(
        self,
        session: &mut dyn Session,
        scale: Scale,
    ) -> Result<(Tables, Vec<Check>), DbError> {
        match self {
            Self::TpcB => tpcb::look(session, scale).await,
            Self::ListAppend => lists::look(session).await,
        }
    }
}

impl FromStr for Transactions {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|transactions| transactions.name() == text);
        found.ok_or_else(|| format!("`{text}` are no transactions"))
    }
}
