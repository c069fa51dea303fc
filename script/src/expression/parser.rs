//! Tokens to an expression, by the precedences of `exprparse.y` in pgbench's source.

use super::function::Function;
use super::lexer::{Keyword, Lexer, Token};
use super::operator::{Operator, Precedence};
use super::{Expression, Node, Spot};
use crate::mistake::Mistake;
use crate::names::{Names, Slot};
use crate::scalar::Scalar;
use crate::source::Source;

/// As deep as parts may stand within each other: evaluating takes stack for each.
const DEEPEST: usize = 200;
/// The seed of hashes that are given none.
const DEFAULT_SEED: &str = "default_seed";
const OPERAND: &str = "a number, a variable, a function, `CASE` or `(`";

/// A variable that is read, and where.
pub type Read = (Slot, usize);

/// Reads the expression from `at` on, to the end of its command. The variables in it are added to `reads`.
pub fn parse(
    source: Source<'_>,
    at: usize,
    names: &mut Names,
    reads: &mut Vec<Read>,
) -> Result<Expression, Mistake> {
    let mut parser = Parser { lexer: Lexer::new(source, at)?, names, reads, depth: 0 };
    let node = parser.expression(None)?;
    match parser.lexer.token() {
        Token::End => Ok(Expression(node)),
        Token::Open => Err(parser.lexer.unexpected("an operator").next(
            "name a function before `(`, without a blank or colon of its own: `random(1, 10)`",
        )),
        _ => Err(parser.lexer.unexpected("an operator or the end of the command")),
    }
}

struct Parser<'t, 'n> {
    lexer: Lexer<'t>,
    names: &'n mut Names,
    reads: &'n mut Vec<Read>,
    depth: usize,
}

impl Parser<'_, '_> {
    /// An operand with the operators behind it that bind more tightly than `outer`.
    fn expression(&mut self, outer: Option<Precedence>) -> Result<Node, Mistake> {
        let depth = self.depth;
        self.deepen()?;
        let mut node = self.operand()?;
        let mut compared = false;
        loop {
            let precedence = match self.lexer.token() {
                Token::Operator(operator) => operator.precedence(),
                Token::Keyword(Keyword::Is | Keyword::IsNull | Keyword::NotNull) => Precedence::Is,
                _ => break,
            };
            if outer.is_some_and(|outer| precedence <= outer) {
                break;
            }
            let is_comparison = precedence == Precedence::Comparison;
            if compared && is_comparison {
                return Err(self
                    .lexer
                    .unexpected("no second comparison")
                    .next("put one of the comparisons in parentheses, or join two by AND"));
            }
            compared = is_comparison;
            self.deepen()?;
            let spot = Spot::new(self.lexer.start());
            node = match self.lexer.take()? {
                Token::Operator(operator) => {
                    let right = self.expression(Some(precedence))?;
                    Node::Binary(operator, Box::new([node, right]), spot)
                }
                Token::Keyword(Keyword::IsNull) => Node::Is(Box::new(node), Scalar::Null),
                Token::Keyword(Keyword::NotNull) => is_not(node, Scalar::Null, spot),
                _ => self.is(node, spot)?,
            };
        }
        self.depth = depth;
        Ok(node)
    }

    fn deepen(&mut self) -> Result<(), Mistake> {
        self.depth += 1;
        if self.depth <= DEEPEST {
            return Ok(());
        }
        let what = format!("the expression is more than {DEEPEST} parts deep");
        let deep = self.lexer.mistake(self.lexer.start(), what);
        Err(deep.next("set a variable to a part of it first"))
    }

    /// What stands behind `IS`.
    fn is(&mut self, node: Node, spot: Spot) -> Result<Node, Mistake> {
        let negated = *self.lexer.token() == Token::Keyword(Keyword::Not);
        if negated {
            self.lexer.take()?;
        }
        match *self.lexer.token() {
            Token::Constant(constant @ (Scalar::Null | Scalar::Bool(_))) => {
                self.lexer.take()?;
                Ok(if negated {
                    is_not(node, constant, spot)
                } else {
                    Node::Is(Box::new(node), constant)
                })
            }
            _ => Err(self.lexer.unexpected("NULL, TRUE or FALSE behind IS")),
        }
    }

    fn operand(&mut self) -> Result<Node, Mistake> {
        let start = self.lexer.start();
        let spot = Spot::new(start);
        match self.lexer.token().clone() {
            Token::Constant(constant) => {
                self.lexer.take()?;
                Ok(Node::Constant(constant))
            }
            Token::Variable(name) => {
                self.lexer.take()?;
                Ok(self.variable(name, start))
            }
            Token::Open => {
                self.lexer.take()?;
                let node = self.expression(None)?;
                self.expect(&Token::Close, "an operator or `)`")?;
                Ok(node)
            }
            Token::Operator(Operator::Add) => {
                self.lexer.take()?;
                self.expression(Some(Precedence::Sign))
            }
            Token::Operator(Operator::Subtract) => {
                self.lexer.take()?;
                self.negative(spot)
            }
            Token::Complement => {
                self.lexer.take()?;
                let node = self.expression(Some(Precedence::Bits))?;
                let all_bits = Node::Constant(Scalar::Int(-1));
                Ok(Node::Binary(Operator::BitXor, Box::new([all_bits, node]), spot))
            }
            Token::Keyword(Keyword::Not) => {
                self.lexer.take()?;
                Ok(Node::Not(Box::new(self.negated()?), spot))
            }
            Token::Keyword(Keyword::Case) => {
                self.lexer.take()?;
                self.case()
            }
            Token::Name(name) => {
                self.lexer.take()?;
                self.call(name, start)
            }
            Token::IntMinimum => Err(self
                .lexer
                .mistake(start, "bigint constant overflow: the largest is 9223372036854775807")),
            _ => Err(self.lexer.unexpected(OPERAND)),
        }
    }

