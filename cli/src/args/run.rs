//! The arguments of `dbdyno run`, and of the dbdyno that it starts to be killed.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use dbdyno_core::schema::Keys;
use dbdyno_core::{Cache, Durability, Isolation, Scale, StatementForm};
use dbdyno_suites::isolation::durability::Transactions;

use super::backup::BackupArgs;
use super::parse::{
    parse_cache, parse_durability, parse_duration, parse_duration_or_zero, parse_folder,
    parse_isolation, parse_keys, parse_name, parse_pipeline, parse_rate, parse_statement_timeout,
    parse_statements,
};
use super::pool::PoolArgs;
use super::replication::ReplicationArgs;
use super::watch::WatchArgs;

/// The most clients of a case.
pub const MOST_CLIENTS: u32 = 100_000;
/// The most streams of queries.
pub const MOST_STREAMS: u32 = 1_000;
/// The most crashes of a case.
pub const MOST_CYCLES: u32 = 10_000;
/// The most repetitions.
pub const MOST_REPETITIONS: u32 = 1_000;

/// `dbdyno run`.
#[derive(Args, Clone, Debug, Default)]
pub struct RunArgs {
    /// Suites or benchmarks, such as `oltp` or `oltp/tpcc` [default: oltp].
    #[arg(value_name = "SUITE[/BENCHMARK]")]
    pub benchmarks: Vec<String>,

    /// A script in pgbench's language to run as `scenario`, with its share of the transactions; or one that is
    /// built in: `tpcb-like`, `simple-update`, `select-only`. May be given several times.
    #[arg(long = "file", short, value_name = "FILE[@WEIGHT]")]
    pub files: Vec<String>,

    /// The built-in data set that the scripts of `--file` run on [default: what they say].
    #[arg(long, value_name = "NAME", requires = "files")]
    pub dataset: Option<String>,

    /// A variable of the scripts of `--file`. May be given several times.
    #[arg(short = 'D', long = "define", value_name = "NAME=VALUE", requires = "files")]
    pub defines: Vec<String>,

    /// What results call the scenario of `--file` [default: the first file's name].
    #[arg(long, value_name = "NAME", requires = "files", value_parser = parse_name)]
    pub name: Option<String>,

    /// Where to measure: `sqlite`, `sqlite:PATH`, `postgres`, `postgres://…`, `mariadb`, `mysql`,
    /// `mysql://…`, or a name from dbdyno.toml; a bare server name starts a throwaway server. May
    /// be given several times [default: sqlite].
    #[arg(long = "target", value_name = "TARGET")]
    pub targets: Vec<String>,

    /// Isolation levels, or `all` that each engine has [default: the engine's own default; the isolation suite
    /// all].
    #[arg(long, value_name = "LEVEL,…|all", value_delimiter = ',')]
    pub isolation: Vec<String>,

    /// Numbers of clients, each its own case [default: 4; sweeps 1,2,4,8; olap/tpch 1; sweeps of pools 16].
    #[arg(long, value_name = "N,…", value_delimiter = ',', value_parser = clap::value_parser!(u32).range(1..=i64::from(MOST_CLIENTS)))]
    pub clients: Vec<u32>,

    /// Streams of queries beside the clients, of benchmarks that have both (olap/htap) [default: 1].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=i64::from(MOST_STREAMS)))]
    pub streams: Option<u32>,

    /// How often the server is killed under load and started again, of benchmarks that do so
    /// (isolation/durability-…) [default: 5].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=i64::from(MOST_CYCLES)))]
    pub cycles: Option<u32>,

    #[command(flatten)]
    pub pool: PoolArgs,

    #[command(flatten)]
    pub backup: BackupArgs,

    #[command(flatten)]
    pub replication: ReplicationArgs,

    /// What commits survive: `full` (loss of power), `process` (a crash of the server), `none`
    /// [default: full; on a server that dbdyno did not start, what it holds].
    #[arg(long, value_name = "LEVEL,…", value_delimiter = ',', value_parser = parse_durability)]
    pub durability: Vec<Durability>,

    /// How statements are said: `portable` (the same on every engine), `native` (as each engine
    /// says them best) [default: portable].
    #[arg(long, value_name = "FORM,…", value_delimiter = ',', value_parser = parse_statements)]
    pub statements: Vec<StatementForm>,

    /// Send requests that do not depend on each other's answers together, in one round trip;
    /// `--pipeline=off,on` measures both [default: off; `--pipeline` alone: on].
    #[arg(long, value_name = "off|on,…", num_args = 0..=1, require_equals = true, default_missing_value = "on", value_delimiter = ',', value_parser = parse_pipeline)]
    pub pipeline: Vec<bool>,

    /// What is in memory when a load begins: `warm` (what came before has left it there), `cold` (the
    /// throwaway server was just started, and no file is cached; there is no warm-up) [default: warm].
    #[arg(long, value_name = "STATE,…", value_delimiter = ',', value_parser = parse_cache)]
    pub cache: Vec<Cache>,

