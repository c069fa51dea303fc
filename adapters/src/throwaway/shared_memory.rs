//! Shared memory that a killed server could not give back. It is outside of the server's folder,
//! so that removing the folder does not remove it. Only Linux shows whose it is.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use nix::unistd::Pid;

/// What killed processes had: files in `/dev/shm`, and System V segments by their creator.
#[derive(Debug, Default)]
pub(super) struct SharedMemory {
    files: BTreeSet<PathBuf>,
    creators: BTreeSet<i32>,
}

impl SharedMemory {
    /// Notes what a process has. Call it before the process is killed.
    pub(super) fn note(&mut self, pid: Pid) {
        let maps = fs::read_to_string(format!("/proc/{pid}/maps")).unwrap_or_default();
        self.files.extend(mapped_files(&maps));
        self.creators.insert(pid.as_raw());
    }

    /// Removes what is still there and in nobody's use. Call it once no server runs.
    pub(super) fn remove(&mut self) {
        for file in std::mem::take(&mut self.files) {
            // The server itself removes it when it is started again.
            let _ = fs::remove_file(file);
        }
        let segments = fs::read_to_string("/proc/sysvipc/shm").unwrap_or_default();
        for id in unused_segments(&segments, &std::mem::take(&mut self.creators)) {
            let removed = Command::new("ipcrm").args(["-m", &id.to_string()]).output();
            if !removed.is_ok_and(|output| output.status.success()) {
                tracing::debug!("the shared memory segment {id} could not be removed");
            }
        }
    }
}

/// The files in `/dev/shm` that `/proc/PID/maps` shows (proc_pid_maps(5)).
fn mapped_files(maps: &str) -> impl Iterator<Item = PathBuf> {
    maps.lines()
        .filter_map(|line| line.find("/dev/shm/").map(|start| &line[start..]))
        .filter(|path| !path.ends_with("(deleted)"))
        .map(PathBuf::from)
}

/// The segments that one of `creators` made and no process has attached. The columns are key, id,
/// permissions, size, creator, last user, attachments (proc_sysvipc(5)).
fn unused_segments(table: &str, creators: &BTreeSet<i32>) -> Vec<i64> {
    table
        .lines()
        .skip(1)
        .filter_map(|line| {
            let fields: Vec<&str> = line.split_whitespace().collect();
            let creator: i32 = fields.get(4)?.parse().ok()?;
            let unused = *fields.get(6)? == "0" && creators.contains(&creator);
            if unused { fields.get(1)?.parse().ok() } else { None }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_ones_own_and_unused_memory_is_taken() {
        let table = "  key shmid perms size cpid lpid nattch uid\n\
                     1 11 600 56 100 100 0 0\n\
                     2 12 600 56 100 100 3 0\n\
                     3 13 600 56 200 100 0 0\n";
        assert_eq!(unused_segments(table, &BTreeSet::from([100])), [11]);
        let maps = "7f-80 rw-s 0 00:1a 5 /dev/shm/PostgreSQL.1\n\
                    7f-80 rw-s 0 00:1a 6 /dev/shm/gone (deleted)\n\
                    7f-80 r-xp 0 fe:01 7 /usr/bin/x\n";
        assert_eq!(
            mapped_files(maps).collect::<Vec<_>>(),
            [PathBuf::from("/dev/shm/PostgreSQL.1")]
        );
    }
}
