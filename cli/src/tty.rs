//! Writing to a terminal that may stop taking anything: it is stopped (Ctrl-S), or whoever has it reads no more. What is
//! measured never waits for it ([`measure`]): what it does not take is kept then, and written once it does, at the end at
//! the latest ([`finish`]). Nothing of it is lost but what moves, which is left out meanwhile.

use std::fs::{self, File};
use std::io::{self, IsTerminal, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use indicatif::TermLike;
use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use terminal_size::{Height, Width, terminal_size_of};

/// The size of a terminal that does not know its own: columns and rows.
const USUAL: (u16, u16) = (80, 24);
/// See [`measure`].
static MEASURES: AtomicBool = AtomicBool::new(false);

/// Nothing waits for a terminal from now on, for something is measured.
pub fn measure() {
    MEASURES.store(true, Ordering::Relaxed);
}

/// A terminal, opened anew: it is to be asked without waiting, and who shares the old opening is to find it as it was.
pub struct Tty {
    file: File,
    kept: Mutex<Vec<u8>>,
}

/// The terminal of standard error; none where it is something else.
pub fn errors() -> Option<&'static Tty> {
    static ERRORS: OnceLock<Option<Tty>> = OnceLock::new();
    ERRORS.get_or_init(|| Tty::open(&io::stderr(), "/dev/fd/2")).as_ref()
}

/// The terminal of standard output, which is as a rule that of standard error.
pub fn output() -> Option<&'static Tty> {
    static OWN: OnceLock<Option<Tty>> = OnceLock::new();
    static IS_SAME: OnceLock<bool> = OnceLock::new();
    let device = |path: &str| fs::metadata(path).ok().map(|found| found.rdev());
    let is_same = || device("/dev/fd/1") == device("/dev/fd/2");
    match errors().filter(|_| *IS_SAME.get_or_init(is_same)) {
        Some(errors) => Some(errors),
        None => OWN.get_or_init(|| Tty::open(&io::stdout(), "/dev/fd/1")).as_ref(),
    }
}

/// Writes what is left, and waits for as long as that takes: nothing is measured any more, and what came out is in it.
/// Whoever does not want to wait ends the process by a signal.
pub fn finish() {
    MEASURES.store(false, Ordering::Relaxed);
    for tty in [errors(), output()].into_iter().flatten() {
        // Nobody is left to be told that the terminal is gone.
        let _ = tty.write_kept(&mut tty.kept());
    }
}

/// Columns and rows of the terminal of standard error, which is not always the one that the process was started from.
pub fn size() -> (u16, u16) {
    let known = terminal_size_of(io::stderr()).map(|(Width(wide), Height(high))| (wide, high));
    // One that does not know its size says 0.
    known.filter(|(wide, high)| *wide > 0 && *high > 0).unwrap_or(USUAL)
}

impl Tty {
    fn open(stream: &impl IsTerminal, path: &str) -> Option<Self> {
        if !stream.is_terminal() {
            return None;
        }
        let flags = OFlag::O_NONBLOCK | OFlag::O_NOCTTY;
        // That of another user cannot be opened: it is written to as any other file.
        let file = File::options().write(true).custom_flags(flags.bits()).open(path).ok()?;
        Some(Self { file, kept: Mutex::default() })
    }

    fn kept(&self) -> MutexGuard<'_, Vec<u8>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes, or keeps what is not taken.
    ///
    /// # Errors
    /// The terminal is gone.
    pub fn write(&self, bytes: &[u8]) -> io::Result<()> {
        let mut kept = self.kept();
        kept.extend_from_slice(bytes);
        self.write_kept(&mut kept)
    }

    /// Whether something waits to be taken, after another try.
    pub fn is_behind(&self) -> bool {
        let mut kept = self.kept();
        // That it is gone is told with what is written next.
        let _ = self.write_kept(&mut kept);
        !kept.is_empty()
    }

    /// Writes what is kept: as much as is taken at once where something is measured, else all, for as long as it takes.
    fn write_kept(&self, kept: &mut Vec<u8>) -> io::Result<()> {
        while !kept.is_empty() {
            match nix::unistd::write(&self.file, kept) {
                Ok(count) => drop(kept.drain(..count)),
                Err(Errno::EINTR) => {}
                Err(Errno::EAGAIN) if MEASURES.load(Ordering::Relaxed) => return Ok(()),
                Err(Errno::EAGAIN) => {
                    let mut polled = [PollFd::new(self.file.as_fd(), PollFlags::POLLOUT)];
                    // Some room, a signal, or nothing: it is tried again.
                    let _ = poll(&mut polled, PollTimeout::NONE);
                }
                Err(why) => {
                    kept.clear();
                    return Err(why.into());
                }
            }
        }
        Ok(())
    }
}

impl AsFd for Tty {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

/// Standard error, whatever it is.
#[derive(Clone, Copy, Debug)]
pub struct Errors;

impl Write for Errors {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match errors() {
            Some(tty) => tty.write(bytes).map(|()| bytes.len()),
            None => io::stderr().write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A terminal that a line moves on, which is left out while nothing is taken.
#[derive(Debug, Default)]
pub struct Moving(Mutex<String>);

impl Moving {
    fn add(&self, text: &str) -> io::Result<()> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push_str(text);
        Ok(())
    }
}

/// What moves the cursor is that of ECMA-48, 8.3.
impl TermLike for Moving {
    fn width(&self) -> u16 {
        size().0
    }

    fn height(&self) -> u16 {
        size().1
    }

    fn move_cursor_up(&self, rows: usize) -> io::Result<()> {
        if rows > 0 { self.add(&format!("\x1b[{rows}A")) } else { Ok(()) }
    }

    fn move_cursor_down(&self, rows: usize) -> io::Result<()> {
        if rows > 0 { self.add(&format!("\x1b[{rows}B")) } else { Ok(()) }
    }

    fn move_cursor_right(&self, columns: usize) -> io::Result<()> {
        if columns > 0 { self.add(&format!("\x1b[{columns}C")) } else { Ok(()) }
    }

    fn move_cursor_left(&self, columns: usize) -> io::Result<()> {
        if columns > 0 { self.add(&format!("\x1b[{columns}D")) } else { Ok(()) }
    }

    fn write_line(&self, text: &str) -> io::Result<()> {
        self.add(text)?;
        self.add("\n")
    }

    fn write_str(&self, text: &str) -> io::Result<()> {
        self.add(text)
    }

    fn clear_line(&self) -> io::Result<()> {
        self.add("\r\x1b[2K")
    }

    fn flush(&self) -> io::Result<()> {
        let text = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        if errors().is_some_and(Tty::is_behind) {
            return Ok(());
        }
        Errors.write_all(text.as_bytes())
    }
}
