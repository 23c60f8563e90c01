//! When an inner iteration may end.

use converge_problems::{SetupError, require, require_positive};
use serde::{Deserialize, Serialize};

/// How small the residual `e` of `(G + r LᵀL) Wᵀ = b` must be, class by class.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Tolerance {
    /// `‖e‖ <= tolerance ‖b‖`.
    Fixed(f64),
    /// `‖e‖ <= first k^(-power) ‖b‖` in solve `k = 1, 2, ...`: the errors have a finite sum, which
    /// the convergence of an inexact method rests on.
    Summable {
        /// Above 0.
        first: f64,
        /// Above 1.
        power: f64,
    },
    /// `‖e‖ <= σ (‖e_before‖ + ‖D‖₂ √(‖ΔZ‖² + ‖ΔU‖²))`, relative to the last step of the outer
    /// method (partially inexact ADMM, arXiv 1805.07336; `e` in units of `ρ`). The first solve, which
    /// has no step before it, ends at `σ ‖b‖`. Convergence is proved for
    /// `σ < 1 / (1 + √(2ρ) ‖D‖₂ / √(α λ_min(LᵀL)))`; above that, weights that only a weak Tikhonov
    /// term holds may crawl, for they hardly show in a residual.
    Relative {
        /// Between 0 and 1.
        sigma: f64,
    },
}

impl Default for Tolerance {
    fn default() -> Self {
        Self::Fixed(1e-8)
    }
}

impl Tolerance {
    pub(super) fn check(self) -> Result<(), SetupError> {
        match self {
            Self::Fixed(value) => require_positive("least-squares.tolerance.fixed", value),
            Self::Summable { first, power } => {
                require_positive("least-squares.tolerance.summable.first", first)?;
                let name = "least-squares.tolerance.summable.power";
                require(name, power, power > 1.0 && power.is_finite(), "a finite number above 1")
            }
            Self::Relative { sigma } => {
                let name = "least-squares.tolerance.relative.sigma";
                require(name, sigma, sigma > 0.0 && sigma < 1.0, "between 0 and 1, both excluded")
            }
        }
    }

    /// The largest residual of a class in solve `count`, from 1: `right = ‖b‖`, `before` the residual
    /// that the last solve left, `step = ‖D‖₂ √(‖ΔZ‖² + ‖ΔU‖²)`, NaN if there was none.
    pub(super) fn bound(self, count: u64, right: f64, before: f64, step: f64) -> f64 {
        match self {
            Self::Fixed(value) => value * right,
            Self::Summable { first, power } => first * (count as f64).powf(-power) * right,
            Self::Relative { sigma } if step.is_nan() => sigma * right,
            Self::Relative { sigma } => sigma * (before + step),
        }
    }
}
