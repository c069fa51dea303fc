//! Two sides that do the same, measured in turns: A B, B A, A B, …

use dbdyno_core::{Error, Result};

use crate::bench::Bench;
use crate::metric::{Compared, Metric};
use crate::record::{DBDYNO, Figures, Record, Row};
use crate::summary::Summary;

/// Measures one side once; the round is counted from 1.
pub type Turn<'a> = Box<dyn Fn(u32) -> Result<Figures> + 'a>;

/// dbdyno and a peer.
pub struct Comparison<'a> {
    /// Its name, such as `postgres/tpcb`.
    pub name: String,
    /// Clients at work at once; `None` where there are none (loads).
    pub clients: Option<u32>,
    /// The peer's name.
    pub peer: &'static str,
    /// What is compared, and the bars.
    pub compared: &'static [Compared],
    /// Measures dbdyno.
    pub dbdyno: Turn<'a>,
    /// Measures the peer.
    pub other: Turn<'a>,
}

impl Comparison<'_> {
    /// The name and the number of clients.
    fn label(&self) -> String {
        match self.clients {
            Some(clients) => format!("{} {clients} clients", self.name),
            None => self.name.clone(),
        }
    }

    /// Measures both sides, the one that goes first alternating from round to round.
    fn round(&self, round: u32, record: &mut Record) -> Result<()> {
        let (ours, theirs) = ((DBDYNO, &self.dbdyno), (self.peer, &self.other));
        let turns = if round % 2 == 1 { [ours, theirs] } else { [theirs, ours] };
        for (position, (side, turn)) in (1..).zip(turns) {
            let figures = turn(round)?;
            eprintln!("round {round} {}: {side} {}", self.label(), in_words(&figures));
            record.add(figures.into_iter().map(|(metric, value)| Row {
                comparison: self.name.clone(),
                clients: self.clients,
                round,
                position,
                side,
                metric,
                value,
            }))?;
        }
        Ok(())
    }
}

/// The number that a person follows a run by.
fn in_words(figures: &Figures) -> String {
    let shown = [Metric::Throughput, Metric::Load];
    let found = figures.iter().find(|(metric, _)| shown.contains(metric));
    found.map_or(String::new(), |(metric, value)| format!("{value:.2} {}", metric.unit()))
}

/// Runs every comparison for `rounds` rounds, all of them in each round, and sums them up. One that
/// fails is told and left out from then on; the others go on.
///
/// # Errors
/// The end was asked for.
pub fn run(
    bench: &Bench,
    comparisons: &[Comparison<'_>],
    rounds: u32,
    record: &mut Record,
    summary: &mut Summary,
) -> Result<()> {
    let mut broken = vec![false; comparisons.len()];
    let mut ended = Ok(());
    'rounds: for round in 1..=rounds {
        for (comparison, broken) in comparisons.iter().zip(&mut broken) {
            if *broken {
                continue;
            }
            if let Err(error) = comparison.round(round, record) {
                if bench.interrupt.stop().is_requested() {
                    ended = Err(error);
                    break 'rounds;
                }
                *broken = true;
                summary.could_not_run(&comparison.label(), &error);
            }
        }
    }
    for comparison in comparisons {
        let Comparison { name, clients, peer, compared, .. } = comparison;
        for (metric, bar) in *compared {
            summary.ratio(record, (name, *clients, peer), *metric, *bar);
        }
    }
    ended
}

/// Keeps a figure of dbdyno alone.
///
/// # Errors
/// It cannot be written.
pub fn keep(
    record: &mut Record,
    check: &str,
    clients: Option<u32>,
    round: u32,
    figures: Figures,
) -> Result<(), Error> {
    record.add(figures.into_iter().map(|(metric, value)| Row {
        comparison: check.to_owned(),
        clients,
        round,
        position: 1,
        side: DBDYNO,
        metric,
        value,
    }))
}
