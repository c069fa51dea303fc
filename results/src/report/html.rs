//! A report as one file of HTML: no network, no font, no picture beside it.

use pulldown_cmark::{CowStr, Event, Options, Parser, Tag, TagEnd, html::push_html};

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
            autocomplete=\"off\"></label>\n<span role=\"status\" id=\"shown\"></span>\n</header>\n<main id=\"content\">\n";
    let mut ids = 0;
    for (number, section) in report.sections.iter().enumerate() {
        let heading = escape(&section.title);
        out += &format!(
            "<section id=\"s{number}\" aria-labelledby=\"h{number}\">\n<h2 id=\"h{number}\">{heading}</h2>\n"
        );
        for block in &section.blocks {
            match block {
                Block::Text(text) => {
                    out += &from_markdown(text, &format!("h{number}"), &mut ids);
                }
                Block::Folded { summary, text } => {
                    ids += 1;
                    let id = format!("f{ids}");
                    let (summary, text) = (escape(summary), from_markdown(text, &id, &mut ids));
                    out += &format!(
                        "<details>\n<summary id=\"{id}\">{summary}</summary>\n{text}</details>\n"
                    );
                }
                Block::Chart { svg, .. } => out += &format!("<figure>\n{svg}</figure>\n"),
            }
        }
        out += "</section>\n";
    }
    out + &format!("</main>\n<script>\n{SCRIPT}</script>\n</body>\n</html>\n")
}

/// Markdown as HTML. What stands in it as HTML is text, but for line breaks: it may be an engine's words. A table is named
/// by the heading above it, which is `heading` at first, and by that of its first column; `ids` numbers what is named.
fn from_markdown(text: &str, heading: &str, ids: &mut usize) -> String {
    let parser = Parser::new_ext(text, Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH);
    let mut heading = heading.to_owned();
    let (mut table, mut is_first_column) = (String::new(), false);
    let events = parser.flat_map(|event| match event {
        Event::InlineHtml(html) if &*html == "<br>" => vec![Event::InlineHtml(html)],
        Event::InlineHtml(html) | Event::Html(html) => {
            vec![Event::Text(CowStr::from(html.into_string()))]
        }
        Event::Start(Tag::Heading { level, classes, attrs, .. }) => {
            *ids += 1;
            heading = format!("k{ids}");
            let id = Some(heading.clone().into());
            vec![Event::Start(Tag::Heading { level, id, classes, attrs })]
        }
        Event::Start(Tag::Table(_)) => {
            *ids += 1;
            table = format!("t{ids}");
            let region = format!(
                "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-labelledby=\"{heading} {table}\">"
            );
            vec![Event::Html(region.into()), event]
        }
        Event::End(TagEnd::Table) => vec![event, Event::Html("</div>\n".into())],
        Event::Start(Tag::TableHead) => {
            is_first_column = true;
            vec![event]
        }
        Event::Start(Tag::TableCell) if is_first_column => {
            vec![event, Event::InlineHtml(format!("<span id=\"{table}\">").into())]
        }
        Event::End(TagEnd::TableCell) if is_first_column => {
            is_first_column = false;
            vec![Event::InlineHtml("</span>".into()), event]
        }
        other => vec![other],
    });
    let mut out = String::new();
    push_html(&mut out, events);
    out.replace("<th>", "<th scope=\"col\">").replace("<th style", "<th scope=\"col\" style")
}
