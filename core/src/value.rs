//! The values that travel between a workload and an engine.

use std::fmt;

/// A parameter of a statement or a column of a row. It borrows its text and bytes, so that passing
/// parameters allocates nothing.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value<'a> {
    /// SQL NULL.
    Null,
    /// Any integer type; the driver narrows it to the column's width.
    Int(i64),
    /// A double-precision number.
    Float(f64),
    /// A fixed-point number.
    Decimal(Decimal),
    /// Character data.
    Text(&'a str),
    /// Binary data.
    Bytes(&'a [u8]),
    /// A point in time without a time zone.
    Timestamp(Timestamp),
    /// A day.
    Date(Date),
    /// An array of integers of any width: a parameter of engines whose
    /// [`RowLists`](crate::RowLists) are arrays, never a column. Others refuse it.
    Ints(&'a [i64]),
}

/// A fixed-point number, `unscaled / 10^scale`: money is exact on the client whatever an engine
/// stores it as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Decimal {
    /// The number without its decimal point.
    pub unscaled: i64,
    /// Digits after the decimal point, 0 to 18.
    pub scale: u8,
}

impl Decimal {
    /// `unscaled / 10^scale`.
    pub const fn new(unscaled: i64, scale: u8) -> Self {
        Self { unscaled, scale }
    }

    /// An amount of money given in cents.
    pub const fn cents(cents: i64) -> Self {
        Self::new(cents, 2)
    }

    /// The nearest double.
    pub fn to_f64(self) -> f64 {
        self.unscaled as f64 / 10f64.powi(i32::from(self.scale))
    }

    /// The unscaled number at another scale, digits that no longer fit rounded half away from zero;
    /// `None` where it would overflow.
    pub fn rescale(self, scale: u8) -> Option<i64> {
        if scale >= self.scale {
            let factor = 10i64.checked_pow(u32::from(scale - self.scale))?;
            return self.unscaled.checked_mul(factor);
        }
        let factor = 10i64.checked_pow(u32::from(self.scale - scale))?;
        let (quotient, remainder) = (self.unscaled / factor, self.unscaled % factor);
        let away = i64::from(remainder.unsigned_abs() * 2 >= factor.unsigned_abs());
        Some(quotient + away * remainder.signum())
    }

    /// Reads plain decimal notation; digits after the point that do not fit are dropped, of which
    /// the first decides how the last one that is kept is rounded. `None` for anything else, or
    /// where not even the digits before the point fit.
    pub fn parse_rounded(text: &str) -> Option<Self> {
        if let Some(exact) = Self::parse(text) {
            return Some(exact);
        }
        let point = text.find('.')?;
        let fraction = text.get(point + 1..)?;
        if !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        (0..fraction.len().min(18)).rev().find_map(|kept| {
            let shortened = Self::parse(text.get(..point + 2 + kept)?)?;
            Some(Self::new(shortened.rescale(kept as u8)?, kept as u8))
        })
    }

    /// Reads plain decimal notation such as `-12.50`; `None` for anything else, or where it does
    /// not fit 18 digits.
    pub fn parse(text: &str) -> Option<Self> {
        let (negative, digits) = match text.as_bytes() {
            [b'-', ..] => (true, &text[1..]),
            _ => (false, text),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let all_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if (whole.is_empty() && fraction.is_empty()) || !all_digits(whole) || !all_digits(fraction)
        {
            return None;
        }
        let mut unscaled: i64 = 0;
        for digit in whole.bytes().chain(fraction.bytes()) {
            unscaled = unscaled.checked_mul(10)?.checked_add(i64::from(digit - b'0'))?;
        }
        let scale = u8::try_from(fraction.len()).ok().filter(|scale| *scale <= 18)?;
        Some(Self::new(if negative { -unscaled } else { unscaled }, scale))
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.unscaled < 0 { "-" } else { "" };
        let scale = usize::from(self.scale);
        if scale == 0 {
            return write!(f, "{sign}{}", self.unscaled.unsigned_abs());
        }
        let factor = 10u64.pow(u32::from(self.scale));
        let magnitude = self.unscaled.unsigned_abs();
        write!(f, "{sign}{}.{:0scale$}", magnitude / factor, magnitude % factor)
    }
}

/// Microseconds since 1970-01-01 00:00:00, without a time zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// The present moment, in UTC.
    pub fn now() -> Self {
        Self(jiff::Timestamp::now().as_microsecond())
    }

    /// Calendar parts: year, month, day, hour, minute, second, microsecond.
    pub fn parts(self) -> (i16, u8, u8, u8, u8, u8, u32) {
        let moment =
            jiff::Timestamp::from_microsecond(self.0).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
        let civil = jiff::tz::TimeZone::UTC.to_datetime(moment);
        let unsigned = |part: i8| part.unsigned_abs();
        (
            civil.year(),
            unsigned(civil.month()),
            unsigned(civil.day()),
            unsigned(civil.hour()),
            unsigned(civil.minute()),
            unsigned(civil.second()),
            civil.subsec_nanosecond().unsigned_abs() / 1_000,
        )
    }

    /// From calendar parts; `None` where there is no such moment.
    pub fn from_parts(
        (year, month, day): (i16, u8, u8),
        (hour, minute, second): (u8, u8, u8),
        microsecond: u32,
    ) -> Option<Self> {
        let signed = |part: u8| i8::try_from(part).ok();
        let civil = jiff::civil::DateTime::new(
            year,
            signed(month)?,
            signed(day)?,
            signed(hour)?,
            signed(minute)?,
            signed(second)?,
            i32::try_from(microsecond.checked_mul(1_000)?).ok()?,
        )
        .ok()?;
        let moment = jiff::tz::TimeZone::UTC.to_timestamp(civil).ok()?;
        Some(Self(moment.as_microsecond()))
    }
}

impl fmt::Display for Timestamp {
    /// `YYYY-MM-DD HH:MM:SS.ffffff`, the form all three engines read and sort.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day, hour, minute, second, microsecond) = self.parts();
        write!(
            f,
            "{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}.{microsecond:06}"
        )
    }
}

