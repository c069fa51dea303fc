//! The full-screen view, in a real terminal: tmux.

use std::fs::{self, File};
use std::io::{Error, ErrorKind, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use dbdyno_core::Status;
use dbdyno_tests::{left_out, wait_for};
use nix::fcntl::OFlag;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::desk::{Desk, Process, SHORT, code, ended, err, out, processes, signal, under_way};

/// A shell in a terminal of 80 by 24, in the folder of a desk.
struct Terminal<'a> {
    desk: &'a Desk,
    socket: PathBuf,
}

impl<'a> Terminal<'a> {
    fn open(desk: &'a Desk) -> Self {
        let terminal = Self { desk, socket: desk.folder.path().join("tmux") };
        terminal.tmux(&["-f/dev/null", "new-session", "-d", "-x80", "-y24", "env PS1='% ' sh"]);
        terminal
    }

    fn tmux(&self, arguments: &[&str]) -> String {
        let mut command = Command::new("tmux");
        command.arg("-S").arg(&self.socket).args(arguments);
        command.current_dir(self.desk.folder.path()).env("TERM", "xterm").env_remove("TMUX");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let output = ended(command.spawn().expect("tmux is there: ./tests/run installs it"));
        assert_eq!(code(&output), 0, "tmux {arguments:?}: {}", err(&output));
        out(&output)
    }

    /// Types a line for the shell; how the command ended goes into the file `code`, and the modes of the terminal before
    /// and after into `before` and `after`.
    fn run(&self, line: &str) {
        // It is not there before the first command.
        let _ = fs::remove_file(self.desk.path("code"));
        let line =
            format!("clear; stty -g > before; {line}; c=$?; stty -g > after; echo $c > code");
        self.tmux(&["send-keys", "-l", &line]);
        self.tmux(&["send-keys", "Enter"]);
    }

    fn strike(&self, key: &str) {
        self.tmux(&["send-keys", key]);
    }

    fn shown(&self) -> String {
        self.tmux(&["capture-pane", "-p"])
    }

    /// Whether the alternate screen is shown, and the cursor.
    fn state(&self) -> String {
        let state = self.tmux(&[
            "display-message",
            "-p",
            "alternate=#{alternate_on} cursor=#{cursor_flag}",
        ]);
        state.trim().to_owned()
    }

    /// Waits until something is shown.
    fn wait(&self, what: &str, is_there: impl Fn(&str) -> bool) -> String {
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            let shown = self.shown();
            if is_there(&shown) {
                return shown;
            }
            assert!(Instant::now() < deadline, "waited a minute for {what}:\n{shown}");
            std::thread::park_timeout(Duration::from_millis(20));
        }
    }

    /// Waits until the command is over, and looks whether the terminal is as it was; the exit code.
    fn wait_for_end(&self) -> String {
        let file = |name: &str| fs::read_to_string(self.desk.path(name)).unwrap_or_default();
        // What is shown may be behind what was written.
        let is_back = || self.state() == "alternate=0 cursor=1";
        self.wait("the end", |_| file("code").ends_with('\n') && is_back());
        // Echo, whole lines, Ctrl-C and the others.
        assert_eq!(file("before"), file("after"));
        file("code").trim().to_owned()
    }
}

impl Drop for Terminal<'_> {
    fn drop(&mut self) {
        // Its shell, and what that runs, are hung up.
        self.tmux(&["kill-server"]);
    }
}

/// Whether a load of six seconds is under way, and a throughput above nothing of its last second is shown.
fn has_throughput(shown: &str) -> bool {
    let below = shown.lines().skip_while(|row| !row.trim_start().starts_with("throughput")).nth(1);
    let speed = below.and_then(|row| Some(row.split_once(" tx/s")?.0.trim()));
    let is_under_way = shown.contains(" of 6 s");
    is_under_way && speed.is_some_and(|speed| speed != "0") && shown.contains("p99")
}

