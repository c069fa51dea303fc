//! The vocabulary of dbdyno as types, and its load engine.
//!
//! Everything else is written against this crate: adapters implement [`Driver`] and [`Session`],
//! data sets implement [`RowSource`], suites implement [`load::Workload`], and the results crate
//! implements [`Recorder`]. This crate knows none of them, no engine and no client library.

pub mod ability;
pub mod anomaly;
pub mod backup;
pub mod cache;
pub mod check;
pub mod connecting;
pub mod dialect;
pub mod driver;
pub mod durability;
pub mod error;
pub mod index;
pub mod isolation;
pub mod load;
pub mod measurement;
pub mod metrics;
pub mod pause;
pub mod plan;
pub mod pool;
pub mod procedure;
pub mod query;
pub mod random;
pub mod replication;
pub mod rows;
pub mod scale;
pub mod schema;
pub mod session;
pub mod statement_form;
pub mod steps;
pub mod stop;
pub mod thousands;
pub mod value;

pub use ability::{BulkLoad, ColdStart, Embedded, Explain, LoadProgress, LockWaits, ServerControl};
pub use anomaly::{Anomaly, Promise};
pub use backup::{
    Backup, BackupMade, BackupMethod, BackupPlan, BackupPromise, Backups, Restored, RunningBackup,
};
pub use cache::Cache;
pub use check::Check;
pub use connecting::{ConnectStep, ConnectTimes};
pub use dialect::{Dialect, NativeSql, Returning, RowLists, Upsert};
pub use driver::{Capabilities, Claim, Driver, ServerInfo, SessionOptions, SessionThread};
pub use durability::{Durability, HeldDurability};
pub use error::{DbError, Error, ErrorClass, Result};
pub use index::{IndexDefinition, IndexKey, IndexSql};
pub use isolation::{Isolation, LevelSupport};
pub use measurement::{Better, Case, Event, Measurement, Recorder, Status};
pub use metrics::{
    LoadWatch, MetricInfo, MetricKind, MetricsReader, Reading, Sample, ServerMetrics, Source,
};
pub use pause::Pause;
pub use plan::{Plan, PlanKind, PlanNode};
pub use pool::{Pool, PoolKind, PoolPlan, PoolState, PoolWait, Pools};
pub use procedure::{ProcedureLanguage, TriggerLanguage};
pub use replication::{
    Acknowledged, Cluster, ClusterLimits, ClusterPlan, LagReport, LagWatch, Link, Replication,
    Sent, Settled, Settling, Shape, Topology,
};
pub use rows::{Row, RowSource, RowVisitor, RowWriter};
pub use scale::Scale;
pub use session::{Access, Request, Session, Statement, StatementId};
pub use statement_form::StatementForm;
pub use steps::{Step, Steps};
pub use stop::Stop;
pub use thousands::thousands;
pub use value::{Date, Decimal, Timestamp, Value};

/// The table that marks a namespace as dbdyno's own: one row per data set, since an SQLite file
/// holds several. Nothing is dropped or overwritten where it is missing.
pub const MARK_TABLE: &str = "dbdyno_mark";
