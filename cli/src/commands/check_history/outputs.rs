//! Where reports, histories and pictures go: whole or not at all, and never over what is read.

use std::fs::{self, File, Permissions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use dbdyno_core::{Error, Result};
use dbdyno_history::{Verdict, dot, svg};

use super::sources::Source;
use crate::output::show;

/// What is written, and the files that must stay as they are.
pub struct Outputs<'a> {
    inputs: Vec<PathBuf>,
    out: Option<&'a Path>,
}

impl<'a> Outputs<'a> {
    /// Outputs beside `sources`, the main one to `out` or to standard output.
    ///
    /// # Errors
    /// `out` is one of the files of the sources.
    pub fn new(sources: &[Source], out: Option<&'a Path>) -> Result<Self> {
        let inputs = sources.iter().flat_map(Source::files).map(|file| place(file)).collect();
        let outputs = Self { inputs, out };
        if let Some(out) = out
            && outputs.inputs.contains(&place(out))
        {
            let why = "it is a history that is read";
            return Err(Error::new(format!("write {}", out.display()), why)
                .next("give another file with `--out`"));
        }
        Ok(outputs)
    }

    /// Shows or writes the report.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn put(&self, text: &str) -> Result<()> {
        match self.out {
            Some(out) => write(out, text),
            None => {
                show(text);
                Ok(())
            }
        }
    }

    /// Draws the circles of a verdict into `folder`.
    ///
    /// # Errors
    /// A picture cannot be written, or would replace what is read or the report.
    pub fn draw(&self, folder: &Path, verdict: &Verdict) -> Result<()> {
        fs::create_dir_all(folder).map_err(|why| not_written(folder, &why))?;
        for found in &verdict.found {
            let circles = found.examples.iter().filter_map(|example| example.cycle.as_ref());
            for (cycle, number) in circles.zip(1..) {
                let title = format!("{}: {}", found.class, found.class.words());
                for (extension, text) in [("dot", dot(cycle, &title)), ("svg", svg(cycle, &title))]
                {
                    self.picture(
                        &folder.join(format!("{}-{number}.{extension}", found.class)),
                        &text,
                    )?;
                }
            }
        }
        Ok(())
    }

    fn picture(&self, path: &Path, text: &str) -> Result<()> {
        let at = place(path);
        let is_out = self.out.is_some_and(|out| place(out) == at);
        if is_out || self.inputs.contains(&at) {
            let why = if is_out { "the report goes there" } else { "it is a history that is read" };
            return Err(Error::new(format!("draw a picture into {}", path.display()), why)
                .next("give another folder with `--pictures`"));
        }
        write(path, text)
    }
}

/// Where a path leads, for comparison: links are followed, and what is not there yet is where its folder
/// is.
fn place(path: &Path) -> PathBuf {
    if let Ok(place) = path.canonicalize() {
        return place;
    }
    match (folder_of(path).canonicalize(), path.file_name()) {
        (Ok(folder), Some(name)) => folder.join(name),
        _ => path.to_owned(),
    }
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

fn write(path: &Path, text: &str) -> Result<()> {
    replace(path, |out| out.write_all(text.as_bytes()).map_err(|why| not_written(path, &why)))
}

/// Makes the file at `path` of what `fill` writes. Until all is written, what was there stays.
///
/// # Errors
/// `fill` fails, or the file cannot be written.
pub fn replace<T>(path: &Path, fill: impl FnOnce(&mut dyn Write) -> Result<T>) -> Result<T> {
    let failed = |why: io::Error| not_written(path, &why);
    let before = fs::metadata(path).ok();
    if before.as_ref().is_some_and(|before| !before.is_file()) {
        // A device or a pipe: nothing is replaced, and nothing of it stays.
        let mut out = BufWriter::new(File::create(path).map_err(failed)?);
        let filled = fill(&mut out)?;
        out.flush().map_err(failed)?;
        return Ok(filled);
    }
    let at = place(path);
    let mut out = BufWriter::new(
        tempfile::Builder::new()
            // Of a new file the system takes away what the user's mask says.
            .permissions(Permissions::from_mode(0o666))
            .tempfile_in(folder_of(&at))
            .map_err(failed)?,
    );
    let filled = fill(&mut out)?;
    let file = out.into_inner().map_err(|why| failed(why.into_error()))?;
    if let Some(before) = before {
        file.as_file().set_permissions(before.permissions()).map_err(failed)?;
    }
    file.persist(&at).map_err(|why| failed(why.error))?;
    Ok(filled)
}

fn not_written(path: &Path, why: &io::Error) -> Error {
    Error::new(format!("write {}", path.display()), why)
        .next("see to it that the folder is there and that its disk has room")
}
