//! Signals to a server and to the processes that it started.

use std::collections::BTreeMap;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// Sends a signal; a process that is gone already is no error.
pub(crate) fn signal(pid: Pid, signal: Signal) {
    if let Err(why) = kill(pid, signal)
        && why != nix::errno::Errno::ESRCH
    {
        tracing::warn!("{signal} could not be sent to process {pid}: {why}");
    }
}

/// Sends a signal to a process and to all that descend from it, children first. PostgreSQL's
/// backends are in process groups of their own, so signalling the group would not do. Gives the
/// processes, parents first.
pub(crate) fn signal_tree(root: Pid, what: Signal) -> Vec<Pid> {
    let tree = tree(root);
    for pid in tree.iter().rev() {
        signal(*pid, what);
    }
    tree
}

/// Whether a process has ended. One that its parent has not waited for counts as ended: it holds
/// nothing any more.
pub(super) fn has_ended(pid: Pid) -> bool {
    if cfg!(target_os = "linux") {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"));
        return stat.map_or(true, |stat| state(&stat).starts_with(['Z', 'X']));
    }
    kill(pid, None).is_err()
}

/// Whether every thread of a process stands still after SIGSTOP, which the kernel brings to one
/// after the other; also where the process has ended.
pub(super) fn stands_still(pid: Pid) -> bool {
    if !cfg!(target_os = "linux") {
        return true;
    }
    let Ok(threads) = std::fs::read_dir(format!("/proc/{pid}/task")) else { return true };
    threads.flatten().all(|thread| {
        let stat = std::fs::read_to_string(thread.path().join("stat"));
        stat.map_or(true, |stat| state(&stat).starts_with(['T', 't', 'Z', 'X']))
    })
}

/// The state in a line of `/proc/PID/stat` (proc(5)): what follows the name, which may hold
/// anything.
fn state(stat: &str) -> &str {
    stat.rsplit_once(')').map_or("", |(_, rest)| rest.trim_start())
}

/// A process and its descendants, parents first.
fn tree(root: Pid) -> Vec<Pid> {
    let mut children: BTreeMap<i32, Vec<i32>> = BTreeMap::new();
    for (pid, parent) in all_processes() {
        children.entry(parent).or_default().push(pid);
    }
    let mut found = vec![root];
    let mut next = 0;
    while let Some(pid) = found.get(next) {
        let below = children.remove(&pid.as_raw()).unwrap_or_default();
        found.extend(below.into_iter().map(Pid::from_raw));
        next += 1;
    }
    found
}

/// Every process with its parent.
#[cfg(target_os = "linux")]
fn all_processes() -> Vec<(i32, i32)> {
    let Ok(folder) = std::fs::read_dir("/proc") else { return Vec::new() };
    folder
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter_map(|pid: i32| {
            let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
            Some((pid, parent_in_stat(&stat)?))
        })
        .collect()
}

/// The parent in a line of `/proc/PID/stat`. The name before it is in parentheses and may itself
/// hold parentheses and blanks (proc_pid_stat(5)).
#[cfg(target_os = "linux")]
fn parent_in_stat(stat: &str) -> Option<i32> {
    let (_, after_name) = stat.rsplit_once(')')?;
    after_name.split_whitespace().nth(1)?.parse().ok()
}

/// Every process with its parent.
#[cfg(not(target_os = "linux"))]
fn all_processes() -> Vec<(i32, i32)> {
    let Ok(output) = std::process::Command::new("ps").args(["-A", "-o", "pid=,ppid="]).output()
    else {
        return Vec::new();
    };
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter_map(|line| {
            let mut numbers = line.split_whitespace().map(str::parse);
            Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use std::process::{Command, Stdio};

    use super::*;

    #[cfg(target_os = "linux")]
    #[test]
    fn names_with_parentheses_do_not_hide_the_parent() {
        assert_eq!(parent_in_stat("12 (a) b) (c) S 7 12 12 0"), Some(7));
    }

    #[test]
    fn a_signal_reaches_grandchildren() {
        let mut shell = Command::new("sh")
            .args(["-c", "sleep 600 & echo ready; wait"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut out = std::io::BufReader::new(shell.stdout.take().unwrap());
        std::io::BufRead::read_line(&mut out, &mut line).unwrap();
        let root = Pid::from_raw(i32::try_from(shell.id()).unwrap());
        assert_eq!(tree(root).len(), 2);
        signal_tree(root, Signal::SIGKILL);
        shell.wait().unwrap();
        // The pipe ends once the sleeping process, which holds it too, is gone.
        assert_eq!(std::io::BufRead::read_line(&mut out, &mut line).unwrap(), 0);
    }
}
