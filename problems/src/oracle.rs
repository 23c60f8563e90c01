//! Capabilities of problems, one small trait each. A solver's bound says exactly what it needs.
//!
//! Arguments: inputs, then output, then scratch. `x`, `v`, `g` have length `dim`.

use std::ops::Range;

use faer::Mat;
use serde::{Deserialize, Serialize};

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

/// A min–max game of two players, `min_θ max_ω Φ(θ, ω)`, at the joint point `x = (θ; ω)`.
///
/// [`BatchGradient`] gives its *descent field*, `(∇_θ Φ; -∇_ω Φ)`, so that plain stochastic gradient
/// descent is simultaneous stochastic gradient descent–ascent. For a population
/// ([`Problem::terms`] is `None`) the length of `batch.terms` is the number of pairs drawn, their
/// values are not looked at, and `batch.draw` decides which pairs.
pub trait Game: BatchGradient {
    /// Coordinates of the players, the minimizer (generator) first. Together they are `0..dim`.
    fn players(&self) -> [Range<usize>; 2];

    /// Writes the descent field of one player on `batch` into `g`, which has the length of its
    /// range: the same numbers that [`batch_gradient`](BatchGradient::batch_gradient) writes there.
    fn player_field(
        &self,
        player: usize,
        batch: Batch<'_>,
        x: &[f64],
        g: &mut [f64],
        scratch: &mut Self::Scratch,
    );

    /// Moves the coordinates of one player into its admissible set after a step: the nearest point
    /// of it. Without constraints, nothing.
    fn project(&self, _player: usize, _x: &mut [f64]) {}
}

/// Lanes that a tile of [`Diffusion`] holds at most.
pub const TILE: usize = 256;

/// The `η`-order term `b₁` of the drift `b₀ + η b₁` that makes a stochastic differential equation
/// agree with a chain to second order in the learning rate `η`, by the order of its updates.
///
/// A step `x + η b₀ + η² c + O(η³)` has `b₁ = c - ½ (∇b₀) b₀`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Correction {
    /// Both players move at once.
    Simultaneous,
    /// The maximizer moves first, the minimizer answers to where it went.
    Alternating,
    /// The same with one mini-batch for both half-steps, whose size adds a term of order `1/batch`.
    AlternatingShared {
        /// Pairs in the mini-batch, at least 1.
        batch: usize,
    },
}

/// The population's drift of a game and its noise: what approximations by a stochastic differential
/// equation need,
///
/// ```text
/// dX = b₀(X) dt + η b₁(X) dt + √(η/B) S(X) dW,   b₀ = (-∇_θ Φ; ∇_ω Φ),   S Sᵀ = Σ
/// ```
///
/// with `Σ` the covariance of the gradient of *one* pair: a solver divides by the batch size `B`
/// once. Oracles work on a *tile* of up to [`TILE`] points at a time so that they vectorise:
/// coordinate `i` of lane `l` stands at `x[i * width + l]`, with `width = x.len() / dim`. A single
/// point is a tile of width 1. No lane depends on another, nor on the width: results are the same to
/// the bit however paths are cut into tiles.
pub trait Diffusion: Problem {
    /// Length of `dW` of one path.
    fn noises(&self) -> usize;

    /// Writes `b₀(x)`. `x`, `b`: `dim x width`.
    fn drift(&self, x: &[f64], b: &mut [f64], scratch: &mut Self::Scratch);

    /// Writes `b₁(x)`. `x`, `b`: `dim x width`.
    fn correction(
        &self,
        correction: Correction,
        x: &[f64],
        b: &mut [f64],
        scratch: &mut Self::Scratch,
    );

    /// Writes `S(x) dw`. `x`, `out`: `dim x width`; `dw`: `noises x width`.
    fn noise(&self, x: &[f64], dw: &[f64], out: &mut [f64], scratch: &mut Self::Scratch);

    /// Moves the points by an explicit step in one sweep, `x ← x + h b₀(x) + amplitude S(x) dw`, and says
    /// that it did. For games whose oracles cost less than the memory of their results; left out, a scheme
    /// makes the step from drift and noise. Same roundings: the drift is added first, both products are
    /// fused with their sums.
    #[inline(always)]
    fn explicit_step(&self, _h: f64, _amplitude: f64, _dw: &[f64], _x: &mut [f64]) -> bool {
        false
    }

    /// Writes what the mean over `batch` pairs adds to `b₀(x)`, made from standard `normals`
    /// (`noises x width`): with it, `b₀ + noise` has the law of the mini-batch drift, and a chain
    /// and its diffusion share their noise. Each normal enters through an increasing function.
    ///
    /// By default `S(x) normals / √batch`, which is exact where the gradient of a pair is linear in
    /// Gaussian data.
    fn batch_noise(
        &self,
        batch: usize,
        x: &[f64],
        normals: &[f64],
        out: &mut [f64],
        scratch: &mut Self::Scratch,
    ) {
        self.noise(x, normals, out, scratch);
        let scale = (batch as f64).sqrt().recip();
        out.iter_mut().for_each(|noise| *noise *= scale);
    }
}

/// A linear drift `b₀(x) = -K (x - x*)` and a constant noise `S`: transitions are Gaussian and known.
#[derive(Clone, Debug, PartialEq)]
pub struct Linear {
    /// `K`: `dim x dim`.
    pub decay: Mat<f64>,
    /// `x*`: `dim`.
    pub rest: Vec<f64>,
    /// `S`: `dim x noises`.
    pub noise: Mat<f64>,
}

/// A diffusion with exact transitions.
pub trait LinearDiffusion: Diffusion {
    /// The drift and the noise.
    fn linear(&self) -> Linear;

    /// `K₁` of the corrected drift `-(K + η K₁)(x - x*)`: `dim x dim`.
    fn linear_correction(&self, correction: Correction) -> Mat<f64>;
}
