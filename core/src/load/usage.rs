//! What this process uses of the machine.

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike as _;
use nix::time::{ClockId, clock_gettime};

/// What no client of this process used.
static BESIDE: Beside = Beside(AtomicU64::new(0));

thread_local! {
    /// How much of the thread's time is in a [`Beside`], in nanoseconds.
    static LEFT_OUT_NS: Cell<u64> = const { Cell::new(0) };
}

/// Processor time of this process so far, user and kernel mode together (getrusage(2)), without that of
/// threads [beside](leave_out_thread) the client; zero where the system does not tell.
pub fn cpu_time() -> Duration {
    let Ok(usage) = getrusage(UsageWho::RUSAGE_SELF) else { return Duration::ZERO };
    let micros = usage.user_time().num_microseconds() + usage.system_time().num_microseconds();
    Duration::from_micros(micros.unsigned_abs()).saturating_sub(BESIDE.used())
}

/// Leaves the processor time that the calling thread has used so far out of what the client is said to
/// use. A thread that stands for something else than a client, such as a network, calls it whenever it is
/// about to wait.
pub fn leave_out_thread() {
    BESIDE.leave_out_thread();
}

/// Leaves the processor time that `work` uses out of what the client is said to use, though it is done on a thread of
/// the client's.
pub fn leaving_out<T>(work: impl FnOnce() -> T) -> T {
    BESIDE.leaving_out(work)
}

/// Processor time, in nanoseconds, of work that is none of the client's.
struct Beside(AtomicU64);

impl Beside {
    fn used(&self) -> Duration {
        Duration::from_nanos(self.0.load(Ordering::Relaxed))
    }

    fn leave_out_thread(&self) {
        let Ok(used) = clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID) else { return };
        let used = used.num_nanoseconds().unsigned_abs();
        let more = used.saturating_sub(LEFT_OUT_NS.replace(used));
        self.0.fetch_add(more, Ordering::Relaxed);
    }

    fn leaving_out<T>(&self, work: impl FnOnce() -> T) -> T {
        let used =
            || clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).map(|used| used.num_nanoseconds());
        let before = used();
        let done = work();
        if let (Ok(before), Ok(after)) = (before, used()) {
            let more = (after - before).unsigned_abs();
            LEFT_OUT_NS.set(LEFT_OUT_NS.get() + more);
            self.0.fetch_add(more, Ordering::Relaxed);
        }
        done
    }
}

#[cfg(test)]
mod tests {
    use std::hint::black_box;
    use std::sync::atomic::AtomicU64;
    use std::time::Duration;

    use nix::time::{ClockId, clock_gettime};

    use super::{Beside, cpu_time};

    /// What the calling thread used so far.
    fn of_thread() -> Duration {
        clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).map_or(Duration::ZERO, Duration::from)
    }

    fn work(length: Duration) {
        let until = of_thread() + length;
        while of_thread() < until {
            black_box(0);
        }
    }

    // Each test has its own account: tests of one process run at the same time.

    #[test]
    fn all_that_a_thread_used_is_left_out_once() {
        let account = Beside(AtomicU64::new(0));
        let length = Duration::from_millis(50);
        let used = std::thread::scope(|scope| {
            let beside = scope.spawn(|| {
                while of_thread() < length {
                    black_box(0);
                    account.leave_out_thread();
                }
                account.leave_out_thread();
                of_thread()
            });
            beside.join().unwrap_or_default()
        });
        let left_out = account.used();
        assert!(left_out >= length && left_out <= used, "{left_out:?} of {used:?}");
        assert!(cpu_time() > Duration::ZERO);
    }

    #[test]
    fn of_a_thread_of_the_client_is_left_out_what_is_none_of_its_work() {
        let account = Beside(AtomicU64::new(0));
        let length = Duration::from_millis(20);
        work(length);
        account.leaving_out(|| work(length));
        let left_out = account.used();
        assert!(left_out >= length && left_out <= of_thread() - length, "{left_out:?}");
        account.leave_out_thread();
        let left_out = account.used();
        assert!(left_out >= length * 2, "the rest of the thread's: {left_out:?}");
        assert!(left_out <= of_thread(), "nothing twice: {left_out:?}");
    }
}
