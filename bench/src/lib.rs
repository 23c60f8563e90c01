//! The runner: cells in, records out. Knows clocks, workers and the store; knows no mathematics.

pub mod catalog;
pub mod cell;
pub mod clock;
pub mod conduct;
pub mod environment;
pub mod ledger;
mod memory;
pub mod outputs;
pub mod plan;
pub mod probes;
pub mod process;
mod queue;
pub mod reconstruct;
pub mod record;
pub mod registry;
pub mod runner;
pub mod schedule;
pub mod stop;
pub mod store;
pub mod study;
pub mod worker;

pub use conduct::runs;
