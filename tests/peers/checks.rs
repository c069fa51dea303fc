//! The bars that dbdyno is held against by itself.

use std::time::Duration;

use dbdyno_core::Result;
use dbdyno_datasets::Dataset as _;
use dbdyno_datasets::sbtest::Sbtest;

use crate::arrivals::Loop;
use crate::bench::{Bench, SPARE_SESSIONS, workload};
use crate::comparison::keep;
use crate::dbdyno::{Length, Ran, Run};
use crate::metric::{
    self, Bar, CONNECTING, Metric, RATE_ERROR, RSS_AT_256_CLIENTS, RSS_GROWTH, START,
};
use crate::record::Record;
use crate::servers::Server;
use crate::summary::Summary;

/// Clients of the check of memory.
pub const MANY_CLIENTS: u32 = 256;
/// Clients of the check of connecting.
const MOST_CLIENTS: u32 = 2_000;
/// Clients of the check of the open loop.
const OPEN_LOOP_CLIENTS: u32 = 8;
/// Clients of the check of growing memory.
const LONG_CLIENTS: u32 = 64;
/// How often a short check is repeated; its figure is the median.
const REPEATED: u32 = 5;

pub const RSS: &str = "check/rss-256-clients";
pub const OPEN_LOOP: &str = "check/open-loop";
pub const ARRIVALS: &str = "check/open-loop-arrivals";
pub const GROWTH: &str = "check/rss-growth";
pub const CONNECT: &str = "check/connect-2000-clients";
pub const SQLITE_START: &str = "check/sqlite-start";

/// Those on the PostgreSQL server of the comparisons.
pub const POSTGRES: [&str; 4] = [RSS, OPEN_LOOP, ARRIVALS, GROWTH];

/// Where the figures go.
pub struct Book<'a> {
    pub record: &'a mut Record,
    pub summary: &'a mut Summary,
}

impl Book<'_> {
    /// Keeps the figures of one check, each of one round, and their median as the check's figure;
    /// where the check failed, that it did.
    fn figure(
        &mut self,
        bench: &Bench,
        (check, clients): (&str, u32),
        metric: Metric,
        bar: Bar,
        measured: Result<Vec<f64>>,
    ) -> Result<()> {
        let values = match measured {
            Ok(values) => values,
            Err(error) if bench.interrupt.stop().is_requested() => return Err(error),
            Err(error) => {
                self.summary.could_not_run(check, &error);
                return Ok(());
            }
        };
        for (round, value) in (1..).zip(&values) {
            keep(self.record, check, Some(clients), round, vec![(metric, *value)])?;
        }
        self.summary.figure(check, Some(clients), metric, &values, bar);
        Ok(())
    }
}

/// The checks on the PostgreSQL server of the comparisons, which allows [`MANY_CLIENTS`].
///
/// # Errors
/// The end was asked for, or a figure cannot be kept.
pub fn on_postgres(bench: &Bench, server: &Server<'_>, book: &mut Book<'_>) -> Result<()> {
    let wants = |check: &str| bench.options.wants(check);
    let scale = bench.options.sbtest_scale();
    let run = |clients, length, more: &[String]| -> Result<Ran> {
        let run = Run::new("point-select", scale, clients, length);
        bench.on_server(server, &Run { more: more.to_vec(), ..run })
    };
    let time = Length::Time(bench.measured());
    if wants(RSS) {
        let peak = || Ok(run(MANY_CLIENTS, time, &[])?.usage.peak_rss as f64);
        let measured = repeated(peak);
        let place = (RSS, MANY_CLIENTS);
        book.figure(bench, place, Metric::PeakRss, RSS_AT_256_CLIENTS, measured)?;
    }
    if wants(OPEN_LOOP) {
        let measured = repeated(|| rate_error(|more| run(OPEN_LOOP_CLIENTS, time, more)));
        let place = (OPEN_LOOP, OPEN_LOOP_CLIENTS);
        book.figure(bench, place, Metric::RateError, RATE_ERROR, measured)?;
    }
    if wants(ARRIVALS) {
        let distance = || -> Result<f64> {
            let most = run(OPEN_LOOP_CLIENTS, time, &[])?.metric("throughput")?;
            let open = Loop {
                driver: server.shared_driver(),
                workload: workload("point-select", scale)?,
                namespace: &Sbtest.namespace(),
                clients: OPEN_LOOP_CLIENTS,
                rate: (most / 2.0).round(),
                length: bench.measured(),
            };
            open.distance(bench.interrupt.stop())
        };
        let place = (ARRIVALS, OPEN_LOOP_CLIENTS);
        let measured = repeated(distance);
        book.figure(bench, place, Metric::Arrivals, metric::ARRIVALS, measured)?;
    }
    if wants(GROWTH) && bench.options.long {
        let peak = |minutes: u64| -> Result<f64> {
            let time = Length::Time(Duration::from_secs(60 * minutes));
            Ok(run(LONG_CLIENTS, time, &[])?.usage.peak_rss as f64)
        };
        let measured = peak(1).and_then(|short| Ok(vec![peak(5)? / short]));
        let place = (GROWTH, LONG_CLIENTS);
        book.figure(bench, place, Metric::RssGrowth, RSS_GROWTH, measured)?;
    }
    Ok(())
}

