//! Stochastic differential equations that stand for the training of games: their integrators, the noise
//! that they share with the chains, and what is estimated from both.

mod brownian;
mod coupled;
mod euler_maruyama;
mod exact_linear;
mod integrator;
mod multilevel;
mod noise;
mod platen;
#[cfg(test)]
mod tests;
mod weak_heun;

pub use brownian::Brownian;
pub use coupled::{EnsembleError, Estimate, coupled_samples, endpoints};
pub use euler_maruyama::{Euler, EulerMaruyama};
pub use exact_linear::{AffineMap, Exact, ExactLinear};
pub use integrator::{Drift, Equation, Integrator, IntegratorState, Scheme, Tile};
pub use multilevel::{Level, Multilevel, MultilevelEstimate};
pub use noise::Noise;
pub use platen::{Platen, PlatenScheme};
pub use weak_heun::{Heun, WeakHeun};
