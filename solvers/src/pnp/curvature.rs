//! Step sizes of gradient methods, and the curvature that bounds them.

use converge_problems::{BatchGradient, Seed, SetupError, require_positive};
use rand_distr::{Distribution, StandardNormal};
use serde::{Deserialize, Serialize};

use super::gradients::Gradients;
use crate::Work;
use crate::vector::{add_scaled, dot, norm};

/// The step size `γ` of a method with gradients.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum StepSize {
    /// So many times the largest step of the theory, `1/L`; of [`Red`](super::Red) `1/(L + 2τ)`.
    ///
    /// `L` is the largest curvature of the data term at the start, by the power method on differences of
    /// gradients: 50 of them. It falls short by an expected share of `0.871 ln(n)/49` at most (Kuczyński
    /// and Woźniakowski, SIAM J. Matrix Anal. Appl. 13, 1992) and is raised by that. For least squares
    /// it is that of all points.
    Relative(f64),
    /// `γ` itself.
    Absolute(f64),
}

impl Default for StepSize {
    fn default() -> Self {
        Self::Relative(1.0)
    }
}

/// Products of the power method.
const PRODUCTS: u32 = 50;
/// Length of the differences, relative to that of the start or 1: a compromise of rounding and curvature
/// that changes; least squares need none.
const LENGTH: f64 = 1e-2;

impl StepSize {
    /// `γ` for `terms` of the problem at `x`; `added` is curvature beside that of the data term.
    ///
    /// # Errors
    /// [`SetupError`] for a step that is not positive, or data terms without curvature.
    pub(super) fn find<P: BatchGradient>(
        self,
        problem: &P,
        terms: &[u32],
        added: f64,
        x: &[f64],
        seed: Seed,
    ) -> Result<f64, SetupError> {
        match self {
            Self::Absolute(step) => require_positive("step-size.absolute", step).map(|()| step),
            Self::Relative(share) => {
                require_positive("step-size.relative", share)?;
                let largest = curvature(problem, terms, x, seed.child("curvature")) + added;
                if largest > 0.0 && largest.is_finite() {
                    return Ok(share / largest);
                }
                Err(SetupError::Numerics(format!(
                    "the data term has curvature {largest} at the start: give step-size = \
                     {{ absolute = ... }}"
                )))
            }
        }
    }

    /// What [`find`](Self::find) costs with batches of `size` blocks.
    pub(super) fn work(self, size: usize) -> Work {
        let gradients = match self {
            Self::Absolute(_) => 0,
            Self::Relative(_) => u64::from(PRODUCTS) + 1,
        };
        Work { samples: gradients * size as u64, gradients, ..Work::default() }
    }
}

/// The largest eigenvalue of the Hessian of the mean of `terms` at `x`, meant to be above it.
fn curvature<P: BatchGradient>(problem: &P, terms: &[u32], x: &[f64], seed: Seed) -> f64 {
    let n = problem.dim();
    let mut gradients = Gradients::new(problem, terms.len());
    let mut rng = seed.rng();
    let mut d: Vec<f64> = (0..n).map(|_| StandardNormal.sample(&mut rng)).collect();
    let (mut at, mut g, mut near) = (vec![0.0; n], vec![0.0; n], vec![0.0; n]);
    gradients.of(problem, terms, seed, x, &mut g);
    let length = LENGTH * norm(x).max(1.0);
    let mut value = 0.0;
    for _ in 0..PRODUCTS {
        let scale = length / norm(&d);
        if !scale.is_finite() {
            return value;
        }
        d.iter_mut().for_each(|d| *d *= scale);
        add_scaled(x, 1.0, &d, &mut at);
        gradients.of(problem, terms, seed, &at, &mut near);
        near.iter_mut().zip(&g).for_each(|(near, g)| *near -= g);
        value = dot(&d, &near) / (length * length);
        std::mem::swap(&mut d, &mut near);
    }
    value * (1.0 + 0.871 * (n as f64).ln() / f64::from(PRODUCTS - 1))
}