/// Measures a figure several times.
fn repeated(measure: impl Fn() -> Result<f64>) -> Result<Vec<f64>> {
    (0..REPEATED).map(|_| measure()).collect()
}

/// How far the throughput of an open loop lies from its rate, half of what the closed loop gave.
/// The gaps are equal: of a Poisson process, the number of arrivals itself would differ by more
/// than the bar.
fn rate_error(run: impl Fn(&[String]) -> Result<Ran>) -> Result<f64> {
    let most = run(&[])?.metric("throughput")?;
    let rate = (most / 2.0).round();
    let open = ["--rate", &rate.to_string(), "--spacing", "uniform"].map(str::to_owned);
    let held = run(&open)?.metric("throughput")?;
    Ok((held / rate - 1.0).abs())
}

/// How long many clients take to connect, on a server of its own that allows them: what a run of one
/// transaction for each takes besides the transactions themselves, less what a run with one client
/// takes besides. Disconnecting is part of it.
///
/// # Errors
/// The end was asked for, or a figure cannot be kept.
pub fn connecting(bench: &Bench, book: &mut Book<'_>) -> Result<()> {
    if !bench.options.wants(CONNECT) {
        return Ok(());
    }
    let measure = || -> Result<Vec<f64>> {
        // dbdyno's servers set aside room for the predicate locks of each session they allow, more
        // than the default; nobody needs any here.
        let target = "postgres?set.max_pred_locks_per_transaction=64";
        let server = Server::start(bench, target, MOST_CLIENTS + SPARE_SESSIONS)?;
        let besides = |clients| -> Result<f64> {
            let length = Length::Transactions(MOST_CLIENTS.into());
            let ran = bench.on_server(&server, &Run::new("point-select", 1, clients, length))?;
            Ok(ran.usage.wall.as_secs_f64() - ran.metric("measured_s")?)
        };
        // Loads the table.
        besides(1)?;
        (0..REPEATED).map(|_| Ok(besides(MOST_CLIENTS)? - besides(1)?)).collect()
    };
    book.figure(bench, (CONNECT, MOST_CLIENTS), Metric::Connecting, CONNECTING, measure())
}

/// How long dbdyno takes from its start to the end of a run of one transaction on an SQLite file
/// that holds the data: the checks before and after it and the writing of results included.
///
/// # Errors
/// The end was asked for, or a figure cannot be kept.
pub fn sqlite_start(bench: &Bench, book: &mut Book<'_>) -> Result<()> {
    if !bench.options.wants(SQLITE_START) {
        return Ok(());
    }
    let measure = || -> Result<Vec<f64>> {
        let file = bench.empty_folder("sqlite-start")?.join("start.db");
        let target = format!("sqlite:{}", file.display());
        let wall = || -> Result<f64> {
            let mut run = Run::new("point-select", 1, 1, Length::Transactions(1));
            run.more.extend(["--durability".to_owned(), bench.options.durability.to_string()]);
            Ok(bench.on_target(&target, &run)?.usage.wall.as_secs_f64())
        };
        // Loads the table.
        wall()?;
        (0..4 * REPEATED).map(|_| wall()).collect()
    };
    book.figure(bench, (SQLITE_START, 1), Metric::Start, START, measure())
}
