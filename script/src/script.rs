//! A script from its text to its commands.

use dbdyno_core::Access;

use crate::blocks::Block;
use crate::commands::{Command, Do, Sql, Statement, StatementKind, Store};
use crate::expression;
use crate::meta::{self, Meta, Uses};
use crate::mistake::Mistake;
use crate::names::{Names, Slot};
use crate::source::Source;
use crate::sql::{self, Scanned};
use crate::statement;

/// A compiled script.
#[derive(Clone, Debug)]
pub struct Script {
    name: String,
    text: String,
    commands: Vec<Command>,
    reads: Vec<(Slot, usize)>,
    quoted: Vec<(String, usize)>,
    sets: Vec<Slot>,
}

impl Script {
    /// Compiles the text of a script, called `name` in messages. Its variables get places in `names`.
    ///
    /// # Errors
    /// The script is malformed: the first mistake.
    pub fn parse(name: &str, text: &str, names: &mut Names) -> Result<Self, Mistake> {
        let source = Source { name, text };
        let uses = Uses { names, reads: Vec::new(), sets: Vec::new() };
        let mut builder = Builder {
            source,
            uses,
            commands: Vec::new(),
            count: 0,
            blocks: Vec::new(),
            pipeline: None,
            quoted: Vec::new(),
            counted: (0, 1),
            implicit: Vec::new(),
        };
        builder.build()?;
        let Builder { uses, commands, quoted, .. } = builder;
        let (name, text) = (name.to_owned(), text.to_owned());
        Ok(Self { name, text, commands, reads: uses.reads, quoted, sets: uses.sets })
    }

    /// Compiles what would be `\set variable EXPRESSION` of an expression that stands in a text, from byte
    /// `at` to the end of its line.
    ///
    /// # Errors
    /// The expression is malformed.
    pub fn assignment(
        name: &str,
        text: &str,
        at: usize,
        variable: &str,
        names: &mut Names,
    ) -> Result<Self, Mistake> {
        let source = Source { name, text };
        let mut reads = Vec::new();
        let expression = expression::parse(source, at, names, &mut reads)?;
        let slot = names.slot(variable);
        let line = source.place(at).line;
        let commands = vec![Command { action: Do::Set(slot, expression), at, line, number: 1 }];
        let (name, text) = (name.to_owned(), text.to_owned());
        Ok(Self { name, text, commands, reads, quoted: Vec::new(), sets: vec![slot] })
    }

    /// Whether a text has nothing but blanks and comments.
    pub fn is_blank(name: &str, text: &str) -> bool {
        let mut at = 0;
        loop {
            match sql::scan(Source { name, text }, at) {
                Ok(chunk) if !chunk.statements.is_empty() => return false,
                Ok(chunk) if !chunk.goes_on => return true,
                Ok(chunk) if text[chunk.end..].starts_with('\\') => return false,
                Ok(chunk) => at = chunk.end,
                Err(_) => return false,
            }
        }
    }

    /// What it is called.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its commands, in order.
    pub fn commands(&self) -> &[Command] {
        &self.commands
    }

    /// The variables that its `\set` set.
    pub fn sets(&self) -> &[Slot] {
        &self.sets
    }

    /// Whether columns are put into variables: which ones is known when the statements are prepared.
    pub fn stores(&self) -> bool {
        self.statements_with_store().next().is_some()
    }

    /// The commands that put columns into variables.
    pub fn statements_with_store(&self) -> impl Iterator<Item = &Sql> {
        self.commands.iter().filter_map(|command| match &command.action {
            Do::Sql(sql) if sql.store.is_some() => Some(sql),
            _ => None,
        })
    }

    /// The variables that it reads, each once, with the first place of each as a mistake says it.
    pub fn reads(&self) -> Vec<Slot> {
        let mut slots: Vec<Slot> = self.reads.iter().map(|(slot, _)| *slot).collect();
        slots.sort_unstable();
        slots.dedup();
        slots
    }

