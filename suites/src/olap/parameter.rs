//! What a query asks for.

use dbdyno_core::{Date, Decimal, Value};

/// A parameter of a statement.
#[derive(Clone, Debug, PartialEq)]
pub enum Parameter {
    /// A number.
    Int(i64),
    /// A number with a point.
    Decimal(Decimal),
    /// Text.
    Text(String),
    /// A day.
    Date(Date),
}

impl Parameter {
    /// As a session is given it.
    pub fn value(&self) -> Value<'_> {
        match self {
            Self::Int(int) => Value::Int(*int),
            Self::Decimal(decimal) => Value::Decimal(*decimal),
            Self::Text(text) => Value::Text(text),
            Self::Date(date) => Value::Date(*date),
        }
    }
}

impl From<i64> for Parameter {
    fn from(int: i64) -> Self {
        Self::Int(int)
    }
}

impl From<Date> for Parameter {
    fn from(date: Date) -> Self {
        Self::Date(date)
    }
}

impl From<String> for Parameter {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&str> for Parameter {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<Decimal> for Parameter {
    fn from(decimal: Decimal) -> Self {
        Self::Decimal(decimal)
    }
}

/// Parameters of any types.
macro_rules! list {
    ($($value:expr),* $(,)?) => { vec![$($crate::olap::parameter::Parameter::from($value)),*] };
}
pub(super) use list;
