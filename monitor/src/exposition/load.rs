//! What loads did, added up for as long as it may be of interest.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use dbdyno_core::load::UnderWay;
use dbdyno_core::measurement::Second;
use dbdyno_core::{Case, Event};
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Unit;

use crate::overheard::case_name;

/// The upper bounds of response times, in nanoseconds: three for each power of ten, from 10 us to 50 s.
const BOUNDS_NS: [u64; 21] = {
    let mut bounds = [0; 21];
    let (mut place, mut decade) = (0, 10_000);
    while place < bounds.len() {
        bounds[place] = decade;
        bounds[place + 1] = decade * 2;
        bounds[place + 2] = decade * 5;
        place += 3;
        decade *= 10;
    }
    bounds
};
/// How long a case is told of once its loads are over: a run may have hundreds, and a scraper that comes every
/// minute has then seen the last of it.
const REMEMBERED: Duration = Duration::from_secs(300);

/// All loads.
#[derive(Clone, Debug, Default)]
pub(super) struct Loads {
    cases: BTreeMap<Labels, OfCase>,
}

/// Target, engine and the case's name. Repetitions of a case go on counting.
type Labels = [(&'static str, String); 3];

#[derive(Clone, Debug)]
struct OfCase {
    clients: u32,
    told: Instant,
    /// Whether its loads are not over yet.
    running: bool,
    /// What the clients of its last load have under way.
    under_way: Option<Arc<UnderWay>>,
    /// By transaction type, and whether it is the warm-up.
    transactions: BTreeMap<(String, bool), OfTransaction>,
    /// By transaction type and class: of all phases, for an event says none.
    errors: BTreeMap<(String, &'static str), u64>,
    retries: BTreeMap<(String, &'static str), u64>,
    lost: u64,
}

#[derive(Clone, Debug, Default)]
struct OfTransaction {
    completed: u64,
    errors: u64,
    retries: u64,
    /// How many response times are within each bound and above the one before; last those above all.
    counts: [u64; BOUNDS_NS.len() + 1],
    sum_ns: u128,
}

impl OfTransaction {
    fn add(&mut self, second: &Second) {
        self.completed += second.completed;
        self.errors += second.errors;
        self.retries += second.retries;
        for step in second.response_ns.iter_recorded() {
            let (ns, count) = (step.value_iterated_to(), step.count_at_value());
            let place = BOUNDS_NS.partition_point(|bound| *bound < ns);
            self.counts[place] += count;
            self.sum_ns += u128::from(ns) * u128::from(count);
        }
    }

    fn buckets(&self) -> Vec<(f64, u64)> {
        let bounds = BOUNDS_NS.iter().map(|ns| *ns as f64 / 1e9).chain([f64::INFINITY]);
        bounds.zip(self.counts).collect()
    }
}

impl Loads {
    /// What is only ever counted begins at 0: of a series that begins with its first error, a scraper does not see
    /// that one.
    pub(super) fn began(
        &mut self,
        case: &Case,
        transactions: &[String],
        under_way: Option<&Arc<UnderWay>>,
    ) {
        let entry = self.running(case);
        entry.under_way = under_way.cloned();
        for transaction in transactions {
            entry.transactions.entry((transaction.clone(), false)).or_default();
        }
    }

    pub(super) fn second(&mut self, case: &Case, seconds: &[Second]) {
        let entry = self.running(case);
        for second in seconds {
            let key = (second.transaction.clone().into_owned(), second.warmup);
            let of = entry.transactions.entry(key).or_default();
            of.add(second);
        }
    }

    pub(super) fn event(&mut self, case: &Case, event: &Event) {
        let entry = self.entry(case);
        let key = (event.transaction.clone(), event.class);
        match event.kind {
            "error" => *entry.errors.entry(key).or_default() += event.count,
            "retry" => *entry.retries.entry(key).or_default() += event.count,
            "connection_lost" => entry.lost += event.count,
            _ => {}
        }
    }

    pub(super) fn over(&mut self, case: &Case) {
        self.entry(case).running = false;
        self.cases.retain(|_, of| of.running || of.told.elapsed() < REMEMBERED);
    }

    /// A case whose load does something.
    fn running(&mut self, case: &Case) -> &mut OfCase {
        let entry = self.entry(case);
        entry.running = true;
        entry
    }

    /// A case that is told of, whether its loads run or are over: what was wrong with them is told afterwards.
    fn entry(&mut self, case: &Case) -> &mut OfCase {
        let labels = [
            ("target", case.target.clone()),
            ("engine", case.engine.clone()),
            ("case", case_name(case)),
        ];
        let fresh = || OfCase {
            clients: case.clients,
            told: Instant::now(),
            running: false,
            under_way: None,
            transactions: BTreeMap::new(),
            errors: BTreeMap::new(),
            retries: BTreeMap::new(),
            lost: 0,
        };
        let entry = self.cases.entry(labels).or_insert_with(fresh);
        entry.told = Instant::now();
        entry
    }

    pub(super) fn encode(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let summary = "clients of the case whose loads run; 0 once they are over";
        let mut family =
            encoder.encode_descriptor("load_clients", summary, None, MetricType::Gauge)?;
        for (labels, of) in &self.cases {
            let clients = if of.running { f64::from(of.clients) } else { 0.0 };
            ConstGauge::new(clients).encode(family.encode_family(labels)?)?;
        }
        let summary = "age of the oldest transaction under way; 0 where none is";
        let unit = Some(&Unit::Seconds);
        let name = "load_oldest_transaction";
        let mut family = encoder.encode_descriptor(name, summary, unit, MetricType::Gauge)?;
        for (labels, of) in &self.cases {
            let oldest = of.under_way.as_ref().and_then(|under_way| under_way.oldest());
            let age_s = oldest.unwrap_or_default().as_secs_f64();
            ConstGauge::new(age_s).encode(family.encode_family(labels)?)?;
        }
        let summary =
            "transactions that ended well: committed, or rolled back as they were meant to";
        self.encode_counts(encoder, "load_transactions", summary, |of| of.completed)?;
        let summary = "response times, from the intended start to the last answer";
        let mut family = encoder.encode_descriptor(
            "load_response",
            summary,
            Some(&Unit::Seconds),
            MetricType::Histogram,
        )?;
        for (labels, transaction, warmup, of) in self.transactions() {
            let labels = with(labels, &of_type(transaction, warmup));
            let sum_s = of.sum_ns as f64 / 1e9;
            let count = of.counts.iter().sum();
            let mut each = family.encode_family(&labels)?;
            each.encode_histogram::<NoLabelSet>(sum_s, count, &of.buckets(), None)?;
        }
        let summary = "transactions that failed for good";
        self.encode_counts(encoder, "load_errors", summary, |of| of.errors)?;
        let summary = "transactions that were tried again";
        self.encode_counts(encoder, "load_retries", summary, |of| of.retries)?;
        let summary = "transactions that failed for good, by the class of their error";
        self.encode_classes(encoder, "load_errors_by_class", summary, |of| &of.errors)?;
        let summary = "transactions that were tried again, by the class of their error";
        self.encode_classes(encoder, "load_retries_by_class", summary, |of| &of.retries)?;
        let summary = "connections of clients that broke";
        let mut family = encoder.encode_descriptor(
            "load_connections_lost",
            summary,
            None,
            MetricType::Counter,
        )?;
        for (labels, of) in &self.cases {
            ConstCounter::new(of.lost).encode(family.encode_family(labels)?)?;
        }
        Ok(())
    }

    fn transactions(&self) -> impl Iterator<Item = (&Labels, &str, bool, &OfTransaction)> {
        self.cases.iter().flat_map(|(labels, of)| {
            of.transactions
                .iter()
                .map(move |((name, warmup), of)| (labels, name.as_str(), *warmup, of))
        })
    }

    fn encode_counts(
        &self,
        encoder: &mut DescriptorEncoder<'_>,
        name: &str,
        summary: &str,
        count: impl Fn(&OfTransaction) -> u64,
    ) -> fmt::Result {
        let mut family = encoder.encode_descriptor(name, summary, None, MetricType::Counter)?;
        for (labels, transaction, warmup, of) in self.transactions() {
            let labels = with(labels, &of_type(transaction, warmup));
            ConstCounter::new(count(of)).encode(family.encode_family(&labels)?)?;
        }
        Ok(())
    }

    fn encode_classes(
        &self,
        encoder: &mut DescriptorEncoder<'_>,
        name: &str,
        summary: &str,
        counts: impl Fn(&OfCase) -> &BTreeMap<(String, &'static str), u64>,
    ) -> fmt::Result {
        let mut family = encoder.encode_descriptor(name, summary, None, MetricType::Counter)?;
        for (labels, of) in &self.cases {
            for ((transaction, class), count) in counts(of) {
                let labels = with(labels, &[("transaction", transaction), ("class", class)]);
                ConstCounter::new(*count).encode(family.encode_family(&labels)?)?;
            }
        }
        Ok(())
    }
}

/// The labels of a transaction type in a phase.
fn of_type(transaction: &str, warmup: bool) -> [(&'static str, &str); 2] {
    [("transaction", transaction), ("phase", if warmup { "warmup" } else { "measure" })]
}

fn with<'a>(labels: &'a Labels, more: &[(&'static str, &'a str)]) -> Vec<(&'static str, &'a str)> {
    let of_case = labels.iter().map(|(name, value)| (*name, value.as_str()));
    of_case.chain(more.iter().copied()).collect()
}