    /// That variables stand where none may, given which names are defined: read though nothing sets them,
    /// or in quotes, where pgbench's prepared statements break.
    ///
    /// # Errors
    /// The first such place.
    pub fn check_variables(
        &self,
        names: &Names,
        is_defined: impl Fn(&str) -> bool,
    ) -> Result<(), Mistake> {
        let source = Source { name: &self.name, text: &self.text };
        if let Some((slot, at)) = self.reads.iter().find(|(slot, _)| !is_defined(names.name(*slot)))
        {
            let name = names.name(*slot);
            return Err(source.mistake(*at, format!("undefined variable `{name}`")).next(format!(
                "set it before with `\\set {name} …`, or give it with -D {name}=VALUE"
            )));
        }
        if let Some((name, at)) = self.quoted.iter().find(|(name, _)| is_defined(name)) {
            if [":'", ":\""].iter().any(|begin| self.text[*at..].starts_with(begin)) {
                let what = format!("psql alone puts variables in quotes like this: `{name}`");
                return Err(source.mistake(*at, what).next(format!(
                    "write `:{name}`: it is a parameter, which needs no quotes, and can be no name"
                )));
            }
            let what = format!(
                "the variable `{name}` stands in quotes, where a prepared statement takes no parameter"
            );
            return Err(source.mistake(*at, what).next(format!(
                "put it together in SQL: `'text' || :{name}`, or CONCAT('text', :{name}) on MySQL and \
                 MariaDB"
            )));
        }
        Ok(())
    }

    /// A mistake that was found out at a byte of its text, when its statements were prepared or run.
    pub fn mistake(&self, at: usize, what: impl Into<String>) -> Mistake {
        Source { name: &self.name, text: &self.text }.mistake(at, what)
    }

    /// Where the statement that begins at byte `from` reads a variable.
    pub fn read_behind(&self, from: usize, slot: Slot) -> usize {
        let read = self.reads.iter().filter(|(known, at)| *known == slot && *at >= from);
        read.map(|(_, at)| *at).min().unwrap_or(from)
    }

    /// A mistake that was found out of line number `line`.
    pub fn mistake_in_line(&self, line: usize, what: impl Into<String>) -> Mistake {
        let shown = self.text.lines().nth(line.saturating_sub(1)).unwrap_or("");
        let column = shown.chars().take_while(|c| c.is_whitespace()).count() + 1;
        Mistake::new(&self.name, line, column, shown, what)
    }
}

fn answers_nothing(statement: &Statement) -> bool {
    !matches!(statement.kind, StatementKind::Read | StatementKind::Write)
}

/// A script under construction.
pub struct Builder<'t, 'n> {
    pub source: Source<'t>,
    pub uses: Uses<'n>,
    pub commands: Vec<Command>,
    /// How many commands there are as pgbench counts them.
    pub count: usize,
    pub blocks: Vec<Block>,
    /// Where the pipeline that is open began, and in how many blocks.
    pub pipeline: Option<(usize, usize)>,
    pub quoted: Vec<(String, usize)>,
    /// A place, and the line in which it is.
    pub counted: (usize, usize),
    /// The `BEGIN`s that do not say whether they write: command and statement.
    pub implicit: Vec<(usize, usize)>,
}

impl Builder<'_, '_> {
    fn build(&mut self) -> Result<(), Mistake> {
        let mut at = 0;
        loop {
            let chunk = sql::scan(self.source, at)?;
            if !chunk.statements.is_empty() {
                self.add_sql(chunk.statements)?;
            }
            at = chunk.end;
            if !chunk.goes_on {
                break;
            }
            if self.source.text[at..].starts_with('\\') {
                let start = at;
                let (meta, behind) = meta::parse(self.source, start, &mut self.uses)?;
                self.add_meta(start, meta)?;
                at = behind;
            }
        }
        self.check_blocks()?;
        if let Some((start, _)) = self.pipeline {
            return Err(self.source.mistake(start, "\\startpipeline without \\endpipeline"));
        }
        if self.commands.is_empty() {
            return Err(self.source.mistake(0, "empty command list: the script does nothing"));
        }
        self.settle_access();
        self.check_transactions()
    }

