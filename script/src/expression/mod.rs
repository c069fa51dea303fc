//! The expressions of `\set`, `\if` and `\elif` (PostgreSQL's manual, "pgbench", tables 289 and 290).

mod evaluate;
mod function;
mod hash;
mod lexer;
mod operator;
mod parser;
mod random;
#[cfg(test)]
mod tests;

use crate::names::Slot;
use crate::scalar::Scalar;

pub use evaluate::{Evaluated, Machine};
use function::Function;
use operator::Operator;
pub(crate) use parser::parse;

/// An expression, ready to be evaluated.
#[derive(Clone, Debug, PartialEq)]
pub struct Expression(Node);

/// A part of an expression.
#[derive(Clone, Debug, PartialEq)]
enum Node {
    Constant(Scalar),
    Variable(Slot),
    Not(Box<Node>),
    /// Whether it is the constant, of the same type and value.
    Is(Box<Node>, Scalar),
    Binary(Operator, Box<[Node; 2]>),
    Call(Function, Box<[Node]>),
    /// Conditions with what the whole is worth where one is true, and what it is worth otherwise.
    Case(Box<[(Node, Node)]>, Box<Node>),
}

impl Expression {
    /// Whether its value depends on a variable.
    pub fn reads(&self, slot: Slot) -> bool {
        self.0.reads(slot)
    }
}

impl Node {
    fn reads(&self, slot: Slot) -> bool {
        let reads = |node: &Self| node.reads(slot);
        match self {
            Self::Constant(_) => false,
            Self::Variable(read) => *read == slot,
            Self::Not(operand) | Self::Is(operand, _) => reads(operand),
            Self::Binary(_, operands) => operands.iter().any(reads),
            Self::Call(_, arguments) => arguments.iter().any(reads),
            Self::Case(branches, otherwise) => {
                branches.iter().any(|(condition, value)| reads(condition) || reads(value))
                    || reads(otherwise)
            }
        }
    }
}
