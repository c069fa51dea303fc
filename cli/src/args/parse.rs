//! What stands behind an option, read.

use std::net::{Ipv4Addr, SocketAddr, ToSocketAddrs as _};
use std::path::PathBuf;
use std::time::Duration;

use dbdyno_core::measurement::pipeline_name;
use dbdyno_core::schema::Keys;
use dbdyno_core::{Cache, Durability, Isolation, Link, StatementForm};
use dbdyno_history::{Kind, Model};
use dbdyno_monitor::Severity;

use crate::names::one_of;

/// Reads a duration such as `500ms`, `5s`, `1m30s`; longer than nothing.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    match parse_duration_or_zero(text)? {
        Duration::ZERO => Err("it must be longer than nothing".to_owned()),
        duration => Ok(duration),
    }
}

/// Reads how long a statement may run: servers count whole milliseconds.
pub fn parse_statement_timeout(text: &str) -> Result<Duration, String> {
    match parse_duration_or_zero(text)? {
        short if short < Duration::from_millis(1) => Err("it must be 1ms or more".to_owned()),
        duration => Ok(duration),
    }
}

/// Reads a duration such as `500ms`, `5s`, `1m30s`, `0`.
pub fn parse_duration_or_zero(text: &str) -> Result<Duration, String> {
    let hint = "a duration such as `500ms`, `5s` or `1m30s`";
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    let signed: jiff::SignedDuration =
        text.parse().map_err(|_| format!("`{text}` is not {hint}"))?;
    let duration =
        Duration::try_from(signed).map_err(|_| format!("`{text}` is negative; give {hint}"))?;
    match duration {
        long if long > Duration::from_secs(30 * 24 * 3600) => {
            Err(format!("`{text}` is more than thirty days"))
        }
        duration => Ok(duration),
    }
}

/// Reads a share in percent, above 0 and below 100: `5%`, `0.5`. It is between 0 and 1.
pub fn parse_percent(text: &str) -> Result<f64, String> {
    let number = text.strip_suffix('%').unwrap_or(text).trim_end();
    match number.parse::<f64>() {
        Ok(percent) if percent > 0.0 && percent < 100.0 => Ok(percent / 100.0),
        _ => Err(format!("`{text}` is not a percentage above 0% and below 100%, such as 5%")),
    }
}

/// Reads how sure verdicts are: a percentage from 50 to 99.99. It becomes the probability of a false
/// alarm.
pub fn parse_confidence(text: &str) -> Result<f64, String> {
    let number = text.strip_suffix('%').unwrap_or(text).trim_end();
    match number.parse::<f64>() {
        // So that 90 gives 0.1 and not a little less.
        Ok(percent) if (50.0..=99.99).contains(&percent) => Ok((100.0 - percent) / 100.0),
        _ => Err(format!("`{text}` is not a percentage from 50% to 99.99%, such as 95%")),
    }
}

/// Reads how large a change counts, and of which metric.
pub fn parse_min_effect(text: &str) -> Result<(Option<String>, f64), String> {
    match text.split_once('=') {
        Some((metric, percent)) => Ok((Some(metric.to_owned()), parse_percent(percent)?)),
        None => Ok((None, parse_percent(text)?)),
    }
}

/// Reads a rate: a number above 0.
pub fn parse_rate(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(rate) if rate > 0.0 && rate <= 1e7 => Ok(rate),
        _ => Err(format!(
            "`{text}` is not a number of transactions per second, above 0 and up to 10000000"
        )),
    }
}

/// A name that can stand in a CSV file and behind a slash.
pub fn parse_name(text: &str) -> Result<String, String> {
    let is_plain = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.');
    match !text.is_empty() && text.chars().all(is_plain) {
        true => Ok(text.to_owned()),
        false => Err("a name has letters, digits, `-`, `_` and `.`".to_owned()),
    }
}

/// Reads a folder's name; a URL is a slip, and would make a folder of it.
pub fn parse_folder(text: &str) -> Result<PathBuf, String> {
    if text.contains("://") {
        Err("that is a URL, not a folder".to_owned())
    } else {
        Ok(text.into())
    }
}

/// Reads a durability level.
pub fn parse_durability(text: &str) -> Result<Durability, String> {
    one_of("durability level", text, &Durability::ALL, |level| level.name())
}

/// Reads what is in memory.
pub fn parse_cache(text: &str) -> Result<Cache, String> {
    one_of("state of the cache", text, &Cache::ALL, Cache::name)
}

/// Reads which keys tables have.
pub fn parse_keys(text: &str) -> Result<Keys, String> {
    one_of("choice of keys", text, &Keys::ALL, Keys::name)
}