    /// Open loop: so many transactions per second, all clients together [default: closed loop].
    #[arg(long, value_name = "PER_SECOND", allow_negative_numbers = true, value_parser = parse_rate)]
    pub rate: Option<f64>,

    /// How the arrivals of an open loop are spaced [default: poisson].
    #[arg(long, value_name = "SPACING")]
    pub spacing: Option<SpacingArg>,

    /// Open loop: count transactions slower than this as late, and skip those that cannot start in
    /// time.
    #[arg(long, value_name = "DURATION", requires = "rate", value_parser = parse_duration)]
    pub latency_limit: Option<Duration>,

    /// The scale factor of the data sets; some take fractions such as 0.01 [default: 1].
    #[arg(long, value_name = "S")]
    pub scale: Option<Scale>,

    /// Which keys and indexes data sets have that leave them open (tpch): `none`, `primary` keys,
    /// `indexed` (and secondary indexes), `foreign` (and foreign keys) [default: indexed].
    #[arg(long, value_name = "KEYS", value_parser = parse_keys)]
    pub keys: Option<Keys>,

    /// How long each repetition is measured [default: so that the run takes about a minute, 1s to
    /// 10s]. Benchmarks of queries, such as olap/tpch, are done when all are answered; olap/htap takes this time
    /// three times.
    #[arg(long, value_name = "DURATION", value_parser = parse_duration, conflicts_with = "transactions")]
    pub duration: Option<Duration>,

    /// Measure this number of transactions, all clients together, instead of a time.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub transactions: Option<u64>,

    /// How long each repetition runs before it is measured [default: a quarter of the duration, at
    /// most 5s].
    #[arg(long, value_name = "DURATION", value_parser = parse_duration_or_zero)]
    pub warmup: Option<Duration>,

    /// How often each case is measured, interleaved with the others [default: 1].
    #[arg(long, value_name = "K", value_parser = clap::value_parser!(u32).range(1..=i64::from(MOST_REPETITIONS)))]
    pub repetitions: Option<u32>,

    /// The seed of everything random [default: 1].
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,

    /// How often a transaction is tried again after a serialization failure, deadlock or lock
    /// timeout [default: 100].
    #[arg(long, value_name = "N")]
    pub max_retries: Option<u32>,

    /// How long a statement may run before the engine cancels it, 1ms or more; the case goes on with
    /// the next transaction. MySQL limits what reads [default: no limit].
    #[arg(long, value_name = "DURATION", value_parser = parse_statement_timeout)]
    pub statement_timeout: Option<Duration>,

    /// Keep keying and think times (TPC-C 5.2.5.7); in closed loop only.
    #[arg(long, conflicts_with = "rate")]
    pub think_times: bool,

    /// Run queries with parameters for which the answers are known, and compare every row (olap/tpch
    /// at scales 0.01, 0.1 and 1, olap/wide at any).
    #[arg(long)]
    pub validate: bool,

    /// Load the data anew even where it could be reused.
    #[arg(long)]
    pub reload: bool,

    /// A setting for the throwaway servers, by the engine's own name; `ENGINE:NAME=VALUE` for those
    /// of one engine only. May be given several times.
    #[arg(short = 'o', value_name = "[ENGINE:]NAME=VALUE")]
    pub settings: Vec<String>,

    /// The folder for run folders [default: runs].
    #[arg(long, value_name = "DIR", value_parser = parse_folder)]
    pub out: Option<PathBuf>,

    /// A file of targets and defaults [default: dbdyno.toml, if it is there].
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,

    /// Show no progress, only the table at the end.
    #[arg(long, short)]
    pub quiet: bool,

    /// Show the run on the full screen: throughput, percentiles, errors, waits and what the servers tell; keys
    /// pause, end and say more (`?`). Where the output is no terminal there are plain lines.
    #[arg(long, conflicts_with = "quiet")]
    pub live: bool,

    /// Do not sample the servers, their processes and the machine once a second (metrics.csv).
    #[arg(long, conflicts_with_all = ["metrics_listen", "abort_on_alert"])]
    pub no_monitor: bool,

    #[command(flatten)]
    pub watch: WatchArgs,
}

/// `dbdyno host-load`: what `HostedLoad::arguments` of the suites says.
#[derive(Args, Debug)]
pub struct HostLoadArgs {
    #[arg(long)]
    pub transactions: Transactions,
    #[arg(long)]
    pub target: String,
    #[arg(long, value_parser = parse_durability)]
    pub durability: Durability,
    #[arg(long, value_parser = parse_isolation)]
    pub isolation: Isolation,
    #[arg(long, value_parser = parse_statement_timeout)]
    pub statement_timeout: Option<Duration>,
    #[arg(long)]
    pub clients: u32,
    #[arg(long)]
    pub max_retries: u32,
    #[arg(long)]
    pub scale: Scale,
    #[arg(long)]
    pub seed: u64,
    #[arg(long)]
    pub cycle: u32,
    #[arg(long)]
    pub first_commit: bool,
}

/// How arrivals are spaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SpacingArg {
    /// Independent users.
    Poisson,
    /// Equal gaps.
    Uniform,
}
