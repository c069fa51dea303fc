//! What the machine does, as Linux tells it in `/proc` (proc(5)); nothing is told elsewhere.

use dbdyno_core::metrics::{MetricInfo, Reading};

/// The metrics of the machine.
pub const CATALOGUE: &[MetricInfo] = &[
    BUSY,
    PROCESSORS,
    MetricInfo::counter("cpu_user_s", "s", "processor time of programs, all processors together"),
    MetricInfo::counter("cpu_system_s", "s", "processor time of the kernel, interrupts included"),
    MetricInfo::counter(
        "cpu_io_wait_s",
        "s",
        "processor time idle while input or output was waited for",
    ),
    MetricInfo::counter("cpu_stolen_s", "s", "processor time that a hypervisor gave to others"),
    MetricInfo::gauge("run_queue", "1", "threads that run or could (procs_running)"),
    MetricInfo::gauge("blocked", "1", "threads that wait for input or output (procs_blocked)"),
    MetricInfo::counter("context_switches", "1", "context switches of all threads"),
    MetricInfo::gauge("memory_available_bytes", "bytes", "memory that programs could still have"),
    MetricInfo::gauge("memory_total_bytes", "bytes", "memory there is"),
    MetricInfo::gauge("memory_dirty_bytes", "bytes", "file contents that wait to be written"),
    MetricInfo::counter("disk_read_bytes", "bytes", "read, by disk"),
    MetricInfo::counter("disk_written_bytes", "bytes", "written, by disk"),
    MetricInfo::counter("disk_operations", "1", "reads and writes that ended, by disk"),
    MetricInfo::counter("disk_busy_ms", "ms", "time in which something was under way, by disk"),
    MetricInfo::gauge(
        "file_system_bytes",
        "bytes",
        "space there is for users, by where a local file system is mounted",
    ),
    MetricInfo::gauge("file_system_free_bytes", "bytes", "space that is left of it"),
    MetricInfo::counter("network_received_bytes", "bytes", "received, by interface"),
    MetricInfo::counter("network_sent_bytes", "bytes", "sent, by interface"),
];

/// All processors, whichever of them this process may use.
pub(crate) const PROCESSORS: MetricInfo =
    MetricInfo::gauge("processors", "1", "processors that the machine has online");
/// Processors at work.
pub(crate) const BUSY: MetricInfo =
    MetricInfo::counter("cpu_busy_s", "s", "processor time in use, all processors together");

#[cfg(not(target_os = "linux"))]
pub(crate) fn read() -> Vec<Reading> {
    Vec::new()
}

#[cfg(target_os = "linux")]
pub(crate) use linux::read;

#[cfg(target_os = "linux")]
mod linux {
    use std::collections::BTreeSet;

    use nix::sys::statvfs::statvfs;
    use procfs::process::{MountInfo, Process};
    use procfs::{Current as _, CurrentSI as _, DiskStat, KernelStats, Meminfo, diskstats, net};

    use dbdyno_core::metrics::find;

    use super::{CATALOGUE, Reading};

    /// A sector of `/proc/diskstats`, whatever the disk's own is (Documentation/admin-guide/iostats.rst).
    const SECTOR_BYTES: f64 = 512.0;

    /// The machine at this moment. A file of `/proc` that this kernel lacks is left out.
    pub(crate) fn read() -> Vec<Reading> {
        let mut readings = Vec::new();
        processors(&mut readings);
        memory(&mut readings);
        disks(&mut readings);
        file_systems(&mut readings);
        networks(&mut readings);
        readings
    }

    fn add(readings: &mut Vec<Reading>, metric: &str, of: &str, value: f64) {
        let metric = find(CATALOGUE, metric);
        readings.extend(metric.map(|metric| Reading { metric, of: of.to_owned(), value }));
    }

    fn processors(readings: &mut Vec<Reading>) {
        let Ok(kernel) = KernelStats::current() else { return };
        let (total, tick) = (&kernel.total, 1.0 / procfs::ticks_per_second() as f64);
        let seconds = |ticks: u64| ticks as f64 * tick;
        let user = seconds(total.user + total.nice);
        let interrupts = total.irq.unwrap_or(0) + total.softirq.unwrap_or(0);
        let system = seconds(total.system + interrupts);
        let stolen = seconds(total.steal.unwrap_or(0));
        add(readings, "cpu_busy_s", "", user + system + stolen);
        add(readings, "processors", "", kernel.cpu_time.len() as f64);
        add(readings, "cpu_user_s", "", user);
        add(readings, "cpu_system_s", "", system);
        add(readings, "cpu_io_wait_s", "", seconds(total.iowait.unwrap_or(0)));
        add(readings, "cpu_stolen_s", "", stolen);
        add(readings, "context_switches", "", kernel.ctxt as f64);
        if let Some(running) = kernel.procs_running {
            add(readings, "run_queue", "", f64::from(running));
        }
        if let Some(blocked) = kernel.procs_blocked {
            add(readings, "blocked", "", f64::from(blocked));
        }
    }

    fn memory(readings: &mut Vec<Reading>) {
        let Ok(memory) = Meminfo::current() else { return };
        if let Some(available) = memory.mem_available {
            add(readings, "memory_available_bytes", "", available as f64);
        }
        add(readings, "memory_total_bytes", "", memory.mem_total as f64);
        add(readings, "memory_dirty_bytes", "", memory.dirty as f64);
    }

