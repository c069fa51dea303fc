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

    /// `unscaled / 10^scale`, rounded half away from zero after its last digit that fits; `None` where
    /// not even those before the point do. `scale` is at most 37.
    pub fn rounded(unscaled: i128, scale: u32) -> Option<Self> {
        (0..=scale).find_map(|dropped| {
            let factor = 10i128.pow(dropped);
            let magnitude = unscaled.abs().checked_add(factor / 2)? / factor;
            let kept = u8::try_from(scale - dropped).ok().filter(|kept| *kept <= 18)?;
            Some(Self::new(i64::try_from(magnitude * unscaled.signum()).ok()?, kept))
        })
    }

    /// Reads plain decimal notation as [`parse`](Self::parse) does, but for more digits, which are
    /// rounded away.
    pub fn parse_rounded(text: &str) -> Option<Self> {
        /// So many digits fit an `i128`, with one to spare for rounding.
        const MOST_DIGITS: usize = 37;
        let (negative, digits) = sign_and_digits(text);
        let (whole, fraction) = whole_and_fraction(digits)?;
        let kept = fraction.len().min(MOST_DIGITS.checked_sub(whole.len())?);
        let unscaled = whole.bytes().chain(fraction.bytes().take(kept));
        let unscaled = unscaled.fold(0i128, |sum, digit| sum * 10 + i128::from(digit - b'0'));
        Self::rounded(if negative { -unscaled } else { unscaled }, kept as u32)
    }

    /// Reads plain decimal notation such as `-12.50`; `None` for anything else, or where it does
    /// not fit 18 digits.
    pub fn parse(text: &str) -> Option<Self> {
        let (negative, digits) = sign_and_digits(text);
        let (whole, fraction) = whole_and_fraction(digits)?;
        let mut unscaled: i64 = 0;
        for digit in whole.bytes().chain(fraction.bytes()) {
            unscaled = unscaled.checked_mul(10)?.checked_add(i64::from(digit - b'0'))?;
        }
        let scale = u8::try_from(fraction.len()).ok().filter(|scale| *scale <= 18)?;
        Some(Self::new(if negative { -unscaled } else { unscaled }, scale))
    }
}

fn sign_and_digits(text: &str) -> (bool, &str) {
    text.strip_prefix('-').map_or((false, text), |digits| (true, digits))
}

/// The digits before and after the point; `None` where there are none, or anything else.
fn whole_and_fraction(digits: &str) -> Option<(&str, &str)> {
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let all_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let is_number = !(whole.is_empty() && fraction.is_empty());
    (is_number && all_digits(whole) && all_digits(fraction)).then_some((whole, fraction))
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

    /// Reads `YYYY-MM-DD HH:MM:SS` with or without a fraction of a second.
    pub fn parse(text: &str) -> Option<Self> {
        let civil: jiff::civil::DateTime = text.parse().ok()?;
        let moment = jiff::tz::TimeZone::UTC.to_timestamp(civil).ok()?;
        Some(Self(moment.as_microsecond()))
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

/// A day of the calendar: days since 1970-01-01. Those outside of [`Date::FIRST`] to [`Date::LAST`]
/// are shown as the nearest of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date(pub i32);

impl Date {
    /// The first day of the year -9999.
    pub const FIRST: Self = Self(-4_371_587);
    /// The last day of the year 9999.
    pub const LAST: Self = Self(2_932_896);

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
        let is_date = text.len() == 10
            && text.bytes().enumerate().all(|(place, byte)| match place {
                4 | 7 => byte == b'-',
                _ => byte.is_ascii_digit(),
            });
        let part = |range: std::ops::Range<usize>| text.get(range).filter(|_| is_date);
        Self::from_parts(
            part(0..4)?.parse().ok()?,
            part(5..7)?.parse().ok()?,
            part(8..10)?.parse().ok()?,
        )
    }

    /// So many days later, or earlier.
    #[must_use]
    pub const fn plus_days(self, days: i32) -> Self {
        Self(self.0.saturating_add(days))
    }

    /// So many months later; the last day of that month where it has no such day, and of the calendar
    /// where it has no such month.
    #[must_use]
    pub fn plus_months(self, months: i32) -> Self {
        let later = jiff::Span::new()
            .try_months(months)
            .and_then(|span| self.civil().checked_add(span))
            .ok()
            .and_then(Self::from_civil);
        later.unwrap_or(if months < 0 { Self::FIRST } else { Self::LAST })
    }

    fn civil(self) -> jiff::civil::Date {
        // Within these bounds neither step fails.
        let days = self.0.clamp(Self::FIRST.0, Self::LAST.0);
        jiff::civil::date(1970, 1, 1).saturating_add(jiff::Span::new().days(days))
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
            ("1.2345678901234567891", "1.234567890123456789"),
            ("25.52200585325733709999", "25.52200585325733710"),
            ("-12345678901234567.895", "-12345678901234567.90"),
            ("999999999999999999.5", "1000000000000000000"),
            ("9223372036854775807.4", "9223372036854775807"),
            ("7.5", "7.5"),
        ] {
            assert_eq!(Decimal::parse_rounded(text).map(|d| d.to_string()), Some(rounded.into()));
        }
        for text in ["", "-", "1e5", "12345678901234567890", "9223372036854775807.5", "1.2x"] {
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
        for text in
            ["1995-02-29", "95-01-01", "1995-1-1", "1995-01-01-01", "", "+199-01-01", "1995-+1-01"]
        {
            assert_eq!(Date::parse(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn dates_round_trip(days in Date::FIRST.0..=Date::LAST.0) {
            let date = Date(days);
            let (year, month, day) = date.parts();
            prop_assert_eq!(Date::from_parts(year, month, day), Some(date));
            if year >= 0 {
                prop_assert_eq!(Date::parse(&date.to_string()), Some(date));
            }
        }

        #[test]
        fn no_number_of_days_or_months_is_too_large(days in any::<i32>(), months in any::<i32>()) {
            let (date, later) = (Date(days), Date(days).plus_months(months));
            let nearest = Date(days.clamp(Date::FIRST.0, Date::LAST.0));
            prop_assert_eq!(date.to_string(), nearest.to_string());
            prop_assert!((Date::FIRST..=Date::LAST).contains(&later));
        }

        #[test]
        fn what_parses_needs_no_rounding(unscaled in any::<i64>(), scale in 0u8..=18) {
            let text = Decimal::new(unscaled.max(-i64::MAX), scale).to_string();
            prop_assert_eq!(Decimal::parse_rounded(&text), Decimal::parse(&text));
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
            prop_assert_eq!(
                Timestamp::parse(&Timestamp(micros).to_string()),
                Some(Timestamp(micros))
            );
        }
    }
}
