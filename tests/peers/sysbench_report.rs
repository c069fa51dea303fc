//! What sysbench 1.0 prints at the end of a run.

/// The end of a run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Report {
    /// Transactions that ended well.
    pub transactions: u64,
    /// Transactions per second.
    pub throughput: f64,
    /// The percentile that `--percentile` asked for, in microseconds.
    pub percentile_us: f64,
    /// Errors after which a transaction was run again.
    pub ignored_errors: u64,
}

/// Reads what sysbench printed at its end.
///
/// # Errors
/// The line is named that is missing or has another form.
pub fn parse(text: &str) -> Result<Report, String> {
    let value = |label: &str| {
        let line = text.lines().find_map(|line| Some(line.trim().split_once(label)?.1.trim()));
        line.ok_or_else(|| format!("sysbench printed no line `{label}`"))
    };
    let whole = |label: &str| -> Result<(u64, &str), String> {
        let value = value(label)?;
        let (count, rest) = value.split_once(char::is_whitespace).unwrap_or((value, ""));
        let count = count.parse().map_err(|_| format!("`{value}` after `{label}` is no number"))?;
        Ok((count, rest))
    };
    let (transactions, rate) = whole("transactions:")?;
    let throughput = rate.trim().strip_prefix('(').and_then(|rate| rate.split(' ').next());
    let throughput = throughput.and_then(|rate| rate.parse().ok());
    let percentile = value("th percentile:")?;
    let milliseconds: f64 =
        percentile.parse().map_err(|_| format!("the percentile `{percentile}` is no number"))?;
    Ok(Report {
        transactions,
        throughput: throughput.ok_or_else(|| format!("`{rate}` is no rate"))?,
        percentile_us: milliseconds * 1e3,
        ignored_errors: whole("ignored errors:")?.0,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, prop_assert, prop_assert_eq, proptest};

    use super::{Report, parse};

    const SAMPLE: &str = "\
sysbench 1.0.20 (using system LuaJIT 2.1.0-beta3)

Running the test with following options:
Number of threads: 8
Initializing random number generator from current time


Initializing worker threads...

Threads started!

SQL statistics:
    queries performed:
        read:                            12628
        write:                           3608
        other:                           1804
        total:                           18040
    transactions:                        902    (443.17 per sec.)
    queries:                             18040  (8863.39 per sec.)
    ignored errors:                      0      (0.00 per sec.)
    reconnects:                          0      (0.00 per sec.)

General statistics:
    total time:                          2.0346s
    total number of events:              902

Latency (ms):
         min:                                    1.57
         avg:                                   17.85
         max:                                   49.58
         99th percentile:                       38.94
         sum:                                16102.76

Threads fairness:
    events (avg/stddev):           112.7500/6.92
    execution time (avg/stddev):   2.0128/0.01

";

    #[test]
    fn a_report_is_read() {
        let expected = Report {
            transactions: 902,
            throughput: 443.17,
            percentile_us: 38_940.0,
            ignored_errors: 0,
        };
        assert_eq!(parse(SAMPLE), Ok(expected));
        let with_errors = SAMPLE.replace("0      (0.00", "3      (1.47");
        assert_eq!(parse(&with_errors).map(|report| report.ignored_errors), Ok(3));
    }

    #[test]
    fn what_is_missing_is_named() {
        let without = SAMPLE.replace("99th percentile:", "");
        assert!(parse(&without).is_err_and(|why| why.contains("th percentile:")));
        let odd = SAMPLE.replace("902    (443.17", "902    (fast");
        assert!(parse(&odd).is_err_and(|why| why.contains("fast")));
    }

    proptest! {
        #[test]
        fn any_numbers_are_read_and_any_text_is_survived(
            transactions in any::<u64>(), milliseconds in 0u32..100_000, text in ".*",
        ) {
            let report = SAMPLE
                .replace("902    (", &format!("{transactions} ("))
                .replace("38.94", &format!("{milliseconds}.00"));
            let read = parse(&report);
            prop_assert!(read.is_ok());
            prop_assert_eq!(read.map(|read| read.transactions), Ok(transactions));
            prop_assert_eq!(
                parse(&report).map(|read| read.percentile_us),
                Ok(f64::from(milliseconds) * 1e3)
            );
            let _ = (parse(&text), parse(&report.replace("sysbench", &text)));
        }
    }
}
