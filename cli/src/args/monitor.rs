//! The arguments of `dbdyno monitor`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::parse::{parse_duration, parse_folder};
use super::watch::WatchArgs;

/// `dbdyno monitor`.
#[derive(Args, Debug)]
pub struct MonitorArgs {
    /// What to look at: `postgres://…`, `mysql://…`, `sqlite:PATH`, or a name from dbdyno.toml. May be given
    /// several times.
    #[arg(long = "target", value_name = "TARGET", required = true)]
    pub targets: Vec<String>,

    /// How often, 100ms or more.
    #[arg(long, value_name = "DURATION", default_value = "1s", value_parser = parse_duration)]
    pub interval: Duration,

    /// How long [default: until Ctrl-C].
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    pub duration: Option<Duration>,

    /// The folder for run folders [default: runs].
    #[arg(long, value_name = "DIR", value_parser = parse_folder)]
    pub out: Option<PathBuf>,

    /// A file of targets [default: dbdyno.toml, if it is there].
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,

    /// Show nothing; only keep the samples.
    #[arg(long, short)]
    pub quiet: bool,

    /// Show it on the full screen: servers, waits and the machine. Where the output is no terminal there are plain
    /// lines.
    #[arg(long, conflicts_with = "quiet")]
    pub live: bool,

    #[command(flatten)]
    pub watch: WatchArgs,
}
