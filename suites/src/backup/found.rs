//! Metrics of backups.

use std::time::Duration;

use dbdyno_core::backup::BackupMade;
use dbdyno_core::{Better, Error, Measurement, Status};

/// A megabyte, as disks are sold.
const MEGABYTE: f64 = 1e6;
const MS_PER_S: f64 = 1e3;

/// What making a backup cost. `data_bytes` is the size of what is in it, as the engine tells.
pub fn of_backup(data_bytes: u64, made: &BackupMade, detail: &str) -> Vec<Measurement> {
    let (data, bytes, took) = (data_bytes as f64, made.bytes as f64, made.took.as_secs_f64());
    let new = Measurement::new;
    let mut rows = vec![
        new("backup_s", took, "s", Better::Lower),
        new("backup_bytes", bytes, "bytes", Better::Lower),
        new("data_bytes", data, "bytes", Better::Neither),
        new("backup_cpu_s", made.cpu.as_secs_f64(), "s", Better::Lower),
    ];
    if took > 0.0 {
        rows.push(new("backup_mb_per_s", data / MEGABYTE / took, "MB/s", Better::Higher));
    }
    if bytes > 0.0 {
        rows.push(new("data_to_backup_ratio", data / bytes, "1", Better::Higher));
    }
    if let Some(first) = rows.first_mut() {
        detail.clone_into(&mut first.detail);
    }
    rows
}

/// The log that was kept beside a backup.
pub fn log_bytes(bytes: u64) -> Measurement {
    Measurement::new("backup_log_bytes", bytes as f64, "bytes", Better::Lower)
}

/// The longest that a writer of single rows waited while a backup was made; at least that where it `broke` off.
pub fn writers_blocked(longest: Duration, broke: Option<&Error>) -> Measurement {
    let ms = longest.as_secs_f64() * MS_PER_S;
    let row = Measurement::new("writers_blocked_ms", ms, "ms", Better::Lower);
    match broke {
        None => row,
        Some(why) => row.with_status(Status::Failed, format!("at least, for it broke off: {why}")),
    }
}

/// What a method costs that keeps a log even while no backup is made: throughput before its backup, by that before
/// the backups of the others of the case, which keep none; `None` where there are no others, or either is unknown.
pub fn cost_of_log(rows: &[Measurement], keeps_log: impl Fn(&str) -> bool) -> Vec<Measurement> {
    let before = rows.iter().filter_map(|row| {
        let method = row.transaction.strip_suffix("/before")?;
        Some((method, row.value.filter(|_| row.metric == "throughput")?))
    });
    let (with, without): (Vec<_>, Vec<_>) = before.partition(|(method, _)| keeps_log(method));
    let sum: f64 = without.iter().map(|(_, value)| value).sum();
    let usual = sum / without.len() as f64;
    if without.is_empty() || usual <= 0.0 {
        return Vec::new();
    }
    let others = without.iter().map(|(method, _)| *method).collect::<Vec<_>>().join(", ");
    let row = |(method, value): (&str, f64)| {
        let row = Measurement::new("log_throughput_ratio", value / usual, "1", Better::Higher);
        Measurement { detail: format!("against before {others}"), ..row.of(method) }
    };
    with.into_iter().map(row).collect()
}

/// The row of a duration that could not be measured.
pub fn none(metric: &str) -> Measurement {
    Measurement { value: None, ..Measurement::new(metric, 0.0, "s", Better::Lower) }
}

/// That nobody can tell which rows a backup must have that was made under load, and why; it is held against what else is
/// known of it.
pub fn rows_untold(why: &Error) -> Measurement {
    let row = Measurement::new("rows_untold", 1.0, "1", Better::Lower);
    Measurement { detail: why.to_string(), ..row }
}

/// What restoring took.
pub fn of_restore(placed: Duration, ready: Option<Duration>) -> Vec<Measurement> {
    let row =
        |name: &str, took: Duration| Measurement::new(name, took.as_secs_f64(), "s", Better::Lower);
    let ready = ready.map(|ready| row("restore_ready_s", ready));
    [row("restore_s", placed)].into_iter().chain(ready).collect()
}

/// How many methods came through, for the screen.
pub fn headline(rows: &[Measurement]) -> String {
    let of = |metric: &str| {
        rows.iter().filter(|row| row.metric == metric && row.value.is_some()).count()
    };
    format!("{} backups made, {} restored", of("backup_s"), of("restore_s"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_costs_what_others_have_more_before_their_backups() {
        let row =
            |of: &str, value| Measurement::new("throughput", value, "1/s", Better::Higher).of(of);
        let rows = [
            row("log/before", 60.0),
            row("log/during", 1.0),
            row("one/before", 90.0),
            row("other/before", 110.0),
            row("other/after", 5.0),
        ];
        let found = cost_of_log(&rows, |method| method == "log");
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].value, found[0].transaction.as_str()), (Some(0.6), "log"));
        assert_eq!(found[0].detail, "against before one, other");
        assert!(cost_of_log(&rows[..2], |method| method == "log").is_empty());
        assert!(cost_of_log(&rows, |_| false).is_empty());
    }
}