/// A day of the calendar: days since 1970-01-01.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date(pub i32);

impl Date {
    /// From calendar parts; `None` where there is no such day.
    pub fn from_parts(year: i16, month: u8, day: u8) -> Option<Self> {
        let signed = |part: u8| i8::try_from(part).ok();
        Self::from_civil(jiff::civil::Date::new(year, signed(month)?, signed(day)?).ok()?)
    }

    /// Calendar parts: year, month, day.
    pub fn parts(self) -> (i16, u8, u8) {
        let civil = self.civil();
        (civil.year(), civil.month().unsigned_abs(), civil.day().unsigned_abs())
    }

    /// Reads `YYYY-MM-DD`.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('-');
        let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
        if parts.next().is_some() || year.len() != 4 || month.len() != 2 || day.len() != 2 {
            return None;
        }
        Self::from_parts(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?)
    }

    /// So many days later, or earlier.
    #[must_use]
    pub const fn plus_days(self, days: i32) -> Self {
        Self(self.0.saturating_add(days))
    }

    /// So many months later; the last day of that month where it has no such day.
    #[must_use]
    pub fn plus_months(self, months: i32) -> Self {
        let later = self.civil().saturating_add(jiff::Span::new().months(months));
        Self::from_civil(later).unwrap_or(self)
    }

    fn civil(self) -> jiff::civil::Date {
        jiff::civil::date(1970, 1, 1).saturating_add(jiff::Span::new().days(self.0))
    }

    fn from_civil(civil: jiff::civil::Date) -> Option<Self> {
        let days = civil.since(jiff::civil::date(1970, 1, 1)).ok()?.get_days();
        Some(Self(days))
    }
}

impl fmt::Display for Date {
    /// `YYYY-MM-DD`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = self.parts();
        write!(f, "{year:04}-{month:02}-{day:02}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn decimals_print_and_parse() {
        for (text, decimal) in [
            ("0.05", Decimal::new(5, 2)),
            ("-12.50", Decimal::new(-1250, 2)),
            ("7", Decimal::new(7, 0)),
        ] {
            assert_eq!(decimal.to_string(), text);
            assert_eq!(Decimal::parse(text), Some(decimal));
        }
        for text in ["", "-", ".", "1e5", "1.2.3", "12345678901234567890"] {
            assert_eq!(Decimal::parse(text), None, "{text}");
        }
    }

    #[test]
    fn rescaling_rounds_half_away_from_zero() {
        assert_eq!(Decimal::new(12345, 3).rescale(2), Some(1235));
        assert_eq!(Decimal::new(-12345, 3).rescale(2), Some(-1235));
        assert_eq!(Decimal::new(12344, 3).rescale(2), Some(1234));
        assert_eq!(Decimal::new(5, 0).rescale(2), Some(500));
        assert_eq!(Decimal::new(i64::MAX, 0).rescale(1), None);
    }

    #[test]
    fn digits_that_do_not_fit_are_rounded_away() {
        for (text, rounded) in [
            ("1.2345678901234567891", "1.23456789012345679"),
            ("25.52200585325733709999", "25.5220058532573371"),
            ("-12345678901234567.895", "-12345678901234567.9"),
            ("7.5", "7.5"),
        ] {
            assert_eq!(Decimal::parse_rounded(text).map(|d| d.to_string()), Some(rounded.into()));
        }
        for text in ["", "1e5", "12345678901234567890", "12345678901234567890.5", "1.2x"] {
            assert_eq!(Decimal::parse_rounded(text), None, "{text}");
        }
    }

    #[test]
    fn months_end_where_they_end() {
        let date = |text| Date::parse(text).unwrap();
        assert_eq!(date("1995-01-31").plus_months(1), date("1995-02-28"));
        assert_eq!(date("1996-11-30").plus_months(3), date("1997-02-28"));
        assert_eq!(date("1998-12-01").plus_days(-90), date("1998-09-02"));
        assert_eq!(date("1970-01-01"), Date(0));
        for text in ["1995-02-29", "95-01-01", "1995-1-1", "1995-01-01-01", ""] {
            assert_eq!(Date::parse(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn dates_round_trip(days in -100_000i32..1_000_000) {
            let date = Date(days);
            let (year, month, day) = date.parts();
            prop_assert_eq!(Date::from_parts(year, month, day), Some(date));
            prop_assert_eq!(Date::parse(&date.to_string()), Some(date));
        }

        #[test]
        fn decimal_text_round_trips(unscaled in -10i64.pow(17)..10i64.pow(17), scale in 0u8..=6) {
            let decimal = Decimal::new(unscaled, scale);
            prop_assert_eq!(Decimal::parse(&decimal.to_string()), Some(decimal));
        }

        #[test]
        fn timestamp_parts_round_trip(micros in 0i64..4_000_000_000_000_000) {
            let (y, mo, d, h, mi, s, us) = Timestamp(micros).parts();
            prop_assert_eq!(
                Timestamp::from_parts((y, mo, d), (h, mi, s), us),
                Some(Timestamp(micros))
            );
        }
    }
}
