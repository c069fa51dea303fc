//! What goes wrong while an expression is evaluated.

use std::fmt;

/// An expression that has no value: why, and where.
#[derive(Clone, Debug, PartialEq)]
pub struct Failure {
    /// Why.
    pub fault: Fault,
    /// The byte of the script's text at which the operator, function or variable stands.
    pub at: usize,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.fault.fmt(f)
    }
}

impl std::error::Error for Failure {}

/// Why an expression has no value. The words are pgbench's.
#[derive(Clone, Debug, PartialEq)]
pub enum Fault {
    /// A value is of a type that cannot stand there.
    Coercion {
        /// The type it is of.
        from: &'static str,
        /// The type that was needed.
        to: &'static str,
    },
    /// A double does not fit an integer.
    DoubleToInt(f64),
    /// The result of `add`, `sub`, `mul` or `div` does not fit 64 bits.
    OutOfRange(&'static str),
    /// An integer was divided by zero.
    DivisionByZero,
    /// A variable that nothing has set.
    Undefined(Box<str>),
    /// The text of a variable is no value.
    Malformed {
        /// The variable.
        name: Box<str>,
        /// What it holds.
        text: Box<str>,
    },
    /// The lower bound of a random number is above the upper one.
    EmptyRange,
    /// There are more numbers between two bounds than 63 bits count.
    RangeTooLarge,
    /// The parameter of `random_gaussian`.
    Gaussian(f64),
    /// The parameter of `random_exponential`.
    Exponential(f64),
    /// The parameter of `random_zipfian`.
    Zipfian(f64),
    /// The size given to `permute`.
    PermuteSize,
    /// What a variable holds is no time to sleep.
    SleepTime {
        /// The variable.
        name: Box<str>,
        /// What it holds.
        text: Box<str>,
    },
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Coercion { from, to } => write!(f, "cannot coerce {from} to {to}"),
            Self::DoubleToInt(double) => write!(f, "double to int overflow for {}", fixed(*double)),
            Self::OutOfRange(operation) => write!(f, "bigint {operation} out of range"),
            Self::DivisionByZero => f.write_str("division by zero"),
            Self::Undefined(name) => write!(f, "undefined variable \"{name}\""),
            Self::Malformed { name, text } => {
                write!(f, "malformed variable \"{name}\" value: \"{text}\"")
            }
            Self::EmptyRange => f.write_str("empty range given to random"),
            Self::RangeTooLarge => f.write_str("random range is too large"),
            Self::Gaussian(given) => {
                write!(f, "gaussian parameter must be at least 2.000000 (not {})", fixed(*given))
            }
            Self::Exponential(given) => {
                write!(f, "exponential parameter must be greater than zero (not {})", fixed(*given))
            }
            Self::Zipfian(given) => {
                write!(
                    f,
                    "zipfian parameter must be in range [1.001, 1000] (not {})",
                    fixed(*given)
                )
            }
            Self::PermuteSize => f.write_str("permute size parameter must be greater than zero"),
            Self::SleepTime { name, text } => {
                write!(f, "invalid sleep time \"{text}\" for variable \"{name}\"")
            }
        }
    }
}

/// C's `%f`; what is no number is called as PostgreSQL's own `printf` calls it.
fn fixed(number: f64) -> String {
    match number {
        f64::INFINITY => "Infinity".to_owned(),
        f64::NEG_INFINITY => "-Infinity".to_owned(),
        number => format!("{number:.6}"),
    }
}

impl std::error::Error for Fault {}
