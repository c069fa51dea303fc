//! `dbdyno regress`.

use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};

use dbdyno_core::{Error, Result};
use dbdyno_results::regress::{RegressFormat, render};
use dbdyno_results::{HistoryOptions, Judgement, Outcome, regress as judge, regress_history};

use crate::Ended;
use crate::args::{RegressArgs, RegressFormatArg};
use crate::commands::tables;
use crate::config::Config;
use crate::files::{place, write};
use crate::output::{say, show};

/// The width where the output is no terminal.
const PLAIN_WIDTH: usize = 80;
/// The narrowest and the widest lines for a terminal.
const NARROWEST: usize = 60;
const WIDEST: usize = 120;

/// Holds a run against its baseline.
///
/// # Errors
/// The input is not whole or not comparable, a metric or threshold makes no sense, or the output cannot
/// be written.
pub fn regress(arguments: &RegressArgs) -> Result<Ended> {
    let config = Config::read(arguments.config.as_deref())?;
    if let Some(file) = &arguments.output {
        refuse_input(file, arguments)?;
    }
    let judgement = judgement(arguments, &config)?;
    let format = match arguments.format {
        RegressFormatArg::Text => RegressFormat::Text,
        RegressFormatArg::Markdown => RegressFormat::Markdown,
        RegressFormatArg::Json => RegressFormat::Json,
        RegressFormatArg::Junit => RegressFormat::Junit,
    };
    let text = render(&judgement, format, width())?;
    match &arguments.output {
        None => show(&text),
        Some(file) => {
            write(file, &text)?;
            say(&judgement.summary());
        }
    }
    Ok(match judgement.outcome() {
        Outcome::NoRegression => Ended::Done,
        Outcome::Regression => Ended::Failed,
        Outcome::CouldNotTell => Ended::CouldNotRun,
    })
}

/// Sees that the output goes over nothing of what is read.
fn refuse_input(file: &Path, arguments: &RegressArgs) -> Result<()> {
    let at = place(file);
    let inputs = arguments.runs.iter().chain(&arguments.history).chain(&arguments.config);
    let is_of = |input: &PathBuf| {
        let input = place(input);
        at == input || (input.is_dir() && at.starts_with(&input))
    };
    if inputs.into_iter().any(is_of) {
        let why = "it belongs to what is read";
        return Err(Error::new(format!("write {}", file.display()), why)
            .next("give another file with `--output`"));
    }
    Ok(())
}

fn judgement(arguments: &RegressArgs, config: &Config) -> Result<Judgement> {
    let options = &config.regress_options(arguments)?;
    if let Some(history) = &arguments.history {
        if arguments.confidence.is_some() {
            let why = "`--confidence` is of a run that is held against baselines";
            return Err(Error::new("search the history for changes", why)
                .next("say with `--history-confidence` how sure each series is to be"));
        }
        let recent = HistoryOptions::default().recent;
        let of_history = HistoryOptions {
            recent: arguments.recent.map_or(recent, |recent| recent as usize),
            level: config.history_level(arguments.history_confidence)?,
        };
        return regress_history(history, &arguments.runs, options, of_history);
    }
    match arguments.runs.split_last() {
        Some((current, baselines)) if !baselines.is_empty() => judge(baselines, current, options),
        _ => Err(Error::new("compare with the baseline", "only one run was given")
            .next("give a baseline and the current run, or `--history DIR`")),
    }
}

fn width() -> usize {
    if std::io::stdout().is_terminal() {
        tables::width().clamp(NARROWEST, WIDEST)
    } else {
        PLAIN_WIDTH
    }
}
