//! The procedures behind a verdict, one topic a file: pure functions of one number per seed.
//!
//! The unit is always the seed: a run is reduced to numbers, the runs of a seed to one number, and
//! inference is over those. `alpha` is the two-sided error probability of an interval; each
//! direction carries `alpha / 2`. Formulas and test vectors: `scipy`, `statsmodels` and `lifelines`
//! where they have the procedure, quadrature or enumeration where they do not.
//!
//! The number of a procedure is the one a verdict names:
//!
//! | procedure | module |
//! |---|---|
//! | 1.1 Student, 1.2 Hall, 1.3 guarded Student | [`mean`] |
//! | 1.4 bootstrap-t, 1.5 percentile and `BCa` | [`bootstrap`] |
//! | 1.6 median by order statistics, sign test | [`median`] |
//! | 1.7 Wilcoxon, Hodges–Lehmann | [`wilcoxon`] |
//! | 1.8 repetitions and samples, both drawn | [`crossed`] |
//! | 2.1 win test | [`win`] |
//! | 2.2 t-mixture | [`mixture`] |
//! | 2.3 declared looks | [`looks`] |
//! | 2.4 betting, 2.5 empirical Bernstein | [`bounded`] |
//! | 2.6 asymptotic confidence sequence | [`asymptotic`] |
//! | 2.7 normal mixture, stitched | [`normal_mixture`] |
//! | 2.8 adjusted p-values and e-values of a ledger | [`ledger`] |
//! | 3.1 duels, 3.2 product limit, 3.3 restricted mean | [`survival`] |
//! | 3.4 stratified log-rank | [`log_rank`] |
//! | 3.5 expected running time | [`running_time`] |
//! | 4 convergence rates | [`slope`], [`bound`] |
//! | 5 order of a discretization | [`order`] |
//! | 6 dynamics: settling, averages, relations, decay | [`dynamics`] |
//! | 7.1 equivalence | [`equivalence`] |
//! | 7.3 detectable differences | [`detectable`] |
//! | 8 many problems: profiles, aggregate scores | [`profiles`] |
//! | 9.1 spread | [`spread`] |
//! | 9.2 failure rates | [`failure`] |
//! | 9.3 binomial intervals | [`proportion`] |
//! | 9.4 monotone trend | [`trend`] |
//! | 9.5 distance to a law | [`law`] |
//! | 10 limits of stochastic tests | [`testing`] |

pub mod asymptotic;
pub mod bootstrap;
pub mod bound;
pub mod bounded;
pub mod contrast;
pub mod crossed;
pub mod detectable;
pub mod distribution;
pub mod dynamics;
pub mod equivalence;
pub mod failure;
pub mod law;
pub mod ledger;
pub mod log_line;
pub mod log_rank;
pub mod looks;
pub mod mean;
pub mod median;
pub mod mixture;
pub mod normal_mixture;
pub mod order;
pub mod profiles;
pub mod proportion;
pub mod rank;
pub mod resampled;
pub mod running_time;
pub mod slope;
pub mod spread;
pub mod survival;
pub mod testing;
pub mod trend;
pub mod wilcoxon;
pub mod win;
pub mod withheld;

#[cfg(test)]
mod coverage;

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
    /// None either way: what a hypothesis that cannot be decided brings to its ledger.
    pub const NONE: Self = Self { support: 1.0, refute: 1.0 };

    /// The smaller p-value on either side: what several looks leave of anytime-valid evidence.
    #[must_use]
    pub fn strongest(self, other: Self) -> Self {
        Self { support: self.support.min(other.support), refute: self.refute.min(other.refute) }
    }

    /// p-value against `θ = θ0`: twice the smaller one.
    pub fn two_sided(self) -> f64 {
        (2.0 * self.support.min(self.refute)).min(1.0)
    }

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
