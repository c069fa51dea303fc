//! What users type.

mod backup;
mod history;
mod limit;
mod monitor;
mod parse;
mod pool;
mod replication;
mod run;
mod watch;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use dbdyno_core::StatementForm;
use dbdyno_history::{CheckOptions, Kind, Model};

pub use history::{AddArgs, FolderArgs, HistoryArgs, HistoryCommand, ShowArgs};
pub use limit::FindLimitArgs;
pub use monitor::MonitorArgs;
pub use parse::{
    parse_confidence, parse_durability, parse_duration, parse_duration_or_zero, parse_isolation,
    parse_percent, parse_pipeline, parse_size, parse_statements,
};
use parse::{parse_folder, parse_kind, parse_min_effect, parse_model};
pub use run::{HostLoadArgs, MOST_CLIENTS, MOST_REPETITIONS, RunArgs, SpacingArg};
pub use watch::WatchArgs;

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
    /// Find the highest rate at which objectives such as `p99<20ms` hold, by open loops.
    ///
    /// The exit code is 1 where they held at none.
    FindLimit(Box<FindLimitArgs>),
    /// Sample servers, their processes and the machine, and put no load on them.
    Monitor(MonitorArgs),
    /// Show what there is: suites, targets, isolation levels, or the SQL of a benchmark.
    List(ListArgs),
    /// Show which engines are installed, what is missing and how to get it.
    Doctor,
    /// Put runs side by side.
    ///
    /// The exit code is 2 where a run was killed, or its results are not whole: what there is of them is shown.
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
    #[command(
        override_usage = "dbdyno regress [OPTIONS] <BASELINE>... <CURRENT>\n       dbdyno regress [OPTIONS] --history <DIR> [RUN]..."
    )]
    Regress(RegressArgs),
    /// Make one document of runs: HTML that needs nothing else, or Markdown with pictures beside it.
    ///
    /// The exit code is 2 where a run was killed, or its results are not whole: what there is of them is shown.
    Report(ReportArgs),
    /// Keep runs as a history of plain files, and show where it changed.
    History(HistoryArgs),
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

    /// What the columns are: `engine`, `isolation`, `driver`, `clients`, `target`, `durability`, `statements`, `pipeline`,
    /// `keys`, `cache`, `streams` or `run`.
    #[arg(long, value_name = "DIMENSION", default_value = "engine")]
    pub by: String,

    /// A metric to show; may be given several times [default: throughput and p50, p95, p99].
    #[arg(long = "metric", value_name = "METRIC")]
    pub metrics: Vec<String>,

    /// Also show each transaction type.
    #[arg(long)]
    pub transactions: bool,

    /// Show of each percentile the middle repetition's, in place of that of the response times of all
    /// repetitions taken together (latency.hlog).
    #[arg(long)]
    pub no_merge: bool,

    /// Put runs of different machines side by side; without it, that is an error.
    #[arg(long)]
    pub across_machines: bool,

    /// Draw throughput against clients, an SVG file for each benchmark into this folder; with
    /// `--by clients`.
    #[arg(long, value_name = "DIR", value_parser = parse_folder)]
    pub charts: Option<PathBuf>,

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
    /// the run that is held against them. With `--history`: runs that came after it, in their order.
    #[arg(value_name = "RUN", required_unless_present = "history")]
    pub runs: Vec<PathBuf>,

    /// Search this history of runs (`dbdyno history`) for changes, in place of holding a run against
    /// baselines.
    #[arg(long, value_name = "DIR")]
    pub history: Option<PathBuf>,

    /// With `--history`: how many of the last runs may be the first after a change that is judged; older
    /// changes are named only [default: 10].
    #[arg(long, value_name = "RUNS", requires = "history", value_parser = clap::value_parser!(u32).range(1..))]
    pub recent: Option<u32>,

    /// A metric to judge; may be given several times [default: throughput and p50, p95, p99, what
    /// suites measure beside these (docs/regression.md lists it), and those with a threshold of their own].
    #[arg(long = "metric", value_name = "METRIC")]
    pub metrics: Vec<String>,

    /// How large a change counts, of all metrics or of one: `5%`, `p99=10%`. May be given several times
    /// [default: 5%].
    #[arg(long, value_name = "[METRIC=]PERCENT", value_parser = parse_min_effect)]
    pub min_effect: Vec<(Option<String>, f64)>,

    /// How sure the verdicts are, all taken together, and each interval: `95%` means that in one of twenty
    /// comparisons of runs in which nothing changed something is called changed [default: that of the
    /// configuration file, or 95%]. Not with `--history`.
    #[arg(long, value_name = "PERCENT", value_parser = parse_confidence)]
    pub confidence: Option<f64>,

    /// With `--history`: how sure each metric of each case is by itself: `99.5%` means that one series of two
    /// hundred in which nothing changed is said to change [default: that of the configuration file, or 99.5%].
    #[arg(long, value_name = "PERCENT", requires = "history", value_parser = parse_confidence)]
    pub history_confidence: Option<f64>,

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

/// `dbdyno report`.
#[derive(Args, Debug)]
pub struct ReportArgs {
    /// Run folders, or results.csv files.
    #[arg(value_name = "RUN", required = true)]
    pub runs: Vec<PathBuf>,

    /// Put runs of different machines side by side; without it, that is an error.
    #[arg(long)]
    pub across_machines: bool,

    /// The file: `report.html`, or `report.md`, whose pictures come into `report-charts`.
    #[arg(long, short, value_name = "FILE")]
    pub output: PathBuf,
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
