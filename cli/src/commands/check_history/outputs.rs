//! Where reports, histories and pictures go: whole or not at all, and never over what is read.

use std::fs;
use std::path::{Path, PathBuf};

use dbdyno_core::{Error, Result};
use dbdyno_history::{Verdict, dot, svg};

use super::sources::Source;
use crate::files::{not_written, place, write};
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
