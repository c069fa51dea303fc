//! Histories to test and measure with: those that a simulated store gives, and planted anomalies.

mod planted;
mod simulation;
mod store;

pub use planted::{PLANTED, Planted, plant};
pub use simulation::{Behaviour, Simulation};
