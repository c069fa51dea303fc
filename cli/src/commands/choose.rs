//! From what users typed to what is meant, before anything is touched.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use dbdyno_adapters::{Location, Target, engines};
use dbdyno_core::load::{Arrival, Length, OpenLoop, RetryPolicy, Spacing};
use dbdyno_core::measurement::pipeline_name;
use dbdyno_core::schema::Keys;
use dbdyno_core::{Cache, Driver, Error, Pause, Result, Scale, StatementForm};
use dbdyno_datasets::check_scale;
use dbdyno_suites::Benchmark;
use dbdyno_suites::registry::Suite;
use dbdyno_suites::runner::{DurabilityChoice, IsolationChoice, RunOptions, Selection};

use crate::args::{RunArgs, SpacingArg, parse_isolation};
use crate::commands::replication;
use crate::config::Config;
use crate::names::unknown;

const DEFAULT_SUITE: &str = "oltp";

/// The benchmarks named, in order; the oltp suite where none is.
///
/// # Errors
/// A name is unknown.
pub fn benchmarks<'a>(suites: &'a [Suite], names: &[String]) -> Result<Vec<Selection<'a>>> {
    let default = [DEFAULT_SUITE.to_owned()];
    let names = if names.is_empty() { &default[..] } else { names };
    let mut selections: Vec<Selection<'a>> = Vec::new();
    for name in names {
        for selection in benchmarks_named(suites, name)? {
            let known = |one: &Selection<'_>| {
                one.suite == selection.suite && one.benchmark.name() == selection.benchmark.name()
            };
            if !selections.iter().any(known) {
                selections.push(selection);
            }
        }
    }
    Ok(selections)
}

/// One benchmark, or all of a suite.
fn benchmarks_named<'a>(suites: &'a [Suite], name: &str) -> Result<Vec<Selection<'a>>> {
    let all = suites.iter().flat_map(|suite| {
        suite
            .benchmarks
            .iter()
            .map(move |benchmark| Selection { suite: suite.name, benchmark: benchmark.as_ref() })
    });
    let full_name = |one: &Selection<'_>| format!("{}/{}", one.suite, one.benchmark.name());
    let found: Vec<Selection<'a>> =
        all.clone().filter(|one| one.suite == name || full_name(one) == name).collect();
    if !found.is_empty() {
        return Ok(found);
    }
    let full: Vec<String> = all.map(|one| full_name(&one)).collect();
    let valid: Vec<&str> =
        suites.iter().map(|suite| suite.name).chain(full.iter().map(String::as_str)).collect();
    let next = match name {
        "on" | "off" => format!("write `--pipeline={name}`, whose choice follows a `=`"),
        _ => "`dbdyno list suites` shows them all".to_owned(),
    };
    Err(Error::new("run it", unknown("suite or benchmark", name, &valid)).next(next))
}

/// The targets named, in order; SQLite where none is.
///
/// # Errors
/// A target is not understood or named twice.
pub fn targets(config: &Config, texts: &[String]) -> Result<Vec<Target>> {
    let default = ["sqlite".to_owned()];
    let texts = if texts.is_empty() { &default[..] } else { texts };
    let mut targets: Vec<Target> = Vec::new();
    for text in texts {
        let target = target(config, text)?;
        if targets.iter().any(|known| known.label == target.label) {
            return Err(Error::new(
                "measure a target twice",
                format!("{} is given twice", target.label),
            )
            .next("give it once; `--repetitions` measures it more often"));
        }
        targets.push(target);
    }
    Ok(targets)
}

