//! A scenario made ready for one engine.

use std::collections::HashSet;

use dbdyno_core::{Statement, StatementId};
use dbdyno_script::{Command, Do, Mistake, Names, Script, Slot, StatementKind};

use super::defined::Defined;
use super::expectation::{Expectation, MetricExpected, RowsExpected, metric_name};
use super::files::Weighted;
use super::program::Program;
use super::sheet::{self, Says};

/// What the names of checks begin with that expectations come to.
pub const EXPECTED: &str = "expect_";
/// In place of the number of a statement that is not prepared.
pub const CONTROL: StatementId = StatementId::MAX;

/// Scripts, statements and expectations of one engine.
#[derive(Debug)]
pub struct Compiled {
    pub names: Names,
    pub scripts: Vec<ReadyScript>,
    /// Of all scripts, one after another.
    pub statements: Vec<Statement>,
    /// What is to be known of each of them besides.
    pub traits: Vec<StatementTraits>,
    /// What must hold.
    pub checks: Vec<Asked>,
    /// Numbers that commits move.
    pub counts: Vec<Count>,
    /// Variables that a script may read before it sets them: a retry needs them as they were.
    pub carried: Vec<Slot>,
    pub total_weight: u64,
}

/// A script with its statements numbered.
#[derive(Debug)]
pub struct ReadyScript {
    /// As results name its transactions.
    pub name: &'static str,
    pub script: Script,
    pub weight: u32,
    /// The numbers of each command's statements; [`CONTROL`] for those that begin and end transactions,
    /// which the driver says in its own way.
    pub ids: Vec<Box<[StatementId]>>,
    /// The script as clients go through it.
    pub program: Program,
    pub metrics: Vec<MetricExpected>,
}

/// A statement beyond its SQL.
#[derive(Clone, Debug)]
pub struct StatementTraits {
    /// The script that it is of.
    pub script: usize,
    /// The byte of the script's text that it begins with.
    pub at: usize,
    /// The line of that, from 1.
    pub line: usize,
    /// All of them must hold.
    pub rows: Vec<RowsExpected>,
    /// The indexes that its plan must use.
    pub indexes: Vec<String>,
}

/// A query of a header.
#[derive(Clone, Debug)]
pub struct Asked {
    pub name: &'static str,
    pub sql: String,
    /// The script that asks it first, and the line, from 1.
    pub script: usize,
    pub line: usize,
}

/// A number in the tables that commits of some scripts move by 1.
#[derive(Debug)]
pub struct Count {
    pub asked: Asked,
    /// The scripts, by name.
    pub scripts: Vec<&'static str>,
}

impl Compiled {
    /// Reads the scripts as `engine` is to run them.
    ///
    /// # Errors
    /// The first mistake in one.
    pub fn new(scripts: &[Weighted], defined: &Defined, engine: &str) -> Result<Self, Mistake> {
        let mut compiled = Self {
            names: Names::default(),
            scripts: Vec::new(),
            statements: Vec::new(),
            traits: Vec::new(),
            checks: Vec::new(),
            counts: Vec::new(),
            carried: Vec::new(),
            total_weight: scripts.iter().map(|script| u64::from(script.weight)).sum(),
        };
        defined.name_all(&mut compiled.names);
        for script in scripts {
            compiled.add(script, engine)?;
        }
        if !compiled.scripts.iter().any(|ready| ready.script.stores()) {
            compiled.check_variables(defined, &[])?;
        }
        compiled.carried = compiled.carried();
        Ok(compiled)
    }

