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
    MetricInfo::counter(
        "cpu_wait_s",
        "s",
        "time in which threads could run and waited for a processor (/proc/PID/schedstat)",
    ),
    MetricInfo::counter(
        "context_switches",
        "1",
        "context switches: `voluntary`, to wait for something, and `involuntary` (/proc/PID/status)",
    ),
    BUSIEST,
    READY,
];

/// Processor time.
pub(crate) const CPU: MetricInfo =
    MetricInfo::counter("cpu_s", "s", "processor time used, of a server by ended processes, too");
/// The thread of this process that had most to do.
pub(crate) const BUSIEST: MetricInfo = MetricInfo::gauge(
    "busiest_thread",
    "1",
    "share of the time since the sample before in which the busiest thread of this process ran, 0 to 1",
);

/// The thread of this process that waited least for anything but a processor.
pub(crate) const READY: MetricInfo = MetricInfo::gauge(
    "busiest_thread_ready",
    "1",
    "share of that time in which the thread of this process that had most to do ran or waited for a processor, 0 to 1",
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

    /// Looks at the processes of a server.
    #[derive(Default)]
    pub(crate) struct Server;

    impl Server {
        pub(crate) fn read(&mut self, _first: u32) -> Vec<Reading> {
            Vec::new()
        }
    }
}

#[cfg(not(target_os = "linux"))]
pub(crate) use other::{Own, Server};

#[cfg(target_os = "linux")]
pub(crate) use linux::{Own, Server};

#[cfg(target_os = "linux")]
mod linux {
    use std::time::Instant;

    use dbdyno_core::metrics::find;
    use procfs::process::Process;

    use super::{BUSIEST, CATALOGUE, READY, Reading};
    use crate::threads::{Doings, Threads};

    /// What processes use.
    #[derive(Default)]
    struct Used {
        cpu_ticks: u64,
        processes: u64,
        threads: i64,
        resident_bytes: u64,
        /// Read and written; `None` where they are not for this user to see.
        io_bytes: Option<(u64, u64)>,
    }

    /// How often a server is looked at until none of its processes ends meanwhile.
    const LOOKS: u32 = 3;

    /// Processor time of a process, and of those of its children that have ended and were waited for; nothing of one
    /// that has ended itself, and is in the account of its parent.
    fn ticks(process: &Process) -> (u64, u64) {
        process.stat().map_or((0, 0), |stat| {
            let of_children = u64::try_from(stat.cutime + stat.cstime).unwrap_or(0);
            (stat.utime + stat.stime, of_children)
        })
    }

    /// The processor time of a server, of its processes and of those that have ended. A process passes from the one to the
    /// other when it ends: looked at in between it would be in neither, or in both.
    fn settled(mut ended: impl FnMut() -> u64, mut living: impl FnMut() -> u64) -> u64 {
        let mut before = ended();
        for _ in 1..LOOKS {
            let found = living();
            let after = ended();
            if after == before {
                return found + after;
            }
            before = after;
        }
        living() + before
    }

    impl Used {
        /// Takes in all but the processor time.
        fn add(&mut self, process: &Process) {
            let Ok(stat) = process.stat() else { return };
            self.processes += 1;
            self.threads += stat.num_threads;
            self.resident_bytes += stat.rss * procfs::page_size();
            let io = process.io().ok().map(|io| (io.read_bytes, io.write_bytes));
            self.io_bytes = match (self.io_bytes, io) {
                _ if self.processes == 1 => io,
                (Some(all), Some(more)) => Some((all.0 + more.0, all.1 + more.1)),
                _ => None,
            };
        }

        fn readings(&self) -> Vec<Reading> {
            let cpu_s = self.cpu_ticks as f64 / procfs::ticks_per_second() as f64;
            let io = self.io_bytes;
            let values = [
                ("cpu_s", Some(cpu_s)),
                ("processes", Some(self.processes as f64)),
                ("threads", Some(self.threads as f64)),
                ("memory_resident_bytes", Some(self.resident_bytes as f64)),
                ("disk_read_bytes", io.map(|(read, _)| read as f64)),
                ("disk_written_bytes", io.map(|(_, written)| written as f64)),
            ];
            let found = |(name, value): (&str, Option<f64>)| {
                Some(Reading::new(find(CATALOGUE, name)?, value?))
            };
            values.into_iter().filter_map(found).collect()
        }
    }

