//! What transactions and queries cost each other, from the reports of the loads.

use dbdyno_core::load::{LoadReport, TransactionReport};
use dbdyno_core::{Better, Measurement};

use super::queries::{COUNT, QUERIES};
use crate::oltp::tpcc::tpmc;

/// The loads of a case as far as they ran.
#[derive(Clone, Copy, Debug, Default)]
pub struct Reports<'r> {
    /// Transactions alone.
    pub transactions: Option<&'r LoadReport>,
    /// Queries alone.
    pub queries: Option<&'r LoadReport>,
    /// Both at once.
    pub both: Option<&'r LoadReport>,
}

/// How many times longer queries take beside transactions.
struct Slowdown {
    times: f64,
    /// How many of the queries it is the mean of.
    queries: usize,
}

impl Reports<'_> {
    /// The metrics of the benchmark's own. `mix` says how many clients and streams there were.
    pub fn measurements(self, mix: &str) -> Vec<Measurement> {
        let per_s = |report: &LoadReport| transactions_per_s(report);
        let per_h = |report: &LoadReport| queries_per_h(report);
        let rates = [
            ("transactions_alone_per_s", self.transactions.map(per_s), "1/s"),
            ("transactions_beside_queries_per_s", self.both.map(per_s), "1/s"),
            ("tpmc_alone", self.transactions.and_then(tpmc), "1/min"),
            ("tpmc_beside_queries", self.both.and_then(tpmc), "1/min"),
            ("queries_alone_per_h", self.queries.map(per_h), "1/h"),
            ("queries_beside_transactions_per_h", self.both.map(per_h), "1/h"),
        ];
        let rates = rates.into_iter().filter_map(|(name, rate, unit)| {
            let row = Measurement::new(name, rate?, unit, Better::Higher);
            Some(Measurement { detail: mix.to_owned(), ..row })
        });
        let transactions = self.transactions_slowdown().map(|times| {
            let row = Measurement::new("transactions_slowdown", times, "1", Better::Lower);
            Measurement { detail: format!("{mix}; throughput alone by beside queries"), ..row }
        });
        let queries = self.queries_slowdown().map(|slowdown| {
            let row = Measurement::new("queries_slowdown", slowdown.times, "1", Better::Lower);
            let detail = format!(
                "{mix}; geometric mean over {} of {COUNT} queries, by mean latency",
                slowdown.queries
            );
            Measurement { detail, ..row }
        });
        rates.chain(transactions).chain(queries).collect()
    }

    /// What came out, for a person; empty where the loads did not come to it.
    pub fn headline(self) -> String {
        let slower = |what: &str, times: f64| match times {
            times if times < 1.005 => format!("{what} no slower"),
            times if times < 9.95 => format!("{what} {times:.2}x slower"),
            times => format!("{what} {times:.0}x slower"),
        };
        let queries = self.queries_slowdown().map(|slowdown| slowdown.times);
        let parts = [("transactions", self.transactions_slowdown()), ("queries", queries)];
        let parts = parts.into_iter().filter_map(|(what, times)| Some(slower(what, times?)));
        parts.collect::<Vec<_>>().join(", ")
    }

    /// The throughput of transactions alone by that beside queries.
    fn transactions_slowdown(self) -> Option<f64> {
        let (alone, beside) =
            (transactions_per_s(self.transactions?), transactions_per_s(self.both?));
        (alone > 0.0 && beside > 0.0).then(|| alone / beside)
    }

    /// The geometric mean of how many times longer each query takes beside transactions, over the queries
    /// that were answered in both loads, so that it does not matter which those are.
    fn queries_slowdown(self) -> Option<Slowdown> {
        let (alone, beside) = (self.queries?, self.both?);
        let times: Vec<f64> = QUERIES
            .iter()
            .filter_map(|query| Some(mean_ns(beside, query.name)? / mean_ns(alone, query.name)?))
            .collect();
        let logarithms = times.iter().map(|times| times.ln()).sum::<f64>();
        let queries = times.len();
        (queries > 0).then(|| Slowdown { times: (logarithms / queries as f64).exp(), queries })
    }
}

fn is_query(transaction: &TransactionReport) -> bool {
    QUERIES.iter().any(|query| query.name == transaction.name)
}

fn transactions_per_s(report: &LoadReport) -> f64 {
    let transactions = report.transactions.iter().filter(|transaction| !is_query(transaction));
    transactions.map(|transaction| report.throughput(transaction)).sum()
}

fn queries_per_h(report: &LoadReport) -> f64 {
    let queries = report.transactions.iter().filter(|transaction| is_query(transaction));
    queries.map(|query| report.throughput(query)).sum::<f64>() * 3_600.0
}

/// The mean latency of a query; `None` where it was not answered.
fn mean_ns(report: &LoadReport, query: &str) -> Option<f64> {
    let found = report.transactions.iter().find(|transaction| transaction.name == query)?;
    (!found.response_ns.is_empty()).then(|| found.response_ns.mean())
}
