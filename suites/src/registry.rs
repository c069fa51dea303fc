//! The suites there are: one line each.

use crate::benchmark::Benchmark;
use crate::{backup, index, isolation, olap, oltp, pool, procedures, replication, scenario};

/// A named family of benchmarks.
pub struct Suite {
    /// Its name, such as `oltp`.
    pub name: &'static str,
    /// What it answers, in one sentence.
    pub summary: &'static str,
    /// Its benchmarks, in the order in which they run.
    pub benchmarks: Vec<Box<dyn Benchmark>>,
}

/// The suite whose benchmarks users write.
pub const SCENARIO: &str = "scenario";

/// Every suite.
pub fn suites() -> Vec<Suite> {
    vec![
        Suite {
            name: "oltp",
            summary: "short transactions, many at once: throughput, latency and consistency",
            benchmarks: oltp::benchmarks(),
        },
        Suite {
            name: "olap",
            summary: "long queries over whole tables: time, throughput and right answers",
            benchmarks: olap::benchmarks(),
        },
        Suite {
            name: "index",
            summary: "what an index gains reads and costs writes, and whether the planner uses it",
            benchmarks: index::benchmarks(),
        },
        Suite {
            name: "isolation",
            summary: "what each isolation level keeps from happening, what it costs, and whether commits outlive a \
                      crash",
            benchmarks: isolation::benchmarks(),
        },
        Suite {
            name: "pool",
            summary: "connection pools: which size is enough, what waiting costs, and what becomes of them when \
                      something goes wrong",
            benchmarks: pool::benchmarks(),
        },
        Suite {
            name: "procedures",
            summary: "what stored procedures gain at each round trip, and what triggers cost",
            benchmarks: procedures::benchmarks(),
        },
        Suite {
            name: "backup",
            summary: "what backups cost, idle and under load, and whether what is restored from them is what was \
                      promised",
            benchmarks: backup::benchmarks(),
        },
        Suite {
            name: "replication",
            summary: "how far replicas lag, what they cost, what their readers see, and what is lost when the \
                      primary is",
            benchmarks: replication::benchmarks(),
        },
        Suite {
            name: SCENARIO,
            summary: "workloads of your own, in the language of pgbench's scripts: `--file`",
            benchmarks: scenario::benchmarks(),
        },
    ]
}
