//! A chart as SVG.

use kuva::backend::svg::SvgBackend;
use kuva::prelude::{Layout, Plot};
use kuva::render::render::render_multiple;

use super::drawing::{GRID, INK, PAPER, layout, plots, with_peak};
use super::{Chart, slug};
use crate::markup::{escape, printable};

/// The size of a chart in units of its own; it is shown as wide as there is room.
const SIZE: (f64, f64) = (720.0, 440.0);

/// The fonts of the reader's system.
const FONTS: &str = "system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif";

/// The colours on a dark ground, in the place of those that a chart is drawn in.
const DARK: [(&str, &str); 3] = [(INK, "#e6edf3"), (GRID, "#30363d"), (PAPER, "#0d1117")];

pub(super) fn svg(chart: &Chart) -> String {
    let plots = plots(chart, None);
    let layout = with_peak(chart, layout(chart, &plots)).with_y_label("transactions per second");
    picture(&chart.title, &chart.description(), plots, layout)
}

/// Any plots as a picture with a title, and a description for who cannot see it.
pub(super) fn picture(title: &str, description: &str, plots: Vec<Plot>, layout: Layout) -> String {
    let layout = layout
        .with_title(printable(title))
        .with_font_family(FONTS)
        .with_title_size(16)
        .with_subtitle_size(12)
        .with_label_size(13)
        .with_tick_size(12)
        .with_width(SIZE.0)
        .with_height(SIZE.1);
    let scene = render_multiple(plots, layout);
    let id = id(&slug(title));
    let body = SvgBackend::new().with_pretty(true).render_scene(&scene);
    let body = body.split_once('>').map_or("", |(_root, body)| body);
    // Names of parts are shared by all pictures in a document.
    let body = body.replace("kuva-clip-", &format!("{id}-clip-"));
    let root = format!(
        r#"<svg xmlns="http://www.w3.org/2000/svg" id="{id}" viewBox="0 0 {:.0} {:.0}" width="{:.0}" role="img" aria-labelledby="{id}-title {id}-desc" font-family="{}" fill="{INK}">"#,
        scene.width,
        scene.height,
        scene.width,
        escape(FONTS),
    );
    format!(
        "{root}\n  <title id=\"{id}-title\">{}</title>\n  <desc id=\"{id}-desc\">{}</desc>\n{}{body}",
        escape(title),
        escape(description),
        style(&id),
    )
}

/// The name of a picture in a document, with which the names of its parts begin.
fn id(stem: &str) -> String {
    format!("chart-{stem}")
}

/// A picture whose file was to be called `stem`, with names that begin as those of `other` do.
pub(crate) fn renamed(svg: &str, stem: &str, other: &str) -> String {
    svg.replace(&id(stem), &id(other))
}

/// What a browser makes of the chart: no wider than its page, and dark where the reader's system is.
/// Programs that know no style show it as it is drawn.
fn style(id: &str) -> String {
    let dark: String = DARK
        .iter()
        .map(|(light, dark)| {
            format!(
                "      #{id}[fill='{light}'], #{id} [fill='{light}'] {{ fill: {dark} }}\n      #{id} \
                 [stroke='{light}'] {{ stroke: {dark} }}\n"
            )
        })
        .collect();
    format!(
        "  <style>\n    #{id} {{ max-width: 100%; height: auto }}\n    @media (prefers-color-scheme: dark) \
         {{\n{dark}    }}\n  </style>\n"
    )
}
