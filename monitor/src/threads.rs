//! What threads do, added up over those that end meanwhile: Linux keeps no account of theirs for a process as a whole
//! (of its voluntary context switches `/proc/PID/status` has those of its first thread alone).

use std::collections::BTreeMap;

use procfs::process::Task;

/// What a thread, or several, did so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Doings {
    /// Time that it ran.
    pub(crate) ran_ns: u64,
    /// Time that it could run and waited for a processor; `None` where the kernel keeps no account of that
    /// (`CONFIG_SCHED_INFO`).
    pub(crate) waited_ns: Option<u64>,
    /// How often it gave up its processor, to wait for something.
    pub(crate) voluntary: Option<u64>,
    /// How often that was taken from it.
    pub(crate) involuntary: Option<u64>,
}

impl Doings {
    /// A thread by its number; `None` where it has ended meanwhile.
    pub(crate) fn of(task: &Task) -> Option<(i32, Self)> {
        let (ran_ns, waited_ns) = match task.schedstat() {
            Ok(of) => (of.sum_exec_runtime, Some(of.run_delay)),
            Err(_) => {
                let stat = task.stat().ok()?;
                let tick_ns = 1_000_000_000 / procfs::ticks_per_second().max(1);
                ((stat.utime + stat.stime) * tick_ns, None)
            }
        };
        // One that ended since is not taken in without them: what the sums lack of one they lack from then on.
        let (voluntary, involuntary) = switches(task)?;
        Some((task.tid, Self { ran_ns, waited_ns, voluntary, involuntary }))
    }

    /// What it did since `before`. A number that is given again is another thread's, which began with nothing.
    fn since(self, before: Self) -> Self {
        let before = if self.ran_ns < before.ran_ns { Self::default() } else { before };
        let more = |now: Option<u64>, before: Option<u64>| {
            now.map(|now| now.saturating_sub(before.unwrap_or(0)))
        };
        Self {
            ran_ns: self.ran_ns - before.ran_ns,
            waited_ns: more(self.waited_ns, before.waited_ns),
            voluntary: more(self.voluntary, before.voluntary),
            involuntary: more(self.involuntary, before.involuntary),
        }
    }

    /// Both. What one of two does not tell of is not told of both.
    fn and(self, other: Self) -> Self {
        let both = |one: Option<u64>, other: Option<u64>| Some(one? + other?);
        Self {
            ran_ns: self.ran_ns + other.ran_ns,
            waited_ns: both(self.waited_ns, other.waited_ns),
            voluntary: both(self.voluntary, other.voluntary),
            involuntary: both(self.involuntary, other.involuntary),
        }
    }
}

/// Context switches of a thread, voluntary and not: two of sixty lines, which are read for each of many threads;
/// `None` where it has ended meanwhile.
fn switches(task: &Task) -> Option<(Option<u64>, Option<u64>)> {
    let path = format!("/proc/{}/task/{}/status", task.pid, task.tid);
    let status = std::fs::read_to_string(path).ok()?;
    let of = |name: &str| {
        let lines = status.lines().rev();
        let mut values = lines.filter_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        values.next()?.trim().parse().ok()
    };
    Some((of("voluntary_ctxt_switches"), of("nonvoluntary_ctxt_switches")))
}

/// Threads that come and go, looked at again and again. What one does between the last look at it and its end is lost.
#[derive(Debug)]
pub(crate) struct Threads {
    known: BTreeMap<i32, Doings>,
    total: Doings,
}

impl Default for Threads {
    fn default() -> Self {
        let nothing =
            Doings { ran_ns: 0, waited_ns: Some(0), voluntary: Some(0), involuntary: Some(0) };
        Self { known: BTreeMap::new(), total: nothing }
    }
}

impl Threads {
    /// Takes in those that there are, by their numbers. Gives what each did since it was last looked at, or, one that
    /// is new, since its beginning.
    pub(crate) fn see(&mut self, threads: Vec<(i32, Doings)>) -> Vec<(i32, Doings)> {
        let before = |id: &i32| self.known.get(id).copied().unwrap_or_default();
        let grown: Vec<_> = threads.iter().map(|(id, now)| (*id, now.since(before(id)))).collect();
        self.total = grown.iter().fold(self.total, |total, (_, did)| total.and(*did));
        self.known = threads.into_iter().collect();
        grown
    }

    /// What all did, those that have ended included.
    pub(crate) fn total(&self) -> Doings {
        self.total
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    fn did(ran_ns: u64, voluntary: u64) -> Doings {
        Doings { ran_ns, waited_ns: Some(1), voluntary: Some(voluntary), involuntary: Some(0) }
    }

    #[test]
    fn what_ended_stays_in_the_account_and_a_number_may_be_given_again() {
        let mut threads = Threads::default();
        threads.see(vec![(1, did(10, 5)), (2, did(20, 7))]);
        assert_eq!((threads.total().ran_ns, threads.total().voluntary), (30, Some(12)));
        let grown = threads.see(vec![(1, did(15, 6))]);
        assert_eq!((grown[0].1.ran_ns, grown[0].1.voluntary), (5, Some(1)));
        assert_eq!((threads.total().ran_ns, threads.total().voluntary), (35, Some(13)));
        // Another one of the same number.
        threads.see(vec![(1, did(4, 2)), (2, did(1, 1))]);
        assert_eq!((threads.total().ran_ns, threads.total().voluntary), (40, Some(16)));
    }

    #[test]
    fn a_thread_that_ends_while_it_is_looked_at_is_left_out() {
        let (told, number) = std::sync::mpsc::channel();
        let (end, ended) = std::sync::mpsc::channel::<()>();
        let thread = std::thread::spawn(move || {
            told.send(nix::unistd::gettid().as_raw()).unwrap();
            let _ = ended.recv();
        });
        let number = number.recv().unwrap();
        let tasks = procfs::process::Process::myself().unwrap().tasks().unwrap();
        let task = tasks.flatten().find(|task| task.tid == number).unwrap();
        assert!(switches(&task).is_some());
        drop(end);
        thread.join().unwrap();
        // It is over for this process before it is for the kernel.
        let deadline = Instant::now() + Duration::from_secs(60);
        while switches(&task).is_some() {
            assert!(Instant::now() < deadline);
            std::thread::yield_now();
        }
        assert_eq!(Doings::of(&task), None);
    }

    #[test]
    fn this_thread_gives_up_its_processor_when_it_waits() {
        let mut threads = Threads::default();
        let mut look = || {
            let tasks = procfs::process::Process::myself().unwrap().tasks().unwrap();
            let asking = nix::unistd::gettid().as_raw();
            let tasks = tasks.flatten().filter(|task| task.tid == asking);
            threads.see(tasks.filter_map(|task| Doings::of(&task)).collect());
            threads.total()
        };
        let before = look();
        let (sender, receiver) = std::sync::mpsc::channel::<()>();
        let deadline = Instant::now() + Duration::from_secs(60);
        // One that comes to its waiting late has nothing to wait for.
        let mut after = before;
        while after.voluntary < before.voluntary.map(|count| count + 20) {
            assert!(Instant::now() < deadline, "{before:?} {after:?}");
            assert!(receiver.recv_timeout(Duration::from_millis(1)).is_err());
            after = look();
        }
        drop(sender);
        assert!(after.ran_ns > before.ran_ns);
    }
}
