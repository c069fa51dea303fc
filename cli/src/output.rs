//! Writing for people. Whoever reads it may leave early (`dbdyno list | head`): that is
//! no error, and nothing that is being measured ends for it, or waits for a terminal that takes nothing.

use std::io::{self, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};

use dbdyno_results::redact;

use crate::tty::{self, Errors};

/// What waits while something else has the screen.
static HELD: Mutex<Option<Held>> = Mutex::new(None);

/// See [`lost`].
static LOST: Mutex<Option<io::Error>> = Mutex::new(None);

struct Held {
    texts: Vec<(Stream, String)>,
    /// Is told of notes at once.
    tell: Box<dyn Fn(&str) + Send>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stream {
    Output,
    Errors,
}

/// Prints a line.
pub fn say(line: &str) {
    show(&format!("{line}\n"));
}

/// Prints text as it is.
pub fn show(text: &str) {
    if let Some(held) = &mut *held() {
        held.texts.push((Stream::Output, text.to_owned()));
        return;
    }
    write(Stream::Output, text);
}

/// Tells a person something beside the output: progress, warnings, errors. A terminal may be gone
/// (a closed ssh session) without a run ending for it. Passwords of URLs that were typed in a
/// wrong place are masked.
pub fn note(line: &str) {
    let line = redact(line);
    if let Some(held) = &mut *held() {
        (held.tell)(&line);
        held.texts.push((Stream::Errors, format!("{line}\n")));
        return;
    }
    write(Stream::Errors, &format!("{line}\n"));
}

/// Keeps what is printed and noted until [`release`], for something else has the screen. `tell` is told of notes
/// at once, on the thread that notes them.
pub fn hold(tell: impl Fn(&str) + Send + 'static) {
    *held() = Some(Held { texts: Vec::new(), tell: Box::new(tell) });
}

/// Prints what was kept, in its order.
pub fn release() {
    let kept = held().take();
    for (stream, text) in kept.into_iter().flat_map(|kept| kept.texts) {
        write(stream, &text);
    }
}

fn held() -> MutexGuard<'static, Option<Held>> {
    HELD.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Why output was lost, the first time; not where nobody reads it any more.
pub fn lost() -> Option<io::Error> {
    LOST.lock().unwrap_or_else(PoisonError::into_inner).take()
}

fn write(stream: Stream, text: &str) {
    let written = match (stream, tty::output()) {
        (Stream::Output, Some(terminal)) => terminal.write(text.as_bytes()),
        (Stream::Output, None) => {
            let mut output = io::stdout();
            output.write_all(text.as_bytes()).and_then(|()| output.flush())
        }
        // Nobody is left to be told.
        (Stream::Errors, _) => return drop(Errors.write_all(text.as_bytes())),
    };
    if let Err(why) = written
        && why.kind() != io::ErrorKind::BrokenPipe
    {
        LOST.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(why);
    }
}

/// Where the log goes, a line at a time.
#[derive(Clone, Copy, Debug)]
pub struct Log;

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(bytes);
        note(text.trim_end_matches('\n'));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
