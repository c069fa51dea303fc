//! A client: a terminal with its deck of cards, and the frame that all five transactions share.

use std::sync::Arc;
use std::time::Duration;

use dbdyno_core::load::{Client, Draw, Outcome};
use dbdyno_core::{DbError, RowLists, Steps};

use super::customer::Finder;
use super::deck::{Deck, Kind};
use super::effects::{ClientEffects, Ending};
use super::inputs::{Delivery, NewOrder, OrderStatus, Payment, StockLevel, Terminal};
use super::statements::Statements;
use super::{called, delivery, new_order, order_status, payment, stock_level};

/// The inputs of the drawn transaction.
#[allow(clippy::large_enum_variant, reason = "a box would be allocated for every transaction")]
pub(super) enum Inputs {
    NewOrder(NewOrder),
    Payment(Payment),
    OrderStatus(OrderStatus),
    Delivery(Delivery),
    StockLevel(StockLevel),
}

/// How transactions are said.
#[derive(Clone, Copy, Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "there is one for each client, read at each statement"
)]
pub(super) enum Said {
    /// In statements.
    Statements(Statements),
    /// As calls of stored procedures, which take the lines of an order in this way.
    Called(RowLists),
}

/// Buffers of the transactions, grown once.
#[derive(Default)]
struct Buffers {
    finder: Finder,
    new_order: new_order::Buffers,
    payment: payment::Buffers,
    called: called::Buffers,
}

/// One simulated user of TPC-C.
pub(super) struct TpccClient {
    terminal: Terminal,
    deck: Deck,
    /// Whether keying and think times are kept.
    think_times: bool,
    said: Said,
    inputs: Inputs,
    buffers: Buffers,
    effects: Arc<ClientEffects>,
}

impl TpccClient {
    /// The user of a terminal, who counts committed work in `effects`.
    pub(super) fn new(
        mut terminal: Terminal,
        think_times: bool,
        said: Said,
        effects: Arc<ClientEffects>,
    ) -> Self {
        let inputs = Inputs::draw(Kind::StockLevel, &mut terminal);
        Self {
            terminal,
            deck: Deck::new(),
            think_times,
            said,
            inputs,
            buffers: Buffers::default(),
            effects,
        }
    }
}

impl Client for TpccClient {
    fn draw(&mut self) -> Draw {
        let kind = self.deck.deal(self.terminal.rng());
        self.inputs = Inputs::draw(kind, &mut self.terminal);
        let keying_time = if self.think_times { kind.keying_time() } else { Duration::ZERO };
        Draw { transaction: kind as usize, keying_time }
    }

    async fn run(&mut self, steps: &mut Steps<'_>) -> Result<Outcome, DbError> {
        let Self { inputs, buffers, said, effects, .. } = self;
        let mut ending = effects.begin();
        let outcome = match said {
            Said::Statements(sql) => inputs.run(sql, buffers, &mut ending, steps).await,
            Said::Called(lists) => {
                called::run(inputs, *lists, &mut buffers.called, &mut ending, steps).await
            }
        };
        ending.settle(&outcome);
        if matches!(outcome, Ok(Outcome::RolledBack)) {
            steps.rollback().await?;
        }
        outcome
    }

    fn think_time(&mut self) -> Duration {
        if self.think_times {
            self.inputs.kind().think_time(self.terminal.rng())
        } else {
            Duration::ZERO
        }
    }
}

impl Inputs {
    fn draw(kind: Kind, terminal: &mut Terminal) -> Self {
        match kind {
            Kind::NewOrder => Self::NewOrder(terminal.new_order()),
            Kind::Payment => Self::Payment(terminal.payment()),
            Kind::OrderStatus => Self::OrderStatus(terminal.order_status()),
            Kind::Delivery => Self::Delivery(terminal.delivery()),
            Kind::StockLevel => Self::StockLevel(terminal.stock_level()),
        }
    }

    pub(super) const fn kind(&self) -> Kind {
        match self {
            Self::NewOrder(_) => Kind::NewOrder,
            Self::Payment(_) => Kind::Payment,
            Self::OrderStatus(_) => Kind::OrderStatus,
            Self::Delivery(_) => Kind::Delivery,
            Self::StockLevel(_) => Kind::StockLevel,
        }
    }

    /// Runs the transaction up to its commit, or up to where it is to be rolled back.
    async fn run(
        &self,
        sql: &Statements,
        buffers: &mut Buffers,
        ending: &mut Ending<'_>,
        steps: &mut Steps<'_>,
    ) -> Result<Outcome, DbError> {
        let Buffers { finder, new_order, payment, .. } = buffers;
        match self {
            Self::NewOrder(input) => new_order::run(input, sql, new_order, ending, steps).await,
            Self::Payment(input) => {
                payment::run(input, sql, finder, payment, ending, steps).await?;
                Ok(Outcome::Committed)
            }
            Self::OrderStatus(input) => {
                order_status::run(input, sql, finder, ending, steps).await?;
                Ok(Outcome::Committed)
            }
            Self::Delivery(input) => {
                delivery::run(input, sql, ending, steps).await?;
                Ok(Outcome::Committed)
            }
            Self::StockLevel(input) => {
                stock_level::run(input, sql, ending, steps).await?;
                Ok(Outcome::Committed)
            }
        }
    }
}