    /// What stands behind a minus: `-x` is `0 - x`.
    fn negative(&mut self, spot: Spot) -> Result<Node, Mistake> {
        if *self.lexer.token() == Token::IntMinimum {
            self.lexer.take()?;
            return Ok(Node::Constant(Scalar::Int(i64::MIN)));
        }
        let node = self.expression(Some(Precedence::Sign))?;
        let operands = Box::new([Node::Constant(Scalar::Int(0)), node]);
        Ok(Node::Binary(Operator::Subtract, operands, spot))
    }

    /// What stands behind `NOT`, which may be another one.
    fn negated(&mut self) -> Result<Node, Mistake> {
        self.expression(Some(Precedence::Not))
    }

    fn variable(&mut self, name: &str, start: usize) -> Node {
        let slot = self.names.slot(name);
        self.reads.push((slot, start));
        Node::Variable(slot, Spot::new(start))
    }

    /// What stands behind `CASE`.
    fn case(&mut self) -> Result<Node, Mistake> {
        let mut branches = Vec::new();
        if *self.lexer.token() != Token::Keyword(Keyword::When) {
            return Err(self
                .lexer
                .unexpected("WHEN")
                .next("write `CASE WHEN :x = 1 THEN …`: there is no `CASE :x WHEN 1 …` here"));
        }
        while *self.lexer.token() == Token::Keyword(Keyword::When) {
            self.lexer.take()?;
            let condition = self.expression(None)?;
            self.expect(&Token::Keyword(Keyword::Then), "an operator or THEN")?;
            branches.push((condition, self.expression(None)?));
        }
        let otherwise = if *self.lexer.token() == Token::Keyword(Keyword::Else) {
            self.lexer.take()?;
            let otherwise = self.expression(None)?;
            self.expect(&Token::Keyword(Keyword::End), "an operator or END")?;
            otherwise
        } else {
            self.expect(&Token::Keyword(Keyword::End), "an operator, WHEN, ELSE or END")?;
            Node::Constant(Scalar::Null)
        };
        Ok(Node::Case(branches.into(), Box::new(otherwise)))
    }

    /// What stands behind the name of a function.
    fn call(&mut self, name: &str, start: usize) -> Result<Node, Mistake> {
        let Some(function) = Function::find(name) else {
            return Err(self.no_function(name, start));
        };
        self.expect(&Token::Open, &format!("`(` and the arguments of `{name}`"))?;
        let mut arguments = Vec::new();
        if *self.lexer.token() != Token::Close {
            arguments.push(self.expression(None)?);
            while *self.lexer.token() == Token::Comma {
                self.lexer.take()?;
                arguments.push(self.expression(None)?);
            }
        }
        self.expect(&Token::Close, "an operator, `,` or `)`")?;
        let wanted = function.arguments();
        if !wanted.contains(&arguments.len()) {
            let what = wrong_count(name, arguments.len(), &wanted);
            return Err(self.lexer.mistake(start, what));
        }
        if function.takes_seed() && arguments.len() < *wanted.end() {
            arguments.push(self.variable(DEFAULT_SEED, start));
        }
        Ok(Node::Call(function, arguments.into(), Spot::new(start)))
    }

    #[cold]
    fn no_function(&self, name: &str, start: usize) -> Mistake {
        const ALIKE: f64 = 0.85;
        let mistake =
            self.lexer.mistake(start, format!("unexpected function name `{name}`: there is none"));
        if *self.lexer.token() != Token::Open && self.names.find(name).is_some() {
            return mistake.next(format!("write `:{name}` for the variable's value"));
        }
        let score = |known: &&str| strsim::jaro_winkler(&name.to_ascii_lowercase(), known);
        let near = Function::names().max_by(|one, two| score(one).total_cmp(&score(two)));
        match near.filter(|near| score(near) >= ALIKE) {
            Some(near) => mistake.next(format!("did you mean `{near}`?")),
            None => {
                let all: Vec<&str> = Function::names().collect();
                mistake.next(format!("use one of {}", all.join(", ")))
            }
        }
    }

    fn expect(&mut self, token: &Token<'_>, expected: &str) -> Result<(), Mistake> {
        if self.lexer.token() == token {
            self.lexer.take()?;
            return Ok(());
        }
        Err(self.lexer.unexpected(expected))
    }
}

fn is_not(node: Node, constant: Scalar, spot: Spot) -> Node {
    Node::Not(Box::new(Node::Is(Box::new(node), constant)), spot)
}

fn wrong_count(name: &str, given: usize, wanted: &std::ops::RangeInclusive<usize>) -> String {
    let arguments = |count: usize| if count == 1 { "argument" } else { "arguments" };
    let (least, most) = (*wanted.start(), *wanted.end());
    let takes = if least == most {
        format!("{most} {}", arguments(most))
    } else {
        format!("{least} to {most} arguments")
    };
    format!("unexpected number of arguments: `{name}` takes {takes} and was given {given}")
}
