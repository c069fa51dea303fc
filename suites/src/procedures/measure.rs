//! The stages of a case: transactions as statements and as procedures, at each round trip.

use std::sync::Arc;
use std::time::Duration;

use dbdyno_core::load::Workload;
use dbdyno_core::random::Rng;
use dbdyno_core::{Check, Error, Result};

use super::ProcedureBenchmark;
use super::found::{Pair, metrics};
use super::routines::Routine;
use super::same_rows;
use crate::benchmark::{AfterUse, Called, State, WorkloadContext};
use crate::runner::{Measured, Stand};

/// What is added to each round trip, and how results name it.
pub const ROUND_TRIPS: [RoundTrip; 4] = [
    RoundTrip::new(0, "direct", ["statements-direct", "procedures-direct"]),
    RoundTrip::new(200, "200us", ["statements-200us", "procedures-200us"]),
    RoundTrip::new(1_000, "1ms", ["statements-1ms", "procedures-1ms"]),
    RoundTrip::new(5_000, "5ms", ["statements-5ms", "procedures-5ms"]),
];

/// The place of this random stream below the seed: the order of the stages.
const ORDER_STREAM: u64 = 0x7072_6f63;

/// What is added to each round trip of two loads.
#[derive(Clone, Copy, Debug)]
pub struct RoundTrip {
    /// What sessions ask for; the target's own where `None`.
    added: Option<Duration>,
    /// How the metrics of the pair name it.
    pub name: &'static str,
    /// The loads of statements and of procedures.
    pub loads: [&'static str; 2],
}

impl RoundTrip {
    const fn new(micros: u64, name: &'static str, loads: [&'static str; 2]) -> Self {
        Self { added: Some(Duration::from_micros(micros)), name, loads }
    }

    /// The one that the target has itself.
    const OWN: Self = Self { added: None, name: "", loads: ["statements", "procedures"] };
}

/// Where a round trip stands among all.
fn place(name: &str) -> usize {
    ROUND_TRIPS.iter().position(|round_trip| round_trip.name == name).unwrap_or(0)
}

/// How the transactions of a load are said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    Statements,
    Procedures,
}

/// A case that is being measured.
pub struct Bench<'s> {
    stand: &'s Stand<'s>,
    benchmark: &'s ProcedureBenchmark,
    routines: &'static [Routine],
    called: Called,
}

impl<'s> Bench<'s> {
    /// # Errors
    /// The engine has no stored procedures, or no server to be at a distance from.
    pub fn new(stand: &'s Stand<'s>, benchmark: &'s ProcedureBenchmark) -> Result<Self> {
        let driver = stand.driver();
        let able = driver.dialect().procedures();
        let able = able.and_then(|language| driver.capabilities().distance.map(|()| language));
        let language = able.map_err(|why| {
            Error::unsupported(format!("call procedures on {}", driver.target()), why)
        })?;
        let routines = benchmark.routines.of(language);
        let calls = routines.iter().map(Routine::call).collect();
        let called = Called { calls, lists: driver.dialect().native().lists };
        Ok(Self { stand, benchmark, routines, called })
    }

    /// Goes through the stages; the procedures are dropped whatever comes of them.
    pub fn measure(&self, measured: &mut Measured) -> Result<()> {
        let ran = self.create_routines().and_then(|()| self.stages(measured));
        let dropped = self.drop_routines();
        ran.and(dropped)
    }

    fn stages(&self, measured: &mut Measured) -> Result<()> {
        // What it shows depends on the seed and not on the repetition.
        if self.stand.case().repetition == 1 {
            let same = self.same_rows()?;
            let held = same.held;
            measured.checks.push(same);
            if !held {
                // What does something else is worth no comparison.
                let why = "procedures do not do what statements do";
                measured.cut_short = Some(why.to_owned());
                return Ok(());
            }
        }
        let mut state = self.state()?;
        if state.checks.iter().any(|check| !check.held) {
            measured.checks.extend(state.checks);
            return Ok(());
        }
        let mut pairs = Vec::new();
        for (round_trip, forms) in self.order() {
            let mut pair = Pair::new(round_trip.name);
            for form in forms {
                self.stand.go_on()?;
                if self.benchmark.transactions.after_use() == AfterUse::Spent {
                    self.stand.reload()?;
                    state = self.state()?;
                }
                let name = round_trip.loads[form as usize];
                let whole = self.load(name, round_trip, form, &mut state, &mut pair, measured)?;
                if !whole {
                    return Ok(());
                }
            }
            pairs.push(pair);
            pairs.sort_by_key(|pair| place(pair.round_trip));
            (measured.own, measured.headline) = metrics(&pairs);
        }
        measured.checks.extend(state.checks);
        Ok(())
    }