    fn add_sql(&mut self, statements: Vec<Scanned<'_>>) -> Result<(), Mistake> {
        let start = statements.first().map_or(0, Scanned::start);
        let mut made = Vec::with_capacity(statements.len());
        for scanned in statements {
            let start = scanned.start();
            let kind =
                statement::kind(&scanned.words).map_err(|why| self.source.mistake(start, why))?;
            if matches!(kind, StatementKind::Begin(_)) && !statement::says_access(&scanned.words) {
                self.implicit.push((self.commands.len(), made.len()));
            }
            let quoted = scanned.quoted.into_iter().map(|(name, at)| (name.to_owned(), at));
            self.quoted.extend(quoted);
            let mut parameters = Vec::with_capacity(scanned.parameters.len());
            for (name, at) in scanned.parameters {
                let slot = self.uses.names.slot(name);
                self.uses.reads.push((slot, at));
                parameters.push(slot);
            }
            let line = self.line(start);
            made.push(Statement { sql: scanned.sql, parameters, kind, at: start, line });
        }
        self.push(start, Do::Sql(Sql { statements: made, store: None }));
        Ok(())
    }

    fn add_meta(&mut self, start: usize, meta: Meta) -> Result<(), Mistake> {
        match meta {
            Meta::Set(slot, expression) => self.push(start, Do::Set(slot, expression)),
            Meta::Sleep(amount, unit) => self.push(start, Do::Sleep(amount, unit)),
            Meta::If(condition) => {
                self.begin_block(start);
                self.push(start, Do::Unless(condition, 0));
            }
            Meta::Elif(condition) => {
                self.next_branch(start, false)?;
                self.push(start, Do::Unless(condition, 0));
            }
            Meta::Else => {
                self.next_branch(start, true)?;
                self.count += 1;
            }
            Meta::EndIf => {
                self.end_block(start)?;
                self.count += 1;
            }
            Meta::StartPipeline | Meta::SyncPipeline | Meta::EndPipeline => {
                self.add_pipeline(start, &meta)?;
            }
            Meta::Store(prefix, all) => self.add_store(start, Store { prefix, all })?,
        }
        Ok(())
    }

    fn add_pipeline(&mut self, start: usize, meta: &Meta) -> Result<(), Mistake> {
        let depth = self.blocks.len();
        let action = match (meta, self.pipeline) {
            (Meta::StartPipeline, Some(_)) => {
                return Err(self.source.mistake(start, "already in pipeline mode"));
            }
            (Meta::StartPipeline, None) => {
                self.pipeline = Some((start, depth));
                Do::StartPipeline
            }
            (_, None) => return Err(self.source.mistake(start, "not in pipeline mode")),
            (_, Some((_, opened))) if opened != depth => {
                let what = "the pipeline began in another branch of \\if than this";
                return Err(self.source.mistake(start, what));
            }
            (Meta::SyncPipeline, Some(_)) => Do::SyncPipeline,
            (_, Some(_)) => {
                self.pipeline = None;
                Do::EndPipeline
            }
        };
        self.push(start, action);
        Ok(())
    }

    fn add_store(&mut self, start: usize, store: Store) -> Result<(), Mistake> {
        let word = if store.all { "\\aset" } else { "\\gset" };
        if self.pipeline.is_some() {
            let what = format!("{word} is not allowed in pipeline mode");
            return Err(self.source.mistake(start, what).next("put \\endpipeline before it"));
        }
        match self.commands.last_mut().map(|command| &mut command.action) {
            Some(Do::Sql(sql))
                if !store.all && sql.statements.last().is_some_and(answers_nothing) =>
            {
                let what = format!("{word} needs a row, and what stands before it answers none");
                Err(self.source.mistake(start, what))
            }
            Some(Do::Sql(sql)) if sql.store.is_none() => {
                sql.store = Some(store);
                Ok(())
            }
            _ => Err(self.source.mistake(start, format!("{word} must follow an SQL command"))),
        }
    }

