//! Thousands separators.

/// A number in digits, as `format!` writes it, with a comma before each three of its whole part: `-1234567.8` as
/// `-1,234,567.8`.
pub fn thousands(plain: &str) -> String {
    let (whole, fraction) = plain.split_at(plain.find('.').unwrap_or(plain.len()));
    let (sign, digits) = whole.split_at(usize::from(whole.starts_with('-')));
    let mut out = String::with_capacity(plain.len() + digits.len() / 3);
    out.push_str(sign);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out + fraction
}

#[cfg(test)]
mod tests {
    use super::thousands;

    #[test]
    fn whole_parts_are_grouped() {
        for (plain, grouped) in [
            ("0", "0"),
            ("999", "999"),
            ("1000", "1,000"),
            ("-999", "-999"),
            ("-1234567.8901", "-1,234,567.8901"),
        ] {
            assert_eq!(thousands(plain), grouped);
        }
    }
}
