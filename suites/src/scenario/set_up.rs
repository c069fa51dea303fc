//! A set-up: a script whose statements run once, some of them again and again with other values.

use std::collections::HashSet;

use dbdyno_core::random::Rng;
use dbdyno_core::{Access, DbError, Driver, Error, Result, Session, Statement, Stop, Value};
use dbdyno_datasets::{Made, Wanted};
use dbdyno_script::{
    Command, Do, Failure, Fault, Held, Machine, Mistake, Names, Scalar, Script, Slot,
    StatementKind, Variables,
};

use super::compiled::statements_of;
use super::data::told;
use super::defined::Defined;
use super::files::File;
use super::sheet::{self, Directive, Says, Sheet};
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
        only_repeats(label, &sheet).map_err(failed)?;
        let mut names = Names::default();
        defined.name_all(&mut names);
        let (round, rounds) = (names.slot(ROUND), names.slot(ROUNDS));
        let mut parts = Vec::new();
        for piece in pieces(&sheet.text, &sheet.directives) {
            let mut count =
                |line| Script::assignment(label, text, count_in(text, line), ROUNDS, &mut names);
            let repeated = piece.repeated.map(&mut count).transpose().map_err(failed)?;
            if !Script::is_blank(label, &piece.text) {
                let script = Script::parse(label, &piece.text, &mut names).map_err(failed)?;
                parts.push(Part { script, repeated });
            }
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
        let sets = self.scripts().flat_map(Script::sets);
        let sets: HashSet<&str> = sets.map(|slot| self.names.name(*slot)).collect();
        let is_defined = |name: &str| {
            sets.contains(name) || self.defined.has(name) || [ROUND, ROUNDS].contains(&name)
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
                Some(script.mistake(command.at, format!("there are no {what} in a set-up")))
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

/// That a set-up expects nothing: nobody would look whether it comes true.
fn only_repeats(label: &str, sheet: &Sheet) -> Result<(), Mistake> {
    let ours = |directive: &&Directive| matches!(directive.says, Says::Repeat | Says::End);
    let Some(other) = sheet.directives.iter().find(|directive| !ours(directive)) else {
        return Ok(());
    };
    let shown = sheet.text.lines().nth(other.line - 1).unwrap_or_default();
    let column = shown.chars().take_while(|c| c.is_whitespace()).count() + 1;
    let what = "a set-up has no such line, only `@repeat`, `@engine` and `@end`";
    Err(Mistake::new(label, other.line, column, shown, what)
        .next("say it in the script that the set-up is for"))
}

/// A piece of a set-up's text, with empty lines in the place of all else.
struct Piece {
    text: String,
    /// The line that says how often it is done, where it is repeated.
    repeated: Option<usize>,
}

/// Cuts a text at its `-- @repeat` and `-- @end`.
fn pieces(text: &str, directives: &[Directive]) -> Vec<Piece> {
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    // From line number `from` to before `to`, on the lines where they stand.
    let cut = |from: usize, to: usize| {
        let kept = lines[(from - 1).min(lines.len())..(to - 1).min(lines.len())].concat();
        format!("{}{kept}", "\n".repeat(from - 1))
    };
    let mut pieces = Vec::new();
    let (mut from, mut repeated) = (1, None);
    for directive in directives {
        let next = match &directive.says {
            Says::Repeat => Some(directive.line),
            Says::End => None,
            _ => continue,
        };
        pieces.push(Piece { text: cut(from, directive.line), repeated });
        (from, repeated) = (directive.line + 1, next);
    }
    pieces.push(Piece { text: cut(from, lines.len() + 1), repeated });
    pieces
}

/// Where the expression stands that a line says `-- @repeat` with.
fn count_in(text: &str, line: usize) -> usize {
    const WORD: &str = "@repeat";
    let before: usize = text.split_inclusive('\n').take(line - 1).map(str::len).sum();
    before + text[before..].find(WORD).map_or(0, |at| at + WORD.len())
}

/// Whether tables may come with a statement: not with one that changes rows, of which there may be many.
fn may_create(sql: &str) -> bool {
    let word = sql.split(|c: char| !c.is_ascii_alphabetic()).next().unwrap_or_default();
    !["insert", "update", "delete", "replace"].iter().any(|rows| word.eq_ignore_ascii_case(rows))
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
                let at = count.commands().first().map_or(0, |command| command.at);
                let mistake =
                    count.mistake(at, "what is repeated must be repeated a number of times");
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
                self.rows += ran.map_err(|why| self.failed(script, statement.at, &why))?;
                if may_create(&statement.sql) {
                    made.note(session).await?;
                }
            }
            at = self.after(script, command, at).await?;
        }
        made.note(session).await
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
                return Err(told("run", &self.recipe.label, script.mistake(statement.at, what)));
            }
            // One by one, to know which of them is wrong.
            let ready = session.prepare(std::slice::from_ref(prepared)).await;
            ready.map_err(|why| self.failed(script, statement.at, &why))?;
        }
        let first = numbered.first().map_or(0, |statement| statement.at);
        let ready = session.prepare(&statements).await;
        ready.map_err(|why| self.failed(script, first, &why))?;
        let firsts = first_of_each(script);
        let mut round = 0;
        while round < rounds {
            let begun = session.begin(Access::Write).await;
            begun.map_err(|why| self.failed(script, first, &why))?;
            for _ in 0..ROUNDS_TOGETHER.min(rounds - round) {
                round += 1;
                self.variables.set(self.recipe.round, Scalar::Int(round));
                self.round(session, script, &firsts).await?;
            }
            let committed = session.commit().await;
            committed.map_err(|why| self.failed(script, first, &why))?;
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
                self.rows += ran.map_err(|why| self.failed(script, statement.at, &why))?;
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
                let value = value.map_err(|failure| self.failure(script, &failure))?;
                self.variables.set(*slot, value);
                Ok(None)
            }
            Do::Unless(condition, otherwise) => {
                let value = condition.evaluate(&mut machine);
                let value = value.map_err(|failure| self.failure(script, &failure))?;
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
        told("run", &self.recipe.label, script.mistake(command.at, fault.to_string()))
    }

    #[cold]
    fn failure(&self, script: &Script, failure: &Failure) -> Error {
        told("run", &self.recipe.label, script.mistake(failure.at, failure.to_string()))
    }

    #[cold]
    fn failed(&self, script: &Script, at: usize, why: &DbError) -> Error {
        let mistake = script.mistake(at, why.to_string());
        let doing = format!("run the set-up {} on {}", self.recipe.label, self.driver.target());
        Error::new(doing, mistake).next(
            "mend the statement and run the same command again; nothing but what the set-up made is \
             touched",
        )
    }
}

