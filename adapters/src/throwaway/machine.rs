//! What the machine gives a throwaway server: memory, a file system, randomness.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

use dbdyno_core::{Error, Result};
use nix::sys::statfs::statfs;

use crate::target::Secret;

/// Random bytes in hexadecimal, from the kernel.
///
/// # Errors
/// `/dev/urandom` cannot be read.
pub fn random_hex(bytes: usize) -> io::Result<String> {
    let mut random = vec![0; bytes];
    File::open("/dev/urandom")?.read_exact(&mut random)?;
    Ok(random.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// A password for throwaway servers.
///
/// # Errors
/// None can be made up.
pub fn new_password() -> Result<Secret> {
    let password = random_hex(16).map(Secret::new);
    password.map_err(|why| Error::new("make up a password for throwaway servers", why))
}

/// The memory that programs here may use, in bytes: what the machine has, or what the control
/// group allows where that is less (`memory.max`, Linux's cgroup-v2.rst). `None` where neither is
/// known.
pub fn memory() -> Option<u64> {
    let machine = fs::read_to_string("/proc/meminfo").ok().and_then(|text| total_memory(&text));
    let allowed: Option<u64> =
        ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"]
            .iter()
            .find_map(|file| fs::read_to_string(file).ok()?.trim().parse().ok());
    match (machine, allowed) {
        (Some(machine), Some(allowed)) => Some(allowed.min(machine)),
        (machine, allowed) => machine.or(allowed),
    }
}

fn total_memory(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

/// The name of the file system that `path` is on, such as `ext4`; its magic number where the name
/// is not known (statfs(2)).
///
/// # Errors
/// The path cannot be looked at.
pub fn filesystem(path: &Path) -> io::Result<String> {
    Ok(filesystem_name(&statfs(path)?))
}

/// Whether what is synced to such a file system is there after a loss of power. False for those
/// that live in memory.
pub fn is_on_disk(filesystem: &str) -> bool {
    !matches!(filesystem, "tmpfs" | "ramfs")
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn filesystem_name(found: &nix::sys::statfs::Statfs) -> String {
    // Magic numbers from linux/magic.h; ZFS's from its own sources.
    const NAMES: [(u64, &str); 13] = [
        (0xEF53, "ext4"),
        (0x5846_5342, "xfs"),
        (0x9123_683E, "btrfs"),
        (0x0102_1994, "tmpfs"),
        (0x8584_58F6, "ramfs"),
        (0x794C_7630, "overlay"),
        (0x2FC1_2FC1, "zfs"),
        (0xF2F5_2010, "f2fs"),
        (0x6969, "nfs"),
        (0xFF53_4D42, "cifs"),
        (0x0102_1997, "9p"),
        (0x6573_5546, "fuse"),
        (0xCA45_1A4E, "bcachefs"),
    ];
    // The field is signed on some platforms, and numbers above 2^31 come out negative there.
    let magic = found.filesystem_type().0 as u64 & 0xFFFF_FFFF;
    NAMES
        .iter()
        .find(|(number, _)| *number == magic)
        .map_or_else(|| format!("{magic:#x}"), |(_, name)| (*name).to_owned())
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn filesystem_name(found: &nix::sys::statfs::Statfs) -> String {
    found.filesystem_type_name().to_owned()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn random_text_differs() {
        assert_ne!(random_hex(8).unwrap(), random_hex(8).unwrap());
        assert_eq!(random_hex(8).unwrap().len(), 16);
    }

    #[test]
    fn memory_is_read() {
        assert_eq!(total_memory("MemTotal:       2048 kB\nMemFree: 1 kB\n"), Some(2 << 20));
        assert_eq!(total_memory("nothing of the kind"), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn memory_file_systems_are_told_from_disks() {
        let shm = filesystem(Path::new("/dev/shm")).unwrap();
        assert_eq!(shm, "tmpfs");
        assert!(!is_on_disk(&shm));
        assert!(is_on_disk("ext4"));
        assert!(filesystem(Path::new("/no/such/path")).is_err());
    }
}
