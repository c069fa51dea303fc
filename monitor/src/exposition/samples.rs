//! Samples as Prometheus' metrics.

use std::collections::BTreeMap;
use std::fmt;

use dbdyno_core::metrics::{MetricInfo, MetricKind, Sample, Source};
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Unit;

/// Encodes samples; those of a metric stand together, as the format asks for.
/// `engines` has the engine of each target.
pub(super) fn encode(
    encoder: &mut DescriptorEncoder<'_>,
    samples: &[Sample],
    engines: &BTreeMap<String, String>,
) -> fmt::Result {
    let mut metrics: BTreeMap<(Source, &str), Vec<&Sample>> = BTreeMap::new();
    for sample in samples.iter().filter(|sample| sample.reading.value.is_finite()) {
        metrics.entry((sample.source, sample.reading.metric.name)).or_default().push(sample);
    }
    for ((source, _), samples) in metrics {
        let Some(metric) = samples.first().map(|sample| sample.reading.metric) else { continue };
        let named = Named::of(source, metric);
        let kind = match metric.kind {
            MetricKind::Counter => MetricType::Counter,
            MetricKind::Gauge => MetricType::Gauge,
        };
        let mut family =
            encoder.encode_descriptor(&named.name, metric.summary, named.unit.as_ref(), kind)?;
        for sample in samples {
            let labels = labels(sample, engines);
            let each = family.encode_family(&labels)?;
            let value = sample.reading.value * named.factor;
            match metric.kind {
                MetricKind::Counter => ConstCounter::new(value).encode(each)?,
                MetricKind::Gauge => ConstGauge::new(value).encode(each)?,
            }
        }
    }
    Ok(())
}

/// What a metric is called; the encoder adds the prefix, the unit and `_total`.
#[derive(Debug, PartialEq)]
pub(super) struct Named {
    pub(super) name: String,
    unit: Option<Unit>,
    /// What makes a value one in the base unit.
    factor: f64,
}

impl Named {
    /// A metric of a source in Prometheus' base units: seconds and bytes.
    pub(super) fn of(source: Source, metric: &MetricInfo) -> Self {
        let (suffix, unit, factor) = match metric.unit {
            "ms" => ("_ms", Some(Unit::Seconds), 1e-3),
            "s" => ("_s", Some(Unit::Seconds), 1.0),
            "bytes" => ("_bytes", Some(Unit::Bytes), 1.0),
            _ => ("", None, 1.0),
        };
        let bare = metric.name.strip_suffix(suffix).unwrap_or(metric.name);
        // The encoder says it again.
        let bare = match metric.kind {
            MetricKind::Counter => bare.strip_suffix("_total").unwrap_or(bare),
            MetricKind::Gauge => bare,
        };
        // `lock_waits`, those of this moment, and `lock_waits_total`, all that there were, are two families.
        let apart = if bare == metric.name || unit.is_some() { "" } else { "_counted" };
        Self { name: format!("{}_{bare}{apart}", source.name()), unit, factor }
    }
}

/// What Prometheus knows a metric by.
pub fn prometheus_name(source: Source, metric: &MetricInfo) -> String {
    let named = Named::of(source, metric);
    let unit = named.unit.map(|unit| format!("_{}", unit.as_str())).unwrap_or_default();
    let total = if metric.kind == MetricKind::Counter { "_total" } else { "" };
    format!("dbdyno_{}{unit}{total}", named.name)
}

fn labels<'a>(
    sample: &'a Sample,
    engines: &'a BTreeMap<String, String>,
) -> Vec<(&'static str, &'a str)> {
    let all = [
        ("target", sample.target.as_str()),
        ("engine", engines.get(&sample.target).map_or("", String::as_str)),
        ("of", sample.reading.of.as_str()),
    ];
    // An empty label and none are the same to Prometheus.
    all.into_iter().filter(|(_, value)| !value.is_empty()).collect()
}
