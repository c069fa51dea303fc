//! A report as Markdown.

use super::{Block, Picture, Report};
use crate::markup::{escape, plain};

pub(super) fn markdown(report: &Report, pictures: &str) -> (String, Vec<Picture>) {
    let mut out = format!("# {}\n", plain(&report.title));
    let mut drawn = Vec::new();
    for section in &report.sections {
        out += &format!("\n## {}\n", section.title);
        for block in &section.blocks {
            match block {
                Block::Text(text) => out += &format!("\n{}\n", text.trim_end()),
                Block::Folded { summary, text } => {
                    // The empty lines make what is between them Markdown again.
                    let (summary, text) = (escape(summary), text.trim_end());
                    out += &format!(
                        "\n<details>\n<summary>{summary}</summary>\n\n{text}\n\n</details>\n"
                    );
                }
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
