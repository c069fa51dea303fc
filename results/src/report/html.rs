//! A report as one file of HTML: no network, no font, no picture beside it.

use pulldown_cmark::{CowStr, Event, Options, Parser, html::push_html};

use super::{Block, Report};
use crate::markup::escape;

/// How it looks: light or dark as the reader's system is, and on paper.
const STYLE: &str = include_str!("report.css");
/// What it does: sorting tables by a click on a heading, showing only rows with a word in them.
const SCRIPT: &str = include_str!("report.js");

pub(super) fn html(report: &Report) -> String {
    let title = escape(&report.title);
    let mut out = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" \
         content=\"width=device-width, initial-scale=1\">\n<meta name=\"color-scheme\" content=\"light \
         dark\">\n<title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<a class=\"skip\" \
         href=\"#content\">Skip to the content</a>\n<header>\n<h1>{title}</h1>\n<nav \
         aria-label=\"Sections\">\n"
    );
    for (number, section) in report.sections.iter().enumerate() {
        out += &format!("<a href=\"#s{number}\">{}</a>\n", escape(&section.title));
    }
    out += "</nav>\n<label class=\"filter\">Show only rows with <input type=\"search\" id=\"filter\" \
            autocomplete=\"off\"></label>\n</header>\n<main id=\"content\">\n";
    for (number, section) in report.sections.iter().enumerate() {
        let heading = escape(&section.title);
        out += &format!(
            "<section id=\"s{number}\" aria-labelledby=\"h{number}\">\n<h2 id=\"h{number}\">{heading}</h2>\n"
        );
        for block in &section.blocks {
            match block {
                Block::Text(text) => out += &from_markdown(text),
                Block::Folded { summary, text } => {
                    let (summary, text) = (escape(summary), from_markdown(text));
                    out += &format!("<details>\n<summary>{summary}</summary>\n{text}</details>\n");
                }
                Block::Chart { svg, .. } => out += &format!("<figure>\n{svg}</figure>\n"),
            }
        }
        out += "</section>\n";
    }
    out + &format!("</main>\n<script>\n{SCRIPT}</script>\n</body>\n</html>\n")
}

/// Markdown as HTML. What stands in it as HTML is text, but for line breaks: it may be an engine's words.
fn from_markdown(text: &str) -> String {
    let parser = Parser::new_ext(text, Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH);
    let events = parser.map(|event| match event {
        Event::InlineHtml(html) if &*html == "<br>" => Event::InlineHtml(html),
        Event::InlineHtml(html) | Event::Html(html) => {
            Event::Text(CowStr::from(html.into_string()))
        }
        other => other,
    });
    let mut out = String::new();
    push_html(&mut out, events);
    out.replace(
        "<table>",
        "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Table\"><table>",
    )
    .replace("</table>", "</table></div>")
    .replace("<th>", "<th scope=\"col\">")
    .replace("<th style", "<th scope=\"col\" style")
}
