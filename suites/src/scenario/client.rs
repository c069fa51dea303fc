//! A client that runs scripts.

use std::sync::Arc;

use dbdyno_core::load::{Client, Draw, Outcome, Sleeper};
use dbdyno_core::random::Rng;
use dbdyno_core::{DbError, Row, Step, Steps};
use dbdyno_script::{Expression, Failure, Machine, Scalar, Slot, Variables};

use super::compiled::{Compiled, ReadyScript};
use super::program::{Operation, Program, Request, Storing};
use super::stored::{Places, places, store_row};
use super::values;
use super::workload::Shared;

/// One client.
pub struct ScriptClient {
    shared: Arc<Shared>,
    /// The script of the present transaction.
    script: usize,
    /// The transaction was tried before.
    again: bool,
    /// What a retry begins with: the random stream, and the variables that it might find changed.
    start: (Rng, Variables),
    player: Player,
}

/// What changes while a script runs.
struct Player {
    rng: Rng,
    variables: Variables,
    /// Columns as they come in: the statement's parameters are lent until it is sent.
    incoming: Variables,
    /// Where the columns of each statement go, once that is known.
    places: Vec<Option<Places>>,
    /// The operations of the pipeline under way that were asked for.
    asked: Vec<usize>,
    sleeper: Sleeper,
    state: State,
}

/// What has happened in the database since the script began.
#[derive(Clone, Copy, Debug, Default)]
struct State {
    in_transaction: bool,
    committed: bool,
    rolled_back: bool,
}

/// The script of the present transaction, with what all clients share.
#[derive(Clone, Copy)]
struct Sheet<'s> {
    shared: &'s Shared,
    script: usize,
}

impl ScriptClient {
    pub fn new(shared: Arc<Shared>, index: u32, rng: Rng) -> Self {
        let variables = shared.variables(index);
        let places = vec![None; shared.compiled.statements.len()];
        let start = (rng.clone(), variables.clone());
        let player = Player {
            rng,
            incoming: variables.clone(),
            variables,
            places,
            asked: Vec::new(),
            sleeper: Sleeper::new(false),
            state: State::default(),
        };
        Self { shared, script: 0, again: false, start, player }
    }
}

impl Client for ScriptClient {
    fn draw(&mut self) -> Draw {
        let Compiled { scripts, total_weight, carried, .. } = &*self.shared.compiled;
        self.script = choose(scripts, *total_weight, &mut self.player.rng);
        self.start.0.clone_from(&self.player.rng);
        for slot in carried {
            self.start.1.take_from(*slot, &self.player.variables);
        }
        self.again = false;
        Draw::now(self.script)
    }

    async fn run(&mut self, steps: &mut Steps<'_>) -> Result<Outcome, DbError> {
        let Self { shared, script, again, start, player } = self;
        if std::mem::replace(again, true) {
            player.rng.clone_from(&start.0);
            for slot in &shared.compiled.carried {
                player.variables.take_from(*slot, &start.1);
            }
        }
        player.state = State::default();
        let sheet = Sheet { shared, script: *script };
        player.play(steps, sheet).await?;
        let State { in_transaction, committed, rolled_back } = player.state;
        match (in_transaction, rolled_back && !committed) {
            (true, _) => Err(sheet.left_open()),
            (_, true) => Ok(Outcome::RolledBack),
            (_, false) => Ok(Outcome::Committed),
        }
    }
}

/// A script by its weight.
fn choose(scripts: &[ReadyScript], total: u64, rng: &mut Rng) -> usize {
    if scripts.len() == 1 {
        return 0;
    }
    let mut drawn = rng.below(total.max(1));
    for (index, script) in scripts.iter().enumerate() {
        match drawn.checked_sub(script.weight.into()) {
            Some(rest) => drawn = rest,
            None => return index,
        }
    }
    0
}

impl Player {
    /// Goes through a script once.
    #[inline]
    async fn play(&mut self, steps: &mut Steps<'_>, sheet: Sheet<'_>) -> Result<(), DbError> {
        let program = sheet.program();
        let mut at = 0;
        while let Some(operation) = program.get(at) {
            at = match operation {
                Operation::Run(request) => {
                    self.ask(steps, sheet, request)?.await?;
                    at + 1
                }
                Operation::Set(..) | Operation::Unless(..) | Operation::Jump(_) => {
                    self.local(sheet, at, operation)?
                }
                Operation::StartPipeline => self.pipeline(steps, sheet, at + 1).await?,
                _ => {
                    self.other(steps, sheet, at, operation).await?;
                    at + 1
                }
            };
        }
        Ok(())
    }

