//! What processes use of the machine: a server's, and this one's.

use dbdyno_core::metrics::{MetricInfo, Reading};

/// The metrics of processes. A server's are the sums over all of its processes.
pub const CATALOGUE: &[MetricInfo] = &[
    CPU,
    MetricInfo::gauge("processes", "1", "processes"),
    MetricInfo::gauge("threads", "1", "threads"),
    MetricInfo::gauge(
        "memory_resident_bytes",
        "bytes",
        "memory in use; what processes share is counted for each",
    ),
    MetricInfo::counter("disk_read_bytes", "bytes", "read from disks (/proc/PID/io)"),
    MetricInfo::counter(
        "disk_written_bytes",
        "bytes",
        "written, to reach disks sooner or later (/proc/PID/io)",
    ),
    BUSIEST,
];

/// Processor time.
pub(crate) const CPU: MetricInfo =
    MetricInfo::counter("cpu_s", "s", "processor time used, ended processes included");
/// The thread of this process that had most to do.
pub(crate) const BUSIEST: MetricInfo = MetricInfo::gauge(
    "busiest_thread",
    "1",
    "share of the time since the sample before in which the busiest thread of this process ran, 0 to 1",
);

#[cfg(not(target_os = "linux"))]
mod other {
    use super::Reading;

    /// Looks at this process.
    #[derive(Default)]
    pub(crate) struct Own;

    impl Own {
        pub(crate) fn read(&mut self) -> Vec<Reading> {
            Vec::new()
        }
    }

    pub(crate) fn of_server(_first: u32) -> Vec<Reading> {
        Vec::new()
    }
}

#[cfg(not(target_os = "linux"))]
pub(crate) use other::{Own, of_server};

#[cfg(target_os = "linux")]
pub(crate) use linux::{Own, of_server};

#[cfg(target_os = "linux")]
mod linux {
    use std::collections::BTreeMap;
    use std::time::Instant;

    use dbdyno_core::metrics::find;
    use procfs::process::Process;

    use super::{BUSIEST, CATALOGUE, Reading};

    /// What processes use.
    #[derive(Default)]
    struct Used {
        cpu_ticks: u64,
        processes: u64,
        threads: i64,
        resident_bytes: u64,
        read_bytes: u64,
        written_bytes: u64,
    }

    impl Used {
        fn add(&mut self, process: &Process) {
            // One that has ended meanwhile is in the account of its parent.
            let Ok(stat) = process.stat() else { return };
            let of_children = u64::try_from(stat.cutime + stat.cstime).unwrap_or(0);
            self.cpu_ticks += stat.utime + stat.stime + of_children;
            self.processes += 1;
            self.threads += stat.num_threads;
            self.resident_bytes += stat.rss * procfs::page_size();
            // Another user's is not for everybody to see.
            if let Ok(io) = process.io() {
                self.read_bytes += io.read_bytes;
                self.written_bytes += io.write_bytes;
            }
        }

        fn readings(&self) -> Vec<Reading> {
            let cpu_s = self.cpu_ticks as f64 / procfs::ticks_per_second() as f64;
            let values = [
                ("cpu_s", cpu_s),
                ("processes", self.processes as f64),
                ("threads", self.threads as f64),
                ("memory_resident_bytes", self.resident_bytes as f64),
                ("disk_read_bytes", self.read_bytes as f64),
                ("disk_written_bytes", self.written_bytes as f64),
            ];
            let found = |(name, value)| Some(Reading::new(find(CATALOGUE, name)?, value));
            values.into_iter().filter_map(found).collect()
        }
    }

    /// The process numbered `first` and all that descend from it; nothing where there is none.
    pub(crate) fn of_server(first: u32) -> Vec<Reading> {
        let (mut used, mut to_see) = (Used::default(), vec![first]);
        while let Some(id) = to_see.pop() {
            let Ok(process) =
                i32::try_from(id).map_or(Err(()), |id| Process::new(id).map_err(drop))
            else {
                continue;
            };
            used.add(&process);
            let tasks = process.tasks().into_iter().flatten().flatten();
            to_see.extend(tasks.filter_map(|task| task.children().ok()).flatten());
        }
        if used.processes == 0 { Vec::new() } else { used.readings() }
    }

    /// Looks at this process.
    #[derive(Default)]
    pub(crate) struct Own {
        /// When it was looked at, and the ticks of each thread then.
        last: Option<(Instant, BTreeMap<i32, u64>)>,
    }

    impl Own {
        /// This process, but for the thread that asks.
        pub(crate) fn read(&mut self) -> Vec<Reading> {
            let Ok(process) = Process::myself() else { return Vec::new() };
            let mut used = Used::default();
            used.add(&process);
            let mut readings = used.readings();
            let (now, asking) = (Instant::now(), nix::unistd::gettid().as_raw());
            let tasks = process.tasks().into_iter().flatten().flatten();
            let ticks: BTreeMap<i32, u64> = tasks
                .filter(|task| task.tid != asking)
                .filter_map(|task| task.stat().ok().map(|stat| (task.tid, stat.utime + stat.stime)))
                .collect();
            if let Some((then, before)) = &self.last {
                let per_second = procfs::ticks_per_second() as f64;
                let elapsed = now.duration_since(*then).as_secs_f64().max(f64::MIN_POSITIVE);
                let more = |(id, ticks): (&i32, &u64)| {
                    ticks.saturating_sub(before.get(id).copied().unwrap_or(0))
                };
                let most = ticks.iter().map(more).max().unwrap_or(0) as f64;
                let share = (most / per_second / elapsed).min(1.0);
                readings.push(Reading::new(&BUSIEST, share));
            }
            self.last = Some((now, ticks));
            readings
        }
    }
}
