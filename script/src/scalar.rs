//! What an expression is worth, and how it turns from one type into another.

use std::fmt;

use crate::fault::Fault;

/// The value of an expression.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Scalar {
    /// NULL.
    Null,
    /// True or false.
    Bool(bool),
    /// A 64-bit integer.
    Int(i64),
    /// A double-precision number.
    Double(f64),
}

/// The smallest and the first too large double that an integer can be made of: 2^63 is exact.
const INT_RANGE: std::ops::Range<f64> = -9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0;

impl Scalar {
    /// What it is called in messages.
    pub const fn type_name(self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "boolean",
            Self::Int(_) => "int",
            Self::Double(_) => "double",
        }
    }

    /// As a condition: numbers other than zero are true, zero and NULL are false.
    pub fn is_true(self) -> bool {
        match self {
            Self::Null => false,
            Self::Bool(bool) => bool,
            Self::Int(int) => int != 0,
            Self::Double(double) => double != 0.0,
        }
    }

    /// As an operand of a logical operator, which takes no numbers.
    ///
    /// # Errors
    /// It is none.
    pub(crate) fn to_bool(self) -> Result<bool, Fault> {
        match self {
            Self::Bool(bool) => Ok(bool),
            other => Err(Fault::Coercion { from: other.type_name(), to: "boolean" }),
        }
    }

    /// As an integer; a double is rounded, halves to the even neighbour.
    ///
    /// # Errors
    /// It is no number, or out of range.
    pub(crate) fn to_int(self) -> Result<i64, Fault> {
        match self {
            Self::Int(int) => Ok(int),
            Self::Double(double) => {
                let rounded = double.round_ties_even();
                if INT_RANGE.contains(&rounded) {
                    Ok(rounded as i64)
                } else {
                    Err(Fault::DoubleToInt(rounded))
                }
            }
            other => Err(Fault::Coercion { from: other.type_name(), to: "int" }),
        }
    }

    /// As a double.
    ///
    /// # Errors
    /// It is no number.
    pub(crate) fn to_double(self) -> Result<f64, Fault> {
        match self {
            Self::Double(double) => Ok(double),
            Self::Int(int) => Ok(int as f64),
            other => Err(Fault::Coercion { from: other.type_name(), to: "double" }),
        }
    }

    /// What a variable's text is worth: as pgbench reads `-D` and the columns of `\gset`. `None` where it
    /// is no value, or an integer beyond 64 bits.
    pub fn read(text: &str) -> Option<Self> {
        let is = |word: &str| word.eq_ignore_ascii_case(text);
        let begins = |word: &str| word.get(..text.len()).is_some_and(is);
        match text {
            "" => None,
            _ if is("null") => Some(Self::Null),
            _ if is("on") || begins("true") || begins("yes") => Some(Self::Bool(true)),
            _ if is("off") || is("of") || begins("false") || begins("no") => {
                Some(Self::Bool(false))
            }
            _ => Self::read_number(text.trim_start()),
        }
    }

    fn read_number(text: &str) -> Option<Self> {
        let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
        if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return text.parse().ok().map(Self::Int);
        }
        Self::read_double(text)
    }

    /// A number as C's `strtod` reads it, which sets an error where it is too large or too small.
    pub(crate) fn read_double(text: &str) -> Option<Self> {
        let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
        let double: f64 = text.parse().ok()?;
        let is_zero = !digits.bytes().take_while(|b| !matches!(b, b'e' | b'E')).any(|b| b > b'0');
        let names_infinity = digits.get(..3).is_some_and(|word| word.eq_ignore_ascii_case("inf"));
        let fits =
            (double.is_finite() || double.is_nan() || names_infinity) && (double != 0.0 || is_zero);
        fits.then_some(Self::Double(double))
    }
}

impl fmt::Display for Scalar {
    /// As pgbench puts it into a statement: `NULL`, `true`, `-3`, and doubles by 15 digits as C's `%.15g`
    /// has them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("NULL"),
            Self::Bool(bool) => bool.fmt(f),
            Self::Int(int) => int.fmt(f),
            Self::Double(double) => f.write_str(&fifteen_digits(*double)),
        }
    }
}

