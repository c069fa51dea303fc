//! `dbdyno report`: what runs found, as one document for people. `docs/report.md` says what is in it.

mod charts;
mod course;
mod digest;
mod events;
mod html;
mod markdown;
mod marks;
mod parts;
mod pictured;
mod sampled;
mod sections;
mod side_file;
mod summary;
mod unique;
mod wrong;

use std::path::PathBuf;

use dbdyno_core::Result;

use crate::histograms::Histograms;
use crate::in_common::nothing_in_common;
use crate::load::{Loaded, load};
use crate::machine::check_machines;

/// A report.
#[derive(Clone, Debug)]
pub struct Report {
    /// Its title.
    pub title: String,
    /// Its parts, the most important first.
    pub sections: Vec<Section>,
    /// What could not be read, was not taken silently or is lacking, a sentence each; the first section has them too, or
    /// how many more there are.
    pub warnings: Vec<String>,
    /// Whether results and response times of all runs were read to their end, and no run lacks anything without having been
    /// interrupted.
    pub is_whole: bool,
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
    /// GitHub's Markdown that is long: folded away until a reader opens it.
    Folded {
        /// What it is, in a line of plain text.
        summary: String,
        /// What is folded away.
        text: String,
    },
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
/// A run cannot be read, or has not a single result, or the runs were measured on different machines and nobody
/// said that this is meant (`across_machines`).
pub fn report(runs: &[PathBuf], across_machines: bool) -> Result<Report> {
    let mut loaded = load(runs)?;
    loaded.check_results("make a report of")?;
    let machines = check_machines(&loaded, across_machines)?;
    loaded.warnings.extend(machines);
    // A report of one target may well be of things that have nothing to do with each other.
    let apart = nothing_in_common(&loaded).filter(|_| !is_of_one_target(&loaded));
    loaded.warnings.extend(apart);
    // Results stand without response times.
    let mut histograms = Histograms::read(&loaded);
    loaded.warnings.append(&mut histograms.warnings);
    let is_damaged = histograms.is_damaged;
    let mut report = sections::report(loaded, histograms.shared())?;
    report.is_whole &= !is_damaged;
    unique::name_pictures(&mut report.sections);
    Ok(report)
}

fn is_of_one_target(loaded: &Loaded) -> bool {
    loaded.records.windows(2).all(|two| two[0].case.target == two[1].case.target)
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
