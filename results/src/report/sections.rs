//! What is in a report, the most important first.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::Path;
use std::sync::Arc;

use dbdyno_core::{Case, Result};

use super::digest::digest;
use super::pictured::pictured;
use super::summary::{Headlines, headlines, legend, table};
use super::wrong::verdict;
use super::{Block, Report, Section, charts, events, sampled};
use crate::backup_view::BackupView;
use crate::bottleneck::{client_bottlenecks, is_verdict};
use crate::compare::{By, CompareOptions, compare_all};
use crate::grid::{Align, Grid};
use crate::histograms::Histograms;
use crate::isolation_view::IsolationView;
use crate::limit_view::LimitView;
use crate::load::Loaded;
use crate::markup::plain;
use crate::plan_diff::group;
use crate::plan_text::group_text;
use crate::pool_view::PoolView;
use crate::procedures_view::ProceduresView;
use crate::record::Record;
use crate::render::{Format, RenderOptions};
use crate::repetition::{CaseKey, case_key};
use crate::replication_view::ReplicationView;
use crate::run_folder::file;
use crate::run_info::RunInfo;
use crate::scaling::scaling;
use crate::shortfall::shortfalls;
use crate::stored_plan::stored_plans;

/// How wide plans are, in characters.
const PLAN_WIDTH: usize = 110;
/// A title names so many runs at the most.
const NAMED_RUNS: usize = 2;
/// A section names so many cases whose client was the bottleneck at the most, and parts of each.
const CLIENTS_TOLD: usize = 12;

