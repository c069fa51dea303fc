//! A script as a client goes through it: one operation after another, with everything looked up that can be
//! known before.

use dbdyno_core::{Access, StatementId};
use dbdyno_script::{
    Amount, Command, Do, Expression, Script, Slot, Sql, Statement, StatementKind, TimeUnit,
};

use super::compiled::StatementTraits;
use super::expectation::RowsExpected;

/// The operations of a script.
#[derive(Debug, Default)]
pub struct Program {
    operations: Box<[Operation]>,
    /// Where each operation comes from.
    origins: Box<[Origin]>,
}

/// Where an operation comes from.
#[derive(Clone, Copy, Debug, Default)]
pub struct Origin {
    /// The byte of the script's text that its command begins with.
    pub at: usize,
    /// Which command of the script it is, from 1, as pgbench counts them.
    pub number: usize,
}

/// What a client does next. Jumps lead to the operation of that index.
#[derive(Debug)]
pub enum Operation {
    Run(Request),
    /// Also puts columns into variables.
    RunAndStore(Storing),
    Set(Slot, Expression),
    /// Jumps where the condition is not true.
    Unless(Expression, usize),
    Jump(usize),
    Begin(Access),
    Commit,
    Rollback,
    Sleep(Amount, TimeUnit),
    StartPipeline,
    SyncPipeline,
    EndPipeline,
}

/// A prepared statement that is run.
#[derive(Debug)]
pub struct Request {
    pub id: StatementId,
    /// The variable of each parameter.
    pub parameters: Box<[Slot]>,
    /// What is expected of the number of its rows.
    pub rows: Box<[RowsExpected]>,
    /// Whether its plan is looked at, with parameters that it ran with.
    pub is_explained: bool,
}

/// A statement whose columns become variables.
#[derive(Debug)]
pub struct Storing {
    pub request: Request,
    /// Before the name of each variable.
    pub prefix: String,
    /// Whether it may answer any number of rows (`\aset`), of which the last counts.
    pub any_rows: bool,
}

impl Program {
    /// A script whose statements have the numbers `ids`, by command, and `traits`, by number.
    pub fn new(script: &Script, ids: &[Box<[StatementId]>], traits: &[StatementTraits]) -> Self {
        let commands = script.commands();
        let firsts = first_of_each(commands);
        let place = |command: &usize| firsts[*command];
        let mut operations = Vec::new();
        let mut origins = Vec::new();
        for (command, ids) in commands.iter().zip(ids) {
            match &command.action {
                Do::Sql(sql) => operations.extend(of_statements(sql, ids, traits)),
                Do::Set(slot, expression) => {
                    operations.push(Operation::Set(*slot, expression.clone()));
                }
                Do::Unless(condition, otherwise) => {
                    operations.push(Operation::Unless(condition.clone(), place(otherwise)));
                }
                Do::Jump(to) => operations.push(Operation::Jump(place(to))),
                Do::Sleep(amount, unit) => operations.push(Operation::Sleep(*amount, *unit)),
                Do::StartPipeline => operations.push(Operation::StartPipeline),
                Do::SyncPipeline => operations.push(Operation::SyncPipeline),
                Do::EndPipeline => operations.push(Operation::EndPipeline),
            }
            let &Command { at, number, .. } = command;
            origins.resize(operations.len(), Origin { at, number });
        }
        Self { operations: operations.into(), origins: origins.into() }
    }

    /// The operation of that index; none behind the last one.
    #[inline]
    pub fn get(&self, at: usize) -> Option<&Operation> {
        self.operations.get(at)
    }

    /// Where an operation comes from.
    pub fn origin(&self, at: usize) -> Origin {
        self.origins.get(at).copied().unwrap_or_default()
    }
}

/// The index of each command's first operation, and that behind the last one: a command of several
/// statements becomes as many operations.
fn first_of_each(commands: &[Command]) -> Vec<usize> {
    let mut firsts = vec![0];
    let mut end = 0;
    for command in commands {
        end += match &command.action {
            Do::Sql(sql) => sql.statements.len(),
            _ => 1,
        };
        firsts.push(end);
    }
    firsts
}

fn of_statements<'s>(
    sql: &'s Sql,
    ids: &'s [StatementId],
    traits: &'s [StatementTraits],
) -> impl Iterator<Item = Operation> + 's {
    let last = sql.statements.len() - 1;
    sql.statements.iter().zip(ids).enumerate().map(move |(index, (statement, id))| {
        let store = sql.store.as_ref().filter(|store| store.all || index == last);
        match (statement.kind, store) {
            (StatementKind::Begin(access), _) => Operation::Begin(access),
            (StatementKind::Commit, _) => Operation::Commit,
            (StatementKind::Rollback, _) => Operation::Rollback,
            (_, None) => Operation::Run(request(statement, *id, traits)),
            (_, Some(store)) => Operation::RunAndStore(Storing {
                request: request(statement, *id, traits),
                prefix: store.prefix.clone(),
                any_rows: store.all,
            }),
        }
    })
}

fn request(statement: &Statement, id: StatementId, traits: &[StatementTraits]) -> Request {
    let traits = traits.get(id);
    Request {
        id,
        parameters: statement.parameters.as_slice().into(),
        rows: traits.map(|traits| traits.rows.as_slice().into()).unwrap_or_default(),
        is_explained: traits.is_some_and(|traits| !traits.indexes.is_empty()),
    }
}