    /// One load with its account; whether it came to its end.
    fn load(
        &self,
        name: &'static str,
        round_trip: RoundTrip,
        form: Form,
        before: &mut State,
        pair: &mut Pair,
        measured: &mut Measured,
    ) -> Result<bool> {
        let transactions = self.benchmark.transactions;
        let workload = self.workload(form, before);
        let clients = self.stand.case().clients;
        let stage = self.stand.load_at(name, round_trip.added, clients, &workload)?;
        let tally = stage.report.tally.clone();
        let is_whole = stage.report.is_whole();
        if is_whole {
            pair.add(form, &stage.report);
        }
        measured.stages.push(stage);
        let after = match self.state() {
            Ok(after) => after,
            Err(error) => {
                measured.unchecked = Some(error.why().to_owned());
                return Ok(false);
            }
        };
        let accounts = transactions.account(before, &after, &workload.counted(), &tally);
        let samples = transactions.account_samples(before, &after, &workload.witnessed());
        let named = |check: Check| Check { name: format!("{}_{name}", check.name), ..check };
        measured.checks.extend(accounts.into_iter().chain(samples).map(named));
        *before = after;
        Ok(is_whole)
    }

    /// The round trips in an order of their own for each repetition, and which form comes first.
    fn order(&self) -> Vec<(RoundTrip, [Form; 2])> {
        let case = self.stand.case();
        let mut rng = Rng::new(case.seed, &[ORDER_STREAM, u64::from(case.repetition)]);
        let mut round_trips = match self.stand.driver().round_trip() {
            Duration::ZERO => ROUND_TRIPS.to_vec(),
            _ => vec![RoundTrip::OWN],
        };
        rng.shuffle(&mut round_trips);
        let forms = |round_trip| {
            let mut forms = [Form::Statements, Form::Procedures];
            rng.shuffle(&mut forms);
            (round_trip, forms)
        };
        round_trips.into_iter().map(forms).collect()
    }

    /// Whether a number of transactions leaves the same rows in both forms.
    fn same_rows(&self) -> Result<Check> {
        let workloads =
            [Form::Statements, Form::Procedures].map(|form| self.workload(form, &State::default()));
        same_rows::check(self.stand, self.benchmark.transactions.dataset(), &workloads)
    }

    fn workload(&self, form: Form, before: &State) -> Arc<dyn Workload> {
        let context = self.stand.context();
        let context = match form {
            Form::Statements => context,
            Form::Procedures => WorkloadContext { called: Some(self.called.clone()), ..context },
        };
        self.benchmark.transactions.workload(&context, before)
    }

    fn state(&self) -> Result<State> {
        let (transactions, scale) = (self.benchmark.transactions, self.stand.case().scale);
        let doing = format!("check the data of {}", transactions.name());
        self.stand.ask(&doing, async |session| transactions.state(session, scale).await)
    }

    /// Creates them; those that are there already, of a run that broke off or because the server died over it,
    /// anew.
    fn create_routines(&self) -> Result<()> {
        self.stand.ask("create the procedures", async |session| {
            for routine in self.routines {
                session.run_sql(routine.drop()).await?;
                session.run_sql(routine.create()).await?;
            }
            Ok(())
        })
    }

    fn drop_routines(&self) -> Result<()> {
        self.stand.ask("drop the procedures", async |session| {
            for routine in self.routines {
                session.run_sql(routine.drop()).await?;
            }
            Ok(())
        })
    }
}
