//! From a load report to the rows of `results.csv`. The names are a contract:
//! `docs/results-csv.md` lists them.

use dbdyno_core::load::{ErrorReport, LoadReport, TransactionReport};
use dbdyno_core::{Better, ErrorClass, Measurement};

const NS_PER_US: f64 = 1_000.0;

/// Every row of a load: the case as a whole, then each transaction type.
pub fn measurements(report: &LoadReport) -> Vec<Measurement> {
    let total = report.total();
    let mut rows =
        vec![Measurement::new("throughput", report.total_throughput(), "1/s", Better::Higher)];
    rows.extend(of_transaction(&total));
    rows.extend(of_case(report, &total));
    if report.transactions.len() > 1 {
        for each in &report.transactions {
            let throughput = report.throughput(each);
            rows.push(
                Measurement::new("throughput", throughput, "1/s", Better::Higher).of(each.name),
            );
            rows.extend(of_transaction(each).into_iter().map(|row| row.of(each.name)));
        }
    }
    rows.extend(counts("errors", &report.errors));
    rows.extend(counts("retries", &report.retries));
    rows
}

/// Latencies and counts of one transaction type, or of all.
fn of_transaction(transaction: &TransactionReport) -> Vec<Measurement> {
    let mut rows = latencies("latency", &transaction.response_ns);
    if let Some(service) = &transaction.service_ns {
        rows.extend(latencies("service", service));
    }
    rows.extend([
        count("transactions", transaction.committed, Better::Neither),
        count("rollbacks", transaction.rolled_back, Better::Neither),
        count("errors", transaction.failed, Better::Lower),
        count("retries", transaction.retries, Better::Lower),
    ]);
    rows
}

/// What concerns the case as a whole only.
fn of_case(report: &LoadReport, total: &TransactionReport) -> Vec<Measurement> {
    let mut rows =
        vec![Measurement::new("measured_s", report.window.as_secs_f64(), "s", Better::Neither)];
    if total.in_window > 0 {
        let per_transaction = report.client_cpu.as_secs_f64() * 1e6 / total.in_window as f64;
        rows.push(Measurement::new(
            "client_cpu_us_per_transaction",
            per_transaction,
            "us",
            Better::Lower,
        ));
    }
    if total.service_ns.is_some() {
        rows.push(count("late", total.late, Better::Lower));
        rows.push(count("skipped", total.skipped, Better::Lower));
        rows.push(count("unstarted", report.unstarted_ns.len(), Better::Lower));
    }
    if report.connections_lost > 0 {
        rows.push(count("connections_lost", report.connections_lost, Better::Lower));
        let outage_ms = report.outage.as_secs_f64() * 1e3;
        rows.push(Measurement::new("outage_ms", outage_ms, "ms", Better::Lower));
    }
    rows
}

/// Mean, percentiles and maximum in microseconds; nothing where nothing was recorded.
fn latencies(name: &str, histogram: &hdrhistogram::Histogram<u64>) -> Vec<Measurement> {
    if histogram.is_empty() {
        return Vec::new();
    }
    let quantile = |quantile: f64| histogram.value_at_quantile(quantile) as f64;
    [
        ("mean", histogram.mean()),
        ("p50", quantile(0.50)),
        ("p95", quantile(0.95)),
        ("p99", quantile(0.99)),
        ("p999", quantile(0.999)),
        ("max", histogram.max() as f64),
    ]
    .into_iter()
    .map(|(statistic, ns)| {
        Measurement::new(format!("{name}_{statistic}_us"), ns / NS_PER_US, "us", Better::Lower)
    })
    .collect()
}

/// `errors_<class>` and `retries_<class>`: of the case as a whole, and below it by transaction
/// type and engine code, with the code and the engine's words as the detail.
fn counts(name: &str, reports: &[ErrorReport]) -> Vec<Measurement> {
    let metric = |class: ErrorClass| format!("{name}_{}", class.name().replace('-', "_"));
    let mut rows = Vec::new();
    for class in ErrorClass::ALL {
        let of_class = || reports.iter().filter(|report| report.class == class);
        let total = of_class().map(|report| report.count).sum();
        if total > 0 {
            rows.push(count(&metric(class), total, Better::Lower));
        }
        for report in of_class() {
            let code = if report.code.is_empty() { "no code" } else { &report.code };
            let mut row = count(&metric(class), report.count, Better::Lower);
            row.detail = format!("{code}: {}", report.message);
            rows.push(row.of(report.transaction));
        }
    }
    rows
}

fn count(metric: &str, count: u64, better: Better) -> Measurement {
    Measurement::new(metric, count as f64, "1", better)
}
