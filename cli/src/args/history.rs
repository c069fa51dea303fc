//! The arguments of `dbdyno history`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::parse::{parse_confidence, parse_percent};

/// `dbdyno history`.
#[derive(Args, Debug)]
pub struct HistoryArgs {
    /// What to do with it.
    #[command(subcommand)]
    pub command: HistoryCommand,
}

/// What can be done with a history.
#[derive(Debug, Subcommand)]
pub enum HistoryCommand {
    /// Copy the results and conditions of runs into the history.
    Add(AddArgs),
    /// List the runs of the history, with commit, branch and machine.
    List(FolderArgs),
    /// Show how each metric went from run to run, and where it changed.
    Show(ShowArgs),
}

/// Where a history is.
#[derive(Args, Debug)]
pub struct FolderArgs {
    /// The folder of the history.
    #[arg(long = "history", value_name = "DIR", default_value = "history")]
    pub folder: PathBuf,
}

/// `dbdyno history add`.
#[derive(Args, Debug)]
pub struct AddArgs {
    /// Run folders.
    #[arg(value_name = "RUN", required = true)]
    pub runs: Vec<PathBuf>,

    /// Where the history is.
    #[command(flatten)]
    pub folder: FolderArgs,

    /// The commit that was measured [default: that of the git repository in the working folder].
    #[arg(long)]
    pub commit: Option<String>,

    /// The branch that was measured [default: that of the git repository in the working folder].
    #[arg(long)]
    pub branch: Option<String>,

    /// Mix runs of different machines in one history.
    #[arg(long)]
    pub across_machines: bool,
}

/// `dbdyno history show`.
#[derive(Args, Debug)]
pub struct ShowArgs {
    /// Where the history is.
    #[command(flatten)]
    pub folder: FolderArgs,

    /// A metric to show; may be given several times [default: what `dbdyno regress` judges].
    #[arg(long = "metric", value_name = "METRIC")]
    pub metrics: Vec<String>,

    /// How large a change counts: `5%` [default: that of the configuration file, or 5%].
    #[arg(long, value_name = "PERCENT", value_parser = parse_percent)]
    pub min_effect: Option<f64>,

    /// How sure each series is: `99.5%` means that one of two hundred in which nothing changed is said to
    /// change [default: that of the configuration file, or 99.5%].
    #[arg(long, value_name = "PERCENT", value_parser = parse_confidence)]
    pub history_confidence: Option<f64>,

    /// Show runs of different machines as one series; without it, that is an error.
    #[arg(long)]
    pub across_machines: bool,

    /// A file with thresholds of `dbdyno regress` [default: dbdyno.toml, if it is there].
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}