    /// What asks nothing of the database; gives which operation comes next.
    #[inline]
    fn local(
        &mut self,
        sheet: Sheet<'_>,
        at: usize,
        operation: &Operation,
    ) -> Result<usize, DbError> {
        match operation {
            Operation::Set(slot, expression) => {
                let value = self.evaluate(sheet, at, expression)?;
                self.variables.set(*slot, value);
                Ok(at + 1)
            }
            Operation::Unless(condition, otherwise) => {
                let holds = self.evaluate(sheet, at, condition)?.is_true();
                Ok(if holds { at + 1 } else { *otherwise })
            }
            Operation::Jump(to) => Ok(*to),
            _ => Ok(at + 1),
        }
    }

    #[inline]
    fn evaluate(
        &mut self,
        sheet: Sheet<'_>,
        at: usize,
        expression: &Expression,
    ) -> Result<Scalar, DbError> {
        let mut debug = |value: Scalar| sheet.tell(at, value);
        let mut machine =
            Machine { variables: &self.variables, rng: &mut self.rng, debug: &mut debug };
        expression.evaluate(&mut machine).map_err(|failure| sheet.failure(&failure))
    }

    /// What asks something of the database, or waits.
    async fn other(
        &mut self,
        steps: &mut Steps<'_>,
        sheet: Sheet<'_>,
        at: usize,
        operation: &Operation,
    ) -> Result<(), DbError> {
        match operation {
            Operation::Run(request) => self.ask(steps, sheet, request)?.await?,
            Operation::RunAndStore(storing) => self.ask_and_store(steps, sheet, storing).await?,
            Operation::Begin(access) => {
                if self.state.in_transaction && steps.makes_requests() {
                    return Err(sheet.wrong(at, "there is a transaction in progress"));
                }
                steps.begin(*access).await?;
                self.state.in_transaction = true;
            }
            Operation::Commit => {
                steps.commit().await?;
                self.state.in_transaction = false;
                self.state.committed = true;
            }
            Operation::Rollback => {
                steps.rollback().await?;
                self.state.in_transaction = false;
                self.state.rolled_back = true;
            }
            Operation::Sleep(amount, unit) => {
                let duration = amount.duration(*unit, &self.variables);
                let duration = duration.map_err(|fault| sheet.wrong(at, &fault.to_string()))?;
                Box::pin(self.sleeper.sleep(duration)).await;
            }
            // A pipeline ends where it began, and `pipeline` goes on behind it.
            _ => {}
        }
        Ok(())
    }

    /// Asks for the answer to a statement, which is to be awaited at once.
    #[inline]
    fn ask<'a, 's>(
        &self,
        steps: &'a mut Steps<'s>,
        sheet: Sheet<'a>,
        request: &'a Request,
    ) -> Result<impl Step + use<'a, 's>, DbError> {
        let counted = move |rows| {
            sheet.shared.expect_rows(request, rows);
            Ok(())
        };
        values::with(&self.variables, request, sheet.shared, move |values| {
            steps.query(request.id, values, |_| Ok(()), counted)
        })
        .map_err(|slot| sheet.unset(request, &self.variables, slot))
    }

    /// A statement whose columns become variables.
    async fn ask_and_store(
        &mut self,
        steps: &mut Steps<'_>,
        sheet: Sheet<'_>,
        Storing { request, prefix, any_rows }: &Storing,
    ) -> Result<(), DbError> {
        if self.places[request.id].is_none() {
            let columns = steps.session().columns(request.id)?;
            let names = &sheet.shared.compiled.names;
            self.places[request.id] = Some(places(&columns, prefix, names));
        }
        let mut rows = 0;
        let counted = |count| {
            rows = count;
            Ok(())
        };
        let Self { variables, incoming, places, .. } = self;
        let names = &sheet.shared.compiled.names;
        let places = places[request.id].as_deref().unwrap_or_default();
        let mut refused = false;
        let read =
            |row: &dyn Row| store_row(row, places, names, incoming).inspect_err(|_| refused = true);
        let answer = values::with(variables, request, sheet.shared, |values| {
            steps.query(request.id, values, read, counted)
        });
        let answered = answer.map_err(|slot| sheet.unset(request, variables, slot))?.await;
        if let Err(why) = answered {
            return Err(if refused { sheet.at_request(request, &why.message) } else { why });
        }
        if rows > 0 {
            for slot in places.iter().flatten() {
                variables.take_from(*slot, incoming);
            }
        }
        sheet.shared.expect_rows(request, rows);
        match rows {
            1 => Ok(()),
            _ if *any_rows => Ok(()),
            rows => Err(sheet.at_request(request, &format!("expected one row, got {rows}"))),
        }
    }