/// A target by its name in the configuration file, under which results show it, or as it is typed.
fn target(config: &Config, text: &str) -> Result<Target> {
    let engines = || engines().iter().map(|engine| engine.name);
    if let Some(place) = config.targets.get(text) {
        let target = Target::parse(place)?;
        return Ok(Target { label: text.to_owned(), ..target });
    }
    let is_name = !text.contains([':', '?']);
    if is_name && !engines().any(|engine| engine == text) {
        let valid: Vec<&str> = engines().chain(config.targets.keys().map(String::as_str)).collect();
        return Err(Error::new("use the target", unknown("target", text, &valid))
            .next("`dbdyno list targets` shows what a target may be"));
    }
    Target::parse(text)
}

/// The options of the run.
///
/// # Errors
/// An isolation level is unknown.
pub fn options(arguments: &RunArgs) -> Result<RunOptions> {
    let length = match arguments.transactions {
        Some(transactions) => Length::Transactions(transactions),
        None => Length::Duration(arguments.duration.unwrap_or(Duration::from_secs(10))),
    };
    let arrival = match arguments.rate {
        None => Arrival::Closed,
        Some(rate) => Arrival::Open(OpenLoop {
            rate,
            spacing: match arguments.spacing {
                Some(SpacingArg::Uniform) => Spacing::Uniform,
                Some(SpacingArg::Poisson) | None => Spacing::Poisson,
            },
            latency_limit: arguments.latency_limit,
        }),
    };
    let mut retry = RetryPolicy::default();
    retry.max_retries = arguments.max_retries.unwrap_or(retry.max_retries);
    Ok(RunOptions {
        isolation: isolation(&arguments.isolation)?,
        durability: match arguments.durability.as_slice() {
            [] => DurabilityChoice::Default,
            listed => DurabilityChoice::Listed(without_repeats(listed)),
        },
        clients: match arguments.clients.as_slice() {
            [] => None,
            listed => Some(without_repeats(listed)),
        },
        streams: arguments.streams,
        cycles: arguments.cycles,
        pool: arguments.pool.options(),
        backup: arguments.backup.options(),
        replication: arguments.replication.options(),
        load_host: None,
        statements: match arguments.statements.as_slice() {
            [] => vec![StatementForm::default()],
            listed => without_repeats(listed),
        },
        pipeline: match arguments.pipeline.as_slice() {
            [] => vec![false],
            listed => without_repeats(listed),
        },
        cache: match arguments.cache.as_slice() {
            [] => vec![Cache::default()],
            listed => without_repeats(listed),
        },
        arrival,
        length,
        warmup: arguments.warmup.unwrap_or_else(|| warmup_for(length)),
        first_repetition: 1,
        repetitions: arguments.repetitions.unwrap_or(1),
        scale: arguments.scale.unwrap_or(Scale::ONE),
        keys: arguments.keys.unwrap_or_default(),
        seed: arguments.seed.unwrap_or(1),
        think_times: arguments.think_times,
        validate: arguments.validate,
        reload: arguments.reload,
        retry,
        statement_timeout: arguments.statement_timeout,
        reconnect_limit: Duration::from_secs(60),
        drain_limit: Duration::from_secs(30),
        watch: None,
        pause: Pause::default(),
    })
}

