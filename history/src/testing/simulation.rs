//! Clients on the simulated store, taking turns at random.

use dbdyno_core::random::Rng;

use super::store::{Open, Store};
use crate::attempt::{Attempt, Outcome};
use crate::log::Line;
use crate::store::Kind;

/// How well transactions are kept apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Behaviour {
    /// One after another.
    Serial,
    /// What was read and written must not have changed until the commit.
    Serializable,
    /// Reads are of one moment, and the first of two writers of a key wins.
    Snapshot,
    /// Reads see what is committed at their moment; writes wait for the commit.
    ReadCommitted,
    /// Writes are there at once, and gone when the transaction is aborted.
    ReadUncommitted,
}

/// A load to be simulated.
#[derive(Clone, Copy, Debug)]
pub struct Simulation {
    /// What the keys hold.
    pub kind: Kind,
    /// What the store does.
    pub behaviour: Behaviour,
    /// Attempts, those that are aborted included.
    pub transactions: u64,
    /// Clients that take turns.
    pub clients: u64,
    /// Keys in use at a time.
    pub keys: u64,
    /// Values that a key is given before a new one takes its place.
    pub values_per_key: u64,
    /// Operations of a transaction, at most.
    pub operations: u64,
    /// Of a hundred transactions, how many are aborted at will, and how many end without an answer.
    pub aborted_percent: f64,
    /// See `aborted_percent`.
    pub unknown_percent: f64,
    /// All random choices.
    pub seed: u64,
}

impl Default for Simulation {
    fn default() -> Self {
        Self {
            kind: Kind::ListAppend,
            behaviour: Behaviour::Serializable,
            transactions: 1_000,
            clients: 8,
            keys: 5,
            values_per_key: 32,
            operations: 4,
            aborted_percent: 2.0,
            unknown_percent: 1.0,
            seed: 1,
        }
    }
}

/// A client between two turns.
#[derive(Debug, Default)]
struct Client {
    attempt: Attempt,
    plan: Vec<Planned>,
    done: usize,
    open: Open,
    process: u64,
    is_running: bool,
}

#[derive(Clone, Copy, Debug)]
enum Planned {
    Read(i64),
    Write(i64, i64),
}

/// The keys in use and how many values each was given.
#[derive(Debug)]
struct Keys {
    active: Vec<(i64, i64)>,
    next: i64,
}

/// What goes on.
struct Run<'a, F> {
    simulation: &'a Simulation,
    rng: Rng,
    store: Store,
    keys: Keys,
    index: u64,
    line: Vec<u8>,
    out: &'a mut F,
}

impl Simulation {
    /// A load as large ones are: about four operations, lists of up to 64 elements, and conflicts that
    /// are not most of it.
    pub const LARGE: Self = Self {
        kind: Kind::ListAppend,
        behaviour: Behaviour::Serializable,
        transactions: 1_000_000,
        clients: 8,
        keys: 512,
        values_per_key: 64,
        operations: 7,
        aborted_percent: 2.0,
        unknown_percent: 0.1,
        seed: 1,
    };

    /// Runs it; `out` gets every line of the history.
    pub fn run(&self, out: &mut impl FnMut(&[u8])) {
        let mut run = Run {
            simulation: self,
            rng: Rng::new(self.seed, &[]),
            store: Store::default(),
            keys: Keys {
                active: (0..self.keys as i64).map(|key| (key, 0)).collect(),
                next: self.keys as i64,
            },
            index: 0,
            line: Vec::new(),
            out,
        };
        let mut clients: Vec<Client> =
            (0..self.clients).map(|process| Client { process, ..Client::default() }).collect();
        let mut left = self.transactions;
        while left > 0 || clients.iter().any(|client| client.is_running) {
            let client = &mut clients[run.rng.below(self.clients) as usize];
            if client.is_running {
                run.turn(client);
            } else if left > 0 {
                left -= 1;
                run.begin(client);
                while self.behaviour == Behaviour::Serial && client.is_running {
                    run.turn(client);
                }
            }
        }
        run.read_all(&mut clients[0]);
    }

