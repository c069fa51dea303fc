//! dbdyno: puts databases under a known load, checks their answers and compares them.

mod alerts;
mod args;
mod commands;
mod conceal;
mod config;
mod files;
mod interrupt;
mod live;
#[cfg(test)]
mod made_up;
mod names;
mod numbers;
mod output;
mod screen;
mod tty;
mod watch;

use std::process::ExitCode;

use clap::Parser as _;

use args::{Arguments, Command};
use output::note;

fn main() -> ExitCode {
    let code = obey();
    tty::finish();
    code
}

/// Does what the command line says.
fn obey() -> ExitCode {
    let arguments = match conceal::words() {
        Ok(words) => match Arguments::try_parse_from(words) {
            Ok(arguments) => arguments,
            Err(told) => return tell(&told),
        },
        Err(error) => {
            note(&format!("error: {error}"));
            return Ended::CouldNotRun.exit_code();
        }
    };
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::from_env("DBDYNO_LOG"))
        .with_writer(|| output::Log)
        .init();
    // What these find is in files, or they end for nobody who does not read.
    let is_told = !matches!(
        arguments.command,
        Command::Run(_) | Command::FindLimit(_) | Command::Monitor(_) | Command::HostLoad(_)
    );
    if !is_told {
        tty::measure();
    }
    let done = match arguments.command {
        Command::Run(options) => commands::run::run(*options),
        Command::FindLimit(options) => commands::find_limit::find_limit(*options),
        Command::Monitor(options) => commands::monitor::monitor(&options),
        Command::List(options) => commands::list::list(&options),
        Command::Doctor => commands::doctor::doctor(),
        Command::Compare(options) => commands::compare::compare(&options),
        Command::Explain(options) => commands::explain::explain(&options),
        Command::HostLoad(options) => commands::host_load::host_load(*options),
        Command::CheckHistory(options) => commands::check_history::check_history(&options),
        Command::Regress(options) => commands::regress::regress(&options),
        Command::Report(options) => commands::report::report(&options),
        Command::History(options) => commands::history::history(&options),
    };
    match done {
        Ok(ended) => match output::lost().filter(|_| is_told) {
            None => ended.exit_code(),
            Some(why) => {
                note(&format!("error: write the output: {why}"));
                Ended::CouldNotRun.exit_code()
            }
        },
        Err(error) => {
            note(&format!("error: {error}"));
            let ended = if error.is_broken() { Ended::Failed } else { Ended::CouldNotRun };
            ended.exit_code()
        }
    }
}

/// Prints help, or what is wrong with the command line.
fn tell(told: &clap::Error) -> ExitCode {
    if told.use_stderr() {
        note(told.render().to_string().trim_end());
        return Ended::CouldNotRun.exit_code();
    }
    // Help in the terminal's own style; nobody is left to be told that nobody reads.
    let _ = told.print();
    Ended::Done.exit_code()
}

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// It is done and all is well.
    Done,
    /// What was measured failed: a check, a regression; or a plan changed.
    Failed,
    /// The command was wrong or could not run, or what was asked could not be told.
    CouldNotRun,
    /// Ended by Ctrl-C, as shells expect it to be told (128 + SIGINT).
    Interrupted,
}

impl Ended {
    fn exit_code(self) -> ExitCode {
        match self {
            Self::Done => ExitCode::SUCCESS,
            Self::Failed => ExitCode::from(1),
            Self::CouldNotRun => ExitCode::from(2),
            Self::Interrupted => ExitCode::from(130),
        }
    }
}
