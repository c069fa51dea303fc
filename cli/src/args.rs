//! What users type.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use dbdyno_core::measurement::pipeline_name;
use dbdyno_core::schema::Keys;
use dbdyno_core::{Cache, Durability, Isolation, Scale, StatementForm};
use dbdyno_history::{CheckOptions, Kind, Model};
use dbdyno_suites::isolation::durability::Transactions;

use crate::names::one_of;

/// The most clients of a case.
pub const MOST_CLIENTS: u32 = 100_000;
/// The most streams of queries.
pub const MOST_STREAMS: u32 = 1_000;
/// The most crashes of a case.
pub const MOST_CYCLES: u32 = 10_000;
/// The most repetitions.
pub const MOST_REPETITIONS: u32 = 1_000;

/// Puts databases under a known load, checks their answers and compares them.
#[derive(Debug, Parser)]
#[command(name = "dbdyno", version, max_term_width = 100)]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The verbs.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run benchmarks; without arguments the oltp suite on embedded SQLite.
    Run(Box<RunArgs>),
    /// Show what there is: suites, targets, isolation levels, or the SQL of a benchmark.
    List(ListArgs),
    /// Show which engines are installed, what is missing and how to get it.
    Doctor,
    /// Put runs side by side.
    Compare(CompareArgs),
    /// Show the query plans that a run kept, or which of them changed from one run to another.
    ///
    /// With two runs the exit code is 1 where a plan changed, for better or worse.
    Explain(ExplainArgs),
    /// Host a load that is to be killed; dbdyno starts itself so.
    #[command(hide = true)]
    HostLoad(Box<HostLoadArgs>),
    /// Find the isolation anomalies in histories of transactions: dbdyno's own, or Jepsen's.
    ///
    /// The exit code is 1 where one was found that the model proscribes, 2 where a history could not be
    /// read or has no transaction, or where the search took too long to tell.
    CheckHistory(CheckHistoryArgs),
    /// Tell whether a run is worse than its baseline.
    ///
    /// The exit code is 0 where nothing regressed, 1 where something did, and 2 where something could not be
    /// told, with these repetitions or this input.
    #[command(override_usage = "dbdyno regress [OPTIONS] <BASELINE>... <CURRENT>")]
    Regress(RegressArgs),
}

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

    /// Numbers of clients, each its own case [default: 4; sweeps 1,2,4,8; olap/tpch 1].
    #[arg(long, value_name = "N,…", value_delimiter = ',', value_parser = clap::value_parser!(u32).range(1..=i64::from(MOST_CLIENTS)))]
    pub clients: Vec<u32>,

    /// Streams of queries beside the clients, of benchmarks that have both (olap/htap) [default: 1].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=i64::from(MOST_STREAMS)))]
    pub streams: Option<u32>,

    /// How often the server is killed under load and started again, of benchmarks that do so
    /// (isolation/durability-…) [default: 5].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=i64::from(MOST_CYCLES)))]
    pub cycles: Option<u32>,

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
    #[arg(long, value_name = "SPACING", requires = "rate")]
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

/// `dbdyno list`.
#[derive(Args, Debug)]
pub struct ListArgs {
    /// What to list [default: all of it].
    #[arg(value_enum)]
    pub what: Option<ListWhat>,

    /// Print the SQL that each engine is sent for a benchmark.
    #[arg(long, value_name = "SUITE/BENCHMARK", conflicts_with = "what")]
    pub sql: Option<String>,

    /// With `--sql`: how statements are said, `portable` or `native` [default: portable].
    #[arg(long, value_name = "FORM", requires = "sql", value_parser = parse_statements)]
    pub statements: Option<StatementForm>,

    /// With `--sql`: only these engines.
    #[arg(long = "target", value_name = "ENGINE", requires = "sql")]
    pub targets: Vec<String>,
}

/// What can be listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ListWhat {
    /// The suites and their benchmarks.
    Suites,
    /// The engines, their drivers and the options of a target.
    Targets,
    /// The isolation levels and what each engine makes of them.
    Isolation,
}

