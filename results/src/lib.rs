//! The run folder, the CSV schema and comparisons. `docs/results-csv.md` is the contract of the
//! files; the verbs that read them back have a module each.

mod append;
mod backup_view;
mod bottleneck;
pub mod chart;
pub mod compare;
mod csv_lines;
pub mod dimension;
mod event;
#[cfg(test)]
mod fixture;
mod footnote;
mod grid;
mod group;
mod histograms;
mod hlog;
mod index_view;
mod isolation_view;
pub mod load;
pub mod machine;
mod markup;
pub mod metric;
mod number;
mod overview;
mod parse;
pub mod plan_diff;
pub mod plan_text;
mod pool_view;
mod procedures_view;
pub mod record;
mod redact;
pub mod regress;
pub mod render;
mod repetition;
mod replication_view;
pub mod report;
pub mod run_folder;
pub mod run_history;
pub mod run_info;
mod samples;
mod scalability;
pub mod scaling;
mod shared_text;
pub mod statistics;
pub mod stored_plan;
mod subject;
mod table;
mod time;
mod timeline;

pub use backup_view::BackupView;
pub use bottleneck::client_bottlenecks;
pub use chart::{Chart, ChartCurve};
pub use compare::{By, CompareOptions, Comparison, compare, compare_all};
pub use histograms::{Histograms, histograms};
pub use isolation_view::IsolationView;
pub use load::{Loaded, LoadedFile, load};
pub use machine::{Machine, check_machines, machine};
pub use plan_diff::{PlanComparison, PlanGroup, PlanPair, compare_plans, group};
pub use pool_view::PoolView;
pub use procedures_view::ProceduresView;
pub use record::{Record, SCHEMA_VERSION};
pub use redact::redact;
pub use regress::{
    HistoryOptions, Judgement, Outcome, RegressOptions, Thresholds, regress, regress_history,
};
pub use render::{Format, RenderOptions};
pub use replication_view::ReplicationView;
pub use run_folder::{RunFolder, new_run_id};
pub use run_history::{Entry, RunHistory, Source};
pub use run_info::{RunInfo, TargetInfo};
pub use scalability::Load;
pub use scaling::{Scaling, scaling};
pub use shared_text::SharedText;
pub use stored_plan::{StoredPlan, StoredPlans, stored_plans};
pub use time::rfc3339;
