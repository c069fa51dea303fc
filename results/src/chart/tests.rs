#![allow(clippy::unwrap_used, reason = "a failed set-up fails the test")]

use std::collections::BTreeSet;

use roxmltree::{Document, Node};

use super::{Chart, ChartCurve, LineChart, LineCurve, MOST_CURVES, Scale, in_parts};
use crate::scalability::Load;
use crate::statistics::usl::{Observation, Spread, fit};

const LOADS: [f64; 6] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0];

fn curve(name: &str, lambda: f64, sigma: f64, kappa: f64) -> ChartCurve {
    let law = |n: f64| lambda * n / (1.0 + sigma * (n - 1.0) + kappa * n * (n - 1.0));
    let points: Vec<Observation> = LOADS
        .into_iter()
        .flat_map(|load| {
            [0.97, 1.0, 1.02].map(|factor| Observation { load, throughput: law(load) * factor })
        })
        .collect();
    ChartCurve { name: name.to_owned(), fit: fit(&points, Spread::Proportional), points }
}

fn chart(curves: Vec<ChartCurve>) -> Chart {
    Chart { title: "oltp/tpcb <at> \"home\"\u{7}".to_owned(), load: Load::Clients, curves }
}

/// A number of an element.
fn number(node: Node<'_, '_>, name: &str) -> f64 {
    node.attribute(name).unwrap().parse().unwrap()
}

fn all<'a, 'input>(document: &'a Document<'input>, tag: &str) -> Vec<Node<'a, 'input>> {
    document.descendants().filter(|node| node.has_tag_name(tag)).collect()
}

#[test]
fn who_cannot_see_it_is_told() {
    let svg = chart(vec![curve("", 1_000.0, 0.05, 0.004)]).svg();
    let document = Document::parse(&svg).unwrap();
    let root = document.root_element();
    assert_eq!(root.attribute("role"), Some("img"));
    assert_eq!(root.attribute("viewBox"), Some("0 0 720 440"));
    let labels = root.attribute("aria-labelledby").unwrap();
    let texts: Vec<&str> = labels
        .split(' ')
        .map(|id| document.descendants().find(|node| node.attribute("id") == Some(id)))
        .map(|node| node.unwrap().text().unwrap())
        .collect();
    assert_eq!(texts[0], "oltp/tpcb <at> \"home\"");
    assert!(texts[1].contains("Measured: 1,000 at 1 client, 1,890 at 2 clients"), "{}", texts[1]);
    assert!(texts[1].contains("peaks at about 15 clients"), "{}", texts[1]);
}

/// Every repetition has its point: a doubling of the load is everywhere as wide, and throughput is linear
/// from 0.
#[test]
fn points_are_where_they_belong() {
    let curve = curve("", 1_000.0, 0.05, 0.004);
    let svg = chart(vec![curve.clone()]).svg();
    let document = Document::parse(&svg).unwrap();
    let circles = all(&document, "circle");
    assert_eq!(circles.len(), curve.points.len());
    let at = |place: usize| (number(circles[place], "cx"), number(circles[place], "cy"));
    let (left, right) = (at(0).0, at(circles.len() - 1).0);
    let zero = all(&document, "text").into_iter().find(|node| node.text() == Some("0")).unwrap();
    let axis = all(&document, "line")
        .into_iter()
        .map(|node| number(node, "y1"))
        .min_by(|a, b| {
            let far = |y: &f64| (y - number(zero, "y")).abs();
            far(a).total_cmp(&far(b))
        })
        .unwrap();
    let scale = (axis - at(0).1) / curve.points[0].throughput;
    for (place, point) in curve.points.iter().enumerate() {
        let (x, y) = at(place);
        assert!((x - left - (right - left) * point.load.log2() / 5.0).abs() < 0.1, "{x}");
        assert!((axis - y - scale * point.throughput).abs() < 5.0, "{y} of {point:?}");
    }
    let ticks =
        all(&document, "text").into_iter().filter_map(|node| node.text()).collect::<Vec<_>>();
    for load in ["1", "2", "4", "8", "16", "32", "clients", "transactions per second", "6,000"] {
        assert!(ticks.contains(&load), "{load} is not in {ticks:?}");
    }
}

