//! Ports for servers that are told by number where to listen.

use std::fs;
use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::ops::RangeInclusive;

use dbdyno_core::random::Rng;

use super::machine::random_hex;

/// Ports of users' programs, below those that kernels give to whoever connects: Linux's are told by the kernel, and those
/// of others begin at 49152 (RFC 6335, section 6).
const CHOICE: RangeInclusive<u16> = 15_000..=49_151;
/// How many of them there are to be at the least.
const FEWEST: u16 = 1_000;
/// How many are tried.
const ATTEMPTS: u32 = 200;

/// A port of 127.0.0.1 that nobody listened at when it was chosen, and that no other server of dbdyno's is given for as
/// long as this lives. It is taken for UDP, which needs no file and ends with the process; the server takes it for TCP,
/// which may be much later: a node of Galera listens at some of its ports only while it is given the data.
#[derive(Debug)]
pub struct Port {
    number: u16,
    _kept: UdpSocket,
}

impl Port {
    /// Chooses one.
    ///
    /// # Errors
    /// None is free, or the system gives no sockets or randomness.
    pub fn choose() -> io::Result<Self> {
        Self::choose_to_listen().map(|(port, _)| port)
    }

    /// Chooses one, and listens there.
    ///
    /// # Errors
    /// As [`Self::choose`].
    pub fn choose_to_listen() -> io::Result<(Self, TcpListener)> {
        let seed = u64::from_str_radix(&random_hex(8)?, 16).map_err(io::Error::other)?;
        let mut rng = Rng::new(seed, &[]);
        let choice = choice(given_out());
        let mut why = io::Error::from(ErrorKind::AddrInUse);
        for _ in 0..ATTEMPTS {
            let number = choice.as_ref().map_or(0, |choice| {
                let drawn = rng.between((*choice.start()).into(), (*choice.end()).into());
                u16::try_from(drawn).unwrap_or(0)
            });
            match Self::keep(number) {
                Ok(found) => return Ok(found),
                Err(error) => why = error,
            }
        }
        Err(why)
    }

    /// Keeps a port that is free, any one where the number is 0, and listens there.
    fn keep(number: u16) -> io::Result<(Self, TcpListener)> {
        // Whoever keeps it may be about to listen there: of a port that is kept nothing else is tried.
        let kept = UdpSocket::bind((Ipv4Addr::LOCALHOST, number))?;
        let number = kept.local_addr()?.port();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, number))?;
        Ok((Self { number, _kept: kept }, listener))
    }

    /// Its number.
    pub fn number(&self) -> u16 {
        self.number
    }
}

/// The ports that the kernel gives to whoever connects (Linux's ip-sysctl.rst, `ip_local_port_range`); `None` where it
/// does not tell.
fn given_out() -> Option<RangeInclusive<u16>> {
    let text = fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").ok()?;
    let mut ends = text.split_ascii_whitespace().map(str::parse);
    Some(ends.next()?.ok()?..=ends.next()?.ok()?)
}

/// The ports to choose from: those of [`CHOICE`] below or above the ones that are `given_out`, whichever are more; `None`
/// where there are few.
fn choice(given_out: Option<RangeInclusive<u16>>) -> Option<RangeInclusive<u16>> {
    let Some(given_out) = given_out else { return Some(CHOICE) };
    let below = *CHOICE.start()..=(*CHOICE.end()).min(given_out.start().saturating_sub(1));
    let above = (*CHOICE.start()).max(given_out.end().saturating_add(1))..=*CHOICE.end();
    let most = if above.len() > below.len() { above } else { below };
    (most.len() >= usize::from(FEWEST)).then_some(most)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use std::time::{Duration, Instant};

    use super::*;

    #[test]
    fn a_port_is_kept_until_it_is_given_up() {
        let port = Port::choose().unwrap();
        let number = port.number();
        assert!(Port::keep(number).is_err());
        // The server may listen there meanwhile, once no program that another test is starting has what found the port open.
        let deadline = Instant::now() + Duration::from_secs(60);
        let server = loop {
            match TcpListener::bind((Ipv4Addr::LOCALHOST, number)) {
                Ok(server) => break server,
                Err(why) => assert!(Instant::now() < deadline, "{why}"),
            }
            std::thread::park_timeout(Duration::from_millis(10));
        };
        drop(port);
        assert!(Port::keep(number).is_err());
        drop(server);
        // A program of somebody else may take one at once.
        let is_free_again = |_| {
            let number = Port::choose().unwrap().number();
            Port::keep(number).is_ok()
        };
        assert!((0..20).any(is_free_again));
    }

    #[test]
    fn ports_are_none_of_those_that_are_given_to_clients() {
        assert_eq!(choice(None), Some(CHOICE));
        assert_eq!(choice(Some(32_768..=60_999)), Some(15_000..=32_767));
        assert_eq!(choice(Some(1_024..=20_000)), Some(20_001..=49_151));
        assert_eq!(choice(Some(1_024..=65_535)), None);
        assert_eq!(choice(Some(15_500..=65_535)), None);
        if let (Some(given_out), Some(chosen)) = (given_out(), choice(given_out())) {
            let number = Port::choose().unwrap().number();
            assert!(!given_out.contains(&number) && chosen.contains(&number), "{number}");
        }
    }
}
