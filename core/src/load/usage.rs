//! What this process uses of the machine.

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike as _;
use nix::time::{ClockId, clock_gettime};

/// Nanoseconds of threads that are no part of the client.
static BESIDE_NS: AtomicU64 = AtomicU64::new(0);

thread_local! {
    /// How much of the thread's time is in [`BESIDE_NS`].
    static LEFT_OUT_NS: Cell<u64> = const { Cell::new(0) };
}

/// Processor time of this process so far, user and kernel mode together (getrusage(2)), without that of
/// threads [beside](leave_out_thread) the client; zero where the system does not tell.
pub fn cpu_time() -> Duration {
    let Ok(usage) = getrusage(UsageWho::RUSAGE_SELF) else { return Duration::ZERO };
    let micros = usage.user_time().num_microseconds() + usage.system_time().num_microseconds();
    let beside = Duration::from_nanos(BESIDE_NS.load(Ordering::Relaxed));
    Duration::from_micros(micros.unsigned_abs()).saturating_sub(beside)
}

/// Leaves the processor time that the calling thread has used so far out of what the client is said to
/// use. A thread that stands for something else than a client, such as a network, calls it whenever it is
/// about to wait.
pub fn leave_out_thread() {
    let Ok(used) = clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID) else { return };
    let used = used.num_nanoseconds().unsigned_abs();
    let more = used.saturating_sub(LEFT_OUT_NS.replace(used));
    BESIDE_NS.fetch_add(more, Ordering::Relaxed);
}

/// Leaves the processor time that `work` uses out of what the client is said to use, though it is done on a thread of
/// the client's.
pub fn leaving_out<T>(work: impl FnOnce() -> T) -> T {
    let used =
        || clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).map(|used| used.num_nanoseconds());
    let before = used();
    let done = work();
    if let (Ok(before), Ok(after)) = (before, used()) {
        let more = (after - before).unsigned_abs();
        LEFT_OUT_NS.set(LEFT_OUT_NS.get() + more);
        BESIDE_NS.fetch_add(more, Ordering::Relaxed);
    }
    done
}

#[cfg(test)]
mod tests {
    use std::hint::black_box;
    use std::time::Duration;

    use nix::time::{ClockId, clock_gettime};

    use super::{BESIDE_NS, LEFT_OUT_NS, Ordering, cpu_time, leave_out_thread, leaving_out};

    /// What the calling thread used so far.
    fn of_thread() -> Duration {
        clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).map_or(Duration::ZERO, Duration::from)
    }

    #[test]
    fn all_that_a_thread_used_is_left_out_once() {
        let left_out = || Duration::from_nanos(BESIDE_NS.load(Ordering::Relaxed));
        let (before, work) = (left_out(), Duration::from_millis(50));
        let beside = std::thread::spawn(move || {
            while of_thread() < work {
                black_box(0);
                leave_out_thread();
            }
            leave_out_thread();
            of_thread()
        });
        let used = beside.join().unwrap_or_default();
        let more = left_out() - before;
        assert!(more >= work && more <= used, "{more:?} of {used:?}");
        assert!(cpu_time() > Duration::ZERO);
    }

    #[test]
    fn of_a_thread_of_the_client_is_left_out_what_is_none_of_its_work() {
        let work = |length: Duration| {
            let until = of_thread() + length;
            while of_thread() < until {
                black_box(0);
            }
        };
        let (beside, length) =
            (|| Duration::from_nanos(LEFT_OUT_NS.get()), Duration::from_millis(20));
        work(length);
        leaving_out(|| work(length));
        let left_out = beside();
        assert!(left_out >= length && left_out <= of_thread() - length, "{left_out:?}");
        leave_out_thread();
        assert!(
            beside() >= length * 2,
            "the rest of the thread's, and nothing twice: {:?}",
            beside()
        );
        assert!(beside() <= of_thread(), "{:?}", beside());
    }
}