#[test]
fn a_run_on_the_full_screen_is_paused_goes_on_and_is_ended_by_keys() {
    if left_out("tmux") {
        return;
    }
    let desk = Desk::new();
    let terminal = Terminal::open(&desk);
    let dbdyno = env!("CARGO_BIN_EXE_dbdyno");
    // More cases than are measured, so that a load always follows.
    let run = "run oltp/tpcb --live --clients 1,2 --repetitions 9 --duration 6s --warmup 0";
    terminal.run(&format!("{dbdyno} {run}"));
    terminal.wait("throughput", has_throughput);
    assert_eq!(terminal.state(), "alternate=1 cursor=0");

    terminal.strike("?");
    terminal.wait("help", |shown| shown.contains("Within a load there is no"));
    terminal.strike("Escape");
    // Both at once would be Alt-p.
    terminal.wait("the view", |shown| !shown.contains("Within a load there is no"));
    terminal.strike("p");
    terminal.wait("the pause", |shown| shown.contains("PAUSED for"));
    terminal.strike("p");
    let shown = terminal.wait("the next case", |shown| {
        !shown.contains("PAUSED") && has_throughput(shown) && !shown.contains("case 1 of 18")
    });
    for part in ["of 18", "servers", "machine", "waits", "events", "left"] {
        assert!(shown.contains(part), "{part} is missing in:\n{shown}");
    }
    // Held down.
    terminal.tmux(&["send-keys", "-N9", "q"]);
    assert_eq!(terminal.wait_for_end(), "130");
    // What was kept from the screen.
    terminal.wait("the lines", |shown| shown.contains("results in runs/"));

    let run = desk.runs().remove(0);
    let events = fs::read_to_string(run.join("events.csv")).unwrap();
    let at = |kind: &str| events.find(&format!(",{kind},")).expect(kind);
    assert!(at("paused") < at("continued") && at("continued") < at("interrupted"), "{events}");
    let records = desk.records();
    let first = records.iter().filter(|record| record.metric == "throughput");
    assert!(first.clone().any(|record| record.status == Status::Ok), "{records:?}");
    let paused: Vec<_> = records.iter().filter(|record| record.metric == "paused_s").collect();
    assert_eq!(paused.len(), 1, "{records:?}");
    assert!(paused[0].value.is_some_and(|paused_s| paused_s > 0.0), "{:?}", paused[0]);
    assert!(paused[0].detail.contains("the run was paused for"), "{:?}", paused[0]);

    // Other ways out: a signal, and an error.
    fs::write(desk.path("app.db"), "").unwrap();
    let monitor = format!("monitor --live --target sqlite:{}", desk.path("app.db"));
    terminal.run(&format!("sh -c 'echo $$ > pid; exec {dbdyno} {monitor}'"));
    terminal.wait("samples", |shown| shown.contains("machine") && shown.contains("dbdyno monitor"));
    let pid = fs::read_to_string(desk.path("pid")).unwrap().trim().parse().unwrap();
    kill(Pid::from_raw(pid), Signal::SIGTERM).unwrap();
    assert_eq!(terminal.wait_for_end(), "0");
    terminal.wait("the end", |shown| shown.contains("samples in runs/"));

    terminal.run(&format!("{dbdyno} run --live --target postgres://nobody@127.0.0.1:1/none"));
    assert_eq!(terminal.wait_for_end(), "2");
    terminal.wait("the error", |shown| shown.contains("error: cannot"));

    terminal.run(&format!("TERM=dumb {dbdyno} run oltp/tpcb --live --transactions 9"));
    assert_eq!(terminal.wait_for_end(), "0");
    terminal.wait("plain lines", |shown| shown.contains("results in runs/"));
}

/// A terminal whose program is stopped, and that is full.
struct Stuck {
    server: Pid,
}

impl Stuck {
    fn new(terminal: &Terminal<'_>) -> Self {
        let told = terminal.tmux(&["display-message", "-p", "#{pid} #{pane_tty}"]);
        let (pid, tty) = told.trim().split_once(' ').unwrap();
        let stuck = Self { server: Pid::from_raw(pid.parse().unwrap()) };
        kill(stuck.server, Signal::SIGSTOP).unwrap();
        let flags = OFlag::O_NONBLOCK | OFlag::O_NOCTTY;
        let mut tty = File::options().write(true).custom_flags(flags.bits()).open(tty).unwrap();
        let is_full = |error: &Error| error.kind() == ErrorKind::WouldBlock;
        wait_for("a full terminal", || tty.write(&[b'.'; 4096]).err().filter(is_full));
        stuck
    }
}

impl Drop for Stuck {
    fn drop(&mut self) {
        // It has to go on to be ended.
        kill(self.server, Signal::SIGCONT).unwrap();
    }
}

/// Runs a command in a terminal that takes nothing, has it go on once `is_done`, and waits for its end; what is shown
/// then.
fn beside_a_stuck_terminal(
    desk: &Desk,
    (words, expected): (&str, &str),
    is_done: impl FnOnce(Pid),
) -> String {
    let dbdyno = env!("CARGO_BIN_EXE_dbdyno");
    let terminal = Terminal::open(desk);
    let waiting = "touch waits; until [ -e go ]; do sleep 0.02; done";
    terminal.run(&format!("{waiting}; sh -c 'echo $$ > pid; exec {dbdyno} {words}'"));
    wait_for("a shell", || fs::exists(desk.path("waits")).unwrap().then_some(()));
    let stuck = Stuck::new(&terminal);
    fs::write(desk.path("go"), "").unwrap();
    let pid = wait_for("a process", || {
        fs::read_to_string(desk.path("pid")).ok()?.strip_suffix('\n')?.parse().ok()
    });
    is_done(Pid::from_raw(pid));
    drop(stuck);
    assert_eq!(terminal.wait_for_end(), expected, "{words}");
    terminal.wait("the shell", |shown| shown.trim_end().ends_with('%'))
}

