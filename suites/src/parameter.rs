//! Parameters of statements that own what they hold.

use dbdyno_core::{Date, Decimal, RowWriter, Timestamp, Value};

/// A parameter of a statement.
#[derive(Clone, Debug, PartialEq)]
pub enum Parameter {
    Null,
    Int(i64),
    Float(f64),
    Decimal(Decimal),
    Text(String),
    Bytes(Vec<u8>),
    Date(Date),
    Timestamp(Timestamp),
    Ints(Vec<i64>),
}

impl Parameter {
    pub fn value(&self) -> Value<'_> {
        match self {
            Self::Null => Value::Null,
            Self::Int(int) => Value::Int(*int),
            Self::Float(float) => Value::Float(*float),
            Self::Decimal(decimal) => Value::Decimal(*decimal),
            Self::Text(text) => Value::Text(text),
            Self::Bytes(bytes) => Value::Bytes(bytes),
            Self::Ints(ints) => Value::Ints(ints),
            Self::Date(date) => Value::Date(*date),
            Self::Timestamp(moment) => Value::Timestamp(*moment),
        }
    }
}

/// The columns of a row that a generator writes.
#[derive(Debug, Default)]
pub struct Columns(pub Vec<Parameter>);

impl RowWriter for Columns {
    fn null(&mut self) {
        self.0.push(Parameter::Null);
    }
    fn int(&mut self, value: i64) {
        self.0.push(Parameter::Int(value));
    }
    fn decimal(&mut self, value: Decimal) {
        self.0.push(Parameter::Decimal(value));
    }
    fn text(&mut self, value: &str) {
        self.0.push(Parameter::Text(value.to_owned()));
    }
    fn timestamp(&mut self, value: Timestamp) {
        self.0.push(Parameter::Timestamp(value));
    }
    fn date(&mut self, value: Date) {
        self.0.push(Parameter::Date(value));
    }
}

impl From<Value<'_>> for Parameter {
    fn from(value: Value<'_>) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Int(int) => Self::Int(int),
            Value::Float(float) => Self::Float(float),
            Value::Decimal(decimal) => Self::Decimal(decimal),
            Value::Text(text) => Self::Text(text.to_owned()),
            Value::Bytes(bytes) => Self::Bytes(bytes.to_owned()),
            Value::Date(date) => Self::Date(date),
            Value::Timestamp(moment) => Self::Timestamp(moment),
            Value::Ints(ints) => Self::Ints(ints.to_owned()),
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
    ($($value:expr),* $(,)?) => { vec![$($crate::parameter::Parameter::from($value)),*] };
}
pub(crate) use list;
