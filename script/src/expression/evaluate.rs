//! What an expression is worth. Nothing here allocates but messages of what went wrong.

use dbdyno_core::random::Rng;

use super::function::Function;
use super::operator::Operator;
use super::random::{self, Bounds};
use super::{Expression, Node, Spot, hash};
use crate::fault::{Failure, Fault};
use crate::scalar::Scalar;
use crate::variables::Variables;

/// A value, or why there is none, and where: boxed, so that what is nearly always a value fits two
/// registers.
pub type Evaluated = Result<Scalar, Box<Failure>>;

/// What an operation makes of values, wherever it stands.
type Worth = Result<Scalar, Box<Fault>>;

/// What an expression is evaluated with.
pub struct Machine<'m> {
    /// What variables are worth.
    pub variables: &'m Variables,
    /// Where random numbers come from.
    pub rng: &'m mut Rng,
    /// What is told of each value that passes through `debug`.
    pub debug: &'m mut dyn FnMut(Scalar),
}

impl Spot {
    /// Says where it went wrong.
    #[inline]
    fn mark(self, worth: Worth) -> Evaluated {
        worth.map_err(|fault| self.failure(*fault))
    }

    /// An operand of a logical operator.
    fn bool(self, value: Scalar) -> Result<bool, Box<Failure>> {
        value.to_bool().map_err(|fault| self.failure(fault))
    }
}

impl Expression {
    /// Its value.
    ///
    /// # Errors
    /// It has none: a variable is not set, an operand is of the wrong type, a result is out of range.
    #[inline]
    pub fn evaluate(&self, machine: &mut Machine<'_>) -> Evaluated {
        machine.evaluate(&self.0)
    }
}