#[test]
fn a_terminal_that_takes_nothing_holds_up_no_run_and_is_given_what_came_out_at_last() {
    if left_out("tmux") {
        return;
    }
    for (options, ends, expected) in [
        ("--transactions 200", false, "0"),
        ("--transactions 200 --live", false, "0"),
        ("--duration 10m", true, "130"),
        ("--duration 10m --live", true, "130"),
    ] {
        let desk = Desk::new();
        let words = format!("run oltp/point-select --warmup 0 {options}");
        let shown = beside_a_stuck_terminal(&desk, (&words, expected), |pid| {
            if ends {
                under_way(&desk);
                kill(pid, Signal::SIGINT).unwrap();
            }
            wait_for("the end of the run", || {
                let conditions = fs::read_to_string(desk.runs().pop()?.join("run.toml")).ok()?;
                conditions.contains("outcome = ").then_some(())
            });
        });
        assert!(shown.contains("results in runs/"), "{options}:\n{shown}");
        let records = desk.records();
        let row = records.iter().find(|row| row.metric == "throughput").unwrap();
        assert!(row.value > Some(0.0), "{options}: {row:?}");
    }
}

/// What tells of nothing but on the terminal waits for it.
#[test]
fn a_terminal_is_waited_for_where_nothing_is_measured() {
    if left_out("tmux") {
        return;
    }
    let desk = Desk::new();
    let shown = beside_a_stuck_terminal(&desk, ("list suites", "0"), |pid| {
        wait_for("a process that waits", || {
            let is_it = |process: &Process| {
                process.pid == pid.as_raw() && process.arguments.ends_with("list suites")
            };
            let found = processes().into_iter().find(is_it)?;
            (found.state == 'S').then_some(())
        });
    });
    // The last of them.
    assert!(shown.contains("scenario/select-only"), "{shown}");
}

/// Narrower than what nobody knows the size of is taken for, and not the one that the process was started from.
#[test]
fn what_moves_is_as_wide_as_the_terminal_that_it_is_on() {
    if left_out("tmux") {
        return;
    }
    let desk = Desk::new();
    let terminal = Terminal::open(&desk);
    terminal.tmux(&["resize-window", "-x62", "-y24"]);
    let pane = terminal.tmux(&["display-message", "-p", "#{pane_tty}"]);
    let mut options = File::options();
    let tty = options.write(true).custom_flags(OFlag::O_NOCTTY.bits()).open(pane.trim()).unwrap();
    let load = ["run", "oltp/point-select", "--clients", "1", "--warmup", "0", "--duration", "1m"];
    let mut command = desk.command(&load);
    let child = command.stdout(Stdio::null()).stderr(tty).spawn().unwrap();
    // A number, of a second that was told.
    let moves = |row: &&str| {
        let after_bar = row.rsplit(['█', '░']).next().unwrap_or_default();
        row.contains("1/1 point-select") && after_bar.contains(|each: char| each.is_ascii_digit())
    };
    let shown = terminal.wait("a line that moves", |shown| shown.lines().any(|row| moves(&row)));
    let after = shown.lines().skip_while(|row| !moves(row)).skip(1);
    assert!(after.clone().all(|row| row.trim().is_empty()), "{shown}");
    signal(&child, Signal::SIGINT);
    assert_eq!(code(&ended(child)), 130);
}

#[test]
fn without_a_terminal_there_are_plain_lines_and_a_word_that_says_so() {
    let desk = Desk::new();
    let output = desk.dbdyno(&[&["run", "oltp/point-select", "--live"][..], &SHORT].concat());
    assert_eq!(code(&output), 0, "{}", err(&output));
    let told = "note: no --live view, for the output is no terminal; plain lines instead";
    assert!(err(&output).starts_with(told), "{}", err(&output));
    assert!(err(&output).contains("oltp/point-select\n"), "{}", err(&output));
    assert!(!err(&output).contains('\u{1b}'), "{}", err(&output));

    let output = desk.dbdyno(&["run", "--live", "--quiet"]);
    assert_eq!(code(&output), 2);
    assert!(err(&output).contains("cannot be used with"), "{}", err(&output));
}
