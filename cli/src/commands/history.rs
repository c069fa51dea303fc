//! `dbdyno history`.

use std::io::IsTerminal as _;
use std::process::Command;
use std::time::SystemTime;

use dbdyno_core::Result;
use dbdyno_results::run_history::{ShowOptions, list, show};
use dbdyno_results::{RunHistory, Source, rfc3339};

use crate::Ended;
use crate::args::{AddArgs, FolderArgs, HistoryArgs, HistoryCommand, ShowArgs};
use crate::commands::tables;
use crate::config::Config;
use crate::output::{say, show as print};

/// Adds to a history, or shows it.
///
/// # Errors
/// A run or the history cannot be read or written, or a run does not belong into it.
pub fn history(arguments: &HistoryArgs) -> Result<Ended> {
    match &arguments.command {
        HistoryCommand::Add(arguments) => add(arguments),
        HistoryCommand::List(arguments) => list_runs(arguments),
        HistoryCommand::Show(arguments) => show_series(arguments),
    }
}

fn add(arguments: &AddArgs) -> Result<Ended> {
    let source = Source {
        commit: arguments.commit.clone().unwrap_or_else(|| git(&["rev-parse", "HEAD"])),
        branch: arguments.branch.clone().unwrap_or_else(|| git(&["branch", "--show-current"])),
        dirty: arguments.commit.is_none()
            && !git(&["status", "--porcelain", "--untracked-files=no"]).is_empty(),
        added_at: rfc3339(SystemTime::now()),
    };
    let history = RunHistory::new(&arguments.folder.folder);
    for run in &arguments.runs {
        let entry = history.add(run, &source, arguments.across_machines)?;
        say(&format!("added {}", entry.folder.display()));
    }
    Ok(Ended::Done)
}

/// What git answers in the working folder; empty where there is no git, or no repository.
fn git(arguments: &[&str]) -> String {
    match Command::new("git").args(arguments).output() {
        Ok(output) if output.status.success() => {
            String::from_utf8_lossy(&output.stdout).trim().to_owned()
        }
        _ => String::new(),
    }
}

fn list_runs(arguments: &FolderArgs) -> Result<Ended> {
    let entries = RunHistory::new(&arguments.folder).entries()?;
    print(&list(&entries, tables::width(), is_styled()));
    Ok(Ended::Done)
}

fn show_series(arguments: &ShowArgs) -> Result<Ended> {
    let entries = RunHistory::new(&arguments.folder.folder).entries()?;
    let config = Config::read(arguments.config.as_deref())?;
    let level = config.history_level(arguments.history_confidence)?;
    let mut thresholds = config.thresholds()?;
    thresholds.general = arguments.min_effect.unwrap_or(thresholds.general);
    let options = ShowOptions {
        metrics: &arguments.metrics,
        level,
        thresholds: &thresholds,
        across_machines: arguments.across_machines,
    };
    print(&show(&entries, &options, tables::width(), is_styled())?);
    Ok(Ended::Done)
}

fn is_styled() -> bool {
    std::io::stdout().is_terminal()
}
