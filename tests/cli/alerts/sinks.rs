//! Who is told of alerts, and that nobody waits for them: webhooks, commands, and a disk that is full.

use std::fs;
use std::io::Read as _;
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use dbdyno_core::Status;
use dbdyno_tests::{SmallDisk, certificate, wait_for};
use nix::sys::signal::Signal;

use super::{ALWAYS, LOAD, samples, write};
use crate::desk::{Desk, code, ended, err, signal};
use crate::web::Posted;

/// A certificate that is its own authority, for this machine; the rule's webhook there, and who is to be trusted.
#[test]
fn a_webhook_by_tls_is_told_where_its_certificate_is_trusted_and_nobody_waits_where_it_is_not() {
    let desk = Desk::new();
    let folder = desk.folder.path();
    let own = ["subjectAltName=IP:127.0.0.1", "basicConstraints=critical,CA:FALSE"];
    for files in ["hook", "other"] {
        certificate(folder, files, files, &own);
    }
    certificate(folder, "elsewhere", "elsewhere", &["subjectAltName=DNS:elsewhere", own[1]]);
    let listen = |files: &str| {
        Posted::listen_tls(
            &folder.join(format!("{files}.crt")),
            &folder.join(format!("{files}.key")),
        )
    };
    let (posted, misnamed) = (listen("hook"), listen("elsewhere"));
    let notify = |url: &str, trusted: &str| {
        write(&desk, &format!("{ALWAYS}[notify]\nwebhook = '{url}'\nca_file = '{trusted}'\n"));
    };
    notify(&posted.url, "hook.crt");
    let output = desk.dbdyno(&LOAD);
    assert_eq!(code(&output), 0, "{}", err(&output));
    assert!(!err(&output).contains("was not told"), "{}", err(&output));
    let told = posted.bodies.recv_timeout(Duration::from_secs(10)).unwrap();
    assert_eq!((&told["alert"], &told["state"]), (&"busy".into(), &"fired".into()));
    while posted.bodies.try_recv().is_ok() {}

    for (at, trusted, why) in [
        (&posted, "other.crt", "no authority that is trusted has signed its certificate; name"),
        (&misnamed, "elsewhere.crt", "its certificate is refused: certificate not valid for name"),
    ] {
        notify(&at.url, trusted);
        let output = desk.dbdyno(&LOAD);
        assert_eq!(code(&output), 0, "{}", err(&output));
        assert!(err(&output).contains(why), "{}", err(&output));
        assert!(at.bodies.try_recv().is_err(), "{trusted} is trusted");
        let events = fs::read_to_string(desk.runs().pop().unwrap().join("events.csv")).unwrap();
        assert!(events.contains(",alerts_not_delivered,") && events.contains(why), "{events}");
        let records = desk.records();
        let whole = records.iter().filter(|row| row.metric == "throughput");
        assert!(whole.clone().all(|row| row.status == Status::Ok && row.value > Some(0.0)));
    }
    for (trusted, why) in [("none.pem", "none.pem"), ("hook.key", "there is none in it")] {
        notify(&posted.url, trusted);
        let runs = desk.runs().len();
        let output = desk.dbdyno(&LOAD);
        assert_eq!(code(&output), 2, "{}", err(&output));
        assert!(err(&output).contains(why), "{}", err(&output));
        assert_eq!(desk.runs().len(), runs);
    }
}

/// A connection that somebody makes.
fn accepted(listener: &TcpListener) -> TcpStream {
    listener.set_nonblocking(true).unwrap();
    let (stream, _) = wait_for("a connection", || listener.accept().ok());
    stream
}

#[test]
fn a_load_goes_on_and_ends_beside_a_webhook_that_hangs() {
    let desk = Desk::new();
    let hanging = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", hanging.local_addr().unwrap());
    write(&desk, &format!("{ALWAYS}[notify]\nwebhook = '{url}'\n"));
    let child = desk.start(&[&LOAD[..5], &["2s", "--repetitions", "2"]].concat());
    // Somebody is there, who takes all and says nothing.
    let _waiting = accepted(&hanging);
    let output = ended(child);
    assert_eq!(code(&output), 0, "{}", err(&output));
    let records = desk.records();
    let of = |metric: &str| records.iter().filter(|row| row.metric == metric).collect::<Vec<_>>();
    for metric in ["throughput", "latency_p99_us", "errors"] {
        let rows = of(metric);
        assert_eq!(rows.iter().filter(|row| row.transaction.is_empty()).count(), 2, "{metric}");
        let is_whole =
            |row: &&dbdyno_results::Record| row.status == Status::Ok && row.value.is_some();
        assert!(rows.iter().all(is_whole), "{rows:?}");
    }
    let events = fs::read_to_string(desk.runs()[0].join("events.csv")).unwrap();
    assert!(events.contains(",alerts_not_delivered,"), "{events}");
    assert!(events.contains("the webhook at 127.0.0.1 was not told of "), "{events}");
}

/// Fires at the first sample.
const THERE: &str =
    "[[alert]]\nname = 'there'\nmetric = 'machine.processors'\nop = '>='\nthreshold = 1\n";

