//! Benchmark suites, written against dbdyno-core only: no engine and no client library is named
//! here.

pub mod backup;
pub mod benchmark;
pub mod index;
pub mod isolation;
pub mod limit;
#[cfg(test)]
mod made_up;
pub mod olap;
pub mod oltp;
mod parameter;
pub mod pool;
pub mod procedures;
pub mod registry;
pub mod replication;
pub mod runner;
pub mod scenario;
mod side_file;

pub use benchmark::{
    AfterUse, Benchmark, Check, LoadBenchmark, Procedure, StagedBenchmark, State, WorkloadContext,
};