    fn add(&mut self, weighted: &Weighted, engine: &str) -> Result<(), Mistake> {
        let (label, text) = weighted.file.for_engine(engine);
        let sheet = sheet::read(label, text, engine)?;
        if Script::is_blank(label, &sheet.text) && !Script::is_blank(label, text) {
            let what = format!("nothing in the script is for {engine}");
            return Err(Mistake::new(label, 1, 1, text.lines().next().unwrap_or(""), what)
                .next(format!("say what it does there in a block `-- @engine {engine}`")));
        }
        let script = Script::parse(label, &sheet.text, &mut self.names)?;
        let name = self.name_of(&weighted.file.stem);
        let begin = self.statements.len();
        let ids: Vec<_> = script
            .commands()
            .iter()
            .map(|command| {
                let statements = statements_of(command).iter();
                statements.map(|statement| self.number(&weighted.file.stem, statement)).collect()
            })
            .collect();
        let mut metrics = Vec::new();
        for directive in sheet.directives {
            match directive.says {
                Says::Expect(Expectation::Metric(metric)) => metrics.push(metric),
                Says::Expect(Expectation::Rows(rows)) => {
                    let next = following(&mut self.traits[begin..], &script, directive.line)?;
                    next.rows.push(rows);
                }
                Says::Expect(Expectation::PlanUses(index)) => {
                    let next = following(&mut self.traits[begin..], &script, directive.line)?;
                    next.indexes.push(index);
                }
                Says::Check { name, sql } => {
                    let asked = self.asked(&script, directive.line, name, sql)?;
                    if !self.checks.iter().any(|known| known.name == asked.name) {
                        self.checks.push(asked);
                    }
                }
                Says::Count { name: count, sql } => {
                    let asked = self.asked(&script, directive.line, count, sql)?;
                    self.add_count(asked, name);
                }
                Says::Repeat | Says::End => {
                    return Err(script
                        .mistake_in_line(directive.line, "only a set-up repeats anything")
                        .next(
                            "have clients run the script more often: --duration, --transactions",
                        ));
                }
                Says::SetUp(_) | Says::Dataset(_) => {}
            }
        }
        let weight = weighted.weight;
        let program = Program::new(&script, &ids, &self.traits);
        self.scripts.push(ReadyScript { name, script, weight, ids, program, metrics });
        Ok(())
    }

    /// Gives a statement of the next script its number.
    fn number(&mut self, stem: &str, statement: &dbdyno_script::Statement) -> StatementId {
        if !matches!(statement.kind, StatementKind::Read | StatementKind::Write) {
            return CONTROL;
        }
        let (script, at, line) = (self.scripts.len(), statement.at, statement.line);
        let known_as = format!("{stem}:{line}");
        self.statements.push(Statement::new(known_as.leak(), statement.sql.clone()));
        self.traits.push(StatementTraits {
            script,
            at,
            line,
            rows: Vec::new(),
            indexes: Vec::new(),
        });
        self.statements.len() - 1
    }

