//! Generative adversarial networks as games with noise, and as diffusions.
//!
//! Two players, a generator with parameters `θ` and a discriminator with parameters `ω`, play
//! `min_θ max_ω Φ(θ, ω)`, where `Φ` is a mean over pairs of a latent and a data sample. With `g_θ = ∇_θ Φ`
//! and `g_ω = ∇_ω Φ`, mini-batches of `B` pairs and a learning rate `η`, stochastic gradient
//! descent–ascent is a Markov chain that stays close to the solution of
//!
//! ```text
//! dX = [b₀(X) + η b₁(X)] dt + √(η/B) S(X) dW,   b₀ = (-g_θ; g_ω),   S Sᵀ = Σ
//! ```
//!
//! with `Σ` the covariance of the gradient of one pair. Without `b₁` the laws agree to first order in
//! `η`, with the `b₁` of the order of the updates ([`Correction`](crate::Correction)) to second.
//!
//! | problem | [`Build::ID`](crate::Build) | drift | noise | known |
//! |---|---|---|---|---|
//! | [`LqGan`] | `lq-gan` | linear | constant | every law |
//! | [`ScaleGan`] | `scale-gan` | affine | depends on the point | two moments |
//! | [`CovarianceGan`] | `covariance-gan` | quadratic | depends on the point | identities |
//! | [`BoundedGan`] | `bounded-gan` | bounded | constant | Fokker–Planck reference |
//! | [`DiracGan`] | `dirac-gan` | logistic | instance noise | linearization |
//! | [`MixtureGan`] | `mixture-gan` | networks | data | nothing |
//!
//! A point is `(θ; ω)`. All but the last are games over a population: they have no data terms, and a
//! mini-batch is drawn anew. What is measured on an ensemble stands in [`ensemble`]; what is known
//! without randomness in [`affine`], [`lyapunov`], [`exponential`], [`closed`] and [`fokker_planck`].
//!
//! Conventions: descent in `θ`, ascent in `ω`; a matrix `∇_a g_b` has rows by components of `g_b` and
//! columns by components of `a`; `β = 2B/η`. Two learning rates are the solver's business: with
//! `r = η_ω/η_θ` the game is that of `η_θ` with `g_ω` times `r`.
//!
//! Source: H. Cao and X. Guo, Approximation and Convergence of GANs Training: An SDE Approach, arXiv
//! 2006.02047, whose statements on orders and relations are derived again here; all closed forms and
//! test vectors are derivations of this suite.

pub mod affine;
mod bounded;
mod chi_square;
pub mod closed;
mod covariance;
mod covariance_game;
mod dirac;
pub mod ensemble;
pub mod exponential;
pub mod fokker_planck;
pub mod gaussian;
mod law;
mod linear_quadratic;
pub mod lyapunov;
pub mod mixture;
mod plane;
mod population;
pub mod relations;
mod scale;
#[cfg(test)]
mod tests;

pub use bounded::{Bounded, BoundedGan, BoundedGanConfig};
pub use covariance::Covariance;
pub use covariance_game::{CovarianceGan, CovarianceGanConfig};
pub use dirac::{Dirac, DiracGan, DiracGanConfig, Loss};
pub use law::{Dynamic, Law};
pub use linear_quadratic::{LqGan, LqGanConfig};
pub use mixture::{MixtureGan, MixtureGanConfig};
pub use plane::{Pair, Plane, PlaneGame, Setting};
pub use population::{Drawn, PopulationScratch, Start};
pub use scale::{Batches, Scale, ScaleGan, ScaleGanConfig};
