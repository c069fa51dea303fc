//! What the machine is, as far as it bears on a measurement.

use std::fs;
use std::process::Command;
use std::thread;

use dbdyno_core::{Error, Result};
use serde::{Deserialize, Serialize};

use crate::load::{Loaded, LoadedFile};
use crate::run_folder::file::RUN;

/// How far the memory of one machine may seem to change, for a kernel keeps more or less of it to
/// itself: a share.
const SAME_MEMORY: f64 = 0.02;

/// The machine that dbdyno runs on. What could not be found out is empty or 0.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Machine {
    /// The processor's model.
    pub cpu: String,
    /// Logical processors that this process may run on.
    pub cores: u64,
    /// Memory in bytes.
    pub memory_bytes: u64,
    /// The kernel's name and release: `Linux 6.1.0-18-amd64`.
    pub kernel: String,
    /// The operating system's name and version: `Debian GNU/Linux 12 (bookworm)`.
    pub os: String,
    /// The processor's architecture: `x86_64`, `aarch64`.
    pub arch: String,
}

impl Machine {
    /// What tells two machines apart; what is not known tells nothing.
    pub fn differences(&self, other: &Self) -> Vec<String> {
        let mut differences = Vec::new();
        for (what, one, other) in
            [("processor", &self.cpu, &other.cpu), ("", &self.arch, &other.arch)]
        {
            if one != other && !one.is_empty() && !other.is_empty() {
                differences.push(format!("{what} {one} and {other}").trim().to_owned());
            }
        }
        if self.cores != other.cores && self.cores > 0 && other.cores > 0 {
            differences.push(format!("{} and {} cores", self.cores, other.cores));
        }
        let (small, large) = (
            self.memory_bytes.min(other.memory_bytes) as f64,
            self.memory_bytes.max(other.memory_bytes) as f64,
        );
        if small > 0.0 && large > small * (1.0 + SAME_MEMORY) {
            let bytes = |machine: &Self| crate::number::bytes(machine.memory_bytes as f64);
            differences.push(format!("{} and {} of memory", bytes(self), bytes(other)));
        }
        differences
    }
}

/// Whose machine differs from that of the first file whose machine is known, and in what: a sentence for each.
pub(crate) fn different<'f>(files: impl Iterator<Item = &'f LoadedFile>) -> Vec<String> {
    let known: Vec<(&LoadedFile, &Machine)> =
        files.filter_map(|file| Some((file, &file.run.as_ref()?.machine))).collect();
    let Some(((first, one), others)) = known.split_first() else { return Vec::new() };
    let told = others.iter().filter_map(|(file, other)| {
        let differences = one.differences(other);
        (!differences.is_empty()).then(|| {
            format!(
                "`{}` and `{}` were measured on different machines ({})",
                first.path.display(),
                file.path.display(),
                differences.join(", ")
            )
        })
    });
    told.collect()
}

/// Whose machine is not known, for there is no `run.toml` beside it: a sentence for each.
pub(crate) fn unknown<'f>(files: impl Iterator<Item = &'f LoadedFile>) -> Vec<String> {
    let without = files.filter(|file| file.run.is_none());
    let told = without.map(|file| {
        format!(
            "there is no {RUN} beside `{}`: on which machine it was measured is not known",
            file.path.display()
        )
    });
    told.collect()
}

/// Sees that all runs were measured on one machine, as far as `run.toml` tells; where that is not asked for
/// (`across_machines`), gives what differs; and whose machine is not known, a sentence each.
///
/// # Errors
/// The machines differ, and nobody said that this is meant.
pub fn check_machines(loaded: &Loaded, across_machines: bool) -> Result<Vec<String>> {
    let told = different(loaded.files.iter());
    match told.first() {
        Some(first) if !across_machines => Err(Error::new("put the runs side by side", first)
            .next("give runs of one machine, or `--across-machines` if you know what that means")),
        _ => Ok([told, unknown(loaded.files.iter())].concat()),
    }
}

/// Looks at the machine: `/proc` and `/etc/os-release` on Linux, `sysctl` and `sw_vers` on macOS
/// and the BSDs. Never fails; see [`Machine`].
pub fn machine() -> Machine {
    let cores = thread::available_parallelism().map_or(0, |cores| cores.get() as u64);
    let arch = std::env::consts::ARCH.to_owned();
    let seen = if cfg!(target_os = "linux") { from_proc() } else { from_sysctl() };
    Machine { cores, arch, ..seen }
}