#[cfg(test)]
mod tests {
    use super::super::engines::Engines;
    use super::*;

    fn read(text: &str) -> Result<Vec<(String, bool)>> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("setup.sql");
        std::fs::write(&path, text).unwrap();
        let file = File::read(&path, &Engines::default()).unwrap();
        let recipe = Recipe::read(&file, "sqlite", &Defined::default())?;
        let said = |script: &Script| {
            let statements = script.commands().iter().flat_map(statements_of);
            statements.map(|one| format!("{}:{}", one.line, one.sql)).collect::<Vec<_>>().join(" ")
        };
        Ok(recipe.parts.iter().map(|part| (said(&part.script), part.repeated.is_some())).collect())
    }

    #[test]
    fn what_is_repeated_is_a_part_of_its_own() {
        let text = "/* made\nby hand */\n-- @repeat 10 * :scale\nINSERT INTO t VALUES (:row);\n-- @end\n\
                    -- not\n-- @repeat 2\nSELECT 1;\nSELECT 2;\n-- @end\nSELECT 3;";
        let parts = [
            ("4:INSERT INTO t VALUES (?)", true),
            ("8:SELECT 1 9:SELECT 2", true),
            ("11:SELECT 3", false),
        ];
        let parts = parts.map(|(text, repeated)| (text.to_owned(), repeated));
        assert_eq!(read(text).unwrap(), parts);
        // A block for another engine ends where it says, whatever is repeated in it.
        let text = "-- @engine mariadb\n-- @repeat 3\nSELECT 1;\n-- @end\nSELECT 2;\n-- @engine others\n\
                    --@repeat 4\nSELECT 3;\n-- @end\nSELECT 4;\n-- @end\nSELECT 5;";
        let parts = [("8:SELECT 3", true), ("10:SELECT 4 12:SELECT 5", false)];
        let parts = parts.map(|(text, repeated)| (text.to_owned(), repeated));
        assert_eq!(read(text).unwrap(), parts);
    }

    #[test]
    fn mistakes_are_told_by_place() {
        for (text, place, shown) in [
            (
                "SELECT 1;\n  -- @repeat 10 * (2\nSELECT 1;\n-- @end",
                ":2:21: ",
                "2 |   -- @repeat 10 * (2",
            ),
            ("-- @repeat :n\nSELECT 1;\n-- @end", ":1:12: undefined", "1 | -- @repeat :n"),
            ("-- @repeat 1\nSELECT 1;\n  SELECT :n;\n-- @end", ":3:10: ", "3 |   SELECT :n;"),
            ("SELECT 1 \\gset\n", ":1:1: there are no columns", "1 | SELECT 1 \\gset"),
            ("SELECT 1;\n -- @check x: SELECT 0", ":2:2: a set-up has no such line", "@check x"),
        ] {
            let why = read(text).unwrap_err().to_string();
            assert!(why.contains(place) && why.contains(shown), "{why}");
        }
    }

    #[test]
    fn changing_rows_makes_no_table() {
        assert!(!may_create("Insert INTO t VALUES (1)") && !may_create("delete from t"));
        assert!(may_create("CREATE TABLE t (n INT)") && may_create("SELECT make_tables()"));
    }
}