pub(super) fn report(loaded: Loaded, histograms: Option<Arc<Histograms>>) -> Result<Report> {
    let runs: Vec<RunInfo> = loaded.runs().cloned().collect();
    let mut unread = Vec::new();
    let happened: Vec<_> =
        loaded.files.iter().map(|file| events::happened(&file.path, &mut unread)).collect();
    let headlines = headlines(&loaded.records, histograms.as_ref());
    let pictured = pictured(&loaded.records, &headlines.rows);
    let over_time = charts::over_time(&loaded, &pictured, &happened, &mut unread);
    let response_times = histograms
        .as_ref()
        .map_or_else(Vec::new, |histograms| charts::response_times(&loaded, histograms, &pictured));
    let sampled = sampled::sampled(&loaded, &mut unread);
    let plans = plans(&loaded, &mut unread);
    let lacking = shortfalls(&loaded);
    let verdict = verdict(&loaded, &lacking, &happened, &unread);
    let mut sections = vec![text_section(
        "Summary",
        [verdict, digest(&headlines.rows), summary_table(&headlines)],
    )];
    let targets = loaded.order(By::Target);
    let verdicts: Vec<Record> =
        loaded.records.iter().filter(|row| is_verdict(row)).cloned().collect();
    let orders = [By::Engine, By::Isolation, By::Driver].map(|by| (by, loaded.order(by)));
    let is_whole = loaded.cut_off.is_empty() && !lacking.is_unexpected;
    let warnings = [loaded.warnings, lacking.of_runs, lacking.gaps, unread].concat();
    let files = loaded.files;
    let folders: Vec<&Path> = files.iter().filter_map(|file| file.path.parent()).collect();
    let (levels, records) = IsolationView::take(loaded.records, &targets);
    let (procedures, records) = ProceduresView::take(records, &targets);
    let (pools, records) = PoolView::take(records, &targets);
    let (backups, records) = BackupView::take(records, &targets);
    let (replication, records) = ReplicationView::take(records, &targets);
    let (limits, records) = LimitView::take(records, &targets);
    let left: HashSet<CaseKey<'_>> = records.iter().map(|row| case_key(&row.case)).collect();
    let bound = |is_shown: &dyn Fn(&Case) -> bool| {
        let its = verdicts.iter().filter(|row| is_shown(&row.case));
        client_bottlenecks(its, CLIENTS_TOLD).map(|told| plain(&told)).unwrap_or_default()
    };
    // Not all of a suite is shown in its own way.
    let bound_of =
        |suite: &str| bound(&|case| case.suite == suite && !left.contains(&case_key(case)));
    let bound_others = bound(&|case| left.contains(&case_key(case)));
    for (by, order) in orders {
        let mut section = comparison(&records, by, order, histograms.clone());
        // Of comparisons by something else they are the same loads.
        if let (By::Engine, Some(section)) = (by, &mut section) {
            let told = Some(bound_others.clone()).filter(|told| !told.is_empty());
            section.blocks.extend(told.map(Block::Text));
        }
        sections.extend(section);
    }
    let markdown = RenderOptions { format: Format::Markdown, ..RenderOptions::default() };
    if let Some(levels) = levels {
        sections.push(text_section("Isolation", [levels.render(&markdown), bound_of("isolation")]));
    }
    if let Some(procedures) = procedures {
        let texts = [procedures.render(&markdown), bound_of("procedures")];
        sections.push(text_section("Procedures and triggers", texts));
    }
    if let Some(pools) = pools {
        let mut section = text_section("Pools", [pools.render(&markdown), bound_of("pool")]);
        section.blocks.extend(pools.charts().iter().map(charts::against_load));
        section.blocks.extend(pools.queues(&folders).iter().flat_map(charts::blocks));
        sections.push(section);
    }
    if let Some(backups) = backups {
        let mut section = text_section("Backups", [backups.render(&markdown), bound_of("backup")]);
        section.blocks.extend(backups.courses(&folders).iter().flat_map(charts::blocks));
        sections.push(section);
    }
    if let Some(replication) = replication {
        let texts = [replication.render(&markdown), bound_of("replication")];
        sections.push(text_section("Replication", texts));
    }
    if let Some(limits) = limits {
        let of_rates = bound(&|case| case.rate.is_some() && !left.contains(&case_key(case)));
        let mut section = text_section("Limits", [limits.render(&markdown), of_rates]);
        section.blocks.extend(limits.charts().iter().flat_map(charts::blocks));
        sections.push(section);
    }
    if let Ok(curves) = scaling(&records) {
        let mut section = text_section("Scaling", [curves.render(&markdown)?]);
        section.blocks.extend(curves.charts().iter().map(charts::against_load));
        sections.push(section);
    }
    let courses = [
        ("Response times", response_times),
        ("Over time", over_time),
        ("Servers and machine", sampled),
    ];
    for (title, blocks) in courses {
        if !blocks.is_empty() {
            sections.push(Section { title: title.to_owned(), blocks });
        }
    }
    sections.extend(plans);
    sections.push(text_section("Conditions", runs.iter().map(conditions)));
    Ok(Report { title: title(&runs), sections, warnings, is_whole })
}

fn text_section(title: &str, texts: impl IntoIterator<Item = String>) -> Section {
    let texts = texts.into_iter().filter(|text| !text.is_empty());
    Section { title: title.to_owned(), blocks: texts.map(Block::Text).collect() }
}

fn title(runs: &[RunInfo]) -> String {
    let names: Vec<&str> = runs.iter().map(|run| run.run_id.as_str()).collect();
    match names.as_slice() {
        [] => "Databases on the dynamometer".to_owned(),
        names if names.len() <= NAMED_RUNS => {
            format!("Databases on the dynamometer: {}", names.join(", "))
        }
        names => {
            let mut targets: Vec<&str> = Vec::new();
            for target in runs.iter().flat_map(|run| &run.targets) {
                if !targets.contains(&target.target.as_str()) {
                    targets.push(&target.target);
                }
            }
            format!("Databases on the dynamometer: {} in {} runs", targets.join(", "), names.len())
        }
    }
}

fn summary_table(headlines: &Headlines) -> String {
    match headlines.rows.as_slice() {
        [] => legend(headlines),
        rows => format!("{}\n{}\n", table(rows), legend(headlines)),
    }
}