    pub fn push(&mut self, start: usize, action: Do) {
        self.count += 1;
        self.push_uncounted(start, action);
    }

    /// A command that stands for none of the script.
    pub fn push_uncounted(&mut self, start: usize, action: Do) {
        let line = self.line(start);
        self.commands.push(Command { action, at: start, line, number: self.count });
    }

    /// The line of a place. Places mostly come one after the other, so that a text is counted through once.
    fn line(&mut self, start: usize) -> usize {
        let (counted, line) = self.counted;
        let line = match self.source.text.get(counted..start) {
            Some(between) => line + between.matches('\n').count(),
            None => self.source.place(start).line,
        };
        self.counted = (start, line);
        line
    }

    fn statements(&self) -> impl Iterator<Item = &Statement> {
        self.commands.iter().flat_map(|command| match &command.action {
            Do::Sql(sql) => sql.statements.as_slice(),
            _ => &[],
        })
    }

    /// A transaction that says nothing of it only reads where all statements do that may come before its end.
    fn settle_access(&mut self) {
        for (command, index) in std::mem::take(&mut self.implicit) {
            if !self.may_write(command, index + 1)
                && let Do::Sql(sql) = &mut self.commands[command].action
            {
                sql.statements[index].kind = StatementKind::Begin(Access::Read);
            }
        }
    }

    /// Whether a transaction that goes on with a statement of a command may come to one that writes: an end
    /// in one branch is none of the others.
    fn may_write(&self, command: usize, index: usize) -> bool {
        let mut open = vec![(command, index)];
        let mut seen = vec![false; self.commands.len()];
        while let Some((at, first)) = open.pop() {
            let Some(Command { action, .. }) = self.commands.get(at) else { continue };
            if first == 0 && std::mem::replace(&mut seen[at], true) {
                continue;
            }
            match action {
                Do::Sql(sql) => {
                    let kinds = sql.statements.iter().skip(first).map(|statement| statement.kind);
                    match kinds.into_iter().find(|kind| *kind != StatementKind::Read) {
                        Some(StatementKind::Commit | StatementKind::Rollback) => {}
                        Some(_) => return true,
                        None => open.push((at + 1, 0)),
                    }
                }
                Do::Jump(to) => open.push((*to, 0)),
                Do::Unless(_, otherwise) => open.extend([(at + 1, 0), (*otherwise, 0)]),
                _ => open.push((at + 1, 0)),
            }
        }
        false
    }

    /// Transactions that begin within each other, or never end. What stands in branches is looked at when
    /// it runs.
    fn check_transactions(&self) -> Result<(), Mistake> {
        let branches = |command: &Command| matches!(command.action, Do::Unless(..) | Do::Jump(_));
        if self.commands.iter().any(branches) {
            return Ok(());
        }
        let mut begun = None;
        for statement in self.statements() {
            match statement.kind {
                StatementKind::Begin(_) if begun.is_some() => {
                    return Err(self
                        .source
                        .mistake(statement.at, "there is a transaction in progress"));
                }
                StatementKind::Begin(_) => begun = Some(statement.at),
                StatementKind::Commit | StatementKind::Rollback if begun.is_none() => {
                    return Err(self
                        .source
                        .mistake(statement.at, "there is no transaction in progress"));
                }
                StatementKind::Commit | StatementKind::Rollback => begun = None,
                StatementKind::Read | StatementKind::Write => {}
            }
        }
        match begun {
            None => Ok(()),
            Some(at) => {
                let what = "the transaction that begins here is not ended in the script";
                Err(self.source.mistake(at, what).next("end it with COMMIT or ROLLBACK"))
            }
        }
    }
}
