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
    /// Tells each variable that its value depends on, as often as it stands there.
    pub fn each_variable(&self, tell: &mut dyn FnMut(Slot)) {
        self.0.each_variable(tell);
    }
}

impl Node {
    fn each_variable(&self, tell: &mut dyn FnMut(Slot)) {
        match self {
            Self::Constant(_) => {}
            Self::Variable(slot) => tell(*slot),
            Self::Not(operand) | Self::Is(operand, _) => operand.each_variable(tell),
            Self::Binary(_, operands) => {
                operands.iter().for_each(|operand| operand.each_variable(tell));
            }
            Self::Call(_, arguments) => {
                arguments.iter().for_each(|argument| argument.each_variable(tell));
            }
            Self::Case(branches, otherwise) => {
                for (condition, value) in branches {
                    condition.each_variable(tell);
                    value.each_variable(tell);
                }
                otherwise.each_variable(tell);
            }
        }
    }
}
