//! `dbdyno report`: what runs found, as one document for people. `docs/report.md` says what is in it.

mod charts;
mod digest;
mod events;
mod html;
mod markdown;
mod sampled;
mod sections;
mod summary;

use std::path::PathBuf;

use dbdyno_core::Result;

use crate::histograms::histograms;
use crate::load::load;

/// A report.
#[derive(Clone, Debug)]
pub struct Report {
    /// Its title.
    pub title: String,
    /// Its parts, the most important first.
    pub sections: Vec<Section>,
}

/// A part of a report.
#[derive(Clone, Debug)]
pub struct Section {
    /// Its heading.
    pub title: String,
    /// What is in it.
    pub blocks: Vec<Block>,
}

/// A piece of a section.
#[derive(Clone, Debug)]
pub enum Block {
    /// GitHub's Markdown.
    Text(String),
    /// A picture, with the name of a file for it and what it shows.
    Chart {
        /// The file's name without its extension.
        stem: String,
        /// What it shows, in a few words.
        title: String,
        /// The picture.
        svg: String,
    },
}

/// A picture of a report in Markdown.
#[derive(Clone, Debug)]
pub struct Picture {
    /// The name of its file.
    pub name: String,
    /// The picture.
    pub svg: String,
}

/// Reads runs, and what stands beside their results, and makes a report of them.
///
/// # Errors
/// A run cannot be read.
pub fn report(runs: &[PathBuf]) -> Result<Report> {
    let mut loaded = load(runs)?;
    // Results stand without response times.
    let histograms = match histograms(&loaded) {
        Ok(histograms) => Some(histograms),
        Err(error) => {
            loaded.warnings.push(format!("response times are not shown: {error}"));
            None
        }
    };
    sections::report(loaded, histograms.as_ref())
}

impl Report {
    /// One file of HTML that needs nothing else.
    pub fn html(&self) -> String {
        html::html(self)
    }

    /// Markdown, and the pictures that it shows from the folder `pictures`.
    pub fn markdown(&self, pictures: &str) -> (String, Vec<Picture>) {
        markdown::markdown(self, pictures)
    }
}

#[cfg(test)]
mod tests;
