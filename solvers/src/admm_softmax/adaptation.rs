//! How the penalty changes from step to step.

use converge_problems::{SetupError, require};
use serde::{Deserialize, Serialize};

/// A rule that changes the penalty; every change sets the least-squares problem up for another ratio
/// (a factorisation, or nothing: see [`LeastSquares`](crate::LeastSquares)).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Adaptation {
    /// Keeps the residuals of one size.
    Balancing(Balancing),
    /// Estimates the curvature of both functions.
    Spectral(Spectral),
}

/// Residual balancing: the penalty is multiplied by `factor` when the primal residual exceeds `ratio`
/// times the dual one, and divided by it in the opposite case.
///
/// Both residuals are relative, to `‖Z‖` and to `‖ρ D Uᵀ‖`: the absolute ones of the release differ by the
/// units of the scores and by `1/N`, so that balancing them depends on the scale of the data
/// (B. Wohlberg, arXiv 1704.06209).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Balancing {
    /// Above 1.
    pub ratio: f64,
    /// Above 1.
    pub factor: f64,
    /// Changes after which the penalty stays, so that convergence is that of a fixed one.
    pub changes: u32,
}

impl Default for Balancing {
    fn default() -> Self {
        Self { ratio: 10.0, factor: 2.0, changes: 20 }
    }
}

/// The spectral penalty: Barzilai–Borwein estimates of the curvature of the ridge in the scores and of
/// the loss, from two steps that lie `every` apart.
///
/// ```text
/// ŷ = ρ(U + Z - W⁺D), h = W⁺D, y = ρU⁺, g = -Z⁺;   Δ: since the last look
/// a_SD = <Δŷ,Δŷ>/<Δh,Δŷ>, a_MG = <Δh,Δŷ>/<Δh,Δh>, a = a_MG if 2 a_MG > a_SD else a_SD - a_MG/2
/// b the same from y and g;  cosines of the pairs above `correlation` decide which are trusted
/// ρ⁺ = √(ab), a or b; unchanged if neither is trusted
/// ```
///
/// For relaxation 1. A rule with more freedom than balancing, and no monotone residual: it stops after
/// `changes`.
///
/// Source: Z. Xu, M. Figueiredo, T. Goldstein, Adaptive ADMM with spectral penalty parameter selection,
/// AISTATS 2017, arXiv 1605.07246. Deviation: a factor of at most `limit` per change in place of their
/// bound that shrinks with the iteration.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Spectral {
    /// Steps from look to look, at least 1.
    pub every: u64,
    /// Smallest cosine that is trusted, in (0, 1).
    pub correlation: f64,
    /// Largest factor of one change, above 1.
    pub limit: f64,
    /// Changes after which the penalty stays.
    pub changes: u32,
}

impl Default for Spectral {
    fn default() -> Self {
        Self { every: 2, correlation: 0.2, limit: 10.0, changes: 20 }
    }
}

/// Products that the spectral rule needs: `<Δŷ,Δŷ>, <Δh,Δŷ>, <Δh,Δh>`, then those of `y` and `g`.
pub(super) const CURVATURES: usize = 6;

/// What a rule may look at.
pub(super) struct Seen {
    /// Primal and dual residual, relative.
    pub(super) relative: [f64; 2],
    /// Products; NaN where there are none.
    pub(super) curvatures: [f64; CURVATURES],
}

impl Spectral {
    /// Whether the step of this number is looked at.
    pub(super) fn looks_at(&self, step: u64) -> bool {
        step.is_multiple_of(self.every)
    }

    /// Whether an earlier look is remembered. The first step starts from zeros and is left out.
    pub(super) fn remembers(&self, step: u64) -> bool {
        step > self.every
    }

    /// The penalty it would have, in the unit of `ρ`.
    fn penalty(&self, products: &[f64; CURVATURES]) -> Option<f64> {
        let curvature = |products: &[f64]| {
            let [yy, hy, hh] = [products[0], products[1], products[2]];
            let (steep, mild) = (yy / hy, hy / hh);
            let estimate = if 2.0 * mild > steep { mild } else { steep - 0.5 * mild };
            let trusted = hy > self.correlation * (yy * hh).sqrt() && estimate.is_finite();
            (trusted && estimate > 0.0).then_some(estimate)
        };
        match (curvature(&products[..3]), curvature(&products[3..])) {
            (Some(a), Some(b)) => Some((a * b).sqrt()),
            (one, other) => one.or(other),
        }
    }
}

