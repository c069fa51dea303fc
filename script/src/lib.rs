//! The language of pgbench's scripts, as PostgreSQL's manual defines it ("pgbench", "Custom Scripts"):
//! SQL with variables, and backslash commands between the statements.
//!
//! A [`Script`] is compiled once: variables become places in [`Variables`], conditions become jumps, and
//! statements are split and their variables turned into parameters. Evaluating an [`Expression`]
//! allocates nothing. What is wrong with a script is told by file, line and column before it runs
//! ([`Mistake`]).
//!
//! The crate knows no engine, and runs no statement: that is left to whoever goes through
//! [`Script::commands`].

mod blocks;
mod commands;
mod expression;
mod fault;
mod meta;
mod mistake;
mod names;
mod scalar;
mod script;
mod source;
mod sql;
mod statement;
mod variables;
mod word;

pub use commands::{Amount, Command, Do, Sql, Statement, StatementKind, Store, TimeUnit};
pub use expression::{Evaluated, Expression, Machine};
pub use fault::{Failure, Fault};
pub use mistake::Mistake;
pub use names::{Names, Slot, is_name};
pub use scalar::Scalar;
pub use script::Script;
pub use variables::{Held, Variables};
