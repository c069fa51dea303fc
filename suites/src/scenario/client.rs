//! A client that runs scripts.

use std::sync::Arc;

use dbdyno_core::load::{Client, Draw, Outcome};
use dbdyno_core::random::Rng;
use dbdyno_core::{DbError, Row, StatementId, Steps, Value};
use dbdyno_script::{
    Command, Do, Expression, Fault, Held, Machine, Scalar, Sql, Statement, StatementKind, Store,
    Variables,
};

use super::compiled::{ReadyScript, statements_of};
use super::stored::{Places, places, store_row};
use super::workload::Shared;

/// Parameters of a statement that are put together on the stack; more of them are rare.
const FEW: usize = 16;

/// One client.
pub struct ScriptClient {
    shared: Arc<Shared>,
    rng: Rng,
    variables: Variables,
    /// Columns as they come in, before they are variables; taken while they do.
    incoming: Option<Variables>,
    /// The script of the present transaction.
    script: usize,
    /// The transaction was tried before.
    again: bool,
    /// What a retry begins with: the random stream, and the variables that it might find changed.
    start: (Rng, Variables),
    /// Where the columns of each statement go, once that is known.
    places: Vec<Option<Places>>,
    /// The statements of the pipeline under way that were asked for: command and place in it.
    asked: Vec<(usize, usize)>,
    /// How the transaction under way stands.
    state: State,
}

/// What has happened in the database since the script began.
#[derive(Clone, Copy, Debug, Default)]
struct State {
    in_transaction: bool,
    committed: bool,
    rolled_back: bool,
}

impl ScriptClient {
    pub fn new(shared: Arc<Shared>, index: u32, rng: Rng) -> Self {
        let variables = shared.variables(index);
        let places = vec![None; shared.compiled.statements.len()];
        Self {
            incoming: Some(variables.clone()),
            start: (rng.clone(), variables.clone()),
            shared,
            rng,
            variables,
            script: 0,
            again: false,
            places,
            asked: Vec::new(),
            state: State::default(),
        }
    }
}

impl Client for ScriptClient {
    fn draw(&mut self) -> Draw {
        self.script =
            choose(&self.shared.compiled.scripts, self.shared.compiled.total_weight, &mut self.rng);
        self.start.0.clone_from(&self.rng);
        for slot in &self.shared.compiled.carried {
            self.start.1.take_from(*slot, &self.variables);
        }
        self.again = false;
        Draw::now(self.script)
    }

