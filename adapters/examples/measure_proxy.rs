//! How exact the delaying proxy is: exchanges with a server that answers at once, over proxies of several
//! round trips, by one client and by eight at once. What is beyond the round trip is the proxy's error.
//!
//!     cargo run --release -p dbdyno-adapters --example measure_proxy

use std::error::Error;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::net::{UnixListener, UnixStream};
use std::thread;
use std::time::{Duration, Instant};

use dbdyno_adapters::proxy::{Proxy, Upstream};

const EXCHANGES: usize = 2_000;

fn main() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("socket");
    let listener = UnixListener::bind(&path)?;
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || answer(stream));
        }
    });
    println!(
        "{:>10} {:>7} {:>9} {:>9} {:>9} {:>9}",
        "round trip", "clients", "mean us", "p50", "p95", "p99"
    );
    for micros in [0, 200, 1_000, 5_000] {
        for clients in [1, 8] {
            let round_trip = Duration::from_micros(micros);
            let proxy = Proxy::start(Upstream::Unix(path.clone()), round_trip)?;
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            let mut working = Vec::new();
            for _ in 0..clients {
                let stream = runtime.block_on(proxy.connect())?.into_std()?;
                stream.set_nonblocking(false)?;
                working.push(thread::spawn(move || exchanges(stream)));
            }
            let mut times = Vec::new();
            for client in working {
                times.extend(client.join().map_err(|_| "a client panicked")??);
            }
            times.sort_unstable();
            let at =
                |percent: usize| times[(times.len() - 1) * percent / 100].as_nanos() as f64 / 1e3;
            let mean = times.iter().sum::<Duration>().as_nanos() as f64 / 1e3 / times.len() as f64;
            println!(
                "{micros:>10} {clients:>7} {mean:>9.1} {:>9.1} {:>9.1} {:>9.1}",
                at(50),
                at(95),
                at(99)
            );
        }
    }
    Ok(())
}

fn answer(mut stream: UnixStream) -> std::io::Result<()> {
    let mut request = [0; 64];
    loop {
        stream.read_exact(&mut request)?;
        stream.write_all(&request)?;
    }
}

fn exchanges(mut stream: TcpStream) -> std::io::Result<Vec<Duration>> {
    let mut answer = [0; 64];
    let mut times = Vec::with_capacity(EXCHANGES);
    for _ in 0..EXCHANGES {
        let asked = Instant::now();
        stream.write_all(&[7; 64])?;
        stream.read_exact(&mut answer)?;
        times.push(asked.elapsed());
    }
    Ok(times)
}
