//! The mix of transactions, and how long users type and think.

use std::time::Duration;

use dbdyno_core::Access;
use dbdyno_core::random::Rng;

/// The transaction types; the discriminant is the place in [`NAMES`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    NewOrder,
    Payment,
    OrderStatus,
    Delivery,
    StockLevel,
}

/// The names of the transaction types.
pub(super) const NAMES: [&str; 5] =
    ["new_order", "payment", "order_status", "delivery", "stock_level"];

impl Kind {
    /// The name used in results.
    pub(super) const fn name(self) -> &'static str {
        NAMES[self as usize]
    }

    /// Whether it writes.
    pub(super) const fn access(self) -> Access {
        match self {
            Self::NewOrder | Self::Payment | Self::Delivery => Access::Write,
            Self::OrderStatus | Self::StockLevel => Access::Read,
        }
    }

    /// How long its inputs are typed (5.2.5.7).
    pub(super) const fn keying_time(self) -> Duration {
        Duration::from_secs(match self {
            Self::NewOrder => 18,
            Self::Payment => 3,
            Self::OrderStatus | Self::Delivery | Self::StockLevel => 2,
        })
    }

    /// The mean of the time that its answer is thought about (5.2.5.7).
    const fn mean_think_time(self) -> Duration {
        Duration::from_secs(match self {
            Self::NewOrder | Self::Payment => 12,
            Self::OrderStatus => 10,
            Self::Delivery | Self::StockLevel => 5,
        })
    }

    /// Draws a think time: negative exponential, cut off at ten times its mean (5.2.5.4).
    pub(super) fn think_time(self, rng: &mut Rng) -> Duration {
        self.mean_think_time().mul_f64(rng.exponential().min(10.0))
    }
}

/// How many cards of 100 name each type, in the order of [`NAMES`]: Payment and the three rare
/// types at the least shares that 5.2.3 allows, New-Order the rest.
const CARDS: [(Kind, usize); 5] = [
    (Kind::NewOrder, 45),
    (Kind::Payment, 43),
    (Kind::OrderStatus, 4),
    (Kind::Delivery, 4),
    (Kind::StockLevel, 4),
];

/// A deck of cards, each naming a transaction type. It is dealt to the end, shuffled and dealt
/// again, so that every 100 transactions of a client hold the exact mix (5.2.4.2, the second way
/// to keep the mix of 5.2.3; its example of 23 cards gives 43.5 % New-Orders).
#[derive(Clone, Debug)]
pub(super) struct Deck {
    cards: [Kind; Self::SIZE],
    dealt: usize,
}

impl Deck {
    const SIZE: usize = 100;

    /// A deck about to be shuffled.
    pub(super) fn new() -> Self {
        let mut cards = [Kind::NewOrder; Self::SIZE];
        let kinds = CARDS.iter().flat_map(|(kind, count)| std::iter::repeat_n(*kind, *count));
        for (card, kind) in cards.iter_mut().zip(kinds) {
            *card = kind;
        }
        Self { cards, dealt: Self::SIZE }
    }

    /// Deals a card.
    pub(super) fn deal(&mut self, rng: &mut Rng) -> Kind {
        if self.dealt == Self::SIZE {
            rng.shuffle(&mut self.cards);
            self.dealt = 0;
        }
        self.dealt += 1;
        self.cards[self.dealt - 1]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Kind; 5] =
        [Kind::NewOrder, Kind::Payment, Kind::OrderStatus, Kind::Delivery, Kind::StockLevel];

    #[test]
    fn every_deck_holds_the_exact_mix_in_another_order() {
        let (mut deck, mut rng) = (Deck::new(), Rng::new(1, &[]));
        let mut orders = Vec::new();
        for _ in 0..100 {
            let dealt: Vec<_> = (0..100).map(|_| deck.deal(&mut rng)).collect();
            let counts = ALL.map(|kind| dealt.iter().filter(|card| **card == kind).count());
            assert_eq!(counts, [45, 43, 4, 4, 4]);
            orders.push(dealt.iter().map(|card| *card as u8).collect::<Vec<_>>());
        }
        orders.sort_unstable();
        orders.dedup();
        assert_eq!(orders.len(), 100);
    }

    #[test]
    fn think_times_have_their_means_and_their_end() {
        let mut rng = Rng::new(3, &[]);
        for (kind, mean) in ALL.into_iter().zip([12.0, 12.0, 10.0, 5.0, 5.0]) {
            let times: Vec<f64> =
                (0..200_000).map(|_| kind.think_time(&mut rng).as_secs_f64()).collect();
            let found = times.iter().sum::<f64>() / times.len() as f64;
            assert!((found / mean - 1.0).abs() < 0.02, "{}: {found}", kind.name());
            assert!(times.iter().all(|time| *time <= mean * 10.0));
        }
    }

    #[test]
    fn keying_takes_what_the_clause_says() {
        assert_eq!(ALL.map(|kind| kind.keying_time().as_secs()), [18, 3, 2, 2, 2]);
    }
}