/// `dbdyno compare`.
#[derive(Args, Debug)]
pub struct CompareArgs {
    /// Run folders, or results.csv files.
    #[arg(value_name = "RUN", required = true)]
    pub runs: Vec<PathBuf>,

    /// What the columns are.
    #[arg(long, value_name = "DIMENSION", default_value = "engine")]
    pub by: String,

    /// A metric to show; may be given several times [default: throughput and p50, p95, p99].
    #[arg(long = "metric", value_name = "METRIC")]
    pub metrics: Vec<String>,

    /// Also show each transaction type.
    #[arg(long)]
    pub transactions: bool,

    /// Read percentiles off the response times of all repetitions taken together (latency.hlog), in place
    /// of the median repetition's.
    #[arg(long)]
    pub merge: bool,

    /// The form of the output.
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    pub format: FormatArg,
}

/// `dbdyno explain`.
#[derive(Args, Debug)]
pub struct ExplainArgs {
    /// A run folder; two to see which plans changed from the first to the second.
    #[arg(value_name = "RUN", required = true, num_args = 1..=2)]
    pub runs: Vec<PathBuf>,

    /// Only the plans of this benchmark.
    #[arg(long, value_name = "SUITE/BENCHMARK")]
    pub benchmark: Option<String>,

    /// Only the plans of this target.
    #[arg(long, value_name = "TARGET")]
    pub target: Option<String>,

    /// Only the plans of this name.
    #[arg(long, value_name = "NAME")]
    pub plan: Option<String>,

    /// Show what the engine answered, word for word; of one run only.
    #[arg(long)]
    pub raw: bool,
}

/// `dbdyno check-history`.
#[derive(Args, Debug)]
pub struct CheckHistoryArgs {
    /// Histories in Jepsen's EDN form, or run folders: then all in `histories/` of each, and of a run that
    /// was killed what its clients had logged.
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<PathBuf>,

    /// The consistency model that the history is to keep to: `read-uncommitted`, `read-committed`,
    /// `repeatable-read`, `snapshot-isolation`, `serializable`, `strong-session-snapshot-isolation`,
    /// `strong-session-serializable`, `strong-snapshot-isolation`, `strict-serializable`.
    #[arg(long, value_name = "MODEL", default_value = "serializable", value_parser = parse_model)]
    pub model: Model,

    /// What operations are about: `list-append` or `rw-register` [default: found out from them].
    #[arg(long, value_name = "KIND", value_parser = parse_kind)]
    pub kind: Option<Kind>,

    /// Also look for anomalies that show only because transactions of one process follow each other
    /// [default: where the model is about sessions or real time].
    #[arg(long)]
    pub session_order: bool,

    /// Also look for anomalies that show only because what ended before something else began precedes
    /// it [default: where the model is about real time].
    #[arg(long)]
    pub realtime: bool,

    /// What is taken to be known of the order of a register's versions.
    #[arg(long, value_name = "ORDER", default_value = "writes-follow-reads")]
    pub register_order: RegisterOrderArg,

    /// Examples of each class that are kept, for `--format json` and `--pictures`.
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub examples: u32,

    /// Steps that the search for one class of circles may take before it is given up.
    #[arg(long, value_name = "N", default_value_t = CheckOptions::SEARCH_STEPS)]
    pub search_steps: u64,

    /// Draw circles: a Graphviz and an SVG file for each into this folder.
    #[arg(long, value_name = "DIR", value_parser = parse_folder)]
    pub pictures: Option<PathBuf>,

    /// The form of the output.
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub format: ReportFormatArg,

    /// Do not check, but write the history in normal form, one map per line, for other tools (Elle).
    #[arg(long, value_name = "FORM", conflicts_with_all = ["pictures", "format"])]
    pub export: Option<ExportArg>,

    /// Where the output goes [default: standard output].
    #[arg(long, short = 'o', value_name = "FILE")]
    pub out: Option<PathBuf>,

    /// Memory that a history may take, such as `4GiB` or `500MB` [default: what is available].
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    pub memory_limit: Option<u64>,
}