fn from_proc() -> Machine {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    Machine {
        cpu: cpu_model(&read("/proc/cpuinfo"), &read("/proc/device-tree/model")),
        memory_bytes: memory_bytes(&read("/proc/meminfo")),
        kernel: format!("Linux {}", read("/proc/sys/kernel/osrelease").trim()).trim().to_owned(),
        os: os_name(&read("/etc/os-release")),
        ..Machine::default()
    }
}

fn from_sysctl() -> Machine {
    let memory = ask("sysctl", &["-n", "hw.memsize"]);
    let memory = if memory.is_empty() { ask("sysctl", &["-n", "hw.physmem"]) } else { memory };
    let brand = ask("sysctl", &["-n", "machdep.cpu.brand_string"]);
    let os = [ask("sw_vers", &["-productName"]), ask("sw_vers", &["-productVersion"])].join(" ");
    let os = os.trim().to_owned();
    Machine {
        cpu: if brand.is_empty() { ask("sysctl", &["-n", "hw.model"]) } else { brand },
        memory_bytes: memory.parse().unwrap_or(0),
        kernel: ask("uname", &["-sr"]),
        os: if os.is_empty() { ask("uname", &["-sr"]) } else { os },
        ..Machine::default()
    }
}

/// What a command answers, trimmed; empty where it is missing or fails.
fn ask(program: &str, arguments: &[&str]) -> String {
    match Command::new(program).args(arguments).output() {
        Ok(output) if output.status.success() => {
            String::from_utf8_lossy(&output.stdout).trim().to_owned()
        }
        _ => String::new(),
    }
}

/// The model from `/proc/cpuinfo`; on boards whose kernel names none there (ARM), the board from
/// the device tree.
fn cpu_model(cpuinfo: &str, device_tree: &str) -> String {
    let keys = ["model name", "cpu model", "Model", "Hardware", "cpu"];
    let found = keys.iter().find_map(|key| entry(cpuinfo, key, ':'));
    found.unwrap_or_else(|| device_tree.trim_matches(['\0', '\n', ' ']).to_owned())
}

/// `MemTotal` of `/proc/meminfo`, which is in KiB (proc_meminfo(5)).
fn memory_bytes(meminfo: &str) -> u64 {
    let total = entry(meminfo, "MemTotal", ':').unwrap_or_default();
    let kib = total.split_whitespace().next().and_then(|number| number.parse::<u64>().ok());
    kib.unwrap_or(0).saturating_mul(1024)
}

/// `PRETTY_NAME` of os-release(5).
fn os_name(os_release: &str) -> String {
    entry(os_release, "PRETTY_NAME", '=').unwrap_or_default().trim_matches('"').to_owned()
}

/// The value of the first line `key<separator>value`.
fn entry(text: &str, key: &str, separator: char) -> Option<String> {
    let values = text.lines().filter_map(|line| line.split_once(separator));
    let mut values = values.filter(|(name, _)| name.trim() == key);
    values.next().map(|(_, value)| value.trim().to_owned()).filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::{cpu_model, machine, memory_bytes, os_name};

    #[test]
    fn reads_what_linux_tells() {
        let cpuinfo = "processor\t: 0\nmodel\t\t: 79\nmodel name\t: Xeon(R) E5\n";
        assert_eq!(cpu_model(cpuinfo, ""), "Xeon(R) E5");
        assert_eq!(cpu_model("processor : 0\n", "Raspberry Pi 5\0"), "Raspberry Pi 5");
        assert_eq!(memory_bytes("MemFree: 1 kB\nMemTotal:   2048 kB\n"), 2048 * 1024);
        assert_eq!(os_name("NAME=x\nPRETTY_NAME=\"Debian 12\"\n"), "Debian 12");
    }

    #[test]
    fn knows_this_machine() {
        let machine = machine();
        assert!(machine.cores > 0, "{machine:?}");
        assert!(machine.memory_bytes > 1 << 20, "{machine:?}");
        assert!(!machine.kernel.is_empty() && !machine.arch.is_empty(), "{machine:?}");
    }
}
