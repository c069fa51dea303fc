//! The end point that Prometheus scrapes.

use std::convert::Infallible;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use dbdyno_core::load::leave_out_thread;
use dbdyno_core::{Error, Result};
use hyper::body::Incoming;
use hyper::header::{ALLOW, CONTENT_TYPE};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use prometheus_client::registry::Registry;
use tokio::sync::{Notify, Semaphore};

use super::{Exposition, OPEN_METRICS, registry_of, render};

/// How long a client may take to say what it wants, and how long a scrape may last.
const PATIENCE: Duration = Duration::from_secs(5);
/// Connections at once: a Prometheus holds one.
const CONNECTIONS: usize = 16;

/// An address that is taken, though nothing is served there yet.
#[derive(Debug)]
pub struct Endpoint(TcpListener);

impl Endpoint {
    /// Takes the address; port 0 stands for any that is free.
    ///
    /// # Errors
    /// It is in use, not this machine's, or not for this user.
    pub fn bind(address: SocketAddr) -> Result<Self> {
        let listener = TcpListener::bind(address).map_err(|why| {
            Error::new(format!("listen at {address} for --metrics-listen"), why)
                .next("give another address, or port 0 for any that is free")
        })?;
        Ok(Self(listener))
    }

    /// Serves on a thread of its own until what is returned is dropped.
    ///
    /// # Errors
    /// The thread cannot be started.
    pub fn serve(self, exposition: &Arc<Exposition>) -> Result<Serving> {
        let cannot = |why: std::io::Error| Error::new("serve metrics", why);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(cannot)?;
        let address = self.0.local_addr().map_err(cannot)?;
        self.0.set_nonblocking(true).map_err(cannot)?;
        let registry = Arc::new(registry_of(Arc::clone(exposition)));
        let end = Arc::new(Notify::new());
        let asked = Arc::clone(&end);
        let listener = runtime.block_on(async { tokio::net::TcpListener::from_std(self.0) });
        let listener = listener.map_err(cannot)?;
        let work = move || {
            runtime.block_on(async {
                tokio::select! {
                    () = accept(&listener, &registry) => {}
                    () = asked.notified() => {}
                }
            });
            runtime.shutdown_background();
        };
        let thread = std::thread::Builder::new().name("metrics".to_owned()).spawn(work);
        Ok(Serving { address, end, thread: Some(thread.map_err(cannot)?) })
    }
}

/// Metrics are served while it lives.
pub struct Serving {
    address: SocketAddr,
    end: Arc<Notify>,
    thread: Option<JoinHandle<()>>,
}

impl Serving {
    /// Where it is served.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What to have scraped.
    pub fn url(&self) -> String {
        format!("http://{}/metrics", self.address)
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.end.notify_one();
        if let Some(thread) = self.thread.take() {
            // Whoever drops it has no use for what went wrong.
            let _ = thread.join();
        }
    }
}

async fn accept(listener: &tokio::net::TcpListener, registry: &Arc<Registry>) {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        // What serving costs is not the client's.
        leave_out_thread();
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        let Ok((stream, _)) = listener.accept().await else {
            // Too many files are open, say: others may be closed meanwhile.
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let registry = Arc::clone(registry);
        tokio::spawn(async move {
            let _place = place;
            let service = service_fn(|request| {
                let answer = answer(&request, &registry);
                leave_out_thread();
                async move { Ok::<_, Infallible>(answer) }
            });
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(PATIENCE)
                .serve_connection(TokioIo::new(stream), service);
            // A scraper that leaves early is no matter of ours.
            let _ = connection.await;
        });
    }
}

fn answer(request: &Request<Incoming>, registry: &Registry) -> Response<String> {
    let plain = |status, text: &str| {
        let mut response = Response::new(text.to_owned());
        *response.status_mut() = status;
        response
    };
    if request.method() != Method::GET && request.method() != Method::HEAD {
        let mut response = plain(StatusCode::METHOD_NOT_ALLOWED, "ask by GET\n");
        response.headers_mut().insert(ALLOW, hyper::header::HeaderValue::from_static("GET, HEAD"));
        return response;
    }
    if request.uri().path() != "/metrics" {
        return plain(StatusCode::NOT_FOUND, "dbdyno: metrics are at /metrics\n");
    }
    match render(registry) {
        Ok(text) => {
            let mut response = Response::new(text);
            let media = hyper::header::HeaderValue::from_static(OPEN_METRICS);
            response.headers_mut().insert(CONTENT_TYPE, media);
            response
        }
        Err(_) => plain(StatusCode::INTERNAL_SERVER_ERROR, "the metrics could not be written\n"),
    }
}
