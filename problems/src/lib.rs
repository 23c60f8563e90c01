//! Problems: the mathematical statements, their oracles and metrics, and the data they rest on.

pub mod check;
pub mod data;
mod error;
pub mod gan;
mod metric;
pub mod mlr;
pub mod numerics;
mod oracle;
mod problem;
mod seed;

pub use error::{DataError, SetupError, require, require_positive};
pub use metric::{Better, Metric, Output, Split};
pub use oracle::{
    Batch, BatchGradient, Correction, Diffusion, Game, Gradient, HessianVector, Linear,
    LinearDiffusion, TILE, Value,
};
pub use problem::{Build, Problem};
pub use seed::Seed;
