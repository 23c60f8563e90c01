//! Statistics, verdicts, figures and the report: reads records, never runs a solver.
//!
//! A run is reduced to one number per seed ([`number`]), the numbers of a seed to a contrast
//! ([`judge`]), and inference is over seeds ([`statistics`]). A claim ([`claim`]) says in
//! advance which; its answer is a [`Verdict`].

pub mod align;
pub mod check;
pub mod claim;
pub mod export;
pub mod judge;
pub mod load;
pub mod number;
pub mod plot;
pub mod reconstruction;
pub mod report;
pub mod statistics;
pub mod table;
pub mod verdict;

pub use check::{Looks, check, more_seeds, reach};
pub use verdict::Verdict;
