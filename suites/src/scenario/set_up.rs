//! A set-up: a script whose statements run once, some of them again and again with other values.

use dbdyno_core::random::Rng;
use dbdyno_core::{Access, DbError, Driver, Error, Result, Session, Statement, Stop, Value};
use dbdyno_datasets::{Made, Wanted};
use dbdyno_script::{
    Command, Do, Fault, Held, Machine, Names, Scalar, Script, Slot, StatementKind, Variables,
};

use super::compiled::statements_of;
use super::data::told;
use super::defined::Defined;
use super::files::File;
use super::sheet::{self, Directive, Says};
use super::values;

/// The variable that counts the rounds of a block, from 1.
const ROUND: &str = "row";
/// How many rounds there are; not a name that a script would use.
const ROUNDS: &str = "_rounds";
/// Rounds that are committed together: fewer would wait for the disk more often.
const ROUNDS_TOGETHER: i64 = 1_000;

/// A set-up, read for one engine.
pub struct Recipe {
    label: String,
    names: Names,
    parts: Vec<Part>,
    round: Slot,
    rounds: Slot,
    defined: Defined,
}

/// A part of a set-up.
struct Part {
    script: Script,
    /// How often it is done; sets [`ROUNDS`]. Once, statement by statement, where there is none.
    repeated: Option<Script>,
}

impl Recipe {
    /// Reads the file as `engine` is to run it.
    ///
    /// # Errors
    /// The first mistake in it.
    pub fn read(file: &File, engine: &str, defined: &Defined) -> Result<Self> {
        let (label, text) = file.for_engine(engine);
        let failed = |mistake| told("read", label, mistake);
        let sheet = sheet::read(label, text, engine).map_err(failed)?;
        let mut names = Names::default();
        defined.name_all(&mut names);
        let (round, rounds) = (names.slot(ROUND), names.slot(ROUNDS));
        let mut parts = Vec::new();
        for piece in pieces(&sheet.text, &sheet.directives) {
            let script = Script::parse(label, &piece.text, &mut names).map_err(failed)?;
            let repeated = piece.repeated.map(|count| Script::parse(label, &count, &mut names));
            let repeated = repeated.transpose().map_err(failed)?;
            parts.push(Part { script, repeated });
        }
        let recipe =
            Self { label: label.to_owned(), names, parts, round, rounds, defined: defined.clone() };
        recipe.check()?;
        Ok(recipe)
    }

    fn scripts(&self) -> impl Iterator<Item = &Script> {
        self.parts.iter().flat_map(|part| part.repeated.iter().chain([&part.script]))
    }

    fn check(&self) -> Result<()> {
        let sets: Vec<&str> =
            self.scripts().flat_map(Script::sets).map(|slot| self.names.name(*slot)).collect();
        let is_defined = |name: &str| {
            sets.contains(&name) || self.defined.has(name) || [ROUND, ROUNDS].contains(&name)
        };
        for script in self.scripts() {
            let checked = script.check_variables(&self.names, is_defined);
            checked.map_err(|mistake| told("read", &self.label, mistake))?;
            let refused = script.commands().iter().find_map(|command| {
                let what = match &command.action {
                    Do::StartPipeline | Do::SyncPipeline | Do::EndPipeline => "pipelines",
                    Do::Sql(sql) if sql.store.is_some() => "columns in variables",
                    _ => return None,
                };
                Some(script.mistake(command.line, format!("there are no {what} in a set-up")))
            });
            if let Some(mistake) = refused {
                return Err(told("read", &self.label, mistake));
            }
        }
        Ok(())
    }

    /// Runs it; gives how many rows it put in.
    ///
    /// # Errors
    /// A statement fails, or the end was asked for.
    pub async fn run(
        &self,
        driver: &dyn Driver,
        session: &mut dyn Session,
        wanted: Wanted,
        rng: Rng,
        made: &mut dyn Made,
        stop: &Stop,
    ) -> Result<u64> {
        let variables = self.defined.variables(&self.names, wanted.scale, wanted.seed, 0);
        let mut cook = Cook { recipe: self, driver, variables, rng, stop, rows: 0 };
        for part in &self.parts {
            match &part.repeated {
                None => cook.once(session, &part.script, made).await?,
                Some(count) => {
                    let rounds = cook.rounds(count)?;
                    cook.repeat(session, &part.script, rounds).await?;
                }
            }
        }
        Ok(cook.rows)
    }
}