    /// The statements up to the next synchronization together, and so on up to the end of the pipeline;
    /// gives what comes behind it. On a session that does not pipeline, one by one.
    async fn pipeline(
        &mut self,
        steps: &mut Steps<'_>,
        sheet: Sheet<'_>,
        from: usize,
    ) -> Result<usize, DbError> {
        let program = sheet.program();
        let mut from = from;
        loop {
            let mut at = from;
            self.asked.clear();
            while steps.pass()? {
                if steps.makes_requests() {
                    at = self.ask_together(steps, sheet, from).await?;
                    continue;
                }
                for place in 0..self.asked.len() {
                    let asked = self.asked[place];
                    if let Some(operation) = program.get(asked) {
                        self.other(steps, sheet, asked, operation).await?;
                    }
                }
            }
            match program.get(at) {
                Some(Operation::SyncPipeline) => from = at + 1,
                _ => return Ok(at + 1),
            }
        }
    }

    /// Goes through operations up to the next synchronization; gives where that stands.
    async fn ask_together(
        &mut self,
        steps: &mut Steps<'_>,
        sheet: Sheet<'_>,
        from: usize,
    ) -> Result<usize, DbError> {
        let mut at = from;
        while let Some(operation) = sheet.program().get(at) {
            at = match operation {
                Operation::SyncPipeline | Operation::EndPipeline => break,
                Operation::Set(..) | Operation::Unless(..) | Operation::Jump(_) => {
                    self.local(sheet, at, operation)?
                }
                _ => {
                    if !matches!(operation, Operation::Sleep(..)) {
                        self.asked.push(at);
                    }
                    self.other(steps, sheet, at, operation).await?;
                    at + 1
                }
            };
        }
        Ok(at)
    }
}

impl<'s> Sheet<'s> {
    #[inline]
    fn program(self) -> &'s Program {
        &self.shared.compiled.scripts[self.script].program
    }

    fn name(self) -> &'s str {
        self.shared.compiled.scripts[self.script].script.name()
    }

    #[cold]
    fn failure(self, failure: &Failure) -> DbError {
        self.wrong_at(failure.at, &failure.to_string())
    }

    /// What is wrong with an operation.
    #[cold]
    fn wrong(self, at: usize, what: &str) -> DbError {
        self.wrong_at(self.program().origin(at).at, what)
    }

    /// What is wrong at a byte of the script's text.
    #[cold]
    fn wrong_at(self, at: usize, what: &str) -> DbError {
        let mistake = self.shared.compiled.scripts[self.script].script.mistake(at, what);
        DbError::unexpected(mistake.in_a_line())
    }

    #[cold]
    fn unset(self, request: &Request, variables: &Variables, slot: Slot) -> DbError {
        let from = self.shared.compiled.traits.get(request.id).map_or(0, |traits| traits.at);
        let script = &self.shared.compiled.scripts[self.script].script;
        self.wrong_at(script.read_behind(from, slot), &variables.undefined(slot).to_string())
    }

    #[cold]
    fn at_request(self, request: &Request, what: &str) -> DbError {
        self.wrong_at(
            self.shared.compiled.traits.get(request.id).map_or(0, |traits| traits.at),
            what,
        )
    }

    #[cold]
    fn left_open(self) -> DbError {
        let name = self.name();
        DbError::unexpected(format!("{name}: the script ended within a transaction"))
    }

    /// As pgbench tells what passes through `debug`.
    #[cold]
    fn tell(self, at: usize, value: Scalar) {
        let (script, number) = (self.script, self.program().origin(at).number);
        match value {
            Scalar::Null => eprintln!("debug(script={script},command={number}): null"),
            value => {
                let name = value.type_name();
                eprintln!("debug(script={script},command={number}): {name} {value}");
            }
        }
    }
}
