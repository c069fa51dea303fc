//! What the queries ask for.

use dbdyno_core::random::Rng;
use dbdyno_core::{Date, Scale};
use dbdyno_datasets::wide::{FIRST_DAY, WORDS, counter_id, user_id};

use crate::parameter::{Parameter, list};

/// Dashboards are those of the most popular sites, of which every scale has hits.
const POPULAR_SITES: u64 = 20;
/// Users are looked up among the most active.
const ACTIVE_USERS: u64 = 1_000;
/// Days of a dashboard.
const MONTH: i32 = 30;

/// What the queries of one client may ask for.
#[derive(Clone, Copy, Debug)]
pub struct Inputs {
    /// The user who is looked up.
    pub user: i64,
    /// What is searched for in addresses.
    pub word: &'static str,
    /// The site of a dashboard.
    pub counter: i64,
    /// The first day of a dashboard.
    pub begin: Date,
    /// The day after its last.
    pub end: Date,
    /// More rows than this has a group that is shown: about a thousandth of all.
    pub more_than: i64,
}

impl Inputs {
    /// Those for which the answers are worked out: the most popular site and its first month.
    pub fn fixed(scale: Scale) -> Self {
        Self {
            user: user_id(0),
            word: "garden",
            counter: counter_id(0),
            begin: FIRST_DAY,
            end: FIRST_DAY.plus_days(MONTH),
            more_than: scale.of(1_000).cast_signed(),
        }
    }

    /// Drawn at random.
    pub fn drawn(scale: Scale, rng: &mut Rng) -> Self {
        // A hundredth of the scale is a day.
        let days = i64::try_from(scale.in_hundredths()).unwrap_or(i64::MAX);
        let begin = FIRST_DAY.plus_days(rng.between(0, (days - i64::from(MONTH)).max(0)) as i32);
        Self {
            user: user_id(rng.below(ACTIVE_USERS)),
            word: WORDS[rng.below(WORDS.len() as u64) as usize],
            counter: counter_id(rng.below(POPULAR_SITES)),
            begin,
            end: begin.plus_days(MONTH),
            more_than: scale.of(rng.below(1_001) + 500).cast_signed(),
        }
    }

    /// The parameters of the query at a place in the list, in the order in which they stand in its
    /// text.
    pub fn parameters(&self, query: usize) -> Vec<Parameter> {
        let anywhere = format!("%{}%", self.word);
        match query + 1 {
            15 => list![self.user],
            16 | 18 => list![anywhere],
            17 => list![anywhere.clone(), anywhere],
            20 | 21 => list![self.more_than],
            27..=30 => list![self.counter, self.begin, self.end],
            _ => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::queries::QUERIES;
    use super::*;

    #[test]
    fn every_query_gets_as_many_parameters_as_it_takes() {
        let drawn = Inputs::drawn(Scale::ONE, &mut Rng::new(1, &[]));
        for (place, query) in QUERIES.iter().enumerate() {
            let taken = query.sql.matches('?').count();
            assert_eq!(Inputs::fixed(Scale::ONE).parameters(place).len(), taken, "{}", query.name);
            assert_eq!(drawn.parameters(place).len(), taken, "{}", query.name);
        }
    }

    #[test]
    fn what_is_drawn_is_there_at_that_scale() {
        let mut rng = Rng::new(5, &[]);
        for scale in [Scale::hundredths(1), Scale::hundredths(45), Scale::whole(3)] {
            let last = FIRST_DAY.plus_days(scale.in_hundredths() as i32 - 1);
            let mut counters = std::collections::HashSet::new();
            for _ in 0..500 {
                let inputs = Inputs::drawn(scale, &mut rng);
                assert!((FIRST_DAY..=last).contains(&inputs.begin), "{inputs:?}");
                assert!(inputs.end <= last.plus_days(1) || inputs.begin == FIRST_DAY);
                let least = scale.of(500).cast_signed();
                assert!((least..=3 * least).contains(&inputs.more_than), "{inputs:?}");
                counters.insert(inputs.counter);
            }
            assert_eq!(counters.len(), POPULAR_SITES as usize);
        }
    }
}