impl Adaptation {
    /// # Errors
    /// [`SetupError::Parameter`] for an inadmissible constant.
    pub(super) fn check(self, relaxation: f64) -> Result<(), SetupError> {
        match self {
            Self::Balancing(Balancing { ratio, factor, .. }) => {
                require("adaptation.balancing.ratio", ratio, ratio > 1.0, "above 1")?;
                require("adaptation.balancing.factor", factor, factor > 1.0, "above 1")
            }
            Self::Spectral(Spectral { every, correlation, limit, .. }) => {
                let plain = (relaxation - 1.0).abs() <= 0.0;
                require("relaxation", relaxation, plain, "1 beside the spectral penalty")?;
                require("adaptation.spectral.every", every, every >= 1, "at least 1")?;
                let inside = correlation > 0.0 && correlation < 1.0;
                let name = "adaptation.spectral.correlation";
                require(name, correlation, inside, "between 0 and 1, both excluded")?;
                require("adaptation.spectral.limit", limit, limit > 1.0, "above 1")
            }
        }
    }

    /// The factor by which the penalty `s` changes after `changes` changes; 1 for none.
    pub(super) fn factor(self, samples: f64, s: f64, changes: u32, seen: &Seen) -> f64 {
        let [primal, dual] = seen.relative;
        match self {
            Self::Balancing(rule) if changes < rule.changes => {
                if primal > rule.ratio * dual {
                    rule.factor
                } else if dual > rule.ratio * primal {
                    1.0 / rule.factor
                } else {
                    1.0
                }
            }
            Self::Spectral(rule) if changes < rule.changes => {
                let wanted = rule.penalty(&seen.curvatures).map(|rho| rho * samples / s);
                wanted.map_or(1.0, |factor| factor.clamp(1.0 / rule.limit, rule.limit))
            }
            _ => 1.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_spectral_penalty_is_the_geometric_mean_of_two_quadratics() {
        // y = 4 h and y = 9 g along one direction: curvatures 4 and 9.
        let exact = [16.0, 4.0, 1.0, 81.0, 9.0, 1.0];
        let rule = Spectral::default();
        assert!((rule.penalty(&exact).unwrap() - 6.0).abs() < 1e-15);
        // An uncorrelated pair is left out; two leave the penalty.
        let one = [16.0, 0.1, 1.0, 81.0, 9.0, 1.0];
        assert!((rule.penalty(&one).unwrap() - 9.0).abs() < 1e-15);
        assert_eq!(rule.penalty(&[16.0, 0.1, 1.0, 81.0, -9.0, 1.0]), None);
        assert_eq!(rule.penalty(&[f64::NAN; 6]), None);
        let adaptation = Adaptation::Spectral(rule);
        let seen = |curvatures| Seen { relative: [f64::NAN; 2], curvatures };
        // ρ = s/N = 0.5 now, 6 wanted, at most a factor of 10.
        assert!((adaptation.factor(10.0, 5.0, 0, &seen(exact)) - 10.0).abs() < 1e-14);
        assert!((adaptation.factor(10.0, 50.0, 0, &seen(exact)) - 1.2).abs() < 1e-14);
        assert!((adaptation.factor(10.0, 50.0, 20, &seen(exact)) - 1.0).abs() <= 0.0);
        assert!((adaptation.factor(10.0, 5.0, 0, &seen([f64::NAN; 6])) - 1.0).abs() <= 0.0);
    }

    #[test]
    fn balancing_moves_toward_equal_residuals() {
        let rule = Adaptation::Balancing(Balancing::default());
        let factor = |relative| {
            rule.factor(1.0, 1.0, 0, &Seen { relative, curvatures: [f64::NAN; CURVATURES] })
        };
        assert!((factor([11.0, 1.0]) - 2.0).abs() <= 0.0);
        assert!((factor([1.0, 11.0]) - 0.5).abs() <= 0.0);
        assert!((factor([1.0, 9.0]) - 1.0).abs() <= 0.0);
        assert!((factor([f64::NAN; 2]) - 1.0).abs() <= 0.0);
    }
}
