//! A report as Markdown.

use super::{Block, Picture, Report};
use crate::markup::plain;

pub(super) fn markdown(report: &Report, pictures: &str) -> (String, Vec<Picture>) {
    let mut out = format!("# {}\n", plain(&report.title));
    let mut drawn = Vec::new();
    for section in &report.sections {
        out += &format!("\n## {}\n", section.title);
        for block in &section.blocks {
            match block {
                Block::Text(text) => out += &format!("\n{}\n", text.trim_end()),
                Block::Chart { stem, title, svg } => {
                    let name = format!("{stem}.svg");
                    out += &format!("\n![{}]({pictures}/{name})\n", plain(title));
                    drawn.push(Picture { name, svg: svg.clone() });
                }
            }
        }
    }
    (out, drawn)
}
