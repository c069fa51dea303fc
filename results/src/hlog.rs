//! `latency.hlog`: the interval log of the HdrHistogram tools, one histogram of response times in
//! nanoseconds per second and transaction type, in the compressed V2 encoding.
//!
//! Source of the format: HistogramLogWriter and HistogramLogReader of HdrHistogram (Java), log
//! format 1.3. Intervals count from `BaseTime`; a tag says whose interval it is.

use std::fmt::Write as _;
use std::time::{Duration, SystemTime};

use dbdyno_core::measurement::{Second, pipeline_name};
use dbdyno_core::schema::Keys;
use dbdyno_core::{Cache, Case, Error, Result, StatementForm};
use hdrhistogram::serialization::V2DeflateSerializer;
use hdrhistogram::serialization::interval_log::{IntervalLogWriterBuilder, Tag};

use crate::record::case_fields;
use crate::timeline::phase;

/// The column heads that the Java tools write and skip.
const LEGEND: &[u8] = b"\"StartTimestamp\",\"Interval_Length\",\"Interval_Max\",\
                        \"Interval_Compressed_Histogram\"\n";

/// Interval_Max is for human eyes and in milliseconds, as the Java tools write nanoseconds.
const MAX_DIVISOR: f64 = 1e6;

/// What the file begins with.
pub(crate) fn header(run_id: &str, began: SystemTime) -> Result<Vec<u8>> {
    let mut lines = Vec::new();
    IntervalLogWriterBuilder::new()
        .add_comment(&format!("[dbdyno run {run_id}: response times in nanoseconds]"))
        .add_comment("[Histogram log format version 1.3]")
        .with_start_time(began)
        .with_base_time(began)
        .with_max_value_divisor(MAX_DIVISOR)
        .begin_log_with(&mut lines, &mut V2DeflateSerializer::new())
        .map_err(|error| Error::new("begin the latency log", error))?;
    lines.extend_from_slice(LEGEND);
    Ok(lines)
}

/// The lines of `seconds` of a load that began at `load_began`, in a run that began at
/// `run_began`. A second without a single latency has none.
pub(crate) fn entries(
    run_began: SystemTime,
    case: &Case,
    load_began: SystemTime,
    seconds: &[Second],
) -> Result<Vec<u8>> {
    let failed = |error: &dyn std::fmt::Display| Error::new("add to the latency log", error);
    let mut lines = Vec::new();
    let mut serializer = V2DeflateSerializer::new();
    for second in seconds.iter().filter(|second| !second.response_ns.is_empty()) {
        let mut line = Vec::new();
        let began = load_began + Duration::from_secs(second.second);
        let offset = began.duration_since(run_began).unwrap_or_default();
        let tag = tag(case, second);
        IntervalLogWriterBuilder::new()
            .with_max_value_divisor(MAX_DIVISOR)
            .begin_log_with(&mut line, &mut serializer)
            .map_err(|error| failed(&error))?
            .write_histogram(&second.response_ns, offset, Duration::from_secs(1), Tag::new(&tag))
            .map_err(|error| failed(&error))?;
        // The writer says its divisor before it writes; the file's header has said it.
        let entry = line.iter().position(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        lines.extend_from_slice(&line[entry..]);
    }
    Ok(lines)
}

/// What stands between the tag of a case and the transaction type in the entries of a measured window.
pub(crate) const MEASURED: &str = ";phase=measure;transaction=";

/// `oltp/tpcc;engine=sqlite;…;phase=measure;transaction=new_order`.
fn tag(case: &Case, second: &Second) -> String {
    let transaction = escape(&second.transaction);
    format!("{};phase={};transaction={transaction}", case_tag(case), phase(second))
}

/// The part of a tag that names the case: `oltp/tpcc;engine=sqlite;…;repetition=1`.
pub(crate) fn case_tag(case: &Case) -> String {
    let names = crate::record::CASE_COLUMNS;
    let mut tag = format!("{}/{}", escape(&case.suite), escape(&case.benchmark));
    for (name, value) in names.iter().zip(case_fields(case)).skip(2) {
        if !value.is_empty() {
            // Writing to a string cannot fail.
            let _ = write!(tag, ";{name}={}", escape(&value));
        }
    }
    // Tags of cases that are the default in what was added later stay as they were.
    if case.statements != StatementForm::default() {
        let _ = write!(tag, ";statements={}", case.statements);
    }
    if case.pipeline {
        let _ = write!(tag, ";pipeline={}", pipeline_name(true));
    }
    if case.keys != Keys::default() {
        let _ = write!(tag, ";keys={}", case.keys.name());
    }
    if case.cache != Cache::default() {
        let _ = write!(tag, ";cache={}", case.cache);
    }
    if case.streams > 0 {
        let _ = write!(tag, ";streams={}", case.streams);
    }
    tag
}

/// Percent-encodes (RFC 3986 2.1) what a tag may not hold and what separates its parts.
pub(crate) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_whitespace() || character.is_control() || "%,;".contains(character) {
            let mut bytes = [0; 4];
            for byte in character.encode_utf8(&mut bytes).bytes() {
                let _ = write!(out, "%{byte:02X}");
            }
        } else {
            out.push(character);
        }
    }
    out
}

/// What was escaped; text that is nobody's escape stays as it is.
pub(crate) fn unescape(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('%') {
        bytes.extend_from_slice(before.as_bytes());
        match after.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = after.get(2..).unwrap_or_default();
            }
            None => {
                bytes.push(b'%');
                rest = after;
            }
        }
    }
    bytes.extend_from_slice(rest.as_bytes());
    String::from_utf8_lossy(&bytes).into_owned()
}