    /// The name of a script's transactions, which no other script has, in metrics neither.
    fn name_of(&self, stem: &str) -> &'static str {
        let is_taken = |name: &str| {
            let name = metric_name(name);
            self.scripts.iter().any(|script| metric_name(script.name) == name)
        };
        let mut name = stem.to_owned();
        let mut number = 1;
        while is_taken(&name) {
            number += 1;
            name = format!("{stem}_{number}");
        }
        name.leak()
    }

    /// A query of the next script, by a name that no other has.
    ///
    /// # Errors
    /// Another one has it, or may have it.
    fn asked(
        &self,
        script: &Script,
        line: usize,
        name: String,
        sql: String,
    ) -> Result<Asked, Mistake> {
        let mut all = self.checks.iter().chain(self.counts.iter().map(|count| &count.asked));
        let mistake = |what| {
            let next = "give it another name: results tell checks apart by it";
            Err(script.mistake_in_line(line, what).next(next))
        };
        if name.starts_with(EXPECTED) {
            return mistake(format!("names that begin with `{EXPECTED}` are those of `@expect`"));
        }
        if let Some(known) = all.find(|known| known.name == name && known.sql != sql) {
            let place = match self.scripts.get(known.script) {
                Some(other) => format!("{}:{}", other.script.name(), known.line),
                None => format!("line {}", known.line),
            };
            return mistake(format!("`{name}` is the name of another query, of {place}"));
        }
        Ok(Asked { name: name.leak(), sql, script: self.scripts.len(), line })
    }

    fn add_count(&mut self, asked: Asked, script: &'static str) {
        match self.counts.iter_mut().find(|count| count.asked.name == asked.name) {
            Some(count) if count.scripts.contains(&script) => {}
            Some(count) => count.scripts.push(script),
            None => self.counts.push(Count { asked, scripts: vec![script] }),
        }
    }

    /// That every variable is set by something, `columns` being those that answers set.
    ///
    /// # Errors
    /// One is not, or stands in quotes.
    pub fn check_variables(&self, defined: &Defined, columns: &[String]) -> Result<(), Mistake> {
        let sets = self.scripts.iter().flat_map(|ready| ready.script.sets());
        let set: HashSet<&str> = (sets.map(|slot| self.names.name(*slot)))
            .chain(columns.iter().map(String::as_str))
            .collect();
        let is_defined = |name: &str| set.contains(name) || defined.has(name);
        self.scripts
            .iter()
            .try_for_each(|ready| ready.script.check_variables(&self.names, is_defined))
    }

    /// What scripts read and change, but for what each of them sets before it reads it.
    fn carried(&self) -> Vec<Slot> {
        let scripts = || self.scripts.iter().map(|ready| &ready.script);
        let read: HashSet<Slot> = scripts().flat_map(Script::reads).collect();
        let set: HashSet<Slot> = scripts().flat_map(Script::sets).copied().collect();
        let stores = scripts().any(Script::stores);
        let mut carried: Vec<Slot> = scripts()
            .flat_map(|script| {
                let settled = set_before_read(script);
                // Which variables columns set is known later.
                let touched: Vec<Slot> = if script.stores() {
                    read.iter().copied().collect()
                } else {
                    script.reads().into_iter().chain(script.sets().iter().copied()).collect()
                };
                touched.into_iter().filter(move |slot| !settled.contains(slot))
            })
            .filter(|slot| read.contains(slot) && (stores || set.contains(slot)))
            .collect();
        carried.sort_unstable();
        carried.dedup();
        carried
    }

    /// The mistake that a statement turned out to be.
    pub fn mistake(&self, id: StatementId, what: impl Into<String>) -> Option<Mistake> {
        let StatementTraits { script, at, .. } = self.traits.get(id)?;
        Some(self.scripts.get(*script)?.script.mistake(*at, what))
    }

    /// The queries of the headers, checks first.
    pub fn queries(&self) -> impl Iterator<Item = &Asked> {
        self.checks.iter().chain(self.counts.iter().map(|count| &count.asked))
    }

    /// The mistake that a query of a header turned out to be.
    pub fn mistake_in(&self, asked: &Asked, what: impl Into<String>) -> Option<Mistake> {
        let script = &self.scripts.get(asked.script)?.script;
        Some(script.mistake_in_line(asked.line, what))
    }
}

/// The variables that are set before anything reads them, on every way through the script: before all
/// branches.
fn set_before_read(script: &Script) -> HashSet<Slot> {
    let (mut set, mut read) = (HashSet::new(), HashSet::new());
    for command in script.commands() {
        match &command.action {
            Do::Set(slot, expression) => {
                expression.each_variable(&mut |slot| {
                    read.insert(slot);
                });
                if !read.contains(slot) {
                    set.insert(*slot);
                }
            }
            Do::StartPipeline | Do::SyncPipeline | Do::EndPipeline => {}
            Do::Sql(sql) if sql.store.is_none() => {
                read.extend(sql.statements.iter().flat_map(|one| &one.parameters));
            }
            Do::Sql(_) | Do::Unless(..) | Do::Jump(_) | Do::Sleep(..) => break,
        }
    }
    set
}

/// The statements of a command.
pub fn statements_of(command: &Command) -> &[dbdyno_script::Statement] {
    match &command.action {
        Do::Sql(sql) => &sql.statements,
        _ => &[],
    }
}

/// The first statement behind a line.
fn following<'t>(
    traits: &'t mut [StatementTraits],
    script: &Script,
    line: usize,
) -> Result<&'t mut StatementTraits, Mistake> {
    traits.iter_mut().find(|statement| statement.line > line).ok_or_else(|| {
        script.mistake_in_line(line, "no statement follows that this could be expected of")
    })
}
