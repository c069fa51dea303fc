//! Whether a history fits into memory, found out before it is read.

use std::fs;

use dbdyno_core::{Error, Result};

/// Bytes of memory that reading and checking take at most per byte of a file, measured with histories
/// of the shortest transactions there are; long lists take less (`docs/performance.md`).
const MEMORY_PER_BYTE: f64 = 2.5;

/// Bytes of memory that a history in a file of `bytes` bytes may need.
pub fn needed(bytes: u64) -> u64 {
    (bytes as f64 * MEMORY_PER_BYTE) as u64 + (16 << 20)
}

/// Refuses a file of `bytes` bytes that may need more than `limit`, or than the system has available.
pub fn check(name: &str, bytes: u64, limit: Option<u64>) -> Result<()> {
    let Some(limit) = limit.or_else(available) else { return Ok(()) };
    let needed = needed(bytes);
    if needed <= limit {
        return Ok(());
    }
    let why = format!(
        "its {} may need {} of memory, and there are {}",
        megabytes(bytes),
        megabytes(needed),
        megabytes(limit)
    );
    Err(Error::new(format!("read the history {name}"), why).next(
        "check it on a machine with more memory, record a shorter load, or raise `--memory-limit`",
    ))
}

/// Bytes that programs can have without others being swapped out (proc_meminfo(5)); `None` where the
/// system does not tell.
fn available() -> Option<u64> {
    let text = fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kilobytes: u64 = line.trim().trim_end_matches(" kB").parse().ok()?;
    Some(kilobytes * 1024)
}

fn megabytes(bytes: u64) -> String {
    format!("{} MiB", bytes.div_ceil(1 << 20))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_large_a_history_says_what_it_needs() {
        let error = check("a.edn", 1 << 30, Some(1 << 30)).unwrap_err();
        insta::assert_snapshot!(error, @r"
        cannot read the history a.edn: its 1024 MiB may need 2576 MiB of memory, and there are 1024 MiB
          next: check it on a machine with more memory, record a shorter load, or raise `--memory-limit`
        ");
        assert!(check("a.edn", 1 << 20, Some(1 << 30)).is_ok());
    }

    #[test]
    fn linux_tells_what_is_available() {
        if cfg!(target_os = "linux") {
            assert!(available().unwrap() > 1 << 20);
        }
    }
}
