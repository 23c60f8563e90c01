//! The residual of a relation between averages, such as a fluctuation–dissipation relation: its
//! average telescopes into a boundary term and a martingale, whose error needs no model of
//! autocorrelation.
//!
//! - Chain with transition operator P: `r_k = (Pf − f)(X_k)` has
//!   `r̄ = (f(X_N) − f(X_0))/N − (1/N)ΣΔM_k`, `ΔM_k = f(X_{k+1}) − (Pf)(X_k)`.
//! - Diffusion with generator 𝓛: `(1/T)∫𝓛f dt = (f(X_T) − f(X_0))/T − M_T/T`, where M has the
//!   variance `∫|σᵀ∇f|² dt`.
//!
//! Nothing is subtracted: the boundary term is reported and must stay below the standard error. An
//! integrator of step h biases the residual by O(h), and its bound belongs in the margin. Residuals
//! built from *realized* minibatch gradients telescope identically and test nothing: r must be the
//! conditional mean.

use super::long_run::{LongRun, resolved};
use crate::statistics::distribution::{normal_lower, normal_quantile, normal_upper};
use crate::statistics::withheld::Withheld;
use crate::statistics::{Evidence, Interval, equivalence};

/// How far the error from batch means may be from the martingale's, see [`resolved`].
const SHARE: f64 = 0.15;

/// The average of a residual with its martingale error.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Relation {
    /// Average r̄; 0 if the relation holds.
    pub mean: f64,
    /// Standard error of the martingale part.
    pub error: f64,
    /// Boundary term.
    pub boundary: f64,
}

/// Of a chain `X_0 … X_N` with errors from the *realized* increments, `√ΣΔM²/N`. `values`: f at all
/// N + 1 points; `expected`: Pf at the first N.
///
/// # Panics
/// If the lengths do not fit.
pub fn chain(values: &[f64], expected: &[f64]) -> Relation {
    let square = values[1..].iter().zip(expected).map(|(f, pf)| (f - pf).powi(2)).sum();
    chain_with_square(values, expected, square)
}

/// As [`chain`], with the conditional variances of the increments, known from the model, in place of
/// their squares. `variances`: `Var(ΔM_k | X_k)` at the first N points.
///
/// # Panics
/// If the lengths do not fit.
pub fn chain_with_variances(values: &[f64], expected: &[f64], variances: &[f64]) -> Relation {
    assert_eq!(expected.len(), variances.len(), "a variance for each step");
    chain_with_square(values, expected, variances.iter().sum())
}

fn chain_with_square(values: &[f64], expected: &[f64], square: f64) -> Relation {
    assert_eq!(values.len(), expected.len() + 1, "one point more than steps");
    let n = expected.len() as f64;
    Relation {
        mean: values.iter().zip(expected).map(|(f, pf)| pf - f).sum::<f64>() / n,
        error: square.sqrt() / n,
        boundary: (values[expected.len()] - values[0]) / n,
    }
}

/// Of a diffusion recorded every `step` units of model time. `generator`: 𝓛f and `noise`: |σᵀ∇f|²
/// at the N recorded points, the last one excluded; `ends`: f at the first and the last point.
///
/// # Panics
/// If the lengths differ.
pub fn diffusion(generator: &[f64], noise: &[f64], step: f64, ends: [f64; 2]) -> Relation {
    assert_eq!(generator.len(), noise.len(), "noise at each point");
    let n = generator.len() as f64;
    let time = n * step;
    Relation {
        mean: generator.iter().sum::<f64>() / n,
        error: (step * noise.iter().sum::<f64>()).sqrt() / time,
        boundary: (ends[1] - ends[0]) / time,
    }
}

impl Relation {
    /// Fails unless the boundary term is below the standard error and the error from batch means of
    /// the residual agrees with the martingale's. [`Stationarity`](super::Stationarity) comes first.
    ///
    /// # Errors
    /// The rule that fails.
    pub fn check(&self, batch_means: &LongRun) -> Result<(), Withheld> {
        if self.boundary.abs() >= self.error {
            return Err(Withheld::Boundary { term: self.boundary, error: self.error });
        }
        resolved(self.error, batch_means, SHARE)
    }

    /// Interval for the stationary mean of the residual.
    pub fn interval(&self, alpha: f64) -> Interval {
        let half = normal_quantile(1.0 - 0.5 * alpha) * self.error;
        Interval::new(self.mean - half, self.mean + half)
    }

