//! `dbdyno check-history`.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use dbdyno_core::{Error, Result};
use dbdyno_history::{
    CheckOptions, ClassSet, Found, History, Model, ReadOptions, RegisterOrder, Verdict, check, dot,
    export, svg, verdict_text,
};
use serde::Serialize;

use crate::Ended;
use crate::args::{CheckHistoryArgs, RegisterOrderArg, ReportFormatArg};
use crate::output::show;

/// A verdict as programs read it.
#[derive(Serialize)]
struct Report {
    model: Model,
    /// Classes that were found and that the model proscribes.
    violations: Vec<&'static str>,
    possible_models: Vec<Model>,
    #[serde(flatten)]
    verdict: Verdict,
}

/// Checks histories, or writes one in normal form.
///
/// # Errors
/// A history cannot be read or does not fit into memory; a picture or the output cannot be written.
pub fn check_history(arguments: &CheckHistoryArgs) -> Result<Ended> {
    let files = histories(&arguments.files)?;
    if arguments.export.is_some() {
        return export_one(arguments, &files);
    }
    let options = options(arguments);
    let proscribed = arguments.model.proscribed();
    let read = ReadOptions { kind: arguments.kind, memory_limit: arguments.memory_limit };
    let mut ended = Ended::Done;
    let mut texts = Vec::with_capacity(files.len());
    let mut reports = Vec::new();
    for file in &files {
        let verdict = check(&History::read(file, &read)?, &options);
        if !verdict.violations(proscribed).is_empty() {
            ended = Ended::Failed;
        }
        if let Some(folder) = &arguments.pictures {
            draw(folder, file, files.len() > 1, &verdict)?;
        }
        match arguments.format {
            ReportFormatArg::Text => texts.push(verdict_text(&verdict, proscribed, &options)),
            ReportFormatArg::Json => {
                reports.push(report(arguments.model, proscribed, verdict, &options));
            }
        }
    }
    match arguments.format {
        ReportFormatArg::Text => put(arguments.out.as_deref(), &texts.join("\n"))?,
        ReportFormatArg::Json => {
            let text = serde_json::to_string_pretty(&reports)
                .map_err(|why| Error::new("write the report", why))?;
            put(arguments.out.as_deref(), &format!("{text}\n"))?;
        }
    }
    Ok(ended)
}

fn report(model: Model, proscribed: ClassSet, verdict: Verdict, options: &CheckOptions) -> Report {
    let violations = verdict.violations(proscribed);
    Report {
        model,
        violations: violations.iter().map(|found: &&Found| found.class.name()).collect(),
        possible_models: verdict.possible_models(options),
        verdict,
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
    }
}

/// The files that are meant: those named, and those of run folders, in order.
fn histories(named: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for path in named {
        if !path.is_dir() {
            files.push(path.clone());
            continue;
        }
        let folder = path.join("histories");
        let before = files.len();
        if folder.is_dir() {
            gather(&folder, &mut files)?;
        }
        files[before..].sort();
        if files.len() == before {
            let why = "it has no `.edn` file in a folder `histories`";
            return Err(Error::new(format!("check the histories of {}", path.display()), why)
                .next("give a run folder of the isolation suite, or a history itself"));
        }
    }
    Ok(files)
}

fn gather(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    let failed = |why: io::Error| Error::new(format!("read the folder {}", folder.display()), why);
    for entry in fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let path = entry.path();
        // A link may lead back to where it is.
        if entry.file_type().map_err(failed)?.is_dir() {
            gather(&path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "edn") {
            files.push(path);
        }
    }
    Ok(())
}

fn export_one(arguments: &CheckHistoryArgs, files: &[PathBuf]) -> Result<Ended> {
    let [file] = files else {
        let why = format!("{} were named, and one is written at a time", files.len());
        return Err(Error::new("export a history", why).next("name one history"));
    };
    match &arguments.out {
        Some(out) => {
            if is_same_file(file, out) {
                let why = "it is the history that is read";
                return Err(Error::new(format!("write {}", out.display()), why)
                    .next("give another file with `--out`"));
            }
            let out = File::create(out).map_err(|why| not_written(out, &why))?;
            export(file, &mut BufWriter::new(out))?;
        }
        None => {
            export(file, &mut BufWriter::new(Listener(io::stdout().lock())))?;
        }
    }
    Ok(Ended::Done)
}

fn is_same_file(one: &Path, other: &Path) -> bool {
    match (one.canonicalize(), other.canonicalize()) {
        (Ok(one), Ok(other)) => one == other,
        _ => false,
    }
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

/// Draws the circles of a verdict; with several histories each into a folder of its own.
fn draw(folder: &Path, file: &Path, is_one_of_many: bool, verdict: &Verdict) -> Result<()> {
    let mut folder = folder.to_owned();
    if is_one_of_many {
        let parts = file.with_extension("");
        let name: Vec<_> = parts
            .components()
            .filter_map(|part| match part {
                std::path::Component::Normal(name) => Some(name.to_string_lossy()),
                _ => None,
            })
            .collect();
        folder.push(name.join("-"));
    }
    fs::create_dir_all(&folder).map_err(|why| not_written(&folder, &why))?;
    for found in &verdict.found {
        let circles = found.examples.iter().filter_map(|example| example.cycle.as_ref());
        for (cycle, number) in circles.zip(1..) {
            let title = format!("{}: {}", found.class, found.class.words());
            for (extension, text) in [("dot", dot(cycle, &title)), ("svg", svg(cycle, &title))] {
                let path = folder.join(format!("{}-{number}.{extension}", found.class));
                fs::write(&path, text).map_err(|why| not_written(&path, &why))?;
            }
        }
    }
    Ok(())
}

fn put(out: Option<&Path>, text: &str) -> Result<()> {
    match out {
        Some(out) => fs::write(out, text).map_err(|why| not_written(out, &why)),
        None => {
            show(text);
            Ok(())
        }
    }
}

fn not_written(path: &Path, why: &io::Error) -> Error {
    Error::new(format!("write {}", path.display()), why)
}
