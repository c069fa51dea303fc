//! End-to-end tests on real servers, all in one program: while one test waits for a server, others run.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests fail by panicking")]

mod backup;
mod cold;
mod datasets;
mod drivers;
mod durability;
mod forgotten;
mod htap;
mod index;
mod isolation;
mod load_engine;
mod monitor;
mod native;
mod oltp;
mod plans;
mod pool;
mod procedures;
mod refresh;
mod replication;
mod scenarios;
mod tpcb;
mod tpcc;
mod tpch;
mod wide;
