//! Keys of the terminal.
//!
//! They are read here and not by crossterm, whose reader never comes back once the terminal is gone: it takes the end
//! of input for nothing yet (0.29, event/source/unix/mio.rs).

use std::fs::File;
use std::io::{self, IsTerminal as _};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

/// A key that means something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    End,
    Pause,
    Next,
    Previous,
    Help,
    Escape,
    /// A panel by its number, from 0.
    Panel(usize),
}

/// The terminal that keys come from.
pub struct Keys {
    /// Where standard input is something else.
    terminal: Option<File>,
}

impl Keys {
    /// The keys of standard input, or of the terminal that this process belongs to.
    ///
    /// # Errors
    /// There is none.
    pub fn open() -> io::Result<Self> {
        let is_input = io::stdin().is_terminal();
        let terminal = (!is_input).then(|| File::open("/dev/tty")).transpose()?;
        Ok(Self { terminal })
    }

    /// The keys that are struck within a time; it waits no longer than for the first.
    ///
    /// # Errors
    /// The terminal is gone.
    pub fn wait(&self, time: Duration) -> io::Result<Vec<Key>> {
        let stdin = io::stdin();
        let fd: BorrowedFd<'_> = self.terminal.as_ref().map_or(stdin.as_fd(), File::as_fd);
        let mut polled = [PollFd::new(fd, PollFlags::POLLIN)];
        let timeout = PollTimeout::try_from(time).unwrap_or(PollTimeout::MAX);
        match poll(&mut polled, timeout) {
            // A signal: whoever waits looks at what it asked for.
            Ok(0) | Err(Errno::EINTR) => return Ok(Vec::new()),
            Ok(_) => {}
            Err(why) => return Err(why.into()),
        }
        let mut bytes = [0; 64];
        match nix::unistd::read(fd, &mut bytes) {
            Ok(0) => Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(count) => Ok(parse(&bytes[..count])),
            Err(Errno::EINTR | Errno::EAGAIN) => Ok(Vec::new()),
            Err(why) => Err(why.into()),
        }
    }
}

/// The keys in what a terminal sent. A sequence that is none of ours is passed over as a whole, for its letters are no
/// keys (ECMA-48, 5.4: what follows `ESC [` ends with a byte from `@` to `~`).
fn parse(mut bytes: &[u8]) -> Vec<Key> {
    let mut keys = Vec::new();
    while let Some((&first, rest)) = bytes.split_first() {
        bytes = rest;
        let key = match first {
            b'q' | b'Q' | 0x03 => Some(Key::End),
            b'p' | b'P' => Some(Key::Pause),
            b'?' | b'h' => Some(Key::Help),
            b'\t' | b'l' => Some(Key::Next),
            b'1'..=b'4' => Some(Key::Panel(usize::from(first - b'1'))),
            0x1b => match rest.split_first() {
                Some((b'[' | b'O', sequence)) => {
                    let last = sequence.iter().position(|byte| (0x40..=0x7e).contains(byte));
                    let end = last.map_or(sequence.len(), |last| last + 1);
                    bytes = &sequence[end..];
                    of_sequence(last.map(|last| sequence[last]))
                }
                // With another key: it is that key's meaning that is not ours.
                Some((_, after)) => {
                    bytes = after;
                    None
                }
                None => Some(Key::Escape),
            },
            _ => None,
        };
        keys.extend(key);
    }
    keys
}

/// Arrows, and Tab with Shift.
fn of_sequence(last: Option<u8>) -> Option<Key> {
    match last? {
        b'C' | b'B' => Some(Key::Next),
        b'D' | b'A' | b'Z' => Some(Key::Previous),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{Key, parse};

    #[test]
    fn keys_are_told_from_sequences_that_contain_their_letters() {
        assert_eq!(parse(b"qp?\t"), [Key::End, Key::Pause, Key::Help, Key::Next]);
        assert_eq!(parse(b"\x1b[C\x1b[Z\x1b"), [Key::Next, Key::Previous, Key::Escape]);
        assert_eq!(parse(b"\x1bOD3"), [Key::Previous, Key::Panel(2)]);
        // F5, a paste's beginning, Alt-q, the focus, a sequence that is cut off.
        assert_eq!(parse(b"\x1b[15~\x1b[200~\x1bq\x1b[I\x1b[1;5"), []);
        assert_eq!(parse(&[0x03]), [Key::End]);
    }
}