/// A section of its own where there is more than one value to compare by.
fn comparison(
    records: &[Record],
    by: By,
    order: Vec<String>,
    histograms: Option<Arc<Histograms>>,
) -> Option<Section> {
    // What differs between engines anyway is no comparison of its own.
    let fixed = if by == By::Isolation { By::Target } else { By::Engine };
    let mut values: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for row in records {
        let level = |by: By| by.dimension().level(&row.case).text;
        values.entry(level(fixed)).or_default().insert(level(by));
    }
    let varies = by == By::Engine || values.values().any(|values| values.len() > 1);
    if records.is_empty() || !varies {
        return None;
    }
    let options = CompareOptions { order, histograms, ..CompareOptions::new(by) };
    let rendering = RenderOptions { format: Format::Markdown, ..RenderOptions::default() };
    let texts = match compare_all(records, &options) {
        Ok(comparisons) => {
            comparisons.iter().filter_map(|comparison| comparison.render(&rendering).ok()).collect()
        }
        // What to do about it is said of a command that has other options.
        Err(error) => vec![plain(error.why())],
    };
    let title = match by {
        By::Engine => "By engine".to_owned(),
        other => format!("By {}", other.name()),
    };
    Some(text_section(&title, texts))
}

/// The plans that runs kept.
fn plans(loaded: &Loaded, unread: &mut Vec<String>) -> Option<Section> {
    let mut blocks = Vec::new();
    for results in &loaded.files {
        if !results.path.with_file_name(file::PLANS).exists() {
            continue;
        }
        let stored = match stored_plans(&results.path) {
            Ok(stored) => stored,
            Err(error) => {
                unread.push(format!("query plans are not shown: {error}"));
                continue;
            }
        };
        unread
            .extend(stored.warnings.iter().filter(|told| !loaded.warnings.contains(told)).cloned());
        for group in group(&stored.plans) {
            let text = format!("````text\n{}````\n", group_text(&group, PLAN_WIDTH, false));
            blocks.push(Block::Folded { summary: group.subject, text });
        }
    }
    (!blocks.is_empty()).then(|| Section { title: "Query plans".to_owned(), blocks })
}

/// Where, with what and how a run was made.
fn conditions(run: &RunInfo) -> String {
    let machine = &run.machine;
    let facts = [
        ("began", run.started_at.clone()),
        ("ended", run.ended_at.clone().unwrap_or_else(|| "not by itself".to_owned())),
        ("outcome", run.outcome.clone().unwrap_or_default()),
        ("dbdyno", run.tool_version.clone()),
        ("processor", format!("{}, {} cores, {}", machine.cpu, machine.cores, machine.arch)),
        ("memory", crate::number::bytes(machine.memory_bytes as f64)),
        ("system", format!("{}, {}", machine.os, machine.kernel)),
    ];
    let mut parts = vec![format!("### {}", plain(&run.run_id)), pairs(["what", "value"], facts)];
    if !run.command.is_empty() {
        parts.push(format!("````sh\n{}\n````", run.command.join(" ")));
    }
    for target in &run.targets {
        parts.push(plain(&format!(
            "{}: {} {}, driver {}, {}",
            target.target, target.engine, target.engine_version, target.driver, target.server
        )));
        // Where a server has its files is of that machine alone, and stands in run.toml.
        let told = target.settings.iter().filter(|(_, value)| !Path::new(value).is_absolute());
        let settings: Vec<_> = told.map(|(name, value)| (name.as_str(), value.clone())).collect();
        if !settings.is_empty() {
            parts.push(pairs(["setting", "value"], settings));
        }
    }
    parts.join("\n\n")
}

/// A table of two columns.
fn pairs<'p>(headings: [&str; 2], rows: impl IntoIterator<Item = (&'p str, String)>) -> String {
    let columns = headings.map(|heading| (heading.to_owned(), Align::Left)).to_vec();
    let rows = rows.into_iter().map(|(name, value)| vec![plain(name).into(), plain(&value).into()]);
    Grid { columns, rows: rows.collect() }.markdown_of_markup()
}
