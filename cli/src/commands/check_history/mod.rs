//! `dbdyno check-history`.

mod outputs;
mod sources;

use std::io::{self, BufWriter, Write};
use std::path::{Component, PathBuf};

use dbdyno_core::{Error, Result};
use dbdyno_history::{
    CheckOptions, ClassSet, Merged, Model, ReadOptions, RegisterOrder, Verdict, check, export,
    verdict_text,
};
use serde::Serialize;

use crate::Ended;
use crate::args::{CheckHistoryArgs, RegisterOrderArg, ReportFormatArg};
use crate::files::replace;
use crate::output::note;
use outputs::Outputs;
use sources::{Source, cut_off_text, merge_into_temporary, sources};

/// A verdict as programs read it.
#[derive(Serialize)]
struct Report {
    model: Model,
    /// Classes that were found and that the model proscribes.
    violations: Vec<&'static str>,
    /// Classes that the model proscribes and of which it could not be told whether there are any.
    unsettled: Vec<&'static str>,
    possible_models: Vec<Model>,
    /// How much there was of a history whose run was cut off.
    #[serde(skip_serializing_if = "Option::is_none")]
    cut_off: Option<Merged>,
    #[serde(flatten)]
    verdict: Verdict,
}

/// A history that was checked.
struct Checked {
    verdict: Verdict,
    cut_off: Option<Merged>,
}

/// Checks histories, or writes one in normal form. What could not be checked is told after the
/// reports of those that could.
///
/// # Errors
/// A run folder has no history, an output would replace what is read, or it cannot be written.
pub fn check_history(arguments: &CheckHistoryArgs) -> Result<Ended> {
    let sources = sources(&arguments.files)?;
    let outputs = Outputs::new(&sources, arguments.out.as_deref())?;
    if arguments.export.is_some() {
        return export_one(arguments, &sources);
    }
    let options = options(arguments);
    let mut all = Vec::with_capacity(sources.len());
    let mut errors = Vec::new();
    for source in &sources {
        match check_one(arguments, source, &options) {
            Ok(checked) => {
                if let Some(folder) = pictures(arguments, source, sources.len() > 1)
                    && let Err(error) = outputs.draw(&folder, &checked.verdict)
                {
                    errors.push(error);
                }
                all.push(checked);
            }
            Err(error) => errors.push(error),
        }
    }
    let proscribed = arguments.model.proscribed();
    let is_broken = all.iter().any(|it| !it.verdict.violations(proscribed).is_empty());
    let unsettled: Vec<Error> =
        all.iter().filter_map(|it| could_not_tell(&it.verdict, arguments)).collect();
    let ended = match (is_broken, unsettled.is_empty()) {
        _ if !errors.is_empty() => Ended::CouldNotRun,
        (true, _) => Ended::Failed,
        (false, true) => Ended::Done,
        (false, false) => Ended::CouldNotRun,
    };
    let put = if all.is_empty() { Ok(()) } else { report(arguments, &outputs, all, &options) };
    for error in unsettled.iter().chain(&errors) {
        note(&format!("error: {error}"));
    }
    put.map(|()| ended)
}

fn check_one(
    arguments: &CheckHistoryArgs,
    source: &Source,
    options: &CheckOptions,
) -> Result<Checked> {
    let read = ReadOptions { kind: arguments.kind, memory_limit: arguments.memory_limit };
    let (history, cut_off) = source.read(&read)?;
    Ok(Checked { verdict: check(&history, options), cut_off })
}

/// What to say where a history may keep to the model, or may not.
fn could_not_tell(verdict: &Verdict, arguments: &CheckHistoryArgs) -> Option<Error> {
    let proscribed = arguments.model.proscribed();
    let unsettled = names(verdict.unsettled(proscribed));
    if unsettled.is_empty() || !verdict.violations(proscribed).is_empty() {
        return None;
    }
    let why = format!(
        "the search for {} was given up after {} steps",
        unsettled.join(", "),
        arguments.search_steps
    );
    let doing = format!("tell whether the history {} is {}", verdict.history, arguments.model);
    Some(Error::new(doing, why).next("give it more with `--search-steps`"))
}