/// Whether every data set can have the scale, answers to compare with where that is asked for, arrivals
/// at a rate and streams of queries where those are.
///
/// # Errors
/// One cannot, or has none.
pub fn check_data(selections: &[Selection<'_>], options: &RunOptions) -> Result<()> {
    check_cycles(selections, options)?;
    for Selection { suite, benchmark } in selections {
        check_scale(benchmark.dataset(), options.scale)?;
        if has_own_length(*benchmark) && options.arrival != Arrival::Closed {
            let doing = format!("run {suite}/{} at a rate", benchmark.name());
            let why = "its clients send one query after another until all are answered";
            return Err(Error::new(doing, why).next("leave out `--rate`"));
        }
        if options.keys != Keys::default() && !benchmark.dataset().has_optional_keys() {
            let doing =
                format!("run {suite}/{} with {} keys", benchmark.name(), options.keys.name());
            let why = "it relies on the keys and indexes of its data set";
            return Err(Error::new(doing, why)
                .next("leave out `--keys`, or run olap/tpch, whose data set leaves them open"));
        }
        if benchmark.has_streams() && options.arrival != Arrival::Closed {
            let doing = format!("run {suite}/{} at a rate", benchmark.name());
            let why =
                "its streams send one query after another, and the rate would count them, too";
            return Err(Error::new(doing, why).next("leave out `--rate`"));
        }
        if options.streams.is_some() && !benchmark.has_streams() {
            let doing = format!("run {suite}/{} with `--streams`", benchmark.name());
            let why = "it has no streams of queries beside its clients";
            return Err(Error::new(doing, why).next(
                "leave out `--streams`, or run olap/htap; `--clients` is for all benchmarks",
            ));
        }
        if options.validate && !benchmark.has_answers(options.scale) {
            let doing = format!("validate {suite}/{}", benchmark.name());
            let why = format!("no answers are known for it at scale {}", options.scale);
            return Err(Error::new(doing, why).next(
                "leave out `--validate`, or run olap/wide at any scale or olap/tpch at 0.01, 0.1 or 1",
            ));
        }
    }
    Ok(())
}

/// Whether the server is killed by a benchmark that can be, where that is asked for.
fn check_cycles(selections: &[Selection<'_>], options: &RunOptions) -> Result<()> {
    let mut with_cycles = selections.iter().filter(|selection| selection.benchmark.has_cycles());
    let Some(Selection { suite, benchmark }) = with_cycles.next() else {
        return match options.cycles {
            None => Ok(()),
            Some(_) => Err(Error::new("use `--cycles`", "no benchmark of the run kills a server")
                .next("leave it out, or run isolation/durability-tpcb")),
        };
    };
    if options.arrival != Arrival::Closed {
        let doing = format!("run {suite}/{} at a rate", benchmark.name());
        let why = "its clients work as fast as they can until the server is killed";
        return Err(Error::new(doing, why).next("leave out `--rate`"));
    }
    Ok(())
}

/// Whether there are pools for options that choose some.
///
/// # Errors
/// No benchmark of the run has any.
pub fn check_pools(selections: &[Selection<'_>], arguments: &RunArgs) -> Result<()> {
    match arguments.pool.given() {
        Some(given) if !selections.iter().any(|selection| selection.benchmark.has_pools()) => {
            let why = "no benchmark of the run measures connection pools";
            let next = "leave it out, or run the suite pool";
            Err(Error::new(format!("use `{given}`"), why).next(next))
        }
        _ => Ok(()),
    }
}

/// Whether there are backups for options that choose some, and methods of every name.
///
/// # Errors
/// No benchmark of the run makes any, or no target has such a method.
pub fn check_backups(
    selections: &[Selection<'_>],
    arguments: &RunArgs,
    drivers: &[Arc<dyn Driver>],
) -> Result<()> {
    let Some(given) = arguments.backup.given() else { return Ok(()) };
    if !selections.iter().any(|selection| selection.benchmark.has_backups()) {
        let why = "no benchmark of the run makes backups";
        let next = "leave it out, or run the suite backup";
        return Err(Error::new(format!("use `{given}`"), why).next(next));
    }
    let known: Vec<&str> = drivers
        .iter()
        .filter_map(|driver| driver.backups())
        .flat_map(|backups| backups.methods())
        .map(|method| method.name)
        .collect();
    match arguments.backup.methods.iter().find(|name| !known.contains(&name.as_str())) {
        Some(unknown) => {
            Err(Error::new("use `--backup`", format!("no target has a method `{unknown}`"))
                .next(format!("choose of these: {}", known.join(", "))))
        }
        None => Ok(()),
    }
}

/// Whether a benchmark is done when its own work is, whatever the options say.
fn has_own_length(benchmark: &dyn Benchmark) -> bool {
    benchmark.length(1).is_some()
}

fn isolation(levels: &[String]) -> Result<IsolationChoice> {
    match levels {
        [] => Ok(IsolationChoice::Default),
        [all] if all == "all" => Ok(IsolationChoice::All),
        levels => {
            let parsed: Result<Vec<_>, String> =
                levels.iter().map(|level| parse_isolation(level)).collect();
            let listed = parsed.map_err(|why| {
                Error::new("use `--isolation`", why).next(
                    "`dbdyno list isolation` shows what each engine has; `all` means all of them",
                )
            })?;
            Ok(IsolationChoice::Listed(without_repeats(&listed)))
        }
    }
}

fn without_repeats<T: PartialEq + Copy>(listed: &[T]) -> Vec<T> {
    let mut kept = Vec::new();
    for one in listed {
        if !kept.contains(one) {
            kept.push(*one);
        }
    }
    kept
}

/// A quarter of the duration, at most five seconds.
pub(super) fn warmup_for(length: Length) -> Duration {
    match length {
        Length::Duration(duration) => (duration / 4).min(Duration::from_secs(5)),
        Length::Transactions(_) => Duration::ZERO,
    }
}

/// Settings for throwaway servers, by engine; those for all stand under the empty name.
#[derive(Debug, Default)]
pub struct Settings {
    by_engine: BTreeMap<String, Vec<(String, String)>>,
}

impl Settings {
    /// The settings of one engine's servers.
    pub fn of(&self, engine: &str) -> Vec<(String, String)> {
        ["", engine]
            .iter()
            .filter_map(|name| self.by_engine.get(*name))
            .flatten()
            .cloned()
            .collect()
    }
}

/// Reads `[ENGINE:]NAME=VALUE`.
///
/// # Errors
/// It is not of this form, there is no such engine, or no throwaway server that it could be for.
pub fn settings(texts: &[String], targets: &[Target]) -> Result<Settings> {
    let mut settings = Settings::default();
    let is_server =
        |target: &&Target| matches!(target.location, Location::Throwaway) && !target.engine.is_file;
    let servers: Vec<&str> =
        targets.iter().filter(is_server).map(|target| target.engine.name).collect();
    let engines: Vec<&str> = engines().iter().map(|engine| engine.name).collect();
    for text in texts {
        let doing = || format!("use `-o {}`", text.split('=').next().unwrap_or(text));
        let (name, value) = text.split_once('=').ok_or_else(|| {
            Error::new(doing(), "it has no `=`")
                .next("write `-o shared_buffers=1GB` or `-o postgres:shared_buffers=1GB`")
        })?;
        let (engine, name) = name.split_once(':').unwrap_or(("", name));
        if !engine.is_empty() && !engines.contains(&engine) {
            return Err(Error::new(doing(), unknown("engine", engine, &engines)));
        }
        if servers.is_empty() || !(engine.is_empty() || servers.contains(&engine)) {
            let why = "none of the targets is a throwaway server that it could be for";
            return Err(Error::new(doing(), why).next(
                "add such a target (`--target postgres`); settings of other servers are theirs",
            ));
        }
        let setting = (name.trim().to_owned(), value.trim().to_owned());
        settings.by_engine.entry(engine.to_owned()).or_default().push(setting);
    }
    Ok(settings)
}

/// Every option with the value in force, for `run.toml`.
pub fn in_words(
    arguments: &RunArgs,
    options: &RunOptions,
    selections: &[Selection<'_>],
) -> BTreeMap<String, String> {
    let duration = |duration: Duration| format!("{} s", duration.as_secs_f64());
    let mut words = BTreeMap::new();
    let mut say = |name: &str, value: String| {
        words.insert(name.to_owned(), value);
    };
    let list = |words: Vec<String>| words.join(",");
    say(
        "isolation",
        match &options.isolation {
            IsolationChoice::Default => "each engine's default".to_owned(),
            IsolationChoice::All => "all".to_owned(),
            IsolationChoice::Listed(listed) => {
                list(listed.iter().map(ToString::to_string).collect())
            }
        },
    );
    say(
        "durability",
        match &options.durability {
            DurabilityChoice::Default => "full where dbdyno sets it, else what is held".to_owned(),
            DurabilityChoice::Listed(listed) => {
                list(listed.iter().map(ToString::to_string).collect())
            }
        },
    );
    say(
        "clients",
        match &options.clients {
            None => "each benchmark's own".to_owned(),
            Some(listed) => list(listed.iter().map(ToString::to_string).collect()),
        },
    );
    if selections.iter().any(|selection| selection.benchmark.has_streams()) {
        say("streams", options.streams().to_string());
    }
    if selections.iter().any(|selection| selection.benchmark.has_cycles()) {
        say("cycles", options.cycles().to_string());
    }
    if selections.iter().any(|selection| selection.benchmark.has_pools()) {
        let pool = &options.pool;
        let kinds = pool.kinds.clone().map_or_else(|| "all that there are".to_owned(), list);
        say("pool", kinds);
        let sizes = pool.sizes.as_ref().map(|sizes| sizes.iter().map(u32::to_string).collect());
        say("pool_size", sizes.map_or_else(|| "each benchmark's default".to_owned(), list));
        say("acquire_timeout", duration(pool.acquire_timeout()));
    }
    if selections.iter().any(|selection| selection.benchmark.has_backups()) {
        let methods = options.backup.methods.clone();
        say("backup", methods.map_or_else(|| "all that there are".to_owned(), list));
        if let Some(folder) = &options.backup.folder {
            say("backup_dir", folder.display().to_string());
        }
    }
    for (name, value) in replication::in_words(options, selections) {
        say(name, value);
    }
    say("statements", list(options.statements.iter().map(ToString::to_string).collect()));
    let pipeline = options.pipeline.iter().map(|choice| pipeline_name(*choice).to_owned());
    say("pipeline", list(pipeline.collect()));
    say("cache", list(options.cache.iter().map(ToString::to_string).collect()));
    match options.length {
        Length::Duration(length) => say("duration", duration(length)),
        Length::Transactions(count) => say("transactions", count.to_string()),
    }
    let mut warmup = duration(options.warmup);
    if options.cache.contains(&Cache::Cold) {
        warmup.push_str("; none where cold");
    }
    say("warmup", warmup);
    let own = selections.iter().filter(|selection| has_own_length(selection.benchmark));
    let own: Vec<String> = own
        .map(|selection| format!("{}/{}", selection.suite, selection.benchmark.name()))
        .collect();
    if !own.is_empty() {
        say("until_answered_without_warmup", own.join(" "));
    }
    match options.arrival {
        Arrival::Closed => say("arrival", "closed".to_owned()),
        Arrival::Open(open) => {
            say("arrival", format!("open, {:?}", open.spacing).to_lowercase());
            say("rate", open.rate.to_string());
            if let Some(limit) = open.latency_limit {
                say("latency_limit", duration(limit));
            }
        }
    }
    say("repetitions", options.repetitions.to_string());
    say("scale", options.scale.to_string());
    say("keys", options.keys.name().to_owned());
    say("seed", options.seed.to_string());
    say("think_times", options.think_times.to_string());
    say("validate", options.validate.to_string());
    say("reload", options.reload.to_string());
    say("max_retries", options.retry.max_retries.to_string());
    if let Some(limit) = options.statement_timeout {
        say("statement_timeout", duration(limit));
    }
    say("reconnect_limit", duration(options.reconnect_limit));
    let own = selections.iter().filter_map(|Selection { suite, benchmark }| {
        let limit = duration(benchmark.drain_limit()?);
        Some(format!("; {suite}/{} {limit}", benchmark.name()))
    });
    say("drain_limit", format!("{}{}", duration(options.drain_limit), own.collect::<String>()));
    say("settings", arguments.settings.join(" "));
    words
}
