//! Metrics of backups.

use std::time::Duration;

use dbdyno_core::backup::BackupMade;
use dbdyno_core::{Better, Measurement};

/// A megabyte, as disks are sold.
const MEGABYTE: f64 = 1e6;

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

/// What restoring took.
pub fn of_restore(placed: Duration, ready: Duration) -> Vec<Measurement> {
    vec![
        Measurement::new("restore_s", placed.as_secs_f64(), "s", Better::Lower),
        Measurement::new("restore_ready_s", ready.as_secs_f64(), "s", Better::Lower),
    ]
}

/// How many methods came through, for the screen.
pub fn headline(rows: &[Measurement]) -> String {
    let of = |metric: &str| {
        rows.iter().filter(|row| row.metric == metric && row.value.is_some()).count()
    };
    format!("{} backups made, {} restored", of("backup_s"), of("restore_ready_s"))
}
