//! `dbdyno.toml`: named targets, defaults for `dbdyno run`, thresholds for `dbdyno regress`, and alerts.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use dbdyno_core::{Error, Result, Scale};
use dbdyno_results::{HistoryOptions, RegressOptions, Thresholds};
use serde::Deserialize;
use toml::Spanned;

use crate::alerts::{NotifyText, RuleText};
use crate::args::{
    MOST_CLIENTS, MOST_REPETITIONS, RegressArgs, RunArgs, parse_confidence, parse_durability,
    parse_duration, parse_duration_or_zero, parse_percent, parse_pipeline, parse_statements,
};

/// The file that is read where `--config` names none.
const DEFAULT_FILE: &str = "dbdyno.toml";

/// What the file says.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Targets by name: each is what could stand after `--target`.
    #[serde(default)]
    pub targets: BTreeMap<String, String>,
    /// Defaults for the options of `dbdyno run`.
    #[serde(default)]
    run: RunDefaults,
    /// Thresholds of `dbdyno regress`.
    #[serde(default)]
    regress: RegressDefaults,
    /// Alert rules.
    #[serde(default, rename = "alert")]
    pub alerts: Vec<Spanned<RuleText>>,
    /// Who is told of alerts.
    #[serde(default)]
    pub notify: NotifyText,
    /// The file, and where each of its lines begins.
    #[serde(skip)]
    lines: (PathBuf, Vec<usize>),
}

/// Defaults of `dbdyno regress`, named like its options.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
struct RegressDefaults {
    min_effect: Option<String>,
    confidence: Option<String>,
    history_confidence: Option<String>,
    fail_on_plan_change: bool,
    /// How large a change of a metric counts; a metric that is named is judged.
    metrics: BTreeMap<String, String>,
}

/// Defaults of `dbdyno run`, named like its options.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
struct RunDefaults {
    benchmarks: Vec<String>,
    targets: Vec<String>,
    isolation: Vec<String>,
    clients: Vec<u32>,
    durability: Vec<String>,
    statements: Vec<String>,
    pipeline: Vec<String>,
    scale: Option<ScaleText>,
    duration: Option<String>,
    warmup: Option<String>,
    repetitions: Option<u32>,
    seed: Option<u64>,
    max_retries: Option<u32>,
    settings: Vec<String>,
    out: Option<PathBuf>,
}

/// A scale as TOML may say it: `10`, `0.01` or `"0.01"`.
#[derive(Debug, Deserialize)]
#[serde(untagged, expecting = "a scale such as 10 or 0.01")]
enum ScaleText {
    Whole(u32),
    Fraction(f64),
    Text(String),
}

impl ScaleText {
    fn read(&self) -> Result<Scale, String> {
        match self {
            Self::Whole(count) => count.to_string().parse(),
            Self::Fraction(fraction) => fraction.to_string().parse(),
            Self::Text(text) => text.parse(),
        }
    }
}

impl Config {
    /// Reads the file given, or `dbdyno.toml` where it is there.
    ///
    /// # Errors
    /// The file cannot be read, or has something in it that has no meaning there.
    pub fn read(given: Option<&Path>) -> Result<Self> {
        let path = given.unwrap_or(Path::new(DEFAULT_FILE));
        if given.is_none() && !path.exists() {
            return Ok(Self::default());
        }
        let doing = || format!("read {}", path.display());
        let text = std::fs::read_to_string(path).map_err(|cause| {
            Error::new(doing(), cause).next("name an existing file with `--config`")
        })?;
        let read: Result<Self, _> = toml::from_str(&text);
        let mut config = read.map_err(|cause| {
            // Not the line itself: it may hold a password.
            let line = cause.span().map_or(1, |span| 1 + text[..span.start].matches('\n').count());
            Error::new(doing(), format!("line {line}: {}", cause.message()))
                .next("see the README for what the file may hold")
        })?;
        let ends = text.match_indices('\n').map(|(end, _)| end + 1);
        config.lines = (path.to_owned(), std::iter::once(0).chain(ends).collect());
        Ok(config)
    }

    /// The place in the file of what begins with this byte: `dbdyno.toml, line 12`.
    pub fn place(&self, byte: usize) -> String {
        let (path, begins) = &self.lines;
        let line = begins.partition_point(|begin| *begin <= byte);
        format!("{}, line {line}", path.display())
    }