/// Reads a form of statements.
pub fn parse_statements(text: &str) -> Result<StatementForm, String> {
    one_of("form of statements", text, &StatementForm::ALL, StatementForm::name)
}

/// Reads whether to pipeline.
pub fn parse_pipeline(text: &str) -> Result<bool, String> {
    one_of("choice of pipelining", text, &[false, true], pipeline_name)
}

/// Reads a consistency model.
pub fn parse_model(text: &str) -> Result<Model, String> {
    one_of("consistency model", text, &Model::ALL, Model::name)
}

/// Reads what a history is about.
pub fn parse_kind(text: &str) -> Result<Kind, String> {
    one_of("kind of history", text, &Kind::ALL, Kind::name)
}

/// Reads a size such as `4GiB`, `500MB`, `1000000`.
pub fn parse_size(text: &str) -> Result<u64, String> {
    let digits = text.trim_end_matches(|character: char| character.is_ascii_alphabetic());
    let unit: u64 = match &text[digits.len()..] {
        "" | "B" => 1,
        "kB" => 1_000,
        "MB" => 1_000_000,
        "GB" => 1_000_000_000,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        _ => return Err(format!("`{text}` is not a size such as `4GiB` or `500MB`")),
    };
    let size = digits.parse::<u64>().ok().and_then(|number| number.checked_mul(unit));
    size.filter(|size| *size > 0)
        .ok_or_else(|| format!("`{text}` is not a size such as `4GiB` or `500MB`"))
}

/// The longest round trip between nodes.
const LONGEST_ROUND_TRIP: Duration = Duration::from_secs(1);
/// The narrowest and the widest line between nodes, in bytes per second.
const BANDWIDTHS: (u64, u64) = (10_000, 1_000_000_000);

/// Reads a network between nodes: `10ms` more in each round trip, `1MB/s` each way, or both, `10ms+1MB/s`.
pub fn parse_link(text: &str) -> Result<Link, String> {
    let mut link = Link::default();
    for part in text.split('+') {
        match part.strip_suffix("/s") {
            Some(size) if link.bandwidth.is_none() => {
                link.bandwidth = Some(parse_bandwidth(size).map_err(|()| {
                    format!("`{part}` is no bandwidth from 10kB/s to 1GB/s, such as `1MB/s`")
                })?);
            }
            None if link.round_trip.is_zero() => {
                link.round_trip = parse_duration(part)
                    .ok()
                    .filter(|delay| *delay <= LONGEST_ROUND_TRIP && is_whole_micros(*delay))
                    .ok_or_else(|| {
                        format!(
                            "`{part}` is neither a round trip of 1us to 1s, such as `40ms`, nor a bandwidth, such as `1MB/s`"
                        )
                    })?;
            }
            _ => return Err(format!("`{text}` says twice what `{part}` says")),
        }
    }
    Ok(link)
}

fn is_whole_micros(duration: Duration) -> bool {
    duration.subsec_nanos().is_multiple_of(1_000)
}

fn parse_bandwidth(size: &str) -> Result<u64, ()> {
    let bandwidth = parse_size(size).map_err(drop)?;
    if (BANDWIDTHS.0..=BANDWIDTHS.1).contains(&bandwidth) { Ok(bandwidth) } else { Err(()) }
}

/// How long nodes may be made to stand still: shorter than that a beat or two would tell.
const STALLS: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(300));

/// Reads for how long nodes are cut off or stopped.
pub fn parse_stall(text: &str) -> Result<Duration, String> {
    let duration = parse_duration(text)?;
    match (STALLS.0..=STALLS.1).contains(&duration) {
        true => Ok(duration),
        false => Err(format!("`{text}` is not in 100ms to 5m")),
    }
}

/// Reads where to listen: a port of this machine alone, or an address with a port.
pub fn parse_listen(text: &str) -> Result<SocketAddr, String> {
    let hint = "a port such as `9187`, or an address with a port such as `0.0.0.0:9187`";
    if let Ok(port) = text.parse::<u16>() {
        return Ok((Ipv4Addr::LOCALHOST, port).into());
    }
    let wrong = || format!("`{text}` is not {hint}");
    // A name may stand for several addresses; those of IPv4 are what people mean.
    let mut found: Vec<SocketAddr> = text.to_socket_addrs().map_err(|_| wrong())?.collect();
    found.sort_by_key(SocketAddr::is_ipv6);
    found.first().copied().ok_or_else(wrong)
}

/// Reads how bad an alert is.
pub fn parse_severity(text: &str) -> Result<Severity, String> {
    one_of("severity", text, &Severity::ALL, Severity::name)
}

/// Reads an isolation level.
pub fn parse_isolation(text: &str) -> Result<Isolation, String> {
    one_of("isolation level", text, &Isolation::ALL, |level| level.name())
}
