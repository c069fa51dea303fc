#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use dbdyno_core::Link;

use super::{NodeLink, Proxies, Proxy, Upstream, parse, round_trip_of};
use crate::target::Target;

/// A server that sends back what it gets, until the client ends its stream.
fn echo() -> (Upstream, thread::JoinHandle<u64>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let upstream = Upstream::Tcp("127.0.0.1".to_owned(), listener.local_addr().unwrap().port());
    let echo = thread::spawn(move || {
        let (mut from, _) = listener.accept().unwrap();
        let mut to = from.try_clone().unwrap();
        std::io::copy(&mut from, &mut to).unwrap()
    });
    (upstream, echo)
}

fn connect(proxy: &Proxy) -> TcpStream {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let stream = runtime.block_on(proxy.connect()).unwrap().into_std().unwrap();
    stream.set_nonblocking(false).unwrap();
    stream
}

#[test]
fn no_exchange_is_faster_than_the_round_trip() {
    for micros in [200, 1_000, 5_000] {
        let (upstream, echo) = echo();
        let round_trip = Duration::from_micros(micros);
        let began = Instant::now();
        let proxy = Proxy::start(upstream, round_trip).unwrap();
        let mut client = connect(&proxy);
        let mut answer = [0; 3];
        for exchange in 1..=20u32 {
            let asked = Instant::now();
            client.write_all(b"abc").unwrap();
            client.read_exact(&mut answer).unwrap();
            assert!(asked.elapsed() >= round_trip, "{micros}: {:?}", asked.elapsed());
            // The first comes after the round trip that it takes to connect.
            assert!(began.elapsed() >= round_trip * (exchange + 1));
            assert_eq!(&answer, b"abc");
        }
        drop(client);
        assert_eq!(echo.join().unwrap(), 60);
    }
}

#[test]
fn what_is_under_way_keeps_its_order_and_does_not_wait_for_answers() {
    const BYTES: usize = 8 << 20;
    let (upstream, echo) = echo();
    let round_trip = Duration::from_millis(40);
    let proxy = Proxy::start(upstream, round_trip).unwrap();
    let mut client = connect(&proxy);
    let sent: Vec<u8> = (0..BYTES).map(|byte| (byte % 251) as u8).collect();
    let mut writer = client.try_clone().unwrap();
    let written = sent.clone();
    let began = Instant::now();
    let writing = thread::spawn(move || {
        written.chunks(4096).for_each(|chunk| writer.write_all(chunk).unwrap());
        writer.shutdown(Shutdown::Write).unwrap();
    });
    let mut received = Vec::new();
    client.read_to_end(&mut received).unwrap();
    writing.join().unwrap();
    assert!(received == sent, "{} of {BYTES} bytes came back, or others", received.len());
    assert_eq!(echo.join().unwrap(), BYTES as u64);
    // One after the other the chunks would have taken their number of round trips.
    assert!(began.elapsed() < round_trip * (BYTES / 4096) as u32 / 2);
}

#[test]
fn a_server_behind_a_socket_that_goes_away_takes_the_client_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("socket");
    let listener = UnixListener::bind(&path).unwrap();
    let proxy = Proxy::start(Upstream::Unix(path), Duration::from_millis(1)).unwrap();
    let mut client = connect(&proxy);
    let (mut server, _) = listener.accept().unwrap();
    server.write_all(b"hello").unwrap();
    drop(server);
    let mut heard = Vec::new();
    client.read_to_end(&mut heard).unwrap();
    assert_eq!(heard, b"hello");

    // A server that is not there breaks the connection, too.
    drop((listener, folder));
    let mut client = connect(&proxy);
    assert_eq!(client.read(&mut [0; 1]).unwrap_or(0), 0);
}