impl Machine<'_> {
    fn evaluate(&mut self, node: &Node) -> Evaluated {
        match node {
            Node::Constant(value) => Ok(*value),
            Node::Variable(slot, spot) => {
                self.variables.scalar(*slot).map_err(|fault| spot.failure(fault))
            }
            Node::Not(operand, spot) => match self.evaluate(operand)? {
                Scalar::Null => Ok(Scalar::Null),
                value => Ok(Scalar::Bool(!spot.bool(value)?)),
            },
            Node::Is(operand, constant) => Ok(Scalar::Bool(self.evaluate(operand)? == *constant)),
            Node::Binary(operator @ (Operator::And | Operator::Or), operands, spot) => {
                self.logic(*operator, operands, *spot)
            }
            // pgbench reads `a > b` as `b < a`.
            Node::Binary(
                operator @ (Operator::Greater | Operator::GreaterOrEqual),
                operands,
                spot,
            ) => {
                let (right, left) = (self.evaluate(&operands[1])?, self.evaluate(&operands[0])?);
                spot.mark(binary(*operator, left, right))
            }
            Node::Binary(operator, operands, spot) => {
                let (left, right) = (self.evaluate(&operands[0])?, self.evaluate(&operands[1])?);
                spot.mark(binary(*operator, left, right))
            }
            Node::Call(function, arguments, spot) => self.call(*function, arguments, *spot),
            Node::Case(branches, otherwise) => {
                for (condition, value) in branches {
                    if self.evaluate(condition)?.is_true() {
                        return self.evaluate(value);
                    }
                }
                self.evaluate(otherwise)
            }
        }
    }

    /// `AND` and `OR` leave the right operand alone where the left one decides. Unlike in SQL, NULL on
    /// the left decides too.
    fn logic(&mut self, operator: Operator, operands: &[Node; 2], spot: Spot) -> Evaluated {
        let deciding = operator == Operator::Or;
        match self.evaluate(&operands[0])? {
            Scalar::Null => return Ok(Scalar::Null),
            left if spot.bool(left)? == deciding => return Ok(Scalar::Bool(deciding)),
            _ => {}
        }
        match self.evaluate(&operands[1])? {
            Scalar::Null => Ok(Scalar::Null),
            right => Ok(Scalar::Bool(spot.bool(right)?)),
        }
    }

    fn call(&mut self, function: Function, arguments: &[Node], spot: Spot) -> Evaluated {
        match (function, arguments) {
            (Function::Least | Function::Greatest, _) => self.extreme(function, arguments, spot),
            (_, []) => Ok(Scalar::Double(std::f64::consts::PI)),
            (_, [one]) => {
                let value = self.evaluate(one)?;
                spot.mark(self.of_one(function, value))
            }
            (_, [one, two]) => {
                let (one, two) = (self.evaluate(one)?, self.evaluate(two)?);
                if matches!((one, two), (Scalar::Null, _) | (_, Scalar::Null)) {
                    return Ok(Scalar::Null);
                }
                spot.mark(self.of_two(function, one, two))
            }
            (_, [one, two, three, ..]) => {
                let values = [self.evaluate(one)?, self.evaluate(two)?, self.evaluate(three)?];
                if values.contains(&Scalar::Null) {
                    return Ok(Scalar::Null);
                }
                spot.mark(self.of_three(function, values))
            }
        }
    }

    fn of_one(&mut self, function: Function, value: Scalar) -> Worth {
        if function == Function::Debug {
            (self.debug)(value);
            return Ok(value);
        }
        match (function, value) {
            (_, Scalar::Null) => Ok(Scalar::Null),
            (Function::Int, value) => Ok(Scalar::Int(value.to_int()?)),
            // pgbench lets the smallest integer be.
            (Function::Abs, Scalar::Int(int)) => Ok(Scalar::Int(int.wrapping_abs())),
            (function, value) => {
                let double = value.to_double()?;
                Ok(Scalar::Double(match function {
                    Function::Abs => double.abs(),
                    Function::Sqrt => double.sqrt(),
                    Function::Ln => double.ln(),
                    Function::Exp => double.exp(),
                    _ => double,
                }))
            }
        }
    }

    fn of_two(&mut self, function: Function, one: Scalar, two: Scalar) -> Worth {
        match function {
            Function::Pow => Ok(Scalar::Double(one.to_double()?.powf(two.to_double()?))),
            Function::Mod => binary(Operator::Modulo, one, two),
            _ => {
                let (one, two) = (one.to_int()?, two.to_int()?);
                Ok(Scalar::Int(match function {
                    Function::HashFnv1a => hash::fnv1a(one, two),
                    Function::HashMurmur2 => hash::murmur2(one, two),
                    _ => random::uniform(self.rng, Bounds::new(one, two)?),
                }))
            }
        }
    }

    fn of_three(&mut self, function: Function, values: [Scalar; 3]) -> Worth {
        let [one, two, three] = values;
        let (one, two) = (one.to_int()?, two.to_int()?);
        if function == Function::Permute {
            let seed = three.to_int()?;
            return if two <= 0 {
                Err(Fault::PermuteSize.into())
            } else {
                Ok(Scalar::Int(hash::permute(one, two, seed)))
            };
        }
        let bounds = Bounds::new(one, two)?;
        let parameter = three.to_double()?;
        let drawn = match function {
            Function::RandomExponential => random::exponential(self.rng, bounds, parameter),
            Function::RandomGaussian => random::gaussian(self.rng, bounds, parameter),
            _ => random::zipfian(self.rng, bounds, parameter),
        };
        Ok(Scalar::Int(drawn?))
    }

    /// The least or greatest value; a double where any of them is one.
    fn extreme(&mut self, function: Function, arguments: &[Node], spot: Spot) -> Evaluated {
        let is_least = function == Function::Least;
        let mut found = None;
        let mut has_null = false;
        for argument in arguments {
            let value = self.evaluate(argument)?;
            if value == Scalar::Null {
                has_null = true;
            } else if !has_null {
                found = Some(match found {
                    None => value,
                    Some(found) => spot.mark(nearer(is_least, found, value))?,
                });
            }
        }
        match found {
            Some(value) if !has_null => match value {
                Scalar::Double(_) => Ok(value),
                value => spot.mark(integer(value)),
            },
            _ => Ok(Scalar::Null),
        }
    }
}

