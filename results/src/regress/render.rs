//! A judgement as text: for people, for a pull request, for programs, for what shows tests.

mod json;
mod junit;
mod markdown;
mod text;
mod words;

use dbdyno_core::Result;

pub(super) use words::summary;

use super::Judgement;
use crate::markup::visible;

/// What a judgement is written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RegressFormat {
    /// For a terminal.
    Text,
    /// GitHub's Markdown, for a comment.
    Markdown,
    /// For a program; `docs/regression.md` has the keys.
    Json,
    /// JUnit XML: a test case for each finding.
    Junit,
}

/// The judgement, in lines of at most `width` characters where it is for a terminal. Nothing in it depends
/// on the machine or the time.
///
/// # Errors
/// A text cannot be put into JSON or XML.
pub fn render(judgement: &Judgement, format: RegressFormat, width: usize) -> Result<String> {
    match format {
        RegressFormat::Text => Ok(visible(&text::text(judgement, width)).into_owned()),
        RegressFormat::Markdown => Ok(visible(&markdown::markdown(judgement)).into_owned()),
        RegressFormat::Json => json::json(judgement),
        RegressFormat::Junit => junit::junit(judgement),
    }
}