#[test]
fn a_peak_is_marked_where_it_is_and_nothing_where_there_is_none() {
    let dashed = |curves: Vec<ChartCurve>| -> Vec<f64> {
        let svg = chart(curves).svg();
        let document = Document::parse(&svg).unwrap();
        let lines = all(&document, "line").into_iter();
        lines
            .filter(|line| line.attribute("stroke-dasharray").is_some())
            .map(|line| number(line, "x1"))
            .collect()
    };
    let with_peak = curve("", 1_000.0, 0.05, 0.004);
    let svg = chart(vec![with_peak.clone()]).svg();
    let document = Document::parse(&svg).unwrap();
    let circles = all(&document, "circle");
    let (left, right) = (number(circles[0], "cx"), number(circles[circles.len() - 1], "cx"));
    let peak = with_peak.fit.as_ref().unwrap().peak.value;
    let place = left + (right - left) * peak.log2() / 5.0;
    let found = dashed(vec![with_peak]);
    assert_eq!(found.len(), 1);
    assert!((found[0] - place).abs() < 0.1, "{found:?} is not {place}");
    assert!(dashed(vec![curve("", 1_000.0, 0.05, 0.0)]).is_empty());
}

/// Two pictures in one document share no names, and a dark page changes no colour of a curve.
#[test]
fn pictures_stand_in_one_document() {
    let two = vec![curve("postgres", 1_000.0, 0.05, 0.0005), curve("mariadb", 1_500.0, 0.1, 0.01)];
    let one = chart(vec![curve("", 1_000.0, 0.05, 0.004)]).svg();
    let other = Chart { title: "oltp/reads".to_owned(), ..chart(two) }.svg();
    let names = |svg: &str| -> Vec<String> {
        let document = Document::parse(svg).unwrap();
        let ids = document.descendants().filter_map(|node| node.attribute("id"));
        ids.map(str::to_owned).collect()
    };
    let all_names = [names(&one), names(&other)].concat();
    assert_eq!(all_names.iter().collect::<BTreeSet<_>>().len(), all_names.len(), "{all_names:?}");
    assert!(all_names.iter().all(|name| name.starts_with("chart-oltp-")), "{all_names:?}");
    let document = Document::parse(&other).unwrap();
    let style = all(&document, "style")[0].text().unwrap();
    for color in ["#0072b2", "#d55e00"] {
        assert!(other.contains(color) && !style.contains(color));
    }
    let drawn: BTreeSet<&str> = document
        .descendants()
        .flat_map(|node| [node.attribute("fill"), node.attribute("stroke")])
        .flatten()
        .filter(|color| color.starts_with('#'))
        .collect();
    for color in drawn.iter().filter(|color| !["#0072b2", "#d55e00"].contains(color)) {
        assert!(style.contains(*color), "{color} would not change on a dark page");
    }
    assert_eq!(
        all(&document, "text").iter().filter(|text| text.text() == Some("mariadb")).count(),
        1
    );
}

#[test]
fn in_a_terminal() {
    let one = chart(vec![curve("", 1_000.0, 0.05, 0.004)]);
    let text = one.text(80).unwrap();
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    insta::assert_snapshot!(text);
    assert_eq!(one.text(30), None);
    let two = chart(vec![curve("a", 1_000.0, 0.05, 0.0), curve("b", 1_500.0, 0.1, 0.01)]);
    assert_eq!(two.text(80), None);
}

#[test]
fn charts_of_little_are_drawn() {
    let single = ChartCurve {
        name: "one".to_owned(),
        points: vec![Observation { load: 1.0, throughput: 1e-3 }],
        fit: None,
    };
    let nothing = ChartCurve { name: "none".to_owned(), points: Vec::new(), fit: None };
    for curves in [vec![single.clone()], vec![nothing], vec![single; 9], Vec::new()] {
        let svg = chart(curves).svg();
        assert!(Document::parse(&svg).is_ok() && !svg.contains("NaN"), "{svg}");
    }
}