#[test]
fn a_client_that_goes_away_takes_its_connection_to_the_server_with_it() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let upstream = Upstream::Tcp("127.0.0.1".to_owned(), port);
    let proxy = Proxy::start(upstream, Duration::from_millis(1)).unwrap();
    let mut client = connect(&proxy);
    client.write_all(b"bye").unwrap();
    drop(client);
    let (mut server, _) = listener.accept().unwrap();
    let mut heard = Vec::new();
    server.read_to_end(&mut heard).unwrap();
    assert_eq!(heard, b"bye");

    // So does a proxy.
    let mut client = connect(&proxy);
    client.write_all(b"again").unwrap();
    let (mut server, _) = listener.accept().unwrap();
    server.read_exact(&mut [0; 5]).unwrap();
    drop(proxy);
    assert_eq!(server.read(&mut [0; 1]).unwrap_or(0), 0);
    assert_eq!(client.read(&mut [0; 1]).unwrap_or(0), 0);
}

#[test]
fn a_server_that_reads_nothing_holds_up_its_client_and_nobody_else() {
    /// More than may be under way, and the buffers of four sockets.
    const BYTES: usize = 192 << 20;
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let upstream = Upstream::Tcp("127.0.0.1".to_owned(), port);
    let proxy = Proxy::start(upstream, Duration::from_millis(1)).unwrap();
    let mut client = connect(&proxy);
    let (mut server, _) = listener.accept().unwrap();
    let written = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&written);
    let writing = thread::spawn(move || {
        let chunk: Vec<u8> = (0..1 << 20).map(|byte| (byte % 251) as u8).collect();
        for _ in 0..BYTES / chunk.len() {
            client.write_all(&chunk).unwrap();
            counter.fetch_add(chunk.len(), Ordering::Relaxed);
        }
        client.shutdown(Shutdown::Write).unwrap();
        let mut answer = Vec::new();
        client.read_to_end(&mut answer).unwrap();
        answer
    });
    let mut other = connect(&proxy);
    let (mut of_other, _) = listener.accept().unwrap();
    for _ in 0..50 {
        other.write_all(b"a").unwrap();
        of_other.read_exact(&mut [0; 1]).unwrap();
        of_other.write_all(b"b").unwrap();
        other.read_exact(&mut [0; 1]).unwrap();
    }
    // A network holds some of it, but not all, however long that took.
    assert!(written.load(Ordering::Relaxed) < BYTES);
    let (mut chunk, mut read) = (vec![0; 1 << 20], 0);
    while read < BYTES {
        server.read_exact(&mut chunk).unwrap();
        assert!(chunk.iter().enumerate().all(|(place, byte)| *byte == (place % 251) as u8));
        read += chunk.len();
    }
    // The client has said all, and still hears.
    assert_eq!(server.read(&mut chunk).unwrap(), 0);
    server.write_all(b"all there").unwrap();
    drop(server);
    assert_eq!(writing.join().unwrap(), b"all there");
}

#[test]
fn many_connections_are_served_side_by_side_each_in_its_order() {
    const CONNECTIONS: u8 = 64;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("socket");
    let listener = UnixListener::bind(&path).unwrap();
    let proxy = Proxy::start(Upstream::Unix(path), Duration::from_millis(5)).unwrap();
    let mut clients: Vec<_> = (0..CONNECTIONS).map(|_| connect(&proxy)).collect();
    let servers: Vec<_> = (0..CONNECTIONS)
        .map(|_| {
            let (mut from, _) = listener.accept().unwrap();
            let mut to = from.try_clone().unwrap();
            thread::spawn(move || std::io::copy(&mut from, &mut to).unwrap())
        })
        .collect();
    for round in 0..10 {
        for (number, client) in clients.iter_mut().enumerate() {
            client.write_all(&[number as u8, round]).unwrap();
        }
        for (number, client) in clients.iter_mut().enumerate() {
            let mut answer = [0; 2];
            client.read_exact(&mut answer).unwrap();
            assert_eq!(answer, [number as u8, round]);
        }
    }
    drop(clients);
    let echoed: u64 = servers.into_iter().map(|server| server.join().unwrap()).sum();
    assert_eq!(echoed, u64::from(CONNECTIONS) * 20);
}

#[test]
fn nobody_else_is_served() {
    let (upstream, _echo) = echo();
    let proxy = Proxy::start(upstream, Duration::from_millis(1)).unwrap();
    let mut stranger = TcpStream::connect(proxy.address).unwrap();
    assert!(proxy.address.ip().is_loopback());
    assert_eq!(stranger.read(&mut [0; 1]).unwrap_or(0), 0);
    let mut client = connect(&proxy);
    client.write_all(b"a").unwrap();
    client.read_exact(&mut [0; 1]).unwrap();
}

