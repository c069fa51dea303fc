//! What the live view is told.

use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

use dbdyno_core::measurement::Second;
use dbdyno_core::{Case, DbError, Event, LoadProgress, Result, Sample};
use dbdyno_monitor::{LoadListener, Sink};

/// Something that happened.
#[derive(Debug)]
pub enum Told {
    /// What the whole run has: cases, every repetition counted.
    Cases(usize),
    /// Something that takes its time, before there is a case.
    Working(String),
    /// A benchmark begins, with so many cases, every repetition counted.
    Benchmark { name: String, cases: usize, repetitions: u32 },
    /// Rows are loaded into a table.
    Loading { table: String, rows: u64, progress: Arc<LoadProgress> },
    /// A case begins.
    CaseBegan(Box<Case>),
    /// A load of it begins; it takes `length`, warm-up included, where that is known.
    LoadBegan { stage: String, length: Option<Duration> },
    /// Something else is done for it.
    WorkingOn(String),
    /// It is over.
    CaseOver,
    /// A second of a load.
    Seconds(Vec<Second>),
    /// Something happened in a case.
    Happened(Event),
    /// What was sampled at one moment.
    Sampled(Vec<Sample>),
    /// A server that a suite had started is no more.
    Left { target: String },
    /// A target could not be asked.
    Silent { target: String, why: String },
    /// A line that a person is to read.
    Said(String),
}

/// Tells the view, from whatever thread, and waits for nobody.
#[derive(Clone, Debug)]
pub struct Teller(pub(super) Sender<(Instant, Told)>);

impl Teller {
    /// Tells it.
    pub fn tell(&self, told: Told) {
        // A view that has ended needs not be told.
        let _ = self.0.send((Instant::now(), told));
    }
}

impl LoadListener for Teller {
    fn second(&self, _case: &Case, seconds: &[Second]) {
        self.tell(Told::Seconds(seconds.to_vec()));
    }

    fn event(&self, _case: &Case, event: &Event) {
        self.tell(Told::Happened(event.clone()));
    }
}

impl Sink for Teller {
    fn samples(&self, samples: &[Sample]) -> Result<()> {
        self.tell(Told::Sampled(samples.to_vec()));
        Ok(())
    }

    fn left(&self, target: &str) -> Result<()> {
        self.tell(Told::Left { target: target.to_owned() });
        Ok(())
    }

    fn silent(&self, target: &str, why: &DbError) -> Result<()> {
        self.tell(Told::Silent { target: target.to_owned(), why: why.to_string() });
        Ok(())
    }
}
