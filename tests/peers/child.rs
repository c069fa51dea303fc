//! Runs a program and takes what it used: wall clock, processor time, peak memory.
//!
//! Between this process and the program stands a small one, this binary again as `measure`. A
//! child begins with the peak memory of the process that it was forked from (Linux keeps
//! `ru_maxrss` across execve(2)), and this process has servers' loaders and row files in its own.

use std::io::{BufRead as _, BufReader, Read as _};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use dbdyno_core::{Error, Result};
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeVal;

use crate::interrupt::Interrupt;

/// How many lines of a failed program's output an error shows.
const LINES: usize = 12;

/// What a process used.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Usage {
    /// From its start to its end.
    pub wall: Duration,
    /// Processor time in user and kernel mode.
    pub cpu: Duration,
    /// The most memory that was resident, in bytes.
    pub peak_rss: u64,
}

/// A program that ended well.
#[derive(Debug)]
pub struct Finished {
    /// Its standard output.
    pub out: String,
    /// The lines of its standard error, with the moment of each.
    pub err: Vec<(Instant, String)>,
    /// What it used.
    pub usage: Usage,
}

/// Runs programs one after the other.
pub struct Runner {
    /// Where the small process leaves what it measured.
    usage_file: PathBuf,
    interrupt: Interrupt,
}

impl Runner {
    /// A runner that keeps its files in `scratch`.
    pub fn new(scratch: &Path, interrupt: Interrupt) -> Self {
        Self { usage_file: scratch.join("usage"), interrupt }
    }

    /// Runs `command` to its end, without standard input and out of reach of the terminal's
    /// signals, which are passed on.
    ///
    /// # Errors
    /// It cannot be started, does not exit with 0 (the end of its output is part of the error), or
    /// the end of everything was asked for.
    pub fn run(&self, command: &Command) -> Result<Finished> {
        let program = command.get_program().to_string_lossy().into_owned();
        let doing = format!("run {program}");
        let failed = |why: &dyn std::fmt::Display| Error::new(doing.clone(), why);
        self.interrupt.check(&doing)?;
        let mut child =
            self.measured(command).map_err(|why| failed(&why))?.spawn().map_err(|w| failed(&w))?;
        let _under_way = self.interrupt.group(&child);
        let out = child.stdout.take().map(|mut pipe| {
            std::thread::spawn(move || {
                let mut bytes = Vec::new();
                pipe.read_to_end(&mut bytes).map(|_| bytes)
            })
        });
        let mut err = Vec::new();
        if let Some(pipe) = child.stderr.take() {
            for line in BufReader::new(pipe).split(b'\n') {
                let line = line.map_err(|why| failed(&why))?;
                err.push((Instant::now(), String::from_utf8_lossy(&line).into_owned()));
            }
        }
        let status = child.wait().map_err(|why| failed(&why))?;
        let out = out.and_then(|reader| reader.join().ok()).transpose();
        let out = out.map_err(|why| failed(&why))?.unwrap_or_default();
        let out = String::from_utf8_lossy(&out).into_owned();
        self.interrupt.check(&doing)?;
        if !status.success() {
            let why = format!("it ended with {status}\n{}", last_lines(&out, &err));
            return Err(failed(&why).next("Look for the cause in its own words above"));
        }
        let usage = std::fs::read_to_string(&self.usage_file).map_err(|why| failed(&why))?;
        let usage = parse(&usage).ok_or_else(|| failed(&"nobody told what it used"))?;
        Ok(Finished { out, err, usage })
    }

    /// The command that runs `command` below the small process.
    fn measured(&self, command: &Command) -> std::io::Result<Command> {
        let mut measured = Command::new(std::env::current_exe()?);
        measured.arg("measure").arg(&self.usage_file).arg("--");
        measured.arg(command.get_program()).args(command.get_args());
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => measured.env(name, value),
                None => measured.env_remove(name),
            };
        }
        if let Some(folder) = command.get_current_dir() {
            measured.current_dir(folder);
        }
        measured.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        measured.process_group(0);
        Ok(measured)
    }
}

/// The small process: runs a program, writes what it used into `file`, and ends as it did.
///
/// # Errors
/// The program cannot be started, or the file not be written.
pub fn measure(file: &Path, words: &[String]) -> Result<ExitCode> {
    let (program, arguments) =
        words.split_first().ok_or_else(|| Error::new("measure a program", "none is named"))?;
    let failed = |why: &dyn std::fmt::Display| Error::new(format!("run {program}"), why);
    let began = Instant::now();
    let status = Command::new(program).args(arguments).status().map_err(|why| failed(&why))?;
    let wall = began.elapsed();
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).map_err(|why| failed(&why))?;
    let cpu = duration(usage.user_time()) + duration(usage.system_time());
    // getrusage(2): kilobytes, on macOS bytes.
    let unit = if cfg!(target_os = "macos") { 1 } else { 1024 };
    let peak_rss = usage.max_rss().unsigned_abs() * unit;
    let text = format!("{} {} {peak_rss}\n", wall.as_nanos(), cpu.as_nanos());
    std::fs::write(file, text)
        .map_err(|why| Error::new(format!("write {}", file.display()), why))?;
    let code = status.code().or(status.signal().map(|signal| 128 + signal)).unwrap_or(1);
    Ok(ExitCode::from(u8::try_from(code).unwrap_or(1)))
}

fn duration(time: TimeVal) -> Duration {
    let seconds = Duration::from_secs(time.tv_sec().unsigned_abs());
    seconds + Duration::from_micros(time.tv_usec().unsigned_abs())
}

fn parse(text: &str) -> Option<Usage> {
    let mut numbers = text.split_whitespace().map(str::parse::<u64>);
    let mut next = || numbers.next()?.ok();
    Some(Usage {
        wall: Duration::from_nanos(next()?),
        cpu: Duration::from_nanos(next()?),
        peak_rss: next()?,
    })
}

fn last_lines(out: &str, err: &[(Instant, String)]) -> String {
    let lines: Vec<&str> = out.lines().chain(err.iter().map(|(_, line)| line.as_str())).collect();
    let lines: Vec<&str> = lines.into_iter().filter(|line| !line.trim().is_empty()).collect();
    let tail = &lines[lines.len().saturating_sub(LINES)..];
    tail.iter().map(|line| format!("  | {line}")).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Usage, parse};

    #[test]
    fn what_was_used_is_read_back() {
        let expected = Usage {
            wall: Duration::from_millis(1_500),
            cpu: Duration::from_micros(7),
            peak_rss: 4096,
        };
        assert_eq!(parse("1500000000 7000 4096\n"), Some(expected));
        assert_eq!(parse("1500000000 7000"), None);
    }
}