/// A curve of ten seconds with marks.
fn marked(marks: Vec<(f64, String)>) -> LineChart {
    LineChart {
        title: "over time".to_owned(),
        axes: ("seconds".to_owned(), "transactions per second".to_owned()),
        scale: Scale::Linear,
        log_y: false,
        curves: vec![LineCurve {
            name: "sqlite".to_owned(),
            points: (0..=10).map(|second| (f64::from(second), 100.0)).collect(),
        }],
        marks,
        marks_unit: "s",
    }
}

/// Those of the dashed lines from left to right, and for each number the place of the line that it stands at.
fn marks_of(chart: &LineChart) -> (Vec<f64>, Vec<(String, f64)>) {
    let svg = chart.svg();
    let document = Document::parse(&svg).unwrap();
    let lines = all(&document, "line").into_iter();
    let dashed = lines.filter(|line| line.attribute("stroke-dasharray").is_some());
    let places: Vec<f64> = dashed.map(|line| number(line, "x1")).collect();
    let texts = all(&document, "text").into_iter().filter_map(|text| {
        let near = |place: &&f64| (0.0..8.0).contains(&(number(text, "x") - **place));
        let is_on_top = number(text, "y") < 80.0;
        let place = places.iter().rev().find(near).filter(|_| is_on_top)?;
        Some((text.text()?.to_owned(), *place))
    });
    (places.clone(), texts.collect())
}

#[test]
fn marks_have_numbers_in_the_order_of_time() {
    let at = |x: f64, what: &str| (x, what.to_owned());
    let chart = marked(vec![at(7.0, "an alert fired"), at(2.0, "the server was killed")]);
    let told: Vec<&str> = chart.marks_in_order().iter().map(|(_, what)| what.as_str()).collect();
    assert_eq!(told, ["the server was killed", "an alert fired"]);
    let (lines, numbers) = marks_of(&chart);
    assert_eq!(lines.len(), 2);
    assert_eq!(numbers, [("1".to_owned(), lines[0]), ("2".to_owned(), lines[1])]);
    assert!(chart.svg().contains("At 2.00: the server was killed. At 7.00: an alert fired."));
}

/// Numbers of a hundred lines would cover each other; one beyond the curve is on the axis all the same.
#[test]
fn many_marks_are_readable() {
    let hundred = (0..100).map(|place| (f64::from(place) / 20.0, "an alert fired".to_owned()));
    let chart = marked(hundred.chain([(10.5, "the server was killed".to_owned())]).collect());
    let (lines, numbers) = marks_of(&chart);
    assert_eq!(lines.len(), 101);
    assert!(lines.iter().all(|line| *line < 720.0 - 30.0), "{lines:?}");
    assert!((5..=15).contains(&numbers.len()), "{numbers:?}");
    assert!(numbers.windows(2).all(|two| two[1].1 - two[0].1 > 30.0), "{numbers:?}");
    assert_eq!(numbers.last().map(|(number, _)| number.as_str()), Some("101"));
    let texts: Vec<String> = numbers.into_iter().map(|(text, _)| text).collect();
    assert!(texts[0].starts_with("1–"), "{texts:?}");
}

#[test]
fn more_curves_than_a_chart_tells_apart_make_several() {
    let titles = |count: usize| -> Vec<(String, usize)> {
        let parts = in_parts("x", (0..count).collect::<Vec<_>>(), MOST_CURVES);
        parts.into_iter().map(|(title, part)| (title, part.len())).collect()
    };
    assert_eq!(titles(0), []);
    assert_eq!(titles(6), [("x".to_owned(), 6)]);
    let all = [("x".to_owned(), 6), ("x (2)".to_owned(), 6), ("x (3)".to_owned(), 1)];
    assert_eq!(titles(13), all);
}