    /// p-values of "the relation holds within `margin`", in the unit of the residual: a declared
    /// share, 2 to 3 %, of the scale of either side.
    pub fn evidence(&self, margin: f64) -> Evidence {
        equivalence::evidence(0.0, margin, |null| {
            let z = (self.mean - null) / self.error;
            Evidence { support: normal_upper(z), refute: normal_lower(z) }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::{batch_means, test_chain};
    use super::*;
    use crate::statistics::assert_close;

    const X: [f64; 6] = [0.5, -0.2, 0.3, 0.9, 0.1, -0.4];
    const PHI: f64 = 0.5;

    fn half_square(x: &[f64]) -> Vec<f64> {
        x.iter().map(|x| 0.5 * x * x).collect()
    }

    #[test]
    fn a_chain_matches_its_vector() {
        let values = half_square(&X);
        let expected: Vec<f64> = X[..5].iter().map(|x| 0.5 * (PHI * PHI * x * x + 1.0)).collect();
        let found = chain(&values, &expected);
        assert_close(found.mean, 0.41, 1e-12);
        assert_close(found.boundary, -0.009, 1e-12);
        assert_close(found.error, 0.201_715_765_4, 1e-9);
        let increments: f64 = values[1..].iter().zip(&expected).map(|(f, pf)| f - pf).sum();
        assert_close(found.boundary - increments / 5.0, found.mean, 1e-12);
        let variances: Vec<f64> = X[..5].iter().map(|x| PHI * PHI * x * x + 0.5).collect();
        let found = chain_with_variances(&values, &expected, &variances);
        assert_close(found.error, 0.334_664_010_6, 1e-9);
    }

    #[test]
    fn a_diffusion_is_the_chain_of_its_integrator_as_the_step_shrinks() {
        // dX = −X dt + √2 dW, f = x²/2: 𝓛f = 1 − x², |σᵀ∇f|² = 2x².
        let x = test_chain(1, 1000);
        let generator: Vec<f64> = x[..999].iter().map(|x| 1.0 - x * x).collect();
        let noise: Vec<f64> = x[..999].iter().map(|x| 2.0 * x * x).collect();
        let values = half_square(&x);
        let step = 1e-6;
        let found = diffusion(&generator, &noise, step, [values[0], values[999]]);
        // One Euler step: Pf = ((1 − h)²x² + 2h)/2, Var(ΔM | x) = 2h(1 − h)²x² + 2h².
        let expected: Vec<f64> =
            x[..999].iter().map(|x| 0.5 * ((1.0 - step).powi(2) * x * x) + step).collect();
        let variances: Vec<f64> = x[..999]
            .iter()
            .map(|x| 2.0 * step * ((1.0 - step) * x).powi(2) + 2.0 * step * step)
            .collect();
        let chain = chain_with_variances(&values, &expected, &variances);
        // The integrator is off by O(h), relative to values of order 1.
        assert_close(chain.mean / step, found.mean, 1e-5);
        assert_close(chain.error / step, found.error, 1e-5);
        assert_close(chain.boundary / step, found.boundary, 1e-9);
    }

    /// AR(1) of the test chain: the relation of its second moment with innovation variance 1/12.
    fn relation(x: &[f64], innovation: f64) -> (Relation, Vec<f64>) {
        let values = half_square(x);
        let expected: Vec<f64> =
            x[..x.len() - 1].iter().map(|x| 0.5 * (0.49 * x * x + innovation)).collect();
        let residual = values.iter().zip(&expected).map(|(f, pf)| pf - f).collect();
        (chain(&values, &expected), residual)
    }

    #[test]
    fn a_true_relation_is_supported_and_a_wrong_one_refuted() {
        let x = test_chain(1, 100_000);
        let (found, residual) = relation(&x, 1.0 / 12.0);
        assert_eq!(found.check(&batch_means(&residual)), Ok(()));
        // The scale of either side is the mean of f, 1/24/(1 − 0.49).
        let margin = 0.03 * (1.0 / 24.0 / 0.51);
        assert!(found.evidence(margin).support < 0.025, "{found:?}");
        let (wrong, residual) = relation(&x, 1.1 / 12.0);
        assert_eq!(wrong.check(&batch_means(&residual)), Ok(()));
        assert!(wrong.evidence(margin).refute < 0.025, "{wrong:?}");
        let interval = found.interval(0.05);
        assert!(interval.lower < 0.0 && 0.0 < interval.upper);
    }

    #[test]
    fn a_boundary_term_above_the_error_gives_no_verdict() {
        let second = batch_means(&test_chain(1, 1000));
        let found = Relation { mean: 0.1, error: second.error(), boundary: -second.error() };
        assert!(matches!(found.check(&second), Err(Withheld::Boundary { .. })));
        let found = Relation { boundary: 0.0, error: 3.0 * second.error(), ..found };
        assert!(matches!(found.check(&second), Err(Withheld::Unresolved { .. })));
    }
}
