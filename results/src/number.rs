//! Numbers for people, and those that files have.

use dbdyno_core::thousands;

/// Three significant digits below 1000, whole numbers with thousands separators above:
/// `0.0123`, `1.23`, `12.3`, `123`, `12,346`.
pub(crate) fn sensible(number: f64) -> String {
    let size = number.abs();
    let decimals = match size {
        _ if size == 0.0 || size >= 99.95 => 0,
        _ if size >= 9.995 => 1,
        _ if size >= 0.9995 => 2,
        _ => (2 - size.log10().floor() as i32).clamp(3, 9) as usize,
    };
    thousands(&format!("{number:.decimals$}"))
}

/// The finite number that a field of a file is; `None` where it is none.
pub(crate) fn finite(field: &str) -> Option<f64> {
    field.parse().ok().filter(|number: &f64| number.is_finite())
}

/// A count: `8`, `1,000`.
pub(crate) fn count(number: u64) -> String {
    thousands(&number.to_string())
}

/// A value of a metric: `sensible`, and counts that are whole without a point.
pub(crate) fn value(number: f64, unit: &str) -> String {
    if unit == "1" && number.fract() == 0.0 {
        return thousands(&format!("{number:.0}"));
    }
    sensible(number)
}

/// A number of bytes: `8 B`, `1.50 KiB`, `2.15 MiB`.
pub(crate) fn bytes(number: f64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut scaled = number;
    let mut unit = 0;
    while scaled.abs() >= 1_024.0 && unit + 1 < UNITS.len() {
        scaled /= 1_024.0;
        unit += 1;
    }
    let digits = if unit == 0 { thousands(&format!("{number:.0}")) } else { sensible(scaled) };
    format!("{digits} {}", UNITS[unit])
}

/// A ratio: `0.004x`, `1.23x`, `12.3x`, `1,234x`.
pub(crate) fn ratio(number: f64) -> String {
    match number.abs() {
        size if size < 0.095 => format!("{number:.3}x"),
        size if size < 9.995 => format!("{number:.2}x"),
        _ => format!("{}x", sensible(number)),
    }
}

/// A spread: `±0.4%`, `±3%`.
pub(crate) fn spread(percent: f64) -> String {
    if percent < 0.95 { format!("±{percent:.1}%") } else { format!("±{percent:.0}%") }
}

/// A share in percent, with as many digits as it takes: `5%`, `99.9%`.
pub(crate) fn percent(share: f64) -> String {
    let digits = format!("{:.4}", share * 100.0);
    format!("{}%", digits.trim_end_matches('0').trim_end_matches('.'))
}

#[cfg(test)]
mod tests {
    use super::{bytes, count, ratio, sensible, spread, value};

    #[test]
    fn digits_are_sensible() {
        for (number, text) in [
            (0.0, "0"),
            (0.0001234, "0.000123"),
            (0.5, "0.500"),
            (0.99951, "1.00"),
            (1.234, "1.23"),
            (9.999, "10.0"),
            (99.94, "99.9"),
            (99.96, "100"),
            (999.6, "1,000"),
            (1_234_567.8, "1,234,568"),
            (-1234.0, "-1,234"),
        ] {
            assert_eq!(sensible(number), text);
        }
    }

    #[test]
    fn counts_have_no_point() {
        assert_eq!(count(1_234), "1,234");
        assert_eq!([value(8.0, "1"), value(8.5, "1"), value(8.0, "s")], ["8", "8.50", "8.00"]);
    }

    #[test]
    fn bytes_have_the_unit_that_fits() {
        let shown = [0.0, 1_023.0, 1_536.0, 2_252_800.0, 1e15].map(bytes);
        assert_eq!(shown, ["0 B", "1,023 B", "1.50 KiB", "2.15 MiB", "909 TiB"]);
    }

    #[test]
    fn ratios_and_spreads() {
        assert_eq!(
            [0.004, 0.5, 1.234, 12.34, 1234.0].map(ratio),
            ["0.004x", "0.50x", "1.23x", "12.3x", "1,234x"]
        );
        assert_eq!([0.0, 0.44, 3.2].map(spread), ["±0.0%", "±0.4%", "±3%"]);
    }
}