fn integer(value: Scalar) -> Worth {
    Ok(Scalar::Int(value.to_int()?))
}

fn nearer(is_least: bool, found: Scalar, value: Scalar) -> Worth {
    if let (Scalar::Int(found), Scalar::Int(value)) = (found, value) {
        return Ok(Scalar::Int(if is_least { found.min(value) } else { found.max(value) }));
    }
    let has_double = [found, value].iter().any(|one| matches!(one, Scalar::Double(_)));
    if !has_double {
        // One of them is no number, which this says.
        found.to_int()?;
        value.to_int()?;
    }
    let (found, value) = (found.to_double()?, value.to_double()?);
    // What is no number counts as the nearer one where it comes later.
    let keeps_found = if is_least { found < value } else { found > value };
    Ok(Scalar::Double(if keeps_found { found } else { value }))
}

/// Arithmetic and comparisons are of doubles where one operand is one; `%` and operators of bits are of
/// integers always. NULL makes NULL.
fn binary(operator: Operator, left: Scalar, right: Scalar) -> Worth {
    match (left, right) {
        (Scalar::Int(left), Scalar::Int(right)) => of_ints(operator, left, right),
        (Scalar::Null, _) | (_, Scalar::Null) => Ok(Scalar::Null),
        (Scalar::Double(_), _) | (_, Scalar::Double(_)) if takes_doubles(operator) => {
            Ok(of_doubles(operator, left.to_double()?, right.to_double()?))
        }
        _ => of_ints(operator, left.to_int()?, right.to_int()?),
    }
}

fn takes_doubles(operator: Operator) -> bool {
    use Operator::{BitAnd, BitOr, BitXor, Modulo, ShiftLeft, ShiftRight};
    !matches!(operator, Modulo | BitAnd | BitOr | BitXor | ShiftLeft | ShiftRight)
}

#[inline]
fn of_ints(operator: Operator, left: i64, right: i64) -> Worth {
    let in_range = |result: Option<i64>, operation| {
        result.map(Scalar::Int).ok_or_else(|| Fault::OutOfRange(operation).into())
    };
    // The processors that pgbench is built for take a shift modulo 64.
    let distance = right as u32;
    match operator {
        Operator::Add => in_range(left.checked_add(right), "add"),
        Operator::Subtract => in_range(left.checked_sub(right), "sub"),
        Operator::Multiply => in_range(left.checked_mul(right), "mul"),
        Operator::Divide | Operator::Modulo if right == 0 => Err(Fault::DivisionByZero.into()),
        Operator::Divide => in_range(left.checked_div(right), "div"),
        Operator::Modulo => Ok(Scalar::Int(left.wrapping_rem(right))),
        Operator::BitOr => Ok(Scalar::Int(left | right)),
        Operator::BitXor => Ok(Scalar::Int(left ^ right)),
        Operator::BitAnd => Ok(Scalar::Int(left & right)),
        Operator::ShiftLeft => Ok(Scalar::Int(left.wrapping_shl(distance))),
        Operator::ShiftRight => Ok(Scalar::Int(left.wrapping_shr(distance))),
        comparison => Ok(Scalar::Bool(holds(comparison, left, right))),
    }
}

fn of_doubles(operator: Operator, left: f64, right: f64) -> Scalar {
    match operator {
        Operator::Add => Scalar::Double(left + right),
        Operator::Subtract => Scalar::Double(left - right),
        Operator::Multiply => Scalar::Double(left * right),
        Operator::Divide => Scalar::Double(left / right),
        comparison => Scalar::Bool(holds(comparison, left, right)),
    }
}

fn holds<T: PartialOrd>(comparison: Operator, left: T, right: T) -> bool {
    match comparison {
        Operator::Less => left < right,
        Operator::LessOrEqual => left <= right,
        Operator::Greater => left > right,
        Operator::GreaterOrEqual => left >= right,
        Operator::NotEqual => left != right,
        _ => left == right,
    }
}
