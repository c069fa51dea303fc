//! `dbdyno list`.

use dbdyno_adapters::{EngineEntry, engines};
use dbdyno_core::{Error, Isolation, LevelSupport, Result, StatementForm};
use dbdyno_suites::WorkloadContext;
use dbdyno_suites::registry::suites;

use crate::Ended;
use crate::args::{ListArgs, ListWhat};
use crate::commands::{choose, tables};
use crate::names::unknown;
use crate::output::say;

/// Lists what there is.
///
/// # Errors
/// `--sql` names no benchmark or engine.
pub fn list(arguments: &ListArgs) -> Result<Ended> {
    if let Some(benchmark) = &arguments.sql {
        let form = arguments.statements.unwrap_or_default();
        return sql(benchmark, form, &arguments.targets).map(|()| Ended::Done);
    }
    match arguments.what {
        Some(ListWhat::Suites) => list_suites(),
        Some(ListWhat::Targets) => list_targets(),
        Some(ListWhat::Isolation) => list_isolation(),
        None => {
            list_suites();
            say("");
            list_targets();
            say("");
            list_isolation();
        }
    }
    Ok(Ended::Done)
}

fn list_suites() {
    for suite in suites() {
        say(&format!("{}: {}", suite.name, suite.summary));
        let mut table = tables::plain(["benchmark", "data set", "what it does"]);
        for benchmark in &suite.benchmarks {
            table.add_row([
                format!("{}/{}", suite.name, benchmark.name()),
                benchmark.dataset().name().to_owned(),
                benchmark.summary().to_owned(),
            ]);
        }
        say(&table.to_string());
    }
}

fn list_targets() {
    let mut table =
        tables::plain(["target", "driver", "what it is, and its options (?name=value&…)"]);
    for engine in engines() {
        let mut forms = vec![engine.name.to_owned()];
        if engine.is_file {
            forms.push(format!("{}:PATH", engine.name));
        }
        forms.extend(engine.schemes.iter().map(|scheme| format!("{scheme}://…")));
        let taken = engine.options.iter().filter(|option| option.refused.is_none());
        let options = taken.map(|option| {
            let values = if option.values.is_empty() {
                String::new()
            } else {
                format!(" ({})", option.values.join("|"))
            };
            format!("  {}{values}: {}", option.name, option.help)
        });
        let text: Vec<String> = [engine.summary.to_owned()].into_iter().chain(options).collect();
        table.add_row([forms.join("\n"), engine.drivers.join("\n"), text.join("\n")]);
    }
    say(&table.to_string());
}

fn list_isolation() {
    let mut table = tables::plain(["level", "engine", "what the engine makes of it"]);
    for level in Isolation::ALL {
        for engine in engines() {
            let support = match (engine.isolation)(level) {
                LevelSupport::Native { maps_to } => maps_to.to_owned(),
                LevelSupport::SameAs { level, why } => format!("runs as {level}: {why}"),
                LevelSupport::Lacks { why } => format!("unsupported: {why}"),
            };
            table.add_row([level.name().to_owned(), engine.name.to_owned(), support]);
        }
    }
    say(&table.to_string());
}

/// Prints what each engine is sent for a benchmark.
fn sql(name: &str, form: StatementForm, only: &[String]) -> Result<()> {
    let suites = suites();
    let selections = choose::benchmarks(&suites, &[name.to_owned()])?;
    let engines = engines_named(only)?;
    for selection in selections {
        for engine in &engines {
            let dialect = (engine.dialect)();
            let context = WorkloadContext {
                engine: engine.name.to_owned(),
                native: (form == StatementForm::Native).then(|| dialect.native()),
                ..WorkloadContext::default()
            };
            say(&format!(
                "-- {}/{} on {}, {form} statements",
                selection.suite,
                selection.benchmark.name(),
                engine.name
            ));
            for statement in selection.benchmark.procedure().statements(&context) {
                let sql = dialect.statement(&statement.sql);
                say(&format!("-- {}\n{};\n", statement.name, sql.trim()));
            }
            for (name, sql) in selection.benchmark.scripts(dialect) {
                say(&format!("-- {name}\n{};\n", sql.trim()));
            }
        }
    }
    Ok(())
}

fn engines_named(names: &[String]) -> Result<Vec<&'static EngineEntry>> {
    let all: Vec<&str> = engines().iter().map(|engine| engine.name).collect();
    if let Some(wrong) = names.iter().find(|name| !all.contains(&name.as_str())) {
        return Err(Error::new("list its SQL", unknown("engine", wrong, &all)));
    }
    let wanted =
        |engine: &&EngineEntry| names.is_empty() || names.iter().any(|name| name == engine.name);
    Ok(engines().iter().filter(wanted).collect())
}
