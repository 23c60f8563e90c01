//! The procedures behind a verdict, one topic a file: pure functions of one number per seed.
//!
//! The unit is always the seed: a run is reduced to numbers, the runs of a seed to one number, and
//! inference is over those. `alpha` is the two-sided error probability of an interval; each
//! direction carries `alpha / 2`. Formulas and test vectors: `scipy`, `statsmodels` and `lifelines`
//! where they have the procedure, quadrature or enumeration where they do not.

pub mod bound;
pub mod detectable;
pub mod distribution;
pub mod dynamics;
pub mod equivalence;
pub mod log_line;
pub mod mean;
pub mod median;
pub mod mixture;
pub mod order;
pub mod profiles;
pub mod proportion;
pub mod resampled;
pub mod slope;
pub mod survival;
pub mod win;
pub mod withheld;

#[cfg(test)]
mod coverage;
#[cfg(test)]
mod coverage_dynamics;
#[cfg(test)]
mod coverage_profiles;
#[cfg(test)]
mod coverage_rates;

use serde::{Deserialize, Serialize};

/// A confidence interval; an infinite end means that nothing is known on that side.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub struct Interval {
    /// Lower end.
    pub lower: f64,
    /// Upper end.
    pub upper: f64,
}

impl Interval {
    /// The whole line: no information.
    pub const LINE: Self = Self { lower: f64::NEG_INFINITY, upper: f64::INFINITY };

    /// The interval between two ends.
    pub const fn new(lower: f64, upper: f64) -> Self {
        Self { lower, upper }
    }

    /// Both ends through a rising function.
    #[must_use]
    pub fn map(self, f: impl Fn(f64) -> f64) -> Self {
        Self { lower: f(self.lower), upper: f(self.upper) }
    }
}

/// One-sided p-values of a directional claim `θ > θ0`.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub struct Evidence {
    /// Against `θ ≤ θ0`: small speaks for the claim.
    pub support: f64,
    /// Against `θ ≥ θ0`: small speaks against it.
    pub refute: f64,
}

impl Evidence {
    /// Of the mirrored claim `θ < θ0`.
    #[must_use]
    pub fn mirrored(self) -> Self {
        Self { support: self.refute, refute: self.support }
    }
}

/// Fails unless `found` is within `relative` of `expected`, printing both sides and the gap.
#[cfg(test)]
#[track_caller]
pub(crate) fn assert_close(found: f64, expected: f64, relative: f64) {
    let gap = (found - expected).abs();
    let limit = relative * expected.abs().max(f64::MIN_POSITIVE);
    assert!(gap <= limit, "found {found}, expected {expected}: gap {gap:e}, allowed {limit:e}");
}

/// The ten differences that most test vectors use.
#[cfg(test)]
pub(crate) const DIFFERENCES: [f64; 10] =
    [0.42, -0.11, 0.35, 0.97, 0.18, 0.05, 0.61, 0.29, -0.24, 1.36];
