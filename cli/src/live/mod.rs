//! The full-screen view of what runs (`--live`).
//!
//! Whoever runs, records, samples or warns tells it by a [`Teller`] and goes on. A thread of its own keeps what is
//! known (`state`), draws it four times a second at most (`draw`) and looks at keys (`keys`); its processor time is not the
//! client's. Meanwhile nothing else is printed: what would be is shown among the events, and printed afterwards.

mod draw;
mod keys;
mod state;
mod terminal;
mod told;

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use dbdyno_core::load::leave_out_thread;
use dbdyno_core::{Error, Pause, Result, Stop};
use nix::sys::signal::{Signal, raise};
use ratatui::layout::Rect;
use signal_hook::low_level;

use crate::{interrupt, output};
use draw::Theme;
use keys::{Key, Keys};
use state::{Asked, State};

pub use told::{Teller, Told};

/// How often it is drawn at most.
const FRAME: Duration = Duration::from_millis(250);
/// How long its end is waited for: a terminal may have stopped taking what is written.
const PATIENCE: Duration = Duration::from_secs(2);
/// A key that is held down comes again within this time at the latest (X begins to repeat after 660 ms).
const SAME_STROKE: Duration = Duration::from_millis(700);

/// The view, for as long as it lives.
pub struct Live {
    teller: Teller,
    over: Arc<AtomicBool>,
    /// Hung up when the thread is over.
    done: Mutex<Receiver<()>>,
}

impl Live {
    /// Takes the screen for a command; `None`, and a word about it, where there is none to be taken. `pause` is what
    /// the key for a pause asks for.
    ///
    /// # Errors
    /// The system refuses the thread.
    pub fn start(command: &'static str, pause: &Pause, stop: &Stop) -> Result<Option<Self>> {
        let cannot = |why: &str| {
            output::note(&format!("note: no --live view, for {why}; plain lines instead"));
            Ok(None)
        };
        if let Some(why) = terminal::lacking() {
            return cannot(why);
        }
        let taken = Keys::open().and_then(|keys| Ok((keys, terminal::take()?)));
        let (keys, screen) = match taken {
            Ok(taken) => taken,
            Err(why) => return cannot(&why.to_string()),
        };
        let (sender, told) = channel();
        let (ended, done) = channel::<()>();
        let over = Arc::new(AtomicBool::new(false));
        let view = Viewing {
            state: State::new(command),
            told,
            keys: Some(keys),
            screen,
            theme: Theme { has_colors: terminal::has_colors() },
            began: Instant::now(),
            drawn: None,
            pause: pause.clone(),
            stop: stop.clone(),
            end_struck: None,
            over: Arc::clone(&over),
        };
        let live = Self { teller: Teller(sender), over, done: Mutex::new(done) };
        interrupt::screen_is_taken(true);
        let teller = live.teller.clone();
        output::hold(move |line| teller.tell(Told::Said(line.to_owned())));
        let work = move || {
            view.run();
            drop(ended);
        };
        let spawned = std::thread::Builder::new().name("live".to_owned()).spawn(work);
        // A view that is dropped gives back what was taken.
        spawned.map_err(|why| Error::new("start the full-screen view", why))?;
        Ok(Some(live))
    }

    /// What tells it.
    pub fn teller(&self) -> Teller {
        self.teller.clone()
    }
}

impl Drop for Live {
    /// Has the screen given back, and what was kept from it printed.
    fn drop(&mut self) {
        self.over.store(true, Ordering::SeqCst);
        let done = self.done.lock().unwrap_or_else(PoisonError::into_inner);
        // It ends by hanging up.
        let _ = done.recv_timeout(PATIENCE);
        give_back();
        if let Some(signal) = interrupt::at_once() {
            low_level::exit(128 + signal);
        }
    }
}

/// Gives back the terminal and prints what was kept from it, unless that is done already.
fn give_back() {
    terminal::give_back();
    interrupt::screen_is_taken(false);
    output::release();
}

/// What the thread has.
struct Viewing {
    state: State,
    told: Receiver<(Instant, Told)>,
    /// None once the terminal is gone.
    keys: Option<Keys>,
    screen: terminal::Screen,
    theme: Theme,
    began: Instant,
    /// In which second since then it was drawn last, and how large; none where that is out of date.
    drawn: Option<(u64, Rect)>,
    pause: Pause,
    stop: Stop,
    /// When the key for the end was struck last.
    end_struck: Option<Instant>,
    over: Arc<AtomicBool>,
}

impl Viewing {
    /// Draws until it is over.
    fn run(mut self) {
        while !self.over.load(Ordering::SeqCst) && terminal::is_taken() {
            if self.show().is_err() {
                break;
            }
            self.wait_for_keys(Instant::now() + FRAME);
            if let Some(signal) = interrupt::at_once() {
                give_back();
                // Throwaway servers are removed by their watchdogs.
                low_level::exit(128 + signal);
            }
        }
        leave_out_thread();
    }

    /// Takes in what was told, and draws where anything has changed.
    fn show(&mut self) -> io::Result<()> {
        let has_news = self.hear();
        let (now, area) = (self.began.elapsed(), terminal::area());
        // Clocks go on.
        let has_changed = has_news || self.drawn != Some((now.as_secs(), area));
        if !has_changed {
            return Ok(());
        }
        self.drawn = Some((now.as_secs(), area));
        let (state, theme, screen) = (&self.state, self.theme, &mut self.screen);
        terminal::while_taken(|| {
            if screen.get_frame().area() != area {
                screen.resize(area)?;
            }
            screen.draw(|frame| draw::draw(frame, state, now, theme)).map(drop)
        })
    }

    /// Takes in what was told and asked for; whether there was any.
    fn hear(&mut self) -> bool {
        let asked = Asked { pause: self.pause.is_asked(), end: self.stop.is_requested() };
        let mut has_news = asked != self.state.asked;
        self.state.asked = asked;
        while let Ok((at, told)) = self.told.try_recv() {
            self.state.tell(at.saturating_duration_since(self.began), told);
            has_news = true;
        }
        has_news
    }

    /// Heeds keys until the next frame is due.
    fn wait_for_keys(&mut self, until: Instant) {
        // What drawing costs is not the client's.
        leave_out_thread();
        loop {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() || self.over.load(Ordering::SeqCst) {
                return;
            }
            match self.keys.as_ref().map(|keys| keys.wait(left)) {
                Some(Ok(struck)) => struck.into_iter().for_each(|key| self.heed(key)),
                Some(Err(_)) => self.keys = None,
                None => std::thread::sleep(left),
            }
        }
    }

    fn heed(&mut self, key: Key) {
        self.drawn = None;
        let state = &mut self.state;
        match key {
            Key::End => self.end(),
            Key::Pause if state.has_loads() => self.pause.toggle(),
            Key::Pause => {}
            Key::Help => state.shows_help = !state.shows_help,
            Key::Escape => state.shows_help = false,
            Key::Next => state.turn(1),
            Key::Previous => state.turn(-1),
            Key::Panel(place) => state.turn_to(place),
        }
    }

    /// Asks for the end as Ctrl-C does without a view: the same for a key as for a signal. One that is held down asks
    /// once.
    fn end(&mut self) {
        let last = self.end_struck.replace(Instant::now());
        if last.is_none_or(|last| last.elapsed() > SAME_STROKE) {
            let _ = raise(Signal::SIGINT);
        }
    }
}

impl Drop for Viewing {
    fn drop(&mut self) {
        give_back();
    }
}
