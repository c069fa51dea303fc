//! The power test and the throughput test one after the other, with the refresh functions (TPC-H
//! rev. 3.0.1, clause 5.3), and the metric made of both.

use std::sync::Arc;

use dbdyno_core::load::{Length, LoadReport, Workload};
use dbdyno_core::query::scalar_sql;
use dbdyno_core::{Check, Measurement, Result, Statement};
use dbdyno_datasets::{Dataset, tpch};

use super::queries::COUNT;
use super::workload::{POWER_LENGTH, Refreshed};
use super::{derived, power_per_h, throughput_per_h};
use crate::benchmark::{Benchmark, Procedure, StagedBenchmark, WorkloadContext};
use crate::runner::{Measured, RunOptions, Stand};

const POWER: &str = "power";
const THROUGHPUT: &str = "throughput";

/// The tables that the refresh functions change.
const CHANGED: [&str; 2] = ["tpch_orders", "tpch_lineitem"];

/// The benchmark `olap/tpch-composite`.
#[derive(Clone, Copy, Debug)]
pub struct Composite;

impl Benchmark for Composite {
    fn name(&self) -> &'static str {
        "tpch-composite"
    }

    fn summary(&self) -> &'static str {
        "TPC-H's power test, then its throughput test with a stream for each client, both with the \
         refresh functions, and the metric made of both."
    }

    fn dataset(&self) -> &'static dyn Dataset {
        &tpch::TpcH
    }

    /// As many streams as the throughput test takes at least at scale 1 (clause 5.3.4).
    fn default_clients(&self) -> &'static [u32] {
        &[2]
    }

    /// Of the load with so many clients: the stream of the power test, or those of the throughput test
    /// and the one that refreshes.
    fn length(&self, clients: u32) -> Option<Length> {
        let streams = u64::from(clients.saturating_sub(1).max(1));
        Some(Length::Transactions(streams * POWER_LENGTH))
    }

    fn procedure(&self) -> Procedure<'_> {
        Procedure::Staged(self)
    }
}

impl StagedBenchmark for Composite {
    fn statements(&self, context: &WorkloadContext) -> Vec<Statement> {
        Refreshed::power(context).statements().to_vec()
    }

    fn loads(&self, _options: &RunOptions) -> u32 {
        2
    }

    fn measure(&self, stand: &Stand<'_>, measured: &mut Measured) -> Result<()> {
        let context = stand.context();
        let power: Arc<dyn Workload> = Arc::new(Refreshed::power(&context));
        let throughput: Arc<dyn Workload> = Arc::new(Refreshed::throughput(&context));
        let before = rows(stand)?;
        for (name, clients, workload) in
            [(POWER, 1, power), (THROUGHPUT, context.clients + 1, throughput)]
        {
            stand.go_on()?;
            let stage = stand.load(name, clients, &workload)?;
            let whole = stage.report.is_whole();
            measured.stages.push(stage);
            if !whole {
                return delete_new(stand);
            }
        }
        let after = rows(stand)?;
        let mut cleaned = after;
        if before != after {
            // The next case finds the tables as this one did.
            delete_new(stand)?;
            cleaned = rows(stand)?;
        }
        measured.checks.push(unchanged(before, after, cleaned, measured));
        measured.own = metrics(measured, &context);
        if let [power, throughput, composite] =
            measured.own.iter().filter_map(|row| row.value).collect::<Vec<_>>()[..]
        {
            measured.headline = format!(
                "{composite:.0} per h, from power {power:.0} and throughput {throughput:.0}"
            );
        }
        Ok(())
    }
}

/// How many rows the changed tables have.
fn rows(stand: &Stand<'_>) -> Result<[i64; CHANGED.len()]> {
    stand.ask("count the rows of orders", async |session| {
        let mut rows = [0; CHANGED.len()];
        for (rows, table) in rows.iter_mut().zip(CHANGED) {
            *rows = scalar_sql(session, &format!("SELECT COUNT(*) FROM {table}")).await?;
        }
        Ok(rows)
    })
}

/// Deletes what the first refresh function inserted and the second did not delete.
fn delete_new(stand: &Stand<'_>) -> Result<()> {
    stand.tidy_up("delete what is left of new orders", async |session| {
        for (table, key) in [("tpch_lineitem", "l_orderkey"), ("tpch_orders", "o_orderkey")] {
            let sql = format!("DELETE FROM {table} WHERE {}", tpch::is_refreshed(key));
            session.run_sql(&sql).await?;
        }
        Ok(())
    })
}

/// What the first refresh function inserted, the second deleted; where one of them failed, that could be
/// made up for.
fn unchanged(before: [i64; 2], after: [i64; 2], cleaned: [i64; 2], measured: &Measured) -> Check {
    let reports = || measured.stages.iter().map(|stage| &stage.report);
    let failed =
        reports().flat_map(|report| &report.errors).any(|e| e.transaction.starts_with("rf"));
    let held = before == after || (failed && before == cleaned);
    let mut detail = format!("orders and lines: {before:?} before, {after:?} after");
    if failed {
        detail.push_str(&format!(", {cleaned:?} once what failed functions left was deleted"));
    }
    Check::new("refreshed_rows", held, detail)
}

/// Power, throughput and their geometric mean (clause 5.4.3); none where a query or a function failed.
fn metrics(measured: &Measured, context: &WorkloadContext) -> Vec<Measurement> {
    let [power, throughput] = measured.stages.as_slice() else { return Vec::new() };
    let committed = |report: &LoadReport| -> u64 {
        report.transactions.iter().map(|each| each.committed).sum()
    };
    let streams = u64::from(context.clients);
    if committed(&power.report) != POWER_LENGTH
        || committed(&throughput.report) != streams * POWER_LENGTH
    {
        return Vec::new();
    }
    let power = power_per_h(&power.report, context.scale);
    let throughput = throughput_per_h(&throughput.report, streams * COUNT as u64, context.scale);
    vec![
        derived("derived_power_per_h", power),
        derived("derived_throughput_per_h", throughput),
        derived("derived_composite_per_h", (power * throughput).sqrt()),
    ]
}
