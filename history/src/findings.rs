//! Anomalies as they are found, and the words for them.

use hashbrown::HashMap;

use crate::class::AnomalyClass;
use crate::store::History;
use crate::verdict::{Example, Found};

/// What has been found so far.
#[derive(Debug)]
pub struct Findings {
    examples: usize,
    found: HashMap<AnomalyClass, Found>,
}

impl Findings {
    /// Nothing yet; `examples` are kept of each class.
    pub fn new(examples: usize) -> Self {
        Self { examples: examples.max(1), found: HashMap::default() }
    }

    /// Counts an anomaly, and has it explained if it is among the first.
    pub fn add(&mut self, class: AnomalyClass, explain: impl FnOnce() -> String) {
        let found = self.of(class);
        found.count += 1;
        if found.examples.len() < self.examples {
            let example = Example { explanation: explain(), cycle: None };
            self.of(class).examples.push(example);
        }
    }

    /// Takes what a search has found of a class.
    pub fn add_all(&mut self, class: AnomalyClass, count: u64, examples: Vec<Example>) {
        let found = self.of(class);
        found.count += count;
        found.examples.extend(examples);
    }

    fn of(&mut self, class: AnomalyClass) -> &mut Found {
        self.found.entry(class).or_insert_with(|| Found { class, count: 0, examples: Vec::new() })
    }

    /// All of it, worst first.
    pub fn into_found(self) -> Vec<Found> {
        let mut found: Vec<Found> = self.found.into_values().collect();
        found.sort_by_key(|found| found.class);
        found
    }
}

/// Sentences about transactions, which are shown first and called T1, T2 and so on.
pub fn story(history: &History, transactions: &[u32], then: &str) -> String {
    let mut text = String::from("Let\n");
    for (transaction, number) in transactions.iter().zip(1..) {
        text.push_str(&format!("  T{number} = {}\n", history.transaction_text(*transaction)));
    }
    text.push_str("Then:\n");
    for line in then.lines() {
        text.push_str(&format!("  {line}\n"));
    }
    text
}
