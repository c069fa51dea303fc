//! The arguments about what is watched beside a run.

use std::net::SocketAddr;

use clap::Args;
use dbdyno_monitor::Severity;

use super::parse::{parse_listen, parse_severity};

/// Metrics for Prometheus, and alerts.
#[derive(Args, Clone, Debug, Default)]
pub struct WatchArgs {
    /// Serve metrics for Prometheus at `http://ADDRESS:PORT/metrics`; a port alone is for this machine only
    /// (127.0.0.1), port 0 any that is free.
    #[arg(long, value_name = "[ADDRESS:]PORT", value_parser = parse_listen)]
    pub metrics_listen: Option<SocketAddr>,

    /// Ready-made alert rules, beside those of dbdyno.toml: `p99`, `stall`, `error-rate`, `replication-lag`,
    /// `replication-stopped`, `silent`, `cache-hit-rate`, `deadlocks`, `connections`, `disk`; `default` means all of
    /// them, `none` no rule at all, those of dbdyno.toml included.
    #[arg(long, value_name = "NAME,…|default|none", value_delimiter = ',')]
    pub alerts: Vec<String>,

    /// End once an alert rule of this severity fires: `fail`, or `warn` for either [default: go on;
    /// `--abort-on-alert` alone: fail].
    #[arg(long, value_name = "SEVERITY", num_args = 0..=1, require_equals = true, default_missing_value = "fail", value_parser = parse_severity)]
    pub abort_on_alert: Option<Severity>,
}