/// What is known of the order of a register's versions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum RegisterOrderArg {
    /// What was there at first precedes all.
    InitialFirst,
    /// And what a transaction writes follows what it read.
    WritesFollowReads,
    /// And each process sees versions in their order.
    Sequential,
    /// And each register is linearizable.
    Linearizable,
}

/// Forms of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ReportFormatArg {
    /// For people.
    Text,
    /// For a program.
    Json,
}

/// Forms of a history.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ExportArg {
    /// Jepsen's.
    Edn,
}

/// `dbdyno regress`.
#[derive(Args, Debug)]
pub struct RegressArgs {
    /// Run folders, or results.csv files: the baselines, whose repetitions are taken together, and last
    /// the run that is held against them.
    #[arg(value_name = "RUN", required = true, num_args = 2..)]
    pub runs: Vec<PathBuf>,

    /// A metric to judge; may be given several times [default: throughput and p50, p95, p99, and those
    /// with a threshold of their own].
    #[arg(long = "metric", value_name = "METRIC")]
    pub metrics: Vec<String>,

    /// How large a change counts, of all metrics or of one: `5%`, `p99=10%`. May be given several times
    /// [default: 5%].
    #[arg(long, value_name = "[METRIC=]PERCENT", value_parser = parse_min_effect)]
    pub min_effect: Vec<(Option<String>, f64)>,

    /// How sure the verdicts are, all taken together, and each interval: `95%` means that in one of twenty
    /// comparisons of runs in which nothing changed something is called changed [default: 95%].
    #[arg(long, value_name = "PERCENT", value_parser = parse_confidence)]
    pub confidence: Option<f64>,

    /// Hold runs against each other that were measured on different machines.
    #[arg(long)]
    pub across_machines: bool,

    /// Call a changed query plan a regression, even where nothing became slower.
    #[arg(long)]
    pub fail_on_plan_change: bool,

    /// The form of the output.
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub format: RegressFormatArg,

    /// Write it to a file, and only its first words to the screen.
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,

    /// A file with thresholds [default: dbdyno.toml, if it is there].
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

/// Forms of what `dbdyno regress` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum RegressFormatArg {
    /// For a terminal.
    Text,
    /// For a comment on a pull request.
    Markdown,
    /// For a program.
    Json,
    /// For what shows the results of tests.
    Junit,
}

/// Forms of output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum FormatArg {
    /// For a terminal.
    Table,
    /// For a document.
    Markdown,
    /// For a program.
    Csv,
}

/// Reads a duration such as `500ms`, `5s`, `1m30s`; longer than nothing.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    match parse_duration_or_zero(text)? {
        Duration::ZERO => Err("it must be longer than nothing".to_owned()),
        duration => Ok(duration),
    }
}

/// Reads how long a statement may run: servers count whole milliseconds.
fn parse_statement_timeout(text: &str) -> Result<Duration, String> {
    match parse_duration_or_zero(text)? {
        short if short < Duration::from_millis(1) => Err("it must be 1ms or more".to_owned()),
        duration => Ok(duration),
    }
}

/// Reads a duration such as `500ms`, `5s`, `1m30s`, `0`.
pub fn parse_duration_or_zero(text: &str) -> Result<Duration, String> {
    let hint = "a duration such as `500ms`, `5s` or `1m30s`";
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    let signed: jiff::SignedDuration =
        text.parse().map_err(|_| format!("`{text}` is not {hint}"))?;
    let duration =
        Duration::try_from(signed).map_err(|_| format!("`{text}` is negative; give {hint}"))?;
    match duration {
        long if long > Duration::from_secs(30 * 24 * 3600) => {
            Err(format!("`{text}` is more than thirty days"))
        }
        duration => Ok(duration),
    }
}

/// Reads a share in percent, above 0 and below 100: `5%`, `0.5`. It is between 0 and 1.
pub fn parse_percent(text: &str) -> Result<f64, String> {
    let number = text.strip_suffix('%').unwrap_or(text).trim_end();
    match number.parse::<f64>() {
        Ok(percent) if percent > 0.0 && percent < 100.0 => Ok(percent / 100.0),
        _ => Err(format!("`{text}` is not a percentage above 0% and below 100%, such as 5%")),
    }
}

