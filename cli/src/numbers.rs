//! Numbers as people read them.

use dbdyno_core::thousands;

/// A number with thousands separators; one decimal below 100.
pub fn grouped(number: f64) -> String {
    if number != 0.0 && number.abs() < 100.0 && number.fract() != 0.0 {
        return format!("{number:.1}");
    }
    thousands(&format!("{number:.0}"))
}

/// A latency in the unit that fits it.
pub fn latency(us: f64) -> String {
    match us {
        us if us < 1_000.0 => format!("{us:.0} us"),
        us if us < 1_000_000.0 => format!("{:.1} ms", us / 1_000.0),
        us => format!("{:.2} s", us / 1_000_000.0),
    }
}

/// A number of bytes in the unit that fits it.
pub fn bytes(count: f64) -> String {
    match count {
        count if count < 1e3 => format!("{count:.0}B"),
        count if count < 1e6 => format!("{:.0}kB", count / 1e3),
        count if count < 1e9 => format!("{:.1}MB", count / 1e6),
        count => format!("{:.1}GB", count / 1e9),
    }
}

#[cfg(test)]
mod tests {
    use super::{bytes, grouped, latency};

    #[test]
    fn numbers_are_grouped() {
        for (number, text) in
            [(0.0, "0"), (12.34, "12.3"), (999.6, "1,000"), (1_234_567.0, "1,234,567")]
        {
            assert_eq!(grouped(number), text);
        }
    }

    #[test]
    fn latencies_choose_their_unit() {
        assert_eq!(latency(12.4), "12 us");
        assert_eq!(latency(1_530.0), "1.5 ms");
        assert_eq!(latency(2_500_000.0), "2.50 s");
    }

    #[test]
    fn bytes_choose_their_unit() {
        for (count, text) in [(0.0, "0B"), (1_500.0, "2kB"), (2.5e6, "2.5MB"), (3e10, "30.0GB")] {
            assert_eq!(bytes(count), text);
        }
    }
}
