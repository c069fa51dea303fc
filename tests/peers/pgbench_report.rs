//! What pgbench prints and logs (PostgreSQL's manual, "pgbench", "Notes" and "Per-Transaction
//! Logging").

/// The end of a run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Report {
    /// Transactions that ended well.
    pub transactions: u64,
    /// Transactions that failed; versions before 15 do not tell, and abort instead.
    pub failed: u64,
    /// Transactions per second, without the time of connecting.
    pub throughput: f64,
}

/// Reads what pgbench printed at its end.
///
/// # Errors
/// The line is named that is missing or has another form.
pub fn parse(text: &str) -> Result<Report, String> {
    let value = |label: &str| {
        let line = text.lines().find_map(|line| line.trim().strip_prefix(label));
        line.map(str::trim).ok_or_else(|| format!("pgbench printed no line `{label}`"))
    };
    let number = |label: &str| -> Result<u64, String> {
        let value = value(label)?;
        // `-t` prints `done/wanted`, failures come with a percentage.
        let digits = value.split(['/', ' ']).next().unwrap_or_default();
        digits.parse().map_err(|_| format!("`{value}` after `{label}` is no number"))
    };
    let tps = value("tps =")?;
    let throughput = tps.split(' ').next().and_then(|word| word.parse().ok());
    Ok(Report {
        transactions: number("number of transactions actually processed:")?,
        failed: number("number of failed transactions:").unwrap_or(0),
        throughput: throughput.ok_or_else(|| format!("`{tps}` after `tps =` is no number"))?,
    })
}

/// Reads the latencies of a log of transactions, in microseconds. Those of transactions that
/// failed or were skipped are left out.
///
/// # Errors
/// A line has another form.
pub fn parse_log(text: &str, into: &mut Vec<u64>) -> Result<(), String> {
    for line in text.lines() {
        match line.split(' ').nth(2) {
            Some("failed" | "serialization" | "deadlock" | "skipped") => {}
            Some(micros) => into
                .push(micros.parse().map_err(|_| format!("`{line}` is no line of a pgbench log"))?),
            None => return Err(format!("`{line}` is no line of a pgbench log")),
        }
    }
    Ok(())
}

/// The 99th percentile by nearest rank; `None` of no latencies.
pub fn p99(latencies: &mut [u64]) -> Option<u64> {
    latencies.sort_unstable();
    let rank = (latencies.len() * 99).div_ceil(100);
    latencies.get(rank.checked_sub(1)?).copied()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, prop_assert_eq, proptest};

    use super::{Report, p99, parse, parse_log};

    const BY_TIME: &str = "\
pgbench (15.18 (Debian 15.18-0+deb12u1))
transaction type: <builtin: TPC-B (sort of)>
scaling factor: 1
query mode: prepared
number of clients: 8
number of threads: 2
maximum number of tries: 1
duration: 2 s
number of transactions actually processed: 2140
number of failed transactions: 0 (0.000%)
latency average = 7.435 ms
initial connection time = 64.142 ms
tps = 1075.948381 (without initial connection time)
";

    const BY_NUMBER: &str = "\
pgbench (15.18 (Debian 15.18-0+deb12u1))
transaction type: <builtin: TPC-B (sort of)>
scaling factor: 1
query mode: simple
number of clients: 2
number of threads: 1
maximum number of tries: 1
number of transactions per client: 5
number of transactions actually processed: 10/10
number of failed transactions: 0 (0.000%)
latency average = 2.831 ms
initial connection time = 18.863 ms
tps = 706.563979 (without initial connection time)
";

    #[test]
    fn reports_of_both_kinds_are_read() {
        let by_time = Report { transactions: 2_140, failed: 0, throughput: 1_075.948_381 };
        assert_eq!(parse(BY_TIME), Ok(by_time));
        let by_number = Report { transactions: 10, failed: 0, throughput: 706.563_979 };
        assert_eq!(parse(BY_NUMBER), Ok(by_number));
        let failed = BY_TIME.replace("transactions: 0 (0.000%)", "transactions: 7 (0.032%)");
        assert_eq!(parse(&failed).map(|report| report.failed), Ok(7));
    }

    #[test]
    fn what_is_missing_is_named() {
        let without = BY_TIME.replace("tps", "TPS");
        assert!(parse(&without).is_err_and(|why| why.contains("`tps =`")));
        let odd = BY_TIME.replace("2140", "many");
        assert!(parse(&odd).is_err_and(|why| why.contains("`many`")));
    }

    #[test]
    fn logs_give_latencies() {
        let mut latencies = Vec::new();
        let log = "0 11 1026 0 1795478029 247742\n1 22 323 0 1795478029 313551\n\
                   1 3 failed 0 1499414498 84905\n0 201 skipped 0 1175850569 608 3011\n";
        assert_eq!(parse_log(log, &mut latencies), Ok(()));
        assert_eq!(latencies, [1026, 323]);
        assert!(parse_log("0 199\n", &mut latencies).is_err());
        assert!(parse_log("0 199 soon 0 1 2\n", &mut latencies).is_err());
    }

    #[test]
    fn p99_is_the_nearest_rank() {
        assert_eq!(p99(&mut (1..=100).rev().collect::<Vec<_>>()), Some(99));
        assert_eq!(p99(&mut (1..=101).collect::<Vec<_>>()), Some(100));
        assert_eq!(p99(&mut [7]), Some(7));
        assert_eq!(p99(&mut []), None);
    }

    proptest! {
        #[test]
        fn any_numbers_are_read_and_any_text_is_survived(
            transactions in any::<u64>(), throughput in 0.0..1e7f64, text in ".*",
        ) {
            let report = BY_TIME
                .replace("2140", &transactions.to_string())
                .replace("1075.948381", &throughput.to_string());
            prop_assert_eq!(parse(&report), Ok(Report { transactions, failed: 0, throughput }));
            let _ = (parse(&text), parse_log(&text, &mut Vec::new()));
            let _ = parse(&report.replace("pgbench", &text));
        }
    }
}
