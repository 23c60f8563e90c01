//! The kernel matrix of the samples instead of the normal matrix of the features.

use converge_problems::SetupError;
use converge_problems::mlr::{Mlr, RidgePower};
use faer::Mat;

use super::cholesky::{indefinite, restore};
use super::{Right, dense, eigen, triangular};

/// With `Y = M^(-1/2) D`: `W = W_ref + M^(-1/2) Y (YᵀY + r I)⁻¹ (F - W_ref D)ᵀ`.
///
/// This form takes the data `F`, not `D Fᵀ`: Woodbury's own, `(1/r)(I - Y (YᵀY + r I)⁻¹ Yᵀ)`, loses
/// `λ_max/r` digits to cancellation.
#[derive(Clone, Debug)]
pub(super) struct Woodbury {
    /// `Y`, `p x N`.
    features: Mat<f64>,
    /// The factor in the lower triangle, `YᵀY` in the strict upper one.
    kernel: Mat<f64>,
    diagonal: Vec<f64>,
    half: RidgePower,
    /// `Dᵀ W_refᵀ`, `N x K`.
    prior: Option<Vec<f64>>,
    /// `N x K`.
    targets: Vec<f64>,
    tile: Vec<f64>,
}

impl Woodbury {
    pub(super) fn new(problem: &Mlr, ratio: f64) -> Result<Self, SetupError> {
        let (p, n, classes) = (problem.weights(), problem.samples(), problem.classes());
        // Checked before: the operator has an inverse.
        let half = problem.operator().power(-0.5).ok_or_else(indefinite)?;
        let mut features = Mat::zeros(p, n);
        problem.columns(0, features.as_mut());
        eigen::apply(&half, &mut features);
        let mut kernel = dense::gram(features.as_ref());
        for j in 0..n {
            for i in 0..j {
                kernel[(i, j)] = kernel[(j, i)];
            }
        }
        let prior = match (problem.prior(), problem.operator().power(0.5)) {
            (Some(prior), Some(mut root)) => {
                let (mut white, mut scores) = (prior.to_vec(), vec![0.0; n * classes]);
                root.apply(&mut white);
                let to = dense::view_mut(&mut scores, n);
                dense::product(features.transpose(), dense::view(&white, p), to);
                Some(scores)
            }
            _ => None,
        };
        let mut woodbury = Self {
            diagonal: (0..n).map(|i| kernel[(i, i)]).collect(),
            features,
            kernel,
            half,
            prior,
            targets: vec![0.0; n * classes],
            tile: vec![0.0; problem.tile_capacity() * classes],
        };
        woodbury.refactor(ratio)?;
        Ok(woodbury)
    }

    pub(super) fn refactor(&mut self, ratio: f64) -> Result<(), SetupError> {
        restore(&mut self.kernel, &self.diagonal);
        for i in 0..self.diagonal.len() {
            self.kernel[(i, i)] += ratio;
        }
        dense::cholesky(self.kernel.as_mut()).map_err(|_| indefinite())
    }

    pub(super) fn solve(&mut self, problem: &Mlr, right: &Right<'_>, w: &mut [f64]) {
        let Self { features, kernel, half, prior, targets, tile, .. } = self;
        let (p, n, capacity) = (problem.weights(), problem.samples(), problem.tile_capacity());
        for from in (0..n).step_by(capacity) {
            (right.data)(from, tile);
            let count = capacity.min(n - from);
            for (to, f) in targets.chunks_exact_mut(n).zip(tile.chunks_exact(capacity)) {
                to[from..from + count].copy_from_slice(&f[..count]);
            }
        }
        if let Some(prior) = prior {
            targets.iter_mut().zip(&*prior).for_each(|(f, d)| *f -= d);
        }
        triangular::solve(kernel.as_ref(), dense::view_mut(targets, n));
        dense::product(features.as_ref(), dense::view(targets, n), dense::view_mut(w, p));
        half.apply(w);
        if let Some(prior) = problem.prior() {
            w.iter_mut().zip(prior).for_each(|(w, r)| *w += r);
        }
    }
}
