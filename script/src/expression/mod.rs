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

use crate::fault::{Failure, Fault};
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
    Variable(Slot, Spot),
    Not(Box<Node>, Spot),
    /// Whether it is the constant, of the same type and value.
    Is(Box<Node>, Scalar),
    Binary(Operator, Box<[Node; 2]>, Spot),
    Call(Function, Box<[Node]>, Spot),
    /// Conditions with what the whole is worth where one is true, and what it is worth otherwise.
    Case(Box<[(Node, Node)]>, Box<Node>),
}

/// Where a part stands: the byte of the script's text. It does not make it another part.
#[derive(Clone, Copy, Debug)]
struct Spot(u32);

impl PartialEq for Spot {
    fn eq(&self, _other: &Self) -> bool {
        true
    }
}

impl Spot {
    fn new(at: usize) -> Self {
        Self(u32::try_from(at).unwrap_or(u32::MAX))
    }

    #[cold]
    fn failure(self, fault: Fault) -> Box<Failure> {
        Box::new(Failure { fault, at: self.0 as usize })
    }
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
            Self::Variable(slot, _) => tell(*slot),
            Self::Not(operand, _) | Self::Is(operand, _) => operand.each_variable(tell),
            Self::Binary(_, operands, _) => {
                operands.iter().for_each(|operand| operand.each_variable(tell));
            }
            Self::Call(_, arguments, _) => {
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