    /// Looks at the processes of a server.
    #[derive(Default)]
    pub(crate) struct Server {
        threads: Threads,
        /// The first process, and the processor time when it was looked at.
        last: (u32, u64),
    }

    impl Server {
        /// The process numbered `first` and all that descend from it; nothing where there is none, or where the system
        /// does not tell of its children (it is built without `CONFIG_PROC_CHILDREN`): a part says nothing.
        pub(crate) fn read(&mut self, first: u32) -> Vec<Reading> {
            let (mut used, mut to_see) = (Used::default(), vec![first]);
            let (mut threads, mut processes) = (Vec::new(), Vec::new());
            while let Some(id) = to_see.pop() {
                let Ok(process) =
                    i32::try_from(id).map_or(Err(()), |id| Process::new(id).map_err(drop))
                else {
                    continue;
                };
                used.add(&process);
                let tasks = process.tasks().into_iter().flatten().flatten();
                for task in tasks {
                    match task.children() {
                        Ok(children) => to_see.extend(children),
                        Err(_) if !tells_children() => return Vec::new(),
                        // It has ended meanwhile.
                        Err(_) => {}
                    }
                    threads.extend(Doings::of(&task));
                }
                processes.push(process);
            }
            self.threads.see(threads);
            if used.processes == 0 {
                return Vec::new();
            }
            used.cpu_ticks = self.cpu_ticks(first, &processes);
            let mut readings = used.readings();
            readings.extend(of_threads(&self.threads));
            readings
        }
    }

    impl Server {
        /// Never less than before of the same first process, whatever ends while it is looked at.
        fn cpu_ticks(&mut self, first: u32, processes: &[Process]) -> u64 {
            let (root, others) = processes.split_at(processes.len().min(1));
            let ended = || root.iter().map(|root| ticks(root).1).sum();
            let living = || {
                let of_others = others.iter().map(ticks).map(|(own, ended)| own + ended);
                of_others.chain(root.iter().map(|root| ticks(root).0)).sum()
            };
            let found = settled(ended, living);
            let least = if self.last.0 == first { self.last.1 } else { 0 };
            self.last = (first, found.max(least));
            self.last.1
        }
    }

    /// What threads did, by the names of the catalogue.
    fn of_threads(threads: &Threads) -> Vec<Reading> {
        let all = threads.total();
        let values = [
            ("cpu_wait_s", "", all.waited_ns.map(|ns| ns as f64 / 1e9)),
            ("context_switches", "voluntary", all.voluntary.map(|count| count as f64)),
            ("context_switches", "involuntary", all.involuntary.map(|count| count as f64)),
        ];
        let found = |(name, of, value): (&str, &str, Option<f64>)| {
            Some(Reading { metric: find(CATALOGUE, name)?, of: of.to_owned(), value: value? })
        };
        values.into_iter().filter_map(found).collect()
    }

    /// Whether the system tells of the children of this very thread.
    fn tells_children() -> bool {
        std::path::Path::new("/proc/thread-self/children").exists()
    }

    /// Looks at this process.
    #[derive(Default)]
    pub(crate) struct Own {
        threads: Threads,
        /// When it was looked at.
        last: Option<Instant>,
    }

