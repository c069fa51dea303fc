//! `dbdyno compare`.

use dbdyno_core::{Error, Result};
use dbdyno_results::{
    By, Format, Loaded, check_machines, compare as put_side_by_side, compare_all, load,
    nothing_between, nothing_in_common, pooled, scaling, shortfalls,
};

use crate::Ended;
use crate::args::{CompareArgs, FormatArg};
use crate::commands::charts;
use crate::commands::tables::{self, Views};
use crate::names::one_of;
use crate::output::{note, show};

/// Puts runs side by side. What a run lacks that was killed, or whose results are cut off or response times damaged, could
/// turn a table round: it is shown, and the exit code says that it is not all.
///
/// # Errors
/// A run cannot be read or has no results, the machines differ, a dimension or metric is unknown, or there is nothing to compare.
pub fn compare(arguments: &CompareArgs) -> Result<Ended> {
    let by = one_of("dimension", &arguments.by, &By::ALL, By::name)
        .map_err(|why| Error::new("compare the runs", why))?;
    if arguments.charts.is_some() && by != By::Clients {
        let why = format!("charts show throughput against clients, not {}", by.name());
        return Err(Error::new("draw charts of the runs", why).next("add `--by clients`"));
    }
    let loaded = load(&arguments.runs)?;
    loaded.check_results("put side by side")?;
    // A table for programs is what was read, side by side or not.
    let apart = nothing_in_common(&loaded).filter(|_| arguments.format != FormatArg::Csv);
    if let Some(why) = apart {
        loaded.warnings.iter().for_each(|warning| note(&format!("warning: {warning}")));
        return Err(Error::new("put the runs side by side", why)
            .next("give runs of the same benchmarks, or one run at a time"));
    }
    let machines = check_machines(&loaded, arguments.across_machines)?;
    let lacking = shortfalls(&loaded);
    let pooled = pooled(&loaded, by);
    let between = nothing_between(&loaded).filter(|_| arguments.format != FormatArg::Csv);
    let told = loaded.warnings.iter().chain(&machines).chain(lacking.told()).chain(&pooled);
    let told = told.chain(&between);
    for warning in told {
        note(&format!("warning: {warning}"));
    }
    let mut options = tables::options(&loaded, by);
    options.metrics.clone_from(&arguments.metrics);
    options.transactions = arguments.transactions;
    let are_known = arguments.no_merge || tables::take_together(&loaded, &mut options);
    let is_whole = loaded.cut_off.is_empty() && !lacking.is_unexpected && are_known;
    let ended = if is_whole { Ended::Done } else { Ended::CouldNotRun };
    let format = match arguments.format {
        FormatArg::Table => Format::Table,
        FormatArg::Markdown => Format::Markdown,
        FormatArg::Csv => Format::Csv,
    };
    if let Some(folder) = &arguments.charts {
        charts::write_all(folder, &scaling(&loaded.records)?.charts())?;
    }
    // One header is enough for a program.
    if format == Format::Csv {
        tables::print(&[put_side_by_side(&loaded.records, &options)?], format)?;
        return Ok(ended);
    }
    let asks = !options.metrics.is_empty() || options.transactions || by != By::Engine;
    if asks {
        tables::print(&compare_all(&loaded.records, &options)?, format)?;
        if by == By::Clients && !options.transactions && options.metrics.is_empty() {
            show_scaling(&loaded, format)?;
        }
        tables::say_bound(&loaded.records, format);
        return Ok(ended);
    }
    let (views, records) = Views::take(loaded);
    if views.is_empty() || !records.is_empty() {
        tables::print(&compare_all(&records, &options)?, format)?;
    }
    views.print(format, !records.is_empty());
    Ok(ended)
}

/// What more clients do to each benchmark, where there are several numbers of them.
fn show_scaling(loaded: &Loaded, format: Format) -> Result<()> {
    let Ok(scaling) = scaling(&loaded.records) else { return Ok(()) };
    let rendering = tables::rendering(format);
    show("\n");
    show(&scaling.render(&rendering)?);
    if format == Format::Table {
        for chart in scaling.charts() {
            if let Some(text) = chart.text(rendering.width) {
                show(&format!("\n{}, tx/s\n{text}", chart.title));
            }
        }
    }
    Ok(())
}