/// A piece of a set-up's text, with empty lines in the place of all else.
struct Piece {
    text: String,
    repeated: Option<String>,
}

/// Cuts a text at its `-- @repeat` and `-- @end`.
fn pieces(text: &str, directives: &[Directive]) -> Vec<Piece> {
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    // From line number `from` to before `to`, on the lines where they stand.
    let cut = |from: usize, to: usize| {
        let kept = lines[(from - 1).min(lines.len())..(to - 1).min(lines.len())].concat();
        (!kept.trim().is_empty()).then(|| format!("{}{kept}", "\n".repeat(from - 1)))
    };
    let mut pieces = Vec::new();
    let mut from = 1;
    let mut repeated: Option<String> = None;
    for directive in directives {
        let next = match &directive.says {
            Says::Repeat(count) => {
                let line_ends = "\n".repeat(directive.line - 1);
                Some(format!("{line_ends}\\set {ROUNDS} {count}"))
            }
            Says::End => None,
            _ => continue,
        };
        let text = cut(from, directive.line);
        let repeated = std::mem::replace(&mut repeated, next);
        pieces.extend(text.filter(|text| has_commands(text)).map(|text| Piece { text, repeated }));
        from = directive.line + 1;
    }
    let rest = cut(from, lines.len() + 1).filter(|text| has_commands(text));
    pieces.extend(rest.map(|text| Piece { text, repeated: None }));
    pieces
}

/// Whether there is more than blanks and comments to the end of the line.
fn has_commands(text: &str) -> bool {
    text.lines().map(str::trim).any(|line| !line.is_empty() && !line.starts_with("--"))
}

/// The number of each command's first statement.
fn first_of_each(script: &Script) -> Vec<usize> {
    let counts = script.commands().iter().map(|command| statements_of(command).len());
    counts
        .scan(0, |next, count| {
            let first = *next;
            *next += count;
            Some(first)
        })
        .collect()
}

/// Goes through a set-up.
struct Cook<'c> {
    recipe: &'c Recipe,
    driver: &'c dyn Driver,
    variables: Variables,
    rng: Rng,
    stop: &'c Stop,
    rows: u64,
}

