//! An alert as JSON.

use dbdyno_monitor::{Condition, Notice};
use dbdyno_results::{redact, rfc3339};
use serde_json::{Value, json};

/// What webhooks and commands are given: docs/monitoring.md lists the fields.
pub(super) fn payload(run_id: &str, notice: &Notice) -> Value {
    let rule = &notice.rule;
    let case = notice.case.as_ref().map(|case| {
        json!({
            "suite": case.suite,
            "benchmark": case.benchmark,
            "engine": case.engine,
            "engine_version": case.engine_version,
            "driver": case.driver,
            "isolation": case.isolation.name(),
            "durability": case.durability.name(),
            "clients": case.clients,
            "rate": case.rate,
            "repetition": case.repetition,
        })
    });
    let op = match &rule.condition {
        Condition::Beyond { op, .. } => Some(op.name()),
        Condition::Absent => None,
    };
    json!({
        "run_id": run_id,
        "at": rfc3339(notice.at),
        "alert": rule.name,
        "state": notice.change.name(),
        "severity": rule.severity.name(),
        "metric": rule.metric.to_string(),
        "unit": rule.metric.info.unit,
        "target": redact(&notice.target),
        "of": notice.of,
        "value": notice.value,
        "op": op,
        "threshold": notice.threshold,
        "for_s": rule.lasting.as_secs_f64(),
        "case": case,
        "message": redact(&notice.to_string()),
    })
}
