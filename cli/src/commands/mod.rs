//! One file per verb, and what they share: choosing what is meant, and tables.

mod choose;
pub mod compare;
pub mod doctor;
pub mod explain;
pub mod list;
pub mod regress;
pub mod run;
mod tables;
