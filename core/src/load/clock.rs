//! Time within a load, and waiting for a moment of it.

use std::time::{Duration, Instant, SystemTime};

use nix::time::{ClockId, clock_gettime};

/// When a load began. Moments of it are nanoseconds since then.
///
/// The clock is that of `std::time::Instant` on Linux, CLOCK_MONOTONIC, read as one number: it is
/// read in each transaction, and on an embedded engine the difference shows.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    began_ns: u64,
    began_at: SystemTime,
}

impl Clock {
    /// A load that begins now.
    pub fn start() -> Self {
        Self { began_ns: monotonic_ns(), began_at: SystemTime::now() }
    }

    /// Nanoseconds since the load began.
    #[inline]
    pub fn now_ns(&self) -> u64 {
        monotonic_ns() - self.began_ns
    }

    /// When it began.
    pub fn began(&self) -> Instant {
        let now = Instant::now();
        now.checked_sub(Duration::from_nanos(self.now_ns())).unwrap_or(now)
    }

    /// When it began, by the wall clock.
    pub fn began_at(&self) -> SystemTime {
        self.began_at
    }

    /// The wall-clock time of a moment.
    pub fn wall(&self, moment_ns: u64) -> SystemTime {
        self.began_at + Duration::from_nanos(moment_ns)
    }
}

#[inline]
fn monotonic_ns() -> u64 {
    // Every system has this clock (clock_gettime(2)).
    let now = clock_gettime(ClockId::CLOCK_MONOTONIC)
        .unwrap_or_else(|why| unreachable!("CLOCK_MONOTONIC: {why}"));
    now.tv_sec() as u64 * 1_000_000_000 + now.tv_nsec() as u64
}

/// Waits for moments more exactly than a runtime's timer wheel, whose tick is a millisecond: an
/// open loop must not charge its own late start to the server.
#[derive(Debug)]
pub struct Sleeper {
    blocking: bool,
    #[cfg(target_os = "linux")]
    timer: Option<timerfd::Timer>,
}

impl Sleeper {
    /// A sleeper that may block its thread, where the thread has no other client.
    pub fn new(blocking: bool) -> Self {
        Self {
            blocking,
            #[cfg(target_os = "linux")]
            timer: None,
        }
    }

    /// Sleeps for `duration`, exact to some tens of microseconds where the system allows.
    pub async fn sleep(&mut self, duration: Duration) {
        if duration.is_zero() {
            return;
        }
        if self.blocking {
            std::thread::sleep(duration);
            return;
        }
        #[cfg(target_os = "linux")]
        {
            if self.timer.is_none() {
                self.timer = timerfd::Timer::new().ok();
            }
            if let Some(timer) = &mut self.timer
                && timer.sleep(duration).await.is_ok()
            {
                return;
            }
        }
        tokio::time::sleep(duration).await;
    }
}

#[cfg(target_os = "linux")]
mod timerfd {
    use std::io;
    use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
    use std::time::Duration;

    use nix::sys::time::TimeSpec;
    use nix::sys::timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};
    use tokio::io::Interest;
    use tokio::io::unix::AsyncFd;

    /// A kernel timer (timerfd_create(2)) that wakes the runtime like a socket does.
    #[derive(Debug)]
    pub struct Timer {
        fd: AsyncFd<Fd>,
    }

    #[derive(Debug)]
    struct Fd(TimerFd);

    impl AsFd for Fd {
        fn as_fd(&self) -> BorrowedFd<'_> {
            self.0.as_fd()
        }
    }

    impl AsRawFd for Fd {
        fn as_raw_fd(&self) -> RawFd {
            self.0.as_fd().as_raw_fd()
        }
    }

    impl Timer {
        pub fn new() -> io::Result<Self> {
            let flags = TimerFlags::TFD_NONBLOCK | TimerFlags::TFD_CLOEXEC;
            let timer = TimerFd::new(ClockId::CLOCK_MONOTONIC, flags)?;
            // SAFETY: `Fd` owns the timer's descriptor, gives it to nobody, and answers with the
            // same one until it is dropped, which `AsyncFd` does after deregistering it.
            #[expect(unsafe_code, reason = "tokio cannot see that `Fd` keeps its descriptor")]
            let fd = unsafe { AsyncFd::register_with_interest(Fd(timer), Interest::READABLE)? };
            Ok(Self { fd })
        }

        pub async fn sleep(&mut self, duration: Duration) -> io::Result<()> {
            let expiration = Expiration::OneShot(TimeSpec::from_duration(duration));
            self.fd.get_ref().0.set(expiration, TimerSetTimeFlags::empty())?;
            loop {
                let mut guard = self.fd.readable().await?;
                // Reading takes the expiration away, so that the next sleep starts anew.
                match guard.try_io(|fd| {
                    let mut expirations = [0u8; 8];
                    nix::unistd::read(&fd.get_ref().0, &mut expirations).map_err(io::Error::from)
                }) {
                    Ok(read) => return read.map(drop),
                    Err(_would_block) => {}
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sleeper_never_wakes_early() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut sleeper = Sleeper::new(false);
            for micros in [1, 300, 1_500, 3_000] {
                let clock = Clock::start();
                sleeper.sleep(Duration::from_micros(micros)).await;
                assert!(clock.now_ns() >= micros * 1_000);
            }
        });
    }
}
