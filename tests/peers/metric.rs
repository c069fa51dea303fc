//! The numbers that are taken, and the bars that they are held against.

/// What a number is of. The names are those of `peers.csv` and `summary.csv`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Metric {
    /// Transactions per second.
    Throughput,
    /// Processor time of the client per transaction in the time that is measured: dbdyno's own
    /// number, which getrusage(2) tells before and after; and of a peer what its whole process used,
    /// less what starting, connecting and ending take, which a run of one transaction per client
    /// shows.
    Cpu,
    /// Processor time of the client's whole process per transaction: of dbdyno with the checks of the
    /// tables before and after, of a peer with its start.
    ProcessCpu,
    /// The 99th percentile of the response time.
    P99,
    /// The most memory that the client's process had resident.
    PeakRss,
    /// Transactions that ended well.
    Transactions,
    /// Transactions that were run again.
    Retries,
    /// Latencies that the percentile was taken from.
    Samples,
    /// How long a load took, keys, indexes and statistics included.
    Load,
    /// Processor time of a loading client's whole process.
    LoadCpu,
    /// How far the rate that an open loop held lies from the one asked for, as a part of it.
    RateError,
    /// How far the starts of an open loop are from a Poisson process, as a part of what one in a
    /// hundred such processes exceeds.
    Arrivals,
    /// The peak memory of a long run to that of a short one.
    RssGrowth,
    /// How long clients took to connect.
    Connecting,
    /// How long a run of one transaction took.
    Start,
}

impl Metric {
    /// The name and the unit.
    const fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Throughput => ("throughput", "1/s"),
            Self::Cpu => ("client_cpu_us_per_transaction", "us"),
            Self::ProcessCpu => ("process_cpu_us_per_transaction", "us"),
            Self::P99 => ("latency_p99_us", "us"),
            Self::PeakRss => ("peak_rss_bytes", "bytes"),
            Self::Transactions => ("transactions", "1"),
            Self::Retries => ("retries", "1"),
            Self::Samples => ("latency_samples", "1"),
            Self::Load => ("load_s", "s"),
            Self::LoadCpu => ("load_cpu_s", "s"),
            Self::RateError => ("rate_error", "1"),
            Self::Arrivals => ("arrivals_distance", "1"),
            Self::RssGrowth => ("peak_rss_growth", "1"),
            Self::Connecting => ("connecting_s", "s"),
            Self::Start => ("start_s", "s"),
        }
    }

    /// The name in CSV files.
    pub const fn name(self) -> &'static str {
        self.words().0
    }

    /// The unit in CSV files.
    pub const fn unit(self) -> &'static str {
        self.words().1
    }
}

/// What a number must be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Bar {
    /// At least so much.
    AtLeast(f64),
    /// At most so much.
    AtMost(f64),
    /// Anything: it is only shown.
    None,
}

impl Bar {
    /// Whether a number meets the bar; `None` where there is none.
    pub fn is_met(self, value: f64) -> Option<bool> {
        match self {
            Self::AtLeast(least) => Some(value >= least),
            Self::AtMost(most) => Some(value <= most),
            Self::None => None,
        }
    }

    /// The bar as a person reads it.
    pub fn words(self) -> String {
        match self {
            Self::AtLeast(least) => format!(">= {least}"),
            Self::AtMost(most) => format!("<= {most}"),
            Self::None => String::new(),
        }
    }
}

/// A metric of which the ratio of dbdyno to its peer is taken, and the bar of that ratio.
pub type Compared = (Metric, Bar);

/// What is compared of transactions on a server: no slower than the peer, at no more cost. The 99th
/// percentile is the server's at the throughput that a side has, and a side that sends more waits
/// longer; so it has no bar.
pub const TRANSACTIONS: &[Compared] = &[
    (Metric::Throughput, Bar::AtLeast(1.0)),
    (Metric::Cpu, Bar::AtMost(1.0)),
    (Metric::P99, Bar::None),
    (Metric::PeakRss, Bar::None),
];

/// What is compared of a script with the built-in benchmark that has the same statements.
pub const SCRIPTS: &[Compared] = &[
    (Metric::Throughput, Bar::AtLeast(0.95)),
    (Metric::Cpu, Bar::None),
    (Metric::P99, Bar::None),
    (Metric::PeakRss, Bar::None),
];

/// What is compared of transactions that are pipelined, as the peer's are not.
pub const PIPELINED: &[Compared] = &[
    (Metric::Throughput, Bar::AtLeast(1.3)),
    (Metric::Cpu, Bar::AtMost(1.0)),
    (Metric::P99, Bar::None),
    (Metric::PeakRss, Bar::None),
];

/// What is compared of transactions on SQLite. The bare loop keeps no latencies, and the processor
/// time of either is the engine's too.
pub const EMBEDDED: &[Compared] = &[
    (Metric::Throughput, Bar::AtLeast(0.97)),
    (Metric::Cpu, Bar::None),
    (Metric::PeakRss, Bar::None),
];

/// What is compared of loads with a peer that makes the rows itself, as dbdyno does.
pub const LOADS: &[Compared] =
    &[(Metric::Load, Bar::AtMost(1.0)), (Metric::LoadCpu, Bar::None), (Metric::PeakRss, Bar::None)];

/// What is compared of loads with the server's bulk command, whose rows are ready-made.
pub const BULK_LOADS: &[Compared] = &[
    (Metric::Load, Bar::AtMost(1.25)),
    (Metric::LoadCpu, Bar::None),
    (Metric::PeakRss, Bar::None),
];

/// Peak memory at 256 clients, in bytes: 64 MiB.
pub const RSS_AT_256_CLIENTS: Bar = Bar::AtMost((64 << 20) as f64);
/// Peak memory of a run of five minutes to that of one minute.
pub const RSS_GROWTH: Bar = Bar::AtMost(1.05);
/// Seconds that 2,000 clients may take to connect.
pub const CONNECTING: Bar = Bar::AtMost(10.0);
/// Seconds from the start of dbdyno to the end of its first transaction.
pub const START: Bar = Bar::AtMost(0.05);
/// How far the starts of an open loop may be from a Poisson process.
pub const ARRIVALS: Bar = Bar::AtMost(1.0);
/// How far an open loop may be off its rate, as a part of it.
pub const RATE_ERROR: Bar = Bar::AtMost(0.005);