    fn disks(readings: &mut Vec<Reading>) {
        for disk in diskstats().unwrap_or_default().iter().filter(|disk| is_disk(disk)) {
            let (name, sectors) = (&disk.name, |count: u64| count as f64 * SECTOR_BYTES);
            add(readings, "disk_read_bytes", name, sectors(disk.sectors_read));
            add(readings, "disk_written_bytes", name, sectors(disk.sectors_written));
            add(readings, "disk_operations", name, (disk.reads + disk.writes) as f64);
            add(readings, "disk_busy_ms", name, disk.time_in_progress as f64);
        }
    }

    /// Whether it is a disk as a whole that has been used, and none that lies in memory or in a file.
    fn is_disk(disk: &DiskStat) -> bool {
        let made_up = ["loop", "ram", "zram", "sr", "fd"];
        let whole = std::path::Path::new("/sys/block").join(&disk.name).exists();
        let used = disk.reads + disk.writes > 0;
        used && whole && !made_up.iter().any(|prefix| disk.name.starts_with(prefix))
    }

    fn file_systems(readings: &mut Vec<Reading>) {
        let mounts = Process::myself().and_then(|process| process.mountinfo());
        let mut seen = BTreeSet::new();
        for mount in mounts.into_iter().flatten() {
            if !is_local(&mount) || !mount.mount_point.is_dir() {
                continue;
            }
            let Ok(space) = statvfs(&mount.mount_point) else { continue };
            let place = mount.mount_point.display().to_string();
            // The same file system may be mounted in several places.
            if space.blocks() == 0 || !seen.insert(mount.majmin) {
                continue;
            }
            let bytes = |blocks: u64| blocks as f64 * space.fragment_size() as f64;
            let (free, kept_for_root) = (
                space.blocks_available(),
                space.blocks_free().saturating_sub(space.blocks_available()),
            );
            let all = space.blocks().saturating_sub(kept_for_root);
            add(readings, "file_system_bytes", &place, bytes(all));
            add(readings, "file_system_free_bytes", &place, bytes(free));
        }
    }

    /// Whether it is a file system of this machine that can be written to: one in the network may not answer, and
    /// of those in memory only the usual places of files are of interest.
    fn is_local(mount: &MountInfo) -> bool {
        let on_disk = mount.mount_source.as_ref().is_some_and(|source| source.starts_with("/dev/"));
        let layered = matches!(mount.fs_type.as_str(), "overlay" | "zfs" | "btrfs" | "bcachefs");
        let place = mount.mount_point.to_str();
        let in_memory = mount.fs_type == "tmpfs" && matches!(place, Some("/tmp" | "/dev/shm"));
        (on_disk || layered || in_memory) && !mount.mount_options.contains_key("ro")
    }

    fn networks(readings: &mut Vec<Reading>) {
        let mut networks: Vec<_> = net::dev_status().unwrap_or_default().into_values().collect();
        networks.sort_by(|one, other| one.name.cmp(&other.name));
        for network in networks {
            add(readings, "network_received_bytes", &network.name, network.recv_bytes as f64);
            add(readings, "network_sent_bytes", &network.name, network.sent_bytes as f64);
        }
    }

    #[cfg(test)]
    mod tests {
        use std::fs::{self, File};
        use std::io::{Read as _, Write as _};
        use std::net::{TcpListener, TcpStream};
        use std::time::{Duration, Instant};

        use super::read;

        const MEGABYTES: usize = 20;

        /// A metric of all that there are of it.
        fn sum(metric: &str) -> f64 {
            let readings = read();
            let its: Vec<f64> = readings
                .iter()
                .filter(|reading| reading.metric.name == metric)
                .map(|reading| reading.value)
                .collect();
            assert!(!its.is_empty(), "there is no {metric}");
            its.iter().sum()
        }

        #[test]
        fn what_is_written_is_counted_by_the_disk_that_has_it() {
            let written = || sum("disk_written_bytes");
            let program = std::env::current_exe().unwrap();
            let path = program.with_file_name(format!("written-{}", std::process::id()));
            let (before, operations) = (written(), sum("disk_operations"));
            let mut file = File::create(&path).unwrap();
            file.write_all(&vec![7; MEGABYTES << 20]).unwrap();
            file.sync_all().unwrap();
            let (after, later) = (written(), sum("disk_operations"));
            fs::remove_file(&path).unwrap();
            assert!(after - before >= (MEGABYTES << 20) as f64, "{before} to {after}");
            assert!(later > operations);
        }

        #[test]
        fn what_is_sent_is_counted_on_both_ways() {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let mut sender = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            let (mut receiver, _) = listener.accept().unwrap();
            let count = || (sum("network_sent_bytes"), sum("network_received_bytes"));
            let before = count();
            let sending = std::thread::spawn(move || sender.write_all(&vec![7; MEGABYTES << 20]));
            let mut received = Vec::new();
            receiver.read_to_end(&mut received).unwrap();
            sending.join().unwrap().unwrap();
            let after = count();
            let all = (MEGABYTES << 20) as f64;
            assert!(after.0 - before.0 >= all && after.1 - before.1 >= all, "{before:?} {after:?}");
        }

        #[test]
        fn memory_is_what_the_kernel_says() {
            let kernel = |name: &str| {
                let text = fs::read_to_string("/proc/meminfo").unwrap();
                let line = text.lines().find(|line| line.starts_with(name)).unwrap();
                line.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap() * 1024.0
            };
            assert!((sum("memory_total_bytes") - kernel("MemTotal:")).abs() < 1.0);
            // Others take and give memory meanwhile.
            let deadline = Instant::now() + Duration::from_secs(60);
            let apart = || (sum("memory_available_bytes") - kernel("MemAvailable:")).abs();
            while apart() >= 0.1 * kernel("MemTotal:") {
                assert!(Instant::now() < deadline);
            }
        }
    }
}
