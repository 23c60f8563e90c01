//! The normal matrix, factored once and solved many times.

use converge_problems::SetupError;
use converge_problems::mlr::RidgeOperator;
use faer::Mat;

use super::{dense, triangular};

/// Cholesky factor of `S A S`, `A = g G + r LᵀL`, with `S = diag(A)^(-1/2)`: directions that are
/// nearly dead in `G` are scaled up before rounding can swallow them.
///
/// `G` stays in the other triangle, so that other weights need no second matrix. There is no step of
/// refinement: in the precision of the factor it more than doubles the solve and leaves the error,
/// `ε` times the condition of `S A S`, what it is.
#[derive(Clone, Debug)]
pub struct Cholesky {
    /// The factor in the lower triangle, `G` in the strict upper one.
    matrix: Mat<f64>,
    /// `diag(G)`.
    diagonal: Vec<f64>,
    scale: Vec<f64>,
}

impl Cholesky {
    /// Factors `gram_weight * gram + ridge_weight * LᵀL`. About `p³/3` flops, one matrix held.
    ///
    /// # Errors
    /// [`SetupError::Numerics`] if the matrix is not positive definite to working precision.
    pub fn factor(
        gram: Mat<f64>,
        gram_weight: f64,
        operator: &RidgeOperator,
        ridge_weight: f64,
    ) -> Result<Self, SetupError> {
        let p = gram.nrows();
        let diagonal = (0..p).map(|i| gram[(i, i)]).collect();
        let mut normal = Self { matrix: gram, diagonal, scale: vec![0.0; p] };
        normal.refactor(gram_weight, operator, ridge_weight)?;
        Ok(normal)
    }

    /// The same for other weights, in the memory at hand. The threads of the pool share the work;
    /// the bits do not depend on their number.
    ///
    /// # Errors
    /// As [`factor`](Self::factor).
    pub fn refactor(
        &mut self,
        gram_weight: f64,
        operator: &RidgeOperator,
        ridge_weight: f64,
    ) -> Result<(), SetupError> {
        let Self { matrix, diagonal, scale } = self;
        let p = scale.len();
        restore(matrix, diagonal);
        for j in 0..p {
            matrix.col_as_slice_mut(j)[j..].iter_mut().for_each(|a| *a *= gram_weight);
        }
        operator.add_normal(ridge_weight, matrix);
        for (j, s) in scale.iter_mut().enumerate() {
            let diagonal = matrix[(j, j)];
            if diagonal <= 0.0 || !diagonal.is_finite() {
                return Err(indefinite());
            }
            *s = 1.0 / diagonal.sqrt();
        }
        for j in 0..p {
            let column = &mut matrix.col_as_slice_mut(j)[j..];
            column.iter_mut().zip(&scale[j..]).for_each(|(a, s)| *a *= s * scale[j]);
        }
        dense::cholesky(matrix.as_mut()).map_err(|_| indefinite())
    }

    /// Solves `A x = b` for every column of `b`, `p x K` column-major. `2 p² K` flops, no memory.
    ///
    /// # Panics
    /// If the length of `b` is not a multiple of `p`.
    pub fn solve_in_place(&self, b: &mut [f64]) {
        let p = self.scale.len();
        let scaled = |b: &mut [f64]| {
            for column in b.chunks_exact_mut(p) {
                column.iter_mut().zip(&self.scale).for_each(|(b, s)| *b *= s);
            }
        };
        scaled(b);
        triangular::solve(self.matrix.as_ref(), dense::view_mut(b, p));
        scaled(b);
    }
}

/// The strict upper triangle and the diagonal into the lower triangle, tile by tile: whole columns
/// would miss the cache at every number.
pub(super) fn restore(matrix: &mut Mat<f64>, diagonal: &[f64]) {
    const TILE: usize = 32;
    let p = diagonal.len();
    for from in (0..p).step_by(TILE) {
        for down in (from..p).step_by(TILE) {
            for j in from..(from + TILE).min(p) {
                for i in down.max(j + 1)..(down + TILE).min(p) {
                    matrix[(i, j)] = matrix[(j, i)];
                }
            }
        }
    }
    for (i, d) in diagonal.iter().enumerate() {
        matrix[(i, i)] = *d;
    }
}

pub(super) fn indefinite() -> SetupError {
    SetupError::Numerics("the normal matrix is not positive definite".into())
}
