//! What a data set is.

use async_trait::async_trait;
use dbdyno_core::schema::Table;
use dbdyno_core::{Driver, Result, RowSource, Scale, Session, Stop};

use crate::load::Wanted;

/// Generated data at a scale factor.
pub trait Dataset: Send + Sync {
    /// Its name, such as `tpcc`. Its tables live in the namespace `dbdyno_<name>`.
    fn name(&self) -> &'static str;

    /// Raised whenever its rows or its schema change, so that older data is not reused.
    fn version(&self) -> u32;

    /// What it holds and where its definition comes from, in one sentence.
    fn summary(&self) -> &'static str;

    /// Its tables, in the order in which they are created.
    fn tables(&self) -> Vec<Table>;

    /// How many rows `table` has at `scale`; where their number is random (`order_line` of
    /// `tpcc`), how many are expected. 0 for a table that the data set does not have.
    fn rows(&self, table: &str, scale: Scale) -> u64;

    /// Whether `table` has exactly [`rows`](Self::rows) rows for as long as the data is good for
    /// use: no benchmark that leaves the data reusable adds or removes any.
    fn has_fixed_rows(&self, table: &str) -> bool;

    /// The smallest scale; every other is a multiple of it.
    fn scale_step(&self) -> Scale {
        Scale::ONE
    }

    /// The largest scale: above it, numbers would not fit their columns.
    fn max_scale(&self) -> Scale;

    /// Whether its rows depend on the seed. A specification that publishes answers fixes them.
    fn is_seeded(&self) -> bool {
        true
    }

    /// Whether its tables may have other keys and indexes than all of [`tables`](Self::tables).
    fn has_optional_keys(&self) -> bool {
        false
    }

    /// Part number `part` (counted from 0) of `parts` of the rows of `table`. The parts together
    /// are the whole table, in order, whatever `parts` is.
    fn source(
        &self,
        table: &'static str,
        scale: Scale,
        seed: u64,
        part: u32,
        parts: u32,
    ) -> Box<dyn RowSource>;

    /// What makes it, where that is statements of the user and not rows of [`source`](Self::source);
    /// [`tables`](Self::tables) lists none then.
    fn set_up(&self) -> Option<&dyn SetUp> {
        None
    }

    /// The namespace (schema, database) of its tables.
    fn namespace(&self) -> String {
        format!("dbdyno_{}", self.name())
    }
}

/// Making a data set by statements.
#[async_trait]
pub trait SetUp: Send + Sync {
    /// Whether its statements for an engine can be understood; nothing is run.
    ///
    /// # Errors
    /// They cannot.
    fn check(&self, engine: &str) -> Result<()>;

    /// Makes it in the session's namespace, in which nothing of it is; gives how many rows were put in.
    /// `made` is to be called after every statement that may have made a table, before the next one.
    ///
    /// # Errors
    /// A statement fails, or the end was asked for.
    async fn run(
        &self,
        driver: &dyn Driver,
        session: &mut dyn Session,
        wanted: Wanted,
        made: &mut dyn Made,
        stop: &Stop,
    ) -> Result<u64>;
}

/// Told of statements that may have made tables.
#[async_trait]
pub trait Made: Send {
    /// Notes the tables that are there now and were not before.
    ///
    /// # Errors
    /// The target fails.
    async fn note(&mut self, session: &mut dyn Session) -> Result<()>;
}