#[test]
fn a_library_finds_it_at_a_socket_that_nobody_else_can_reach() {
    let (upstream, echo) = echo();
    let round_trip = Duration::from_millis(5);
    let proxies = Proxies::new(upstream, round_trip);
    assert_eq!(proxies.socket(Some(Duration::ZERO), "socket").unwrap(), None);
    let path = proxies.socket(None, "socket").unwrap().unwrap();
    assert_eq!(proxies.socket(Some(round_trip), "socket").unwrap().as_ref(), Some(&path));
    let folder = path.parent().unwrap().to_owned();
    assert_eq!(folder.metadata().unwrap().permissions().mode() & 0o077, 0);
    let asked = Instant::now();
    let mut client = UnixStream::connect(&path).unwrap();
    client.write_all(b"abc").unwrap();
    client.read_exact(&mut [0; 3]).unwrap();
    // It takes a round trip to connect, and one for the answer.
    assert!(asked.elapsed() >= round_trip * 2);
    drop(client);
    assert_eq!(echo.join().unwrap(), 3);
    drop(proxies);
    assert!(!folder.exists());
}

#[test]
fn a_round_trip_is_a_duration_of_at_most_a_second() {
    assert_eq!(parse("0.2ms"), Ok(Duration::from_micros(200)));
    assert_eq!(parse("200us"), Ok(Duration::from_micros(200)));
    assert_eq!(parse("1ms"), Ok(Duration::from_millis(1)));
    assert_eq!(parse("0"), Ok(Duration::ZERO));
    for wrong in ["", "1", "-1ms", "2s", "fast"] {
        assert!(parse(wrong).is_err(), "{wrong}");
    }
    let target = Target::parse("postgres?round_trip=fast").unwrap();
    let error = round_trip_of(&target).unwrap_err().to_string();
    assert!(error.contains("round_trip=fast is no duration of at most 1s"), "{error}");
}

/// A client of a link between nodes, whose server sends back what it gets.
fn linked() -> (NodeLink, TcpStream, thread::JoinHandle<u64>) {
    let (upstream, echo) = echo();
    let Upstream::Tcp(_, port) = upstream else { panic!("{upstream:?}") };
    let link = NodeLink::start(port).unwrap();
    let client = TcpStream::connect(("127.0.0.1", link.port())).unwrap();
    (link, client, echo)
}

fn exchange(client: &mut TcpStream) -> Duration {
    let (asked, mut answer) = (Instant::now(), [0; 3]);
    client.write_all(b"abc").unwrap();
    client.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"abc");
    asked.elapsed()
}

#[test]
fn the_conditions_of_a_link_change_while_it_is_in_use() {
    let (link, mut client, echo) = linked();
    exchange(&mut client);
    let round_trip = Duration::from_millis(30);
    link.set(Link { round_trip, ..Link::default() });
    assert!(exchange(&mut client) >= round_trip);
    // A tenth of a megabyte there and back, at a megabyte a second.
    link.set(Link { bandwidth: Some(1_000_000), ..Link::default() });
    let mut writer = client.try_clone().unwrap();
    let began = Instant::now();
    let writing = thread::spawn(move || writer.write_all(&[7; 100_000]).unwrap());
    let mut answer = vec![0; 100_000];
    client.read_exact(&mut answer).unwrap();
    writing.join().unwrap();
    assert!(began.elapsed() >= Duration::from_millis(100), "{:?}", began.elapsed());
    assert!(answer.iter().all(|byte| *byte == 7));
    drop(client);
    assert_eq!(echo.join().unwrap(), 100_006);
}

#[test]
fn what_is_sent_over_a_cut_link_arrives_once_it_is_mended() {
    let (link, mut client, echo) = linked();
    exchange(&mut client);
    link.set(Link { cut: true, ..Link::default() });
    client.write_all(b"abc").unwrap();
    client.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
    let mut answer = [0; 3];
    assert!(client.read_exact(&mut answer).is_err());
    link.set(Link::default());
    client.set_read_timeout(None).unwrap();
    client.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"abc");
    drop(client);
    assert_eq!(echo.join().unwrap(), 6);
}