/// Reads how sure verdicts are: a percentage from 50 to 99.99. It becomes the probability of a false
/// alarm.
pub fn parse_confidence(text: &str) -> Result<f64, String> {
    let number = text.strip_suffix('%').unwrap_or(text).trim_end();
    match number.parse::<f64>() {
        // So that 90 gives 0.1 and not a little less.
        Ok(percent) if (50.0..=99.99).contains(&percent) => Ok((100.0 - percent) / 100.0),
        _ => Err(format!("`{text}` is not a percentage from 50% to 99.99%, such as 95%")),
    }
}

/// Reads how large a change counts, and of which metric.
fn parse_min_effect(text: &str) -> Result<(Option<String>, f64), String> {
    match text.split_once('=') {
        Some((metric, percent)) => Ok((Some(metric.to_owned()), parse_percent(percent)?)),
        None => Ok((None, parse_percent(text)?)),
    }
}

/// Reads a rate: a number above 0.
fn parse_rate(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(rate) if rate > 0.0 && rate <= 1e7 => Ok(rate),
        _ => Err(format!(
            "`{text}` is not a number of transactions per second, above 0 and up to 10000000"
        )),
    }
}

/// A name that can stand in a CSV file and behind a slash.
fn parse_name(text: &str) -> Result<String, String> {
    let is_plain = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.');
    match !text.is_empty() && text.chars().all(is_plain) {
        true => Ok(text.to_owned()),
        false => Err("a name has letters, digits, `-`, `_` and `.`".to_owned()),
    }
}

/// Reads a folder's name; a URL is a slip, and would make a folder of it.
fn parse_folder(text: &str) -> Result<PathBuf, String> {
    if text.contains("://") {
        Err("that is a URL, not a folder".to_owned())
    } else {
        Ok(text.into())
    }
}

/// Reads a durability level.
pub fn parse_durability(text: &str) -> Result<Durability, String> {
    one_of("durability level", text, &Durability::ALL, |level| level.name())
}

/// Reads what is in memory.
fn parse_cache(text: &str) -> Result<Cache, String> {
    one_of("state of the cache", text, &Cache::ALL, Cache::name)
}

/// Reads which keys tables have.
fn parse_keys(text: &str) -> Result<Keys, String> {
    one_of("choice of keys", text, &Keys::ALL, Keys::name)
}

/// Reads a form of statements.
pub fn parse_statements(text: &str) -> Result<StatementForm, String> {
    one_of("form of statements", text, &StatementForm::ALL, StatementForm::name)
}

/// Reads whether to pipeline.
pub fn parse_pipeline(text: &str) -> Result<bool, String> {
    one_of("choice of pipelining", text, &[false, true], pipeline_name)
}

/// Reads a consistency model.
fn parse_model(text: &str) -> Result<Model, String> {
    one_of("consistency model", text, &Model::ALL, Model::name)
}

/// Reads what a history is about.
fn parse_kind(text: &str) -> Result<Kind, String> {
    one_of("kind of history", text, &Kind::ALL, Kind::name)
}

/// Reads a size such as `4GiB`, `500MB`, `1000000`.
fn parse_size(text: &str) -> Result<u64, String> {
    let digits = text.trim_end_matches(|character: char| character.is_ascii_alphabetic());
    let unit: u64 = match &text[digits.len()..] {
        "" | "B" => 1,
        "kB" => 1_000,
        "MB" => 1_000_000,
        "GB" => 1_000_000_000,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        _ => return Err(format!("`{text}` is not a size such as `4GiB` or `500MB`")),
    };
    let size = digits.parse::<u64>().ok().and_then(|number| number.checked_mul(unit));
    size.filter(|size| *size > 0)
        .ok_or_else(|| format!("`{text}` is not a size such as `4GiB` or `500MB`"))
}

/// Reads an isolation level.
pub fn parse_isolation(text: &str) -> Result<Isolation, String> {
    one_of("isolation level", text, &Isolation::ALL, |level| level.name())
}
