//! One file per verb, and what they share: choosing what is meant, and tables.

mod charts;
pub mod check_history;
mod choose;
pub mod compare;
pub mod doctor;
pub mod explain;
mod extent;
pub mod find_limit;
pub mod history;
pub mod host_load;
pub mod list;
pub mod monitor;
pub mod regress;
mod replication;
pub mod report;
pub mod run;
pub mod scenario;
mod tables;
