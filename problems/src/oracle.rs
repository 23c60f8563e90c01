//! Capabilities of problems, one small trait each. A solver's bound says exactly what it needs.
//!
//! Arguments: inputs, then output, then scratch. `x`, `v`, `g` have length `dim`.

use crate::{Problem, Seed};

/// The objective `f(x)`.
pub trait Value: Problem {
    /// `f(x)`; not finite where it overflows.
    fn value(&self, x: &[f64], scratch: &mut Self::Scratch) -> f64;
}

/// The gradient `∇f(x)`.
pub trait Gradient: Value {
    /// Writes `∇f(x)` into `g` and returns `f(x)`, reading the data once where that is possible.
    fn value_gradient(&self, x: &[f64], g: &mut [f64], scratch: &mut Self::Scratch) -> f64;

    /// Writes `∇f(x)` into `g`.
    fn gradient(&self, x: &[f64], g: &mut [f64], scratch: &mut Self::Scratch) {
        self.value_gradient(x, g, scratch);
    }
}

/// Products with the Hessian `∇²f(x)`.
///
/// Methods multiply many vectors at one point, so what depends on the point alone is computed once
/// into a [`Linearization`](HessianVector::Linearization), which the caller owns.
pub trait HessianVector: Gradient {
    /// What the products at one point share.
    type Linearization: Clone + Send;

    /// Room for a linearization.
    fn linearization(&self) -> Self::Linearization;

    /// Fills `at` for the point `x`.
    fn linearize(&self, x: &[f64], at: &mut Self::Linearization, scratch: &mut Self::Scratch);

    /// Writes `∇²f(x) v` into `hv`.
    fn hessian_vector(
        &self,
        at: &Self::Linearization,
        v: &[f64],
        hv: &mut [f64],
        scratch: &mut Self::Scratch,
    );
}

/// Some of the data terms, and the seed of every random number drawn while looking at them.
#[derive(Clone, Copy, Debug)]
pub struct Batch<'a> {
    /// Indices of terms, each below [`Problem::terms`].
    pub terms: &'a [u32],
    /// Keys dropout, population sampling and noise.
    pub draw: Seed,
}

/// Unbiased gradients on a batch of terms.
pub trait BatchGradient: Problem {
    /// Writes the mean gradient of the terms of `batch`, plus the full gradient of what is not a
    /// data term (a regulariser), into `g`.
    fn batch_gradient(
        &self,
        batch: Batch<'_>,
        x: &[f64],
        g: &mut [f64],
        scratch: &mut Self::Scratch,
    );
}

/// The proximal map of the objective.
///
/// ```
/// # use converge_problems::{Problem, Prox, Seed, imaging::Imaging};
/// let config = serde_json::from_str(
///     r#"{ "image": { "phantom": { "kind": "shepp-logan", "rows": 16, "columns": 12 } },
///          "operator": { "blur": { "kernels": [{ "uniform": 3 }] } } }"#,
/// );
/// let problem = Imaging::new(&config.unwrap(), Seed::root(0)).unwrap();
/// // The truth fits its measurements, so nothing moves it.
/// let truth = problem.truth().unwrap();
/// let mut x = vec![0.0; problem.dim()];
/// problem.prox(truth, 2.0, &mut x, &mut problem.scratch());
/// assert!(x.iter().zip(truth).all(|(x, t)| (x - t).abs() < 1e-12));
/// ```
pub trait Prox: Problem {
    /// Writes `argmin_x f(x) + ‖x - v‖² / (2 step)`, `step > 0`, into `x`.
    fn prox(&self, v: &[f64], step: f64, x: &mut [f64], scratch: &mut Self::Scratch);
}

/// What an inner solver spent and left.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Inner {
    /// Its iterations; 0 where the answer has a closed form.
    pub iterations: u64,
    /// What it left, in the measure that the problem states; 0 where the answer has a closed form.
    pub gap: f64,
}

/// Proximal maps of some of the data terms.
///
/// Where a map has no closed form an inner solver starts from what the last call left. That lasts, so
/// the state of the caller owns it, one [`Warm`](BatchProx::Warm) for every sequence of calls; scratch
/// could not hold it. A result depends on `warm` within the tolerance of the inner solver alone, if the
/// terms are convex.
///
/// ```
/// # use converge_problems::{Batch, BatchProx, Problem, Seed, imaging::Imaging};
/// let config = serde_json::from_str(
///     r#"{ "image": { "phantom": { "kind": "shepp-logan", "rows": 16, "columns": 12 } },
///          "operator": { "gaussian": { "ratio": 0.7 } }, "data-term": "l1", "blocks": 5 }"#,
/// );
/// let problem = Imaging::new(&config.unwrap(), Seed::root(0)).unwrap();
/// let (mut warm, mut scratch) = (problem.warm(), problem.scratch());
/// let (v, mut x) = (vec![0.5; problem.dim()], vec![0.0; problem.dim()]);
/// let batch = Batch { terms: &[3, 1], draw: Seed::root(0) };
/// let inner = problem.batch_prox(batch, &v, 0.1, &mut x, &mut warm, &mut scratch);
/// let again = problem.batch_prox(batch, &v, 0.1, &mut x, &mut warm, &mut scratch);
/// assert!(inner.iterations > 0 && again.iterations == 0);
/// ```
pub trait BatchProx: Problem {
    /// What inner solvers start from.
    type Warm: Clone + Send;

    /// A start that knows nothing yet.
    fn warm(&self) -> Self::Warm;

    /// Writes `argmin_x f_B(x) + ‖x - v‖² / (2 step)`, `step > 0`, into `x`, where `f_B` is the mean of
    /// the terms of `batch`, which are distinct.
    fn batch_prox(
        &self,
        batch: Batch<'_>,
        v: &[f64],
        step: f64,
        x: &mut [f64],
        warm: &mut Self::Warm,
        scratch: &mut Self::Scratch,
    ) -> Inner;
}

/// A map that takes noise from a point; it need not be the proximal map of anything.
///
/// ```
/// # use converge_problems::{Denoise, Problem, Seed, imaging::Imaging};
/// let config = serde_json::from_str(
///     r#"{ "image": { "phantom": { "kind": "ellipses", "rows": 16, "columns": 12 } },
///          "operator": { "gaussian": { "ratio": 0.7 } },
///          "denoiser": { "method": { "total-variation": {} } } }"#,
/// );
/// let problem = Imaging::new(&config.unwrap(), Seed::root(0)).unwrap();
/// let v: Vec<f64> = (0..problem.dim()).map(|i| (i % 2) as f64).collect();
/// let mut x = vec![0.0; problem.dim()];
/// problem.denoise(&v, 10.0, &mut x, &mut problem.scratch());
/// assert!(x.iter().all(|x| (x - 0.5).abs() < 1e-3));
/// ```
pub trait Denoise: Problem {
    /// Writes the denoised `v` into `x`. `strength >= 0` is in the measure of the denoiser and apart
    /// from any penalty; 0 changes nothing.
    fn denoise(&self, v: &[f64], strength: f64, x: &mut [f64], scratch: &mut Self::Scratch);
}
