//! Running asynchronous work where the caller blocks.

use std::future::Future;
use std::io;
use std::thread;

/// Runs a future to its end on a thread with a runtime of its own, and waits for it. Unlike
/// `block_on`, it may be called on a thread that drives a runtime itself.
///
/// # Errors
/// The thread or its runtime cannot be made, or the future panicked.
pub fn run_to_end<F>(make: impl FnOnce() -> F + Send) -> io::Result<F::Output>
where
    F: Future,
    F::Output: Send,
{
    let work = || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        Ok(runtime.block_on(make()))
    };
    thread::scope(|scope| {
        let handle = thread::Builder::new().name("dbdyno-wait".into()).spawn_scoped(scope, work)?;
        handle.join().unwrap_or_else(|_| Err(io::Error::other("the work panicked")))
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    #[tokio::test]
    async fn work_is_run_from_within_a_runtime() {
        let text = String::from("here");
        let length = super::run_to_end(|| async {
            tokio::task::yield_now().await;
            text.len()
        });
        assert_eq!(length.unwrap(), 4);
    }
}