    /// Fills in what the command line leaves open.
    ///
    /// # Errors
    /// A default is not a valid value.
    pub fn complete(&self, arguments: RunArgs) -> Result<RunArgs> {
        let wrong = |option: &str, why: String| {
            Error::new(format!("use `run.{option}` of the configuration file"), why)
                .next("mend it there, or give the option on the command line")
        };
        let run = &self.run;
        for (option, given, most) in [
            ("clients", run.clients.as_slice(), MOST_CLIENTS),
            ("repetitions", run.repetitions.as_slice(), MOST_REPETITIONS),
        ] {
            if let Some(wrong_one) = given.iter().find(|given| !(1..=most).contains(*given)) {
                return Err(wrong(option, format!("{wrong_one} is not in 1 to {most}")));
            }
        }
        let scale = run.scale.as_ref().map(|scale| scale.read()).transpose();
        let scale = scale.map_err(|why| wrong("scale", why))?;
        let durability = parsed(&run.durability, parse_durability);
        let durability = durability.map_err(|why| wrong("durability", why))?;
        let statements = parsed(&run.statements, parse_statements);
        let statements = statements.map_err(|why| wrong("statements", why))?;
        let pipeline = parsed(&run.pipeline, parse_pipeline);
        let pipeline = pipeline.map_err(|why| wrong("pipeline", why))?;
        let duration = run.duration.as_deref().map(parse_duration).transpose();
        let duration = duration.map_err(|why| wrong("duration", why))?;
        let warmup = run.warmup.as_deref().map(parse_duration_or_zero).transpose();
        let warmup = warmup.map_err(|why| wrong("warmup", why))?;
        Ok(RunArgs {
            benchmarks: or(arguments.benchmarks, &run.benchmarks),
            targets: or(arguments.targets, &run.targets),
            isolation: or(arguments.isolation, &run.isolation),
            clients: or(arguments.clients, &run.clients),
            durability: or(arguments.durability, &durability),
            statements: or(arguments.statements, &statements),
            pipeline: or(arguments.pipeline, &pipeline),
            scale: arguments.scale.or(scale),
            duration: match arguments.transactions {
                Some(_) => None,
                None => arguments.duration.or(duration),
            },
            warmup: arguments.warmup.or(warmup),
            repetitions: arguments.repetitions.or(run.repetitions),
            seed: arguments.seed.or(run.seed),
            max_retries: arguments.max_retries.or(run.max_retries),
            settings: run.settings.iter().chain(&arguments.settings).cloned().collect(),
            out: arguments.out.or_else(|| run.out.clone()),
            ..arguments
        })
    }
}

impl Config {
    /// What is judged and how strictly: what the command line says of a metric counts most, then what the
    /// file says of it, then what either says of all.
    ///
    /// # Errors
    /// A threshold is not a percentage.
    pub fn regress_options(&self, arguments: &RegressArgs) -> Result<RegressOptions> {
        let level = level_of("regress.confidence", self.regress.confidence.as_deref())?;
        let level = arguments.confidence.or(level);
        let mut options = RegressOptions {
            metrics: arguments.metrics.clone(),
            across_machines: arguments.across_machines,
            fail_on_plan_change: arguments.fail_on_plan_change || self.regress.fail_on_plan_change,
            thresholds: self.thresholds()?,
            ..RegressOptions::default()
        };
        options.level = level.unwrap_or(options.level);
        for (metric, share) in &arguments.min_effect {
            match metric {
                Some(metric) => options.thresholds.set(metric, *share),
                None => options.thresholds.general = *share,
            }
        }
        Ok(options)
    }

    /// How large a change counts, by the file.
    ///
    /// # Errors
    /// A threshold is not a percentage.
    pub fn thresholds(&self) -> Result<Thresholds> {
        let mut thresholds = Thresholds::default();
        if let Some(text) = &self.regress.min_effect {
            thresholds.general = of_file("regress.min-effect", text, parse_percent)?;
        }
        for (metric, text) in &self.regress.metrics {
            let option = format!("regress.metrics.{metric}");
            thresholds.set(metric, of_file(&option, text, parse_percent)?);
        }
        Ok(thresholds)
    }

    /// The probability of a false alarm in a series of a history: that of the command line, or else of the file,
    /// or else the default.
    ///
    /// # Errors
    /// That of the file is no confidence.
    pub fn history_level(&self, given: Option<f64>) -> Result<f64> {
        let text = self.regress.history_confidence.as_deref();
        let of_file = level_of("regress.history-confidence", text)?;
        Ok(given.or(of_file).unwrap_or(HistoryOptions::default().level))
    }
}

/// The probability of a false alarm that a confidence of the file leaves; `None` where it says nothing.
fn level_of(option: &str, text: Option<&str>) -> Result<Option<f64>> {
    text.map(|text| of_file(option, text, parse_confidence)).transpose()
}

fn of_file(option: &str, text: &str, parse: fn(&str) -> Result<f64, String>) -> Result<f64> {
    parse(text).map_err(|why| {
        Error::new(format!("use `{option}` of the configuration file"), why)
            .next("mend it there, or give the option on the command line")
    })
}

fn parsed<T>(words: &[String], parse: fn(&str) -> Result<T, String>) -> Result<Vec<T>, String> {
    words.iter().map(|word| parse(word)).collect()
}

fn or<T: Clone>(given: Vec<T>, default: &[T]) -> Vec<T> {
    if given.is_empty() { default.to_vec() } else { given }
}