    impl Own {
        /// This process; the busiest thread is none that asks.
        pub(crate) fn read(&mut self) -> Vec<Reading> {
            let Ok(process) = Process::myself() else { return Vec::new() };
            let mut used = Used::default();
            used.add(&process);
            // Nothing of its children: these are servers.
            used.cpu_ticks = ticks(&process).0;
            let mut readings = used.readings();
            let (now, asking) = (Instant::now(), nix::unistd::gettid().as_raw());
            let tasks = process.tasks().into_iter().flatten().flatten();
            let grown = self.threads.see(tasks.filter_map(|task| Doings::of(&task)).collect());
            readings.extend(of_threads(&self.threads));
            if let Some(then) = self.last.replace(now) {
                let elapsed_ns = now.duration_since(then).as_nanos().max(1) as f64;
                let others = || grown.iter().filter(|(id, _)| *id != asking).map(|(_, did)| did);
                let share = |most_ns: u64| (most_ns as f64 / elapsed_ns).min(1.0);
                let ran = others().map(|did| did.ran_ns).max().unwrap_or(0);
                readings.push(Reading::new(&BUSIEST, share(ran)));
                let ready = others().map(|did| Some(did.ran_ns + did.waited_ns?)).max().flatten();
                readings.extend(ready.map(|ready| Reading::new(&READY, share(ready))));
            }
            readings
        }
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn a_process_that_ends_meanwhile_is_counted_once() {
            // By what is looked at, one after another: ended, living, ended, living…
            let counted = |ended: &[u64], living: &[u64]| {
                let (mut ended, mut living) = (ended.iter(), living.iter());
                settled(|| *ended.next().unwrap(), || *living.next().unwrap())
            };
            assert_eq!(counted(&[5, 5], &[100]), 105);
            // One of 40 ended before the living were looked at, then one of 60 after that.
            assert_eq!(counted(&[5, 45, 45], &[60, 60]), 105);
            assert_eq!(counted(&[5, 65, 65], &[100, 40]), 105);
            // They end all the time.
            assert_eq!(counted(&[5, 6, 7], &[100, 99, 98]), 105);
        }

        /// A server whose processes come and go.
        #[test]
        fn processor_time_of_a_server_never_falls() {
            let work = "while :; do sh -c 'i=0; while [ $i -lt 3000 ]; do i=$((i+1)); done'; done";
            let mut shell = std::process::Command::new("sh").args(["-c", work]).spawn().unwrap();
            let mut server = Server::default();
            let deadline = Instant::now() + std::time::Duration::from_secs(60);
            let mut course = vec![0.0];
            while course[course.len() - 1] < 0.3 && Instant::now() < deadline {
                let readings = server.read(shell.id());
                let cpu = readings.iter().find(|reading| reading.metric.name == "cpu_s");
                course.extend(cpu.map(|cpu| cpu.value));
            }
            shell.kill().unwrap();
            shell.wait().unwrap();
            assert!(course[course.len() - 1] >= 0.3, "{course:?}");
            assert!(course.is_sorted(), "{course:?}");
        }

        fn written(readings: &[Reading]) -> f64 {
            // There is none where a process ends while it is looked at.
            let found = readings.iter().find(|reading| reading.metric.name == "disk_written_bytes");
            found.map_or(0.0, |found| found.value)
        }

        /// Of this process, and of one that a server started, which has ended since.
        #[test]
        fn what_processes_write_is_counted() {
            let program = std::env::current_exe().unwrap();
            let path = program.with_file_name(format!("process-{}", std::process::id()));
            let all = f64::from(20 << 20);
            let before = written(&Own::default().read());
            std::fs::write(&path, vec![7; 20 << 20]).unwrap();
            let after = written(&Own::default().read());
            assert!(after - before >= all, "{before} to {after}");

            let copy = "dd if=/dev/zero of=\"$0\" bs=1M count=20 conv=fsync 2>/dev/null; read end";
            let mut command = std::process::Command::new("sh");
            command.args(["-c", copy]).arg(&path).stdin(std::process::Stdio::piped());
            let mut shell = command.spawn().unwrap();
            let mut server = Server::default();
            let deadline = Instant::now() + std::time::Duration::from_secs(60);
            while written(&server.read(shell.id())) < all {
                assert!(Instant::now() < deadline, "{:?}", server.read(shell.id()));
                std::thread::park_timeout(std::time::Duration::from_millis(10));
            }
            drop(shell.stdin.take());
            shell.wait().unwrap();
            std::fs::remove_file(&path).unwrap();
        }
    }
}