fn names(classes: ClassSet) -> Vec<&'static str> {
    classes.iter().map(|class| class.name()).collect()
}

fn report(
    arguments: &CheckHistoryArgs,
    outputs: &Outputs<'_>,
    all: Vec<Checked>,
    options: &CheckOptions,
) -> Result<()> {
    let model = arguments.model;
    match arguments.format {
        ReportFormatArg::Text => {
            let text = |Checked { verdict, cut_off }: &Checked| {
                let cut_off = cut_off.map(cut_off_text).unwrap_or_default();
                verdict_text(verdict, model.proscribed(), options) + &cut_off
            };
            outputs.put(&all.iter().map(text).collect::<Vec<_>>().join("\n"))
        }
        ReportFormatArg::Json => {
            let report = |Checked { verdict, cut_off }| {
                let found: ClassSet = verdict.classes();
                Report {
                    model,
                    violations: names(found.common(model.proscribed())),
                    unsettled: names(verdict.unsettled(model.proscribed())),
                    possible_models: verdict.possible_models(options),
                    cut_off,
                    verdict,
                }
            };
            let reports: Vec<Report> = all.into_iter().map(report).collect();
            let text = serde_json::to_string_pretty(&reports)
                .map_err(|why| Error::new("write the report", why))?;
            outputs.put(&format!("{text}\n"))
        }
    }
}

/// What to look for: what was asked for, and what the model is about.
fn options(arguments: &CheckHistoryArgs) -> CheckOptions {
    let (of_sessions, of_time) = match arguments.model {
        Model::StrongSessionSnapshotIsolation | Model::StrongSessionSerializable => (true, false),
        Model::StrongSnapshotIsolation | Model::StrictSerializable => (true, true),
        _ => (false, false),
    };
    CheckOptions {
        session_order: arguments.session_order || of_sessions,
        real_time: arguments.realtime || of_time,
        register_order: match arguments.register_order {
            RegisterOrderArg::InitialFirst => RegisterOrder::InitialFirst,
            RegisterOrderArg::WritesFollowReads => RegisterOrder::WritesFollowReads,
            RegisterOrderArg::Sequential => RegisterOrder::Sequential,
            RegisterOrderArg::Linearizable => RegisterOrder::Linearizable,
        },
        examples: arguments.examples as usize,
        search_steps: arguments.search_steps,
    }
}

fn export_one(arguments: &CheckHistoryArgs, sources: &[Source]) -> Result<Ended> {
    let [source] = sources else {
        let why = format!("{} were named, and one is written at a time", sources.len());
        return Err(Error::new("export a history", why).next("name one history"));
    };
    let (path, _merged) = match source {
        Source::File(path) => (path.clone(), None),
        Source::CutOff { logs, .. } => {
            let (file, merged) = merge_into_temporary(logs)?;
            note(cut_off_text(merged).trim_end());
            (file.path().to_owned(), Some(file))
        }
    };
    match &arguments.out {
        Some(out) => replace(out, |mut out| export(&path, &mut out))?,
        None => export(&path, &mut BufWriter::new(Listener(io::stdout().lock())))?,
    };
    Ok(Ended::Done)
}

/// Whoever reads may leave early: that is no error.
struct Listener<W>(W);

impl<W: Write> Write for Listener<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.0.write(bytes) {
            Err(why) if why.kind() == io::ErrorKind::BrokenPipe => Ok(bytes.len()),
            other => other,
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self.0.flush() {
            Err(why) if why.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            other => other,
        }
    }
}

/// The folder for the pictures of a history; of several each has its own.
fn pictures(
    arguments: &CheckHistoryArgs,
    source: &Source,
    is_one_of_many: bool,
) -> Option<PathBuf> {
    let mut folder = arguments.pictures.clone()?;
    if is_one_of_many {
        let stem = source.stem();
        let name: Vec<_> = stem
            .components()
            .filter_map(|part| match part {
                Component::Normal(name) => Some(name.to_string_lossy()),
                _ => None,
            })
            .collect();
        folder.push(name.join("-"));
    }
    Some(folder)
}