impl Cook<'_> {
    /// How often a part is done.
    fn rounds(&mut self, count: &Script) -> Result<i64> {
        for command in count.commands() {
            self.local(count, command)?;
        }
        match self.variables.get(self.recipe.rounds) {
            Held::Scalar(Scalar::Int(rounds)) => Ok(rounds),
            Held::Scalar(Scalar::Double(rounds)) if rounds.is_finite() => Ok(rounds.round() as i64),
            _ => {
                let line = count.commands().first().map_or(1, |command| command.line);
                let mistake =
                    count.mistake(line, "what is repeated must be repeated a number of times");
                Err(told("run", &self.recipe.label, mistake))
            }
        }
    }

    /// Statement by statement: tables must be there before others name them.
    async fn once(
        &mut self,
        session: &mut dyn Session,
        script: &Script,
        made: &mut dyn Made,
    ) -> Result<()> {
        let mut at = 0;
        while let Some(command) = script.commands().get(at) {
            self.go_on()?;
            for statement in statements_of(command) {
                let values = self.values(&statement.parameters);
                let values = values.map_err(|fault| self.fault(script, command, &fault))?;
                let dialect = self.driver.dialect();
                let ran = match dialect.with_literals(&statement.sql, &values) {
                    Ok(sql) => session.run_sql(&sql).await,
                    Err(why) => Err(why),
                };
                self.rows += ran.map_err(|why| self.failed(script, statement.line, &why))?;
                made.note(session).await?;
            }
            at = self.after(script, command, at).await?;
        }
        Ok(())
    }

    /// Again and again, with prepared statements.
    async fn repeat(
        &mut self,
        session: &mut dyn Session,
        script: &Script,
        rounds: i64,
    ) -> Result<()> {
        let numbered: Vec<&dbdyno_script::Statement> =
            script.commands().iter().flat_map(statements_of).collect();
        let statements: Vec<Statement> =
            numbered.iter().map(|one| Statement::new("set-up", one.sql.clone())).collect();
        for (statement, prepared) in numbered.iter().zip(&statements) {
            if !matches!(statement.kind, StatementKind::Read | StatementKind::Write) {
                let what = "a repeated part begins and ends transactions by itself";
                return Err(told("run", &self.recipe.label, script.mistake(statement.line, what)));
            }
            // One by one, to know which of them is wrong.
            let ready = session.prepare(std::slice::from_ref(prepared)).await;
            ready.map_err(|why| self.failed(script, statement.line, &why))?;
        }
        let first_line = numbered.first().map_or(1, |statement| statement.line);
        let ready = session.prepare(&statements).await;
        ready.map_err(|why| self.failed(script, first_line, &why))?;
        let firsts = first_of_each(script);
        let mut round = 0;
        while round < rounds {
            let begun = session.begin(Access::Write).await;
            begun.map_err(|why| self.failed(script, first_line, &why))?;
            for _ in 0..ROUNDS_TOGETHER.min(rounds - round) {
                round += 1;
                self.variables.set(self.recipe.round, Scalar::Int(round));
                self.round(session, script, &firsts).await?;
            }
            let committed = session.commit().await;
            committed.map_err(|why| self.failed(script, first_line, &why))?;
        }
        Ok(())
    }

    async fn round(
        &mut self,
        session: &mut dyn Session,
        script: &Script,
        firsts: &[usize],
    ) -> Result<()> {
        let mut at = 0;
        while let Some(command) = script.commands().get(at) {
            self.go_on()?;
            for (index, statement) in statements_of(command).iter().enumerate() {
                let values = self.values(&statement.parameters);
                let values = values.map_err(|fault| self.fault(script, command, &fault))?;
                let ran = session.execute(firsts[at] + index, &values).await;
                self.rows += ran.map_err(|why| self.failed(script, statement.line, &why))?;
            }
            at = self.after(script, command, at).await?;
        }
        Ok(())
    }

    /// What a command does besides statements; gives which one comes next.
    async fn after(&mut self, script: &Script, command: &Command, at: usize) -> Result<usize> {
        if let Do::Sleep(amount, unit) = &command.action {
            let duration = amount.duration(*unit, &self.variables);
            tokio::time::sleep(duration.map_err(|fault| self.fault(script, command, &fault))?)
                .await;
        }
        Ok(self.local(script, command)?.unwrap_or(at + 1))
    }

    /// Sets a variable, or finds out where to go on, which is elsewhere where it gives something.
    fn local(&mut self, script: &Script, command: &Command) -> Result<Option<usize>> {
        let number = command.number;
        let mut debug = |value: Scalar| eprintln!("debug(set-up,command={number}): {value}");
        let mut machine =
            Machine { variables: &self.variables, rng: &mut self.rng, debug: &mut debug };
        match &command.action {
            Do::Set(slot, expression) => {
                let value = expression.evaluate(&mut machine);
                let value = value.map_err(|fault| self.fault(script, command, &fault))?;
                self.variables.set(*slot, value);
                Ok(None)
            }
            Do::Unless(condition, otherwise) => {
                let value = condition.evaluate(&mut machine);
                let value = value.map_err(|fault| self.fault(script, command, &fault))?;
                Ok((!value.is_true()).then_some(*otherwise))
            }
            Do::Jump(to) => Ok(Some(*to)),
            _ => Ok(None),
        }
    }

    fn values(&self, slots: &[Slot]) -> Result<Vec<Value<'_>>, Fault> {
        let values = slots.iter().map(|slot| values::of(&self.variables, *slot));
        values.collect::<Result<_, Slot>>().map_err(|slot| self.variables.undefined(slot))
    }

    fn go_on(&self) -> Result<()> {
        if self.stop.is_requested() {
            let doing = format!("set up by {}", self.recipe.label);
            return Err(Error::new(doing, "it was interrupted")
                .next("run the same command again; what was made so far is made afresh"));
        }
        Ok(())
    }

    #[cold]
    fn fault(&self, script: &Script, command: &Command, fault: &Fault) -> Error {
        told("run", &self.recipe.label, script.mistake(command.line, fault.to_string()))
    }

    #[cold]
    fn failed(&self, script: &Script, line: usize, why: &DbError) -> Error {
        let mistake = script.mistake(line, why.to_string());
        let doing = format!("run the set-up {} on {}", self.recipe.label, self.driver.target());
        Error::new(doing, mistake).next(
            "mend the statement and run the same command again; nothing but what the set-up made is \
             touched",
        )
    }
}
