//! Dynamics: one long run, or a few, of a process that should have settled.
//!
//! Where five independent runs exist, take one time average a run and infer across runs with
//! [`super::mean`]; [`agree`] then checks the errors within runs. Inference within a run is for one
//! long run and follows this order:
//!
//! 1. drop the [`burn_in`], then [`stationarity`]: split rank-normalized R̂ and the drift of batch
//!    means;
//! 2. an average with its error: [`initial_monotone`] first, [`batch_means`] beside it; where the two
//!    are not [`resolved`] there is no verdict;
//! 3. the residual of a relation, whose error needs no model of autocorrelation: [`chain`],
//!    [`diffusion`];
//! 4. the decay to equilibrium from replicas: [`decay`], [`damped`].

mod autocovariance;
pub mod damped;
pub mod decay;
mod drift;
mod ess;
mod long_run;
mod mixing;
mod relation;
mod stationarity;

pub use autocovariance::Autocovariances;
pub use drift::{Drift, drift};
pub use ess::{Goal, bulk_ess, ess, required_ess};
pub use long_run::{
    Agreement, LongRun, agree, bartlett, batch_means, initial_monotone, overlapping, resolved,
};
pub use mixing::{RHat, r_hat, r_hat_bound, rank_normalized, split};
pub use relation::{Relation, chain, chain_with_variances, diffusion};
pub use stationarity::{Stationarity, burn_in, stationarity};

/// Chains of the test vectors: `x ← 0.7x + (u − ½)` from 0, with u from Park and Miller's generator
/// `s ← 16807 s mod (2³¹ − 1)`, `u = s/(2³¹ − 1)`, started at the number of the chain.
#[cfg(test)]
pub(crate) fn test_chain(number: u64, count: usize) -> Vec<f64> {
    const MODULUS: u64 = (1 << 31) - 1;
    let (mut s, mut x) = (number, 0.0);
    (0..count)
        .map(|_| {
            s = 16_807 * s % MODULUS;
            x = 0.7 * x + (s as f64 / MODULUS as f64 - 0.5);
            x
        })
        .collect()
}
