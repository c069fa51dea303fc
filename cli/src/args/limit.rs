//! The arguments of `dbdyno find-limit`.

use clap::Args;
use dbdyno_suites::limit::Objective;

use super::RunArgs;
use super::parse::{parse_percent, parse_rate};

/// `dbdyno find-limit`.
#[derive(Args, Debug)]
pub struct FindLimitArgs {
    /// What must hold at a rate: `p99<20ms` (also mean, p50, p95, p999, max) of the response time, or
    /// `errors<0.1%`; `<=` for a limit that holds itself. May be given several times.
    #[arg(long = "objective", value_name = "OBJECTIVE", required = true)]
    pub objectives: Vec<Objective>,

    /// How close the highest rate that holds and the lowest that does not shall be [default: 5%].
    #[arg(long, value_name = "PERCENT", value_parser = parse_percent)]
    pub precision: Option<f64>,

    /// How many repetitions a rate takes at most; it holds where more than half of so many do [default: 3].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=99))]
    pub confirm: Option<u32>,

    /// The highest rate of interest, in transactions per second [default: no end].
    #[arg(long, value_name = "PER_SECOND", value_parser = parse_rate)]
    pub highest: Option<f64>,

    /// What is run, and on what: as for `dbdyno run`, but for what concerns rates and repetitions.
    #[command(flatten)]
    pub run: RunArgs,
}
