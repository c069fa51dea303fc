//! The terminal while the view has it, and how it is given back.

use std::io::{self, BufWriter, IsTerminal as _};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, Once, PoisonError, TryLockError};
use std::time::{Duration, Instant};

use ratatui::backend::CrosstermBackend;
use ratatui::crossterm::cursor::{Hide, Show};
use ratatui::crossterm::execute;
use ratatui::crossterm::terminal::{
    EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};
use ratatui::layout::Rect;
use ratatui::{Terminal, TerminalOptions, Viewport};

use crate::tty::{self, Errors, Tty};

/// What is drawn on.
pub type Screen = Terminal<CrosstermBackend<BufWriter<Errors>>>;

/// How long a frame that is being drawn is waited for.
const PATIENCE: Duration = Duration::from_millis(200);

/// Whether the view has the terminal.
static TAKEN: AtomicBool = AtomicBool::new(false);
/// Held while a frame is drawn, of which nothing may come after the terminal is given back.
static DRAWING: Mutex<()> = Mutex::new(());

/// Why there can be no full-screen view; `None` where there can.
pub fn lacking() -> Option<&'static str> {
    if !io::stderr().is_terminal() {
        return Some("the output is no terminal");
    }
    match std::env::var("TERM") {
        Ok(term) if term == "dumb" => Some("the terminal is dumb (TERM)"),
        Ok(term) if !term.is_empty() => None,
        _ => Some("nobody says what terminal it is (TERM)"),
    }
}

/// Whether colours are wanted (<https://no-color.org>).
pub fn has_colors() -> bool {
    std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// Takes the terminal. A panic on any thread gives it back before it says anything.
///
/// # Errors
/// There is no terminal to be had.
pub fn take() -> io::Result<Screen> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            give_back();
            before(panic);
        }));
    });
    enable_raw_mode()?;
    TAKEN.store(true, Ordering::SeqCst);
    // Fixed, for ratatui asks the terminal that the process was started from.
    let options = TerminalOptions { viewport: Viewport::Fixed(area()) };
    let taken = execute!(Errors, EnterAlternateScreen, Hide).and_then(|()| {
        Terminal::with_options(CrosstermBackend::new(BufWriter::new(Errors)), options)
    });
    if taken.is_err() {
        give_back();
    }
    taken
}

/// All of the terminal that is drawn on.
pub fn area() -> Rect {
    let (wide, high) = tty::size();
    Rect::new(0, 0, wide, high)
}

/// Whether the view still has the terminal: a panic takes it away.
pub fn is_taken() -> bool {
    TAKEN.load(Ordering::SeqCst)
}

/// Draws, unless the terminal was given back, or takes nothing: a frame is drawn on the one before.
///
/// # Errors
/// The terminal is gone.
pub fn while_taken(draw: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
    let _drawing = DRAWING.lock().unwrap_or_else(PoisonError::into_inner);
    if is_taken() && !tty::errors().is_some_and(Tty::is_behind) { draw() } else { Ok(()) }
}

/// Gives the terminal back as it was: once, however often it is called.
pub fn give_back() {
    if !TAKEN.swap(false, Ordering::SeqCst) {
        return;
    }
    let began = Instant::now();
    let mut drawing = DRAWING.try_lock();
    // Not for ever: the thread that draws may be the one that panics.
    while matches!(drawing, Err(TryLockError::WouldBlock)) && began.elapsed() < PATIENCE {
        std::thread::sleep(Duration::from_millis(1));
        drawing = DRAWING.try_lock();
    }
    // Nobody is left to be told that the terminal is gone.
    let _ = execute!(Errors, LeaveAlternateScreen, Show);
    let _ = disable_raw_mode();
}
