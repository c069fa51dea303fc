//! How much data there is.

use std::fmt;
use std::str::FromStr;

/// A scale factor: how many times the rows of scale 1 a data set has. It is exact, in steps of
/// 0.01, the smallest of TPC-H's published answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Scale {
    hundredths: u64,
}

impl Scale {
    /// The scale that is used where none is asked for.
    pub const ONE: Self = Self::whole(1);

    /// `count` times the rows of scale 1.
    pub const fn whole(count: u32) -> Self {
        Self { hundredths: count as u64 * 100 }
    }

    /// `count` hundredths of the rows of scale 1.
    pub const fn hundredths(count: u32) -> Self {
        Self { hundredths: count as u64 }
    }

    /// So many hundredths it is.
    pub const fn in_hundredths(self) -> u64 {
        self.hundredths
    }

    /// The number of whole times; what is left is dropped.
    pub const fn units(self) -> u64 {
        self.hundredths / 100
    }

    /// Whether it is a multiple of `step`.
    pub const fn is_multiple_of(self, step: Self) -> bool {
        self.hundredths.is_multiple_of(step.hundredths)
    }

    /// The number of rows of a table that has `rows` at scale 1, rounded down.
    pub const fn of(self, rows: u64) -> u64 {
        rows / 100 * self.hundredths + rows % 100 * self.hundredths / 100
    }

    /// The nearest double.
    pub fn to_f64(self) -> f64 {
        self.hundredths as f64 / 100.0
    }
}

impl fmt::Display for Scale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.units())?;
        match self.hundredths % 100 {
            0 => Ok(()),
            tenths if tenths % 10 == 0 => write!(f, ".{}", tenths / 10),
            hundredths => write!(f, ".{hundredths:02}"),
        }
    }
}

impl FromStr for Scale {
    type Err = String;

    /// Reads plain decimal notation with up to two digits after the point.
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "`{text}` is not a scale: a number above 0, up to {}, in steps of 0.01",
                u32::MAX
            )
        };
        let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        if !digits(whole) || !digits(fraction) || fraction.len() > 2 {
            return Err(wrong());
        }
        let units: u32 = whole.parse().map_err(|_| wrong())?;
        let hundredths: u64 = format!("{fraction:0<2}").parse().map_err(|_| wrong())?;
        let scale = Self { hundredths: u64::from(units) * 100 + hundredths };
        if scale.hundredths == 0 { Err(wrong()) } else { Ok(scale) }
    }
}

#[cfg(test)]
mod tests {
    use super::Scale;
    use proptest::prelude::*;

    #[test]
    fn what_is_no_scale_is_refused() {
        for text in ["", "0", "0.00", "-1", "1.", ".5", "0.001", "1e3", "NaN", "4294967296", "1 "] {
            let refused = text.parse::<Scale>().expect_err(text);
            assert!(refused.contains("steps of 0.01"), "{refused}");
        }
    }

    #[test]
    fn rows_are_rounded_down() {
        assert_eq!(Scale::hundredths(1).of(150_000), 1_500);
        assert_eq!(Scale::hundredths(1).of(199), 1);
        assert_eq!(Scale::hundredths(150).of(7), 10);
        assert_eq!(Scale::whole(3).of(7), 21);
    }

    proptest! {
        #[test]
        fn text_round_trips(hundredths in 1..u32::MAX) {
            let scale = Scale::hundredths(hundredths);
            prop_assert_eq!(scale.to_string().parse(), Ok(scale));
        }

        #[test]
        fn whole_scales_print_as_whole_numbers(count in 1..u32::MAX) {
            prop_assert_eq!(Scale::whole(count).to_string(), count.to_string());
            prop_assert_eq!(Scale::whole(count).units(), u64::from(count));
        }
    }
}
