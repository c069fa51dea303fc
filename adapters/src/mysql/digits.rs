//! Numbers and moments as text, without the cost of the formatting machinery.

use bytes::{BufMut, BytesMut};
use dbdyno_core::{Date, Decimal, Timestamp};

/// Writes an integer.
#[inline]
pub fn int(out: &mut BytesMut, value: i64) {
    if value < 0 {
        out.put_u8(b'-');
    }
    digits(out, value.unsigned_abs(), 1);
}

/// Writes a decimal, with as many digits after its point as its scale says.
#[inline]
pub fn decimal(out: &mut BytesMut, value: Decimal) {
    if value.unscaled < 0 {
        out.put_u8(b'-');
    }
    let magnitude = value.unscaled.unsigned_abs();
    let factor = 10u64.pow(u32::from(value.scale.min(18)));
    digits(out, magnitude / factor, 1);
    if value.scale > 0 {
        out.put_u8(b'.');
        digits(out, magnitude % factor, usize::from(value.scale));
    }
}

/// Writes `YYYY-MM-DD HH:MM:SS.ffffff`.
pub fn timestamp(out: &mut BytesMut, moment: Timestamp) {
    let (year, month, day, hour, minute, second, microsecond) = moment.parts();
    digits(out, u64::from(year.unsigned_abs()), 4);
    for (before, part) in [(b'-', month), (b'-', day), (b' ', hour), (b':', minute), (b':', second)]
    {
        out.put_u8(before);
        digits(out, u64::from(part), 2);
    }
    out.put_u8(b'.');
    digits(out, u64::from(microsecond), 6);
}

/// Writes `YYYY-MM-DD`.
pub fn date(out: &mut BytesMut, date: Date) {
    let (year, month, day) = date.parts();
    digits(out, u64::from(year.unsigned_abs()), 4);
    for part in [month, day] {
        out.put_u8(b'-');
        digits(out, u64::from(part), 2);
    }
}

/// Writes a number with at least so many digits.
#[inline]
fn digits(out: &mut BytesMut, mut number: u64, least: usize) {
    let mut text = [b'0'; 20];
    let mut start = text.len();
    while number > 0 {
        start -= 1;
        text[start] = b'0' + (number % 10) as u8;
        number /= 10;
    }
    out.put_slice(&text[start.min(text.len() - least.min(text.len()))..]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn written(write: impl FnOnce(&mut BytesMut)) -> String {
        let mut out = BytesMut::new();
        write(&mut out);
        String::from_utf8_lossy(&out).into_owned()
    }

    proptest! {
        #[test]
        fn it_is_what_the_formatting_machinery_writes(
            number: i64,
            scale in 0u8..=18,
            micros in 0i64..4_000_000_000_000_000,
        ) {
            prop_assert_eq!(written(|out| int(out, number)), number.to_string());
            let value = Decimal::new(number, scale);
            prop_assert_eq!(written(|out| decimal(out, value)), value.to_string());
            let moment = Timestamp(micros);
            prop_assert_eq!(written(|out| timestamp(out, moment)), moment.to_string());
            let day = Date((micros / 86_400_000_000) as i32);
            prop_assert_eq!(written(|out| date(out, day)), day.to_string());
        }
    }
}
