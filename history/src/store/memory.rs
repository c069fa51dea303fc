//! Whether a history fits into memory, found out before it is read.

use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _};

use dbdyno_core::{Error, Result};

/// Bytes of a history that are looked at to see what it is made of.
const SAMPLE: u64 = 4 << 20;
/// Bytes of memory per event and per operation of an event, and for all that does not grow; measured,
/// with some room (`docs/performance.md`). Lists count little, unless they all differ.
const PER_EVENT: f64 = 70.0;
const PER_OPERATION: f64 = 50.0;
const ALWAYS: f64 = 16.0 * 1024.0 * 1024.0;

/// Refuses a file that may need more memory than `limit`, or than the system has available. Reading
/// begins where it did before.
pub fn check(name: &str, file: &mut File, bytes: u64, limit: Option<u64>) -> Result<()> {
    let Some(limit) = limit.or_else(available) else { return Ok(()) };
    let needed =
        needed(file, bytes).map_err(|why| Error::new(format!("read the history {name}"), why))?;
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

/// Bytes of memory that reading and checking a file may need, by what its beginning is made of.
fn needed(file: &mut File, bytes: u64) -> io::Result<u64> {
    let mut sample = Vec::new();
    file.by_ref().take(SAMPLE).read_to_end(&mut sample)?;
    file.rewind()?;
    let events = sample.iter().filter(|byte| **byte == b'{').count();
    let operations = sample.windows(2).filter(|pair| pair == b"[:").count();
    let of_sample = events as f64 * PER_EVENT + operations as f64 * PER_OPERATION;
    Ok((of_sample * bytes as f64 / sample.len().max(1) as f64 + ALWAYS) as u64)
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
        let line = "{:type :ok, :process 0, :f :txn, :value [[:append 1 2] [:r 1 [1 2]]]}\n";
        let mut file = tempfile::tempfile().unwrap();
        io::Write::write_all(&mut file, line.repeat(300_000).as_bytes()).unwrap();
        file.rewind().unwrap();
        let bytes = file.metadata().unwrap().len();
        let error = check("a.edn", &mut file, bytes, Some(32 << 20)).unwrap_err();
        insta::assert_snapshot!(error, @r"
        cannot read the history a.edn: its 21 MiB may need 65 MiB of memory, and there are 32 MiB
          next: check it on a machine with more memory, record a shorter load, or raise `--memory-limit`
        ");
        assert!(check("a.edn", &mut file, bytes, Some(128 << 20)).is_ok());
        let mut text = String::new();
        file.read_to_string(&mut text).unwrap();
        assert_eq!(text.len(), bytes as usize);
    }

    #[test]
    fn linux_tells_what_is_available() {
        if cfg!(target_os = "linux") {
            assert!(available().unwrap() > 1 << 20);
        }
    }
}