    /// The whole history as text.
    pub fn text(&self) -> String {
        let mut text = Vec::new();
        self.run(&mut |line| text.extend_from_slice(line));
        String::from_utf8_lossy(&text).into_owned()
    }
}

impl<F: FnMut(&[u8])> Run<'_, F> {
    fn begin(&mut self, client: &mut Client) {
        client.plan.clear();
        for _ in 0..self.rng.below(self.simulation.operations) + 1 {
            let at = self.rng.below(self.simulation.keys) as usize;
            let planned = if self.rng.percent(50.0) {
                Planned::Read(self.keys.active[at].0)
            } else {
                self.keys.write(at, self.simulation.values_per_key as i64)
            };
            client.plan.push(planned);
        }
        self.start(client);
    }

    fn start(&mut self, client: &mut Client) {
        client.attempt.clear();
        for planned in &client.plan {
            match (planned, self.simulation.kind) {
                (Planned::Read(key), _) => {
                    client.attempt.read(*key);
                }
                (Planned::Write(key, value), Kind::ListAppend) => {
                    client.attempt.append(*key, *value);
                }
                (Planned::Write(key, value), Kind::RwRegister) => {
                    client.attempt.write(*key, *value);
                }
            }
        }
        (client.done, client.is_running) = (0, true);
        self.event(client, "invoke", false);
        client.open.owner = client.process;
        self.store.begin(&mut client.open);
    }

    /// One operation, or the end.
    fn turn(&mut self, client: &mut Client) {
        let behaviour = self.simulation.behaviour;
        match client.plan.get(client.done).copied() {
            Some(Planned::Read(key)) => {
                let values = self.store.read(behaviour, &mut client.open, key);
                match self.simulation.kind {
                    Kind::ListAppend => client.attempt.answer_list(client.done, values),
                    Kind::RwRegister => {
                        client.attempt.answer_register(client.done, values.last().copied());
                    }
                }
            }
            Some(Planned::Write(key, value)) => {
                if !self.store.write(behaviour, &mut client.open, key, value) {
                    return self.end(client, Outcome::Aborted);
                }
            }
            None => {
                let outcome = self.commit(client);
                return self.end(client, outcome);
            }
        }
        client.done += 1;
    }

    fn commit(&mut self, client: &Client) -> Outcome {
        if self.rng.percent(self.simulation.aborted_percent)
            || !self.store.commit(self.simulation.behaviour, &client.open)
        {
            Outcome::Aborted
        } else if self.rng.percent(self.simulation.unknown_percent) {
            Outcome::Unknown
        } else {
            Outcome::Committed
        }
    }

    fn end(&mut self, client: &mut Client, outcome: Outcome) {
        client.is_running = false;
        if outcome == Outcome::Aborted {
            self.store.abort(self.simulation.behaviour, &client.open);
        }
        self.event(client, outcome.name(), outcome == Outcome::Committed);
        if outcome == Outcome::Unknown {
            client.process += self.simulation.clients;
        }
    }

    /// At the end of a load every key in use is read once more.
    fn read_all(&mut self, client: &mut Client) {
        client.plan = self.keys.active.iter().map(|(key, _)| Planned::Read(*key)).collect();
        self.start(client);
        for _ in 0..client.plan.len() {
            self.turn(client);
        }
        client.is_running = false;
        self.event(client, Outcome::Committed.name(), true);
    }

    fn event(&mut self, client: &Client, kind: &str, with_answers: bool) {
        self.line.clear();
        self.line.extend_from_slice(b"{:index ");
        self.line.extend_from_slice(itoa::Buffer::new().format(self.index).as_bytes());
        self.line.extend_from_slice(b", ");
        let (time_ns, process, attempt) = (self.index * 1_000, client.process, &client.attempt);
        Line { time_ns, kind, process, attempt, with_answers }.write(&mut self.line);
        (self.out)(&self.line);
        self.index += 1;
    }
}

impl Keys {
    /// A value for a key, and another key in its place when it has had enough.
    fn write(&mut self, at: usize, most: i64) -> Planned {
        let (key, values) = &mut self.active[at];
        *values += 1;
        let planned = Planned::Write(*key, *values);
        if *values == most {
            self.active[at] = (self.next, 0);
            self.next += 1;
        }
        planned
    }
}
