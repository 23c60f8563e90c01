//! Problems: the mathematical statements, their oracles and metrics, and the data they rest on.

pub mod check;
pub mod data;
mod error;
pub mod gan;
pub mod imaging;
mod metric;
pub mod mlr;
pub mod numerics;
mod oracle;
mod problem;
mod seed;

pub use error::{DataError, SetupError, require, require_positive};
pub use metric::{Better, Metric, Output, Split};
pub use oracle::{
    Batch, BatchGradient, BatchProx, Correction, Denoise, Diffusion, Game, Gradient, HessianVector,
    Inner, Linear, LinearDiffusion, Prox, TILE, Value,
};
pub use problem::{Build, Problem};
pub use seed::Seed;
