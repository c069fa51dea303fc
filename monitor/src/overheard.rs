//! What loads tell their recorder, overheard second by second.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use dbdyno_core::load::UnderWay;
use dbdyno_core::measurement::Second;
use dbdyno_core::{Case, Event, Measurement, Plan, Recorder, Result};

/// Who is told what loads tell. It is called on a thread that a load may be running on: it must be quick, and
/// wait for nobody.
pub trait LoadListener: Send + Sync {
    /// A load of the case begins, with these transaction types.
    fn began(&self, _case: &Case, _transactions: &[String], _under_way: &Arc<UnderWay>) {}

    /// A load of the case is about to run [alone](dbdyno_core::load::LoadObserver::alone), or did so and is over.
    fn alone(&self, _case: &Case, _is: bool) {}

    /// A second of a load is over; there is an entry for each transaction type that had anything to tell.
    fn second(&self, case: &Case, seconds: &[Second]);

    /// Something happened in a load.
    fn event(&self, _case: &Case, _event: &Event) {}

    /// The loads of the case are over.
    fn over(&self, _case: &Case) {}
}

/// A recorder that lets others listen. What is recorded is as it would be without them.
pub struct Overheard {
    recorder: Arc<dyn Recorder>,
    listeners: Vec<Arc<dyn LoadListener>>,
}

impl Overheard {
    /// Records by `recorder`, and tells the listeners afterwards.
    pub fn new(recorder: Arc<dyn Recorder>, listeners: Vec<Arc<dyn LoadListener>>) -> Self {
        Self { recorder, listeners }
    }
}

impl Recorder for Overheard {
    fn measurements(&self, case: &Case, rows: &[Measurement]) -> Result<()> {
        self.listeners.iter().for_each(|listener| listener.over(case));
        self.recorder.measurements(case, rows)
    }

    fn second(&self, case: &Case, began: SystemTime, seconds: &[Second]) -> Result<()> {
        self.recorder.second(case, began, seconds)?;
        self.listeners.iter().for_each(|listener| listener.second(case, seconds));
        Ok(())
    }

    fn unstarted(&self, case: &Case, began: SystemTime, waited: &Second) -> Result<()> {
        self.recorder.unstarted(case, began, waited)
    }

    fn load_began(&self, case: &Case, transactions: &[String], under_way: &Arc<UnderWay>) {
        self.recorder.load_began(case, transactions, under_way);
        self.listeners.iter().for_each(|listener| listener.began(case, transactions, under_way));
    }

    fn load_alone(&self, case: &Case, is: bool) {
        self.recorder.load_alone(case, is);
        self.listeners.iter().for_each(|listener| listener.alone(case, is));
    }

    fn beside(&self, case: &Case, began: SystemTime, seconds: &[Second]) -> Result<()> {
        self.recorder.beside(case, began, seconds)
    }

    fn plan(&self, case: &Case, name: &str, plan: &Plan) -> Result<()> {
        self.recorder.plan(case, name, plan)
    }

    fn file(&self, case: &Case, folder: &str, extension: &str) -> Result<PathBuf> {
        self.recorder.file(case, folder, extension)
    }

    fn event(&self, case: &Case, event: &Event) -> Result<()> {
        self.recorder.event(case, event)?;
        self.listeners.iter().for_each(|listener| listener.event(case, event));
        Ok(())
    }
}

/// What two runs must have in common of a case for one to be held against the other: its [name](case_name), how much
/// data it works on, and through which driver.
pub fn comparable_name(case: &Case) -> String {
    format!("{}, scale {}, {}", case_name(case), case.scale, case.driver)
}

/// What tells a case from the others of its target, in words: `oltp/tpcb, serializable, durability full, 8
/// clients`. What is as usual is left out.
pub fn case_name(case: &Case) -> String {
    use dbdyno_core::schema::Keys;
    use dbdyno_core::{Cache, StatementForm};

    let mut words = vec![
        format!("{}/{}", case.suite, case.benchmark),
        case.isolation.name().to_owned(),
        format!("durability {}", case.durability.name()),
        format!("{} clients", case.clients),
    ];
    words.extend(case.rate.map(|rate| format!("{rate}/s")));
    let unusual = [
        (case.streams != 0, format!("{} streams", case.streams)),
        (case.statements != StatementForm::default(), case.statements.name().to_owned()),
        (case.pipeline, "pipelined".to_owned()),
        (case.keys != Keys::default(), format!("keys {}", case.keys.name())),
        (case.cache != Cache::default(), case.cache.name().to_owned()),
    ];
    words.extend(unusual.into_iter().filter_map(|(is, word)| is.then_some(word)));
    words.join(", ")
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;
    use crate::made_up::case;

    /// Counts seconds, and has nothing else to do.
    #[derive(Default)]
    struct Counted(AtomicU32);

    impl Recorder for Counted {
        fn measurements(&self, _: &Case, _: &[Measurement]) -> Result<()> {
            Ok(())
        }

        fn second(&self, _: &Case, _: SystemTime, _: &[Second]) -> Result<()> {
            self.0.fetch_add(1, Ordering::Relaxed);
            Ok(())
        }

        fn beside(&self, case: &Case, began: SystemTime, seconds: &[Second]) -> Result<()> {
            Recorder::second(self, case, began, seconds)
        }

        fn unstarted(&self, _: &Case, _: SystemTime, _: &Second) -> Result<()> {
            Ok(())
        }

        fn plan(&self, _: &Case, _: &str, _: &Plan) -> Result<()> {
            Ok(())
        }

        fn file(&self, _: &Case, _: &str, _: &str) -> Result<PathBuf> {
            Ok(PathBuf::new())
        }

        fn event(&self, _: &Case, _: &Event) -> Result<()> {
            Ok(())
        }
    }

    impl LoadListener for Counted {
        fn second(&self, _: &Case, _: &[Second]) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn what_is_beside_a_load_is_recorded_and_no_second_of_it() {
        let (recorder, listener) = (Arc::new(Counted::default()), Arc::new(Counted::default()));
        let overheard = Overheard::new(recorder.clone(), vec![listener.clone()]);
        let counts = || [&recorder, &listener].map(|of| of.0.load(Ordering::Relaxed));
        overheard.second(&case(), SystemTime::UNIX_EPOCH, &[]).unwrap();
        assert_eq!(counts(), [1, 1]);
        overheard.beside(&case(), SystemTime::UNIX_EPOCH, &[]).unwrap();
        assert_eq!(counts(), [2, 1]);
    }
}