/// C's `%.15g` (C11, 7.21.6.1): the exponent form where the exponent is below -4 or above 14, and no
/// zeros at the end. What is no number is called as PostgreSQL's own `printf` calls it.
fn fifteen_digits(number: f64) -> String {
    if number.is_nan() {
        return "NaN".to_owned();
    }
    if number.is_infinite() {
        return if number > 0.0 { "Infinity" } else { "-Infinity" }.to_owned();
    }
    let scientific = format!("{number:.14e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-4..15).contains(&exponent) {
        let decimals = usize::try_from(14 - exponent).unwrap_or(0);
        return without_zeros(&format!("{number:.decimals$}")).to_owned();
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{}e{sign}{:02}", without_zeros(digits), exponent.abs())
}

fn without_zeros(number: &str) -> &str {
    if number.contains('.') { number.trim_end_matches('0').trim_end_matches('.') } else { number }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_print_as_c_prints_them() {
        // printf("%.15g") of glibc 2.36.
        for (number, text) in [
            (0.0, "0"),
            (-0.0, "-0"),
            (1.0, "1"),
            (0.1, "0.1"),
            (1.0 / 3.0, "0.333333333333333"),
            (2.0 / 3.0 * 100.0, "66.6666666666667"),
            (1e14, "100000000000000"),
            (1e15, "1e+15"),
            (123_456_789_012_345_678.0, "1.23456789012346e+17"),
            (0.0001, "0.0001"),
            (0.00001, "1e-05"),
            (-0.00032, "-0.00032"),
            (1e100, "1e+100"),
            (999_999_999_999_999.9, "1e+15"),
            (std::f64::consts::PI, "3.14159265358979"),
            (f64::NEG_INFINITY, "-Infinity"),
            (f64::NAN, "NaN"),
        ] {
            assert_eq!(Scalar::Double(number).to_string(), text);
        }
    }

    #[test]
    fn the_text_of_variables_is_read_as_pgbench_reads_it() {
        use Scalar::{Bool, Double, Int, Null};
        for (text, value) in [
            ("null", Some(Null)),
            ("NULL", Some(Null)),
            ("t", Some(Bool(true))),
            ("tru", Some(Bool(true))),
            ("Y", Some(Bool(true))),
            ("on", Some(Bool(true))),
            ("f", Some(Bool(false))),
            ("n", Some(Bool(false))),
            ("of", Some(Bool(false))),
            ("OFF", Some(Bool(false))),
            ("o", None),
            ("", None),
            ("bla", None),
            ("trueXXX", None),
            ("1", Some(Int(1))),
            ("+3", Some(Int(3))),
            (" -7", Some(Int(-7))),
            ("9223372036854775807", Some(Int(i64::MAX))),
            ("-9223372036854775808", Some(Int(i64::MIN))),
            ("9223372036854775808", None),
            ("-10.1", Some(Double(-10.1))),
            ("1e3", Some(Double(1000.0))),
            ("1e999", None),
            ("1e-999", None),
            ("0e-999", Some(Double(0.0))),
        ] {
            assert_eq!(Scalar::read(text), value, "{text}");
        }
    }

    #[test]
    fn halves_are_rounded_to_even_and_what_is_too_large_is_refused() {
        for (double, int) in [(0.5, 0), (1.5, 2), (2.5, 2), (-0.5, 0), (-1.5, -2), (7.3, 7)] {
            assert_eq!(Scalar::Double(double).to_int(), Ok(int));
        }
        assert_eq!(Scalar::Double(-(2f64.powi(63))).to_int(), Ok(i64::MIN));
        for double in [2f64.powi(63), 1e32, f64::NAN, f64::NEG_INFINITY] {
            assert!(Scalar::Double(double).to_int().is_err(), "{double}");
        }
    }
}
