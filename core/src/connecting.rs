//! What opening a session is made of, and how long each step takes.

use std::cell::Cell;
use std::time::{Duration, Instant};

tokio::task_local! {
    static WATCH: Cell<Stopwatch>;
}

/// A step of opening a session, as adapters go through it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnectStep {
    /// A connection of the operating system: TCP, a name that is looked up, or a Unix socket.
    Socket,
    /// The handshake of TLS, and agreeing on it.
    Tls,
    /// The protocol's own greeting, and the proof of who the user is, until the server is ready.
    Authentication,
    /// What the session is told before it is used: settings, statements that all sessions need.
    SetUp,
}

/// How long each step took; `None` where there was none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ConnectTimes {
    /// See [`ConnectStep::Socket`].
    pub socket: Option<Duration>,
    /// See [`ConnectStep::Tls`].
    pub tls: Option<Duration>,
    /// See [`ConnectStep::Authentication`].
    pub authentication: Option<Duration>,
    /// See [`ConnectStep::SetUp`].
    pub set_up: Option<Duration>,
}

#[derive(Clone, Copy)]
struct Stopwatch {
    since: Instant,
    times: ConnectTimes,
}

/// Ends a step of opening a session: the time since the last one, or since the beginning, was its own. Does
/// nothing where nobody [takes the time](timed).
pub fn connect_step(step: ConnectStep) {
    let _ = WATCH.try_with(|watch| {
        let Stopwatch { since, mut times } = watch.get();
        let now = Instant::now();
        let time = match step {
            ConnectStep::Socket => &mut times.socket,
            ConnectStep::Tls => &mut times.tls,
            ConnectStep::Authentication => &mut times.authentication,
            ConnectStep::SetUp => &mut times.set_up,
        };
        // A step may be gone through more than once, where a server is tried with TLS and without.
        *time = Some(time.unwrap_or_default() + (now - since));
        watch.set(Stopwatch { since: now, times });
    });
}

/// Takes the time of a session's opening, such as [`Driver::connect`](crate::Driver::connect), by the steps
/// that its adapter tells.
pub async fn timed<T>(opening: impl Future<Output = T>) -> (T, ConnectTimes) {
    let watch = Cell::new(Stopwatch { since: Instant::now(), times: ConnectTimes::default() });
    let opening = async {
        let opened = opening.await;
        (opened, WATCH.with(Cell::get).times)
    };
    WATCH.scope(watch, opening).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn steps_share_the_time_among_them() {
        let began = Instant::now();
        let opening = async {
            connect_step(ConnectStep::Socket);
            tokio::task::yield_now().await;
            connect_step(ConnectStep::Authentication);
            connect_step(ConnectStep::Socket);
            7
        };
        let (opened, times) = timed(opening).await;
        let elapsed = began.elapsed();
        assert_eq!((opened, times.tls, times.set_up), (7, None, None));
        let sum = times.socket.unwrap_or_default() + times.authentication.unwrap_or_default();
        assert!(times.socket.is_some() && sum <= elapsed, "{times:?} of {elapsed:?}");
        // Outside of it nobody listens.
        connect_step(ConnectStep::Tls);
        assert_eq!(timed(async {}).await.1, ConnectTimes::default());
    }
}