/// How often a machine may stand still for as long as somebody waits for what hangs.
const ATTEMPTS: u32 = 5;

#[test]
fn a_webhook_that_hangs_keeps_nobody_waiting() {
    assert!(
        (0..ATTEMPTS).any(|_| is_sampled_beside_a_webhook_that_hangs()),
        "what was sampled meanwhile was always sampled after it was given up"
    );
}

fn is_sampled_beside_a_webhook_that_hangs() -> bool {
    let desk = Desk::new();
    // Connections are made, and nobody answers.
    let hanging = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", hanging.local_addr().unwrap());
    write(&desk, &format!("{THERE}[notify]\nwebhook = ['{url}', '{url}']\n"));
    let watching = ["monitor", "--target", "sqlite", "--interval", "100ms", "--quiet"];
    let child = desk.start(&watching);
    let mut waiting = accepted(&hanging);
    let before = samples(&desk).unwrap_or_default();
    wait_for("samples", || samples(&desk).filter(|now| *now > before + 2));
    // Whether it still waits for its answer.
    waiting.set_nonblocking(true).unwrap();
    let mut told = Vec::new();
    let is_waiting = match waiting.read_to_end(&mut told) {
        Ok(_) => false,
        Err(why) => why.kind() == std::io::ErrorKind::WouldBlock,
    };
    assert!(String::from_utf8_lossy(&told).starts_with("POST / HTTP/1.1"));
    signal(&child, Signal::SIGINT);
    let output = ended(child);
    assert_eq!(code(&output), 0, "{}", err(&output));
    let notes =
        err(&output).matches("note: the webhook at 127.0.0.1 was not told of 1 of 1").count();
    assert_eq!(notes, 2, "{}", err(&output));
    is_waiting
}

#[test]
fn a_command_that_hangs_keeps_nobody_waiting_and_is_ended() {
    assert!(
        (0..ATTEMPTS).any(|_| is_sampled_beside_a_command_that_hangs()),
        "what was sampled meanwhile was always sampled after it was ended"
    );
}

fn is_sampled_beside_a_command_that_hangs() -> bool {
    let desk = Desk::new();
    let hangs = "command = ['/bin/sh', '-c', 'echo $$ > process; exec sleep 600']\n";
    write(&desk, &format!("{THERE}[notify]\n{hangs}"));
    let child = desk.start(&["monitor", "--target", "sqlite", "--interval", "100ms", "--quiet"]);
    let process = wait_for("the command", || {
        let text = fs::read_to_string(desk.path("process")).ok()?;
        text.trim().parse::<u32>().ok().filter(|_| text.ends_with('\n'))
    });
    let is_there = || fs::exists(format!("/proc/{process}")).unwrap();
    let before = samples(&desk).unwrap_or_default();
    wait_for("samples", || samples(&desk).filter(|now| *now > before + 2));
    let was_there = is_there();
    signal(&child, Signal::SIGINT);
    let output = ended(child);
    assert_eq!(code(&output), 0, "{}", err(&output));
    let told =
        "note: the command `/bin/sh` was not told of 1 of 1 alerts: it had not ended after 4s";
    assert!(err(&output).contains(told), "{}", err(&output));
    assert!(!is_there());
    was_there
}

/// The disk that alerts are kept on fills up; many alerts then come at once, for a file has room left in its last page.
#[test]
fn a_full_disk_keeps_nobody_from_being_told() {
    let Some(disk) = SmallDisk::mount("128k") else { return };
    let desk = Desk::new();
    let posted = Posted::listen();
    let file = desk.path("watched.db");
    fs::write(&file, "").unwrap();
    let rule = |number: u32| {
        format!(
            "[[alert]]\nname = 'large-{number}'\nmetric = 'engine.database_bytes'\nop = '>'\n\
             threshold = '1MiB'\n"
        )
    };
    let rules: String = (0..40).map(rule).collect();
    write(&desk, &format!("{rules}[notify]\nwebhook = '{}'\n", posted.url));
    let (target, runs) = (format!("sqlite:{file}"), disk.path().join("runs"));
    let arguments = ["monitor", "--target", &target, "--interval", "100ms", "--quiet", "--out"];
    let child = desk.start(&[&arguments[..], &[runs.to_str().unwrap()]].concat());
    wait_for("samples", || {
        fs::read_dir(&runs).ok()?.next()?.ok()?.path().join("metrics.csv").exists().then_some(())
    });
    wait_for("a full disk", || fs::write(disk.path().join("filler"), [0; 256 << 10]).err());
    fs::File::options().write(true).open(&file).unwrap().set_len(2 << 20).unwrap();
    for _ in 0..40 {
        let told = posted.bodies.recv_timeout(Duration::from_secs(30)).unwrap();
        assert_eq!(told["state"], "fired");
    }
    signal(&child, Signal::SIGINT);
    let output = ended(child);
    assert_eq!(code(&output), 2, "{}", err(&output));
    let said = err(&output);
    assert_eq!(said.matches("alerts are not kept: ").count(), 1, "{said}");
    assert!(said.contains("No space left on device"), "{said}");
}