    async fn run(&mut self, steps: &mut Steps<'_>) -> Result<Outcome, DbError> {
        let shared = Arc::clone(&self.shared);
        if std::mem::replace(&mut self.again, true) {
            self.rng.clone_from(&self.start.0);
            for slot in &shared.compiled.carried {
                self.variables.take_from(*slot, &self.start.1);
            }
        }
        self.state = State::default();
        let ready = &shared.compiled.scripts[self.script];
        let commands = ready.script.commands();
        let mut at = 0;
        while let Some(command) = commands.get(at) {
            at = match &command.action {
                Do::Sql(sql) => {
                    self.sql(steps, ready, at, sql).await?;
                    at + 1
                }
                Do::StartPipeline => self.pipeline(steps, ready, at + 1).await?,
                // A pipeline ends where it began, and `pipeline` goes on behind it.
                Do::SyncPipeline | Do::EndPipeline => at + 1,
                Do::Sleep(amount, unit) => {
                    let duration = amount.duration(*unit, &self.variables);
                    let duration = duration.map_err(|fault| self.fault(command, &fault))?;
                    Box::pin(tokio::time::sleep(duration)).await;
                    at + 1
                }
                Do::Set(..) | Do::Unless(..) | Do::Jump(_) => self.local(command, at)?,
            };
        }
        if self.state.in_transaction {
            return Err(self.left_open());
        }
        match self.state.rolled_back && !self.state.committed {
            true => Ok(Outcome::RolledBack),
            false => Ok(Outcome::Committed),
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

impl ScriptClient {
    /// A command that asks nothing of the database; gives which one comes next.
    #[inline]
    fn local(&mut self, command: &Command, at: usize) -> Result<usize, DbError> {
        match &command.action {
            Do::Set(slot, expression) => {
                let value = self.evaluate(command, expression)?;
                self.variables.set(*slot, value);
                Ok(at + 1)
            }
            Do::Unless(condition, otherwise) => {
                let holds = self.evaluate(command, condition)?.is_true();
                Ok(if holds { at + 1 } else { *otherwise })
            }
            Do::Jump(to) => Ok(*to),
            _ => Ok(at + 1),
        }
    }

    #[inline]
    fn evaluate(&mut self, command: &Command, expression: &Expression) -> Result<Scalar, DbError> {
        let script = self.script;
        let mut debug = |value: Scalar| tell(script, command.number, value);
        let mut machine =
            Machine { variables: &self.variables, rng: &mut self.rng, debug: &mut debug };
        expression.evaluate(&mut machine).map_err(|fault| self.fault(command, &fault))
    }

    /// The statements of one command.
    async fn sql(
        &mut self,
        steps: &mut Steps<'_>,
        ready: &ReadyScript,
        at: usize,
        sql: &Sql,
    ) -> Result<(), DbError> {
        for (index, statement) in sql.statements.iter().enumerate() {
            let id = ready.ids[at][index];
            let store = sql.store.as_ref();
            let stores = store.filter(|store| store.all || index + 1 == sql.statements.len());
            match stores {
                None => self.statement(steps, id, statement).await?,
                Some(store) => self.storing(steps, id, statement, store).await?,
            }
        }
        Ok(())
    }

    #[inline]
    async fn statement(
        &mut self,
        steps: &mut Steps<'_>,
        id: StatementId,
        statement: &Statement,
    ) -> Result<(), DbError> {
        match statement.kind {
            StatementKind::Begin(access) => {
                if self.state.in_transaction && steps.makes_requests() {
                    return Err(self.at(id, "there is a transaction in progress"));
                }
                steps.begin(access).await?;
                self.state.in_transaction = true;
            }
            StatementKind::Commit => {
                steps.commit().await?;
                self.state.in_transaction = false;
                self.state.committed = true;
            }
            StatementKind::Rollback => {
                steps.rollback().await?;
                self.state.in_transaction = false;
                self.state.rolled_back = true;
            }
            StatementKind::Read | StatementKind::Write => {
                let mut rows = None;
                let counted = |count| {
                    rows = Some(count);
                    Ok(())
                };
                let count = statement.parameters.len();
                if count <= FEW {
                    let mut few = [Value::Null; FEW];
                    self.bind(id, statement, &mut few[..count])?;
                    self.shared.capture(id, &few[..count]);
                    steps.query(id, &few[..count], |_| Ok(()), counted).await?;
                } else {
                    let mut many = vec![Value::Null; count];
                    self.bind(id, statement, &mut many)?;
                    self.shared.capture(id, &many);
                    steps.query(id, &many, |_| Ok(()), counted).await?;
                }
                if let Some(rows) = rows {
                    self.shared.expect_rows(id, rows);
                }
            }
        }
        Ok(())
    }

    /// Puts the values of a statement's variables into `values`.
    #[inline]
    fn bind<'v>(
        &'v self,
        id: StatementId,
        statement: &Statement,
        values: &mut [Value<'v>],
    ) -> Result<(), DbError> {
        for (value, slot) in values.iter_mut().zip(&statement.parameters) {
            *value = match self.variables.get(*slot) {
                Held::Scalar(Scalar::Int(int)) => Value::Int(int),
                Held::Scalar(Scalar::Double(double)) => Value::Float(double),
                Held::Scalar(Scalar::Bool(bool)) => Value::Int(bool.into()),
                Held::Scalar(Scalar::Null) => Value::Null,
                Held::Text(text) => Value::Text(text),
                Held::Unset => {
                    return Err(self.at(id, &self.variables.undefined(*slot).to_string()));
                }
            };
        }
        Ok(())
    }

    /// A statement whose columns become variables.
    async fn storing(
        &mut self,
        steps: &mut Steps<'_>,
        id: StatementId,
        statement: &Statement,
        store: &Store,
    ) -> Result<(), DbError> {
        if self.places[id].is_none() {
            let columns = steps.session().columns(id)?;
            self.places[id] = Some(places(&columns, &store.prefix, &self.shared.compiled.names));
        }
        let places = self.places[id].take().unwrap_or_default();
        let mut incoming = self.incoming.take().unwrap_or_else(|| self.variables.clone());
        let answered = self.ask(steps, id, statement, &places, &mut incoming).await;
        if let Ok(rows) = answered
            && rows > 0
        {
            for slot in places.iter().flatten() {
                self.variables.take_from(*slot, &incoming);
            }
        }
        self.places[id] = Some(places);
        self.incoming = Some(incoming);
        let rows = answered?;
        self.shared.expect_rows(id, rows);
        match rows {
            1 => Ok(()),
            _ if store.all => Ok(()),
            rows => Err(self.at(id, &format!("expected one row, got {rows}"))),
        }
    }

    /// Runs a statement and puts the columns of its rows into `incoming`; gives how many rows there were.
    async fn ask(
        &self,
        steps: &mut Steps<'_>,
        id: StatementId,
        statement: &Statement,
        places: &Places,
        incoming: &mut Variables,
    ) -> Result<u64, DbError> {
        let mut rows = 0;
        let read = |row: &dyn Row| store_row(row, places, incoming);
        let counted = |count| {
            rows = count;
            Ok(())
        };
        let count = statement.parameters.len();
        if count <= FEW {
            let mut few = [Value::Null; FEW];
            self.bind(id, statement, &mut few[..count])?;
            self.shared.capture(id, &few[..count]);
            steps.query(id, &few[..count], read, counted).await?;
        } else {
            let mut many = vec![Value::Null; count];
            self.bind(id, statement, &mut many)?;
            self.shared.capture(id, &many);
            steps.query(id, &many, read, counted).await?;
        }
        Ok(rows)
    }

    /// The statements up to the next synchronization together, and so on up to the end of the pipeline;
    /// gives what comes behind it. On a session that does not pipeline, one by one.
    async fn pipeline(
        &mut self,
        steps: &mut Steps<'_>,
        ready: &ReadyScript,
        from: usize,
    ) -> Result<usize, DbError> {
        let commands = ready.script.commands();
        let mut from = from;
        loop {
            let mut at = from;
            self.asked.clear();
            while steps.pass()? {
                if steps.makes_requests() {
                    at = self.ask_together(steps, ready, from).await?;
                } else {
                    for place in 0..self.asked.len() {
                        let (command, index) = self.asked[place];
                        let statement = &statements_of(&commands[command])[index];
                        self.statement(steps, ready.ids[command][index], statement).await?;
                    }
                }
            }
            match commands.get(at).map(|command| &command.action) {
                Some(Do::SyncPipeline) => from = at + 1,
                _ => return Ok(at + 1),
            }
        }
    }

    /// Goes through commands up to the next synchronization; gives where that stands.
    async fn ask_together(
        &mut self,
        steps: &mut Steps<'_>,
        ready: &ReadyScript,
        from: usize,
    ) -> Result<usize, DbError> {
        let commands = ready.script.commands();
        let mut at = from;
        while let Some(command) = commands.get(at) {
            at = match &command.action {
                Do::SyncPipeline | Do::EndPipeline => break,
                Do::Sql(sql) => {
                    for (index, statement) in sql.statements.iter().enumerate() {
                        self.asked.push((at, index));
                        self.statement(steps, ready.ids[at][index], statement).await?;
                    }
                    at + 1
                }
                Do::Sleep(amount, unit) => {
                    let duration = amount.duration(*unit, &self.variables);
                    let duration = duration.map_err(|fault| self.fault(command, &fault))?;
                    Box::pin(tokio::time::sleep(duration)).await;
                    at + 1
                }
                _ => self.local(command, at)?,
            };
        }
        Ok(at)
    }

    #[cold]
    fn fault(&self, command: &Command, fault: &Fault) -> DbError {
        let place = self.shared.compiled.place(self.script, command);
        DbError::unexpected(format!("{place}: {fault}"))
    }

    #[cold]
    fn at(&self, id: StatementId, what: &str) -> DbError {
        let compiled = &self.shared.compiled;
        let name = compiled.scripts[self.script].script.name();
        DbError::unexpected(match compiled.traits.get(id) {
            Some(traits) => format!("{name}:{}: {what}", traits.line),
            None => format!("{name}: {what}"),
        })
    }

    #[cold]
    fn left_open(&self) -> DbError {
        let name = self.shared.compiled.scripts[self.script].script.name();
        DbError::unexpected(format!("{name}: the script ended within a transaction"))
    }
}

/// As pgbench tells what passes through `debug`.
#[cold]
fn tell(script: usize, command: usize, value: Scalar) {
    match value {
        Scalar::Null => eprintln!("debug(script={script},command={command}): null"),
        value => {
            eprintln!("debug(script={script},command={command}): {} {value}", value.type_name());
        }
    }
}
